"""What a change by hand would break, upset or shift; worked out before anything is saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

import routing
from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.planning.draft import Draft, Ways
from coordinator.planning.models import Plan, PlanStop
from coordinator.planning.reasons import SOFT, Names, violation_text
from coordinator.planning.services.rearrange import Change, Target, rearrange
from coordinator.planning.translate import read_key, worker_key
from coordinator.policy import Mode
from coordinator.workforce import fitness
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import worker_for_duty

CLOSE_DAYS = 7
"""Two visits to one elder nearer than this are worth a remark."""
MOVED_SECONDS = 300
"""A start that shifts by less is not worth mentioning."""
# Days are judged by the obligations' own periods (`_judge_days`), numbers are put right when the change is written.
JUDGED_HERE = frozenset({"day_not_permitted", "wrong_number", "wrong_score"})


@dataclass(frozen=True, slots=True)
class Figures:
    """The days a change touches, all routes together: seconds of travel, and by how much visits begin too late."""

    travel: int
    late: int


@dataclass(slots=True)
class Preview:
    """What a change would do. `hard` refuses it, `soft` asks for a second thought, `effects` just tells.

    `before` and `after` are the figures of the days concerned.
    """

    target: Target
    worker_name: str
    change: Change
    hard: list[str] = field(default_factory=list)
    soft: list[str] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    start_seconds: int | None = None
    more_travel: int = 0
    before: Figures | None = None
    after: Figures | None = None

    @property
    def ok(self) -> bool:
        """Whether it may be done."""
        return not self.hard


def preview_move(plan: Plan, stop: PlanStop, target: Target) -> Preview:
    """What would happen if the visit went to this worker on this day. Writes nothing.

    Raises Conflict for a visit that is approved already, InvalidInput for a day that cannot be planned any more or
    a worker who is not in the plan.
    """
    check_open(plan, stop, target.day)
    draft = Draft(plan)
    worker = worker_for_duty(target.worker_id)
    wanted = {target.worker_id, target.second_id} - {None}
    if worker is None or not {worker_key(one) for one in wanted if one} <= set(draft.scenario.worker_of):
        raise InvalidInput(_("这个人不在这次计划里。"), _("刚审核通过的，请重新计算后再排。"), field="worker")
    if target.second_id == target.worker_id:
        raise InvalidInput(_("同去的要是另一个人。"), field="second")
    names = names_of(draft)
    change = rearrange(draft, stop, target)
    found = Preview(target, worker.name, change)
    accepted = {tuple(one[:-1]): one[-1] for one in plan.violations}
    for one in change.report.violations:
        if one.code in JUDGED_HERE or _is_no_worse(mark_of(one), accepted):
            continue
        text = violation_text(one.code, one.visit, one.worker, one.day, one.detail, names)
        (found.soft if one.code in SOFT else found.hard).append(text)
    _judge_days(draft, stop, target, found)
    _judge_person(draft, stop, target, worker, found)
    _tell(draft, stop, names, found)
    days = {key[1] for key in change.touched}
    found.before = _figures(draft.scenario, draft.solved(), days)
    found.after = _figures(draft.scenario, change.plan, days)
    return found


def check_open(plan: Plan, stop: PlanStop, day: date) -> None:
    """Refuse to touch what is approved, was never planned, or lies outside the days of the plan."""
    if stop.visit_id is not None:
        raise Conflict(
            _("这次探访已经批准并通知了。"), _("要改的，先撤回当天的批准。"), code="approved_already"
        )
    if "!" in stop.visit_key:
        raise Conflict(_("这一次现在不能排。"), _("请看写明的原因。"), code="cannot_be_planned")
    if plan.scenario is None:
        raise Conflict(_("这个计划没有算完，不能改。"), code="never_solved")
    if day <= clock.today() or day.replace(day=1) != plan.month:
        raise InvalidInput(_("只能排到本月明天以后的日子。"), field="day")


def names_of(draft: Draft) -> Names:
    """Names of everybody in a plan; two queries."""
    elder_ids = {row.elder_id for row in draft.stops}
    worker_ids = {read_key(worker.id)[1] for worker in draft.scenario.workers}
    elders = dict(db.session.execute(select(Elder.id, Elder.name).where(Elder.id.in_(elder_ids))).all())
    workers = dict(db.session.execute(select(Worker.id, Worker.name).where(Worker.id.in_(worker_ids))).all())
    people = {f"e{elder_id}": name for elder_id, name in elders.items()}
    people |= {worker_key(worker_id): name for worker_id, name in workers.items()}
    people |= {
        row.visit_key.partition("#")[0]: elders[row.elder_id]
        for row in draft.stops
        if row.visit_key.startswith("v")
    }
    return Names(people, draft.origin)


def matched(rows: Sequence[PlanStop], days: Sequence[date]) -> dict[date, PlanStop] | None:
    """For each day the row whose period a visit on it serves, each visit's period used once; None when some day
    serves nothing."""
    periods = {row.visit_key: row for row in rows}
    found: dict[date, PlanStop] = {}
    used: set[str] = set()
    for day in sorted(days):
        fitting = [
            row for key, row in periods.items() if key not in used and row.period_from <= day <= row.period_to
        ]
        if not fitting:
            return None
        best = min(fitting, key=lambda row: (row.period_to, row.visit_key))
        used.add(best.visit_key)
        found[day] = best
    return found


def _is_no_worse(mark: list[Any], accepted: Mapping[tuple[Any, ...], Any]) -> bool:
    """Whether the same limit was accepted as broken before, at least as badly."""
    key, figure = tuple(mark[:-1]), mark[-1]
    return key in accepted and (figure is None or accepted[key] is None or figure <= accepted[key])


def mark_of(violation: routing.Violation) -> list[Any]:
    """A broken limit as kept in `Plan.violations`: what was accepted is not asked again unless it gets worse."""
    detail = violation.detail
    figure = detail.get("visits", detail.get("hours"))
    return [violation.code, violation.visit, violation.worker, violation.day, detail.get("week"), figure]


def _figures(scenario: routing.Scenario, plan: routing.Plan, days: Iterable[int]) -> Figures:
    """The score of these days as they are ordered; each day by itself, because a month would take too long."""
    travel = late = 0
    for day in days:
        lone, routes = routing.day_of(scenario, plan, day)
        scored = routing.score_by_hand(
            lone, {(route.worker, 0): [stop.visit for stop in route.stops] for route in routes.routes}
        )
        travel += scored.score.travel_seconds
        for one in scored.violations:
            if one.code == "outside_window":
                late += max(0, one.detail["start"] - one.detail["window"][1])
    return Figures(travel, late)


def _judge_days(draft: Draft, stop: PlanStop, target: Target, found: Preview) -> None:
    """The day must lie in the period of one of the elder's obligations that no other visit serves."""
    mine = [row for row in draft.stops if row.elder_id == stop.elder_id and row.visit_key != stop.visit_key]
    planned = {
        row.visit_key: draft.day(draft.key_of[row.route_id][1]) for row in mine if row.route_id is not None
    }
    if target.day in planned.values():
        found.hard.append(_("这位长者那天已经有一次了"))
        return
    rows = [row for row in (*mine, stop) if row.visit_key.startswith("e")]
    days = [day for key, day in planned.items() if key.startswith("e")]
    if matched(rows, [*days, target.day]) is None:
        found.hard.append(
            _(
                "这次的期限是%(period)s，排到%(day)s就不算了",
                period=i18n.period(stop.period_from, stop.period_to),
                day=i18n.day(target.day),
            )
        )
        return
    nearest = min((abs((target.day - day).days) for day in planned.values()), default=CLOSE_DAYS)
    if nearest < CLOSE_DAYS:
        found.soft.append(_("和这位长者的另一次只隔 %(n)s 天", n=nearest))


