"""A worker's own visits: today, one of them, and those that are over. Somebody else's do not exist here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from flask_babel import gettext as _
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import contains_eager, defer, joinedload, selectinload

from coordinator.elders.doors import at_doors
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.fieldwork import record_form as rf
from coordinator.fieldwork.models import Presence, PresenceKind, RecordState, VisitDraft, VisitRecord
from coordinator.fieldwork.rules import Rules
from coordinator.kernel import clock
from coordinator.kernel.access import Actor
from coordinator.kernel.areas import Area, nearest_settings
from coordinator.kernel.errors import NotFound
from coordinator.marketplace.travel import Place, road_metres, seconds
from coordinator.planning.models import PlanRoute, RouteSheet
from coordinator.planning.translate.keys import visit_key, worker_key
from coordinator.planning.translate.roads import times_now
from coordinator.visits.lifecycle import CLOSED, AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import TravelMode, Worker

GOING = (AssignmentState.APPROVED, AssignmentState.DONE)
WITHOUT_HISTORY = (
    defer(Elder.id_number),
    defer(Elder.medical_history),
    defer(Elder.notes),
)


def _own(actor: Actor) -> Select[Any]:
    """Visits the actor is on or was on, with elder, home and community."""
    return (
        select(Visit)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .join(Elder, Elder.id == Visit.elder_id)
        .where(Assignment.worker_id == actor.worker_id, Assignment.state.in_(GOING))
        .options(
            contains_eager(Visit.elder).options(*WITHOUT_HISTORY, joinedload(Elder.household)),
            joinedload(Visit.area),
        )
    )


def own_visit(actor: Actor, visit_id: int, *, lock: bool = False) -> Visit:
    """One visit the actor is on, with its people. Raises NotFound for everybody else.

    `lock` holds the visit's row until the end of the transaction, so that two telephones take turns.
    """
    statement = (
        _own(actor)
        .where(Visit.id == visit_id)
        .options(
            selectinload(Visit.assignments)
            .joinedload(Assignment.worker)
            .load_only(
                Worker.name, Worker.birth_date, Worker.status, Worker.user_id, Worker.phone, Worker.kind
            )
        )
    )
    if lock:
        statement = statement.with_for_update(of=Visit).execution_options(populate_existing=True)
    found = db.session.scalars(statement).unique().one_or_none() if actor.worker_id is not None else None
    if found is None:
        raise NotFound(_("没有找到这次探访。"), _("可能已经改派或取消，请回到“今天”看一看。"))
    return found


def presences_of(visit_ids: Collection[int]) -> dict[int, list[Presence]]:
    """Check-ins and check-outs by visit, oldest first. One query."""
    found: dict[int, list[Presence]] = {visit_id: [] for visit_id in visit_ids}
    if visit_ids:
        for row in db.session.scalars(
            select(Presence)
            .where(Presence.visit_id.in_(visit_ids))
            .order_by(Presence.at, Presence.id)
            .options(joinedload(Presence.worker).load_only(Worker.name, Worker.birth_date))
        ):
            found[row.visit_id].append(row)
    return found


def mark_of(presences: Sequence[Presence], worker_id: int | None, kind: PresenceKind) -> Presence | None:
    """One worker's check-in or check-out among those of a visit."""
    return next((one for one in presences if one.worker_id == worker_id and one.kind is kind), None)


def record_of(visit_id: int) -> VisitRecord | None:
    """The record of a visit, with who wrote it."""
    return db.session.scalars(
        select(VisitRecord).where(VisitRecord.visit_id == visit_id).options(joinedload(VisitRecord.worker))
    ).one_or_none()


def draft_of(visit_id: int, worker_id: int | None) -> VisitDraft | None:
    """What this worker has typed so far."""
    return db.session.get(VisitDraft, (visit_id, worker_id)) if worker_id is not None else None


@dataclass(frozen=True, slots=True)
class LastTime:
    """The last record of an elder before a visit: its day and answers."""

    on: date
    answers: dict[str, Any]

    def hint(self, key: str) -> str:
        """What was answered last time."""
        return rf.said({k: v for k, v in self.answers.items() if k != "illness_name"}, key)

    @property
    def lines(self) -> list[str]:
        return rf.memory(self.answers)


