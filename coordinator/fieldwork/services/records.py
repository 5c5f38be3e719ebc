"""Records of visits: written once by whoever was there, confirmed by somebody else, corrected in the open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from coordinator.extensions import db
from coordinator.fieldwork import record_form as rf
from coordinator.fieldwork.models import (
    PresenceKind,
    RecordRevision,
    RecordState,
    VisitDraft,
    VisitRecord,
)
from coordinator.fieldwork.queries.own import mark_of, own_visit, presences_of, record_of
from coordinator.fieldwork.queries.records import load_record
from coordinator.fieldwork.services.presence import Mark, check_in, check_out, owe_hours
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.kernel.several import each_alone
from coordinator.messages.services import notify
from coordinator.visits import services as visits
from coordinator.visits.lifecycle import ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker

LONGEST_REASON = 400


# --- drafts ----------------------------------------------------------------------------------------------


def save_draft(actor: Actor, visit_id: int, fields: Mapping[str, Any]) -> datetime:
    """Keep what has been typed so far, as typed; returns when. A record that is locked takes no draft."""
    demand(actor, Permission.WORK)
    own_visit(actor, visit_id)
    now = clock.now()
    statement = insert(VisitDraft).values(
        visit_id=visit_id, worker_id=actor.worker_id, answers=dict(fields), saved_at=now
    )
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["visit_id", "worker_id"],
            set_={"answers": statement.excluded.answers, "saved_at": now},
        )
    )
    return now


def _drop_drafts(visit_id: int) -> None:
    db.session.execute(delete(VisitDraft).where(VisitDraft.visit_id == visit_id))


# --- writing ---------------------------------------------------------------------------------------------


def submit_record(
    actor: Actor,
    visit_id: int,
    client_uuid: UUID,
    answers: dict[str, Any],
    mark: Mark,
    *,
    with_minors: bool = False,
) -> VisitRecord:
    """Hand in the record of a visit one was at: leave, close the visit, and owe the hours.

    The same page sent twice gives the same record. A record that was returned is corrected instead, its earlier
    wording kept. Raises Conflict: 'not_here' without a check-in, 'written' when a colleague was faster,
    'confirmed' when it is locked.
    """
    demand(actor, Permission.WORK)
    visit = own_visit(actor, visit_id, lock=True)
    known = record_of(visit.id)
    if known is not None:
        return _again(actor, known, client_uuid, answers)
    present = presences_of([visit.id])[visit.id]
    if mark_of(present, actor.worker_id, PresenceKind.ARRIVED) is None:
        raise Conflict(_("您还没有签到，不能交记录。"), _("请先按“我到了”。"), code="not_here")
    if visit.state is not VisitState.IN_PROGRESS:
        raise Conflict(_("这次探访已经结束，不能再交记录。"), _("请回到“今天”看一看。"), code="over")
    left = check_out(actor, visit_id, mark, with_minors=with_minors)
    record = write_record(visit, actor.worker_id, client_uuid, rf.FORM, answers)
    arrived = mark_of(presences_of([visit.id])[visit.id], actor.worker_id, PresenceKind.ARRIVED)
    assert arrived is not None, "checked above"
    close_with_record(actor, visit, record, rf.contact_mode(answers), arrived.at, left.at)
    return record


def _again(actor: Actor, record: VisitRecord, client_uuid: UUID, answers: dict[str, Any]) -> VisitRecord:
    """The answer to a second sending: the same record, a correction, or who wrote it."""
    if record.worker_id == actor.worker_id and record.state is RecordState.RETURNED:
        return _correct(actor, record, client_uuid, answers)
    if record.client_uuid == client_uuid:
        return record
    if record.state is RecordState.CONFIRMED:
        raise Conflict(_("这份记录已经确认，不能再改。"), _("要改的话，请告诉社区。"), code="confirmed")
    if record.worker_id == actor.worker_id:
        raise Conflict(_("这次探访的记录您已经交过了。"), _("要改的话，请社区退回给您。"), code="written")
    raise Conflict(
        _("%(name)s已经交了这次的记录。", name=record.worker.name),
        _("一次探访只要一份，您不用再写。"),
        code="written",
    )


def write_record(
    visit: Visit,
    worker_id: int | None,
    client_uuid: UUID,
    form: str,
    answers: dict[str, Any],
    entered_by_id: int | None = None,
) -> VisitRecord:
    """Add the record of a visit and drop what was drafted for it."""
    to_do = rf.follow_up(answers) if form == rf.FORM else ""
    record = VisitRecord(
        visit_id=visit.id,
        worker_id=worker_id,
        client_uuid=client_uuid,
        entered_by_id=entered_by_id,
        policy_version_id=visit.policy_version_id,
        form=form,
        answers=answers,
        needs_follow_up=bool(to_do),
        follow_up=to_do or None,
        state=RecordState.SUBMITTED,
        submitted_at=clock.now(),
    )
    db.session.add(record)
    db.session.flush()
    _drop_drafts(visit.id)
    return record


def close_with_record(
    actor: Actor,
    visit: Visit,
    record: VisitRecord,
    mode: ContactMode,
    arrived_at: datetime,
    left_at: datetime,
    outcome: ContactOutcome = ContactOutcome.COMPLETED,
) -> None:
    """Close a visit that has its record, and owe the hours."""
    visits.close_visit(actor, visit, outcome, mode=mode, on=clock.to_local(arrived_at).date(), at=left_at)
    audit.record(
        actor,
        "record.submit",
        record,
        _("交%(elder)s第 %(n)s 次探访的记录", elder=visit.elder.name, n=visit.sequence),
        area_id=visit.area_id,
    )
    owe_hours(visit)
    db.session.flush()


def report_not_met(
    actor: Actor, visit_id: int, client_uuid: UUID, outcome: ContactOutcome, what: str, mark: Mark
) -> VisitRecord:
    """Nobody opened, or the elder did not want a visit today: arrive, say so, and close. It gives no hours."""
    demand(actor, Permission.WORK)
    visit = own_visit(actor, visit_id, lock=True)
    known = record_of(visit.id)
    if known is not None:
        return _again(actor, known, client_uuid, dict(known.answers))
    arrived = check_in(actor, visit_id, mark)
    left = check_out(actor, visit_id, _leaving(mark), with_minors=True)
    answers = {"outcome": outcome.value, "what": what.strip()}
    record = write_record(visit, actor.worker_id, client_uuid, rf.NOT_MET_FORM, answers)
    mode = visit.mode
    close_with_record(actor, visit, record, mode, arrived.at, left.at, outcome)
    return record


def _leaving(mark: Mark) -> Mark:
    return replace(mark, client_uuid=uuid5(mark.client_uuid, "left"))


def _correct(actor: Actor, record: VisitRecord, client_uuid: UUID, answers: dict[str, Any]) -> VisitRecord:
    """Put new answers in place of returned ones; the earlier wording stays readable."""
    db.session.add(
        RecordRevision(
            record_id=record.id,
            answers=record.answers,
            reason=record.return_reason or "",
            replaced_by_id=actor.user_id,
            replaced_at=clock.now(),
        )
    )
    to_do = rf.follow_up(answers)
    record.answers = answers
    record.client_uuid = client_uuid
    record.needs_follow_up = bool(to_do)
    record.follow_up = to_do or None
    record.state = RecordState.SUBMITTED
    record.submitted_at = clock.now()
    _drop_drafts(record.visit_id)
    visit = db.session.get_one(Visit, record.visit_id)
    audit.record(actor, "record.correct", record, _("按退回的意见改了记录"), area_id=visit.area_id)
    db.session.flush()
    return record


# --- reading and confirming ------------------------------------------------------------------------------


def confirm_record(actor: Actor, record_id: int) -> VisitRecord:
    """Lock a record. Whoever typed it in from paper, or made the visit, does not confirm it as well."""
    demand(actor, Permission.RECORD_CONFIRM)
    record = load_record(actor, record_id, Permission.RECORD_CONFIRM, lock=True)
    if record.state is RecordState.CONFIRMED:
        return record
    if record.state is RecordState.RETURNED:
        raise Conflict(_("这份记录退回去改了，还没有交回来。"), code="returned")
    if record.entered_by_id is not None and record.entered_by_id == actor.user_id:
        raise Conflict(_("这份是您补登的，不能由您自己确认。"), _("请另一位同事来确认。"), code="own_entry")
    if actor.worker_id is not None and record.worker_id == actor.worker_id:
        raise Conflict(
            _("这是您自己的探访记录，不能由您自己确认。"), _("请另一位同事来确认。"), code="own_entry"
        )
    record.state = RecordState.CONFIRMED
    record.confirmed_at = clock.now()
    record.confirmed_by_id = actor.user_id
    record.return_reason = None
    audit.record(
        actor,
        "record.confirm",
        record,
        _(
            "确认%(elder)s第 %(n)s 次探访的记录",
            elder=record.visit.elder.name,
            n=record.visit.sequence,
        ),
        area_id=record.visit.area_id,
    )
    db.session.flush()
    return record


def return_record(actor: Actor, record_id: int, reason: str) -> VisitRecord:
    """Give a record back to who wrote it, with what has to be changed."""
    demand(actor, Permission.RECORD_CONFIRM)
    record = load_record(actor, record_id, Permission.RECORD_CONFIRM, lock=True)
    if record.state is not RecordState.SUBMITTED:
        raise Conflict(_("这份记录现在不能退回。"), _("请刷新页面看最新的情况。"), code="illegal_move")
    words = " ".join(reason.split())
    if not words:
        raise InvalidInput(_("请写明要改什么。"), field="reason")
    if len(words) > LONGEST_REASON:
        raise InvalidInput(_("最多写 %(n)s 个字。", n=LONGEST_REASON), field="reason")
    if record.form != rf.FORM:
        raise Conflict(
            _("“没有见到”的记录不退回修改。"), _("有疑问请打电话问去的人，再确认。"), code="not_met"
        )
    record.state = RecordState.RETURNED
    record.return_reason = words
    audit.record(
        actor,
        "record.return",
        record,
        _("退回%(elder)s的探访记录：%(reason)s", elder=record.visit.elder.name, reason=words),
        area_id=record.visit.area_id,
    )
    user_id = db.session.scalar(select(Worker.user_id).where(Worker.id == record.worker_id))
    if user_id is not None:
        notify(
            [user_id],
            _("一份探访记录要改"),
            words,
            f"/today/{record.visit_id}/record",
            dedupe_key=f"record-returned:{record.id}:{clock.now():%Y%m%d%H%M%S}",
        )
    db.session.flush()
    return record


def confirm_records(actor: Actor, record_ids: Sequence[int]) -> tuple[int, list[str]]:
    """Confirm several; returns how many, and why the others were left."""
    return each_alone(record_ids, lambda record_id: confirm_record(actor, record_id))
