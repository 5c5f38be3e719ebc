"""Handing one parcel to the world: nothing lost, nothing twice.

A parcel moves `waiting` → `sending` → `handed` → `sent`. The step to `handed` is written right before the byte with
which the other side takes it over. So whoever finds a parcel that a dead worker left knows: at `sending` nobody has
it, it is sent again; at `handed` the other side may have it, so it is asked about (text messages) or not sent again
by itself, but shown to a coordinator as perhaps arrived (mail, groups: nobody can be asked).

That a worker is dead is known by its lock, which lives on a database connection and ends with it.
docs/messages.md says what remains open.
"""

from __future__ import annotations

import random
import secrets
import time
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.messages import channels
from coordinator.messages.addresses import phones_of
from coordinator.messages.channels.outcome import Doubtful, Later, Post, Receipt, Refused
from coordinator.messages.channels.wecom import PER_MINUTE
from coordinator.messages.models import (
    Channel,
    Delivery,
    DeliveryState,
    GroupRobot,
    Message,
    Parcel,
    ParcelState,
    Problem,
)
from coordinator.messages.outbox.packing import compose
from coordinator.messages.services.parcels import owe_carrying
from coordinator.messages.truth import still_true

log = structlog.get_logger(__name__)

FIRST_WAIT = 30  # seconds; doubled at each try
LONGEST_WAIT = 1800
GIVE_UP_AFTER = timedelta(hours=24)
MAX_ATTEMPTS = 80  # the same bound where the clock stands still
MINUTE = timedelta(seconds=60)
_LOCK_SPACE = 7_307  # first key of the advisory locks: who carries a parcel
_ROBOT_LOCK_SPACE = 7_308  # and who speaks through a robot
_OPEN = (ParcelState.WAITING, ParcelState.SENDING, ParcelState.HANDED)
_SETTLE_TRIES = 5
_jitter = random.SystemRandom()


def wait_seconds(attempt: int) -> float:
    """How long to wait after the `attempt`-th failure (from 1): doubling, bounded, a fifth more or less."""
    return float(min(FIRST_WAIT * 2 ** min(attempt - 1, 20), LONGEST_WAIT) * _jitter.uniform(0.8, 1.2))


