"""Opening, changing, renewing and closing a dossier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _

from coordinator.elders.labels import STATUSES
from coordinator.elders.models import Category, Elder, ElderStatus
from coordinator.elders.queries import find_household
from coordinator.elders.services import versions
from coordinator.elders.services.checks import (
    PERSON_FIELDS,
    checked_home,
    checked_person,
    flush,
    next_check,
    refuse_double,
    require_active,
    stale,
    touch,
)
from coordinator.elders.services.contacts import ContactPerson, set_emergency_contacts
from coordinator.elders.services.parts import (
    Certificate,
    add_member,
    apply,
    change_home,
    household_at,
    make_child_first_contact,
    replace_members,
    set_categories,
    set_certificate,
)
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import Conflict, InvalidInput


def create_elder(
    actor: Actor,
    area: Area,
    person: Mapping[str, Any],
    home: Mapping[str, Any],
    *,
    contacts: Sequence[ContactPerson] = (),
    categories: Mapping[Category, str | None] | None = None,
    category_sources: Mapping[Category, str] | None = None,
    certificate: Certificate | None = None,
    members: Iterable[Mapping[str, Any]] = (),
    permission: Permission = Permission.ELDER_EDIT,
    source: str = "manual",
) -> Elder:
    """Open the dossier of an elder of a community.

    `person` takes PERSON_FIELDS, `home` HOME_FIELDS, each of `members` MEMBER_FIELDS; `categories` maps to the
    evidence. An existing household with the same address is shared, and what `home` knows is added to it. Birth
    date and sex follow from the ID number when they are not given. Flushes.

    Raises InvalidInput with the field, Conflict when the ID number is already in the register.
    """
    demand(actor, permission, area.path)
    if area.level != AreaLevel.COMMUNITY:
        raise InvalidInput(_("请选到社区（村）。"), field="area_id")
    values = checked_person(person, PERSON_FIELDS)
    for field, label in (("name", _("姓名")), ("sex", _("性别")), ("birth_date", _("出生日期"))):
        if not values.get(field):
            raise InvalidInput(_("请填%(what)s。", what=label), field=field)
    refuse_double(actor, values.get("id_number_hash"), except_id=None)
    values.setdefault("enrolled_on", clock.today())
    place = checked_home(home)
    shared = find_household(area.id, place["address"])
    with versions.change(actor, households=[shared.id] if shared else (), source=source) as seen:
        household = household_at(area, place)
        due = next_check(area, values["enrolled_on"])
        elder = Elder(area=area, household=household, **({"source": source, "reverify_due_on": due} | values))
        db.session.add(elder)
        flush()
        seen.ids.add(elder.id)
        set_categories(elder, categories or {}, sources=category_sources)
        if certificate is not None:
            set_certificate(elder, certificate)
        for member in members:
            add_member(household, member)
        db.session.flush()
        db.session.expire(household, ["members"])
        set_emergency_contacts(elder, contacts)
        make_child_first_contact(elder)
        audit.record(
            actor, "elder.create", elder, _("为%(name)s（%(area)s）建档", name=elder.name, area=area.name)
        )
    return elder


def edit_elder(
    actor: Actor,
    elder: Elder,
    *,
    version: int,
    person: Mapping[str, Any] | None = None,
    home: Mapping[str, Any] | None = None,
    contacts: Sequence[ContactPerson] | None = None,
    categories: Mapping[Category, str | None] | None = None,
    category_sources: Mapping[Category, str] | None = None,
    certificate: Certificate | None = None,
    remove_certificate: bool = False,
    members: Iterable[Mapping[str, Any]] | None = None,
    moves_alone: bool = False,
    permission: Permission = Permission.ELDER_EDIT,
    source: str = "manual",
) -> Elder:
    """Change a dossier that was read at `version`. What is not given stays as it is. Flushes.

    `members` replaces the household table: a row with "id" changes that member, one without is new, members
    left out are removed. A changed address moves everybody registered there, or with `moves_alone` only this
    elder.

    Raises Conflict (code "stale") when somebody else has changed the dossier since; InvalidInput as on creation.
    """
    demand(actor, permission, elder.area.path)
    if elder.version != version:
        raise stale()
    values = checked_person(person or {}, PERSON_FIELDS, elder)
    refuse_double(actor, values.get("id_number_hash"), except_id=elder.id)
    place = checked_home(home, required=False) if home is not None else None
    target = find_household(elder.area_id, place["address"]) if place and "address" in place else None
    changes: dict[str, Any] = {}
    with versions.change(actor, elder, households=[target.id] if target else (), source=source):
        apply(elder, values, changes)
        if place is not None:
            change_home(elder, place, changes, moves_alone=moves_alone)
        if categories is not None:
            set_categories(elder, categories, changes, sources=category_sources)
        if remove_certificate and elder.certificates:
            for held in list(elder.certificates):
                db.session.delete(held)
            changes["certificate"] = ["***", None]
        elif certificate is not None:
            set_certificate(elder, certificate, changes)
        if members is not None:
            replace_members(elder.household, members, changes)
        touch(elder)
        flush()
        db.session.expire(elder, ["certificates", "categories"])
        db.session.expire(elder.household, ["members"])
        if contacts is not None:
            before = [(one.name, one.relation, one.phone) for one in elder.emergency_contacts]
            set_emergency_contacts(elder, contacts)
            if before != [(one.name, one.relation, one.phone) for one in elder.emergency_contacts]:
                changes["contacts"] = [len(before), len(elder.emergency_contacts)]
        if elder.first_contact is None:
            make_child_first_contact(elder)
        if changes:
            audit.record(
                actor, "elder.edit", elder, _("修改%(name)s的档案", name=elder.name), changes=changes
            )
    return elder


def reverify_elder(actor: Actor, elder: Elder) -> None:
    """Note that the dossier was checked and still holds; it is due again by the rule pack. Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    require_active(elder)
    with versions.change(actor, elder):
        elder.reverify_due_on = next_check(elder.area, clock.today())
        audit.record(actor, "elder.reverify", elder, _("核实了%(name)s的档案，资料没有变化", name=elder.name))
        flush()


