"""Whether anything a proposal was made from has changed since it was shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.errors import Conflict
from coordinator.planning.queries.real_day import second_of
from coordinator.planning.services.adjust.notes import STALE, Note
from coordinator.planning.services.repair import team_before
from coordinator.visits.lifecycle import AssignmentState, ContactMode, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import fitness_options


def locked(ids: Sequence[int]) -> dict[int, Visit]:
    """The visits of a note, held until the end of the transaction."""
    rows = db.session.scalars(
        select(Visit)
        .where(Visit.id.in_(ids))
        .options(
            joinedload(Visit.elder).options(
                *without_secrets(), joinedload(Elder.household), selectinload(Elder.consents)
            ),
            joinedload(Visit.area),
            selectinload(Visit.assignments).joinedload(Assignment.worker).options(*fitness_options()),
        )
        .order_by(Visit.id)
        .with_for_update(of=Visit)
        .execution_options(populate_existing=True)
    )
    return {visit.id: visit for visit in rows}


def is_done(note: Note) -> bool:
    """Whether this very note has been taken."""
    taken = db.session.scalar(
        select(func.count())
        .select_from(audit.AuditEntry)
        .where(
            audit.AuditEntry.action == "day.adjust",
            audit.AuditEntry.area_id == note.trouble.area_id,
            audit.AuditEntry.at >= note.made_at,
            audit.AuditEntry.changes["note"][1].astext == note.token,
        )
    )
    return bool(taken)


def demand_unchanged(note: Note, visits: Mapping[int, Visit]) -> None:
    for one in note.steps:
        if one.visit_id is None:
            continue
        visit = visits.get(one.visit_id)
        if (
            visit is None
            or visit.state is not one.state
            or second_of(visit.starts_at) != one.start_before
            or team_before(visit) != one.before
        ):
            name = visit.elder.name if visit is not None else _("某人")
            raise Conflict(_("%(name)s这次刚被别人改过。", name=name), code=STALE)
    # Nobody may be given another visit from here on (a new assignment holds the worker's row).
    ids = sorted(note.held)
    names = dict(
        db.session.execute(
            select(Worker.id, Worker.name).where(Worker.id.in_(ids)).order_by(Worker.id).with_for_update()
        ).all()
    )
    held = _hold(ids, note.trouble.day, note.made_at)
    for worker_id in ids:
        if tuple(held[worker_id]) != tuple(sorted(note.held[worker_id])):
            raise Conflict(_("%(name)s的安排刚被别人改过。", name=names.get(worker_id, "")), code=STALE)


def _hold(ids: Sequence[int], day: date, after: datetime) -> dict[int, list[tuple[int, int]]]:
    """What these people are to do on the day after a moment."""
    rows = db.session.execute(
        select(Assignment.worker_id, Visit.id, Visit.starts_at)
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(
            Assignment.worker_id.in_(ids),
            Assignment.state == AssignmentState.APPROVED,
            Visit.state.in_((VisitState.OPEN, VisitState.ASSIGNED)),
            Visit.mode == ContactMode.HOME,
            Visit.starts_at > max(after, clock.at_local(day, 0)),
            Visit.starts_at < clock.at_local(day + timedelta(days=1), 0),
        )
    )
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for worker_id, visit_id, starts_at in rows:
        found[worker_id].append((visit_id, second_of(starts_at)))
    return defaultdict(list, {worker_id: sorted(held) for worker_id, held in found.items()})
