"""节日与天气: what makes more contacts due for a few days, or forbids visits at home."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, or_, select
from werkzeug.wrappers import Response

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor, Permission, covers, current_actor, requires
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.kernel.forms import attempt, options, outcome
from coordinator.messages.services import notify
from coordinator.policy import Pack
from coordinator.visits.festivals import FIRST_YEAR, LAST_YEAR, days_off_known, festivals, years_known
from coordinator.visits.forms import EventChangeForm, EventForm, ReasonForm, SettleForm
from coordinator.visits.models import SurgeEvent, SurgeKind, Visit
from coordinator.visits.queries.events import count_home_visits_in, home_visits_in
from coordinator.visits.queries.owed import AreaRow, areas_of, pack_of
from coordinator.visits.queries.surge import progress_below
from coordinator.visits.services import (
    add_event,
    add_festivals,
    cancel_event,
    change_event,
    settle_home_visits,
)
from coordinator.visits.services.events import Changed, people_of
from coordinator.visits.services.surge import calls_are_open
from coordinator.visits.views.blueprint import area_choices, bp

VISITS_SHOWN = 200


@bp.get("/events")
@requires(Permission.DUE_READ)
def events() -> str:
    """Events of a year in the areas of the actor, and the festivals that could be added."""
    return _page(current_actor(), EventForm(formdata=None))


def _scope(actor: Actor, permission: Permission) -> tuple[dict[int, AreaRow], list[AreaRow]]:
    """All areas around the actor's, and the actor's own with those below."""
    paths = actor.area_paths(permission)
    areas = areas_of(paths)
    return areas, [row for row in areas.values() if any(row.path.startswith(path) for path in paths)]


def _offer(form: EventForm, own: list[AreaRow]) -> None:
    tops = sorted(own, key=lambda row: len(row.path))[:1]
    choices = [(row.id, row.name) for row in tops]
    choices += [(int(value), name) for value, name in area_choices(own) if int(value) not in dict(choices)]
    form.area.choices = options(choices)


def _year() -> int:
    year = request.values.get("year", type=int) or clock.today().year
    return min(max(year, FIRST_YEAR), LAST_YEAR)


def _page(actor: Actor, form: EventForm) -> str:
    areas, _own = _scope(actor, Permission.DUE_READ)
    _all, editable = _scope(actor, Permission.EVENT_EDIT)
    _offer(form, editable)
    year = _year()
    held = func.coalesce(SurgeEvent.area_id, SurgeEvent.cancelled_from_id)
    found = db.session.scalars(
        select(SurgeEvent)
        .where(
            held.in_(list(areas)),
            SurgeEvent.first_day <= date(year, 12, 31),
            SurgeEvent.last_day >= date(year, 1, 1),
        )
        .order_by(SurgeEvent.first_day, SurgeEvent.id)
    ).all()
    mine = {row.id for row in editable}
    top = min(editable, key=lambda row: len(row.path)) if editable else None
    above = {int(part) for part in top.path.split(".") if part} if top else set()
    taken = {
        (event.name, event.first_day)
        for event in found
        if event.area_id is not None and (event.area_id in above or top is None)
    }
    today = clock.today()
    rows = [
        {
            "event": event,
            "area": areas[event.area_id or event.cancelled_from_id or 0].name,
            "mine": event.area_id in mine,
            "now": event.area_id is not None and event.first_day <= today <= event.last_day,
        }
        for event in found
    ]
    first_known, last_known = years_known()
    return render_template(
        "visits/events.html",
        form=form,
        year=year,
        today=today,
        rows=rows,
        suggestions=[
            {
                "festival": one,
                # The name decides: the days may have been chosen otherwise.
                "taken": any(
                    name == one.name and abs((day - one.first_day).days) < 20 for name, day in taken
                ),
                "over": one.last_day < today,
            }
            for one in festivals(year)
        ],
        top=top,
        days_off_known=days_off_known(year),
        first_known=first_known,
        last_known=last_known,
    )


@bp.post("/events")
@requires(Permission.EVENT_EDIT)
def enter_event() -> Any:
    """Add an event: from the form, or a suggested festival with one press."""
    actor = current_actor()
    form = EventForm()
    _areas, own = _scope(actor, Permission.EVENT_EDIT)
    _offer(form, own)

    def act() -> SurgeEvent:
        return add_event(
            actor,
            db.session.get_one(Area, form.area.data),
            SurgeKind(form.kind.data),
            form.name.data or "",
            form.first_day.data or date.min,
            form.last_day.data or date.min,
            warned=form.warned,
            note=form.note.data or "",
        )

    event = outcome(form, act)
    if event is None:
        return _page(actor, form), 422
    flash(_("已登记%(name)s，应访清单会按它计算。", name=event.name), "ok")
    if event.kind is SurgeKind.FESTIVAL:
        return redirect(url_for("visits.events", year=event.first_day.year), 303)
    return redirect(url_for("visits.event", event_id=event.id), 303)


@bp.post("/events/year")
@requires(Permission.EVENT_EDIT)
def enter_festivals() -> Response:
    """Add all festivals of a year that are still to come, for the actor's whole area."""
    actor = current_actor()
    _areas, own = _scope(actor, Permission.EVENT_EDIT)
    year = _year()
    area = db.session.get(Area, min(own, key=lambda row: len(row.path)).id)
    assert area is not None, "the permission is held for an area"
    made = add_festivals(actor, area, year)
    db.session.commit()
    if made:
        names = "、".join(one.name for one in made)
        flash(_("已登记%(year)s年的 %(n)s 个节日：%(names)s。", year=year, n=len(made), names=names), "ok")
    else:
        flash(_("%(year)s年还没过的节日都已经登记了。", year=year), "info")
    return redirect(url_for("visits.events", year=year), 303)


