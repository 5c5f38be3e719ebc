"""Calls by telephone or video, given to people in their free time beside the routes.

A call is short and has no way, so it needs no route: it needs somebody who may ring, on a permitted day, at an hour
that suits, in time left free. Giving them out is a matching of calls to days of people:

1. Calls in the order of their last permitted day; each to the people best known to the elder first (`first`, in
   that order), then to whoever understands the elder best (`liking`), then to whoever has the fewest calls.
2. A call that finds no room moves others out of the way along an augmenting path (Kuhn 1955), so that what is left
   is left because the time is short and not because of the order. The path search is cut after `MOST_TRIES`.

No chance and no clock: the same input gives the same lists. `check` judges a result without the code that made it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

Span = tuple[int, int]
"""Seconds from midnight, the second one excluded."""

MOST_TRIES = 4000
"""Days of people looked at for one call before it counts as left."""


class LeftReason(StrEnum):
    """Why a call is nobody's."""

    NO_DAY = "no_day"
    NOBODY_MAY = "nobody_may"
    NOBODY_FREE = "nobody_free"
    FULL = "full"


class Why(StrEnum):
    """Why it is this person's."""

    KNOWN = "known"
    SPEAKS = "speaks"
    FREE = "free"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may ring. `free` are the spans of each day (index) without overlaps; a week is seven days from
    day 0. Who is not of age rings nobody."""

    id: str
    free: Mapping[int, tuple[Span, ...]]
    most_day: int = 8
    most_week: int = 24
    adult: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One call that is owed. `days` are the permitted ones, `window` the hours of a day in which it must begin and
    end. `first` names who knows the elder, best first; `liking` is how well others understand each other (more is
    better, 0 without entry); `excluded` may not ring. An elder is rung at most once a day."""

    id: str
    elder: str
    days: tuple[int, ...]
    seconds: int
    window: Span = (0, 86_400)
    first: tuple[str, ...] = ()
    liking: Mapping[str, int] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Given:
    """A call with its person, day and time."""

    call: str
    caller: str
    day: int
    start: int
    end: int
    why: Why


@dataclass(frozen=True, slots=True)
class Lists:
    """Everything that was asked for: given or left with the reason, in the order of the calls' ids."""

    given: tuple[Given, ...]
    left: tuple[tuple[str, LeftReason], ...]


Bucket = tuple[str, int]
"""A person's day."""


def distribute(callers: Sequence[Caller], calls: Sequence[Call], kept: Sequence[Given] = ()) -> Lists:
    """Give out the calls; `kept` stay as they are and take their time (they name calls among `calls`, or others).

    Raises ValueError when ids repeat or a call has no length.
    """
    _demand_sound(callers, calls, kept)
    desk = _Desk(callers, calls, kept)
    order = sorted(
        (call for call in calls if call.id not in desk.at),
        key=lambda call: (max(call.days, default=-1), len(call.days), call.id),
    )
    left: list[Call] = [call for call in order if not desk.place(call)]
    # The others stand now, so that the longest way round is looked for once and for few.
    left = [call for call in left if not desk.make_room(call)]
    given = sorted(desk.at.values(), key=lambda one: one.call)
    missing = sorted((call.id, desk.reason(call)) for call in left)
    return Lists(tuple(given), tuple(missing))


def _demand_sound(callers: Sequence[Caller], calls: Sequence[Call], kept: Sequence[Given]) -> None:
    for what, ids in (
        ("caller", [one.id for one in callers]),
        ("call", [one.id for one in calls]),
        ("kept call", [one.call for one in kept]),
    ):
        twice = [one for one, times in Counter(ids).items() if times > 1]
        if twice:
            raise ValueError(f"{what} {twice[0]!r} is there twice")
    for call in calls:
        if call.seconds <= 0:
            raise ValueError(f"call {call.id!r} has no length")


