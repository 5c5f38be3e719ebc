"""The streets of a county or city together: what may be ordered for them, and how far an order is. Numbers of
streets only, no elder. The number of queries is constant in streets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any

from flask_babel import gettext as _
from redis import RedisError
from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased, joinedload

from coordinator.elders.models import Elder, ElderStatus
from coordinator.extensions import db
from coordinator.kernel import clock, queue
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import NotFound
from coordinator.kernel.health import count_workers
from coordinator.planning.models import Plan, PlanBatch, PlanStage, PlanState
from coordinator.planning.queries.plans import RANK
from coordinator.workforce.models import Worker, WorkerStatus

ORDERED_LEVELS = (AreaLevel.CITY, AreaLevel.COUNTY)
RUNNING = frozenset({PlanState.QUEUED, PlanState.SOLVING})
CLOSED = RUNNING | {PlanState.APPROVED}
"""A street whose plan is in one of these states is left out of an order."""
LOST_AFTER = timedelta(seconds=15)
BESIDE_SECONDS = 4
"""What a street takes beside its search: reading, checking, explaining, storing (2,000 elders, measured)."""


def workers_now() -> int:
    """How many queue workers live; one where the queue does not say."""
    try:
        return max(1, count_workers(queue.connection()))
    except RedisError:
        return 1


# --- before an order -------------------------------------------------------------------------------------


def ordering_areas(actor: Actor) -> Sequence[Area]:
    """The counties and cities the actor may order plans for, the widest first."""
    return db.session.scalars(
        select(Area)
        .where(Area.level.in_(ORDERED_LEVELS), in_areas(actor, Permission.PLAN_ORDER, Area.id))
        .order_by(func.length(Area.path), Area.path)
    ).all()


def load_ordering_area(actor: Actor, area_id: int | None) -> Area:
    """The county or city asked for, else the widest in the actor's scope; NotFound outside it."""
    for area in ordering_areas(actor):
        if area_id in (None, area.id):
            return area
    raise NotFound(_("没有找到这个区县。"), _("可能不在您的管辖范围内。"))


@dataclass(frozen=True, slots=True)
class StreetChoice:
    """A street before an order. `plan_state` is of its plan that matters now, None without one."""

    area: Area
    county: str
    elders: int
    workers: int
    plan_id: int | None
    plan_state: PlanState | None

    @property
    def closed(self) -> bool:
        """Left out: a plan is approved or being computed."""
        return self.plan_state in CLOSED

    @property
    def suggested(self) -> bool:
        """Ticked at first: nothing of the street's own would be pushed aside, and somebody could go."""
        return (
            not self.closed and self.plan_state is not PlanState.READY and bool(self.elders and self.workers)
        )


def street_choices(area: Area, month: date) -> list[StreetChoice]:
    """Every street below `area` with its numbers and its plan of the month. Four queries."""
    county = aliased(Area)
    streets = db.session.execute(
        select(Area, county.name)
        .outerjoin(county, county.id == Area.parent_id)
        .where(Area.level == AreaLevel.STREET, Area.path.startswith(area.path))
        .order_by(Area.parent_id, Area.id)
    ).all()
    ids = [street.id for street, _name in streets]
    elders = _counted(ids, Elder.area_id, Elder.status == ElderStatus.ACTIVE)
    workers = _counted(ids, Worker.area_id, Worker.status == WorkerStatus.APPROVED)
    plans = {row.area_id: row for row in _newest(ids, month)}
    return [
        StreetChoice(
            street,
            name or "",
            elders.get(street.id, 0),
            workers.get(street.id, 0),
            plans[street.id].id if street.id in plans else None,
            plans[street.id].state if street.id in plans else None,
        )
        for street, name in streets
    ]


def _counted(street_ids: Sequence[int], area_id: Any, condition: Any) -> dict[int, int]:
    """Street id → how many rows lie in the street or below it."""
    street, below = aliased(Area), aliased(Area)
    counts = (
        select(area_id.label("area_id"), func.count().label("n"))
        .where(condition)
        .group_by(area_id)
        .subquery()
    )
    rows = db.session.execute(
        select(street.id, func.sum(counts.c.n))
        .join(below, below.path.startswith(street.path))
        .join(counts, counts.c.area_id == below.id)
        .where(street.id.in_(street_ids))
        .group_by(street.id)
    )
    return {found: int(n) for found, n in rows}


