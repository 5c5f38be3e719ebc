"""The engine's codes in Chinese: why a visit is not planned, what would help, what a change by hand would break.

Every code of `routing` has a text here; a test of the house sees to it. Details of the engine hold ids, day indices
and seconds; they are made readable with the names and the first day of the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.elders.labels import SKILLS
from coordinator.kernel import i18n

# Reasons the translation gives itself: such an obligation never reached the engine.
OWN_REASONS: dict[str, Any] = {
    "blocked_remote_only": _l("长者只接受电话、视频联系，这项只计上门"),
    "blocked_home_consent_missing": _l("还没有得到上门的同意"),
    "blocked_epidemic": _l("疫情期间不安排上门"),
    "no_day_left": _l("期限今天就到，来不及排进计划"),
    "no_place": _l("住址还没有标在地图上"),
    "not_possible_now": _l("批准时已经不能安排"),
}
OWN_REMEDIES: dict[str, Any] = {
    "blocked_remote_only": _l("再征求一次意愿，改了就能排"),
    "blocked_home_consent_missing": _l("请先取得上门同意，登记在档案里"),
    "blocked_epidemic": _l("疫情解除后再排"),
    "no_day_left": _l("请今天就安排人上门，或放到可认领"),
    "no_place": _l("请在档案里点一下住址的位置，再重新计算"),
    "not_possible_now": _l("请看写明的原因，处理好再重新计算"),
}

REASONS: dict[str, Any] = {
    "no_worker_with_skill": _l("缺会%(skills)s的人"),
    "no_pair_with_skills": _l("要两个人去，凑不齐会%(skills)s的两个人"),
    "only_minors": _l("会%(skills)s的只有未成年人，未成年人不能单独上门"),
    "all_excluded": _l("能去的人都不能安排到这一户"),
    "outside_radius": _l("住得远，超出所有人的服务半径，最近的%(worker)s也有 %(metres)s"),
    "no_permitted_day": _l("期限内没有可以去的日子"),
    "spacing": _l("和这位长者另外几次离得太近，隔不开"),
    "no_worker_on_permitted_days": _l("能去的人在期限内都没有空的日子"),
    "window_outside_shifts": _l("长者方便的时间 %(window)s，没有人赶得上"),
    "load_over_capacity": _l("要带的东西太多，一个人拿不下"),
    "route_too_long": _l("路上加探访的时间超过了每个人能出门的时间"),
    "day_visits_reached": _l("期限内能去的人每天次数都满了"),
    "week_visits_reached": _l("能去的人每周次数都满了"),
    "month_visits_reached": _l("能去的人本月次数都满了"),
    "week_hours_reached": _l("能去的人每周时间都满了"),
    "no_time_left": _l("能去的人时间都排满了"),
    "no_two_free_together": _l("要两个人同去，没有两个人同时有空"),
    "pin_impossible": _l("固定给%(workers)s，可他做不到"),
    "can_be_inserted": _l("其实还排得下，只是计算停得早"),
    "not_planned": _l("还没有排进路线"),
} | OWN_REASONS

REMEDIES: dict[str, Any] = {
    "recruit_skill": _l("找一位会%(skills)s的人，或请人学会"),
    "train_worker": _l("请%(worker)s学会%(skills)s"),
    "allow_excluded": _l("问问长者，愿不愿意让%(worker)s来"),
    "raise_radius": _l("%(worker)s放宽到 %(metres)s，就能去"),
    "permit_day": _l("改到%(day)s就有人去"),
    "relax_spacing": _l("把这位长者的另一次挪开几天"),
    "work_on_day": _l("请%(worker)s%(day)s来一次"),
    "widen_window": _l("长者%(start)s方便的话，%(worker)s能去"),
    "share_load": _l("分两次带，或请开车的人去"),
    "longer_route": _l("请%(worker)s出门 %(seconds)s"),
    "one_more_visit": _l("请%(worker)s%(day)s多去一户"),
    "more_hours": _l("请%(worker)s那一周多来 %(seconds)s"),
    "extend_shift": _l("请%(worker)s%(day)s晚走 %(seconds)s"),
    "give_way": _l("让%(worker)s%(day)s不急的一户（%(visit)s）让一让"),
    "another_worker": _l("附近再找一位志愿者"),
    "second_person": _l("找第二个人同去"),
    "add_adult": _l("请一位会%(skills)s的成年人同去"),
    "loosen_pin": _l("把固定取消或挪一下"),
    "insert_now": _l("%(day)s排给%(worker)s"),
    "ask_why": _l("重新计算，会写明原因"),
}

VIOLATIONS: dict[str, Any] = {
    "unknown_worker": _l("这个人不在这次计划里"),
    "unknown_visit": _l("这次探访不在这次计划里"),
    "unknown_day": _l("这一天不在这次计划里"),
    "route_twice": _l("%(worker)s%(day)s有两条路线"),
    "visit_twice": _l("%(elder)s这次去的人太多了"),
    "visit_missing": _l("%(elder)s这次漏掉了"),
    "made_and_unassigned": _l("%(elder)s这次既排了又算没排"),
    "not_working": _l("%(worker)s%(day)s不来"),
    "outside_shift": _l("%(worker)s要 %(departure)s 出门、%(arrival)s 才回，不在他能来的时间里"),
    "too_little_travel": _l("到%(elder)s家路上时间不够"),
    "too_short": _l("在%(elder)s家的时间太短"),
    "outside_window": _l("%(start)s 到%(elder)s家，不在长者方便的时间（%(window)s 之间到）"),
    "missing_skill": _l("%(elder)s需要%(skills)s，%(worker)s没有这项"),
    "excluded_worker": _l("%(worker)s和%(elder)s不能安排在一起"),
    "outside_radius": _l("%(elder)s家离%(worker)s的出发地 %(metres)s，他的半径 %(radius_m)s"),
    "too_many_visits_day": _l("%(worker)s%(day)s有 %(visits)s 次，他说最多 %(limit)s 次"),
    "too_many_visits_week": _l("%(worker)s那一周有 %(visits)s 次，他说最多 %(limit)s 次"),
    "too_many_visits_month": _l("%(worker)s这个月有 %(visits)s 次，他说最多 %(limit)s 次"),
    "too_many_hours_week": _l("%(worker)s那一周有 %(hours)s 小时，他说最多 %(limit)s 小时"),
    "route_too_long": _l("%(worker)s%(day)s要出门 %(seconds)s，太久了"),
    "over_capacity": _l("%(worker)s%(day)s要带的东西太多"),
    "no_break": _l("%(worker)s%(day)s中午歇不了一小时"),
    "second_person_missing": _l("%(elder)s要两个人去，现在只有%(worker)s"),
    "not_together": _l("去%(elder)s家的两个人时间对不上"),
    "minor_alone": _l("%(worker)s未成年，不能单独去%(elder)s家"),
    "day_not_permitted": _l("%(elder)s这次不能在这一天"),
    "wrong_number": _l("%(elder)s几次的先后不对"),
    "pin_broken": _l("%(elder)s这次是固定的"),
    "pin_position": _l("%(elder)s这次的先后是固定的"),
    "wrong_score": _l("合计的数字不对"),
}
# What a coordinator who has spoken with the worker may go past; everything else is refused.
SOFT = frozenset(
    {
        "too_many_visits_day",
        "too_many_visits_week",
        "too_many_visits_month",
        "too_many_hours_week",
        "no_break",
    }
)


@dataclass(frozen=True, slots=True)
class Names:
    """What a detail's ids stand for: names by scenario id, and the day of index 0."""

    people: Mapping[str, str]
    origin: date

    def of(self, key: object) -> str:
        """The name behind an id; the id's visit number is left out."""
        return self.people.get(str(key).partition("#")[0], _("某人"))

    def day(self, index: int) -> str:
        """The day of an index."""
        return i18n.day(self.origin + timedelta(days=index), weekday=True)


