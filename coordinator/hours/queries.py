"""The ledger as lists and sums. Every figure says how it was derived; nobody sees more than their role needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import aliased, contains_eager, joinedload

from coordinator.accounts.models import Organisation, User
from coordinator.elders.models import Elder, ElderCategory
from coordinator.extensions import db
from coordinator.fieldwork.models import Presence, RecordState, VisitRecord
from coordinator.hours.models import EntryKind, HoursEntry, Verification, VerificationState
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.labels import KINDS
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
    """visit id → names of the other adults who were there, for the school's column 同行成人."""
    found: dict[int, list[str]] = {}
    rows = db.session.execute(
        select(Assignment.visit_id, Worker, Visit.starts_at)
        .join(Worker, Worker.id == Assignment.worker_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(
            Assignment.visit_id.in_(list(visit_ids)),
            Assignment.worker_id.not_in(list(worker_ids)),
            Assignment.state == "done",
        )
        .order_by(Assignment.id)
    )
    for visit_id, worker, starts_at in rows:
        if not is_minor(worker, clock.to_local(starts_at).date()):
            found.setdefault(visit_id, []).append(worker.name)
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


# --- details ---------------------------------------------------------------------------------------------


def presences_of(entry: HoursEntry) -> list[Presence]:
    """Arrival and leaving of the entry's worker at its visit."""
    return list(
        db.session.scalars(
            select(Presence)
            .where(Presence.visit_id == entry.visit_id, Presence.worker_id == entry.worker_id)
            .order_by(Presence.at)
        )
    )


def decisions_of(entry: HoursEntry) -> list[tuple[Verification, str]]:
    """All decisions on an entry with who made them, oldest first."""
    rows = db.session.execute(
        select(Verification, User.name)
        .join(User, User.id == Verification.decided_by_id)
        .where(Verification.entry_id == entry.id)
        .order_by(Verification.id)
    )
    return [(row[0], row[1]) for row in rows]


def reversal_of(entry: HoursEntry) -> HoursEntry | None:
    """The line that takes this one back, if any."""
    return db.session.scalars(select(HoursEntry).where(HoursEntry.reverses_id == entry.id)).one_or_none()


def inbox_counts(actor: Actor) -> tuple[int, int]:
    """(waiting for a decision, decided) of the school's students. One query."""
    inner = student_entries(actor).with_only_columns(Verification.id.label("decided")).subquery()
    row = db.session.execute(select(func.count() - func.count(inner.c.decided), func.count(inner.c.decided)))
    waiting, decided = row.one()
    return int(waiting), int(decided)


def conduct_of(worker_id: int) -> tuple[int, int]:
    """(service entries, of which in doubt) of one worker: context for a decision."""
    row = db.session.execute(
        select(func.count(), func.count().filter(HoursEntry.evidence == "doubtful")).where(
            HoursEntry.worker_id == worker_id, standing()
        )
    ).one()
    return int(row[0]), int(row[1])


def people_with_hours(actor: Actor) -> list[tuple[int, str]]:
    """(worker id, name with kind) of the people a certificate can be issued to, by name."""
    rows = db.session.execute(
        select(Worker.id, Worker.name, Worker.kind, Organisation.name)
        .outerjoin(Organisation, Organisation.id == Worker.organisation_id)
        .where(
            in_areas(actor, Permission.CERTIFICATE_ISSUE, Worker.area_id),
            select(HoursEntry.id).where(HoursEntry.worker_id == Worker.id).exists(),
        )
        .order_by(Worker.name, Worker.id)
    )
    return [(row[0], f"{row[1]}（{row[3] or KINDS[row[2]]}）") for row in rows]


@dataclass(frozen=True, slots=True)
class StudentTotal:
    """One student's minutes: entered, recognised by the school, still waiting for its decision."""

    worker_id: int
    name: str
    student_class: str | None
    entered: int
    recognised: int
    waiting: int
    visits: int


def student_totals(actor: Actor) -> list[StudentTotal]:
    """Every student of the actor's schools, by class and name. One query."""
    confirmed_entry = and_(HoursEntry.worker_id == Worker.id, standing(), with_confirmed_record())
    rows = db.session.execute(
        select(
            Worker.id,
            Worker.name,
            Worker.student_class,
            func.coalesce(func.sum(HoursEntry.minutes), 0),
            func.coalesce(func.sum(Verification.minutes), 0),
            func.coalesce(func.sum(case((Verification.id.is_(None), HoursEntry.minutes), else_=0)), 0),
            func.count(HoursEntry.id),
        )
        .outerjoin(HoursEntry, confirmed_entry)
        .outerjoin(Verification, current_decision())
        .where(
            Worker.kind == WorkerKind.STUDENT,
            Worker.organisation_id.in_(actor.organisation_ids(Permission.STUDENT_READ)),
        )
        .group_by(Worker.id)
        .order_by(Worker.student_class, Worker.name)
    )
    return [StudentTotal(*row) for row in rows]
