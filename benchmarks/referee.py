"""A second opinion on plans: every limit of the scenario format, written without the engine.

Works on the plain JSON form of scenario and plan, with its own distances, times, sums and scores, and imports
nothing of `routing`: an error made there is not made here again. Each benchmark result must pass both this and
`routing.check`, and the two must agree on the score.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from itertools import permutations, product
from math import atan2, cos, inf, radians, sin, sqrt
from typing import Any

Json = dict[str, Any]
RADIUS_M = 6371008.8
FREE = [0, 10**9]


@dataclass
class Verdict:
    """What the referee found: broken rules as (rule, where), and what the plan is worth.

    `travel` and `cost` are seconds, `served` and `visits` count visits.
    """

    broken: list[tuple[str, str]] = field(default_factory=list)
    statutory: int = 0
    priority: int = 0
    travel: int = 0
    cost: float = 0.0
    served: int = 0
    visits: int = 0

    @property
    def ok(self) -> bool:
        return not self.broken

    @property
    def rules(self) -> set[str]:
        """The names of the broken rules."""
        return {rule for rule, _where in self.broken}


def distance_m(a: list[float], b: list[float]) -> float:
    """Great-circle metres between two [latitude, longitude] places (haversine, by the two-argument arc tangent)."""
    up, across = radians(b[0] - a[0]), radians(b[1] - a[1])
    share = sin(up / 2) ** 2 + cos(radians(a[0])) * cos(radians(b[0])) * sin(across / 2) ** 2
    return 2 * RADIUS_M * atan2(sqrt(share), sqrt(max(0.0, 1 - share)))


def judge(scenario: Json, plan: Json) -> Verdict:
    """Check a plan with times against its scenario and score it."""
    return _Referee(scenario, plan).verdict


@dataclass
class _Call:
    """One worker at one visit."""

    visit: str
    worker: Json
    day: int
    place: int
    start: int


class _Referee:
    def __init__(self, scenario: Json, plan: Json) -> None:
        self.scenario = scenario
        self.verdict = Verdict()
        self.month = scenario["kind"] == "month"
        self.days = scenario["days"] if self.month else 1
        self.workers = {worker["id"]: worker for worker in scenario["workers"]}
        self.wanted: dict[str, Json] = {}
        for item in scenario["elders" if self.month else "visits"]:
            names = [f"{item['id']}#{k + 1}" for k in range(_count(item))] if self.month else [item["id"]]
            self.wanted.update(dict.fromkeys(names, item))
        self.calls: dict[str, list[_Call]] = defaultdict(list)
        self.routes: dict[tuple[str, int], list[str]] = {}
        self.lengths: dict[tuple[str, int], int] = {}
        for route in plan["routes"]:
            self.drive(route)
        for name, calls in self.calls.items():
            self.meet(name, calls)
        self.carry()
        self.add_up()
        if self.month:
            self.spacing()
        self.lists(
            [left if isinstance(left, str) else left["visit"] for left in plan.get("unassigned") or ()]
        )
        self.held()
        self.value(plan.get("score"))

    def broken(self, rule: str, where: object) -> None:
        self.verdict.broken.append((rule, str(where)))

    # --- one route

    def leg(self, worker: Json, origin: Json | None, target: Json | None) -> int:
        """Seconds of travel; None stands for the worker's start (as origin) or end (as target)."""
        mode = worker.get("mode") or "walk"
        table = self.scenario.get("matrix")
        if table is not None:
            row = worker["start_index"] if origin is None else origin["loc_index"]
            last = worker["end_index"] if worker.get("end_index") is not None else worker["start_index"]
            return table[mode][row][last if target is None else target["loc_index"]]
        a = worker["start"] if origin is None else origin["loc"]
        b = (worker.get("end") or worker["start"]) if target is None else target["loc"]
        speed = self.scenario["speed_kmh"][mode] / 3.6
        return round(distance_m(a, b) * (self.scenario.get("detour") or 1.0) / speed)

    def shift(self, worker: Json, day: int) -> list[int] | None:
        if not self.month:
            return worker.get("shift") or FREE
        weekday = self.scenario["weekday_of_day"][day]
        weekdays = worker.get("weekdays")
        if day in (worker.get("not_days") or ()) or (weekdays is not None and weekday not in weekdays):
            return None
        return (worker.get("shifts") or {}).get(str(weekday)) or worker.get("shift") or FREE

    def drive(self, route: Json) -> None:
        worker, day = self.workers.get(route["worker"]), route.get("day", 0)
        where = f"{route['worker']}/{day}"
        if worker is None or not 0 <= day < self.days or (route["worker"], day) in self.routes:
            self.broken("route", where)
            return
        stops = [stop for stop in route["stops"] if stop["visit"] in self.wanted]
        for stop in route["stops"]:
            if stop["visit"] not in self.wanted:
                self.broken("unknown", stop["visit"])
        self.routes[worker["id"], day] = [stop["visit"] for stop in route["stops"]]
        self.lengths[worker["id"], day] = route["arrival"] - route["departure"] if stops else 0
        shift = self.shift(worker, day)
        if shift is None:
            self.broken("absent", where)
        elif not (shift[0] <= route["departure"] and route["arrival"] <= shift[1]):
            self.broken("shift", where)
        now, here = route["departure"], None
        pauses = [(-inf, route["departure"], 0)]
        for stop in stops:
            visit = self.wanted[stop["visit"]]
            leg = self.leg(worker, here, visit)
            self.verdict.travel += leg
            if now + leg > stop["arrival"] or stop["arrival"] > stop["start"]:
                self.broken("travel", stop["visit"])
            pauses.append((now, stop["start"], leg))
            self.serve(worker, visit, stop)
            place = self.routes[worker["id"], day].index(stop["visit"])
            self.calls[stop["visit"]].append(_Call(stop["visit"], worker, day, place, stop["start"]))
            now, here = stop["end"], visit
        if here is None:
            return
        leg = self.leg(worker, here, None)
        self.verdict.travel += leg
        if now + leg > route["arrival"]:
            self.broken("travel", where)
        pauses += [(now, route["arrival"], leg), (route["arrival"], inf, 0)]
        longest = worker.get("max_route_seconds")
        if longest is not None and route["arrival"] - route["departure"] > longest:
            self.broken("length", where)
        rests = worker.get("breaks") or []
        if rests and not any(_rests_fit(order, pauses) for order in permutations(rests)):
            self.broken("break", where)

    def serve(self, worker: Json, visit: Json, stop: Json) -> None:
        low, high = visit.get("window") or FREE
        if stop["start"] < low or stop["start"] > high:
            self.broken("window", stop["visit"])
        if stop["end"] < stop["start"] + visit["duration"]:
            self.broken("duration", stop["visit"])
        if worker["id"] in (visit.get("excluded") or ()):
            self.broken("excluded", stop["visit"])
        radius = worker.get("radius_m")
        if radius is not None and distance_m(worker["start"], visit["loc"]) > radius:
            self.broken("radius", stop["visit"])

    # --- who is there together

    def meet(self, name: str, calls: list[_Call]) -> None:
        visit = self.wanted[name]
        people = visit.get("people") or 1
        if len({call.worker["id"] for call in calls}) != len(calls):
            self.broken("twice", name)
        if len({(call.day, call.start) for call in calls}) > 1:
            self.broken("together", name)
        minors = [call for call in calls if call.worker.get("companion_of_adult")]
        adults = [call for call in calls if not call.worker.get("companion_of_adult")]
        company = people == 1 and len(minors) == len(adults) == 1
        if len(calls) > people + company:
            self.broken("twice", name)
        if len(calls) < people:
            self.broken("people", name)
        for minor in minors:
            if all((adult.day, adult.start) != (minor.day, minor.start) for adult in adults):
                self.broken("minor", name)
        able = adults if people == 1 and adults else calls
        known = set().union(*(call.worker.get("skills") or () for call in able))
        if not known.issuperset(visit.get("skills") or ()):
            self.broken("skill", name)

    def carry(self) -> None:
        """Loads against capacities; of two workers at a visit either may carry, so every choice is tried."""
        for day in sorted({day for _worker, day in self.routes}):
            fixed: dict[str, int] = defaultdict(int)
            free: list[tuple[int, list[str]]] = []
            for name, calls in self.calls.items():
                load = self.wanted[name].get("load") or 0
                here = [call.worker for call in calls if call.day == day]
                if not load or not here or any(worker.get("capacity") is None for worker in here):
                    continue
                if len(here) == 1:
                    fixed[here[0]["id"]] += load
                else:
                    free.append((load, [worker["id"] for worker in here]))
            if not self._fits(fixed, free):
                self.broken("capacity", day)

    def _fits(self, fixed: dict[str, int], free: list[tuple[int, list[str]]]) -> bool:
        rooms = {name: self.workers[name]["capacity"] - used for name, used in fixed.items()}
        for _load, names in free:
            for name in names:
                rooms.setdefault(name, self.workers[name]["capacity"])
        if any(room < 0 for room in rooms.values()):
            return False
        reached = {tuple(rooms.values())}
        order = list(rooms)
        for load, names in free:
            further = set()
            for state, name in product(reached, names):
                number = order.index(name)
                if state[number] >= load:
                    further.add((*state[:number], state[number] - load, *state[number + 1 :]))
            reached = further
        return bool(reached)

    # --- sums over days

    def add_up(self) -> None:
        weeks = self._weeks()
        for name, worker in self.workers.items():
            each = {day: len(stops) for (owner, day), stops in self.routes.items() if owner == name}
            if any(count > _most(worker, "max_visits") for count in each.values()):
                self.broken("visits_day", name)
            if not self.month:
                continue
            for week in set(weeks):
                inside = [day for day in each if weeks[day] == week]
                if sum(each[day] for day in inside) > _most(worker, "max_visits_week"):
                    self.broken("visits_week", name)
                spent = sum(self.lengths[name, day] for day in inside)
                if spent > _most(worker, "max_hours_week") * 3600:
                    self.broken("hours_week", name)
            if sum(each.values()) > _most(worker, "max_visits_month"):
                self.broken("visits_month", name)

    def _weeks(self) -> list[int]:
        weekdays = self.scenario["weekday_of_day"] if self.month else [0]
        return [
            sum(weekdays[k] <= weekdays[k - 1] for k in range(1, day + 1)) for day in range(len(weekdays))
        ]

    def spacing(self) -> None:
        for elder in self.scenario["elders"]:
            names = [f"{elder['id']}#{k + 1}" for k in range(_count(elder))]
            days = [self.calls[name][0].day for name in names if self.calls.get(name)]
            if days != sorted(days):
                self.broken("number", elder["id"])
            if days and not permitted(elder, sorted(days), self.scenario["weekday_of_day"]):
                self.broken("days", elder["id"])

    # --- lists and pins

    def lists(self, left: list[str]) -> None:
        for name in left:
            if name not in self.wanted:
                self.broken("unknown", name)
            elif self.calls.get(name):
                self.broken("listed", name)
        for name in self.wanted:
            if not self.calls.get(name) and name not in left:
                self.broken("missing", name)

    def held(self) -> None:
        """A pinned visit that is made must be made as pinned; one that is not made breaks no pin."""
        pins: dict[str, list[Json]] = defaultdict(list)
        for pin in self.scenario.get("pinned") or ():
            if pin["visit"] in self.wanted:
                pins[self.wanted[pin["visit"]]["id"]].append(pin)
        for owner, wishes in pins.items():
            made = [call for calls in self.calls.values() for call in calls]
            made = [call for call in made if self.wanted[call.visit]["id"] == owner]
            used: set[int] = set()
            for pin in sorted(wishes, key=lambda pin: pin.get("day") is None):
                day = pin.get("day")
                good = [
                    k
                    for k, call in enumerate(made)
                    if call.worker["id"] == pin["worker"] and day in (None, call.day) and k not in used
                ]
                if good:
                    good.sort(key=lambda k: (made[k].visit != pin["visit"], made[k].day))
                    used.add(good[0])
                    self._position(made[good[0]], pin)
                    continue
                elder = self.wanted[pin["visit"]]
                names = {wish["visit"] for wish in wishes}
                done = len({call.visit for call in made})
                on_day = day is not None and any(call.day == day for call in made)
                if on_day or done > (_count(elder) if self.month else 1) - len(names):
                    self.broken("pin", pin["visit"])

    def _position(self, call: _Call, pin: Json) -> None:
        wanted = pin.get("position")
        if wanted is None or call.place == wanted:
            return
        later = self.routes[call.worker["id"], call.day][call.place + 1 :]
        placed = {
            self.wanted[other["visit"]]["id"]
            for other in self.scenario["pinned"]
            if other["worker"] == call.worker["id"] and other.get("position") is not None
            if other["visit"] in self.wanted
        }
        if call.place > wanted or any(self.wanted[name]["id"] not in placed for name in later):
            self.broken("position", call.visit)

    # --- worth

    def value(self, claimed: Json | None) -> None:
        verdict = self.verdict
        verdict.visits = len(self.wanted)
        strangers = 0
        for name, visit in self.wanted.items():
            calls = self.calls.get(name)
            if not calls:
                verdict.statutory += bool(visit.get("statutory"))
                verdict.priority += 1 if visit.get("priority") is None else visit["priority"]
                continue
            verdict.served += 1
            known = set(visit.get("preferred") or ()) | ({visit.get("last_visitor")} - {None})
            strangers += bool(known) and known.isdisjoint(call.worker["id"] for call in calls)
        busy: dict[str, int] = defaultdict(int)
        for (name, _day), seconds in self.lengths.items():
            if self.routes[name, _day]:
                busy[name] += seconds
        weights = self.scenario.get("weights") or {}
        over = max(busy.values()) - sum(busy.values()) / len(busy) if busy else 0.0
        extra = weights.get("continuity", 0) * strangers + weights.get("balance", 0) * over
        verdict.cost = round(verdict.travel + extra, 2)
        if claimed is not None:
            if claimed["travel_seconds"] != verdict.travel:
                self.broken("claim", "travel_seconds")
            if claimed["unserved_priority"] != verdict.priority:
                self.broken("claim", "unserved_priority")


