"""Who belongs together and who does not: 结对 (the main 探访关爱服务联系人, and helpers: 多帮一), and
pairs that are never made.
"""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.models import Bar, ContactPart, ServiceContact, Worker, WorkerStatus

MOST_HELPERS = 6
"""Helpers of one elder at a time: our own figure, so that the elder still knows who belongs to the house."""


def pair(actor: Actor, elder: Elder, worker: Worker) -> ServiceContact:
    """Make the worker the elder's main 探访关爱服务联系人; the former one is kept with the day it ended. A helper
    who becomes the main contact is no helper any more. Flushes.
    """
    _check(actor, elder, worker)
    current = _current(elder)
    if current is not None:
        if current.worker_id == worker.id:
            return current
        current.until = clock.today()
    helping = _pair_of(elder, worker)
    if helping is not None:
        helping.until = clock.today()
    # One current row per elder, and one per elder and worker: the former go first.
    db.session.flush()
    contact = _add(elder, worker, ContactPart.MAIN)
    audit.record(
        actor,
        "elder.service_contact",
        elder,
        _("%(name)s的服务联系人定为%(who)s", name=elder.name, who=worker.name),
        changes={"worker_id": [current.worker_id if current else None, worker.id]},
    )
    db.session.flush()
    return contact


def add_helper(actor: Actor, elder: Elder, worker: Worker) -> ServiceContact:
    """Pair one more worker with the elder (多帮一), beside the main contact or before there is one. Who is paired
    already, in whichever part, stays so. Raises Conflict as `pair` does, and where there are helpers enough.
    Flushes.
    """
    _check(actor, elder, worker)
    db.session.execute(select(Elder.id).where(Elder.id == elder.id).with_for_update(key_share=True))
    known = _pair_of(elder, worker)
    if known is not None:
        return known
    held = db.session.scalar(
        select(func.count())
        .select_from(ServiceContact)
        .where(
            ServiceContact.elder_id == elder.id,
            ServiceContact.until.is_(None),
            ServiceContact.part == ContactPart.HELPER,
        )
    )
    if held is not None and held >= MOST_HELPERS:
        raise Conflict(
            _("%(name)s已经有 %(n)s 位帮手。", name=elder.name, n=held),
            _("请先结束其中一位的结对。"),
            code="helpers_enough",
        )
    contact = _add(elder, worker, ContactPart.HELPER)
    audit.record(
        actor,
        "elder.helper",
        elder,
        _("%(who)s和%(name)s结对，作帮手", name=elder.name, who=worker.name),
        changes={"worker_id": [None, worker.id]},
    )
    db.session.flush()
    return contact


def end_pair(actor: Actor, elder: Elder, worker: Worker) -> None:
    """End the pair of these two, whichever part it is; twice changes nothing. Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    found = _pair_of(elder, worker)
    if found is None:
        return
    found.until = clock.today()
    _tell_ended(actor, elder, found)
    db.session.flush()


def unpair(actor: Actor, elder: Elder) -> None:
    """End all pairs of an elder: the main contact's and the helpers'. Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    for one in db.session.scalars(
        select(ServiceContact)
        .where(ServiceContact.elder_id == elder.id, ServiceContact.until.is_(None))
        .options(joinedload(ServiceContact.worker))
        .order_by(ServiceContact.part.desc(), ServiceContact.id)
    ).all():
        one.until = clock.today()
        _tell_ended(actor, elder, one)
    db.session.flush()


def _tell_ended(actor: Actor, elder: Elder, pair: ServiceContact) -> None:
    main = pair.part is ContactPart.MAIN
    audit.record(
        actor,
        "elder.service_contact_ended" if main else "elder.helper_ended",
        elder,
        _("%(name)s暂时没有服务联系人", name=elder.name)
        if main
        else _("%(who)s不再作%(name)s的帮手", name=elder.name, who=pair.worker.name),
        changes={"worker_id": [pair.worker_id, None]},
    )


def _check(actor: Actor, elder: Elder, worker: Worker) -> None:
    """May these two be paired at all?"""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    _require_serves(actor, elder, worker)
    if worker.status != WorkerStatus.APPROVED:
        raise Conflict(_("%(name)s还没有审核通过。", name=worker.name), _("请先审核，或选另一位。"))
    if is_minor(worker, clock.today()):
        raise Conflict(_("%(name)s未成年，不能作联系人。", name=worker.name), _("请选一位成年人。"))
    if elder.id in {one.elder_id for one in worker.bars}:
        raise Conflict(_("这两位登记了不安排在一起。"), _("请选另一位。"))


def _add(elder: Elder, worker: Worker, part: ContactPart) -> ServiceContact:
    contact = ServiceContact(elder_id=elder.id, worker_id=worker.id, part=part, since=clock.today())
    db.session.add(contact)
    return contact


def _require_serves(actor: Actor, elder: Elder, worker: Worker) -> None:
    """A worker of the street also serves its communities, whose coordinators do not manage the worker."""
    if not elder.area.path.startswith(worker.area.path):
        demand(actor, Permission.WORKER_READ, worker.area.path)


def _current(elder: Elder) -> ServiceContact | None:
    return db.session.scalars(
        select(ServiceContact).where(
            ServiceContact.elder_id == elder.id,
            ServiceContact.until.is_(None),
            ServiceContact.part == ContactPart.MAIN,
        )
    ).one_or_none()


def _pair_of(elder: Elder, worker: Worker) -> ServiceContact | None:
    return db.session.scalars(
        select(ServiceContact)
        .where(
            ServiceContact.elder_id == elder.id,
            ServiceContact.worker_id == worker.id,
            ServiceContact.until.is_(None),
        )
        .options(joinedload(ServiceContact.worker))
    ).one_or_none()


def add_bar(actor: Actor, elder: Elder, worker: Worker) -> None:
    """Never send this worker to this elder. Who asked for it and why is not kept. Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    _require_serves(actor, elder, worker)
    if elder.id in {one.elder_id for one in worker.bars}:
        return
    end_pair(actor, elder, worker)
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
