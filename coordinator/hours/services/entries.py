"""From a closed visit to ledger lines, and taking one back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import structlog
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, load_only

from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.fieldwork.models import Presence, PresenceKind
from coordinator.hours import evidence
from coordinator.hours.models import Certificate, CertificateEntry, EntryKind, HoursEntry
from coordinator.hours.queries import rules_for, standing
from coordinator.hours.services.chain import append, lock_chains, said_why
from coordinator.kernel import clock, geo, i18n
from coordinator.kernel.access import SYSTEM, Actor, Permission, demand
from coordinator.kernel.errors import Conflict
from coordinator.messages.services import notify
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.models import Worker

log = structlog.get_logger(__name__)

Marks = dict[PresenceKind, Presence]


def enter_visit(visit_id: int) -> list[HoursEntry]:
    """Write the ledger lines of a completed visit, one for each worker who arrived and left.

    Safe to run twice, also at the same time: the visit's row is locked, and a worker's line exists or it does not.
    Whoever leaves later gets a line on the next run. A visit that was not completed gives none.
    """
    visit = db.session.scalars(
        select(Visit)
        .where(Visit.id == visit_id)
        .options(
            joinedload(Visit.area), joinedload(Visit.elder).load_only(Elder.name).joinedload(Elder.household)
        )
        .with_for_update(of=Visit)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if visit is None or visit.state is not VisitState.COMPLETED:
        return []
    by_worker: dict[int, Marks] = {}
    for presence in db.session.scalars(select(Presence).where(Presence.visit_id == visit_id)):
        by_worker.setdefault(presence.worker_id, {})[presence.kind] = presence
    team = db.session.scalars(
        select(Worker)
        .join(Assignment, Assignment.worker_id == Worker.id)
        .where(Assignment.visit_id == visit_id, Assignment.state == AssignmentState.DONE)
        .options(load_only(Worker.name, Worker.birth_date, Worker.area_id))
        .order_by(Worker.id)
    ).all()
    written = set(
        db.session.scalars(
            select(HoursEntry.worker_id).where(
                HoursEntry.visit_id == visit_id, HoursEntry.kind == EntryKind.SERVICE
            )
        )
    )
    due = [one for one in team if one.id not in written and _was_there(by_worker.get(one.id, {}), visit)]
    if not due:
        return []
    lock_chains(one.id for one in due)
    rules = rules_for(visit.area.path)
    adults = {
        one.id: _stay(by_worker[one.id])
        for one in team
        if PresenceKind.ARRIVED in by_worker.get(one.id, {})
        and not is_minor(one, clock.to_local(visit.starts_at).date())
    }
    return [_enter(visit, one, by_worker[one.id], list(adults.values()), rules) for one in due]


def _was_there(marks: Marks, visit: Visit) -> bool:
    if len(marks) < 2:
        return False
    if marks[PresenceKind.LEFT].at < marks[PresenceKind.ARRIVED].at:
        # Typed in from paper against the telephone's arrival. It shows no time at the home.
        log.warning(
            "left before arriving, no hours", visit_id=visit.id, presence_id=marks[PresenceKind.LEFT].id
        )
        return False
    return True


def _enter(
    visit: Visit, worker: Worker, marks: Marks, adults: Sequence[evidence.Stay], rules: evidence.Rules
) -> HoursEntry:
    arrived, left = marks[PresenceKind.ARRIVED], marks[PresenceKind.LEFT]
    service_on = clock.to_local(arrived.at).date()
    minor = is_minor(worker, service_on)
    derived = evidence.derive(
        _mark(arrived),
        _mark(left),
        rules=rules,
        planned_minutes=round((visit.ends_at - visit.starts_at).total_seconds() / 60),
        counted_today=_counted_on(worker.id, service_on),
        neighbours=_neighbours(visit, worker.id, arrived, left),
        needs_companion=minor,
        companions=adults,
    )
    return append(
        SYSTEM,
        _("由%(day)s的探访算出", day=i18n.day(service_on)),
        visit.area_id,
        worker_id=worker.id,
        visit_id=visit.id,
        kind=EntryKind.SERVICE,
        reverses_id=None,
        service_on=service_on,
        minutes_present=derived.minutes_present,
        minutes=derived.minutes,
        evidence=derived.evidence,
        derivation={
            "arrived_at": arrived.at.isoformat(),
            "left_at": left.at.isoformat(),
            "minor": minor,
            "step_minutes": rules.step_minutes,
            "day_cap_minutes": rules.day_cap_minutes,
            "longest_minutes": rules.longest_minutes,
            "elsewhere": derived.minutes_elsewhere,
            "over_longest": derived.minutes_over_longest,
            "rounded_off": derived.minutes_rounded_off,
            "over_cap": derived.minutes_over_cap,
            "findings": [
                {"code": one.code, "grade": one.grade.value, **one.detail} for one in derived.findings
            ],
        },
        policy_version_id=visit.policy_version_id,
    )


def _mark(presence: Presence) -> evidence.Mark:
    return evidence.Mark(
        at=presence.at,
        method=presence.method.value,
        distance_metres=presence.distance_metres,
        accuracy_metres=presence.accuracy_metres,
        phone_at=presence.phone_at,
    )


def _stay(marks: Marks) -> evidence.Stay:
    """Whoever has not left is still there: the last adult cannot leave a minor behind."""
    left = marks.get(PresenceKind.LEFT)
    return evidence.Stay(marks[PresenceKind.ARRIVED].at, left.at if left else None)


def _counted_on(worker_id: int, day: date) -> int:
    return int(
        db.session.scalar(
            select(func.coalesce(func.sum(HoursEntry.minutes), 0)).where(
                HoursEntry.worker_id == worker_id, HoursEntry.service_on == day
            )
        )
        or 0
    )


def _neighbours(visit: Visit, worker_id: int, arrived: Presence, left: Presence) -> list[evidence.Neighbour]:
    """The worker's other stays within half a day, with the distance between the homes."""
    around = timedelta(hours=12)
    rows = db.session.scalars(
        select(Presence)
        .where(
            Presence.worker_id == worker_id,
            Presence.visit_id != visit.id,
            Presence.at.between(arrived.at - around, left.at + around),
        )
        .options(
            joinedload(Presence.visit)
            .load_only(Visit.elder_id)
            .joinedload(Visit.elder)
            .load_only(Elder.household_id)
            .joinedload(Elder.household)
            .load_only(Household.latitude, Household.longitude)
        )
    ).all()
    grouped: dict[int, Marks] = {}
    for row in rows:
        grouped.setdefault(row.visit_id, {})[row.kind] = row
    stays = {key: marks for key, marks in grouped.items() if PresenceKind.ARRIVED in marks}
    if not stays:
        return []
    counted = set(
        db.session.scalars(
            select(HoursEntry.visit_id).where(
                HoursEntry.worker_id == worker_id, HoursEntry.visit_id.in_(stays), standing()
            )
        )
    )
    here = visit.elder.household
    found = []
    for key, marks in stays.items():
        there = marks[PresenceKind.ARRIVED].visit.elder.household
        metres = None
        if None not in (here.latitude, there.latitude):
            metres = round(geo.haversine_m(here.latitude, here.longitude, there.latitude, there.longitude))
        found.append(evidence.Neighbour(_stay(marks), metres, counted=key in counted))
    return found