def _judge_person(draft: Draft, stop: PlanStop, target: Target, worker: Worker, found: Preview) -> None:
    """What is known of the worker today, beyond what the plan was made from."""
    elder = db.session.scalars(
        select(Elder)
        .where(Elder.id == stop.elder_id)
        .options(*without_secrets(), joinedload(Elder.household))
    ).one()
    gate = fitness.duty_gate(worker, target.day)
    pair = fitness.pairing(worker, elder, day=target.day, mode=Mode.HOME, needs_skills=())
    for finding in (*gate, *pair):
        if finding.hard and finding.message not in found.hard:
            found.hard.append(finding.message)
        elif finding.code is fitness.UnfitCode.DIALECT:
            found.soft.append(finding.message)
    wanted = draft.scenario.visit_of(stop.visit_key)
    known = routing.scenario.known_workers(wanted) if wanted is not None else ()
    if known and worker_key(worker.id) not in known:
        found.effects.append(_("不是长者原来熟悉的人"))


def _tell(draft: Draft, stop: PlanStop, names: Names, found: Preview) -> None:
    """The visit's new start, what shifts for others, and the extra way."""
    change, to = found.change, (found.target.worker_id, draft.index(found.target.day))
    ways, before = Ways(draft.scenario), draft.orders()
    for key in change.touched:
        worker = draft.scenario.worker_of[worker_key(key[0])]
        for orders, sign in ((change.orders, 1), (before, -1)):
            if orders.get(key):
                found.more_travel += sign * ways.of(worker, orders[key]).seconds
    starts = {
        (read_key(row.visit_key), draft.key_of[row.route_id]): row.start_seconds
        for row in draft.stops
        if row.route_id
    }
    for route in change.plan.routes:
        key = read_key(route.worker)[1], route.day
        for made in route.stops if key in change.touched else ():
            if read_key(made.visit) == read_key(stop.visit_key):
                found.start_seconds = made.start if key == to else found.start_seconds
                continue
            old = starts.get((read_key(made.visit), key))
            if old is not None and abs(made.start - old) >= MOVED_SECONDS:
                found.effects.append(
                    _(
                        "%(elder)s从 %(old)s 改到 %(new)s",
                        elder=names.of(made.visit),
                        old=i18n.hour(old),
                        new=i18n.hour(made.start),
                    )
                )
    if change.dropped:
        gone = [names.of(worker_key(draft.key_of[row.route_id or 0][0])) for row in change.dropped]
        found.effects.append(_("%(people)s不再同去这一户", people="、".join(gone)))
