"""Plans of a month for many streets at once: ordering drafts, one page for how far they are. No elder is shown."""

from __future__ import annotations

from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.forms import outcome
from coordinator.planning import queries, services
from coordinator.planning.forms import OrderForm, StreetForm, street_seconds
from coordinator.planning.labels import LINE_LOOKS, LINES, STAGES, STATE_LOOKS, STATES, month_name
from coordinator.planning.models import PlanBatch
from coordinator.planning.translate import horizon
from coordinator.planning.views import bp
from coordinator.planning.views.months import asked_month, next_month


@bp.get("/city")
@requires(Permission.PLAN_ORDER)
def city() -> str:
    """The streets of a county or city with their plans of a month (`month` 2026-04, `area` in the address)."""
    area = queries.load_ordering_area(current_actor(), request.args.get("area", type=int))
    return _order_page(area, asked_month(request.args.get("month")), OrderForm())


def _order_page(area: Area, first: date, form: OrderForm) -> str:
    choices = queries.street_choices(area, first)
    ticked = set(form.streets.data or ()) if form.is_submitted() else None
    free = [one for one in choices if not one.closed]
    count = sum(one.suggested for one in choices) or len(free)
    workers = queries.workers_now()
    form.seconds.choices = street_seconds(count, workers)
    return render_template(
        "planning/city.html",
        area=area,
        areas=queries.ordering_areas(current_actor()),
        first=first,
        name=month_name(first),
        before=date(first.year - (first.month == 1), (first.month - 2) % 12 + 1, 1),
        after=next_month(first),
        choices=choices,
        ticked=ticked,
        free=free,
        by_county=area.level is AreaLevel.CITY,
        batches=queries.batches_of(area, first),
        form=form,
        states=STATES,
        looks=STATE_LOOKS,
        plannable=horizon(first, clock.today()) is not None,
    )


@bp.post("/city/order")
@requires(Permission.PLAN_ORDER)
def order() -> Response | tuple[str, int]:
    """Owe a draft for each chosen street."""
    actor = current_actor()
    area = queries.load_ordering_area(actor, request.form.get("area", type=int))
    first, form = asked_month(request.form.get("month")), OrderForm()
    choices = queries.street_choices(area, first)
    form.streets.choices = [(one.area.id, one.area.name) for one in choices]
    form.seconds.choices = street_seconds(len(form.streets.data or ()), queries.workers_now())

    def give_order() -> PlanBatch:
        seconds = int(form.seconds.data) or None
        return services.order_plans(actor, area, first, form.streets.data, seconds=seconds)

    made = outcome(form, give_order)
    if made is not None:
        return redirect(url_for("planning.batch", batch_id=made.id), 303)
    return _order_page(area, first, form), 422


@bp.get("/batches/<int:batch_id>")
@requires(Permission.PLAN_ORDER)
def batch(batch_id: int) -> str:
    """How far the streets of an order are."""
    found = queries.load_batch(current_actor(), batch_id)
    return render_template("planning/city_batch.html", name=month_name(found.month), **_facts(found))


@bp.get("/batches/<int:batch_id>/progress")
@requires(Permission.PLAN_ORDER)
def batch_progress(batch_id: int) -> str:
    """The part of the page that is asked for again and again while streets are computed."""
    found = queries.load_batch(current_actor(), batch_id)
    return render_template("planning/_city_batch.html", **_facts(found))


def _facts(found: PlanBatch) -> dict[str, object]:
    view = queries.batch_view(found)
    return {
        "batch": found,
        "view": view,
        "by_county": found.area.level is AreaLevel.CITY,
        "sentence": _sentence(view),
        "lines": LINES,
        "looks": LINE_LOOKS,
        "stages": STAGES,
        "states": STATES,
    }


def _sentence(view: queries.BatchView) -> str:
    all_, ended = len(view.lines), view.ended
    if not view.running:
        return _("%(n)s 个街道都算完了。", n=all_)
    if view.batch.stopped_at is not None:
        return _("正在停下，算到一半的街道留住现在最好的方案。")
    left = i18n.duration(view.left_seconds) if view.left_seconds >= 100 else None
    about = left or _("%(n)s 秒", n=max(1, view.left_seconds))
    return _("%(n)s 个街道算完了 %(m)s 个，大约还要 %(left)s。", n=all_, m=ended, left=about)


@bp.post("/batches/<int:batch_id>/stop")
@requires(Permission.PLAN_ORDER)
def stop_batch(batch_id: int) -> Response:
    """Stop everything that waits or is computed."""
    actor = current_actor()
    services.stop_batch(actor, queries.load_batch(actor, batch_id))
    db.session.commit()
    return redirect(url_for("planning.batch", batch_id=batch_id), 303)


@bp.post("/batches/<int:batch_id>/retry")
@requires(Permission.PLAN_ORDER)
def retry_street(batch_id: int) -> Response:
    """Try one street again; the others are not touched."""
    actor = current_actor()
    found = queries.load_batch(actor, batch_id)
    form = StreetForm()
    if form.validate_on_submit():
        made = services.retry_street(actor, found, form.area.data or 0)
        db.session.commit()
        flash(_("%(area)s重新排上了队。", area=made.area.name), "ok")
    else:
        flash(_("没有看清是哪个街道，请再点一次。"), "error")
    return redirect(url_for("planning.batch", batch_id=batch_id), 303)
