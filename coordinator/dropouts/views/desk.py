"""缺人与换人: what waits for a coordinator, and the community's rules about it."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.dropouts.forms import RulesForm
from coordinator.dropouts.queries.handover import pairs_left
from coordinator.dropouts.queries.live import running_searches
from coordinator.dropouts.queries.no_shows import no_shows_to_decide, unexplained
from coordinator.dropouts.queries.swaps import swaps_to_decide
from coordinator.dropouts.rules import rules_for
from coordinator.dropouts.services.settings import save_rules
from coordinator.dropouts.views.blueprint import bp
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission, covers, current_actor, in_areas, requires
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.workforce.models import Worker


@bp.get("/dropouts")
@requires(Permission.CLAIM_DECIDE)
def index() -> str:
    """Searches that run, swaps to agree to, reports and appeals, elders whose paired person has left, and visits
    nobody has heard of."""
    return desk_page()


def desk_page(problem: DomainError | None = None, refusing: int | None = None) -> str:
    """The page; `refusing` is the swap whose form was refused."""
    actor = current_actor()
    return render_template(
        "dropouts/index.html",
        searches=running_searches(actor),
        swaps=swaps_to_decide(actor),
        no_shows=no_shows_to_decide(actor),
        unexplained=unexplained(actor),
        left=[(one, pairs, may_hand(actor, one)) for one, pairs in pairs_left(actor).items()],
        areas=_areas(),
        problem=problem,
        refusing=refusing,
        reason=request.form.get("reason", ""),
    )


def may_hand(actor: Actor, worker: Worker) -> bool:
    """Whether the actor opens the worker's page of handing over; else each elder's page of pairs."""
    return covers(actor, Permission.WORKER_EDIT, worker.area.path)


def _areas() -> list[Area]:
    """The streets and communities whose rules the actor may set."""
    return list(
        db.session.scalars(
            select(Area)
            .where(
                Area.level.in_((AreaLevel.STREET, AreaLevel.COMMUNITY)),
                in_areas(current_actor(), Permission.CLAIM_DECIDE, Area.id),
            )
            .order_by(Area.path)
            .limit(60)
        )
    )


@bp.route("/dropouts/rules/<int:area_id>", methods=("GET", "POST"))
@requires(Permission.CLAIM_DECIDE)
def rules(area_id: int) -> Any:
    """What the community sets: searching by itself, the grace, swaps among people who know the elder."""
    actor = current_actor()
    area = db.session.scalars(
        select(Area).where(Area.id == area_id, in_areas(actor, Permission.CLAIM_DECIDE, Area.id))
    ).one_or_none()
    if area is None:
        raise NotFound(_("没有找到这个地区。"), _("可能不在您的管辖范围内。"))
    now = rules_for(area.path)
    form = RulesForm(obj=now)
    if form.validate_on_submit():
        save_rules(
            actor,
            area,
            automatic_hours=form.automatic_hours.data or 0,
            grace_minutes=form.grace_minutes.data or now.grace_minutes,
            familiar_swap=bool(form.familiar_swap.data),
        )
        db.session.commit()
        flash(_("%(area)s的规则存好了。", area=area.name), "ok")
        return redirect(url_for("dropouts.index"), 303)
    page = render_template("dropouts/rules.html", area=area, form=form)
    return page, 422 if form.is_submitted() else 200
