"""Forms of single acts on a dossier."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import DateField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from coordinator.elders.forms.fields import TruthField, typed_right
from coordinator.elders.labels import (
    CHANNELS,
    CONSENT_GIVERS,
    DEVICE_KINDS,
    PAPER_KINDS,
    is_child,
)
from coordinator.elders.models import ConsentGiver, ConsentKind, ConsentState
from coordinator.kernel.errors import DomainError
from coordinator.kernel.forms import Form, options


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
    explained_by = StringField(
        _l("谁去解释的"), description=_l("不愿意时必须写：姓名和身份"), validators=[Length(max=60)]
    )
    note = TextAreaField(
        _l("书面记录"),
        description=_l("不愿意时必须写：解释了什么、长者或家属怎样说"),
        validators=[Length(max=1000)],
    )
    paper_id = SelectField(_l("凭据"), description=_l("签过字的意愿书或拒绝情况记录"), validate_choice=False)
    paper = FileField(_l("拍一张或选一个文件"), description=_l("JPEG、PNG 或 PDF，最大 8 MB"))
    ask_again_on = DateField(
        _l("什么时候再问"), description=_l("不填的，半年以后再问"), validators=[Optional()]
    )

    SERVICE = (
        (ConsentState.ACCEPTED.value, _l("愿意接受探访")),
        (ConsentState.REMOTE_ONLY.value, _l("只接受电话、视频")),
        (ConsentState.REFUSED.value, _l("不愿意")),
    )
    HOME = ((ConsentState.GRANTED.value, _l("同意上门")), (ConsentState.REFUSED.value, _l("不同意上门")))

    def take(self, problem: DomainError) -> None:
        if problem.field == "file":  # a paper's own word for it
            problem.field = "paper"
        super().take(problem)

    def given(self) -> ConsentGiver:
        return ConsentGiver(self.given_by.data)

    def validate_explained_by(self, field: StringField) -> None:
        if self.state.data == ConsentState.REFUSED and not (field.data or "").strip():
            raise ValidationError(_("请写明是谁去解释的。"))


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
    appointed_by = StringField(
        _l("由谁明确"),
        description=_l("不是子女时填：街道和社区哪次会上、由谁明确"),
        validators=[Length(max=120)],
    )

    def validate_appointed_by(self, field: StringField) -> None:
        if self.relation.data and not is_child(self.relation.data) and not (field.data or "").strip():
            raise ValidationError(_("不是子女的，要写明由谁明确。"))


class DeviceForm(Form):
    """A device in the home."""

    kind = SelectField(_l("哪一种"), choices=options(DEVICE_KINDS))
    identifier = StringField(_l("编号或卡号"), description=_l("加密保存"), validators=[Length(max=60)])
    installed_on = DateField(_l("装上的日期"), validators=[Optional()])
    working = TruthField(_l("能用"), _l("能用"), _l("坏了"))
    note = StringField(_l("说明"), description=_l("装在哪里、谁负责维护"), validators=[Length(max=200)])
    removed_on = DateField(_l("拆走的日期"), description=_l("拆走以后填"), validators=[Optional()])


class PaperForm(Form):
    """A photograph or scan for the dossier."""

    kind = SelectField(_l("哪一种材料"), choices=options(PAPER_KINDS))
    title = StringField(
        _l("名称"), description=_l("例如“残疾人证正面”；不填就用种类的名称"), validators=[Length(max=80)]
    )
    file = FileField(
        _l("照片或扫描件"),
        description=_l("JPEG、PNG 或 PDF，最大 8 MB。照片里的拍摄地点会去掉。"),
        validators=[FileRequired(_l("请选一个文件。"))],
    )


class RemovePaperForm(Form):
    """Taking a paper out of the dossier."""

    reason = StringField(
        _l("为什么移除"), validators=[InputRequired(_l("请写明原因。")), Length(min=2, max=200)]
    )


class AnswerForm(Form):
    """The answer to a question about a category."""

    reason = TextAreaField(
        _l("情况属实，因为"), validators=[InputRequired(_l("请写明原因。")), Length(min=4, max=500)]
    )
