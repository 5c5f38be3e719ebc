"""An organisation's own roster, a school's own students."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import InvalidInput
from coordinator.kernel.listing import Listing, ListingSpec
from coordinator.workforce import services
from coordinator.workforce.forms import TakeOutForm
from coordinator.workforce.queries import (
    ROSTER,
    STUDENTS,
    organisation_workers,
    worker_of_organisation,
)
from coordinator.workforce.views.common import Answer, P, bp, download, page_of


def _own_list(spec: ListingSpec, permission: Permission, title: str, template: str) -> Answer:
    actor = current_actor()
    listing = Listing.read(spec, request.args, request.path)
    statement = organisation_workers(actor, permission, left="status" in listing.values)
    if listing.export_format:
        return download(listing, statement, title)
    return page_of(template, page=listing.fetch(db.session, statement, scalars=False), listing=listing)


@bp.get("/roster")
@requires(P.ROSTER_READ)
def roster() -> Answer:
    """An organisation's own people."""
    return _own_list(ROSTER, P.ROSTER_READ, _("本单位人员"), "workforce/roster.html")


@bp.get("/students")
@requires(P.STUDENT_READ)
def students() -> Answer:
    """A school's own students."""
    return _own_list(STUDENTS, P.STUDENT_READ, _("本校学生"), "workforce/students.html")


@bp.route("/roster/<int:worker_id>/leave", methods=["GET", "POST"])
@requires(P.ROSTER_EDIT)
def take_out(worker_id: int) -> Answer:
    """Somebody has left the organisation."""
    actor = current_actor()
    found = worker_of_organisation(actor, worker_id)
    back = url_for("workforce.roster" if actor.may(P.ROSTER_READ) else "workforce.students")
    form = TakeOutForm()
    if form.validate_on_submit():
        try:
            services.take_out(actor, found, form.note.data or "")
            db.session.commit()
        except InvalidInput as problem:
            db.session.rollback()
            form.take(problem)
        else:
            flash(_("%(name)s已从名册移出，还没去的探访会另外派人。", name=found.name), "ok")
            return redirect(back, 303)
    status = 422 if form.is_submitted() else 200
    return page_of("workforce/take_out.html", status, form=form, w=found, back=back)
