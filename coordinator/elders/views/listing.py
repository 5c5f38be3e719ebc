"""The list of elders."""

from __future__ import annotations

from flask import render_template, request
from flask_babel import gettext as _

from coordinator import policy
from coordinator.elders import labels
from coordinator.elders.queries import ELDERS, elder_rows, exported_elders, facts_of, read_scope, tab_counts
from coordinator.elders.views.blueprint import Answer, P, bp, category_words
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.downloads import send_sheet
from coordinator.kernel.listing import Listing


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