def carry(parcel_id: int) -> None:
    """Try once to hand a parcel over, and owe the next try where one is needed."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as line:
        if not _lock(line, _LOCK_SPACE, parcel_id):
            return  # somebody carries it at this moment, and owes whatever comes next
        try:
            _carry(parcel_id, line)
        finally:
            _unlock(line, _LOCK_SPACE, parcel_id)


def _carry(parcel_id: int, line: Connection) -> None:
    parcel = db.session.get(Parcel, parcel_id, populate_existing=True)
    if parcel is None or parcel.state not in _OPEN:
        db.session.rollback()
        return
    if parcel.state is ParcelState.HANDED and not _not_there(parcel):
        return
    if _too_late(parcel):
        _settle(parcel_id, state=ParcelState.FAILED, problem=Problem.LATE)
        return
    if parcel.channel is Channel.ROBOT and parcel.robot_id is not None:
        if not _lock(line, _ROBOT_LOCK_SPACE, parcel.robot_id):
            _put_off(parcel, 3)
            return
        try:
            wait = _robot_wait(parcel.robot_id)
            if wait > 0:
                _put_off(parcel, wait)
                return
            _send(parcel, line)
        finally:
            _unlock(line, _ROBOT_LOCK_SPACE, parcel.robot_id)
        return
    _send(parcel, line)


def _send(parcel: Parcel, line: Connection) -> None:
    post = _post(parcel)
    if post is None:
        return
    parcel_id, channel, attempts = parcel.id, parcel.channel, parcel.attempts + 1
    parcel.state = ParcelState.SENDING
    parcel.attempts = attempts
    db.session.commit()  # no transaction is open while a server is talked to

    def mark() -> None:
        # Without waiting for the disk: this has to outlive the worker, not a power cut, and in each millisecond
        # between the mark and the byte a dying worker leaves a doubt.
        line.execute(
            text(
                "WITH quick AS (SELECT set_config('synchronous_commit', 'off', true))"
                " UPDATE parcels SET state = 'handed', handed_at = :now FROM quick WHERE id = :id"
            ),
            {"id": parcel_id, "now": clock.machine_now()},
        )

    try:
        receipt = channels.hand_over(channel, post, mark)
    except Refused as problem:
        _settle(parcel_id, state=ParcelState.FAILED, problem=problem.problem, last_error=str(problem)[:500])
        log.warning("parcel refused", parcel_id=parcel_id, channel=channel, error=str(problem))
    except Later as problem:
        _later(parcel_id, attempts, str(problem), problem.after)
    except Doubtful as problem:
        if problem.again:
            _later(parcel_id, attempts, str(problem), 0, in_doubt=True)
        else:
            _unclear(parcel_id, str(problem))
    else:
        _sent(parcel_id, receipt)


def _post(parcel: Parcel) -> Post | None:
    """What to hand over, freed of what is not true any more; None when that ends the parcel (committed)."""
    if parcel.channel is Channel.ROBOT:
        robot = db.session.get_one(GroupRobot, parcel.robot_id)
        if robot.stopped_at is not None:
            _settle(parcel.id, state=ParcelState.DROPPED)
            return None
        return Post(parcel.token, robot.key, parcel.content or {})
    if parcel.user_id is None:
        return Post(parcel.token, parcel.address or "", parcel.content or {}, parcel.handed_at)
    user = db.session.get_one(User, parcel.user_id)
    if not _leave_out_untrue(parcel, user):
        _settle(parcel.id, state=ParcelState.DROPPED)
        return None
    address = user.email if parcel.channel is Channel.EMAIL else phones_of([user.id]).get(user.id)
    if not user.is_active:
        _settle(parcel.id, state=ParcelState.DROPPED)
        return None
    if address is None:
        _settle(parcel.id, state=ParcelState.FAILED, problem=Problem.ADDRESS, last_error="no address")
        return None
    return Post(parcel.token, address, parcel.content or {}, parcel.handed_at)


def _leave_out_untrue(parcel: Parcel, user: User) -> bool:
    """Take out what no longer holds; is anything left? Nobody has the parcel yet, unless it is in doubt: then the
    words stay as they were.
    """
    rows = db.session.execute(
        select(Delivery, Message)
        .join(Message, Message.id == Delivery.message_id)
        .where(Delivery.parcel_id == parcel.id)
        .order_by(Delivery.id)
    ).all()
    if not rows:  # made before messages were packed, or not of messages
        return parcel.content is not None
    kept = [message for _delivery, message in rows if still_true(message.dedupe_key)]
    if kept and len(kept) < len(rows) and not parcel.in_doubt:
        for delivery, message in rows:
            if message not in kept:
                delivery.state, delivery.parcel_id = DeliveryState.DROPPED, None
        parcel.content = compose(user, parcel.channel, kept)
    return bool(kept)


def _not_there(parcel: Parcel) -> bool:
    """A worker died with this parcel handed over. Does the other side surely not have it? Settles it otherwise."""
    address = parcel.address
    if parcel.user_id is not None and parcel.channel is Channel.SMS:
        address = phones_of([parcel.user_id]).get(parcel.user_id)
    post = Post(parcel.token, address or "", parcel.content or {}, parcel.handed_at)
    parcel_id, channel, attempts = parcel.id, parcel.channel, parcel.attempts
    handed_at = parcel.handed_at or clock.machine_now()
    db.session.commit()
    try:
        answer = channels.ask(channel, post)
    except Later as problem:
        _later(parcel_id, attempts, str(problem), problem.after, state=ParcelState.HANDED)
        return False
    if answer is None:
        _unclear(parcel_id, "the worker ended after the hand-over")
        return False
    if isinstance(answer, Receipt):
        _sent(parcel_id, answer)
        return False
    if clock.machine_now() - handed_at < MINUTE:  # it may need a moment until it knows
        _later(parcel_id, attempts, "not known there yet", 60, state=ParcelState.HANDED)
        return False
    db.session.refresh(parcel)
    return True


def _too_late(parcel: Parcel) -> bool:
    return parcel.expires_at is not None and parcel.expires_at <= clock.now()


def _robot_wait(robot_id: int) -> float:
    """Seconds until the robot may speak again: 20 messages in any 60 seconds of the machine's time."""
    now = clock.machine_now()
    last = db.session.scalars(
        select(Parcel.handed_at)
        .where(Parcel.robot_id == robot_id, Parcel.handed_at > now - MINUTE)
        .order_by(Parcel.handed_at.desc())
        .limit(PER_MINUTE)
    ).all()
    if len(last) < PER_MINUTE or last[-1] is None:
        return 0
    return (last[-1] + MINUTE - now).total_seconds() + 1


