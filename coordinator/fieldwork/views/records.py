"""探访记录: what waits to be confirmed, one record as the paper form, its print."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.fieldwork import record_form as rf
from coordinator.fieldwork.forms import ReturnForm
from coordinator.fieldwork.models import RecordState, VisitRecord
from coordinator.fieldwork.queries.own import presences_of
from coordinator.fieldwork.queries.records import (
    RECORDS,
    load_record,
    place_remarks,
    record_counts,
    records_in,
    remarks,
    whole_record,
)
from coordinator.fieldwork.services.records import confirm_record, confirm_records, return_record
from coordinator.fieldwork.views.blueprint import bp
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Permission, covers, current_actor, in_areas, requires
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.downloads import send_sheet
from coordinator.kernel.forms import attempt
from coordinator.kernel.listing import Listing

MANY_AREAS = 150


def _area_choices() -> list[tuple[str, str]]:
    rows = db.session.execute(
        select(Area.id, Area.name)
        .where(
            in_areas(current_actor(), Permission.RECORD_READ, Area.id),
            Area.level.in_((AreaLevel.STREET, AreaLevel.COMMUNITY)),
        )
        .order_by(Area.path)
        .limit(MANY_AREAS)
    )
    return [(str(area_id), name) for area_id, name in rows]


@bp.get("/records")
@requires(Permission.RECORD_READ)
def records() -> Any:
    """Records of the areas; those that wait come first, clean ones pre-selected to be confirmed together."""
    actor = current_actor()
    args = request.args.to_dict()
    args.setdefault("state", RecordState.SUBMITTED.value)
    listing = Listing.read(RECORDS, args, request.path, choices={"area": _area_choices()})
    if listing.export_format:
        sheet = listing.export(
            db.session, records_in(actor), _("探访记录 %(day)s", day=clock.today().isoformat())
        )
        audit.record(actor, "record.export", VisitRecord.__tablename__, _("导出探访记录目录"))
        db.session.commit()
        return send_sheet(sheet)
    page = listing.fetch(db.session, records_in(actor))
    present = presences_of([one.visit_id for one in page.rows])
    notes = {one.id: remarks(one, present[one.visit_id]) for one in page.rows}
    return render_template(
        "fieldwork/records.html",
        listing=listing,
        page=page,
        counts=record_counts(actor),
        states=RecordState,
        notes=notes,
        own_entry={
            one.id
            for one in page.rows
            if one.entered_by_id is not None and one.entered_by_id == actor.user_id
        },
        may_confirm=actor.may(Permission.RECORD_CONFIRM),
    )


@bp.get("/records/<int:record_id>")
@requires(Permission.RECORD_READ)
def show_record(record_id: int) -> str:
    """One record as the paper form."""
    return _record_page(record_id)


def _record_page(record_id: int, form: ReturnForm | None = None) -> str:
    actor = current_actor()
    whole = whole_record(actor, record_id)
    return render_template(
        "fieldwork/show_record.html",
        whole=whole,
        record=whole.record,
        visit=whole.record.visit,
        answers=whole.answers,
        notes=place_remarks(whole.presences, whole.record.worker_id),
        form=form or ReturnForm(formdata=None),
        returning=form is not None,
        may_confirm=covers(actor, Permission.RECORD_CONFIRM, whole.record.visit.area.path),
        is_form=whole.record.form == rf.FORM,
        changed=_changes(whole) if whole.revisions else [],
    )


def _changes(whole: Any) -> list[tuple[Any, list[dict[str, str]]]]:
    """Each earlier wording against the one that followed it."""
    versions = [one.answers for one in whole.revisions] + [whole.answers]
    found = []
    for revision, old, new in zip(whole.revisions, versions, versions[1:], strict=False):
        changes = [
            {"label": str(choice.label), "old": rf.said(old, choice.key), "new": rf.said(new, choice.key)}
            for choice in rf.CHOICES
            if rf.said(old, choice.key) != rf.said(new, choice.key)
        ]
        for key, label in (
            ("care_given", _("关爱服务情况")),
            ("advice", _("实施关爱服务建议")),
        ):
            if (old.get(key) or "") != (new.get(key) or ""):
                changes.append({"label": label, "old": old.get(key) or "", "new": new.get(key) or ""})
        if rf.needs_words(old) != rf.needs_words(new):
            changes.append(
                {"label": _("老年人服务需求"), "old": rf.needs_words(old), "new": rf.needs_words(new)}
            )
        found.append((revision, changes))
    return found


@bp.post("/records/<int:record_id>/confirm")
@requires(Permission.RECORD_CONFIRM)
def confirm(record_id: int) -> Any:
    """Lock a record and go to the next one."""
    confirm_record(current_actor(), record_id)
    db.session.commit()
    flash(_("已确认，这份记录锁定了。"), "ok")
    following = request.form.get("next", type=int)
    if following:
        return redirect(url_for("fieldwork.show_record", record_id=following), 303)
    return redirect(url_for("fieldwork.records"), 303)


@bp.post("/records/<int:record_id>/return")
@requires(Permission.RECORD_CONFIRM)
def give_back(record_id: int) -> Any:
    """Give a record back with what has to be changed."""
    form = ReturnForm()
    load_record(current_actor(), record_id, Permission.RECORD_CONFIRM)
    if attempt(form, lambda: return_record(current_actor(), record_id, form.reason.data or "")):
        flash(_("已退回，探访的人会收到您写的话。"), "ok")
        return redirect(url_for("fieldwork.records"), 303)
    return _record_page(record_id, form), 422


@bp.post("/records/confirm")
@requires(Permission.RECORD_CONFIRM)
def confirm_together() -> Any:
    """Confirm the chosen records; only clean ones go this way, the others are read one by one."""
    actor = current_actor()
    wanted = request.form.getlist("id", type=int)[:200]
    rows = db.session.scalars(
        records_in(actor, Permission.RECORD_CONFIRM).where(VisitRecord.id.in_(wanted))
    ).unique()
    waiting = [one for one in rows if one.state is RecordState.SUBMITTED]
    present = presences_of([one.visit_id for one in waiting])
    clean = [one.id for one in waiting if not remarks(one, present[one.visit_id])]
    confirmed, left = confirm_records(actor, clean)
    db.session.commit()
    if confirmed:
        flash(_("确认了 %(n)s 份记录。", n=confirmed), "ok")
    behind = len(waiting) - confirmed
    if behind:
        why = left[0] if left else _("有要留意的内容，请逐份打开看。")
        flash(_("还有 %(n)s 份没有确认：%(why)s", n=behind, why=why), "warn")
    if not wanted:
        flash(_("还没有选。请先勾选要确认的记录。"), "warn")
    return redirect(url_for("fieldwork.records"), 303)


@bp.get("/records/<int:record_id>/print")
@requires(Permission.RECORD_READ)
def print_record(record_id: int) -> str:
    """附件3 on A4, boxes ticked."""
    actor = current_actor()
    whole = whole_record(actor, record_id)
    audit.record(
        actor,
        "record.print",
        whole.record,
        _("打印%(elder)s的探访记录表", elder=whole.record.visit.elder.name),
        area_id=whole.record.visit.area_id,
    )
    page = render_template(
        "fieldwork/print_record.html",
        whole=whole,
        record=whole.record,
        visit=whole.record.visit,
        answers=whole.answers,
        is_form=whole.record.form == rf.FORM,
    )
    db.session.commit()
    return page
