"""Route sheets: what is printed, and the number under which it was handed out."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload, selectinload

from coordinator.elders.doors import at_doors
from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import inherited
from coordinator.kernel.errors import Conflict
from coordinator.kernel.identity import Sex
from coordinator.kernel.printing import RouteSheet as Sheet
from coordinator.kernel.printing import RouteStop, TeamDay, print_paper
from coordinator.kernel.printing.papers import MAX_STOPS
from coordinator.messages.channels import absolute_link
from coordinator.planning.labels import letter
from coordinator.planning.models import Plan, PlanRoute, PlanStop, RouteSheet
from coordinator.planning.queries.roads import way_words
from coordinator.visits.lifecycle import LIVE, AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker

MAX_TRIES = 5


@dataclass(frozen=True, slots=True)
class Printed:
    """A file ready to be sent."""

    content: bytes
    name: str
    sheets: int


@dataclass(frozen=True, slots=True)
class _Line:
    """One stop of a sheet before it has a number."""

    elder: Elder
    starts: time
    minutes: int
    label: str
    period: tuple[date, date] | None
    people: tuple[str, ...]
    visit_id: int | None


def print_route(actor: Actor, plan: Plan, route: PlanRoute) -> Printed:
    """The sheet of one worker's day; marked as a preview until every stop of it is approved."""
    demand(actor, Permission.SHEET_PRINT, plan.area.path)
    return _print(actor, plan, [route], route.day)


def print_day(actor: Actor, plan: Plan, day: date) -> Printed:
    """All sheets of a day in one file, behind the list on which they are handed out."""
    demand(actor, Permission.SHEET_PRINT, plan.area.path)
    routes = db.session.scalars(
        select(PlanRoute).where(PlanRoute.plan_id == plan.id, PlanRoute.day == day).order_by(PlanRoute.letter)
    ).all()
    return _print(actor, plan, routes, day)


def reissue(actor: Actor, plan: Plan, routes: Sequence[PlanRoute]) -> list[tuple[str, str | None]]:
    """New numbers for handed-out sheets whose day has changed: (old number, new one or None).

    A route with nobody left to visit gets none; the old sheet is void. A sheet that is still right stays.
    """
    demand(actor, Permission.SHEET_PRINT, plan.area.path)
    found: list[tuple[str, str | None]] = []
    workers = _workers({route.worker_id for route in routes})
    lines = _lines(plan, routes)
    for route in routes:
        current = db.session.scalar(
            select(RouteSheet).where(RouteSheet.route_id == route.id, RouteSheet.voided_at.is_(None))
        )
        if current is None:
            continue
        mine, approved = lines[route.id]
        if mine and approved:
            new = _issue(actor, plan, route, workers[route.worker_id], mine)
            found += [(current.number, new.number)] if new is not current else []
            continue
        current.voided_at = clock.now()
        audit.record(actor, "sheet.void", plan, _("路线单 %(old)s 作废", old=current.number))
        found.append((current.number, None))
    db.session.flush()
    return found


def _print(actor: Actor, plan: Plan, routes: Sequence[PlanRoute], day: date) -> Printed:
    workers = _workers({route.worker_id for route in routes})
    lines = _lines(plan, routes)
    phone = inherited(plan.area, "emergency_phone") or _("（未登记）")
    sheets: list[Sheet] = []
    issued = 0
    for route in routes:
        mine, approved = lines[route.id]
        if not mine:
            continue
        worker = workers[route.worker_id]
        row = _issue(actor, plan, route, worker, mine) if approved else None
        issued += row is not None
        numbered = list(at_doors(mine, lambda line: line.elder.household))
        for part, start in enumerate(range(0, len(mine), MAX_STOPS)):
            chosen = numbered[start : start + MAX_STOPS]
            sheet = _sheet(plan, route, worker, chosen, start, row, phone)
            sheets.append(replace(sheet, number=f"{sheet.number}/{part + 1}") if part else sheet)
    if not sheets:
        raise Conflict(_("%(day)s没有要去的人家，没有路线单。", day=i18n.day(day)), code="nothing_to_print")
    paper = sheets[0] if len(sheets) == 1 else TeamDay(station=plan.area.name, day=day, sheets=tuple(sheets))
    audit.record(
        actor,
        "sheet.print",
        plan,
        _(
            "打印%(day)s的路线单，正式 %(n)s 张，预览 %(p)s 张",
            day=i18n.day(day),
            n=issued,
            p=len(sheets) - issued,
        ),
        changes={"routes": [None, [route.id for route in routes]]},
    )
    db.session.flush()
    who = workers[routes[0].worker_id].name if len(routes) == 1 else plan.area.name
    name = _("路线单 %(day)s %(who)s", day=i18n.day(day), who=who) + ".pdf"
    return Printed(print_paper(paper), name, len(sheets))


def _workers(ids: Collection[int]) -> dict[int, Worker]:
    return {row.id: row for row in db.session.scalars(select(Worker).where(Worker.id.in_(ids)))}


