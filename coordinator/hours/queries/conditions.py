"""Conditions on ledger lines that several lists share."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import aliased

from coordinator.fieldwork.models import RecordState, VisitRecord
from coordinator.hours.models import Certificate, CertificateEntry, EntryKind, HoursEntry, Verification

Reversal = aliased(HoursEntry, name="reversal")


def taken_back() -> ColumnElement[bool]:
    """SQL condition: another line takes this one back."""
    return select(Reversal.id).where(Reversal.reverses_id == HoursEntry.id).correlate(HoursEntry).exists()


def standing() -> ColumnElement[bool]:
    """SQL condition: a service entry that nobody has taken back."""
    return and_(HoursEntry.kind == EntryKind.SERVICE, ~taken_back())


def with_confirmed_record() -> ColumnElement[bool]:
    """SQL condition: a coordinator has confirmed the record of the entry's visit."""
    return (
        select(VisitRecord.id)
        .where(VisitRecord.visit_id == HoursEntry.visit_id, VisitRecord.state == RecordState.CONFIRMED)
        .correlate(HoursEntry)
        .exists()
    )


def in_valid_certificate() -> ColumnElement[bool]:
    """SQL condition: a certificate that was not revoked counts this line."""
    return (
        select(CertificateEntry.entry_id)
        .join(Certificate, Certificate.id == CertificateEntry.certificate_id)
        .where(CertificateEntry.entry_id == HoursEntry.id, Certificate.revoked_at.is_(None))
        .correlate(HoursEntry)
        .exists()
    )


def current_decision() -> ColumnElement[bool]:
    """SQL condition that joins an entry to its standing school decision."""
    return and_(Verification.entry_id == HoursEntry.id, Verification.superseded_at.is_(None))
