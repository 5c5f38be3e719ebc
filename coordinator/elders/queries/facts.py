"""What the rules need to know of the elders, and where they live."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Text, any_, cast, false, func, literal, select, union_all
from sqlalchemy.orm import defer

from coordinator import policy
from coordinator.elders.lookup import clean_address
from coordinator.elders.models import (
    Consent,
    ConsentKind,
    DisabilityCertificate,
    EarlierFacts,
    Elder,
    ElderCategory,
    ElderStatus,
    Household,
    HouseholdMember,
)
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.crypto import EncryptedText

# 老年人权益保障法 第2条
ELDER_AGE = 60
# A certificate without a last day is valid for life.
FOR_LIFE = date.max
CHUNK = 5000
# Every encrypted column of an elder.
SECRETS = tuple(column.name for column in Elder.__table__.columns if isinstance(column.type, EncryptedText))


def without_secrets() -> tuple[Any, ...]:
    """Loader options that leave the encrypted fields in the database, for lists of thousands."""
    return tuple(defer(getattr(Elder, name)) for name in SECRETS)


def find_household(area_id: int, address: str) -> Household | None:
    """The household of a community with this address, however it was spaced."""
    return db.session.scalars(
        select(Household)
        .where(Household.area_id == area_id, Household.address == clean_address(address))
        .order_by(Household.id)
        .limit(1)
    ).first()


def facts_of(elders: Sequence[Elder], *, on: date | None = None) -> dict[int, policy.ElderFacts]:
    """What the rules need to know, by elder id, in two queries per five thousand elders.

    `on` (today) decides only whether a co-resident's disability certificate is still valid. An elder who lives
    with several other elders is described by the one in the greatest need.
    """
    on = on or clock.today()
    facts: dict[int, policy.ElderFacts] = {}
    for start in range(0, len(elders), CHUNK):
        facts |= _facts_of(elders[start : start + CHUNK], on)
    return facts


def facts_of_loaded(elder: Elder, *, on: date) -> policy.ElderFacts:
    """The same for one elder whose categories, consents and certificates are loaded; one query."""
    recorded = (
        [one.category for one in elder.categories],
        {one.kind: one.state for one in elder.consents},
        [[one.grade, one.valid_to.isoformat() if one.valid_to else None] for one in elder.certificates],
    )
    return _facts([elder], {elder.id: recorded}, on)[elder.id]


def _facts_of(elders: Sequence[Elder], on: date) -> dict[int, policy.ElderFacts]:
    return _facts(elders, _recorded([elder.id for elder in elders]), on)


def _facts(
    elders: Sequence[Elder], recorded: dict[int, tuple[Any, Any, Any]], on: date
) -> dict[int, policy.ElderFacts]:
    others = _co_residents({elder.household_id for elder in elders}, on)
    facts = {}
    for elder in elders:
        categories, consents, certificates = recorded[elder.id]
        facts[elder.id] = policy.ElderFacts(
            id=str(elder.id),
            birth_date=elder.birth_date,
            categories=frozenset(policy.Category(one) for one in categories or ()),
            ability_level=elder.ability_level,
            disability=_longest(certificates or ()),
            economic_status=policy.EconomicStatus(elder.economic_status),
            health=policy.Health(elder.health),
            self_caring=elder.is_self_caring,
            hardship=elder.in_hardship,
            upheaval_until=elder.upheaval_until,
            lives_with_elder=_neediest(
                other for key, other in others[elder.household_id] if key != ("elder", elder.id)
            ),
            cares_for_impaired_child=elder.cares_for_impaired_child,
            consent=policy.Consent(
                service=policy.ServiceConsent((consents or {}).get(ConsentKind.SERVICE, "unknown")),
                home=policy.HomeConsent((consents or {}).get(ConsentKind.HOME, "unknown")),
            ),
            enrolled_on=elder.enrolled_on,
            left_on=elder.left_on,
        )
    return facts


def _recorded(ids: Sequence[int]) -> dict[int, tuple[Any, Any, Any]]:
    """Current categories, current consents by kind, and certificates as [grade, last day], by elder id."""
    categories = (
        select(func.array_agg(cast(ElderCategory.category, Text)))
        .where(ElderCategory.elder_id == Elder.id, ElderCategory.ended_on.is_(None))
        .scalar_subquery()
    )
    consents = (
        select(func.jsonb_object_agg(Consent.kind, Consent.state))
        .where(Consent.elder_id == Elder.id, Consent.superseded_at.is_(None))
        .scalar_subquery()
    )
    certificates = (
        select(
            func.jsonb_agg(
                func.jsonb_build_array(DisabilityCertificate.grade, DisabilityCertificate.valid_to)
            )
        )
        .where(DisabilityCertificate.elder_id == Elder.id)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(Elder.id, categories, consents, certificates).where(
            Elder.id == any_(literal(list(ids), ARRAY(BigInteger)))
        )
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def _longest(certificates: Sequence[Sequence[Any]]) -> policy.DisabilityCertificate | None:
    """The certificate that lasts longest: a renewed one takes the place of the old."""
    held = [
        policy.DisabilityCertificate(grade, date.fromisoformat(valid_to) if valid_to else FOR_LIFE)
        for grade, valid_to in certificates
    ]
    return max(held, key=lambda one: (one.valid_to, -one.grade), default=None)


Neighbour = tuple[tuple[str, int], policy.CoResident]


def _co_residents(household_ids: Iterable[int], on: date) -> dict[int, list[Neighbour]]:
    """Everybody of 60 and above in these homes: registered elders, and members of the household table who are not
    themselves registered there (the printed table lists the whole household, the elder included)."""
    homes = literal(list(household_ids), ARRAY(BigInteger))
    disabled = (
        select(DisabilityCertificate.id)
        .where(
            DisabilityCertificate.elder_id == Elder.id,
            DisabilityCertificate.valid_to.is_(None) | (DisabilityCertificate.valid_to >= on),
        )
        .exists()
    )
    registered = select(
        literal("elder"),
        Elder.id,
        Elder.household_id,
        Elder.name,
        Elder.birth_date,
        Elder.ability_level,
        Elder.has_dementia,
        disabled,
    ).where(Elder.household_id == any_(homes), Elder.status == ElderStatus.ACTIVE)
    members = select(
        literal("member"),
        HouseholdMember.id,
        HouseholdMember.household_id,
        HouseholdMember.name,
        HouseholdMember.birth_date,
        literal(0),
        false(),
        false(),
    ).where(
        HouseholdMember.household_id == any_(homes),
        HouseholdMember.lives_in,
        HouseholdMember.birth_date.is_not(None),
    )
    rows: Sequence[Any] = db.session.execute(union_all(registered, members)).all()
    names = {(row[2], row[3]) for row in rows if row[0] == "elder"}
    found: dict[int, list[Neighbour]] = defaultdict(list)
    for kind, key, household_id, name, birth_date, ability, dementia, is_disabled in rows:
        if kind == "elder" or (
            (household_id, name) not in names and policy.age_on(birth_date, on) >= ELDER_AGE
        ):
            other = policy.CoResident(birth_date, ability, disabled=is_disabled, dementia=dementia)
            found[household_id].append(((kind, key), other))
    return found


def _neediest(others: Iterable[policy.CoResident]) -> policy.CoResident | None:
    return max(others, key=lambda one: (one.ability_level, one.dementia, one.disabled), default=None)


# --- former facts ----------------------------------------------------------------------------------------


def earlier_facts_of(elder_ids: Iterable[int], since: date) -> dict[int, list[policy.EarlierFacts]]:
    """What was known of the elders at the ends of periods that ended on or after `since`, by elder id, sorted by
    `until`; elders whose facts have not changed are left out. One query per five thousand elders.
    """
    ids = list(elder_ids)
    found: dict[int, list[policy.EarlierFacts]] = defaultdict(list)
    for start in range(0, len(ids), CHUNK):
        rows = db.session.execute(
            select(EarlierFacts.elder_id, EarlierFacts.until, EarlierFacts.facts)
            .where(
                EarlierFacts.elder_id == any_(literal(ids[start : start + CHUNK], ARRAY(BigInteger))),
                EarlierFacts.until >= since,
            )
            .order_by(EarlierFacts.elder_id, EarlierFacts.until)
        )
        for elder_id, until, facts in rows:
            found[elder_id].append(policy.EarlierFacts(until, facts_from(facts)))
    return dict(found)


def facts_as_json(facts: policy.ElderFacts) -> dict[str, Any]:
    """The facts as plain JSON values; `facts_from` reads them back."""
    plain = asdict(facts)
    plain["categories"] = sorted(facts.categories)
    found: dict[str, Any] = json.loads(json.dumps(plain, default=_iso))
    return found


def facts_from(stored: dict[str, Any]) -> policy.ElderFacts:
    """The facts that `facts_as_json` wrote. Fields added since then have their defaults."""
    values = dict(stored)
    for name in ("birth_date", "upheaval_until", "enrolled_on", "left_on"):
        values[name] = _day(values.get(name))
    values["categories"] = frozenset(policy.Category(one) for one in values["categories"])
    values["economic_status"] = policy.EconomicStatus(values["economic_status"])
    values["health"] = policy.Health(values["health"])
    if values["disability"] is not None:
        held = values["disability"]
        values["disability"] = policy.DisabilityCertificate(**held | {"valid_to": _day(held["valid_to"])})
    if values["lives_with_elder"] is not None:
        other = values["lives_with_elder"]
        values["lives_with_elder"] = policy.CoResident(**other | {"birth_date": _day(other["birth_date"])})
    values["consent"] = policy.Consent(
        policy.ServiceConsent(values["consent"]["service"]), policy.HomeConsent(values["consent"]["home"])
    )
    return policy.ElderFacts(**values)


def judged_alike(one: policy.ElderFacts, other: policy.ElderFacts) -> bool:
    """Whether the rules judge both the same way. The days of enrolment and leaving are never those of the past."""
    same = {"enrolled_on": None, "left_on": None}
    return replace(one, **same) == replace(other, **same)


def _iso(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON form for {value!r}")


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
