"""Why other visits are not shown, in plain words, and what the worker can do about it.

Every figure is worked out from the visits themselves: how many would appear if this one setting were changed and
nothing else. No query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from typing import Any, NamedTuple

from flask_babel import gettext as _

from coordinator.elders.labels import SKILLS
from coordinator.elders.models import Skill
from coordinator.kernel import i18n
from coordinator.marketplace.duty import DutyWorker, Hours
from coordinator.marketplace.labels import WHY_NOT, Hidden
from coordinator.marketplace.queries.market import Market, Offer, Turned
from coordinator.marketplace.queries.openings import load_on
from coordinator.marketplace.rules import Rules
from coordinator.workforce.fitness import Load as FitnessLoad
from coordinator.workforce.fitness import UnfitCode, distance_m, has_skill, hours, limits

STEPS_METRES = (500, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 20_000)
SPANS: tuple[tuple[Any, time, time], ...] = (
    ("morning", time(8), time(12)),
    ("afternoon", time(14), time(18)),
    ("whole", time(8), time(18)),
)
_CREDENTIALS = (UnfitCode.CREDENTIAL_MISSING, UnfitCode.CREDENTIAL_EXPIRED)
_LIMITS = {
    UnfitCode.LIMIT_DAY: ("max_visits_day", "max_visits_week"),
    UnfitCode.LIMIT_WEEK: ("max_visits_week", "max_visits_month"),
    UnfitCode.LIMIT_MONTH: ("max_visits_month", None),
}
_MOST = {"max_visits_day": 20, "max_visits_week": 100, "max_visits_month": 400}


class Hint(NamedTuple):
    """`number` visits are not shown for the reason `why` (key of `labels.WHY_NOT`). `advice` is what can be
    done, '' when nothing; `endpoint` and `anchor` are where. `gain`: how many would appear."""

    why: str
    number: int
    advice: str = ""
    endpoint: str = ""
    anchor: str = ""
    gain: int = 0

    @property
    def words(self) -> str:
        return str(WHY_NOT[self.why])


def hints(worker: DutyWorker, market: Market, rules: Rules) -> list[Hint]:
    """One line a reason, the most frequent first."""
    found = [_hint(worker, market, rules, why, count) for why, count in market.hidden.items()]
    if market.not_wished:
        found.append(
            Hint(
                Hidden.NOT_WISHED,
                len(market.not_wished),
                _("点上面的“别的也看”就能看到；也可以改想做的。"),
                "workforce.my_wishes",
                gain=len(market.not_wished),
            )
        )
    if market.tight:
        found.append(Hint(Hidden.TIGHT, len(market.tight), _("点上面的“时间紧的也看”就能看到。")))
    if market.outside_hours:
        found.append(_hours(worker, market.outside_hours))
    return sorted(found, key=lambda one: (-one.number, one.why))


def _hint(worker: DutyWorker, market: Market, rules: Rules, why: str, count: int) -> Hint:
    if why == UnfitCode.OUTSIDE_RADIUS:
        return _radius(worker, market, count)
    if why in _LIMITS:
        return _limit(worker, market, UnfitCode(why), count)
    if why == UnfitCode.LIMIT_HOURS:
        return Hint(why, count, _("想多做，可以改一周最多几小时。"), "workforce.my_wishes", "max_hours_week")
    if why == UnfitCode.SKILL_MISSING:
        return _skill(worker, market, count)
    if why in _CREDENTIALS:
        return Hint(why, count, _("到“我的”看缺哪一样，补好就能看到。"), "workforce.me")
    if why == Hidden.SOON:
        return Hint(why, count, _("要提前 %(n)s 小时认领；急着想去，请打电话给社区。", n=rules.notice_hours))
    if why == Hidden.FURTHER:
        return Hint(why, count, _("先看近的；也可以换个出发的地方。"), "workforce.my_travel")
    return Hint(why, count)


def _only(market: Market, code: UnfitCode) -> list[Turned]:
    """What would appear if it were not for this one reason."""
    return [
        one for one in market.turned if one.verdict.against == (code,) and one.verdict.in_hours and one.wished
    ]


def _radius(worker: DutyWorker, market: Market, count: int) -> Hint:
    """The next distance that brings at least half of what any distance would bring."""
    metres = sorted(
        there
        for one in _only(market, UnfitCode.OUTSIDE_RADIUS)
        if (there := distance_m(worker, one.opening.home)) is not None
    )
    reached = [(step, sum(there <= step for there in metres)) for step in STEPS_METRES]
    most = max((gain for step, gain in reached if step > worker.service_radius_metres), default=0)
    for step, gain in reached:
        if step > worker.service_radius_metres and gain and gain * 2 >= most:
            advice = _(
                "把服务距离从%(now)s调到%(then)s，就能看到其中 %(n)s 次。",
                now=i18n.distance(worker.service_radius_metres),
                then=i18n.distance(step),
                n=gain,
            )
            return Hint(UnfitCode.OUTSIDE_RADIUS, count, advice, "workforce.my_travel", "radius", gain)
    return Hint(UnfitCode.OUTSIDE_RADIUS, count)


def _limit(worker: DutyWorker, market: Market, code: UnfitCode, count: int) -> Hint:
    """One visit more, where the next limit allows it."""
    name, above = _LIMITS[code]
    now = getattr(worker, name)
    ceiling = _MOST[name] if above is None else min(_MOST[name], getattr(worker, above))
    if now < ceiling:
        looser = replace(worker, **{name: now + 1})
        gain = sum(not limits(looser, _load(market, one), one.opening.minutes) for one in _only(market, code))
        if gain:
            given = {"a": now, "b": now + 1, "n": gain}
            advice = {
                "max_visits_day": _("把一天最多从 %(a)s 次改成 %(b)s 次，就能看到其中 %(n)s 次。", **given),
                "max_visits_week": _("把一周最多从 %(a)s 次改成 %(b)s 次，就能看到其中 %(n)s 次。", **given),
                "max_visits_month": _(
                    "把一个月最多从 %(a)s 次改成 %(b)s 次，就能看到其中 %(n)s 次。", **given
                ),
            }[name]
            return Hint(code, count, advice, "workforce.my_wishes", name, gain)
    return Hint(code, count, _("想多做，可以改最多几次。"), "workforce.my_wishes", name)


def _load(market: Market, one: Turned) -> FitnessLoad:
    return load_on(market.held, one.opening.day)


def _skill(worker: DutyWorker, market: Market, count: int) -> Hint:
    """The skill that is asked for most."""
    asked = Counter(
        skill
        for one in market.turned
        if UnfitCode.SKILL_MISSING in one.verdict.against
        for skill in one.opening.needs_skills
        if skill != Skill.DIALECT and not has_skill(worker, skill, one.opening.day)
    )
    if not asked:
        return Hint(UnfitCode.SKILL_MISSING, count)
    skill, often = asked.most_common(1)[0]
    advice = _("其中 %(n)s 次要%(what)s。有证的，请社区核实以后登记。", n=often, what=SKILLS[Skill(skill)])
    return Hint(UnfitCode.SKILL_MISSING, count, advice)


def _hours(worker: DutyWorker, offers: Sequence[Offer]) -> Hint:
    """The one weekday whose hours, made longer, bring most."""
    best: tuple[int, int, int] | None = None
    for weekday in range(7):
        held = [one for one in worker.availability if one.weekday == weekday]
        there = [one for one in offers if one.opening.day.weekday() == weekday]
        for number, (_name, starts, ends) in enumerate(SPANS):
            if not there or not all(starts <= one.starts and one.ends <= ends for one in held):
                continue
            others = [one for one in worker.availability if one.weekday != weekday]
            more = replace(worker, availability=(*others, Hours(weekday, starts, ends)))
            gain = sum(not hours(more, one.opening.starts_at, one.opening.ends_at) for one in there)
            if gain and (best is None or gain > best[0]):
                best = gain, weekday, number
    if best is None:
        return Hint(Hidden.HOURS, len(offers), _("点上面的“别的时间也看”就能看到。"))
    gain, weekday, number = best
    span = (_("上午"), _("下午"), _("全天"))[number]
    advice = _(
        "把%(day)s改成%(span)s能来，就能看到其中 %(n)s 次。", day=i18n.WEEKDAYS[weekday], span=span, n=gain
    )
    return Hint(Hidden.HOURS, len(offers), advice, "workforce.my_times", f"day_{weekday}", gain)
