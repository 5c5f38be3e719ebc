"""比对: the report of one office's list against the register, and the decisions about it."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.elders.queries import elder_in_scope, read_scope
from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.downloads import send_sheet
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.kernel.forms import attempt, status_of
from coordinator.kernel.spreadsheet import SheetColumn, export_xlsx
from coordinator.register import labels
from coordinator.register.forms import KeepForm
from coordinator.register.models import Source
from coordinator.register.queries.comparison import evidence_of
from coordinator.register.queries.sources import Report, Row, absent_row, read_report, record_in_scope, row_of
from coordinator.register.services import reconciling as services
from coordinator.register.views.blueprint import Answer, P, bp

PER_PAGE = 50
MOST_AT_ONCE = 200
GROUPS: dict[str, Any] = {
    "differ": _l("两边都有，说法不同"),
    "ambiguous": _l("认不准是谁"),
    "unknown": _l("名单里有，档案里没有"),
    "absent": _l("档案里有，名单里没有"),
    "agree": _l("两边一致"),
}


def _source(name: str) -> Source:
    try:
        return Source(name)
    except ValueError:
        raise NotFound(_("没有这种名单。"), _("请从“摸排与核对”进入。")) from None


@bp.get("/compare/<source>")
@requires(P.ELDER_EDIT)
def sources(source: str) -> Answer:
    """The report; `?format=xlsx` exports it with protected values masked."""
    actor = current_actor()
    kind = _source(source)
    scope = read_scope(actor, P.ELDER_EDIT)
    area_id = request.args.get("community", type=int)
    if area_id not in {one.id for one in scope.communities}:
        area_id = None
    report = read_report(actor, kind, area_id)
    if request.args.get("format") == "xlsx":
        return _export(report)
    counts = report.counts
    group = request.args.get("group", "")
    if group not in GROUPS:
        group = next((name for name in GROUPS if counts[name]), "differ")
    rows = report.of(group)
    page = max(1, request.args.get("page", 1, type=int))
    pages = max(1, -(-len(rows) // PER_PAGE))
    page = min(page, pages)
    return render_template(
        "register/compare.html",
        source=kind,
        report=report,
        counts=counts,
        group=group,
        groups=GROUPS,
        rows=rows[(page - 1) * PER_PAGE : page * PER_PAGE],
        total=len(rows),
        number=page,
        pages=pages,
        communities=scope.choices(),
        area_id=area_id,
        evidence_of=evidence_of,
        lists_of=_lists_of(report),
    )


def _lists_of(report: Report) -> list[tuple[int, str]]:
    """Areas with lists, for 按最新一份为准."""
    found = {row.record.batch.area_id: row.record.batch.area.name for row in report.rows if row.record}
    return sorted(found.items(), key=lambda one: one[1])


def _export(report: Report) -> Answer:
    actor = current_actor()
    word = str(labels.SOURCES[report.source])
    columns = [
        SheetColumn(_("情况"), lambda line: str(GROUPS[line[0].group]), 22),
        SheetColumn(_("姓名"), lambda line: line[0].name, 12),
        SheetColumn(_("出生日期"), lambda line: line[0].birth_date, 12),
        SheetColumn(_("社区"), lambda line: line[0].area, 14),
        SheetColumn(_("项目"), lambda line: line[1].label if line[1] else "", 16),
        SheetColumn(_("档案里"), lambda line: line[1].register if line[1] else "", 26),
        SheetColumn(word, lambda line: line[1].source if line[1] else "", 26),
        SheetColumn(_("决定"), lambda line: line[2], 30),
        SheetColumn(_("数据"), lambda line: evidence_of(line[0].record) if line[0].record else "", 20),
        SheetColumn(_("说明"), lambda line: line[0].remark, 30),
    ]
    lines: list[tuple[Row, Any, str]] = []
    for row in report.rows:
        own = [(row, one, "") for one in row.open]
        own += [(row, one, _("保留档案：%(reason)s", reason=said.reason)) for one, said in row.kept]
        lines += own or [(row, None, "")]
    title = _("%(source)s核对结果", source=word)
    sheet = export_xlsx(
        columns,
        lines,
        title=title,
        notes=[_("身份证号和电话只显示一部分。"), _("导出人：%(name)s", name=actor.name)],
    )
    audit.record(actor, "source.export", "external_records", _("导出%(source)s核对结果", source=word))
    db.session.commit()
    return send_sheet(sheet)


@bp.post("/compare/<source>/accept")
@requires(P.ELDER_EDIT)
def accept_chosen(source: str) -> Answer:
    """Take all open differences of the ticked rows over."""
    actor = current_actor()
    kind = _source(source)
    ids = [int(one) for one in request.form.getlist("id") if one.isdigit()][:MOST_AT_ONCE]
    records = [record_in_scope(actor, one) for one in ids]
    changed, left = services.accept_many(actor, [one for one in records if one.source is kind])
    db.session.commit()
    if changed:
        flash(_("已经更新 %(n)s 份档案。", n=changed), "ok")
    for text in left[:5]:
        flash(text, "warn")
    if not ids:
        flash(_("请先勾选。"), "warn")
    return redirect(url_for("register.sources", source=source, group="differ"), 303)


@bp.post("/compare/<source>/newest/<int:area_id>")
@requires(P.ELDER_EDIT)
def newest_only(source: str, area_id: int) -> Answer:
    """The newest list is complete: who is on older ones only is on none."""
    actor = current_actor()
    kind = _source(source)
    if area_id not in read_scope(actor, P.ELDER_EDIT).areas:
        raise NotFound(_("没有这个地方。"))
    count = services.newest_list_only(actor, kind, area_id)
    db.session.commit()
    flash(_("以最新一份为准，旧名单里另外的 %(n)s 人不再算在名单里。", n=count), "ok")
    return redirect(url_for("register.sources", source=source), 303)


@bp.route("/records/<int:record_id>", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def record(record_id: int) -> Answer:
    """One person: each difference, take it over or keep what the dossier says."""
    actor = current_actor()
    found = record_in_scope(actor, record_id)
    form = KeepForm()

    def act() -> None:
        services.keep(actor, found, set(request.form.getlist("field")), form.reason.data or "")

    if attempt(form, act):
        flash(_("已经记下，两边有变化以前不再问。"), "ok")
        return redirect(_after(found.source, record_id), 303)
    found = record_in_scope(actor, record_id)
    page = render_template(
        "register/record.html",
        form=form,
        record=found,
        row=row_of(actor, found),
        evidence=evidence_of(found),
        chosen=set(request.form.getlist("field")),
    )
    return page, status_of(form)


@bp.post("/records/<int:record_id>/accept")
@requires(P.ELDER_EDIT)
def accept(record_id: int) -> Answer:
    """Take one value, or the ticked ones, into the dossier."""
    actor = current_actor()
    found = record_in_scope(actor, record_id)
    source = found.source
    try:
        words = services.accept(actor, found, set(request.form.getlist("field")) or None)
    except DomainError as problem:
        if problem.status in (403, 404):
            raise
        db.session.rollback()
        flash(f"{problem.message}{problem.remedy}", "warn")
    else:
        db.session.commit()
        flash(_("档案已经更新：%(what)s。", what="、".join(words)), "ok")
    return redirect(_after(source, record_id), 303)


def _after(source: Source, record_id: int) -> str:
    """Stay while something is open, else back to the report."""
    found = record_in_scope(current_actor(), record_id)
    if row_of(current_actor(), found).open:
        return url_for("register.record", record_id=record_id)
    return url_for("register.sources", source=source.value, group="differ")


@bp.post("/records/<int:record_id>/match")
@requires(P.ELDER_EDIT)
def match(record_id: int) -> Answer:
    """Say whose row it is."""
    actor = current_actor()
    found = record_in_scope(actor, record_id)
    source = found.source
    answer = request.form.get("elder", "")
    services.settle_match(actor, found, int(answer) if answer.isdigit() else None)
    db.session.commit()
    flash(_("已经记下。"), "ok")
    if answer.isdigit():
        return redirect(_after(source, record_id), 303)
    return redirect(url_for("register.sources", source=source.value, group="unknown"), 303)


@bp.route("/compare/<source>/absent/<int:elder_id>", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def absent(source: str, elder_id: int) -> Answer:
    """What the dossier claims and no list has: keep it with a reason, or go and change the dossier."""
    actor = current_actor()
    kind = _source(source)
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT)
    form = KeepForm()
    if attempt(form, lambda: services.keep_absent(actor, kind, elder, form.reason.data or "")):
        flash(_("已经记下，两边有变化以前不再问。"), "ok")
        return redirect(url_for("register.sources", source=source, group="absent"), 303)
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT, fresh=True)
    page = render_template(
        "register/absent.html", form=form, source=kind, e=elder, row=absent_row(kind, elder)
    )
    return page, status_of(form)
