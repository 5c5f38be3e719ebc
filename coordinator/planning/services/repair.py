"""今天出了状况: what a day becomes after an absence, a cancellation or an urgent visit. Writes nothing.

The answer is a list of steps from what people were told to what they would be told; `services.adjust` takes them.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, literal, select
from sqlalchemy.orm import joinedload

import routing
from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor, Permission, demand, in_areas
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.planning.models import PlanRoute, RouteSheet
from coordinator.planning.queries.real_day import (
    Place,
    RealDay,
    end_of,
    leg,
    place_of,
    real_day,
    second_of,
    start_of,
    team_of,
    ways_on,
)
from coordinator.planning.reasons import Names, reason_text
from coordinator.planning.translate.keys import visit_key, worker_key
from coordinator.planning.translate.mending import (
    Scene,
    Wanted,
    leaves,
    place_of_elder,
    punctual,
    scene,
    settle,
    staying,
    window_of,
)
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Visit
from coordinator.workforce import fitness
from coordinator.workforce.fitness import UnfitCode
from coordinator.workforce.models import Worker
from routing.lines import TOLD_SECONDS

SEARCH_SECONDS = 0.7
"""Of the two seconds that an answer may take, for each of two searches at most."""
CALL_SECONDS = 300
"""An elder is rung when the visit moves by more."""
LEAD_SECONDS = 600
"""Nobody is expected anywhere sooner than this after being told."""

# Why a worker cannot take a visit over, after a number of people: 5 人住得太远.
WHY_NOBODY: dict[UnfitCode | None, Any] = {
    UnfitCode.DAY_OFF: _l("当天不来"),
    UnfitCode.MINOR_ALONE: _l("未成年"),
    UnfitCode.BARRED: _l("不能和长者安排在一起"),
    UnfitCode.SKILL_MISSING: _l("没有需要的技能"),
    UnfitCode.SEX_PREFERENCE: _l("不合长者希望的性别"),
    UnfitCode.OUTSIDE_RADIUS: _l("住得太远"),
    UnfitCode.LIMIT_DAY: _l("次数已满"),
    UnfitCode.LIMIT_WEEK: _l("次数已满"),
    UnfitCode.LIMIT_MONTH: _l("次数已满"),
    UnfitCode.LIMIT_HOURS: _l("时间已满"),
    None: _l("手续不全"),
}

Team = tuple[tuple[int, bool], ...]
"""Worker ids, each with whether the person only comes along."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """An urgent visit that does not exist yet; `window` are the starts that would do, in seconds of the day."""

    elder_id: int
    minutes: int
    window: tuple[int, int]
    people: int = 1


@dataclass(frozen=True, slots=True)
class Trouble:
    """What has happened. `absent` are workers and the second from which they are away (None: all day), `cancelled`
    and `wanted` visits that are not to be, or must be given to somebody; `reason` is told to those concerned."""

    area_id: int
    day: date
    reason: str
    absent: Mapping[int, int | None] = field(default_factory=dict)
    cancelled: tuple[int, ...] = ()
    wanted: tuple[int, ...] = ()
    fresh: Fresh | None = None


class Kind(StrEnum):
    """cancel: called off · people: somebody else goes · time: same people, another time · add: gets people ·
    alone: nobody, or not enough people, could be found."""

    CANCEL = "cancel"
    PEOPLE = "people"
    TIME = "time"
    ADD = "add"
    ALONE = "alone"


@dataclass(frozen=True, slots=True)
class Step:
    """One visit before and after. Times are seconds of the day; `visit` is None for one that is new."""

    kind: Kind
    elder: Elder
    visit: Visit | None
    seconds: int
    before: Team
    start_before: int | None
    after: Team
    start_after: int
    why: str = ""

    @property
    def moved(self) -> int:
        """Seconds by which the start moves."""
        return 0 if self.start_before is None else self.start_after - self.start_before

    @property
    def call(self) -> bool:
        """Whether the elder should be rung: another person, or another time than expected."""
        if self.kind is Kind.CANCEL:
            return False
        leads = {one for one, companion in self.before if not companion}
        return abs(self.moved) > CALL_SECONDS or {one for one, c in self.after if not c} != leads


@dataclass(slots=True)
class Proposal:
    """What would change. `told` are the people concerned, `sheets` the printed sheets that become void, as number
    and name; travel in seconds, over everybody whose day was looked at."""

    trouble: Trouble
    area: Area
    real: RealDay
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sheets: list[tuple[str, str]] = field(default_factory=list)
    travel_before: int = 0
    travel_after: int = 0
    seconds: float = 0.0

    @property
    def moved(self) -> list[Step]:
        """Steps that end well."""
        return [one for one in self.steps if one.kind is not Kind.ALONE]

    @property
    def alone(self) -> list[Step]:
        """Visits without enough people."""
        return [one for one in self.steps if one.kind is Kind.ALONE]

    @property
    def told(self) -> list[Worker]:
        """Everybody whose day changes, and whoever is away."""
        ids = {one for step in self.steps for one, _companion in (*step.before, *step.after)}
        for step in self.steps:
            if step.kind is Kind.ALONE:
                ids |= {one for one, _companion in step.before}
        return [self.real.workers[one] for one in sorted(ids)]

    @property
    def calls(self) -> list[Step]:
        """Elders to ring."""
        return [one for one in self.steps if one.call]

    def names(self, team: Team) -> str:
        """The people of a team."""
        return "、".join(self.real.workers[one].name for one, _companion in team)


def load_change_area(actor: Actor, area_id: int | None, around: str | None = None) -> Area | None:
    """The area whose day the actor may change: the one asked for, else the widest (around the area with the path
    `around`); NotFound outside the scope."""
    statement = (
        select(Area)
        .where(
            Area.level.in_((AreaLevel.STREET, AreaLevel.COMMUNITY)),
            in_areas(actor, Permission.CLAIM_DECIDE, Area.id),
        )
        .order_by(func.length(Area.path), Area.path)
        .limit(1)
    )
    if area_id is not None:
        statement = statement.where(Area.id == area_id)
    elif around is not None:
        statement = statement.where(literal(around).startswith(Area.path))
    area = db.session.scalar(statement)
    if area is None and area_id is not None:
        raise NotFound(_("没有找到这个街道。"), _("可能不在您的管辖范围内。"))
    return area


def propose(actor: Actor, area: Area, trouble: Trouble) -> Proposal:
    """What the day would become. Raises NotFound for people and visits outside the area, Conflict for a visit that
    cannot be changed any more, InvalidInput for a day gone by or an elder without a place on the map."""
    demand(actor, Permission.CLAIM_DECIDE, area.path)
    began = time.monotonic()
    if trouble.day < clock.today():
        raise InvalidInput(_("这一天已经过去了。"), field="day")
    real = real_day(area, trouble.day, people=trouble.absent)
    found = Proposal(trouble, area, real)
    if any(worker_id not in real.workers for worker_id in trouble.absent):
        raise NotFound(_("没有找到这个人。"), _("可能不在您的管辖范围内。"))
    every = {one.id: one for one in (*real.ahead, *real.begun, *real.open, *real.claimed)}
    mine = {key: one for key, one in every.items() if one.area.path.startswith(area.path)}
    _call_off(found, mine, trouble.cancelled)
    kept, wanted = _sort_out(found, area, set(trouble.cancelled))
    wanted += [_open(found, mine, one) for one in trouble.wanted if one not in trouble.cancelled]
    if trouble.fresh is not None:
        wanted.append(_fresh(actor, area, real, trouble.fresh))
    placed = [one for one in wanted if _is_placed(found, one)]
    real.times = ways_on(real, [one.elder for one in placed])
    _mend(found, kept, placed)
    _count_sheets(found)
    if real.claimed:
        found.notes.append(_("%(n)s 次有人申请、等着审批，没有算在内", n=len(real.claimed)))
    found.steps.sort(key=lambda one: (one.start_after, one.elder.id))
    found.seconds = time.monotonic() - began
    return found


# --- sorting the day out ---------------------------------------------------------------------------------


def team_before(visit: Visit) -> Team:
    """The people of a visit as kept in steps."""
    return tuple(sorted((one.worker_id, one.is_companion) for one in team_of(visit)))


def _call_off(found: Proposal, mine: Mapping[int, Visit], ids: Iterable[int]) -> None:
    for visit_id in ids:
        visit = mine.get(visit_id)
        if visit is None:
            raise NotFound(_("没有找到这次探访。"), _("可能已经取消，或者不归您管。"))
        if visit.state is VisitState.IN_PROGRESS:
            raise Conflict(_("%(name)s这次正在进行，不能取消。", name=visit.elder.name), code="under_way")
        start = second_of(visit.starts_at)
        found.steps.append(
            Step(Kind.CANCEL, visit.elder, visit, _length(visit), team_before(visit), start, (), start)
        )


def _sort_out(found: Proposal, area: Area, cancelled: set[int]) -> tuple[list[Visit], list[Wanted]]:
    """Visits that stand with whoever stays, and those somebody must be found for."""
    real, absent = found.real, found.trouble.absent
    kept, wanted = [], []
    for visit in (*real.ahead, *real.begun):
        if visit.id in cancelled:
            continue
        gone = [one for one in team_of(visit) if leaves(absent, one.worker_id, visit)]
        ahead = visit in real.ahead
        if not gone:
            kept += [visit] if ahead else []
        elif visit.state is VisitState.IN_PROGRESS:
            found.notes.append(_("%(name)s这次正在进行，没有动", name=visit.elder.name))
        elif not visit.area.path.startswith(area.path):
            found.notes.append(
                _("%(name)s（%(area)s）不归您管，请告诉街道", name=visit.elder.name, area=visit.area.name)
            )
            kept += [visit] if ahead and _leads(real, visit, absent) else []
        else:
            leads = _leads(real, visit, absent)
            if len(leads) >= visit.people:
                kept += [visit] if ahead else []
                _lose_company(found, visit, {one.worker_id for one in gone})
            else:
                beside = tuple(leads) if ahead else ()
                wanted.append(_again(real, visit, beside))
    return kept, wanted


def _leads(real: RealDay, visit: Visit, absent: Mapping[int, int | None]) -> list[int]:
    """The adults who stay on a visit and do not only come along."""
    return [
        one.worker_id
        for one in staying(visit, absent)
        if not one.is_companion and not fitness.is_minor(real.workers[one.worker_id], real.day)
    ]


def _lose_company(found: Proposal, visit: Visit, gone: set[int]) -> None:
    start, before = second_of(visit.starts_at), team_before(visit)
    after = tuple(one for one in before if one[0] not in gone)
    found.steps.append(Step(Kind.PEOPLE, visit.elder, visit, _length(visit), before, start, after, start))


def _again(real: RealDay, visit: Visit, beside: tuple[int, ...]) -> Wanted:
    seconds, start = _length(visit), second_of(visit.starts_at)
    low, high = window_of(visit.elder, seconds)
    return Wanted(
        visit_key(visit.id),
        visit.elder,
        visit,
        seconds,
        (max(min(low, start), _soonest(real)), max(high, start)),
        visit.people,
        tuple(visit.needs_skills),
        visit.is_statutory,
        start,
        beside=beside,
    )


def _open(found: Proposal, mine: Mapping[int, Visit], visit_id: int) -> Wanted:
    visit = mine.get(visit_id)
    if visit is None:
        raise NotFound(_("没有找到这次探访。"), _("可能已经取消，或者不归您管。"))
    if visit.state is not VisitState.OPEN:
        raise Conflict(
            _("%(name)s这次已经不是“待派人”了。", name=visit.elder.name),
            _("请回到这一天看最新的情况。"),
            code="changed_meanwhile",
        )
    return _again(found.real, visit, tuple(one.worker_id for one in team_of(visit)))


def _fresh(actor: Actor, area: Area, real: RealDay, fresh: Fresh) -> Wanted:
    demand(actor, Permission.VISIT_OPEN, area.path)
    elder = db.session.scalar(
        select(Elder)
        .join(Area, Area.id == Elder.area_id)
        .where(Elder.id == fresh.elder_id, Area.path.startswith(area.path))
        .options(*without_secrets(), joinedload(Elder.household), joinedload(Elder.area))
    )
    if elder is None:
        raise NotFound(_("没有找到这位长者。"), _("可能已经移走，或者不在您的管辖范围内。"))
    low, high = fresh.window
    if high < _soonest(real):
        raise InvalidInput(_("这个时间已经过了。"), field="latest")
    return Wanted(
        "new",
        elder,
        None,
        fresh.minutes * 60,
        (max(low, _soonest(real)), high),
        fresh.people,
        tuple(elder.needs_skills),
        False,
        urgent=True,
    )


def _soonest(real: RealDay) -> int:
    return 0 if real.now is None else real.now + LEAD_SECONDS


def _length(visit: Visit) -> int:
    return round((visit.ends_at - visit.starts_at).total_seconds())


def _is_placed(found: Proposal, one: Wanted) -> bool:
    """Put aside what cannot be planned at all: no place on the map, or no hour left."""
    low, high = one.window
    if place_of_elder(one.elder) is None:
        _leave(found, one, _("住址还没有标在地图上"))
    elif low > high:
        _leave(found, one, _("长者方便的时间今天已经过了"))
    else:
        return True
    return False


def _leave(found: Proposal, one: Wanted, why: str) -> None:
    before = team_before(one.visit) if one.visit is not None else ()
    start = one.start if one.start is not None else one.window[0]
    after = tuple(row for row in before if row[0] in one.beside)
    found.steps.append(
        Step(Kind.ALONE, one.elder, one.visit, one.seconds, before, one.start, after, start, why)
    )


# --- finding who goes ------------------------------------------------------------------------------------


def _mend(found: Proposal, kept: list[Visit], wanted: list[Wanted]) -> None:
    real, absent = found.real, found.trouble.absent
    sight = scene(real, absent=absent, kept=kept, wanted=wanted)
    made = _search(punctual(sight), {one.key: _near(one) for one in wanted if not one.beside})
    missing = _missing(sight, made)
    if missing:
        # Second try: others may shift by a quarter of an hour, and who found nobody may come at another hour.
        single = [one for one in wanted if one.beside and one.key in missing]
        if single:
            reasons = {one.key: _why(sight, made, one) for one in single}
            for one in single:
                _leave(found, one, reasons[one.key])
                assert one.visit is not None, "somebody is beside a visit that stands"
                kept.append(one.visit)
            wanted = [one for one in wanted if one not in single]
            sight = scene(real, absent=absent, kept=kept, wanted=wanted)
        windows = {
            one.key: one.window if one.key in missing else _near(one) for one in wanted if not one.beside
        }
        made = _search(sight, windows)
        missing = _missing(sight, made)
    for one in wanted:
        if one.key in missing:
            _leave(found, one, _why(sight, made, one))
    starts = settle(sight, made.scenario, made.plan)
    teams: dict[str, list[int]] = defaultdict(list)
    for route in made.plan.routes:
        for stop in route.stops:
            teams[stop.visit].append(int(route.worker[1:]))
    _steps_of_wanted(found, [one for one in wanted if one.key not in missing], teams, starts)
    _steps_of_kept(found, kept, starts)
    if sight.apart:
        people = "、".join(real.workers[worker_id].name for worker_id in sight.apart)
        found.notes.append(_("%(names)s当天的安排本身就赶不过来，没有动", names=people))
    _weigh(found, sight, made, kept, wanted)


def _near(one: Wanted) -> tuple[int, int]:
    """The starts that keep what the elder knows; all of them where nothing is known or the time has gone by."""
    if one.start is None:
        return one.window
    low, high = max(one.window[0], one.start - TOLD_SECONDS), min(one.window[1], one.start + TOLD_SECONDS)
    return (low, high) if low <= high else one.window


def _search(sight: Scene, windows: Mapping[str, tuple[int, int]]) -> routing.Repair:
    added = [replace(sight.items[key], window=window) for key, window in windows.items()]
    return routing.repair(
        sight.scenario,
        sight.plan,
        added=added,
        told=sight.told,
        now=sight.real.now,
        seconds=SEARCH_SECONDS,
    )


def _missing(sight: Scene, made: routing.Repair) -> set[str]:
    """Wanted visits without all their people."""
    people = Counter(stop.visit for route in made.plan.routes for stop in route.stops)
    return {key for key, one in sight.wanted.items() if people[key] < one.people}


def _why(sight: Scene, made: routing.Repair, one: Wanted) -> str:
    """Why nobody could be found, in one sentence without its full stop."""
    names = Names(
        {worker_key(worker.id): worker.name for worker in sight.real.workers.values()}
        | {visit_key(visit.id): visit.elder.name for visit in sight.real.ahead}
        | {one.key: one.elder.name},
        sight.real.day,
    )
    left = next((row for row in made.plan.unassigned if row.visit == one.key), None)
    if left is None:
        text = _("要两个人同去，没有两个人同时有空")
    elif left.reason == "all_excluded":
        text = _("当天来的人都去不了这一户")
    else:
        text = reason_text(left.reason, left.detail, names)
    told: Counter[str] = Counter()
    for code, count in sight.unfit.get(one.key, Counter()).items():
        told[str(WHY_NOBODY.get(code, WHY_NOBODY[None]))] += count
    parts = [_("%(n)s 人%(why)s", n=count, why=why) for why, count in told.most_common(3)]
    return _("%(text)s（%(parts)s）", text=text, parts="，".join(parts)) if parts else text


def _steps_of_wanted(
    found: Proposal, wanted: Iterable[Wanted], teams: Mapping[str, list[int]], starts: Mapping[str, int]
) -> None:
    for one in wanted:
        after = tuple(sorted((worker_id, False) for worker_id in teams[one.key]))
        before = team_before(one.visit) if one.visit is not None else ()
        kind = Kind.PEOPLE if before else Kind.ADD
        found.steps.append(
            Step(kind, one.elder, one.visit, one.seconds, before, one.start, after, starts[one.key])
        )


def _steps_of_kept(found: Proposal, kept: Iterable[Visit], starts: Mapping[str, int]) -> None:
    company = {step.visit.id: step for step in found.steps if step.visit is not None}
    for visit in kept:
        old = second_of(visit.starts_at)
        new = starts.get(visit_key(visit.id), old)
        if new == old:
            continue
        if visit.id in company:
            found.steps.remove(company[visit.id])
            found.steps.append(replace(company[visit.id], start_after=new))
            continue
        team = team_before(visit)
        found.steps.append(Step(Kind.TIME, visit.elder, visit, _length(visit), team, old, team, new))


def _weigh(
    found: Proposal, sight: Scene, made: routing.Repair, kept: Sequence[Visit], wanted: Sequence[Wanted]
) -> None:
    """Travel before and after, of everybody who is in the scene or away."""
    real = found.real
    before: dict[int, list[tuple[int, Place]]] = defaultdict(list)
    for visit in (*kept, *(one.visit for one in wanted if one.visit is not None)):
        for one in team_of(visit):
            if one.worker_id not in sight.apart:
                place = place_of(visit) or start_of(real.workers[one.worker_id])
                before[one.worker_id].append((second_of(visit.starts_at), place))
    for step in found.steps:
        if step.visit is not None and step.kind is Kind.CANCEL:
            for worker_id, _companion in step.before:
                before[worker_id].append((step.start_before or 0, place_of(step.visit) or (0.0, 0.0)))
    after: dict[int, list[tuple[int, Place]]] = defaultdict(list)
    for route in made.plan.routes:
        for stop in route.stops:
            item = made.scenario.visit_of(stop.visit)
            if item is not None:
                after[int(route.worker[1:])].append((stop.start, item.loc))
    found.travel_before, found.travel_after = _travel(real, before), _travel(real, after)


def _travel(real: RealDay, stops: Mapping[int, Sequence[tuple[int, Place]]]) -> int:
    total = 0
    for worker_id, rows in stops.items():
        worker, at = real.workers[worker_id], real.posts[worker_id].place
        for _start, place in sorted(rows):
            total += leg(worker, at, place, real.times)
            at = place
        total += leg(worker, at, end_of(worker), real.times)
    return total


def _count_sheets(found: Proposal) -> None:
    """Printed sheets of the people whose day changes; one query."""
    ids = [worker.id for worker in found.told]
    if not ids:
        return
    rows = db.session.execute(
        select(RouteSheet.number, PlanRoute.worker_id)
        .join(PlanRoute, PlanRoute.id == RouteSheet.route_id)
        .where(
            PlanRoute.day == found.trouble.day,
            PlanRoute.worker_id.in_(ids),
            RouteSheet.voided_at.is_(None),
        )
        .order_by(RouteSheet.number)
    )
    found.sheets = [(number, found.real.workers[worker_id].name) for number, worker_id in rows]


def words_of(found: Proposal) -> list[str]:
    """What has happened, one sentence each."""
    trouble, workers = found.trouble, found.real.workers
    lines = []
    for worker_id, since in trouble.absent.items():
        name = workers[worker_id].name
        if since is None:
            lines.append(_("%(name)s%(day)s不能来", name=name, day=i18n.day(trouble.day)))
        else:
            lines.append(
                _(
                    "%(name)s%(day)s %(time)s 起不能来",
                    name=name,
                    day=i18n.day(trouble.day),
                    time=i18n.hour(since),
                )
            )
    for step in found.steps:
        if step.visit is not None and step.visit.id in trouble.cancelled:
            lines.append(_("%(name)s这次不用去了", name=step.elder.name))
        elif step.visit is None:
            lines.append(_("%(name)s要赶紧去一次", name=step.elder.name))
        elif step.visit.id in trouble.wanted:
            lines.append(_("%(name)s这次要马上派人", name=step.elder.name))
    return lines
