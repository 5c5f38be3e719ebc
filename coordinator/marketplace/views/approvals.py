"""审批: what waits for a coordinator, doubtful claims first, the others ready to be approved together."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError
from coordinator.marketplace.doubts import checks, doubt, good_news, needs_reason
from coordinator.marketplace.forms import ApproveForm, RefuseForm
from coordinator.marketplace.labels import READY_REASONS
from coordinator.marketplace.queries.inbox import Waiting, waiting_claims
from coordinator.marketplace.services import approve_claim, approve_claims, refuse_claim
from coordinator.marketplace.views.blueprint import bp
from coordinator.marketplace.views.retrying import retrying


@bp.get("/approvals")
@requires(Permission.CLAIM_DECIDE)
def approvals() -> str:
    """The queue and the claim in question."""
    return _page(request.args.get("claim", type=int))


def _page(claim_id: int | None, approve: ApproveForm | None = None, refuse: RefuseForm | None = None) -> str:
    waiting = waiting_claims(current_actor())
    judged: list[tuple[Waiting, Any]] = [(one, doubt(one)) for one in waiting]
    doubtful = [(one, why) for one, why in judged if why is not None]
    clean = [one for one, why in judged if why is None]
    order = [one for one, _why in doubtful] + clean
    chosen = next((one for one in order if one.claim_id == claim_id), order[0] if order else None)
    place = order.index(chosen) if chosen else 0
    return render_template(
        "marketplace/approvals.html",
        doubtful=doubtful,
        clean=clean,
        total=len(order),
        chosen=chosen,
        why=doubt(chosen) if chosen else None,
        number=place + 1,
        next_id=order[place + 1].claim_id if place + 1 < len(order) else None,
        good_news=good_news,
        checks=checks(chosen) if chosen else [],
        needs_reason=needs_reason(chosen) if chosen else False,
        picked=claim_id is not None,
        ready=READY_REASONS,
        approve_form=approve or ApproveForm(formdata=None),
        refuse_form=refuse or RefuseForm(formdata=None),
        refusing=refuse is not None,
    )


def _next() -> Response:
    following = request.form.get("next", type=int)
    return redirect(url_for("marketplace.approvals", claim=following), 303)


@bp.post("/approvals/<int:claim_id>/approve")
@requires(Permission.CLAIM_DECIDE)
def approve(claim_id: int) -> Any:
    """Give the visit to the people of the claim and tell them."""
    actor, form = current_actor(), ApproveForm()
    try:
        if form.validate():
            retrying(lambda: approve_claim(actor, claim_id, form.override_reason.data or ""))
            flash(_("已同意，申请人收到了通知。"), "ok")
            return _next()
    except DomainError as problem:
        db.session.rollback()
        if problem.status == 404:
            raise
        form.take(problem)
    return _page(claim_id, approve=form), 422


@bp.post("/approvals/<int:claim_id>/refuse")
@requires(Permission.CLAIM_DECIDE)
def refuse(claim_id: int) -> Any:
    """Say no, with a reason."""
    actor, typed = current_actor(), request.form.copy()
    ready = request.form.get("ready", type=int)
    if ready is not None and 1 <= ready <= len(READY_REASONS):
        typed["reason"] = str(READY_REASONS[ready - 1])
    form = RefuseForm(typed)
    try:
        if form.validate():
            retrying(lambda: refuse_claim(actor, claim_id, form.reason.data or ""))
            flash(_("没有同意，申请人会看到理由。"), "ok")
            return _next()
    except DomainError as problem:
        db.session.rollback()
        if problem.status == 404:
            raise
        form.take(problem)
    return _page(claim_id, refuse=form), 422


@bp.post("/approvals/together")
@requires(Permission.CLAIM_DECIDE)
def approve_together() -> Response:
    """Approve the chosen clean claims. What has become doubtful meanwhile is left with a word."""
    actor = current_actor()
    wanted = set(request.form.getlist("id", type=int))
    clean = [one.claim_id for one in waiting_claims(actor) if one.claim_id in wanted and doubt(one) is None]
    db.session.rollback()
    approved, left = retrying(lambda: approve_claims(actor, clean))
    if approved:
        flash(_("同意了 %(n)s 条，申请人都收到了通知。", n=approved), "ok")
    behind = len(wanted) - approved
    if behind:
        said = left[0] if left else _("情况有变化，请逐条再看。")
        flash(_("还有 %(n)s 条没有同意：%(why)s", n=behind, why=said), "warn")
    if not wanted:
        flash(_("还没有选。请先勾选要一起同意的。"), "warn")
    return redirect(url_for("marketplace.approvals"), 303)
