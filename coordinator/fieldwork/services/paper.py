"""What came back on paper, typed in by a coordinator: evidence on word alone, so marked, confirmed by another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.fieldwork import record_form as rf
from coordinator.fieldwork.models import Presence, PresenceKind, PresenceMethod, VisitRecord
from coordinator.fieldwork.queries.own import mark_of, presences_of, record_of
from coordinator.fieldwork.services.records import close_with_record, write_record
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.visits import services as visits
from coordinator.visits.lifecycle import ContactMode, VisitState
from coordinator.visits.models import Visit
from coordinator.visits.queries import load_visit
from coordinator.workforce.fitness import is_minor

LONGEST_STAY = timedelta(hours=12)


def load_for_paper(actor: Actor, visit_id: int) -> Visit:
    """A visit in the actor's areas that may be typed in. Raises NotFound, or Conflict when it is closed."""
    visit = load_visit(actor, Permission.RECORD_CONFIRM, visit_id)
    if record_of(visit.id) is not None:
        raise Conflict(_("这次探访已经有记录了。"), _("请到“探访记录”里看。"), code="written")
    if visit.state not in (VisitState.ASSIGNED, VisitState.IN_PROGRESS):
        raise Conflict(_("只有派了人、还没有记录的探访可以补登。"), code="illegal_move")
    if clock.to_local(visit.starts_at).date() > clock.today():
        raise Conflict(_("还没有到探访那天，不能补登。"), code="too_early")
    return visit


def enter_paper(
    actor: Actor,
    visit_id: int,
    client_uuid: UUID,
    arrived_at: datetime,
    left_at: datetime,
    came: Mapping[int, bool],
    note: str,
    answers: dict[str, Any],
) -> VisitRecord:
    """Type in a visit from its route sheet: who came (by worker id), aware moments at the door, and the record.

    What the telephone had already noted stays. A worker on it must not be a minor without an adult. Raises
    InvalidInput on impossible times.
    """
    demand(actor, Permission.RECORD_CONFIRM)
    known = db.session.scalar(select(VisitRecord).where(VisitRecord.client_uuid == client_uuid))
    if known is not None:
        return known
    visit = load_for_paper(actor, visit_id)
    db.session.refresh(visit, ["state"], with_for_update=True)
    words = " ".join(note.split())
    if not words:
        raise InvalidInput(_("请写明为什么补登、凭什么补登。"), field="note")
    if left_at <= arrived_at or left_at - arrived_at > LONGEST_STAY:
        raise InvalidInput(_("离开要晚于到达，而且在同一天。"), field="left_at")
    if left_at > clock.now():
        raise InvalidInput(_("离开的时间不能晚于现在。"), field="left_at")
    if clock.to_local(arrived_at).date() != clock.to_local(visit.starts_at).date():
        raise InvalidInput(_("到达的日期要是探访那天。"), field="arrived_at")
    people = [one for one in visit.assignments if came.get(one.worker_id) and one.state.value == "approved"]
    if not people:
        raise InvalidInput(_("请勾选谁去了。"), field="came")
    day = clock.to_local(visit.starts_at).date()
    adults = [one for one in people if not is_minor(one.worker, day)]
    if not adults and visit.mode is ContactMode.HOME:
        raise Conflict(_("没有成年人去的上门探访不能登记。"), _("请核实谁去了。"), code="minor_alone")
    present = presences_of([visit.id])[visit.id]
    for one in people:
        for kind, at in ((PresenceKind.ARRIVED, arrived_at), (PresenceKind.LEFT, left_at)):
            if mark_of(present, one.worker_id, kind) is None:
                db.session.add(
                    Presence(
                        visit_id=visit.id,
                        worker_id=one.worker_id,
                        kind=kind,
                        method=PresenceMethod.WORD,
                        client_uuid=uuid5(client_uuid, f"{one.worker_id} {kind.value}"),
                        at=at,
                        note=_("纸质补登：%(note)s", note=words)[:200],
                    )
                )
    db.session.flush()
    if visit.state is VisitState.ASSIGNED:
        visits.begin_visit(actor, visit)
    record = write_record(
        visit, (adults or people)[0].worker_id, client_uuid, rf.FORM, answers, entered_by_id=actor.user_id
    )
    marks = presences_of([visit.id])[visit.id]
    first = min(one.at for one in marks if one.kind is PresenceKind.ARRIVED)
    last = max(one.at for one in marks if one.kind is PresenceKind.LEFT)
    close_with_record(actor, visit, record, rf.contact_mode(answers), first, last)
    audit.record(
        actor,
        "record.paper",
        record,
        _("按纸质单补登：%(note)s", note=words),
        area_id=visit.area_id,
    )
    db.session.flush()
    return record
