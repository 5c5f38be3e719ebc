"""Between the dossier and its form: filling it, reading it, and showing what two people typed differently."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from typing import Any

from flask_babel import gettext as _
from wtforms import DecimalField

from coordinator.elders import labels
from coordinator.elders.forms import CONTACT_ROWS, MEMBER_ROWS, ElderForm, TruthField
from coordinator.elders.models import Category, CoordinateSource, Elder
from coordinator.elders.services import COMMITTEE, Certificate, ContactPerson
from coordinator.elders.words import spoken
from coordinator.kernel.forms import options

# Fields of the form that go to the elder, and to the household, as they are.
PERSON = (
    *("name", "sex", "birth_date", "enrolled_on", "registered_address", "lives_at_registered_address"),
    *("is_rural_household", "children_alive", "spouse_alive", "ability_level", "ability_assessed_on"),
    *("ability_assessor", "has_dementia", "health", "is_self_caring", "medical_history", "economic_status"),
    *("income_source", "monthly_disposable_income", "in_hardship", "upheaval_until"),
    *("cares_for_impaired_child", "visit_minutes", "visit_from", "visit_until", "cautions", "dialect"),
    *("prefers_sex", "minors_welcome", "needs_two_visitors", "needs_skills", "notes"),
    *("ability_score", "ability_valid_to", "psych_assessed_on", "psych_assessor", "psych_result"),
    *("upheaval_note", "relief_given", "has_caregiver", "can_work", "has_livelihood", "only_child"),
    *("no_later_child", "supported_at_home", "support_given", "support_delegated", "support_delegate"),
    *("linked_unit", "linked_person", "linked_since"),
)
HOME = (
    *("address", "neighbourhood", "latitude", "longitude", "water_safe", "power_safe", "housing_safe"),
    *("monthly_income", "pension_monthly", "subsidies", "subsidy_monthly", "helped_by", "helper_name"),
    *("help_given", "house_structure", "unsafe_habits", "neighbour_relations"),
)
# An empty box keeps what is on file.
KEPT_WHEN_EMPTY = ("id_number", "phone")
# Columns that are never empty: left alone when nothing was typed.
_NEVER_NULL = frozenset({"lives_at_registered_address", "visit_from", "visit_until", "enrolled_on"})


@dataclass
class Given:
    """What a dossier form says, as the services take it."""

    person: dict[str, Any]
    home: dict[str, Any]
    contacts: list[ContactPerson]
    categories: dict[Category, str | None]
    sources: dict[Category, str]
    certificate: Certificate | None
    members: list[dict[str, Any]]
    moves_alone: bool = False

    def for_creation(self) -> dict[str, Any]:
        return {
            "person": self.person,
            "home": self.home,
            "contacts": self.contacts,
            "categories": self.categories,
            "category_sources": self.sources,
            "certificate": self.certificate,
            "members": [{k: v for k, v in one.items() if k != "id"} for one in self.members],
        }

    def for_edit(self) -> dict[str, Any]:
        return {
            "person": self.person,
            "home": self.home,
            "contacts": self.contacts,
            "categories": self.categories,
            "category_sources": self.sources,
            "certificate": self.certificate,
            "remove_certificate": self.certificate is None,
            "members": self.members,
            "moves_alone": self.moves_alone,
        }


def blank_form(communities: list[tuple[str, str]]) -> ElderForm:
    """An empty form with room for household and contacts."""
    form = ElderForm(visit_from=time(8, 30), visit_until=time(17, 30))
    _offer(form, communities)
    return form


def filled_form(elder: Elder, communities: list[tuple[str, str]]) -> ElderForm:
    """The form of a dossier; protected values are left empty."""
    certificate = max(elder.certificates, key=lambda one: one.valid_to or date.max, default=None)
    values: dict[str, Any] = {name: getattr(elder, name) for name in PERSON}
    values |= {name: getattr(elder.household, name) for name in HOME}
    values |= {
        "version": elder.version,
        "area_id": str(elder.area_id),
        "ability_level": str(elder.ability_level),
        "prefers_sex": elder.prefers_sex or "",
        "categories": [one.category.value for one in elder.categories],
        "only_child": elder.only_child or "",
        **{f"evidence_{one.category}": one.evidence for one in elder.categories},
        **{f"source_{one.category}": one.source for one in elder.categories},
        "certificate_grade": str(certificate.grade) if certificate else "",
        "certificate_kind": certificate.kind if certificate else None,
        "certificate_valid_to": certificate.valid_to if certificate else None,
        "contacts": [
            {"row_id": one.id, "name": one.name, "relation": one.relation} for one in elder.emergency_contacts
        ],
        "members": [
            {
                "row_id": one.id,
                "name": one.name,
                "relation": one.relation,
                "sex": one.sex or "",
                "birth_date": one.birth_date,
                "health": one.health,
                "economic_status": one.economic_status,
                "lives_in": one.lives_in,
                "in_same_town": one.in_same_town,
                "visits_often": one.visits_often,
                "away_since": one.away_since,
                "residence": one.residence,
            }
            for one in elder.household.members
        ],
    }
    form = ElderForm(data=values)
    _offer(form, communities)
    return form


def _offer(form: ElderForm, communities: list[tuple[str, str]]) -> None:
    for key in labels.CATEGORIES:
        source = form[f"source_{key}"]
        if source.data not in labels.SOURCES:
            # An external list's own name stays what it is.
            source.choices = options(labels.SOURCES | {source.data: source.data})
    form.area_id.choices = options(communities, None if len(communities) == 1 else _("请选"))
    if form.is_submitted():
        return
    for rows, most in ((form.members, MEMBER_ROWS), (form.contacts, CONTACT_ROWS)):
        # What is there, and two empty rows more.
        for _row in range(min(most - len(rows), 2)):
            rows.append_entry()


def read_form(form: ElderForm, elder: Elder | None) -> Given:
    """What was typed, with the protected values that were left alone taken from the dossier."""
    person = {name: _value(form, name) for name in PERSON}
    person = {name: value for name, value in person.items() if value is not None or name not in _NEVER_NULL}
    person["ability_level"] = int(person["ability_level"])
    person["prefers_sex"] = person["prefers_sex"] or None
    for name in KEPT_WHEN_EMPTY:
        if form[name].data:
            person[name] = form[name].data
    if elder is not None:
        for name in ("sex", "birth_date"):
            if not person.get(name):
                person.pop(name, None)
    home = {name: _value(form, name) for name in HOME}
    moved = elder is None or (elder.household.latitude, elder.household.longitude) != (
        home["latitude"],
        home["longitude"],
    )
    if moved and home["latitude"] is not None:
        home["coordinate_source"] = CoordinateSource.MAP_CLICK
    chosen = [Category(one) for one in form.categories.data or ()]
    return Given(
        person=person,
        home=home,
        contacts=_contacts(form, elder),
        categories={one: form[f"evidence_{one}"].data or None for one in chosen},
        sources={one: form[f"source_{one}"].data for one in chosen if form[f"source_{one}"].data},
        certificate=Certificate(
            int(form.certificate_grade.data),
            form.certificate_valid_to.data,
            form.certificate_number.data or None,
            form.certificate_kind.data or None,
        )
        if form.certificate_grade.data
        else None,
        members=_members(form, elder),
        moves_alone=bool(form.moves_alone.data),
    )


def _value(form: ElderForm, name: str) -> Any:
    bound = form[name]
    if isinstance(bound, TruthField):
        return bound.truth
    value = bound.data
    if isinstance(bound, DecimalField):
        return float(value) if value is not None else None
    if isinstance(value, str):
        return value.strip() or None
    return value


def _contacts(form: ElderForm, elder: Elder | None) -> list[ContactPerson]:
    held = {str(one.id): one.phone for one in elder.emergency_contacts} if elder else {}
    return [
        ContactPerson(
            row.form.name.data or "",
            row.form.relation.data or "",
            row.form.phone.data or held.get(str(row.form.row_id.data), ""),
        )
        for row in form.contacts
        if row.form.name.data or row.form.phone.data
    ]


def _members(form: ElderForm, elder: Elder | None) -> list[dict[str, Any]]:
    held = {str(one.id): one for one in elder.household.members} if elder else {}
    found = []
    for row in form.members:
        part = row.form
        if not (part.name.data or "").strip():
            continue
        member: dict[str, Any] = {
            "name": part.name.data,
            "relation": (part.relation.data or "").strip(),
            "sex": part.sex.data or None,
            "birth_date": part.birth_date.data,
            "health": part.health.data or None,
            "economic_status": part.economic_status.data or "none",
            "lives_in": bool(part.lives_in.data),
            "in_same_town": True if part.in_same_town.data else (None if part.lives_in.data else False),
            "visits_often": bool(part.visits_often.data),
            "away_since": part.away_since.data,
            "residence": part.residence.data or None,
        }
        if part.id_number.data:
            member["id_number"] = part.id_number.data
        if str(part.row_id.data) in held:
            member["id"] = held[str(part.row_id.data)].id
        found.append(member)
    return found


def what_differs(form: ElderForm, elder: Elder) -> list[dict[str, Any]]:
    """Fields whose stored value is not the typed one: what a save now would change, as the diff macro takes it."""
    stored = {name: getattr(elder, name) for name in PERSON}
    stored |= {name: getattr(elder.household, name) for name in HOME}
    rows = []
    for name, old in stored.items():
        new = _value(form, name)
        if name == "ability_level":
            new = int(new)
        if old == new or (old in (None, "") and new in (None, "", [])):
            continue
        if isinstance(new, float) and old is not None and abs(float(old) - new) < 1e-6:
            continue
        rows.append(
            {"label": str(labels.FIELDS.get(name, name)), "old": spoken(name, old), "new": spoken(name, new)}
        )
    typed = [(one.name, one.relation) for one in _contacts(form, elder)]
    held = [(one.name, one.relation) for one in elder.emergency_contacts]
    if typed != held:
        rows.append({"label": _("紧急联系人"), "old": _people(held), "new": _people(typed)})
    chosen = sorted(form.categories.data or ())
    recorded = sorted(one.category.value for one in elder.categories)
    if chosen != recorded:
        rows.append(
            {
                "label": _("类别"),
                "old": "、".join(str(labels.CATEGORIES[one]) for one in recorded),
                "new": "、".join(str(labels.CATEGORIES[one]) for one in chosen),
            }
        )
    return rows


def _people(rows: list[tuple[str, str]]) -> str:
    return "、".join(name if relation == COMMITTEE else f"{name}（{relation}）" for name, relation in rows)
