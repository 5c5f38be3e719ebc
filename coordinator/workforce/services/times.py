"""When a worker comes. The worker decides; a coordinator may type it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from itertools import pairwise

from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import InvalidInput, NotAllowed, NotFound
from coordinator.kernel.i18n import WEEKDAYS, period
from coordinator.workforce.access import can_set_hours
from coordinator.workforce.fitness import is_day_off, spans_on
from coordinator.workforce.models import Availability, AvailabilityException, Worker

EARLIEST, LATEST = time(6, 0), time(21, 0)
LONGEST_LEAVE = timedelta(days=366)
LONGEST_FURTHER = timedelta(days=31)
MOST_SPANS = 2
"""Spans of hours on one weekday: the morning and the late afternoon."""

Spans = Sequence[tuple[time, time]]


def _require(actor: Actor, worker: Worker) -> None:
    if not can_set_hours(actor, worker):
        raise NotAllowed(_("您不能改别人的时间。"))


def set_availability(actor: Actor, worker: Worker, week: Mapping[int, Spans]) -> None:
    """The weekly hours: weekday (0 Monday) to its spans, none for a day off; days not named stay. Flushes.

    Spans that touch are one. Raises InvalidInput with the field "day_<n>".
    """
    _require(actor, worker)
    changes: dict[str, list[str | None]] = {}
    for weekday, given in week.items():
        rows = [one for one in worker.availability if one.weekday == weekday]
        held = sorted((row.starts, row.ends) for row in rows)
        spans = _checked(weekday, given)
        if spans == held:
            continue
        changes[WEEKDAYS[weekday]] = [_words(held), _words(spans)]
        for row in rows:
            if (row.starts, row.ends) not in spans:
                db.session.delete(row)
        # Deletions first: the unique index would see the old row beside a new one of the same beginning.
        db.session.flush()
        db.session.add_all(
            Availability(worker_id=worker.id, weekday=weekday, starts=starts, ends=ends)
            for starts, ends in spans
            if (starts, ends) not in held
        )
    if changes:
        audit.record(
            actor,
            "worker.availability",
            worker,
            _("%(name)s可以来的时间改了", name=worker.name),
            changes=changes,
        )
    db.session.flush()
    db.session.expire(worker, ["availability"])


def _checked(weekday: int, given: Spans) -> list[tuple[time, time]]:
    """The spans of a weekday in order, touching ones joined."""
    day, field = WEEKDAYS[weekday], f"day_{weekday}"
    spans: list[tuple[time, time]] = []
    for starts, ends in sorted(given):
        if starts >= ends:
            raise InvalidInput(_("%(day)s的结束要晚于开始。", day=day), field=field)
        if starts < EARLIEST or ends > LATEST:
            raise InvalidInput(_("%(day)s要在 6:00–21:00 之间。", day=day), field=field)
        if spans and starts == spans[-1][1]:
            spans[-1] = spans[-1][0], ends
        else:
            spans.append((starts, ends))
    if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        raise InvalidInput(
            _("%(day)s的两段时间重在一起了。", day=day), _("请写成一段，或者把两段分开。"), field=field
        )
    if len(spans) > MOST_SPANS:
        raise InvalidInput(_("%(day)s最多写两段时间。", day=day), field=field)
    return spans


def _words(spans: Spans) -> str | None:
    """8:00–11:00、16:00–18:30, None for a day off; for the history."""
    return "、".join(f"{starts:%H:%M}–{ends:%H:%M}" for starts, ends in spans) or None


def add_days_off(
    actor: Actor, worker: Worker, first_day: date, last_day: date, note: str = ""
) -> AvailabilityException:
    """Days on which the worker does not come, both included. Flushes."""
    _require(actor, worker)
    if last_day < first_day:
        raise InvalidInput(_("最后一天不能早于第一天。"), field="last_day")
    if last_day < clock.today():
        raise InvalidInput(_("这几天已经过去了。"), field="last_day")
    if last_day - first_day > LONGEST_LEAVE:
        raise InvalidInput(_("一次最多登记一年。"), _("长期不来的，请告诉街道停用。"), field="last_day")
    if any(
        one.is_leave and one.first_day <= first_day and last_day <= one.last_day for one in worker.exceptions
    ):
        raise InvalidInput(_("这几天已经登记过不来了。"), field="first_day")
    _take_back_hours(worker, first_day, last_day)
    leave = AvailabilityException(
        worker_id=worker.id, first_day=first_day, last_day=last_day, note=note.strip()[:120] or None
    )
    db.session.add(leave)
    db.session.flush()
    db.session.expire(worker, ["exceptions"])
    audit.record(
        actor,
        "worker.days_off",
        worker,
        _("%(name)s %(days)s不能来", name=worker.name, days=period(first_day, last_day)),
    )
    db.session.flush()
    return leave


def _take_back_hours(worker: Worker, first_day: date, last_day: date) -> None:
    """Hours offered for these days end with the leave, which came later; those of other days stay."""
    for one in list(worker.exceptions):
        if one.is_leave or one.last_day < first_day or last_day < one.first_day:
            continue
        rest = [
            (one.first_day, first_day - timedelta(days=1)),
            (last_day + timedelta(days=1), one.last_day),
        ]
        db.session.delete(one)
        for begins, ends in rest:
            if begins <= ends:
                db.session.add(
                    AvailabilityException(
                        worker_id=worker.id,
                        first_day=begins,
                        last_day=ends,
                        starts=one.starts,
                        ends=one.ends,
                        note=one.note,
                    )
                )


def add_further_hours(
    actor: Actor, worker: Worker, first_day: date, last_day: date, hours: tuple[time, time], note: str = ""
) -> AvailabilityException:
    """Hours beside the weekly ones on some days, both included. Flushes.

    Raises InvalidInput with the field: days past, too many or in the wrong order, hours nobody may have, or hours
    at which the worker comes anyway.
    """
    _require(actor, worker)
    starts, ends = hours
    if last_day < first_day:
        raise InvalidInput(_("最后一天不能早于第一天。"), field="last_day")
    if last_day < clock.today():
        raise InvalidInput(_("这几天已经过去了。"), field="last_day")
    if last_day - first_day >= LONGEST_FURTHER:
        raise InvalidInput(
            _("一次最多登记 %(n)s 天。", n=LONGEST_FURTHER.days),
            _("长期能来的，请改每周的时间。"),
            field="last_day",
        )
    if starts >= ends:
        raise InvalidInput(_("结束要晚于开始。"), field="ends")
    if starts < EARLIEST or ends > LATEST:
        raise InvalidInput(_("时间要在 6:00–21:00 之间。"), field="starts")
    days = [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
    if all(
        not is_day_off(worker.exceptions, day)
        and any(a <= starts and ends <= b for a, b in spans_on(worker.availability, worker.exceptions, day))
        for day in days
    ):
        raise InvalidInput(_("这些时间您本来就能来。"), _("不用另外登记。"), field="first_day")
    further = AvailabilityException(
        worker_id=worker.id,
        first_day=first_day,
        last_day=last_day,
        starts=starts,
        ends=ends,
        note=note.strip()[:120] or None,
    )
    db.session.add(further)
    db.session.flush()
    db.session.expire(worker, ["exceptions"])
    audit.record(
        actor,
        "worker.further_hours",
        worker,
        _(
            "%(name)s %(days)s多来 %(hours)s",
            name=worker.name,
            days=period(first_day, last_day),
            hours=f"{starts:%H:%M}–{ends:%H:%M}",
        ),
    )
    db.session.flush()
    return further


def remove_days_off(actor: Actor, worker: Worker, leave_id: int) -> None:
    """Take days off back. Flushes. Raises NotFound."""
    _require(actor, worker)
    leave = next((one for one in worker.exceptions if one.id == leave_id), None)
    if leave is None:
        raise NotFound(_("没有找到这条请假。"))
    days = period(leave.first_day, leave.last_day)
    db.session.delete(leave)
    db.session.flush()
    db.session.expire(worker, ["exceptions"])
    audit.record(
        actor,
        "worker.days_off_removed",
        worker,
        _("%(name)s %(days)s又可以来了", name=worker.name, days=days)
        if leave.is_leave
        else _("%(name)s %(days)s不多来了", name=worker.name, days=days),
    )
    db.session.flush()
