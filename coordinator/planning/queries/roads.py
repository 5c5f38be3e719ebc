"""How a plan's travel times came about, in words for the people who read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.planning.models import Plan
from coordinator.planning.translate import read_key
from coordinator.planning.translate.people import DETOURS
from coordinator.workforce.labels import TRAVEL_MODES
from coordinator.workforce.models import TravelMode, Worker

MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class RoadNote:
    """Travel times of a plan. `elders` (id, name) and `workers` (names) are at places without a road, `more`
    further ones not named; `no_way` says for each mode how many pairs of places have no way; `away` that the road
    engine did not answer, so that `unanswered` ways out of `ways` are estimates."""

    words: str
    no_way: list[tuple[str, int]] = field(default_factory=list)
    elders: list[tuple[int, str]] = field(default_factory=list)
    workers: list[str] = field(default_factory=list)
    more: int = 0
    away: bool = False
    unanswered: int = 0
    ways: int = 0


def road_note(plan: Plan) -> RoadNote | None:
    """What to tell about a plan's times; None before there are any. Two queries at most."""
    if plan.detail.get("visits") is None:
        return None
    return _told(plan.detail.get("roads") or {})


def note_of(note: Mapping[str, Any]) -> RoadNote | None:
    """What to tell about times that a page has asked for; None without a road engine. Two queries at most."""
    return _told(note) if note else None


def _told(found: Mapping[str, Any]) -> RoadNote:
    modes: dict[str, dict[str, Any]] = found.get("modes") or {}
    keys = list(dict.fromkeys(key for one in modes.values() for key in one["cut_off"]))
    named = [read_key(key) for key in keys[:MOST_NAMED]]
    elders = [number for kind, number in named if kind == "e"]
    workers = [number for kind, number in named if kind == "w"]
    return RoadNote(
        words=_words(modes, found.get("line", [])),
        no_way=[
            (str(TRAVEL_MODES[TravelMode(mode)]), one["no_way"])
            for mode, one in modes.items()
            if one["no_way"]
        ],
        elders=[(row.id, row.name) for row in _named(Elder, elders)],
        workers=[row.name for row in _named(Worker, workers)],
        more=len(keys) - len(elders) - len(workers),
        away=any(one["error"] and one["unanswered"] for one in modes.values()),
        unanswered=sum(one["unanswered"] for one in modes.values()),
        ways=sum(one["pairs"] for one in modes.values()),
    )


def way_words(plan: Plan, mode: TravelMode) -> str:
    """How one person's travel times came about, for a route sheet."""
    found = (plan.detail.get("roads") or {}).get("modes", {}).get(mode.value)
    name = TRAVEL_MODES[mode]
    if found is None or _is_straight(found):
        return _("%(mode)s，路上时间按直线距离乘 %(factor)s 估算", mode=name, factor=f"{DETOURS[mode]:.2f}")
    if found["no_way"] or found["unanswered"]:
        return _("%(mode)s，路上时间按道路计算，少数地点按直线估算", mode=name)
    return _("%(mode)s，路上时间按道路计算", mode=name)


def _words(modes: dict[str, dict[str, Any]], line: list[str]) -> str:
    by_road = [mode for mode, one in modes.items() if not _is_straight(one)]
    straight = [mode for mode in (*modes, *line) if mode not in by_road]
    if not by_road:
        return _("路上时间按直线距离估算")
    if not straight:
        return _("路上时间按道路计算")
    return _(
        "路上时间：%(road)s按道路计算，%(line)s按直线距离估算",
        road=_joined(by_road),
        line=_joined(straight),
    )


def _is_straight(one: dict[str, Any]) -> bool:
    """Whether most of a mode's times are estimates."""
    return bool(one["unanswered"] * 2 > one["pairs"])


def _joined(modes: list[str]) -> str:
    return _("、").join(str(TRAVEL_MODES[TravelMode(mode)]) for mode in modes)


def _named(model: type[Elder] | type[Worker], ids: list[int]) -> list[Any]:
    if not ids:
        return []
    rows = db.session.execute(select(model.id, model.name).where(model.id.in_(ids))).all()
    return sorted(rows, key=lambda row: ids.index(row.id))
