"""Input that is well formed and yet cannot be meant: places turned round, unknown skills, no way home."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from routing.inputs import Book, is_place, is_text, list_of, short, turned
from routing.sphere import metres

FAR_DEGREES = 5.0
NEAR_DEGREES = 2.0


def check_swapped(book: Book, items: list[tuple[Mapping[str, Any], str]]) -> None:
    """A place far from all others that would lie among them with its numbers turned round."""
    found = [
        (item[name], element, name)
        for item, element in items
        for name in ("loc", "start", "end")
        if is_place(item.get(name))
    ]
    if len(found) < 3:
        return
    middle = [median(place[axis] for place, _, _ in found) for axis in (0, 1)]

    def away(place: Any) -> float:
        return float(max(abs(place[0] - middle[0]), abs(place[1] - middle[1])))

    for place, element, name in found:
        if away(place) > FAR_DEGREES and away(turned(place)) < NEAR_DEGREES:
            book.swapped(element, name, place)


def check_skills(book: Book, data: Mapping[str, Any], items: list[tuple[Mapping[str, Any], str]]) -> None:
    """Where the file lists the skills there are, a name outside the list is a slip of the pen."""
    known = data.get("skills")
    if known is None:
        return
    if not list_of(is_text)(known):
        book.add("E110", "scenario", "skills", f"{short(known)} is not usable", "give a list of names")
        return
    for item, element in items:
        skills = item.get("skills") or []
        if not list_of(is_text)(skills):
            continue
        unknown = [skill for skill in skills if skill not in known]
        if unknown:
            cause = f"{unknown[0]!r} is not in the scenario's list of skills"
            book.add(
                "E119", element, "skills", cause, f"give some of {short(sorted(known))}, or add it there"
            )


def check_way_home(book: Book, data: Mapping[str, Any], item: Mapping[str, Any], element: str) -> None:
    """A shift must be long enough for the way from the start to the end place."""
    seconds = _way_home(data, item)
    shifts = [("shift", item.get("shift"))]
    shifts += [(f"shifts.{day}", span) for day, span in (item.get("shifts") or {}).items()]
    for name, span in shifts:
        if span is not None and seconds > span[1] - span[0]:
            cause = f"the way from start to end takes {seconds} s, the shift has {span[1] - span[0]} s"
            book.add("E127", element, name, cause, "give a longer shift or another end")


def _way_home(data: Mapping[str, Any], item: Mapping[str, Any]) -> int:
    mode = item.get("mode") or "walk"
    matrix = data.get("matrix")
    if matrix is not None:
        start = item["start_index"]
        end = item.get("end_index")
        return int(matrix[mode][start][start if end is None else end])
    a, b = item["start"], item.get("end") or item["start"]
    if tuple(a) == tuple(b):
        return 0
    distance = metres((a[0], a[1]), (b[0], b[1]))
    detour, speed = float(data.get("detour") or 1.0), float(data["speed_kmh"][mode])
    return round(distance * detour / (speed / 3.6))
