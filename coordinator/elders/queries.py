"""Reads of the register. Everything set-based: the number of queries does not grow with the elders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import defer

from coordinator import policy
from coordinator.elders.models import (
    Consent,
    ConsentKind,
    DisabilityCertificate,
    Elder,
    ElderCategory,
    ElderStatus,
    HouseholdMember,
)
from coordinator.extensions import db
from coordinator.kernel import clock

# 老年人权益保障法 第2条
ELDER_AGE = 60
# A certificate without a last day is valid for life.
FOR_LIFE = date.max
CHUNK = 5000


def without_secrets() -> tuple[Any, ...]:
    """Loader options that leave the encrypted fields in the database, for lists of thousands."""
    return (
        defer(Elder.id_number),
        defer(Elder.phone),
        defer(Elder.medical_history),
        defer(Elder.notes),
    )


def facts_of(elders: Sequence[Elder], *, on: date | None = None) -> dict[int, policy.ElderFacts]:
    """What the rules need to know, by elder id, in five queries per five thousand elders.

    `on` (today) decides only whether a co-resident's disability certificate is still valid. An elder who lives
    with several other elders is described by the one in the greatest need.
    """
    on = on or clock.today()
    facts: dict[int, policy.ElderFacts] = {}
    for start in range(0, len(elders), CHUNK):
        facts |= _facts_of(elders[start : start + CHUNK], on)
    return facts


def _facts_of(elders: Sequence[Elder], on: date) -> dict[int, policy.ElderFacts]:
    ids = [elder.id for elder in elders]
    categories = _categories(ids)
    consents = _consents(ids)
    certificates = _certificates(ids)
    others = _co_residents({elder.household_id for elder in elders}, on)
    return {
        elder.id: policy.ElderFacts(
            id=str(elder.id),
            birth_date=elder.birth_date,
            categories=frozenset(categories[elder.id]),
            ability_level=elder.ability_level,
            disability=certificates.get(elder.id),
            economic_status=policy.EconomicStatus(elder.economic_status),
            health=policy.Health(elder.health),
            self_caring=elder.is_self_caring,
            hardship=elder.in_hardship,
            upheaval_until=elder.upheaval_until,
            lives_with_elder=_neediest(
                other for key, other in others[elder.household_id] if key != ("elder", elder.id)
            ),
            cares_for_impaired_child=elder.cares_for_impaired_child,
            consent=consents.get(elder.id, policy.Consent()),
            enrolled_on=elder.enrolled_on,
            left_on=elder.left_on,
        )
        for elder in elders
    }


def _categories(ids: Iterable[int]) -> dict[int, set[policy.Category]]:
    found: dict[int, set[policy.Category]] = defaultdict(set)
    rows = db.session.execute(
        select(ElderCategory.elder_id, ElderCategory.category).where(
            ElderCategory.elder_id.in_(ids), ElderCategory.ended_on.is_(None)
        )
    )
    for elder_id, category in rows:
        found[elder_id].add(policy.Category(category))
    return found


def _consents(ids: Iterable[int]) -> dict[int, policy.Consent]:
    given: dict[int, dict[str, str]] = defaultdict(dict)
    rows = db.session.execute(
        select(Consent.elder_id, Consent.kind, Consent.state).where(
            Consent.elder_id.in_(ids), Consent.superseded_at.is_(None)
        )
    )
    for elder_id, kind, state in rows:
        given[elder_id][kind] = state
    return {
        elder_id: policy.Consent(
            service=policy.ServiceConsent(states.get(ConsentKind.SERVICE, "unknown")),
            home=policy.HomeConsent(states.get(ConsentKind.HOME, "unknown")),
        )
        for elder_id, states in given.items()
    }


def _certificates(ids: Iterable[int]) -> dict[int, policy.DisabilityCertificate]:
    """The certificate that lasts longest: a renewed one takes the place of the old."""
    found: dict[int, policy.DisabilityCertificate] = {}
    rows = db.session.execute(
        select(DisabilityCertificate.elder_id, DisabilityCertificate.grade, DisabilityCertificate.valid_to)
        .where(DisabilityCertificate.elder_id.in_(ids))
        .order_by(DisabilityCertificate.id)
    )
    for elder_id, grade, valid_to in rows:
        held = policy.DisabilityCertificate(grade, valid_to or FOR_LIFE)
        if elder_id not in found or held.valid_to >= found[elder_id].valid_to:
            found[elder_id] = held
    return found


Neighbour = tuple[tuple[str, int], policy.CoResident]


def _co_residents(household_ids: Iterable[int], on: date) -> dict[int, list[Neighbour]]:
    """Everybody of 60 and above in these homes: registered elders, and members of the household table who are not
    themselves registered there (the printed table lists the whole household, the elder included)."""
    found: dict[int, list[Neighbour]] = defaultdict(list)
    names: dict[int, set[str]] = defaultdict(set)
    disabled = (
        select(DisabilityCertificate.id)
        .where(
            DisabilityCertificate.elder_id == Elder.id,
            DisabilityCertificate.valid_to.is_(None) | (DisabilityCertificate.valid_to >= on),
        )
        .exists()
    )
    registered = db.session.execute(
        select(
            Elder.id,
            Elder.household_id,
            Elder.name,
            Elder.birth_date,
            Elder.ability_level,
            Elder.has_dementia,
            disabled,
        ).where(Elder.household_id.in_(household_ids), Elder.status == ElderStatus.ACTIVE)
    )
    for elder_id, household_id, name, birth_date, ability, dementia, has_certificate in registered:
        names[household_id].add(name)
        found[household_id].append(
            (("elder", elder_id), policy.CoResident(birth_date, ability, has_certificate, dementia))
        )
    members = db.session.execute(
        select(
            HouseholdMember.id, HouseholdMember.household_id, HouseholdMember.name, HouseholdMember.birth_date
        ).where(
            HouseholdMember.household_id.in_(household_ids),
            HouseholdMember.lives_in,
            HouseholdMember.birth_date.is_not(None),
        )
    )
    for member_id, household_id, name, birth_date in members:
        if name not in names[household_id] and policy.age_on(birth_date, on) >= ELDER_AGE:
            found[household_id].append((("member", member_id), policy.CoResident(birth_date)))
    return found


def _neediest(others: Iterable[policy.CoResident]) -> policy.CoResident | None:
    return max(others, key=lambda one: (one.ability_level, one.dementia, one.disabled), default=None)
