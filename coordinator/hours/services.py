"""The ledger's verbs. Hours come from closed visits and from nowhere else: there is no verb that types them in."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select, text
from sqlalchemy.orm import joinedload

from coordinator.accounts.models import Organisation
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.fieldwork.models import Presence, PresenceKind
from coordinator.hours import evidence
from coordinator.hours.models import (
    Certificate,
    CertificateEntry,
    EntryKind,
    Evidence,
    HoursEntry,
    Verification,
    VerificationState,
)
from coordinator.hours.queries import certifiable_entries, entries_of_organisation
from coordinator.kernel import audit, clock, geo
from coordinator.kernel.access import SYSTEM, Actor, Permission, demand
from coordinator.kernel.areas import ancestors
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.models import Worker

_LEDGER_LOCK = 7_302  # first key of the advisory lock of one worker's chain
LONGEST_REASON = 500


def rules_for(area: Any) -> evidence.Rules:
    """The thresholds of the nearest area that sets any (settings['hours'])."""
    for one in ancestors(area):
        if one.settings.get("hours"):
            return evidence.Rules.of(one.settings["hours"])
    return evidence.Rules()


# --- entries ---------------------------------------------------------------------------------------------


def enter_visit(visit_id: int) -> list[HoursEntry]:
    """Write the ledger lines of a completed visit, one for each worker who arrived and left.

    Safe to run twice: a worker's line exists already or it does not. A visit that was not completed gives none.
    """
    visit = db.session.scalars(
        select(Visit)
        .where(Visit.id == visit_id)
        .options(joinedload(Visit.area), joinedload(Visit.elder))
        .with_for_update(of=Visit)
    ).one_or_none()
    if visit is None or visit.state is not VisitState.COMPLETED:
        return []
    presences = db.session.scalars(select(Presence).where(Presence.visit_id == visit_id)).all()
    by_worker: dict[int, dict[PresenceKind, Presence]] = {}
    for presence in presences:
        by_worker.setdefault(presence.worker_id, {})[presence.kind] = presence
    people = db.session.scalars(
        select(Assignment)
        .where(Assignment.visit_id == visit_id, Assignment.state == AssignmentState.DONE)
        .options(joinedload(Assignment.worker))
        .order_by(Assignment.worker_id)
    ).all()
    written = set(
        db.session.scalars(
            select(HoursEntry.worker_id).where(
                HoursEntry.visit_id == visit_id, HoursEntry.kind == EntryKind.SERVICE
            )
        )
    )
    rules = rules_for(visit.area)
    made = []
    for assignment in people:
        marks = by_worker.get(assignment.worker_id, {})
        if assignment.worker_id in written or len(marks) < 2:
            continue
        made.append(_enter(visit, assignment.worker, marks, by_worker, people, rules))
    db.session.flush()
    return made


def _enter(
    visit: Visit,
    worker: Worker,
    marks: dict[PresenceKind, Presence],
    everyone: dict[int, dict[PresenceKind, Presence]],
    people: Sequence[Assignment],
    rules: evidence.Rules,
) -> HoursEntry:
    arrived, left = marks[PresenceKind.ARRIVED], marks[PresenceKind.LEFT]
    service_on = clock.to_local(arrived.at).date()
    _lock_chain(worker.id)
    minor = is_minor(worker, service_on)
    adults = [
        everyone[one.worker_id]
        for one in people
        if one.worker_id in everyone and not is_minor(one.worker, service_on)
    ]
    derived = evidence.derive(
        _mark(arrived),
        _mark(left),
        rules=rules,
        planned_minutes=round((visit.ends_at - visit.starts_at).total_seconds() / 60),
        counted_today=_counted_on(worker.id, service_on),
        neighbours=_neighbours(visit, worker.id, arrived),
        needs_companion=minor,
        companion_present=any(_overlap(arrived, left, adult) for adult in adults),
    )
    return _append(
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
            "step_minutes": rules.step_minutes,
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


def _overlap(arrived: Presence, left: Presence, adult: dict[PresenceKind, Presence]) -> bool:
    """Was this adult there for all but ten minutes of the minor's stay?"""
    if len(adult) < 2:
        return False
    slack = timedelta(minutes=10)
    return (
        adult[PresenceKind.ARRIVED].at <= arrived.at + slack
        and adult[PresenceKind.LEFT].at >= left.at - slack
    )


