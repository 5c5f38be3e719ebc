"""Forms of visits under way and of their records."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    Field,
    HiddenField,
    IntegerField,
    RadioField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from coordinator.fieldwork import record_form as rf
from coordinator.kernel.forms import Form, options

_CHOOSE = _l("请选一项。上次的答案不会自动填上。")
_SHORT = Length(max=120, message=_l("最多写 120 个字。"))
_LONG = Length(max=1000, message=_l("最多写 1000 个字。"))


def _radio(key: str) -> RadioField:
    choice = rf.BY_KEY[key]
    # WTForms counts an unanswered radio as a wrong choice as well; one sentence is enough.
    return RadioField(choice.label, [InputRequired(_CHOOSE)], choices=options(choice.options))


class RecordForm(Form):
    """泸州 附件3 and what the document asks beside it. Nothing is preselected but the way of the visit."""

    mode = _radio("mode")
    mode_other = StringField(_l("其他方式是什么"), [_SHORT])
    family = _radio("family")
    family_count = IntegerField(_l("几个人"), [Optional(), NumberRange(1, 20, message=_l("请填 1 到 20。"))])
    family_visits = _radio("family_visits")
    family_visits_note = StringField(_l("补充一句"), [_SHORT])
    expression = _radio("expression")
    mobility = _radio("mobility")
    reaction = _radio("reaction")
    illness = _radio("illness")
    illness_name = StringField(_l("疾病名称"), [_SHORT], description=_l("不清楚就写“不清楚”。"))
    mood = _radio("mood")
    mind = _radio("mind")
    gas = _radio("gas")
    gas_where = StringField(_l("哪里不安全"), [_SHORT])
    heating = _radio("heating")
    heating_where = StringField(_l("哪里不安全"), [_SHORT])
    power = _radio("power")
    power_where = StringField(_l("哪里不安全"), [_SHORT])
    hygiene = _radio("hygiene")
    home_hygiene = _radio("home_hygiene")
    indoor = _radio("indoor")
    care_given = TextAreaField(
        _l("关爱服务情况"),
        [InputRequired(_l("请写一句这次做了什么，例如陪聊半小时、帮忙倒垃圾。")), _LONG],
        description=_l("这次做了什么"),
    )
    needs = SelectMultipleField(
        _l("老年人服务需求"), choices=options(rf.NEEDS), description=_l("可以选几项，没有就不选")
    )
    needs_text = TextAreaField(_l("需求补充"), [_LONG])
    advice = TextAreaField(
        _l("实施关爱服务建议"), [_LONG], description=_l("有需求的，请写一句怎么帮、请谁帮")
    )
    satisfaction = RadioField(
        _l("老年人服务满意度评价"),
        [InputRequired(_l("请问一问长者，选一项。"))],
        choices=options(rf.SATISFACTION),
    )
    satisfaction_note = StringField(_l("长者怎么说"), [_SHORT])
    elder_signed = RadioField(
        _l("被探访人（签字）"), [InputRequired(_l("请选长者是怎样确认的。"))], choices=options(rf.SIGNED)
    )
    spoken_reason = StringField(_l("为什么没有签名"), [_SHORT], description=_l("例如不识字、手不方便"))
    signed = BooleanField(_l("探访人员（签字）"), [InputRequired(_l("请确认签字，记录才能交。"))])
    client_uuid = HiddenField()
    latitude = HiddenField()
    longitude = HiddenField()
    accuracy = HiddenField()
    phone_at = HiddenField()

    def validate(self, extra_validators: Any = None) -> bool:
        sound = bool(super().validate(extra_validators))
        demands: tuple[tuple[bool, Field, str], ...] = (
            (self.mode.data == "other", self.mode_other, _("请写明是什么方式。")),
            (self.family.data in ("more", "fewer"), self.family_count, _("请填增加或减少了几个人。")),
            (
                self.illness.data == "severe",
                self.illness_name,
                _("请填疾病名称，不清楚就写“不清楚”。"),
            ),
            *(
                (self[key].data == "unsafe", self[f"{key}_where"], _("请写一句哪里不安全，好请人去看。"))
                for key in rf.SAFETY_KEYS
            ),
            (
                bool(self.needs.data) or bool((self.needs_text.data or "").strip()),
                self.advice,
                _("写了需求，请再写一句建议怎么帮；需求和措施要一一对应。"),
            ),
            (self.elder_signed.data == "spoken", self.spoken_reason, _("请写一句为什么没有签名。")),
        )
        for asked, target, words in demands:
            empty = target.data is None or (isinstance(target.data, str) and not target.data.strip())
            if asked and empty and not target.errors:
                target.errors = [*target.errors, words]
                sound = False
        return sound

    def answers(self) -> dict[str, Any]:
        """What is stored: the fields of the form, follow-up texts only where their question was asked."""
        kept: dict[str, Any] = {}
        for name, value in self.data.items():
            if name in _NOT_ANSWERS:
                continue
            kept[name] = " ".join(value.split()) if isinstance(value, str) and name not in _PROSE else value
            if name in _PROSE:
                kept[name] = (value or "").strip()
        for choice in rf.CHOICES:
            if choice.follow and kept.get(choice.key) not in choice.follow_on:
                kept[choice.follow] = None
        if kept["elder_signed"] != "spoken":
            kept["spoken_reason"] = None
        return kept


_NOT_ANSWERS = frozenset({"csrf_token", "client_uuid", "latitude", "longitude", "accuracy", "phone_at"})
_PROSE = frozenset({"care_given", "needs_text", "advice"})
DRAFT_FIELDS = frozenset(name for step in rf.STEPS for name in step.keys)


class MarkForm(Form):
    """Arriving or leaving: where the telephone is, the code of the sheet, or one's word."""

    client_uuid = HiddenField()
    latitude = HiddenField()
    longitude = HiddenField()
    accuracy = HiddenField()
    phone_at = HiddenField()
    code = StringField(
        _l("路线单上的 6 位数"),
        [Length(max=12, message=_l("是 6 位数字。"))],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )
    note = StringField(_l("补充一句"), [Length(max=120, message=_l("最多写 120 个字。"))])
    how = HiddenField()
    with_minors = BooleanField(_l("和我一起离开"))


class NotMetForm(MarkForm):
    outcome = RadioField(_l("怎么回事"), [InputRequired(_l("请选一项。"))], choices=options(rf.OUTCOMES))
    what = TextAreaField(
        _l("看到的情况"),
        [
            InputRequired(_l("请写一句，例如敲门三次没人应、邻居说去了女儿家。")),
            Length(max=400, message=_l("最多写 400 个字。")),
        ],
    )


class LateForm(Form):
    minutes = RadioField(
        _l("大约晚多久"),
        [InputRequired(_l("请选一项。"))],
        choices=options({"15": _l("15 分钟"), "30": _l("半小时"), "60": _l("1 小时"), "120": _l("更久")}),
    )


class CallForm(Form):
    what = TextAreaField(
        _l("发生了什么、做了什么"),
        [InputRequired(_l("请写一句发生了什么。")), Length(max=400, message=_l("最多写 400 个字。"))],
    )


class ReturnForm(Form):
    reason = TextAreaField(
        _l("要改什么，探访的人会看到"),
        [InputRequired(_l("请写明要改什么。")), Length(max=400, message=_l("最多写 400 个字。"))],
    )
