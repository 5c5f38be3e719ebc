"""节日与天气: what makes more contacts due for a few days, or forbids visits at home."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, current_actor, in_areas, requires
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.kernel.forms import options
from coordinator.visits.festivals import FIRST_YEAR, LAST_YEAR, festivals
from coordinator.visits.forms import EventForm
from coordinator.visits.models import SurgeEvent, SurgeKind
from coordinator.visits.queries.owed import AreaRow, areas_of
from coordinator.visits.services import add_event, remove_event
from coordinator.visits.views.blueprint import area_choices, bp


@bp.get("/events")
@requires(Permission.DUE_READ)
def events() -> str:
    """Events of a year in the areas of the actor, and the festivals that could be added."""
    return _page(current_actor(), EventForm(formdata=None))


def _scope(actor: Actor) -> tuple[dict[int, AreaRow], list[AreaRow]]:
    """All areas around the actor's, and the actor's own with those below."""
    paths = actor.area_paths(Permission.DUE_READ)
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
    areas, own = _scope(actor)
    _offer(form, own)
    year = _year()
    found = db.session.scalars(
        select(SurgeEvent)
        .where(
            SurgeEvent.area_id.in_(list(areas)),
            SurgeEvent.first_day <= date(year, 12, 31),
            SurgeEvent.last_day >= date(year, 1, 1),
        )
        .order_by(SurgeEvent.first_day, SurgeEvent.id)
    ).all()
    mine = {row.id for row in own}
    top = min(own, key=lambda row: len(row.path)) if own else None
    taken = {(event.name, event.first_day) for event in found}
    return render_template(
        "visits/events.html",
        form=form,
        year=year,
        today=clock.today(),
        rows=[
            {"event": event, "area": areas[event.area_id].name, "mine": event.area_id in mine}
            for event in found
        ],
        suggestions=[
            {"festival": one, "taken": (one.name, one.first_day) in taken} for one in festivals(year)
        ],
        top=top,
    )


@bp.post("/events")
@requires(Permission.DUE_READ)
def enter_event() -> Any:
    """Add an event: from the form, or a suggested festival with one press."""
    actor = current_actor()
    form = EventForm()
    _areas, own = _scope(actor)
    _offer(form, own)
    if form.validate_on_submit():
        area = db.session.get(Area, form.area.data)
        assert area is not None, "the choices come from the table"
        try:
            event = add_event(
                actor,
                area,
                SurgeKind(form.kind.data),
                form.name.data or "",
                form.first_day.data or date.min,
                form.last_day.data or date.min,
            )
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
        else:
            db.session.commit()
            flash(_("已登记%(name)s，应访清单会按它计算。", name=event.name), "ok")
            return redirect(url_for("visits.events", year=event.first_day.year), 303)
    return _page(actor, form), 422


@bp.post("/events/<int:event_id>/remove")
@requires(Permission.DUE_READ)
def drop_event(event_id: int) -> Response:
    """Take an event of the actor's own areas out."""
    actor = current_actor()
    event = db.session.scalars(
        select(SurgeEvent).where(
            SurgeEvent.id == event_id, in_areas(actor, Permission.DUE_READ, SurgeEvent.area_id)
        )
    ).one_or_none()
    if event is None:
        raise NotFound(_("没有找到这一条。"), _("可能已经删去了。"))
    area = db.session.get(Area, event.area_id)
    assert area is not None, "foreign key"
    year = event.first_day.year
    name = event.name
    remove_event(actor, event, area)
    db.session.commit()
    flash(_("已删去%(name)s。", name=name), "ok")
    return redirect(url_for("visits.events", year=year), 303)
