"""What is accepted into a dossier: every refusal names the field and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.exc import StaleDataError

from coordinator.elders.lookup import clean_address, id_hash, phone_hash
from coordinator.elders.models import Elder, ElderStatus, OnlyChild
from coordinator.elders.queries import pack_for
from coordinator.elders.rules import REFRESH_MONTHS, months_later
from coordinator.extensions import db
from coordinator.kernel import clock, geo
from coordinator.kernel.access import Actor, Permission, covers
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.kernel.identity import IdentityError, clean_name, normalise_phone, parse_resident_id

PERSON_FIELDS = frozenset(
    {
        *("name", "sex", "birth_date", "id_number", "phone", "enrolled_on", "registered_address"),
        *("lives_at_registered_address", "is_rural_household", "children_alive", "spouse_alive"),
        *("ability_level", "ability_assessed_on", "ability_assessor", "has_dementia", "health"),
        *("is_self_caring", "in_hardship", "upheaval_until", "cares_for_impaired_child", "medical_history"),
        *("economic_status", "income_source", "monthly_disposable_income"),
        *("cautions", "dialect", "prefers_sex", "minors_welcome", "needs_two_visitors", "needs_skills"),
        *("visit_minutes", "visit_from", "visit_until", "notes", "source", "external_ids"),
        *("ability_score", "ability_valid_to", "psych_assessed_on", "psych_assessor", "psych_result"),
        *("upheaval_note", "relief_given", "has_caregiver", "can_work", "has_livelihood", "only_child"),
        *("no_later_child", "supported_at_home", "support_given", "support_delegated", "support_delegate"),
        *("linked_unit", "linked_person", "linked_since"),
    }
)
HOME_FIELDS = frozenset(
    {
        *("address", "neighbourhood", "grid_id", "latitude", "longitude", "coordinate_source"),
        *("water_safe", "power_safe", "housing_safe", "monthly_income", "pension_monthly", "subsidies"),
        *("subsidy_monthly", "helped_by", "helper_name", "help_given"),
        *("house_structure", "unsafe_habits", "neighbour_relations"),
    }
)
MEMBER_FIELDS = frozenset(
    {
        *("name", "sex", "birth_date", "id_number", "relation", "health", "economic_status", "lives_in"),
        *("residence", "in_same_town", "away_since", "visits_often"),
    }
)

# Days that cannot lie ahead.
_NOT_YET = {
    "enrolled_on": _l("建档日期还没到。"),
    "ability_assessed_on": _l("评估日期还没到。"),
    "psych_assessed_on": _l("心理评估的日期还没到。"),
    "linked_since": _l("挂钩联系的日期还没到。"),
}


def checked_person(
    person: Mapping[str, Any], allowed: frozenset[str], elder: Elder | None = None
) -> dict[str, Any]:
    """`person` with names, numbers and telephones made plain, and the hashes added."""
    unknown = set(person) - allowed
    if unknown:
        raise ValueError(f"no such fields of an elder: {', '.join(sorted(unknown))}")
    values = dict(person)
    try:
        if "name" in values:
            values["name"] = clean_name(values["name"])
    except IdentityError as problem:
        raise InvalidInput(problem.message, code=problem.code, field="name") from None
    if "phone" in values:
        try:
            values["phone"] = normalise_phone(values["phone"]) if values["phone"] else None
        except IdentityError as problem:
            raise InvalidInput(problem.message, code=problem.code, field="phone") from None
        values["phone_hash"] = phone_hash(values["phone"])
    number = values.get("id_number") or (elder.id_number if elder is not None else None)
    if "id_number" in values:
        values["id_number"] = values["id_number"] or None
        values["id_number_hash"] = id_hash(None)
    if number and {"id_number", "birth_date", "sex"} & set(values):
        try:
            identity = parse_resident_id(number, today=clock.today())
        except IdentityError as problem:
            raise InvalidInput(problem.message, code=problem.code, field="id_number") from None
        if values.get("id_number"):
            values["id_number"] = identity.number
            values["id_number_hash"] = id_hash(identity.number)
        if elder is None:
            values["birth_date"] = values.get("birth_date") or identity.birth_date
            values["sex"] = values.get("sex") or identity.sex.value
        birth_date = values.get("birth_date") or (elder.birth_date if elder else None)
        sex = values.get("sex") or (elder.sex if elder else None)
        if birth_date != identity.birth_date:
            raise InvalidInput(
                _("和身份证号里的出生日期 %(day)s 对不上。", day=identity.birth_date),
                _("请对照证件再看一遍。"),
                code="birth_date_differs",
                field="birth_date",
            )
        if sex != identity.sex.value:
            raise InvalidInput(
                _("和身份证号里的性别对不上。"), _("请对照证件再看一遍。"), code="sex_differs", field="sex"
            )
    birth_date = values.get("birth_date")
    if birth_date is not None and not clock.today() - timedelta(days=130 * 366) < birth_date <= clock.today():
        raise InvalidInput(_("这个出生日期不可能。"), _("请对照证件再看一遍。"), field="birth_date")
    for field, text in _NOT_YET.items():
        if values.get(field) and values[field] > clock.today():
            raise InvalidInput(str(text), _("请填今天或以前的日期。"), field=field)
    assessed, valid_to = values.get("ability_assessed_on"), values.get("ability_valid_to")
    if assessed and valid_to and valid_to < assessed:
        raise InvalidInput(_("评估的有效期早于评估日期。"), field="ability_valid_to")
    if values.get("only_child") not in (None, *OnlyChild):
        raise InvalidInput(_("请选一个。"), field="only_child")
    if (
        values.get("visit_from")
        and values.get("visit_until")
        and values["visit_from"] >= values["visit_until"]
    ):
        raise InvalidInput(_("探访时间的结束要晚于开始。"), field="visit_until")
    return values


def checked_home(home: Mapping[str, Any], *, required: bool = True) -> dict[str, Any]:
    unknown = set(home) - HOME_FIELDS
    if unknown:
        raise ValueError(f"no such fields of a household: {', '.join(sorted(unknown))}")
    values = dict(home)
    if required or "address" in values:
        values["address"] = clean_address(values.get("address") or "")
        if not values["address"]:
            raise InvalidInput(_("请填住址，写到门牌号。"), field="address")
    latitude, longitude = values.get("latitude"), values.get("longitude")
    if (latitude is None) != (longitude is None):
        raise InvalidInput(_("纬度和经度要一起填。"), field="latitude" if latitude is None else "longitude")
    if latitude is not None and longitude is not None:
        problem = geo.plausible(latitude, longitude)
        if problem is not None:
            raise InvalidInput(str(geo.PLACE_MESSAGES[problem]), code=problem, field="latitude")
    elif "latitude" in values:
        values["coordinate_source"] = None
    return values


def refuse_double(actor: Actor, wanted: bytes | None, except_id: int | None) -> None:
    if wanted is None:
        return
    other = db.session.scalars(
        select(Elder).where(Elder.id_number_hash == wanted, Elder.id != (except_id or 0))
    ).first()
    if other is None:
        return
    # Whose dossier it is may be said only to somebody who may read it.
    where = (
        _("%(name)s，%(area)s", name=other.name, area=other.area.name)
        if covers(actor, Permission.ELDER_READ, other.area.path)
        else _("在别的街道")
    )
    raise Conflict(
        _("这个身份证号已经建档（%(where)s）。", where=where),
        _("请打开原来的档案修改。"),
        code="id_number_taken",
        field="id_number",
    )


def checked_member(member: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(member) - MEMBER_FIELDS - {"id"}
    if unknown:
        raise ValueError(f"no such fields of a household member: {', '.join(sorted(unknown))}")
    values = {key: value for key, value in member.items() if key != "id"}
    try:
        if "name" in values:
            values["name"] = clean_name(values["name"])
        if values.get("id_number"):
            identity = parse_resident_id(values["id_number"], today=clock.today())
            values["id_number"] = identity.number
            values["birth_date"] = values.get("birth_date") or identity.birth_date
            values["sex"] = values.get("sex") or identity.sex.value
    except IdentityError as problem:
        name = values.get("name") or _("家庭成员")
        raise InvalidInput(
            _("%(name)s：%(text)s", name=name, text=problem.message), code=problem.code, field="members"
        ) from None
    name = values.get("name") or _("家庭成员")
    for field in ("birth_date", "away_since"):
        if values.get(field) and values[field] > clock.today():
            raise InvalidInput(_("%(name)s：日期还没到。", name=name), field="members")
    if not (values.get("relation") or "").strip() and "id" not in member:
        raise InvalidInput(_("请填%(name)s和户主的关系。", name=values.get("name")), field="members")
    return values


def next_check(area: Area, day: date) -> date:
    """When a dossier that was checked on `day` is due again: by the document in force, else by our own rule."""
    pack = pack_for(area)
    months = pack.register_.refresh_months if pack is not None and pack.register_ else REFRESH_MONTHS
    return months_later(day, months)


def stale() -> Conflict:
    """What the second of two people learns who changed the same dossier."""
    return Conflict(
        _("您打开以后，这份档案已经被别人改过。"),
        _("请看看不同的地方，再决定保存哪一个。"),
        code="stale",
    )


def require_active(elder: Elder) -> None:
    if elder.status != ElderStatus.ACTIVE:
        raise Conflict(_("这位长者已经不在册。"), _("需要时先重新列入。"))


def touch(elder: Elder) -> None:
    """Have the dossier itself written, and so its version counted, whatever has changed around it (a stopped clock
    would otherwise leave `updated_at`, and the row, as they are)."""
    elder.updated_at = clock.now()
    flag_modified(elder, "updated_at")


def flush() -> None:
    """Flush, and say what two people at once have done to each other."""
    try:
        with db.session.begin_nested():
            db.session.flush()
    except StaleDataError:
        raise stale() from None
    except IntegrityError as problem:
        if "uq_elders_id_number_hash" in str(problem.orig):
            raise Conflict(
                _("这个身份证号刚刚被别人建档。"),
                _("请打开那份档案修改。"),
                code="id_number_taken",
                field="id_number",
            ) from None
        raise
