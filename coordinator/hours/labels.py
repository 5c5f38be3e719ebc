"""The Chinese words for the ledger: grades, findings, decisions."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.elders.labels import ABILITY_LEVELS, CATEGORIES
from coordinator.hours.models import Evidence, VerificationState

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
    "door_code": _l("门牌码"),
    "word": _l("没有定位，本人说明"),
}


def finding_text(finding: dict[str, Any]) -> str:
    """One observation of `evidence.derive` as a sentence."""
    which = {"arrived": _("到达时"), "left": _("离开时")}.get(finding.get("which", ""), "")
    values = {key: value for key, value in finding.items() if key not in ("code", "grade", "which")}
    texts = {
        "no_place": _("%(which)s没有定位", which=which),
        "far_away": _("%(which)s离住处 %(metres)s 米", which=which, metres=values.get("metres")),
        "not_near": _("%(which)s离住处 %(metres)s 米", which=which, metres=values.get("metres")),
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
        "adult_not_there": _("同行成人不是全程在场"),
    }
    return texts[finding["code"]]


def elder_kind(kind: tuple[int, tuple[str, ...]]) -> str:
    """，独居长者: all that a school learns of whom its student visited."""
    level, categories = kind
    # 计划生育特殊家庭 is a bereavement and none of a school's business.
    words = [str(CATEGORIES[one]) for one in categories if one != "special_family"]
    if level:
        words.append(str(ABILITY_LEVELS[level]))
    return _("，%(words)s长者", words="、".join(words)) if words else ""
