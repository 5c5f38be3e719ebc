"""States of a visit and of an assignment, and the legal moves between them: one pure table."""

from __future__ import annotations

from enum import StrEnum


class VisitState(StrEnum):
    """open: somebody is needed · claimed: a claim waits for approval · assigned: approved people know ·
    in_progress: checked in · completed: the elder was seen or spoken to · not_met: the attempt failed
    (nobody at home, declined) · missed: nobody went · cancelled.
    """

    OPEN = "open"
    CLAIMED = "claimed"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    NOT_MET = "not_met"
    MISSED = "missed"
    CANCELLED = "cancelled"


class AssignmentState(StrEnum):
    APPROVED = "approved"
    DONE = "done"
    WITHDRAWN = "withdrawn"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


class ContactMode(StrEnum):
    """Modes of the policy contract."""

    HOME = "home"
    PHONE = "phone"
    VIDEO = "video"
    CHAT = "chat"
    MONITOR = "monitor"
    ENCOUNTER = "encounter"
    OTHER = "other"


class ContactOutcome(StrEnum):
    COMPLETED = "completed"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"


MOVES: dict[VisitState, frozenset[VisitState]] = {
    VisitState.OPEN: frozenset(
        {VisitState.CLAIMED, VisitState.ASSIGNED, VisitState.MISSED, VisitState.CANCELLED}
    ),
    VisitState.CLAIMED: frozenset(
        {VisitState.OPEN, VisitState.ASSIGNED, VisitState.MISSED, VisitState.CANCELLED}
    ),
    VisitState.ASSIGNED: frozenset(
        {VisitState.OPEN, VisitState.IN_PROGRESS, VisitState.MISSED, VisitState.CANCELLED}
    ),
    VisitState.IN_PROGRESS: frozenset({VisitState.COMPLETED, VisitState.NOT_MET}),
    VisitState.COMPLETED: frozenset(),
    VisitState.NOT_MET: frozenset(),
    VisitState.MISSED: frozenset({VisitState.OPEN}),
    VisitState.CANCELLED: frozenset(),
}

LIVE = frozenset({VisitState.OPEN, VisitState.CLAIMED, VisitState.ASSIGNED, VisitState.IN_PROGRESS})
CLOSED = frozenset({VisitState.COMPLETED, VisitState.NOT_MET})


class IllegalMove(Exception):
    """The lifecycle has no such move."""


def move(current: VisitState, target: VisitState) -> VisitState:
    """Return `target` if the lifecycle allows the move, else raise IllegalMove."""
    if target not in MOVES[current]:
        raise IllegalMove(f"a visit cannot go from {current} to {target}")
    return target
