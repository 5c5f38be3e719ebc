"""The day: map, lanes, changes by hand, approval of a day."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Permission, covers, current_actor, requires
from coordinator.kernel.errors import DomainError, InvalidInput, NotFound
from coordinator.planning import queries, services
from coordinator.planning.access import can_approve, can_edit
from coordinator.planning.forms import MoveForm, OfferForm, PinForm
from coordinator.planning.labels import STATE_LOOKS, STATES
from coordinator.planning.models import Plan, PlanStop
from coordinator.planning.queries.roads import road_note
from coordinator.planning.services import Target
from coordinator.planning.views import bp
from coordinator.planning.views.common import leave_for
from coordinator.workforce.labels import KINDS, TRAVEL_MODES

AUTOMATIC = -1


@bp.get("/day")
@requires(Permission.PLAN_READ)
def today() -> Response:
    """The next day with routes of the plan in force."""
    actor = current_actor()
    area = queries.load_area(actor, request.args.get("area", type=int))
    first = clock.today().replace(day=1)
    plan = queries.shown_plan(area, first) if area is not None else None
    if plan is None or plan.scenario is None:
        return redirect(url_for("planning.month"), 303)
    ahead = queries.next_day(plan, clock.today())
    if ahead is None:
        return redirect(url_for("planning.plan", plan_id=plan.id), 303)
    return redirect(url_for("planning.day", plan_id=plan.id, day=ahead), 303)


@bp.get("/plans/<int:plan_id>/days/<day>")
@requires(Permission.PLAN_READ)
def day(plan_id: int, day: str) -> str:
    """One day of a plan; `stop` in the address opens a visit beside it."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id)
    chosen = day_in(day)
    stop_id = request.args.get("stop", type=int)
    if stop_id is not None and request.headers.get("HX-Request"):
        return render_template("planning/_stop.html", plan=plan, day=chosen, **_panel(plan, chosen, stop_id))
    view = queries.day_view(plan, chosen)
    return render_template(
        "planning/day.html",
        plan=plan,
        view=view,
        day=chosen,
        panel=_panel(plan, chosen, stop_id) if stop_id is not None else None,
        selected=stop_id,
        geojson=_geojson(plan, view),
        kinds=KINDS,
        modes=TRAVEL_MODES,
        states=STATES,
        looks=STATE_LOOKS,
        roads=road_note(plan),
        editable=can_edit(actor, plan),
        approvable=can_approve(actor, plan),
        printable=actor.may(Permission.SHEET_PRINT),
        changeable=covers(actor, Permission.CLAIM_DECIDE, plan.area.path) and chosen >= clock.today(),
        open_=chosen > clock.today(),
    )


def day_in(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotFound(_("没有这一天。"), _("请从月计划里点进来。")) from None


def _geojson(plan: Plan, view: queries.DayView) -> dict[str, Any]:
    """Routes as straight lines between doors, plates, starts, and triangles for what is not planned."""
    features: list[dict[str, Any]] = []

    def point(lat: float, lon: float, **properties: Any) -> None:
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [lon, lat]},
                "properties": properties,
            }
        )

    for lane in view.lanes:
        worker, route = lane.route.worker, lane.route.letter
        line = [[worker.start_longitude, worker.start_latitude]]
        for stop in lane.stops:
            home = stop.elder.household
            if home.latitude is not None and home.longitude is not None:
                line.append([home.longitude, home.latitude])
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "LineString", "coordinates": line},
                "properties": {"kind": "route", "route": route},
            }
        )
        point(worker.start_latitude, worker.start_longitude, kind="start", title=worker.name)
        for number, here in lane.doors.items():
            stop, home = here[0], here[0].elder.household
            if home.latitude is not None and home.longitude is not None:
                names = "、".join(f"{one.elder.name} {i18n.hour(one.start_seconds)}" for one in here)
                point(
                    home.latitude,
                    home.longitude,
                    kind="stop",
                    id=f"s{stop.id}",
                    label=f"{lane.letter}{number}",
                    title=f"{lane.letter}{number} {names}",
                    route=route,
                    key=any(one.is_key for one in here),
                    href=url_for("planning.day", plan_id=plan.id, day=view.day, stop=stop.id),
                )
    for number, row in enumerate(view.left, start=1):
        place = view.places.get(row.elder_id)
        if place is not None and row.visit_id is None:
            point(*place, kind="unassigned", id=f"s{row.id}", label=str(number), title=row.elder)
    return {"type": "FeatureCollection", "features": features}


