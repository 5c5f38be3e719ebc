"""What is asked of a guardian, and of whoever sends them the link."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, StringField
from wtforms.validators import InputRequired, Length, Optional

from coordinator.kernel.forms import Form

NUMERIC = {"inputmode": "numeric", "autocomplete": "one-time-code", "pattern": "[0-9]*", "maxlength": "12"}


class ProofForm(Form):
    code = StringField(
        _l("短信里的 6 位数字"),
        validators=[InputRequired(_l("请填短信里的 6 位数字。")), Length(max=12)],
        render_kw=NUMERIC,
    )


class ConsentForm(Form):
    name = StringField(
        _l("您的姓名"),
        validators=[InputRequired(_l("请填您的姓名。")), Length(max=60)],
        render_kw={"autocomplete": "name"},
    )
    birth_date = DateField(
        _l("您的出生日期"),
        description=_l("要满 18 岁才能当监护人"),
        validators=[InputRequired(_l("请填您的出生日期。"))],
    )
    valid_to = DateField(
        _l("同意到哪一天"),
        description=_l("最长一年，随时可以撤回"),
        validators=[InputRequired(_l("请填日期。"))],
    )
    agree = BooleanField(
        _l("我是孩子的监护人，看过上面的说明，同意孩子参加"),
        validators=[InputRequired(_l("同意的话，请在这里打勾。"))],
    )


class ConsentUnder14Form(ConsentForm):
    agree_data = BooleanField(
        _l("我另外同意：为了安排和记录探访，保存孩子的姓名、出生日期、学校班级、联系电话和探访时数"),
        validators=[InputRequired(_l("孩子不满 14 岁，这一条要单独同意，请打勾。"))],
    )


class AskForm(Form):
    name = StringField(_l("监护人姓名"), validators=[InputRequired(_l("请填姓名。")), Length(max=60)])
    relation = StringField(
        _l("和孩子的关系"),
        description=_l("父亲、母亲，或者别的监护人"),
        validators=[InputRequired(_l("请填关系。")), Length(max=30)],
    )
    phone = StringField(
        _l("监护人自己的手机号"),
        description=_l("不能和孩子的一样，确认时要收短信"),
        validators=[InputRequired(_l("请填手机号。")), Length(max=40)],
        render_kw={"inputmode": "tel"},
    )
    valid_to = DateField(
        _l("请监护人同意到哪一天"), description=_l("一般到学年结束，最长一年"), validators=[Optional()]
    )
