"""四川省特殊困难老年人探访关爱服务记录表 (泸州 附件3, 2023-12-14) as data: every field and option, in its order.

What the form lacks but the document asks the visitor to find out (反应能力, 精神状况, 家人是否经常看望, 需求
类型) stands beside it and is printed below it, never inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.visits.lifecycle import ContactMode

FORM = "luzhou-3"
NOT_MET_FORM = "not-met"

MODES: dict[str, Any] = {
    "phone": _l("电话问候"),
    "home": _l("上门探访"),
    "video": _l("互联网音（视）频探访"),
    "other": _l("其他"),
}
CHANGE: dict[str, Any] = {"same": _l("无变化"), "better": _l("较好"), "worse": _l("较差")}
SAFETY: dict[str, Any] = {"safe": _l("安全"), "mostly": _l("较安全"), "unsafe": _l("不安全")}
FAMILY: dict[str, Any] = {"same": _l("无变化"), "more": _l("增加"), "fewer": _l("减少")}
ILLNESS: dict[str, Any] = {"same": _l("无变化"), "severe": _l("严重"), "better": _l("转好")}
FAMILY_VISITS: dict[str, Any] = {
    "yes": _l("经常"),
    "no": _l("不经常"),
    "none": _l("没有分开住的家人"),
}
NEEDS: dict[str, Any] = {
    "daily_care": _l("生活照料"),
    "rehabilitation": _l("康复护理"),
    "comfort": _l("精神慰藉"),
    "rescue": _l("紧急救援"),
    "adaptation": _l("居家适老化改造"),
    "benefits": _l("政策待遇"),
    "hazard": _l("安全隐患"),
    "hardship": _l("困难帮扶"),
    "counselling": _l("心理疏导"),
    "family": _l("家庭关系调适"),
}
SIGNED: dict[str, Any] = {"paper": _l("在纸质单上签了名"), "spoken": _l("口头确认")}
SATISFACTION: dict[str, Any] = {
    "very": _l("很满意"),
    "good": _l("满意"),
    "fair": _l("一般"),
    "poor": _l("不满意"),
}
OUTCOMES: dict[str, Any] = {
    "no_answer": _l("没人在家，或没人应门"),
    "declined": _l("长者今天不愿意"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of tick boxes. `follow` is the key of the text asked for when the answer is `follow_on`."""

    key: str
    label: Any
    options: Mapping[str, Any]
    follow: str = ""
    follow_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One topic of the form on a phone."""

    key: str
    title: Any
    keys: Sequence[str] = field(default_factory=tuple)


CHOICES: tuple[Choice, ...] = (
    Choice("mode", _l("探访方式"), MODES, "mode_other", ("other",)),
    Choice("family", _l("家庭人口"), FAMILY, "family_count", ("more", "fewer")),
    Choice("expression", _l("表达能力"), CHANGE),
    Choice("mobility", _l("行动能力"), CHANGE),
    Choice("illness", _l("疾病状况"), ILLNESS, "illness_name", ("severe",)),
    Choice("mood", _l("情绪状态"), CHANGE),
    Choice("gas", _l("燃气安全"), SAFETY, "gas_where", ("unsafe",)),
    Choice("heating", _l("水暖安全"), SAFETY, "heating_where", ("unsafe",)),
    Choice("power", _l("用电安全"), SAFETY, "power_where", ("unsafe",)),
    Choice("hygiene", _l("个人卫生"), CHANGE),
    Choice("home_hygiene", _l("家庭卫生"), CHANGE),
    Choice("indoor", _l("室内环境"), CHANGE),
    # Asked for in the text of the document (三（三）1, 3), not on its form.
    Choice("reaction", _l("反应能力"), CHANGE),
    Choice("mind", _l("精神状况"), CHANGE),
    Choice("family_visits", _l("分开住的家人是否经常看望或问候"), FAMILY_VISITS),
)
BY_KEY: dict[str, Choice] = {one.key: one for one in CHOICES}
# The printed form: section, then its lines.
SECTIONS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_l("家庭状况"), ("family",)),
    (_l("健康状况"), ("expression", "mobility", "illness")),
    (_l("精神状态"), ("mood",)),
    (_l("安全情况"), ("gas", "heating", "power")),
    (_l("卫生状况"), ("hygiene", "home_hygiene")),
    (_l("居住环境"), ("indoor",)),
)
BESIDE = ("reaction", "mind", "family_visits")
SAFETY_KEYS = ("gas", "heating", "power")
STEPS: tuple[Step, ...] = (
    Step(
        "family",
        _l("探访方式和家里人"),
        ("mode", "mode_other", "family", "family_count", "family_visits", "family_visits_note"),
    ),
    Step(
        "health",
        _l("身体和精神"),
        ("expression", "mobility", "reaction", "illness", "illness_name", "mood", "mind"),
    ),
    Step("safety", _l("家里安全"), ("gas", "gas_where", "heating", "heating_where", "power", "power_where")),
    Step("hygiene", _l("卫生和环境"), ("hygiene", "home_hygiene", "indoor")),
    Step(
        "needs",
        _l("做了什么、需要什么"),
        (
            "care_given",
            "needs",
            "needs_text",
            "advice",
            "satisfaction",
            "satisfaction_note",
            "elder_signed",
            "spoken_reason",
            "signed",
        ),
    ),
)
# Worth a second look: the answer is not what one hopes for.
_TROUBLED = {"worse", "unsafe", "severe", "poor"}


def contact_mode(answers: Mapping[str, Any]) -> ContactMode:
    """The way of the visit as the rules count it."""
    return ContactMode(answers["mode"])


def said(answers: Mapping[str, Any], key: str) -> str:
    """One answer in words, with what was asked for in addition: 「不安全：灶台软管老化」."""
    choice = BY_KEY[key]
    value = answers.get(key)
    if value not in choice.options:
        return ""
    words = str(choice.options[value])
    more = answers.get(choice.follow) if choice.follow and value in choice.follow_on else None
    if choice.key == "family" and more:
        return _("%(words)s %(n)s 人", words=words, n=more)
    return f"{words}：{more}" if more else words


def needs_words(answers: Mapping[str, Any]) -> str:
    """老年人服务需求: the types and the words."""
    types = "、".join(str(NEEDS[one]) for one in answers.get("needs") or () if one in NEEDS)
    return "。".join(part for part in (types, str(answers.get("needs_text") or "").strip()) if part)


def troubles(answers: Mapping[str, Any]) -> list[str]:
    """Lines that need a look: 「燃气安全：不安全：灶台软管老化」."""
    found = [
        f"{choice.label}：{said(answers, choice.key)}"
        for choice in CHOICES
        if answers.get(choice.key) in _TROUBLED
    ]
    if answers.get("family_visits") == "no":
        found.append(_("分开住的家人不经常看望"))
    return found


def follow_up(answers: Mapping[str, Any]) -> str:
    """What somebody has to see to after this visit; '' when nothing."""
    hazards = [
        f"{BY_KEY[key].label}：{said(answers, key)}" for key in SAFETY_KEYS if answers.get(key) == "unsafe"
    ]
    if answers.get("illness") == "severe":
        hazards.append(f"{BY_KEY['illness'].label}：{said(answers, 'illness')}")
    needs = needs_words(answers)
    if needs:
        hazards.append(_("需求：%(needs)s", needs=needs))
    return "；".join(hazards)


def memory(answers: Mapping[str, Any]) -> list[str]:
    """What the next visitor should know of the last visit. Illnesses are not named to who comes to talk."""
    kept = {key: value for key, value in answers.items() if key != "illness_name"}
    found = troubles(kept)
    needs = needs_words(kept)
    if needs:
        found.append(_("上次提到的需要：%(needs)s", needs=needs))
    if kept.get("advice"):
        found.append(_("上次的建议：%(advice)s", advice=kept["advice"]))
    return found
