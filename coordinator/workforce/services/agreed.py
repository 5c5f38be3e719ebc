"""What a worker has agreed to when asked: further hours on some days, a wider radius, a visit or an hour more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time

from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.workforce.access import can_set_hours
from coordinator.workforce.fitness import is_minor, spans_on
from coordinator.workforce.models import AvailabilityException, Worker, WorkerStatus
from coordinator.workforce.services.times import EARLIEST, LATEST

LIMITS = {
    "max_visits_day": 20,
    "max_visits_week": 100,
    "max_visits_month": 400,
    "max_hours_week": 60,
    "service_radius_metres": 100_000,
}
"""What may be raised by agreement, and how far at most."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """`starts` to `ends` on each of `days`, and limits with their new values; never less than before."""

    days: tuple[date, ...] = ()
    starts: time | None = None
    ends: time | None = None
    limits: Mapping[str, int] = field(default_factory=dict)


def agree(actor: Actor, worker: Worker, agreed: Agreement) -> None:
    """Write down what the worker said yes to, themselves or to a coordinator. What holds already is left. Flushes.

    Raises NotAllowed for anybody else, Conflict for a worker who is not on duty any more, InvalidInput for a minor
    or for hours or limits nobody may have.
    """
    if not can_set_hours(actor, worker):
        raise NotAllowed(_("您不能改别人的时间。"))
    if worker.status is not WorkerStatus.APPROVED:
        raise Conflict(_("%(name)s现在没有参加探访。", name=worker.name), code="not_on_duty")
    if is_minor(worker, clock.today()):
        raise InvalidInput(_("未成年人的时间，请和监护人商量。"))
    changes: dict[str, list[object]] = {}
    for name, value in agreed.limits.items():
        if name not in LIMITS or not 0 < value <= LIMITS[name]:
            raise InvalidInput(_("这项上限不能这样改。"))
        before = getattr(worker, name)
        if before is not None and before < value:
            setattr(worker, name, value)
            changes[name] = [before, value]
    if agreed.starts is not None and agreed.ends is not None:
        if not EARLIEST <= agreed.starts < agreed.ends <= LATEST:
            raise InvalidInput(_("时间要在 6:00–21:00 之间。"))
        added = [day for day in agreed.days if day > clock.today() and not _comes(worker, day, agreed)]
        for day in added:
            db.session.add(
                AvailabilityException(
                    worker_id=worker.id,
                    first_day=day,
                    last_day=day,
                    starts=agreed.starts,
                    ends=agreed.ends,
                    note=_("本人同意多来"),
                )
            )
        if added:
            hours = f"{agreed.starts:%H:%M}–{agreed.ends:%H:%M}"
            changes["hours"] = [None, [f"{day.isoformat()} {hours}" for day in added]]
    if changes:
        audit.record(
            actor, "worker.agreed", worker, _("%(name)s同意多来一些", name=worker.name), changes=changes
        )
    db.session.flush()
    db.session.expire(worker, ["exceptions"])


def _comes(worker: Worker, day: date, agreed: Agreement) -> bool:
    """Whether the worker comes at those hours already."""
    assert agreed.starts is not None, "asked with hours only"
    assert agreed.ends is not None, "asked with hours only"
    on_leave = any(one.is_leave and one.first_day <= day <= one.last_day for one in worker.exceptions)
    spans = spans_on(worker.availability, worker.exceptions, day)
    if on_leave:
        spans = spans_on((), worker.exceptions, day)
    return any(start <= agreed.starts and agreed.ends <= end for start, end in spans)
