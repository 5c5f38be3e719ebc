"""Festivals, extreme weather and epidemics: entered, changed, and cancelled with a reason. What is owed follows
at once, because it is computed from the rows that are there.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.orm.attributes import set_committed_value

from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, DomainError, InvalidInput
from coordinator.visits.festivals import festivals
from coordinator.visits.lifecycle import AssignmentState, ContactMode, VisitState
from coordinator.visits.models import SurgeEvent, SurgeKind, Visit, WeatherKind, WeatherLevel
from coordinator.visits.queries.events import home_visits_in
from coordinator.visits.services.common import approved, reason_text, when
from coordinator.visits.services.moves import cancel_visit

LONGEST_EVENT = timedelta(days=120)
LONGEST_NAME = 60
LONGEST_NOTE = 500


class Warned(NamedTuple):
    """What a weather warning says besides its days; both parts may be unknown."""

    weather: WeatherKind | None = None
    level: WeatherLevel | None = None


def add_event(
    actor: Actor,
    area: Area,
    kind: SurgeKind,
    name: str,
    first_day: date,
    last_day: date,
    *,
    warned: Warned = Warned(),
    note: str = "",
) -> SurgeEvent:
    """Enter a festival, extreme weather or an epidemic for an area, both days included.

    Raises InvalidInput on impossible days, Conflict when the same event of the area (or one above it) overlaps.
    """
    demand(actor, Permission.EVENT_EDIT, area.path)
    event = SurgeEvent(area_id=area.id, kind=kind, entered_by_id=actor.user_id)
    _fill(event, area, name, first_day, last_day, warned, note)
    db.session.add(event)
    db.session.flush()
    audit.record(
        actor,
        "event.add",
        event,
        _(
            "登记%(name)s（%(period)s），适用于%(area)s",
            name=event.name,
            period=i18n.period(first_day, last_day),
            area=area.name,
        ),
    )
    return event


def add_festivals(actor: Actor, area: Area, year: int) -> list[SurgeEvent]:
    """Enter all traditional festivals of a year that are not over and not entered yet; returns the new ones."""
    made = []
    for one in festivals(year):
        if one.last_day < clock.today():
            continue
        try:
            made.append(add_event(actor, area, SurgeKind.FESTIVAL, one.name, one.first_day, one.last_day))
        except Conflict as problem:
            if problem.code != "event_exists":
                raise
    return made


def change_event(
    actor: Actor,
    event: SurgeEvent,
    area: Area,
    name: str,
    first_day: date,
    last_day: date,
    *,
    warned: Warned = Warned(),
    note: str = "",
    reason: str = "",
) -> None:
    """Correct, shorten or extend an event of `area`; what was owed because of it is owed by its new days.

    Other days of an event that has begun need a reason: somebody may have been called because of it.
    """
    demand(actor, Permission.EVENT_EDIT, area.path)
    _demand_in_force(event)
    before = _facts(event)
    begun = event.first_day <= clock.today()
    moved = (event.first_day, event.last_day) != (first_day, last_day)
    text = reason_text(reason) if begun and moved else " ".join(reason.split())
    _fill(event, area, name, first_day, last_day, warned, note)
    after = _facts(event)
    changes = {key: [before[key], after[key]] for key in after if before[key] != after[key]}
    if not changes:
        return
    event.changed_at = clock.now()
    if text:
        changes["reason"] = [None, text]
    db.session.flush()
    audit.record(
        actor,
        "event.change",
        event,
        _(
            "修改%(name)s：%(period)s，适用于%(area)s",
            name=event.name,
            period=i18n.period(first_day, last_day),
            area=area.name,
        )
        + (f"（{text}）" if text else ""),
        changes=changes,
    )
    db.session.flush()


def cancel_event(actor: Actor, event: SurgeEvent, area: Area, reason: str) -> None:
    """Say that an event of `area` was entered by mistake: nothing is owed because of it any more.

    It stays on the page with its reason; contacts made because of it stay contacts. Who wants to end an event
    early changes its last day.
    """
    demand(actor, Permission.EVENT_EDIT, area.path)
    _demand_in_force(event)
    text = reason_text(reason)
    event.cancelled_from_id, event.area_id = area.id, None
    event.cancelled_at, event.cancelled_by_id, event.cancelled_reason = clock.now(), actor.user_id, text
    db.session.flush()
    audit.record(
        actor,
        "event.cancel",
        event,
        _(
            "取消%(name)s（%(period)s），原适用于%(area)s：%(reason)s",
            name=event.name,
            period=i18n.period(event.first_day, event.last_day),
            area=area.name,
            reason=text,
        ),
        changes={"reason": [None, text]},
        area_id=area.id,
    )
    db.session.flush()


def _demand_in_force(event: SurgeEvent) -> None:
    if event.area_id is None:
        raise Conflict(_("%(name)s已经取消了。", name=event.name), code="event_cancelled")


def _facts(event: SurgeEvent) -> dict[str, str | None]:
    return {
        "name": event.name,
        "first_day": event.first_day.isoformat(),
        "last_day": event.last_day.isoformat(),
        "weather": event.weather.value if event.weather else None,
        "level": event.level.value if event.level else None,
        "note": event.note,
    }


def _fill(
    event: SurgeEvent, area: Area, name: str, first_day: date, last_day: date, warned: Warned, note: str
) -> None:
    """Check and set what the form says. Nothing is set when it is refused."""
    name = " ".join(name.split())
    note = note.strip()
    if not name or len(name) > LONGEST_NAME:
        raise InvalidInput(_("请写名称，最多 %(n)s 个字。", n=LONGEST_NAME), field="name")
    if len(note) > LONGEST_NOTE:
        raise InvalidInput(_("最多写 %(n)s 个字。", n=LONGEST_NOTE), field="note")
    if first_day > last_day:
        raise InvalidInput(_("最后一天不能早于第一天。"), field="last_day")
    if last_day - first_day > LONGEST_EVENT:
        raise InvalidInput(_("一次最多 %(n)s 天，更长的请分开登记。", n=LONGEST_EVENT.days), field="last_day")
    _refuse_overlap(event, area, name, first_day, last_day)
    event.name, event.first_day, event.last_day = name, first_day, last_day
    if event.kind is SurgeKind.EXTREME_WEATHER:
        event.weather, event.level = warned
    event.note = note or None


def _refuse_overlap(event: SurgeEvent, area: Area, name: str, first_day: date, last_day: date) -> None:
    with db.session.no_autoflush:
        same = db.session.scalars(
            select(SurgeEvent)
            .where(
                SurgeEvent.area_id.in_(area.ancestor_ids),
                SurgeEvent.kind == event.kind,
                SurgeEvent.name == name,
                SurgeEvent.first_day <= last_day,
                SurgeEvent.last_day >= first_day,
                SurgeEvent.id != (event.id or 0),
            )
            .limit(1)
        ).one_or_none()
    if same is not None:
        raise Conflict(
            _(
                "%(name)s（%(period)s）已经登记过了。",
                name=same.name,
                period=i18n.period(same.first_day, same.last_day),
            ),
            _("要改日期的，请修改原来的那一条。"),
            code="event_exists",
        )


# --- visits at home that an epidemic overtakes -----------------------------------------------------------


class Changed(NamedTuple):
    """How many visits were changed, and those that somebody moved meanwhile."""

    done: list[Visit]
    refused: int


def change_to_call(actor: Actor, visit: Visit, reason: str) -> None:
    """Let a planned visit at home be a telephone call at the same time, by the same people.

    It is one guarded UPDATE: a visit that has begun meanwhile is left (Conflict). Telling the people is the
    caller's.
    """
    demand(actor, Permission.VISIT_OPEN, visit.area.path)
    text = reason_text(reason)
    changed = db.session.scalar(
        update(Visit)
        .where(
            Visit.id == visit.id,
            Visit.mode == ContactMode.HOME,
            Visit.state.in_((VisitState.OPEN, VisitState.CLAIMED, VisitState.ASSIGNED)),
        )
        .values(mode=ContactMode.PHONE)
        .returning(Visit.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        raise Conflict(
            _("这次探访已经开始、结束或改过了。"), _("请刷新页面看最新的情况。"), code="changed_meanwhile"
        )
    set_committed_value(visit, "mode", ContactMode.PHONE)
    audit.record(
        actor,
        "visit.to_call",
        visit,
        _(
            "把%(elder)s %(when)s的上门探访改为电话：%(reason)s",
            elder=visit.elder.name,
            when=when(visit),
            reason=text,
        ),
        changes={"mode": [ContactMode.HOME.value, ContactMode.PHONE.value]},
    )
    db.session.flush()


def settle_home_visits(
    actor: Actor, event: SurgeEvent, area: Area, visit_ids: set[int] | None, act: str, reason: str
) -> Changed:
    """Turn planned visits at home inside an epidemic into calls (`act` "call") or call them off ("cancel").

    `visit_ids` None means all that the actor may change. Each visit is changed or left by itself.
    """
    demand(actor, Permission.VISIT_OPEN)
    reason_text(reason)
    done, refused = [], 0
    for visit in home_visits_in(event, area, actor):
        if visit_ids is not None and visit.id not in visit_ids:
            continue
        try:
            (change_to_call if act == "call" else cancel_visit)(actor, visit, reason)
        except DomainError:
            refused += 1
        else:
            done.append(visit)
    return Changed(done, refused)


def people_of(visit: Visit) -> list[int]:
    """The users who were to go, for telling them; after a cancellation the ended assignments as well."""
    shown = (AssignmentState.APPROVED, AssignmentState.CANCELLED)
    return [one.worker.user_id for one in visit.assignments if one.state in shown and one.worker.user_id] or [
        one.worker.user_id for one in approved(visit) if one.worker.user_id
    ]
