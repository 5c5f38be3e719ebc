"""The columns of the workers' template."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.elders.imports import values as v
from coordinator.elders.imports.columns import Column
from coordinator.elders.imports.elder_words import SEXES, SKILLS
from coordinator.elders.imports.kinds import choice_column, day_column, shown_number, shown_spans, text_column
from coordinator.elders.models import Sex
from coordinator.kernel.i18n import WEEKDAYS
from coordinator.workforce.models import CredentialKind, TravelMode, WorkerKind

KINDS: dict[str, Any] = {
    "村（居）委工作人员": WorkerKind.COMMITTEE_MEMBER,
    "网格员": WorkerKind.GRID_MEMBER,
    "家庭医生": WorkerKind.FAMILY_DOCTOR,
    "养老服务人员": WorkerKind.CARE_STAFF,
    "社会工作者": WorkerKind.SOCIAL_WORKER,
    "志愿者": WorkerKind.VOLUNTEER,
    "在校学生": WorkerKind.STUDENT,
    "党员": WorkerKind.PARTY_MEMBER,
    "低龄健康老年人": WorkerKind.YOUNGER_SENIOR,
    "邻里": WorkerKind.NEIGHBOUR,
    "亲属": WorkerKind.RELATIVE,
    "老年协会": WorkerKind.SENIOR_ASSOCIATION,
    "业主委员会": WorkerKind.OWNERS_COMMITTEE,
    "物业人员": WorkerKind.PROPERTY_STAFF,
    "快递、送餐人员": WorkerKind.COURIER,
    "机关企事业单位人员": WorkerKind.OFFICE_STAFF,
    "民政干部": WorkerKind.CIVIL_AFFAIRS,
    "慈善组织人员": WorkerKind.CHARITY,
}
_KIND_WORDS: dict[str, Any] = {
    **KINDS,
    "村委工作人员": WorkerKind.COMMITTEE_MEMBER,
    "居委工作人员": WorkerKind.COMMITTEE_MEMBER,
    "社工": WorkerKind.SOCIAL_WORKER,
    "学生": WorkerKind.STUDENT,
    "老党员": WorkerKind.PARTY_MEMBER,
    "低龄老人": WorkerKind.YOUNGER_SENIOR,
    "邻居": WorkerKind.NEIGHBOUR,
    "业委会": WorkerKind.OWNERS_COMMITTEE,
    "物业": WorkerKind.PROPERTY_STAFF,
    "快递员": WorkerKind.COURIER,
    "快递": WorkerKind.COURIER,
    "外卖员": WorkerKind.COURIER,
    "送餐人员": WorkerKind.COURIER,
}
MODES: dict[str, Any] = {"步行": TravelMode.WALK, "骑车": TravelMode.BIKE, "开车": TravelMode.CAR}
_MODE_WORDS: dict[str, Any] = {
    **MODES,
    "走路": TravelMode.WALK,
    "自行车": TravelMode.BIKE,
    "电动车": TravelMode.BIKE,
    "汽车": TravelMode.CAR,
    "驾车": TravelMode.CAR,
}
# Prefix of the columns, heading, kind, with a number of its own
CREDENTIALS = (
    ("training", "探访培训", CredentialKind.TRAINING, False),
    ("insurance", "人身意外保险", CredentialKind.INSURANCE, True),
    ("health", "健康声明", CredentialKind.HEALTH_DECLARATION, False),
    ("agreement", "志愿服务协议", CredentialKind.AGREEMENT, False),
    ("professional", "职业资格", CredentialKind.PROFESSIONAL, True),
)
GUARDIAN = ("name", "relation", "phone", "scope", "given_on", "valid_to")


def _credential(prefix: str, word: str, numbered: bool) -> tuple[Column, ...]:
    found = [
        day_column(
            f"{prefix}_from", f"{word}起始日", _l("没有的空着，以后可以补。"), synonyms=(f"{word}日期",)
        ),
        day_column(f"{prefix}_to", f"{word}到期日", _l("长期有效的空着。"), synonyms=(f"{word}有效期至",)),
    ]
    if numbered:
        found.insert(
            0,
            text_column(
                f"{prefix}_number", f"{word}编号", _l("保单号或证书号。"), 60, text=True, secret=True
            ),
        )
    return tuple(found)


COLUMNS: tuple[Column, ...] = (
    choice_column(
        "kind",
        "类别",
        _l("人员属于哪一类。"),
        KINDS,
        _KIND_WORDS,
        synonyms=("人员类别", "人员类型", "类型", "身份"),
        required=True,
        example=("志愿者", "在校学生"),
        width=18,
    ),
    Column(
        "name",
        "姓名",
        _l("生僻字照写。"),
        v.name,
        example=("李示例", "张样本"),
        synonyms=("人员姓名",),
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
        _l("填了身份证号的可以不填；未成年人不能单独上门，所以要准。"),
        past=True,
        example=("1990-05-01", "2011-09-10"),
        synonyms=("出生年月日", "生日"),
    ),
    Column(
        "id_number",
        "身份证号",
        _l("18 位，这一列要是文本。"),
        v.resident_id,
        synonyms=("身份证号码", "公民身份号码", "证件号码", "身份证"),
        text=True,
        secret=True,
        width=22,
    ),
    Column(
        "phone",
        "电话",
        _l("本人手机。"),
        v.phone,
        example=("13800000002", "13800000003"),
        synonyms=("联系电话", "手机", "手机号", "手机号码", "联系方式"),
        text=True,
        secret=True,
        width=16,
    ),
    text_column(
        "area",
        "服务区域",
        _l("街道或社区的名称，不填算上传时选的那个。"),
        60,
        synonyms=("社区", "服务社区", "所属社区"),
        example=("示例社区", ""),
    ),
    text_column(
        "organisation",
        "单位或学校",
        _l("和系统里登记的名称一样；在校学生必填。"),
        80,
        synonyms=("学校", "单位", "所属单位", "所在学校", "组织"),
        example=("", "示例中学"),
        width=20,
    ),
    text_column("student_class", "班级", _l("学生填。"), 40, example=("", "八年级2班")),
    text_column("student_number", "学号", _l("学生填。"), 30, text=True, example=("", "20230801")),
    text_column(
        "volunteer_number", "志愿者编号", _l("全国志愿服务信息系统的编号。"), 30, text=True, width=18
    ),
    choice_column(
        "travel_mode",
        "出行方式",
        _l("不填算步行。"),
        MODES,
        _MODE_WORDS,
        example=("步行", "骑车"),
        synonyms=("交通方式",),
    ),
    text_column(
        "start_address",
        "出发地址",
        _l("一般从哪里出发。"),
        200,
        synonyms=("住址", "地址", "出发地"),
        example=("示例路2号", "示例中学"),
        width=24,
    ),
    Column(
        "latitude",
        "纬度",
        _l("出发地的纬度，小数；没有的算单位或服务区域的中心。"),
        v.degrees,
        show=shown_number,
        synonyms=("出发地纬度",),
        example=("28.8718", ""),
    ),
    Column(
        "longitude",
        "经度",
        _l("出发地的经度，小数。"),
        v.degrees,
        show=shown_number,
        synonyms=("出发地经度",),
        example=("105.4426", ""),
    ),
    Column(
        "service_radius_metres",
        "服务半径（米）",
        _l("最远去多远，100 到 50000 米，不填算 2500。"),
        v.whole(100, 50_000),
        example=("2500", "1500"),
    ),
    Column("max_visits_day", "一天最多次数", _l("1 到 20，不填算 6。"), v.whole(1, 20), example=("4", "2")),
    Column("max_visits_week", "一周最多次数", _l("1 到 100，不填算 15。"), v.whole(1, 100)),
    Column("max_visits_month", "一月最多次数", _l("1 到 400，不填算 40。"), v.whole(1, 400)),
    Column("max_hours_week", "一周最多小时", _l("1 到 60，不限的空着。"), v.whole(1, 60)),
    text_column("dialects", "会说的方言", _l("几种之间用顿号隔开。"), 60),
    choice_column(
        "skills", "技能", _l("核实过的技能，可以填几个。"), SKILLS, several=True, example=("急救", "")
    ),
    *(
        Column(
            f"day{number}",
            f"{word}时间",
            _l("哪段时间能去，例如 9:00-17:00；有两段的中间用顿号隔开；不去的空着。"),
            v.spans,
            synonyms=(word, f"星期{word[-1]}"),
            show=shown_spans,
            example=("8:00-11:00、16:00-18:00", "") if number < 5 else ("", "9:00-11:30"),
        )
        for number, word in enumerate(WEEKDAYS)
    ),
    *(
        column
        for prefix, word, _kind, numbered in CREDENTIALS
        for column in _credential(prefix, word, numbered)
    ),
    Column("guardian_name", "监护人姓名", _l("未成年人填。"), v.name, example=("", "张大样")),
    text_column("guardian_relation", "监护人关系", _l("例如父亲。"), 30, example=("", "父亲")),
    Column(
        "guardian_phone",
        "监护人电话",
        _l("手机，或带区号的座机。"),
        v.phone,
        text=True,
        secret=True,
        example=("", "13800000004"),
    ),
    text_column(
        "guardian_scope", "监护人同意的内容", _l("同意参加什么。"), 120, example=("", "周末和成年人一起探访")
    ),
    day_column(
        "guardian_given_on", "监护人同意日期", _l("签字的日期。"), past=True, example=("", "2026-03-01")
    ),
    day_column("guardian_valid_to", "监护人同意到期日", _l("不限的空着。")),
    text_column(
        "pairs",
        "结对长者",
        _l("已经审核通过的人才能填。写姓名和住址，中间用 @，几位之间用分号，例如 陈示例@示例路1号2栋。"),
        400,
        width=24,
    ),
    text_column("notes", "备注", _l("只给管理人员看。"), 500),
)
BY_KEY = {column.key: column for column in COLUMNS}
assert set(KINDS.values()) == set(WorkerKind)
