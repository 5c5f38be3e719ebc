"""The Chinese words for the ledger: grades, findings, decisions."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.elders.labels import CATEGORIES
from coordinator.elders.models import Category
from coordinator.hours.evidence import Rules
from coordinator.hours.models import Evidence, VerificationState
from coordinator.kernel import i18n

EVIDENCE: dict[str, Any] = {
    Evidence.STRONG: _l("证据充分"),
    Evidence.FAIR: _l("证据一般"),
    Evidence.WEAK: _l("证据不足"),
    Evidence.DOUBTFUL: _l("待核查"),
}
# Kinds of the status macro.
EVIDENCE_LOOKS = {grade: f"evidence_{grade.value}" for grade in Evidence}
DECISIONS: dict[str, Any] = {
    VerificationState.PASSED: _l("学校已通过"),
    VerificationState.PARTIAL: _l("学校部分认可"),
    VerificationState.RETURNED: _l("学校已退回"),
}
DECISION_LOOKS = {
    VerificationState.PASSED: "ok",
    VerificationState.PARTIAL: "warn",
    VerificationState.RETURNED: "returned",
}
METHODS: dict[str, Any] = {
    "location": _l("手机定位"),
    "door_code": _l("路线单上的数字"),
    "word": _l("没有定位，本人说明"),
}


def finding_text(finding: dict[str, Any]) -> str:
    """One observation of `evidence.derive` as a sentence."""
    which = {"arrived": _("到达时"), "left": _("离开时")}.get(finding.get("which", ""), "")
    values = {key: value for key, value in finding.items() if key not in ("code", "grade", "which")}
    far = i18n.distance(values.get("metres") or 0)
    texts = {
        "no_place": _("%(which)s没有定位", which=which),
        "far_away": _("%(which)s离住处 %(d)s", which=which, d=far),
        "not_near": _("%(which)s离住处 %(d)s", which=which, d=far),
        "only_code": _("%(which)s没有定位，填了路线单上的数字", which=which),
        "coarse_place": _("%(which)s定位误差 %(metres)s 米", which=which, metres=values.get("metres")),
        "home_not_on_map": _("长者住处还没有标在地图上，定位无法比对"),
        "clock_differs": _(
            "%(which)s手机时间差 %(minutes)s 分钟", which=which, minutes=values.get("minutes")
        ),
        "too_short": _("只停留 %(minutes)s 分钟", minutes=values.get("minutes")),
        "too_long": _("停留 %(minutes)s 分钟，比平常长得多", minutes=values.get("minutes")),
        "shorter_than_half": _(
            "停留 %(minutes)s 分钟，计划 %(planned)s 分钟",
            minutes=values.get("minutes"),
            planned=values.get("planned"),
        ),
        "too_fast": _(
            "与前后一户只隔 %(minutes)s 分钟，路上最快也要 %(needed)s 分钟",
            minutes=values.get("minutes"),
            needed=values.get("needed"),
        ),
        "two_places_at_once": _("同一时间还在另一户"),
        "adult_not_there": _("有 %(minutes)s 分钟没有成年人在场", minutes=values.get("minutes")),
    }
    return texts[finding["code"]]


def elder_kind(kinds: tuple[Category, ...]) -> str:
    """独居、空巢长者: all that a school learns of whom its student visited."""
    words = "、".join(str(CATEGORIES[one]) for one in kinds)
    return _("%(words)s长者", words=words) if words else _("长者")


def rules_words(rules: Rules) -> str:
    """The rule of the street, said where hours are shown."""
    return _(
        "从到长者家门口算到离开，路上不算；每满 %(step)s 分钟计一次，一次最多 %(longest)s，一天最多 %(cap)s。",
        step=rules.step_minutes,
        longest=i18n.duration(rules.longest_minutes * 60),
        cap=i18n.duration(rules.day_cap_minutes * 60),
    )
