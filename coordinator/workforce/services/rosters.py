"""What the manager of an organisation does with its own people. Nobody is approved by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.accounts.models import Organisation
from coordinator.accounts.queries import holders_in_areas
from coordinator.elders.models import Elder, ElderStatus
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.messages.services import notify
from coordinator.workforce.access import keeps_roster
from coordinator.workforce.models import ServiceContact, Worker, WorkerStatus
from coordinator.workforce.services.duty import retire_worker
from coordinator.workforce.services.records import enter_worker


def _require(actor: Actor, organisation_id: int | None) -> None:
    if organisation_id is None or organisation_id not in actor.organisation_ids(Permission.ROSTER_EDIT):
        raise NotAllowed(_("只能管理本单位的人员。"))


def enter_on_roster(
    actor: Actor, area: Area, values: Mapping[str, Any], organisation: Organisation
) -> Worker:
    """Enter one of the organisation's people, who has applied by that. Flushes. Raises as `create_worker`."""
    _require(actor, organisation.id)
    worker = enter_worker(actor, area, values, organisation)
    audit.record(
        actor,
        "worker.enter_on_roster",
        worker,
        _("%(organisation)s登记人员%(name)s", organisation=organisation.name, name=worker.name),
    )
    db.session.flush()
    return worker


def join_roster(actor: Actor, worker: Worker, organisation: Organisation) -> None:
    """Somebody who has applied by themselves is one of the organisation's people. Flushes.

    Raises Conflict for everybody who was looked at already or belongs to another organisation: that a coordinator
    decides.
    """
    _require(actor, organisation.id)
    if worker.organisation_id is not None or worker.status is not WorkerStatus.APPLIED:
        raise Conflict(_("这一行不能由您单位登记。"), _("请联系社区工作人员核对。"), code="not_yours")
    worker.organisation = organisation
    audit.record(
        actor,
        "worker.join_roster",
        worker,
        _("%(name)s归到%(organisation)s", name=worker.name, organisation=organisation.name),
        changes={"organisation": [None, organisation.name]},
    )
    db.session.flush()


def take_out(actor: Actor, worker: Worker, note: str) -> None:
    """Somebody has left the organisation, and with it the workforce: `note` says so in the history. Visits still
    ahead are opened again by the job that `retire_worker` owes; the coordinators, those of the paired elders too,
    are told at once, and hand over what is left. Record and hours stay. Flushes.

    Raises NotAllowed for other people's people, InvalidInput (field `note`), Conflict for who has left already.
    """
    if not keeps_roster(actor, worker):
        raise NotAllowed(_("只能管理本单位的人员。"))
    note = " ".join(note.split())
    if len(note) < 2:
        raise InvalidInput(_("请写一句为什么，例如“已离职”。"), field="note")
    retire_worker(actor, worker)
    audit.record(
        actor, "worker.take_out", worker, _("单位移出%(name)s：%(note)s", name=worker.name, note=note[:200])
    )
    db.session.flush()
    assert worker.organisation is not None, "a roster is an organisation's"
    title = _("%(organisation)s移出了%(name)s", organisation=worker.organisation.name, name=worker.name)
    said, key = note[:200].rstrip("。"), f"taken-out:{worker.id}:{clock.now():%Y%m%d%H%M%S}"
    keepers = holders_in_areas(Permission.WORKER_EDIT, worker.area.path)
    homes = db.session.scalars(
        select(Area.path)
        .join(Elder, Elder.area_id == Area.id)
        .join(ServiceContact, ServiceContact.elder_id == Elder.id)
        .where(
            ServiceContact.worker_id == worker.id,
            ServiceContact.until.is_(None),
            Elder.status == ElderStatus.ACTIVE,
        )
        .order_by(Area.path)
    ).all()
    body = (
        _("%(note)s。%(n)s 位结对的长者要定新的联系人，没去的探访已放到可认领。", note=said, n=len(homes))
        if homes
        else _("%(note)s。没有结对的长者；没去的探访已放到可认领。", note=said)
    )
    notify(keepers, title, body, f"/workforce/{worker.id}/hand-over", dedupe_key=key)
    if homes:
        # Who looks after the elder need not look after the worker, who may belong to the street.
        others = set(holders_in_areas(Permission.ELDER_EDIT, *homes)) - set(keepers)
        notify(sorted(others), title, body, "/dropouts#h-pairs", dedupe_key=f"{key}:elders")
