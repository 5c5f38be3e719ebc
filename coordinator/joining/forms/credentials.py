"""What people declare of themselves, and what a coordinator says to it."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from coordinator.joining import health
from coordinator.kernel.forms import Form, options
from coordinator.workforce.models import CredentialKind


def _question(one: health.Question) -> Any:
    return RadioField(
        one.words,
        choices=options({health.YES: _l("是"), health.NO: _l("不是")}),
        validators=[InputRequired(_l("请回答这一条。"))],
    )


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
    promise = BooleanField(health.PROMISE, validators=[InputRequired(_l("请打勾。"))])


class AgreementForm(Form):
    accept = BooleanField(_l("我看过了，照这样做"), validators=[InputRequired(_l("同意的话，请打勾。"))])


class PaperForm(Form):
    number = StringField(_l("编号"), validators=[Length(max=60)])
    valid_from = DateField(_l("从哪天起"), validators=[InputRequired(_l("请填日期。"))])
    valid_to = DateField(_l("到哪天为止"), validators=[Optional()])

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


class ReasonForm(Form):
    """Why something is sent back or not accepted; the person reads it."""

    reason = StringField(
        _l("哪里不对，要怎么改"), validators=[InputRequired(_l("请写明，本人会看到。")), Length(max=200)]
    )
