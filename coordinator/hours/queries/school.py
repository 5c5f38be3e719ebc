"""What a school sees: hours of its own students whose visits the street has confirmed. No elder's name or door."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import aliased, contains_eager, joinedload, load_only

from coordinator.accounts.models import Organisation
from coordinator.elders.models import Category, ElderCategory
from coordinator.extensions import db
from coordinator.fieldwork.models import Presence, PresenceKind
from coordinator.hours.evidence import Rules
from coordinator.hours.models import EntryKind, Evidence, HoursEntry, Verification
from coordinator.hours.queries.conditions import current_decision, standing, taken_back, with_confirmed_record
from coordinator.kernel.access import Actor, Permission
from coordinator.kernel.areas import Area
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.models import Worker, WorkerKind

ONE_BY_ONE = (Evidence.DOUBTFUL, Evidence.WEAK)


def student_entries(actor: Actor, *, decided: bool | None = None, reversed_: bool = False) -> Select[Any]:
    """(entry, decision or None) of the school's own students, once the street has confirmed the record.

    Lines that count nothing are left out: there is nothing to recognise. `decided` narrows to entries with or
    without a decision; `reversed_` gives those that the street has taken back instead of those that stand.
    """
    statement = (
        select(HoursEntry, Verification)
        .join(HoursEntry.worker)
        .join(HoursEntry.visit)
        .outerjoin(Verification, current_decision())
        .options(
            contains_eager(HoursEntry.worker).load_only(
                Worker.name,
                Worker.student_class,
                Worker.student_number,
                Worker.birth_date,
                Worker.organisation_id,
                Worker.kind,
                Worker.user_id,
            ),
            contains_eager(HoursEntry.visit).joinedload(Visit.area),
        )
        .where(
            _of_organisations(actor, Permission.HOURS_VERIFY),
            HoursEntry.kind == EntryKind.SERVICE,
            HoursEntry.minutes > 0,
            taken_back() if reversed_ else ~taken_back(),
            with_confirmed_record(),
        )
    )
    if decided is None:
        return statement
    return statement.where(Verification.id.is_not(None) if decided else Verification.id.is_(None))


def _of_organisations(actor: Actor, permission: Permission) -> ColumnElement[bool]:
    return and_(
        Worker.kind == WorkerKind.STUDENT,
        Worker.organisation_id.in_(actor.organisation_ids(permission)),
    )


def entries_of_organisation(actor: Actor, entry_ids: Collection[int]) -> list[HoursEntry]:
    """The named entries among those of the school's own students, taken back or not."""
    return list(
        db.session.scalars(
            select(HoursEntry)
            .join(HoursEntry.worker)
            .where(
                HoursEntry.id.in_(list(entry_ids)),
                _of_organisations(actor, Permission.HOURS_VERIFY),
                HoursEntry.kind == EntryKind.SERVICE,
                with_confirmed_record(),
            )
            .options(
                contains_eager(HoursEntry.worker).load_only(
                    Worker.name, Worker.organisation_id, Worker.user_id
                ),
                joinedload(HoursEntry.visit).load_only(Visit.area_id),
            )
            .order_by(HoursEntry.id)
        )
    )


def group_counts(statement: Select[Any]) -> tuple[int, int]:
    """(to be looked at one by one, good enough to pass together) of a filtered list of entries. One query."""
    inner = statement.with_only_columns(HoursEntry.evidence).order_by(None).subquery()
    one_by_one = inner.c.evidence.in_(ONE_BY_ONE)
    row = db.session.execute(
        select(func.count().filter(one_by_one), func.count().filter(~one_by_one)).select_from(inner)
    ).one()
    return int(row[0]), int(row[1])


def inbox_counts(actor: Actor) -> tuple[int, int, int]:
    """(waiting for a decision, decided, taken back by the street) of the school's students. One query."""

    def entries(statement: Select[Any]) -> Any:
        inner = statement.with_only_columns(HoursEntry.id).order_by(None).subquery()
        return select(func.count()).select_from(inner).scalar_subquery()

    row = db.session.execute(
        select(
            entries(student_entries(actor, decided=False)),
            entries(student_entries(actor, decided=True)),
            entries(student_entries(actor, reversed_=True)),
        )
    ).one()
    return int(row[0]), int(row[1]), int(row[2])