def _most(worker: Json, name: str) -> float:
    return inf if worker.get(name) is None else worker[name]


def _count(elder: Json) -> int:
    if elder.get("patterns") is None:
        return elder.get("frequency") or 1
    return max(map(len, elder["patterns"]), default=1)


def permitted(elder: Json, days: list[int], weekday_of_day: list[int]) -> bool:
    """Whether the made days (ascending) can be completed to a full permitted set of days."""
    if len(set(days)) != len(days):
        return False
    if elder.get("patterns") is not None:
        return any(set(pattern).issuperset(days) for pattern in elder["patterns"])
    wanted, never = elder.get("frequency") or 1, set(elder.get("not_weekdays") or ())
    low, high = max(1, elder.get("min_gap_days") or 0), elder.get("max_gap_days") or len(weekday_of_day)
    last = elder.get("last_day")

    # ways of standing at `day` with `count` visits made, every made day before it among them
    @cache
    def stands(day: int, count: int) -> bool:
        if weekday_of_day[day] in never:
            return False
        if count == 1:
            return (last is None or day - last >= low) and not any(made < day for made in days)
        before = range(max(0, day - high), day - low + 1)
        return any(stands(k, count - 1) and not any(k < made < day for made in days) for k in before)

    return any(
        stands(day, wanted) and not any(made > day for made in days) for day in range(len(weekday_of_day))
    )


def _rests_fit(rests: tuple[Json, ...], pauses: list[tuple[float, float, int]]) -> bool:
    """Whether rests fit in this order; each pause is free from, busy from, and a journey made whole within it."""

    def put(rest: int, pause: int, clock: float, journey: int) -> bool:
        if rest == len(rests):
            return True
        if pause == len(pauses):
            return False
        begin = max(clock, rests[rest]["window"][0])
        end = begin + rests[rest]["duration"]
        fits = begin <= rests[rest]["window"][1] and end + journey <= pauses[pause][1]
        if fits and put(rest + 1, pause, end, journey):
            return True
        if journey and put(rest, pause, clock + journey, 0):
            return True
        following = pause + 1
        if following == len(pauses):
            return False
        return put(rest, following, pauses[following][0], pauses[following][2])

    return put(0, 0, pauses[0][0], pauses[0][2])
