"""Sorting the day out: what stands, what is called off, and what somebody must be found for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.planning.queries.real_day import RealDay, second_of, team_of
from coordinator.planning.services.repair.steps import Fresh, Kind, Proposal, Step, team_before
from coordinator.planning.translate.keys import visit_key
from coordinator.planning.translate.mending import Wanted, leaves, place_of_elder, staying, window_of
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Visit
from coordinator.workforce import fitness

LEAD_SECONDS = 600
"""Nobody is expected anywhere sooner than this after being told."""


def call_off(found: Proposal, mine: Mapping[int, Visit], ids: Iterable[int]) -> None:
    for visit_id in ids:
        visit = mine.get(visit_id)
        if visit is None:
            raise NotFound(_("没有找到这次探访。"), _("可能已经取消，或者不归您管。"))
        if visit.state is VisitState.IN_PROGRESS:
            raise Conflict(_("%(name)s这次正在进行，不能取消。", name=visit.elder.name), code="under_way")
        start = second_of(visit.starts_at)
        found.steps.append(
            Step(Kind.CANCEL, visit.elder, visit, length_of(visit), team_before(visit), start, (), start)
        )


def sort_out(found: Proposal, area: Area, cancelled: set[int]) -> tuple[list[Visit], list[Wanted]]:
    """Visits that stand with whoever stays, and those somebody must be found for."""
    real, absent = found.real, found.trouble.absent
    kept, wanted = [], []
    for visit in (*real.ahead, *real.begun):
        if visit.id in cancelled:
            continue
        gone = [one for one in team_of(visit) if leaves(absent, one.worker_id, visit)]
        ahead = visit in real.ahead
        if not gone:
            kept += [visit] if ahead else []
        elif visit.state is VisitState.IN_PROGRESS:
            found.notes.append(_("%(name)s这次正在进行，没有动", name=visit.elder.name))
        elif not visit.area.path.startswith(area.path):
            found.notes.append(
                _("%(name)s（%(area)s）不归您管，请告诉街道", name=visit.elder.name, area=visit.area.name)
            )
            kept += [visit] if ahead and _leads(real, visit, absent) else []
        else:
            leads = _leads(real, visit, absent)
            if len(leads) >= visit.people:
                kept += [visit] if ahead else []
                _lose_company(found, visit, {one.worker_id for one in gone})
            else:
                beside = tuple(leads) if ahead else ()
                wanted.append(_again(real, visit, beside))
    return kept, wanted


def _leads(real: RealDay, visit: Visit, absent: Mapping[int, int | None]) -> list[int]:
    """The adults who stay on a visit and do not only come along."""
    return [
        one.worker_id
        for one in staying(visit, absent)
        if not one.is_companion and not fitness.is_minor(real.workers[one.worker_id], real.day)
    ]


def _lose_company(found: Proposal, visit: Visit, gone: set[int]) -> None:
    start, before = second_of(visit.starts_at), team_before(visit)
    after = tuple(one for one in before if one[0] not in gone)
    found.steps.append(Step(Kind.PEOPLE, visit.elder, visit, length_of(visit), before, start, after, start))


def _again(real: RealDay, visit: Visit, beside: tuple[int, ...]) -> Wanted:
    seconds, start = length_of(visit), second_of(visit.starts_at)
    low, high = window_of(visit.elder, seconds)
    return Wanted(
        visit_key(visit.id),
        visit.elder,
        visit,
        seconds,
        (max(min(low, start), _soonest(real)), max(high, start)),
        visit.people,
        tuple(visit.needs_skills),
        visit.is_statutory,
        start,
        beside=beside,
    )


def open_again(found: Proposal, mine: Mapping[int, Visit], visit_id: int) -> Wanted:
    visit = mine.get(visit_id)
    if visit is None:
        raise NotFound(_("没有找到这次探访。"), _("可能已经取消，或者不归您管。"))
    if visit.state is not VisitState.OPEN:
        raise Conflict(
            _("%(name)s这次已经不是“待派人”了。", name=visit.elder.name),
            _("请回到这一天看最新的情况。"),
            code="changed_meanwhile",
        )
    return _again(found.real, visit, tuple(one.worker_id for one in team_of(visit)))


def fresh_visit(actor: Actor, area: Area, real: RealDay, fresh: Fresh) -> Wanted:
    demand(actor, Permission.VISIT_OPEN, area.path)
    elder = db.session.scalar(
        select(Elder)
        .join(Area, Area.id == Elder.area_id)
        .where(Elder.id == fresh.elder_id, Area.path.startswith(area.path))
        .options(*without_secrets(), joinedload(Elder.household), joinedload(Elder.area))
    )
    if elder is None:
        raise NotFound(_("没有找到这位长者。"), _("可能已经移走，或者不在您的管辖范围内。"))
    low, high = fresh.window
    if high < _soonest(real):
        raise InvalidInput(_("这个时间已经过了。"), field="latest")
    return Wanted(
        "new",
        elder,
        None,
        fresh.minutes * 60,
        (max(low, _soonest(real)), high),
        fresh.people,
        tuple(elder.needs_skills),
        False,
        urgent=True,
    )


def _soonest(real: RealDay) -> int:
    return 0 if real.now is None else real.now + LEAD_SECONDS


def length_of(visit: Visit) -> int:
    return round((visit.ends_at - visit.starts_at).total_seconds())


def is_placed(found: Proposal, one: Wanted) -> bool:
    """Put aside what cannot be planned at all: no place on the map, or no hour left."""
    low, high = one.window
    if place_of_elder(one.elder) is None:
        leave(found, one, _("住址还没有标在地图上"))
    elif low > high:
        leave(found, one, _("长者方便的时间今天已经过了"))
    else:
        return True
    return False


def leave(found: Proposal, one: Wanted, why: str) -> None:
    before = team_before(one.visit) if one.visit is not None else ()
    start = one.start if one.start is not None else one.window[0]
    after = tuple(row for row in before if row[0] in one.beside)
    found.steps.append(
        Step(Kind.ALONE, one.elder, one.visit, one.seconds, before, one.start, after, start, why)
    )
