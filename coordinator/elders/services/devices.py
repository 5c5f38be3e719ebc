"""Devices in the elder's home (智能终端)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from coordinator.elders.labels import DEVICE_KINDS
from coordinator.elders.models import Elder, ElderDevice
from coordinator.elders.services import versions
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import InvalidInput

DEVICE_FIELDS = frozenset({"kind", "identifier", "installed_on", "working", "note", "removed_on"})
MAX_DEVICES = 30


def save_device(
    actor: Actor, elder: Elder, values: Mapping[str, Any], device: ElderDevice | None = None
) -> ElderDevice:
    """Enter a device, or change one. `values` takes DEVICE_FIELDS; a device that is taken away keeps its row with
    the day. Flushes. Raises InvalidInput with the field.
    """
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    unknown = set(values) - DEVICE_FIELDS
    if unknown:
        raise ValueError(f"no such fields of a device: {', '.join(sorted(unknown))}")
    installed, removed = values.get("installed_on"), values.get("removed_on")
    for field in ("installed_on", "removed_on"):
        if values.get(field) and values[field] > clock.today():
            raise InvalidInput(_("日期还没到。"), _("请填今天或以前的日期。"), field=field)
    if installed and removed and removed < installed:
        raise InvalidInput(_("拆走的日期早于装上的日期。"), field="removed_on")
    with versions.change(actor, elder):
        if device is None:
            if len(elder.devices) >= MAX_DEVICES:
                raise InvalidInput(_("最多登记 %(n)s 件设备。", n=MAX_DEVICES))
            device = ElderDevice(elder_id=elder.id, **values)
            db.session.add(device)
            summary = _("登记了%(what)s", what=DEVICE_KINDS[values["kind"]])
        else:
            for field, value in values.items():
                setattr(device, field, value)
            summary = _("修改了%(what)s", what=DEVICE_KINDS[device.kind])
        audit.record(actor, "elder.device", elder, summary)
        db.session.flush()
        db.session.expire(elder, ["devices"])
    return device
