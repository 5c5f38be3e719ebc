"""Who was not reached: messages that were given up, or of which nobody knows whether they arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import joinedload

from coordinator.accounts.models import RoleGrant, User
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import NotFound
from coordinator.messages.models import Channel, Delivery, GroupRobot, Message, Parcel, ParcelState, Problem
from coordinator.workforce.models import Worker

NOT_ARRIVED = (ParcelState.FAILED, ParcelState.UNCLEAR)
MOST = 100
KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Unreached:
    """One parcel that did not arrive, or perhaps not. `worker_id` leads to the telephone number."""

    parcel_id: int
    name: str
    worker_id: int | None
    channel: Channel
    problem: Problem
    titles: list[str]
    made_at: datetime
    can_send: bool


def _scope(actor: Actor) -> ColumnElement[bool]:
    """Parcels of workers and of users in the actor's areas, and of the areas' groups."""
    permission = Permission.CLAIM_DECIDE
    workers = select(Worker.user_id).where(in_areas(actor, permission, Worker.area_id))
    users = select(RoleGrant.user_id).where(
        RoleGrant.revoked_at.is_(None), in_areas(actor, permission, RoleGrant.area_id)
    )
    robots = select(GroupRobot.id).where(in_areas(actor, permission, GroupRobot.area_id))
    return or_(Parcel.user_id.in_(workers), Parcel.user_id.in_(users), Parcel.robot_id.in_(robots))


def unreached(actor: Actor) -> list[Unreached]:
    """The last hundred, newest first; three queries."""
    parcels = db.session.scalars(
        select(Parcel)
        .where(
            Parcel.state.in_(NOT_ARRIVED),
            Parcel.closed_at.is_(None),
            Parcel.created_at > clock.now() - KEPT,
            _scope(actor),
        )
        .options(joinedload(Parcel.user), joinedload(Parcel.robot))
        .order_by(Parcel.id.desc())
        .limit(MOST)
    ).all()
    titles = _titles([one.id for one in parcels])
    workers = {
        user_id: worker_id
        for worker_id, user_id in db.session.execute(
            select(Worker.id, Worker.user_id).where(
                Worker.user_id.in_([one.user_id for one in parcels]),
                in_areas(actor, Permission.WORKER_READ, Worker.area_id),
            )
        )
    }
    return [
        Unreached(
            parcel_id=one.id,
            name=_name(one.user, one.robot),
            worker_id=workers.get(one.user_id) if one.user_id is not None else None,
            channel=one.channel,
            problem=one.problem or Problem.UNCLEAR,
            titles=titles.get(one.id, []),
            made_at=one.created_at,
            can_send=one.content is not None,
        )
        for one in parcels
    ]


def _name(user: User | None, robot: GroupRobot | None) -> str:
    if robot is not None:
        return _("群“%(name)s”", name=robot.name)
    return user.name if user is not None else ""


def _titles(parcel_ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = db.session.execute(
        select(Delivery.parcel_id, Message.title)
        .join(Message, Message.id == Delivery.message_id)
        .where(Delivery.parcel_id.in_(parcel_ids))
        .order_by(Delivery.id)
    )
    for parcel_id, title in rows:
        found.setdefault(parcel_id, []).append(title)
    return found


def load_parcel(actor: Actor, parcel_id: int) -> Parcel:
    """A parcel that concerns the actor's areas; NotFound otherwise."""
    parcel = db.session.scalars(select(Parcel).where(Parcel.id == parcel_id, _scope(actor))).one_or_none()
    if parcel is None:
        raise NotFound(_("没有找到这条消息。"), _("可能不在您的管辖范围内。"))
    return parcel


def robots_of(actor: Actor) -> Sequence[GroupRobot]:
    """The robots of the actor's areas that speak."""
    return db.session.scalars(
        select(GroupRobot)
        .join(Area, Area.id == GroupRobot.area_id)
        .where(GroupRobot.stopped_at.is_(None), in_areas(actor, Permission.VISIT_OPEN, GroupRobot.area_id))
        .options(joinedload(GroupRobot.area))
        .order_by(GroupRobot.id)
    ).all()


def load_robot(actor: Actor, robot_id: int) -> GroupRobot:
    """A robot of the actor's areas; NotFound otherwise."""
    robot = db.session.scalars(
        select(GroupRobot)
        .where(GroupRobot.id == robot_id, in_areas(actor, Permission.VISIT_OPEN, GroupRobot.area_id))
        .options(joinedload(GroupRobot.area))
    ).one_or_none()
    if robot is None:
        raise NotFound(_("没有找到这个群机器人。"), _("可能不在您的管辖范围内。"))
    return robot


def areas_for(actor: Actor, permission: Permission) -> Sequence[Area]:
    """Streets and communities in which the actor holds the permission, from above."""
    return db.session.scalars(
        select(Area).where(in_areas(actor, permission, Area.id)).order_by(Area.path).limit(200)
    ).all()
