"""Making and taking back calendar feeds, reminding people, telling them of changes."""

from coordinator.agenda.services.feeds import make_feed, revoke_feed
from coordinator.agenda.services.reminders import remind_evening, remind_hour
from coordinator.agenda.services.telling import note_told, tell_changes

__all__ = ["make_feed", "note_told", "remind_evening", "remind_hour", "revoke_feed", "tell_changes"]
