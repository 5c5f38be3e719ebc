"""A real day with something amiss → a day scenario of the engine, with the plan that people know.

What stands keeps its people (pins) and its quarter of an hour (told); whoever could take over is judged by
`workforce.fitness`, so that what the engine proposes is what an assignment will accept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import routing
from coordinator.elders.models import Elder, Skill
from coordinator.planning.queries.real_day import (
    Place,
    RealDay,
    end_of,
    home_place,
    leg,
    place_of,
    second_of,
    start_of,
    team_of,
)
from coordinator.planning.translate.keys import visit_key, worker_key
from coordinator.planning.translate.people import DETOUR, speeds
from coordinator.planning.translate.roads import Times
from coordinator.planning.translate.week import LUNCH_SECONDS, LUNCH_WINDOW, gaps_of, spans_on, through_noon
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce import fitness
from coordinator.workforce.fitness import UnfitCode
from coordinator.workforce.models import Worker
from routing.scenario import Break, Pin, Scenario
from routing.scenario import Visit as Item
from routing.scenario import Worker as Person

KEPT_PRIORITY = 1000
URGENT_PRIORITY = 100
STATUTORY_PRIORITY, OTHER_PRIORITY = 4, 2
NOT_AN_OBSTACLE = frozenset({UnfitCode.DIALECT})
LEAST_SECONDS = 300
LUNCH = Break(LUNCH_WINDOW, LUNCH_SECONDS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A visit that needs somebody today: `start` is the time people know (None: as soon as may be)."""

    key: str
    elder: Elder
    visit: Visit | None
    seconds: int
    window: tuple[int, int]
    people: int
    skills: tuple[str, ...]
    statutory: bool
    start: int | None = None
    urgent: bool = False
    beside: tuple[int, ...] = ()
    """Workers who stay on it (of a visit for two)."""


@dataclass(slots=True)
class Scene:
    """The engine's view of the day. `wanted` are the visits somebody must be found for, `items` those of them that
    nobody is on, in scenario form; `unfit` says of each how many workers are ruled out and why. `apart` are workers
    whose own day does not work out as it stands, and whoever goes with them."""

    real: RealDay
    scenario: Scenario
    plan: routing.Plan
    told: set[str]
    wanted: dict[str, Wanted]
    items: dict[str, Item]
    unfit: dict[str, Counter[UnfitCode]] = field(default_factory=dict)
    apart: list[int] = field(default_factory=list)


def leaves(absent: Mapping[int, int | None], worker_id: int, visit: Visit) -> bool:
    """Whether the worker is away by the end of the visit."""
    if worker_id not in absent:
        return False
    since = absent[worker_id]
    return since is None or second_of(visit.ends_at) > since


def scene(
    real: RealDay, *, absent: Mapping[int, int | None], kept: Sequence[Visit], wanted: Sequence[Wanted]
) -> Scene:
    """The scenario of a day: `kept` visits stand with whoever of their people stays, `wanted` need somebody."""
    obstacles = {one.key: _obstacles(real, one) for one in wanted}
    items = {one.key: _item(one, obstacles[one.key]) for one in wanted}
    short = [one for one in wanted if one.beside]
    apart: set[int] = set()
    restless: set[int] = set()
    while True:
        stops = _stops(real, kept, short, absent, apart)
        people = _people(real, stops, absent, apart, restless)
        scenario, plan = _scenario(real, kept, short, stops, people, items)
        told = {visit.id for visit in scenario.visits}
        broken = {int(worker[1:]) for worker, _day in routing.Quoter(scenario, plan, told).broken}
        if not broken:
            break
        # A day that leaves no rest is a day without one; a day that cannot be kept at all is left alone.
        apart = _with_partners(kept, apart | (broken & restless), absent)
        restless |= broken
    return Scene(
        real,
        scenario,
        plan,
        told,
        {one.key: one for one in wanted},
        {one.key: real.times.at(items[one.key]) for one in wanted if not one.beside},
        {
            key: Counter(code for worker_id, code in found.items() if worker_id in people)
            for key, found in obstacles.items()
        },
        sorted(apart),
    )


def punctual(sight: Scene) -> Scene:
    """The scene with nobody's known time open to change, wherever the day works out to the minute."""
    known = {stop.visit: stop.start for route in sight.plan.routes for stop in route.stops}
    short = {one.key for one in sight.wanted.values() if one.beside}

    def held(loose: Collection[str]) -> Scenario:
        return replace(
            sight.scenario,
            visits=tuple(
                visit
                if visit.id in loose or visit.id in short
                else replace(visit, window=(known[visit.id], known[visit.id]))
                for visit in sight.scenario.visits
            ),
        )

    broken = {worker for worker, _day in routing.Quoter(held(()), sight.plan, sight.told).broken}
    loose = {stop.visit for route in sight.plan.routes if route.worker in broken for stop in route.stops}
    return replace(sight, scenario=held(loose))


