"""The call list of an event: each elder and the family are rung and ticked off."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput, TooMany
from coordinator.visits.labels import CALL_RESULTS, CALL_TARGETS
from coordinator.visits.lifecycle import ContactMode, ContactOutcome
from coordinator.visits.models import CallResult, CallTarget, SurgeCall, SurgeEvent, Visit
from coordinator.visits.services.contacts import amend_remote_contact, log_remote_contact

# A list may be rung when the warning is out, and typed in from paper when the event is over.
CALLS_BEFORE = timedelta(days=7)
CALLS_AFTER = timedelta(days=14)
LONGEST_CALLER = 60
OUTCOME_OF = {
    CallResult.REACHED: ContactOutcome.COMPLETED,
    CallResult.NO_ANSWER: ContactOutcome.NO_ANSWER,
}


class Tick(NamedTuple):
    """What somebody says about one call. `at` is its aware moment (now), `caller` who rang (the actor)."""

    target: CallTarget
    result: CallResult
    token: str
    at: datetime | None = None
    caller: str = ""
    from_paper: bool = False


def calls_are_open(event: SurgeEvent, today: date) -> bool:
    """Whether calls of this event may be written down today."""
    in_force = event.area_id is not None
    return in_force and event.first_day - CALLS_BEFORE <= today <= event.last_day + CALLS_AFTER


def tick(actor: Actor, event: SurgeEvent, area: Area, elder: Elder, given: Tick) -> SurgeCall | None:
    """Write down one call; a call of the elder is a contact by telephone and counts as such.

    Sent twice (the same token) it is one call: None is returned the second time, and also when somebody else has
    reached the same person before. Raises Conflict when the event does not take calls, InvalidInput on an
    impossible moment.
    """
    demand(actor, Permission.VISIT_OPEN, elder.area.path)
    if not elder.area.path.startswith(area.path):
        raise Conflict(_("%(elder)s不在这次的范围里。", elder=elder.name), code="not_on_the_list")
    if not calls_are_open(event, clock.today()):
        raise Conflict(
            _("%(name)s现在不登记电话。", name=event.name),
            _("只在开始前 7 天到结束后 14 天之间登记；平时的电话请在应访清单里登记。"),
            code="calls_closed",
        )
    at = given.at or clock.now()
    if at > clock.now():
        raise InvalidInput(_("打电话的时间不能晚于现在。"), field="start")
    if clock.to_local(at).date() < event.first_day - CALLS_BEFORE:
        raise InvalidInput(_("打电话的时间早于这次的名单。"), field="day")
    caller = " ".join(given.caller.split())[:LONGEST_CALLER] or actor.name
    # The elder's row is held, so that of two people who tick at once the second sees the first one's tick.
    db.session.execute(select(Elder.id).where(Elder.id == elder.id).with_for_update(key_share=True))
    if _already(event, elder, given):
        return None
    visit = None
    if given.target is CallTarget.ELDER:
        visit = log_remote_contact(actor, elder, ContactMode.PHONE, OUTCOME_OF[given.result], at)
    values = {
        "event_id": event.id,
        "elder_id": elder.id,
        "target": given.target,
        "result": given.result,
        "called_at": at,
        "caller_name": caller,
        "entered_by_id": actor.user_id,
        "entered_at": clock.now(),
        "from_paper": given.from_paper,
        "visit_id": visit.id if visit else None,
        "token": given.token,
    }
    call_id = db.session.scalar(insert(SurgeCall).values(**values).returning(SurgeCall.id))
    call = db.session.get_one(SurgeCall, call_id)
    if visit is None:  # a contact has its own line already
        audit.record(
            actor,
            "surge.tick",
            call,
            _(
                "%(event)s：%(moment)s给%(elder)s的家属打电话，%(result)s",
                event=event.name,
                moment=i18n.moment(at),
                elder=elder.name,
                result=CALL_RESULTS[given.result],
            ),
            area_id=elder.area_id,
        )
    db.session.flush()
    return call


def _already(event: SurgeEvent, elder: Elder, given: Tick) -> bool:
    """Was this very tick sent before, or has the person been reached already?"""
    same = (SurgeCall.elder_id == elder.id, SurgeCall.target == given.target)
    sent = select(SurgeCall.id).where(*same, SurgeCall.token == given.token, SurgeCall.result == given.result)
    reached = select(SurgeCall.id).where(
        *same,
        SurgeCall.event_id == event.id,
        SurgeCall.result == CallResult.REACHED,
        SurgeCall.withdrawn_at.is_(None),
    )
    return db.session.scalar(select(sent.exists() | reached.exists())) is True


def withdraw_tick(actor: Actor, event: SurgeEvent, elder: Elder, target: CallTarget) -> SurgeCall:
    """点错了: take back that somebody was reached. The contact it made is corrected to "no answer", with a line.

    Raises Conflict when there is nothing to take back.
    """
    demand(actor, Permission.VISIT_OPEN, elder.area.path)
    call = db.session.scalars(
        select(SurgeCall)
        .where(
            SurgeCall.event_id == event.id,
            SurgeCall.elder_id == elder.id,
            SurgeCall.target == target,
            SurgeCall.result == CallResult.REACHED,
            SurgeCall.withdrawn_at.is_(None),
        )
        .with_for_update()
    ).one_or_none()
    if call is None:
        raise Conflict(_("没有要更正的勾。"), _("可能已经更正过了，请刷新页面。"), code="nothing_ticked")
    call.withdrawn_at, call.withdrawn_by_id = clock.now(), actor.user_id
    db.session.flush()
    if call.visit_id is not None:
        visit = db.session.get_one(Visit, call.visit_id)
        amend_remote_contact(actor, visit, ContactOutcome.NO_ANSWER, _("名单上点错了"))
    audit.record(
        actor,
        "surge.withdraw",
        call,
        _(
            "%(event)s：更正%(elder)s的勾（%(target)s没有联系上）",
            event=event.name,
            elder=elder.name,
            target=CALL_TARGETS[target],
        ),
        area_id=elder.area_id,
    )
    db.session.flush()
    return call


def note_list_printed(actor: Actor, event: SurgeEvent, elder_ids: list[int], *, full: bool) -> None:
    """Write down that a call sheet was printed, with whom it names and whether their numbers are legible."""
    what = (
        _("打印%(event)s的电话名单，%(n)s 位长者，电话完整", event=event.name, n=len(elder_ids))
        if full
        else _("打印%(event)s的电话名单，%(n)s 位长者，电话隐去中间", event=event.name, n=len(elder_ids))
    )
    audit.record(actor, "surge.print", event, what, changes={"elders": [None, elder_ids]})
    db.session.flush()


LOOKS_PER_DAY = 600


def note_numbers_shown(actor: Actor, event: SurgeEvent, elder: Elder) -> None:
    """Write down that the numbers of an elder and the family were opened for ringing them.

    Not counted with the fifty looks a day at a dossier: a typhoon has more elders than that. Raises TooMany after
    as many as nobody can ring in a day.
    """
    demand(actor, Permission.ELDER_REVEAL, elder.area.path)
    midnight = clock.at_local(clock.today(), 0)
    seen = db.session.scalars(
        select(audit.AuditEntry.id)
        .where(
            audit.AuditEntry.user_id == actor.user_id,
            audit.AuditEntry.action == "surge.reveal",
            audit.AuditEntry.at >= midnight,
        )
        .limit(LOOKS_PER_DAY)
    ).all()
    if len(seen) >= LOOKS_PER_DAY:
        rest = midnight + timedelta(days=1) - clock.now()
        raise TooMany(
            _("今天已经打开了 %(n)s 位长者的电话。", n=LOOKS_PER_DAY),
            _("明天可以再看；急用请打印名单。"),
            retry_after=int(rest.total_seconds()) + 1,
        )
    audit.record(
        actor,
        "surge.reveal",
        elder,
        _("为%(event)s打电话，查看%(elder)s和家属的电话", event=event.name, elder=elder.name),
        changes={"event_id": [None, event.id]},
    )
    db.session.flush()
