"""The only source of "now". Stored times are UTC; calendar dates are those of Asia/Shanghai."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Asia/Shanghai")

_frozen: datetime | None = None


def now() -> datetime:
    """Current moment, timezone-aware, in UTC."""
    if _frozen is not None:
        return _frozen
    return datetime.now(UTC)


def machine_now() -> datetime:
    """The machine's own time, for timeouts and retries, which a stopped clock must not stop."""
    return datetime.now(UTC)


def local_now() -> datetime:
    """Current moment in Asia/Shanghai."""
    return now().astimezone(LOCAL)


def today() -> date:
    """Today's date in Asia/Shanghai."""
    return local_now().date()


def to_local(moment: datetime) -> datetime:
    """A stored moment as Asia/Shanghai wall time."""
    return moment.astimezone(LOCAL)


def at_local(day: date, seconds: int) -> datetime:
    """The UTC moment that lies `seconds` after local midnight of `day`.

    Asia/Shanghai has had no daylight saving since 1991, so seconds from midnight are wall time.
    """
    midnight = datetime.combine(day, time.min, tzinfo=LOCAL)
    return (midnight + timedelta(seconds=seconds)).astimezone(UTC)


def freeze(moment: datetime | None) -> None:
    """Stop the clock at `moment` (tests and TANFANG_NOW), or release it with None."""
    global _frozen
    _frozen = None if moment is None else moment.astimezone(UTC)


def frozen() -> datetime | None:
    """The moment at which the clock stands still, or None while it runs."""
    return _frozen