def _with_partners(kept: Iterable[Visit], apart: set[int], absent: Mapping[int, int | None]) -> set[int]:
    """Whoever goes with somebody who is left alone is left alone, too."""
    found = set(apart)
    while True:
        more = set(found)
        for visit in kept:
            team = {one.worker_id for one in staying(visit, absent)}
            if team & more:
                more |= team
        if more == found:
            return found
        found = more


@dataclass(frozen=True, slots=True)
class _Stop:
    name: str
    start: int
    seconds: int
    place: Place


def staying(visit: Visit, absent: Mapping[int, int | None]) -> list[Assignment]:
    """The people of a visit who are not away by its end."""
    return [one for one in team_of(visit) if not leaves(absent, one.worker_id, visit)]


def _stops(
    real: RealDay,
    kept: Iterable[Visit],
    short: Iterable[Wanted],
    absent: Mapping[int, int | None],
    apart: Collection[int],
) -> dict[int, list[_Stop]]:
    found: dict[int, list[_Stop]] = defaultdict(list)
    for visit in kept:
        for one in _engaged(staying(visit, absent)):
            if one.worker_id not in apart:
                found[one.worker_id].append(_stop(real, visit_key(visit.id), visit))
    for wanted in short:
        assert wanted.visit is not None, "only a visit that stands has people beside it"
        for worker_id in wanted.beside:
            if worker_id not in apart:
                found[worker_id].append(_stop(real, wanted.key, wanted.visit))
    for rows in found.values():
        rows.sort(key=lambda stop: (stop.start, stop.name))
    return _squeezed(real, found)


def _squeezed(real: RealDay, stops: dict[int, list[_Stop]]) -> dict[int, list[_Stop]]:
    """The stops with as little time at the door as the way to the next one leaves.

    What was arranged by hand is often tighter than the estimate of the way allows. It stands all the same; more can
    be put before and behind it.
    """
    least: dict[str, int] = {}
    for worker_id, rows in stops.items():
        for one, following in pairwise(rows):
            room = (
                following.start
                - one.start
                - leg(real.workers[worker_id], one.place, following.place, real.times)
            )
            if LEAST_SECONDS <= room < one.seconds:
                least[one.name] = min(room, least.get(one.name, room))
    return defaultdict(
        list,
        {
            worker_id: [replace(one, seconds=least.get(one.name, one.seconds)) for one in rows]
            for worker_id, rows in stops.items()
        },
    )


def _engaged(team: Sequence[Assignment]) -> Sequence[Assignment]:
    """The two at most whom the engine knows on a visit: those who lead, else the one and a minor beside."""
    return sorted(team, key=lambda one: (one.is_companion, one.id))[:2]


def _stop(real: RealDay, name: str, visit: Visit) -> _Stop:
    seconds = round((visit.ends_at - visit.starts_at).total_seconds())
    first = real.workers[min(one.worker_id for one in team_of(visit))]
    return _Stop(name, second_of(visit.starts_at), seconds, place_of(visit) or start_of(first))


def _people(
    real: RealDay,
    stops: Mapping[int, Sequence[_Stop]],
    absent: Mapping[int, int | None],
    apart: Collection[int],
    restless: Collection[int],
) -> dict[int, tuple[Person, routing.Route | None]]:
    """Everybody who has a stop, and everybody who could take one; with the route they know."""
    found = {}
    for worker in real.workers.values():
        mine = stops.get(worker.id, ())
        if worker.id in apart or (worker.id in absent and not mine):
            continue
        made = _person(real, worker, mine, absent, restless)
        if made is not None:
            found[worker.id] = made
    return found


def _person(
    real: RealDay,
    worker: Worker,
    mine: Sequence[_Stop],
    absent: Mapping[int, int | None],
    restless: Collection[int],
) -> tuple[Person, routing.Route | None] | None:
    post, home = real.posts[worker.id], end_of(worker)
    hours, gaps = None, []
    if worker.id in real.pool and not fitness.is_day_off(worker.exceptions, real.day):
        spans = spans_on(worker, real.day)
        if worker.id in restless:
            # What was arranged lies in the gap: then only the longest span takes more.
            spans = sorted(spans, key=lambda span: span[0] - span[1])[:1]
        if spans:
            hours, gaps = (spans[0][0], spans[-1][1]), gaps_of(spans)
    minor = fitness.is_minor(worker, real.day)
    if not mine and (hours is None or minor or any(f.hard for f in fitness.duty_gate(worker, real.day))):
        return None
    route, way = None, leg(worker, post.place, home, real.times)
    if mine:
        departure = mine[0].start - leg(worker, post.place, mine[0].place, real.times)
        arrival = mine[-1].start + mine[-1].seconds + leg(worker, mine[-1].place, home, real.times)
        opens = min(max(hours[0] if hours else departure, post.free_from), departure)
        closes = max(hours[1] if hours else arrival, arrival)
        made = tuple(_timed(worker, mine, post.place, real.times))
        route = routing.Route(worker_key(worker.id), 0, departure, arrival, made)
    else:
        assert hours is not None, "without stops and hours there is nobody to plan"
        opens, closes = max(hours[0], post.free_from), hours[1]
        if closes - opens < way:
            return None
    load = real.loads[worker.id]
    room = min(
        worker.max_visits_day - load.day,
        worker.max_visits_week - load.week,
        worker.max_visits_month - load.month,
    )
    takes_more = hours is not None and worker.id not in absent
    rests = (
        hours is not None
        and through_noon([hours], gaps)
        and worker.id not in restless
        and opens <= LUNCH_WINDOW[1]
    )
    person = Person(
        id=worker_key(worker.id),
        start=post.place,
        end=home,
        mode=worker.travel_mode.value,
        shift=(max(0, opens), max(closes, opens + way)),
        max_visits=len(mine) + (max(0, room) if takes_more else 0),
        skills=tuple(
            one.skill.value for one in worker.skills if fitness.has_skill(worker, one.skill, real.day)
        ),
        companion_of_adult=minor,
        breaks=(*(Break((low, low), high - low) for low, high in gaps), *((LUNCH,) if rests else ())),
    )
    return person, route