def end_elder(actor: Actor, elder: Elder, status: ElderStatus, left_on: date, note: str = "") -> None:
    """Close the dossier: moved away, in an institution, or deceased. `left_on` is the first day on which the
    elder is no longer visited. Nothing is erased. Flushes.
    """
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    require_active(elder)
    if status == ElderStatus.ACTIVE:
        raise InvalidInput(_("请选离开的原因。"), field="status")
    if left_on < elder.enrolled_on:
        raise InvalidInput(_("不能早于建档日期。"), field="left_on")
    if left_on > clock.today() + timedelta(days=31):
        raise InvalidInput(_("最多提前一个月登记。"), field="left_on")
    with versions.change(actor, elder):
        elder.status = status
        elder.left_on = left_on
        summary = _(
            "%(name)s%(status)s，自%(day)s起不再探访", name=elder.name, status=STATUSES[status], day=left_on
        )
        if note.strip():
            summary += _("：%(note)s", note=note.strip())
        audit.record(actor, "elder.end", elder, summary, changes={"status": ["active", status.value]})
        flush()


def reinstate_elder(actor: Actor, elder: Elder) -> None:
    """Take an elder who has come back into the register again. Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    if elder.status == ElderStatus.ACTIVE:
        raise Conflict(_("这位长者本来就在册。"))
    former = elder.status
    with versions.change(actor, elder):
        elder.status = ElderStatus.ACTIVE
        elder.left_on = None
        elder.enrolled_on = clock.today()
        elder.reverify_due_on = next_check(elder.area, clock.today())
        flush()
        if not elder.emergency_contacts:
            set_emergency_contacts(elder, ())
        audit.record(
            actor,
            "elder.reinstate",
            elder,
            _("%(name)s重新列入探访，自今天起计算", name=elder.name),
            changes={"status": [former.value, "active"]},
        )
