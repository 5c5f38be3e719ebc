"""Forms of the marketplace."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from coordinator.kernel.forms import Form
from coordinator.marketplace.services import BOUNDS, LONGEST_REASON

_LONG = Length(max=LONGEST_REASON, message=_l("最多写 200 个字。"))


class RefuseForm(Form):
    reason = TextAreaField(
        _l("理由，申请人会看到"), [InputRequired(_l("请写明为什么不同意，申请人会看到。")), _LONG]
    )


class ApproveForm(Form):
    override_reason = TextAreaField(_l("照样同意的理由"), [_LONG])


def _figure(name: str, label: Any, description: Any) -> IntegerField:
    least, most = BOUNDS[name]
    wrong = _l("请填 %(least)s 到 %(most)s 之间的整数。", least=least, most=most)
    return IntegerField(
        label,
        [InputRequired(wrong), NumberRange(least, most, message=wrong)],
        description=description,
        render_kw={"min": least, "max": most, "inputmode": "numeric"},
    )


class RulesForm(Form):
    """The limits and the rule of an area; the names are those of BOUNDS."""

    open_at_once = _figure("open_at_once", _l("同时最多申请几次"), _l("等审批的和排队的一起算"))
    queue_places = _figure("queue_places", _l("其中最多排队几次"), _l("填 0 就不能排队"))
    hours_ahead = _figure("hours_ahead", _l("手上最多多少小时"), _l("已经派给他的和申请的一起算"))
    ahead_days = _figure("ahead_days", _l("算今后几天"), _l("更远的不算"))
    auto_on = BooleanField(_l("符合下面条件的申请，不用等人审批，当场同意"))
    visits_here = _figure("visits_here", _l("去过这位长者家至少几次"), _l("只算记录已经确认的探访"))
    visits_around = _figure("visits_around", _l("在这个社区至少探访过几次"), _l("只算记录已经确认的探访"))
    lead_hours = _figure("lead_hours", _l("离探访开始至少几小时"), _l("更近的由人来看"))

    def figures(self) -> dict[str, int]:
        return {name: int(self[name].data) for name in BOUNDS}
