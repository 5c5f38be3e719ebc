"""Another time of the same day for visits whose people stay: the coordinator's same-day changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import set_committed_value

from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.services.common import approved, when
from coordinator.visits.services.team import findings

WAITS = (VisitState.OPEN, VisitState.ASSIGNED)


def shift_visits(actor: Actor, moves: Sequence[tuple[Visit, datetime]], reason: str) -> None:
    """Give visits that have not begun another start on their day; their people keep them. Flushes.

    All at once, so that two visits of one worker may pass each other. Workers must be loaded for `fitness.unfit`.
    Raises Conflict when somebody was faster, for a minor outside the permitted hours, and when somebody would be in
    two places; InvalidInput for another day.
    """
    for visit, starts_at in moves:
        demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
        if clock.to_local(starts_at).date() != clock.to_local(visit.starts_at).date():
            raise InvalidInput(_("只能改到同一天的别的时间。"), field="start")
    ids = [visit.id for visit, _starts_at in moves]
    live = Assignment.state == AssignmentState.APPROVED
    # An empty span meets no other one.
    _run(
        update(Assignment)
        .where(Assignment.visit_id.in_(ids), live)
        .values(during=Range(empty=True))
        .execution_options(synchronize_session=False)
    )
    for visit, starts_at in moves:
        _shift(actor, visit, starts_at, reason)
    db.session.flush()


def _shift(actor: Actor, visit: Visit, starts_at: datetime, reason: str) -> None:
    before, length = when(visit), visit.ends_at - visit.starts_at
    ends_at = starts_at + length
    changed = db.session.scalar(
        update(Visit)
        .where(Visit.id == visit.id, Visit.state.in_(WAITS), Visit.starts_at == visit.starts_at)
        .values(starts_at=starts_at, ends_at=ends_at)
        .returning(Visit.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        db.session.refresh(visit)
        raise Conflict(
            _("%(name)s这次刚被别人改过。", name=visit.elder.name),
            _("请刷新页面看最新的情况。"),
            code="changed_meanwhile",
        )
    set_committed_value(visit, "starts_at", starts_at)
    set_committed_value(visit, "ends_at", ends_at)
    team = approved(visit)
    for one in team:
        others = [other.worker for other in team if other is not one]
        for finding in findings(visit, one.worker, others, one.is_companion):
            if finding.hard:
                raise Conflict(finding.message, finding.remedy, code=finding.code.value)
    span = Range(starts_at, ends_at, bounds="[)")
    _run(
        update(Assignment)
        .where(Assignment.visit_id == visit.id, Assignment.state == AssignmentState.APPROVED)
        .values(during=span)
        .execution_options(synchronize_session=False)
    )
    for one in team:
        set_committed_value(one, "during", span)
    audit.record(
        actor,
        "visit.shift",
        visit,
        _(
            "%(elder)s的探访从%(before)s改到%(after)s：%(reason)s",
            elder=visit.elder.name,
            before=before,
            after=when(visit),
            reason=reason,
        ),
        changes={"when": [before, when(visit)]},
    )


def _run(statement: Any) -> None:
    try:
        with db.session.begin_nested():
            db.session.execute(statement)
    except IntegrityError as problem:
        constraint = getattr(getattr(problem.orig, "diag", None), "constraint_name", None)
        if constraint != "one_place_at_a_time":
            raise
        raise Conflict(
            _("改时间后，有人会同时在两户人家。"), _("请刷新页面看最新的情况。"), code="clash"
        ) from problem
