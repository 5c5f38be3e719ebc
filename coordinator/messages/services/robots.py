"""The robots of an area's 企业微信 groups."""

from __future__ import annotations

from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import InvalidInput
from coordinator.messages.channels.wecom import key_of
from coordinator.messages.models import GroupRobot


def add_robot(actor: Actor, area: Area, name: str, address: str, *, evening: bool) -> GroupRobot:
    """Let an area's notices go to a group. `address` is the webhook address as 企业微信 shows it. Flushes."""
    demand(actor, Permission.VISIT_OPEN, area.path)
    key = key_of(address)
    if key is None:
        raise InvalidInput(
            _("这不是群机器人的地址。请在企业微信的群设置里把机器人的地址整条复制过来。"), field="address"
        )
    robot = GroupRobot(
        area=area, name=" ".join(name.split()), key=key, evening=evening, added_by_id=actor.user_id
    )
    db.session.add(robot)
    db.session.flush()
    audit.record(actor, "robot.add", robot, _("添加群机器人“%(name)s”", name=robot.name), area_id=area.id)
    return robot


def stop_robot(actor: Actor, robot: GroupRobot) -> None:
    """Say nothing more in the group. Flushes."""
    demand(actor, Permission.VISIT_OPEN, robot.area.path)
    if robot.stopped_at is None:
        robot.stopped_at = clock.now()
        audit.record(
            actor, "robot.stop", robot, _("停用群机器人“%(name)s”", name=robot.name), area_id=robot.area_id
        )
        db.session.flush()
