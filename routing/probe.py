"""Probes: one missing visit tried against every worker and day.

First with nothing else planned, then in the plan as it is; the first limit that stops every try is
the reason. Remedies are tried in the same way: one limit is loosened, and only what would then work
is suggested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from routing.draft import visit_names
from routing.insert import may_pair, partners
from routing.model import FREE, Model
from routing.plan import Unassigned
from routing.reasons import reason_text, remedy_text
from routing.state import State
from routing.timing import time_route
from routing.travel import metres

PROBES = 60
"""How many worker-days are tried for remedies that need a loosened limit."""
EXTRA_SHIFT = (1800, 3600, 7200)


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing that would let the visit be made: code of `reasons.REMEDIES` and its figures."""

    code: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The remedy in English."""
        return remedy_text(self.code, self.detail)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one visit is unassigned: code of `reasons.REASONS`, figures, and what would fix it."""

    visit: str
    reason: str
    detail: Mapping[str, Any]
    remedies: tuple[Remedy, ...]

    @property
    def text(self) -> str:
        """The reason in English."""
        return reason_text(self.reason, self.detail)

    def unassigned(self) -> Unassigned:
        """Return the plan's entry for this visit."""
        remedy = self.remedies[0].text if self.remedies else ""
        return Unassigned(self.visit, self.reason, dict(self.detail), remedy)


Found = tuple[str, dict[str, Any], list[Remedy]]


