"""What workers decide for themselves: how and from where they go, how far, how often, what they like, and where
they do not want to go. A coordinator may type it in for them, except the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock, geo
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import InvalidInput, NotAllowed
from coordinator.workforce.access import can_set_hours, is_self
from coordinator.workforce.models import Bar, ServiceContact, TravelMode, Worker
from coordinator.workforce.wishes import cleaned

PLACE_DECIMALS = 3
"""Places that workers put on the map themselves are kept to about 100 m."""
LEAST_RADIUS, MOST_RADIUS = 100, 50_000
MOST_DIALECTS, LONGEST_DIALECT = 8, 30
MOST = {"max_visits_day": 20, "max_visits_week": 100, "max_visits_month": 400, "max_hours_week": 60}


@dataclass(frozen=True, slots=True)
class Travel:
    """How a worker gets about. `end` None: back to where the day began."""

    mode: TravelMode
    start: tuple[float, float]
    end: tuple[float, float] | None
    radius_metres: int
    address: str = ""


def set_travel(actor: Actor, worker: Worker, travel: Travel, bounds: geo.Bounds | None = None) -> None:
    """How, from where, to where and how far the worker goes. Places are rounded. Flushes.

    `bounds` is where such a place may lie. Raises InvalidInput with the field 'start', 'end' or 'radius'.
    """
    _require(actor, worker)
    start = _rounded(travel.start, "start", bounds, (worker.start_latitude, worker.start_longitude))
    there = None if worker.end_latitude is None else (worker.end_latitude, worker.end_longitude)
    end = None if travel.end is None else _rounded(travel.end, "end", bounds, there)
    if not LEAST_RADIUS <= travel.radius_metres <= MOST_RADIUS:
        raise InvalidInput(_("服务距离要在 100 米到 50 公里之间。"), _("请重新选一个。"), field="radius")
    values: dict[str, Any] = {
        "travel_mode": travel.mode,
        "start_address": travel.address.strip()[:200] or None,
        "start_latitude": start[0],
        "start_longitude": start[1],
        "end_latitude": end[0] if end and end != start else None,
        "end_longitude": end[1] if end and end != start else None,
        "service_radius_metres": travel.radius_metres,
    }
    _change(actor, worker, values, "worker.travel", _("%(name)s改了出行和距离", name=worker.name))


def set_wishes(
    actor: Actor,
    worker: Worker,
    *,
    wanted: Sequence[str],
    dialects: Sequence[str],
    limits: Mapping[str, int | None],
) -> None:
    """Which visits the worker likes, the dialects spoken, and how many visits at most. Flushes.

    Raises InvalidInput with the field of the limit, 'wanted' or 'dialects'.
    """
    _require(actor, worker)
    for name, most in MOST.items():
        given = limits.get(name)
        if given is None and name == "max_hours_week":
            continue
        if given is None or not 1 <= given <= most:
            raise InvalidInput(_("要在 1 到 %(most)s 之间。", most=most), field=name)
    for low, high in (("max_visits_day", "max_visits_week"), ("max_visits_week", "max_visits_month")):
        if (limits[low] or 0) > (limits[high] or 0):
            raise InvalidInput(_("不能少于前面一格。"), field=high)
    try:
        wishes = cleaned(wanted)
    except ValueError:
        raise InvalidInput(_("没有这个选项。"), _("请重新选。"), field="wanted") from None
    spoken = list(dict.fromkeys(part for one in dialects if (part := one.strip())))
    if len(spoken) > MOST_DIALECTS:
        raise InvalidInput(_("最多写 %(n)s 种。", n=MOST_DIALECTS), field="dialects")
    if any(len(one) > LONGEST_DIALECT for one in spoken):
        raise InvalidInput(_("一种话的名字最多 %(n)s 个字。", n=LONGEST_DIALECT), field="dialects")
    values: dict[str, Any] = {"wanted": wishes, "dialects": spoken} | {
        name: limits.get(name) for name in MOST
    }
    _change(actor, worker, values, "worker.wishes", _("%(name)s改了想做的探访和次数", name=worker.name))


def refuse_home(actor: Actor, worker: Worker, elder: Elder) -> bool:
    """不去这一家: the worker is never sent to this elder again; why is not asked. Flushes.

    Written down with the worker and not in the elder's history: the elder and the family never see it, and the
    coordinators see the bar without who asked for it. True when the worker was the elder's contact person, which
    ends with it. Asking twice changes nothing. Raises NotAllowed for anybody but the worker.
    """
    if not is_self(actor, worker):
        raise NotAllowed(_("只有本人可以这样选。"))
    if elder.id not in {one.elder_id for one in worker.bars}:
        db.session.add(Bar(worker_id=worker.id, elder_id=elder.id))
        audit.record(
            actor,
            "worker.refuse_home",
            worker,
            _("%(name)s选了不去某一家", name=worker.name),
            changes={"elder_id": [None, elder.id]},
        )
    contacts = db.session.scalars(
        select(ServiceContact).where(
            ServiceContact.elder_id == elder.id,
            ServiceContact.worker_id == worker.id,
            ServiceContact.until.is_(None),
        )
    ).all()
    for contact in contacts:
        contact.until = clock.today()
        audit.record(
            actor,
            "elder.service_contact_ended",
            worker,
            _("%(name)s不再是一位长者的联系人", name=worker.name),
        )
    db.session.flush()
    db.session.expire(worker, ["bars"])
    return bool(contacts)


def _require(actor: Actor, worker: Worker) -> None:
    if not can_set_hours(actor, worker):
        raise NotAllowed(_("您不能改别人的设置。"))


def _rounded(
    place: tuple[float, float],
    field: str,
    bounds: geo.Bounds | None,
    held: tuple[float | None, float | None] | None,
) -> tuple[float, float]:
    """The place to about 100 m; what is on file stays as it is."""
    if held == place:
        return place
    wrong = geo.plausible(*place, bounds)
    if wrong is geo.PlaceCode.OUTSIDE_AREA:
        raise InvalidInput(
            _("这个地方离您服务的街道太远了。"), _("请在地图上重新点，或选一片。"), code=wrong, field=field
        )
    if wrong is not None:
        raise InvalidInput(str(geo.PLACE_MESSAGES[wrong]), code=wrong, field=field)
    return round(place[0], PLACE_DECIMALS), round(place[1], PLACE_DECIMALS)


def _change(actor: Actor, worker: Worker, values: Mapping[str, Any], action: str, summary: str) -> None:
    changes: dict[str, Any] = {}
    for name, value in values.items():
        old = getattr(worker, name)
        if old != value:
            changes[name] = [one.value if isinstance(one, TravelMode) else one for one in (old, value)]
            setattr(worker, name, value)
    if changes:
        audit.record(actor, action, worker, summary, changes=changes)
    db.session.flush()
