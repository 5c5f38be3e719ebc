"""What a day would become, from what has happened."""

from __future__ import annotations

import time

from flask_babel import gettext as _
from sqlalchemy import func, literal, select

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, demand, in_areas
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import InvalidInput, NotFound
from coordinator.planning.queries.real_day import real_day, ways_on
from coordinator.planning.services.repair.finding import mend
from coordinator.planning.services.repair.sorting import (
    call_off,
    fresh_visit,
    is_placed,
    open_again,
    sort_out,
)
from coordinator.planning.services.repair.steps import Proposal, Trouble
from coordinator.planning.services.repair.weighing import count_sheets


def load_change_area(actor: Actor, area_id: int | None, around: str | None = None) -> Area | None:
    """The area whose day the actor may change: the one asked for, else the widest (around the area with the path
    `around`); NotFound outside the scope."""
    statement = (
        select(Area)
        .where(
            Area.level.in_((AreaLevel.STREET, AreaLevel.COMMUNITY)),
            in_areas(actor, Permission.CLAIM_DECIDE, Area.id),
        )
        .order_by(func.length(Area.path), Area.path)
        .limit(1)
    )
    if area_id is not None:
        statement = statement.where(Area.id == area_id)
    elif around is not None:
        statement = statement.where(literal(around).startswith(Area.path))
    area = db.session.scalar(statement)
    if area is None and area_id is not None:
        raise NotFound(_("没有找到这个街道。"), _("可能不在您的管辖范围内。"))
    return area


def propose(actor: Actor, area: Area, trouble: Trouble) -> Proposal:
    """What the day would become. Raises NotFound for people and visits outside the area, Conflict for a visit that
    cannot be changed any more, InvalidInput for a day gone by or an elder without a place on the map."""
    demand(actor, Permission.CLAIM_DECIDE, area.path)
    began = time.monotonic()
    if trouble.day < clock.today():
        raise InvalidInput(_("这一天已经过去了。"), field="day")
    real = real_day(area, trouble.day, people=trouble.absent)
    found = Proposal(trouble, area, real)
    if any(worker_id not in real.workers for worker_id in trouble.absent):
        raise NotFound(_("没有找到这个人。"), _("可能不在您的管辖范围内。"))
    every = {one.id: one for one in (*real.ahead, *real.begun, *real.open, *real.claimed)}
    mine = {key: one for key, one in every.items() if one.area.path.startswith(area.path)}
    call_off(found, mine, trouble.cancelled)
    kept, wanted = sort_out(found, area, set(trouble.cancelled))
    wanted += [open_again(found, mine, one) for one in trouble.wanted if one not in trouble.cancelled]
    if trouble.fresh is not None:
        wanted.append(fresh_visit(actor, area, real, trouble.fresh))
    placed = [one for one in wanted if is_placed(found, one)]
    real.times = ways_on(real, [one.elder for one in placed])
    mend(found, kept, placed)
    count_sheets(found)
    if real.claimed:
        found.notes.append(_("%(n)s 次有人申请、等着审批，没有算在内", n=len(real.claimed)))
    found.steps.sort(key=lambda one: (one.start_after, one.elder.id))
    found.seconds = time.monotonic() - began
    return found
