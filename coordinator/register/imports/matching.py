"""Whose row is this? By ID number for certain; else by name and birth date, or name and address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from coordinator.elders.imports.matching import Known, Resemblances, address_key, alike
from coordinator.elders.imports.places import Places
from coordinator.elders.imports.residents import add_residents
from coordinator.elders.lookup import id_hash
from coordinator.elders.models import Elder, ElderStatus
from coordinator.extensions import db
from coordinator.kernel.areas import Area
from coordinator.kernel.crypto import keyed_hash
from coordinator.kernel.geo import Datum
from coordinator.register.models import MatchState


@dataclass(frozen=True, slots=True)
class Match:
    """What was found; `candidates` are dossiers somebody should compare. `registered` says in which state and where
    (in one's area or not) somebody with this ID number is held who is not an active elder of the area."""

    state: MatchState
    elder_id: int | None = None
    candidates: tuple[int, ...] = ()


def person_key(values: Mapping[str, Any]) -> bytes:
    """The same for the same person on every list: of the ID number, else of name, birth date and address."""
    number = values.get("id_number")
    text = number or "|".join(
        (values["name"], values.get("birth_date") or "", address_key(values.get("address") or ""))
    )
    return keyed_hash(text, "external_person")


class Matcher:
    """The active elders of an area, made findable. Two queries, and one for each chunk of rows."""

    def __init__(self, area: Area) -> None:
        self.places = Places(area, Datum.WGS84)
        self._register = Resemblances()
        add_residents(self._register, self.places)

    def match_all(self, rows: Sequence[Mapping[str, Any]]) -> list[Match]:
        """One answer a row; `community_id` narrows where the row has one."""
        hashes = {id_hash(row.get("id_number")) for row in rows} - {None}
        held = {
            number: (elder_id, area_id, status)
            for number, elder_id, area_id, status in db.session.execute(
                select(Elder.id_number_hash, Elder.id, Elder.area_id, Elder.status).where(
                    Elder.id_number_hash.in_(list(hashes))
                )
            )
        }
        return [self._match(row, held.get(id_hash(row.get("id_number")) or b"")) for row in rows]

    def _match(self, values: Mapping[str, Any], held: tuple[int, int, ElderStatus] | None) -> Match:
        if held is not None:
            elder_id, area_id, status = held
            if area_id in self.places.communities and status is ElderStatus.ACTIVE:
                return Match(MatchState.MATCHED, elder_id)
            return Match(MatchState.UNKNOWN)
        born = values.get("birth_date")
        similar: list[Known] = []
        certain: set[int] = set()
        known = values.get("community_id")
        communities = [known] if known is not None else list(self.places.communities)
        for area_id in communities:
            person = Known(
                area_id,
                values["name"],
                date.fromisoformat(born) if born else None,
                self.places.key_of(self.places.communities[area_id], values.get("address") or ""),
                has_id=bool(values.get("id_number")),
            )
            for other in self._register.similar(person):
                similar.append(other)
                same_day = person.birth_date is not None and other.birth_date == person.birth_date
                same_door = person.birth_date is None and alike(person.address, other.address)
                if other.name == person.name and (same_day or same_door) and other.id is not None:
                    certain.add(other.id)
        if len(certain) == 1:
            return Match(MatchState.MATCHED, certain.pop())
        if similar:
            found = dict.fromkeys(one.id for one in similar if one.id is not None)
            return Match(MatchState.AMBIGUOUS, candidates=tuple(found)[:5])
        return Match(MatchState.UNKNOWN)
