"""The pages of an import, the same for every kind: upload, progress, result of the check, result."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from coordinator.elders.imports import batches, sheets, texts
from coordinator.elders.imports.forms import DATUMS, UploadForm
from coordinator.elders.imports.importer import Importer
from coordinator.elders.imports.listing import (
    OUTCOMES,
    ROWS,
    batch_in_scope,
    left_rows,
    reason_of,
    recent_batches,
    row_views,
)
from coordinator.elders.models import ImportBatch, ImportRow, ImportState
from coordinator.elders.queries import read_scope
from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.errors import InvalidInput, NotFound
from coordinator.kernel.geo import Datum
from coordinator.kernel.listing import Listing
from coordinator.kernel.spreadsheet import Sheet

Answer = str | tuple[str, int] | BaseResponse
WORKING = (ImportState.UPLOADED, ImportState.CHECKING, ImportState.APPLYING)
# The start pages of the kinds, in the order of the tabs.
STARTS = (
    ("elder_imports.start", "elders"),
    ("worker_imports.start", "workers"),
    ("sources.health.start", "source_health"),
    ("sources.disabled.start", "source_disabled"),
    ("sources.relief.start", "source_relief"),
    ("sources.ability.start", "source_ability"),
    ("sources.other.start", "source_other"),
)


def import_pages(importer: Importer, name: str, prefix: str, *, within: str = "") -> Blueprint:
    """A blueprint with all pages of one kind; every endpoint asks for the importer's permission.

    `within` names the blueprint that it will be part of.
    """
    bp = Blueprint(name, __name__, url_prefix=prefix)
    endpoint = f"{within}.{name}" if within else name
    permitted = requires(importer.permission)

    def found(batch_id: int) -> ImportBatch:
        return batch_in_scope(importer, current_actor(), batch_id)

    def to_batch(batch: ImportBatch) -> BaseResponse:
        return redirect(url_for(f"{endpoint}.show", batch_id=batch.id), 303)

    def context() -> dict[str, object]:
        known = current_app.view_functions
        return {
            "importer": importer,
            "page_of": lambda view, **values: url_for(f"{endpoint}.{view}", **values),
            "starts": [
                (url_for(view), kind) for view, kind in STARTS if view in known and importer.among_others
            ],
            "compare_href": "" if importer.writes_register else url_for("register.sources", source=name),
            "DATUMS": DATUMS,
            "OUTCOMES": OUTCOMES,
        }

    def show_start(form: UploadForm, status: int = 200) -> Answer:
        recent = recent_batches(importer, current_actor())
        return render_template("elders/import_start.html", form=form, recent=recent, **context()), status

    @bp.route("", methods=["GET", "POST"])
    @permitted
    def start() -> Answer:
        """Choose area, coordinate system and file; the latest imports."""
        actor = current_actor()
        targets = {one.key: one for one in importer.targets(actor)}
        form = UploadForm()
        form.area_id.choices = [(one.key, one.label) for one in targets.values()]
        if not form.validate_on_submit():
            return show_start(form, 422 if form.is_submitted() else 200)
        file, target = form.file.data, targets[form.area_id.data]
        try:
            batch = batches.upload(
                importer,
                actor,
                target.area,
                file.filename or "",
                file.stream.read(batches.MAX_BYTES + 1),
                Datum(form.datum.data),
                target.organisation_id,
            )
        except InvalidInput as problem:
            db.session.rollback()
            form.take(problem)
            return show_start(form, 422)
        db.session.commit()
        return to_batch(batch)

    @bp.get("/template.xlsx")
    @permitted
    def template() -> BaseResponse:
        """The empty list."""
        scope = read_scope(current_actor(), importer.permission)
        return _download(sheets.template(importer, [area.name for area in scope.communities]))

    @bp.get("/<int:batch_id>")
    @permitted
    def show(batch_id: int) -> Answer:
        """Progress while a job works, then what it found."""
        batch = found(batch_id)
        if batch.state in WORKING:
            return render_template(
                "elders/import_progress.html", batch=batch, **context(), **_progress(batch)
            )
        if batch.state in (ImportState.FAILED, ImportState.DISCARDED):
            return render_template("elders/import_failed.html", batch=batch, **context())
        listing = Listing.read(ROWS, request.args, request.path)
        rows = select(ImportRow).where(ImportRow.batch_id == batch.id)
        page = listing.fetch(db.session, rows)
        return render_template(
            "elders/import_rows.html",
            batch=batch,
            page=page,
            listing=listing,
            views=row_views(importer, batch, page.rows),
            notices=[texts.notice(one) for one in batch.notices],
            usable=batches.usable(batch.id),
            undecided=batches.undecided(batch.id),
            **context(),
        )

    @bp.get("/<int:batch_id>/progress")
    @permitted
    def progress(batch_id: int) -> Answer:
        """How far the job is; asks the page to load anew when it has ended."""
        batch = found(batch_id)
        if batch.state not in WORKING:
            return Response("", headers={"HX-Refresh": "true"})
        return render_template("elders/import_bar.html", batch=batch, **context(), **_progress(batch))

    @bp.post("/<int:batch_id>/decide")
    @permitted
    def decide(batch_id: int) -> BaseResponse:
        """Answer the question about one row."""
        batch = found(batch_id)
        row_id = request.form.get("row", type=int)
        if row_id is None:
            raise NotFound(_("没有找到这一行。"))
        row = batches.decide(importer, current_actor(), batch, row_id, request.form.get("answer", ""))
        db.session.commit()
        args = {key: request.form[key] for key in ("outcome", "page") if request.form.get(key)}
        return redirect(
            url_for(f"{endpoint}.show", batch_id=batch.id, _anchor=f"row-{row.number}", **args), 303
        )

    @bp.post("/<int:batch_id>/apply")
    @permitted
    def apply(batch_id: int) -> BaseResponse:
        """Take the usable rows over."""
        batch = found(batch_id)
        try:
            batches.take_over(importer, current_actor(), batch, partly=request.form.get("partly") == "1")
        except InvalidInput as problem:
            db.session.rollback()
            flash(f"{problem.message}{problem.remedy}", "warn")
            return to_batch(batch)
        db.session.commit()
        return to_batch(batch)

    @bp.route("/<int:batch_id>/discard", methods=["GET", "POST"])
    @permitted
    def discard(batch_id: int) -> Answer:
        """Throw the list away, after a question."""
        batch = found(batch_id)
        if request.method == "GET":
            return render_template("elders/import_discard.html", batch=batch, **context())
        batches.discard(importer, current_actor(), batch)
        db.session.commit()
        flash(_("名单“%(file)s”已经放弃，系统里什么都没有改。", file=batch.filename), "ok")
        return redirect(url_for(f"{endpoint}.start"), 303)

    @bp.get("/<int:batch_id>/refused.xlsx")
    @permitted
    def refused(batch_id: int) -> BaseResponse:
        """The rows that were not taken, with the reasons. Recorded: it holds personal data in full."""
        batch = found(batch_id)
        rows = ((row, reason_of(importer, row)) for row in left_rows(batch.id))
        sheet = sheets.refused_rows(importer, batch, rows)
        audit.record(
            current_actor(),
            "import.download",
            batch,
            _("下载名单“%(file)s”里不能导入的行", file=batch.filename),
        )
        db.session.commit()
        return _download(sheet)

    return bp


def _progress(batch: ImportBatch) -> dict[str, object]:
    """Percent and sentence of a working batch."""
    total, done = batch.rows_total, batch.rows_done
    if batch.state == ImportState.UPLOADED:
        return {"percent": 0, "sentence": _("文件已经收到，正在排队。")}
    if batch.state == ImportState.CHECKING:
        if not total:
            return {"percent": 0, "sentence": _("正在打开文件。")}
        sentence = _("正在逐行检查，第 %(done)s 行，共 %(total)s 行。", done=done, total=total)
    else:
        sentence = _("正在导入，全部成功才会生效。")
    return {"percent": min(99, 100 * done // max(total, 1)), "sentence": sentence}


def _download(sheet: Sheet) -> Response:
    return Response(
        sheet.content,
        mimetype=sheet.mimetype,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(sheet.filename)}"},
    )
