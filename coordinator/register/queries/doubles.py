"""Pairs of dossiers that may be one person, and what stands in each of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from coordinator.elders.imports.elder_columns import BY_KEY
from coordinator.elders.imports.kinds import yes_no
from coordinator.elders.imports.matching import Known, Resemblances, address_key, near
from coordinator.elders.labels import (
    CATEGORIES,
    CONSENT_KINDS,
    CONSENT_STATES,
    ECONOMIC,
    FIELDS,
    HEALTH,
    SEXES,
    SKILLS,
)
from coordinator.elders.models import Elder, ElderStatus, Household
from coordinator.elders.services.checks import PERSON_FIELDS
from coordinator.extensions import db
from coordinator.kernel import i18n
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area
from coordinator.kernel.identity import mask_id, mask_phone
from coordinator.register.models import DifferentPeople
from coordinator.register.queries.comparison import held_certificate, register_value, shown
from coordinator.visits.models import Visit
from coordinator.workforce.models import ContactPart, ServiceContact, Worker

MOST_PAIRS = 200
# Fields that say where a dossier comes from, and never how the person is.
_LEFT_ALONE = frozenset({"source", "external_ids"})
VALUE_FIELDS = tuple(sorted(PERSON_FIELDS - _LEFT_ALONE))
# Parts that are chosen as a whole.
PARTS = ("home", "categories", "certificate", "consents", "first_contact", "service_contact")


@dataclass(frozen=True, slots=True)
class Person:
    """One side of a proposed pair."""

    id: int
    name: str
    birth_date: Any
    area: str
    address: str
    has_id: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Two dossiers somebody should compare, and why."""

    first: Person
    second: Person
    why: str


def likely_pairs(actor: Actor) -> list[Pair]:
    """Active dossiers of one's areas that look like one person: same name and birth date; same telephone and a
    similar name or the same birth date (couples share telephones); similar name and address. Two queries.

    Pairs that were said to be two people are left out.
    """
    rows = db.session.execute(
        select(
            Elder.id,
            Elder.area_id,
            Elder.name,
            Elder.birth_date,
            Elder.phone_hash,
            Elder.id_number_hash.is_not(None),
            Household.address,
            Area.name,
        )
        .join(Household, Elder.household_id == Household.id)
        .join(Area, Elder.area_id == Area.id)
        .where(Elder.status == ElderStatus.ACTIVE, in_areas(actor, Permission.ELDER_EDIT, Elder.area_id))
        .order_by(Elder.id)
    ).all()
    people = {row[0]: Person(row[0], row[2], row[3], row[7], row[6], row[5]) for row in rows}
    found: dict[tuple[int, int], str] = {}
    by_phone: dict[bytes, list[Any]] = {}
    by_person: dict[tuple[str, Any], list[int]] = {}
    alike = Resemblances()
    known: list[Known] = []
    for elder_id, area_id, name, born, phone, has_id, address, _area in rows:
        if phone is not None:
            by_phone.setdefault(phone, []).append((elder_id, name, born))
        by_person.setdefault((name, born), []).append(elder_id)
        known.append(Known(area_id, name, born, address_key(address), has_id=has_id, id=elder_id))
    for ids in by_person.values():
        for pair in combinations(ids, 2):
            found.setdefault(pair, _("姓名和出生日期一样"))
    for held in by_phone.values():
        for (one, name, born), (two, other, other_born) in combinations(held, 2):
            if name == other or near(name, other) or born == other_born:
                found.setdefault((one, two), _("电话一样，姓名或出生日期也像"))
    alike.add_all(known)
    for person in known:
        for match in alike.similar(person):
            if match.id is not None and person.id is not None and match.id != person.id:
                one, two = sorted((match.id, person.id))
                found.setdefault((one, two), _("姓名和住址很像"))
    said = {
        (one, two)
        for one, two in db.session.execute(select(DifferentPeople.first_id, DifferentPeople.second_id))
    }
    return [
        Pair(people[one], people[two], why)
        for (one, two), why in sorted(found.items())
        if (one, two) not in said
    ][:MOST_PAIRS]


