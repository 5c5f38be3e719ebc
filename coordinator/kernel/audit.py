"""The audit trail: one readable line per domain act, written in the same transaction, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import g, has_request_context
from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor


class AuditEntry(db.Model):
    """Who did what to which object. `changes` holds field names with old and new values, and never the value
    of an encrypted field. Rows are append-only (trigger).
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_object", "object_type", "object_id"),
        Index("ix_audit_entries_area_id_at", "area_id", "at"),
        Index("ix_audit_entries_user_id_at", "user_id", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=clock.now)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    actor_name: Mapped[str] = mapped_column(String(60))
    action: Mapped[str] = mapped_column(String(60))
    object_type: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[int | None]
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    summary: Mapped[str] = mapped_column(Text)
    changes: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    request_id: Mapped[str | None] = mapped_column(String(40))
    address: Mapped[str | None] = mapped_column(String(60))


def line(
    actor: Actor,
    action: str,
    object_type: str,
    summary: str,
    *,
    changes: dict[str, Any] | None = None,
    area_id: int | None = None,
) -> dict[str, Any]:
    """The values of an audit line but for the object's id: for a statement that makes the object and the line at
    once. Everything else goes through `record`.
    """
    return {
        "at": clock.now(),
        "user_id": actor.user_id,
        "actor_name": actor.name,
        "action": action,
        "object_type": object_type,
        "area_id": area_id,
        "summary": summary,
        "changes": changes or {},
        "request_id": g.get("request_id") if has_request_context() else None,
        "address": actor.address,
    }


def record(
    actor: Actor,
    action: str,
    target: Any,
    summary: str,
    *,
    changes: dict[str, Any] | None = None,
    area_id: int | None = None,
) -> AuditEntry:
    """Add the audit line of an act on `target` (a model instance with an id, or a table name).

    `action` is a stable dotted verb ('claim.approve'); `summary` is a Chinese sentence for people.
    """
    is_name = isinstance(target, str)
    values = line(
        actor,
        action,
        target if is_name else target.__tablename__,
        summary,
        changes=changes,
        area_id=area_id if area_id is not None else getattr(target, "area_id", None),
    )
    entry = AuditEntry(**values, object_id=None if is_name else target.id)
    db.session.add(entry)
    return entry
