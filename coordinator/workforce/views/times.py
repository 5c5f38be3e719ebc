"""When a worker comes: one page for the coordinator and for the worker; and the worker's own page."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.errors import InvalidInput
from coordinator.kernel.i18n import hour
from coordinator.workforce import fitness, services
from coordinator.workforce.forms import FILLS, SPANS, DaysOffForm, WeekForm
from coordinator.workforce.models import Worker
from coordinator.workforce.preference_forms import FurtherHoursForm
from coordinator.workforce.queries import (
    own_worker,
    worker_in_scope,
)
from coordinator.workforce.services.times import add_further_hours
from coordinator.workforce.views.common import Answer, P, bp, page_of, saved


def _times_page(found: Worker, layout: str, back: str, save: str, days_off: str) -> Answer:
    form = WeekForm.of(list(found.availability))
    filled = request.method == "POST" and form.fill(request.form.get("fill", ""))
    if not filled and form.validate_on_submit():
        try:
            services.set_availability(current_actor(), found, form.week())
            db.session.commit()
        except InvalidInput as problem:
            db.session.rollback()
            _mark_day(form, problem)
        else:
            flash(_("已保存。以后按新的时间安排。"), "ok")
            if not found.availability:
                flash(_("您一天也没有选，不会再排给您。想来的时候再来改。"), "warn")
            return saved(found.id, back)
    return page_of(
        "workforce/times.html",
        422 if form.is_submitted() and not filled else 200,
        form=form,
        name=found.name,
        layout=layout,
        back=back,
        save=save,
        days_off=days_off,
        fills=FILLS,
        hours={name: f"{hour(starts)}–{hour(ends)}" for name, (starts, ends) in SPANS.items()},
    )


def _mark_day(form: WeekForm, problem: InvalidInput) -> None:
    """Show a refusal at its weekday."""
    part = form._fields.get(problem.field or "")
    if part is None:
        form.take(problem)
    else:
        part.form.span.errors = [*part.form.span.errors, str(problem.message)]


def _days_off_page(found: Worker, layout: str, back: str, here: str, remove: str) -> Answer:
    """Two forms on one page: days on which nobody is sent, and hours beside the weekly ones."""
    today = clock.today()
    further = request.form.get("more") == "1"
    days: dict[str, Any] = {"first_day": today, "last_day": today}
    form = DaysOffForm(None if further else request.form or None, data=days)
    more = FurtherHoursForm(request.form if further else None, data=days, prefix="more-")
    used = more if further else form
    if request.method == "POST" and used.validate():
        actor = current_actor()
        try:
            if further:
                hours = (more.starts.data, more.ends.data)
                add_further_hours(actor, found, more.first_day.data, more.last_day.data, hours)
            else:
                services.add_days_off(
                    actor, found, form.first_day.data, form.last_day.data, form.note.data or ""
                )
            db.session.commit()
        except InvalidInput as problem:
            db.session.rollback()
            used.take(problem)
        else:
            flash(_("已登记，这些时间也会安排。") if further else _("已登记，这几天不会安排。"), "ok")
            return redirect(here, 303) if further else saved(found.id, back)
    return page_of(
        "workforce/days_off.html",
        422 if request.method == "POST" else 200,
        form=form,
        more=more,
        name=found.name,
        leaves=[one for one in found.exceptions if one.last_day >= today],
        layout=layout,
        back=back,
        here=here,
        remove=remove,
    )


@bp.route("/<int:worker_id>/times", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def times(worker_id: int) -> Answer:
    """A coordinator types in a worker's weekly hours."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    back = url_for("workforce.worker", worker_id=worker_id)
    return _times_page(
        found, "layouts/desk.html", back, request.path, url_for("workforce.days_off", worker_id=worker_id)
    )


@bp.route("/<int:worker_id>/days-off", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def days_off(worker_id: int) -> Answer:
    """A coordinator types in days on which a worker does not come."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    return _days_off_page(
        found,
        "layouts/desk.html",
        url_for("workforce.worker", worker_id=worker_id),
        request.path,
        url_for("workforce.remove_days_off", worker_id=worker_id),
    )


@bp.post("/<int:worker_id>/days-off/remove")
@requires(P.WORKER_EDIT)
def remove_days_off(worker_id: int) -> Answer:
    """Take days off back."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    services.remove_days_off(current_actor(), found, request.form.get("leave", 0, type=int))
    db.session.commit()
    return redirect(url_for("workforce.days_off", worker_id=worker_id), 303)


@bp.get("/me")
@requires(P.WORK)
def me() -> Answer:
    """「我的」: own data, hours, credentials."""
    found = own_worker(current_actor())
    return page_of(
        "workforce/me.html",
        w=found,
        missing=services.missing_for_duty(found),
        is_minor=fitness.is_minor(found, clock.today()),
        leaves=[one for one in found.exceptions if one.is_leave and one.last_day >= clock.today()],
        further=[one for one in found.exceptions if not one.is_leave and one.last_day >= clock.today()],
    )


@bp.route("/me/times", methods=["GET", "POST"])
@requires(P.WORK)
def my_times() -> Answer:
    """A worker's own weekly hours."""
    return _times_page(
        own_worker(current_actor()),
        "layouts/phone.html",
        url_for("workforce.me"),
        request.path,
        url_for("workforce.my_days_off"),
    )


@bp.route("/me/days-off", methods=["GET", "POST"])
@requires(P.WORK)
def my_days_off() -> Answer:
    """A worker's own days off."""
    return _days_off_page(
        own_worker(current_actor()),
        "layouts/phone.html",
        url_for("workforce.me"),
        request.path,
        url_for("workforce.remove_my_days_off"),
    )


@bp.post("/me/days-off/remove")
@requires(P.WORK)
def remove_my_days_off() -> Answer:
    """Take own days off back."""
    services.remove_days_off(
        current_actor(), own_worker(current_actor()), request.form.get("leave", 0, type=int)
    )
    db.session.commit()
    return redirect(url_for("workforce.my_days_off"), 303)
