"""Ways, places, wishes and limits: one page each, for the worker and for the coordinator who types it in."""

from __future__ import annotations

from flask import flash, url_for
from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import geo
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.errors import InvalidInput
from coordinator.workforce.models import Worker
from coordinator.workforce.preference_forms import TravelForm, WishesForm
from coordinator.workforce.queries import own_worker, worker_in_scope
from coordinator.workforce.queries.spots import Spot, dialects_around, reach_of, spot_near, spots_around
from coordinator.workforce.services.preferences import set_travel, set_wishes
from coordinator.workforce.views.common import Answer, P, bp, page_of, saved

PHONE, DESK = "layouts/phone.html", "layouts/desk.html"
# A form's place is one of several fields: the words stand where the eye is.
SHOWN_AT = {"start": "start_spot", "end": "end_spot"}


def _travel_page(found: Worker, layout: str, back: str) -> Answer:
    spots = spots_around(found.area)
    form = TravelForm.of(found, spots)
    if form.validate_on_submit():
        try:
            set_travel(current_actor(), found, form.travel(), reach_of(found.area))
            db.session.commit()
        except InvalidInput as problem:
            db.session.rollback()
            problem.field = SHOWN_AT.get(problem.field or "", problem.field)
            form.take(problem)
        else:
            flash(_("已保存。"), "ok")
            if not _reaches(found, spots):
                flash(
                    _("从这里出发，您选的距离到不了%(area)s，可认领里会是空的。", area=found.area.name),
                    "warn",
                )
            return saved(found.id, back)
    near = spot_near((found.start_latitude, found.start_longitude), spots)
    return page_of(
        "workforce/travel.html",
        422 if form.is_submitted() else 200,
        form=form,
        name=found.name,
        layout=layout,
        back=back,
        near=near,
        centre=(found.start_latitude, found.start_longitude),
    )


def _reaches(worker: Worker, spots: list[Spot]) -> bool:
    """Does the distance chosen reach anything served? Without places on the map nobody can say no."""
    start = (worker.start_latitude, worker.start_longitude)
    return not spots or any(
        geo.haversine_m(*start, *one.place) <= worker.service_radius_metres + 1_000 for one in spots
    )


def _wishes_page(found: Worker, layout: str, back: str) -> Answer:
    form = WishesForm.of(found, dialects_around(found.area))
    if form.validate_on_submit():
        try:
            set_wishes(
                current_actor(), found, wanted=form.wanted(), dialects=form.spoken(), limits=form.limits()
            )
            db.session.commit()
        except InvalidInput as problem:
            db.session.rollback()
            form.take(problem)
        else:
            flash(_("已保存。"), "ok")
            return saved(found.id, back)
    return page_of(
        "workforce/wishes.html",
        422 if form.is_submitted() else 200,
        form=form,
        name=found.name,
        layout=layout,
        back=back,
    )


@bp.route("/me/travel", methods=["GET", "POST"])
@requires(P.WORK)
def my_travel() -> Answer:
    """How, from where and how far the worker goes."""
    return _travel_page(own_worker(current_actor()), PHONE, url_for("workforce.me"))


@bp.route("/me/wishes", methods=["GET", "POST"])
@requires(P.WORK)
def my_wishes() -> Answer:
    """Which visits the worker likes, in which language, and how many at most."""
    return _wishes_page(own_worker(current_actor()), PHONE, url_for("workforce.me"))


@bp.route("/<int:worker_id>/travel", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def travel(worker_id: int) -> Answer:
    """A coordinator types in how, from where and how far a worker goes."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    return _travel_page(found, DESK, url_for("workforce.worker", worker_id=worker_id))


@bp.route("/<int:worker_id>/wishes", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def wishes(worker_id: int) -> Answer:
    """A coordinator types in what a worker likes and how much."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    return _wishes_page(found, DESK, url_for("workforce.worker", worker_id=worker_id))
