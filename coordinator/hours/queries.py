"""The ledger as lists and sums. Every figure says how it was derived; nobody sees more than their role needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import aliased, contains_eager, joinedload

from coordinator.elders.models import Elder, ElderCategory
from coordinator.extensions import db
from coordinator.fieldwork.models import RecordState, VisitRecord
from coordinator.hours.models import EntryKind, HoursEntry, Verification, VerificationState
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker, WorkerKind

Reversal = aliased(HoursEntry)


def standing() -> ColumnElement[bool]:
    """SQL condition: a service entry that nobody has taken back."""
    return and_(
        HoursEntry.kind == EntryKind.SERVICE,
        ~select(Reversal.id).where(Reversal.reverses_id == HoursEntry.id).exists(),
    )


def with_confirmed_record() -> ColumnElement[bool]:
    """SQL condition: a coordinator has confirmed the record of the entry's visit."""
    return (
        select(VisitRecord.id)
        .where(VisitRecord.visit_id == HoursEntry.visit_id, VisitRecord.state == RecordState.CONFIRMED)
        .exists()
    )


def current_decision() -> ColumnElement[bool]:
    """SQL condition that joins an entry to its standing school decision."""
    return and_(Verification.entry_id == HoursEntry.id, Verification.superseded_at.is_(None))


# --- a worker's own ledger -------------------------------------------------------------------------------


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


def ledger_of(worker_id: int) -> Select[Any]:
    """(entry, decision or None, record state or None) of a worker, newest first, for a listing."""
    return (
        select(HoursEntry, Verification, VisitRecord.state)
        .outerjoin(Verification, current_decision())
        .outerjoin(VisitRecord, VisitRecord.visit_id == HoursEntry.visit_id)
        .join(HoursEntry.visit)
        .options(contains_eager(HoursEntry.visit).joinedload(Visit.area))
        .where(HoursEntry.worker_id == worker_id)
    )


# --- a school's inbox ------------------------------------------------------------------------------------


def student_entries(actor: Actor, *, decided: bool | None = None) -> Select[Any]:
    """(entry, decision or None) of the school's own students, once the street has confirmed the record.

    Elder's name and door are not loaded: the school sees community and category only. `decided` narrows to
    entries with or without a decision.
    """
    statement = (
        select(HoursEntry, Verification)
        .join(HoursEntry.worker)
        .join(HoursEntry.visit)
        .outerjoin(Verification, current_decision())
        .options(
            contains_eager(HoursEntry.worker).load_only(
                Worker.name, Worker.student_class, Worker.birth_date, Worker.organisation_id, Worker.kind
            ),
            contains_eager(HoursEntry.visit).joinedload(Visit.area),
        )
        .where(_of_organisations(actor), standing(), with_confirmed_record())
    )
    if decided is None:
        return statement
    return statement.where(Verification.id.is_not(None) if decided else Verification.id.is_(None))


def _of_organisations(actor: Actor) -> ColumnElement[bool]:
    return and_(
        Worker.kind == WorkerKind.STUDENT,
        Worker.organisation_id.in_(actor.organisation_ids(Permission.HOURS_VERIFY)),
    )


def entries_of_organisation(actor: Actor, entry_ids: Collection[int]) -> list[HoursEntry]:
    """The named entries among those of the school's own students."""
    return list(
        db.session.scalars(
            select(HoursEntry)
            .join(HoursEntry.worker)
            .where(
                HoursEntry.id.in_(list(entry_ids)),
                _of_organisations(actor),
                HoursEntry.kind == EntryKind.SERVICE,
                with_confirmed_record(),
            )
            .options(contains_eager(HoursEntry.worker), joinedload(HoursEntry.visit).joinedload(Visit.area))
            .order_by(HoursEntry.id)
        )
    )


def adults_beside(visit_ids: Collection[int], worker_ids: Collection[int]) -> dict[int, list[str]]:
    """visit id → names of the others who were there, for the school's column 同行成人."""
    found: dict[int, list[str]] = {}
    rows = db.session.execute(
        select(Assignment.visit_id, Worker.name)
        .join(Worker, Worker.id == Assignment.worker_id)
        .where(
            Assignment.visit_id.in_(list(visit_ids)),
            Assignment.worker_id.not_in(list(worker_ids)),
            Assignment.state == "done",
        )
        .order_by(Assignment.id)
    )
    for visit_id, name in rows:
        found.setdefault(visit_id, []).append(name)
    return found


def elder_categories(visit_ids: Collection[int]) -> dict[int, tuple[int, tuple[str, ...]]]:
    """visit id → (ability level, categories) of its elder: all a school learns of whom a student visited."""
    rows = db.session.execute(
        select(Visit.id, Elder.ability_level, func.array_agg(ElderCategory.category))
        .join(Elder, Elder.id == Visit.elder_id)
        .outerjoin(ElderCategory, and_(ElderCategory.elder_id == Elder.id, ElderCategory.ended_on.is_(None)))
        .where(Visit.id.in_(list(visit_ids)))
        .group_by(Visit.id, Elder.ability_level)
    )
    return {row[0]: (row[1], tuple(str(one) for one in row[2] if one is not None)) for row in rows}


# --- a street's ledger and certificates ------------------------------------------------------------------


def entries_in(actor: Actor, permission: Permission = Permission.HOURS_READ) -> Select[Any]:
    """(entry, decision or None, record state or None) of visits in the actor's areas."""
    return (
        select(HoursEntry, Verification, VisitRecord.state)
        .join(HoursEntry.worker)
        .join(HoursEntry.visit)
        .outerjoin(Verification, current_decision())
        .outerjoin(VisitRecord, VisitRecord.visit_id == HoursEntry.visit_id)
        .options(
            contains_eager(HoursEntry.worker).load_only(Worker.name, Worker.kind, Worker.student_class),
            contains_eager(HoursEntry.visit).joinedload(Visit.area),
        )
        .where(in_areas(actor, permission, Visit.area_id))
    )


@dataclass(frozen=True, slots=True)
class CountedLine:
    """A ledger line and the minutes of it that a certificate counts."""

    entry: HoursEntry
    minutes: int


def certifiable_entries(worker: Worker, first_day: date, last_day: date) -> Sequence[CountedLine]:
    """What may be certified of a span: confirmed records, not taken back, evidence not in doubt; a student's
    lines with what the school recognised, and none without its decision.
    """
    rows = db.session.execute(
        select(HoursEntry, Verification)
        .outerjoin(Verification, current_decision())
        .where(
            HoursEntry.worker_id == worker.id,
            HoursEntry.service_on.between(first_day, last_day),
            standing(),
            with_confirmed_record(),
            or_(HoursEntry.evidence != "doubtful", Verification.id.is_not(None)),
        )
        .order_by(HoursEntry.service_on, HoursEntry.id)
    )
    lines = []
    for entry, decision in rows:
        if worker.kind is WorkerKind.STUDENT:
            if decision is None or decision.state is VerificationState.RETURNED:
                continue
            lines.append(CountedLine(entry, decision.minutes))
        else:
            lines.append(CountedLine(entry, entry.minutes))
    return [line for line in lines if line.minutes > 0]
