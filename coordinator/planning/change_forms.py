"""The three questions of 今天出了状况."""

from __future__ import annotations

from datetime import time

from flask_babel import lazy_gettext as _l
from wtforms import DateField, HiddenField, IntegerField, SelectField, StringField, TimeField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from coordinator.kernel.forms import Form


class ChangeForm(Form):
    """What every same-day change says: the day, and why."""

    day = DateField(_l("哪一天"), validators=[InputRequired(_l("请选一天。"))])
    reason = StringField(
        _l("原因"),
        description=_l("会告诉有关的人，也留在记录里，例如 发烧、长者住院"),
        validators=[InputRequired(_l("请写明原因。")), Length(max=120, message=_l("最多写 120 个字。"))],
    )


class AbsenceForm(ChangeForm):
    """Somebody cannot come."""

    worker = SelectField(_l("谁来不了"), coerce=int, validators=[InputRequired(_l("请选一个人。"))])
    since = TimeField(_l("从几点起"), description=_l("整天都来不了的，不用填"), validators=[Optional()])


class CancelForm(ChangeForm):
    """A visit is not to be."""

    visit = SelectField(_l("哪一次不用去了"), coerce=int, validators=[InputRequired(_l("请选一次探访。"))])


class UrgentForm(ChangeForm):
    """Somebody must be visited: an open visit of the day, or a new one."""

    elder = HiddenField()
    visit = SelectField(_l("哪一次要马上派人"), coerce=int, default=0, validators=[Optional()])
    earliest = TimeField(_l("最早几点到"), validators=[Optional()])
    latest = TimeField(_l("最晚几点到"), validators=[Optional()], default=time(18, 0))
    minutes = IntegerField(
        _l("大约多少分钟"),
        default=30,
        validators=[Optional(), NumberRange(10, 240, message=_l("请填 10 到 240 分钟。"))],
    )


class NoteForm(Form):
    """The proposal that is to be taken."""

    note = HiddenField(validators=[InputRequired()])
