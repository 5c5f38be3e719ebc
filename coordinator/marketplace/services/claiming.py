"""Claiming a visit: one guarded UPDATE, so that of fifty people who press at once exactly one moves it from open to
claimed.
"""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import bindparam, update

from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.claims import own_standing_claim
from coordinator.marketplace.queries.line import TAKEN
from coordinator.marketplace.queries.market import Market, market_for
from coordinator.marketplace.queries.openings import Opening, held_by, when_words
from coordinator.marketplace.queries.own_day import way_now
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.services.asking import (
    ask_companion,
    check_companion,
    hold_worker,
    named_companion,
    refuse_limits,
    refuse_obstacles,
)
from coordinator.marketplace.services.by_rule import approve_by_rule
from coordinator.marketplace.services.giving import own_duty, own_opening
from coordinator.visits import services as visits
from coordinator.visits.lifecycle import VisitState, move
from coordinator.visits.models import Visit


class Taken(Conflict):
    """Somebody was faster; `market` is what else there is, so that it is not worked out twice. `visit_id` is the
    visit where it can be waited for, None where there is nothing to wait for.
    """

    def __init__(self, message: str, remedy: str, market: Market, visit_id: int | None = None) -> None:
        super().__init__(message, remedy, code="taken")
        self.market = market
        self.visit_id = visit_id


def claim_visit(actor: Actor, visit_id: int, companion_id: int | None = None) -> Claim:
    """Ask for an open visit. The same person asking again gets the same claim. Where the rule of the community may,
    the claim is approved at once.

    Raises Conflict: 'taken' when somebody was faster (with how many other visits there are), 'too_many_claims' or
    'too_many_hours' at a limit, 'minor_alone' without an adult to go along, or the code of what stands against it;
    InvalidInput when the person named may not go along.
    """
    worker = own_duty(actor)
    opening, rules = own_opening(worker, visit_id)
    if opening.state is not VisitState.OPEN:
        return _same_or_taken(worker, opening, rules)
    visits.refuse_in_epidemic(opening.mode, opening.area_path, opening.day)
    companion = named_companion(worker, opening, companion_id)
    # Only claims of this same person wait for each other here: what is counted below must not be outrun.
    hold_worker(worker.id)
    people = [worker.id] + ([companion.id] if companion else [])
    held = held_by(people, opening.day, opening.day)
    refuse_obstacles(worker, opening, held[worker.id], rules)
    if companion is not None:
        check_companion(worker, companion, opening, held)
    refuse_limits(worker, opening, rules)
    if not _take(opening):
        return _same_or_taken(worker, opening, rules)
    trip = way_now(worker, held[worker.id], opening)
    claim = Claim(
        visit_id=opening.visit_id,
        worker_id=worker.id,
        companion_id=companion.id if companion else None,
        added_seconds=trip.added_seconds if trip else None,
        state=ClaimState.PENDING,
        claimed_at=clock.now(),
    )
    db.session.add(claim)
    db.session.flush()
    audit.record(
        actor,
        "claim.make",
        claim,
        _("%(name)s认领%(when)s的探访", name=worker.name, when=when_words(opening)),
        changes={"visit_id": [None, opening.visit_id]},
        area_id=opening.area_id,
    )
    ask_companion(claim, worker, companion, opening)
    db.session.flush()
    if rules.auto.on:
        approve_by_rule(claim, rules, worker, companion, opening, held[worker.id])
    return claim


_TAKE = (
    update(Visit)
    .where(Visit.id == bindparam("visit"), Visit.state == VisitState.OPEN)
    .values(state=VisitState.CLAIMED)
    .returning(Visit.id)
    .execution_options(synchronize_session=False)
)


def _take(opening: Opening) -> bool:
    """The guarded UPDATE: True for exactly one of all who try at once."""
    move(VisitState.OPEN, VisitState.CLAIMED)
    return db.session.scalar(_TAKE, {"visit": opening.visit_id}) is not None


def _same_or_taken(worker: DutyWorker, opening: Opening, rules: Rules) -> Claim:
    """The person's own claim or place in line, or the refusal that says where else somebody is needed."""
    mine = own_standing_claim(worker.id, opening.visit_id)
    if mine is not None:
        return mine
    market = market_for(worker, rules)
    others = len(market.offers)
    said = (
        _("附近还有 %(n)s 次您能去。", n=others) if others else _("附近暂时没有别的了，有新的会出现在这里。")
    )
    waiting_helps = opening.state in (VisitState.OPEN, *TAKEN) and opening.starts_at > clock.now()
    if not waiting_helps:
        raise Taken(_("这次探访已经取消或者开始了。"), said, market)
    raise Taken(_("这次刚被别人认领了。"), said, market, opening.visit_id)
