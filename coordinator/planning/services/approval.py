"""Approval turns stops into visits and is the first moment at which a worker hears of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import uuid4

from flask_babel import gettext as _
from sqlalchemy import func, select, update
from sqlalchemy.orm import joinedload, selectinload

from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n, queue
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict, DomainError, NotAllowed
from coordinator.messages.services import notify
from coordinator.planning.access import can_approve
from coordinator.planning.labels import month_name
from coordinator.planning.models import Plan, PlanRoute, PlanState, PlanStop
from coordinator.visits.lifecycle import CLOSED, LIVE, VisitState
from coordinator.visits.models import Visit
from coordinator.visits.services import assign, open_visit
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import workers_for_duty

GIVING_SECONDS = 600
MESSAGE_DAYS = 8
"""Days named one by one in a message; more are counted."""


@dataclass(slots=True)
class Approval:
    """What an approval did. `problems` are visits that could not be given, each with the reason; `elsewhere` were
    arranged in another way meanwhile and left out; `past` had gone by."""

    visits: int = 0
    told: int = 0
    elsewhere: int = 0
    past: int = 0
    problems: list[str] = field(default_factory=list)


def approve_plan(actor: Actor, plan: Plan) -> None:
    """Approve everything that is on a route; the plan takes the place of the approved one before it.

    The visits are made by a job, a day at a time (`give_day`), and the workers told when all are there.
    """
    demand_approve(actor, plan)
    if plan.state is not PlanState.READY:
        raise Conflict(_("这个计划已经批准了。"), _("可以一天一天地批准改过的。"), code="approved_already")
    db.session.execute(
        update(Plan)
        .where(Plan.area_id == plan.area_id, Plan.month == plan.month, Plan.state == PlanState.APPROVED)
        .values(state=PlanState.SUPERSEDED)
    )
    changed = db.session.scalar(
        update(Plan)
        .where(Plan.id == plan.id, Plan.state == PlanState.READY)
        .values(state=PlanState.APPROVED, approved_at=clock.now(), approved_by_id=actor.user_id)
        .returning(Plan.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        raise Conflict(_("这个计划刚被别人改过。"), _("请刷新页面看最新的情况。"), code="changed_meanwhile")
    db.session.refresh(plan)
    plan.detail = plan.detail | {"giving": {"days": len(days_to_give(plan)), "done": [], "problems": []}}
    queue.owe(
        "coordinator.planning.jobs.give_visits",
        key=str(plan.id),
        payload={"plan_id": plan.id},
        queue="planning",
        timeout_seconds=GIVING_SECONDS,
    )
    audit.record(actor, "plan.approve", plan, _("批准%(month)s计划", month=month_name(plan.month)))
    db.session.flush()


def days_to_give(plan: Plan) -> list[date]:
    """The days of an approved plan whose stops are not visits yet, those done once left out."""
    done = set(plan.detail.get("giving", {}).get("done", ()))
    days = db.session.scalars(
        select(PlanRoute.day)
        .join(PlanStop, PlanStop.route_id == PlanRoute.id)
        .where(PlanRoute.plan_id == plan.id, PlanStop.visit_id.is_(None))
        .distinct()
        .order_by(PlanRoute.day)
    )
    return [day for day in days if day.isoformat() not in done]


def give_day(actor: Actor, plan: Plan, day: date) -> Approval:
    """Make the visits of one day of an approved plan, without telling anybody yet; a second call does nothing."""
    giving = plan.detail.get("giving", {})
    if plan.state is not PlanState.APPROVED or day.isoformat() in giving.get("done", ()):
        return Approval()
    done, _days = _approve(actor, plan, day)
    plan.detail = plan.detail | {
        "giving": giving
        | {
            "done": [*giving.get("done", ()), day.isoformat()],
            "problems": [*giving.get("problems", ()), *done.problems],
            "visits": giving.get("visits", 0) + done.visits,
        }
    }
    db.session.flush()
    return done


def tell_all(plan: Plan) -> int:
    """Tell every worker of an approved plan once; returns how many were told now."""
    days: dict[int, set[date]] = defaultdict(set)
    rows = db.session.execute(
        select(Worker.user_id, PlanRoute.day)
        .join(PlanRoute, PlanRoute.worker_id == Worker.id)
        .join(PlanStop, PlanStop.route_id == PlanRoute.id)
        .join(Visit, Visit.id == PlanStop.visit_id)
        .where(
            PlanStop.plan_id == plan.id,
            Visit.plan_id == plan.id,
            Visit.created_at >= plan.approved_at,
            Visit.state == VisitState.ASSIGNED,
            Worker.user_id.is_not(None),
        )
    )
    for user_id, day in rows:
        days[user_id].add(day)
    return _tell_workers(plan, days, f"{plan.approved_at:%Y%m%d%H%M%S}")


def approve_day(actor: Actor, plan: Plan, day: date) -> Approval:
    """Approve one day of a plan and tell its workers."""
    demand_approve(actor, plan)
    done, days = _approve(actor, plan, day)
    done.told = _tell_workers(plan, days, uuid4().hex)
    if not (done.visits or done.problems or done.elsewhere):
        raise Conflict(
            _("%(day)s没有要批准的。", day=i18n.day(day)), _("可能已经批准过了。"), code="nothing_to_approve"
        )
    audit.record(
        actor,
        "plan.approve_day",
        plan,
        _(
            "批准%(day)s的路线：%(visits)s 次探访，通知 %(told)s 人",
            day=i18n.day(day),
            visits=done.visits,
            told=done.told,
        ),
        changes={"problems": [None, done.problems]} if done.problems else None,
    )
    db.session.flush()
    return done


# --- parts -----------------------------------------------------------------------------------------------


def demand_approve(actor: Actor, plan: Plan) -> None:
    """Raise NotAllowed unless the actor may approve the plan."""
    if not can_approve(actor, plan):
        raise NotAllowed(_("这个计划您不能批准。"), _("计划由街道批准；可能也已经作废。"))


def _approve(actor: Actor, plan: Plan, day: date) -> tuple[Approval, dict[int, set[date]]]:
    """Make visits of a day's stops; also returns the days by user, for telling them."""
    done = Approval()
    groups = _groups(plan, day)
    elsewhere = _elsewhere(plan, [stops[0] for stops in groups.values()])
    elders = elders_for_visits({stops[0].elder_id for stops in groups.values()})
    workers = workers_for_duty(
        {stop.route.worker_id for stops in groups.values() for stop in stops if stop.route}
    )
    days: dict[int, set[date]] = defaultdict(set)
    for stops in groups.values():
        first = stops[0]
        assert first.route is not None, "only stops on a route are approved"
        starts, ends = _moments(first)
        key = (first.elder_id, first.rule, first.period_from)
        if starts <= clock.now():
            done.past += 1
            continue
        if elsewhere.get(key, 0) > 0:
            elsewhere[key] -= 1
            done.elsewhere += 1
            _leave_out(stops, _("已经另外安排了"))
            continue
        elder = elders[first.elder_id]
        team = [(workers[stop.route.worker_id], stop.is_companion) for stop in stops if stop.route]
        try:
            with db.session.begin_nested():
                visit = open_visit(
                    actor,
                    elder,
                    starts,
                    ends,
                    people=first.people,
                    needs_skills=first.needs_skills,
                    rule=first.rule or None,
                    period=(first.period_from, first.period_to),
                    policy_version_id=plan.policy_version_id,
                    plan_id=plan.id,
                )
                assign(actor, visit, team, override_reason=_("按批准的计划"))
        except DomainError as problem:
            text = str(problem.message)
            done.problems.append(f"{i18n.day(first.route.day)} {elder.name}：{text}")
            _leave_out(stops, text)
            continue
        done.visits += 1
        for stop in stops:
            stop.visit_id = visit.id
        for worker, _companion in team:
            if worker.user_id is not None:
                days[worker.user_id].add(first.route.day)
    db.session.flush()
    return done, days


