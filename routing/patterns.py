"""Permitted days: which days an elder's visits may fall on, given the days already taken.

A set of days is permitted when it is part of a permitted pattern: one of the listed sets, or any
`frequency` days that keep the gaps (the periodic routing problem of Beltrami and Bodin 1974, with
patterns given by spacing rather than by enumeration). Spacing is answered by dynamic programming
over bit sets, never by listing all patterns.
"""

from __future__ import annotations

from collections.abc import Iterator

from routing.scenario import Elder, Scenario


class DayRule:
    """The day sets permitted for one elder; days are indices from 0."""

    def __init__(self, elder: Elder, scenario: Scenario) -> None:
        self.count = elder.count
        self._patterns: tuple[frozenset[int], ...] | None = None
        self.sets: tuple[int, ...] = ()
        """The listed sets as bits; empty when the rule is one of gaps."""
        self._least = self._most = 0
        self._seen: dict[tuple[int, ...], tuple[int, ...]] = {}
        if elder.patterns is not None:
            self._patterns = tuple(frozenset(pattern) for pattern in elder.patterns)
            self.sets = tuple(sorted({sum(1 << day for day in pattern) for pattern in self._patterns}))
            self._allowed = 0
            for bits in self.sets:
                self._allowed |= bits
            return
        days = scenario.days
        first = 0
        if elder.last_day is not None:
            first = max(0, elder.last_day + max(1, elder.min_gap_days))
        allowed = 0
        for day in range(first, days):
            if scenario.weekday_of_day[day] not in elder.not_weekdays:
                allowed |= 1 << day
        least = max(1, elder.min_gap_days)
        most = min(elder.max_gap_days or days, days)
        self._allowed = allowed
        self._least, self._most = least, most
        span = ((1 << (most - least + 1)) - 1) if most >= least else 0
        self._after = [(span << (day + least)) & allowed for day in range(days)]
        self._before = [
            sum(1 << earlier for earlier in range(day) if self._after[earlier] >> day & 1) & allowed
            for day in range(days)
        ]

    @property
    def gaps(self) -> tuple[int, int, int]:
        """Least and most gap, and the days that may be used at all as bits."""
        return self._least, self._most, self._allowed

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for equal rules."""
        return self.count, self.sets, self.gaps

    def options(self, made: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Return the days that may be added to `made` (ascending), themselves ascending."""
        found = self._seen.get(made)
        if found is None:
            found = self._seen[made] = self._options(made)
        return found

    def _options(self, made: tuple[int, ...]) -> tuple[int, ...]:
        if len(made) >= self.count:
            return ()
        if self._patterns is not None:
            taken = set(made)
            fitting = [pattern for pattern in self._patterns if taken <= pattern]
            return tuple(sorted(set().union(*fitting) - taken))
        forward, backward = self._reach(made, ahead=True), self._reach(made, ahead=False)
        mask = 0
        for k in range(self.count):
            mask |= forward[k] & backward[self.count - 1 - k]
        return tuple(day for day in _bits(mask) if day not in made)

    def _reach(self, made: tuple[int, ...], *, ahead: bool) -> list[int]:
        """Days that can be the (k+1)-th visit from the near end without jumping over a made day."""
        steps = self._after if ahead else self._before
        start = self._allowed
        if made:
            start &= _below(made[0]) if ahead else _above(made[-1])
        reach = [start]
        for _ in range(self.count - 1):
            following = 0
            for day in _bits(reach[-1]):
                following |= steps[day] & _up_to_made(day, made, ahead=ahead)
            reach.append(following)
        return reach


def _up_to_made(day: int, made: tuple[int, ...], *, ahead: bool) -> int:
    """Days beyond `day` that jump over no made day."""
    if ahead:
        return _below(next((m for m in made if m > day), None))
    return _above(next((m for m in reversed(made) if m < day), None))


def _below(day: int | None) -> int:
    """All days up to and including `day` as bits; every day when there is none."""
    return -1 if day is None else (1 << (day + 1)) - 1


def _above(day: int | None) -> int:
    """All days from `day` on as bits; every day when there is none."""
    return -1 if day is None else -1 << day


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
