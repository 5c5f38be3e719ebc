"""Single workers and sets of them, with the relations that judging their fitness needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.accounts.models import Organisation
from coordinator.elders.lookup import id_hash
from coordinator.elders.models import Elder, ElderStatus
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import NotFound
from coordinator.workforce.models import Bar, ContactPart, ServiceContact, Worker, WorkerStatus


def fitness_options() -> tuple[Any, ...]:
    """Loader options for all that `fitness.unfit` reads of a worker."""
    return (
        selectinload(Worker.skills),
        selectinload(Worker.credentials),
        selectinload(Worker.guardians),
        selectinload(Worker.availability),
        selectinload(Worker.exceptions),
        selectinload(Worker.bars),
        joinedload(Worker.organisation),
    )


def workers_for_planning(area_path: str) -> Sequence[Worker]:
    """Approved workers who serve the area: registered in it, below it, or in an area that contains it.

    Loaded for `fitness.unfit`; eight queries.
    """
    return db.session.scalars(_serving(area_path).options(*fitness_options(), joinedload(Worker.area))).all()


def workers_for_pairing(area_path: str) -> Sequence[Worker]:
    """The same workers with what `fitness.pairing` reads: skills and bars; three queries."""
    return db.session.scalars(
        _serving(area_path).options(selectinload(Worker.skills), selectinload(Worker.bars))
    ).all()


def _serving(area_path: str) -> Select[tuple[Worker]]:
    above = [int(part) for part in area_path.split(".") if part]
    serving = select(Area.id).where(or_(Area.path.startswith(area_path), Area.id.in_(above)))
    return (
        select(Worker)
        .where(Worker.area_id.in_(serving), Worker.status == WorkerStatus.APPROVED)
        .order_by(Worker.id)
    )


def worker_for_duty(worker_id: int) -> Worker | None:
    """One worker loaded for `fitness.unfit`, fresh from the database (a claim must not see an old state)."""
    return db.session.scalars(
        select(Worker)
        .where(Worker.id == worker_id)
        .options(*fitness_options(), joinedload(Worker.area))
        .execution_options(populate_existing=True)
    ).one_or_none()


def workers_for_duty(worker_ids: Iterable[int]) -> dict[int, Worker]:
    """Several workers loaded for `fitness.unfit`, by id."""
    found = db.session.scalars(
        select(Worker).where(Worker.id.in_(list(worker_ids))).options(*fitness_options())
    )
    return {worker.id: worker for worker in found}


def service_contacts_of(elder_ids: Iterable[int]) -> dict[int, int]:
    """Elder id → id of the worker who is its current 探访关爱服务联系人; elders without one are left out."""
    rows = db.session.execute(
        select(ServiceContact.elder_id, ServiceContact.worker_id).where(
            ServiceContact.elder_id.in_(list(elder_ids)),
            ServiceContact.until.is_(None),
            ServiceContact.part == ContactPart.MAIN,
        )
    )
    return {row.elder_id: row.worker_id for row in rows}


def partners_of(elder_ids: Iterable[int]) -> dict[int, list[int]]:
    """Elder id → ids of all workers paired with the elder: the main contact first, then helpers by seniority."""
    rows = db.session.execute(
        select(ServiceContact.elder_id, ServiceContact.worker_id)
        .where(ServiceContact.elder_id.in_(list(elder_ids)), ServiceContact.until.is_(None))
        .order_by(
            ServiceContact.elder_id,
            ServiceContact.part != ContactPart.MAIN,
            ServiceContact.since,
            ServiceContact.id,
        )
    )
    found: dict[int, list[int]] = {}
    for elder_id, worker_id in rows:
        found.setdefault(elder_id, []).append(worker_id)
    return found


def _one_worker() -> tuple[Any, ...]:
    """All that `fitness_options` loads, with the short rows of a single worker joined: fewer queries."""
    return (
        joinedload(Worker.area),
        joinedload(Worker.organisation),
        joinedload(Worker.skills),
        joinedload(Worker.guardians),
        selectinload(Worker.credentials),
        selectinload(Worker.availability),
        selectinload(Worker.exceptions),
        selectinload(Worker.bars),
    )


def worker_in_scope(
    actor: Actor, worker_id: int, permission: Permission = Permission.WORKER_READ, *, fresh: bool = False
) -> Worker:
    """A worker of the actor's areas, loaded for `fitness.unfit`. Raises NotFound outside them."""
    worker = (
        db.session.scalars(
            select(Worker)
            .where(Worker.id == worker_id, in_areas(actor, permission, Worker.area_id))
            .options(*_one_worker(), joinedload(Worker.user))
            .execution_options(populate_existing=fresh)
        )
        .unique()
        .one_or_none()
    )
    if worker is None:
        raise NotFound(_("没有找到这位人员。"), _("可能不在您的管辖范围内。"))
    return worker


