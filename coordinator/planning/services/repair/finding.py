"""Finding who goes: the engine searches with what stands told, and words for what it could not place."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

import routing
from coordinator.planning.queries.real_day import second_of
from coordinator.planning.reasons import Names, reason_text
from coordinator.planning.services.repair.sorting import leave, length_of
from coordinator.planning.services.repair.steps import Kind, Proposal, Step, team_before
from coordinator.planning.services.repair.weighing import weigh
from coordinator.planning.translate.keys import visit_key, worker_key
from coordinator.planning.translate.mending import Scene, Wanted, punctual, scene
from coordinator.planning.translate.settling import settle
from coordinator.visits.models import Visit
from coordinator.workforce.fitness import UnfitCode
from routing.lines import TOLD_SECONDS

SEARCH_SECONDS = 0.7
"""Of the two seconds that an answer may take, for each of two searches at most."""

# Why a worker cannot take a visit over, after a number of people: 5 人住得太远.
WHY_NOBODY: dict[UnfitCode | None, Any] = {
    UnfitCode.DAY_OFF: _l("当天不来"),
    UnfitCode.MINOR_ALONE: _l("未成年"),
    UnfitCode.BARRED: _l("不能和长者安排在一起"),
    UnfitCode.SKILL_MISSING: _l("没有需要的技能"),
    UnfitCode.SEX_PREFERENCE: _l("不合长者希望的性别"),
    UnfitCode.OUTSIDE_RADIUS: _l("住得太远"),
    UnfitCode.LIMIT_DAY: _l("次数已满"),
    UnfitCode.LIMIT_WEEK: _l("次数已满"),
    UnfitCode.LIMIT_MONTH: _l("次数已满"),
    UnfitCode.LIMIT_HOURS: _l("时间已满"),
    None: _l("手续不全"),
}


def mend(found: Proposal, kept: list[Visit], wanted: list[Wanted]) -> None:
    real, absent = found.real, found.trouble.absent
    sight = scene(real, absent=absent, kept=kept, wanted=wanted)
    made = _search(punctual(sight), {one.key: _near(one) for one in wanted if not one.beside})
    missing = _missing(sight, made)
    if missing:
        # Second try: others may shift by a quarter of an hour, and who found nobody may come at another hour.
        single = [one for one in wanted if one.beside and one.key in missing]
        if single:
            reasons = {one.key: _why(sight, made, one) for one in single}
            for one in single:
                leave(found, one, reasons[one.key])
                assert one.visit is not None, "somebody is beside a visit that stands"
                kept.append(one.visit)
            wanted = [one for one in wanted if one not in single]
            sight = scene(real, absent=absent, kept=kept, wanted=wanted)
        windows = {
            one.key: one.window if one.key in missing else _near(one) for one in wanted if not one.beside
        }
        made = _search(sight, windows)
        missing = _missing(sight, made)
    for one in wanted:
        if one.key in missing:
            leave(found, one, _why(sight, made, one))
    starts = settle(sight, made.scenario, made.plan)
    teams: dict[str, list[int]] = defaultdict(list)
    for route in made.plan.routes:
        for stop in route.stops:
            teams[stop.visit].append(int(route.worker[1:]))
    _steps_of_wanted(found, [one for one in wanted if one.key not in missing], teams, starts)
    _steps_of_kept(found, kept, starts)
    if sight.apart:
        people = "、".join(real.workers[worker_id].name for worker_id in sight.apart)
        found.notes.append(_("%(names)s当天的安排本身就赶不过来，没有动", names=people))
    weigh(found, sight, made, kept, wanted)


def _near(one: Wanted) -> tuple[int, int]:
    """The starts that keep what the elder knows; all of them where nothing is known or the time has gone by."""
    if one.start is None:
        return one.window
    low, high = max(one.window[0], one.start - TOLD_SECONDS), min(one.window[1], one.start + TOLD_SECONDS)
    return (low, high) if low <= high else one.window


def _search(sight: Scene, windows: Mapping[str, tuple[int, int]]) -> routing.Repair:
    added = [replace(sight.items[key], window=window) for key, window in windows.items()]
    return routing.repair(
        sight.scenario,
        sight.plan,
        added=added,
        told=sight.told,
        now=sight.real.now,
        seconds=SEARCH_SECONDS,
    )


def _missing(sight: Scene, made: routing.Repair) -> set[str]:
    """Wanted visits without all their people."""
    people = Counter(stop.visit for route in made.plan.routes for stop in route.stops)
    return {key for key, one in sight.wanted.items() if people[key] < one.people}


def _why(sight: Scene, made: routing.Repair, one: Wanted) -> str:
    """Why nobody could be found, in one sentence without its full stop."""
    names = Names(
        {worker_key(worker.id): worker.name for worker in sight.real.workers.values()}
        | {visit_key(visit.id): visit.elder.name for visit in sight.real.ahead}
        | {one.key: one.elder.name},
        sight.real.day,
    )
    left = next((row for row in made.plan.unassigned if row.visit == one.key), None)
    if left is None:
        text = _("要两个人同去，没有两个人同时有空")
    elif left.reason == "all_excluded":
        text = _("当天来的人都去不了这一户")
    else:
        text = reason_text(left.reason, left.detail, names)
    told: Counter[str] = Counter()
    for code, count in sight.unfit.get(one.key, Counter()).items():
        told[str(WHY_NOBODY.get(code, WHY_NOBODY[None]))] += count
    parts = [_("%(n)s 人%(why)s", n=count, why=why) for why, count in told.most_common(3)]
    return _("%(text)s（%(parts)s）", text=text, parts="，".join(parts)) if parts else text


def _steps_of_wanted(
    found: Proposal, wanted: Iterable[Wanted], teams: Mapping[str, list[int]], starts: Mapping[str, int]
) -> None:
    for one in wanted:
        after = tuple(sorted((worker_id, False) for worker_id in teams[one.key]))
        before = team_before(one.visit) if one.visit is not None else ()
        kind = Kind.PEOPLE if before else Kind.ADD
        found.steps.append(
            Step(kind, one.elder, one.visit, one.seconds, before, one.start, after, starts[one.key])
        )


def _steps_of_kept(found: Proposal, kept: Iterable[Visit], starts: Mapping[str, int]) -> None:
    company = {step.visit.id: step for step in found.steps if step.visit is not None}
    for visit in kept:
        old = second_of(visit.starts_at)
        new = starts.get(visit_key(visit.id), old)
        if new == old:
            continue
        if visit.id in company:
            found.steps.remove(company[visit.id])
            found.steps.append(replace(company[visit.id], start_after=new))
            continue
        team = team_before(visit)
        found.steps.append(Step(Kind.TIME, visit.elder, visit, length_of(visit), team, old, team, new))
