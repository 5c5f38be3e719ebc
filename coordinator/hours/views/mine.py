"""时数: a worker's own hours."""

from __future__ import annotations

from flask import render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload, load_only

from coordinator.extensions import db
from coordinator.hours import queries
from coordinator.hours.models import HoursEntry
from coordinator.hours.views.blueprint import bp
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import NotFound
from coordinator.kernel.listing import Column, Listing, ListingSpec
from coordinator.workforce.models import Worker, WorkerKind

MINE = ListingSpec(
    columns=(Column("service_on", _l("日期"), sort=HoursEntry.service_on, first_direction="desc"),),
    tie=HoursEntry.id,
    default_order=(HoursEntry.service_on.desc(), HoursEntry.position.desc()),
    per_page=20,
)


@bp.get("/mine")
@requires(Permission.OWN_HOURS)
def mine() -> str:
    """What counts, how it was derived, what the school said, and one's certificates."""
    worker = _own_worker()
    listing = Listing.read(MINE, request.args, request.path)
    return render_template(
        "hours/mine.html",
        worker=worker,
        totals=queries.totals_of(worker, clock.today()),
        rules=queries.rules_for(worker.area.path),
        page=listing.fetch(db.session, queries.ledger_of(worker.id), scalars=False),
        certificates=queries.own_certificates(worker.id),
        is_student=worker.kind is WorkerKind.STUDENT,
    )


def _own_worker() -> Worker:
    """The worker behind the signed-in person."""
    worker = db.session.scalars(
        select(Worker)
        .where(Worker.id == current_actor().worker_id)
        .options(
            load_only(Worker.name, Worker.kind, Worker.volunteer_number, Worker.area_id),
            joinedload(Worker.area).load_only(Area.path),
        )
    ).one_or_none()
    if worker is None:
        raise NotFound(_("这个账号还没有登记为探访人员。"), _("请联系社区登记。"))
    return worker
