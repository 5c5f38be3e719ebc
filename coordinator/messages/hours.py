"""When something may go out: quiet hours and the daily mail. Pure; wall time is that of Asia/Shanghai."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from coordinator.kernel.clock import LOCAL
from coordinator.messages.models import SmsWish


@dataclass(frozen=True)
class Wish:
    """How somebody wants to be told; the defaults are those of `NoticeChoice`. Equal quiet times mean none."""

    email: bool = True
    sms: SmsWish = SmsWish.IMPORTANT
    digest: bool = False
    digest_at: time = time(18, 30)
    quiet_from: time = time(21, 0)
    quiet_to: time = time(7, 30)
    evening_reminder: bool = True
    hour_reminder: bool = True


def next_at(moment: datetime, wall: time) -> datetime:
    """The first moment from `moment` on at which the clock on the wall shows `wall`."""
    local = moment.astimezone(LOCAL)
    found = datetime.combine(local.date(), wall, tzinfo=LOCAL)
    if found < local:
        found += timedelta(days=1)
    return found.astimezone(UTC)


def is_quiet(moment: datetime, quiet_from: time, quiet_to: time) -> bool:
    """Does the moment lie in the quiet hours, which may pass midnight? Their end belongs to the day."""
    wall = moment.astimezone(LOCAL).time()
    if quiet_from <= quiet_to:
        return quiet_from <= wall < quiet_to
    return wall >= quiet_from or wall < quiet_to


def due_at(wish: Wish, moment: datetime, *, urgent: bool, gathers: bool) -> datetime:
    """When a delivery that arises at `moment` may go out. `gathers`: it can wait for the daily mail."""
    if urgent:
        return moment
    if gathers:
        moment = next_at(moment, wish.digest_at)
    return next_at(moment, wish.quiet_to) if is_quiet(moment, wish.quiet_from, wish.quiet_to) else moment
