"""单位时数: what the people of an organisation have done, by person and month."""

from __future__ import annotations

from datetime import date

from flask import render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.hours.models import HoursEntry
from coordinator.hours.queries.organisation import CONFIRMED, MONTH, staff_sum, staff_totals
from coordinator.hours.views.blueprint import bp, download
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec
from coordinator.workforce.labels import KINDS
from coordinator.workforce.models import Worker


def _months() -> list[tuple[str, str]]:
    """This month and the eleven before, newest first."""
    today = clock.today()
    found = [divmod(today.year * 12 + today.month - 1 - back, 12) for back in range(12)]
    return [
        (f"{year}-{month + 1:02d}", _("%(year)s年%(month)s月", year=year, month=month + 1))
        for year, month in found
    ]


STAFF = ListingSpec(
    columns=(
        Column("name", _l("人员"), sort=(Worker.name, MONTH), width=12),
        Column("kind", _l("类别"), value=lambda row: str(KINDS[row.kind]), width=16),
        Column("month", _l("月份"), sort=MONTH, first_direction="desc", width=10),
        Column("visits", _l("次数"), sort=func.count(HoursEntry.id), numeric=True, width=8),
        Column(
            "minutes",
            _l("计入小时"),
            sort=func.sum(HoursEntry.minutes),
            value=lambda row: round(row.minutes / 60, 2),
            numeric=True,
        ),
        Column(
            "confirmed",
            _l("已确认小时"),
            sort=func.sum(CONFIRMED),
            value=lambda row: round(row.confirmed / 60, 2),
            numeric=True,
        ),
    ),
    tie=func.max(HoursEntry.id),
    default_order=(MONTH.desc(), Worker.name),
    filters=(
        Filter(
            "month",
            _l("月份"),
            lambda statement, value: statement.having(value == MONTH),
            choices=_months,
            all_label=_l("近 12 个月"),
        ),
    ),
    search=lambda statement, q: statement.where(Worker.name.icontains(q, autoescape=True)),
)


@bp.get("/staff")
@requires(Permission.ROSTER_READ)
def staff() -> Response | str:
    """Totals per person and month of the last twelve months."""
    actor = current_actor()
    since = date.fromisoformat(f"{_months()[-1][0]}-01")
    listing = Listing.read(STAFF, request.args, request.path)
    statement = staff_totals(actor, since)
    if listing.export_format:
        return download(listing, statement, _("单位时数"), "hours.export", "hours_entries")
    return render_template(
        "hours/staff.html",
        listing=listing,
        page=listing.fetch(db.session, statement, scalars=False),
        total=staff_sum(actor, since),
        kinds=KINDS,
        months=dict(_months()),
    )
