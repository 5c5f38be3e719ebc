"""Changing dossiers by an import. One that somebody has changed since the check is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.elders import services
from coordinator.elders.imports.columns import problem
from coordinator.elders.imports.elder_check import dossiers
from coordinator.elders.imports.elder_create import ElderCreator
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
from coordinator.elders.imports.elder_rows import HOME, PERSON, PERSON_DAYS, differences
from coordinator.elders.imports.importer import Taken
from coordinator.elders.lookup import id_hash, phone_hash
from coordinator.elders.models import Elder, ElderStatus, ImportBatch, ImportRow
from coordinator.elders.services import versions
from coordinator.elders.services.contacts import ContactPerson
from coordinator.elders.services.parts import apply, household_at
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission
from coordinator.kernel.errors import DomainError

# Fields of elder and home alone; everything else is rows around them.
SIMPLE = frozenset({*PERSON, *PERSON_DAYS, *HOME, "visit_hours", "grid"} - {"address"})


class ElderApplier(ElderCreator):
    """Writes one batch."""

    def __init__(self, batch: ImportBatch, actor: Actor) -> None:
        super().__init__(batch, actor)
        versions = db.session.execute(
            select(Elder.id, Elder.version).where(Elder.area_id.in_(list(self.areas)))
        )
        # As others left them: what this import itself changes in a shared home is no conflict.
        self._versions: dict[int, int] = {one.id: one.version for one in versions}

    def update(self, rows: Sequence[ImportRow]) -> Taken:
        """Change dossiers: fields alone in one go, everything else through the services."""
        taken = Taken()
        elders = dossiers({row.target_id for row in rows if row.target_id is not None}, lock=True)
        with versions.change(self.actor, *elders.values(), source=SOURCE):
            self._update(rows, elders, taken)
        return taken

    def _update(self, rows: Sequence[ImportRow], elders: dict[int, Elder], taken: Taken) -> None:
        for row in rows:
            elder = elders.get(row.target_id or 0)
            read_at = (row.details or {}).get("version")
            if (
                elder is None
                or elder.status != ElderStatus.ACTIVE
                or elder.area_id not in self.areas
                or read_at not in (None, self._versions.get(elder.id))
            ):
                taken.left_out[row.id] = problem(
                    None,
                    "changed_since",
                    _("检查以后，这份档案又被改过。"),
                    _("请重新上传，看看还有没有要改的。"),
                )
                continue
            changes = differences(elder, row.values, self.communities)
            if not changes:
                continue
            if SIMPLE.issuperset(one["key"] for one in changes):
                self._set(elder, row.values)
            else:
                try:
                    with db.session.begin_nested():
                        self._change(elder, row.values)
                except DomainError as refused:
                    taken.left_out[row.id] = problem(None, refused.code, refused.message, refused.remedy)
                    db.session.expire(elder)
                    continue
            taken.updated += 1

    def _set(self, elder: Elder, values: Values) -> None:
        """Change fields of elder and home only: as `services.edit_elder`, without its queries."""
        changes: dict[str, Any] = {}
        person = person_of(values)
        person.pop("enrolled_on", None)
        for key, hashed in (("id_number", id_hash), ("phone", phone_hash)):
            if key in person:
                person[f"{key}_hash"] = hashed(person[key])
        apply(elder, person, changes)
        about = len(changes)
        apply(elder.household, home_of(values), changes)
        now = clock.now()
        elder.updated_at = now
        if len(changes) > about:
            for other in elder.household.elders:
                if other.status == ElderStatus.ACTIVE:
                    other.updated_at = now
        audit.record(
            self.actor, "elder.edit", elder, _("修改%(name)s的档案", name=elder.name), changes=changes
        )

    def _change(self, elder: Elder, values: dict[str, Any]) -> None:
        """Change anything, through the services."""
        community = self.areas[values["community_id"]]
        if community.id != elder.area_id:
            # Another community means another home: the people who stay behind keep theirs.
            elder.household = household_at(community, home_of(values))
            elder.area = community
            db.session.flush()
        held = [ContactPerson(one.name, one.relation, one.phone) for one in elder.emergency_contacts]
        person = person_of(values)
        person.pop("enrolled_on", None)
        services.edit_elder(
            self.actor,
            elder,
            version=elder.version,
            person=person,
            home=home_of(values),
            contacts=contacts_of(values, held) if "contact1_name" in values else None,
            categories=categories_of(values) if "categories" in values else None,
            certificate=certificate_of(values),
            moves_alone=True,
            permission=Permission.ELDER_IMPORT,
        )
        members = self._members(elder, values)
        if members is not None:
            # After the move, if there was one: they are members of the home the elder lives in now.
            services.edit_elder(
                self.actor,
                elder,
                version=elder.version,
                members=members,
                permission=Permission.ELDER_IMPORT,
            )
        states = {one.kind: one.state for one in elder.consents}
        for wish in consents_of(values):
            if states.get(wish["kind"]) != wish["state"]:
                services.record_consent(self.actor, elder, **wish)
        if "first_name" in values:
            current = elder.first_contact
            wanted = (values["first_name"], values["first_relation"])
            phone = values.get("first_phone", current.phone if current else None)
            nearby = values.get("first_nearby", current.lives_nearby if current else False)
            if current is None or (*wanted, phone, nearby) != (
                *(current.name, current.relation),
                *(current.phone, current.lives_nearby),
            ):
                services.set_first_contact(self.actor, elder, *wanted, phone, lives_nearby=nearby)

    @staticmethod
    def _members(elder: Elder, values: Values) -> list[dict[str, Any]] | None:
        """All members of the household, those the row names with what it says of them."""
        given = {member["name"]: member for member in members_of(values)}
        if not given:
            return None
        merged: list[dict[str, Any]] = []
        for held in elder.household.members:
            said = given.pop(held.name, {})
            merged.append({"id": held.id} | {key: value for key, value in said.items() if value is not None})
        return merged + [MEMBER_DEFAULTS | member for member in given.values()]
