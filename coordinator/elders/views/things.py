"""Papers and devices of a dossier, and the answers to its questions."""

from __future__ import annotations

from io import BytesIO

from flask import flash, redirect, render_template, send_file, url_for
from flask_babel import gettext as _

from coordinator.elders import access, labels, services
from coordinator.elders.forms import AnswerForm, DeviceForm, PaperForm, RemovePaperForm
from coordinator.elders.models import DeviceKind, DossierPaper, PaperKind
from coordinator.elders.queries import elder_in_scope, read_dossier
from coordinator.elders.views.blueprint import Answer, P, bp, to_edit
from coordinator.extensions import db
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.errors import NotFound
from coordinator.kernel.forms import attempt, outcome, status_of

_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}


@bp.route("/<int:elder_id>/papers", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def papers(elder_id: int) -> Answer:
    """The papers of a dossier, by title only, and a new one."""
    actor = current_actor()
    elder = to_edit(elder_id, papers=True)
    form = PaperForm()

    def add() -> DossierPaper:
        kind, content = PaperKind(form.kind.data), form.file.data.read()
        return services.add_paper(actor, elder, kind, content, form.title.data or "")

    paper = outcome(form, add)
    if paper is not None:
        flash(_("已存入“%(title)s”。", title=paper.title), "ok")
        return redirect(url_for("elders.papers", elder_id=elder_id), 303)
    if form.is_submitted():
        elder = to_edit(elder_id, fresh=True, papers=True)
    page = render_template(
        "elders/papers.html",
        form=form,
        e=elder,
        labels=labels,
        may_reveal=access.can_reveal(actor, elder),
    )
    return page, status_of(form)


@bp.get("/<int:elder_id>/papers/<int:paper_id>")
@requires(P.ELDER_REVEAL)
def paper(elder_id: int, paper_id: int) -> Answer:
    """One paper; who looked is committed before it is shown. A PDF is only ever saved, never run in the page."""
    actor = current_actor()
    elder = elder_in_scope(actor, elder_id, P.ELDER_REVEAL)
    found = services.view_paper(actor, elder, paper_id)
    content, mime = found.content or b"", found.mime
    name = f"{elder.name}-{found.title}.{_EXTENSIONS[mime]}"
    db.session.commit()
    return send_file(
        BytesIO(content), mimetype=mime, as_attachment=mime == "application/pdf", download_name=name
    )


@bp.route("/<int:elder_id>/papers/<int:paper_id>/remove", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def remove_paper(elder_id: int, paper_id: int) -> Answer:
    """Take a paper out of the dossier."""
    elder = to_edit(elder_id, papers=True)
    found = next((one for one in elder.papers if one.id == paper_id), None)
    if found is None:
        raise NotFound(_("没有这份材料。"), _("可能已经移除。"))
    form = RemovePaperForm()
    if form.validate_on_submit():
        services.remove_paper(current_actor(), elder, paper_id, form.reason.data or "")
        db.session.commit()
        flash(_("已移除，内容已经删掉，记录留着。"), "ok")
        return redirect(url_for("elders.papers", elder_id=elder_id), 303)
    page = render_template("elders/remove_paper.html", form=form, e=elder, paper=found)
    return page, status_of(form)


@bp.route("/<int:elder_id>/devices/new", methods=["GET", "POST"], defaults={"device_id": None})
@bp.route("/<int:elder_id>/devices/<int:device_id>", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def device(elder_id: int, device_id: int | None) -> Answer:
    """Enter a device in the home, or change one."""
    elder = to_edit(elder_id, papers=True)
    held = next((one for one in elder.devices if one.id == device_id), None)
    if device_id is not None and held is None:
        raise NotFound(_("没有这件设备。"))
    form = DeviceForm(
        data={
            "kind": held.kind,
            "installed_on": held.installed_on,
            "working": held.working,
            "note": held.note,
            "removed_on": held.removed_on,
        }
        if held
        else None
    )

    def save() -> None:
        values = {
            "kind": DeviceKind(form.kind.data),
            "installed_on": form.installed_on.data,
            "working": form.working.truth,
            "note": (form.note.data or "").strip() or None,
            "removed_on": form.removed_on.data,
        }
        if held is None or form.identifier.data:
            values["identifier"] = (form.identifier.data or "").strip() or None
        services.save_device(current_actor(), elder, values, held)

    if attempt(form, save):
        flash(_("已记下这件设备。"), "ok")
        return redirect(url_for("elders.dossier", elder_id=elder_id, _anchor="things"), 303)
    if form.is_submitted():
        elder = to_edit(elder_id, fresh=True)
    page = render_template("elders/device.html", form=form, e=elder, held=held, labels=labels)
    return page, status_of(form)


@bp.route("/<int:elder_id>/answer/<category>", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def answer(elder_id: int, category: str) -> Answer:
    """Say why a category is right although the facts seem to contradict it."""
    actor = current_actor()
    dossier = read_dossier(actor, elder_id)
    elder = dossier.elder
    if not access.can_edit(actor, elder):
        raise NotFound(_("没有找到这位长者。"), _("可能不在您的管辖范围内。"))
    line = next((one for one in dossier.categories if one.key == category), None)
    if line is None:
        raise NotFound(_("没有这一页。"))
    form = AnswerForm()
    if attempt(form, lambda: services.answer_question(actor, elder, line, form.reason.data or "")):
        flash(_("已记下说明。情况有变化时会再问。"), "ok")
        return redirect(url_for("elders.dossier", elder_id=elder_id, _anchor="needs"), 303)
    page = render_template("elders/answer.html", form=form, e=elder, line=line, d=dossier)
    return page, status_of(form)
