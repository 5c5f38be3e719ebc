"""Visits as lists, one visit with its people, and what a worker already holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import NotFound
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.fitness import Load
from coordinator.workforce.models import Worker

SECONDS_A_DAY = 86_400


def visits_in(actor: Actor, permission: Permission = Permission.VISIT_READ) -> Select[Any]:
    """Visits in the actor's areas with elder, home, community and people, for lists."""
    return (
        select(Visit)
        .join(Elder, Elder.id == Visit.elder_id)
        .where(in_areas(actor, permission, Visit.area_id))
        .options(
            joinedload(Visit.elder).options(*without_secrets(), joinedload(Elder.household)),
            joinedload(Visit.area),
            selectinload(Visit.assignments)
            .joinedload(Assignment.worker)
            .load_only(Worker.name, Worker.birth_date, Worker.status),
        )
    )


def load_visit(actor: Actor, permission: Permission, visit_id: int) -> Visit:
    """One visit in the actor's areas; NotFound otherwise."""
    found = (
        db.session.scalars(visits_in(actor, permission).where(Visit.id == visit_id)).unique().one_or_none()
    )
    if found is None:
        raise NotFound(_("没有找到这次探访。"), _("可能已经移走，或者不在您的管辖范围内。"))
    return found


def on_day(day: date) -> Any:
    """SQL condition: the visit begins on this local day."""
    return Visit.starts_at.between(
        clock.at_local(day, 0), clock.at_local(day, SECONDS_A_DAY) - timedelta(microseconds=1)
    )


def history_of(visit: Visit) -> list[AuditEntry]:
    """The audit lines of a visit and of the claims on it, oldest first. Claims belong to a later feature: their
    table is named, not imported."""
    claims = db.metadata.tables["claims"]
    return list(
        db.session.scalars(
            select(AuditEntry)
            .where(
                or_(
                    and_(AuditEntry.object_type == Visit.__tablename__, AuditEntry.object_id == visit.id),
                    and_(
                        AuditEntry.object_type == claims.name,
                        AuditEntry.object_id.in_(select(claims.c.id).where(claims.c.visit_id == visit.id)),
                    ),
                )
            )
            .order_by(AuditEntry.id)
        )
    )


def loads_of(worker_ids: Collection[int], day: date, *, without_visit: int | None = None) -> dict[int, Load]:
    """What these workers already hold around a day, for `fitness.unfit`: visits made or to be made on the day,
    in its week (Monday to Sunday) and month, and minutes in the week. `without_visit` is left out. One query.
    """
    monday = day - timedelta(days=day.weekday())
    first = min(monday, day.replace(day=1))
    next_month = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    last = max(monday + timedelta(days=7), next_month)
    statement = select(
        Assignment.worker_id, func.lower(Assignment.during), func.upper(Assignment.during)
    ).where(
        Assignment.worker_id.in_(worker_ids),
        Assignment.state.in_((AssignmentState.APPROVED, AssignmentState.DONE)),
        func.lower(Assignment.during) >= clock.at_local(first, 0),
        func.lower(Assignment.during) < clock.at_local(last, 0),
    )
    if without_visit is not None:
        statement = statement.where(Assignment.visit_id != without_visit)
    held: dict[int, list[tuple[date, float]]] = defaultdict(list)
    for worker_id, starts_at, ends_at in db.session.execute(statement):
        minutes = (ends_at - starts_at).total_seconds() / 60
        held[worker_id].append((clock.to_local(starts_at).date(), minutes))
    return {worker_id: _load(held[worker_id], day, monday) for worker_id in worker_ids}


def _load(held: Iterable[tuple[date, float]], day: date, monday: date) -> Load:
    held = list(held)
    week = [minutes for on, minutes in held if monday <= on < monday + timedelta(days=7)]
    return Load(
        day=sum(on == day for on, _minutes in held),
        week=len(week),
        month=sum((on.year, on.month) == (day.year, day.month) for on, _minutes in held),
        week_minutes=round(sum(week)),
    )


def evidence_of(visit: Visit) -> tuple[list[Any], Any]:
    """The check-ins of a visit with the worker's name, and the state of its record. Both tables belong to a
    later feature, so they are named, not imported."""
    presences = db.metadata.tables["presences"]
    records = db.metadata.tables["visit_records"]
    came = db.session.execute(
        select(
            presences.c.kind,
            presences.c.method,
            presences.c.at,
            presences.c.distance_metres,
            Worker.name,
        )
        .join(Worker, Worker.id == presences.c.worker_id)
        .where(presences.c.visit_id == visit.id)
        .order_by(presences.c.at)
    ).all()
    record = db.session.execute(
        select(records.c.id, records.c.state, records.c.submitted_at, records.c.confirmed_at).where(
            records.c.visit_id == visit.id
        )
    ).one_or_none()
    return list(came), record
