"""The registry file of `tanfang policy due`: JSON in, plain facts out.

Every field is checked on reading; the first fault is reported in one line that names file, element and field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import IO, Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

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

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class Registry:
    """The elders in file order, the contacts of those who have any (with their index in the file), the events."""

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


class _Repeated(ValueError):
    """A key that an object of the file gives twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        raise _Repeated(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
_SPACE = re.compile(r"[ \t\r\n]*")
_CHUNK = 1 << 20  # characters read at a time


class _Reader:
    """The values of a registry file one after the other: a county's contacts of a year are not held as text.

    Raises PolicyError for malformed JSON.
    """

    def __init__(self, file: IO[str], shown: str) -> None:
        self._file = file
        self._shown = shown
        self._text = ""
        self._at = 0
        self._ended = False

    def sections(self) -> Iterator[str]:
        """The keys of the outer object; each value must be read before the next key is asked for."""
        if self._next() != "{":
            self._value("")  # malformed rather than of another kind, perhaps
            self.fail("Input should be an object")
        seen: set[str] = set()
        for _ in self._items("}", ""):
            key = self._value("")
            if not isinstance(key, str):
                self.fail("Invalid JSON: a key must be text")
            if key in seen:
                self.fail(f"{key}: is given twice")
            seen.add(key)
            self._expect(":")
            yield key
        if self._next():
            self.fail("Invalid JSON: more text after the end")

    def elements(self, name: str) -> Iterator[tuple[int, Any, str]]:
        """Position, value and text of each element of an array."""
        if self._next() != "[":
            self._value(name)
            self.fail(f"{name}: Input should be a valid array")
        for position in self._items("]", name):
            start = f"{name}[{position}]"
            value = self._value(start)
            yield position, value, self._last

    def skip(self, name: str) -> None:
        """Pass over a value."""
        self._next()
        self._value(name)

    def fail(self, message: str) -> NoReturn:
        """Refuse the file with one line."""
        raise PolicyError(f"{self._shown}: {message}")

    def _items(self, closing: str, name: str) -> Iterator[int]:
        """Stand before each item in turn, and behind the closing bracket at the end."""
        self._at += 1
        if self._next() == closing:
            self._at += 1
            return
        for position in count():
            yield position
            after = self._next()
            self._at += 1
            if after == closing:
                return
            if after != ",":
                self.fail(f"Invalid JSON{f' in {name}' if name else ''}: expected , or {closing}")
            self._next()

    def _expect(self, character: str) -> None:
        if self._next() != character:
            self.fail(f"Invalid JSON: expected {character}")
        self._at += 1
        self._next()

    def _more(self) -> bool:
        """Read on; False at the end of the file. The unread rest is at least doubled, so that a long value is
        tried few times."""
        if self._ended:
            return False
        rest = self._text[self._at :]
        new = self._file.read(max(_CHUNK, len(rest)))
        self._ended = not new
        self._text, self._at = rest + new, 0
        return True

    def _next(self) -> str:
        """The next character that is not white space, "" at the end."""
        while True:
            match = _SPACE.match(self._text, self._at)
            assert match is not None, "matches nothing at least"
            self._at = match.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _value(self, name: str) -> Any:
        place = f" at {name}" if name else ""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except _Repeated as error:
                key = f"{name}.{error}".removeprefix(".")
                self.fail(f"{key}: is given twice")
            except RecursionError:
                self.fail(f"Invalid JSON{place}: nested too deeply")
            except ValueError as error:
                # Perhaps only cut off: once all is read, it is malformed.
                if not self._more():
                    reason = getattr(error, "msg", str(error))
                    self.fail(f"Invalid JSON{place}: {reason}")
                continue
            # A number at the end of what was read may go on.
            if end == len(self._text) and self._more():
                continue
            self._last = self._text[self._at : end]
            self._at = end
            return value


_ELDER, _CONTACT, _EVENT = TypeAdapter(_Elder), TypeAdapter(_Contact), TypeAdapter(_Event)
_MODES = {mode.value: mode for mode in Mode}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def read_registry(path: str | Path) -> Registry:
    """Read and check a registry file.

    Raises PolicyError for the first fault: unreadable or malformed file, a key given twice, a wrong or unknown
    field, two elders with one id, a contact of an unknown elder, dates in the wrong order.
    """
    elders: dict[str, ElderFacts] = {}
    contacts: dict[str, list[Contact]] = {}
    events: list[Event] = []
    days: dict[str, date] = {}  # one object for each day
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = _Reader(file, str(path))
            given = set()
            for key in reader.sections():
                given.add(key)
                if key == "elders":
                    for position, _, text in reader.elements(key):
                        elder = _checked(_ELDER, text, reader, f"elders[{position}]").facts()
                        if elder.id in elders:
                            reader.fail(f"elders[{position}].id: {elder.id!r} is given twice")
                        if elder.left_on and elder.enrolled_on and elder.left_on < elder.enrolled_on:
                            reader.fail(f"elders[{position}].left_on: is before enrolled_on")
                        elders[elder.id] = elder
                elif key == "contacts":
                    for position, value, text in reader.elements(key):
                        contact = _contact(position, value, days)
                        if contact is None:
                            entry = _checked(_CONTACT, text, reader, f"contacts[{position}]")
                            contact = Contact(entry.elder_id, entry.date, entry.mode, entry.outcome, position)
                            days.setdefault(entry.date.isoformat(), entry.date)
                        contacts.setdefault(contact.elder_id, []).append(contact)
                elif key == "events":
                    for position, _, text in reader.elements(key):
                        event = _checked(_EVENT, text, reader, f"events[{position}]")
                        if event.end < event.start:
                            reader.fail(f"events[{position}].to: is before from")
                        events.append(Event(event.kind, event.name, event.start, event.end))
                else:
                    reader.skip(key)
                    reader.fail(f"{key}: Extra inputs are not permitted")
            if "elders" not in given:
                reader.fail("elders: Field required")
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: is not UTF-8 ({error.reason})") from error
    unknown = [found[0] for elder_id, found in contacts.items() if elder_id not in elders]
    if unknown:
        first = min(unknown, key=lambda contact: contact.index or 0)
        raise PolicyError(f"{path}: contacts[{first.index}].elder_id: no elder {first.elder_id!r}")
    return Registry(list(elders.values()), contacts, events)


def _checked(adapter: TypeAdapter[T], text: str, reader: _Reader, place: str) -> T:
    """The element, checked field by field as JSON."""
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        fault = first_fault(error)
        reader.fail(f"{place}.{fault}" if error.errors()[0]["loc"] else f"{place}: {fault}")


def _contact(position: int, value: Any, days: Mapping[str, date]) -> Contact | None:
    """A contact without fault, by the short way; None when it must be looked at field by field (a fault, or a
    day not seen before)."""
    try:
        if len(value) == 4:
            elder_id, day = value["elder_id"], days[value["date"]]
            if type(elder_id) is str:
                return Contact(elder_id, day, _MODES[value["mode"]], _OUTCOMES[value["outcome"]], position)
    except (KeyError, TypeError):
        pass
    return None