def last_times(elder_ids: Collection[int], before: datetime) -> dict[int, LastTime]:
    """The last record of each elder from a visit that began before a moment. One query."""
    if not elder_ids:
        return {}
    rows = db.session.execute(
        select(Visit.elder_id, Visit.contact_on, VisitRecord.answers)
        .ext(distinct_on(Visit.elder_id))
        .join(VisitRecord, VisitRecord.visit_id == Visit.id)
        .where(
            Visit.elder_id.in_(elder_ids),
            Visit.state == VisitState.COMPLETED,
            Visit.starts_at < before,
            VisitRecord.form == rf.FORM,
        )
        .order_by(Visit.elder_id, Visit.starts_at.desc(), Visit.id.desc())
    )
    return {elder_id: LastTime(on, answers) for elder_id, on, answers in rows}


# --- today -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Stop:
    """One visit of the day. `number` is its stop's, as on the route sheet: people at one address are one stop."""

    visit: Visit
    number: int
    shows_door: bool
    arrived: Presence | None
    left: Presence | None
    record: RecordState | None
    metres: int | None = None
    seconds: int | None = None
    companions: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Nothing is left to do here."""
        if self.visit.state in CLOSED:
            return self.arrived is None or self.left is not None
        return self.visit.state not in (VisitState.ASSIGNED, VisitState.IN_PROGRESS, VisitState.OPEN)


@dataclass(slots=True)
class Day:
    """今天: the stops in order, the next one, and what else is waiting for this worker."""

    day: date
    stops: list[Stop]
    next: Stop | None
    later: list[Stop]
    done: list[Stop]
    to_correct: list[VisitRecord]
    coming: Visit | None
    coming_shows_door: bool
    metres: int
    travel_mode: TravelMode
    sheet_number: str | None

    @property
    def doors(self) -> int:
        """How many stops the day has."""
        return len({one.number for one in self.stops})

    @property
    def beside(self) -> list[Stop]:
        """Who else is at the stop that comes next."""
        return [
            one for one in self.stops if self.next and one is not self.next and one.number == self.next.number
        ]


class Start(NamedTuple):
    """Where a worker is registered, how the worker travels, from where, and under which rules."""

    area_path: str
    mode: TravelMode
    place: Place
    rules: Rules


def start_of(actor: Actor) -> Start:
    """The worker behind the actor. Raises NotFound for an account that is no worker's. One query."""
    row = db.session.execute(
        select(
            Area.path,
            Worker.travel_mode,
            Worker.start_latitude,
            Worker.start_longitude,
            nearest_settings("fieldwork"),
        )
        .join(Worker, Worker.area_id == Area.id)
        .where(Worker.id == actor.worker_id)
    ).one_or_none()
    if row is None:
        raise NotFound(_("您的账号还没有连到人员档案。"), _("请联系社区工作人员。"))
    return Start(row[0], row[1], (row[2], row[3]), Rules.of(row[4]))


def day_of(actor: Actor, start: Start) -> Day:
    """What the worker has today; visits of earlier days that are still under way come first. Seven queries."""
    now, today = clock.now(), clock.today()
    begins, ends = clock.at_local(today, 0), clock.at_local(today + timedelta(days=1), 0)
    visits = list(
        db.session.scalars(
            _own(actor)
            .where(
                or_(
                    and_(Visit.starts_at >= begins, Visit.starts_at < ends),
                    Visit.state == VisitState.IN_PROGRESS,
                )
            )
            .options(
                selectinload(Visit.assignments)
                .joinedload(Assignment.worker)
                .load_only(Worker.name, Worker.birth_date)
            )
            .order_by(Visit.starts_at, Visit.id)
        ).unique()
    )
    ids = [visit.id for visit in visits]
    presences = presences_of(ids)
    records = _record_states(ids)
    stops, total = [], 0
    mode, came_from = start.mode, start.place
    homes = [(visit_key(visit.id), _place(visit)) for visit in visits]
    times = times_now([(worker_key(actor.worker_id or 0), came_from), *homes], {mode.value})
    for number, visit in at_doors(visits, lambda one: one.elder.household):
        stop = Stop(
            visit=visit,
            number=number,
            shows_door=start.rules.shows_door(visit.starts_at, visit.ends_at, now)
            or visit.state is VisitState.IN_PROGRESS,
            arrived=mark_of(presences[visit.id], actor.worker_id, PresenceKind.ARRIVED),
            left=mark_of(presences[visit.id], actor.worker_id, PresenceKind.LEFT),
            record=records.get(visit.id),
            companions=[
                one.worker.name
                for one in visit.assignments
                if one.worker_id != actor.worker_id and one.state in GOING
            ],
        )
        place = _place(visit)
        if place is not None:
            metres = road_metres(mode, came_from, place)
            by_road = times.matrix is not None
            stop.metres = round(metres)
            stop.seconds = times.between(mode, came_from, place) if by_road else seconds(mode, metres)
            total += stop.metres
            came_from = place
        stops.append(stop)
    live = [one for one in stops if not one.over]
    live.sort(key=lambda one: (one.visit.state is not VisitState.IN_PROGRESS, one.visit.starts_at))
    coming = None if live else _coming(actor, ends)
    return Day(
        day=today,
        stops=stops,
        next=live[0] if live else None,
        later=sorted(live[1:], key=lambda one: one.visit.starts_at),
        done=[one for one in stops if one.over],
        to_correct=_to_correct(actor),
        coming=coming,
        coming_shows_door=coming is not None
        and start.rules.shows_door(coming.starts_at, coming.ends_at, now),
        metres=total,
        travel_mode=mode,
        sheet_number=_sheet_number(actor, today),
    )