def _lines(plan: Plan, routes: Sequence[PlanRoute]) -> dict[int, tuple[list[_Line], bool]]:
    """The lines of each route, and whether it is approved.

    An approved route prints what the worker now holds on that day, claims and swaps included; a draft prints the
    plan's stops.
    """
    stops: dict[int, list[PlanStop]] = defaultdict(list)
    for stop in db.session.scalars(
        select(PlanStop)
        .where(PlanStop.route_id.in_([route.id for route in routes]))
        .order_by(PlanStop.route_id, PlanStop.position)
    ):
        stops[stop.route_id or 0].append(stop)
    labels = {stop.visit_id: stop.label for rows in stops.values() for stop in rows if stop.visit_id}
    held = _held(routes)
    elders = _elders(
        {stop.elder_id for rows in stops.values() for stop in rows}
        | {visit.elder_id for visits in held.values() for visit in visits}
    )
    beside = _beside(plan, routes)
    found = {}
    for route in routes:
        drafts = [stop for stop in stops[route.id] if stop.visit_id is None]
        if drafts or not held[route.worker_id, route.day]:
            lines = [_draft_line(stop, elders, beside, route) for stop in stops[route.id]]
            found[route.id] = lines, False
        else:
            visits = held[route.worker_id, route.day]
            found[route.id] = [_visit_line(visit, elders, labels, route) for visit in visits], True
    return found


def _held(routes: Sequence[PlanRoute]) -> dict[tuple[int, date], list[Visit]]:
    """The visits these workers are given on the days of these routes, in order of time."""
    if not routes:
        return defaultdict(list)
    days = {route.day for route in routes}
    rows = db.session.execute(
        select(Visit, Assignment.worker_id)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .where(
            Assignment.worker_id.in_({route.worker_id for route in routes}),
            Assignment.state == AssignmentState.APPROVED,
            Visit.state.in_(LIVE),
            Visit.starts_at >= clock.at_local(min(days), 0),
            Visit.starts_at < clock.at_local(max(days) + timedelta(days=1), 0),
        )
        .options(selectinload(Visit.assignments).joinedload(Assignment.worker).load_only(Worker.name))
        .order_by(Visit.starts_at, Visit.id)
    )
    found: dict[tuple[int, date], list[Visit]] = defaultdict(list)
    for visit, worker_id in rows:
        found[worker_id, clock.to_local(visit.starts_at).date()].append(visit)
    return found


def _elders(ids: Collection[int]) -> dict[int, Elder]:
    rows = db.session.scalars(
        select(Elder)
        .where(Elder.id.in_(ids))
        .options(*without_secrets(), joinedload(Elder.household), selectinload(Elder.emergency_contacts))
    )
    return {elder.id: elder for elder in rows}


def _beside(plan: Plan, routes: Sequence[PlanRoute]) -> dict[tuple[str, date], list[tuple[int, str]]]:
    """Visit and day → everybody on it, for visits of several people."""
    rows = db.session.execute(
        select(PlanStop.visit_key, PlanRoute.day, Worker.id, Worker.name)
        .join(PlanRoute, PlanRoute.id == PlanStop.route_id)
        .join(Worker, Worker.id == PlanRoute.worker_id)
        .where(PlanStop.plan_id == plan.id, PlanRoute.day.in_({route.day for route in routes}))
    )
    found: dict[tuple[str, date], list[tuple[int, str]]] = defaultdict(list)
    for key, day, worker_id, name in rows:
        found[key, day].append((worker_id, name))
    return found