def _newest(area_ids: Sequence[int], month: date) -> Sequence[Row[Any]]:
    """The plan of each area that matters now: (area_id, id, state)."""
    return db.session.execute(
        select(Plan.area_id, Plan.id, Plan.state)
        .ext(distinct_on(Plan.area_id))
        .where(
            Plan.area_id.in_(area_ids),
            Plan.month == month,
            Plan.state.not_in((PlanState.DISCARDED, PlanState.SUPERSEDED)),
        )
        .order_by(Plan.area_id, RANK, Plan.id.desc())
    ).all()


# --- an order --------------------------------------------------------------------------------------------


class LineState(StrEnum):
    WAITING = "waiting"
    COMPUTING = "computing"
    INTERRUPTED = "interrupted"
    STOPPING = "stopping"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"
    TAKEN_OVER = "taken_over"


UNDER_WAY = frozenset({LineState.WAITING, LineState.COMPUTING, LineState.INTERRUPTED, LineState.STOPPING})
AGAIN = frozenset({LineState.FAILED, LineState.STOPPED})
"""States in which a street may be tried once more."""


@dataclass(slots=True)
class StreetLine:
    """One street of an order. `visits` are owed at home, `planned` of them on a route, as the run ended; `seconds`
    is how long the run took. `own` is the street's own later plan, where it has taken over. `short` is how many
    more people would make the missing visits, None where nobody goes to judge by.
    """

    area_id: int
    name: str
    county: str
    plan_id: int
    state: LineState
    stage: PlanStage | None
    percent: int
    error: str
    visits: int | None
    planned: int | None
    missing: int | None
    people: int | None
    travel_seconds: int | None
    seconds: float | None
    begun_at: datetime | None
    plan_state: PlanState
    own: PlanState | None
    short: int | None = None

    @property
    def again(self) -> bool:
        """Whether the street may be tried once more."""
        return self.state in AGAIN


@dataclass(slots=True)
class BatchView:
    """An order as its page shows it. `left_seconds` is the estimate until the last street is done."""

    batch: PlanBatch
    lines: list[StreetLine]
    left_seconds: int = 0
    workers: int = 1
    counts: dict[LineState, int] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return any(line.state in UNDER_WAY for line in self.lines)

    @property
    def ended(self) -> int:
        """Streets that are no longer computed."""
        return sum(line.state not in UNDER_WAY for line in self.lines)

    @property
    def percent(self) -> int:
        """Share of the work that is done; a street that is computed counts as far as it is."""
        done = sum(line.percent if line.state in UNDER_WAY else 100 for line in self.lines)
        return done // max(1, len(self.lines))

    def total(self, name: str) -> int:
        """Sum of a number over the streets that have it."""
        return sum(getattr(line, name) or 0 for line in self.lines)


def load_batch(actor: Actor, batch_id: int) -> PlanBatch:
    """One order in the actor's areas; NotFound otherwise."""
    batch = db.session.scalar(
        select(PlanBatch)
        .where(PlanBatch.id == batch_id, in_areas(actor, Permission.PLAN_ORDER, PlanBatch.area_id))
        .options(joinedload(PlanBatch.area))
    )
    if batch is None:
        raise NotFound(_("没有找到这次计算。"), _("可能不在您的管辖范围内。"))
    return batch


def batches_of(area: Area, month: date) -> Sequence[PlanBatch]:
    """The orders of a month, the newest first; those of a county inside a city, too."""
    return db.session.scalars(
        select(PlanBatch)
        .join(Area, Area.id == PlanBatch.area_id)
        .where(Area.path.startswith(area.path), PlanBatch.month == month)
        .options(joinedload(PlanBatch.area))
        .order_by(PlanBatch.id.desc())
        .limit(10)
    ).all()


