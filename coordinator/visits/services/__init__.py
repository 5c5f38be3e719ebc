"""What is done to visits: every verb flushes and writes its audit line, none commits."""

from coordinator.visits.services.common import move_visit
from coordinator.visits.services.contacts import amend_remote_contact, log_remote_contact
from coordinator.visits.services.events import (
    add_event,
    add_festivals,
    cancel_event,
    change_event,
    change_to_call,
    settle_home_visits,
)
from coordinator.visits.services.moves import (
    begin_visit,
    cancel_visit,
    close_visit,
    mark_missed,
    open_visit,
    reopen_visit,
)
from coordinator.visits.services.packs import store_pack, store_policy_version, store_shipped_packs
from coordinator.visits.services.rules import write_overdue_reason
from coordinator.visits.services.shifting import shift_visits
from coordinator.visits.services.surge import tick, withdraw_tick
from coordinator.visits.services.team import assign, check_team, mark_no_show, refuse_in_epidemic, release

__all__ = [
    "add_event",
    "add_festivals",
    "amend_remote_contact",
    "assign",
    "begin_visit",
    "cancel_event",
    "cancel_visit",
    "change_event",
    "change_to_call",
    "check_team",
    "close_visit",
    "log_remote_contact",
    "mark_missed",
    "mark_no_show",
    "move_visit",
    "open_visit",
    "refuse_in_epidemic",
    "release",
    "reopen_visit",
    "settle_home_visits",
    "shift_visits",
    "store_pack",
    "store_policy_version",
    "store_shipped_packs",
    "tick",
    "withdraw_tick",
    "write_overdue_reason",
]
