"""The waiting list of a visit: standing in line, moving up, and the end of a line.

Whoever frees a visit calls `move_up` in the same transaction; what was freed elsewhere is found by `tend_lines`, so
that nobody is forgotten. The visit's row is held while somebody moves up: of several who free it at once one moves
the line, the others find the visit taken.
"""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select, update

from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import SYSTEM, Actor
from coordinator.kernel.errors import Conflict
from coordinator.marketplace.duty import DutyWorker, duty_workers
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.asking import held_and_standing
from coordinator.marketplace.queries.claims import can_accompany, own_standing_claim
from coordinator.marketplace.queries.line import TAKEN, line_of, lines_to_tend, places_in_line
from coordinator.marketplace.queries.market import findings, needs_companion, obstacle
from coordinator.marketplace.queries.openings import Held, Opening, find_opening, held_by, when_words
from coordinator.marketplace.queries.own_day import way_now
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.services.asking import (
    ask_companion,
    asked_by,
    check_companion,
    named_companion,
    refuse_limit,
    refuse_obstacles,
)
from coordinator.marketplace.services.by_rule import approve_by_rule
from coordinator.marketplace.services.giving import area_of
from coordinator.messages.services import notify
from coordinator.visits.lifecycle import VisitState, move
from coordinator.visits.models import Visit


def stand_in_line(actor: Actor, visit_id: int, companion_id: int | None = None) -> Claim:
    """Wait for a visit that is somebody else's so far. Asking again gives the same place.

    Whoever has the visit or has asked for it gets that claim. Raises Conflict: 'free' when nobody has it any more
    (it can be claimed), 'over' when it has begun or was called off, what stands against the person, or a limit.
    """
    worker, opening, rules, _forbidden = asked_by(actor, visit_id)
    mine = own_standing_claim(worker.id, visit_id)
    if mine is not None:
        return mine
    companion = named_companion(worker, opening, companion_id)
    # The row decides between this and whoever frees the visit at this moment.
    state = db.session.scalar(select(Visit.state).where(Visit.id == visit_id).with_for_update())
    if state is VisitState.OPEN:
        raise Conflict(_("这次刚刚空出来了。"), _("您可以直接认领。"), code="free")
    if state not in TAKEN or opening.starts_at <= clock.now():
        raise Conflict(_("这次探访已经开始或者取消了。"), _("请看看别的。"), code="over")
    held, standing = held_and_standing(worker.id, [companion.id] if companion else [], opening.day, rules)
    refuse_obstacles(worker, opening, held[worker.id], rules)
    if companion is not None:
        check_companion(worker, companion, opening, held)
    refuse_limit(standing, opening, rules, in_line=True)
    claim = Claim(
        visit_id=visit_id,
        worker_id=worker.id,
        companion_id=companion.id if companion else None,
        state=ClaimState.QUEUED,
        claimed_at=clock.now(),
    )
    db.session.add(claim)
    db.session.flush()
    place = places_in_line([claim.id])[claim.id]
    audit.record(
        actor,
        "claim.queue",
        claim,
        _("%(name)s排队等%(when)s的探访，第 %(n)s 位", name=worker.name, when=when_words(opening), n=place),
        changes={"visit_id": [None, visit_id], "place": [None, place]},
        area_id=opening.area_id,
    )
    db.session.flush()
    return claim


def move_up(visit_id: int) -> Claim | None:
    """Give a visit that is open again to the first in line who still fits: that claim waits for approval now, or is
    approved by the rule, and the person is told. None when nobody in line fits; they keep their places. Flushes.

    To be called by whoever frees a visit, at the end of the same transaction. May be called at any time.
    """
    row = db.session.execute(
        select(Visit.state, Visit.starts_at).where(Visit.id == visit_id).with_for_update()
    ).one_or_none()
    if row is None or row.state is not VisitState.OPEN or row.starts_at <= clock.now():
        return None
    line = line_of(visit_id)
    if not line:
        return None
    people = duty_workers(
        [one.worker_id for one in line] + [one.companion_id for one in line if one.companion_id]
    )
    for claim in line:
        worker = people[claim.worker_id]
        companion = people.get(claim.companion_id) if claim.companion_id else None
        found = find_opening(worker, visit_id)
        if found is None:
            continue
        opening, rules = found
        held = held_by([one.id for one in (worker, companion) if one], opening.day, opening.day)
        if _still_fits(worker, companion, opening, held, rules):
            _put_first(claim, worker, companion, opening, held[worker.id], rules)
            return claim
    return None


