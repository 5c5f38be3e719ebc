"""What becomes of the visits and claims of somebody who is stopped, has left, or whose guardian has withdrawn."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import SYSTEM
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.claims import coordinators_of
from coordinator.marketplace.services.giving import end_claim, visits_approved
from coordinator.marketplace.services.line import move_up
from coordinator.messages.services import notify
from coordinator.visits import services as visits
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.fitness import UnfitCode, duty_gate
from coordinator.workforce.models import Worker, WorkerStatus
from coordinator.workforce.queries import worker_for_duty


def free_visits(worker_id: int) -> int:
    """Take somebody who may no longer go off every visit that has not begun, and tell the coordinators whose visits
    need people again, and who was to go along. Returns how many visits. Flushes; doing it twice changes nothing.
    """
    worker = worker_for_duty(worker_id)
    if worker is None:
        return 0
    stopped = worker.status is not WorkerStatus.APPROVED
    if not stopped and not _consent_withdrawn(worker, clock.today()):
        return 0
    why = _("这位人员已经停用") if stopped else _("监护人撤回了同意")
    freed: set[int] = set()
    for claim in db.session.scalars(
        select(Claim)
        .where(
            or_(Claim.worker_id == worker_id, Claim.companion_id == worker_id),
            Claim.state.in_((ClaimState.PENDING, ClaimState.QUEUED)),
        )
        .order_by(Claim.id)
        .with_for_update()
    ).all():
        freed.add(claim.visit_id)
        end_claim(claim, ClaimState.WITHDRAWN, why)
    held = db.session.scalars(
        select(Visit)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .where(
            Assignment.worker_id == worker_id,
            Assignment.state == AssignmentState.APPROVED,
            Visit.state.in_((VisitState.OPEN, VisitState.ASSIGNED)),
            Visit.starts_at > clock.now(),
        )
        .options(
            joinedload(Visit.area),
            joinedload(Visit.elder),
            selectinload(Visit.assignments).joinedload(Assignment.worker),
        )
        .order_by(Visit.starts_at, Visit.id)
    ).all()
    by_area: dict[str, list[Visit]] = defaultdict(list)
    for visit in held:
        before = {one.worker_id: one.worker for one in visits_approved(visit)}
        visits.release(SYSTEM, visit, worker, why)
        stay = {one.worker_id for one in visits_approved(visit)}
        alone = [one.user_id for key, one in before.items() if key not in stay | {worker_id} and one.user_id]
        notify(
            alone,
            _("一次探访取消了您的安排"),
            _("一起去的人不能去了，%(when)s的探访您不用去了。", when=i18n.moment(visit.starts_at)),
            "/today",
            dedupe_key=f"visit-freed-companion:{visit.id}:{worker_id}",
        )
        # An adult who stays on it still goes; the minor was only beside them.
        if visit.state is not VisitState.ASSIGNED:
            by_area[visit.area.path].append(visit)
        freed.add(visit.id)
    for path, found in by_area.items():
        notify(
            coordinators_of(path),
            _("有 %(n)s 次探访要重新找人", n=len(found)),
            _(
                "%(name)s：%(why)s。原来交给他的探访回到待安排，最近的一次是%(when)s。",
                name=worker.name,
                why=why,
                when=i18n.moment(found[0].starts_at),
            ),
            "/visits?state=open",
            dedupe_key=f"visits-freed:{worker_id}:{found[0].id}:{len(found)}",
        )
    db.session.flush()
    for visit_id in sorted(freed):
        move_up(visit_id)
    return len(held)


def _consent_withdrawn(worker: Worker, day: date) -> bool:
    """A guardian has taken the consent back, and none was given since."""
    return any(one.code is UnfitCode.GUARDIAN_WITHDRAWN for one in duty_gate(worker, day))
