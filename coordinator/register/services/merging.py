"""Two dossiers of one person become one, after a person compared them. Nothing is erased: the closed dossier stays
with its versions and leads to the one that is kept, and `Merge.before` holds it as it stood.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import aliased

from coordinator.elders.models import (
    Category,
    Consent,
    DisabilityCertificate,
    DossierPaper,
    Elder,
    ElderCategory,
    ElderDevice,
    ElderStatus,
    EmergencyContact,
    FirstVisitingContact,
)
from coordinator.elders.queries import facts_of
from coordinator.elders.queries.snapshot import people_of, snapshot, whole_elders
from coordinator.elders.services import edit_elder, versions
from coordinator.elders.services.checks import touch
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import SYSTEM, Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.planning.models import PlanCall, PlanStop, WorkerQuestion
from coordinator.register.models import DifferentPeople, ExternalRecord, Merge, Survey, SurveyItem
from coordinator.register.queries.doubles import PARTS, VALUE_FIELDS
from coordinator.register.services.moving import end_waiting_move
from coordinator.register.services.release import RELEASED, call_off, stops_off, visits_from
from coordinator.visits.lifecycle import LIVE
from coordinator.visits.models import OverdueReason, SurgeCall, Visit
from coordinator.workforce.models import Bar, ContactPart, ServiceContact, Worker

LONGEST_REASON = 200


def merge_dossiers(
    actor: Actor,
    kept: Elder,
    closed: Elder,
    take: Collection[str],
    *,
    kept_version: int,
    closed_version: int,
    reason: str = "",
) -> Merge:
    """Take `closed` into `kept`. `take` names the fields and parts that the closed one gives; all else stays as it
    is in the kept one. Visits with their records and hours, contact people, papers, devices and lists of other
    offices go along; a visit planned twice is called off. Flushes.

    Raises InvalidInput for one dossier with itself, and without a reason for two ID numbers; Conflict when one was
    merged already, when somebody has changed one since it was read, or when the kept one has left.
    """
    demand(actor, Permission.ELDER_EDIT, kept.area.path)
    demand(actor, Permission.ELDER_EDIT, closed.area.path)
    if kept.id == closed.id:
        raise InvalidInput(_("这是同一份档案。"), _("请选两份不同的档案。"), code="same_dossier")
    for elder in sorted((kept, closed), key=lambda one: one.id):
        db.session.refresh(elder, ["status", "version", "area_id"], with_for_update=True)
    _check(kept, closed, kept_version, closed_version, reason)
    wanted = set(take)
    unknown = wanted - set(VALUE_FIELDS) - set(PARTS)
    if unknown:
        raise ValueError(f"no such fields of a dossier: {', '.join(sorted(unknown))}")
    before = _before(closed)
    with versions.change(actor, kept, closed):
        end_waiting_move(actor, closed, _("档案已合并"))
        moved = _visits(kept, closed)
        number = closed.id_number
        _close(kept, closed)
        moved |= _parts(kept, closed, wanted)
        _values(actor, kept, closed, wanted, number)
        _elsewhere(kept, closed)
        touch(kept)
        db.session.flush()
        merge = Merge(
            kept_id=kept.id,
            closed_id=closed.id,
            before=before,
            chosen=dict.fromkeys(sorted(wanted), "closed"),
            moved=moved,
            reason=" ".join(reason.split())[:LONGEST_REASON] or None,
            merged_by_id=actor.user_id,
        )
        db.session.add(merge)
        db.session.flush()
        audit.record(
            actor,
            "elder.merge",
            kept,
            _(
                "%(closed)s的另一份档案（%(area)s）并入这一份，带来 %(n)s 次探访",
                closed=before["person"]["name"],
                area=closed.area.name,
                n=moved["visits"],
            ),
            changes={"merged_from": [None, closed.id], "taken": [None, sorted(wanted)]},
        )
        audit.record(
            actor,
            "elder.merged",
            closed,
            _("这份档案并入%(name)s的另一份（%(area)s）", name=kept.name, area=kept.area.name),
            changes={"status": [before["person"]["status"], "merged"], "merged_into_id": [None, kept.id]},
        )
    for elder in (kept, closed):
        db.session.expire(elder)
    return merge


def say_different(actor: Actor, first: Elder, second: Elder, reason: str) -> DifferentPeople:
    """Two dossiers that look alike are two people; the pair is not proposed again. Flushes."""
    demand(actor, Permission.ELDER_EDIT, first.area.path)
    demand(actor, Permission.ELDER_EDIT, second.area.path)
    text = " ".join(reason.split())
    if len(text) < 2:
        raise InvalidInput(_("请写明怎么知道是两个人。"), field="reason")
    one, two = sorted((first.id, second.id))
    held = db.session.get(DifferentPeople, (one, two))
    if held is not None or one == two:
        raise Conflict(_("这两份档案已经有结论了。"), _("请刷新页面。"), code="decided")
    said = DifferentPeople(
        first_id=one, second_id=two, reason=text[:LONGEST_REASON], decided_by_id=actor.user_id
    )
    db.session.add(said)
    audit.record(
        actor,
        "elder.different",
        first,
        _("和%(name)s（%(area)s）不是同一个人", name=second.name, area=second.area.name),
        changes={"elders": [None, [one, two]]},
    )
    db.session.flush()
    return said


def _check(kept: Elder, closed: Elder, kept_version: int, closed_version: int, reason: str) -> None:
    if ElderStatus.MERGED in (kept.status, closed.status):
        raise Conflict(_("其中一份已经并入别的档案。"), _("请刷新页面看最新的情况。"), code="already_merged")
    if (kept.version, closed.version) != (kept_version, closed_version):
        raise Conflict(_("您打开以后，其中一份档案被人改过。"), _("请再对照一次，然后决定。"), code="stale")
    if kept.status is not ElderStatus.ACTIVE and closed.status is ElderStatus.ACTIVE:
        raise Conflict(_("保留的那一份已经不在册。"), _("请保留在册的一份。"), code="kept_has_left")
    two_numbers = kept.id_number_hash and closed.id_number_hash
    if two_numbers and len(" ".join(reason.split())) < 2:
        raise InvalidInput(
            _("两份档案的身份证号不一样，一般是两个人。"),
            _("确实是同一个人的，请写明是怎么核对的。"),
            code="two_numbers",
            field="reason",
        )


def _before(closed: Elder) -> dict[str, Any]:
    """The closed dossier as it stood; encrypted where it is kept."""
    (whole,) = whole_elders([closed.id])
    at_home = people_of([whole])[whole.household_id]
    found: dict[str, Any] = snapshot(whole, facts_of([whole])[whole.id], at_home)
    return found


def _close(kept: Elder, closed: Elder) -> None:
    """The closed one leads to the kept one. An ID number stands in one dossier; a time of enrolment that is empty
    owes nothing and counts nowhere."""
    db.session.execute(
        update(Elder)
        .where(Elder.merged_into_id == closed.id)
        .values(merged_into_id=kept.id)
        .execution_options(synchronize_session=False)
    )
    closed.status = ElderStatus.MERGED
    closed.merged_into_id = kept.id
    closed.left_on = closed.enrolled_on
    closed.id_number = closed.id_number_hash = None
    db.session.flush()


# --- what moves along ------------------------------------------------------------------------------------


def _visits(kept: Elder, closed: Elder) -> dict[str, Any]:
    """All visits go to the kept dossier. What is planned twice is called off; numbers (第__次) of the kept dossier
    stay, those that come are counted on after them."""
    mine = {
        (rule, start)
        for rule, start in db.session.execute(
            select(Visit.rule, Visit.period_from).where(
                Visit.elder_id == kept.id, Visit.state.in_(LIVE), Visit.rule.is_not(None)
            )
        )
    }
    days = {
        clock.to_local(at).date()
        for at in db.session.scalars(
            select(Visit.starts_at).where(Visit.elder_id == kept.id, Visit.state.in_(LIVE))
        )
    }
    planned = visits_from(closed.id, clock.today())
    double = [
        one
        for one in planned
        if (one.rule is not None and (one.rule, one.period_from) in mine)
        or clock.to_local(one.starts_at).date() in days
    ]
    why = _("重复建档，这次已经另外安排了")
    call_off(SYSTEM, closed.id, double, why)
    # Drafts know the visit by its dossier: those not given yet are planned anew for the kept one.
    stops_off(closed.id, [one.id for one in double], clock.today(), why)
    last = db.session.scalar(select(func.max(Visit.sequence)).where(Visit.elder_id == kept.id)) or 0
    numbers: dict[str, list[int | None]] = {}
    rows = db.session.execute(
        select(Visit.id, Visit.sequence)
        .where(Visit.elder_id == closed.id)
        .order_by(Visit.sequence.asc().nulls_last(), Visit.id)
    ).all()
    for visit_id, sequence in rows:
        new = None
        if sequence is not None:
            last += 1
            new = last
            numbers[str(visit_id)] = [sequence, new]
        db.session.execute(
            update(Visit)
            .where(Visit.id == visit_id)
            .values(elder_id=kept.id, sequence=new)
            .execution_options(synchronize_session=False)
        )
    db.session.execute(
        update(PlanStop)
        .where(PlanStop.elder_id == closed.id, PlanStop.visit_id.is_not(None))
        .values(elder_id=kept.id)
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        update(WorkerQuestion)
        .where(WorkerQuestion.elder_id == closed.id)
        .values(elder_id=kept.id)
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        update(PlanCall)
        .where(PlanCall.elder_id == closed.id)
        .values(elder_id=kept.id)
        .execution_options(synchronize_session=False)
    )
    other = aliased(OverdueReason)
    db.session.execute(
        update(OverdueReason)
        .where(
            OverdueReason.elder_id == closed.id,
            ~exists().where(
                other.elder_id == kept.id,
                other.rule == OverdueReason.rule,
                other.period_from == OverdueReason.period_from,
            ),
        )
        .values(elder_id=kept.id)
        .execution_options(synchronize_session=False)
    )
    _calls(kept, closed)
    db.session.expire_all()
    still = [one for one in planned if one not in double and one.state in RELEASED]
    return {
        "visits": len(rows),
        "called_off": [one.id for one in double],
        "planned": [one.id for one in still],
        "numbers": numbers,
    }


def _calls(kept: Elder, closed: Elder) -> None:
    """Ticks of surge lists go with their visits, unless the kept dossier has the same tick."""
    mine = aliased(SurgeCall)
    db.session.execute(
        update(SurgeCall)
        .where(
            SurgeCall.elder_id == closed.id,
            ~exists().where(
                mine.elder_id == kept.id,
                mine.event_id == SurgeCall.event_id,
                mine.target == SurgeCall.target,
            ),
        )
        .values(elder_id=kept.id)
        .execution_options(synchronize_session=False)
    )


def _parts(kept: Elder, closed: Elder, take: set[str]) -> dict[str, Any]:
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


def _values(actor: Actor, kept: Elder, closed: Elder, take: set[str], number: str | None) -> None:
    """The chosen single values, through the same door as any other change of a dossier."""
    person = {key: getattr(closed, key) for key in VALUE_FIELDS if key in take and key != "id_number"}
    if "id_number" in take:
        person["id_number"] = number
    categories: dict[Category, str | None] | None = None
    if "categories" in take:
        rows = db.session.scalars(
            select(ElderCategory).where(ElderCategory.elder_id == closed.id, ElderCategory.ended_on.is_(None))
        ).all()
        categories = {row.category: row.evidence for row in rows}
    db.session.expire(kept)
    edit_elder(actor, kept, version=kept.version, person=person or None, categories=categories)
    if "home" in take:
        kept.household_id = closed.household_id
        kept.area_id = closed.area_id
        db.session.flush()
        db.session.expire(kept)


def _elsewhere(kept: Elder, closed: Elder) -> None:
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


# What a merge does with each column that points to a dossier; a test holds this against the schema.
FATES: dict[str, str] = {
    "visits.elder_id": "moves",
    "plan_stops.elder_id": "moves with its visit",
    "plan_calls.elder_id": "moves",
    "worker_questions.elder_id": "moves",
    "overdue_reasons.elder_id": "moves",
    "consents.elder_id": "moves",
    "emergency_contacts.elder_id": "moves",
    "first_visiting_contacts.elder_id": "moves",
    "service_contacts.elder_id": "moves",
    "workers.tied_elder_id": "moves",
    "bars.elder_id": "copied",
    "dossier_papers.elder_id": "moves",
    "elder_devices.elder_id": "moves",
    "disability_certificates.elder_id": "chosen",
    "elder_categories.elder_id": "chosen",
    "external_records.elder_id": "moves",
    "survey_items.elder_id": "moves",
    "survey_items.new_elder_id": "moves",
    "elders.merged_into_id": "moves",
    "surge_calls.elder_id": "moves",
    "owed_elders.elder_id": "computed anew (trigger)",
    "owed_obligations.elder_id": "computed anew (trigger)",
    "dossier_versions.elder_id": "history stays",
    "elder_earlier_facts.elder_id": "history stays",
    "category_answers.elder_id": "history stays",
    "area_moves.elder_id": "history stays",
    "source_decisions.elder_id": "history stays",
    "dossier_merges.kept_id": "history stays",
    "dossier_merges.closed_id": "history stays",
    "different_people.first_id": "history stays",
    "different_people.second_id": "history stays",
}