# --- one event -------------------------------------------------------------------------------------------


class Found(NamedTuple):
    """An event with the area it is (or was) for."""

    event: SurgeEvent
    area: Area


def find_event(actor: Actor, event_id: int, permission: Permission = Permission.DUE_READ) -> Found:
    """An event of the actor's areas, those above or those below; NotFound otherwise.

    With EVENT_EDIT only one of the actor's own areas: what was entered above is changed above.
    """
    held = func.coalesce(SurgeEvent.area_id, SurgeEvent.cancelled_from_id)
    paths = actor.area_paths(permission)
    below = or_(*(Area.path.startswith(path) for path in paths)) if paths else Area.id.is_(None)
    above = {int(part) for path in paths for part in path.split(".") if part}
    where = below if permission is Permission.EVENT_EDIT else or_(below, Area.id.in_(above))
    row = db.session.execute(
        select(SurgeEvent, Area).join(Area, Area.id == held).where(SurgeEvent.id == event_id, where)
    ).one_or_none()
    if row is None:
        raise NotFound(_("没有找到这一条。"), _("可能是别的地方登记的。"))
    return Found(*row)


@bp.get("/events/<int:event_id>")
@requires(Permission.DUE_READ)
def event(event_id: int) -> str:
    """One event: what the document asks, how far the calls are, and in an epidemic the visits it overtakes."""
    actor = current_actor()
    return _show(actor, find_event(actor, event_id))


def _show(
    actor: Actor,
    found: Found,
    change: EventChangeForm | None = None,
    cancel: ReasonForm | None = None,
    settle: SettleForm | None = None,
) -> str:
    one, area = found
    today = clock.today()
    change = change or EventChangeForm(
        formdata=None,
        name=one.name,
        first_day=one.first_day,
        last_day=one.last_day,
        weather=one.weather.value if one.weather else "",
        level=one.level.value if one.level else "",
        note=one.note,
    )
    epidemic = one.kind is SurgeKind.EPIDEMIC and one.area_id is not None
    visits = home_visits_in(one, area, actor, VISITS_SHOWN) if epidemic else []
    tops = _tops(actor, area)
    progress = progress_below(one, tops, actor, today) if tops and one.area_id is not None else []
    entered_by = db.session.get(User, one.entered_by_id) if one.entered_by_id else None
    return render_template(
        "visits/event.html",
        event=one,
        area=area,
        today=today,
        begun=one.first_day <= today,
        over=one.last_day < today,
        asked=asked_of(one, area),
        change=change,
        cancel=cancel or ReasonForm(formdata=None),
        settle=settle or SettleForm(formdata=None, reason=_("%(name)s期间不上门", name=one.name)),
        visits=visits,
        visits_total=count_home_visits_in(one, area, actor) if len(visits) == VISITS_SHOWN else len(visits),
        elders=sum(part.elders for part in progress),
        elders_done=sum(part.elders_done for part in progress),
        families_done=sum(part.families_done for part in progress),
        may_edit=covers(actor, Permission.EVENT_EDIT, area.path) and one.area_id is not None,
        may_settle=actor.may(Permission.VISIT_OPEN),
        calls_open=calls_are_open(one, today),
        entered_by=entered_by.name if entered_by else "",
    )


def _tops(actor: Actor, area: Area) -> list[AreaRow]:
    """The parts of the event's area that are the actor's: the area itself, or the actor's own areas inside it."""
    paths = actor.area_paths(Permission.DUE_READ)
    parts = [path for path in paths if path.startswith(area.path)]
    if any(area.path.startswith(path) for path in paths):
        return [AreaRow(area.id, area.path, area.name, area.level, area.policy_pack)]
    areas = areas_of(parts) if parts else {}
    return [row for row in areas.values() if row.path in parts]


class Asked(NamedTuple):
    """What the document in force asks at such an event: its words, and what it means here."""

    document: str
    quote: str
    marks: tuple[str, ...]
    meaning: str
    interpretation: str


