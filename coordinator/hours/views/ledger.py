"""The street's ledger, and one line of it."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.fieldwork.models import RecordState
from coordinator.hours import labels, queries, services
from coordinator.hours.forms import ReasonForm
from coordinator.hours.models import Evidence, HoursEntry
from coordinator.hours.views.blueprint import bp, download
from coordinator.kernel.access import Permission, covers, current_actor, requires
from coordinator.kernel.forms import attempt
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec
from coordinator.workforce.models import Worker, WorkerKind


def progress(row: Any) -> str:
    """How far an entry has come, in words."""
    _entry, decision, record_state, is_reversed = row
    if is_reversed:
        return _("已撤销")
    if decision is not None:
        return str(labels.DECISIONS[decision.state])
    return {
        RecordState.CONFIRMED: _("记录已确认"),
        RecordState.RETURNED: _("记录已退回"),
    }.get(record_state, _("记录待确认"))


LEDGER = ListingSpec(
    columns=(
        Column(
            "service_on",
            _l("日期"),
            sort=HoursEntry.service_on,
            first_direction="desc",
            value=lambda row: row[0].service_on,
        ),
        Column("number", _l("时数单"), value=lambda row: row[0].number),
        Column("worker", _l("人员"), sort=Worker.name, value=lambda row: row[0].worker.name, width=10),
        Column("volunteer", _l("志愿者编号"), value=lambda row: row[0].worker.volunteer_number, shown=False),
        Column(
            "service",
            _l("服务内容"),
            value=lambda _row: _("特殊困难老年人探访关爱服务"),
            shown=False,
            width=26,
        ),
        Column("area", _l("社区"), value=lambda row: row[0].visit.area.name),
        Column("evidence", _l("证据"), value=lambda row: str(labels.EVIDENCE[row[0].evidence]), width=10),
        Column(
            "minutes",
            _l("小时"),
            sort=HoursEntry.minutes,
            numeric=True,
            value=lambda row: round(row[0].minutes / 60, 2),
            width=8,
        ),
        Column("progress", _l("进展"), value=progress),
        Column(
            "recognised",
            _l("学校认可小时"),
            value=lambda row: round(row[1].minutes / 60, 2) if row[1] is not None and not row[3] else "",
            shown=False,
        ),
    ),
    tie=HoursEntry.id,
    default_sort="service_on",
    filters=(
        Filter(
            "evidence",
            _l("证据"),
            lambda statement, value: statement.where(HoursEntry.evidence == Evidence(value)),
            choices=tuple((grade.value, label) for grade, label in labels.EVIDENCE.items()),
            all_label=_l("各种证据"),
        ),
        Filter("since", _l("从哪一天"), lambda s, v: s.where(HoursEntry.service_on >= v), kind="date"),
        Filter("until", _l("到哪一天"), lambda s, v: s.where(HoursEntry.service_on <= v), kind="date"),
    ),
    search=lambda statement, q: statement.where(
        Worker.name.icontains(q, autoescape=True) | HoursEntry.number.istartswith(q, autoescape=True)
    ),
)


@bp.get("/")
@requires(Permission.HOURS_READ)
def index() -> Response | str:
    """时数: every line of the area's ledger."""
    actor = current_actor()
    listing = Listing.read(LEDGER, request.args, request.path)
    statement = queries.entries_in(actor)
    if listing.export_format:
        return download(listing, statement, _("时数"), "hours.export", "hours_entries")
    return render_template(
        "hours/index.html",
        listing=listing,
        page=listing.fetch(db.session, statement, scalars=False),
        rules=queries.rules_for(actor.area_paths(Permission.HOURS_READ)[0]),
        can_issue=actor.may(Permission.CERTIFICATE_ISSUE),
    )


@bp.get("/<int:entry_id>")
@requires(Permission.HOURS_READ)
def entry(entry_id: int) -> str:
    """One line with its derivation and decisions."""
    return _line_page(
        queries.load_entry(current_actor(), Permission.HOURS_READ, entry_id), ReasonForm(formdata=None)
    )


def _line_page(line: HoursEntry, form: ReasonForm) -> str:
    actor = current_actor()
    return render_template(
        "hours/entry.html",
        entry=line,
        form=form,
        marks=queries.presences_of(line),
        story=queries.story_of(line),
        is_student=line.worker.kind is WorkerKind.STUDENT,
        adults=queries.adults_beside([line]).get(line.id, []),
        can_reverse=covers(actor, Permission.RECORD_CONFIRM, line.visit.area.path)
        and actor.worker_id != line.worker_id,
    )


@bp.post("/<int:entry_id>/reverse")
@requires(Permission.RECORD_CONFIRM)
def reverse(entry_id: int) -> Any:
    """撤销这一笔: a second line with the opposite sign; nothing is deleted."""
    actor = current_actor()
    line = queries.load_entry(actor, Permission.RECORD_CONFIRM, entry_id)
    form = ReasonForm()
    if attempt(form, lambda: services.reverse_entry(actor, line, form.reason.data or "")):
        flash(_("已撤销时数单 %(number)s，本人收到了通知。", number=line.number), "ok")
        return redirect(url_for("hours.entry", entry_id=entry_id), 303)
    return _line_page(line, form), 422