def _counted_on(worker_id: int, day: date) -> int:
    return int(
        db.session.scalar(
            select(func.coalesce(func.sum(HoursEntry.minutes), 0)).where(
                HoursEntry.worker_id == worker_id, HoursEntry.service_on == day
            )
        )
        or 0
    )


def _neighbours(visit: Visit, worker_id: int, arrived: Presence) -> list[evidence.Neighbour]:
    """The worker's other presences within half a day, with the distance between the homes."""
    around = timedelta(hours=12)
    rows = db.session.scalars(
        select(Presence)
        .where(
            Presence.worker_id == worker_id,
            Presence.visit_id != visit.id,
            Presence.at.between(arrived.at - around, arrived.at + around),
        )
        .options(joinedload(Presence.visit).joinedload(Visit.elder).joinedload(Elder.household))
    ).all()
    here = visit.elder.household
    grouped: dict[int, list[Presence]] = {}
    for row in rows:
        grouped.setdefault(row.visit_id, []).append(row)
    found = []
    for group in grouped.values():
        there = group[0].visit.elder.household
        metres = None
        if None not in (here.latitude, there.latitude):
            metres = round(geo.haversine_m(here.latitude, here.longitude, there.latitude, there.longitude))
        times = {row.kind: row.at for row in group}
        found.append(
            evidence.Neighbour(
                left_at=times.get(PresenceKind.LEFT),
                arrived_at=times.get(PresenceKind.ARRIVED),
                metres=metres,
            )
        )
    return found


def _lock_chain(worker_id: int) -> None:
    """One writer at a time extends a worker's chain and counts the day's cap."""
    db.session.execute(
        text("SELECT pg_advisory_xact_lock(:space, :id)"), {"space": _LEDGER_LOCK, "id": worker_id}
    )


def _append(**values: Any) -> HoursEntry:
    """Add the next line of a worker's chain; the caller holds the chain's lock."""
    last = db.session.scalars(
        select(HoursEntry)
        .where(HoursEntry.worker_id == values["worker_id"])
        .order_by(HoursEntry.position.desc())
        .limit(1)
    ).one_or_none()
    position = last.position + 1 if last else 1
    entry = HoursEntry(
        **values,
        position=position,
        number=f"SS-{values['worker_id']}-{position:04d}",
        previous_hash=last.hash if last else None,
        created_at=clock.now(),
    )
    entry.hash = line_hash(entry)
    db.session.add(entry)
    db.session.flush()
    audit.record(
        SYSTEM,
        "hours.enter" if entry.kind is EntryKind.SERVICE else "hours.reverse",
        entry,
        _("时数单 %(number)s：%(minutes)s 分钟", number=entry.number, minutes=entry.minutes),
    )
    return entry


