"""Contacts that need no visit at home: a telephone or video call is one closed visit."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.orm.attributes import set_committed_value

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.visits.access import can_log_contact
from coordinator.visits.labels import MODES, OUTCOMES
from coordinator.visits.lifecycle import ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import Visit
from coordinator.visits.services.common import version_in_force
from coordinator.visits.services.moves import next_sequence
from coordinator.workforce.models import ServiceContact

CALL_MINUTES = 10
LONGEST_NOTE = 1000


def log_remote_contact(
    actor: Actor,
    elder: Elder,
    mode: ContactMode,
    outcome: ContactOutcome,
    at: datetime,
    note: str = "",
    *,
    entrusted: bool = False,
) -> Visit:
    """Write down a contact that has taken place by telephone, video, chat, monitor or by meeting outside.

    `at` is the aware moment of the contact; when it was entered is in the audit line. The note is stored
    encrypted. `entrusted`: the caller has made sure that this very call was given to the actor by an approved plan.
    A contact at home needs a visit with evidence and is refused (InvalidInput), as is one in the
    future.
    """
    paired = actor.worker_id is not None and (
        entrusted
        or db.session.scalar(
            select(ServiceContact.id).where(
                ServiceContact.elder_id == elder.id,
                ServiceContact.worker_id == actor.worker_id,
                ServiceContact.until.is_(None),
            )
        )
        is not None
    )
    if not can_log_contact(actor, elder, is_contact_person=paired):
        raise NotAllowed(_("您没有这项权限。"), _("如果工作需要，请联系街道管理员开通。"))
    if mode is ContactMode.HOME:
        raise InvalidInput(
            _("上门探访要有签到和记录，不能直接补登。"), _("请从“探访安排”里派人去。"), field="mode"
        )
    if at > clock.now():
        raise InvalidInput(_("联系的时间不能晚于现在。"), field="at")
    day = clock.to_local(at).date()
    if day < elder.enrolled_on or (elder.left_on is not None and day >= elder.left_on):
        raise InvalidInput(_("那一天长者不在册。"), field="at")
    text = note.strip()
    if len(text) > LONGEST_NOTE:
        raise InvalidInput(_("最多写 %(n)s 个字。", n=LONGEST_NOTE), field="note")
    state = VisitState.COMPLETED if outcome is ContactOutcome.COMPLETED else VisitState.NOT_MET
    visit = Visit(
        elder=elder,
        area_id=elder.area_id,
        area=elder.area,
        mode=mode,
        starts_at=at,
        ends_at=at + timedelta(minutes=CALL_MINUTES),
        people=1,
        is_statutory=True,
        policy_version_id=version_in_force(elder.area, day),
        opened_by_id=actor.user_id,
        state=state,
        contact_on=day,
        contact_mode=mode,
        contact_outcome=outcome,
        contact_note=text or None,
        sequence=next_sequence(elder.id),
        closed_at=at,
        assignments=[],
    )
    db.session.add(visit)
    db.session.flush()
    audit.record(
        actor,
        "contact.log",
        visit,
        _(
            "登记%(moment)s和%(elder)s的%(mode)s联系：%(outcome)s",
            moment=i18n.moment(at),
            elder=elder.name,
            mode=MODES[mode],
            outcome=OUTCOMES[outcome],
        ),
    )
    db.session.flush()
    return visit


def amend_remote_contact(actor: Actor, visit: Visit, outcome: ContactOutcome, reason: str) -> None:
    """Correct the outcome of a logged contact that was written down wrongly; both words are in the audit line.

    Only a contact that was logged as such: a visit at home has evidence and a record, and is never reworded here.
    One guarded UPDATE; raises Conflict when the contact is no longer as it was seen.
    """
    if not can_log_contact(actor, visit.elder, is_contact_person=False):
        raise NotAllowed(_("您没有这项权限。"), _("如果工作需要，请联系街道管理员开通。"))
    if visit.contact_mode in (None, ContactMode.HOME) or visit.assignments:
        raise Conflict(_("这次探访有签到和记录，不能在这里改结果。"), code="has_evidence")
    before = visit.contact_outcome
    if before is outcome:
        return
    state = VisitState.COMPLETED if outcome is ContactOutcome.COMPLETED else VisitState.NOT_MET
    changed = db.session.scalar(
        update(Visit)
        .where(Visit.id == visit.id, Visit.contact_outcome == before)
        .values(state=state, contact_outcome=outcome)
        .returning(Visit.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        raise Conflict(_("这次联系刚被别人改过。"), _("请刷新页面看最新的情况。"), code="changed_meanwhile")
    set_committed_value(visit, "state", state)
    set_committed_value(visit, "contact_outcome", outcome)
    assert before is not None, "a closed visit has an outcome"
    audit.record(
        actor,
        "contact.amend",
        visit,
        _(
            "更正和%(elder)s的联系：原来记“%(before)s”，改为“%(after)s”（%(reason)s）",
            elder=visit.elder.name,
            before=OUTCOMES[before],
            after=OUTCOMES[outcome],
            reason=reason,
        ),
        changes={"contact_outcome": [before.value, outcome.value]},
    )
    db.session.flush()