@dataclass(frozen=True, slots=True)
class Side:
    """What one dossier holds: shown values by field, and counts of what would move along."""

    elder: Elder
    values: Mapping[str, str]
    visits: int
    planned: int
    contacts: int


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the comparison page. `suggested` is the side that knows more; equal lines are not shown."""

    key: str
    label: str
    kept: str
    closed: str
    suggested: str  # kept or closed


def choices(kept: Elder, closed: Elder) -> list[Choice]:
    """Every field and part in which two dossiers differ, protected values masked."""
    found = []
    for key in VALUE_FIELDS:
        mine, theirs = getattr(kept, key), getattr(closed, key)
        if mine == theirs or theirs in (None, "", []):
            continue
        suggested = "closed" if mine in (None, "", []) else "kept"
        if key == "enrolled_on":
            suggested = "closed" if theirs < mine else "kept"
        found.append(
            Choice(key, str(FIELDS.get(key, key)), _shown(key, mine), _shown(key, theirs), suggested)
        )
    for key, label, show in _PARTS:
        mine_text, theirs_text = show(kept), show(closed)
        if mine_text != theirs_text and theirs_text:
            suggested = "kept" if mine_text else "closed"
            found.append(Choice(key, str(label), mine_text, theirs_text, suggested))
    return found


def _shown(key: str, value: Any) -> str:
    if value in (None, "", []):
        return ""
    if key == "id_number":
        return mask_id(value)
    if key == "phone":
        return mask_phone(value)
    if isinstance(value, bool):
        return yes_no(value)
    words = {"sex": SEXES, "prefers_sex": SEXES, "economic_status": ECONOMIC, "health": HEALTH}
    if key in words:
        return str(words[key][value])
    if key == "ability_level":
        return BY_KEY[key].show(value)
    if key == "needs_skills":
        return "、".join(str(SKILLS.get(one, one)) for one in value)
    if key in ("visit_from", "visit_until"):
        return i18n.hour(value)
    return str(value)


def _home(elder: Elder) -> str:
    return f"{elder.area.name}，{elder.household.address}"


def _categories(elder: Elder) -> str:
    return "、".join(str(CATEGORIES[one.category]) for one in elder.categories)


def _certificate(elder: Elder) -> str:
    held = held_certificate(elder)
    return shown("certificate", register_value(elder, "certificate")) if held is not None else ""


def _consents(elder: Elder) -> str:
    return "，".join(
        f"{CONSENT_KINDS[one.kind]}：{CONSENT_STATES[one.state]}（{i18n.day(one.given_on)}）"
        for one in sorted(elder.consents, key=lambda one: one.kind, reverse=True)
    )


def _first(elder: Elder) -> str:
    one = elder.first_contact
    return f"{one.relation} {one.name}" if one is not None else ""


def _service(elder: Elder) -> str:
    return (
        db.session.scalar(
            select(Worker.name)
            .join(ServiceContact, ServiceContact.worker_id == Worker.id)
            .where(
                ServiceContact.elder_id == elder.id,
                ServiceContact.until.is_(None),
                ServiceContact.part == ContactPart.MAIN,
            )
        )
        or ""
    )


_PARTS = (
    ("home", _l("住址"), _home),
    ("categories", _l("对象类型"), _categories),
    ("certificate", _l("残疾人证"), _certificate),
    ("consents", _l("意愿"), _consents),
    ("first_contact", _l("第一探访联系人"), _first),
    ("service_contact", _l("服务联系人"), _service),
)


def counts_of(elder: Elder) -> tuple[int, int]:
    """Visits that are closed, and those still planned. One query."""
    row = db.session.execute(
        select(
            func.count().filter(Visit.closed_at.is_not(None)),
            func.count().filter(Visit.state.in_(("open", "claimed", "assigned"))),
        ).where(Visit.elder_id == elder.id)
    ).one()
    return row[0], row[1]
