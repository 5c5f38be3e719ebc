"""What belongs to a person and goes to the kept dossier: contact people, wishes, papers, devices, pairings."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.orm import aliased

from coordinator.elders.models import (
    Consent,
    DisabilityCertificate,
    DossierPaper,
    Elder,
    ElderDevice,
    EmergencyContact,
    FirstVisitingContact,
)
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.register.models import ExternalRecord, Survey, SurveyItem
from coordinator.workforce.models import Bar, ContactPart, ServiceContact, Worker


def move_parts(kept: Elder, closed: Elder, take: set[str]) -> dict[str, Any]:
    """Contact people, wishes, papers, devices, pairings. Of what an elder has once, the side that was not chosen is
    ended and moves as history."""
    moved: dict[str, Any] = {}
    for model in (DossierPaper, ElderDevice):
        moved[model.__tablename__] = _move_all(model, kept, closed)
    if "certificate" in take or not kept.certificates:
        moved["certificates"] = _exchange(DisabilityCertificate, kept, closed)
    moved["contacts"] = _contacts(kept, closed)
    _once(Consent, kept, closed, take="consents" in take)
    _once(FirstVisitingContact, kept, closed, take="first_contact" in take)
    _end_doubled_helpers(kept, closed)
    _once(ServiceContact, kept, closed, take="service_contact" in take)
    moved["tied"] = db.session.execute(
        update(Worker).where(Worker.tied_elder_id == closed.id).values(tied_elder_id=kept.id)
    ).rowcount
    barred = select(Bar.worker_id).where(Bar.elder_id == kept.id)
    for bar in db.session.scalars(
        select(Bar).where(Bar.elder_id == closed.id, Bar.worker_id.not_in(barred))
    ).all():
        db.session.add(Bar(worker_id=bar.worker_id, elder_id=kept.id))
    db.session.flush()
    _unpair_barred(kept)
    return moved


def _move_all(model: Any, kept: Elder, closed: Elder) -> int:
    rows = db.session.scalars(select(model).where(model.elder_id == closed.id)).all()
    for row in rows:
        row.elder_id = kept.id
    db.session.flush()
    return len(rows)


def _exchange(model: Any, kept: Elder, closed: Elder) -> int:
    """The rows of the closed dossier become those of the kept one; what that had is looked up in the closed one."""
    mine = db.session.scalars(select(model).where(model.elder_id == kept.id)).all()
    count = _move_all(model, kept, closed)
    for row in mine:
        row.elder_id = closed.id
    db.session.flush()
    return count


def _contacts(kept: Elder, closed: Elder) -> int:
    """Emergency contacts of both, those of the kept one first, nobody twice."""
    held = db.session.scalars(
        select(EmergencyContact)
        .where(EmergencyContact.elder_id == kept.id)
        .order_by(EmergencyContact.position)
    ).all()
    known = {(one.name, one.phone) for one in held}
    position = max((one.position for one in held), default=0)
    count = 0
    for one in db.session.scalars(
        select(EmergencyContact)
        .where(EmergencyContact.elder_id == closed.id)
        .order_by(EmergencyContact.position)
    ).all():
        if (one.name, one.phone) in known:
            continue
        position += 1
        one.elder_id, one.position = kept.id, position
        count += 1
    db.session.flush()
    return count


def _once(model: Any, kept: Elder, closed: Elder, *, take: bool) -> None:
    """Rows of which one is current: the chosen side's stays current, the other's ends; all of them move."""
    ended, now = ("superseded_at", clock.now()) if model is Consent else ("until", clock.today())
    key = Consent.kind if model is Consent else None
    rows = db.session.scalars(select(model).where(model.elder_id.in_((kept.id, closed.id)))).all()
    current = [
        row
        for row in rows
        if getattr(row, ended) is None and getattr(row, "part", None) is not ContactPart.HELPER
    ]
    kinds = {getattr(row, "kind", None) for row in current} if key is not None else {None}
    for kind in kinds:
        mine = [row for row in current if key is None or row.kind == kind]
        winner = closed.id if take else kept.id
        if any(row.elder_id == winner for row in mine):
            for row in mine:
                if row.elder_id != winner:
                    setattr(row, ended, max(now, row.since) if hasattr(row, "since") else now)
    db.session.flush()
    for row in rows:
        row.elder_id = kept.id
    db.session.flush()


def _end_doubled_helpers(kept: Elder, closed: Elder) -> None:
    """Helpers of both come along; who was paired with both stays once, as the main contact if it is one."""
    rows = db.session.scalars(
        select(ServiceContact)
        .where(ServiceContact.elder_id.in_((kept.id, closed.id)), ServiceContact.until.is_(None))
        .order_by(ServiceContact.part.desc(), ServiceContact.elder_id == closed.id)
    ).all()
    seen: set[int] = set()
    for row in rows:
        if row.worker_id in seen and row.part is ContactPart.HELPER:
            row.until = clock.today()
        seen.add(row.worker_id)
    db.session.flush()


def _unpair_barred(kept: Elder) -> None:
    """A worker who may never be sent to this person is not the person's contact either."""
    for contact in db.session.scalars(
        select(ServiceContact)
        .join(Bar, (Bar.worker_id == ServiceContact.worker_id) & (Bar.elder_id == ServiceContact.elder_id))
        .where(ServiceContact.elder_id == kept.id, ServiceContact.until.is_(None))
    ):
        contact.until = clock.today()


def move_elsewhere(kept: Elder, closed: Elder) -> None:
    """Lists of other offices and survey items point to the kept dossier."""
    for record in db.session.scalars(select(ExternalRecord).where(ExternalRecord.elder_id == closed.id)):
        record.elder_id = kept.id
    mine = aliased(SurveyItem)
    for item in db.session.scalars(
        select(SurveyItem).where((SurveyItem.elder_id == closed.id) | (SurveyItem.new_elder_id == closed.id))
    ).all():
        if item.new_elder_id == closed.id:
            item.new_elder_id = kept.id
        if item.elder_id != closed.id:
            continue
        doubled = db.session.scalar(
            select(mine.id).where(mine.survey_id == item.survey_id, mine.elder_id == kept.id)
        )
        if doubled is None:
            item.elder_id = kept.id
        elif db.session.get_one(Survey, item.survey_id).closed_at is None:
            item.left_reason = _("重复建档，已并入另一份")
    db.session.flush()