def reverse_entry(actor: Actor, entry: HoursEntry, reason: str) -> HoursEntry:
    """Take an entry back: a second line with the opposite sign. The visit stays as it was closed, a school's
    decision stays readable and counts no longer, the worker is told why.

    Raises Conflict for a line that is taken back already, is itself a reversal, or stands in a valid certificate.
    """
    demand(actor, Permission.RECORD_CONFIRM, entry.visit.area.path)
    said = said_why(reason)
    if entry.kind is not EntryKind.SERVICE:
        raise Conflict(_("只能撤销由探访产生的时数。"), _("这一笔本身就是撤销。"))
    if actor.worker_id == entry.worker_id:
        raise Conflict(_("这是您自己的时数，不能由您自己撤销。"), _("请另一位同事来办。"), code="own_entry")
    lock_chains([entry.worker_id])
    if db.session.scalar(select(HoursEntry.id).where(HoursEntry.reverses_id == entry.id)) is not None:
        raise Conflict(_("这一笔时数已经撤销过了。"), _("请刷新页面看最新的情况。"))
    number = db.session.scalar(
        select(Certificate.number)
        .join(CertificateEntry, CertificateEntry.certificate_id == Certificate.id)
        .where(CertificateEntry.entry_id == entry.id, Certificate.revoked_at.is_(None))
        .limit(1)
    )
    if number:
        raise Conflict(
            _("这一笔已经写进证明 %(number)s。", number=number), _("请先撤销那份证明，再撤销时数。")
        )
    reversal = append(
        actor,
        _("撤销 %(number)s：%(why)s", number=entry.number, why=said),
        entry.visit.area_id,
        worker_id=entry.worker_id,
        visit_id=entry.visit_id,
        kind=EntryKind.REVERSAL,
        reverses_id=entry.id,
        service_on=entry.service_on,
        minutes_present=0,
        minutes=-entry.minutes,
        evidence=entry.evidence,
        derivation={"reason": said, "by": actor.name},
        policy_version_id=entry.policy_version_id,
    )
    if entry.worker.user_id is not None:
        notify(
            [entry.worker.user_id],
            _("街道撤销了您的一笔时数"),
            _(
                "%(day)s的 %(n)s 小时。原因：%(why)s",
                day=i18n.day(entry.service_on),
                n=i18n.hours(entry.minutes),
                why=said,
            ),
            "/hours/mine",
            dedupe_key=f"hours-reversed:{entry.id}",
        )
    db.session.flush()
    return reversal
