"""The rows around a dossier: household and its members, categories, certificate; with what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _

from coordinator.elders.models import (
    Category,
    DisabilityCertificate,
    Elder,
    ElderCategory,
    ElderStatus,
    Household,
    HouseholdMember,
)
from coordinator.elders.queries import find_household
from coordinator.elders.queries.facts import SECRETS
from coordinator.elders.services.checks import checked_member, touch
from coordinator.elders.services.contacts import derive_first_contact, replace_first_contact
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import InvalidInput

# Encrypted: the audit trail says that they changed, never what they held.
SECRET_FIELDS = frozenset(SECRETS)


@dataclass(frozen=True, slots=True)
class Certificate:
    """残疾人证 as typed or imported; `number` None keeps the one on file when the dossier is edited."""

    grade: int
    valid_to: date | None = None
    number: str | None = None
    kind: str | None = None
    source: str | None = None


def _plain(value: Any) -> Any:
    """A value as the audit trail keeps it."""
    if isinstance(value, StrEnum):
        return value.value
    return value if value is None or isinstance(value, (bool, int, str, list)) else str(value)


def apply(target: Any, values: Mapping[str, Any], changes: dict[str, Any]) -> None:
    for field, value in values.items():
        old = getattr(target, field)
        if old == value or (isinstance(value, float) and old is not None and float(old) == value):
            continue
        setattr(target, field, value)
        if not field.endswith("_hash"):
            secret = field in SECRET_FIELDS
            changes[field] = (
                ["***" if old else None, "***" if value else None] if secret else [_plain(old), _plain(value)]
            )


def household_at(area: Area, values: dict[str, Any]) -> Household:
    found = find_household(area.id, values["address"])
    if found is None:
        found = Household(area=area, **values)
        db.session.add(found)
    else:
        for field, value in values.items():
            if value not in (None, "", []):
                setattr(found, field, value)
    db.session.flush()
    return found


def change_home(elder: Elder, values: dict[str, Any], changes: dict[str, Any], *, moves_alone: bool) -> None:
    home = elder.household
    address = values.get("address", home.address)
    others = [one for one in home.elders if one.id != elder.id and one.status == ElderStatus.ACTIVE]
    if address != home.address:
        target = find_household(home.area_id, address)
        if target is None and moves_alone and others:
            target = Household(area_id=home.area_id, **({"address": address} | values))
            db.session.add(target)
            db.session.flush()
        if target is not None:
            changes["address"] = [home.address, address]
            for one in [elder, *([] if moves_alone else others)]:
                one.household = target
                touch(one)
            apply(target, values, changes)
            db.session.flush()
            return
    before = dict(changes)
    apply(home, values, changes)
    if changes != before:
        # Their dossiers show this home as well: whoever is editing one of them must notice.
        for one in others:
            touch(one)


def set_categories(
    elder: Elder,
    wanted: Mapping[Category, str | None],
    changes: dict[str, Any] | None = None,
    *,
    sources: Mapping[Category, str] | None = None,
) -> None:
    """Record exactly these categories. Evidence None keeps what is on file; `sources` says who found them."""
    sources = sources or {}
    held = {one.category: one for one in elder.categories}
    for category, row in held.items():
        if category not in wanted:
            row.ended_on = max(clock.today(), row.since)
        else:
            told = (row.evidence, row.source)
            row.evidence = wanted[category] or row.evidence
            row.source = sources.get(category, row.source)
            if changes is not None and told != (row.evidence, row.source):
                changes["evidence"] = [category.value, category.value]
    for category, evidence in wanted.items():
        if category not in held:
            elder_id = elder.id
            db.session.add(
                ElderCategory(
                    elder_id=elder_id,
                    category=category,
                    evidence=evidence or None,
                    source=sources.get(category, elder.source),
                    since=clock.today(),
                )
            )
    if changes is not None and set(held) != set(wanted):
        changes["categories"] = [sorted(held), sorted(wanted)]
    db.session.flush()
    db.session.expire(elder, ["categories"])


def set_certificate(elder: Elder, wanted: Certificate, changes: dict[str, Any] | None = None) -> None:
    if wanted.grade not in (1, 2, 3, 4):
        raise InvalidInput(_("残疾等级只有一级到四级。"), field="certificate_grade")
    current = max(elder.certificates, key=lambda one: one.valid_to or date.max, default=None)
    if current is None:
        current = DisabilityCertificate(elder_id=elder.id, grade=wanted.grade)
        db.session.add(current)
    if changes is not None and (current.grade, current.valid_to) != (wanted.grade, wanted.valid_to):
        changes["certificate"] = [_plain(current.valid_to), _plain(wanted.valid_to)]
    current.grade = wanted.grade
    current.valid_to = wanted.valid_to
    current.kind = wanted.kind or current.kind
    current.number = wanted.number or current.number
    current.source = wanted.source or current.source or "manual"
    db.session.flush()
    db.session.expire(elder, ["certificates"])


def add_member(household: Household, member: Mapping[str, Any]) -> None:
    db.session.add(HouseholdMember(household_id=household.id, **checked_member(member)))


def replace_members(
    household: Household, wanted: Iterable[Mapping[str, Any]], changes: dict[str, Any]
) -> None:
    held = {one.id: one for one in household.members}
    kept: set[int] = set()
    changed = False
    for member in wanted:
        row = held.get(member.get("id") or 0)
        if row is None:
            add_member(household, member)
            changed = True
            continue
        kept.add(row.id)
        inner: dict[str, Any] = {}
        apply(row, checked_member(member), inner)
        changed = changed or bool(inner)
    for key, row in held.items():
        if key not in kept:
            db.session.delete(row)
            changed = True
    if changed:
        changes["members"] = [len(held), None]


def make_child_first_contact(elder: Elder) -> None:
    chosen = derive_first_contact(elder.household.members, elder.emergency_contacts)
    if chosen is not None:
        replace_first_contact(elder, chosen)
