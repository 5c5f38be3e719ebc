"""Forms of the work on the register."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from coordinator.elders.labels import STATUSES
from coordinator.kernel.forms import Form, options
from coordinator.register.labels import KINDS, OUTCOMES
from coordinator.register.models import Outcome
from coordinator.register.services.leaving import MAY_END

AT_DOOR = {key: text for key, text in OUTCOMES.items() if key is not Outcome.NO_ELDER}
AT_HOME = {
    Outcome.NO_ELDER: OUTCOMES[Outcome.NO_ELDER],
    Outcome.NOT_FOUND: _l("没有人应门"),
    Outcome.REFUSED: OUTCOMES[Outcome.REFUSED],
}
REASON = Length(max=200, message=_l("最多 200 个字。"))


class SurveyForm(Form):
    area_id = SelectField(_l("摸排哪里"), validators=[InputRequired(_l("请选一个街道或社区。"))])
    kind = RadioField(_l("哪一种"), choices=options(KINDS), validators=[InputRequired(_l("请选一种。"))])
    due_on = DateField(_l("哪天以前做完"), validators=[Optional()])


class PersonForm(Form):
    """Somebody met on the way."""

    area_id = SelectField(_l("社区（村）"), validators=[InputRequired(_l("请选社区。"))])
    name = StringField(_l("姓名"), validators=[InputRequired(_l("请填姓名。")), Length(max=60)])
    address = StringField(_l("住址"), validators=[InputRequired(_l("请填住址。")), Length(max=200)])
    phone = StringField(_l("电话"), validators=[Optional(), Length(max=30)])
    place = StringField(_l("网格或小区"), validators=[Optional(), Length(max=60)])


class ItemForm(Form):
    """What was found at a door."""

    outcome = RadioField(_l("结果"), choices=options(AT_DOOR), validators=[InputRequired(_l("请选结果。"))])
    note = TextAreaField(
        _l("补充"),
        description=_l("搬到哪里、哪天去世、谁说的、对方怎样说。"),
        validators=[Optional(), Length(max=1000, message=_l("最多 1000 个字。"))],
    )
    next_try_on = DateField(
        _l("哪天再去"), description=_l("找不到的再去一次；不填就是一星期以后。"), validators=[Optional()]
    )
    version = HiddenField()


class CloseForm(Form):
    reason = StringField(
        _l("没有结果的，写明原因"),
        description=_l("例如：三次上门都没有人，邻居说去外地儿子家过冬。"),
        validators=[Optional(), REASON],
    )


class KeepForm(Form):
    """The register is right, because."""

    reason = StringField(
        _l("为什么不改"),
        description=_l("例如：看过残疾人证原件，档案是对的。"),
        validators=[InputRequired(_l("请写明为什么不改。")), REASON],
    )


class MergeForm(Form):
    reason = StringField(
        _l("怎么知道是同一个人"),
        description=_l("两份档案的身份证号不一样时必须写。"),
        validators=[Optional(), REASON],
    )
    kept_version = HiddenField()
    closed_version = HiddenField()


class DifferentForm(Form):
    reason = StringField(
        _l("怎么知道是两个人"),
        description=_l("写了以后不再提示这两份。"),
        validators=[InputRequired(_l("请写明怎么知道是两个人。")), REASON],
    )


class MoveForm(Form):
    to_area_id = SelectField(_l("搬到哪个社区（村）"), validators=[InputRequired(_l("请选社区。"))])
    to_address = StringField(
        _l("新住址"),
        description=_l("写到门牌号。"),
        validators=[InputRequired(_l("请填新住址，写到门牌号。")), Length(max=200)],
    )
    moved_on = DateField(_l("哪天搬的"), validators=[InputRequired(_l("请填日期。"))])
    reason = StringField(
        _l("为什么搬"),
        description=_l("例如：搬去和女儿同住。接收的社区会看到。"),
        validators=[InputRequired(_l("请写明原因。")), REASON],
    )
    together = BooleanField(_l("同住的长者一起搬"))


class ReturnForm(Form):
    decision_reason = StringField(
        _l("退回的原因"),
        description=_l("对方会看到。例如：新住址查无此人。"),
        validators=[InputRequired(_l("请写明原因。")), REASON],
    )


class LeaveForm(Form):
    """Moved out of reach, in an institution, or deceased."""

    status = RadioField(
        _l("因为"),
        choices=options([(key, STATUSES[key]) for key in MAY_END]),
        validators=[InputRequired(_l("请选离开的原因。"))],
    )
    left_on = DateField(
        _l("从哪一天起不再探访"),
        description=_l("这一天以后排好的探访会取消。"),
        validators=[InputRequired(_l("请填日期。"))],
    )
    note = TextAreaField(
        _l("说明"), description=_l("只记在操作记录里。"), validators=[Optional(), Length(max=500)]
    )


class UndoForm(Form):
    reason = StringField(
        _l("为什么改回来"),
        description=_l("例如：登记错了人。"),
        validators=[InputRequired(_l("请写明为什么改回来。")), REASON],
    )
