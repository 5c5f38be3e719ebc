"""Claiming a visit: one guarded UPDATE, so that of fifty people who press at once exactly one moves it from open to
claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import make_transient_to_detached

from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.asking import Gone, held_and_standing
from coordinator.marketplace.queries.claims import own_standing_claim
from coordinator.marketplace.queries.line import TAKEN
from coordinator.marketplace.queries.openings import Held, Opening, when_words
from coordinator.marketplace.queries.own_day import way_now
from coordinator.marketplace.services.asking import (
    ask_companion,
    check_companion,
    named_companion,
    open_for,
    refuse_limit,
    refuse_obstacles,
)
from coordinator.marketplace.services.by_rule import approve_by_rule
from coordinator.visits import services as visits
from coordinator.visits.lifecycle import VisitState, move
from coordinator.visits.models import Visit


class Taken(Conflict):
    """Somebody was faster. `visit_id` is the visit where it can be waited for, None where there is nothing to wait
    for.
    """

    def __init__(self, message: str, remedy: str, visit_id: int | None = None) -> None:
        super().__init__(message, remedy, code="taken")
        self.visit_id = visit_id


def claim_visit(actor: Actor, visit_id: int, companion_id: int | None = None) -> Claim:
    """Ask for an open visit. The same person asking again gets the same claim. Where the rule of the community may,
    the claim is approved at once.

    Raises Conflict: Taken when somebody was faster, 'too_many_claims' or 'too_many_hours' at a limit, 'minor_alone'
    without an adult to go along, or the code of what stands against it; InvalidInput when the person named may not
    go along.
    """
    found = open_for(actor, visit_id)
    if isinstance(found, Gone):
        # Visit and claim were read in one statement: who has no claim there has none.
        if found.own_claim is not None:
            return db.session.get_one(Claim, found.own_claim)
        raise _too_late(visit_id, found.state, found.starts_at)
    worker, opening, rules, forbidden = found
    if forbidden:
        visits.refuse_in_epidemic(opening.mode, opening.area_path, opening.day)
    companion = named_companion(worker, opening, companion_id)
    held, standing = held_and_standing(worker.id, [companion.id] if companion else [], opening.day, rules)
    refuse_obstacles(worker, opening, held[worker.id], rules)
    if companion is not None:
        check_companion(worker, companion, opening, held)
    try:
        refuse_limit(standing, opening, rules)
    except Conflict:
        # The same press twice: the first one has been counted since this one looked at the visit.
        mine = own_standing_claim(worker.id, opening.visit_id)
        if mine is not None:
            return mine
        raise
    claim = _take(actor, worker, companion, opening, held[worker.id])
    if claim is None:
        mine = own_standing_claim(worker.id, opening.visit_id)
        if mine is not None:
            return mine
        raise _too_late(visit_id, opening.state, opening.starts_at)
    ask_companion(claim, worker, companion, opening)
    if rules.auto.on:
        approve_by_rule(claim, rules, worker, companion, opening, held[worker.id])
    return claim


_CLAIM = ("worker_id", "companion_id", "state", "added_seconds", "claimed_at", "by_rule")
_LINE = (
    "at", "user_id", "actor_name", "action", "object_type", "area_id", "summary", "changes", "request_id",
    "address",
)  # fmt: skip


def _given(table: Any, names: Sequence[str]) -> list[Any]:
    """Parameters for these columns, named after them."""
    return [bindparam(f"{table.name}_{name}", type_=table.c[name].type) for name in names]


_claims, _lines = Claim.__table__, audit.AuditEntry.__table__
_taken = (
    update(Visit)
    .where(Visit.id == bindparam("visit"), Visit.state == VisitState.OPEN)
    .values(state=VisitState.CLAIMED)
    .returning(Visit.id)
    .cte("taken")
)
_made = (
    insert(_claims)
    .from_select(["visit_id", *_CLAIM], select(_taken.c.id, *_given(_claims, _CLAIM)), include_defaults=False)
    .returning(_claims.c.id)
    .cte("made")
)
_told = (
    insert(_lines)
    .from_select(["object_id", *_LINE], select(_made.c.id, *_given(_lines, _LINE)), include_defaults=False)
    .returning(_lines.c.id)
    .cte("told")
)
_TAKE = select(_made.c.id).add_cte(_told).execution_options(synchronize_session=False)


def _take(
    actor: Actor,
    worker: DutyWorker,
    companion: DutyWorker | None,
    opening: Opening,
    held: Sequence[Held],
) -> Claim | None:
    """The guarded UPDATE with the claim and its audit line in the same statement: a claim for exactly one of all
    who try at once, None for the others, and for those nothing is written.
    """
    move(VisitState.OPEN, VisitState.CLAIMED)
    trip = way_now(worker, held, opening)
    values = {
        "visit_id": opening.visit_id,
        "worker_id": worker.id,
        "companion_id": companion.id if companion else None,
        "state": ClaimState.PENDING,
        "added_seconds": trip.added_seconds if trip else None,
        "claimed_at": clock.now(),
        "by_rule": False,
    }
    said = audit.line(
        actor,
        "claim.make",
        _claims.name,
        _("%(name)s认领%(when)s的探访", name=worker.name, when=when_words(opening)),
        changes={"visit_id": [None, opening.visit_id]},
        area_id=opening.area_id,
    )
    given = {f"{_claims.name}_{name}": values[name] for name in _CLAIM}
    given |= {f"{_lines.name}_{name}": said[name] for name in _LINE}
    claim_id = db.session.scalar(_TAKE, given | {"visit": opening.visit_id})
    if claim_id is None:
        return None
    # The row is known to the last value: the session takes it as read.
    claim = Claim(
        id=claim_id, companion_agreed_at=None, decided_at=None, decided_by_id=None, reason=None, **values
    )
    make_transient_to_detached(claim)
    db.session.add(claim)
    return claim


def _too_late(visit_id: int, state: VisitState, starts_at: datetime) -> Taken:
    """The refusal. What else there is nearby is not looked for here: fifty may be refused in the same moment."""
    if state not in (VisitState.OPEN, *TAKEN) or starts_at <= clock.now():
        return Taken(_("这次探访已经取消或者开始了。"), _("请看看别的。"))
    return Taken(_("这次刚被别人认领了。"), _("可以排队，也可以看看别的。"), visit_id)
