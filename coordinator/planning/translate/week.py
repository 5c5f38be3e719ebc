"""A worker's hours as the engine knows them: one shift for each weekday, and breaks that hold on all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from functools import reduce
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

from coordinator.workforce import fitness
from coordinator.workforce.fitness import MINOR_EARLIEST, MINOR_LATEST
from coordinator.workforce.models import Worker
from routing.calls import without

if TYPE_CHECKING:
    from coordinator.planning.translate.people import Span

# A rest at noon for whoever works through it: elders eat and sleep then, too.
LUNCH_WINDOW = (int(11.5 * 3600), 13 * 3600)
LUNCH_SECONDS = 3600
LONG_SHIFT_SECONDS = 6 * 3600
MOST_GAPS = 3
"""Different breaks between two spans of a day that are tried together."""

Stretch = tuple[int, int]
"""From and to, in seconds from midnight."""


def seconds_of(at: time) -> int:
    """Seconds from midnight."""
    return at.hour * 3600 + at.minute * 60


def spans_on(worker: Worker, day: date) -> list[Stretch]:
    """The hours of a day in seconds, leave left aside."""
    return [
        (seconds_of(low), seconds_of(high))
        for low, high in fitness.spans_on(worker.availability, worker.exceptions, day)
    ]


def gaps_of(spans: Sequence[Stretch]) -> list[Stretch]:
    """What lies between the spans of a day."""
    return [(one[1], other[0]) for one, other in pairwise(spans)]


def joined(spans: Iterable[Stretch]) -> list[Stretch]:
    """Spans in order, those that overlap or touch made one."""
    found: list[Stretch] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def common(one: Sequence[Stretch], other: Sequence[Stretch]) -> list[Stretch]:
    """What two rows of spans share."""
    both = [(max(a, c), min(b, d)) for a, b in one for c, d in other]
    return joined(stretch for stretch in both if stretch[0] < stretch[1])


def through_noon(spans: Sequence[Stretch], gaps: Sequence[Stretch]) -> bool:
    """Whether somebody works through noon for long and no gap gives them a rest then."""
    if common(gaps, [(LUNCH_WINDOW[0], LUNCH_WINDOW[1] + LUNCH_SECONDS)]):
        return False
    return any(high - low >= LONG_SHIFT_SECONDS for low, high in without(spans, gaps))


@dataclass(frozen=True, slots=True)
class Week:
    """`shifts` by weekday in seconds, `gaps` the times between two spans of a day, `not_there` days of the horizon
    on which nothing of the shift is left.
    """

    shifts: dict[int, Stretch]
    gaps: tuple[Stretch, ...] = ()
    not_there: frozenset[int] = frozenset()

    @property
    def breaks(self) -> list[dict[str, Any]]:
        """The gaps, and a rest at noon where somebody comes through it, in scenario form."""
        found = [{"window": [low, low], "duration": high - low} for low, high in self.gaps]
        if any(through_noon([shift], self.gaps) for shift in self.shifts.values()):
            found.append({"window": list(LUNCH_WINDOW), "duration": LUNCH_SECONDS})
        return found


def week_of(worker: Worker, span: Span, *, minor: bool) -> Week:
    """The hours of the open days. The engine is never told more than the worker said: where two spans of one day
    and the hours of another do not go together, the choice that loses least is made.
    """
    spans, not_there = _weekly_spans(worker, span, minor=minor)
    gaps = sorted({gap for day in spans.values() for gap in gaps_of(day)})
    chosen: tuple[int, Week] | None = None
    for number in range(min(len(gaps), MOST_GAPS) + 1):
        for some in combinations(gaps, number):
            breaks = tuple(joined(some))
            shifts, kept = {}, 0
            for weekday, day in spans.items():
                seconds, shift = max(_runs(day, breaks), default=(0, None))
                if shift is not None:
                    shifts[weekday], kept = shift, kept + seconds
            # The fewest breaks come first, so that more of them have to bring something.
            if chosen is None or kept > chosen[0]:
                chosen = kept, Week(shifts, breaks, frozenset(not_there))
    assert chosen is not None, "no break at all is a choice"
    return chosen[1]


def _runs(day: Sequence[Stretch], breaks: Sequence[Stretch]) -> Iterator[tuple[int, Stretch]]:
    """Spans of a day that can be one shift because breaks lie over what is between them; with seconds of work."""
    for first in range(len(day)):
        for last in range(first, len(day)):
            if any(without([gap], breaks) for gap in gaps_of(day[first : last + 1])):
                break
            rest = without(day[first : last + 1], breaks)
            if rest:
                yield sum(high - low for low, high in rest), (day[first][0], day[last][1])


def _weekly_spans(worker: Worker, span: Span, *, minor: bool) -> tuple[dict[int, list[Stretch]], set[int]]:
    """Weekday → spans in seconds, those of a minor cut to daylight, and the days that have none of them.

    The engine knows the hours of a weekday, not of a day. So hours agreed to for single days count where they hold
    on every day of a weekday that the worker comes at all; on a weekday that is not one of theirs the other days
    are left out.
    """
    found: dict[int, list[Stretch]] = {}
    for hours in worker.availability:
        found.setdefault(hours.weekday, []).append((seconds_of(hours.starts), seconds_of(hours.ends)))
    found = {weekday: joined(day) for weekday, day in sorted(found.items())}
    if minor:
        daylight = [(seconds_of(MINOR_EARLIEST), seconds_of(MINOR_LATEST))]
        cut = {weekday: common(day, daylight) for weekday, day in found.items()}
        return {weekday: day for weekday, day in cut.items() if day}, set()
    not_there: set[int] = set()
    if all(one.is_leave for one in worker.exceptions):
        return found, not_there
    for weekday in range(7):
        days = [
            index
            for index in span.open_days
            if span.day(index).weekday() == weekday
            and not fitness.is_day_off(worker.exceptions, span.day(index))
        ]
        there = {index: spans for index in days if (spans := spans_on(worker, span.day(index)))}
        shared = reduce(common, there.values()) if there else []
        if shared:
            found[weekday] = shared
            not_there |= set(days) - set(there)
    return found, not_there
