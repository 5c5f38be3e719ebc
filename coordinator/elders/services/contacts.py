"""The elder's own contact people: 紧急联系人 in the order of calling, and the 第一探访联系人."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from coordinator.elders.models import (
    Elder,
    ElderStatus,
    EmergencyContact,
    FirstVisitingContact,
)
from coordinator.elders.queries.contacts import COMMITTEE, FirstContact, basis_of, derive_first_contact
from coordinator.elders.services import versions
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area, ancestors
from coordinator.kernel.errors import InvalidInput
from coordinator.kernel.identity import IdentityError, clean_name, normalise_phone

MAX_CONTACTS = 5

__all__ = [
    "COMMITTEE",
    "MAX_CONTACTS",
    "ContactPerson",
    "FirstContact",
    "basis_of",
    "derive_first_contact",
    "fallback_contact",
    "replace_first_contact",
    "set_emergency_contacts",
    "set_first_contact",
]


@dataclass(frozen=True, slots=True)
class ContactPerson:
    """A contact person as typed or imported."""

    name: str
    relation: str
    phone: str


def fallback_contact(area: Area) -> ContactPerson | None:
    """The committee member who is the contact of somebody without relatives (江门 紧急联系人): the
    emergency telephone of the community, else of the nearest area above it. None when no area has one."""
    for one in ancestors(area):
        if one.emergency_phone:
            return ContactPerson(_("%(area)s值班", area=one.name), COMMITTEE, one.emergency_phone)
    return None


def set_emergency_contacts(elder: Elder, people: Sequence[ContactPerson]) -> None:
    """Replace the emergency contacts, in the order in which they are called. An active elder is never without
    one: with nobody given the committee's telephone takes the place. No audit line of its own; flushes.

    Raises InvalidInput on a name or telephone that cannot be, or when there is nobody at all.
    """
    people = [_checked(number, person) for number, person in enumerate(people, start=1)][:MAX_CONTACTS]
    if not people and elder.status == ElderStatus.ACTIVE:
        committee = fallback_contact(elder.area)
        if committee is None:
            raise InvalidInput(
                _("至少要有一位紧急联系人。"),
                _("没有亲友的，填村（居）委值班电话。"),
                code="contact_missing",
                field="contacts",
            )
        people = [committee]
    wanted = [(person.name, person.relation, person.phone) for person in people]
    if wanted == [(one.name, one.relation, one.phone) for one in elder.emergency_contacts]:
        return
    for old in list(elder.emergency_contacts):
        db.session.delete(old)
    # The positions are unique: the old rows must be gone before the new ones come.
    elder.emergency_contacts.clear()
    db.session.flush()
    elder.emergency_contacts.extend(
        EmergencyContact(position=position, name=name, relation=relation, phone=phone)
        for position, (name, relation, phone) in enumerate(wanted, start=1)
    )
    db.session.flush()


def _checked(number: int, person: ContactPerson) -> ContactPerson:
    if not person.relation.strip():
        raise InvalidInput(
            _("第 %(n)s 位紧急联系人没有填关系。", n=number), code="relation_empty", field="contacts"
        )
    try:
        # A committee's telephone may be a short local number kept by the area.
        phone = person.phone if person.relation == COMMITTEE else normalise_phone(person.phone)
        name = person.name if person.relation == COMMITTEE else clean_name(person.name)
    except IdentityError as problem:
        raise InvalidInput(
            _("第 %(n)s 位紧急联系人：%(text)s", n=number, text=problem.message),
            code=problem.code,
            field="contacts",
        ) from None
    if not phone or not name:
        raise InvalidInput(_("第 %(n)s 位紧急联系人没有填完整。", n=number), field="contacts")
    return ContactPerson(name, person.relation.strip(), phone)


def set_first_contact(
    actor: Actor,
    elder: Elder,
    name: str,
    relation: str,
    phone: str | None,
    *,
    lives_nearby: bool,
    appointed_by: str | None = None,
) -> FirstVisitingContact:
    """Name the first visiting contact; the former one is kept with the day it ended. `appointed_by` says who
    appointed somebody who is no child (泸州: 由乡镇（街道）会同村（社区）“两委”明确). Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    try:
        name = clean_name(name)
        phone = normalise_phone(phone) if phone else None
    except IdentityError as problem:
        field = "name" if problem.code.startswith("name") else "phone"
        raise InvalidInput(problem.message, code=problem.code, field=field) from None
    if not relation.strip():
        raise InvalidInput(_("请填和长者的关系。"), field="relation")
    chosen = FirstContact(
        name,
        relation.strip(),
        phone,
        lives_nearby,
        basis_of(relation, lives_nearby=lives_nearby),
        (appointed_by or "").strip() or None,
    )
    with versions.change(actor, elder):
        current = replace_first_contact(elder, chosen)
        audit.record(
            actor,
            "elder.first_contact",
            elder,
            _("第一探访联系人定为%(name)s（%(relation)s）", name=name, relation=relation),
        )
    return current


def replace_first_contact(elder: Elder, chosen: FirstContact) -> FirstVisitingContact:
    """Make `chosen` the current one unless it already is. Flushes."""
    current = elder.first_contact
    if current is not None:
        held = FirstContact(
            current.name,
            current.relation,
            current.phone,
            current.lives_nearby,
            current.basis,
            current.appointed_by,
        )
        if held == chosen:
            return current
        current.until = clock.today()
        db.session.flush()
    fresh = FirstVisitingContact(
        elder_id=elder.id,
        name=chosen.name,
        relation=chosen.relation,
        phone=chosen.phone,
        lives_nearby=chosen.lives_nearby,
        basis=chosen.basis,
        appointed_by=chosen.appointed_by,
        since=clock.today(),
    )
    db.session.add(fresh)
    db.session.flush()
    db.session.expire(elder, ["first_contact"])
    return fresh