class _Desk:
    """The state while calls are given out: `at` by call, `busy` by a person's day."""

    def __init__(self, callers: Sequence[Caller], calls: Sequence[Call], kept: Sequence[Given]) -> None:
        self.callers = {one.id: one for one in callers}
        self.calls = {one.id: one for one in calls}
        self.at: dict[str, Given] = {}
        self.busy: dict[Bucket, list[Given]] = defaultdict(list)
        self.week: Counter[tuple[str, int]] = Counter()
        self.load: Counter[str] = Counter()
        self.rung: Counter[tuple[str, int]] = Counter()
        self.fixed = frozenset(one.call for one in kept)
        for one in kept:
            self._put(one)

    def place(self, call: Call) -> bool:
        """Give the call to the best person and day with room; False when there is none."""
        best: tuple[tuple[int, int, int, int, int, str], Given] | None = None
        for caller, day in self._buckets(call):
            rank, why = _rank(call, caller.id)
            load = self.load[caller.id]
            key = (*rank, load, len(self.busy[caller.id, day]), day, caller.id)
            if best is not None and key >= best[0]:
                continue
            start = self._slot(call, caller, day)
            if start is not None:
                best = key, Given(call.id, caller.id, day, start, start + call.seconds, why)
        if best is None:
            return False
        self._put(best[1])
        return True

    def make_room(self, call: Call) -> bool:
        """Give the call by moving others, a chain of moves if need be."""
        self.tries = MOST_TRIES
        return self._augment(call, set())

    def _augment(self, call: Call, seen: set[Bucket]) -> bool:
        if self.place(call):
            return True
        for caller, day in self._buckets(call):
            bucket = caller.id, day
            if bucket in seen or self.tries <= 0:
                continue
            seen.add(bucket)
            self.tries -= 1
            for other in list(self.busy[bucket]):
                if other.call in self.fixed:
                    continue
                self._take(other)
                start = self._slot(call, caller, day)
                if start is not None:
                    _key, why = _rank(call, caller.id)
                    mine = Given(call.id, caller.id, day, start, start + call.seconds, why)
                    self._put(mine)
                    if self._augment(self.calls[other.call], seen):
                        return True
                    self._take(mine)
                self._put(other)
        return False

    def reason(self, call: Call) -> LeftReason:
        """Why nobody has the call."""
        if not call.days:
            return LeftReason.NO_DAY
        may = [one for one in self.callers.values() if _may(one, call)]
        if not may:
            return LeftReason.NOBODY_MAY
        # Without anybody's calls and limits, is there time at all?
        if any(_first_gap(call, one.free.get(day, ()), ()) is not None for one in may for day in call.days):
            return LeftReason.FULL
        return LeftReason.NOBODY_FREE

    def _buckets(self, call: Call) -> list[tuple[Caller, int]]:
        return [
            (caller, day)
            for caller in self.callers.values()
            if _may(caller, call)
            for day in call.days
            if caller.free.get(day)
        ]

    def _slot(self, call: Call, caller: Caller, day: int) -> int | None:
        """The first second at which the call fits; None when the day or a limit is full."""
        taken = self.busy[caller.id, day]
        if len(taken) >= caller.most_day or self.week[caller.id, day // 7] >= caller.most_week:
            return None
        if self.rung[call.elder, day]:
            return None
        return _first_gap(call, caller.free.get(day, ()), [(one.start, one.end) for one in taken])

    def _put(self, one: Given) -> None:
        self.at[one.call] = one
        self.busy[one.caller, one.day].append(one)
        self._count(one, 1)

    def _take(self, one: Given) -> None:
        del self.at[one.call]
        self.busy[one.caller, one.day].remove(one)
        self._count(one, -1)

    def _count(self, one: Given, by: int) -> None:
        self.week[one.caller, one.day // 7] += by
        self.load[one.caller] += by
        if one.call in self.calls:
            self.rung[self.calls[one.call].elder, one.day] += by


def _may(caller: Caller, call: Call) -> bool:
    return caller.adult and caller.id not in call.excluded


def _rank(call: Call, caller: str) -> tuple[tuple[int, int], Why]:
    """How near a person is to the elder, less is nearer."""
    if caller in call.first:
        return (call.first.index(caller), 0), Why.KNOWN
    liking = call.liking.get(caller, 0)
    return (len(call.first), -liking), Why.SPEAKS if liking > 0 else Why.FREE


def _first_gap(call: Call, free: Sequence[Span], taken: Sequence[Span]) -> int | None:
    for low, high in sorted(free):
        start = max(low, call.window[0])
        for begins, ends in sorted(taken):
            if ends > start and begins < start + call.seconds:
                start = ends
        if start + call.seconds <= min(high, call.window[1]):
            return start
    return None


# --- judging ---------------------------------------------------------------------------------------------


def check(
    callers: Sequence[Caller], calls: Sequence[Call], lists: Lists, kept: Collection[str] = ()
) -> list[str]:
    """Everything that is wrong with a result, one sentence each; empty when it holds.

    Calls named in `kept` were set by a person, who may go past limits, hours and time, never past who may ring.
    What is left must not fit anywhere as things stand.
    """
    people = {one.id: one for one in callers}
    asked = {one.id: one for one in calls}
    wrong = _once(asked, lists)
    days: dict[Bucket, list[Given]] = defaultdict(list)
    for one in lists.given:
        days[one.caller, one.day].append(one)
        caller, call = people.get(one.caller), asked.get(one.call)
        if caller is None or call is None:
            continue
        if not caller.adult or caller.id in call.excluded:
            wrong.append(f"{one.caller} may not ring for {one.call}")
        if one.call in kept:
            continue
        if one.day not in call.days:
            wrong.append(f"{one.call} is not permitted on day {one.day}")
        if one.end - one.start != call.seconds:
            wrong.append(f"{one.call} has not its length")
        if not (call.window[0] <= one.start and one.end <= call.window[1]):
            wrong.append(f"{one.call} is outside its hours")
        if not any(low <= one.start and one.end <= high for low, high in caller.free.get(one.day, ())):
            wrong.append(f"{one.caller} is not free for {one.call}")
    wrong += _limits(people, asked, lists, days, kept)
    for call_id, _reason in lists.left:
        call = asked.get(call_id)
        if call is not None and _fits_somewhere(call, people, asked, lists, days):
            wrong.append(f"{call_id} is left although there is room")
    return wrong


def _once(asked: Mapping[str, Call], lists: Lists) -> list[str]:
    named = Counter([*(one.call for one in lists.given), *(call for call, _reason in lists.left)])
    wrong = [f"{call} is there {times} times" for call, times in named.items() if times > 1]
    return wrong + [f"{call} is missing" for call in asked if call not in named]


def _limits(
    people: Mapping[str, Caller],
    asked: Mapping[str, Call],
    lists: Lists,
    days: Mapping[Bucket, Sequence[Given]],
    kept: Collection[str],
) -> list[str]:
    wrong = []
    for (caller, day), ones in days.items():
        ordered = sorted(ones, key=lambda one: (one.start, one.end))
        for before, after in pairwise(ordered):
            if before.end > after.start and not {before.call, after.call} <= set(kept):
                wrong.append(f"{before.call} and {after.call} of {caller} overlap")
        own = [one for one in ones if one.call not in kept]
        if caller in people and own and len(ones) > people[caller].most_day:
            wrong.append(f"{caller} has {len(ones)} calls on day {day}")
    weeks = Counter((one.caller, one.day // 7) for one in lists.given)
    free_weeks = {(one.caller, one.day // 7) for one in lists.given if one.call not in kept}
    for caller, week in free_weeks:
        if caller in people and weeks[caller, week] > people[caller].most_week:
            wrong.append(f"{caller} has {weeks[caller, week]} calls in week {week}")
    rung = Counter((asked[one.call].elder, one.day) for one in lists.given if one.call in asked)
    for one in lists.given:
        if one.call in asked and one.call not in kept and rung[asked[one.call].elder, one.day] > 1:
            wrong.append(f"{asked[one.call].elder} is rung twice on day {one.day}")
    return wrong


def _fits_somewhere(
    call: Call,
    people: Mapping[str, Caller],
    asked: Mapping[str, Call],
    lists: Lists,
    days: Mapping[Bucket, Sequence[Given]],
) -> bool:
    weeks = Counter((one.caller, one.day // 7) for one in lists.given)
    rung = {(asked[one.call].elder, one.day) for one in lists.given if one.call in asked}
    for caller in people.values():
        if not caller.adult or caller.id in call.excluded:
            continue
        for day in call.days:
            taken = days.get((caller.id, day), ())
            if (
                len(taken) >= caller.most_day
                or weeks[caller.id, day // 7] >= caller.most_week
                or (call.elder, day) in rung
            ):
                continue
            # Every moment at which something ends or begins to be free is tried; a gap has one of them.
            for low, high in caller.free.get(day, ()):
                for start in {low, call.window[0], *(one.end for one in taken)}:
                    end = start + call.seconds
                    inside = max(low, call.window[0]) <= start and end <= min(high, call.window[1])
                    if inside and all(end <= one.start or one.end <= start for one in taken):
                        return True
    return False


def without(free: Sequence[Span], busy: Sequence[Span]) -> tuple[Span, ...]:
    """Free spans with the busy ones taken out, in order."""
    found = []
    for low, high in sorted(free):
        start = low
        for begins, ends in sorted(busy):
            if ends <= start or begins >= high:
                continue
            if begins > start:
                found.append((start, begins))
            start = max(start, ends)
        if start < high:
            found.append((start, high))
    return tuple(found)
