"""The Chinese words for the stored values of the register, in one place for pages, exports and imports."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.elders.models import (
    Category,
    ConsentGiver,
    ConsentKind,
    ConsentState,
    CoordinateSource,
    EconomicStatus,
    ElderStatus,
    Health,
    Sex,
    Skill,
)

SEXES: dict[str, Any] = {Sex.FEMALE: _l("女"), Sex.MALE: _l("男")}
CATEGORIES: dict[str, Any] = {
    Category.KINLESS: _l("孤寡"),
    Category.LIVING_ALONE: _l("独居"),
    Category.EMPTY_NEST: _l("空巢"),
    Category.LEFT_BEHIND: _l("留守"),
    Category.SPECIAL_FAMILY: _l("计划生育特殊家庭"),
}
# 失能 and 重残 follow from the ability level and the certificate.
DERIVED_CATEGORIES: dict[str, Any] = {"impaired": _l("失能"), "severely_disabled": _l("重残")}
ABILITY_LEVELS: dict[int, Any] = {
    0: _l("能力完好"),
    1: _l("轻度失能"),
    2: _l("中度失能"),
    3: _l("重度失能"),
    4: _l("完全失能"),
}
DISABILITY_GRADES: dict[int, Any] = {1: _l("一级"), 2: _l("二级"), 3: _l("三级"), 4: _l("四级")}
ECONOMIC: dict[str, Any] = {
    EconomicStatus.NONE: _l("无"),
    EconomicStatus.DESTITUTE: _l("特困人员"),
    EconomicStatus.LOW_INCOME: _l("低保"),
    EconomicStatus.LOW_INCOME_MARGINAL: _l("低保边缘"),
}
HEALTH: dict[str, Any] = {Health.GOOD: _l("良好"), Health.POOR: _l("欠佳")}
STATUSES: dict[str, Any] = {
    ElderStatus.ACTIVE: _l("在册"),
    ElderStatus.MOVED: _l("已迁出"),
    ElderStatus.IN_INSTITUTION: _l("已住机构"),
    ElderStatus.DECEASED: _l("已去世"),
}
SKILLS: dict[str, Any] = {
    Skill.NURSING: _l("护理"),
    Skill.COUNSELLING: _l("心理疏导"),
    Skill.SOCIAL_WORK: _l("社会工作"),
    Skill.FIRST_AID: _l("急救"),
    Skill.HOME_SAFETY: _l("居家安全检查"),
    Skill.DIALECT: _l("方言"),
    Skill.SIGN_LANGUAGE: _l("手语"),
}
CONSENT_KINDS: dict[str, Any] = {ConsentKind.SERVICE: _l("接受探访关爱"), ConsentKind.HOME: _l("同意上门")}
CONSENT_STATES: dict[str, Any] = {
    ConsentState.ACCEPTED: _l("接受"),
    ConsentState.REMOTE_ONLY: _l("只接受远程"),
    ConsentState.GRANTED: _l("同意"),
    ConsentState.REFUSED: _l("不愿意"),
}
CONSENT_GIVERS: dict[str, Any] = {ConsentGiver.SELF: _l("长者本人"), ConsentGiver.FAMILY: _l("家属")}
CHANNELS: dict[str, Any] = {
    "face_to_face": _l("当面"),
    "phone": _l("电话"),
    "written": _l("书面"),
    "chat": _l("微信"),
    "import": _l("导入名单"),
}
COORDINATE_SOURCES: dict[str, Any] = {
    CoordinateSource.IMPORTED: _l("名单导入"),
    CoordinateSource.MAP_CLICK: _l("地图点选"),
    CoordinateSource.GEOCODED: _l("按地址查得"),
}
# 登记表 四: 帮扶单位（组织）
HELPERS: dict[str, Any] = {
    "party_government": _l("党政机关、群团组织"),
    "town_village": _l("乡镇（街道）、村（居）民委员会"),
    "enterprise": _l("企业"),
    "social_organisation": _l("社会组织"),
    "social_worker": _l("专业社会工作者"),
    "volunteer": _l("志愿者"),
    "other": _l("其他"),
}
RELATIONS: dict[str, Any] = {
    "spouse": _l("配偶"),
    "son": _l("儿子"),
    "daughter": _l("女儿"),
    "son_in_law": _l("女婿"),
    "daughter_in_law": _l("儿媳"),
    "grandchild": _l("孙辈"),
    "sibling": _l("兄弟姐妹"),
    "other_relative": _l("其他亲属"),
    "neighbour": _l("邻居"),
    "friend": _l("朋友"),
    "committee": _l("村（居）民委员会"),
}
