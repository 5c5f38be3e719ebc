"""Taking the steps of a proposal, all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.planning.services.adjust.notes import STALE, Note, Noted
from coordinator.planning.services.adjust.telling import everyone_of, handed_out, tell
from coordinator.planning.services.adjust.unchanged import demand_unchanged, is_done, locked
from coordinator.planning.services.approval import elders_for_visits
from coordinator.planning.services.followed import follow_rows
from coordinator.planning.services.repair import Kind
from coordinator.planning.services.sheets import reissue
from coordinator.visits.models import Visit
from coordinator.visits.services import assign, cancel_visit, open_visit, release, shift_visits
from coordinator.workforce.access import can_set_hours
from coordinator.workforce.fitness import is_day_off
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import workers_for_duty
from coordinator.workforce.services import add_days_off

HOLDS_MINUTES = 15
"""A proposal is made from where people are; after this long they are elsewhere."""


@dataclass(slots=True)
class Adjusted:
    """What was done: `sheets` are (old number, new number or None); `again` when it had been done already."""

    steps: int = 0
    told: int = 0
    sheets: list[tuple[str, str | None]] = field(default_factory=list)
    again: bool = False


def adjust(actor: Actor, area: Area, note: Note) -> Adjusted:
    """Take the steps: visits move, everybody concerned is told once, sheets get new numbers. Flushes.

    Raises Conflict `stale_proposal` when anything it was made from has changed, or too much time has gone by; then
    nothing is written and a new proposal is due.
    """
    demand(actor, Permission.CLAIM_DECIDE, area.path)
    if note.user_id != actor.user_id or note.trouble.area_id != area.id:
        raise InvalidInput(_("这份调整方案不是给您的。"), _("请重新算一次。"), code=STALE)
    # One change of an area's day after the other: a page sent twice finds what the first one did.
    db.session.execute(select(Area.id).where(Area.id == area.id).with_for_update(key_share=True))
    visits = locked([one.visit_id for one in note.steps if one.visit_id is not None])
    if is_done(note):
        return Adjusted(again=True)
    if clock.now() - note.made_at > timedelta(minutes=HOLDS_MINUTES):
        raise Conflict(_("这份方案是 %(n)s 分钟以前算的，人已经走到别处了。", n=HOLDS_MINUTES), code=STALE)
    demand_unchanged(note, visits)
    done = Adjusted(steps=len(note.steps))
    made = _take(actor, note, visits)
    everyone = everyone_of(note)
    changed = [*visits.values(), *([made] if made is not None else [])]
    follow_rows(changed, note.trouble.day, note.trouble.reason)
    _record_absence(actor, note, everyone)
    for plan, routes in handed_out(note):
        done.sheets += reissue(actor, plan, routes)
    done.told = tell(note, visits, made, everyone)
    audit.record(
        actor,
        "day.adjust",
        area,
        _(
            "%(day)s临时调整 %(n)s 次探访，通知 %(told)s 人：%(reason)s",
            day=i18n.day(note.trouble.day),
            n=len(note.steps),
            told=done.told,
            reason=note.trouble.reason,
        ),
        changes={"visits": [None, sorted(visit.id for visit in changed)], "note": [None, note.token]},
        area_id=area.id,
    )
    db.session.flush()
    return done


def _take(actor: Actor, note: Note, visits: Mapping[int, Visit]) -> Visit | None:
    """Call off, take off, shift, give: in this order nobody is in two places on the way. Returns a new visit."""
    reason, day = note.trouble.reason, note.trouble.day
    workers = workers_for_duty({one for step in note.steps for one, _companion in step.after})
    for step in note.steps:
        if step.kind is Kind.CANCEL and step.visit_id is not None:
            cancel_visit(actor, visits[step.visit_id], reason)
    for step in note.steps:
        if step.visit_id is None or step.kind is Kind.CANCEL:
            continue
        visit = visits[step.visit_id]
        staying = {one for one, _companion in step.after}
        # Whoever leads goes last, so that nobody is taken off twice over.
        for worker_id, _companion in sorted(step.before, key=lambda one: not one[1]):
            if worker_id not in staying:
                release(actor, visit, _worker_on(visit, worker_id), reason)
    moves = [
        (visits[step.visit_id], clock.at_local(day, step.start_after))
        for step in note.steps
        if step.visit_id is not None
        and step.kind in (Kind.PEOPLE, Kind.TIME, Kind.ADD)
        and step.start_after != step.start_before
    ]
    if moves:
        shift_visits(actor, moves, reason)
    made = None
    for step in note.steps:
        if step.kind in (Kind.CANCEL, Kind.ALONE) and step.visit_id is not None:
            continue
        if step.visit_id is None:
            made = _open_new(actor, note, step)
            visit, on = made, set()
        else:
            visit, on = visits[step.visit_id], {one for one, _companion in step.before}
        new = [(workers[one], companion) for one, companion in step.after if one not in on]
        if new:
            assign(actor, visit, new, override_reason=reason)
    return made


def _worker_on(visit: Visit, worker_id: int) -> Worker:
    return next(one.worker for one in visit.assignments if one.worker_id == worker_id)


def _open_new(actor: Actor, note: Note, step: Noted) -> Visit:
    elder = elders_for_visits([step.elder_id])[step.elder_id]
    start = clock.at_local(note.trouble.day, step.start_after)
    fresh = note.trouble.fresh
    return open_visit(
        actor,
        elder,
        start,
        start + timedelta(seconds=step.seconds),
        people=fresh.people if fresh is not None else 1,
        needs_skills=elder.needs_skills,
    )


def _record_absence(actor: Actor, note: Note, everyone: Mapping[int, Worker]) -> None:
    """Whoever is away all day is given nothing else that day."""
    for worker_id, since in note.trouble.absent.items():
        worker = everyone[worker_id]
        if (
            since is None
            and can_set_hours(actor, worker)
            and not is_day_off(worker.exceptions, note.trouble.day)
        ):
            add_days_off(actor, worker, note.trouble.day, note.trouble.day, note.trouble.reason)
