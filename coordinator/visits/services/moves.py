"""The moves of a visit. Each one goes through the table in `lifecycle` and one guarded UPDATE, so that of two
people who act at once exactly one succeeds and the other is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, cast

from flask_babel import gettext as _
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from coordinator.elders.models import ConsentState, Elder, ElderStatus
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.policy import EventKind
from coordinator.visits import lifecycle
from coordinator.visits.access import can_carry_out, can_release
from coordinator.visits.labels import MODES, OUTCOMES, STATES
from coordinator.visits.lifecycle import AssignmentState, ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import Assignment, PolicyVersion, Visit
from coordinator.visits.queries.events import event_on
from coordinator.workforce.fitness import Unfit, is_minor, unfit
from coordinator.workforce.models import Worker

LONGEST_REASON = 200


def when(visit: Visit) -> str:
    """3月26日 9:00–9:40."""
    return f"{i18n.day(visit.starts_at)} {i18n.hour(visit.starts_at)}–{i18n.hour(visit.ends_at)}"


def move_visit(visit: Visit, target: VisitState, **values: Any) -> None:
    """Move a visit to `target` and set `values`, if it still is where this session saw it.

    One guarded UPDATE. Raises Conflict when the lifecycle has no such move or somebody was faster.
    """
    current = visit.state
    try:
        lifecycle.move(current, target)
    except lifecycle.IllegalMove as problem:
        raise Conflict(
            _(
                "这次探访现在是“%(now)s”，不能改成“%(target)s”。",
                now=STATES[current],
                target=STATES[target],
            ),
            _("请刷新页面看最新的情况。"),
            code="illegal_move",
        ) from problem
    changed = db.session.scalar(
        update(Visit)
        .where(Visit.id == visit.id, Visit.state == current)
        .values(state=target, **values)
        .returning(Visit.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        db.session.refresh(visit)
        raise Conflict(
            _("这次探访刚被别人改成了“%(now)s”。", now=STATES[visit.state]),
            _("请刷新页面看最新的情况。"),
            code="changed_meanwhile",
        )
    for name, value in {"state": target, **values}.items():
        set_committed_value(visit, name, value)


# --- open ------------------------------------------------------------------------------------------------


def open_visit(
    actor: Actor,
    elder: Elder,
    starts_at: datetime,
    ends_at: datetime,
    *,
    mode: ContactMode = ContactMode.HOME,
    people: int = 1,
    needs_skills: Iterable[str] = (),
    rule: str | None = None,
    period: tuple[date, date] | None = None,
    policy_version: PolicyVersion | None = None,
    plan_id: int | None = None,
) -> Visit:
    """Write down that an elder needs a visit at this time (aware moments). `period` holds first and last day.

    Without a rule the visit is an extra one, beyond what is owed. Raises Conflict when the elder has left or
    does not want to be visited in this way, or in an epidemic; InvalidInput on impossible times.
    """
    demand(actor, Permission.VISIT_OPEN, elder.area.path)
    _check_times(starts_at, ends_at)
    _check_welcome(elder, starts_at, mode)
    visit = Visit(
        elder=elder,
        area_id=elder.area_id,
        area=elder.area,
        mode=mode,
        starts_at=starts_at,
        ends_at=ends_at,
        people=people,
        needs_skills=list(needs_skills),
        is_statutory=rule is not None,
        rule=rule,
        period_from=period[0] if period else None,
        period_to=period[1] if period else None,
        policy_version=policy_version,
        plan_id=plan_id,
        opened_by_id=actor.user_id,
        state=VisitState.OPEN,
        assignments=[],
    )
    db.session.add(visit)
    db.session.flush()
    audit.record(
        actor,
        "visit.open",
        visit,
        _("安排%(elder)s的%(mode)s探访：%(when)s", elder=elder.name, mode=MODES[mode], when=when(visit)),
    )
    return visit


def _check_times(starts_at: datetime, ends_at: datetime) -> None:
    if starts_at >= ends_at:
        raise InvalidInput(_("结束时间要晚于开始时间。"), field="ends_at")


def _check_welcome(elder: Elder, starts_at: datetime, mode: ContactMode) -> None:
    """The elder is registered, wants the service in this way, and no epidemic forbids it."""
    day = clock.to_local(starts_at).date()
    if elder.left_on is not None and day >= elder.left_on:
        raise Conflict(_("%(elder)s那一天已经不在册。", elder=elder.name), code="elder_left")
    if elder.status is not ElderStatus.ACTIVE and elder.left_on is None:
        raise Conflict(_("%(elder)s已经不在册。", elder=elder.name), code="elder_left")
    wishes = {consent.state for consent in elder.consents}
    if ConsentState.REFUSED in {consent.state for consent in elder.consents if consent.kind == "service"}:
        raise Conflict(
            _("%(elder)s不愿意接受探访关爱服务。", elder=elder.name),
            _("长者改变主意的，先在档案里改意愿。"),
            code="service_refused",
        )
    if mode is not ContactMode.HOME:
        return
    if wishes & {ConsentState.REMOTE_ONLY, ConsentState.REFUSED}:
        raise Conflict(
            _("%(elder)s不同意上门，只能电话、视频联系。", elder=elder.name),
            _("长者改变主意的，先在档案里改意愿。"),
            code="home_refused",
        )
    epidemic = event_on(elder.area, EventKind.EPIDEMIC, day)
    if epidemic is not None:
        raise Conflict(
            _("%(name)s期间不安排上门探访。", name=epidemic.name),
            _("可以改成电话或视频联系。"),
            code="epidemic",
        )


# --- who goes --------------------------------------------------------------------------------------------


def assign(
    actor: Actor,
    visit: Visit,
    workers: Sequence[tuple[Worker, bool]],
    *,
    override_reason: str = "",
) -> list[Assignment]:
    """Give an open, claimed or already assigned visit to workers, each with whether they only come along.

    All that fitness calls hard is refused, whoever asks; what may be overridden is written to the audit line
    with `override_reason`. Workers must be loaded for `fitness.unfit`. Raises Conflict with a text that names
    the person and the reason: unfit, a minor without an adult, too few or too many people, another visit at
    the same time.
    """
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    if not workers:
        raise InvalidInput(_("请选至少一位去探访的人。"), field="workers")
    soft = check_team(visit, workers)
    if visit.state is not VisitState.ASSIGNED:
        move_visit(visit, VisitState.ASSIGNED)
    made = _write_assignments(actor, visit, workers)
    names = "、".join(worker.name for worker, _companion in workers)
    changes: dict[str, Any] = {"workers": [None, [worker.id for worker, _companion in workers]]}
    if soft:
        changes["overridden"] = [None, sorted({finding.code.value for finding in soft})]
        changes["reason"] = [None, override_reason[:LONGEST_REASON]]
    audit.record(
        actor,
        "visit.assign",
        visit,
        _(
            "把%(elder)s %(when)s的探访派给%(names)s",
            elder=visit.elder.name,
            when=when(visit),
            names=names,
        ),
        changes=changes,
    )
    db.session.flush()
    return made


def check_team(visit: Visit, workers: Sequence[tuple[Worker, bool]]) -> list[Unfit]:
    """Refuse a team that may not make the visit (Conflict); return what a coordinator may override."""
    day = clock.to_local(visit.starts_at).date()
    team = [(one.worker, one.is_companion) for one in approved(visit)]
    present = {worker.id for worker, _companion in team}
    chosen = [worker.id for worker, _companion in workers]
    doubled = [
        worker for worker, _companion in workers if worker.id in present or chosen.count(worker.id) > 1
    ]
    if doubled:
        raise Conflict(_("%(name)s已经在这次探访里了。", name=doubled[0].name), code="already_assigned")
    team += workers
    leading = [worker for worker, is_companion in team if not is_companion]
    for worker, is_companion in team:
        if visit.mode is ContactMode.HOME and is_minor(worker, day):
            alone = not any(not is_minor(other, day) for other in leading)
            if alone or not is_companion:
                raise Conflict(
                    _("%(name)s未成年，不能单独上门。", name=worker.name),
                    _("请由一位成年人负责这次探访，他作陪同。"),
                    code="minor_alone",
                )
    if len(leading) != visit.people:
        raise Conflict(
            _("这次探访要 %(wanted)s 个人去，现在选了 %(n)s 个人。", wanted=visit.people, n=len(leading)),
            _("陪同的未成年人不算在内。"),
            code="wrong_number",
        )
    everyone = [worker for worker, _companion in team]
    soft = []
    for worker, is_companion in workers:
        for finding in findings(
            visit, worker, [other for other in everyone if other is not worker], is_companion
        ):
            if finding.hard:
                raise Conflict(finding.message, finding.remedy, code=finding.code.value)
            soft.append(finding)
    return soft


def findings(
    visit: Visit, worker: Worker, others: Sequence[Worker] = (), is_companion: bool = False
) -> list[Unfit]:
    """What stands against this worker on this visit. A companion need not bring the skills."""
    return unfit(
        worker,
        visit.elder,
        visit.starts_at,
        visit.ends_at,
        mode=visit.mode.value,
        companions=others,
        as_companion=is_companion,
        needs_skills=visit.needs_skills,
    )


def approved(visit: Visit) -> list[Assignment]:
    """The live assignments of a visit."""
    return [one for one in visit.assignments if one.state is AssignmentState.APPROVED]


def _write_assignments(
    actor: Actor, visit: Visit, workers: Sequence[tuple[Worker, bool]]
) -> list[Assignment]:
    during = Range(visit.starts_at, visit.ends_at, bounds="[)")
    made = []
    for worker, is_companion in workers:
        assignment = Assignment(
            visit_id=visit.id,
            worker_id=worker.id,
            is_companion=is_companion,
            during=during,
            approved_by_id=actor.user_id,
            approved_at=clock.now(),
            state=AssignmentState.APPROVED,
        )
        try:
            with db.session.begin_nested():
                db.session.add(assignment)
                db.session.flush()
        except IntegrityError as problem:
            constraint = getattr(getattr(problem.orig, "diag", None), "constraint_name", None)
            if constraint == "one_place_at_a_time":
                raise _clash(worker, visit) from problem
            if constraint == "uq_assignments_live":
                raise Conflict(
                    _("%(name)s已经在这次探访里了。", name=worker.name), code="already_assigned"
                ) from problem
            raise
        set_committed_value(assignment, "worker", worker)
        set_committed_value(assignment, "visit", visit)
        made.append(assignment)
    set_committed_value(visit, "assignments", [*visit.assignments, *made])
    return made


def _clash(worker: Worker, visit: Visit) -> Conflict:
    """The refusal that names the other visit."""
    other = db.session.scalars(
        select(Visit)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .where(
            Assignment.worker_id == worker.id,
            Assignment.state == AssignmentState.APPROVED,
            Assignment.during.overlaps(Range(visit.starts_at, visit.ends_at, bounds="[)")),
        )
        .options(joinedload(Visit.elder))
        .order_by(Visit.starts_at)
        .limit(1)
    ).one_or_none()
    if other is None:
        return Conflict(
            _("%(name)s这段时间已经有别的探访。", name=worker.name), _("请换个时间，或换一位。"), code="clash"
        )
    return Conflict(
        _(
            "%(name)s %(when)s要去探访%(elder)s，和这次时间重叠。",
            name=worker.name,
            when=when(other),
            elder=other.elder.name,
        ),
        _("请换个时间，或换一位。"),
        code="clash",
    )


def release(actor: Actor, visit: Visit, worker: Worker, reason: str) -> None:
    """Take a worker off a visit that has not begun. The visit is open again while people are missing, and a
    minor whose adult has gone is taken off too. Raises NotAllowed, or Conflict when the worker is not on it.
    """
    if not can_release(actor, visit, worker):
        raise NotAllowed(_("您没有这项权限。"), _("如果工作需要，请联系街道管理员开通。"))
    text = _reason(reason)
    mine = next((one for one in approved(visit) if one.worker_id == worker.id), None)
    if mine is None:
        raise Conflict(_("%(name)s不在这次探访里。", name=worker.name), code="not_assigned")
    # Open with somebody on it: the other of two people has left.
    if visit.state not in (VisitState.ASSIGNED, VisitState.OPEN):
        raise Conflict(
            _("这次探访现在是“%(now)s”，不能再换人。", now=STATES[visit.state]), code="illegal_move"
        )
    _end(mine, AssignmentState.WITHDRAWN, text)
    day = clock.to_local(visit.starts_at).date()
    left = approved(visit)
    if not any(not one.is_companion and not is_minor(one.worker, day) for one in left):
        for one in left:
            _end(one, AssignmentState.CANCELLED, _("同去的成年人退出了"))
    missing = sum(not one.is_companion for one in approved(visit)) < visit.people
    if missing and visit.state is VisitState.ASSIGNED:
        move_visit(visit, VisitState.OPEN)
    audit.record(
        actor,
        "visit.release",
        visit,
        _(
            "%(name)s退出%(elder)s %(when)s的探访：%(reason)s",
            name=worker.name,
            elder=visit.elder.name,
            when=when(visit),
            reason=text,
        ),
        changes={"workers": [[worker.id], None]},
    )
    db.session.flush()


def _reason(reason: str) -> str:
    text = " ".join(reason.split())
    if not text:
        raise InvalidInput(_("请写明原因。"), field="reason")
    if len(text) > LONGEST_REASON:
        raise InvalidInput(_("原因最多 %(n)s 个字。", n=LONGEST_REASON), field="reason")
    return text


def _end(
    assignment: Assignment, state: AssignmentState, reason: str | None, at: datetime | None = None
) -> None:
    assignment.state = state
    assignment.ended_at = at or clock.now()
    assignment.end_reason = reason


def mark_no_show(actor: Actor, visit: Visit, worker: Worker, reason: str = "") -> None:
    """Write down that one of the people did not come, although the visit goes on. A coordinator says so."""
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    mine = next((one for one in approved(visit) if one.worker_id == worker.id), None)
    if mine is None:
        raise Conflict(_("%(name)s不在这次探访里。", name=worker.name), code="not_assigned")
    if clock.now() < visit.starts_at:
        raise Conflict(_("还没有到探访的时间，不能记“没有来”。"), code="too_early")
    rest = [one for one in approved(visit) if one is not mine]
    day = clock.to_local(visit.starts_at).date()
    if not any(not is_minor(one.worker, day) for one in rest):
        raise Conflict(
            _("除了%(name)s没有别的成年人，这次探访不能照常进行。", name=worker.name),
            _("请把整次探访记为“没有人去”。"),
            code="nobody_left",
        )
    _end(mine, AssignmentState.NO_SHOW, reason[:LONGEST_REASON] or None)
    audit.record(
        actor,
        "visit.no_show",
        visit,
        _(
            "%(name)s没有来参加%(elder)s %(when)s的探访",
            name=worker.name,
            elder=visit.elder.name,
            when=when(visit),
        ),
    )
    db.session.flush()


# --- the visit itself ------------------------------------------------------------------------------------


def begin_visit(actor: Actor, visit: Visit) -> None:
    """The workers are there. Raises NotAllowed to anybody but them and the area's coordinators."""
    _demand_carrying_out(actor, visit)
    move_visit(visit, VisitState.IN_PROGRESS)
    audit.record(
        actor,
        "visit.begin",
        visit,
        _("开始探访%(elder)s（%(when)s）", elder=visit.elder.name, when=when(visit)),
    )
    db.session.flush()


