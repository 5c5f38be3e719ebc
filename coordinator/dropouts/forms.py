"""Forms of drop-outs."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, IntegerField, RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from coordinator.dropouts.services.no_shows import LONGEST_APPEAL
from coordinator.kernel.forms import Form, options

_LONG = Length(max=120, message=_l("最多写 120 个字。"))
# The word that is kept is Chinese whatever the page's language: coordinators read it.
WHY = {
    "ill": _l("身体不舒服"),
    "family": _l("家里有事"),
    "work": _l("临时要上班或上课"),
    "way": _l("路上过不来"),
    "other": _l("别的原因"),
}
HOW_IT_WAS = {
    "there": _l("我去了，没有签到"),
    "told": _l("我事先说过去不了"),
    "unknown": _l("我没有收到通知"),
    "other": _l("别的情况"),
}


class LeaveForm(Form):
    """`needed`: the cut-off is over, and a reason has to be given."""

    why = RadioField(_l("为什么去不了"), [Optional()], choices=options(WHY), validate_choice=False)
    reason = StringField(_l("想多说一句"), [_LONG])
    other_day = DateField(_l("改哪天能去"), [Optional()])

    def text(self, *, needed: bool) -> str:
        """The reason in words; "" when one is needed and none was given."""
        chosen = WHY.get(self.why.data or "")
        words = (self.reason.data or "").strip()
        if chosen is None and not words:
            return "" if needed else str(_("提前说了去不了"))
        if self.why.data == "other" and not words:
            return str(chosen)
        return "，".join(
            part for part in (str(chosen) if chosen and self.why.data != "other" else "", words) if part
        )


class SearchForm(Form):
    why = StringField(_l("为什么要找人顶替"), [InputRequired(_l("请写一句原因。")), _LONG])


class SwapForm(Form):
    note = StringField(_l("对他说一句"), [_LONG])


class NoShowForm(Form):
    what = StringField(
        _l("是怎么知道的"), [InputRequired(_l("请写一句，例如“长者来电话说没有人来”。")), _LONG]
    )


class ReportForm(Form):
    what = StringField(_l("说一句情况"), [_LONG])


class AppealForm(Form):
    how = RadioField(
        _l("是怎么回事"), [DataRequired(_l("请选一项。"))], choices=options(HOW_IT_WAS), validate_choice=False
    )
    words = TextAreaField(
        _l("再说一句"), [Length(max=LONGEST_APPEAL - 20, message=_l("写得太长了，请短一些。"))]
    )

    def text(self) -> str:
        """What was chosen and what was written, in one sentence."""
        chosen = HOW_IT_WAS.get(self.how.data or "")
        words = " ".join((self.words.data or "").split())
        return "：".join(part for part in (str(chosen) if chosen else "", words) if part)


class DecisionForm(Form):
    words = StringField(_l("对本人说一句"), [InputRequired(_l("请写一句，本人会看到。")), _LONG])


class RulesForm(Form):
    automatic_hours = IntegerField(
        _l("探访前多少小时以内有人退出，就自动找人"),
        [InputRequired(_l("请填 0 到 72。")), NumberRange(0, 72, _l("请填 0 到 72。"))],
        description=_l("0 表示不自动找，由工作人员来点。"),
    )
    grace_minutes = IntegerField(
        _l("探访结束多少分钟以后，才能记“没有来”"),
        [InputRequired(_l("请填 15 到 600。")), NumberRange(15, 600, _l("请填 15 到 600。"))],
    )
    familiar_swap = BooleanField(_l("去过这位长者家的成年人，可以自己换，不用工作人员同意"))