def asked_of(event: SurgeEvent, area: Area) -> Asked | None:
    """The document's clause for an event; None where it has none, or no document is set."""
    try:
        pack = pack_of(area)
    except Conflict:
        return None
    title = pack.document.title
    if event.kind is SurgeKind.EPIDEMIC:
        if pack.epidemic is None:
            return None
        return Asked(title, pack.epidemic.quote, pack.epidemic.mark, pack.epidemic.advice, "")
    clause = next((one for one in pack.surge if one.event.value == event.kind.value), None)
    if clause is None:
        return None
    if clause.count is not None:
        meaning = _("期间每位长者要联系 %(n)s 次，已经列入应访。", n=clause.count)
        notes = "".join(pack.settings.text_of(key) for key in clause.notes)
        return Asked(title, clause.quote, clause.mark, meaning, notes)
    return Asked(title, clause.quote, clause.mark, _advice(pack), _extra_text(pack))


def _advice(pack: Pack) -> str:
    extra = pack.settings.surge_extra_contacts
    if extra is not None and extra.value:
        return _("文件要求适当增加，没有写次数：建议期间每位长者多联系 %(n)s 次，不列入应访。", n=extra.value)
    return _("文件要求适当增加，没有写次数：按名单联系一遍，不列入应访。")


def _extra_text(pack: Pack) -> str:
    return pack.settings.text_of("surge_extra_contacts") if pack.settings.surge_extra_contacts else ""


@bp.post("/events/<int:event_id>")
@requires(Permission.EVENT_EDIT)
def edit_event(event_id: int) -> Any:
    """Correct, shorten or extend an event."""
    actor = current_actor()
    found = find_event(actor, event_id, Permission.EVENT_EDIT)
    form = EventChangeForm()

    def change() -> None:
        change_event(
            actor,
            *found,
            form.name.data or "",
            form.first_day.data,
            form.last_day.data,
            warned=form.warned,
            note=form.note.data or "",
            reason=form.reason.data or "",
        )

    if attempt(form, change):
        flash(_("已修改%(name)s，应访清单会按新的日期计算。", name=found.event.name), "ok")
        return redirect(url_for("visits.event", event_id=event_id), 303)
    return _show(actor, find_event(actor, event_id, Permission.EVENT_EDIT), change=form), 422


@bp.post("/events/<int:event_id>/cancel")
@requires(Permission.EVENT_EDIT)
def drop_event(event_id: int) -> Any:
    """Cancel an event that was entered by mistake, with a reason."""
    actor = current_actor()
    found = find_event(actor, event_id, Permission.EVENT_EDIT)
    form = ReasonForm()
    if attempt(form, lambda: cancel_event(actor, *found, form.reason.data or "")):
        flash(_("已取消%(name)s。", name=found.event.name), "ok")
        return redirect(url_for("visits.events", year=found.event.first_day.year), 303)
    return _show(actor, find_event(actor, event_id, Permission.EVENT_EDIT), cancel=form), 422


@bp.post("/events/<int:event_id>/home-visits")
@requires(Permission.VISIT_OPEN)
def settle_event_visits(event_id: int) -> Any:
    """Turn the planned visits at home inside an epidemic into calls, or call them off, and tell who was to go."""
    actor = current_actor()
    found = find_event(actor, event_id)
    form = SettleForm()
    chosen = {int(one) for one in request.form.getlist("id") if one.isdecimal()}
    everything = request.form.get("all") == "1"
    if found.event.kind is not SurgeKind.EPIDEMIC or found.event.area_id is None:
        raise Conflict(_("只有疫情期间才整批改上门探访。"), code="no_epidemic")

    def settle() -> Changed:
        if not chosen and not everything:
            raise InvalidInput(_("请先勾选要处理的探访。"))
        changed = settle_home_visits(
            actor, *found, None if everything else chosen, str(form.act.data), form.reason.data or ""
        )
        for visit in changed.done:
            _tell(visit, str(form.act.data), form.reason.data or "")
        return changed

    changed = outcome(form, settle)
    if changed is not None:
        _say(str(form.act.data), len(changed.done), changed.refused)
        return redirect(url_for("visits.event", event_id=event_id), 303)
    return _show(actor, find_event(actor, event_id), settle=form), 422


def _tell(visit: Visit, act: str, reason: str) -> None:
    """Let the people who were to go know that it is a call now, or nothing."""
    moment = i18n.moment(visit.starts_at)
    title = (
        _("%(when)s的上门改为电话", when=moment) if act == "call" else _("%(when)s的探访取消了", when=moment)
    )
    body = (
        _("不用上门，请在原来的时间给长者打电话。原因：%(reason)s", reason=reason)
        if act == "call"
        else _("不用去了。原因：%(reason)s", reason=reason)
    )
    notify(
        people_of(visit), title, body, "/today", dedupe_key=f"visit-{act}:{visit.id}:{visit.starts_at:%Y%m%d}"
    )


def _say(act: str, done: int, refused: int) -> None:
    if act == "call":
        flash(_("%(n)s 次上门已改为电话，去的人会收到消息。", n=done), "ok")
    else:
        flash(_("已取消 %(n)s 次上门，去的人会收到消息。", n=done), "ok")
    if refused:
        flash(_("还有 %(n)s 次已经开始或刚被改过，没有动。", n=refused), "warn")
