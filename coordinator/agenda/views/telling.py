"""Coordinators: what nobody was told of yet, who was not reached, the groups."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.agenda.forms import RobotForm
from coordinator.agenda.queries.unreached import areas_for, load_parcel, load_robot, robots_of, unreached
from coordinator.agenda.queries.untold import untold
from coordinator.agenda.services import tell_changes
from coordinator.agenda.views.blueprint import bp
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.forms import attempt, options, status_of
from coordinator.messages.services import add_robot, close_parcel, say_in_group, send_again, stop_robot


@bp.get("/")
@requires(Permission.CLAIM_DECIDE)
def index() -> str:
    """Changes to be told, and messages that have not arrived."""
    actor = current_actor()
    people = [
        (rows[0], rows)
        for rows in (list(group) for _key, group in groupby(untold(actor), key=lambda one: one.worker_id))
    ]
    return render_template(
        "agenda/index.html",
        people=people,
        reachable=sum(1 for first, _rows in people if first.user_id is not None),
        failed=unreached(actor),
    )


@bp.post("/tell")
@requires(Permission.CLAIM_DECIDE)
def tell() -> Response:
    """Tell everybody, or the one whose button was pressed."""
    one = request.form.get("worker", type=int)
    told, to_call = tell_changes(current_actor(), None if one is None else {one})
    db.session.commit()
    if told:
        flash(_("已通知 %(n)s 人。", n=told), "ok")
    if to_call:
        flash(_("%(names)s没有账号，请打电话告诉他们。", names="、".join(to_call)), "warn")
    if not told and not to_call:
        flash(_("都已经通知过了。"), "ok")
    return redirect(url_for("agenda.index"), 303)


@bp.post("/parcels/<int:parcel_id>/again")
@requires(Permission.CLAIM_DECIDE)
def again(parcel_id: int) -> Response:
    """Send a message once more that has not arrived."""
    actor = current_actor()
    send_again(actor, load_parcel(actor, parcel_id))
    db.session.commit()
    flash(_("正在再发一次。"), "ok")
    return redirect(url_for("agenda.index"), 303)


@bp.post("/parcels/<int:parcel_id>/close")
@requires(Permission.CLAIM_DECIDE)
def close(parcel_id: int) -> Response:
    """The person was told in another way."""
    actor = current_actor()
    close_parcel(actor, load_parcel(actor, parcel_id))
    db.session.commit()
    flash(_("已记下，您通知到了。"), "ok")
    return redirect(url_for("agenda.index"), 303)


@bp.route("/robots", methods=["GET", "POST"])
@requires(Permission.VISIT_OPEN)
def robots() -> Any:
    """The robots of the areas' groups, and one more."""
    actor = current_actor()
    areas = areas_for(actor, Permission.VISIT_OPEN)
    form = RobotForm()
    form.area.choices = options((area.id, area.name) for area in areas)

    def add() -> None:
        area = next(one for one in areas if str(one.id) == form.area.data)
        add_robot(actor, area, form.name.data or "", form.address.data or "", evening=bool(form.evening.data))

    if attempt(form, add):
        flash(_("已添加。请按“试一试”，看群里有没有收到。"), "ok")
        return redirect(url_for("agenda.robots"), 303)
    return render_template("agenda/robots.html", form=form, robots=robots_of(actor)), status_of(form)


@bp.post("/robots/<int:robot_id>/try")
@requires(Permission.VISIT_OPEN)
def try_robot(robot_id: int) -> Response:
    """Say a word in the group."""
    robot = load_robot(current_actor(), robot_id)
    # Pressed several times in a minute it is one word.
    key = f"robot-try:{robot.id}:{clock.machine_now():%Y%m%d%H%M}"
    say_in_group(robot, _("这是一次试发"), [_("收到就说明设置好了。")], "/", dedupe_key=key, hours=1)
    db.session.commit()
    flash(_("已发出，请到群里看。过一会儿还没有，就看“没有送到的消息”。"), "ok")
    return redirect(url_for("agenda.robots"), 303)


@bp.post("/robots/<int:robot_id>/stop")
@requires(Permission.VISIT_OPEN)
def stop(robot_id: int) -> Response:
    """Say nothing more in a group."""
    actor = current_actor()
    stop_robot(actor, load_robot(actor, robot_id))
    db.session.commit()
    flash(_("已停用。"), "ok")
    return redirect(url_for("agenda.robots"), 303)
