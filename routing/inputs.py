"""What single values of an input file may be, and the book that errors are written into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from routing.errors import InputError

Check = Callable[[Any], bool]
MOST = 10**9
"""The greatest number that may stand in a file (30 years in seconds): sums of these stay exact everywhere."""


def is_integer(value: Any) -> bool:
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def is_natural(value: Any) -> bool:
    """Whether a value is 0, 1, 2 … up to `MOST`."""
    return is_integer(value) and 0 <= value <= MOST


def is_positive(value: Any) -> bool:
    """Whether a value is 1, 2, 3 … up to `MOST`."""
    return is_integer(value) and 1 <= value <= MOST


def is_factor(value: Any) -> bool:
    """Whether a value is a speed or a factor that gives times one can reckon with."""
    return is_number(value) and 1e-6 <= value <= 1e5


def is_not_negative(value: Any) -> bool:
    """Whether a value is zero or more, up to `MOST`."""
    return is_number(value) and 0 <= value <= MOST


def is_flag(value: Any) -> bool:
    """Whether a value is true or false."""
    return isinstance(value, bool)


def is_text(value: Any) -> bool:
    """Whether a value is text."""
    return isinstance(value, str)


def is_place(value: Any) -> bool:
    """Whether a value is [latitude, longitude]."""
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(is_number(part) for part in value)
        and abs(value[0]) <= 90
        and abs(value[1]) <= 180
    )


def is_span(value: Any) -> bool:
    """Whether a value is [earliest, latest] in whole seconds."""
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(is_natural(part) for part in value)
        and value[0] <= value[1]
    )


def list_of(check: Check) -> Check:
    """Return the check of a list whose every part passes."""
    return lambda value: isinstance(value, list | tuple) and all(check(part) for part in value)


def is_weekday(value: Any) -> bool:
    """Whether a value is 0 to 6."""
    return is_integer(value) and 0 <= value <= 6


def is_shifts(value: Any) -> bool:
    """Whether a value is a shift by weekday."""
    return isinstance(value, Mapping) and all(
        str(day) in "0123456" and len(str(day)) == 1 and is_span(span) for day, span in value.items()
    )


PLACE_FORM = "[latitude, longitude] in degrees"
SPAN_FORM = "[earliest, latest] in seconds from midnight, earliest not after latest"
VISIT_FIELDS: dict[str, tuple[Check, str]] = {
    "duration": (is_natural, "a number of seconds, 0 or more"),
    "window": (is_span, SPAN_FORM),
    "skills": (list_of(is_text), "a list of names"),
    "priority": (is_positive, "an integer of at least 1"),
    "statutory": (is_flag, "true or false"),
    "preferred": (list_of(is_text), "a list of worker ids"),
    "excluded": (list_of(is_text), "a list of worker ids"),
    "people": (lambda value: value in (1, 2) and is_integer(value), "1 or 2"),
    "load": (is_natural, "an integer, 0 or more"),
}
ELDER_FIELDS: dict[str, tuple[Check, str]] = {
    "frequency": (is_positive, "an integer of at least 1"),
    "min_gap_days": (is_natural, "a number of days, 0 for none"),
    "max_gap_days": (is_natural, "a number of days, 0 for none"),
    "not_weekdays": (list_of(is_weekday), "a list of weekdays, 0 = Monday to 6"),
    "last_visitor": (is_text, "a worker id"),
    "last_day": (lambda value: is_integer(value) and value < 0, "a negative day index, -1 = the day before"),
}
WORKER_FIELDS: dict[str, tuple[Check, str]] = {
    "role": (is_text, "text"),
    "mode": (is_text, "a mode of travel"),
    "shift": (is_span, SPAN_FORM),
    "max_visits": (is_natural, "an integer, 0 or more"),
    "skills": (list_of(is_text), "a list of names"),
    "radius_m": (is_not_negative, "metres, 0 or more"),
    "companion_of_adult": (is_flag, "true or false"),
    "capacity": (is_natural, "an integer, 0 or more"),
    "max_route_seconds": (is_natural, "a number of seconds"),
    "weekdays": (list_of(is_weekday), "a list of weekdays, 0 = Monday to 6"),
    "shifts": (is_shifts, 'a shift for each weekday, {"5": [32400, 43200]}'),
    "not_days": (list_of(is_natural), "a list of day indices"),
    "max_visits_week": (is_natural, "an integer, 0 or more"),
    "max_visits_month": (is_natural, "an integer, 0 or more"),
    "max_hours_week": (is_not_negative, "hours, 0 or more"),
}


class Book:
    """Collects errors; knows how to name the element it is at."""

    def __init__(self) -> None:
        self.errors: list[InputError] = []

    def add(self, code: str, element: str, field: str, cause: str, remedy: str) -> None:
        """Note one error."""
        self.errors.append(InputError(code, element, field, cause, remedy))

    def fields(self, item: Mapping[str, Any], element: str, table: Mapping[str, tuple[Check, str]]) -> None:
        """Check the optional fields of an element."""
        for name, (check, wanted) in table.items():
            value = item.get(name)
            if value is not None and not check(value):
                self.add(
                    "E110", element, name, f"{short(value)} is not usable", f"give {wanted}{_most(value)}"
                )

    def required(self, item: Mapping[str, Any], element: str, name: str, check: Check, wanted: str) -> bool:
        """Check a field that must be there; whether it is usable."""
        if item.get(name) is None:
            self.add("E111", element, name, "missing", f"give {wanted}")
            return False
        if not check(item[name]):
            if check is is_place and is_place(turned(item[name])):
                self.swapped(element, name, item[name])
                return False
            cause = f"{short(item[name])} is not usable"
            self.add("E110", element, name, cause, f"give {wanted}{_most(item[name])}")
            return False
        return True

    def swapped(self, element: str, name: str, value: Any) -> None:
        """Note a place whose numbers are exchanged."""
        cause = f"{short(value)} looks like [longitude, latitude]"
        self.add("E128", element, name, cause, f"give {PLACE_FORM}: {short(list(turned(value)))}")


def _most(value: Any) -> str:
    """Return what to say of a number that is only too large."""
    parts = value if isinstance(value, list | tuple) else (value,)
    return f", at most {MOST}" if any(is_number(part) and part > MOST for part in parts) else ""


def turned(value: Any) -> Any:
    """Return a place with its numbers exchanged, None for what is no pair."""
    return (value[1], value[0]) if isinstance(value, list | tuple) and len(value) == 2 else None


def short(value: Any) -> str:
    """Return a value as text that fits a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
