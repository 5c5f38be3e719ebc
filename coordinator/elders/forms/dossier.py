"""The form of a dossier. Protected values are never put into a page: an empty box keeps what is on file."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    DateField,
    DecimalField,
    FieldList,
    FormField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    TimeField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from coordinator.elders.forms.fields import Row, TruthField, money, typed_right
from coordinator.elders.labels import (
    ABILITY_LEVELS,
    CATEGORIES,
    DISABILITY_GRADES,
    ECONOMIC,
    HEALTH,
    HELPERS,
    ONLY_CHILD,
    SEXES,
    SKILLS,
    SOURCES,
)
from coordinator.kernel.forms import Form, options

MEMBER_ROWS = 8
CONTACT_ROWS = 5


class ContactRow(Row):
    row_id = HiddenField()
    name = StringField(_l("姓名"), validators=[Length(max=60)])
    relation = StringField(_l("与长者关系"), validators=[Length(max=30)])
    phone = StringField(_l("电话"), validators=[Length(max=40)])


class MemberRow(Row):
    row_id = HiddenField()
    name = StringField(_l("姓名"), validators=[Length(max=60)])
    relation = StringField(_l("与户主关系"), validators=[Length(max=30)])
    sex = SelectField(_l("性别"), choices=options(SEXES, _l("没有填")))
    birth_date = DateField(_l("出生日期"), validators=[Optional()])
    id_number = StringField(_l("身份证号"), validators=[Length(max=30)])
    health = StringField(_l("健康状况"), validators=[Length(max=60)])
    economic_status = SelectField(_l("低保或特困"), choices=options(ECONOMIC), default="none")
    lives_in = BooleanField(_l("同住"))
    in_same_town = BooleanField(_l("住本街道（镇）"))
    visits_often = BooleanField(_l("经常探访"))
    away_since = DateField(_l("外出务工自"), validators=[Optional()])
    residence = StringField(_l("现住地"), validators=[Length(max=120)])


class ElderForm(Form):
    """The whole dossier; `version` and `known_version` guard against a lost update."""

    version = HiddenField()
    area_id = SelectField(_l("社区（村）"), validators=[InputRequired(_l("请选社区（村）。"))])
    name = StringField(_l("姓名"), validators=[InputRequired(_l("请填姓名。")), Length(max=60), typed_right])
    id_number = StringField(
        _l("身份证号"),
        description=_l("填了身份证号，性别和出生日期可以不填"),
        validators=[Length(max=30), typed_right],
    )
    sex = RadioField(_l("性别"), choices=options(SEXES), validators=[Optional()])
    birth_date = DateField(_l("出生日期"), validators=[Optional()])
    phone = StringField(_l("电话"), validators=[Length(max=40), typed_right])
    enrolled_on = DateField(_l("建档日期"), validators=[Optional()])

    address = StringField(
        _l("住址"),
        description=_l("从路名写到门牌、楼栋和房号；住址相同的算同一户"),
        validators=[InputRequired(_l("请填住址，写到门牌号。")), Length(max=200)],
    )
    neighbourhood = StringField(
        _l("片区"), description=_l("给还没有认领的人看的大致位置，例如小区名"), validators=[Length(max=60)]
    )
    moves_alone = BooleanField(_l("只有这位长者搬走，同住的人不跟着改"))
    latitude = DecimalField(_l("纬度"), places=6, validators=[Optional()])
    longitude = DecimalField(_l("经度"), places=6, validators=[Optional()])
    lives_at_registered_address = TruthField(_l("住在户籍所在地"))
    registered_address = StringField(_l("户籍地址"), validators=[Length(max=200)])
    is_rural_household = BooleanField(_l("农村户籍"))

    categories = SelectMultipleField(_l("对象类别"), choices=options(CATEGORIES))
    ability_level = SelectField(_l("能力程度"), choices=options(ABILITY_LEVELS), default="0")
    ability_assessed_on = DateField(_l("评估日期"), validators=[Optional()])
    ability_assessor = StringField(_l("评估人或机构"), validators=[Length(max=60)])
    ability_score = IntegerField(_l("评估得分"), validators=[Optional(), NumberRange(0, 90)])
    ability_valid_to = DateField(
        _l("评估有效期至"), description=_l("不填的，满一年提醒复评"), validators=[Optional()]
    )
    has_dementia = BooleanField(_l("失智"))
    health = RadioField(_l("健康状况"), choices=options(HEALTH), default="good")
    is_self_caring = BooleanField(_l("生活能自理"), default=True)
    medical_history = TextAreaField(
        _l("曾患病史"), description=_l("加密保存，不给探访的人看"), validators=[Length(max=1000)]
    )
    psych_assessed_on = DateField(_l("心理评估日期"), validators=[Optional()])
    psych_assessor = StringField(_l("心理评估人或机构"), validators=[Length(max=60)])
    psych_result = TextAreaField(
        _l("心理评估结果"), description=_l("加密保存，不给探访的人看"), validators=[Length(max=1000)]
    )
    certificate_grade = SelectField(_l("残疾等级"), choices=options(DISABILITY_GRADES, _l("没有残疾人证")))
    certificate_number = StringField(_l("残疾人证号"), validators=[Length(max=40)])
    certificate_kind = StringField(_l("残疾类别"), validators=[Length(max=30)])
    certificate_valid_to = DateField(
        _l("有效期至"), description=_l("长期有效的不填"), validators=[Optional()]
    )

    spouse_alive = TruthField(_l("配偶健在"))
    children_alive = IntegerField(_l("健在子女数"), validators=[Optional(), NumberRange(0, 20)])
    has_caregiver = TruthField(_l("有人照顾"))
    can_work = TruthField(_l("有劳动能力"))
    has_livelihood = TruthField(_l("有生活来源"))
    only_child = RadioField(
        _l("独生子女去世或三级以上伤残"),
        choices=options([*((str(key), text) for key, text in ONLY_CHILD.items()), ("", _l("不清楚"))]),
        validators=[Optional()],
    )
    no_later_child = TruthField(_l("未再生育、也没有收养子女"))
    support_given = TextAreaField(
        _l("家庭实际赡养情况"),
        description=_l("谁出钱、谁照料、多久来一次"),
        validators=[Length(max=1000)],
    )
    support_delegated = TruthField(_l("委托他人代为赡养"))
    support_delegate = StringField(
        _l("委托给谁"), description=_l("姓名、关系、怎样联系"), validators=[Length(max=120)]
    )
    economic_status = RadioField(_l("经济情况"), choices=options(ECONOMIC), default="none")
    supported_at_home = BooleanField(_l("分散供养特困人员"))
    income_source = StringField(_l("经济来源"), validators=[Length(max=60)])
    monthly_disposable_income = money(_l("月可支配收入"))
    in_hardship = BooleanField(_l("生活存在困难"), description=_l("经核实的判断；只是低保或特困的，不用勾"))
    upheaval_until = DateField(
        _l("变故期至"),
        description=_l("家庭变故、受灾或生大病期间，填到预计结束的日子"),
        validators=[Optional()],
    )
    upheaval_note = TextAreaField(_l("重大变故"), validators=[Length(max=500)])
    relief_given = TextAreaField(_l("落实的救济措施"), validators=[Length(max=500)])
    cares_for_impaired_child = BooleanField(_l("长期照护失能、失智的子女"))

    water_safe = TruthField(_l("饮水"), _l("安全"), _l("不安全"))
    power_safe = TruthField(_l("生活用电"), _l("安全"), _l("不安全"))
    housing_safe = TruthField(_l("住房"), _l("安全"), _l("不安全"))
    house_structure = StringField(_l("房屋结构"), validators=[Length(max=40)])
    unsafe_habits = TextAreaField(
        _l("不良安全行为习惯"),
        description=_l("例如卧床吸烟、私拉电线、用完不关气"),
        validators=[Length(max=500)],
    )
    neighbour_relations = StringField(_l("和邻里相处"), validators=[Length(max=200)])
    monthly_income = money(_l("家庭每月收入"))
    pension_monthly = money(_l("每月领取养老保险"))
    subsidies = StringField(_l("享受救助和补贴项目"), validators=[Length(max=200)])
    subsidy_monthly = money(_l("每月补贴金额"))
    helped_by = SelectMultipleField(_l("帮扶单位（组织）"), choices=options(HELPERS))
    helper_name = StringField(_l("帮扶责任人"), validators=[Length(max=60)])
    help_given = TextAreaField(_l("帮扶措施"), validators=[Length(max=1000)])

    linked_unit = StringField(_l("挂钩联系单位"), validators=[Length(max=80)])
    linked_person = StringField(_l("挂钩联系的党员干部"), validators=[Length(max=60)])
    linked_since = DateField(_l("从哪一天起"), validators=[Optional()])

    members = FieldList(FormField(MemberRow), min_entries=0, max_entries=MEMBER_ROWS + 12)
    contacts = FieldList(FormField(ContactRow), min_entries=0, max_entries=CONTACT_ROWS)

    visit_minutes = IntegerField(
        _l("每次大约"), default=30, validators=[InputRequired(), NumberRange(10, 240)]
    )
    visit_from = TimeField(_l("最早"), validators=[Optional()])
    visit_until = TimeField(_l("最晚"), validators=[Optional()])
    cautions = StringField(
        _l("上门注意"),
        description=_l("给探访的人看：养狗、楼梯陡、听力不好等；不写病名"),
        validators=[Length(max=200)],
    )
    dialect = StringField(_l("只听得懂的方言"), validators=[Length(max=30)])
    prefers_sex = SelectField(
        _l("希望来的人"), choices=options([("", _l("都可以")), ("female", _l("女士")), ("male", _l("男士"))])
    )
    minors_welcome = BooleanField(_l("未成年人可以陪同来"), default=True)
    needs_two_visitors = BooleanField(_l("每次要两个人一起来"))
    needs_skills = SelectMultipleField(_l("需要的技能"), choices=options(SKILLS))
    notes = TextAreaField(_l("备注"), description=_l("加密保存，只在档案里看"), validators=[Length(max=1000)])


# Each category has its own evidence and source (evidence_kinless, source_kinless, …).
for _key, _name in CATEGORIES.items():
    setattr(
        ElderForm,
        f"evidence_{_key}",
        StringField(
            _l("认定依据"),
            description=_l("谁在哪天怎样核实的，不写病情"),
            validators=[Length(max=500)],
        ),
    )
    setattr(
        ElderForm,
        f"source_{_key}",
        SelectField(_l("来源"), choices=options(SOURCES), default="manual", validate_choice=False),
    )
