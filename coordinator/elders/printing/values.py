"""The values of a dossier by the keys that the packs' forms use. Papers are Chinese in every interface language."""

from __future__ import annotations

from dataclasses import dataclass, field

from coordinator import policy
from coordinator.elders import labels
from coordinator.elders.models import Category, Elder, Household, HouseholdMember
from coordinator.elders.queries import Dossier
from coordinator.kernel import clock
from coordinator.kernel.i18n import age
from coordinator.kernel.identity import format_phone, mask_id, mask_phone

_YES_NO = {True: "是", False: "否", None: ""}
_SAFE = {True: "安全", False: "不安全", None: ""}
# 泸州 附件2 prints the categories with 老年人 behind the name.
_CATEGORY_BOXES: dict[str, str] = {
    Category.KINLESS: "孤寡老年人",
    Category.LIVING_ALONE: "独居老年人",
    Category.EMPTY_NEST: "空巢老年人",
    Category.LEFT_BEHIND: "留守老年人",
    Category.SPECIAL_FAMILY: "计划生育特殊家庭老年人",
}
_TOTAL_LOSS = 4


@dataclass(slots=True)
class Values:
    """`text` by key, the options `chosen` by key, what is written `behind` an option, the household rows.
    `needs_note`: a value has no box of its own on the form."""

    text: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, frozenset[str]] = field(default_factory=dict)
    behind: dict[str, dict[str, str]] = field(default_factory=dict)
    members: list[dict[str, str]] = field(default_factory=list)
    needs_note: bool = False


def money(value: object) -> str:
    """An amount without needless decimals; nothing for nothing."""
    return "" if value is None else f"{float(str(value)):.2f}".removesuffix(".00")


def values_of(dossier: Dossier, *, in_full: bool, may_read: bool) -> Values:
    """What a form may ask of the dossier. Telephones and numbers masked unless `in_full`; medical history and the
    family's health only with `may_read`."""
    elder, home = dossier.elder, dossier.elder.household
    found = Values()
    text, chosen = found.text, found.chosen
    first_call = elder.emergency_contacts[0] if elder.emergency_contacts else None
    certificate = max(elder.certificates, key=lambda one: one.valid_to or clock.today(), default=None)

    def phone(number: str | None) -> str:
        return "" if not number else format_phone(number) if in_full else mask_phone(number)

    def number(value: str | None) -> str:
        return "" if not value else value if in_full else mask_id(value)

    text |= {
        "filed_on": elder.enrolled_on.isoformat(),
        "filled_on": clock.today().isoformat(),
        "address": dossier.scope.full_name(elder.area_id) + home.address,
        "name": elder.name,
        "sex_and_birth": f"{labels.SEXES[elder.sex]}，{elder.birth_date.isoformat()}，{age(elder.birth_date)} 岁",
        "id_number": number(elder.id_number),
        "phone": phone(elder.phone),
        "emergency_contact": f"{first_call.name}（{first_call.relation}）" if first_call else "",
        "emergency_phone": phone(first_call.phone) if first_call else "",
        "disability_number": number(certificate.number) if certificate else "",
        "medical_history": (elder.medical_history or "") if may_read else "",
        "income_source": elder.income_source or "",
        "monthly_income": money(elder.monthly_disposable_income),
        "service_contact": dossier.people.service.name if dossier.people.service else "",
        "first_contact": "，".join(
            part
            for part in (
                elder.first_contact.name,
                elder.first_contact.relation,
                phone(elder.first_contact.phone),
            )
            if part
        )
        if elder.first_contact
        else "",
        "emergency_all": "；".join(
            f"{one.position}. {one.name}，{one.relation}，{phone(one.phone)}"
            for one in elder.emergency_contacts
        ),
    }
    _of_home(found, home)
    found.behind["household_size"] = {"增加": "＿＿人", "减少": "＿＿人"}
    _of_kind(found, dossier, elder)
    chosen["at_registered_place"] = frozenset({_YES_NO[elder.lives_at_registered_address]})
    members = sorted(home.members, key=lambda one: one.relation != "户主")
    found.members = [_member(one, number(one.id_number), may_read=may_read) for one in members]
    return found


