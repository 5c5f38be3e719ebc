"""Who waits to be admitted, and what a coordinator should know of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l
from sqlalchemy import ScalarSelect, Select, and_, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.elders.models import Elder, ElderStatus
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.joining.models import Application
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec
from coordinator.workforce.labels import KINDS
from coordinator.workforce.models import Credential, Worker, WorkerStatus

FOUND_AT_MOST = 20
_RETURNED = and_(Application.returned_at.is_not(None), Application.closed_at.is_(None))

ADMISSION = ListingSpec(
    columns=(
        Column("name", _l("人员"), sort=Worker.name),
        Column("kind", _l("类别、单位"), sort=Worker.kind),
        Column("came", _l("怎么来的")),
        Column("applied", _l("报名"), sort=Worker.applied_at, first_direction="desc"),
        Column("missing", _l("还缺")),
    ),
    tie=Worker.id,
    filters=(
        Filter(
            "tab",
            _l("状态"),
            lambda statement, value: statement.where(_tab(value)),
            choices=(("returned", ""), ("declared", "")),
            shown=False,
        ),
        Filter(
            "kind",
            _l("类别"),
            lambda statement, value: statement.where(Worker.kind == value),
            choices=tuple((str(key), text) for key, text in KINDS.items()),
            all_label=_l("各类人员"),
        ),
        Filter(
            "area",
            _l("范围"),
            lambda statement, value: statement.where(Worker.area_id == int(value)),
            all_label=_l("全部范围"),
        ),
    ),
    default_sort="applied",
    search=lambda statement, text: statement.where(Worker.name.icontains(text, autoescape=True)),
)


def _declared() -> Any:
    """Something declared waits for a coordinator, of whoever is on duty."""
    return _waits_for_look() & (Worker.status == WorkerStatus.APPROVED)


def _waits_for_look() -> Any:
    return (
        select(Credential.id)
        .where(
            Credential.worker_id == Worker.id,
            Credential.declared_at.is_not(None),
            ~Credential.stands,
            Credential.refused_at.is_(None),
        )
        .exists()
    )


def _mine(actor: Actor, statement: Select[Any]) -> Select[Any]:
    return (
        statement.join(Area, Worker.area_id == Area.id)
        .outerjoin(Application, Application.worker_id == Worker.id)
        .where(in_areas(actor, Permission.WORKER_EDIT, Worker.area_id))
    )


def _tab(value: str) -> Any:
    applied = Worker.status == WorkerStatus.APPLIED
    if value == "returned":
        return applied & _RETURNED
    if value == "declared":
        return _declared()
    return applied & Application.returned_at.is_(None)


def admission_rows(actor: Actor, listing: Listing) -> Select[Any]:
    """(worker, application or None) of the actor's areas: who waits, unless a tab says otherwise."""
    statement = _mine(actor, select(Worker, Application)).options(
        joinedload(Worker.area),
        joinedload(Worker.organisation),
        selectinload(Worker.credentials),
        selectinload(Worker.guardians),
        joinedload(Application.invitation),
    )
    return statement if "tab" in listing.values else statement.where(_tab(""))


def admission_counts(actor: Actor, listing: Listing) -> dict[str, int]:
    """How many each tab holds under the present filters; one query."""
    names = ("", "returned", "declared")
    columns = [func.count().filter(_tab(name)) for name in names]
    statement = _mine(actor, select(*columns).select_from(Worker))
    counts = db.session.execute(listing.filtered(statement, without=("tab",))).one()
    return dict(zip(("waiting", "returned", "declared"), counts, strict=True))


def to_admit(actor: Actor) -> ScalarSelect[int]:
    """How many wait for the actor: applications, and papers declared by people on duty."""
    return (
        _mine(actor, select(func.count()).select_from(Worker))
        .where(or_(_tab(""), _tab("declared")))
        .scalar_subquery()
    )


class Double(NamedTuple):
    """Somebody else who may be the same person: `by` is 'phone' or 'name'."""

    worker: Worker
    by: str


def doubles_of(workers: Collection[Worker]) -> dict[int, list[Double]]:
    """Others with the same telephone, or the same name and birth date, anywhere. One query.

    An ID number is nobody's twice; that is refused when it is entered.
    """
    phones = {one.phone_hash for one in workers if one.phone_hash is not None}
    names = {(one.name, one.birth_date) for one in workers}
    found: dict[int, list[Double]] = defaultdict(list)
    if not workers:
        return found
    same_name = or_(
        *(and_(Worker.name == name, Worker.birth_date == born) for name, born in sorted(names, key=str))
    )
    others = db.session.scalars(
        select(Worker)
        .where(or_(Worker.phone_hash.in_(phones), same_name))
        .options(joinedload(Worker.area), joinedload(Worker.organisation))
        .order_by(Worker.id)
    ).all()
    for worker in workers:
        for other in others:
            if other.id == worker.id:
                continue
            if worker.phone_hash is not None and other.phone_hash == worker.phone_hash:
                found[worker.id].append(Double(other, "phone"))
            elif (other.name, other.birth_date) == (worker.name, worker.birth_date):
                found[worker.id].append(Double(other, "name"))
    return found


def elders_to_tie(actor: Actor, text: str) -> Sequence[Elder]:
    """Active elders of the actor's own areas whose name holds `text`; at most twenty."""
    text = text.strip()
    if not text:
        return []
    return db.session.scalars(
        select(Elder)
        .where(
            in_areas(actor, Permission.ELDER_EDIT, Elder.area_id),
            Elder.status == ElderStatus.ACTIVE,
            Elder.name.icontains(text, autoescape=True),
        )
        .options(joinedload(Elder.household), joinedload(Elder.area), *without_secrets())
        .order_by(Elder.name, Elder.id)
        .limit(FOUND_AT_MOST)
    ).all()


def elder_in_own_area(actor: Actor, elder_id: int) -> Elder | None:
    """An elder of the actor's own areas, or None."""
    return db.session.scalars(
        select(Elder)
        .where(Elder.id == elder_id, in_areas(actor, Permission.ELDER_EDIT, Elder.area_id))
        .options(joinedload(Elder.area), joinedload(Elder.household), *without_secrets())
    ).one_or_none()
