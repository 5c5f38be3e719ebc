"""Workers as fitness reads them, as plain values and any number in one query.

A claim must be decided within milliseconds while fifty people press the same button; the models would take eight
queries for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, BigInteger, bindparam, func, or_, select

from coordinator.accounts.models import Organisation
from coordinator.elders.models import Sex
from coordinator.extensions import db
from coordinator.kernel.areas import Area
from coordinator.workforce.models import (
    Availability,
    AvailabilityException,
    Bar,
    Credential,
    Guardian,
    TravelMode,
    Worker,
    WorkerKind,
    WorkerSkill,
    WorkerStatus,
)


class SkillHeld(NamedTuple):
    skill: str
    verified_on: date | None


class CredentialHeld(NamedTuple):
    kind: str
    valid_from: date
    valid_to: date | None
    stands: bool


class GuardianConsent(NamedTuple):
    name: str
    given_on: date
    valid_to: date | None
    withdrawn_at: datetime | None
    confirmed_at: datetime | None


class Hours(NamedTuple):
    weekday: int
    starts: time
    ends: time


class DaysOff(NamedTuple):
    """Days off, or with hours the times agreed to beside the weekly ones."""

    first_day: date
    last_day: date
    starts: time | None
    ends: time | None


class Barred(NamedTuple):
    elder_id: int


@dataclass(frozen=True, slots=True)
class DutyWorker:
    """The attributes of `workforce.models.Worker` that `fitness.unfit` reads, and who it is."""

    id: int
    user_id: int | None
    name: str
    kind: WorkerKind
    status: WorkerStatus
    sex: Sex
    birth_date: date
    area_id: int
    area_path: str
    organisation_id: int | None
    organisation_name: str | None
    student_class: str | None
    travel_mode: TravelMode
    start_latitude: float
    start_longitude: float
    end_latitude: float | None
    end_longitude: float | None
    service_radius_metres: int
    max_visits_day: int
    max_visits_week: int
    max_visits_month: int
    max_hours_week: int | None
    dialects: list[str]
    wanted: list[str]
    tied_elder_id: int | None
    skills: tuple[SkillHeld, ...]
    credentials: tuple[CredentialHeld, ...]
    guardians: tuple[GuardianConsent, ...]
    availability: tuple[Hours, ...]
    exceptions: tuple[DaysOff, ...]
    bars: tuple[Barred, ...]

    @property
    def start(self) -> tuple[float, float]:
        return self.start_latitude, self.start_longitude

    @property
    def end(self) -> tuple[float, float]:
        """Where the day ends: the start unless another place is set."""
        if self.end_latitude is None or self.end_longitude is None:
            return self.start
        return self.end_latitude, self.end_longitude


def _gathered(owner: Any, *columns: Any) -> Any:
    """The rows of a child table as one JSON array beside the worker."""
    return (
        select(func.json_agg(func.json_build_array(*columns)))
        .where(owner == Worker.id)
        .correlate(Worker)
        .scalar_subquery()
    )


GATHERED = 6  # how many of the columns are gathered from child tables; they come last


def columns_of_duty(area: Any) -> tuple[Any, ...]:
    """What `read_duty` reads, for a statement that selects from Worker, the worker's `area` and Organisation."""
    return (
        Worker.id,
        Worker.user_id,
        Worker.name,
        Worker.kind,
        Worker.status,
        Worker.sex,
        Worker.birth_date,
        Worker.area_id,
        area.path,
        Worker.organisation_id,
        Organisation.name,
        Worker.student_class,
        Worker.travel_mode,
        Worker.start_latitude,
        Worker.start_longitude,
        Worker.end_latitude,
        Worker.end_longitude,
        Worker.service_radius_metres,
        Worker.max_visits_day,
        Worker.max_visits_week,
        Worker.max_visits_month,
        Worker.max_hours_week,
        Worker.dialects,
        Worker.wanted,
        Worker.tied_elder_id,
        _gathered(WorkerSkill.worker_id, WorkerSkill.skill, WorkerSkill.verified_on),
        _gathered(
            Credential.worker_id,
            Credential.kind,
            Credential.valid_from,
            Credential.valid_to,
            Credential.stands,
        ),
        _gathered(
            Guardian.worker_id,
            Guardian.name,
            Guardian.given_on,
            Guardian.valid_to,
            Guardian.withdrawn_at,
            Guardian.confirmed_at,
        ),
        _gathered(Availability.worker_id, Availability.weekday, Availability.starts, Availability.ends),
        _gathered(
            AvailabilityException.worker_id,
            AvailabilityException.first_day,
            AvailabilityException.last_day,
            AvailabilityException.starts,
            AvailabilityException.ends,
        ),
        _gathered(Bar.worker_id, Bar.elder_id),
    )


_STATEMENT = (
    select(*columns_of_duty(Area))
    .join(Area, Area.id == Worker.area_id)
    .outerjoin(Organisation, Organisation.id == Worker.organisation_id)
    .order_by(Worker.id)
)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _time(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _known_day(text: str) -> date:
    return date.fromisoformat(text)


def read_duty(row: Any) -> DutyWorker:
    """The worker of the values of `columns_of_duty`."""
    known, (skills, credentials, guardians, hours, off, bars) = row[:-GATHERED], row[-GATHERED:]
    return DutyWorker(
        *known,
        skills=tuple(SkillHeld(skill, _day(on)) for skill, on in skills or ()),
        credentials=tuple(
            CredentialHeld(kind, _known_day(first), _day(last), stands)
            for kind, first, last, stands in credentials or ()
        ),
        guardians=tuple(
            GuardianConsent(name, _known_day(given), _day(last), _moment(gone), _moment(confirmed))
            for name, given, last, gone, confirmed in guardians or ()
        ),
        availability=tuple(
            sorted(
                Hours(weekday, time.fromisoformat(starts), time.fromisoformat(ends))
                for weekday, starts, ends in hours or ()
            )
        ),
        exceptions=tuple(
            DaysOff(_known_day(first), _known_day(last), _time(starts), _time(ends))
            for first, last, starts, ends in off or ()
        ),
        bars=tuple(Barred(elder_id) for (elder_id,) in bars or ()),
    )


# Built once: SQLAlchemy keeps the key of a statement, and making it costs more than PostgreSQL's answer.
_BY_ID = _STATEMENT.where(Worker.id == func.any(bindparam("ids", type_=ARRAY(BigInteger))))


def duty_workers(worker_ids: Iterable[int]) -> dict[int, DutyWorker]:
    """Workers by id. One query."""
    wanted = sorted(set(worker_ids))
    if not wanted:
        return {}
    return {row[0]: read_duty(row) for row in db.session.execute(_BY_ID, {"ids": wanted})}


def duty_worker(worker_id: int | None) -> DutyWorker | None:
    """One worker, or None."""
    return None if worker_id is None else duty_workers([worker_id]).get(worker_id)


def adults_serving(area_path: str, born_until: date) -> dict[int, DutyWorker]:
    """Approved workers born on or before a day who serve an area: registered in it, below it or above it."""
    above = [int(part) for part in area_path.split(".") if part]
    rows = db.session.execute(
        _STATEMENT.where(
            or_(Area.path.startswith(area_path), Area.id.in_(above)),
            Worker.status == WorkerStatus.APPROVED,
            Worker.birth_date <= born_until,
        )
    )
    return {row[0]: read_duty(row) for row in rows}
