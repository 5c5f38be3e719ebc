"""Forms of the workforce. Protected values are never put into a page: an empty box keeps what is on file."""

from __future__ import annotations

from datetime import time
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    DateField,
    DecimalField,
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

from coordinator.elders.forms import typed_right
from coordinator.elders.labels import SEXES, SKILLS
from coordinator.kernel.errors import InvalidInput
from coordinator.kernel.forms import Form, options
from coordinator.kernel.i18n import WEEKDAYS
from coordinator.workforce.labels import CREDENTIALS, KINDS, TRAVEL_MODES
from coordinator.workforce.models import Availability

# What the large answers stand for.
SPANS: dict[str, tuple[time, time]] = {
    "morning": (time(8, 0), time(12, 0)),
    "afternoon": (time(14, 0), time(18, 0)),
    "whole": (time(8, 0), time(18, 0)),
}
# One tap fills the whole week; single days can be changed before it is saved.
FILLS: dict[str, tuple[Any, dict[int, str]]] = {
    "workday_mornings": (_l("工作日上午"), dict.fromkeys(range(5), "morning")),
    "workday_afternoons": (_l("工作日下午"), dict.fromkeys(range(5), "afternoon")),
    "weekend": (_l("周末全天"), dict.fromkeys((5, 6), "whole")),
    "always": (_l("每天全天"), dict.fromkeys(range(7), "whole")),
}


class WorkerForm(Form):
    name = StringField(_l("姓名"), validators=[InputRequired(_l("请填姓名。")), Length(max=60), typed_right])
    kind = SelectField(_l("类别"), choices=options(KINDS), validators=[InputRequired(_l("请选类别。"))])
    id_number = StringField(
        _l("身份证号"),
        description=_l("填了身份证号，性别和出生日期可以不填"),
        validators=[Length(max=30), typed_right],
    )
    sex = RadioField(_l("性别"), choices=options(SEXES), validators=[Optional()])
    birth_date = DateField(_l("出生日期"), validators=[Optional()])
    phone = StringField(_l("电话"), validators=[Length(max=40), typed_right])
    area_id = SelectField(_l("服务范围"), validators=[InputRequired(_l("请选街道或社区。"))])
    organisation_id = SelectField(
        _l("所在单位"), description=_l("在校学生选学校"), validators=[Optional()], validate_choice=True
    )
    volunteer_number = StringField(_l("志愿者编号"), validators=[Length(max=30)])
    student_class = StringField(_l("班级"), validators=[Length(max=40)])
    student_number = StringField(_l("学号"), validators=[Length(max=30)])
    skills = SelectMultipleField(
        _l("核实过的技能"), description=_l("只勾看过证件或当面核实的"), choices=options(SKILLS)
    )
    dialects = StringField(_l("会讲的方言"), description=_l("几种用顿号隔开"), validators=[Length(max=100)])
    travel_mode = RadioField(
        _l("怎样出行"), choices=options(TRAVEL_MODES), validators=[InputRequired(_l("请选一个。"))]
    )
    start_address = StringField(
        _l("从哪里出发"), description=_l("家、单位或学校"), validators=[Length(max=200)]
    )
    start_latitude = DecimalField(_l("纬度"), places=6, validators=[InputRequired(_l("请在地图上点一下。"))])
    start_longitude = DecimalField(_l("经度"), places=6, validators=[InputRequired(_l("请在地图上点一下。"))])
    service_radius_metres = IntegerField(
        _l("服务半径"), validators=[InputRequired(_l("请填服务半径。")), NumberRange(100, 50_000)]
    )
    max_visits_day = IntegerField(_l("每天最多"), validators=[InputRequired(), NumberRange(1, 20)])
    max_visits_week = IntegerField(_l("每周最多"), validators=[InputRequired(), NumberRange(1, 100)])
    max_visits_month = IntegerField(_l("每月最多"), validators=[InputRequired(), NumberRange(1, 400)])
    max_hours_week = IntegerField(_l("每周最多小时"), validators=[Optional(), NumberRange(1, 60)])
    notes = TextAreaField(_l("备注"), validators=[Length(max=1000)])


class CredentialForm(Form):
    kind = SelectField(_l("是什么"), choices=options(CREDENTIALS), validators=[InputRequired()])
    number = StringField(_l("编号"), description=_l("保险填保单号"), validators=[Length(max=60)])
    valid_from = DateField(_l("起始日"), validators=[InputRequired(_l("请填起始日。"))])
    valid_to = DateField(_l("到期日"), description=_l("长期有效的不填；保险必须填"), validators=[Optional()])


