"""What people declare of themselves, and what a coordinator says to it."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import MultipleFileField
from wtforms import BooleanField, DateField, RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from coordinator.elders.forms import typed_right
from coordinator.joining import health
from coordinator.joining.models import Application
from coordinator.kernel.forms import Form, options
from coordinator.workforce.fitness import TIED_KINDS
from coordinator.workforce.models import CredentialKind, Worker, WorkerKind


def _question(one: health.Question) -> Any:
    return RadioField(
        one.words,
        choices=options({health.YES: _l("是"), health.NO: _l("不是")}),
        validators=[InputRequired(_l("请回答这一条。"))],
    )


PHOTO_KINDS = "image/jpeg,image/png,application/pdf"


def photos_field(label: Any) -> Any:
    """Where photographs of a certificate are chosen."""
    return MultipleFileField(label, description=_l("拍照，或选照片、PDF，最多 3 张；加密保存，只有社区看"))


def photos_in(field: Any) -> list[bytes]:
    """What was chosen; browsers send an empty part where nothing was."""
    return [one.read() for one in field.data or () if one and one.filename]


class HealthForm(Form):
    """One field for each question, by its key."""

    infectious = _question(health.QUESTIONS[0])
    sudden = _question(health.QUESTIONS[1])
    advised = _question(health.QUESTIONS[2])
    walking = _question(health.QUESTIONS[3])
    senses = _question(health.QUESTIONS[4])
    note = TextAreaField(
        _l("还想说明的"), validators=[Length(max=health.LONGEST_NOTE)], render_kw={"rows": 2}
    )
    photos = photos_field(_l("健康证或体检报告的照片"))
    promise = BooleanField(health.PROMISE, validators=[InputRequired(_l("请打勾。"))])


class AgreementForm(Form):
    accept = BooleanField(_l("我看过了，照这样做"), validators=[InputRequired(_l("同意的话，请打勾。"))])


class DeclarationsForm(HealthForm, AgreementForm):
    """Health and agreement on one page, with one button."""


class PaperForm(Form):
    number = StringField(_l("编号"), validators=[Length(max=60)])
    valid_from = DateField(_l("从哪天起"), validators=[InputRequired(_l("请填日期。"))])
    valid_to = DateField(_l("到哪天为止"), validators=[Optional()])
    photos = photos_field(_l("照片"))

    @classmethod
    def of(cls, kind: CredentialKind) -> PaperForm:
        """The form with the words of one kind."""
        form = cls()
        words = {
            CredentialKind.TRAINING: (
                _l("在哪里参加的，或证书编号"),
                _l("哪天参加的"),
                _l("没有写到期日的不填"),
            ),
            CredentialKind.INSURANCE: (_l("保单号"), _l("从哪天起"), _l("在保单上找“保险期间”")),
            CredentialKind.PROFESSIONAL: (_l("证书编号"), _l("发证日期"), _l("长期有效的不填")),
        }[kind]
        form.number.label.text, form.valid_from.label.text, form.valid_to.description = words
        return form


class PhotosForm(Form):
    """More photographs of what was declared before."""

    photos = photos_field(_l("照片"))


class ReasonForm(Form):
    """Why something is sent back or not accepted; the person reads it."""

    reason = StringField(
        _l("哪里不对，要怎么改"), validators=[InputRequired(_l("请写明，本人会看到。")), Length(max=200)]
    )


class CorrectForm(Form):
    """What the applicant had said, to be put right. An empty number keeps the one on file, which is never shown."""

    name = StringField(
        _l("姓名"),
        [InputRequired(_l("请填姓名。")), Length(max=60), typed_right],
        description=_l("身份证上的姓名"),
    )
    id_number = StringField(
        _l("身份证号"),
        [Length(max=30), typed_right],
        description=_l("不用改的空着"),
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    )
    student_class = StringField(_l("班级"), [Length(max=40)])
    student_number = StringField(_l("学号"), [Length(max=30)])
    elder_named = StringField(
        _l("您要看望谁"), [Length(max=200)], description=_l("姓名和住址，例如：王奶奶，柳荫小区 3 栋")
    )
    elder_relation = StringField(_l("您和这位老人的关系"), [Length(max=30)])

    @classmethod
    def of(cls, worker: Worker, application: Application | None) -> CorrectForm:
        """The form of this type of worker with what was said."""
        form = cls(
            data={
                "name": worker.name,
                "student_class": worker.student_class,
                "student_number": worker.student_number,
                "elder_named": application.elder_named if application else None,
                "elder_relation": application.elder_relation if application else None,
            }
        )
        if worker.kind is not WorkerKind.STUDENT:
            del form.student_class, form.student_number
        if worker.kind not in TIED_KINDS:
            del form.elder_named, form.elder_relation
        return form

    def own_words(self) -> dict[str, str]:
        """What goes into the record."""
        names = ("name", "student_class", "student_number")
        found = {name: self[name].data or "" for name in names if name in self}
        return found | ({"id_number": self.id_number.data} if self.id_number.data else {})
