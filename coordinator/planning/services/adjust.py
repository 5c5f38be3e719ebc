"""照此调整: taking the steps of a proposal, all of them or none.

A proposal travels in the page as a signed note of what was shown: each visit before and after, and what everybody
concerned held. Whatever has changed since makes the note void; the same note taken twice is taken once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from flask_babel import gettext as _
from itsdangerous import BadSignature
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n, notes
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.messages.services import notify
from coordinator.planning.models import Plan, PlanRoute, RouteSheet
from coordinator.planning.queries.real_day import second_of
from coordinator.planning.services.approval import elders_for_visits
from coordinator.planning.services.followed import follow_rows
from coordinator.planning.services.repair import Fresh, Kind, Proposal, Team, Trouble, team_before
from coordinator.planning.services.sheets import reissue
from coordinator.visits.lifecycle import AssignmentState, ContactMode, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.services import assign, cancel_visit, open_visit, release, shift_visits
from coordinator.workforce.access import can_set_hours
from coordinator.workforce.fitness import is_day_off
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import fitness_options, workers_for_duty
from coordinator.workforce.services import add_days_off

HOLDS_MINUTES = 15
"""A proposal is made from where people are; after this long they are elsewhere."""
STALE = "stale_proposal"
SALT = "day-change"


@dataclass(frozen=True, slots=True)
class Noted:
    """One step as it was shown."""

    kind: Kind
    visit_id: int | None
    elder_id: int
    seconds: int
    state: VisitState | None
    before: Team
    start_before: int | None
    after: Team
    start_after: int


@dataclass(slots=True)
class Adjusted:
    """What was done: `sheets` are (old number, new number or None); `again` when it had been done already."""

    steps: int = 0
    told: int = 0
    sheets: list[tuple[str, str | None]] = field(default_factory=list)
    again: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """The signed note of a proposal."""

    token: str
    trouble: Trouble
    made_at: datetime
    user_id: int | None
    steps: tuple[Noted, ...]
    held: Mapping[int, tuple[tuple[int, int], ...]]


def note_of(actor: Actor, found: Proposal) -> str:
    """The proposal as text for a form field: ids and times only, signed."""
    trouble = found.trouble
    fresh = trouble.fresh
    data = {
        "token": uuid4().hex,
        "user": actor.user_id,
        "at": clock.now().isoformat(),
        "area": trouble.area_id,
        "day": trouble.day.isoformat(),
        "reason": trouble.reason,
        "absent": list(trouble.absent.items()),
        "cancelled": list(trouble.cancelled),
        "wanted": list(trouble.wanted),
        "fresh": [fresh.elder_id, fresh.minutes, list(fresh.window), fresh.people] if fresh else None,
        "steps": [
            [
                one.kind.value,
                one.visit.id if one.visit is not None else None,
                one.elder.id,
                one.seconds,
                one.visit.state.value if one.visit is not None else None,
                one.before,
                one.start_before,
                one.after,
                one.start_after,
            ]
            for one in found.steps
        ],
        "held": [[worker.id, _held_in(found, worker.id)] for worker in found.told],
    }
    return notes.signer(SALT).dumps(data)


def read_note(text: str) -> Note:
    """The reverse of `note_of`. Raises InvalidInput for anything that was not signed here."""
    try:
        data = notes.signer(SALT).loads(text)
    except BadSignature as problem:
        raise InvalidInput(_("这份调整方案看不懂了。"), _("请重新算一次。"), code=STALE) from problem
    fresh = data["fresh"]
    trouble = Trouble(
        data["area"],
        date.fromisoformat(data["day"]),
        data["reason"],
        {int(worker): since for worker, since in data["absent"]},
        tuple(data["cancelled"]),
        tuple(data["wanted"]),
        Fresh(fresh[0], fresh[1], (fresh[2][0], fresh[2][1]), fresh[3]) if fresh else None,
    )
    steps = tuple(
        Noted(
            Kind(kind),
            visit_id,
            elder_id,
            seconds,
            VisitState(state) if state else None,
            _team(before),
            start_before,
            _team(after),
            start_after,
        )
        for kind, visit_id, elder_id, seconds, state, before, start_before, after, start_after in data[
            "steps"
        ]
    )
    held = {int(worker): tuple((one, at) for one, at in rows) for worker, rows in data["held"]}
    return Note(data["token"], trouble, datetime.fromisoformat(data["at"]), data["user"], steps, held)


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
    visits = _locked([one.visit_id for one in note.steps if one.visit_id is not None])
    if _is_done(note):
        return Adjusted(again=True)
    if clock.now() - note.made_at > timedelta(minutes=HOLDS_MINUTES):
        raise Conflict(_("这份方案是 %(n)s 分钟以前算的，人已经走到别处了。", n=HOLDS_MINUTES), code=STALE)
    _demand_unchanged(note, visits)
    done = Adjusted(steps=len(note.steps))
    made = _take(actor, note, visits)
    everyone = _everyone(note)
    changed = [*visits.values(), *([made] if made is not None else [])]
    follow_rows(changed, note.trouble.day, note.trouble.reason)
    _record_absence(actor, note, everyone)
    for plan, routes in _handed_out(note):
        done.sheets += reissue(actor, plan, routes)
    done.told = _tell(note, visits, made, everyone)
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


# --- has anything changed? -------------------------------------------------------------------------------


def _team(rows: Iterable[Any]) -> Team:
    return tuple(sorted((int(worker), bool(companion)) for worker, companion in rows))


def _held_in(found: Proposal, worker_id: int) -> list[tuple[int, int]]:
    real = found.real
    return sorted(
        (visit.id, second_of(visit.starts_at))
        for visit in real.ahead
        if any(one == worker_id for one, _companion in team_before(visit))
    )


def _locked(ids: Sequence[int]) -> dict[int, Visit]:
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


def _is_done(note: Note) -> bool:
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


def _demand_unchanged(note: Note, visits: Mapping[int, Visit]) -> None:
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


# --- the steps -------------------------------------------------------------------------------------------


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


# --- who hears of it -------------------------------------------------------------------------------------


def _everyone(note: Note) -> dict[int, Worker]:
    """Everybody concerned."""
    ids = {one for step in note.steps for one, _companion in (*step.before, *step.after)}
    ids |= set(note.trouble.absent)
    rows = db.session.scalars(
        select(Worker).where(Worker.id.in_(ids)).options(*fitness_options(), joinedload(Worker.area))
    )
    return {worker.id: worker for worker in rows}


def _handed_out(note: Note) -> list[tuple[Plan, list[PlanRoute]]]:
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


def _tell(note: Note, visits: Mapping[int, Visit], made: Visit | None, everyone: Mapping[int, Worker]) -> int:
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
