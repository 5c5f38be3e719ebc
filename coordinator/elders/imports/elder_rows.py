"""What a row of the elders' sheet means: rules between its cells, and how it differs from a dossier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _

from coordinator.elders.imports.columns import problem
from coordinator.elders.imports.elder_columns import BY_KEY
from coordinator.elders.imports.elder_people import CONTACTS, MEMBERS
from coordinator.elders.imports.elder_words import DERIVED
from coordinator.elders.imports.importer import Row, change
from coordinator.elders.models import ConsentGiver, ConsentKind, ConsentState, Elder, HouseholdMember
from coordinator.elders.queries.facts import ELDER_AGE
from coordinator.elders.services.wishes import NOTE_AT_LEAST
from coordinator.kernel import clock
from coordinator.kernel.i18n import age
from coordinator.kernel.identity import parse_resident_id

# Columns that are a field of the elder or of the home of the same name and form.
PERSON = (
    *("name", "sex", "id_number", "phone", "registered_address", "lives_at_registered_address"),
    *("is_rural_household", "ability_level", "ability_assessor", "has_dementia", "health", "is_self_caring"),
    *("in_hardship", "cares_for_impaired_child", "medical_history", "economic_status", "income_source"),
    *("monthly_disposable_income", "children_alive", "spouse_alive", "cautions", "dialect", "prefers_sex"),
    *("minors_welcome", "needs_two_visitors", "needs_skills", "visit_minutes", "notes"),
)
PERSON_DAYS = ("birth_date", "ability_assessed_on", "enrolled_on")
HOME = (
    *("address", "neighbourhood", "latitude", "longitude", "water_safe", "power_safe", "housing_safe"),
    *(
        "monthly_income",
        "pension_monthly",
        "subsidies",
        "subsidy_monthly",
        "helped_by",
        "helper_name",
        "help_given",
    ),
)
# They describe another cell and change nothing by themselves.
_ACCESSORY = ("category_evidence", "consent_on", "consent_by", "consent_giver", "consent_note", "enrolled_on")
_DEGREE = 1e-6  # about 0.1 m: coordinates that differ less are the same


def complete(row: Row) -> None:
    """Check the cells of a row against each other, and fill in what follows from the ID number."""
    values = row.values
    _identity(row, values)
    _needs(row, values)
    _consent(row, values)
    for number in range(1, CONTACTS + 1):
        _group(row, f"contact{number}", ("name", "relation", "phone"))
    if "contact2_name" in values and "contact1_name" not in values:
        row.refuse(
            problem(
                "contact1_name",
                "contact_order",
                _("填了第二位紧急联系人，没有填第一位。"),
                _("请先填第一位。"),
            )
        )
    _group(row, "first", ("name", "relation"), ("phone", "nearby"))
    for number in range(1, MEMBERS + 1):
        _group(row, f"member{number}", ("name", "relation"), ("birth_date", "lives_in", "in_same_town"))


def _identity(row: Row, values: dict[str, Any]) -> None:
    broken = {one["column"] for one in row.problems}
    number = values.get("id_number")
    if number is not None:
        identity = parse_resident_id(number, today=clock.today())
        if (
            values.setdefault("birth_date", identity.birth_date.isoformat())
            != identity.birth_date.isoformat()
        ):
            row.refuse(
                problem(
                    "birth_date",
                    "birth_date_differs",
                    _("和身份证号里的出生日期 %(day)s 对不上。", day=identity.birth_date),
                    _("请对照证件再看一遍。"),
                )
            )
        if values.setdefault("sex", identity.sex.value) != identity.sex.value:
            row.refuse(
                problem("sex", "sex_differs", _("和身份证号里的性别对不上。"), _("请对照证件再看一遍。"))
            )
    elif "id_number" not in broken:
        for key in ("birth_date", "sex"):
            if key not in values and key not in broken:
                row.refuse(
                    problem(
                        key,
                        "required",
                        _("没有填%(what)s，也没有身份证号。", what=BY_KEY[key].heading),
                        _("请填其中一样。"),
                    )
                )
    born = values.get("birth_date")
    if born is not None and age(date.fromisoformat(born), clock.today()) < ELDER_AGE:
        row.refuse(
            problem(
                "birth_date" if number is None else "id_number",
                "too_young",
                _("%(born)s 出生，还没满 %(age)s 岁。", born=born, age=ELDER_AGE),
                _("请核对出生日期；不是老年人的请从名单里去掉。"),
            )
        )


def _needs(row: Row, values: dict[str, Any]) -> None:
    """失能 and 重残 follow from the level and the certificate (policy), so these must be there."""
    stated = values.get("categories")
    if stated is not None:
        if DERIVED["失能"] in stated and not values.get("ability_level"):
            row.refuse(
                problem(
                    "ability_level",
                    "level_missing",
                    _("对象类型写了失能，能力程度没有写。"),
                    _("请填轻度失能到完全失能。"),
                )
            )
        if DERIVED["重残"] in stated and values.get("certificate_grade") not in (1, 2):
            row.refuse(
                problem(
                    "certificate_grade",
                    "grade_missing",
                    _("对象类型写了重残，残疾等级不是一级或二级。"),
                    _("请对照残疾人证填写。"),
                )
            )
        values["categories"] = sorted(one for one in stated if one not in DERIVED.values())
    given = [
        key for key in ("certificate_kind", "certificate_number", "certificate_valid_to") if key in values
    ]
    if given and "certificate_grade" not in values:
        row.refuse(
            problem(
                "certificate_grade",
                "grade_missing",
                _("填了残疾人证，没有填残疾等级。"),
                _("请填一级到四级。"),
            )
        )


def _consent(row: Row, values: dict[str, Any]) -> None:
    wishes = [values.get("consent_service"), values.get("consent_home")]
    if ConsentState.REFUSED in wishes and len(values.get("consent_note", "")) < NOTE_AT_LEAST:
        row.refuse(
            problem(
                "consent_note",
                "refusal_needs_a_note",
                _("长者不愿意的，要写明谁去解释了什么、长者怎样说。"),
                _("请写清楚再导入。"),
            )
        )
    if values.get("consent_by") == ConsentGiver.FAMILY and "consent_giver" not in values:
        row.refuse(
            problem("consent_giver", "required", _("家属代为表态的，要写明是谁。"), _("请填家属姓名。"))
        )


def _group(row: Row, prefix: str, wanted: Sequence[str], more: Sequence[str] = ()) -> None:
    """Cells that belong together: with one of them the wanted ones must be there."""
    keys = [f"{prefix}_{part}" for part in wanted]
    if not any(f"{prefix}_{part}" in row.values for part in (*wanted, *more)):
        return
    broken = {one["column"] for one in row.problems}
    for key in keys:
        if key not in row.values and key not in broken:
            row.refuse(
                problem(
                    key,
                    "required",
                    _("没有填%(what)s。", what=BY_KEY[key].heading),
                    _("请填完整，或把这几格都空着。"),
                )
            )


# ── a dossier in the form of a row ───────────────────────────────────────────────────────────────────────


def snapshot(elder: Elder, values: Mapping[str, Any]) -> dict[str, Any]:
    """The dossier in the form of a row. `values` says which household members to describe, by name."""
    home = elder.household
    found: dict[str, Any] = {"community_id": elder.area_id, "grid_id": home.grid_id}
    for key in PERSON:
        found[key] = _json(getattr(elder, key))
    for key in PERSON_DAYS:
        found[key] = _json(getattr(elder, key))
    for key in HOME:
        found[key] = _json(getattr(home, key))
    found["needs_skills"] = sorted(elder.needs_skills)
    found["helped_by"] = sorted(home.helped_by)
    found["visit_hours"] = [f"{elder.visit_from:%H:%M}", f"{elder.visit_until:%H:%M}"]
    found["categories"] = sorted(one.category.value for one in elder.categories)
    certificate = max(elder.certificates, key=lambda one: one.valid_to or date.max, default=None)
    if certificate is not None:
        found["certificate_grade"] = certificate.grade
        found["certificate_kind"] = certificate.kind
        found["certificate_number"] = certificate.number
        found["certificate_valid_to"] = _json(certificate.valid_to) or "forever"
    consents = {one.kind: one.state.value for one in elder.consents}
    found["consent_service"] = consents.get(ConsentKind.SERVICE)
    found["consent_home"] = consents.get(ConsentKind.HOME)
    for number, contact in enumerate(elder.emergency_contacts[:CONTACTS], start=1):
        found[f"contact{number}_name"] = contact.name
        found[f"contact{number}_relation"] = contact.relation
        found[f"contact{number}_phone"] = contact.phone
    first = elder.first_contact
    if first is not None:
        found["first_name"], found["first_relation"] = first.name, first.relation
        found["first_phone"], found["first_nearby"] = first.phone, first.lives_nearby
    members = {one.name: one for one in home.members}
    for number in range(1, MEMBERS + 1):
        held = members.get(values.get(f"member{number}_name", ""))
        if held is not None:
            found |= _member(number, held)
    return found


def _member(number: int, held: HouseholdMember) -> dict[str, Any]:
    prefix = f"member{number}"
    return {
        f"{prefix}_name": held.name,
        f"{prefix}_relation": held.relation,
        f"{prefix}_birth_date": _json(held.birth_date),
        f"{prefix}_lives_in": held.lives_in,
        f"{prefix}_in_same_town": held.in_same_town,
    }


def _json(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, float, str, list)):
        return value
    return float(value)


def differences(
    elder: Elder, values: Mapping[str, Any], communities: Mapping[int, str]
) -> list[dict[str, str]]:
    """What a row would change in a dossier, in the order of the columns; empty cells change nothing."""
    held = snapshot(elder, values)
    found: list[dict[str, str]] = []
    if values["community_id"] != held["community_id"]:
        names = (communities.get(held["community_id"], "…"), communities[values["community_id"]])
        found.append(change(BY_KEY["community"], *names))
    if values.get("grid_id") not in (None, held["grid_id"]):
        found.append(change(BY_KEY["grid"], "", values.get("grid", "")))
    for key, column in BY_KEY.items():
        if key not in values or key in _ACCESSORY or key in ("community", "grid"):
            continue
        new = sorted(values[key]) if key in ("needs_skills", "helped_by") else values[key]
        if not _equal(key, held.get(key), new):
            found.append(change(column, held.get(key), new))
    return found


def _equal(key: str, old: Any, new: Any) -> bool:
    if key in ("latitude", "longitude"):
        return old is not None and abs(old - new) < _DEGREE
    if isinstance(old, float) and isinstance(new, (int, float)):
        return abs(old - new) < 0.005
    return bool(old == new)
