"""今天: the stops of the day, one visit before it begins, the way there, and what is over."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.fieldwork.forms import LateForm
from coordinator.fieldwork.models import PresenceKind
from coordinator.fieldwork.queries.own import (
    day_of,
    history,
    last_times,
    mark_of,
    own_visit,
    presences_of,
    record_of,
    start_of,
    visits_made,
)
from coordinator.fieldwork.queries.remote import calls_of
from coordinator.fieldwork.rules import rules_for
from coordinator.fieldwork.services.calls import report_late
from coordinator.fieldwork.views.blueprint import bp
from coordinator.kernel import clock, geo
from coordinator.kernel.access import Actor, Permission, current_actor, requires
from coordinator.kernel.errors import NotFound
from coordinator.kernel.forms import attempt, status_of
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Visit

HISTORY_PAGE = 30


@bp.get("/today")
@requires(Permission.WORK)
def today() -> str:
    """The next door and the ones after it."""
    actor = current_actor()
    start = start_of(actor)
    day = day_of(actor, start)
    last = {}
    if day.next is not None and day.next.shows_door:
        last = last_times([day.next.visit.elder_id], day.next.visit.starts_at)
    return render_template("fieldwork/today.html", day=day, last=last, calls=calls_of(actor, start.rules))


@bp.get("/today/<int:visit_id>")
@requires(Permission.WORK)
def visit(visit_id: int) -> str:
    """One visit: where and when before it, what to do while it is under way."""
    actor = current_actor()
    found = own_visit(actor, visit_id)
    present = presences_of([found.id])[found.id]
    rules = rules_for(found.area.path)
    now = clock.now()
    shows_door = rules.shows_door(found.starts_at, found.ends_at, now) or (
        found.state is VisitState.IN_PROGRESS
    )
    return render_template(
        "fieldwork/visit.html",
        visit=found,
        shows_door=shows_door,
        rules=rules,
        opens=rules.opens(found.starts_at),
        can_arrive=rules.opens(found.starts_at) <= now <= rules.closes(found.ends_at),
        arrived=mark_of(present, actor.worker_id, PresenceKind.ARRIVED),
        left=mark_of(present, actor.worker_id, PresenceKind.LEFT),
        presences=present,
        record=record_of(found.id),
        last=last_times([found.elder_id], found.starts_at).get(found.elder_id) if shows_door else None,
        me=actor.worker_id,
    )


def _with_door(actor: Actor, visit_id: int) -> Visit:
    """A visit whose door may be shown now; NotFound otherwise."""
    found = own_visit(actor, visit_id)
    rules = rules_for(found.area.path)
    if not rules.shows_door(found.starts_at, found.ends_at, clock.now()):
        raise NotFound(
            _("现在不显示这次探访的地址。"),
            _("前一天 %(n)s 点以后可以看。", n=rules.address_from_hour),
        )
    return found


@bp.get("/today/<int:visit_id>/way")
@requires(Permission.WORK)
def way(visit_id: int) -> str:
    """带我去: plain links that hand the place to a map program; this page itself asks nobody."""
    found = _with_door(current_actor(), visit_id)
    home = found.elder.household
    links = []
    if home.latitude is not None and home.longitude is not None:
        name = _("探访地点")
        amap_lat, amap_lon = geo.wgs84_to_gcj02(home.latitude, home.longitude)
        baidu_lat, baidu_lon = geo.wgs84_to_bd09(home.latitude, home.longitude)
        amap = {"to": f"{amap_lon:.6f},{amap_lat:.6f},{name}", "mode": "walk", "coordinate": "gaode"}
        baidu = {
            "location": f"{baidu_lat:.6f},{baidu_lon:.6f}",
            "title": name,
            "content": name,
            "output": "html",
            "coord_type": "bd09ll",
            "src": "tanfang",
        }
        links = [
            (_("高德地图"), f"https://uri.amap.com/navigation?{urlencode(amap)}"),
            (_("百度地图"), f"https://api.map.baidu.com/marker?{urlencode(baidu)}"),
            (_("手机里的其他地图"), f"geo:{home.latitude:.6f},{home.longitude:.6f}"),
        ]
    return render_template("fieldwork/way.html", visit=found, links=links)


@bp.route("/today/<int:visit_id>/late", methods=("GET", "POST"))
@requires(Permission.WORK)
def late(visit_id: int) -> str | Response | tuple[str, int]:
    """会晚到: tell the coordinators how much."""
    actor = current_actor()
    found = own_visit(actor, visit_id)
    form = LateForm()
    if attempt(form, lambda: report_late(actor, visit_id, int(form.minutes.data))):
        flash(_("已经告诉社区，他们会和长者说一声。路上慢点。"), "ok")
        return redirect(url_for("fieldwork.today"), 303)
    return render_template("fieldwork/late.html", visit=found, form=form), status_of(form)


@bp.get("/my-visits")
@requires(Permission.WORK)
def my_visits() -> str:
    """What the worker has done, newest first, without names and doors."""
    actor = current_actor()
    before = None
    if request.args.get("before"):
        try:
            before = datetime.fromisoformat(request.args["before"])
        except ValueError:
            before = None
        if before is not None and before.tzinfo is None:
            before = None
    rows = history(actor, before, HISTORY_PAGE + 1)
    older = rows[HISTORY_PAGE - 1].starts_at.isoformat() if len(rows) > HISTORY_PAGE else ""
    return render_template(
        "fieldwork/my_visits.html",
        rows=rows[:HISTORY_PAGE],
        older=older,
        total=visits_made(actor.worker_id),
    )