def _of_home(found: Values, home: Household) -> None:
    pension = home.pension_monthly
    text = found.text
    text |= {
        "water_safe": _SAFE[home.water_safe],
        "power_safe": _SAFE[home.power_safe],
        "house_safe": _SAFE[home.housing_safe]
        + (f"，{home.house_structure}" if home.house_structure else ""),
        "household_income": money(home.monthly_income),
        "allowance_amount": f"{money(home.subsidy_monthly)} 元" if home.subsidy_monthly is not None else "",
        "helper_person": home.helper_name or "",
        "helper_measures": home.help_given or "",
        "helpers_text": "、".join(str(labels.HELPERS.get(one, one)) for one in home.helped_by),
    }
    parts = [
        f"养老保险每月 {money(pension)} 元" if pension else "",
        home.subsidies or "",
        f"补贴每月 {money(home.subsidy_monthly)} 元" if home.subsidy_monthly else "",
    ]
    text["allowances"] = "；".join(part for part in parts if part)
    found.chosen["helpers"] = frozenset(str(labels.HELPERS.get(one, "其他")) for one in home.helped_by)
    if pension is not None:
        drawn = "有领取养老保险，每月" if pension else "无养老保险"
        found.chosen["pension"] = frozenset({drawn})
        found.behind["pension"] = {drawn: f"{money(pension)} 元" if pension else ""}


def _of_kind(found: Values, dossier: Dossier, elder: Elder) -> None:
    text, chosen = found.text, found.chosen
    today, facts = clock.today(), dossier.facts
    held = {one for one in policy.Category if policy.has_category(facts, one, today)}
    boxes = {_CATEGORY_BOXES[one] for one in _CATEGORY_BOXES if one in held}
    if policy.Category.IMPAIRED in held:
        boxes.add("失能老年人（包括中、重）")
    if policy.Category.SEVERELY_DISABLED in held:
        boxes.add("重残老年人")
    chosen["categories"] = frozenset(boxes)
    if dossier.tier is not None:
        chosen["tier"] = frozenset({dossier.tier.name})
        text["tier_text"] = dossier.tier.name
    # The form has no box for 完全失能: it is ticked as 重度失能, and a note says so.
    level = elder.ability_level
    found.needs_note = level == _TOTAL_LOSS
    chosen["ability"] = frozenset({str(labels.ABILITY_LEVELS[min(level, _TOTAL_LOSS - 1)])})
    if found.needs_note:
        found.behind["ability"] = {str(labels.ABILITY_LEVELS[_TOTAL_LOSS - 1]): "（完全失能）"}
    assessed = f"（{elder.ability_assessed_on.isoformat()} 评估）" if elder.ability_assessed_on else ""
    text["ability_text"] = f"{labels.ABILITY_LEVELS[level]}{assessed}"
    economic = elder.economic_status
    chosen["economic_status"] = frozenset(
        {"特困人员"} if economic == "destitute" else {"低保、低保边缘"} if economic != "none" else ()
    )
    text["economic_text"] = str(labels.ECONOMIC[economic]) + ("，分散供养" if elder.supported_at_home else "")
    valid = [one for one in elder.certificates if one.valid_to is None or one.valid_to >= today]
    text["disability_text"] = "；".join(
        str(labels.DISABILITY_GRADES[one.grade])
        + (f"，至 {one.valid_to.isoformat()}" if one.valid_to else "")
        for one in elder.certificates
    )
    alone = held & {policy.Category.LIVING_ALONE, policy.Category.EMPTY_NEST}
    for key, answer in (
        ("disabled", bool(valid)),
        ("alone_or_empty_nest", bool(alone)),
        ("left_behind", policy.Category.LEFT_BEHIND in held),
        ("impaired", policy.Category.IMPAIRED in held),
        ("special_family", policy.Category.SPECIAL_FAMILY in held),
    ):
        chosen[key] = frozenset({_YES_NO[answer]})
    names = labels.CATEGORIES | labels.DERIVED_CATEGORIES
    text["categories_text"] = "、".join(str(names[one.value]) for one in policy.Category if one in held)
    text["wishes_text"] = "；".join(
        f"{labels.CONSENT_KINDS[one.kind]}：{labels.CONSENT_STATES[one.state]}"
        f"（{one.given_on.isoformat()}，{labels.CONSENT_GIVERS[one.given_by]}）"
        for one in elder.consents
    )
    text["linked_text"] = "，".join(part for part in (elder.linked_unit, elder.linked_person) if part)


def _member(one: HouseholdMember, number: str, *, may_read: bool) -> dict[str, str]:
    return {
        "member_name": one.name,
        "member_sex": str(labels.SEXES[one.sex]) if one.sex else "",
        "member_id_number": number,
        "member_relation": one.relation,
        "member_health": (one.health or "") if may_read else "",
        "member_assistance": str(labels.ECONOMIC[one.economic_status])
        if one.economic_status != "none"
        else "否",
        "member_visits_often": _YES_NO[one.visits_often],
    }