def _demand_carrying_out(actor: Actor, visit: Visit) -> None:
    if not can_carry_out(actor, visit):
        raise NotAllowed(_("这次探访不是派给您的。"), _("请回到“今天”，看派给您的探访。"))


def close_visit(
    actor: Actor,
    visit: Visit,
    outcome: ContactOutcome,
    mode: ContactMode | None = None,
    on: date | None = None,
    at: datetime | None = None,
) -> None:
    """End a visit in progress with the contact that the rules count, and give it the elder's next number.

    `mode` defaults to the planned one, `at` (the end) to now, `on` (the day that counts) to the local date of
    `at`. Raises InvalidInput on a moment in the future.
    """
    _demand_carrying_out(actor, visit)
    at = at or clock.now()
    on = on or clock.to_local(at).date()
    if at > clock.now() or on > clock.today():
        raise InvalidInput(_("探访的日期不能晚于今天。"), field="on")
    mode = mode or visit.mode
    target = VisitState.COMPLETED if outcome is ContactOutcome.COMPLETED else VisitState.NOT_MET
    sequence = next_sequence(visit.elder_id)
    move_visit(
        visit,
        target,
        contact_on=on,
        contact_mode=mode,
        contact_outcome=outcome,
        sequence=sequence,
        closed_at=at,
    )
    for one in approved(visit):
        _end(one, AssignmentState.DONE, None, at)
    audit.record(
        actor,
        "visit.close",
        visit,
        _(
            "%(day)s%(mode)s探访%(elder)s：%(outcome)s，第 %(n)s 次",
            day=i18n.day(on),
            mode=MODES[mode],
            elder=visit.elder.name,
            outcome=OUTCOMES[outcome],
            n=sequence,
        ),
    )
    db.session.flush()


