"""Who goes: giving a visit to workers, taking them off, writing down who did not come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from coordinator.extensions import db
from coordinator.kernel import audit, clock, queue
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.visits.access import can_release
from coordinator.visits.labels import STATES
from coordinator.visits.lifecycle import AssignmentState, ContactMode, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.queries.events import epidemic_on
from coordinator.visits.services.common import (
    LONGEST_REASON,
    approved,
    end_assignment,
    move_visit,
    reason_text,
    when,
)
from coordinator.workforce.fitness import Unfit, is_minor, unfit
from coordinator.workforce.models import Worker


def assign(
    actor: Actor,
    visit: Visit,
    workers: Sequence[tuple[Worker, bool]],
    *,
    override_reason: str = "",
) -> list[Assignment]:
    """Give an open, claimed or already assigned visit to workers, each with whether they only come along.

    All that fitness calls hard is refused, whoever asks; what may be overridden is written to the audit line
    with `override_reason`. Workers must be loaded for `fitness.unfit`. Raises Conflict with a text that names
    the person and the reason: unfit, a minor without an adult, too few or too many people, another visit at
    the same time.
    """
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    if not workers:
        raise InvalidInput(_("请选至少一位去探访的人。"), field="workers")
    refuse_in_epidemic(visit.mode, visit.area.path, clock.to_local(visit.starts_at).date())
    soft = check_team(visit, workers)
    if visit.state is not VisitState.ASSIGNED:
        move_visit(visit, VisitState.ASSIGNED)
    made = _write_assignments(actor, visit, workers)
    names = "、".join(worker.name for worker, _companion in workers)
    changes: dict[str, Any] = {"workers": [None, [worker.id for worker, _companion in workers]]}
    if soft:
        changes["overridden"] = [None, sorted({finding.code.value for finding in soft})]
        changes["reason"] = [None, override_reason[:LONGEST_REASON]]
    audit.record(
        actor,
        "visit.assign",
        visit,
        _(
            "把%(elder)s %(when)s的探访派给%(names)s",
            elder=visit.elder.name,
            when=when(visit),
            names=names,
        ),
        changes=changes,
    )
    db.session.flush()
    return made


def refuse_in_epidemic(mode: ContactMode, area_path: str, day: date) -> None:
    """Raise Conflict for a visit at home on a day on which an epidemic forbids it, even if opened before."""
    name = epidemic_on(area_path, day) if mode is ContactMode.HOME else None
    if name is not None:
        raise Conflict(
            _("%(name)s期间不安排上门探访。", name=name), _("可以改成电话或视频联系。"), code="epidemic"
        )


def check_team(visit: Visit, workers: Sequence[tuple[Worker, bool]]) -> list[Unfit]:
    """Refuse a team that may not make the visit (Conflict); return what a coordinator may override."""
    day = clock.to_local(visit.starts_at).date()
    team = [(one.worker, one.is_companion) for one in approved(visit)]
    present = {worker.id for worker, _companion in team}
    chosen = [worker.id for worker, _companion in workers]
    doubled = [
        worker for worker, _companion in workers if worker.id in present or chosen.count(worker.id) > 1
    ]
    if doubled:
        raise Conflict(_("%(name)s已经在这次探访里了。", name=doubled[0].name), code="already_assigned")
    team += workers
    leading = [worker for worker, is_companion in team if not is_companion]
    for worker, is_companion in team:
        if visit.mode is ContactMode.HOME and is_minor(worker, day):
            alone = not any(not is_minor(other, day) for other in leading)
            if alone or not is_companion:
                raise Conflict(
                    _("%(name)s未成年，不能单独上门。", name=worker.name),
                    _("请由一位成年人负责这次探访，他作陪同。"),
                    code="minor_alone",
                )
    if len(leading) != visit.people:
        raise Conflict(
            _("这次探访要 %(wanted)s 个人去，现在选了 %(n)s 个人。", wanted=visit.people, n=len(leading)),
            _("陪同的未成年人不算在内。"),
            code="wrong_number",
        )
    everyone = [worker for worker, _companion in team]
    soft = []
    for worker, is_companion in workers:
        for finding in findings(
            visit, worker, [other for other in everyone if other is not worker], is_companion
        ):
            if finding.hard:
                raise Conflict(finding.message, finding.remedy, code=finding.code.value)
            soft.append(finding)
    return soft


def findings(
    visit: Visit, worker: Worker, others: Sequence[Worker] = (), is_companion: bool = False
) -> list[Unfit]:
    """What stands against this worker on this visit. A companion need not bring the skills."""
    return unfit(
        worker,
        visit.elder,
        visit.starts_at,
        visit.ends_at,
        mode=visit.mode.value,
        companions=others,
        as_companion=is_companion,
        needs_skills=visit.needs_skills,
    )


def _write_assignments(
    actor: Actor, visit: Visit, workers: Sequence[tuple[Worker, bool]]
) -> list[Assignment]:
    during = Range(visit.starts_at, visit.ends_at, bounds="[)")
    made = []
    for worker, is_companion in workers:
        assignment = Assignment(
            visit_id=visit.id,
            worker_id=worker.id,
            is_companion=is_companion,
            during=during,
            approved_by_id=actor.user_id,
            approved_at=clock.now(),
            state=AssignmentState.APPROVED,
        )
        try:
            with db.session.begin_nested():
                db.session.add(assignment)
                db.session.flush()
        except IntegrityError as problem:
            constraint = getattr(getattr(problem.orig, "diag", None), "constraint_name", None)
            if constraint == "one_place_at_a_time":
                raise _clash(worker, visit) from problem
            if constraint == "uq_assignments_live":
                raise Conflict(
                    _("%(name)s已经在这次探访里了。", name=worker.name), code="already_assigned"
                ) from problem
            raise
        set_committed_value(assignment, "worker", worker)
        set_committed_value(assignment, "visit", visit)
        made.append(assignment)
    set_committed_value(visit, "assignments", [*visit.assignments, *made])
    return made


def _clash(worker: Worker, visit: Visit) -> Conflict:
    """The refusal that names the other visit."""
    other = db.session.scalars(
        select(Visit)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .where(
            Assignment.worker_id == worker.id,
            Assignment.state == AssignmentState.APPROVED,
            Assignment.during.overlaps(Range(visit.starts_at, visit.ends_at, bounds="[)")),
        )
        .options(joinedload(Visit.elder))
        .order_by(Visit.starts_at)
        .limit(1)
    ).one_or_none()
    if other is None:
        return Conflict(
            _("%(name)s这段时间已经有别的探访。", name=worker.name), _("请换个时间，或换一位。"), code="clash"
        )
    return Conflict(
        _(
            "%(name)s %(when)s要去探访%(elder)s，和这次时间重叠。",
            name=worker.name,
            when=when(other),
            elder=other.elder.name,
        ),
        _("请换个时间，或换一位。"),
        code="clash",
    )


def release(actor: Actor, visit: Visit, worker: Worker, reason: str) -> None:
    """Take a worker off a visit that has not begun. The visit is open again while people are missing, and a
    minor whose adult has gone is taken off too. Raises NotAllowed, or Conflict when the worker is not on it.
    """
    if not can_release(actor, visit, worker):
        raise NotAllowed(_("您没有这项权限。"), _("如果工作需要，请联系街道管理员开通。"))
    text = reason_text(reason)
    mine = next((one for one in approved(visit) if one.worker_id == worker.id), None)
    if mine is None:
        raise Conflict(_("%(name)s不在这次探访里。", name=worker.name), code="not_assigned")
    # Open with somebody on it: the other of two people has left.
    if visit.state not in (VisitState.ASSIGNED, VisitState.OPEN):
        raise Conflict(
            _("这次探访现在是“%(now)s”，不能再换人。", now=STATES[visit.state]), code="illegal_move"
        )
    end_assignment(mine, AssignmentState.WITHDRAWN, text)
    day = clock.to_local(visit.starts_at).date()
    left = approved(visit)
    if not any(not one.is_companion and not is_minor(one.worker, day) for one in left):
        for one in left:
            end_assignment(one, AssignmentState.CANCELLED, _("同去的成年人退出了"))
    missing = sum(not one.is_companion for one in approved(visit)) < visit.people
    if missing and visit.state is VisitState.ASSIGNED:
        move_visit(visit, VisitState.OPEN)
    audit.record(
        actor,
        "visit.release",
        visit,
        _(
            "%(name)s退出%(elder)s %(when)s的探访：%(reason)s",
            name=worker.name,
            elder=visit.elder.name,
            when=when(visit),
            reason=text,
        ),
        changes={"workers": [[worker.id], None]},
    )
    db.session.flush()
    if visit.state is VisitState.OPEN:
        _owe_move_up(visit, mine)


def _owe_move_up(visit: Visit, left: Assignment) -> None:
    """Whoever waits in line for the visit is next. Lines belong to a later feature: its table and job are named."""
    claims = db.metadata.tables["claims"]
    waits = select(claims.c.id).where(claims.c.visit_id == visit.id, claims.c.state == "queued").limit(1)
    if db.session.scalar(waits) is not None:
        queue.owe("coordinator.marketplace.jobs.move_up_in", key=str(left.id), payload={"visit_id": visit.id})


def mark_no_show(actor: Actor, visit: Visit, worker: Worker, reason: str = "") -> None:
    """Write down that one of the people did not come, although the visit goes on. A coordinator says so."""
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    mine = next((one for one in approved(visit) if one.worker_id == worker.id), None)
    if mine is None:
        raise Conflict(_("%(name)s不在这次探访里。", name=worker.name), code="not_assigned")
    if clock.now() < visit.starts_at:
        raise Conflict(_("还没有到探访的时间，不能记“没有来”。"), code="too_early")
    rest = [one for one in approved(visit) if one is not mine]
    day = clock.to_local(visit.starts_at).date()
    if not any(not is_minor(one.worker, day) for one in rest):
        raise Conflict(
            _("除了%(name)s没有别的成年人，这次探访不能照常进行。", name=worker.name),
            _("请把整次探访记为“没有人去”。"),
            code="nobody_left",
        )
    end_assignment(mine, AssignmentState.NO_SHOW, reason[:LONGEST_REASON] or None)
    audit.record(
        actor,
        "visit.no_show",
        visit,
        _(
            "%(name)s没有来参加%(elder)s %(when)s的探访",
            name=worker.name,
            elder=visit.elder.name,
            when=when(visit),
        ),
    )
    db.session.flush()
