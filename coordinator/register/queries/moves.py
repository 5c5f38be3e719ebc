"""Reads of moves, and of the areas one may move to."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select
from sqlalchemy.orm import aliased, joinedload
from sqlalchemy.sql.base import ExecutableOption

from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission, covers, in_areas
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import NotFound
from coordinator.register.models import AreaMove, MoveState

P = Permission
RECENT = 30


def _mine(actor: Actor) -> ColumnElement[bool]:
    return or_(
        in_areas(actor, P.ELDER_EDIT, AreaMove.to_area_id),
        in_areas(actor, P.ELDER_EDIT, AreaMove.from_area_id),
    )


def _loaded() -> tuple[ExecutableOption, ...]:
    return (
        joinedload(AreaMove.elder).options(*without_secrets()),
        joinedload(AreaMove.from_area),
        joinedload(AreaMove.to_area),
        joinedload(AreaMove.requested_by),
        joinedload(AreaMove.decided_by),
    )


def move_in_scope(actor: Actor, move_id: int) -> AreaMove:
    """A move from or to one's areas. Raises NotFound."""
    move = db.session.scalar(select(AreaMove).where(AreaMove.id == move_id, _mine(actor)).options(*_loaded()))
    if move is None:
        raise NotFound(_("没有找到这份转出。"), _("可能不在您的管辖范围内。"))
    return move


def moves_of(actor: Actor) -> Sequence[AreaMove]:
    """The moves from and to one's areas: those that wait first, the next deadline before all. One query."""
    return db.session.scalars(
        select(AreaMove)
        .where(_mine(actor))
        .options(*_loaded())
        .order_by(
            AreaMove.state != MoveState.REQUESTED,
            AreaMove.decided_at.desc(),
            AreaMove.due_on,
            AreaMove.id,
        )
        .limit(RECENT)
    ).all()


def is_receiver(actor: Actor, move: AreaMove) -> bool:
    return covers(actor, P.ELDER_EDIT, move.to_area.path)


def is_sender(actor: Actor, move: AreaMove) -> bool:
    return covers(actor, P.ELDER_EDIT, move.from_area.path)


def waiting_move(elder: Elder) -> AreaMove | None:
    """The request of an elder that waits."""
    return db.session.scalar(
        select(AreaMove)
        .where(AreaMove.elder_id == elder.id, AreaMove.state == MoveState.REQUESTED)
        .options(joinedload(AreaMove.to_area))
    )


def moves_to_receive(actor: Actor) -> ScalarSelect[int]:
    """How many moves wait for the actor's answer, for the menu's one query."""
    return _waiting(in_areas(actor, P.ELDER_EDIT, AreaMove.to_area_id))


def moves_sent(actor: Actor) -> ScalarSelect[int]:
    """How many moves of the actor's elders nobody has answered, for the menu's one query."""
    return _waiting(in_areas(actor, P.ELDER_EDIT, AreaMove.from_area_id))


def _waiting(mine: ColumnElement[bool]) -> ScalarSelect[int]:
    return (
        select(func.count())
        .select_from(AreaMove)
        .where(AreaMove.state == MoveState.REQUESTED, mine)
        .scalar_subquery()
    )


def targets(elder: Elder) -> list[tuple[str, str]]:
    """The communities of the same city an elder may move to, as (id, street and community). One query.

    Names of areas are public; who lives there is not.
    """
    city = aliased(Area)
    street, county = aliased(Area), aliased(Area)
    rows = db.session.execute(
        select(Area.id, Area.parent_id, county.name, street.name, Area.name)
        .join(street, Area.parent_id == street.id)
        .join(county, street.parent_id == county.id)
        .join(city, county.parent_id == city.id)
        .where(
            city.id.in_(elder.area.ancestor_ids), Area.level == AreaLevel.COMMUNITY, Area.id != elder.area_id
        )
        .order_by(Area.parent_id != elder.area.parent_id, county.name, street.name, Area.name)
    )
    return [
        (str(key), name if parent == elder.area.parent_id else f"{county_name} {street_name} {name}")
        for key, parent, county_name, street_name, name in rows
    ]
