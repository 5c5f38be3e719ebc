"""A row of the elders' sheet in the form the register's services take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Any

from coordinator.elders import services
from coordinator.elders.imports.elder_people import CONTACTS, MEMBERS
from coordinator.elders.imports.elder_rows import HOME, PERSON, PERSON_DAYS
from coordinator.elders.lookup import clean_address
from coordinator.elders.models import Category, ConsentGiver, ConsentKind, ConsentState, CoordinateSource
from coordinator.elders.services.contacts import ContactPerson
from coordinator.kernel import clock

SOURCE = "import"
Values = Mapping[str, Any]
# What a household member is where the row says nothing.
MEMBER_DEFAULTS: dict[str, Any] = {"lives_in": True, "in_same_town": None, "birth_date": None}


def _day(text: str | None) -> date | None:
    return None if text in (None, "forever") else date.fromisoformat(str(text))


def person_of(values: Values) -> dict[str, Any]:
    """Fields of the elder that a row gives, as `services` take them."""
    found = {key: values[key] for key in PERSON if key in values}
    found |= {key: _day(values[key]) for key in PERSON_DAYS if key in values}
    if "visit_hours" in values:
        found["visit_from"], found["visit_until"] = (time.fromisoformat(one) for one in values["visit_hours"])
    return found


def home_of(values: Values) -> dict[str, Any]:
    """Fields of the household that a row gives."""
    found = {key: values[key] for key in HOME if key in values}
    found["address"] = clean_address(values["address"])
    if "latitude" in values:
        found["coordinate_source"] = CoordinateSource.IMPORTED
    if "grid_id" in values:
        found["grid_id"] = values["grid_id"]
    return found


def contacts_of(values: Values, held: Sequence[ContactPerson] = ()) -> list[ContactPerson]:
    """The emergency contacts: those of the row in the place of the held ones, the others kept."""
    people = list(held)
    for number in range(1, CONTACTS + 1):
        prefix = f"contact{number}"
        if f"{prefix}_name" not in values:
            continue
        person = ContactPerson(*(values[f"{prefix}_{part}"] for part in ("name", "relation", "phone")))
        people[number - 1 : number] = [person]
    return people


def members_of(values: Values) -> list[dict[str, Any]]:
    """The household members a row names, with the fields it gives."""
    found = []
    for number in range(1, MEMBERS + 1):
        prefix = f"member{number}_"
        given = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
        if given:
            given["birth_date"] = _day(given.get("birth_date"))
            found.append(given)
    return found


def certificate_of(values: Values) -> services.Certificate | None:
    """The disability certificate a row gives."""
    if "certificate_grade" not in values:
        return None
    return services.Certificate(
        grade=values["certificate_grade"],
        valid_to=_day(values.get("certificate_valid_to")),
        number=values.get("certificate_number"),
        kind=values.get("certificate_kind"),
    )


def consents_of(values: Values) -> list[dict[str, Any]]:
    """The wishes a row gives, as keyword arguments of `record_consent`."""
    found = []
    for kind in ConsentKind:
        state = values.get(f"consent_{kind.value}")
        if state is None:
            continue
        found.append(
            {
                "kind": kind,
                "state": ConsentState(state),
                "given_by": ConsentGiver(values.get("consent_by", ConsentGiver.SELF)),
                "given_on": _day(values.get("consent_on")) or clock.today(),
                "channel": SOURCE,
                "giver_name": values.get("consent_giver"),
                "note": values.get("consent_note"),
            }
        )
    return found


def categories_of(values: Values) -> dict[Category, str | None]:
    """The recorded categories a row gives, with their evidence."""
    evidence = values.get("category_evidence")
    return {Category(one): evidence for one in values.get("categories", ())}
