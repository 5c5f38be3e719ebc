"""The Chinese words of the marketplace."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.marketplace.models import ClaimState
from coordinator.workforce.fitness import UnfitCode

STATES: dict[str, Any] = {
    ClaimState.QUEUED: _l("排队中"),
    ClaimState.PENDING: _l("待审批"),
    ClaimState.APPROVED: _l("已确认"),
    ClaimState.REFUSED: _l("未通过"),
    ClaimState.WITHDRAWN: _l("已撤回"),
}
STATE_LOOKS: dict[str, str] = {
    ClaimState.QUEUED: "waiting",
    ClaimState.PENDING: "pending",
    ClaimState.APPROVED: "confirmed",
    ClaimState.REFUSED: "refused",
    ClaimState.WITHDRAWN: "withdrawn",
}


class Hidden(StrEnum):
    """Why an open visit is not offered to somebody, beside the codes of fitness."""

    SOON = "soon"
    CLASH = "clash"
    REFUSED_BEFORE = "refused_before"
    NEEDS_TWO_ADULTS = "needs_two_adults"
    HOURS = "hours"
    NOT_WISHED = "not_wished"
    FURTHER = "further"
    TIGHT = "tight"


# The worker reads these about themself; a bar is never told for what it is.
WHY_NOT: dict[str, Any] = {
    UnfitCode.NOT_APPROVED: _l("您的报名还没有通过审核"),
    UnfitCode.TOO_YOUNG: _l("不满 10 岁，还不能参加探访"),
    UnfitCode.CREDENTIAL_MISSING: _l("您的培训、保险、健康声明或协议还没有登记齐"),
    UnfitCode.CREDENTIAL_EXPIRED: _l("到那天您的培训、保险、健康声明或协议已经过期"),
    UnfitCode.GUARDIAN_MISSING: _l("还没有登记监护人同意"),
    UnfitCode.GUARDIAN_WITHDRAWN: _l("监护人已经撤回同意"),
    UnfitCode.GUARDIAN_EXPIRED: _l("到那天监护人的同意已经过期"),
    UnfitCode.MINORS_NOT_WELCOME: _l("只请成年人去"),
    UnfitCode.MINOR_HOURS: _l("不在 8:00–18:00，未成年人不能去"),
    UnfitCode.BARRED: _l("另有安排"),
    UnfitCode.TIED_ELSEWHERE: _l("您只探访约定好的那位长者"),
    UnfitCode.SKILL_MISSING: _l("需要您还没有的技能"),
    UnfitCode.SEX_PREFERENCE: _l("长者希望同性别的人来"),
    UnfitCode.OUTSIDE_RADIUS: _l("超出您登记的服务半径"),
    UnfitCode.LIMIT_DAY: _l("当天已到您登记的次数上限"),
    UnfitCode.LIMIT_WEEK: _l("那一周已到您登记的次数上限"),
    UnfitCode.LIMIT_MONTH: _l("这个月已到您登记的次数上限"),
    UnfitCode.LIMIT_HOURS: _l("那一周会超过您登记的小时数"),
    Hidden.SOON: _l("马上就要开始，来不及审批"),
    Hidden.CLASH: _l("和您已有或已申请的探访时间重叠"),
    Hidden.REFUSED_BEFORE: _l("您申请过，社区没有同意"),
    Hidden.NEEDS_TWO_ADULTS: _l("要两位成年人一起去"),
    Hidden.HOURS: _l("不在您登记的可以来的时间里"),
    Hidden.NOT_WISHED: _l("不是您想做的那种"),
    Hidden.FURTHER: _l("比列出的都远"),
    Hidden.TIGHT: _l("前后有别的探访，路上来不及"),
}

# Why an elder is a matter for a person; the coordinator reads it, never the worker.
SENSITIVE: dict[str, Any] = {
    "lost_child": _l("失独家庭，请选熟悉的人"),
    "dementia": _l("长者有认知障碍"),
    "upheaval": _l("家里近来有重大变故"),
    "caution": _l("档案里写了要留意的事"),
    "remote_only": _l("长者更愿意接电话"),
    "two_visitors": _l("这一家要两个人去"),
}

# Why a rule left a claim to a person, counted on the page of the rule.
AUTO_WHY: dict[str, Any] = {
    "minor": _l("有未成年人"),
    "companion": _l("两个人一起去"),
    "first_here": _l("第一次去这位长者家"),
    "sensitive": _l("要特别照顾的长者"),
    "soon": _l("离开始不到规定的小时数"),
    "finding": _l("资质、技能或时间有不合的地方"),
    "no_show": _l("90 天里有过一次没有来"),
    "few_here": _l("去这位长者家的次数还不够"),
    "few_around": _l("在本社区去的次数还不够"),
}

# One press instead of typing; the applicant reads it as it stands.
READY_REASONS: tuple[Any, ...] = (
    _l("这位长者希望由熟悉的人去，谢谢您愿意去。"),
    _l("这一次已经另外安排了人。"),
    _l("长者那个时间不方便，请看别的时间。"),
    _l("您近来去得不少了，这次留给别人。"),
    _l("请先补齐培训、保险等材料，再来申请。"),
    _l("第一次请先和老队员一起去，社区会联系您。"),
)