class Prober:
    """Tries absent needs against a state."""

    def __init__(self, model: Model, state: State) -> None:
        self.model = model
        self.state = state
        self.names = [worker.id for worker in model.scenario.workers]

    def explain(self, need: int, name: str) -> Explanation:
        """Return the explanation of one absent need."""
        item = self.model.item_of[need]
        reason, detail, remedies = self._reason(item)
        pins = self.model.pins.get(need)
        if pins:
            workers = [pin.worker for pin in pins]
            detail = {"workers": workers, "because": reason} | detail | {"workers": workers}
            reason, remedies = "pin_impossible", [Remedy("loosen_pin"), *remedies]
        return Explanation(name, reason, detail, tuple(remedies))

    def _reason(self, item: int) -> Found:
        model = self.model
        tests = [self._permanent(item), self._days(item)]
        for found in tests:
            if found is not None:
                return found
        days = model.options(item, self.state.made[item])
        working = self._working(item, days)
        if working is not None:
            return working
        if model.people[item] == 2:
            return self._pair(item, days)
        return self._alone(item, days) or self._in_plan(item, days)

    # -- who could make it at all

    def _permanent(self, item: int) -> Found | None:
        """Skills, exclusions and radius: nothing to do with the plan."""
        model, scenario = self.model, self.model.scenario
        visit = scenario.visits[item]
        skills = sorted(set(visit.skills))
        wanted = model.needs_skills[item]
        everyone = range(model.workers)
        if model.people[item] == 2:
            pairs = [(a, b) for a in everyone for b in range(a) if may_pair(model, item, a, b, None)]
            if not pairs:
                return (
                    "no_pair_with_skills",
                    {"skills": skills},
                    [Remedy("recruit_skill", {"skills": skills})],
                )
            able = sorted({worker for pair in pairs for worker in pair})
        else:
            able = [w for w in everyone if not model.minor[w] and wanted & ~model.has_skills[w] == 0]
            if not able:
                return self._skills(skills)
        allowed = [w for w in able if self.names[w] not in visit.excluded]
        if not allowed or (model.people[item] == 2 and not self._any_pair(item, allowed)):
            names = [self.names[w] for w in able if self.names[w] in visit.excluded]
            near = min((w for w in able if w not in allowed), key=lambda w: self._metres(w, item))
            remedy = Remedy("allow_excluded", {"worker": self.names[near]})
            return "all_excluded", {"workers": names}, [remedy, Remedy("recruit_skill", {"skills": skills})]
        inside = [w for w in allowed if w in model.near[item]]
        if not inside or (model.people[item] == 2 and not self._any_pair(item, inside)):
            outside = sorted((self._metres(w, item), w) for w in allowed if w not in inside)
            far, worker = outside[0]
            detail = {
                "worker": self.names[worker],
                "metres": far,
                "radius_m": scenario.workers[worker].radius_m,
            }
            remedies = [
                Remedy("raise_radius", {"worker": self.names[w], "metres": m}) for m, w in outside[:2]
            ]
            return "outside_radius", detail, remedies
        return None

    def _any_pair(self, item: int, workers: list[int]) -> bool:
        return any(may_pair(self.model, item, a, b, None) for a in workers for b in workers if a < b)

    def _skills(self, skills: list[str]) -> Found:
        model = self.model
        workers = model.scenario.workers
        wanted = set(skills)
        recruit = Remedy("recruit_skill", {"skills": skills})
        if any(wanted <= set(worker.skills) for worker in workers):
            return "only_minors", {"skills": skills}, [Remedy("add_adult", {"skills": skills}), recruit]
        nobody = sorted(wanted - {skill for worker in workers for skill in worker.skills})
        remedies = []
        adults = [w for w in workers if not w.companion_of_adult]
        for worker in sorted(adults, key=lambda w: len(wanted - set(w.skills)))[:1]:
            missing = sorted(wanted - set(worker.skills))
            remedies.append(Remedy("train_worker", {"worker": worker.id, "skills": missing}))
        return "no_worker_with_skill", {"skills": skills, "nobody_has": nobody}, [recruit, *remedies]

    def _metres(self, worker: int, item: int) -> int:
        scenario = self.model.scenario
        return -int(-metres(scenario.workers[worker].start, scenario.visits[item].loc) // 1)

    # -- days

    def _days(self, item: int) -> Found | None:
        if self.model.options(item, self.state.made[item]):
            return None
        return "no_permitted_day", {}, [Remedy("relax_spacing")]

    def _people(self, item: int) -> list[int]:
        return self.model.near[item] if self.model.people[item] == 2 else self.model.solo[item]

    def _working(self, item: int, days: tuple[int, ...]) -> Found | None:
        model = self.model
        people = self._people(item)

        def someone(day: int) -> bool:
            present = [w for w in people if model.shift_no[w][day] >= 0]
            return self._any_pair(item, present) if model.people[item] == 2 else bool(present)

        if any(someone(day) for day in days):
            return None
        other = [day for day in range(model.days) if day not in days and someone(day)]
        remedies = []
        if days and people:
            remedies.append(Remedy("work_on_day", {"worker": self.names[people[0]], "day": days[0]}))
        if other:
            remedies.append(Remedy("permit_day", {"day": other[0]}))
        made = self.state.made[item]
        if made and any(someone(day) for day in model.options(item, ()) if day not in made):
            detail = {"made": list(made), "days": list(days)}
            return "spacing", detail, [Remedy("relax_spacing"), *remedies]
        return "no_worker_on_permitted_days", {"days": list(days)}, remedies

    # -- one worker, nothing else planned

    def _alone(self, item: int, days: tuple[int, ...]) -> Found | None:
        """Whether any able worker could make the visit on an otherwise empty day."""
        model = self.model
        visit = model.scenario.visits[item]
        causes: Counter[str] = Counter()
        longest: tuple[int, int] | None = None
        for worker, day in self._worker_days(item, days):
            shift = model.shift_no[worker][day]
            if model.load[item] > model.capacity[worker]:
                causes["load_over_capacity"] += 1
                continue
            tour = model.tour(worker, shift, ((item, FREE, model.load[item]),))
            if tour is not None and tour.span <= model.cap_seconds[worker]:
                return None
            span = tour.span if tour is not None else self._span(item, worker, day)
            if span is None:
                causes["window_outside_shifts"] += 1
            else:
                causes["route_too_long"] += 1
                longest = min(longest or (span, worker), (span, worker))
        if causes["route_too_long"] and longest is not None:
            span, worker = longest
            remedy = Remedy("longer_route", {"worker": self.names[worker], "seconds": span})
            return "route_too_long", {"seconds": span, "worker": self.names[worker]}, [remedy]
        if causes["window_outside_shifts"]:
            detail = {"window": list(visit.window)}
            return "window_outside_shifts", detail, self._windows(item, days)
        load = model.load[item]
        return "load_over_capacity", {"load": load}, [Remedy("share_load", {"load": load})]

    def _worker_days(self, item: int, days: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        for worker in self._people(item):
            for day in days:
                if self.model.shift_no[worker][day] >= 0:
                    yield worker, day

    def _span(self, item: int, worker: int, day: int) -> int | None:
        """Departure to arrival of the visit alone, without a limit on it; None when times forbid it."""
        model = self.model
        rows = model.rows[worker]
        legs = [
            rows[model.items + worker][item],
            rows[item][model.items + model.workers + worker],
        ]
        shift = model.shifts[worker][model.shift_no[worker][day]]
        timing = time_route(legs, [model.duration[item]], [model.window[item]], shift, model.breaks[worker])
        return None if timing is None else timing.arrival - timing.departure

    def _windows(self, item: int, days: tuple[int, ...]) -> list[Remedy]:
        """Starts outside the window that somebody could keep, the nearest to the window first."""
        model = self.model
        low, high = model.window[item]
        found = []
        for worker, day in self._worker_days(item, days):
            opening, closing = model.shifts[worker][model.shift_no[worker][day]]
            rows = model.rows[worker]
            first = opening + rows[model.items + worker][item]
            last = closing - rows[item][model.items + model.workers + worker] - model.duration[item]
            if first <= last:
                start = min(max(first, low), last) if last < low else first
                found.append((max(low - start, start - high), worker, start))
        return [
            Remedy("widen_window", {"worker": self.names[worker], "start": start})
            for _, worker, start in sorted(found)[:1]
        ] + [Remedy("another_worker", {"skills": sorted(model.scenario.visits[item].skills)})]

    # -- in the plan as it is

    def _in_plan(self, item: int, days: tuple[int, ...]) -> Found:
        model, state = self.model, self.state
        causes: Counter[str] = Counter()
        tries: dict[str, list[tuple[int, int]]] = {}
        for worker, day in self._worker_days(item, days):
            route = worker * model.days + day
            tour = state.tours[route]
            if tour is None or model.tour(worker, tour.shift, ((item, FREE, model.load[item]),)) is None:
                continue
            spot = model.spot(tour, item)
            cause = self._blocked(worker, day, spot)
            if cause is None and spot is not None and not state.allowed(route, spot[1]):
                cause = "no_time_left"
            if cause is None:
                place = {"worker": self.names[worker], "day": day}
                return "can_be_inserted", place, [Remedy("insert_now", place)]
            causes[cause] += 1
            tries.setdefault(cause, []).append((worker, day))
        reason = causes.most_common(1)[0][0] if causes else "no_time_left"
        detail = {"worker_days": causes.total(), "causes": dict(sorted(causes.items()))}
        remedies = []
        for cause, _ in causes.most_common():
            remedies += self._loosen(item, cause, tries[cause])
        skills = sorted(model.scenario.visits[item].skills)
        remedies.append(Remedy("another_worker", {"skills": skills}))
        return reason, detail, remedies

    def _blocked(self, worker: int, day: int, spot: tuple[int, int, int] | None) -> str | None:
        """Return the limit that stops one more visit, None when nothing does."""
        model, state = self.model, self.state
        week = model.weeks[day]
        tour = state.tours[worker * model.days + day]
        if tour is None or len(tour.stops) + 1 > model.cap_day[worker]:
            return "day_visits_reached"
        if state.month_visits[worker] + 1 > model.cap_month[worker]:
            return "month_visits_reached"
        if state.week_visits[worker][week] + 1 > model.cap_week[worker]:
            return "week_visits_reached"
        if spot is None:
            return "no_time_left"
        if state.week_seconds[worker][week] + spot[2] - tour.span > model.cap_seconds[worker]:
            return "week_hours_reached"
        return None

    def _loosen(self, item: int, cause: str, tries: list[tuple[int, int]]) -> list[Remedy]:
        """Return what would work if one limit were loosened for one worker-day."""
        model, state = self.model, self.state
        tries = sorted(tries, key=lambda entry: self._metres(entry[0], item))[:PROBES]
        for worker, day in tries:
            tour = state.tours[worker * model.days + day]
            spot = None if tour is None else model.spot(tour, item)
            place = {"worker": self.names[worker], "day": day}
            if cause == "no_time_left":
                found = self._longer_shift(item, worker, day) or self._give_way(item, worker, day)
                if found is not None:
                    return [found]
            elif spot is not None and tour is not None and cause == "week_hours_reached":
                week = model.weeks[day]
                spent = state.week_seconds[worker][week] + spot[2] - tour.span
                return [Remedy("more_hours", place | {"seconds": spent - model.cap_seconds[worker]})]
            elif spot is not None:
                return [Remedy("one_more_visit", place)]
        return []

    def _longer_shift(self, item: int, worker: int, day: int) -> Remedy | None:
        model = self.model
        tour = self.state.tours[worker * model.days + day]
        if tour is None:
            return None
        opening, closing = model.shifts[worker][tour.shift]
        stops = [(stop[0], stop[1]) for stop in tour.stops]
        for extra in EXTRA_SHIFT:
            for position in range(len(stops) + 1):
                row = [*stops[:position], (item, FREE), *stops[position:]]
                points = [model.items + worker, *(s[0] for s in row), model.items + model.workers + worker]
                legs = [model.rows[worker][a][b] for a, b in pairwise(points)]
                timing = time_route(
                    legs,
                    [model.duration[s[0]] for s in row],
                    [model.window[s[0]] if s[1] < 0 else (s[1], s[1]) for s in row],
                    (opening, closing + extra),
                    model.breaks[worker],
                )
                if timing is not None and timing.arrival - timing.departure <= model.max_route[worker]:
                    return Remedy(
                        "extend_shift", {"worker": self.names[worker], "day": day, "seconds": extra}
                    )
        return None

    def _give_way(self, item: int, worker: int, day: int) -> Remedy | None:
        """A stop of less priority whose place the visit could take."""
        model, state = self.model, self.state
        route = worker * model.days + day
        tour = state.tours[route]
        if tour is None:
            return None
        names = None
        for at, need in enumerate(state.row[route]):
            other = model.item_of[need]
            less = model.priority[other] < model.priority[item] and not model.statutory[other]
            if not less or not state.movable(need):
                continue
            rest = model.tour(worker, tour.shift, tour.stops[:at] + tour.stops[at + 1 :])
            if rest is not None and model.spot(rest, item) is not None:
                names = names or visit_names(model, state)
                detail = {"worker": self.names[worker], "day": day}
                return Remedy("give_way", detail | {"visit": names[need], "priority": model.priority[other]})
        return None

    # -- two people

    def _pair(self, item: int, days: tuple[int, ...]) -> Found:
        """Two people: try every pair on every day, first on empty days, then in the plan."""
        model = self.model
        skills = sorted(set(model.scenario.visits[item].skills))
        first, second = partners(model, item, None)
        free = State(model)
        alone = False
        for day in days:
            present = [w for w in first if model.shift_no[w][day] >= 0]
            for a in present:
                for b in second:
                    if b <= a or model.shift_no[b][day] < 0 or not may_pair(model, item, a, b, None):
                        continue
                    if self._joint(free, item, a, b, day):
                        alone = True
                        if self._joint(self.state, item, a, b, day):
                            place = {"worker": self.names[a], "second": self.names[b], "day": day}
                            return "can_be_inserted", place, [Remedy("insert_now", place)]
        if not alone:
            remedies = [Remedy("second_person", {"days": list(days)}), *self._windows(item, days)]
            return "window_outside_shifts", {"window": list(model.window[item])}, remedies
        remedies = [
            Remedy("second_person", {"days": list(days)}),
            Remedy("another_worker", {"skills": skills}),
        ]
        return "no_two_free_together", {"days": list(days)}, remedies

    def _joint(self, state: State, item: int, a: int, b: int, day: int) -> bool:
        model = self.model
        tours = state.tours[a * model.days + day], state.tours[b * model.days + day]
        if tours[0] is None or tours[1] is None:
            return False
        if not all(state.fits(tour.worker * model.days + day, 1, tour.span) for tour in tours if tour):
            return False
        for _, at_a, low_a, high_a in model.openings(tours[0], item):
            for _, at_b, low_b, high_b in model.openings(tours[1], item):
                start = max(low_a, low_b)
                if start > min(high_a, high_b):
                    continue
                load = model.load[item]
                for share in ((load, 0), (0, load)):
                    one = model.with_stop(tours[0], at_a, (item, start, share[0]))
                    two = model.with_stop(tours[1], at_b, (item, start, share[1]))
                    if one is None or two is None:
                        continue
                    if state.fits(a * model.days + day, 1, one.span) and state.fits(
                        b * model.days + day, 1, two.span
                    ):
                        return True
        return False
