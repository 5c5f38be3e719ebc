"""Quiet hours and the daily mail, as arithmetic."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.kernel.clock import LOCAL
from coordinator.messages.hours import Wish, due_at, is_quiet, next_at

TIMES = st.times().map(lambda one: one.replace(microsecond=0))


def local(hour: int, minute: int = 0, day: int = 26) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=LOCAL).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (local(7, 29), local(7, 30)),
        (local(7, 30), local(7, 30)),
        (local(12), local(12)),
        (local(20, 59), local(20, 59)),
        (local(21), local(7, 30, day=27)),
        (local(23, 59), local(7, 30, day=27)),
        (local(0), local(7, 30)),
    ],
)
def test_the_usual_night(now: datetime, due: datetime) -> None:
    assert due_at(Wish(), now, urgent=False, gathers=False) == due
    assert due_at(Wish(), now, urgent=True, gathers=False) == now
    assert due.tzinfo is UTC


def test_the_daily_mail_waits_for_its_hour() -> None:
    wish = Wish(digest=True)
    assert due_at(wish, local(9), urgent=False, gathers=True) == local(18, 30)
    assert due_at(wish, local(18, 30), urgent=False, gathers=True) == local(18, 30)
    assert due_at(wish, local(19), urgent=False, gathers=True) == local(18, 30, day=27)
    assert due_at(wish, local(9), urgent=True, gathers=True) == local(9)


def test_equal_times_mean_no_quiet_hours() -> None:
    wish = Wish(quiet_from=time(8), quiet_to=time(8))
    assert due_at(wish, local(3), urgent=False, gathers=False) == local(3)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001  made aware below
    TIMES,
    TIMES,
    TIMES,
    st.booleans(),
)
def test_never_in_quiet_hours_never_early_never_more_than_two_days(
    moment: datetime, quiet_from: time, quiet_to: time, digest_at: time, gathers: bool
) -> None:
    now = moment.replace(tzinfo=UTC)
    wish = Wish(digest=gathers, digest_at=digest_at, quiet_from=quiet_from, quiet_to=quiet_to)
    due = due_at(wish, now, urgent=False, gathers=gathers)
    assert now <= due < now + timedelta(days=2)
    assert not is_quiet(due, quiet_from, quiet_to)


def test_a_day_has_one_such_hour() -> None:
    midnight = datetime.combine(date(2026, 3, 26), time.min, tzinfo=LOCAL)
    found = {next_at(midnight + timedelta(minutes=n), time(7, 30)) for n in range(24 * 60)}
    assert found == {local(7, 30), local(7, 30, day=27)}