def _draft_line(
    stop: PlanStop,
    elders: dict[int, Elder],
    beside: dict[tuple[str, date], list[tuple[int, str]]],
    route: PlanRoute,
) -> _Line:
    start, end = stop.start_seconds or 0, stop.end_seconds or 0
    others = tuple(
        name for worker_id, name in beside[stop.visit_key, route.day] if worker_id != route.worker_id
    )
    return _Line(
        elders[stop.elder_id],
        time(start // 3600 % 24, start % 3600 // 60),
        (end - start) // 60,
        stop.label,
        (stop.period_from, stop.period_to) if stop.label else None,
        others,
        None,
    )


def _visit_line(
    visit: Visit, elders: dict[int, Elder], labels: dict[int | None, str], route: PlanRoute
) -> _Line:
    others = tuple(
        one.worker.name
        for one in visit.assignments
        if one.state is AssignmentState.APPROVED and one.worker_id != route.worker_id
    )
    period = None
    if visit.period_from is not None and visit.period_to is not None:
        period = visit.period_from, visit.period_to
    return _Line(
        elders[visit.elder_id],
        clock.to_local(visit.starts_at).time(),
        round((visit.ends_at - visit.starts_at).total_seconds() / 60),
        labels.get(visit.id, ""),
        period,
        others,
        visit.id,
    )


def _issue(actor: Actor, plan: Plan, route: PlanRoute, worker: Worker, lines: Sequence[_Line]) -> RouteSheet:
    """The current sheet of a route when its content is still the same; else a new number, and the old one void."""
    digest = _digest(route, worker, lines)
    current = db.session.scalar(
        select(RouteSheet)
        .where(RouteSheet.route_id == route.id, RouteSheet.voided_at.is_(None))
        .with_for_update()
    )
    if current is not None and current.content_sha256 == digest:
        return current
    if current is not None:
        current.voided_at = clock.now()
        db.session.flush()
    stem = f"LX-{route.day:%y%m%d}-{letter(route.letter)}-"
    for _try in range(MAX_TRIES):
        count = db.session.scalar(
            select(func.count()).select_from(RouteSheet).where(RouteSheet.number.startswith(stem))
        )
        row = RouteSheet(
            route_id=route.id,
            number=f"{stem}{(count or 0) + 1 + _try:02d}",
            code=secrets.token_urlsafe(12),
            content_sha256=digest,
            issued_at=clock.now(),
            issued_by_id=actor.user_id,
            expires_at=clock.at_local(route.day + timedelta(days=2), 0),
        )
        try:
            with db.session.begin_nested():
                db.session.add(row)
                db.session.flush()
        except IntegrityError:
            continue  # somebody printed the same letter of the same day in this moment
        text = (
            _("路线单 %(old)s 作废，换发 %(new)s", old=current.number, new=row.number)
            if current is not None
            else _("发出路线单 %(new)s", new=row.number)
        )
        audit.record(actor, "sheet.issue", plan, text)
        return row
    raise Conflict(_("路线单正在被别人打印。"), _("请过一会儿再点一次。"), code="printing")


def _digest(route: PlanRoute, worker: Worker, lines: Sequence[_Line]) -> str:
    """Of everything on the sheet but its number."""
    content = [
        [str(route.day), worker.id, worker.name],
        *(
            [
                line.elder.id,
                line.elder.name,
                line.elder.household.address,
                str(line.starts),
                line.minutes,
                line.label,
                line.elder.cautions,
                [[one.relation, one.name, one.phone] for one in line.elder.emergency_contacts[:1]],
                list(line.people),
                line.visit_id,
            ]
            for line in lines
        ),
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def _sheet(
    plan: Plan,
    route: PlanRoute,
    worker: Worker,
    lines: Sequence[tuple[int, _Line]],
    first: int,
    row: RouteSheet | None,
    phone: str,
) -> Sheet:
    start = worker.start_latitude, worker.start_longitude
    end = start
    if worker.end_latitude is not None and worker.end_longitude is not None:
        end = worker.end_latitude, worker.end_longitude
    leave = route.departure_seconds
    companions = sorted({name for _number, line in lines for name in line.people})
    return Sheet(
        number=row.number if row is not None else "",
        plate=letter(route.letter),
        station=plan.area.name,
        day=route.day,
        person=worker.name,
        companions=tuple(companions),
        departure=time(leave // 3600 % 24, leave % 3600 // 60),
        departure_place=worker.start_address or _("出发地"),
        finish=time(route.arrival_seconds // 3600 % 24, route.arrival_seconds % 3600 // 60),
        distance_m=route.travel_metres,
        travel=way_words(plan, worker.travel_mode),
        duty_phone=phone,
        approved=row is not None,
        day_url=absolute_link(f"/planning/sheets/{row.code}") if row is not None else "",
        start=start,
        end=end,
        stops=tuple(
            _stop(line, number, position, row, worker)
            for position, (number, line) in enumerate(lines, start=first + 1)
        ),
    )


def _stop(line: _Line, number: int, position: int, row: RouteSheet | None, worker: Worker) -> RouteStop:
    """One visit as printed: `number` of its stop, `position` on the route, which its code leads to."""
    elder, home = line.elder, line.elder.household
    contact = elder.emergency_contacts[0] if elder.emergency_contacts else None
    cautions = [elder.cautions] if elder.cautions else []
    if line.people:
        cautions.append(_("和%(people)s同去", people="、".join(line.people)))
    obligation = line.label
    if line.period is not None and obligation:
        obligation = f"{obligation}。{i18n.period(*line.period)}"
    return RouteStop(
        number=number,
        arrival=line.starts,
        minutes=line.minutes,
        name=elder.name,
        sex=Sex(elder.sex.value),
        age=i18n.age(elder.birth_date),
        address=home.address,
        lat=home.latitude if home.latitude is not None else worker.start_latitude,
        lon=home.longitude if home.longitude is not None else worker.start_longitude,
        obligation=obligation,
        contact=f"{contact.relation} {contact.name}" if contact else "",
        contact_phone=contact.phone if contact else "",
        cautions=tuple(cautions),
        visit_code=f"T{line.visit_id:06d}" if line.visit_id is not None else "",
        url=absolute_link(f"/planning/sheets/{row.code}/{position}") if row is not None else "",
    )