def _put_off(parcel: Parcel, seconds: float) -> None:
    """Try again without counting this as a try."""
    moment = clock.now() + timedelta(seconds=seconds)
    parcel.next_try_at = moment
    owe_carrying(parcel.id, f"{parcel.id}@{secrets.token_hex(6)}", moment)
    db.session.commit()


def _later(
    parcel_id: int,
    attempts: int,
    error: str,
    after: int,
    *,
    state: ParcelState = ParcelState.WAITING,
    in_doubt: bool = False,
) -> None:
    """Owe the next try, or give up after a day."""
    now = clock.now()
    moment = now + timedelta(seconds=max(wait_seconds(attempts), after))
    made_at, expires_at = db.session.execute(
        select(Parcel.created_at, Parcel.expires_at).where(Parcel.id == parcel_id)
    ).one()
    log.warning("parcel not sent", parcel_id=parcel_id, attempts=attempts, error=error)
    if now - made_at >= GIVE_UP_AFTER or attempts >= MAX_ATTEMPTS:
        _settle(parcel_id, state=ParcelState.FAILED, problem=Problem.AWAY, last_error=error[:500])
        return
    if expires_at is not None and moment >= expires_at:
        # One more try right before it is of no use.
        moment = max(now + timedelta(seconds=FIRST_WAIT), expires_at - timedelta(seconds=FIRST_WAIT))
    values: dict[str, Any] = {"state": state, "next_try_at": moment, "last_error": error[:500]}
    if in_doubt:
        values["in_doubt"] = True
    _settle(parcel_id, next_try=moment, **values)


def _sent(parcel_id: int, receipt: Receipt) -> None:
    """It has arrived: address and content are not needed any more."""
    _settle(
        parcel_id,
        state=ParcelState.SENT,
        sent_at=clock.now(),
        provider_id=receipt.provider_id,
        problem=None,
        last_error=None,
        address=None,
        content=None,
    )


def _unclear(parcel_id: int, error: str) -> None:
    _settle(parcel_id, state=ParcelState.UNCLEAR, problem=Problem.UNCLEAR, last_error=error[:500])
    log.warning("parcel unclear", parcel_id=parcel_id, error=error)


def _settle(parcel_id: int, *, next_try: datetime | None = None, **values: Any) -> None:
    """Write what became of the parcel and commit. What is known by now must not be lost because the database is
    coming back just now, so it is tried a few times.
    """
    for left in range(_SETTLE_TRIES, 0, -1):
        try:
            db.session.execute(
                update(Parcel)
                .where(Parcel.id == parcel_id)
                .values(**values)
                .execution_options(synchronize_session=False)
            )
            if next_try is not None:
                owe_carrying(parcel_id, f"{parcel_id}@{secrets.token_hex(6)}", next_try)
            db.session.commit()
            return
        except (OperationalError, InterfaceError):
            db.take_back()
            if left == 1:
                raise
            time.sleep(2)


def _lock(line: Connection, space: int, key: int) -> bool:
    return bool(line.scalar(text("SELECT pg_try_advisory_lock(:space, :id)"), {"space": space, "id": key}))


def _unlock(line: Connection, space: int, key: int) -> None:
    try:
        line.execute(text("SELECT pg_advisory_unlock(:space, :id)"), {"space": space, "id": key})
    except SQLAlchemyError as problem:
        # PostgreSQL went away meanwhile, and the lock with it.
        log.warning("lock was gone with its connection", parcel_id=key, error=type(problem).__name__)