def _timed(worker: Worker, mine: Sequence[_Stop], start: Place, times: Times) -> Iterable[routing.Stop]:
    at, free = start, mine[0].start - leg(worker, start, mine[0].place, times)
    for stop in mine:
        arrival = min(stop.start, free + leg(worker, at, stop.place, times))
        yield routing.Stop(stop.name, arrival, stop.start, stop.start + stop.seconds)
        at, free = stop.place, stop.start + stop.seconds


def _scenario(
    real: RealDay,
    kept: Sequence[Visit],
    short: Sequence[Wanted],
    stops: Mapping[int, Sequence[_Stop]],
    people: Mapping[int, tuple[Person, routing.Route | None]],
    wanted: Mapping[str, Item],
) -> tuple[Scenario, routing.Plan]:
    places = {stop.name: stop for rows in stops.values() for stop in rows}
    on = {
        name: [worker_id for worker_id, rows in stops.items() if any(row.name == name for row in rows)]
        for name in places
    }
    items = []
    for visit in kept:
        stop = places.get(visit_key(visit.id))
        if stop is None:
            continue
        leads = sum(not one.is_companion for one in team_of(visit) if one.worker_id in on[stop.name])
        low, high = window_of(visit.elder, stop.seconds)
        window = min(low, stop.start), max(high, stop.start)
        leads = min(2, max(1, leads))
        items.append(Item(stop.name, stop.place, stop.seconds, window, (), KEPT_PRIORITY, True, people=leads))
    items += [wanted[one.key] for one in short if one.key in places]
    scenario = Scenario(
        kind="day",
        name=f"{real.area.id} {real.day}",
        visits=tuple(items),
        workers=tuple(person for person, _route in people.values()),
        pinned=tuple(Pin(name, worker_key(one), 0) for name, team in on.items() for one in team),
        speed_kmh=tuple(speeds().items()),
        detour=DETOUR,
    )
    routes = tuple(route for _person_, route in people.values() if route is not None)
    return real.times.into(scenario), routing.Plan(scenario.name, routes)


def _item(one: Wanted, obstacles: Mapping[int, UnfitCode]) -> Item:
    place = place_of_elder(one.elder)
    assert place is not None, "homes without a place are not planned"
    return Item(
        one.key,
        place,
        one.seconds,
        one.window,
        tuple(skill for skill in one.skills if skill != Skill.DIALECT) if one.people == 2 else (),
        URGENT_PRIORITY if one.urgent else STATUTORY_PRIORITY if one.statutory else OTHER_PRIORITY,
        one.statutory or one.urgent,
        excluded=tuple(worker_key(worker_id) for worker_id in obstacles),
        people=one.people,
    )


def place_of_elder(elder: Elder) -> Place | None:
    """Where an elder lives; None while the home is not on the map."""
    return home_place(elder.household)


def _obstacles(real: RealDay, one: Wanted) -> dict[int, UnfitCode]:
    """Worker → the first thing that stands against taking the visit over, whatever the hour."""
    found = {}
    for worker in real.workers.values():
        code = None if worker.id in one.beside else _obstacle(real, worker, one)
        if code is not None:
            found[worker.id] = code
    return found


def _obstacle(real: RealDay, worker: Worker, one: Wanted) -> UnfitCode | None:
    if fitness.is_day_off(worker.exceptions, real.day) or not fitness.longest_span(worker, real.day):
        return UnfitCode.DAY_OFF
    if fitness.is_minor(worker, real.day):
        return UnfitCode.MINOR_ALONE
    skills = () if one.people == 2 else one.skills
    found = [
        *fitness.duty_gate(worker, real.day),
        *fitness.pairing(worker, one.elder, day=real.day, needs_skills=skills),
        *fitness.limits(worker, real.loads[worker.id], one.seconds // 60),
    ]
    return next((finding.code for finding in found if finding.code not in NOT_AN_OBSTACLE), None)


def window_of(elder: Elder, seconds: int) -> tuple[int, int]:
    """The starts that suit an elder."""
    opens = elder.visit_from.hour * 3600 + elder.visit_from.minute * 60
    closes = elder.visit_until.hour * 3600 + elder.visit_until.minute * 60
    return opens, max(opens, closes - seconds)
