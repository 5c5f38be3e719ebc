"""What the pages of this feature accept."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from coordinator.kernel.forms import Form


class FeedForm(Form):
    """Which calendar: `own`, `organisation-<id>` or `area-<id>`."""

    what = SelectField(_l("哪一份日历"), [InputRequired(_l("请选一份日历。"))])


class RobotForm(Form):
    """A robot of a group."""

    area = SelectField(_l("哪个地区"), [InputRequired(_l("请选地区。"))])
    name = StringField(
        _l("群的名字"),
        [InputRequired(_l("请写群的名字。")), Length(max=60, message=_l("最多 60 个字。"))],
    )
    address = StringField(
        _l("机器人地址"),
        [InputRequired(_l("请粘贴机器人地址。")), Length(max=300, message=_l("太长了，请只粘贴地址。"))],
        description=_l("在企业微信群里：右上角“…”→“群机器人”→“添加”，把机器人的地址整条复制过来。"),
    )
    evening = BooleanField(_l("每天傍晚说一声明天有几次探访"), default=True)
