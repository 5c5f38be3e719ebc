"""Owing something to the world outside, and what to do when it has not arrived."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from coordinator.extensions import db
from coordinator.kernel import audit, clock, queue
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict
from coordinator.messages import channels
from coordinator.messages.channels import wecom
from coordinator.messages.models import Channel, GroupRobot, Parcel, ParcelState

CARRY_JOB = "coordinator.messages.jobs.carry"
# Longer than the longest conversation with a server, so that the queue does not cut it in the middle.
CARRY_SECONDS = 300
NOT_ARRIVED = (ParcelState.FAILED, ParcelState.UNCLEAR)


def owe_parcel(
    channel: Channel,
    *,
    address: str | None,
    content: dict[str, Any],
    dedupe_key: str | None = None,
    user_id: int | None = None,
    robot_id: int | None = None,
    urgent: bool = False,
    expires_at: datetime | None = None,
) -> int | None:
    """Write one parcel and owe its carrying; its id, or None when one with this `dedupe_key` exists. Flushes."""
    values = {
        "channel": channel,
        "user_id": user_id,
        "robot_id": robot_id,
        "token": f"tf{secrets.token_hex(12)}",
        "dedupe_key": dedupe_key,
        "address": address,
        "content": content,
        "state": ParcelState.WAITING,
        "urgent": urgent,
        "attempts": 0,
        "created_at": clock.now(),
        "expires_at": expires_at,
    }
    statement = insert(Parcel).values(**values).on_conflict_do_nothing(index_elements=["dedupe_key"])
    parcel_id: int | None = db.session.scalar(statement.returning(Parcel.id))
    if parcel_id is not None:
        owe_carrying(parcel_id, str(parcel_id))
    return parcel_id


def owe_carrying(parcel_id: int, key: str, moment: datetime | None = None) -> None:
    """Owe one try to hand the parcel over."""
    queue.owe(
        CARRY_JOB,
        key=key,
        payload={"parcel_id": parcel_id},
        run_after=moment,
        timeout_seconds=CARRY_SECONDS,
    )


def send_code(phone: str, code: str, *, dedupe_key: str, minutes: int = 5) -> bool:
    """Send a one-time code to a mobile number by text message, for people who have no account yet.

    False when no gateway is set up or this code was sent before (`dedupe_key`). The number must have its normal
    form (11 digits). After `minutes` it is not sent any more; quiet hours do not hold it.
    """
    if not channels.sms_is_on():
        return False
    parcel = owe_parcel(
        Channel.SMS,
        address=phone,
        content={"kind": "code", "value": code},
        dedupe_key=dedupe_key,
        urgent=True,
        expires_at=clock.now() + timedelta(minutes=minutes),
    )
    return parcel is not None


def send_link(phone: str, path: str, token: str, *, dedupe_key: str, expires_at: datetime) -> bool:
    """Send the link `path` to a mobile number by text message, for people who have no account and get none.

    The provider's template holds the address of the site and takes `token`, the end of the path. False when no
    gateway or no such template is set up, or this was sent before (`dedupe_key`).
    """
    if not channels.sms_sends_links():
        return False
    parcel = owe_parcel(
        Channel.SMS,
        address=phone,
        content={"kind": "link", "value": token, "link": channels.absolute_link(path)},
        dedupe_key=dedupe_key,
        expires_at=expires_at,
    )
    return parcel is not None


def say_in_group(
    robot: GroupRobot, title: str, lines: list[str], link: str, *, dedupe_key: str, hours: int = 12
) -> bool:
    """Owe one notice to a group; `lines` name no elder. False when it was said before. Of no use after `hours`."""
    parcel = owe_parcel(
        Channel.ROBOT,
        address=None,
        content={"text": wecom.markdown(title, lines, channels.absolute_link(link), _("打开探访系统"))},
        robot_id=robot.id,
        dedupe_key=dedupe_key,
        expires_at=clock.now() + timedelta(hours=hours),
    )
    return parcel is not None


def send_again(actor: Actor, parcel: Parcel) -> None:
    """Owe a parcel anew that did not arrive, under the same token. The caller has checked the scope.

    Raises Conflict when it is not one of these any more, or its content is gone.
    """
    if parcel.content is None:
        raise Conflict(_("这条消息的内容已经清理了，不能再发。"), _("请直接打电话。"), code="content_gone")
    changed = db.session.scalar(
        update(Parcel)
        .where(Parcel.id == parcel.id, Parcel.state.in_(NOT_ARRIVED), Parcel.closed_at.is_(None))
        .values(state=ParcelState.WAITING, problem=None, attempts=0, expires_at=None, created_at=clock.now())
        .returning(Parcel.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        raise Conflict(_("这条消息已经处理过了。"), _("请刷新页面看最新的情况。"), code="changed_meanwhile")
    owe_carrying(parcel.id, f"{parcel.id}!{secrets.token_hex(6)}")
    audit.record(actor, "parcel.again", parcel, _("再发一次没有送到的消息"))
    db.session.flush()


def close_parcel(actor: Actor, parcel: Parcel) -> None:
    """Note that somebody has reached the person in another way. The caller has checked the scope."""
    changed = db.session.scalar(
        update(Parcel)
        .where(Parcel.id == parcel.id, Parcel.state.in_(NOT_ARRIVED), Parcel.closed_at.is_(None))
        .values(closed_at=clock.now(), closed_by_id=actor.user_id, content=None, address=None)
        .returning(Parcel.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        raise Conflict(_("这条消息已经处理过了。"), _("请刷新页面看最新的情况。"), code="changed_meanwhile")
    audit.record(actor, "parcel.close", parcel, _("没有送到的消息已经用别的办法通知"))
    db.session.flush()
