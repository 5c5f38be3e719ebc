"""Leaving the register, undoing a mistake, coming back."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from coordinator.elders.models import ElderStatus
from coordinator.elders.queries import elder_in_scope
from coordinator.elders.services.undo import UNDO_WITHIN
from coordinator.kernel import clock
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.forms import attempt, status_of
from coordinator.register.forms import LeaveForm, UndoForm
from coordinator.register.queries.planned import planned_of
from coordinator.register.services import leaving as services
from coordinator.register.services.release import Released
from coordinator.register.views.blueprint import Answer, P, bp


@bp.route("/elders/<int:elder_id>/leave", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def leave(elder_id: int) -> Answer:
    """Close the dossier; what is planned is called off."""
    actor = current_actor()
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT)
    status = request.args.get("status", "")
    form = LeaveForm(
        left_on=clock.today(), status=status if status in {str(one) for one in services.MAY_END} else None
    )
    done: list[Released] = []

    def act() -> None:
        done.append(
            services.leave(
                actor, elder, ElderStatus(form.status.data), form.left_on.data, form.note.data or ""
            )
        )

    if attempt(form, act):
        text = _("已登记。档案保留，不再安排探访。")
        if done[0].visits:
            text += _("取消了 %(n)s 次探访，通知了 %(told)s 人。", n=done[0].visits, told=done[0].told)
        flash(text, "ok")
        return redirect(url_for("elders.dossier", elder_id=elder_id), 303)
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT, fresh=True)
    page = render_template(
        "register/leave.html", form=form, e=elder, planned=planned_of(elder_id, clock.today())
    )
    return page, status_of(form)


@bp.route("/elders/<int:elder_id>/undo-leaving", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def undo_leaving(elder_id: int) -> Answer:
    """The leaving was written down by mistake."""
    actor = current_actor()
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT)
    form = UndoForm()
    if attempt(form, lambda: services.undo_leaving(actor, elder, form.reason.data or "")):
        flash(_("已经改回，和没有离册一样。取消了的探访请重新安排。"), "ok")
        return redirect(url_for("elders.dossier", elder_id=elder_id), 303)
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT, fresh=True)
    page = render_template("register/undo_leaving.html", form=form, e=elder, within_days=UNDO_WITHIN.days)
    return page, status_of(form)
