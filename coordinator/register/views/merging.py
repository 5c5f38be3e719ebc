"""Two dossiers of one person, side by side."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from coordinator.elders.imports.elder_check import dossiers
from coordinator.elders.models import Elder
from coordinator.elders.queries import elder_in_scope
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.errors import NotFound
from coordinator.kernel.forms import attempt, status_of
from coordinator.register.forms import DifferentForm, MergeForm
from coordinator.register.queries.doubles import PARTS, VALUE_FIELDS, choices, counts_of, likely_pairs
from coordinator.register.services import merging as services
from coordinator.register.views.blueprint import Answer, P, bp


@bp.get("/doubles")
@requires(P.ELDER_EDIT)
def doubles() -> Answer:
    """Pairs of dossiers that look like one person."""
    return render_template("register/doubles.html", pairs=likely_pairs(current_actor()))


def _both(elder_id: int, other_id: int) -> tuple[Elder, Elder]:
    actor = current_actor()
    if elder_id == other_id:
        raise NotFound(_("这是同一份档案。"), _("请选两份不同的档案。"))
    for one in (elder_id, other_id):
        elder_in_scope(actor, one, P.ELDER_EDIT)
    found = dossiers([elder_id, other_id])
    return found[elder_id], found[other_id]


@bp.route("/merge/<int:elder_id>/<int:other_id>", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def merge(elder_id: int, other_id: int) -> Answer:
    """Keep the first, take the second into it; value by value."""
    actor = current_actor()
    kept, closed = _both(elder_id, other_id)
    form = MergeForm(kept_version=str(kept.version), closed_version=str(closed.version))
    taken = {
        name.removeprefix("take-")
        for name, value in request.form.items()
        if name.startswith("take-") and value == "closed"
    } & {*VALUE_FIELDS, *PARTS}

    def act() -> None:
        services.merge_dossiers(
            actor,
            kept,
            closed,
            taken,
            kept_version=int(form.kept_version.data or 0),
            closed_version=int(form.closed_version.data or 0),
            reason=form.reason.data or "",
        )

    if attempt(form, act):
        flash(_("两份档案已经合并。另一份的网址会转到这里。"), "ok")
        return redirect(url_for("elders.dossier", elder_id=elder_id), 303)
    kept, closed = _both(elder_id, other_id)
    if form.is_submitted():
        form.kept_version.data, form.closed_version.data = str(kept.version), str(closed.version)
    page = render_template(
        "register/merge.html",
        form=form,
        different=DifferentForm(formdata=None),
        kept=kept,
        closed=closed,
        choices=choices(kept, closed),
        taken=taken if form.is_submitted() else None,
        kept_counts=counts_of(kept),
        closed_counts=counts_of(closed),
    )
    return page, status_of(form)


@bp.post("/different/<int:elder_id>/<int:other_id>")
@requires(P.ELDER_EDIT)
def different(elder_id: int, other_id: int) -> Answer:
    """They are two people."""
    actor = current_actor()
    first, second = _both(elder_id, other_id)
    form = DifferentForm()
    if attempt(form, lambda: services.say_different(actor, first, second, form.reason.data or "")):
        flash(_("已经记下，以后不再提示这两份。"), "ok")
        return redirect(url_for("register.doubles"), 303)
    for text in [*form.form_errors, *form.reason.errors]:
        flash(str(text), "warn")
    return redirect(url_for("register.merge", elder_id=elder_id, other_id=other_id), 303)
