"""A whole dossier as plain values: what a version keeps, and how two of them differ.

A snapshot holds protected values in full; it lives only in an encrypted column.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from coordinator import policy
from coordinator.elders.models import Elder, ElderStatus, Household
from coordinator.elders.queries.facts import facts_as_json
from coordinator.extensions import db

_TECHNICAL = frozenset({"id", "id_number_hash", "phone_hash", "version", "created_at", "updated_at"})
_PERSON = tuple(one.name for one in Elder.__table__.columns if one.name not in _TECHNICAL)
_HOME = tuple(one.name for one in Household.__table__.columns if one.name not in ("id", "created_at"))
# The parts of a snapshot that are rows, each with the columns it keeps.
ROWS: dict[str, tuple[str, ...]] = {
    "members": (
        *("id", "name", "sex", "birth_date", "id_number", "relation", "health", "economic_status"),
        *("lives_in", "residence", "in_same_town", "away_since", "visits_often"),
    ),
    "categories": ("id", "category", "evidence", "source", "since"),
    "certificates": ("id", "number", "kind", "grade", "valid_to", "source"),
    "consents": (
        *("id", "kind", "state", "given_by", "giver_name", "given_on", "channel", "explained_by", "note"),
        *("paper_id", "ask_again_on"),
    ),
    "contacts": ("id", "position", "name", "relation", "phone"),
    "first_contact": ("id", "name", "relation", "phone", "lives_nearby", "basis", "appointed_by", "since"),
    "devices": ("id", "kind", "identifier", "installed_on", "working", "note", "removed_on"),
    "papers": ("id", "kind", "title"),
    "others": ("id", "name"),
}


def whole_elders(ids: Iterable[int]) -> Sequence[Elder]:
    """Elders with all that a snapshot holds, read anew; a fixed number of queries."""
    home = joinedload(Elder.household, innerjoin=True)
    return db.session.scalars(
        select(Elder)
        .where(Elder.id.in_(list(ids)))
        .order_by(Elder.id)
        .options(
            home.selectinload(Household.members),
            joinedload(Elder.area, innerjoin=True),
            selectinload(Elder.categories),
            selectinload(Elder.certificates),
            selectinload(Elder.consents),
            selectinload(Elder.emergency_contacts),
            selectinload(Elder.first_contact),
            selectinload(Elder.devices),
            selectinload(Elder.papers),
        )
        .execution_options(populate_existing=True)
    ).all()


def people_of(elders: Sequence[Elder]) -> dict[int, list[dict[str, Any]]]:
    """The active elders of their homes, by household id; one query."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    homes = {elder.household_id for elder in elders}
    for household_id, elder_id, name in db.session.execute(
        select(Elder.household_id, Elder.id, Elder.name).where(
            Elder.household_id.in_(homes), Elder.status == ElderStatus.ACTIVE
        )
    ):
        found[household_id].append({"id": elder_id, "name": name})
    return found


def snapshot(elder: Elder, facts: policy.ElderFacts, at_home: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The dossier of a wholly loaded elder with the facts the rules draw from it, and the others `at_home` (of
    `people_of`); JSON values only."""
    home = elder.household
    rows: dict[str, Iterable[Any]] = {
        "members": home.members,
        "categories": elder.categories,
        "certificates": elder.certificates,
        "consents": elder.consents,
        "contacts": elder.emergency_contacts,
        "first_contact": [elder.first_contact] if elder.first_contact else [],
        "devices": elder.devices,
        "papers": elder.papers,
    }
    others = [one for one in at_home if one["id"] != elder.id]
    return {
        "person": {name: plain(getattr(elder, name)) for name in _PERSON} | {"area": elder.area.name},
        "home": {name: plain(getattr(home, name)) for name in _HOME},
        **{
            part: sorted(
                ({name: plain(getattr(row, name)) for name in ROWS[part]} for row in found),
                key=lambda row: row["id"],
            )
            for part, found in rows.items()
        },
        "others": sorted(others, key=lambda one: one["id"]),
        "facts": facts_as_json(facts),
    }


def plain(value: Any) -> Any:
    """A stored value as JSON holds it."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value


def changed_fields(old: dict[str, Any] | None, new: dict[str, Any]) -> list[str]:
    """The names of the fields and parts in which two snapshots differ; the first of all has none."""
    if old is None:
        return []
    found = [name for part in ("person", "home") for name in new[part] if _differs(old, new, part, name)]
    found += [part for part in ROWS if old.get(part, []) != new[part]]
    if old["facts"]["lives_with_elder"] != new["facts"]["lives_with_elder"]:
        found.append("lives_with")
    return found


def _differs(old: dict[str, Any], new: dict[str, Any], part: str, name: str) -> bool:
    return old.get(part, {}).get(name) != new[part][name] and name not in ("household_id", "area_id")
