"""Who belongs together and who does not: 探访关爱服务联系人, and pairs that are never made."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.models import Bar, ServiceContact, Worker, WorkerStatus


def pair(actor: Actor, elder: Elder, worker: Worker) -> ServiceContact:
    """Make the worker the elder's 探访关爱服务联系人; the former one is kept with the day it ended. Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    _require_serves(actor, elder, worker)
    if worker.status != WorkerStatus.APPROVED:
        raise Conflict(_("%(name)s还没有审核通过。", name=worker.name), _("请先审核，或选另一位。"))
    if is_minor(worker, clock.today()):
        raise Conflict(_("%(name)s未成年，不能作联系人。", name=worker.name), _("请选一位成年人。"))
    if elder.id in {one.elder_id for one in worker.bars}:
        raise Conflict(_("这两位登记了不安排在一起。"), _("请选另一位。"))
    current = _current(elder)
    if current is not None:
        if current.worker_id == worker.id:
            return current
        current.until = clock.today()
        # One current row per elder: the former goes first.
        db.session.flush()
    contact = ServiceContact(elder_id=elder.id, worker_id=worker.id, since=clock.today())
    db.session.add(contact)
    audit.record(
        actor,
        "elder.service_contact",
        elder,
        _("%(name)s的服务联系人定为%(who)s", name=elder.name, who=worker.name),
    )
    db.session.flush()
    return contact


def unpair(actor: Actor, elder: Elder) -> None:
    """End the pairing. Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    current = _current(elder)
    if current is None:
        return
    current.until = clock.today()
    audit.record(
        actor, "elder.service_contact_ended", elder, _("%(name)s暂时没有服务联系人", name=elder.name)
    )
    db.session.flush()


def _require_serves(actor: Actor, elder: Elder, worker: Worker) -> None:
    """A worker of the street also serves its communities, whose coordinators do not manage the worker."""
    if not elder.area.path.startswith(worker.area.path):
        demand(actor, Permission.WORKER_READ, worker.area.path)


def _current(elder: Elder) -> ServiceContact | None:
    return db.session.scalars(
        select(ServiceContact).where(ServiceContact.elder_id == elder.id, ServiceContact.until.is_(None))
    ).one_or_none()


def add_bar(actor: Actor, elder: Elder, worker: Worker) -> None:
    """Never send this worker to this elder. Who asked for it and why is not kept. Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    _require_serves(actor, elder, worker)
    if elder.id in {one.elder_id for one in worker.bars}:
        return
    current = _current(elder)
    if current is not None and current.worker_id == worker.id:
        unpair(actor, elder)
    db.session.add(Bar(worker_id=worker.id, elder_id=elder.id))
    audit.record(actor, "elder.bar", elder, _("不安排%(who)s探访%(name)s", who=worker.name, name=elder.name))
    db.session.flush()
    db.session.expire(worker, ["bars"])


def remove_bar(actor: Actor, elder: Elder, worker: Worker) -> None:
    """Let this worker be sent to this elder again. Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    row = next((one for one in worker.bars if one.elder_id == elder.id), None)
    if row is None:
        return
    db.session.delete(row)
    audit.record(
        actor,
        "elder.bar_removed",
        elder,
        _("可以再安排%(who)s探访%(name)s", who=worker.name, name=elder.name),
    )
    db.session.flush()
    db.session.expire(worker, ["bars"])
