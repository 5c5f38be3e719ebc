"""Approval by the rule a community has set, and the setting of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import SYSTEM, Actor, Permission, demand
from coordinator.kernel.areas import Area, settings_of
from coordinator.kernel.errors import DomainError, InvalidInput
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.models import Claim
from coordinator.marketplace.queries.auto import facts_now, verdict
from coordinator.marketplace.queries.openings import Held, Opening
from coordinator.marketplace.rules import AutoRule, Rules
from coordinator.marketplace.services.giving import give_visit

# The least and the most of each figure; the words beside it stand on the page.
BOUNDS: dict[str, tuple[int, int]] = {
    "open_at_once": (1, 50),
    "queue_places": (0, 20),
    "hours_ahead": (1, 200),
    "ahead_days": (1, 60),
    "visits_here": (1, 50),
    "visits_around": (0, 100),
    "lead_hours": (2, 240),
}


def approve_by_rule(
    claim: Claim,
    rules: Rules,
    worker: DutyWorker,
    companion: DutyWorker | None,
    opening: Opening,
    held: Sequence[Held],
) -> bool:
    """Approve a claim that waits if the rule of its community may; False leaves it to a person. Flushes.

    What a coordinator's approval checks is checked here too; whatever it refuses stays with a person.
    """
    if not rules.auto.on:
        return False
    others = [one for one in held if one.visit_id != opening.visit_id]
    facts = facts_now(worker, companion, opening, others)
    if verdict(facts, rules.auto):
        return False
    try:
        with db.session.begin_nested():
            visit, who = give_visit(SYSTEM, claim)
            claim.by_rule = True
            audit.record(
                SYSTEM,
                "claim.approve_by_rule",
                claim,
                _(
                    "按第 %(version)s 版规则同意%(name)s的认领：去过这家 %(here)s 次，在本社区 %(around)s 次",
                    version=rules.auto.version,
                    name=who.name,
                    here=facts.here,
                    around=facts.around,
                ),
                changes={"rule": [None, asdict(rules.auto)]},
                area_id=visit.area_id,
            )
            db.session.flush()
    except DomainError:
        # The savepoint took all of it back: the claim waits, as it would without a rule.
        db.session.refresh(claim)
        return False
    return True


def set_rules(actor: Actor, area: Area, figures: dict[str, int], auto_on: bool) -> Rules:
    """Set the limits and the rule of an area; `figures` by the names of BOUNDS. Whoever lies below and has set
    nothing follows it. A change gives the rule its next version. Raises InvalidInput at the figure. Flushes.
    """
    demand(actor, Permission.CLAIM_DECIDE, area.path)
    for name, (least, most) in BOUNDS.items():
        if not least <= figures[name] <= most:
            raise InvalidInput(_("请填 %(least)s 到 %(most)s 之间的数。", least=least, most=most), field=name)
    if figures["queue_places"] > figures["open_at_once"]:
        raise InvalidInput(_("排队的次数不能多于同时申请的次数。"), field="queue_places")
    db.session.refresh(area, ["settings"], with_for_update=True)
    before = Rules.of(settings_of(area.path, "claims"))
    auto = AutoRule(
        on=auto_on,
        visits_here=figures["visits_here"],
        visits_around=figures["visits_around"],
        lead_hours=figures["lead_hours"],
        version=before.auto.version,
    )
    after = replace(
        before,
        open_at_once=figures["open_at_once"],
        queue_places=figures["queue_places"],
        hours_ahead=figures["hours_ahead"],
        ahead_days=figures["ahead_days"],
        auto=auto,
    )
    if after == before:
        return before
    if auto != before.auto:
        after = replace(after, auto=replace(auto, version=before.auto.version + 1))
    kept = dict(area.settings.get("claims") or settings_of(area.path, "claims") or {})
    area.settings = area.settings | {"claims": kept | after.as_dict()}
    audit.record(
        actor,
        "claims.set_rules",
        area,
        _(
            "%(area)s的认领规则改为第 %(version)s 版：%(on)s",
            area=area.name,
            version=after.auto.version,
            on=_("符合的自动同意") if after.auto.on else _("每条都由人审批"),
        ),
        changes=_differences(before.as_dict(), after.as_dict()),
        area_id=area.id,
    )
    db.session.flush()
    return after


def _differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: [before[name], value] for name, value in after.items() if before[name] != value}
