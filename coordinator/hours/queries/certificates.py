"""Certificates: what may be certified, the register, and what is on notice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from coordinator.accounts.models import Organisation
from coordinator.extensions import db
from coordinator.hours.models import Certificate, CertificateEntry, Evidence, HoursEntry, Verification
from coordinator.hours.queries.conditions import current_decision, standing, with_confirmed_record
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.errors import NotFound
from coordinator.workforce.labels import KINDS
from coordinator.workforce.models import Worker, WorkerKind


@dataclass(frozen=True, slots=True)
class CountedLine:
    """A ledger line and the minutes of it that a certificate counts; when a school recognised them."""

    entry: HoursEntry
    minutes: int
    recognised_at: datetime | None = None


def certifiable_entries(worker: Worker, first_day: date, last_day: date) -> Sequence[CountedLine]:
    """What may be certified of a span: confirmed records, not taken back, evidence not in doubt; a student's
    lines with what the school recognised, and none without its decision.
    """
    rows = db.session.execute(
        select(HoursEntry, Verification)
        .outerjoin(Verification, current_decision())
        .where(
            HoursEntry.worker_id == worker.id,
            HoursEntry.service_on.between(first_day, last_day),
            standing(),
            with_confirmed_record(),
            or_(HoursEntry.evidence != Evidence.DOUBTFUL, Verification.id.is_not(None)),
        )
        .order_by(HoursEntry.service_on, HoursEntry.id)
    )
    lines = []
    for entry, decision in rows:
        if worker.kind is not WorkerKind.STUDENT:
            lines.append(CountedLine(entry, entry.minutes))
        elif decision is not None:
            lines.append(CountedLine(entry, decision.minutes, decision.decided_at))
    return [line for line in lines if line.minutes > 0]


def printed_before(entry_ids: Collection[int]) -> list[str]:
    """Numbers of the valid certificates that count any of these lines already."""
    if not entry_ids:
        return []
    return list(
        db.session.scalars(
            select(Certificate.number)
            .join(CertificateEntry, CertificateEntry.certificate_id == Certificate.id)
            .where(CertificateEntry.entry_id.in_(list(entry_ids)), Certificate.revoked_at.is_(None))
            .distinct()
            .order_by(Certificate.number)
        )
    )


def certificates_in(actor: Actor) -> Select[tuple[Certificate]]:
    """The register of the actor's areas."""
    return (
        select(Certificate)
        .join(Certificate.worker)
        .where(in_areas(actor, Permission.HOURS_READ, Certificate.area_id))
        .options(contains_eager(Certificate.worker).load_only(Worker.name, Worker.volunteer_number))
    )


def on_notice(actor: Actor, since: datetime) -> Sequence[Certificate]:
    """Valid certificates of the actor's areas issued since a moment, oldest first."""
    return db.session.scalars(
        certificates_in(actor)
        .where(Certificate.issued_at >= since, Certificate.revoked_at.is_(None))
        .order_by(Certificate.id)
    ).all()


def own_certificates(worker_id: int) -> Sequence[Certificate]:
    """A worker's certificates, newest first."""
    return db.session.scalars(
        select(Certificate).where(Certificate.worker_id == worker_id).order_by(Certificate.id.desc())
    ).all()


def load_certificate(actor: Actor, permission: Permission, certificate_id: int) -> Certificate:
    """A certificate of an area in which the actor holds `permission`. Raises NotFound."""
    return _load(certificate_id, in_areas(actor, permission, Certificate.area_id))


def load_own_or_seen(actor: Actor, certificate_id: int) -> Certificate:
    """A certificate about the actor, or one of the areas whose register the actor reads. Raises NotFound."""
    seen = in_areas(actor, Permission.HOURS_READ, Certificate.area_id)
    if actor.worker_id is not None:
        seen = or_(seen, Certificate.worker_id == actor.worker_id)
    return _load(certificate_id, seen)


def _load(certificate_id: int, seen: ColumnElement[bool]) -> Certificate:
    found = db.session.scalars(
        select(Certificate)
        .where(Certificate.id == certificate_id, seen)
        .options(
            joinedload(Certificate.worker).load_only(Worker.name, Worker.user_id).joinedload(Worker.area)
        )
    ).one_or_none()
    if found is None:
        raise NotFound(_("没有找到这份证明。"), _("请核对编号。"))
    return found


def certificate_by_code(code: str, number: str | None = None) -> Certificate | None:
    """The certificate with this secret code, and with this number where one was typed."""
    statement = select(Certificate).where(Certificate.code == code)
    if number is not None:
        statement = statement.where(Certificate.number == number)
    return db.session.scalars(statement).one_or_none()


def people_with_hours(actor: Actor) -> list[tuple[int, str]]:
    """(worker id, name with kind) of the people a certificate can be issued to, by name."""
    rows = db.session.execute(
        select(Worker.id, Worker.name, Worker.kind, Organisation.name)
        .outerjoin(Organisation, Organisation.id == Worker.organisation_id)
        .where(
            in_areas(actor, Permission.CERTIFICATE_ISSUE, Worker.area_id),
            select(HoursEntry.id).where(HoursEntry.worker_id == Worker.id).exists(),
        )
        .order_by(Worker.name, Worker.id)
    )
    return [(row[0], f"{row[1]}（{row[3] or KINDS[row[2]]}）") for row in rows]
