"""Visits that go to the kept dossier, and what hangs on them in plans and lists."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import aliased

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import SYSTEM
from coordinator.planning.models import PlanCall, PlanStop, WorkerQuestion
from coordinator.register.services.release import RELEASED, call_off, stops_off, visits_from
from coordinator.visits.lifecycle import LIVE
from coordinator.visits.models import OverdueReason, SurgeCall, Visit


def move_visits(kept: Elder, closed: Elder) -> dict[str, Any]:
    """All visits go to the kept dossier. What is planned twice is called off; numbers (第__次) of the kept dossier
    stay, those that come are counted on after them."""
    mine = {
        (rule, start)
        for rule, start in db.session.execute(
            select(Visit.rule, Visit.period_from).where(
                Visit.elder_id == kept.id, Visit.state.in_(LIVE), Visit.rule.is_not(None)
            )
        )
    }
    days = {
        clock.to_local(at).date()
        for at in db.session.scalars(
            select(Visit.starts_at).where(Visit.elder_id == kept.id, Visit.state.in_(LIVE))
        )
    }
    planned = visits_from(closed.id, clock.today())
    double = [
        one
        for one in planned
        if (one.rule is not None and (one.rule, one.period_from) in mine)
        or clock.to_local(one.starts_at).date() in days
    ]
    why = _("重复建档，这次已经另外安排了")
    call_off(SYSTEM, closed.id, double, why)
    # Drafts know the visit by its dossier: those not given yet are planned anew for the kept one.
    stops_off(closed.id, [one.id for one in double], clock.today(), why)
    last = db.session.scalar(select(func.max(Visit.sequence)).where(Visit.elder_id == kept.id)) or 0
    numbers: dict[str, list[int | None]] = {}
    rows = db.session.execute(
        select(Visit.id, Visit.sequence)
        .where(Visit.elder_id == closed.id)
        .order_by(Visit.sequence.asc().nulls_last(), Visit.id)
    ).all()
    for visit_id, sequence in rows:
        new = None
        if sequence is not None:
            last += 1
            new = last
            numbers[str(visit_id)] = [sequence, new]
        db.session.execute(
            update(Visit)
            .where(Visit.id == visit_id)
            .values(elder_id=kept.id, sequence=new)
            .execution_options(synchronize_session=False)
        )
    _lead(PlanStop, kept, closed, PlanStop.visit_id.is_not(None))
    _lead(WorkerQuestion, kept, closed)
    _lead(PlanCall, kept, closed)
    _lead(OverdueReason, kept, closed, _not_there(OverdueReason, kept, "rule", "period_from"))
    # Ticks of surge lists go with their visits, unless the kept dossier has the same tick.
    _lead(SurgeCall, kept, closed, _not_there(SurgeCall, kept, "event_id", "target"))
    db.session.expire_all()
    still = [one for one in planned if one not in double and one.state in RELEASED]
    return {
        "visits": len(rows),
        "called_off": [one.id for one in double],
        "planned": [one.id for one in still],
        "numbers": numbers,
    }


def _lead(model: Any, kept: Elder, closed: Elder, *where: ColumnElement[bool]) -> None:
    """Rows about the closed dossier are about the kept one."""
    db.session.execute(
        update(model)
        .where(model.elder_id == closed.id, *where)
        .values(elder_id=kept.id)
        .execution_options(synchronize_session=False)
    )


def _not_there(model: Any, kept: Elder, *columns: str) -> ColumnElement[bool]:
    """The kept dossier has no row that is alike in these columns."""
    other = aliased(model)
    alike = (getattr(other, name) == getattr(model, name) for name in columns)
    return ~exists().where(other.elder_id == kept.id, *alike)
