"""Approval, credentials, guardians."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.errors import DomainError, InvalidInput, NotFound
from coordinator.workforce import labels, services
from coordinator.workforce.forms import (
    CredentialForm,
    GuardianForm,
    SuspendForm,
)
from coordinator.workforce.models import CredentialKind
from coordinator.workforce.queries import (
    worker_in_scope,
)
from coordinator.workforce.views.common import Answer, P, bp, page_of


@bp.post("/<int:worker_id>/approve")
@requires(P.WORKER_EDIT)
def approve(worker_id: int) -> Answer:
    """Approve, or take back a suspension."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    services.approve_worker(current_actor(), found)
    db.session.commit()
    flash(_("%(name)s已通过审核，可以安排探访了。", name=found.name), "ok")
    return redirect(url_for("workforce.worker", worker_id=worker_id), 303)


@bp.route("/<int:worker_id>/suspend", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def suspend(worker_id: int) -> Answer:
    """Stop a worker, with the reason."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    form = SuspendForm()
    if form.validate_on_submit():
        try:
            services.suspend_worker(current_actor(), found, form.reason.data or "")
            db.session.commit()
        except InvalidInput as problem:
            db.session.rollback()
            form.take(problem)
            found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT, fresh=True)
        else:
            flash(_("已停用%(name)s。", name=found.name), "ok")
            return redirect(url_for("workforce.worker", worker_id=worker_id), 303)
    return page_of("workforce/suspend.html", 422 if form.is_submitted() else 200, form=form, w=found)


@bp.route("/<int:worker_id>/credentials/new", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def credential(worker_id: int) -> Answer:
    """Enter a credential."""
    actor = current_actor()
    found = worker_in_scope(actor, worker_id, P.WORKER_EDIT)
    wanted = request.args.get("kind")
    form = CredentialForm(valid_from=clock.today(), kind=wanted if wanted in list(CredentialKind) else None)
    if form.validate_on_submit():
        try:
            services.add_credential(
                actor,
                found,
                CredentialKind(form.kind.data),
                form.valid_from.data,
                form.valid_to.data,
                form.number.data,
            )
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            found = worker_in_scope(actor, worker_id, P.WORKER_EDIT, fresh=True)
        else:
            flash(_("已登记%(what)s。", what=labels.CREDENTIALS[form.kind.data]), "ok")
            return redirect(url_for("workforce.worker", worker_id=worker_id), 303)
    return page_of("workforce/credential.html", 422 if form.is_submitted() else 200, form=form, w=found)


@bp.route("/<int:worker_id>/guardians/new", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def guardian(worker_id: int) -> Answer:
    """Write down a guardian's consent."""
    actor = current_actor()
    found = worker_in_scope(actor, worker_id, P.WORKER_EDIT)
    form = GuardianForm(given_on=clock.today())
    if form.validate_on_submit():
        try:
            services.add_guardian_consent(
                actor,
                found,
                services.GuardianConsent(
                    form.name.data or "",
                    form.relation.data or "",
                    form.phone.data or "",
                    form.scope.data or "",
                    form.given_on.data,
                    form.valid_to.data,
                ),
            )
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            found = worker_in_scope(actor, worker_id, P.WORKER_EDIT, fresh=True)
        else:
            flash(_("已登记监护人同意。"), "ok")
            return redirect(url_for("workforce.worker", worker_id=worker_id), 303)
    return page_of("workforce/guardian.html", 422 if form.is_submitted() else 200, form=form, w=found)


@bp.post("/<int:worker_id>/guardians/<int:guardian_id>/withdraw")
@requires(P.WORKER_EDIT)
def withdraw_guardian(worker_id: int, guardian_id: int) -> Answer:
    """The guardian takes the consent back."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    row = next((one for one in found.guardians if one.id == guardian_id), None)
    if row is None:
        raise NotFound(_("没有找到这份同意。"))
    services.withdraw_guardian_consent(current_actor(), found, row)
    db.session.commit()
    flash(_("已撤回。从现在起不再安排%(name)s。", name=found.name), "ok")
    return redirect(url_for("workforce.worker", worker_id=worker_id), 303)
