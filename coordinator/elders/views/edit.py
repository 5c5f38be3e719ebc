"""Opening and changing a dossier, with what a change does to the obligations before and after it is saved."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from coordinator.elders import labels, services
from coordinator.elders.dossier_form import blank_form, filled_form, read_form, what_differs
from coordinator.elders.models import Elder, ElderStatus
from coordinator.elders.queries import read_scope
from coordinator.elders.queries.effects import Effects, effects_of
from coordinator.elders.queries.history import change_of_facts
from coordinator.elders.views.blueprint import Answer, P, bp, dossier_after, newest_version, to_edit
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.kernel.forms import outcome


@bp.route("/new", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def create() -> Answer:
    """Open a dossier."""
    actor = current_actor()
    scope = read_scope(actor, P.ELDER_EDIT)
    form = blank_form(scope.choices())

    def open_dossier() -> Elder:
        area = next((one for one in scope.communities if str(one.id) == form.area_id.data), None)
        if area is None:
            raise NotFound(_("没有这个社区。"))
        return services.create_elder(actor, area, **read_form(form, None).for_creation())

    elder = outcome(form, open_dossier)
    if elder is not None:
        flash(_("已为%(name)s建档。下一步请问清意愿。", name=elder.name), "ok")
        return redirect(url_for("elders.dossier", elder_id=elder.id), 303)
    return _form_page(form, None, scope)


@bp.route("/<int:elder_id>/edit", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def edit(elder_id: int) -> Answer:
    """Change a dossier. When somebody else was faster the page shows both, and the next save is a decision; with
    `preview` the obligations before and after are shown and nothing is kept."""
    actor = current_actor()
    scope = read_scope(actor, P.ELDER_EDIT)
    elder = to_edit(elder_id)
    form = filled_form(elder, scope.choices())
    differences: list[dict[str, Any]] = []
    preview = None
    if form.validate_on_submit():
        try:
            before = newest_version(elder_id)
            given = read_form(form, elder)
            services.edit_elder(actor, elder, version=int(form.version.data or 0), **given.for_edit())
            if "preview" in request.form:
                preview = _effects(elder, scope, before)
                db.session.rollback()
                elder = to_edit(elder_id, fresh=True)
            else:
                target = dossier_after(elder_id, before)
                db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            elder = to_edit(elder_id, fresh=True)
            if problem.code == "stale":
                differences = what_differs(form, elder)
                # Saving again now means that both versions were seen.
                form.version.data = str(elder.version)
        else:
            if preview is None:
                flash(_("已保存。"), "ok")
                return redirect(target, 303)
    return _form_page(form, elder, scope, differences, preview)


def _effects(elder: Elder, scope: Any, before: int) -> list[Effects] | None:
    """What the change that has just been flushed does; empty without a rule pack or without a change."""
    number = newest_version(elder.id)
    pack = scope.pack_of(elder.area_id)
    change = change_of_facts(elder.id, number) if number > before else None
    if pack is None or change is None:
        return []
    return effects_of(pack, change.names, change.before, change.after, clock.today())


def _form_page(
    form: Any, elder: Elder | None, scope: Any, differences: Any = (), preview: Any = None
) -> Answer:
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
        preview=preview,
        pack=scope.pack_of(elder.area_id) if elder is not None else None,
        others=others,
        labels=labels,
        place=place,
        centre=centre,
    )
    return page, (422 if form.is_submitted() and preview is None else 200)
