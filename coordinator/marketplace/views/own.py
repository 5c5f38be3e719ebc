"""What follows from one's own settings: visits that do not fit any more, and homes one does not go to."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.marketplace.duty import duty_worker
from coordinator.marketplace.queries.fits import misfits
from coordinator.marketplace.services import own_duty, own_opening
from coordinator.marketplace.services.refusing import refuse_this_home
from coordinator.marketplace.views.blueprint import bp
from coordinator.workforce.queries import worker_in_scope


@bp.get("/my-visits/still-fit")
@requires(Permission.WORK)
def still_fits() -> Any:
    """What the worker holds that does not fit the own settings; nothing is dropped by itself."""
    found = misfits(own_duty(current_actor()))
    if not found:
        return redirect(url_for("workforce.me"), 303)
    return render_template("marketplace/still_fits.html", found=found)


@bp.get("/workforce/<int:worker_id>/still-fit")
@requires(Permission.WORKER_EDIT)
def worker_still_fits(worker_id: int) -> Any:
    """The same for the coordinator who has typed in a worker's settings."""
    person = worker_in_scope(current_actor(), worker_id, Permission.WORKER_EDIT)
    worker = duty_worker(person.id)
    found = misfits(worker) if worker is not None else []
    if not found:
        return redirect(url_for("workforce.worker", worker_id=worker_id), 303)
    return render_template("marketplace/worker_still_fits.html", found=found, person=person)


@bp.get("/open-visits/<int:visit_id>/not-this-home")
@requires(Permission.WORK)
def not_this_home(visit_id: int) -> Any:
    """不去这一家: asked once more, without a reason."""
    opening, _rules = own_opening(own_duty(current_actor()), visit_id)
    return render_template("marketplace/not_this_home.html", opening=opening)


@bp.post("/open-visits/<int:visit_id>/refuse-home")
@requires(Permission.WORK)
def refuse_home(visit_id: int) -> Any:
    """The answer. What is asked for at this home is taken back; what is agreed is shown, to be left by hand."""
    actor = current_actor()
    done = refuse_this_home(actor, visit_id)
    db.session.commit()
    flash(_("记下了，以后不再请您去这一家。"), "ok")
    if done.claims:
        flash(_("您在这一家申请的 %(n)s 次也撤回了。", n=done.claims), "info")
    return redirect(url_for("marketplace.still_fits" if done.agreed else "marketplace.open_visits"), 303)