class GuardianForm(Form):
    name = StringField(
        _l("监护人姓名"), validators=[InputRequired(_l("请填姓名。")), Length(max=60), typed_right]
    )
    relation = StringField(
        _l("与学生关系"), validators=[InputRequired(_l("请填和学生的关系。")), Length(max=30)]
    )
    phone = StringField(_l("电话"), validators=[InputRequired(_l("请填电话。")), Length(max=40), typed_right])
    scope = StringField(
        _l("同意参加什么"),
        description=_l("例如：由成年人陪同，周末白天探访本街道的长者"),
        validators=[InputRequired(_l("请写明同意参加什么。")), Length(max=120)],
    )
    given_on = DateField(_l("同意的日期"), validators=[InputRequired(_l("请填日期。"))])
    valid_to = DateField(_l("到期日"), description=_l("一般到学年结束"), validators=[Optional()])


class SuspendForm(Form):
    reason = StringField(_l("原因"), validators=[InputRequired(_l("请写明停用的原因。")), Length(max=200)])


class TakeOutForm(Form):
    note = StringField(
        _l("为什么"),
        description=_l("写给社区看，例如“已离职”。"),
        validators=[InputRequired(_l("请写一句为什么，例如“已离职”。")), Length(max=200)],
    )


class DayForm(Form):
    """One weekday of `WeekForm`."""

    class Meta(Form.Meta):
        csrf = False

    span = RadioField(
        _l("时间"),
        choices=options(
            [
                ("off", _l("不来")),
                ("morning", _l("上午")),
                ("afternoon", _l("下午")),
                ("whole", _l("全天")),
                ("custom", _l("另定")),
            ]
        ),
        default="off",
        validators=[InputRequired(_l("请选一个。"))],
    )
    starts = TimeField(_l("从"), validators=[Optional()])
    ends = TimeField(_l("到"), validators=[Optional()])
    again = TimeField(_l("再从"), validators=[Optional()])
    until = TimeField(_l("到"), validators=[Optional()])

    def spans(self) -> list[tuple[time, time]]:
        """The answer as spans of hours. Raises InvalidInput when 另定 has no times, or one time of a pair."""
        if self.span.data != "custom":
            return [SPANS[self.span.data]] if self.span.data in SPANS else []
        if self.starts.data is None or self.ends.data is None:
            raise InvalidInput(_("选了另定，请填几点到几点。"))
        if (self.again.data is None) != (self.until.data is None):
            raise InvalidInput(_("第二段请填几点到几点，不要第二段就都空着。"))
        found = [(self.starts.data, self.ends.data)]
        if self.again.data is not None and self.until.data is not None:
            found.append((self.again.data, self.until.data))
        return found


class WeekForm(Form):
    """The weekly hours, one large answer a day."""

    day_0 = FormField(DayForm, label=_l("周一"))
    day_1 = FormField(DayForm, label=_l("周二"))
    day_2 = FormField(DayForm, label=_l("周三"))
    day_3 = FormField(DayForm, label=_l("周四"))
    day_4 = FormField(DayForm, label=_l("周五"))
    day_5 = FormField(DayForm, label=_l("周六"))
    day_6 = FormField(DayForm, label=_l("周日"))

    @classmethod
    def of(cls, availability: list[Availability]) -> WeekForm:
        values: dict[str, Any] = {}
        for weekday in range(7):
            held = sorted((one.starts, one.ends) for one in availability if one.weekday == weekday)
            span = "custom" if held else "off"
            if len(held) == 1:
                span = next((name for name, hours in SPANS.items() if hours == held[0]), "custom")
            times = [*(at for hours in held for at in hours), None, None, None, None]
            fields = zip(("starts", "ends", "again", "until"), times, strict=False)
            values[f"day_{weekday}"] = {"span": span} | dict(fields)
        return cls(data=values)

    def fill(self, name: str) -> bool:
        """Put one of FILLS into the form, every other day off; False when there is none of this name."""
        if name not in FILLS:
            return False
        for weekday in range(7):
            self[f"day_{weekday}"].form.span.data = FILLS[name][1].get(weekday, "off")
        return True

    def week(self) -> dict[int, list[tuple[time, time]]]:
        """The answers as spans of hours, weekday by weekday. Raises InvalidInput with the field of the day."""
        found = {}
        for weekday in range(7):
            try:
                found[weekday] = self[f"day_{weekday}"].form.spans()
            except InvalidInput as problem:
                text = _("%(day)s：%(what)s", day=WEEKDAYS[weekday], what=problem.message)
                raise InvalidInput(text, field=f"day_{weekday}") from None
        return found


class DaysOffForm(Form):
    first_day = DateField(_l("从哪天"), validators=[InputRequired(_l("请填日期。"))])
    last_day = DateField(_l("到哪天"), validators=[InputRequired(_l("请填日期。"))])
    note = StringField(_l("说明"), validators=[Length(max=120)])


class AccountForm(Form):
    username = StringField(
        _l("用户名"),
        validators=[InputRequired(_l("请填用户名。")), Length(max=60)],
        render_kw={"autocapitalize": "none", "spellcheck": "false"},
    )


class PairForm(Form):
    action = HiddenField()
    worker_id = SelectField(_l("人员"), validators=[InputRequired(_l("请选一位。"))], validate_choice=True)
