"""What an elder's leaving takes back: planned visits, claims on them, stops of drafts, printed sheets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import gettext as _
from sqlalchemy import delete, select, update
from sqlalchemy.orm import joinedload, selectinload

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.services import end_claim
from coordinator.messages.services import notify
from coordinator.planning.models import PlanRoute, PlanStop, RouteSheet
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.services import cancel_visit
from coordinator.workforce.models import Worker

RELEASED = (VisitState.OPEN, VisitState.CLAIMED, VisitState.ASSIGNED)


@dataclass(frozen=True, slots=True)
class Released:
    """How many visits were cancelled, claims ended, draft stops taken off their routes, and people told."""

    visits: int
    claims: int
    stops: int
    told: int


def visits_from(elder_id: int, day: date) -> Sequence[Visit]:
    """The visits of an elder that have not begun, from a day on; in order of time. Two queries."""
    return db.session.scalars(
        select(Visit)
        .where(
            Visit.elder_id == elder_id,
            Visit.state.in_(RELEASED),
            Visit.starts_at >= clock.at_local(day, 0),
        )
        .options(
            joinedload(Visit.area),
            joinedload(Visit.elder),
            selectinload(Visit.assignments).joinedload(Assignment.worker),
        )
        .order_by(Visit.starts_at, Visit.id)
    ).all()


def release(actor: Actor, elder: Elder, day: date, reason: str) -> Released:
    """Cancel what is planned for an elder from `day` on and tell the people, without saying whose visit or why.

    A visit that has begun stays: it will be closed by those who are there. Flushes.
    """
    visits = visits_from(elder.id, day)
    claims, told = call_off(actor, elder.id, visits, reason)
    stops = stops_off(elder.id, [visit.id for visit in visits], day, reason)
    return Released(len(visits), claims, stops, told)


def call_off(actor: Actor, elder_id: int, visits: Sequence[Visit], reason: str) -> tuple[int, int]:
    """Cancel these visits of one elder, end the claims on them and tell everybody; returns how many claims ended
    and how many people were told. Flushes."""
    told: dict[int, list[datetime]] = defaultdict(list)
    claims = 0
    for visit in visits:
        # Two people at once: the row decides who is first.
        db.session.refresh(visit, ["state"], with_for_update=True)
        if visit.state not in RELEASED:
            continue
        for claim in _waiting_claims(visit.id):
            for user_id in _users({claim.worker_id, claim.companion_id or claim.worker_id}):
                told[user_id].append(visit.starts_at)
            claim.decided_at = clock.now()
            claim.decided_by_id = actor.user_id
            end_claim(claim, ClaimState.REFUSED, _("这次探访取消了"))
            claims += 1
        db.session.refresh(visit, ["state"])
        for one in visit.assignments:
            if one.state is AssignmentState.APPROVED and one.worker.user_id is not None:
                told[one.worker.user_id].append(visit.starts_at)
        cancel_visit(actor, visit, reason)
    for user_id, moments in told.items():
        _tell(user_id, sorted(set(moments)), elder_id)
    db.session.flush()
    return claims, len(told)


def _waiting_claims(visit_id: int) -> Sequence[Claim]:
    return db.session.scalars(
        select(Claim)
        .where(Claim.visit_id == visit_id, Claim.state.in_((ClaimState.PENDING, ClaimState.QUEUED)))
        .order_by(Claim.id)
        .with_for_update()
    ).all()


def _users(worker_ids: set[int]) -> Sequence[int]:
    return db.session.scalars(
        select(Worker.user_id).where(Worker.id.in_(worker_ids), Worker.user_id.is_not(None))
    ).all()  # type: ignore[return-value]


def _tell(user_id: int, moments: Sequence[datetime], elder_id: int) -> None:
    """The person hears that and when, never whose and why: a death is not news for a volunteer's telephone."""
    shown = "、".join(f"{i18n.day(one, weekday=True)} {i18n.hour(one)}" for one in moments)
    notify(
        [user_id],
        _("有 %(n)s 次探访取消了，您不用去了", n=len(moments)),
        _("取消的是：%(when)s。请以“今天”和“我的探访”里显示的为准。", when=shown),
        "/today",
        # The same visits told again by a second run are one event.
        dedupe_key=f"visits-released:{elder_id}:{moments[0].isoformat()}:{len(moments)}",
    )


def stops_off(elder_id: int, cancelled: Sequence[int], day: date, reason: str) -> int:
    """Take the elder's stops off the routes from `day` on; the sheets that named them are void."""
    stops = db.session.scalars(
        select(PlanStop)
        .join(PlanRoute, PlanRoute.id == PlanStop.route_id)
        .where(
            PlanStop.elder_id == elder_id,
            PlanRoute.day >= day,
            PlanStop.visit_id.is_(None) | PlanStop.visit_id.in_(cancelled),
        )
        .order_by(PlanStop.plan_id, PlanStop.visit_key, PlanStop.is_companion, PlanStop.id)
    ).all()
    routes = {stop.route_id for stop in stops}
    seen: set[tuple[int, str]] = set()
    for stop in stops:
        key = (stop.plan_id, stop.visit_key)
        if key in seen:
            # The second person's row: a visit that is not planned has one row.
            db.session.execute(delete(PlanStop).where(PlanStop.id == stop.id))
            continue
        seen.add(key)
        stop.route_id = stop.position = stop.visit_id = None
        stop.arrival_seconds = stop.start_seconds = stop.end_seconds = None
        stop.pinned = False
        stop.reason, stop.reason_detail = "not_possible_now", {"text": reason}
    if routes:
        db.session.execute(
            update(RouteSheet)
            .where(RouteSheet.route_id.in_(routes), RouteSheet.voided_at.is_(None))
            .values(voided_at=clock.now())
            .execution_options(synchronize_session="fetch")
        )
    return len(seen)