def _groups(plan: Plan, day: date) -> dict[str, list[PlanStop]]:
    """Stops on a route that are no visits yet, by visit, those who lead first; in order of time."""
    statement = (
        select(PlanStop)
        .join(PlanRoute, PlanRoute.id == PlanStop.route_id)
        .where(PlanStop.plan_id == plan.id, PlanRoute.day == day, PlanStop.visit_id.is_(None))
        .options(joinedload(PlanStop.route))
        .order_by(PlanRoute.day, PlanStop.start_seconds, PlanStop.is_companion, PlanStop.id)
    )
    found: dict[str, list[PlanStop]] = defaultdict(list)
    for stop in db.session.scalars(statement):
        found[stop.visit_key].append(stop)
    return found


def _elsewhere(plan: Plan, stops: Sequence[PlanStop]) -> dict[tuple[int, str, date], int]:
    """Visits made or arranged for the same obligations outside this plan since it was solved."""
    rows = db.session.execute(
        select(Visit.elder_id, Visit.rule, Visit.period_from, func.count())
        .where(
            Visit.elder_id.in_({stop.elder_id for stop in stops}),
            Visit.rule.is_not(None),
            Visit.state.in_(LIVE | CLOSED),
            Visit.created_at >= (plan.started_at or plan.created_at),
            (Visit.plan_id.is_(None)) | (Visit.plan_id != plan.id),
        )
        .group_by(Visit.elder_id, Visit.rule, Visit.period_from)
    )
    return {(elder_id, rule, start): count for elder_id, rule, start, count in rows}


