"""Who is concerned by the steps of a note, the sheets they hold, and what each of them is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.messages.services import notify
from coordinator.planning.models import Plan, PlanRoute, RouteSheet
from coordinator.planning.services.adjust.notes import Note
from coordinator.planning.services.repair import Kind
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import fitness_options


def everyone_of(note: Note) -> dict[int, Worker]:
    """Everybody concerned."""
    ids = {one for step in note.steps for one, _companion in (*step.before, *step.after)}
    ids |= set(note.trouble.absent)
    rows = db.session.scalars(
        select(Worker).where(Worker.id.in_(ids)).options(*fitness_options(), joinedload(Worker.area))
    )
    return {worker.id: worker for worker in rows}


def handed_out(note: Note) -> list[tuple[Plan, list[PlanRoute]]]:
    """Routes of the people concerned that a sheet was handed out for, by plan."""
    ids = {one for step in note.steps for one, _companion in (*step.before, *step.after)}
    rows = db.session.scalars(
        select(PlanRoute)
        .join(RouteSheet, RouteSheet.route_id == PlanRoute.id)
        .where(
            PlanRoute.day == note.trouble.day,
            PlanRoute.worker_id.in_(ids),
            RouteSheet.voided_at.is_(None),
        )
        .options(joinedload(PlanRoute.plan).joinedload(Plan.area))
        .order_by(PlanRoute.plan_id, PlanRoute.letter)
    )
    found: dict[int, tuple[Plan, list[PlanRoute]]] = {}
    for route in rows:
        found.setdefault(route.plan_id, (route.plan, []))[1].append(route)
    return list(found.values())


def tell(note: Note, visits: Mapping[int, Visit], made: Visit | None, everyone: Mapping[int, Worker]) -> int:
    """One message each, with every line that concerns the person."""
    lines: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for step in note.steps:
        visit = made if step.visit_id is None else visits[step.visit_id]
        assert visit is not None, "a step is about a visit"
        where = visit.area.name
        old = i18n.hour(step.start_before)
        new = i18n.hour(step.start_after)
        before, after = {one for one, _c in step.before}, {one for one, _c in step.after}
        for worker_id in before - after:
            text = _("%(time)s %(where)s那一户不用去了", time=old, where=where)
            lines[worker_id].append((step.start_before or 0, text))
        for worker_id in after - before:
            lines[worker_id].append(
                (step.start_after, _("新加 %(time)s %(where)s一户", time=new, where=where))
            )
        for worker_id in after & before:
            if step.start_before != step.start_after:
                text = _("%(where)s那一户从 %(old)s 改到 %(new)s", where=where, old=old, new=new)
            elif step.kind is Kind.ALONE:
                text = _("%(time)s %(where)s那一户同去的人不来了，还在找人", time=old, where=where)
            else:
                text = _("%(time)s %(where)s那一户，同去的人换了", time=old, where=where)
            lines[worker_id].append((step.start_after, text))
    told = 0
    for worker_id, mine in lines.items():
        worker = everyone.get(worker_id)
        if worker is None or worker.user_id is None:
            continue
        told += notify(
            [worker.user_id],
            _("%(day)s的探访有变动", day=i18n.day(note.trouble.day)),
            _(
                "%(lines)s。原因：%(reason)s。请点开看新的时间和路线。",
                lines="；".join(text for _at, text in sorted(mine)),
                reason=note.trouble.reason,
            ),
            "/",
            dedupe_key=f"day-adjust:{note.token}",
            urgent=note.trouble.day == clock.today(),
        )
    return told