def _still_fits(
    worker: DutyWorker,
    companion: DutyWorker | None,
    opening: Opening,
    held: dict[int, list[Held]],
    rules: Rules,
) -> bool:
    why, _in_hours = obstacle(worker, opening, held[worker.id], rules, clock.now())
    if why is not None:
        return False
    if not needs_companion(worker, opening):
        return True
    if companion is None or not can_accompany(companion, worker, opening, held[companion.id]):
        return False
    return not any(one.hard for one in findings(worker, opening, held[worker.id], (companion,)))


def _put_first(
    claim: Claim,
    worker: DutyWorker,
    companion: DutyWorker | None,
    opening: Opening,
    held: list[Held],
    rules: Rules,
) -> None:
    move(VisitState.OPEN, VisitState.CLAIMED)
    db.session.execute(
        update(Visit)
        .where(Visit.id == opening.visit_id, Visit.state == VisitState.OPEN)
        .values(state=VisitState.CLAIMED)
        .execution_options(synchronize_session=False)
    )
    trip = way_now(worker, held, opening)
    if not needs_companion(worker, opening):
        claim.companion_id = companion = None
    claim.state = ClaimState.PENDING
    claim.added_seconds = trip.added_seconds if trip else None
    audit.record(
        SYSTEM,
        "claim.move_up",
        claim,
        _("轮到%(name)s：%(when)s的探访空出来了", name=worker.name, when=when_words(opening)),
        area_id=opening.area_id,
    )
    db.session.flush()
    if approve_by_rule(claim, rules, worker, companion, opening, held):
        return
    if worker.user_id is not None:
        notify(
            [worker.user_id],
            _("您排队的探访轮到您了"),
            _(
                "%(when)s，%(place)s。已经替您申请，等社区审批；去不了请到“可认领”里撤回。",
                when=when_words(opening),
                place=opening.community,
            ),
            f"/open-visits/{opening.visit_id}",
            dedupe_key=f"claim-moved-up:{claim.id}",
        )
    ask_companion(claim, worker, companion, opening)


def leave_line(actor: Actor, claim: Claim) -> None:
    """Give up a place in line; the caller holds the claim's row. Flushes."""
    claim.state = ClaimState.WITHDRAWN
    audit.record(
        actor, "claim.leave_line", claim, _("%(name)s不再排队", name=actor.name), area_id=area_of(claim)
    )
    db.session.flush()


def end_places(claims: list[Claim], reason: str) -> None:
    """End places in line with a reason, and tell the people that their turn did not come. Flushes."""
    people = duty_workers({one.worker_id for one in claims})
    for claim in claims:
        claim.state = ClaimState.WITHDRAWN
        claim.reason = reason
        worker = people[claim.worker_id]
        audit.record(
            SYSTEM,
            "claim.line_over",
            claim,
            _("没有轮到%(name)s：%(reason)s", name=worker.name, reason=reason),
            area_id=area_of(claim),
        )
        if worker.user_id is not None:
            notify(
                [worker.user_id],
                _("您排队的探访没有轮到您"),
                _("%(reason)s，不用再等了。别的探访在“可认领”里。", reason=reason),
                "/open-visits",
                dedupe_key=f"claim-line-over:{claim.id}",
            )
    db.session.flush()


def next_to_tend() -> tuple[list[int], list[int]]:
    """Visits to move up, and places to end, now; ids."""
    return lines_to_tend(clock.now())


def end_place(claim_id: int) -> bool:
    """End one place whose visit has begun, is over or was called off; False when there is nothing to end."""
    claim = db.session.scalars(
        select(Claim)
        .where(Claim.id == claim_id, Claim.state == ClaimState.QUEUED)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if claim is None:
        return False
    state = db.session.scalar(select(Visit.state).where(Visit.id == claim.visit_id))
    called_off = state is VisitState.CANCELLED
    end_places([claim], _("这次探访取消了") if called_off else _("这次探访已经开始或结束"))
    return True
