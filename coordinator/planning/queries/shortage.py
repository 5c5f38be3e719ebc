"""What an area lacks, in words; and the sum over streets, numbers only. The number of queries is constant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import distinct, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from coordinator.elders.labels import SKILLS
from coordinator.extensions import db
from coordinator.kernel import i18n
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.planning.models import KEY_TIERS, Plan, PlanState, PlanStop, PlanStudy, StudyKind, StudyState
from coordinator.planning.queries.month import BLOCKED
from coordinator.planning.queries.plans import RANK
from coordinator.planning.reasons import short_reason
from coordinator.planning.wording import gain_words, weekday_name
from coordinator.workforce.labels import KINDS

LIMITS: dict[str, Any] = {
    "nobody": _l("谁也去不了的几次"),
    "time": _l("能来的时间"),
    "window": _l("长者方便的时间"),
    "visits_day": _l("一天最多去几户"),
    "visits_week": _l("一周最多去几户"),
    "visits_month": _l("一个月最多去几户"),
    "hours_week": _l("一周最多几小时"),
    "load": _l("带得动的东西"),
    "days": _l("期限内的日子"),
    "together": _l("要两个人同去"),
}
"""What keeps the people from more, by the engine's names."""
LONGEST = 12
"""So many neighbourhoods are listed; the rest is summed up."""


@dataclass(frozen=True, slots=True)
class Lack:
    """Missing visits of one group; `share` of the largest group, for a bar."""

    name: str
    visits: float
    statutory: float
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class OneMore:
    """One more person, in words, and what was proven to come of it."""

    who: str
    where: str
    gain: str
    visits: int


@dataclass(slots=True)
class ShortageView:
    """`all` visits are wanted of which `visits` are missing. `most` is what these people can do at most, proven,
    None where nothing was."""

    study: PlanStudy | None
    fresh: bool
    all: int = 0
    visits: int = 0
    statutory: int = 0
    hours: float = 0.0
    by_reason: list[Lack] = field(default_factory=list)
    by_skill: list[Lack] = field(default_factory=list)
    by_day: list[Lack] = field(default_factory=list)
    by_weekday: list[Lack] = field(default_factory=list)
    by_place: list[Lack] = field(default_factory=list)
    one_more: list[OneMore] = field(default_factory=list)
    complete: bool = True
    most: int | None = None
    binding: list[str] = field(default_factory=list)

    @property
    def busy(self) -> bool:
        """Whether it is being worked out."""
        return self.study is not None and self.study.state in (StudyState.QUEUED, StudyState.RUNNING)

    @property
    def known(self) -> bool:
        """Whether there is a result."""
        return self.study is not None and "visits" in self.study.result


def shortage_view(study: PlanStudy | None, *, fresh: bool) -> ShortageView:
    """A stored result in words."""
    view = ShortageView(study, fresh)
    if study is None or "visits" not in study.result:
        return view
    found: Mapping[str, Any] = study.result
    view.all, view.visits = int(found["all"]), round(found["visits"])
    view.statutory = round(found["statutory"])
    view.hours = float(found["service_seconds"]) / 3600
    view.complete = bool(found["complete"])
    origin = date.fromisoformat(found["origin"])
    view.by_reason = _lacks(found["by_reason"], short_reason)
    view.by_skill = _lacks(found["by_skill"], skill_words)
    view.by_day = _lacks(
        sorted(found["by_day"], key=lambda row: int(row[0])),
        lambda key: i18n.day(origin + timedelta(days=int(key)), weekday=True),
    )
    view.by_weekday = _lacks(_weekdays(found["by_day"], origin), str)
    view.by_place = _lacks(found["by_place"], str)
    if len(view.by_place) > LONGEST:
        rest = view.by_place[LONGEST:]
        summed = Lack(
            _("其余 %(n)s 处", n=len(rest)),
            sum(one.visits for one in rest),
            sum(one.statutory for one in rest),
        )
        view.by_place = [*view.by_place[:LONGEST], summed]
    view.one_more = _one_more(found["one_more"])
    missed = found.get("missed_at_least")
    view.most = view.all - int(missed) if missed else None
    view.binding = (
        [str(LIMITS[kind]) for kind in found.get("binding", ()) if kind in LIMITS] if missed else []
    )
    return view


def skill_words(key: str) -> str:
    """A skill, or that none is needed."""
    return str(SKILLS.get(key, key)) if key else _("不要专门技能")


def _lacks(rows: Sequence[Sequence[Any]], words: Any) -> list[Lack]:
    most = max((float(row[1]) for row in rows), default=0.0) or 1.0
    return [Lack(words(row[0]), float(row[1]), float(row[2]), float(row[1]) / most) for row in rows]


