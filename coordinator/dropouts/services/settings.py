"""Setting a community's rules about drop-outs."""

from __future__ import annotations

from flask_babel import gettext as _

from coordinator.dropouts.rules import Rules, rules_for
from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area


def save_rules(
    actor: Actor, area: Area, *, automatic_hours: int, grace_minutes: int, familiar_swap: bool
) -> Rules:
    """Keep the rules of an area; they hold for what lies below it and has none of its own. Flushes."""
    demand(actor, Permission.CLAIM_DECIDE, area.path)
    before = rules_for(area.path)
    new = Rules(automatic_hours, grace_minutes, familiar_swap)
    if new == before:
        return before
    values = {
        "automatic_hours": automatic_hours,
        "grace_minutes": grace_minutes,
        "familiar_swap": familiar_swap,
    }
    # A new dict: a change inside the old one would not be seen.
    area.settings = {**(area.settings or {}), "dropouts": values}
    audit.record(
        actor,
        "dropouts.rules",
        area,
        _("改了%(area)s缺人与换人的规则", area=area.name),
        changes={name: [getattr(before, name), value] for name, value in values.items()},
        area_id=area.id,
    )
    db.session.flush()
    return new
