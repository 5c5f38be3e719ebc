"""A worker's own ledger, a street's ledger, and one line with all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import contains_eager, joinedload

from coordinator.accounts.models import User
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.fieldwork.models import Presence, PresenceKind, RecordState, VisitRecord
from coordinator.hours.evidence import Rules
from coordinator.hours.models import HoursEntry, Verification
from coordinator.hours.queries.conditions import current_decision, standing, taken_back, with_confirmed_record
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import settings_of
from coordinator.kernel.errors import NotFound
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker, WorkerKind


def rules_for(area_path: str) -> Rules:
    """The ledger's rules of the nearest area on the path that sets any. One query."""
    return Rules.of(settings_of(area_path, "hours"))


@dataclass(frozen=True, slots=True)
class Totals:
    """Minutes of one worker: all that stand, this month's, those the record of which is confirmed, and those a
    school has recognised (None where no school decides).
    """

    all: int
    this_month: int
    confirmed: int
    recognised: int | None
    visits: int


def totals_of(worker: Worker, month: date) -> Totals:
    """One query."""
    first = month.replace(day=1)
    row = db.session.execute(
        select(
            func.coalesce(func.sum(HoursEntry.minutes), 0),
            func.coalesce(func.sum(case((HoursEntry.service_on >= first, HoursEntry.minutes), else_=0)), 0),
            func.coalesce(func.sum(case((with_confirmed_record(), HoursEntry.minutes), else_=0)), 0),
            func.coalesce(func.sum(Verification.minutes), 0),
            func.count(HoursEntry.id),
        )
        .outerjoin(Verification, current_decision())
        .where(HoursEntry.worker_id == worker.id, standing())
    ).one()
    is_student = worker.kind is WorkerKind.STUDENT
    return Totals(int(row[0]), int(row[1]), int(row[2]), int(row[3]) if is_student else None, int(row[4]))


def _lines() -> Select[Any]:
    """(entry, decision or None, record state or None, was it taken back) with visit and community."""
    return (
        select(HoursEntry, Verification, VisitRecord.state, taken_back().label("reversed"))
        .outerjoin(Verification, current_decision())
        .outerjoin(VisitRecord, VisitRecord.visit_id == HoursEntry.visit_id)
        .join(HoursEntry.visit)
        .options(contains_eager(HoursEntry.visit).joinedload(Visit.area))
    )


def ledger_of(worker_id: int) -> Select[Any]:
    """(entry, decision or None, record state or None, was it taken back) of a worker, for a listing."""
    return _lines().where(HoursEntry.worker_id == worker_id)


def entries_in(actor: Actor, permission: Permission = Permission.HOURS_READ) -> Select[Any]:
    """(entry, decision or None, record state or None, was it taken back) of visits in the actor's areas."""
    return (
        _lines()
        .join(HoursEntry.worker)
        .options(
            contains_eager(HoursEntry.worker).load_only(
                Worker.name, Worker.kind, Worker.student_class, Worker.volunteer_number
            )
        )
        .where(in_areas(actor, permission, Visit.area_id))
    )


def load_entry(actor: Actor, permission: Permission, entry_id: int) -> HoursEntry:
    """An entry of a visit in the actor's areas, with visit, elder's name, community and worker. Raises NotFound."""
    entry = db.session.scalars(
        select(HoursEntry)
        .join(HoursEntry.visit)
        .where(HoursEntry.id == entry_id, in_areas(actor, permission, Visit.area_id))
        .options(
            contains_eager(HoursEntry.visit).joinedload(Visit.area),
            contains_eager(HoursEntry.visit).joinedload(Visit.elder).load_only(Elder.name),
            joinedload(HoursEntry.worker).load_only(Worker.name, Worker.user_id, Worker.kind),
        )
    ).one_or_none()
    if entry is None:
        raise NotFound(_("没有找到这一笔时数。"), _("可能不在您的管辖范围内。"))
    return entry


def presences_of(entry: HoursEntry) -> dict[PresenceKind, Presence]:
    """Arrival and leaving of the entry's worker at its visit."""
    rows = db.session.scalars(
        select(Presence).where(Presence.visit_id == entry.visit_id, Presence.worker_id == entry.worker_id)
    )
    return {row.kind: row for row in rows}


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to an entry: its visit's record, the school's decisions with who made them (oldest first),
    and the line that takes it back.
    """

    submitted_at: datetime | None
    record_state: RecordState | None
    confirmed_at: datetime | None
    confirmed_by: str | None
    decisions: tuple[tuple[Verification, str], ...]
    reversal: HoursEntry | None


def story_of(entry: HoursEntry) -> Story:
    """Three queries."""
    record = db.session.execute(
        select(VisitRecord.submitted_at, VisitRecord.state, VisitRecord.confirmed_at, User.name)
        .outerjoin(User, User.id == VisitRecord.confirmed_by_id)
        .where(VisitRecord.visit_id == entry.visit_id)
    ).one_or_none()
    decisions = db.session.execute(
        select(Verification, User.name)
        .join(User, User.id == Verification.decided_by_id)
        .where(Verification.entry_id == entry.id)
        .order_by(Verification.id)
    ).all()
    reversal = db.session.scalars(select(HoursEntry).where(HoursEntry.reverses_id == entry.id)).one_or_none()
    submitted_at, state, confirmed_at, confirmed_by = record or (None, None, None, None)
    return Story(
        submitted_at,
        state,
        confirmed_at,
        confirmed_by,
        tuple((decision, name) for decision, name in decisions),
        reversal,
    )
