"""What is done to visits: every verb flushes and writes its audit line, none commits."""

from coordinator.visits.services.common import move_visit
from coordinator.visits.services.contacts import log_remote_contact
from coordinator.visits.services.moves import (
    begin_visit,
    cancel_visit,
    close_visit,
    mark_missed,
    open_visit,
    reopen_visit,
)
from coordinator.visits.services.rules import (
    add_event,
    remove_event,
    store_policy_version,
    write_overdue_reason,
)
from coordinator.visits.services.team import assign, check_team, mark_no_show, release

__all__ = [
    "add_event",
    "assign",
    "begin_visit",
    "cancel_visit",
    "check_team",
    "close_visit",
    "log_remote_contact",
    "mark_missed",
    "mark_no_show",
    "move_visit",
    "open_visit",
    "release",
    "remove_event",
    "reopen_visit",
    "store_policy_version",
    "write_overdue_reason",
]
