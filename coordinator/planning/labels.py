"""The Chinese words for the stored values of plans."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.kernel import clock, i18n
from coordinator.planning.models import PlanStage, PlanState
from coordinator.planning.translate.options import Wish

STATES: dict[str, Any] = {
    PlanState.QUEUED: _l("排队等着算"),
    PlanState.SOLVING: _l("正在计算"),
    PlanState.READY: _l("草案，未通知"),
    PlanState.APPROVED: _l("已批准"),
    PlanState.SUPERSEDED: _l("已被新的计划接替"),
    PlanState.DISCARDED: _l("已作废"),
    PlanState.FAILED: _l("没有算成"),
}
# The kinds of the status macro (templates/macros/status.html) that look like these states.
STATE_LOOKS: dict[str, str] = {
    PlanState.QUEUED: "waiting",
    PlanState.SOLVING: "running",
    PlanState.READY: "draft",
    PlanState.APPROVED: "approved",
    PlanState.SUPERSEDED: "off",
    PlanState.DISCARDED: "cancelled",
    PlanState.FAILED: "failed",
}
STAGES: dict[str, Any] = {
    PlanStage.OBLIGATIONS: _l("核对应访"),
    PlanStage.ASSIGN: _l("分到人和日"),
    PlanStage.ROUTE: _l("排每天的路线"),
    PlanStage.CHECK: _l("独立核对"),
    PlanStage.DRAFT: _l("生成草案"),
}
WISHES: dict[str, Any] = {Wish.NONE: _l("不在意"), Wish.SOME: _l("一般"), Wish.MUCH: _l("看重")}
CALL_REASONS: dict[str, Any] = {
    "no_day": _l("期限里没有可以打的日子了"),
    "nobody_may": _l("没有人可以给这位长者打电话"),
    "nobody_free": _l("期限里大家都没有空"),
    "full": _l("大家的空时间都排满了"),
    "no_phone": _l("没有登记电话"),
}
"""Why a call is nobody's: the codes of `routing.calls`, and what the site knows itself."""
CALL_REMEDIES: dict[str, Any] = {
    "no_day": _l("请今天就打，在应访清单里登记"),
    "nobody_may": _l("请看看人员资料里“不安排”的登记"),
    "nobody_free": _l("请谁多给半天时间，再重新分配"),
    "full": _l("请谁多给半天时间，再重新分配"),
    "no_phone": _l("请在档案里补上电话，或安排人上门"),
}
CALL_WHYS: dict[str, Any] = {
    "known": _l("熟悉这位长者"),
    "speaks": _l("会说长者的话"),
    "free": "",
    "kept": _l("您指定的"),
}
LINES: dict[str, Any] = {
    "waiting": _l("排队等着"),
    "computing": _l("正在算"),
    "interrupted": _l("中断了，会自动重来"),
    "stopping": _l("正在停下"),
    "ready": _l("草案好了，等街道看"),
    "failed": _l("没有算成"),
    "stopped": _l("停下了，没有算"),
    "taken_over": _l("街道已接手"),
}
"""What the order of a county or city says of each street."""
LINE_LOOKS = {
    "waiting": "waiting",
    "computing": "running",
    "interrupted": "warn",
    "stopping": "running",
    "ready": "ok",
    "failed": "failed",
    "stopped": "off",
    "taken_over": "info",
}
LETTERS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"


def letter(index: int) -> str:
    """The letter of a route; after the twenty-two stems and branches they begin again with a figure."""
    turn, at = divmod(index, len(LETTERS))
    return LETTERS[at] + (str(turn + 1) if turn else "")


def month_name(month: date) -> str:
    """4月; with the year when it is not this year."""
    if i18n.select_locale() == "en":
        return f"{month:%B}" if month.year == clock.today().year else f"{month:%B %Y}"
    if month.year == clock.today().year:
        return _("%(n)s月", n=month.month)
    return _("%(y)s年%(n)s月", y=month.year, n=month.month)