def adults_beside(entries: Iterable[HoursEntry]) -> dict[int, list[str]]:
    """entry id → names of the adults who came to the same visit, for the school's column 同行成人. One query."""
    found: dict[int, list[str]] = {}
    ids = [entry.id for entry in entries]
    if not ids:
        return found
    rows = db.session.execute(
        select(HoursEntry.id, HoursEntry.service_on, Worker)
        .join(Assignment, Assignment.visit_id == HoursEntry.visit_id)
        .join(Worker, Worker.id == Assignment.worker_id)
        .join(
            Presence,
            and_(
                Presence.visit_id == Assignment.visit_id,
                Presence.worker_id == Assignment.worker_id,
                Presence.kind == PresenceKind.ARRIVED,
            ),
        )
        .where(
            HoursEntry.id.in_(ids),
            Assignment.worker_id != HoursEntry.worker_id,
            Assignment.state == AssignmentState.DONE,
        )
        .options(load_only(Worker.name, Worker.birth_date))
        .order_by(Assignment.id)
    )
    for entry_id, day, worker in rows:
        if not is_minor(worker, day):
            found.setdefault(entry_id, []).append(worker.name)
    return found


def elder_kinds(entries: Iterable[HoursEntry]) -> dict[int, tuple[Category, ...]]:
    """visit id → living situation of its elder: all a school learns of whom a student visited. One query.

    计划生育特殊家庭 is a bereavement, ability and disability are matters of health: neither is a school's business.
    """
    found: dict[int, list[Category]] = {}
    ids = [entry.visit_id for entry in entries]
    if not ids:
        return {}
    rows = db.session.execute(
        select(Visit.id, ElderCategory.category)
        .join(ElderCategory, ElderCategory.elder_id == Visit.elder_id)
        .where(
            Visit.id.in_(ids),
            ElderCategory.ended_on.is_(None),
            ElderCategory.category != Category.SPECIAL_FAMILY,
        )
        .order_by(ElderCategory.id)
    )
    for visit_id, category in rows:
        found.setdefault(visit_id, []).append(category)
    return {visit_id: tuple(categories) for visit_id, categories in found.items()}


def conduct_of(worker_id: int) -> tuple[int, int]:
    """(service entries, of which in doubt) of one worker: context for a decision."""
    row = db.session.execute(
        select(func.count(), func.count().filter(HoursEntry.evidence == Evidence.DOUBTFUL)).where(
            HoursEntry.worker_id == worker_id, standing()
        )
    ).one()
    return int(row[0]), int(row[1])


def school_classes(actor: Actor, permission: Permission) -> list[tuple[str, str]]:
    """Classes of the school's students, for a filter."""
    rows = db.session.scalars(
        select(Worker.student_class)
        .where(_of_organisations(actor, permission), Worker.student_class.is_not(None))
        .distinct()
        .order_by(Worker.student_class)
    )
    return [(name, name) for name in rows if name]


def rules_of_schools(actor: Actor, permission: Permission) -> list[Rules]:
    """The rules of the streets in which the actor's schools act, each once. One query."""
    place, above = aliased(Area), aliased(Area)
    rows = db.session.execute(
        select(place.path, above.settings["hours"])
        .select_from(Organisation)
        .join(place, place.id == Organisation.area_id)
        .outerjoin(above, and_(place.path.startswith(above.path), above.settings.has_key("hours")))
        .where(Organisation.id.in_(actor.organisation_ids(permission)))
        .order_by(place.path, func.length(above.path).desc().nulls_last())
    )
    nearest: dict[str, Rules] = {}
    for path, given in rows:
        nearest.setdefault(path, Rules.of(given))
    return list(dict.fromkeys(nearest.values()))


def reasons_of_reversals(entries: Iterable[HoursEntry]) -> dict[int, str]:
    """entry id → why the street took it back. One query."""
    ids = [entry.id for entry in entries]
    if not ids:
        return {}
    rows = db.session.execute(
        select(HoursEntry.reverses_id, HoursEntry.derivation["reason"].astext).where(
            HoursEntry.reverses_id.in_(ids)
        )
    )
    return {row[0]: row[1] for row in rows}


def student_totals(actor: Actor, since: date | None = None, until: date | None = None) -> Select[Any]:
    """Every student of the actor's schools with the minutes of a span of days: `entered` (confirmed by the street),
    `recognised` by the school, `waiting` for its decision; days included.
    """
    counted = and_(
        HoursEntry.worker_id == Worker.id,
        standing(),
        HoursEntry.minutes > 0,
        with_confirmed_record(),
        *([HoursEntry.service_on >= since] if since else []),
        *([HoursEntry.service_on <= until] if until else []),
    )
    waiting = case((Verification.id.is_(None), HoursEntry.minutes), else_=0)
    return (
        select(
            Worker.id.label("worker_id"),
            Worker.name,
            Worker.student_number,
            Worker.student_class,
            func.count(HoursEntry.id).label("visits"),
            func.coalesce(func.sum(HoursEntry.minutes), 0).label("entered"),
            func.coalesce(func.sum(Verification.minutes), 0).label("recognised"),
            func.coalesce(func.sum(waiting), 0).label("waiting"),
        )
        .select_from(Worker)
        .outerjoin(HoursEntry, counted)
        .outerjoin(Verification, current_decision())
        .where(_of_organisations(actor, Permission.STUDENT_READ))
        .group_by(Worker.id)
    )