def next_sequence(elder_id: int) -> int:
    """The next 「第__次」 of an elder. Holds the elder's row until the end of the transaction, so that two
    visits that close at once get two numbers."""
    db.session.execute(select(Elder.id).where(Elder.id == elder_id).with_for_update(key_share=True))
    return 1 + cast(
        int,
        db.session.scalar(
            select(func.coalesce(func.max(Visit.sequence), 0)).where(Visit.elder_id == elder_id)
        ),
    )


# --- what did not happen ---------------------------------------------------------------------------------


def cancel_visit(actor: Actor, visit: Visit, reason: str) -> None:
    """Call a visit off before it begins; the people on it are free again. Telling them is the caller's."""
    demand(actor, Permission.VISIT_OPEN, visit.area.path)
    text = _reason(reason)
    move_visit(visit, VisitState.CANCELLED, cancelled_reason=text)
    for one in approved(visit):
        _end(one, AssignmentState.CANCELLED, text)
    audit.record(
        actor,
        "visit.cancel",
        visit,
        _(
            "取消%(elder)s %(when)s的探访：%(reason)s",
            elder=visit.elder.name,
            when=when(visit),
            reason=text,
        ),
    )
    db.session.flush()


def mark_missed(actor: Actor, visit: Visit, reason: str = "") -> None:
    """Nobody went. Raises Conflict before the visit's time."""
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    if clock.now() < visit.starts_at:
        raise Conflict(
            _("还没有到探访的时间，不能记“没有人去”。"), _("不需要去了的，请取消这次探访。"), code="too_early"
        )
    was_assigned = visit.state is VisitState.ASSIGNED
    move_visit(visit, VisitState.MISSED)
    for one in approved(visit):
        # Who waited for a second person that was never found has not failed to come.
        state = AssignmentState.NO_SHOW if was_assigned else AssignmentState.CANCELLED
        _end(one, state, reason[:LONGEST_REASON] or None)
    audit.record(
        actor,
        "visit.miss",
        visit,
        _("%(elder)s %(when)s的探访没有人去", elder=visit.elder.name, when=when(visit)),
        changes={"reason": [None, reason[:LONGEST_REASON]]} if reason else None,
    )
    db.session.flush()


def reopen_visit(actor: Actor, visit: Visit, starts_at: datetime, ends_at: datetime) -> None:
    """Give a missed visit a new time; it needs people again."""
    demand(actor, Permission.VISIT_OPEN, visit.area.path)
    _check_times(starts_at, ends_at)
    _check_welcome(visit.elder, starts_at, visit.mode)
    before = when(visit)
    move_visit(visit, VisitState.OPEN, starts_at=starts_at, ends_at=ends_at)
    audit.record(
        actor,
        "visit.reopen",
        visit,
        _("重新安排%(elder)s的探访：%(when)s", elder=visit.elder.name, when=when(visit)),
        changes={"when": [before, when(visit)]},
    )
    db.session.flush()
