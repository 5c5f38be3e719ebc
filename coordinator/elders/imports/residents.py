"""The elders of an area as an import compares its rows with them."""

from __future__ import annotations

from sqlalchemy import select

from coordinator.elders.imports.matching import Known, Resemblances
from coordinator.elders.imports.places import Places
from coordinator.elders.models import Elder, ElderStatus, Household
from coordinator.extensions import db


def add_residents(known: Resemblances, places: Places) -> None:
    """Names, birth dates and addresses of the active elders: what resemblance is judged by. One query."""
    rows = db.session.execute(
        select(
            Elder.id,
            Elder.area_id,
            Elder.name,
            Elder.birth_date,
            Household.address,
            Elder.id_number_hash.is_not(None),
        )
        .join(Household, Elder.household_id == Household.id)
        .where(Elder.area_id.in_(list(places.communities)), Elder.status == ElderStatus.ACTIVE)
    )
    for elder_id, area_id, name, born, address, has_id in rows:
        key = places.key_of(places.communities[area_id], address)
        known.add(Known(area_id, name, born, key, has_id=has_id, id=elder_id))
