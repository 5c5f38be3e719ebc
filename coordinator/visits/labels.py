"""The Chinese words for the stored values of visits and for what the rules say about them."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.policy import BlockReason, NotCounted, WaiverReason
from coordinator.visits.lifecycle import AssignmentState, ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import CallResult, CallTarget, SurgeKind, WeatherKind, WeatherLevel

STATES: dict[str, Any] = {
    VisitState.OPEN: _l("待派人"),
    VisitState.CLAIMED: _l("待审批"),
    VisitState.ASSIGNED: _l("已派人"),
    VisitState.IN_PROGRESS: _l("正在探访"),
    VisitState.COMPLETED: _l("已完成"),
    VisitState.NOT_MET: _l("没有见到"),
    VisitState.MISSED: _l("没有人去"),
    VisitState.CANCELLED: _l("已取消"),
}
# The kinds of the status macro (templates/macros/status.html) that look like these states.
STATE_LOOKS: dict[str, str] = {
    VisitState.OPEN: "open",
    VisitState.CLAIMED: "pending",
    VisitState.ASSIGNED: "planned",
    VisitState.IN_PROGRESS: "running",
    VisitState.COMPLETED: "done",
    VisitState.NOT_MET: "warn",
    VisitState.MISSED: "failed",
    VisitState.CANCELLED: "cancelled",
}
ASSIGNMENT_STATES: dict[str, Any] = {
    AssignmentState.APPROVED: _l("已派"),
    AssignmentState.DONE: _l("去过了"),
    AssignmentState.WITHDRAWN: _l("已退出"),
    AssignmentState.NO_SHOW: _l("没有来"),
    AssignmentState.CANCELLED: _l("已取消"),
}
MODES: dict[str, Any] = {
    ContactMode.HOME: _l("上门"),
    ContactMode.PHONE: _l("电话"),
    ContactMode.VIDEO: _l("视频"),
    ContactMode.CHAT: _l("微信"),
    ContactMode.MONITOR: _l("远程监测"),
    ContactMode.ENCOUNTER: _l("路遇"),
    ContactMode.OTHER: _l("其他方式"),
}
REMOTE_MODES = tuple(mode for mode in ContactMode if mode is not ContactMode.HOME)
OUTCOMES: dict[str, Any] = {
    ContactOutcome.COMPLETED: _l("见到或联系上了"),
    ContactOutcome.NO_ANSWER: _l("没人在家或没接通"),
    ContactOutcome.DECLINED: _l("长者不愿意"),
}
SURGE_KINDS: dict[str, Any] = {
    SurgeKind.FESTIVAL: _l("传统节日"),
    SurgeKind.EXTREME_WEATHER: _l("极端恶劣天气"),
    SurgeKind.EPIDEMIC: _l("疫情"),
}
WEATHER: dict[str, Any] = {
    WeatherKind.TYPHOON: _l("台风"),
    WeatherKind.RAINSTORM: _l("暴雨"),
    WeatherKind.HEAT: _l("高温"),
    WeatherKind.COLD: _l("低温寒潮"),
    WeatherKind.THUNDER: _l("雷电"),
    WeatherKind.WIND: _l("大风"),
    WeatherKind.SNOW: _l("暴雪"),
    WeatherKind.ICE: _l("道路结冰"),
    WeatherKind.FOG: _l("大雾"),
    WeatherKind.GEOLOGICAL: _l("地质灾害"),
    WeatherKind.OTHER: _l("其他天气"),
}
LEVELS: dict[str, Any] = {
    WeatherLevel.BLUE: _l("蓝色预警"),
    WeatherLevel.YELLOW: _l("黄色预警"),
    WeatherLevel.ORANGE: _l("橙色预警"),
    WeatherLevel.RED: _l("红色预警"),
}
CALL_TARGETS: dict[str, Any] = {CallTarget.ELDER: _l("长者"), CallTarget.FAMILY: _l("家属")}
CALL_RESULTS: dict[str, Any] = {CallResult.REACHED: _l("联系上了"), CallResult.NO_ANSWER: _l("没接")}
BLOCKED: dict[str, Any] = {
    BlockReason.REMOTE_ONLY: _l("只接受远程"),
    BlockReason.HOME_CONSENT_MISSING: _l("还没有同意上门"),
    BlockReason.EPIDEMIC: _l("疫情期间不上门"),
}
WAIVED: dict[str, Any] = {
    WaiverReason.SERVICE_REFUSED: _l("不愿意接受服务"),
    WaiverReason.NOT_YET_ENROLLED_LONG_ENOUGH: _l("登记不满 7 天"),
    WaiverReason.LEFT_BEFORE_PERIOD_END: _l("期末前已离册"),
}
# In the list there is room for a word only; the panel has the sentence.
NOT_COUNTED_SHORT: dict[str, Any] = {
    NotCounted.MODE_NOT_COUNTED: _l("方式不符"),
    NotCounted.NOT_COMPLETED: _l("没有见到"),
    NotCounted.SAME_DAY: _l("同一天已计"),
    NotCounted.AFTER_AS_OF: _l("还没有到"),
    NotCounted.NOT_ACTIVE: _l("不在册期间"),
}
NOT_COUNTED: dict[str, Any] = {
    NotCounted.MODE_NOT_COUNTED: _l("这项只计%(modes)s"),
    NotCounted.NOT_COMPLETED: _l("没有见到或联系上长者"),
    NotCounted.SAME_DAY: _l("同一天已经计了 1 次"),
    NotCounted.AFTER_AS_OF: _l("在截至日期以后"),
    NotCounted.NOT_ACTIVE: _l("当天长者不在册"),
}
