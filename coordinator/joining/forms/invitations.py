"""The form of an invitation."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import DateField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from coordinator.joining.services.invitations import MOST_USES
from coordinator.kernel.forms import Form


class InvitationForm(Form):
    label = StringField(
        _l("给谁用"),
        [InputRequired(_l("请填给谁用。")), Length(max=80, message=_l("最多 80 个字。"))],
        description=_l("只有您这里看得到，例如：秋季新同学、二号物业站"),
    )
    organisation_id = SelectField(_l("替哪个单位邀请"), [Optional()])
    area_id = SelectField(_l("到哪里探访"), [InputRequired(_l("请选一个地方。"))])
    kind = SelectField(_l("来的人是"), [Optional()])
    last_day = DateField(_l("用到哪一天"), [InputRequired(_l("请填最后一天。"))])
    most_uses = IntegerField(
        _l("最多多少人"),
        [Optional(), NumberRange(1, MOST_USES, message=_l("填 1 到 %(max)s。"))],
        description=_l("不填就不限人数"),
    )
