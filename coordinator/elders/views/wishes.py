"""Wishes, the first visiting contact, renewing and closing a dossier."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from coordinator.elders import labels, services
from coordinator.elders.forms import ConsentForm, FirstContactForm
from coordinator.elders.models import ConsentKind, ConsentState, PaperKind
from coordinator.elders.queries import pack_for
from coordinator.elders.queries.contacts import derive_first_contact
from coordinator.elders.views.blueprint import Answer, P, bp, dossier_after, newest_version, to_edit
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.errors import NotFound
from coordinator.kernel.forms import attempt, options, outcome, status_of


@bp.route("/<int:elder_id>/consent/<kind>", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def consent(elder_id: int, kind: str) -> Answer:
    """Write down a wish."""
    if kind not in (ConsentKind.SERVICE, ConsentKind.HOME):
        raise NotFound(_("没有这一页。"))
    actor = current_actor()
    elder = to_edit(elder_id, papers=True)
    form = ConsentForm(kind=kind, given_on=clock.today(), channel="face_to_face", explained_by=actor.name)
    form.state.choices = options(form.SERVICE if kind == ConsentKind.SERVICE else form.HOME)
    form.paper_id.choices = options([(one.id, one.title) for one in elder.papers], _("没有"))

    def record() -> str:
        before = newest_version(elder_id)
        paper_id = int(form.paper_id.data) if form.paper_id.data else None
        if form.paper.data:
            refused = form.state.data == ConsentState.REFUSED
            kind_of_paper = PaperKind.REFUSAL if refused else PaperKind.CONSENT
            paper_id = services.add_paper(actor, elder, kind_of_paper, form.paper.data.read()).id
        services.record_consent(
            actor,
            elder,
            ConsentKind(kind),
            ConsentState(form.state.data),
            given_by=form.given(),
            given_on=form.given_on.data,
            channel=form.channel.data,
            giver_name=form.giver_name.data,
            explained_by=form.explained_by.data,
            note=form.note.data,
            paper_id=paper_id,
            ask_again_on=form.ask_again_on.data,
        )
        return dossier_after(elder_id, before)

    target = outcome(form, record)
    if target is not None:
        flash(_("已记下%(name)s的意愿。", name=elder.name), "ok")
        return redirect(target, 303)
    if form.is_submitted():
        elder = to_edit(elder_id, fresh=True)
    page = render_template(
        "elders/consent.html", form=form, e=elder, kind=kind, labels=labels, pack=pack_for(elder.area)
    )
    return page, status_of(form)


@bp.route("/<int:elder_id>/first-contact", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def first_contact(elder_id: int) -> Answer:
    """Name the 第一探访联系人."""
    actor = current_actor()
    elder = to_edit(elder_id)
    suggested = derive_first_contact(elder.household.members, elder.emergency_contacts)
    current = elder.first_contact or suggested
    form = FirstContactForm(
        name=current.name if current else None,
        relation=current.relation if current else None,
        lives_nearby=("yes" if current.lives_nearby else "no") if current else None,
        appointed_by=current.appointed_by if current else None,
    )

    def name() -> None:
        phone = form.phone.data or (current.phone if current and current.name == form.name.data else None)
        services.set_first_contact(
            actor,
            elder,
            form.name.data or "",
            form.relation.data or "",
            phone,
            lives_nearby=form.lives_nearby.data == "yes",
            appointed_by=form.appointed_by.data,
        )

    if attempt(form, name):
        flash(_("已记下第一探访联系人。"), "ok")
        return redirect(url_for("elders.dossier", elder_id=elder_id), 303)
    if form.is_submitted():
        elder = to_edit(elder_id, fresh=True)
    pack = pack_for(elder.area)
    clauses = [one for one in pack.clauses if one.topic == "first_contact"] if pack else []
    page = render_template(
        "elders/first_contact.html",
        form=form,
        e=elder,
        suggested=suggested,
        current=elder.first_contact,
        document=pack.document.short_title if pack else "",
        clauses=clauses,
        labels=labels,
    )
    return page, status_of(form)


@bp.post("/<int:elder_id>/reinstate")
@requires(P.ELDER_EDIT)
def reinstate(elder_id: int) -> Answer:
    """Take back into the register."""
    elder = to_edit(elder_id)
    services.reinstate_elder(current_actor(), elder)
    db.session.commit()
    flash(_("%(name)s已重新列入，从今天起计算应访。", name=elder.name), "ok")
    return redirect(url_for("elders.dossier", elder_id=elder_id), 303)


@bp.post("/<int:elder_id>/reverify")
@requires(P.ELDER_EDIT)
def reverify(elder_id: int) -> Answer:
    """The dossier was checked and still holds."""
    elder = to_edit(elder_id)
    services.reverify_elder(current_actor(), elder)
    db.session.commit()
    flash(_("已记下核实，%(day)s再核实。", day=i18n.day(elder.reverify_due_on)), "ok")
    return redirect(url_for("elders.dossier", elder_id=elder_id), 303)
