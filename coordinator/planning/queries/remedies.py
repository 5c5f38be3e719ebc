"""What would help the visits that are missing, and the questions that were put to workers. Constant queries."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import contains_eager, joinedload

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.errors import NotFound
from coordinator.planning.models import (
    Plan,
    PlanRemedy,
    PlanRoute,
    PlanStop,
    PlanStudy,
    QuestionState,
    StudyState,
    WorkerQuestion,
)
from coordinator.planning.queries.month import BLOCKED
from coordinator.planning.reasons import Names
from coordinator.planning.steps import Change, Step
from coordinator.planning.translate import worker_key
from coordinator.planning.wording import gain_words, remedy_words
from coordinator.workforce.models import Worker

LOST_AFTER = timedelta(seconds=45)
"""A look without a life sign for so long has been cut."""
BEST = 5


@dataclass(slots=True)
class Remedy:
    """One thing that would help, in words. `question` is the newest one put to the worker about just this, `for_`
    how many of the missing visits it was proven for."""

    id: int
    stop_id: int
    step: Step
    text: str
    gain: str
    visits: int
    effort: float
    worker_id: int | None
    elder_id: int
    question: WorkerQuestion | None = None
    for_: int = 1


@dataclass(slots=True)
class RemedyView:
    """`study` is None before anybody asked. `fresh` tells that the plan is still the one that was looked at,
    `stale` why nothing can be done from it any more. `best` are the remedies that bring most for least effort."""

    study: PlanStudy | None
    fresh: bool = True
    stale: str = ""
    by_stop: dict[int, list[Remedy]] = field(default_factory=dict)
    tried: list[int] = field(default_factory=list)
    best: list[Remedy] = field(default_factory=list)
    questions: Sequence[WorkerQuestion] = ()
    lost: bool = False

    @property
    def busy(self) -> bool:
        """Whether more is still being worked out."""
        return self.study is not None and self.study.state in (StudyState.QUEUED, StudyState.RUNNING)


def remedy_view(plan: Plan, study: PlanStudy | None, *, fresh: bool, stale: str) -> RemedyView:
    """What was found for the missing visits of a plan; `fresh` and `stale` are the services' to say."""
    view = RemedyView(study, fresh, stale, questions=questions_of(plan))
    if study is None:
        return view
    view.tried = list(study.result.get("tried", ()))
    view.lost = view.busy and study.heartbeat_at is not None and clock.now() - study.heartbeat_at > LOST_AFTER
    rows = db.session.execute(
        select(PlanRemedy, PlanStop.elder_id)
        .join(PlanStop, PlanStop.id == PlanRemedy.stop_id)
        .where(PlanRemedy.plan_id == plan.id)
        .order_by(PlanRemedy.stop_id, PlanRemedy.position)
    ).all()
    changes = {row.id: Change.from_dict(row.change) for row, _elder in rows}
    names = _names([row for row, _elder in rows], changes, plan)
    asked = {(one.worker_id, _same(one.change)): one for one in reversed(view.questions)}
    for row, elder_id in rows:
        change = changes[row.id]
        remedy = Remedy(
            id=row.id,
            stop_id=row.stop_id,
            step=change.step,
            text=remedy_words(row.code, row.detail, change, names),
            gain=gain_words(row.visits, row.statutory),
            visits=row.visits,
            effort=row.effort,
            worker_id=change.worker_id,
            elder_id=elder_id,
        )
        if change.worker_id is not None:
            remedy.question = asked.get((change.worker_id, _same(row.change)))
        view.by_stop.setdefault(row.stop_id, []).append(remedy)
    view.best = _best(view.by_stop)
    return view


def _same(change: Mapping[str, Any]) -> str:
    """Equal for equal changes, whatever visit they are for."""
    return json.dumps({name: value for name, value in change.items() if name != "detail"}, sort_keys=True)


def _best(by_stop: Mapping[int, Sequence[Remedy]]) -> list[Remedy]:
    """Of what sounds the same for several visits the one that brings most, by visits for each bit of effort."""
    groups: dict[str, list[Remedy]] = defaultdict(list)
    for remedies in by_stop.values():
        for one in remedies:
            if one.step in (Step.ASK, Step.RECRUIT):
                groups[one.text].append(one)
    found = []
    for group in groups.values():
        best = max(group, key=lambda one: one.visits)
        best.for_ = len(group)
        if best.visits > 1 or len(group) > 1:
            found.append(best)
    found.sort(key=lambda one: (-one.visits, one.effort, -one.for_))
    return found[:BEST]


def _names(rows: Sequence[PlanRemedy], changes: Mapping[int, Change], plan: Plan) -> Names:
    workers = {change.worker_id for change in changes.values() if change.worker_id is not None}
    elders: set[int] = set()
    for row in rows:
        for key in (row.detail.get("worker"), row.detail.get("visit")):
            text = str(key or "").partition("#")[0]
            if text[1:].isdigit():
                (workers if text[0] == "w" else elders).add(int(text[1:]))
    people = {
        worker_key(worker_id): name
        for worker_id, name in db.session.execute(
            select(Worker.id, Worker.name).where(Worker.id.in_(workers))
        )
    }
    if elders:
        found = db.session.execute(select(Elder.id, Elder.name).where(Elder.id.in_(elders)))
        people |= {f"e{elder_id}": name for elder_id, name in found}
    return Names(people, date.fromisoformat(plan.detail.get("origin", plan.month.isoformat())))


