"""Arriving and leaving: the evidence from which hours come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from uuid import UUID, uuid5

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.fieldwork.door import is_code_of
from coordinator.fieldwork.models import Presence, PresenceKind, PresenceMethod
from coordinator.fieldwork.queries.own import mark_of, own_visit, presences_of
from coordinator.fieldwork.rules import rules_for
from coordinator.kernel import audit, clock, i18n, queue
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.kernel.geo import haversine_m
from coordinator.visits import services as visits
from coordinator.visits.lifecycle import CLOSED, AssignmentState, ContactMode, VisitState
from coordinator.visits.models import Visit
from coordinator.workforce.fitness import UnfitCode, duty_gate, is_minor, pairing
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import worker_for_duty

# Whoever lacks one of these may not go in, whatever was approved before.
STOPS_AT_THE_DOOR = frozenset(
    {
        UnfitCode.NOT_APPROVED,
        UnfitCode.TOO_YOUNG,
        UnfitCode.GUARDIAN_MISSING,
        UnfitCode.GUARDIAN_WITHDRAWN,
        UnfitCode.GUARDIAN_EXPIRED,
        UnfitCode.CREDENTIAL_MISSING,
        UnfitCode.CREDENTIAL_EXPIRED,
        UnfitCode.TIED_ELSEWHERE,
    }
)
COARSEST_METRES = 100_000
# A telephone whose clock is further off than this says nothing.
CLOCK_BELIEVED = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Mark:
    """What the telephone sent. `client_uuid` is made for one press of the button, so that a repeat is known.

    `code` is the sheet's; `word` says that neither place nor code is to be had.
    """

    client_uuid: UUID
    latitude: float | None = None
    longitude: float | None = None
    accuracy_metres: int | None = None
    phone_at: datetime | None = None
    code: str = ""
    word: bool = False
    note: str = ""


def check_in(actor: Actor, visit_id: int, mark: Mark) -> Presence:
    """The worker is at the door. The first one begins the visit. Repeating it gives the same check-in.

    Raises NotFound for a visit of others, Conflict outside its time ('too_early', 'too_late') and for a minor
    while no adult of the visit is there ('minor_alone'), InvalidInput without place, code or word ('how').
    """
    demand(actor, Permission.WORK)
    visit = own_visit(actor, visit_id, lock=True)
    present = presences_of([visit.id])[visit.id]
    mine = mark_of(present, actor.worker_id, PresenceKind.ARRIVED)
    if mine is not None:
        return mine
    if visit.state not in (VisitState.ASSIGNED, VisitState.IN_PROGRESS):
        raise Conflict(_("这次探访已经结束，不能再签到。"), _("请回到“今天”看一看。"), code="over")
    _check_time(visit)
    _check_person(actor, visit, present)
    presence = _write(actor, visit, PresenceKind.ARRIVED, mark)
    if visit.state is VisitState.ASSIGNED:
        visits.begin_visit(actor, visit)
    audit.record(
        actor,
        "presence.arrive",
        visit,
        _("%(name)s到达，%(how)s", name=actor.name, how=_how(presence)),
    )
    db.session.flush()
    return presence


def check_out(actor: Actor, visit_id: int, mark: Mark, *, with_minors: bool = False) -> Presence:
    """The worker leaves. Repeating it gives the same check-out.

    The last adult does not leave a minor behind: `with_minors` says that they leave together and checks them out
    too, otherwise Conflict 'minor_still_there'. Raises Conflict 'not_here' without a check-in.
    """
    demand(actor, Permission.WORK)
    visit = own_visit(actor, visit_id, lock=True)
    present = presences_of([visit.id])[visit.id]
    mine = mark_of(present, actor.worker_id, PresenceKind.LEFT)
    if mine is not None:
        return mine
    if mark_of(present, actor.worker_id, PresenceKind.ARRIVED) is None:
        raise Conflict(_("您还没有签到，不能签离。"), _("请先按“我到了”。"), code="not_here")
    behind = minors_left_behind(actor, visit, present)
    if behind and not with_minors:
        names = "、".join(one.name for one in behind)
        raise Conflict(
            _("%(names)s还没有签离，未成年人不能单独留下。", names=names),
            _("一起离开的，请勾选“和我一起离开”。"),
            code="minor_still_there",
        )
    presence = _write(actor, visit, PresenceKind.LEFT, mark)
    for minor in behind:
        _leave_together(visit, minor, presence, actor)
    audit.record(
        actor,
        "presence.leave",
        visit,
        _("%(name)s离开，%(how)s", name=actor.name, how=_how(presence)),
    )
    if visit.state in CLOSED:
        # The visit's lines were entered when it closed; whoever leaves later gets theirs now.
        owe_hours(visit, [actor.worker_id or 0, *(one.id for one in behind)])
    db.session.flush()
    return presence


def owe_hours(visit: Visit, late: Sequence[int] = ()) -> None:
    """Owe the ledger lines of a closed visit; `late` are workers who left after it had closed."""
    keys = [str(visit.id)] if not late else [f"{visit.id}:{worker_id}" for worker_id in late]
    for key in keys:
        queue.owe("coordinator.hours.jobs.enter_visit", key=key, payload={"visit_id": visit.id})


def minors_left_behind(actor: Actor, visit: Visit, present: Sequence[Presence]) -> list[Worker]:
    """Minors who would be alone in the home when the actor leaves."""
    day = clock.to_local(visit.starts_at).date()
    inside = [
        one.worker
        for one in visit.assignments
        if one.worker_id != actor.worker_id
        and mark_of(present, one.worker_id, PresenceKind.ARRIVED) is not None
        and mark_of(present, one.worker_id, PresenceKind.LEFT) is None
    ]
    if any(not is_minor(one, day) for one in inside):
        return []
    return inside


def _check_time(visit: Visit) -> None:
    rules, now = rules_for(visit.area.path), clock.now()
    if now < rules.opens(visit.starts_at):
        raise Conflict(
            _("现在还早，%(when)s起可以签到。", when=i18n.moment(rules.opens(visit.starts_at))),
            _("长者希望按约好的时间来；要提前去，请先和社区说一声。"),
            code="too_early",
        )
    if now > rules.closes(visit.ends_at):
        raise Conflict(
            _("这次探访的时间已经过了，不能再签到。"),
            _("已经去过的，请把情况告诉社区，由工作人员补登。"),
            code="too_late",
        )


def _check_person(actor: Actor, visit: Visit, present: Sequence[Presence]) -> None:
    """The last gate: fit for duty today, and a minor only where an adult of the visit is inside."""
    worker = worker_for_duty(actor.worker_id or 0)
    assert worker is not None, "a worker on a visit exists"
    day = clock.to_local(visit.starts_at).date()
    mode = visit.mode.value
    for finding in [
        *duty_gate(worker, day, mode=mode),
        *pairing(worker, visit.elder, day=day, mode=mode, needs_skills=()),
    ]:
        if finding.code in STOPS_AT_THE_DOOR:
            raise Conflict(
                _("现在不能签到：%(why)s。", why=finding.message),
                _("请打电话给社区。"),
                code=finding.code.value,
            )
    if visit.mode is not ContactMode.HOME or not is_minor(worker, day):
        return
    adults = [
        one.worker
        for one in visit.assignments
        if one.state in (AssignmentState.APPROVED, AssignmentState.DONE) and not is_minor(one.worker, day)
    ]
    inside = any(
        mark_of(present, one.id, PresenceKind.ARRIVED) is not None
        and mark_of(present, one.id, PresenceKind.LEFT) is None
        for one in adults
    )
    if not inside:
        names = "、".join(one.name for one in adults) or _("一起去的成年人")
        raise Conflict(
            _("%(names)s还没有签到，未成年人不能先进门。", names=names),
            _("请在门外等一等，等对方按了“我到了”您再签到；等不到就打电话给社区。"),
            code="minor_alone",
        )


def _write(actor: Actor, visit: Visit, kind: PresenceKind, mark: Mark) -> Presence:
    place = _place(mark)
    if mark.code.strip():
        if not is_code_of(visit.id, mark.code):
            raise InvalidInput(_("和这次探访的 6 位数对不上。"), _("请对照路线单再看一遍。"), field="code")
        method = PresenceMethod.DOOR_CODE
    elif place is not None:
        method = PresenceMethod.LOCATION
    elif mark.word:
        method = PresenceMethod.WORD
    else:
        raise InvalidInput(
            _("没有拿到手机的位置。"),
            _("可以填路线单上的 6 位数，或者选“就按我说的记”。"),
            code="how",
        )
    used = db.session.scalars(select(Presence).where(Presence.client_uuid == mark.client_uuid)).one_or_none()
    if used is not None:
        raise Conflict(_("这一页已经用过了。"), _("请回到“今天”重新打开。"), code="used")
    home = visit.elder.household
    distance = None
    if place is not None and home.latitude is not None and home.longitude is not None:
        distance = round(haversine_m(*place, home.latitude, home.longitude))
    presence = Presence(
        visit_id=visit.id,
        worker_id=actor.worker_id,
        kind=kind,
        method=method,
        client_uuid=mark.client_uuid,
        at=clock.now(),
        phone_at=mark.phone_at
        if mark.phone_at is not None and abs(mark.phone_at - clock.now()) < CLOCK_BELIEVED
        else None,
        latitude=place[0] if place else None,
        longitude=place[1] if place else None,
        accuracy_metres=mark.accuracy_metres if place else None,
        distance_metres=distance,
        note=mark.note.strip()[:200] or None,
    )
    db.session.add(presence)
    db.session.flush()
    return presence


def _place(mark: Mark) -> tuple[float, float] | None:
    """Where the telephone was, when that is believable."""
    if mark.latitude is None or mark.longitude is None:
        return None
    if not (isfinite(mark.latitude) and isfinite(mark.longitude)):
        return None
    if not (-90 <= mark.latitude <= 90 and -180 <= mark.longitude <= 180):
        return None
    if mark.accuracy_metres is not None and not 0 <= mark.accuracy_metres <= COARSEST_METRES:
        return None
    return mark.latitude, mark.longitude


def _leave_together(visit: Visit, minor: Worker, presence: Presence, actor: Actor) -> None:
    db.session.add(
        Presence(
            visit_id=visit.id,
            worker_id=minor.id,
            kind=PresenceKind.LEFT,
            method=PresenceMethod.WORD,
            client_uuid=uuid5(presence.client_uuid, str(minor.id)),
            at=presence.at,
            note=_("和%(name)s一起离开", name=actor.name)[:200],
        )
    )


def _how(presence: Presence) -> str:
    """How presence was shown, for the audit line: words and metres, never a place."""
    if presence.method is PresenceMethod.DOOR_CODE:
        return _("填了路线单上的数字")
    if presence.method is PresenceMethod.WORD:
        return _("只有本人说明")
    if presence.distance_metres is None:
        return _("有手机位置，住址还没有定位")
    return _("手机位置离住址%(d)s", d=i18n.distance(presence.distance_metres))