# --- one visit -------------------------------------------------------------------------------------------


def _panel(
    plan: Plan, day: date, stop_id: int, form: MoveForm | None = None, answer: Any = None
) -> dict[str, Any]:
    """What stands beside the day about one visit."""
    actor = current_actor()
    stop = queries.load_stop(plan, stop_id)
    return {
        "stop": stop,
        "form": form or _move_form(plan, stop, day),
        "answer": answer,
        "offer": OfferForm(formdata=None, day=max(day, stop.period_from)) if stop.route_id is None else None,
        "offerable": actor.may(Permission.VISIT_OPEN) and services.is_offerable(stop),
        "editable": can_edit(actor, plan) and stop.visit_id is None and "!" not in stop.visit_key,
    }


def _move_form(plan: Plan, stop: PlanStop, day: date) -> MoveForm:
    """The form with its choices, filled with where the visit is now or with what the address asks for."""
    people = queries.workers_of(plan)
    values: dict[str, Any] = {"day": day, "position": AUTOMATIC, "second": 0}
    if stop.route is not None:
        values |= {"worker": stop.route.worker_id, "day": stop.route.day}
    wished = request.args.get("worker", type=int)
    if wished is not None:
        values["worker"] = wished
    if request.args.get("day"):
        values["day"] = day_in(request.args["day"])
    form = MoveForm(data=values) if request.method == "GET" else MoveForm()
    form.worker.choices = people
    form.second.choices = [(0, _("不用")), *people]
    form.position.choices = [(AUTOMATIC, _("最省路的位置"))] + [
        (n, _("第 %(n)s 次", n=n + 1)) for n in range(12)
    ]
    return form


def _target(form: MoveForm) -> Target:
    assert form.day.data is not None, "a required field"
    position = form.position.data
    return Target(
        worker_id=form.worker.data,
        day=form.day.data,
        position=None if position in (None, AUTOMATIC) else position,
        second_id=form.second.data or None,
    )


@bp.get("/plans/<int:plan_id>/stops/<int:stop_id>/preview")
@requires(Permission.PLAN_EDIT)
def preview(plan_id: int, stop_id: int) -> str:
    """What would happen if the visit went elsewhere, before anything is saved."""
    plan = queries.load_plan(current_actor(), plan_id, Permission.PLAN_EDIT)
    stop = queries.load_stop(plan, stop_id)
    worker, chosen = request.args.get("worker", type=int), request.args.get("day")
    if worker is None or not chosen:
        return render_template("planning/_answer.html", found=None, problem=_("请选由谁去、哪一天。"))
    position = request.args.get("position", default=AUTOMATIC, type=int)
    target = Target(
        worker,
        day_in(chosen),
        None if position == AUTOMATIC else position,
        request.args.get("second", type=int) or None,
    )
    try:
        found = services.preview_move(plan, stop, target)
    except DomainError as problem:
        db.session.rollback()
        text = f"{problem.message}{problem.remedy}"
        return render_template("planning/_answer.html", found=None, problem=text)
    db.session.rollback()
    return render_template("planning/_answer.html", found=found, problem="")