class _Gaps(dict[str, Any]):
    """An engine that tells less than a text wants must not take the page down."""

    def __missing__(self, key: str) -> str:
        return "…"


def reason_text(code: str, detail: Mapping[str, Any], names: Names) -> str:
    """The reason as a sentence without its full stop."""
    return str(REASONS.get(code, REASONS["not_planned"])) % _Gaps(readable(detail, names))


def remedy_text(code: str, detail: Mapping[str, Any], names: Names) -> str:
    """What would help; for reasons of our own see OWN_REMEDIES."""
    text = OWN_REMEDIES.get(code) or REMEDIES.get(code) or REMEDIES["ask_why"]
    return str(text) % _Gaps(readable(detail, names))


def violation_text(
    code: str,
    visit: str | None,
    worker: str | None,
    day: int | None,
    detail: Mapping[str, Any],
    names: Names,
) -> str:
    """One broken limit as a sentence without its full stop."""
    shown = readable(detail, names)
    if visit is not None:
        shown["elder"] = names.of(visit)
    if worker is not None:
        shown["worker"] = names.of(worker)
    if day is not None:
        shown["day"] = names.day(day)
    return str(VIOLATIONS[code]) % _Gaps(shown)


def short_reason(code: str) -> str:
    """The reason as a heading over several visits: without figures of one of them."""
    return (
        _HEADINGS[code]() if code in _HEADINGS else str(REASONS.get(code, REASONS["not_planned"])) % _Gaps()
    )


_HEADINGS: dict[str, Callable[[], str]] = {
    "no_worker_with_skill": lambda: _("缺有专门技能的人"),
    "no_pair_with_skills": lambda: _("要两个人去，凑不齐有专门技能的两个人"),
    "only_minors": lambda: _("有技能的只有未成年人，不能单独上门"),
    "outside_radius": lambda: _("住得远，超出所有人的服务半径"),
    "window_outside_shifts": lambda: _("长者方便的时间，没有人赶得上"),
    "pin_impossible": lambda: _("固定的人或时间做不到"),
}


def readable(detail: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """A detail of the engine with ids, indices and seconds in words."""
    return {key: _READERS.get(key, _plain)(value, names) for key, value in detail.items()}


def _plain(value: Any, names: Names) -> str:
    del names
    return "、".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)


def _names(value: Any, names: Names) -> str:
    many: Iterable[Any] = value if isinstance(value, list | tuple) else [value]
    return "、".join(names.of(one) for one in many)


def _skills(value: Any, names: Names) -> str:
    del names
    return "、".join(str(SKILLS.get(one, one)) for one in value) or _("这件事")


def _days(value: Any, names: Names) -> str:
    many = value if isinstance(value, list | tuple) else [value]
    return "、".join(names.day(one) for one in many)


def _clock(value: Any, names: Names) -> str:
    del names
    return "–".join(i18n.hour(one) for one in (value if isinstance(value, list | tuple) else [value]))


_READERS: dict[str, Callable[[Any, Names], str]] = {
    "worker": _names,
    "second": _names,
    "workers": _names,
    "visit": _names,
    "skills": _skills,
    "nobody_has": _skills,
    "day": _days,
    "days": _days,
    "made": _days,
    "start": _clock,
    "window": _clock,
    "departure": _clock,
    "arrival": _clock,
    "metres": lambda value, _names: i18n.distance(float(value)),
    "radius_m": lambda value, _names: i18n.distance(float(value)),
    "seconds": lambda value, _names: i18n.duration(float(value)),
}
