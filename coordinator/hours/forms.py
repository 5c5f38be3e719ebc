"""Forms of the ledger."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import DateField, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import HiddenInput

from coordinator.hours.models import VerificationState
from coordinator.kernel.forms import Form


class DecisionForm(Form):
    """A school's decision on one entry."""

    state = HiddenField(_l("决定"))
    # The decision that stood when the page was made (0: none), and the address of the list behind it.
    seen = IntegerField(widget=HiddenInput(), validators=[Optional()])
    list = HiddenField()
    minutes = IntegerField(
        _l("认可多少分钟"), validators=[Optional(), NumberRange(1, 1440, _l("请填 1 到 1440 之间的整数。"))]
    )
    reason = TextAreaField(_l("原因"), validators=[Length(max=500)])

    def decision(self) -> VerificationState | None:
        """The decision, or None when the button was unknown."""
        known = {state.value: state for state in VerificationState}
        return known.get(self.state.data or "")


class ReasonForm(Form):
    """Taking back an entry or revoking a certificate."""

    reason = TextAreaField(
        _l("原因"), validators=[InputRequired(_l("请写明原因，本人会看到。")), Length(max=500)]
    )


class CertificateForm(Form):
    """A worker and a span."""

    worker_id = SelectField(_l("给谁开"), coerce=int, validators=[InputRequired(_l("请选给谁开。"))])
    first_day = DateField(_l("从哪一天"), validators=[InputRequired(_l("请选开始日期。"))])
    last_day = DateField(_l("到哪一天"), validators=[InputRequired(_l("请选结束日期。"))])


class CheckForm(Form):
    """The public look-up of a certificate by number and short code."""

    class Meta(Form.Meta):
        csrf = False  # a GET form that changes nothing

    number = StringField(_l("证明编号"), validators=[Length(max=60)])
    code = StringField(_l("查验码"), validators=[Length(max=60)])
