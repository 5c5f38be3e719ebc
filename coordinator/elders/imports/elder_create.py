"""Opening dossiers in bulk.

The service needs about fifteen statements per dossier, twenty thousand rows would take minutes. This path writes
the same rows as `services.create_elder`, with one audit line per dossier, in a fixed number of statements per
chunk; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, insert, select, tuple_

from coordinator.elders import services
from coordinator.elders.imports.columns import problem
from coordinator.elders.imports.elder_fields import (
    MEMBER_DEFAULTS,
    SOURCE,
    Values,
    categories_of,
    certificate_of,
    consents_of,
    contacts_of,
    home_of,
    members_of,
    person_of,
)
from coordinator.elders.imports.elder_rows import HOME, PERSON, PERSON_DAYS
from coordinator.elders.imports.importer import Applier, Taken
from coordinator.elders.lookup import clean_address, id_hash, phone_hash
from coordinator.elders.models import (
    Consent,
    ConsentState,
    DisabilityCertificate,
    Elder,
    ElderCategory,
    EmergencyContact,
    FirstVisitingContact,
    Household,
    HouseholdMember,
    ImportBatch,
    ImportRow,
)
from coordinator.elders.rules import ASK_AGAIN_AFTER
from coordinator.elders.services import versions
from coordinator.elders.services.checks import next_check
from coordinator.elders.services.contacts import ContactPerson, basis_of, derive_first_contact
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor
from coordinator.kernel.areas import Area
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import DomainError

# Without it rows with different empty fields would each take a statement of their own.
ONE_STATEMENT = {"render_nulls": True}


@dataclass(slots=True)
class _New:
    """A row on its way to a dossier."""

    row: ImportRow
    values: dict[str, Any]
    community: Area
    home: tuple[int, str]  # community and address
    household_id: int = 0
    elder_id: int = 0


class ElderCreator(Applier):
    """Opens the dossiers of one batch."""

    def __init__(self, batch: ImportBatch, actor: Actor) -> None:
        self.actor = actor
        self.since = batch.checked_at or batch.created_at
        self.areas = {
            area.id: area
            for area in db.session.scalars(select(Area).where(Area.path.startswith(batch.area.path)))
        }
        self.communities = {area.id: area.name for area in self.areas.values()}
        fresh = db.session.execute(
            select(Elder.area_id, Elder.name, Elder.birth_date).where(
                Elder.area_id.in_(list(self.areas)), Elder.created_at > self.since
            )
        )
        self._opened_since = {tuple(one) for one in fresh}
        self._committee: dict[int, ContactPerson | None] = {}
        self._checks: dict[tuple[int, date], date] = {}

    def create(self, rows: Sequence[ImportRow]) -> Taken:
        """Open dossiers in bulk. A row whose person has been registered since the check is left out."""
        taken = Taken()
        hashes = {id_hash(row.values.get("id_number")) for row in rows} - {None}
        held = set(
            db.session.scalars(select(Elder.id_number_hash).where(Elder.id_number_hash.in_(list(hashes))))
        )
        new: list[_New] = []
        for row in rows:
            values = row.values
            person = (values["community_id"], values["name"], date.fromisoformat(values["birth_date"]))
            if id_hash(values.get("id_number")) in held or person in self._opened_since:
                taken.left_out[row.id] = problem(
                    None,
                    "opened_since",
                    _("检查以后，有人给这位长者建了档。"),
                    _("请重新上传，看看有没有要改的。"),
                )
                continue
            community = self.areas[values["community_id"]]
            new.append(_New(row, values, community, (community.id, clean_address(values["address"]))))
        if new:
            with versions.change(self.actor, households=self._homes_of(new), source=SOURCE) as seen:
                self._households(new)
                self._elders(new)
                self._parts(new)
                seen.ids |= {one.elder_id for one in new}
            for one in new:
                one.row.target_id = one.elder_id
            taken.created = len(new)
        return taken

    @staticmethod
    def _homes_of(new: Sequence[_New]) -> Sequence[int]:
        """The homes that are there already."""
        places = tuple_(Household.area_id, Household.address)
        return db.session.scalars(select(Household.id).where(places.in_([one.home for one in new]))).all()

    def _households(self, new: Sequence[_New]) -> None:
        """Homes at the same address are one; what the rows know is added to those that exist."""
        wanted: dict[tuple[int, str], dict[str, Any]] = {}
        for one in new:
            known = wanted.setdefault(one.home, {"area_id": one.community.id})
            known |= {key: value for key, value in home_of(one.values).items() if value not in (None, "", [])}
        found = {
            (home.area_id, home.address): home
            for home in db.session.scalars(
                select(Household)
                .where(tuple_(Household.area_id, Household.address).in_(list(wanted)))
                .order_by(Household.id.desc())
            )
        }
        for place, home in found.items():
            for key, value in wanted.pop(place).items():
                setattr(home, key, value)
        db.session.flush()
        columns = ("area_id", "grid_id", "coordinate_source", *HOME)
        fresh = [{key: fields.get(key) for key in columns} for fields in wanted.values()]
        for fields in fresh:
            fields["helped_by"] = fields["helped_by"] or []
        ids = _insert(Household, fresh)
        places = {place: home.id for place, home in found.items()} | dict(zip(wanted, ids, strict=True))
        for one in new:
            one.household_id = places[one.home]

    def _elders(self, new: Sequence[_New]) -> None:
        today = clock.today()
        rows = []
        for one in new:
            fields = _DEFAULTS | person_of(one.values)
            fields["enrolled_on"] = fields.get("enrolled_on") or today
            rows.append(
                fields
                | {
                    "area_id": one.community.id,
                    "household_id": one.household_id,
                    "id_number_hash": id_hash(fields["id_number"]),
                    "phone_hash": phone_hash(fields["phone"]),
                    "reverify_due_on": self._next_check(one.community, fields["enrolled_on"]),
                    "source": SOURCE,
                }
            )
        for one, elder_id in zip(new, _insert(Elder, rows), strict=True):
            one.elder_id = elder_id

    def _next_check(self, community: Area, day: date) -> date:
        if (community.id, day) not in self._checks:
            self._checks[community.id, day] = next_check(community, day)
        return self._checks[community.id, day]

    def _parts(self, new: Sequence[_New]) -> None:
        today = clock.today()
        households = self._members_before({one.household_id for one in new})
        parts: dict[Any, list[dict[str, Any]]] = {
            model: []
            for model in (
                *(ElderCategory, DisabilityCertificate, Consent, HouseholdMember, EmergencyContact),
                *(FirstVisitingContact, AuditEntry),
            )
        }
        for one in new:
            elder = {"elder_id": one.elder_id}
            parts[ElderCategory] += [
                elder
                | {"category": key, "evidence": evidence, "source": SOURCE, "since": today, "ended_on": None}
                for key, evidence in categories_of(one.values).items()
            ]
            certificate = certificate_of(one.values)
            if certificate is not None:
                parts[DisabilityCertificate].append(
                    elder
                    | {"grade": certificate.grade, "valid_to": certificate.valid_to}
                    | {"number": certificate.number, "kind": certificate.kind, "source": SOURCE}
                )
            parts[Consent] += [elder | self._consent(wish) for wish in consents_of(one.values)]
            held = households.setdefault(one.household_id, {})
            for member in members_of(one.values):
                if member["name"] not in held:
                    fields = MEMBER_DEFAULTS | member
                    held[member["name"]] = HouseholdMember(**fields)
                    parts[HouseholdMember].append(fields | {"household_id": one.household_id})
            contacts = contacts_of(one.values) or [self._committee_of(one.community)]
            numbered = list(enumerate(contacts, start=1))
            parts[EmergencyContact] += [
                elder | {"position": position, "name": who.name, "relation": who.relation, "phone": who.phone}
                for position, who in numbered
            ]
            first = self._first_contact(one.values, list(held.values()), contacts)
            if first is not None:
                parts[FirstVisitingContact].append(elder | first | {"since": today, "until": None})
            parts[AuditEntry].append(self._audit_line(one))
        for model, rows in parts.items():
            if rows:
                db.session.execute(insert(model), rows, execution_options=ONE_STATEMENT)

    def _members_before(self, household_ids: set[int]) -> dict[int, dict[str, HouseholdMember]]:
        found = db.session.scalars(
            select(HouseholdMember).where(HouseholdMember.household_id.in_(list(household_ids)))
        )
        held: dict[int, dict[str, HouseholdMember]] = {}
        for member in found:
            held.setdefault(member.household_id, {})[member.name] = member
        return held

    def _committee_of(self, community: Area) -> ContactPerson:
        """The committee's telephone; the check has made sure that there is one."""
        if community.id not in self._committee:
            self._committee[community.id] = services.fallback_contact(community)
        found = self._committee[community.id]
        if found is None:
            raise DomainError(
                _("%(area)s没有登记值班电话。", area=community.name), _("请让管理员登记后再导入。")
            )
        return found

    def _consent(self, wish: dict[str, Any]) -> dict[str, Any]:
        agrees = wish["state"] in (ConsentState.ACCEPTED, ConsentState.GRANTED)
        return wish | {
            "ask_again_on": None if agrees else wish["given_on"] + ASK_AGAIN_AFTER,
            "recorded_by_id": self.actor.user_id,
            "superseded_at": None,
        }

    @staticmethod
    def _first_contact(
        values: Values, members: Sequence[HouseholdMember], contacts: Sequence[ContactPerson]
    ) -> dict[str, Any] | None:
        """The one the row names, else the child the document asks for."""
        if "first_name" in values:
            return {
                "name": values["first_name"],
                "relation": values["first_relation"],
                "phone": values.get("first_phone"),
                "lives_nearby": values.get("first_nearby", False),
                "basis": basis_of(values["first_relation"], lives_nearby=values.get("first_nearby", False)),
                "appointed_by": None,
            }
        people = [
            EmergencyContact(position=position, name=who.name, relation=who.relation, phone=who.phone)
            for position, who in enumerate(contacts, start=1)
        ]
        found = derive_first_contact(members, people)
        if found is None:
            return None
        return {
            "name": found.name,
            "relation": found.relation,
            "phone": found.phone,
            "lives_nearby": found.lives_nearby,
            "basis": found.basis,
            "appointed_by": None,
        }

    def _audit_line(self, one: _New) -> dict[str, Any]:
        return {
            "user_id": self.actor.user_id,
            "actor_name": self.actor.name,
            "action": "elder.create",
            "object_type": Elder.__tablename__,
            "object_id": one.elder_id,
            "area_id": one.community.id,
            "summary": _("为%(name)s（%(area)s）建档", name=one.values["name"], area=one.community.name),
            "changes": {"import": {"batch": one.row.batch_id, "row": one.row.number}},
            "request_id": None,
            "address": self.actor.address,
        }


def _insert(model: Any, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows and return their ids, rising with the rows.

    The ids are drawn first: one prepared statement sent for every row costs a third of one long statement that
    returns what it inserted.
    """
    if not rows:
        return []
    sequence = func.pg_get_serial_sequence(model.__tablename__, "id")
    drawn = select(func.nextval(sequence)).select_from(func.generate_series(1, len(rows)))
    ids = sorted(db.session.scalars(drawn))
    numbered = [row | {"id": key} for row, key in zip(rows, ids, strict=True)]
    db.session.execute(insert(model), numbered, execution_options=ONE_STATEMENT)
    return ids


# What `Elder` sets where a row says nothing; bulk inserts need every key in every row.
_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys((*PERSON, *PERSON_DAYS)),
    "lives_at_registered_address": True,
    "is_rural_household": False,
    "ability_level": 0,
    "has_dementia": False,
    "health": "good",
    "is_self_caring": True,
    "in_hardship": False,
    "cares_for_impaired_child": False,
    "economic_status": "none",
    "minors_welcome": True,
    "needs_two_visitors": False,
    "needs_skills": [],
    "visit_minutes": 30,
    "visit_from": time(8, 30),
    "visit_until": time(17, 30),
}
