"""The three kinds of contact people, never merged: the paired service contact (a worker), the first visiting
contact by 泸州's derivation, and the emergency contacts in order. With what is missing or no longer so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Text, cast, func, select

from coordinator import policy
from coordinator.elders.labels import is_child
from coordinator.elders.models import Elder, EmergencyContact, FirstContactBasis, HouseholdMember
from coordinator.elders.queries.scope import Scope
from coordinator.extensions import db

# The stored relation of a contact who is the committee of the place.
COMMITTEE = "村（居）民委员会"
# Which sentence of the pack each basis rests on (clauses of topic first_contact, in this order).
CLAUSES = {
    FirstContactBasis.CHILD_HERE: "first_contact_children",
    FirstContactBasis.CHILD_AWAY: "first_contact_remote",
    FirstContactBasis.APPOINTED: "first_contact_appointed",
}


@dataclass(frozen=True, slots=True)
class FirstContact:
    """Who the document makes first visiting contact: a child nearby visits, a child far away telephones."""

    name: str
    relation: str
    phone: str | None
    lives_nearby: bool
    basis: FirstContactBasis | None = None
    appointed_by: str | None = None


def derive_first_contact(
    members: Sequence[HouseholdMember], contacts: Sequence[EmergencyContact]
) -> FirstContact | None:
    """泸州 三（一）: a child who lives in the same place, else a child elsewhere (by telephone), else nobody: then
    street and community appoint one. Telephones come from the emergency contact of the same name."""
    phones = {one.name: one.phone for one in contacts}
    children = [
        _child(one.name, one.relation, phones.get(one.name), nearby=one.lives_in or bool(one.in_same_town))
        for one in members
        if is_child(one.relation)
    ]
    known = {one.name for one in children}
    children += [
        _child(one.name, one.relation, one.phone, nearby=False)
        for one in contacts
        if is_child(one.relation) and one.name not in known
    ]
    children.sort(key=lambda one: (not one.lives_nearby, one.phone is None))
    return children[0] if children else None


def _child(name: str, relation: str, phone: str | None, *, nearby: bool) -> FirstContact:
    return FirstContact(name, relation, phone, nearby, basis_of(relation, lives_nearby=nearby))


def basis_of(relation: str, *, lives_nearby: bool) -> FirstContactBasis:
    """Which sentence makes this person the first visiting contact."""
    if not is_child(relation):
        return FirstContactBasis.APPOINTED
    return FirstContactBasis.CHILD_HERE if lives_nearby else FirstContactBasis.CHILD_AWAY


@dataclass(frozen=True, slots=True)
class ServiceContactLine:
    """The main paired worker: since when, with how many elders in whichever part, and whether the worker still
    serves."""

    worker_id: int
    name: str
    since: date
    status: str
    elders: int

    @classmethod
    def read(cls, text: str | None) -> ServiceContactLine | None:
        """From the JSON of `service_contact_json`."""
        if not text:
            return None
        worker_id, name, since, status, elders = json.loads(text)
        return cls(worker_id, name, date.fromisoformat(since), status, elders)


def service_contact_json(elder_id: Any, on: date | None = None) -> Any:
    """Scalar subquery: the 探访关爱服务联系人 now, or on a day, as JSON that `ServiceContactLine.read` takes.

    Workers are a later feature; the tables are named, not imported.
    """
    contacts, workers = db.metadata.tables["service_contacts"], db.metadata.tables["workers"]
    others = contacts.alias()
    count = (
        select(func.count())
        .where(others.c.worker_id == workers.c.id, others.c.until.is_(None))
        .scalar_subquery()
    )
    held = (
        contacts.c.until.is_(None)
        if on is None
        else (contacts.c.since <= on) & (contacts.c.until.is_(None) | (contacts.c.until > on))
    )
    return (
        select(
            func.jsonb_build_array(workers.c.id, workers.c.name, contacts.c.since, workers.c.status, count)
        )
        .join(contacts, contacts.c.worker_id == workers.c.id)
        .where(contacts.c.elder_id == elder_id, contacts.c.part == "main", held)
        .order_by(contacts.c.since.desc())
        .limit(1)
        .scalar_subquery()
    )


def service_contact_of(elder_id: int, on: date | None = None) -> ServiceContactLine | None:
    """The 探访关爱服务联系人 of one elder; one query."""
    found = db.session.scalar(select(cast(service_contact_json(elder_id, on), Text)))
    return ServiceContactLine.read(found)


@dataclass(frozen=True, slots=True)
class Contacts:
    """What the dossier says of the contact people. `problems` are (of whom, what) with of whom service, first or
    emergency."""

    service: ServiceContactLine | None
    suggested: FirstContact | None
    clause: policy.Clause | None
    emergency_clause: policy.Clause | None
    service_clause: policy.Clause | None
    problems: tuple[tuple[str, str], ...]

    def of(self, kind: str) -> list[str]:
        return [text for whom, text in self.problems if whom == kind]


def contacts_of(
    elder: Elder, service: ServiceContactLine | None, scope: Scope, pack: policy.Pack | None
) -> Contacts:
    """The contact people of a wholly loaded elder; no query."""
    suggested = derive_first_contact(elder.household.members, elder.emergency_contacts)
    current = elder.first_contact
    basis = (
        current.basis or basis_of(current.relation, lives_nearby=current.lives_nearby)
        if current
        else suggested.basis
        if suggested
        else FirstContactBasis.APPOINTED
    )
    clauses = {one.id: one for one in pack.clauses} if pack else {}
    topics = {str(one.topic): one for one in reversed(pack.clauses)} if pack else {}
    problems = [
        *(("service", text) for text in _of_service(service)),
        *(("first", text) for text in _of_first(elder, suggested, basis)),
        *(("emergency", text) for text in _of_emergency(elder, scope)),
    ]
    return Contacts(
        service=service,
        suggested=suggested,
        clause=clauses.get(CLAUSES[basis]) if basis else None,
        emergency_clause=topics.get("emergency_contact"),
        service_clause=topics.get("service_contact"),
        problems=tuple(problems),
    )


def _of_service(service: ServiceContactLine | None) -> list[str]:
    if service is None:
        return [_("还没有结对。")]
    if service.status != "approved":
        return [_("%(name)s已经不在队伍里，请换人。", name=service.name)]
    return []


def _of_first(elder: Elder, suggested: FirstContact | None, basis: FirstContactBasis | None) -> list[str]:
    current = elder.first_contact
    if current is None:
        return [_("还没有明确。") if suggested else _("没有子女的，由街道和社区明确；现在还空着。")]
    found = []
    known = {one.name for one in [*elder.household.members, *elder.emergency_contacts]}
    if basis != FirstContactBasis.APPOINTED and current.name not in known:
        found.append(_("%(name)s已不在家庭成员和紧急联系人里，请核对。", name=current.name))
    better = suggested is not None and suggested.name != current.name
    if better and suggested is not None and _rank(suggested.basis) < _rank(basis):
        found.append(
            _("按文件应当是%(name)s（%(relation)s）。", name=suggested.name, relation=suggested.relation)
        )
    if not current.phone:
        found.append(_("没有电话。"))
    if basis == FirstContactBasis.APPOINTED and not current.appointed_by:
        found.append(_("没有写明由谁明确。"))
    return found


def _rank(basis: FirstContactBasis | None) -> int:
    return list(FirstContactBasis).index(basis) if basis else len(FirstContactBasis)


def _of_emergency(elder: Elder, scope: Scope) -> list[str]:
    if not elder.emergency_contacts:
        return [_("一位都没有。")]
    found = []
    area = scope.areas.get(elder.area_id)
    above = [scope.areas[key] for key in reversed(area.ancestor_ids) if key in scope.areas] if area else []
    duty = next((one.emergency_phone for one in above if one.emergency_phone), None)
    for one in elder.emergency_contacts:
        if one.relation == COMMITTEE and duty and one.phone != duty:
            found.append(_("%(name)s的电话已经不是现在的值班电话。", name=one.name))
    listed = {one.name for one in elder.emergency_contacts}
    children = [one for one in elder.household.members if is_child(one.relation)]
    named = any(is_child(one.relation) for one in elder.emergency_contacts)
    if children and not named and not listed & {one.name for one in children}:
        found.append(
            _("有子女（%(name)s），紧急联系人里还没有。", name="、".join(one.name for one in children))
        )
    return found
