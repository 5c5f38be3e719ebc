"""The moves of a visit. Each one goes through the table in `lifecycle` and one guarded UPDATE, so that of two
people who act at once exactly one succeeds and the other is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import cast

from flask_babel import gettext as _
from sqlalchemy import func, select

from coordinator.elders.models import ConsentState, Elder, ElderStatus
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.policy import EventKind
from coordinator.visits.access import can_carry_out
from coordinator.visits.labels import MODES, OUTCOMES
from coordinator.visits.lifecycle import AssignmentState, ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import Visit
from coordinator.visits.queries.events import event_on
from coordinator.visits.services.common import (
    LONGEST_REASON,
    approved,
    end_assignment,
    move_visit,
    reason_text,
    version_in_force,
    when,
)

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
    policy_version_id: int | None = None,
    plan_id: int | None = None,
) -> Visit:
    """Write down that an elder needs a visit at this time (aware moments). `period` holds first and last day.

    `policy_version_id`: the rules it is owed under, when that is not the version in force on its day.
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
        policy_version_id=policy_version_id or version_in_force(elder.area, clock.to_local(starts_at).date()),
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
        end_assignment(one, AssignmentState.DONE, None, at)
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
    text = reason_text(reason)
    move_visit(visit, VisitState.CANCELLED, cancelled_reason=text)
    for one in approved(visit):
        end_assignment(one, AssignmentState.CANCELLED, text)
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
        end_assignment(one, state, reason[:LONGEST_REASON] or None)
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