def _leave_out(stops: Sequence[PlanStop], why: str) -> None:
    """Take a visit that cannot be given off its routes, with the reason; the second person's row goes."""
    first, *others = stops
    for stop in others:
        db.session.delete(stop)
    first.route_id = first.position = None
    first.arrival_seconds = first.start_seconds = first.end_seconds = None
    first.pinned = False
    first.reason, first.reason_detail = "not_possible_now", {"text": why}
    db.session.flush()


def _moments(stop: PlanStop) -> tuple[datetime, datetime]:
    assert stop.route is not None, "a stop on a route has a day and times"
    assert stop.start_seconds is not None, "a stop on a route has a day and times"
    assert stop.end_seconds is not None, "a stop on a route has a day and times"
    return (
        clock.at_local(stop.route.day, stop.start_seconds),
        clock.at_local(stop.route.day, stop.end_seconds),
    )


def _tell_workers(plan: Plan, days: dict[int, set[date]], stamp: str) -> int:
    """One message a worker; `stamp` names this very approval, so that a day approved again is told again."""
    told = 0
    for user_id, dates in days.items():
        shown = [i18n.day(one, weekday=True) for one in sorted(dates)]
        if len(shown) > MESSAGE_DAYS:
            shown = [*shown[:MESSAGE_DAYS], _("等 %(n)s 天", n=len(dates))]
        told += notify(
            [user_id],
            _("%(month)s有新的探访安排给您", month=month_name(plan.month)),
            _("日期：%(days)s。每天的路线和时间请点开看。", days="、".join(shown)),
            "/",
            dedupe_key=f"plan-approved:{plan.id}:{stamp}",
        )
    return told


def elders_for_visits(ids: Iterable[int]) -> dict[int, Elder]:
    """Elders loaded for `visits.services.open_visit`, by id."""
    rows = db.session.scalars(
        select(Elder)
        .where(Elder.id.in_(list(ids)))
        .options(
            *without_secrets(),
            joinedload(Elder.household),
            joinedload(Elder.area),
            selectinload(Elder.consents),
        )
    )
    return {elder.id: elder for elder in rows}
