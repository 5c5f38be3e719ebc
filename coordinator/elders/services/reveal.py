"""Showing a protected value in full. Each look is recorded, and nobody looks at more than fifty in a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import NotFound, TooMany

REVEALS_PER_DAY = 50
# Single fields, and the prefixes of those that stand in a row of their own ("contact-7").
_FIELDS = {
    "id_number": _l("身份证号"),
    "phone": _l("电话"),
    "certificate": _l("残疾人证号"),
    "first_contact": _l("第一探访联系人电话"),
    "contact": _l("紧急联系人电话"),
    "member": _l("家庭成员身份证号"),
    "device": _l("设备编号"),
}


def reveal(actor: Actor, elder: Elder, field: str) -> str:
    """The full value of a protected field: id_number, phone, certificate-<id>, first_contact, contact-<id>,
    member-<id>, device-<id>. Writes the audit line and flushes; the caller commits before it shows the value.

    Raises NotFound when there is no such field or it is empty, TooMany after fifty in a day.
    """
    demand(actor, Permission.ELDER_REVEAL, elder.area.path)
    value = _value(elder, field)
    if value is None:
        raise NotFound(_("这一项没有填。"))
    note_look(actor, elder, "elder.reveal", field, str(_FIELDS[field.split("-")[0]]))
    return value


def note_look(actor: Actor, target: Any, action: str, field: str, what: str) -> None:
    """Count and record one look at a protected value of an elder or a worker. Flushes.

    Raises TooMany after fifty in a day. Counted in the audit trail itself, so nothing can be lost between them.
    """
    midnight = datetime.combine(clock.today(), time.min, tzinfo=clock.LOCAL)
    seen = db.session.scalar(
        select(func.count(audit.AuditEntry.id)).where(
            audit.AuditEntry.user_id == actor.user_id,
            audit.AuditEntry.action.in_(("elder.reveal", "worker.reveal")),
            audit.AuditEntry.at >= midnight,
        )
    )
    if (seen or 0) >= REVEALS_PER_DAY:
        rest = midnight + timedelta(days=1) - clock.local_now()
        raise TooMany(
            _("今天已经查看了 %(n)s 次完整信息。", n=REVEALS_PER_DAY),
            _("明天可以再看；急用请联系街道管理员。"),
            retry_after=int(rest.total_seconds()) + 1,
        )
    audit.record(actor, action, target, _("查看了完整的%(what)s", what=what), changes={"field": field})
    db.session.flush()


def _value(elder: Elder, field: str) -> str | None:
    name, _dash, key = field.partition("-")
    if name in ("id_number", "phone") and not key:
        return elder.id_number if name == "id_number" else elder.phone
    if field == "first_contact":
        return elder.first_contact.phone if elder.first_contact else None
    places: dict[str, tuple[Sequence[Any], str]] = {
        "certificate": (elder.certificates, "number"),
        "contact": (elder.emergency_contacts, "phone"),
        "member": (elder.household.members, "id_number"),
        "device": (elder.devices, "identifier"),
    }
    rows, attribute = places.get(name, ((), ""))
    found: str | None = next((getattr(row, attribute) for row in rows if str(row.id) == key), None)
    return found