@bp.post("/plans/<int:plan_id>/stops/<int:stop_id>/move")
@requires(Permission.PLAN_EDIT)
def move(plan_id: int, stop_id: int) -> Response | tuple[str, int]:
    """Move a visit; refused with everything that speaks against it."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    stop = queries.load_stop(plan, stop_id)
    back = day_in(request.form.get("back") or clock.today().isoformat())
    form = _move_form(plan, stop, back)
    problem: DomainError
    if form.validate_on_submit():
        try:
            found = services.move_stop(
                actor, plan, stop, _target(form), accept_warnings=bool(form.accept.data)
            )
            db.session.commit()
            flash(_moved(found, stop), "ok")
            return _to(url_for("planning.day", plan_id=plan_id, day=found.target.day, stop=stop_id))
        except DomainError as refused:
            db.session.rollback()
            problem = refused
    else:
        problem = InvalidInput(_("请选由谁去、哪一天。"))
    form.take(problem)
    panel = _panel(plan, back, stop_id, form, problem)
    if request.headers.get("HX-Request"):
        return render_template("planning/_stop.html", plan=plan, day=back, **panel), 422
    return render_template("planning/stop.html", plan=plan, day=back, panel=panel), 422


def _moved(found: services.Preview, stop: PlanStop) -> str:
    return _(
        "%(elder)s改由%(worker)s %(day)s %(time)s 去，已固定。",
        elder=stop.elder.name,
        worker=found.worker_name,
        day=i18n.day(found.target.day),
        time=i18n.hour(stop.start_seconds),
    )


def _to(url: str) -> Response:
    """Go on to a page, also from a partial update."""
    if request.headers.get("HX-Request"):
        return leave_for(url)
    return redirect(url, 303)


@bp.post("/plans/<int:plan_id>/stops/<int:stop_id>/take-off")
@requires(Permission.PLAN_EDIT)
def take_off(plan_id: int, stop_id: int) -> Response:
    """Take a visit off its route."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    stop = queries.load_stop(plan, stop_id)
    chosen = stop.route.day if stop.route is not None else plan.month
    services.take_off(actor, plan, stop)
    db.session.commit()
    flash(_("%(elder)s这次已从路线里拿下，在“没排上”里。", elder=stop.elder.name), "ok")
    return redirect(url_for("planning.day", plan_id=plan_id, day=chosen), 303)


@bp.post("/plans/<int:plan_id>/stops/<int:stop_id>/pin")
@requires(Permission.PLAN_EDIT)
def pin(plan_id: int, stop_id: int) -> Response:
    """Fix a visit where it is, or let it go."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    stop = queries.load_stop(plan, stop_id)
    chosen = stop.route.day if stop.route is not None else plan.month
    services.pin_stops(actor, plan, [stop], pinned=PinForm().pinned.data == "1")
    db.session.commit()
    return redirect(url_for("planning.day", plan_id=plan_id, day=chosen, stop=stop_id), 303)


@bp.post("/plans/<int:plan_id>/days/<day>/pin")
@requires(Permission.PLAN_EDIT)
def pin_day(plan_id: int, day: str) -> Response:
    """Fix everything on a day."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    chosen = day_in(day)
    view = queries.day_view(plan, chosen)
    count = services.pin_stops(actor, plan, [stop for lane in view.lanes for stop in lane.stops], pinned=True)
    db.session.commit()
    flash(_("固定了 %(n)s 次，重排时不动。", n=count), "ok")
    return redirect(url_for("planning.day", plan_id=plan_id, day=chosen), 303)


@bp.post("/plans/<int:plan_id>/stops/<int:stop_id>/offer")
@requires(Permission.VISIT_OPEN)
def offer(plan_id: int, stop_id: int) -> Response:
    """Put a visit that was left out up for claims."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    stop = queries.load_stop(plan, stop_id)
    form = OfferForm()
    if not form.validate_on_submit() or form.day.data is None or form.time.data is None:
        raise InvalidInput(_("请填哪一天、几点。"))
    seconds = form.time.data.hour * 3600 + form.time.data.minute * 60
    services.offer_stop(actor, plan, stop, form.day.data, seconds)
    db.session.commit()
    flash(_("%(elder)s这次已放到可认领。", elder=stop.elder.name), "ok")
    if request.form.get("back"):
        return redirect(url_for("planning.day", plan_id=plan_id, day=day_in(request.form["back"])), 303)
    return redirect(url_for("planning.left", plan_id=plan_id), 303)
