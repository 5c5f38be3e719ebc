"""What the services of visits share: the guarded move, the live assignments, a reason that is really given."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import structlog
from flask_babel import gettext as _
from sqlalchemy import update
from sqlalchemy.orm.attributes import set_committed_value

from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.areas import Area, inherited
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.visits import lifecycle
from coordinator.visits.labels import STATES
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.queries.packs import packs_in_force

log = structlog.get_logger(__name__)

LONGEST_REASON = 200


def when(visit: Visit) -> str:
    """3月26日 9:00–9:40."""
    return f"{i18n.day(visit.starts_at)} {i18n.hour(visit.starts_at)}–{i18n.hour(visit.ends_at)}"


def version_in_force(area: Area, day: date) -> int | None:
    """The stored version of the area's rule pack that is in force on the day; every visit keeps it.

    None where no rules are set, or where they cannot be read: what somebody did is written down all the same.
    """
    name = inherited(area, "policy_pack")
    if name is None:
        return None
    try:
        found = packs_in_force(name, day, day)
    except Conflict as problem:
        log.error("no version of the rules for a visit", area_id=area.id, pack=name, reason=problem.code)
        return None
    return next((one.version_id for one in found if one.first_day <= day <= one.last_day), None)


def move_visit(visit: Visit, target: VisitState, **values: Any) -> None:
    """Move a visit to `target` and set `values`, if it still is where this session saw it.

    One guarded UPDATE. Raises Conflict when the lifecycle has no such move or somebody was faster.
    """
    current = visit.state
    try:
        lifecycle.move(current, target)
    except lifecycle.IllegalMove as problem:
        raise Conflict(
            _(
                "这次探访现在是“%(now)s”，不能改成“%(target)s”。",
                now=STATES[current],
                target=STATES[target],
            ),
            _("请刷新页面看最新的情况。"),
            code="illegal_move",
        ) from problem
    changed = db.session.scalar(
        update(Visit)
        .where(Visit.id == visit.id, Visit.state == current)
        .values(state=target, **values)
        .returning(Visit.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        db.session.refresh(visit)
        raise Conflict(
            _("这次探访刚被别人改成了“%(now)s”。", now=STATES[visit.state]),
            _("请刷新页面看最新的情况。"),
            code="changed_meanwhile",
        )
    for name, value in {"state": target, **values}.items():
        set_committed_value(visit, name, value)


def approved(visit: Visit) -> list[Assignment]:
    """The live assignments of a visit."""
    return [one for one in visit.assignments if one.state is AssignmentState.APPROVED]


def reason_text(reason: str) -> str:
    """The reason without superfluous blanks; InvalidInput when there is none or it is too long."""
    text = " ".join(reason.split())
    if not text:
        raise InvalidInput(_("请写明原因。"), field="reason")
    if len(text) > LONGEST_REASON:
        raise InvalidInput(_("原因最多 %(n)s 个字。", n=LONGEST_REASON), field="reason")
    return text


def end_assignment(
    assignment: Assignment, state: AssignmentState, reason: str | None, at: datetime | None = None
) -> None:
    """End one assignment, at a moment (now)."""
    assignment.state = state
    assignment.ended_at = at or clock.now()
    assignment.end_reason = reason
