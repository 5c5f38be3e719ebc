"""Opening a worker's account."""

from __future__ import annotations

from coordinator.extensions import db
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.errors import InvalidInput
from coordinator.workforce import services
from coordinator.workforce.forms import AccountForm
from coordinator.workforce.queries import worker_in_scope
from coordinator.workforce.views.common import Answer, P, bp, page_of


@bp.route("/<int:worker_id>/account", methods=["GET", "POST"])
@requires(P.ACCOUNT_MANAGE)
def account(worker_id: int) -> Answer:
    """Open the account; the one-time password is shown on this answer only."""
    actor = current_actor()
    found = worker_in_scope(actor, worker_id, P.ACCOUNT_MANAGE)
    form = AccountForm(username=services.suggested_username(found))
    if form.validate_on_submit():
        try:
            user, once = services.open_account(actor, found, form.username.data or "")
            db.session.commit()
        except InvalidInput as problem:
            db.session.rollback()
            form.take(problem)
            found = worker_in_scope(actor, worker_id, P.ACCOUNT_MANAGE, fresh=True)
        else:
            return page_of("workforce/account.html", w=found, user=user, once=once)
    return page_of("workforce/account.html", 422 if form.is_submitted() else 200, w=found, form=form)