def _place(visit: Visit) -> Place | None:
    home = visit.elder.household
    return None if home.latitude is None or home.longitude is None else (home.latitude, home.longitude)


def _record_states(visit_ids: Collection[int]) -> dict[int, RecordState]:
    rows: Any = db.session.execute(
        select(VisitRecord.visit_id, VisitRecord.state).where(VisitRecord.visit_id.in_(visit_ids))
    )
    return {visit_id: state for visit_id, state in rows}  # noqa: C416


def _sheet_number(actor: Actor, day: date) -> str | None:
    """The number of the paper sheet that was handed out for the worker's day."""
    return db.session.scalar(
        select(RouteSheet.number)
        .join(PlanRoute, PlanRoute.id == RouteSheet.route_id)
        .where(PlanRoute.worker_id == actor.worker_id, PlanRoute.day == day, RouteSheet.voided_at.is_(None))
        .order_by(RouteSheet.id.desc())
        .limit(1)
    )


def _to_correct(actor: Actor) -> list[VisitRecord]:
    return list(
        db.session.scalars(
            select(VisitRecord)
            .where(VisitRecord.worker_id == actor.worker_id, VisitRecord.state == RecordState.RETURNED)
            .options(joinedload(VisitRecord.visit).joinedload(Visit.area), defer(VisitRecord.answers))
            .order_by(VisitRecord.id)
        )
    )


def _coming(actor: Actor, after: datetime) -> Visit | None:
    return (
        db.session.scalars(
            _own(actor)
            .where(Visit.starts_at >= after, Visit.state == VisitState.ASSIGNED)
            .order_by(Visit.starts_at, Visit.id)
            .limit(1)
        )
        .unique()
        .first()
    )


# --- what is over ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Past:
    """A visit that is over, without the elder's name or door."""

    visit_id: int
    starts_at: datetime
    state: VisitState
    community: str
    arrived_at: datetime | None
    left_at: datetime | None
    record: RecordState | None


def history(actor: Actor, before: datetime | None, limit: int) -> list[Past]:
    """The worker's visits that are over, newest first. One query."""
    arrived, left = (
        select(Presence.at)
        .where(Presence.visit_id == Visit.id, Presence.worker_id == actor.worker_id, Presence.kind == kind)
        .correlate(Visit)
        .scalar_subquery()
        for kind in (PresenceKind.ARRIVED, PresenceKind.LEFT)
    )
    statement = (
        select(Visit, arrived, left, VisitRecord.state)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .outerjoin(VisitRecord, VisitRecord.visit_id == Visit.id)
        .where(Assignment.worker_id == actor.worker_id, Assignment.state.in_(GOING), Visit.state.in_(CLOSED))
        .options(joinedload(Visit.area))
        .order_by(Visit.starts_at.desc(), Visit.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(Visit.starts_at < before)
    return [
        Past(visit.id, visit.starts_at, visit.state, visit.area.name, came, went, state)
        for visit, came, went, state in db.session.execute(statement)
    ]


def visits_made(worker_id: int | None) -> int:
    """How many completed visits the worker was on."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(Assignment)
            .join(Visit, Visit.id == Assignment.visit_id)
            .where(
                Assignment.worker_id == worker_id,
                Assignment.state == AssignmentState.DONE,
                Visit.state == VisitState.COMPLETED,
            )
        )
        or 0
    )
