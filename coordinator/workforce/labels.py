"""The Chinese words for the stored values of the workforce."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.kernel.i18n import WEEKDAYS
from coordinator.workforce.models import Availability, CredentialKind, TravelMode, WorkerKind, WorkerStatus
from coordinator.workforce.wishes import Wish

KINDS: dict[str, Any] = {
    WorkerKind.COMMITTEE_MEMBER: _l("村（居）委工作人员"),
    WorkerKind.GRID_MEMBER: _l("网格员"),
    WorkerKind.FAMILY_DOCTOR: _l("家庭医生"),
    WorkerKind.CARE_STAFF: _l("养老服务人员"),
    WorkerKind.SOCIAL_WORKER: _l("社会工作者"),
    WorkerKind.VOLUNTEER: _l("志愿者"),
    WorkerKind.STUDENT: _l("在校学生"),
    WorkerKind.PARTY_MEMBER: _l("党员"),
    WorkerKind.YOUNGER_SENIOR: _l("低龄健康老年人"),
    WorkerKind.NEIGHBOUR: _l("邻里"),
    WorkerKind.RELATIVE: _l("亲属"),
    WorkerKind.SENIOR_ASSOCIATION: _l("老年协会"),
    WorkerKind.OWNERS_COMMITTEE: _l("业主委员会"),
    WorkerKind.PROPERTY_STAFF: _l("物业人员"),
    WorkerKind.COURIER: _l("快递、送餐人员"),
    WorkerKind.OFFICE_STAFF: _l("机关企事业单位人员"),
    WorkerKind.CIVIL_AFFAIRS: _l("民政干部"),
    WorkerKind.CHARITY: _l("慈善组织人员"),
}
STATUSES: dict[str, Any] = {
    WorkerStatus.APPLIED: _l("待审核"),
    WorkerStatus.APPROVED: _l("已审核"),
    WorkerStatus.SUSPENDED: _l("已停用"),
    WorkerStatus.LEFT: _l("已离开"),
}
TRAVEL_MODES: dict[str, Any] = {
    TravelMode.WALK: _l("步行"),
    TravelMode.BIKE: _l("骑车"),
    TravelMode.CAR: _l("开车"),
}
CREDENTIALS: dict[str, Any] = {
    CredentialKind.TRAINING: _l("探访培训"),
    CredentialKind.INSURANCE: _l("人身意外保险"),
    CredentialKind.HEALTH_DECLARATION: _l("健康声明"),
    CredentialKind.AGREEMENT: _l("志愿服务协议"),
    CredentialKind.PROFESSIONAL: _l("职业资格"),
}

WISHES: dict[str, Any] = {
    Wish.AT_HOME: _l("上门"),
    Wish.CALL: _l("打电话"),
    Wish.ALONE: _l("一个人"),
    Wish.TOGETHER: _l("两个人"),
    Wish.KNOWN: _l("去过的人家"),
    Wish.NEW: _l("没去过的人家"),
    Wish.FESTIVAL: _l("过节"),
    Wish.ORDINARY: _l("平时"),
}
# Names of languages are data: they are compared with what is written in the dossiers, so they are not translated.
DIALECTS = (
    *("四川话", "重庆话", "陕西话", "河南话", "广东话", "客家话", "潮汕话", "闽南话", "上海话", "江浙话"),
    *("湖南话", "湖北话", "江西话", "云南话", "贵州话", "山东话", "东北话", "彝语", "藏语", "苗语", "壮语"),
    *("维吾尔语", "蒙古语"),
)


def week_words(availability: Iterable[Availability]) -> str:
    """周一至周五 8:30–17:00；周六 9:00–11:00、16:00–18:00; empty when there are no weekly hours."""
    days_hours: dict[int, list[str]] = {}
    for one in sorted(availability, key=lambda row: (row.weekday, row.starts)):
        hours = f"{one.starts.hour}:{one.starts.minute:02d}–{one.ends.hour}:{one.ends.minute:02d}"
        days_hours.setdefault(one.weekday, []).append(hours)
    runs: list[tuple[int, int, str]] = []
    for weekday, spans in days_hours.items():
        hours = "、".join(spans)
        if runs and runs[-1][1] == weekday - 1 and runs[-1][2] == hours:
            runs[-1] = (runs[-1][0], weekday, hours)
        else:
            runs.append((weekday, weekday, hours))
    parts = []
    for first, last, hours in runs:
        days = WEEKDAYS[first]
        if last == first + 1:
            days += "、" + WEEKDAYS[last]
        elif last > first:
            days = _("%(first)s至%(last)s", first=WEEKDAYS[first], last=WEEKDAYS[last])
        parts.append(f"{days} {hours}")
    return "；".join(parts)
