"""Pages: telling people, who was not reached, groups, calendar feeds."""

from coordinator.agenda.queries import phones  # tells the outbox where numbers are
from coordinator.agenda.views import feeds, telling
from coordinator.agenda.views.blueprint import bp

__all__ = ["bp", "feeds", "phones", "telling"]
