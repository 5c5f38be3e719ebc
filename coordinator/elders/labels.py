"""The Chinese words for the stored values of the register, in one place for pages, exports and imports."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator import policy
from coordinator.elders.models import (
    Category,
    ConsentGiver,
    ConsentKind,
    ConsentState,
    CoordinateSource,
    DeviceKind,
    EconomicStatus,
    ElderStatus,
    FirstContactBasis,
    Health,
    OnlyChild,
    PaperKind,
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
    ElderStatus.MERGED: _l("已并入另一份档案"),
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
# Who found a fact; whatever else an external list is called is shown as it is written.
SOURCES: dict[str, Any] = {
    "manual": _l("人工登记"),
    "survey": _l("入户摸排"),
    "self": _l("本人或家属说明"),
    "civil_affairs": _l("民政部门"),
    "health": _l("卫健部门"),
    "disabled_federation": _l("残联"),
    "assessment": _l("能力评估机构"),
    "import": _l("导入名单"),
}
ONLY_CHILD: dict[str, Any] = {
    OnlyChild.NOT_SO: _l("不是"),
    OnlyChild.DECEASED: _l("独生子女去世"),
    OnlyChild.DISABLED: _l("独生子女三级以上伤残"),
}
FIRST_CONTACT_BASIS: dict[str, Any] = {
    FirstContactBasis.CHILD_HERE: _l("子女，住在本地"),
    FirstContactBasis.CHILD_AWAY: _l("子女，在外地，按期打电话"),
    FirstContactBasis.APPOINTED: _l("街道和社区明确"),
}
DEVICE_KINDS: dict[str, Any] = {
    DeviceKind.CALL: _l("智能呼叫"),
    DeviceKind.ONE_KEY: _l("应急呼叫“一键通”"),
    DeviceKind.METER: _l("智能电表、水表"),
    DeviceKind.HEALTH: _l("健康监测"),
    DeviceKind.CARE: _l("养老监护装置"),
    DeviceKind.GAS_ALARM: _l("燃气报警器"),
    DeviceKind.SMOKE_ALARM: _l("烟雾报警器"),
    DeviceKind.OTHER: _l("其他设备"),
}
PAPER_KINDS: dict[str, Any] = {
    PaperKind.IDENTITY: _l("证件"),
    PaperKind.DISABILITY: _l("残疾人证"),
    PaperKind.ASSESSMENT: _l("能力评估"),
    PaperKind.ASSISTANCE: _l("低保、特困证明"),
    PaperKind.CONSENT: _l("意愿书"),
    PaperKind.REFUSAL: _l("拒绝情况记录"),
    PaperKind.HOUSE: _l("房屋照片"),
    PaperKind.OTHER: _l("其他"),
}
# Offered in the form; another structure is written in words.
STRUCTURES = (_l("钢混"), _l("砖混"), _l("砖木"), _l("土木"), _l("木结构"))
# Offered in forms; whatever else a list has is kept as it is written there.
RELATIONS = (
    _l("配偶"),
    _l("儿子"),
    _l("女儿"),
    _l("女婿"),
    _l("儿媳"),
    _l("孙辈"),
    _l("兄弟姐妹"),
    _l("其他亲属"),
    _l("邻居"),
    _l("朋友"),
)
CONTACT_MODES: dict[str, Any] = {
    policy.Mode.HOME: _l("上门"),
    policy.Mode.PHONE: _l("电话"),
    policy.Mode.VIDEO: _l("视频"),
    policy.Mode.CHAT: _l("微信"),
    policy.Mode.MONITOR: _l("远程监测"),
    policy.Mode.ENCOUNTER: _l("路遇"),
    policy.Mode.OTHER: _l("其他方式"),
}
CONTACT_OUTCOMES: dict[str, Any] = {
    policy.Outcome.COMPLETED: _l("见到或联系上了"),
    policy.Outcome.NO_ANSWER: _l("没人在家或没接通"),
    policy.Outcome.DECLINED: _l("长者不愿意"),
}
# What the history of changes calls the fields.
FIELDS: dict[str, Any] = {
    "name": _l("姓名"),
    "sex": _l("性别"),
    "birth_date": _l("出生日期"),
    "id_number": _l("身份证号"),
    "phone": _l("电话"),
    "enrolled_on": _l("建档日期"),
    "registered_address": _l("户籍地址"),
    "lives_at_registered_address": _l("住在户籍地"),
    "is_rural_household": _l("农村户籍"),
    "children_alive": _l("健在子女数"),
    "spouse_alive": _l("配偶健在"),
    "ability_level": _l("能力"),
    "ability_assessed_on": _l("评估日期"),
    "ability_assessor": _l("评估人"),
    "has_dementia": _l("失智"),
    "health": _l("健康状况"),
    "is_self_caring": _l("生活能自理"),
    "in_hardship": _l("生活存在困难"),
    "upheaval_until": _l("变故期至"),
    "cares_for_impaired_child": _l("照护失能子女"),
    "medical_history": _l("曾患病史"),
    "economic_status": _l("经济情况"),
    "income_source": _l("经济来源"),
    "monthly_disposable_income": _l("月可支配收入"),
    "cautions": _l("上门注意"),
    "dialect": _l("方言"),
    "prefers_sex": _l("希望来访者性别"),
    "minors_welcome": _l("未成年人可以去"),
    "needs_two_visitors": _l("要两人去"),
    "needs_skills": _l("需要的技能"),
    "visit_minutes": _l("每次时长"),
    "visit_from": _l("最早时间"),
    "visit_until": _l("最晚时间"),
    "notes": _l("备注"),
    "address": _l("住址"),
    "neighbourhood": _l("片区"),
    "latitude": _l("纬度"),
    "longitude": _l("经度"),
    "coordinate_source": _l("坐标来源"),
    "water_safe": _l("饮水安全"),
    "power_safe": _l("用电安全"),
    "housing_safe": _l("住房安全"),
    "monthly_income": _l("家庭月收入"),
    "pension_monthly": _l("养老保险"),
    "subsidies": _l("补贴项目"),
    "subsidy_monthly": _l("每月补贴"),
    "helped_by": _l("帮扶单位"),
    "helper_name": _l("帮扶责任人"),
    "help_given": _l("帮扶措施"),
    "ability_score": _l("评估得分"),
    "ability_valid_to": _l("评估有效期至"),
    "psych_assessed_on": _l("心理评估日期"),
    "psych_assessor": _l("心理评估人"),
    "psych_result": _l("心理评估结果"),
    "upheaval_note": _l("变故情况"),
    "relief_given": _l("救济措施"),
    "has_caregiver": _l("有人照顾"),
    "can_work": _l("有劳动能力"),
    "has_livelihood": _l("有生活来源"),
    "only_child": _l("独生子女去世或伤残"),
    "no_later_child": _l("未再生育、收养"),
    "supported_at_home": _l("分散供养特困"),
    "support_given": _l("家庭实际赡养情况"),
    "support_delegated": _l("委托他人代为赡养"),
    "support_delegate": _l("委托给谁"),
    "linked_unit": _l("挂钩联系单位"),
    "linked_person": _l("挂钩联系人"),
    "linked_since": _l("挂钩联系起始"),
    "house_structure": _l("房屋结构"),
    "unsafe_habits": _l("不良安全行为习惯"),
    "neighbour_relations": _l("邻里关系"),
    "grid_id": _l("网格"),
    "area": _l("社区（村）"),
    "left_on": _l("离册日期"),
    "reverify_due_on": _l("下次核实"),
    "source": _l("资料来源"),
    "external_ids": _l("其他系统里的编号"),
    "evidence": _l("类别依据"),
    "certificates": _l("残疾人证"),
    "consents": _l("意愿"),
    "first_contact": _l("第一探访联系人"),
    "devices": _l("智能设备"),
    "papers": _l("材料"),
    "others": _l("同住的在册长者"),
    "lives_with": _l("同住长者的情况"),
    "contacts": _l("紧急联系人"),
    "categories": _l("类别"),
    "certificate": _l("残疾人证"),
    "members": _l("家庭成员"),
    "status": _l("状态"),
    "service": _l("接受探访关爱"),
    "home": _l("同意上门"),
    "field": _l("项目"),
}

_CHILD_WORDS = (
    "儿子",
    "女儿",
    "长子",
    "次子",
    "长女",
    "次女",
    "养子",
    "养女",
    "继子",
    "继女",
    "独子",
    "独女",
)


def is_child(relation: str) -> bool:
    """Does this relation name a son or a daughter (三儿子, 大女儿, 长子)? Not 女婿 or 儿媳."""
    return relation.strip().endswith(_CHILD_WORDS) or relation.strip() in ("子", "女")
