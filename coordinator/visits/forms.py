"""Forms of visits, contacts, events and reasons."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import (
    DateField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    TimeField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from coordinator.elders.labels import SKILLS
from coordinator.kernel.forms import Form, options
from coordinator.visits.labels import LEVELS, MODES, OUTCOMES, REMOTE_MODES, SURGE_KINDS, WEATHER
from coordinator.visits.lifecycle import ContactMode
from coordinator.visits.models import WeatherKind, WeatherLevel
from coordinator.visits.services.events import Warned


class OverdueReasonForm(Form):
    """Why an obligation was not met in time."""

    rule = StringField(validators=[InputRequired(), Length(max=80)])
    period_from = DateField(validators=[InputRequired()])
    reason = TextAreaField(
        _l("逾期的原因"),
        validators=[InputRequired(_l("请写明原因。")), Length(max=500, message=_l("最多写 500 个字。"))],
    )


class EventChangeForm(Form):
    """What may be corrected of an event: name, days, the warning's colour, a note, and why."""

    weather = SelectField(
        _l("什么天气"), choices=options(WEATHER, empty=_l("不写")), validators=[Optional()], default=""
    )
    level = SelectField(
        _l("预警级别"), choices=options(LEVELS, empty=_l("没有发布级别")), validators=[Optional()], default=""
    )
    name = StringField(
        _l("名称"),
        description=_l("例如 清明节、高温、流感"),
        validators=[InputRequired(_l("请写名称。")), Length(max=60, message=_l("最多写 60 个字。"))],
    )
    first_day = DateField(_l("第一天"), validators=[InputRequired(_l("请选日期。"))])
    last_day = DateField(_l("最后一天"), validators=[InputRequired(_l("请选日期。"))])
    note = TextAreaField(
        _l("要告诉长者和家属的话"),
        description=_l("会印在电话名单上，例如 台风期间不要出门，门窗关好"),
        validators=[Optional(), Length(max=500, message=_l("最多写 500 个字。"))],
    )
    reason = StringField(
        _l("为什么改日期"),
        description=_l("已经开始的，改日期要写原因，会留在记录里"),
        validators=[Optional(), Length(max=200, message=_l("最多写 200 个字。"))],
    )

    @property
    def warned(self) -> Warned:
        """The warning's kind and colour; "" means unknown."""
        return Warned(
            WeatherKind(self.weather.data) if self.weather.data else None,
            WeatherLevel(self.level.data) if self.level.data else None,
        )


class EventForm(EventChangeForm):
    """A festival, extreme weather or an epidemic, for an area."""

    area = SelectField(_l("适用范围"), coerce=int, validators=[InputRequired()])
    kind = RadioField(
        _l("哪一类"), choices=options(SURGE_KINDS), validators=[InputRequired(_l("请选一类。"))]
    )


class SettleForm(Form):
    """What becomes of planned visits at home in an epidemic."""

    act = RadioField(
        _l("怎样处理"),
        choices=options({"call": _l("改为电话"), "cancel": _l("取消这些探访")}),
        validators=[InputRequired(_l("请选一种。"))],
    )
    reason = StringField(
        _l("原因"),
        validators=[InputRequired(_l("请写明原因。")), Length(max=200, message=_l("最多写 200 个字。"))],
    )


class PaperCallsForm(Form):
    """When the calls of a paper list were made, and by whom; the rows are read by the view."""

    day = DateField(_l("哪一天打的"), validators=[InputRequired(_l("请选日期。"))])
    start = TimeField(_l("大约几点"), validators=[InputRequired(_l("请选时间。"))])
    caller = StringField(
        _l("谁打的"), validators=[Optional(), Length(max=60, message=_l("最多写 60 个字。"))]
    )


class OpenVisitForm(Form):
    """A visit made by hand."""

    day = DateField(_l("哪一天"), validators=[InputRequired(_l("请选日期。"))])
    start = TimeField(_l("几点开始"), validators=[InputRequired(_l("请选时间。"))])
    minutes = IntegerField(
        _l("多长时间"),
        validators=[
            InputRequired(_l("请填时长。")),
            NumberRange(10, 240, message=_l("请填 10 到 240 分钟。")),
        ],
    )
    mode = RadioField(
        _l("怎样去"),
        choices=options(
            (mode, MODES[mode]) for mode in (ContactMode.HOME, ContactMode.PHONE, ContactMode.VIDEO)
        ),
        validators=[InputRequired(_l("请选一种。"))],
    )
    people = RadioField(
        _l("几个人去"),
        choices=options({"1": _l("1 个人"), "2": _l("2 个人")}),
        validators=[InputRequired(_l("请选人数。"))],
    )
    needs_skills = SelectMultipleField(_l("需要的技能"), choices=options(SKILLS), validators=[Optional()])


class ReopenForm(Form):
    """Another time for a missed visit."""

    day = DateField(_l("改到哪一天"), validators=[InputRequired(_l("请选日期。"))])
    start = TimeField(_l("几点开始"), validators=[InputRequired(_l("请选时间。"))])


class ContactForm(Form):
    """A contact that has taken place without a visit at home."""

    mode = RadioField(
        _l("怎样联系的"),
        choices=options((mode, MODES[mode]) for mode in REMOTE_MODES),
        validators=[InputRequired(_l("请选一种。"))],
    )
    outcome = RadioField(
        _l("结果怎样"), choices=options(OUTCOMES), validators=[InputRequired(_l("请选结果。"))]
    )
    day = DateField(_l("哪一天"), validators=[InputRequired(_l("请选日期。"))])
    start = TimeField(_l("几点"), validators=[InputRequired(_l("请选时间。"))])
    note = TextAreaField(
        _l("说了什么"),
        description=_l("只有看得到这位长者档案的人看得到"),
        validators=[Optional(), Length(max=1000, message=_l("最多写 1000 个字。"))],
    )


class ReasonForm(Form):
    """One reason, for cancelling, releasing and missing."""

    reason = StringField(
        _l("原因"),
        validators=[InputRequired(_l("请写明原因。")), Length(max=200, message=_l("最多写 200 个字。"))],
    )


class AssignForm(Form):
    """Who goes: the choices are the candidates of the page."""

    leads = SelectMultipleField(_l("负责的人"), coerce=int)
    companions = SelectMultipleField(_l("陪同的人"), coerce=int, validators=[Optional()])
    reason = StringField(
        _l("不合适也派的原因"), validators=[Optional(), Length(max=200, message=_l("最多写 200 个字。"))]
    )
