"""One dossier: the page, the side panel, its history, single protected values."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _

from coordinator.elders import access, labels, services
from coordinator.elders.models import ConsentKind
from coordinator.elders.queries import Dossier, acts_of, elder_in_scope, read_dossier
from coordinator.elders.queries.contacts import service_contact_of
from coordinator.elders.queries.effects import Effects, effects_of
from coordinator.elders.queries.history import as_sections, change_of_facts, version_lines, version_on
from coordinator.elders.views.blueprint import Answer, P, bp, category_words
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.identity import mask_id, mask_phone


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
        effects=_effects(dossier) if full else None,
        reminders=dossier.reminders(clock.today()),
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


def _effects(dossier: Dossier) -> list[Effects] | None:
    """What the version named in the address changed of the obligations; None without one."""
    number = request.args.get("changed", type=int)
    change = change_of_facts(dossier.elder.id, number) if number else None
    if change is None or dossier.pack is None:
        return None
    return effects_of(dossier.pack, change.names, change.before, change.after, clock.today())


@bp.get("/<int:elder_id>/history")
@requires(P.ELDER_READ)
def history(elder_id: int) -> Answer:
    """档案历史: who changed what and when; `?on=` a day shows the dossier as it stood at its end."""
    actor = current_actor()
    elder = elder_in_scope(actor, elder_id)
    in_full = access.can_edit(actor, elder)
    asked = request.args.get("on", "")
    try:
        on = date.fromisoformat(asked) if asked else None
    except ValueError:
        on = None
    if on is not None and on < clock.today():
        version = version_on(elder_id, on)
        return render_template(
            "elders/as_of.html",
            e=elder,
            on=on,
            version=version,
            sections=as_sections(version.content, in_full=in_full) if version else (),
            service=service_contact_of(elder_id, on),
        )
    before = request.args.get("before", type=int)
    return render_template(
        "elders/history.html",
        e=elder,
        lines=version_lines(elder_id, in_full=in_full, before=before),
        acts=acts_of(elder_id) if before is None else (),
        changed=changed_words,
        before=before,
        labels=labels,
        wrong_day=bool(asked),
        asked=asked,
    )
