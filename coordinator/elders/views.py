"""The pages of the register: list, dossier, form, wishes, contact people."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from coordinator import policy
from coordinator.elders import access, labels, services
from coordinator.elders.dossier_form import blank_form, filled_form, read_form, what_differs
from coordinator.elders.forms import ConsentForm, EndForm, FirstContactForm
from coordinator.elders.models import ConsentKind, ConsentState, Elder, ElderStatus
from coordinator.elders.queries import (
    ELDERS,
    elder_in_scope,
    elder_rows,
    exported_elders,
    facts_of,
    read_dossier,
    read_scope,
    tab_counts,
)
from coordinator.elders.services.contacts import derive_first_contact
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.downloads import send_sheet
from coordinator.kernel.errors import Conflict, DomainError, NotFound
from coordinator.kernel.forms import options
from coordinator.kernel.identity import mask_id, mask_phone
from coordinator.kernel.listing import Listing

bp = Blueprint("elders", __name__, url_prefix="/elders")
Answer = str | tuple[str, int] | BaseResponse

P = Permission


@bp.app_template_filter("masked_id")
def masked_id(number: str | None) -> str:
    return mask_id(number) if number else ""


@bp.app_template_filter("masked_phone")
def masked_phone(phone: str | None) -> str:
    return mask_phone(phone) if phone else ""


@bp.get("")
@requires(P.ELDER_READ)
def index() -> Answer:
    """The list; `?format=xlsx` exports it with ID numbers and telephones masked."""
    actor = current_actor()
    scope = read_scope(actor, P.ELDER_READ)
    listing = Listing.read(ELDERS, request.args, request.path, choices={"community": scope.choices()})
    if listing.export_format:
        sheet = listing.export(
            db.session,
            exported_elders(actor, listing),
            _("长者名单"),
            notes=[_("身份证号和电话只显示一部分。"), _("导出人：%(name)s", name=actor.name)],
        )
        audit.record(actor, "elder.export", "elders", _("导出长者名单（%(fmt)s）", fmt=listing.export_format))
        db.session.commit()
        return send_sheet(sheet)
    page = listing.fetch(db.session, elder_rows(actor, listing), scalars=False)
    elders = [row[0] for row in page.rows]
    facts = facts_of(elders)
    today = clock.today()
    tiers = {}
    for elder in elders:
        pack = scope.pack_of(elder.area_id)
        tiers[elder.id] = policy.tier(pack, facts[elder.id], today) if pack else None
    return render_template(
        "elders/index.html",
        page=page,
        listing=listing,
        facts=facts,
        tiers=tiers,
        counts=tab_counts(actor, listing),
        scope=scope,
        labels=labels,
        may_edit=actor.may(P.ELDER_EDIT),
        categories_of=lambda elder: category_words(facts[elder.id], today),
    )


def category_words(facts: policy.ElderFacts, on: date) -> str:
    """The categories an elder belongs to, in the order of the documents; age 80 and above is told as well."""
    words = [
        str(text)
        for key, text in (labels.CATEGORIES | labels.DERIVED_CATEGORIES).items()
        if policy.has_category(facts, policy.Category(key), on)
    ]
    if policy.age_on(facts.birth_date, on) >= 80:
        words.append(_("高龄"))
    return "·".join(words)


def _dossier_page(template: str, elder_id: int, *, full: bool = True) -> str:
    actor = current_actor()
    dossier = read_dossier(actor, elder_id, full=full)
    return render_template(
        template,
        d=dossier,
        e=dossier.elder,
        home=dossier.elder.household,
        labels=labels,
        categories=category_words(dossier.facts, clock.today()),
        may_edit=access.can_edit(actor, dossier.elder),
        may_reveal=access.can_reveal(actor, dossier.elder),
        consents={one.kind: one for one in dossier.elder.consents},
        ConsentKind=ConsentKind,
        changed=changed_words,
    )


def changed_words(changes: dict[str, Any]) -> str:
    """The names of the changed fields, for the history."""
    return "、".join(str(labels.FIELDS.get(key, "")) for key in changes if key in labels.FIELDS)


@bp.get("/<int:elder_id>")
@requires(P.ELDER_READ)
def dossier(elder_id: int) -> Answer:
    """一人一档."""
    return _dossier_page("elders/dossier.html", elder_id)


@bp.get("/<int:elder_id>/panel")
@requires(P.ELDER_READ)
def panel(elder_id: int) -> Answer:
    """The side panel of the list."""
    return _dossier_page("elders/panel.html", elder_id, full=False)


@bp.get("/<int:elder_id>/print")
@requires(P.ELDER_READ)
def print_dossier(elder_id: int) -> Answer:
    """The dossier on A4."""
    return _dossier_page("elders/print_dossier.html", elder_id)


@bp.post("/<int:elder_id>/reveal/<field>")
@requires(P.ELDER_REVEAL)
def reveal(elder_id: int, field: str) -> Answer:
    """One protected value in full; who looked is committed before it is shown."""
    elder = elder_in_scope(current_actor(), elder_id, P.ELDER_REVEAL)
    value = services.reveal(current_actor(), elder, field)
    db.session.commit()
    is_number = field == "id_number" or field.startswith(("member-", "certificate-"))
    return render_template(
        "elders/revealed.html",
        value=value,
        masked_value=mask_id(value) if is_number else mask_phone(value),
        url=url_for("elders.reveal", elder_id=elder_id, field=field),
        what=_("证件号") if is_number else _("电话"),
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def create() -> Answer:
    """Open a dossier."""
    actor = current_actor()
    scope = read_scope(actor, P.ELDER_EDIT)
    form = blank_form(scope.choices())
    if form.validate_on_submit():
        area = next((one for one in scope.communities if str(one.id) == form.area_id.data), None)
        if area is None:
            raise NotFound(_("没有这个社区。"))
        try:
            given = read_form(form, None)
            elder = services.create_elder(actor, area, **given.for_creation())
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
        else:
            flash(_("已为%(name)s建档。下一步请问清意愿。", name=elder.name), "ok")
            return redirect(url_for("elders.dossier", elder_id=elder.id), 303)
    return _form_page(form, None, scope)


@bp.route("/<int:elder_id>/edit", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def edit(elder_id: int) -> Answer:
    """Change a dossier. When somebody else was faster the page shows both, and the next save is a decision."""
    actor = current_actor()
    scope = read_scope(actor, P.ELDER_EDIT)
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT)
    form = filled_form(elder, scope.choices())
    differences: list[dict[str, Any]] = []
    if form.validate_on_submit():
        try:
            given = read_form(form, elder)
            services.edit_elder(actor, elder, version=int(form.version.data or 0), **given.for_edit())
            db.session.commit()
        except Conflict as problem:
            db.session.rollback()
            form.take(problem)
            elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT, fresh=True)
            if problem.code == "stale":
                differences = what_differs(form, elder)
                # Saving again now means that both versions were seen.
                form.version.data = str(elder.version)
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT, fresh=True)
        else:
            flash(_("已保存。"), "ok")
            return redirect(url_for("elders.dossier", elder_id=elder_id), 303)
    return _form_page(form, elder, scope, differences)


def _form_page(form: Any, elder: Elder | None, scope: Any, differences: Any = ()) -> Answer:
    place = None
    if elder is not None and elder.household.latitude is not None:
        place = (elder.household.latitude, elder.household.longitude)
    centre = next(
        (
            (one.latitude, one.longitude)
            for one in [*scope.communities, *scope.areas.values()]
            if one.latitude is not None and (elder is None or one.id in elder.area.ancestor_ids)
        ),
        None,
    )
    others = (
        [one for one in elder.household.elders if one.id != elder.id and one.status == ElderStatus.ACTIVE]
        if elder
        else []
    )
    page = render_template(
        "elders/form.html",
        form=form,
        e=elder,
        differences=differences,
        others=others,
        labels=labels,
        place=place,
        centre=centre,
    )
    return page, (422 if form.is_submitted() else 200)


@bp.route("/<int:elder_id>/consent/<kind>", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def consent(elder_id: int, kind: str) -> Answer:
    """Write down a wish."""
    if kind not in (ConsentKind.SERVICE, ConsentKind.HOME):
        raise NotFound(_("没有这一页。"))
    actor = current_actor()
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT)
    form = ConsentForm(kind=kind, given_on=clock.today(), channel="face_to_face")
    form.state.choices = options(form.SERVICE if kind == ConsentKind.SERVICE else form.HOME)
    if form.validate_on_submit():
        try:
            services.record_consent(
                actor,
                elder,
                ConsentKind(kind),
                ConsentState(form.state.data),
                given_by=form.given(),
                given_on=form.given_on.data,
                channel=form.channel.data,
                giver_name=form.giver_name.data,
                note=form.note.data,
                ask_again_on=form.ask_again_on.data,
            )
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT, fresh=True)
        else:
            flash(_("已记下%(name)s的意愿。", name=elder.name), "ok")
            return redirect(url_for("elders.dossier", elder_id=elder_id), 303)
    page = render_template("elders/consent.html", form=form, e=elder, kind=kind, labels=labels)
    return page, (422 if form.is_submitted() else 200)


@bp.route("/<int:elder_id>/first-contact", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def first_contact(elder_id: int) -> Answer:
    """Name the 第一探访联系人."""
    actor = current_actor()
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT)
    suggested = derive_first_contact(elder.household.members, elder.emergency_contacts)
    current = elder.first_contact or suggested
    form = FirstContactForm(
        name=current.name if current else None,
        relation=current.relation if current else None,
        lives_nearby=("yes" if current.lives_nearby else "no") if current else None,
    )
    if form.validate_on_submit():
        phone = form.phone.data or (current.phone if current and current.name == form.name.data else None)
        try:
            services.set_first_contact(
                actor,
                elder,
                form.name.data or "",
                form.relation.data or "",
                phone,
                lives_nearby=form.lives_nearby.data == "yes",
            )
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT, fresh=True)
        else:
            flash(_("已记下第一探访联系人。"), "ok")
            return redirect(url_for("elders.dossier", elder_id=elder_id), 303)
    page = render_template(
        "elders/first_contact.html", form=form, e=elder, suggested=suggested, current=elder.first_contact
    )
    return page, (422 if form.is_submitted() else 200)


@bp.route("/<int:elder_id>/end", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def end(elder_id: int) -> Answer:
    """Close the dossier."""
    actor = current_actor()
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT)
    form = EndForm(left_on=clock.today())
    if form.validate_on_submit():
        try:
            services.end_elder(
                actor, elder, ElderStatus(form.status.data), form.left_on.data, form.note.data or ""
            )
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT, fresh=True)
        else:
            flash(_("已登记。档案保留，不再安排探访。"), "ok")
            return redirect(url_for("elders.dossier", elder_id=elder_id), 303)
    page = render_template("elders/end.html", form=form, e=elder)
    return page, (422 if form.is_submitted() else 200)


@bp.post("/<int:elder_id>/reinstate")
@requires(P.ELDER_EDIT)
def reinstate(elder_id: int) -> Answer:
    """Take back into the register."""
    elder = elder_in_scope(current_actor(), elder_id, P.ELDER_EDIT)
    services.reinstate_elder(current_actor(), elder)
    db.session.commit()
    flash(_("%(name)s已重新列入，从今天起计算应访。", name=elder.name), "ok")
    return redirect(url_for("elders.dossier", elder_id=elder_id), 303)


@bp.post("/<int:elder_id>/reverify")
@requires(P.ELDER_EDIT)
def reverify(elder_id: int) -> Answer:
    """The dossier was checked and still holds."""
    elder = elder_in_scope(current_actor(), elder_id, P.ELDER_EDIT)
    services.reverify_elder(current_actor(), elder)
    db.session.commit()
    flash(_("已记下核实，半年后再核实。"), "ok")
    return redirect(url_for("elders.dossier", elder_id=elder_id), 303)
