"""Words of the work on the register."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.elders.models import ElderStatus
from coordinator.register.models import MoveState, Outcome, Source, SurveyKind

KINDS: dict[str, Any] = {
    SurveyKind.RENEWAL: _l("半年更新"),
    SurveyKind.FIRST: _l("首次摸排"),
}
OUTCOMES: dict[str, Any] = {
    Outcome.VERIFIED: _l("已核实"),
    Outcome.NOT_FOUND: _l("找不到"),
    Outcome.MOVED: _l("搬走"),
    Outcome.REFUSED: _l("不愿意"),
    Outcome.DIED: _l("去世"),
    Outcome.IN_INSTITUTION: _l("住进机构"),
    Outcome.NO_ELDER: _l("这户没有老人"),
}
# Which status icon an outcome wears.
OUTCOME_LOOKS: dict[str, str] = {
    Outcome.VERIFIED: "ok",
    Outcome.NOT_FOUND: "soon",
    Outcome.MOVED: "withdrawn",
    Outcome.REFUSED: "refused",
    Outcome.DIED: "off",
    Outcome.IN_INSTITUTION: "off",
    Outcome.NO_ELDER: "off",
}
# The leaving page that an outcome asks for.
LEAVES: dict[str, ElderStatus] = {
    Outcome.MOVED: ElderStatus.MOVED,
    Outcome.DIED: ElderStatus.DECEASED,
    Outcome.IN_INSTITUTION: ElderStatus.IN_INSTITUTION,
}
SOURCES: dict[str, Any] = {
    Source.HEALTH: _l("卫健"),
    Source.DISABLED: _l("残联"),
    Source.RELIEF: _l("低保、特困"),
    Source.ABILITY: _l("能力评估"),
    Source.OTHER: _l("其他单位"),
}
# The same in the words of the dossier (elders.labels.SOURCES).
DOSSIER_SOURCES: dict[str, str] = {
    Source.HEALTH: "health",
    Source.DISABLED: "disabled_federation",
    Source.RELIEF: "civil_affairs",
    Source.ABILITY: "assessment",
    Source.OTHER: "import",
}
SOURCE_LISTS: dict[str, Any] = {
    Source.HEALTH: _l("卫健名单（计生特殊家庭、失能）"),
    Source.DISABLED: _l("残联名单（残疾人证）"),
    Source.RELIEF: _l("低保、特困名单"),
    Source.ABILITY: _l("能力评估名单"),
    Source.OTHER: _l("其他单位名单"),
}
MOVES: dict[str, Any] = {
    MoveState.REQUESTED: _l("等接收"),
    MoveState.ACCEPTED: _l("已接收"),
    MoveState.RETURNED: _l("已退回"),
    MoveState.WITHDRAWN: _l("已撤回"),
}
MOVE_LOOKS: dict[str, str] = {
    MoveState.REQUESTED: "waiting",
    MoveState.ACCEPTED: "done",
    MoveState.RETURNED: "returned",
    MoveState.WITHDRAWN: "withdrawn",
}
# What is compared with another office's list, by the key of its column.
FIELDS: dict[str, Any] = {
    "name": _l("姓名"),
    "id_number": _l("身份证号"),
    "sex": _l("性别"),
    "birth_date": _l("出生日期"),
    "phone": _l("电话"),
    "address": _l("住址"),
    "special_family": _l("计划生育特殊家庭"),
    "ability_level": _l("能力程度"),
    "ability_assessed_on": _l("评估日期"),
    "ability_assessor": _l("评估单位"),
    "certificate": _l("残疾人证"),
    "certificate_number": _l("残疾人证号"),
    "economic_status": _l("经济情况"),
    "categories": _l("对象类型"),
}
