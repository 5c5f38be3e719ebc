"""The words that the cells of the elders' template are read by, and those its lists offer."""

from typing import Any

from coordinator.elders import labels
from coordinator.elders.models import Category, ConsentGiver, ConsentState, EconomicStatus, Health, Sex

# The cells are read in the language of the forms, whatever the reader's interface speaks.
SEXES = {
    "男": Sex.MALE,
    "女": Sex.FEMALE,
    "男性": Sex.MALE,
    "女性": Sex.FEMALE,
    "m": Sex.MALE,
    "f": Sex.FEMALE,
}
# Stated here they are checked against the ability level or the certificate, from which they follow.
DERIVED = {"失能": "impaired", "重残": "severely_disabled"}
CATEGORIES: dict[str, Any] = {
    "孤寡": Category.KINLESS,
    "独居": Category.LIVING_ALONE,
    "空巢": Category.EMPTY_NEST,
    "留守": Category.LEFT_BEHIND,
    "计划生育特殊家庭": Category.SPECIAL_FAMILY,
    **DERIVED,
}
CATEGORY_WORDS: dict[str, Any] = {
    **CATEGORIES,
    **{f"{word}老年人": value for word, value in CATEGORIES.items()},
    **{f"{word}老人": value for word, value in CATEGORIES.items()},
    **dict.fromkeys(("计生特殊家庭", "计生特扶", "失独", "失独家庭"), Category.SPECIAL_FAMILY),
    **dict.fromkeys(("失能半失能", "半失能"), "impaired"),
    **dict.fromkeys(("重度残疾",), "severely_disabled"),
    **dict.fromkeys(("高龄", "高龄老人", "高龄老年人", "无"), None),  # 高龄 follows from the birth date
}
ABILITY = {"能力完好": 0, "轻度失能": 1, "中度失能": 2, "重度失能": 3, "完全失能": 4}
ABILITY_WORDS: dict[str, Any] = {
    **ABILITY,
    **{str(level): level for level in range(5)},
    **{f"{level}级": level for level in range(5)},
    "完好": 0,
    "正常": 0,
    "无": 0,
    "轻度": 1,
    "中度": 2,
    "重度": 3,
    "完全": 4,
}
GRADES = {"一级": 1, "二级": 2, "三级": 3, "四级": 4}
GRADE_WORDS: dict[str, Any] = {
    **GRADES,
    **{str(n): n for n in range(1, 5)},
    **{f"{n}级": n for n in range(1, 5)},
}
ECONOMIC = {
    "无": EconomicStatus.NONE,
    "特困人员": EconomicStatus.DESTITUTE,
    "低保": EconomicStatus.LOW_INCOME,
    "低保边缘": EconomicStatus.LOW_INCOME_MARGINAL,
}
ECONOMIC_WORDS: dict[str, Any] = {
    **ECONOMIC,
    **dict.fromkeys(("正常", "一般", "普通", "否"), EconomicStatus.NONE),
    **dict.fromkeys(("特困", "特困供养", "五保"), EconomicStatus.DESTITUTE),
    **dict.fromkeys(("低保对象", "低保户", "最低生活保障"), EconomicStatus.LOW_INCOME),
    **dict.fromkeys(("低收入", "低保边缘家庭", "低边"), EconomicStatus.LOW_INCOME_MARGINAL),
}
HEALTH = {"良好": Health.GOOD, "欠佳": Health.POOR}
HEALTH_WORDS: dict[str, Any] = {
    **HEALTH,
    **dict.fromkeys(("健康", "好", "较好"), Health.GOOD),
    **dict.fromkeys(("差", "较差", "不好", "患病"), Health.POOR),
}
SERVICE = {
    "接受": ConsentState.ACCEPTED,
    "只接受远程": ConsentState.REMOTE_ONLY,
    "不愿意": ConsentState.REFUSED,
}
SERVICE_WORDS: dict[str, Any] = {
    **SERVICE,
    **dict.fromkeys(("是", "愿意", "同意"), ConsentState.ACCEPTED),
    **dict.fromkeys(("远程", "只接受电话", "仅电话"), ConsentState.REMOTE_ONLY),
    **dict.fromkeys(("否", "不接受", "不同意", "拒绝"), ConsentState.REFUSED),
}
HOME = {"同意": ConsentState.GRANTED, "不愿意": ConsentState.REFUSED}
HOME_WORDS: dict[str, Any] = {
    **HOME,
    **dict.fromkeys(("是", "愿意", "可以"), ConsentState.GRANTED),
    **dict.fromkeys(("否", "不同意", "拒绝", "不可以"), ConsentState.REFUSED),
}
GIVERS = {"本人": ConsentGiver.SELF, "家属": ConsentGiver.FAMILY}
GIVER_WORDS: dict[str, Any] = {**GIVERS, "长者本人": ConsentGiver.SELF, "子女": ConsentGiver.FAMILY}
HUKOU = {"农村": True, "城镇": False}
HUKOU_WORDS: dict[str, Any] = {
    **HUKOU,
    "农业": True,
    "农业户口": True,
    "非农业": False,
    "城市": False,
    "居民": False,
}
SKILLS = {
    str(word): key
    for key, word in (
        ("nursing", "护理"),
        ("counselling", "心理疏导"),
        ("social_work", "社会工作"),
        ("first_aid", "急救"),
        ("home_safety", "居家安全检查"),
        ("dialect", "方言"),
        ("sign_language", "手语"),
    )
}
HELPERS = {
    "党政机关、群团组织": "party_government",
    "乡镇（街道）、村（居）民委员会": "town_village",
    "企业": "enterprise",
    "社会组织": "social_organisation",
    "专业社会工作者": "social_worker",
    "志愿者": "volunteer",
    "其他": "other",
}
HELPER_WORDS: dict[str, Any] = {
    "党政机关": "party_government",
    "群团组织": "party_government",
    "乡镇(街道)": "town_village",
    "乡镇": "town_village",
    "街道": "town_village",
    "村(居)民委员会": "town_village",
    "村委会": "town_village",
    "居委会": "town_village",
    **{word: key for word, key in HELPERS.items() if "、" not in word},
    "社工": "social_worker",
}
assert set(SKILLS.values()) == {skill.value for skill in labels.SKILLS}
