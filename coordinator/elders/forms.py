"""Forms of the register. Protected values are never put into a page: an empty box keeps what is on file."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
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
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from coordinator.elders.labels import (
    ABILITY_LEVELS,
    CATEGORIES,
    CHANNELS,
    CONSENT_GIVERS,
    DISABILITY_GRADES,
    ECONOMIC,
    HEALTH,
    HELPERS,
    SEXES,
    SKILLS,
    STATUSES,
)
from coordinator.elders.models import ConsentGiver, ConsentKind, ConsentState, ElderStatus
from coordinator.kernel import clock
from coordinator.kernel.forms import Form, options
from coordinator.kernel.identity import IdentityError, clean_name, normalise_phone, parse_resident_id

MEMBER_ROWS = 8
CONTACT_ROWS = 5


def _truth(value: Any) -> bool | None:
    """yes, no, or not known."""
    return {"yes": True, True: True, "no": False, False: False}.get(value)


class TruthField(RadioField):
    """是 / 否 / 不清楚; the data is True, False or None."""

    def __init__(self, label: Any, yes: Any = None, no: Any = None, **kwargs: Any) -> None:
        choices = options([("yes", yes or _l("是")), ("no", no or _l("否")), ("", _l("不清楚"))])
        super().__init__(label, validators=[Optional()], choices=choices, coerce=_spoken, **kwargs)
        # The form macros choose the look by this name.
        self.type = "RadioField"

    @property
    def truth(self) -> bool | None:
        return _truth(self.data)


def _spoken(value: Any) -> str:
    if value is True or value == "yes":
        return "yes"
    return "no" if value is False or value == "no" else ""


class Row(Form):
    """A repeated part of a form, without a token of its own."""

    class Meta(Form.Meta):
        csrf = False


def _money(label: Any) -> DecimalField:
    return DecimalField(label, places=2, validators=[Optional(), NumberRange(0, 9_999_999)])


def typed_right(form: Form, field: Any) -> None:  # noqa: ARG001 -- WTForms' signature
    """Validator of names, ID numbers and telephones: the first round already says all that is wrong with them."""
    text = (field.data or "").strip()
    if not text:
        return
    try:
        if field.short_name == "name":
            clean_name(text)
        elif field.short_name == "id_number":
            parse_resident_id(text, today=clock.today())
        else:
            normalise_phone(text)
    except IdentityError as problem:
        raise ValidationError(problem.message) from None


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
    evidence = TextAreaField(
        _l("认定依据"),
        description=_l("谁在哪天怎样核实的；只在新增类别时填，不写病情"),
        validators=[Length(max=500)],
    )
    ability_level = SelectField(_l("能力程度"), choices=options(ABILITY_LEVELS), default="0")
    ability_assessed_on = DateField(_l("评估日期"), validators=[Optional()])
    ability_assessor = StringField(_l("评估人或机构"), validators=[Length(max=60)])
    has_dementia = BooleanField(_l("失智"))
    health = RadioField(_l("健康状况"), choices=options(HEALTH), default="good")
    is_self_caring = BooleanField(_l("生活能自理"), default=True)
    medical_history = TextAreaField(
        _l("曾患病史"), description=_l("加密保存，不给探访的人看"), validators=[Length(max=1000)]
    )
    certificate_grade = SelectField(_l("残疾等级"), choices=options(DISABILITY_GRADES, _l("没有残疾人证")))
    certificate_number = StringField(_l("残疾人证号"), validators=[Length(max=40)])
    certificate_kind = StringField(_l("残疾类别"), validators=[Length(max=30)])
    certificate_valid_to = DateField(
        _l("有效期至"), description=_l("长期有效的不填"), validators=[Optional()]
    )

    spouse_alive = TruthField(_l("配偶健在"))
    children_alive = IntegerField(_l("健在子女数"), validators=[Optional(), NumberRange(0, 20)])
    economic_status = RadioField(_l("经济情况"), choices=options(ECONOMIC), default="none")
    income_source = StringField(_l("经济来源"), validators=[Length(max=60)])
    monthly_disposable_income = _money(_l("月可支配收入"))
    in_hardship = BooleanField(_l("生活存在困难"), description=_l("经核实的判断；只是低保或特困的，不用勾"))
    upheaval_until = DateField(
        _l("变故期至"),
        description=_l("家庭变故、受灾或生大病期间，填到预计结束的日子"),
        validators=[Optional()],
    )
    cares_for_impaired_child = BooleanField(_l("长期照护失能、失智的子女"))

    water_safe = TruthField(_l("饮水"), _l("安全"), _l("不安全"))
    power_safe = TruthField(_l("生活用电"), _l("安全"), _l("不安全"))
    housing_safe = TruthField(_l("住房"), _l("安全"), _l("不安全"))
    monthly_income = _money(_l("家庭每月收入"))
    pension_monthly = _money(_l("每月领取养老保险"))
    subsidies = StringField(_l("享受救助和补贴项目"), validators=[Length(max=200)])
    subsidy_monthly = _money(_l("每月补贴金额"))
    helped_by = SelectMultipleField(_l("帮扶单位（组织）"), choices=options(HELPERS))
    helper_name = StringField(_l("帮扶责任人"), validators=[Length(max=60)])
    help_given = TextAreaField(_l("帮扶措施"), validators=[Length(max=1000)])

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

    def validate_categories(self, field: SelectMultipleField) -> None:
        if "kinless" in field.data and (self.children_alive.data or 0) > 0:
            raise ValidationError(_("勾了孤寡，又填了健在的子女。请核对。"))


class ConsentForm(Form):
    """意愿 of one kind."""

    kind = HiddenField(default=ConsentKind.SERVICE.value)
    state = RadioField(_l("长者的意思"), validators=[InputRequired(_l("请选一个。"))])
    given_by = RadioField(
        _l("谁表的态"), choices=options(CONSENT_GIVERS), validators=[InputRequired(_l("请选一个。"))]
    )
    giver_name = StringField(
        _l("家属姓名和关系"), description=_l("家属代为表态时填"), validators=[Length(max=60)]
    )
    given_on = DateField(_l("哪一天"), validators=[InputRequired(_l("请填日期。"))])
    channel = SelectField(
        _l("怎样问的"), choices=options({k: v for k, v in CHANNELS.items() if k != "import"})
    )
    note = TextAreaField(
        _l("书面记录"),
        description=_l("不愿意时必须写：谁去解释的、解释了什么、长者或家属怎样说"),
        validators=[Length(max=1000)],
    )
    ask_again_on = DateField(
        _l("什么时候再问"), description=_l("不填的，半年以后再问"), validators=[Optional()]
    )

    SERVICE = (
        (ConsentState.ACCEPTED.value, _l("愿意接受探访")),
        (ConsentState.REMOTE_ONLY.value, _l("只接受电话、视频")),
        (ConsentState.REFUSED.value, _l("不愿意")),
    )
    HOME = ((ConsentState.GRANTED.value, _l("同意上门")), (ConsentState.REFUSED.value, _l("不同意上门")))

    def given(self) -> ConsentGiver:
        return ConsentGiver(self.given_by.data)


class FirstContactForm(Form):
    """第一探访联系人."""

    name = StringField(_l("姓名"), validators=[InputRequired(_l("请填姓名。")), Length(max=60), typed_right])
    relation = StringField(
        _l("与长者关系"), validators=[InputRequired(_l("请填和长者的关系。")), Length(max=30)]
    )
    phone = StringField(_l("电话"), validators=[Length(max=40), typed_right])
    lives_nearby = RadioField(
        _l("住得远近"),
        choices=options([("yes", _l("住在本地，常上门看望")), ("no", _l("住在外地，常打电话问候"))]),
        validators=[InputRequired(_l("请选一个。"))],
    )


class EndForm(Form):
    """Closing a dossier."""

    status = RadioField(
        _l("原因"),
        choices=options([(str(key), text) for key, text in STATUSES.items() if key != ElderStatus.ACTIVE]),
        validators=[InputRequired(_l("请选一个。"))],
    )
    left_on = DateField(_l("从哪一天起不再探访"), validators=[InputRequired(_l("请填日期。"))])
    note = StringField(_l("说明"), validators=[Length(max=200)])
