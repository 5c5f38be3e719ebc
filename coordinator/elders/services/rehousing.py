"""Moving a dossier to another community: the elder, the home, and the people who belong to the home."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.elders.lookup import clean_address
from coordinator.elders.models import Elder, ElderStatus, Household, HouseholdMember
from coordinator.elders.queries import find_household
from coordinator.elders.services import versions
from coordinator.elders.services.checks import flush, require_active, touch
from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import InvalidInput

# What is said of a family goes with the elder; what is said of a building stays.
_FAMILY = (
    *("name", "sex", "birth_date", "id_number", "relation", "health", "economic_status"),
    *("lives_in", "residence", "in_same_town", "away_since", "visits_often"),
)


def rehouse(actor: Actor, elder: Elder, area: Area, address: str) -> Household:
    """Register the elder at another address in another community. The family rows go along (they are copied while
    other elders stay in the old home); living conditions stay with the old home. Flushes.

    The actor needs to edit in the *new* area: it is the receiver who acts. Raises InvalidInput with the field.
    """
    demand(actor, Permission.ELDER_EDIT, area.path)
    require_active(elder)
    if area.level is not AreaLevel.COMMUNITY:
        raise InvalidInput(_("请选到社区（村）。"), field="to_area_id")
    text = clean_address(address)
    if not text:
        raise InvalidInput(_("请填住址，写到门牌号。"), field="to_address")
    old, old_area = elder.household, elder.area
    target = find_household(area.id, text)
    with versions.change(actor, elder, households=[target.id] if target else ()):
        if target is None:
            target = Household(area=area, address=text)
            db.session.add(target)
            db.session.flush()
        others = db.session.scalars(
            select(Elder.id).where(
                Elder.household_id == old.id, Elder.id != elder.id, Elder.status == ElderStatus.ACTIVE
            )
        ).all()
        known = {(one.name, one.relation) for one in target.members}
        for member in list(old.members):
            if others:
                if (member.name, member.relation) not in known:
                    values: dict[str, Any] = {name: getattr(member, name) for name in _FAMILY}
                    db.session.add(HouseholdMember(household_id=target.id, **values))
            else:
                member.household_id = target.id
        elder.household = target
        elder.area = area
        touch(elder)
        flush()
        db.session.expire(old, ["members", "elders"])
        db.session.expire(target, ["members", "elders"])
        audit.record(
            actor,
            "elder.move",
            elder,
            _(
                "%(name)s从%(old)s转到%(new)s",
                name=elder.name,
                old=old_area.name,
                new=area.name,
            ),
            changes={"area_id": [old_area.id, area.id], "address": [old.address, text]},
        )
        db.session.flush()
    return target
