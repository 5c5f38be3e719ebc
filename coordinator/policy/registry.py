"""The registry file of `tanfang policy due`: JSON in, plain facts out.

Every field is checked on reading; the first fault is reported in one line that names file, element and field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from .errors import PolicyError, first_fault
from .facts import (
    Category,
    Consent,
    Contact,
    CoResident,
    DisabilityCertificate,
    EconomicStatus,
    ElderFacts,
    Event,
    EventKind,
    Health,
    HomeConsent,
    Mode,
    Outcome,
    ServiceConsent,
)


def parse_date(value: object) -> object:
    """Read YYYY-MM-DD, and nothing else that could be taken for a date. Raises ValueError."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("must be a date written YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{value} is not a day of the calendar") from error


Day = Annotated[date, BeforeValidator(parse_date)]
AbilityLevel = Annotated[int, Field(ge=0, le=4)]
RegisteredCategory = Literal["kinless", "living_alone", "empty_nest", "left_behind", "special_family"]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Certificate(_Part):
    grade: Annotated[int, Field(ge=1, le=4)]
    valid_to: Day


class _CoResident(_Part):
    birth_date: Day
    ability_level: AbilityLevel = 0
    disabled: bool = False
    dementia: bool = False

    def facts(self) -> CoResident:
        return CoResident(self.birth_date, self.ability_level, self.disabled, self.dementia)


class _Consent(_Part):
    service: ServiceConsent = ServiceConsent.UNKNOWN
    home: HomeConsent = HomeConsent.UNKNOWN


class _Elder(_Part):
    id: Annotated[str, Field(min_length=1)]
    birth_date: Day
    categories: frozenset[RegisteredCategory] = frozenset()
    ability_level: AbilityLevel = 0
    disability: _Certificate | None = None
    economic_status: EconomicStatus = EconomicStatus.NONE
    health: Health = Health.GOOD
    self_caring: bool = True
    hardship: bool = False
    upheaval_until: Day | None = None
    lives_with_elder: _CoResident | None = None
    cares_for_impaired_child: bool = False
    consent: _Consent = _Consent()
    enrolled_on: Day | None = None
    left_on: Day | None = None

    def facts(self) -> ElderFacts:
        certificate, other = self.disability, self.lives_with_elder
        return ElderFacts(
            id=self.id,
            birth_date=self.birth_date,
            categories=frozenset(map(Category, self.categories)),
            ability_level=self.ability_level,
            disability=DisabilityCertificate(certificate.grade, certificate.valid_to)
            if certificate
            else None,
            economic_status=self.economic_status,
            health=self.health,
            self_caring=self.self_caring,
            hardship=self.hardship,
            upheaval_until=self.upheaval_until,
            lives_with_elder=other.facts() if other else None,
            cares_for_impaired_child=self.cares_for_impaired_child,
            consent=Consent(self.consent.service, self.consent.home),
            enrolled_on=self.enrolled_on,
            left_on=self.left_on,
        )


class _Contact(_Part):
    elder_id: str
    date: Day
    mode: Mode
    outcome: Outcome


class _Event(_Part):
    kind: EventKind
    name: str
    start: Day = Field(alias="from")
    end: Day = Field(alias="to")


class _Registry(_Part):
    elders: list[_Elder]
    contacts: list[_Contact] = []
    events: list[_Event] = []


@dataclass(frozen=True, slots=True)
class Registry:
    """The elders in file order, the contacts of each (with their index in the file), the events."""

    elders: list[ElderFacts]
    contacts: dict[str, list[Contact]]
    events: list[Event]


def read_text(path: str | Path) -> str:
    """The file's text, read as UTF-8 (a byte order mark is passed over). Raises PolicyError."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: byte {error.start + 1} is not UTF-8") from error


def read_registry(path: str | Path) -> Registry:
    """Read and check a registry file.

    Raises PolicyError for the first fault: unreadable or malformed file, a wrong or unknown field, two elders
    with one id, a contact of an unknown elder, dates in the wrong order.
    """
    text = read_text(path)
    try:
        registry = _Registry.model_validate_json(text)
    except ValidationError as error:
        raise PolicyError(f"{path}: {first_fault(error)}") from error
    contacts: dict[str, list[Contact]] = {}
    for position, elder in enumerate(registry.elders):
        if elder.id in contacts:
            raise PolicyError(f"{path}: elders[{position}].id: {elder.id!r} is given twice")
        if elder.left_on and elder.enrolled_on and elder.left_on < elder.enrolled_on:
            raise PolicyError(f"{path}: elders[{position}].left_on: is before enrolled_on")
        contacts[elder.id] = []
    for position, entry in enumerate(registry.contacts):
        if entry.elder_id not in contacts:
            raise PolicyError(f"{path}: contacts[{position}].elder_id: no elder {entry.elder_id!r}")
        contacts[entry.elder_id].append(
            Contact(entry.elder_id, entry.date, entry.mode, entry.outcome, position)
        )
    for position, event in enumerate(registry.events):
        if event.end < event.start:
            raise PolicyError(f"{path}: events[{position}].to: is before from")
    return Registry(
        elders=[elder.facts() for elder in registry.elders],
        contacts=contacts,
        events=[Event(event.kind, event.name, event.start, event.end) for event in registry.events],
    )
