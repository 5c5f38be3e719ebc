"""Forms of the marketplace."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from coordinator.kernel.forms import Form
from coordinator.marketplace.services import LONGEST_REASON

_LONG = Length(max=LONGEST_REASON, message=_l("最多写 200 个字。"))


class RefuseForm(Form):
    reason = TextAreaField(
        _l("理由，申请人会看到"), [InputRequired(_l("请写明为什么不同意，申请人会看到。")), _LONG]
    )


class ApproveForm(Form):
    override_reason = TextAreaField(_l("照样同意的理由"), [_LONG])


class LeaveForm(Form):
    reason = TextAreaField(_l("为什么去不了"), [InputRequired(_l("请写一句原因，社区好另外找人。")), _LONG])
