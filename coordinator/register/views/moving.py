"""Moving house: at once within one's areas, elsewhere as a request."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from coordinator.elders.models import Elder, ElderStatus
from coordinator.elders.queries import elder_in_scope
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.areas import Area
from coordinator.kernel.forms import attempt, options, status_of
from coordinator.register.forms import MoveForm, ReturnForm
from coordinator.register.models import AreaMove, MoveState
from coordinator.register.queries.moves import (
    is_receiver,
    is_sender,
    move_in_scope,
    moves_of,
    targets,
    waiting_move,
)
from coordinator.register.queries.planned import planned_of
from coordinator.register.services import moving as services
from coordinator.register.views.blueprint import Answer, P, bp


@bp.get("/moves")
@requires(P.ELDER_EDIT)
def moves() -> Answer:
    """Moves from and to one's areas, those that wait first."""
    actor = current_actor()
    found = moves_of(actor)
    return render_template(
        "register/moves.html",
        waiting=[one for one in found if one.state is MoveState.REQUESTED],
        settled=[one for one in found if one.state is not MoveState.REQUESTED],
        is_receiver=lambda one: is_receiver(actor, one),
    )


@bp.route("/elders/<int:elder_id>/move", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def move_away(elder_id: int) -> Answer:
    """Move an elder to another community."""
    actor = current_actor()
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT)
    form = MoveForm(moved_on=clock.today())
    form.to_area_id.choices = options(targets(elder))
    made: list[AreaMove] = []

    def act() -> None:
        area = db.session.get_one(Area, int(form.to_area_id.data))
        together = _others(elder) if form.together.data else []
        for one in [elder, *together]:
            made.append(
                services.move_elder(
                    actor,
                    one,
                    area,
                    form.to_address.data or "",
                    form.moved_on.data,
                    form.reason.data or "",
                )
            )

    if attempt(form, act):
        if made[0].state is MoveState.ACCEPTED:
            flash(_("已经转到%(area)s。", area=made[0].to_area.name), "ok")
            return redirect(url_for("elders.dossier", elder_id=elder_id), 303)
        flash(_("已经请%(area)s接收。接收以前仍由您这里探访。", area=made[0].to_area.name), "ok")
        return redirect(url_for("register.moves"), 303)
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT)
    page = render_template(
        "register/move_away.html",
        form=form,
        e=elder,
        others=_others(elder),
        waiting=waiting_move(elder),
        planned=planned_of(elder.id, clock.today()),
    )
    return page, status_of(form)


def _others(elder: Elder) -> list[Elder]:
    return [
        one
        for one in elder.household.elders
        if one.id != elder.id and one.status is ElderStatus.ACTIVE and one.area_id == elder.area_id
    ]


@bp.get("/moves/<int:move_id>")
@requires(P.ELDER_EDIT)
def move(move_id: int) -> Answer:
    """One move: what the receiver decides, what the sender waits for."""
    return _move_page(move_id, ReturnForm(formdata=None))


def _move_page(move_id: int, form: ReturnForm) -> Answer:
    actor = current_actor()
    found = move_in_scope(actor, move_id)
    page = render_template(
        "register/move.html",
        move=found,
        form=form,
        receives=is_receiver(actor, found),
        sends=is_sender(actor, found),
        planned=planned_of(found.elder_id, clock.today()) if found.state is MoveState.REQUESTED else (),
    )
    return page, status_of(form)


@bp.post("/moves/<int:move_id>/accept")
@requires(P.ELDER_EDIT)
def accept_move(move_id: int) -> Answer:
    """Take the elder."""
    actor = current_actor()
    found = move_in_scope(actor, move_id)
    elder_id, name = found.elder_id, found.elder.name
    services.accept_move(actor, found)
    db.session.commit()
    flash(_("%(name)s已经转入，从今天起由您这里探访。请核对档案。", name=name), "ok")
    return redirect(url_for("elders.dossier", elder_id=elder_id), 303)


@bp.post("/moves/<int:move_id>/return")
@requires(P.ELDER_EDIT)
def return_move(move_id: int) -> Answer:
    """Send it back."""
    actor = current_actor()
    found = move_in_scope(actor, move_id)
    form = ReturnForm()
    if attempt(form, lambda: services.return_move(actor, found, form.decision_reason.data or "")):
        flash(_("已经退回，对方收到了原因。"), "ok")
        return redirect(url_for("register.moves"), 303)
    return _move_page(move_id, form)


@bp.post("/moves/<int:move_id>/withdraw")
@requires(P.ELDER_EDIT)
def withdraw_move(move_id: int) -> Answer:
    """Take the request back."""
    actor = current_actor()
    services.withdraw_move(actor, move_in_scope(actor, move_id))
    db.session.commit()
    flash(_("已经撤回，长者仍在您这里。"), "ok")
    return redirect(url_for("register.moves"), 303)