def load_remedy(plan: Plan, remedy_id: int) -> PlanRemedy:
    """One remedy of a plan; NotFound otherwise."""
    found = db.session.scalar(
        select(PlanRemedy)
        .join(PlanRemedy.stop)
        .where(PlanRemedy.id == remedy_id, PlanRemedy.plan_id == plan.id)
        .options(contains_eager(PlanRemedy.stop).joinedload(PlanStop.elder))
    )
    if found is None:
        raise NotFound(_("没有找到这个办法。"), _("可能已经重新试算，请回到清单里看。"))
    return found


def words_of(plan: Plan, remedy: PlanRemedy) -> tuple[Change, str]:
    """A remedy's change and its words."""
    change = Change.from_dict(remedy.change)
    names = _names([remedy], {remedy.id: change}, plan)
    return change, remedy_words(remedy.code, remedy.detail, change, names)


# --- questions -------------------------------------------------------------------------------------------


def questions_of(plan: Plan) -> Sequence[WorkerQuestion]:
    """What workers were asked for this month's plans of the area, the newest first."""
    return db.session.scalars(
        select(WorkerQuestion)
        .join(Plan, Plan.id == WorkerQuestion.plan_id)
        .where(WorkerQuestion.area_id == plan.area_id, Plan.month == plan.month)
        .options(joinedload(WorkerQuestion.worker).joinedload(Worker.area))
        .order_by(WorkerQuestion.id.desc())
        .limit(50)
    ).all()


def own_questions(actor: Actor) -> Sequence[WorkerQuestion]:
    """What the actor was asked and has not answered, the most urgent first."""
    return db.session.scalars(
        select(WorkerQuestion)
        .where(
            WorkerQuestion.worker_id == actor.worker_id,
            WorkerQuestion.state == QuestionState.ASKED,
            WorkerQuestion.expires_at > clock.now(),
        )
        .options(joinedload(WorkerQuestion.area))
        .order_by(WorkerQuestion.expires_at, WorkerQuestion.id)
    ).all()


def questions_left(actor: Actor) -> ScalarSelect[int]:
    """How many questions wait for the actor's answer, for the menu's one query."""
    return (
        select(func.count())
        .select_from(WorkerQuestion)
        .where(
            WorkerQuestion.worker_id == actor.worker_id,
            WorkerQuestion.state == QuestionState.ASKED,
            WorkerQuestion.expires_at > clock.now(),
        )
        .scalar_subquery()
    )


def own_question(actor: Actor, question_id: int) -> WorkerQuestion:
    """One question to the actor; NotFound for anybody else's."""
    return _question(question_id, WorkerQuestion.worker_id == actor.worker_id)


def load_question(actor: Actor, question_id: int) -> WorkerQuestion:
    """One question that was asked for a plan in the actor's areas; NotFound otherwise."""
    return _question(question_id, in_areas(actor, Permission.PLAN_EDIT, WorkerQuestion.area_id))


def _question(question_id: int, scope: Any) -> WorkerQuestion:
    found = db.session.scalar(
        select(WorkerQuestion)
        .where(WorkerQuestion.id == question_id, scope)
        .options(joinedload(WorkerQuestion.worker), joinedload(WorkerQuestion.area))
    )
    if found is None:
        raise NotFound(_("没有找到这个问题。"), _("可能不是问您的，或者已经清理了。"))
    return found


# --- afterwards ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the visit that a plan was made again for: where it is now, and how many are missing."""

    elder: str
    placed: str
    missing: int
    missing_before: int


def outcome_of(plan: Plan) -> Outcome | None:
    """For a plan that was made again because of a remedy. Three queries, none for other plans."""
    elder_id = plan.detail.get("about")
    if elder_id is None or plan.based_on_id is None or not plan.score:
        return None
    elder = db.session.get(Elder, elder_id)
    missing: dict[int, set[str]] = {plan.id: set(), plan.based_on_id: set()}
    mine: dict[int, list[PlanStop]] = {plan.id: [], plan.based_on_id: []}
    for stop in db.session.scalars(
        select(PlanStop)
        .where(
            PlanStop.plan_id.in_(list(missing)),
            (PlanStop.elder_id == elder_id) | PlanStop.route_id.is_(None),
        )
        .options(joinedload(PlanStop.route).joinedload(PlanRoute.worker))
    ):
        if stop.route_id is None and not (stop.reason or "").startswith(BLOCKED):
            missing[stop.plan_id].add(stop.visit_key)
        if stop.elder_id == elder_id and stop.route_id is not None:
            mine[stop.plan_id].append(stop)
    before = {(stop.period_from, stop.rule) for stop in mine[plan.based_on_id]}
    new = [one for one in mine[plan.id] if (one.period_from, one.rule) not in before] or (
        mine[plan.id] if len(mine[plan.id]) > len(mine[plan.based_on_id]) else []
    )
    placed = "；".join(
        _(
            "%(day)s %(time)s 由%(worker)s去",
            day=i18n.day(one.route.day, weekday=True),
            time=i18n.hour(one.start_seconds),
            worker=one.route.worker.name,
        )
        for one in new
        if one.route is not None and not one.is_companion
    )
    return Outcome(
        elder.name if elder is not None else "", placed, len(missing[plan.id]), len(missing[plan.based_on_id])
    )
