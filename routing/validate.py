"""Input errors of a scenario file, numbered, each with its place, cause and remedy.

Works on the plain dictionary so that every error is found before anything is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from routing.errors import InputError
from routing.inputs import (
    ELDER_FIELDS,
    MOST,
    PLACE_FORM,
    SPAN_FORM,
    VISIT_FIELDS,
    WORKER_FIELDS,
    Book,
    is_factor,
    is_integer,
    is_natural,
    is_not_negative,
    is_place,
    is_positive,
    is_span,
    is_text,
    is_weekday,
    list_of,
    short,
)
from routing.sense import check_skills, check_swapped, check_way_home


def validate(data: Any) -> list[InputError]:
    """Return every input error of a scenario dictionary, in file order; empty when it can be solved."""
    book = Book()
    if not isinstance(data, Mapping):
        book.add(
            "E100", "scenario", "", "not a JSON object", "give an object with kind, visits or elders, workers"
        )
        return book.errors
    kind = data.get("kind")
    if kind not in ("day", "month"):
        book.add("E101", "scenario", "kind", f"{short(kind)} is unknown", 'give "day" or "month"')
        return book.errors
    key = "visits" if kind == "day" else "elders"
    for name in (key, "workers"):
        if not isinstance(data.get(name), list | tuple):
            book.add("E102", "scenario", name, "missing or not a list", "give a list (it may be empty)")
    if book.errors:
        return book.errors
    days = 1
    if kind == "month":
        days = _horizon(book, data)
        if book.errors:
            return book.errors
    _lists(book, data)
    places = _travel(book, data)
    workers = _ids(book, data["workers"], "workers")
    visits = _ids(book, data[key], key)
    for item, element in workers:
        _check_worker(book, item, element, days, places)
    names = {item.get("id") for item, _ in workers}
    for item, element in visits:
        _check_visit(book, item, element, names, places)
        if kind == "month":
            _check_days(book, item, element, days)
    modes = _modes(data)
    for item, element in workers:
        mode = item.get("mode") or "walk"
        if is_text(mode) and mode not in modes:
            cause, remedy = f"{mode!r} has no speed and no matrix", f"give one of {sorted(modes)}"
            book.add("E120", element, "mode", cause, remedy)
    check_swapped(book, [*visits, *workers])
    check_skills(book, data, [*visits, *workers])
    if not book.errors:
        for item, element in workers:
            check_way_home(book, data, item, element)
        _check_pins(book, data, kind, [item for item, _ in visits], names, days)
    return book.errors


def _horizon(book: Book, data: Mapping[str, Any]) -> int:
    days, weekdays = data.get("days"), data.get("weekday_of_day")
    if not is_positive(days):
        book.add(
            "E103", "scenario", "days", f"{short(days)} is not usable", "give the number of days, 1 or more"
        )
        return 1
    if not list_of(is_weekday)(weekdays) or len(weekdays or ()) != days:
        cause = f"does not name the weekday of each of the {days} days"
        book.add("E104", "scenario", "weekday_of_day", cause, "give a list of that length, 0 = Monday to 6")
    return int(days or 1)


def _lists(book: Book, data: Mapping[str, Any]) -> None:
    """Check the optional parts of the whole file."""
    weights = data.get("weights") or {}
    if not isinstance(weights, Mapping):
        book.add(
            "E129", "scenario", "weights", "not a JSON object", 'give {"continuity": s, "balance": factor}'
        )
        weights = {}
    for name in ("continuity", "balance"):
        if weights.get(name) is not None and not is_not_negative(weights[name]):
            cause = f"{name} {short(weights[name])} is not usable"
            book.add("E129", "scenario", "weights", cause, "give a number, 0 or more")
    if not isinstance(data.get("pinned") or [], list | tuple):
        book.add("E135", "scenario", "pinned", "not a list", 'give [{"visit": id, "worker": id}]')


def _travel(book: Book, data: Mapping[str, Any]) -> int | None:
    """Check speeds or matrix; return the number of listed locations, None without a matrix."""
    matrix = data.get("matrix")
    if matrix is None:
        speeds = data.get("speed_kmh")
        if not isinstance(speeds, Mapping) or not speeds or not all(is_factor(s) for s in speeds.values()):
            book.add(
                "E105",
                "scenario",
                "speed_kmh",
                "missing or not usable",
                "give km/h above 0 by mode, or a matrix",
            )
        detour = data.get("detour")
        if detour is not None and not is_factor(detour):
            book.add(
                "E106", "scenario", "detour", f"{short(detour)} is not usable", "give a factor such as 1.3"
            )
        return None
    if not isinstance(matrix, Mapping) or not list_of(is_place)(matrix.get("locations")):
        book.add("E107", "matrix", "locations", "missing or not places", f"give a list of {PLACE_FORM}")
        return None
    size = len(matrix["locations"])
    for mode, table in matrix.items():
        if mode == "locations":
            continue
        good = isinstance(table, list | tuple) and len(table) == size
        good = good and all(isinstance(row, list | tuple) and len(row) == size for row in table)
        if not good:
            cause = f"not a table of {size} times {size}"
            book.add("E108", "matrix", str(mode), cause, "give one row and one column for each location")
            continue
        for a, row in enumerate(table):
            bad = next((b for b, cell in enumerate(row) if not is_natural(cell)), None)
            if bad is not None:
                cause = f"from {a} to {bad} it says {short(row[bad])}"
                book.add("E109", "matrix", str(mode), cause, f"give whole seconds, 0 to {MOST}")
                break
    return size


def _modes(data: Mapping[str, Any]) -> set[str]:
    source = data.get("matrix") if data.get("matrix") is not None else data.get("speed_kmh")
    return {mode for mode in source if mode != "locations"} if isinstance(source, Mapping) else set()


def _ids(book: Book, items: Iterable[Any], key: str) -> list[tuple[Mapping[str, Any], str]]:
    found, seen = [], set()
    for number, item in enumerate(items):
        element = f"{key}[{number}]"
        if not isinstance(item, Mapping):
            book.add("E112", element, "", "not a JSON object", "give an object with its fields")
            continue
        name = item.get("id")
        if not isinstance(name, str) or not name:
            book.add("E113", element, "id", "missing or not text", "give a name that is used once")
        elif name in seen:
            book.add("E114", element, "id", f"{name!r} is used twice", "give every element its own id")
        else:
            element = f'{element} "{name}"'
            seen.add(name)
        found.append((item, element))
    return found


def _index(
    book: Book, item: Mapping[str, Any], element: str, names: Iterable[str], places: int | None
) -> None:
    if places is None:
        return
    for name in names:
        value = item.get(name)
        if name == "end_index" and value is None:
            continue
        if value is None or not is_natural(value) or value >= places:
            cause = f"{short(value)} is not one of the {places} matrix locations"
            book.add("E115", element, name, cause, f"give an index from 0 to {places - 1}")


def _check_worker(book: Book, item: Mapping[str, Any], element: str, days: int, places: int | None) -> None:
    book.required(item, element, "start", is_place, PLACE_FORM)
    if item.get("end") is not None:
        book.required(item, element, "end", is_place, PLACE_FORM)
    book.fields(item, element, WORKER_FIELDS)
    _index(book, item, element, ("start_index", "end_index"), places)
    breaks = item.get("breaks") or ()
    if not isinstance(breaks, list | tuple):
        book.add(
            "E116", element, "breaks", "not a list", 'give [{"window": [earliest, latest], "duration": s}]'
        )
        return
    for number, pause in enumerate(breaks):
        place = f"{element}.breaks[{number}]"
        if not isinstance(pause, Mapping):
            book.add("E112", place, "", "not a JSON object", "give window and duration")
            continue
        book.required(pause, place, "window", is_span, SPAN_FORM)
        book.required(pause, place, "duration", is_natural, "a number of seconds")
    if list_of(is_natural)(item.get("not_days") or []) and any(
        day >= days for day in item.get("not_days") or []
    ):
        book.add(
            "E117", element, "not_days", "a day beyond the horizon", f"give indices from 0 to {days - 1}"
        )


def _check_visit(
    book: Book, item: Mapping[str, Any], element: str, workers: set[Any], places: int | None
) -> None:
    book.required(item, element, "loc", is_place, PLACE_FORM)
    book.required(item, element, "duration", *VISIT_FIELDS["duration"])
    book.fields(item, element, {name: rule for name, rule in VISIT_FIELDS.items() if name != "duration"})
    _index(book, item, element, ("loc_index",), places)
    for name in ("preferred", "excluded"):
        if not list_of(is_text)(item.get(name) or []):
            continue
        unknown = [worker for worker in item.get(name) or [] if worker not in workers]
        if unknown:
            cause = f"{unknown[0]!r} is not a worker"
            book.add("E118", element, name, cause, "give ids of the workers list, or leave it out")


def _check_days(book: Book, item: Mapping[str, Any], element: str, days: int) -> None:
    book.fields(item, element, ELDER_FIELDS)
    patterns = item.get("patterns")
    if patterns is None:
        if item.get("frequency") is None:
            book.add("E121", element, "frequency", "neither patterns nor frequency", "give one of the two")
        elif is_positive(item["frequency"]) and item["frequency"] > days:
            cause = f"{item['frequency']} visits in {days} days"
            book.add("E122", element, "frequency", cause, "give at most one visit a day")
        low, high = item.get("min_gap_days") or 0, item.get("max_gap_days") or 0
        if is_natural(low) and is_natural(high) and 0 < high < low:
            cause = f"{high} is less than min_gap_days {low}"
            book.add("E123", element, "max_gap_days", cause, "give at least the minimum, or 0 for no limit")
        return
    if not list_of(list_of(is_natural))(patterns) or not patterns:
        book.add("E124", element, "patterns", "not a list of day sets", "give for example [[0, 11], [1, 12]]")
        return
    if any(day >= days for pattern in patterns for day in pattern):
        book.add(
            "E125", element, "patterns", "a day beyond the horizon", f"give indices from 0 to {days - 1}"
        )
    sizes = {len(set(pattern)) for pattern in patterns}
    if len(sizes) > 1 or 0 in sizes or any(len(set(p)) != len(p) for p in patterns):
        cause = "sets of different sizes, empty, or with a day twice"
        book.add("E126", element, "patterns", cause, "give sets of distinct days, all of one size")


def _check_pins(
    book: Book,
    data: Mapping[str, Any],
    kind: str,
    visits: list[Mapping[str, Any]],
    workers: set[Any],
    days: int,
) -> None:
    counts = {
        item["id"]: (len(item["patterns"][0]) if item.get("patterns") else item.get("frequency") or 1)
        for item in visits
    }
    people = {item["id"]: item.get("people") or 1 for item in visits}
    needs = {item["id"]: set(item.get("skills") or ()) for item in visits}
    skills = {item["id"]: set(item.get("skills") or ()) for item in data["workers"]}
    held: dict[str, set[str]] = {}
    minors = {item["id"] for item in data["workers"] if item.get("companion_of_adult")}
    for number, pin in enumerate(data.get("pinned") or ()):
        element = f"pinned[{number}]"
        if not isinstance(pin, Mapping):
            book.add("E112", element, "", "not a JSON object", "give visit and worker")
            continue
        visit, worker = str(pin.get("visit")), str(pin.get("worker"))
        owner = visit
        known = visit in counts
        if kind == "month":
            owner, mark, k = visit.rpartition("#")
            known = bool(mark) and owner in counts and k.isdecimal() and 1 <= int(k) <= counts[owner]
        if not known:
            remedy = "give an id of the visits list" if kind == "day" else 'give "elder id#number"'
            book.add("E130", element, "visit", f"{short(visit)} is not a visit", remedy)
            continue
        if worker not in workers:
            book.add("E131", element, "worker", f"{short(worker)} is not a worker", "give a worker id")
            continue
        for name, least, most in (("day", 0, days - 1), ("position", 0, 10**6)):
            value = pin.get(name)
            if value is not None and not (is_integer(value) and least <= value <= most):
                book.add("E132", element, name, f"{short(value)} is not usable", f"give {least} to {most}")
        if worker in held.setdefault(visit, set()):
            cause = f"{visit!r} is pinned to {worker!r} twice"
            book.add("E136", element, "worker", cause, "keep one of the two pins")
        held[visit].add(worker)
        adults = [name for name in held[visit] if name not in minors]
        if len(held[visit]) > 2 or (people[owner] == 1 and len(adults) > 1):
            cause = f"{visit!r} is pinned to more workers than make it"
            book.add("E133", element, "worker", cause, "pin it to its workers only")
        # of two people the other may bring the skill, unless both are pinned; a minor brings none alone
        judged = adults if people[owner] == 1 else held[visit] if len(held[visit]) == 2 else ()
        missing = needs[owner] - {skill for name in judged for skill in skills[name]}
        if judged and missing:
            cause = f"{visit!r} needs {short(sorted(missing))}, which {' and '.join(sorted(judged))} lack"
            book.add(
                "E134", element, "worker", cause, "pin it to somebody with the skills, or take the pin off"
            )