def batch_view(batch: PlanBatch) -> BatchView:
    """Every street of an order. Two queries, and the queue is asked for its workers."""
    county = aliased(Area)
    whole = Plan.detail["summary"]
    rows = db.session.execute(
        select(
            Plan.id,
            Plan.area_id,
            Plan.state,
            Plan.stage,
            Plan.percent,
            Plan.error,
            Plan.heartbeat_at,
            Plan.started_at,
            Plan.finished_at,
            Plan.stop_requested_at,
            Area.name,
            Area.parent_id,
            county.name.label("county"),
            Plan.score["travel_seconds"].as_integer().label("travel_seconds"),
            whole["visits"].as_integer().label("visits"),
            whole["planned"].as_integer().label("planned"),
            whole["missing"].as_integer().label("missing"),
            whole["people"].as_integer().label("people"),
            whole["seconds"].as_float().label("seconds"),
        )
        .join(Area, Area.id == Plan.area_id)
        .outerjoin(county, county.id == Area.parent_id)
        .ext(distinct_on(Plan.area_id))
        .where(Plan.batch_id == batch.id)
        .order_by(Plan.area_id, Plan.id.desc())
    ).all()
    later = _own_plans(batch, rows)
    ordered = sorted(rows, key=lambda row: (row.parent_id, row.area_id))
    lines = [_line(row, later.get(row.area_id)) for row in ordered]
    _count_short(lines)
    view = BatchView(batch, lines, workers=workers_now())
    for line in lines:
        view.counts[line.state] = view.counts.get(line.state, 0) + 1
    view.left_seconds = _left_seconds(view)
    return view


def _count_short(lines: Sequence[StreetLine]) -> None:
    """People short: the missing visits over what a person of the street makes; where nobody goes, over what one of
    the other streets makes."""
    made = sum(line.planned or 0 for line in lines)
    people = sum(line.people or 0 for line in lines)
    for line in lines:
        each = (
            line.planned / line.people if line.planned and line.people else made / people if people else 0.0
        )
        if line.missing is not None:
            line.short = ceil(line.missing / each) if each else None if line.missing else 0


def _own_plans(batch: PlanBatch, rows: Sequence[Row[Any]]) -> dict[int, PlanState]:
    """Area id → state of the plan that the street itself has begun after the order's."""
    last = {row.area_id: row.id for row in rows}
    found = db.session.execute(
        select(Plan.area_id, Plan.id, Plan.state)
        .ext(distinct_on(Plan.area_id))
        .where(
            Plan.area_id.in_(last),
            Plan.month == batch.month,
            Plan.batch_id.is_distinct_from(batch.id),
            Plan.state.in_((*RUNNING, PlanState.READY, PlanState.APPROVED)),
        )
        .order_by(Plan.area_id, Plan.id.desc())
    )
    return {area_id: state for area_id, plan_id, state in found if plan_id > last[area_id]}


def _line(row: Row[Any], own: PlanState | None) -> StreetLine:
    return StreetLine(
        area_id=row.area_id,
        name=row.name,
        county=row.county or "",
        plan_id=row.id,
        state=_state(row, own),
        stage=row.stage,
        percent=row.percent,
        error=row.error or "",
        visits=row.visits,
        planned=row.planned,
        missing=row.missing,
        people=row.people,
        travel_seconds=row.travel_seconds,
        seconds=row.seconds,
        begun_at=row.started_at,
        plan_state=row.state,
        own=own,
    )


def _state(row: Row[Any], own: PlanState | None) -> LineState:
    if row.state is PlanState.QUEUED:
        return LineState.WAITING
    if row.state is PlanState.SOLVING:
        if row.heartbeat_at is not None and clock.now() - row.heartbeat_at > LOST_AFTER:
            return LineState.INTERRUPTED
        return LineState.STOPPING if row.stop_requested_at else LineState.COMPUTING
    if own is not None or row.state in (PlanState.APPROVED, PlanState.SUPERSEDED):
        return LineState.TAKEN_OVER
    if row.state is PlanState.FAILED:
        return LineState.FAILED
    if row.state is PlanState.DISCARDED:
        # What never began was stopped with the order; a finished draft only its street can throw away.
        return LineState.STOPPED if row.started_at is None else LineState.TAKEN_OVER
    return LineState.READY


def _left_seconds(view: BatchView) -> int:
    """From what the finished streets took; before the first one, from the search time they are given."""
    took = [line.seconds for line in view.lines if line.seconds is not None and line.state is LineState.READY]
    each = sum(took) / len(took) if took else float(view.batch.seconds + BESIDE_SECONDS)
    left = 0.0
    for line in view.lines:
        if line.state is LineState.WAITING:
            left += each
        elif line.state in UNDER_WAY:
            spent = (clock.now() - line.begun_at).total_seconds() if line.begun_at else 0.0
            left += max(1.0, each - spent)
    return ceil(left / view.workers)
