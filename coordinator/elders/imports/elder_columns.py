"""The columns of the elders' template: the 登记表 of 泸州 附件2, and what a visit needs to know."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.elders import labels
from coordinator.elders.imports import values as v
from coordinator.elders.imports.columns import Column
from coordinator.elders.imports.kinds import (
    choice_column,
    day_column,
    shown_hours,
    shown_number,
    text_column,
    yes_no_column,
)
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
_CATEGORY_WORDS: dict[str, Any] = {
    **CATEGORIES,
    **{f"{word}老年人": value for word, value in CATEGORIES.items()},
    **{f"{word}老人": value for word, value in CATEGORIES.items()},
    **dict.fromkeys(("计生特殊家庭", "计生特扶", "失独", "失独家庭"), Category.SPECIAL_FAMILY),
    **dict.fromkeys(("失能半失能", "半失能"), "impaired"),
    **dict.fromkeys(("重度残疾",), "severely_disabled"),
    **dict.fromkeys(("高龄", "高龄老人", "高龄老年人", "无"), None),  # 高龄 follows from the birth date
}
ABILITY = {"能力完好": 0, "轻度失能": 1, "中度失能": 2, "重度失能": 3, "完全失能": 4}
_ABILITY_WORDS: dict[str, Any] = {
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
_GRADE_WORDS: dict[str, Any] = {
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
_ECONOMIC_WORDS: dict[str, Any] = {
    **ECONOMIC,
    **dict.fromkeys(("正常", "一般", "普通", "否"), EconomicStatus.NONE),
    **dict.fromkeys(("特困", "特困供养", "五保"), EconomicStatus.DESTITUTE),
    **dict.fromkeys(("低保对象", "低保户", "最低生活保障"), EconomicStatus.LOW_INCOME),
    **dict.fromkeys(("低收入", "低保边缘家庭", "低边"), EconomicStatus.LOW_INCOME_MARGINAL),
}
HEALTH = {"良好": Health.GOOD, "欠佳": Health.POOR}
_HEALTH_WORDS: dict[str, Any] = {
    **HEALTH,
    **dict.fromkeys(("健康", "好", "较好"), Health.GOOD),
    **dict.fromkeys(("差", "较差", "不好", "患病"), Health.POOR),
}
SERVICE = {
    "接受": ConsentState.ACCEPTED,
    "只接受远程": ConsentState.REMOTE_ONLY,
    "不愿意": ConsentState.REFUSED,
}
_SERVICE_WORDS: dict[str, Any] = {
    **SERVICE,
    **dict.fromkeys(("是", "愿意", "同意"), ConsentState.ACCEPTED),
    **dict.fromkeys(("远程", "只接受电话", "仅电话"), ConsentState.REMOTE_ONLY),
    **dict.fromkeys(("否", "不接受", "不同意", "拒绝"), ConsentState.REFUSED),
}
HOME = {"同意": ConsentState.GRANTED, "不愿意": ConsentState.REFUSED}
_HOME_WORDS: dict[str, Any] = {
    **HOME,
    **dict.fromkeys(("是", "愿意", "可以"), ConsentState.GRANTED),
    **dict.fromkeys(("否", "不同意", "拒绝", "不可以"), ConsentState.REFUSED),
}
GIVERS = {"本人": ConsentGiver.SELF, "家属": ConsentGiver.FAMILY}
_GIVER_WORDS: dict[str, Any] = {**GIVERS, "长者本人": ConsentGiver.SELF, "子女": ConsentGiver.FAMILY}
HUKOU = {"农村": True, "城镇": False}
_HUKOU_WORDS: dict[str, Any] = {
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
_HELPER_WORDS: dict[str, Any] = {
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
MEMBERS = 2
CONTACTS = 2


def _contact(number: int) -> tuple[Column, ...]:
    first = number == 1
    prefix = "紧急联系人" if first else f"紧急联系人{number}"
    old = "紧急联系人" if first else "第二紧急联系人"
    return (
        Column(
            f"contact{number}_name",
            f"{prefix}姓名",
            _l("按先后联系。没有亲友的空着，系统填村（居）委值班电话。") if first else _l("第二位，可不填。"),
            v.name,
            example=("李小明", "") if first else ("王丽", ""),
            synonyms=(old, f"{old}姓名") if first else (old, f"{old}姓名", "紧急联系人二姓名"),
        ),
        text_column(
            f"contact{number}_relation",
            f"{prefix}关系",
            _l("和长者的关系，例如儿子、女儿、邻居。"),
            30,
            example=("儿子", "") if first else ("邻居", ""),
            synonyms=(f"{prefix}与长者关系", f"{prefix}与老人关系", f"{old}关系"),
        ),
        Column(
            f"contact{number}_phone",
            f"{prefix}电话",
            _l("手机，或带区号的座机。"),
            v.phone,
            example=("13800000001", "") if first else ("0830-3123456", ""),
            synonyms=(f"{prefix}联系电话", f"{old}电话", f"{prefix}手机", f"{prefix}联系方式"),
            text=True,
            secret=True,
        ),
    )


def _member(number: int) -> tuple[Column, ...]:
    prefix = f"家庭成员{number}"
    return (
        Column(
            f"member{number}_name",
            f"{prefix}姓名",
            _l("和长者同户的人，或不同住的子女。"),
            v.name,
            example=("", ""),
        ),
        text_column(f"member{number}_relation", f"{prefix}关系", _l("和长者的关系，例如老伴、长子。"), 30),
        day_column(
            f"member{number}_birth_date",
            f"{prefix}出生日期",
            _l("满 60 岁的家庭成员影响探访次数。"),
            past=True,
        ),
        yes_no_column(f"member{number}_lives_in", f"{prefix}是否同住", _l("不填算同住。")),
        yes_no_column(
            f"member{number}_in_same_town", f"{prefix}是否在本区县", _l("不同住的子女，是否住在同一区县。")
        ),
    )


COLUMNS: tuple[Column, ...] = (
    Column(
        "community",
        "社区",
        _l("长者住在哪个社区（村），写和系统里一样的名称。按社区导入时可以不填。"),
        v.text(60),
        example=("示例社区", "示例社区"),
        synonyms=(
            "社区（村）",
            "村（社区）",
            "村/社区",
            "村居",
            "村（居）",
            "居委会",
            "村居委会",
            "所属社区",
            "社区名称",
        ),
    ),
    text_column("grid", "网格", _l("社区里的网格名称。"), 60, synonyms=("网格名称", "所属网格")),
    Column(
        "name",
        "姓名",
        _l("长者姓名，生僻字照写。"),
        v.name,
        example=("陈示例", "王样本"),
        synonyms=("长者姓名", "老人姓名", "老年人姓名", "被探访人姓名", "被探访人"),
        required=True,
    ),
    choice_column(
        "sex",
        "性别",
        _l("填了身份证号的可以不填。"),
        {"女": Sex.FEMALE, "男": Sex.MALE},
        SEXES,
        example=("女", "男"),
        width=8,
    ),
    day_column(
        "birth_date",
        "出生日期",
        _l("填了身份证号的可以不填。"),
        past=True,
        example=("1944-03-02", "1938-11-20"),
        synonyms=("出生年月日", "出生年月", "生日"),
    ),
    Column(
        "id_number",
        "身份证号",
        _l("18 位，这一列要是文本；当成数字的号码末尾会丢，系统不收。没有的可以空着。"),
        v.resident_id,
        example=("110101194403020029", ""),
        synonyms=("身份证号码", "公民身份号码", "居民身份证号", "居民身份证号码", "身份证", "证件号码"),
        text=True,
        secret=True,
        width=22,
    ),
    Column(
        "phone",
        "电话",
        _l("长者本人的手机，或带区号的座机。"),
        v.phone,
        example=("13800000000", "0830-3000000"),
        synonyms=("联系电话", "本人电话", "手机", "手机号", "手机号码", "联系方式", "电话号码"),
        text=True,
        secret=True,
        width=16,
    ),
    text_column(
        "address",
        "住址",
        _l("现在住的地方，写到门牌号。同一地址的长者算一户。"),
        200,
        example=("示例路1号2栋3单元401", "示例村5组12号"),
        synonyms=("居住地址", "现住址", "家庭住址", "详细地址", "地址", "现居住地址", "常住地址", "现居住地"),
        required=True,
        width=30,
    ),
    text_column(
        "neighbourhood",
        "小区",
        _l("小区或自然村，公开待认领的探访时只显示到这里。"),
        60,
        synonyms=("小区名称", "自然村"),
    ),
    Column(
        "latitude",
        "纬度",
        _l("小数，例如 28.8718。用哪种坐标系，上传时要选对。"),
        v.degrees,
        example=("28.8718", ""),
        show=shown_number,
    ),
    Column(
        "longitude",
        "经度",
        _l("小数，例如 105.4426。"),
        v.degrees,
        example=("105.4426", ""),
        show=shown_number,
    ),
    text_column(
        "registered_address", "户籍地址", _l("和住址不同时填。"), 200, width=24, synonyms=("户籍所在地",)
    ),
    yes_no_column(
        "lives_at_registered_address",
        "是否居住在户籍所在地",
        _l("不填算是。"),
        synonyms=("是否居住在户籍地", "人户一致"),
    ),
    choice_column(
        "is_rural_household",
        "户口类别",
        _l("农村或城镇。"),
        HUKOU,
        _HUKOU_WORDS,
        synonyms=("户口性质", "户籍类型"),
    ),
    choice_column(
        "categories",
        "对象类型",
        _l("可以填几个，用顿号隔开。写失能的要填能力程度，写重残的要填残疾等级。"),
        CATEGORIES,
        _CATEGORY_WORDS,
        several=True,
        example=("独居、重残", "空巢"),
        synonyms=("特殊困难类别", "困难类别", "老人类别", "老年人类别", "类别", "对象类别"),
        width=18,
    ),
    text_column("category_evidence", "类型依据", _l("例如入户核实、计生证明。"), 200, secret=True),
    choice_column(
        "ability_level",
        "能力程度",
        _l("《老年人能力评估规范》的等级。"),
        ABILITY,
        _ABILITY_WORDS,
        example=("轻度失能", "能力完好"),
        synonyms=("能力等级", "失能等级", "失能程度", "能力评估等级"),
    ),
    day_column(
        "ability_assessed_on", "评估日期", _l("能力评估的日期。"), past=True, synonyms=("能力评估日期",)
    ),
    text_column("ability_assessor", "评估机构", _l("谁评的。"), 60, synonyms=("能力评估机构",)),
    yes_no_column(
        "has_dementia",
        "认知障碍",
        _l("诊断为认知障碍的填是。"),
        synonyms=("是否认知障碍", "失智", "是否失智"),
    ),
    choice_column(
        "certificate_grade",
        "残疾等级",
        _l("残疾人证上的等级。"),
        GRADES,
        _GRADE_WORDS,
        example=("二级", ""),
        synonyms=("残疾级别",),
    ),
    text_column(
        "certificate_kind", "残疾类别", _l("残疾人证上的类别。"), 30, secret=True, synonyms=("残疾类型",)
    ),
    text_column(
        "certificate_number",
        "残疾证号",
        _l("残疾人证号码，这一列要是文本。"),
        30,
        text=True,
        secret=True,
        synonyms=("残疾人证号", "残疾证号码", "残疾人证号码"),
        width=24,
    ),
    day_column(
        "certificate_valid_to",
        "残疾证有效期至",
        _l("最后有效的一天，或写长期。"),
        forever=True,
        example=("2030-12-31", ""),
        synonyms=("残疾证有效期", "残疾人证有效期至"),
    ),
    choice_column(
        "economic_status",
        "经济情况",
        _l("特困、低保、低保边缘，都不是填无。"),
        ECONOMIC,
        _ECONOMIC_WORDS,
        example=("低保", "无"),
        synonyms=("经济状况", "困难类型"),
    ),
    text_column(
        "income_source", "经济来源", _l("例如养老金、子女供养。"), 60, example=("养老金", "子女供养")
    ),
    Column(
        "monthly_disposable_income",
        "月可支配收入",
        _l("元。"),
        v.money,
        example=("1800", ""),
        show=shown_number,
        synonyms=("月可支配收入（元）",),
    ),
    choice_column(
        "health",
        "健康状况",
        _l("良好或欠佳。"),
        HEALTH,
        _HEALTH_WORDS,
        example=("欠佳", "良好"),
        synonyms=("身体状况",),
    ),
    yes_no_column(
        "is_self_caring",
        "生活自理",
        _l("自己能吃饭、穿衣、如厕填是。"),
        synonyms=("能否自理", "是否自理", "生活能否自理"),
    ),
    yes_no_column("in_hardship", "生活困难", _l("生活有实际困难填是。"), synonyms=("是否生活困难",)),
    yes_no_column("cares_for_impaired_child", "照护残疾子女", _l("和失能或残疾子女同住、要照护的填是。")),
    Column("children_alive", "健在子女数", _l("人数。"), v.whole(0, 20), synonyms=("子女数", "子女个数")),
    yes_no_column("spouse_alive", "配偶健在", _l("老伴在不在。"), synonyms=("配偶是否健在",)),
    text_column(
        "medical_history",
        "曾患病史",
        _l("只给管理人员看，不印在路线单上。"),
        500,
        secret=True,
        synonyms=("既往病史", "病史"),
        width=20,
    ),
    choice_column(
        "consent_service",
        "是否接受探访",
        _l("不愿意的，要在“意愿说明”里写谁去解释了什么。"),
        SERVICE,
        _SERVICE_WORDS,
        example=("接受", "只接受远程"),
        synonyms=("接受探访", "探访意愿", "是否接受探访关爱"),
    ),
    choice_column(
        "consent_home",
        "是否同意上门",
        _l("同意或不愿意。"),
        HOME,
        _HOME_WORDS,
        example=("同意", ""),
        synonyms=("同意上门",),
    ),
    day_column("consent_on", "表态日期", _l("不填算导入当天。"), past=True),
    choice_column("consent_by", "表态人", _l("本人或家属，不填算本人。"), GIVERS, _GIVER_WORDS),
    Column("consent_giver", "表态家属姓名", _l("家属代为表态的必填。"), v.name),
    text_column(
        "consent_note",
        "意愿说明",
        _l("不愿意的必填：谁去解释了什么，长者怎样说。"),
        500,
        secret=True,
        width=24,
    ),
    text_column(
        "cautions",
        "注意事项",
        _l("探访人员能看到的提醒，例如有狗、耳背。不写病情。"),
        200,
        example=("耳背，敲门要久一点", ""),
        width=22,
    ),
    text_column("dialect", "方言", _l("只会说方言的填。"), 30),
    choice_column(
        "prefers_sex", "希望来人性别", _l("没有要求的空着。"), {"女": Sex.FEMALE, "男": Sex.MALE}, SEXES
    ),
    yes_no_column(
        "minors_welcome", "接受未成年人", _l("是否接受中学生随成年人来，不填算是。"), synonyms=("接受中学生",)
    ),
    yes_no_column(
        "needs_two_visitors", "需要两人同去", _l("不填算否。"), synonyms=("需两人探访", "两人同访")
    ),
    choice_column(
        "needs_skills", "需要的技能", _l("可以填几个。"), SKILLS, several=True, example=("护理", ""), width=18
    ),
    Column(
        "visit_minutes",
        "每次探访分钟",
        _l("10 到 240，不填算 30。"),
        v.whole(10, 240),
        example=("40", ""),
        synonyms=("探访时长",),
    ),
    Column(
        "visit_hours",
        "方便的时间",
        _l("例如 8:30-17:30。"),
        v.hours,
        example=("9:00-11:30", ""),
        show=shown_hours,
    ),
    *(column for number in range(1, CONTACTS + 1) for column in _contact(number)),
    Column(
        "first_name", "第一探访联系人姓名", _l("不填时按文件取子女。"), v.name, synonyms=("第一探访联系人",)
    ),
    text_column("first_relation", "第一探访联系人关系", _l("例如女儿；没有子女的由街道和社区明确。"), 30),
    Column(
        "first_phone", "第一探访联系人电话", _l("手机，或带区号的座机。"), v.phone, text=True, secret=True
    ),
    yes_no_column("first_nearby", "第一探访联系人住在附近", _l("同一居住地的填是。")),
    *(column for number in range(1, MEMBERS + 1) for column in _member(number)),
    yes_no_column("water_safe", "饮水是否安全", _l("家里的水。"), synonyms=("饮水安全",)),
    yes_no_column("power_safe", "生活用电是否安全", _l("家里的电。"), synonyms=("用电安全",)),
    yes_no_column("housing_safe", "住房是否安全", _l("房子。"), synonyms=("住房安全",)),
    Column(
        "monthly_income", "家庭每月收入", _l("元。"), v.money, show=shown_number, synonyms=("家庭月收入",)
    ),
    Column("pension_monthly", "每月养老金", _l("元。"), v.money, show=shown_number, synonyms=("养老金",)),
    text_column(
        "subsidies",
        "享受补贴项目",
        _l("社会救助和福利补贴的名称。"),
        200,
        synonyms=("享受社会救助和社会福利补贴项目",),
    ),
    Column("subsidy_monthly", "每月补贴金额", _l("元。"), v.money, show=shown_number),
    choice_column(
        "helped_by",
        "帮扶单位",
        _l("可以填几个。"),
        HELPERS,
        _HELPER_WORDS,
        several=True,
        synonyms=("帮扶单位（组织）",),
    ),
    text_column("helper_name", "帮扶责任人", _l("姓名。"), 60),
    text_column("help_given", "帮扶措施", _l("已经做了什么。"), 500),
    day_column("enrolled_on", "建档日期", _l("不填算导入当天。"), past=True),
    text_column("notes", "备注", _l("只给管理人员看。"), 500, secret=True),
)

BY_KEY = {column.key: column for column in COLUMNS}
assert set(SKILLS.values()) == {skill.value for skill in labels.SKILLS}