def _weekdays(rows: Sequence[Sequence[Any]], origin: date) -> list[list[Any]]:
    """The days' shares summed up for each weekday, in visits as whole as they come out."""
    sums: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for key, visits, statutory, _seconds in rows:
        mine = sums[(origin + timedelta(days=int(key))).weekday()]
        mine[0] += float(visits)
        mine[1] += float(statutory)
    return [
        [weekday_name(origin + timedelta(days=weekday - origin.weekday())), round(visits), round(statutory)]
        for weekday, (visits, statutory) in sorted(sums.items())
    ]


def _one_more(rows: Sequence[Mapping[str, Any]]) -> list[OneMore]:
    """The kinds that bring something, each once: with the same words only the best."""
    found: dict[str, OneMore] = {}
    for row in rows:
        skills = "、".join(skill_words(one) for one in row["skills"])
        hours = "–".join(i18n.hour(one) for one in row["shift"])
        kind = str(KINDS.get(row["role"], row["role"])) if row["role"] else ""
        if kind and skills:
            who = _("%(kind)s，会%(skills)s", kind=kind, skills=skills)
        elif kind:
            who = kind
        elif skills:
            who = _("每天 %(hours)s 能来、会%(skills)s的人", hours=hours, skills=skills)
        else:
            who = _("每天 %(hours)s 能来的人", hours=hours)
        one = OneMore(who, row["place"], gain_words(row["visits"], row["statutory"]), row["visits"])
        if who not in found or found[who].visits < one.visits:
            found[who] = one
    return sorted(found.values(), key=lambda one: -one.visits)


# --- over streets ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class StreetLack:
    """One street's month in numbers. `most` is what its people can do at most and `best` what one more person would
    bring at most, where they were worked out."""

    area: Area
    plan_id: int | None = None
    state: PlanState | None = None
    planned: int = 0
    missing: int = 0
    key: int = 0
    skills: dict[str, int] = field(default_factory=dict)
    most: int | None = None
    best: int | None = None
    worked_out: bool = False


def street_lacks(actor: Actor, month: date) -> list[StreetLack]:
    """The streets the actor sees, with what their plan of the month lacks; five queries, however many streets."""
    streets = db.session.scalars(
        select(Area)
        .where(Area.level == AreaLevel.STREET, in_areas(actor, Permission.PLAN_READ, Area.id))
        .order_by(Area.path)
    ).all()
    rows = {area.id: StreetLack(area) for area in streets}
    plans = db.session.execute(
        select(Plan.id, Plan.area_id, Plan.state)
        .where(
            Plan.area_id.in_(list(rows)),
            Plan.month == month,
            Plan.state.in_((PlanState.READY, PlanState.APPROVED)),
        )
        .ext(distinct_on(Plan.area_id))
        .order_by(Plan.area_id, RANK, Plan.id.desc())
    ).all()
    of_plan = {plan_id: rows[area_id] for plan_id, area_id, _state in plans}
    for plan_id, _area_id, state in plans:
        of_plan[plan_id].plan_id, of_plan[plan_id].state = plan_id, state
    left_out = PlanStop.route_id.is_(None) & ~PlanStop.reason.startswith(BLOCKED)
    for plan_id, planned, missing, key in db.session.execute(
        select(
            PlanStop.plan_id,
            func.count(distinct(PlanStop.visit_key)).filter(PlanStop.route_id.is_not(None)),
            func.count().filter(left_out),
            func.count().filter(left_out, PlanStop.tier.in_(sorted(KEY_TIERS))),
        )
        .where(PlanStop.plan_id.in_(list(of_plan)))
        .group_by(PlanStop.plan_id)
    ):
        row = of_plan[plan_id]
        row.planned, row.missing, row.key = planned, missing, key
    skill = func.unnest(PlanStop.needs_skills).label("skill")
    for plan_id, name, count in db.session.execute(
        select(PlanStop.plan_id, skill, func.count())
        .where(PlanStop.plan_id.in_(list(of_plan)), left_out)
        .group_by(PlanStop.plan_id, skill)
    ):
        of_plan[plan_id].skills[name] = count
    for study in db.session.scalars(
        select(PlanStudy).where(
            PlanStudy.plan_id.in_(list(of_plan)),
            PlanStudy.kind == StudyKind.SHORTAGE,
            or_(PlanStudy.state == StudyState.DONE, PlanStudy.result != {}),
        )
    ):
        row, found = of_plan[study.plan_id], study.result
        if "visits" not in found:
            continue
        row.worked_out = True
        missed = found.get("missed_at_least")
        row.most = int(found["all"]) - int(missed) if missed else None
        row.best = max((int(one["visits"]) for one in found["one_more"]), default=0)
    return list(rows.values())


def sums_of(rows: Sequence[StreetLack]) -> StreetLack | None:
    """All streets together; None where there is only one."""
    if len(rows) < 2:
        return None
    total = StreetLack(rows[0].area)
    skills: dict[str, int] = defaultdict(int)
    for row in rows:
        total.planned += row.planned
        total.missing += row.missing
        total.key += row.key
        for name, count in row.skills.items():
            skills[name] += count
    total.skills = dict(skills)
    return total