def worker_of_organisation(actor: Actor, worker_id: int) -> Worker:
    """One of the people of an organisation the actor manages. Raises NotFound for everybody else."""
    worker = db.session.scalars(
        select(Worker)
        .where(
            Worker.id == worker_id, Worker.organisation_id.in_(actor.organisation_ids(Permission.ROSTER_EDIT))
        )
        .options(joinedload(Worker.area), joinedload(Worker.organisation))
    ).one_or_none()
    if worker is None:
        raise NotFound(_("没有找到这位人员。"), _("可能已经不在本单位。"))
    return worker


def own_worker(actor: Actor, *, fresh: bool = False) -> Worker:
    """The actor's own record. Raises NotFound for an account that is no worker's."""
    worker = (
        db.session.scalars(
            select(Worker)
            .where(Worker.id == actor.worker_id)
            .options(*_one_worker())
            .execution_options(populate_existing=fresh)
        )
        .unique()
        .one_or_none()
        if actor.worker_id is not None
        else None
    )
    if worker is None:
        raise NotFound(_("您的账号还没有连到人员档案。"), _("请联系社区工作人员。"))
    return worker


def pairs_of(worker_id: int) -> Sequence[Elder]:
    """Active elders this worker is paired with, in whichever part, with home and community."""
    return db.session.scalars(
        select(Elder)
        .join(ServiceContact, ServiceContact.elder_id == Elder.id)
        .where(
            ServiceContact.worker_id == worker_id,
            ServiceContact.until.is_(None),
            Elder.status == ElderStatus.ACTIVE,
        )
        .options(joinedload(Elder.household), joinedload(Elder.area), *without_secrets())
        .order_by(Elder.name, Elder.id)
    ).all()


def bars_of(*, worker_id: int | None = None, elder_id: int | None = None) -> Sequence[Bar]:
    """Bars of a worker or of an elder, with the other side loaded."""
    statement = select(Bar).options(joinedload(Bar.worker), joinedload(Bar.elder).joinedload(Elder.area))
    if worker_id is not None:
        statement = statement.where(Bar.worker_id == worker_id)
    if elder_id is not None:
        statement = statement.where(Bar.elder_id == elder_id)
    return db.session.scalars(statement.order_by(Bar.created_at)).all()


def service_contact_of(elder_id: int) -> ServiceContact | None:
    """The elder's current service contact, with the worker."""
    return db.session.scalars(
        select(ServiceContact)
        .where(
            ServiceContact.elder_id == elder_id,
            ServiceContact.until.is_(None),
            ServiceContact.part == ContactPart.MAIN,
        )
        .options(joinedload(ServiceContact.worker))
    ).one_or_none()


def pairs_with(
    *, elder_id: int | None = None, worker_id: int | None = None, ended: bool = False
) -> Sequence[ServiceContact]:
    """The pairs of an elder or of a worker with both sides loaded, the main ones first; with `ended` the former
    ones too, newest first. One query."""
    statement = select(ServiceContact).options(
        joinedload(ServiceContact.worker).joinedload(Worker.organisation),
        joinedload(ServiceContact.elder).options(
            *without_secrets(), joinedload(Elder.area), joinedload(Elder.household)
        ),
    )
    if elder_id is not None:
        statement = statement.where(ServiceContact.elder_id == elder_id)
    if worker_id is not None:
        statement = statement.where(ServiceContact.worker_id == worker_id)
    if not ended:
        statement = statement.where(ServiceContact.until.is_(None))
    return db.session.scalars(
        statement.order_by(
            ServiceContact.until.is_not(None),
            ServiceContact.until.desc(),
            ServiceContact.part != ContactPart.MAIN,
            ServiceContact.since,
            ServiceContact.id,
        )
    ).all()


def organisations_for(actor: Actor, permission: Permission) -> Sequence[Organisation]:
    """Active organisations in the actor's areas and in the areas above them (a school acts for the county)."""
    above = {int(part) for path in actor.area_paths(permission) for part in path.split(".") if part}
    return db.session.scalars(
        select(Organisation)
        .where(
            or_(in_areas(actor, permission, Organisation.area_id), Organisation.area_id.in_(above)),
            Organisation.is_active,
        )
        .order_by(Organisation.name, Organisation.id)
    ).all()


def worker_with_id(number: str) -> Worker | None:
    """The worker with this ID number (normal form), fresh from the database."""
    return db.session.scalars(
        select(Worker)
        .where(Worker.id_number_hash == id_hash(number))
        .options(joinedload(Worker.user), joinedload(Worker.area))
        .execution_options(populate_existing=True)
    ).one_or_none()
