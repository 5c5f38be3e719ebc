"""说到做到: what became of the visits somebody said yes to within a year. One derivation, all of it shown.

No score, no order among people: six figures that add up to the number of visits, and the list behind each.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, exists, func, select
from sqlalchemy.orm import aliased

from coordinator.dropouts.models import NoShow, NoShowState, StandInSearch, Swap, SwapState
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.audit import AuditEntry
from coordinator.marketplace.queries.claims import rules_for
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker

WITHIN = timedelta(days=365)


class Became(StrEnum):
    """made: went · in_time, late: stepped back before or after the cut-off · swapped: somebody else went by their
    agreement · no_show: did not come, and it stands · excused: called off or changed by others · open: not over, or
    nothing known yet.
    """

    MADE = "made"
    IN_TIME = "in_time"
    LATE = "late"
    SWAPPED = "swapped"
    NO_SHOW = "no_show"
    EXCUSED = "excused"
    OPEN = "open"


WORDS: dict[Became, Any] = {
    Became.MADE: _l("去了"),
    Became.IN_TIME: _l("提前说了去不了"),
    Became.LATE: _l("临时去不了"),
    Became.SWAPPED: _l("换给别人去了"),
    Became.NO_SHOW: _l("没有来"),
    Became.EXCUSED: _l("不是本人的原因没有去"),
    Became.OPEN: _l("还没有到时间，或者还没有结果"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One visit that was said yes to. `note` is what is written beside it."""

    visit_id: int
    at: datetime
    community: str
    became: Became
    note: str = ""


@dataclass(slots=True)
class Reliability:
    """The derivation of one worker. `cut_off_hours` parts stepping back in time from late."""

    worker_id: int
    since: datetime
    cut_off_hours: int
    lines: list[Line] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.lines)

    def of(self, became: Became) -> list[Line]:
        """The list behind a figure."""
        return [one for one in self.lines if one.became is became]

    @property
    def rows(self) -> list[tuple[str, int]]:
        """Each figure in words; they add up to `total`."""
        return [(str(WORDS[one]), len(self.of(one))) for one in Became]

    @property
    def sentence(self) -> str:
        """过去 12 个月答应或派到 14 次：去了 12 次，换给别人去了 2 次."""
        if not self.lines:
            return str(_("过去 12 个月还没有安排过探访"))
        parts = [_("%(what)s %(n)s 次", what=what, n=count) for what, count in self.rows if count]
        return str(_("过去 12 个月答应或派到 %(n)s 次：%(parts)s", n=self.total, parts="，".join(parts)))


def reliability_of(worker_id: int, area_path: str) -> Reliability:
    """The derivation of one worker; a fixed number of queries. `area_path` is where the cut-off is read."""
    return reliabilities([worker_id], area_path)[worker_id]


def reliabilities(worker_ids: Collection[int], area_path: str) -> dict[int, Reliability]:
    """The derivations of several workers; four queries."""
    since = clock.now() - WITHIN
    cut_off = rules_for(area_path).leave_hours
    found = {one: Reliability(one, since, cut_off) for one in worker_ids}
    if not found:
        return found
    lifted = aliased(NoShow)
    taken_back = exists().where(lifted.assignment_id == Assignment.id, lifted.state == NoShowState.LIFTED)
    rows = db.session.execute(
        select(Assignment, Area.name, Worker.user_id, NoShow.state, taken_back)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Area, Area.id == Visit.area_id)
        .join(Worker, Worker.id == Assignment.worker_id)
        .outerjoin(NoShow, and_(NoShow.assignment_id == Assignment.id, NoShow.state != NoShowState.LIFTED))
        .where(Assignment.worker_id.in_(found), func.lower(Assignment.during) > since)
        .order_by(Assignment.id)
    ).all()
    if not rows:
        return found
    passed_on = _passed_on(found)
    own = _own_withdrawals({row[0].visit_id for row in rows}, {row[2] for row in rows if row[2] is not None})
    for assignment, community, user_id, mark, was_lifted in rows:
        if was_lifted and assignment.state is AssignmentState.CANCELLED:
            continue  # as if it had never been
        became, note = _judge(
            assignment, mark, passed_on, own.get((assignment.visit_id, user_id or 0), []), cut_off
        )
        begins = assignment.during.lower
        assert begins is not None, "a visit has a beginning"
        line = Line(assignment.visit_id, begins, community, became, note)
        found[assignment.worker_id].lines.append(line)
    for one in found.values():
        one.lines.sort(key=lambda line: (line.at, line.visit_id), reverse=True)
    return found


def _passed_on(worker_ids: Collection[int]) -> set[tuple[Any, ...]]:
    """(Visit, worker, moment) of visits handed on by a swap, or to somebody who was found while they still went."""
    swaps = select(Swap.visit_id, Swap.giver_id, Swap.decided_at).where(
        Swap.giver_id.in_(worker_ids), Swap.state == SwapState.DONE
    )
    found = select(StandInSearch.visit_id, StandInSearch.lost_worker_id, StandInSearch.ended_at).where(
        StandInSearch.lost_worker_id.in_(worker_ids), StandInSearch.ended_at.is_not(None)
    )
    return {(row[0], row[1], row[2]) for row in db.session.execute(swaps.union_all(found))}


def _own_withdrawals(
    visit_ids: Collection[int], user_ids: Collection[int]
) -> dict[tuple[int, int], list[datetime]]:
    """(Visit, account) → when the person stepped back by their own hand."""
    found: dict[tuple[int, int], list[datetime]] = {}
    rows = db.session.execute(
        select(AuditEntry.object_id, AuditEntry.user_id, AuditEntry.at).where(
            AuditEntry.object_type == Visit.__tablename__,
            AuditEntry.object_id.in_(visit_ids),
            AuditEntry.action == "visit.release",
            AuditEntry.user_id.in_(user_ids),
        )
    )
    for visit_id, user_id, at in rows:
        if visit_id is not None and user_id is not None:
            found.setdefault((visit_id, user_id), []).append(at)
    return found


def _judge(
    assignment: Assignment,
    mark: NoShowState | None,
    passed_on: set[tuple[Any, ...]],
    own: Collection[datetime],
    cut_off: int,
) -> tuple[Became, str]:
    reason = assignment.end_reason or ""
    match assignment.state:
        case AssignmentState.DONE:
            return Became.MADE, ""
        case AssignmentState.APPROVED:
            return Became.OPEN, ""
        case AssignmentState.CANCELLED:
            return Became.EXCUSED, reason
        case AssignmentState.NO_SHOW:
            if mark in (NoShowState.RECORDED, NoShowState.UPHELD):
                return Became.NO_SHOW, reason
            if mark is NoShowState.APPEALED:
                return Became.OPEN, _("本人说明过，等人看")
            return Became.EXCUSED, _("没有人去，没有记在谁名下")
    ended, begins = assignment.ended_at, assignment.during.lower
    assert ended is not None, "who has left, has left at some moment"
    assert begins is not None, "a visit has a beginning"
    if (assignment.visit_id, assignment.worker_id, ended) in passed_on:
        return Became.SWAPPED, ""
    if not any(abs(at - ended) < timedelta(seconds=5) for at in own):
        return Became.EXCUSED, reason
    return (Became.LATE if begins - ended < timedelta(hours=cut_off) else Became.IN_TIME), reason