def line_hash(entry: HoursEntry) -> bytes:
    """SHA-256 over what the line says and the hash of the line before it."""
    said = json.dumps(
        [
            entry.worker_id,
            entry.visit_id,
            str(entry.kind),
            entry.reverses_id,
            entry.service_on.isoformat(),
            entry.minutes_present,
            entry.minutes,
            str(entry.evidence),
            entry.derivation,
            entry.policy_version_id,
            entry.position,
            entry.number,
        ],
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256((entry.previous_hash or b"") + said.encode()).digest()


def reverse_entry(actor: Actor, entry: HoursEntry, reason: str) -> HoursEntry:
    """Take an entry back: a second line with the opposite sign. The visit stays as it was closed."""
    demand(actor, Permission.RECORD_CONFIRM, entry.visit.area.path)
    said = _reason(reason)
    if entry.kind is not EntryKind.SERVICE:
        raise Conflict(_("只能撤销由探访产生的时数。"))
    _lock_chain(entry.worker_id)
    if db.session.scalar(select(HoursEntry.id).where(HoursEntry.reverses_id == entry.id)) is not None:
        raise Conflict(_("这一笔时数已经撤销过了。"))
    if db.session.scalar(
        select(CertificateEntry.certificate_id)
        .join(Certificate, Certificate.id == CertificateEntry.certificate_id)
        .where(CertificateEntry.entry_id == entry.id, Certificate.revoked_at.is_(None))
    ):
        raise Conflict(_("这一笔已经写进证明。"), _("请先撤销那份证明，再撤销时数。"))
    reversal = _append(
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
    audit.record(
        actor, "hours.take_back", entry, _("撤销时数单 %(number)s：%(why)s", number=entry.number, why=said)
    )
    return reversal


def verify_chain(worker_id: int) -> str | None:
    """Recompute one worker's chain; returns what is wrong in one sentence, or None."""
    previous: HoursEntry | None = None
    entries = db.session.scalars(
        select(HoursEntry).where(HoursEntry.worker_id == worker_id).order_by(HoursEntry.position)
    )
    for entry in entries:
        expected = previous.position + 1 if previous else 1
        if entry.position != expected:
            return f"worker {worker_id}: line {expected} is missing"
        if entry.previous_hash != (previous.hash if previous else None):
            return f"worker {worker_id}: line {entry.position} does not follow line {expected - 1}"
        if entry.hash != line_hash(entry):
            return f"worker {worker_id}: line {entry.position} was changed"
        previous = entry
    return None


# --- school verification ---------------------------------------------------------------------------------


def verify_entries(
    actor: Actor,
    entry_ids: Sequence[int],
    state: VerificationState,
    *,
    minutes: int | None = None,
    reason: str = "",
) -> list[Verification]:
    """A school's decision on entries of its own students.

    `minutes` is what is recognised in a partial decision. Doubtful entries cannot be passed in bulk. Raises
    NotFound for entries of other schools, InvalidInput without a reason where one is needed, Conflict when an
    entry was taken back or is already in a certificate.
    """
    entries = entries_of_organisation(actor, entry_ids)
    if len(entries) != len(set(entry_ids)):
        raise NotFound(_("有的时数不属于贵校学生。"), _("请刷新页面再选一次。"))
    if state is VerificationState.PASSED and len(entries) > 1:
        doubtful = [entry.number for entry in entries if entry.evidence is Evidence.DOUBTFUL]
        if doubtful:
            raise Conflict(
                _("待核查的时数要逐条看：%(numbers)s", numbers="、".join(doubtful)),
                _("请先取消勾选这几条。"),
            )
    said = _reason(reason) if state is not VerificationState.PASSED else (reason.strip() or None)
    return [_decide(actor, entry, state, minutes, said) for entry in entries]


def _decide(
    actor: Actor, entry: HoursEntry, state: VerificationState, minutes: int | None, reason: str | None
) -> Verification:
    _lock_chain(entry.worker_id)
    if db.session.scalar(select(HoursEntry.id).where(HoursEntry.reverses_id == entry.id)) is not None:
        raise Conflict(_("时数单 %(number)s 已经被街道撤销。", number=entry.number), _("请刷新页面。"))
    recognised = {
        VerificationState.PASSED: entry.minutes,
        VerificationState.RETURNED: 0,
        VerificationState.PARTIAL: minutes or 0,
    }[state]
    if state is VerificationState.PARTIAL and not 0 < recognised < entry.minutes:
        raise InvalidInput(
            _("部分认可要多于 0、少于 %(n)s 分钟。", n=entry.minutes),
            _("全部认可请点“通过”，一点都不认可请点“退回”。"),
            field="minutes",
        )
    now = clock.now()
    earlier = db.session.scalars(
        select(Verification).where(Verification.entry_id == entry.id, Verification.superseded_at.is_(None))
    ).one_or_none()
    if earlier is not None:
        earlier.superseded_at = now
        db.session.flush()
    assert actor.user_id is not None
    assert entry.worker.organisation_id is not None
    decision = Verification(
        entry_id=entry.id,
        organisation_id=entry.worker.organisation_id,
        state=state,
        minutes=recognised,
        reason=reason,
        decided_by_id=actor.user_id,
        decided_at=now,
    )
    db.session.add(decision)
    db.session.flush()
    audit.record(
        actor,
        f"hours.verify.{state.value}",
        entry,
        _("学校核验时数单 %(number)s：认可 %(n)s 分钟", number=entry.number, n=recognised),
        changes={"minutes": [earlier.minutes if earlier else None, recognised], "reason": [None, reason]},
        area_id=entry.visit.area_id,
    )
    return decision


def _reason(reason: str) -> str:
    said = " ".join(reason.split())
    if not said:
        raise InvalidInput(_("请写明原因，学生会看到。"), field="reason")
    if len(said) > LONGEST_REASON:
        raise InvalidInput(_("原因最多 %(n)s 个字。", n=LONGEST_REASON), field="reason")
    return said


# --- certificates ----------------------------------------------------------------------------------------


def issue_certificate(
    actor: Actor, worker: Worker, first_day: date, last_day: date, organisation: Organisation | None = None
) -> Certificate:
    """Issue a 志愿服务记录证明 over a worker's counted entries of a span (民发〔2015〕149号).

    Counts lines of visits whose record a coordinator has confirmed, less reversals; a student's lines count
    with what the school recognised. 谁记录谁证明: the issuer is the street that organised the visits.
    Raises InvalidInput on a span without countable hours.
    """
    demand(actor, Permission.CERTIFICATE_ISSUE, worker.area.path)
    if first_day > last_day:
        raise InvalidInput(_("开始日期要早于结束日期。"), field="first_day")
    lines = certifiable_entries(worker, first_day, last_day)
    minutes = sum(line.minutes for line in lines)
    if minutes <= 0:
        raise InvalidInput(
            _("%(name)s这段时间还没有可以证明的时数。", name=worker.name),
            _("探访记录要先由社区确认；学生的时数还要学校核验。"),
        )
    now = clock.now()
    local = clock.to_local(now)
    ordinal = 1 + int(
        db.session.scalar(
            select(func.count()).select_from(Certificate).where(Certificate.area_id == worker.area_id)
        )
        or 0
    )
    certificate = Certificate(
        number=f"ZM-{local:%Y%m%d}-{worker.area_id:04d}-{ordinal:05d}",
        code=secrets.token_urlsafe(12),
        worker_id=worker.id,
        organisation_id=organisation.id if organisation else None,
        area_id=worker.area_id,
        first_day=first_day,
        last_day=last_day,
        minutes=minutes,
        content=_content(worker, lines, minutes),
        issued_by_id=actor.user_id,
        issued_at=now,
    )
    db.session.add(certificate)
    db.session.flush()
    for line in lines:
        db.session.add(CertificateEntry(certificate_id=certificate.id, entry_id=line.entry.id))
    audit.record(
        actor,
        "certificate.issue",
        certificate,
        _(
            "给%(name)s开具志愿服务记录证明 %(number)s",
            name=worker.name,
            number=certificate.number,
        ),
    )
    db.session.flush()
    return certificate


def _content(worker: Worker, lines: Sequence[Any], minutes: int) -> dict[str, Any]:
    """What the paper says, frozen at the issue: later changes of the worker do not alter it."""
    months: dict[str, dict[str, Any]] = {}
    for line in lines:
        row = months.setdefault(f"{line.entry.service_on:%Y-%m}", {"days": set(), "visits": 0, "minutes": 0})
        row["days"].add(line.entry.service_on.day)
        row["visits"] += 1
        row["minutes"] += line.minutes
    return {
        "name": worker.name,
        "volunteer_number": worker.volunteer_number,
        "id_number": worker.id_number,
        "hours": str(Decimal(minutes) / 60),
        "visits": sum(row["visits"] for row in months.values()),
        "months": [
            {"month": month, **row, "days": sorted(row["days"])} for month, row in sorted(months.items())
        ],
    }


def revoke_certificate(actor: Actor, certificate: Certificate, reason: str) -> None:
    """Revoke a certificate; its public page says so from now on."""
    demand(actor, Permission.CERTIFICATE_ISSUE, certificate.worker.area.path)
    said = _reason(reason)
    if certificate.revoked_at is not None:
        raise Conflict(_("这份证明已经撤销过了。"))
    certificate.revoked_at = clock.now()
    certificate.revoked_by_id = actor.user_id
    certificate.revoked_reason = said
    audit.record(
        actor,
        "certificate.revoke",
        certificate,
        _("撤销证明 %(number)s：%(why)s", number=certificate.number, why=said),
    )
    db.session.flush()
