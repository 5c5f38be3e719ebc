"""An organisation's own roster, a school's own students."""

from __future__ import annotations

from flask import request
from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.listing import Listing, ListingSpec
from coordinator.workforce.queries import (
    ROSTER,
    STUDENTS,
    organisation_workers,
)
from coordinator.workforce.views.common import Answer, P, bp, download, page_of


def _own_list(spec: ListingSpec, permission: Permission, title: str, template: str) -> Answer:
    actor = current_actor()
    listing = Listing.read(spec, request.args, request.path)
    statement = organisation_workers(actor, permission)
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
