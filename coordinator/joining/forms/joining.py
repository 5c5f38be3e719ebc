"""The forms of somebody who joins."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField, StringField, TelField
from wtforms.validators import InputRequired, Length, Optional

from coordinator.accounts.forms import NewPasswordForm
from coordinator.accounts.models import Organisation
from coordinator.elders.forms import typed_right
from coordinator.joining.forms.credentials import photos_field
from coordinator.joining.labels import ELDER_RELATIONS, GUARDIAN_RELATIONS, LICENCES, OFFICES, ONE_ELDER
from coordinator.kernel.errors import InvalidInput
from coordinator.kernel.forms import Form, options
from coordinator.workforce.models import WorkerKind

NOT_LISTED = "other"
_FIGURES = {"inputmode": "numeric", "autocapitalize": "none"}


class PhoneForm(Form):
    phone = TelField(
        _l("您的手机号"),
        [InputRequired(_l("请填手机号。")), Length(max=40, message=_l("手机号是 11 位数字。"))],
        render_kw={"autocomplete": "tel-national", "inputmode": "tel"},
    )


class CodeForm(Form):
    code = StringField(
        _l("短信里的 6 位验证码"),
        [InputRequired(_l("请填验证码。")), Length(max=20, message=_l("验证码是 6 位数字。"))],
        render_kw={"autocomplete": "one-time-code", **_FIGURES},
    )


class OwnPasswordForm(NewPasswordForm):
    """The code that stands for the former password, and the new one."""

    code = StringField(
        _l("短信里的 6 位验证码"),
        [InputRequired(_l("请填验证码。")), Length(max=20, message=_l("验证码是 6 位数字。"))],
        render_kw={"autocomplete": "one-time-code", **_FIGURES},
    )


class TakeUpForm(Form):
    """Somebody says that a roster's row is theirs."""

    name = StringField(
        _l("您的姓名"),
        [InputRequired(_l("请填姓名。")), Length(max=60), typed_right],
        render_kw={"autocomplete": "name"},
    )
    notice = BooleanField(
        _l("我看过上面的说明，同意这样使用我的资料"), [InputRequired(_l("请看过说明，同意了再勾选。"))]
    )


class DetailsForm(Form):
    """What this type of worker needs, and no more: the other fields are taken out by `of`."""

    name = StringField(
        _l("姓名"),
        [InputRequired(_l("请填姓名。")), Length(max=60, message=_l("姓名最多 50 个字。")), typed_right],
        description=_l("身份证上的姓名"),
        render_kw={"autocomplete": "name"},
    )
    id_number = StringField(
        _l("身份证号"),
        [InputRequired(_l("请填身份证号。")), Length(max=30, message=_l("身份证号是 18 位。")), typed_right],
        description=_l("18 位；加密保存，只给社区核对身份"),
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    )
    licence = StringField(
        _l("证书编号"),
        [InputRequired(_l("请填证书编号。")), Length(max=60)],
        render_kw={"autocomplete": "off"},
    )
    photos = photos_field(_l("证书照片"))
    office = StringField(
        _l("单位"),
        [InputRequired(_l("请填这一项。")), Length(max=80)],
        render_kw={"autocomplete": "organization"},
    )
    school_id = SelectField(_l("学校"), [InputRequired(_l("请选您的学校。"))])
    school_named = StringField(
        _l("学校全名"), [Length(max=80)], description=_l("上面没有您的学校才填，例如：江阳区滨江中学")
    )
    student_class = StringField(
        _l("班级"), [InputRequired(_l("请填班级。")), Length(max=40)], description=_l("例如：八年级 3 班")
    )
    student_number = StringField(_l("学号"), [InputRequired(_l("请填学号。")), Length(max=30)])
    elder_named = StringField(
        _l("您要看望谁"),
        [InputRequired(_l("请填您要看望谁。")), Length(max=200)],
        description=_l("姓名和住址，例如：王奶奶，柳荫小区 3 栋"),
    )
    elder_relation = SelectField(_l("您和这位老人的关系"), [InputRequired(_l("请选一个。"))])
    guardian_name = StringField(_l("监护人姓名"), [Optional(), Length(max=60)])
    guardian_relation = SelectField(_l("监护人是您的"), [Optional()])
    guardian_phone = TelField(
        _l("监护人的手机号"),
        [Optional(), Length(max=40)],
        description=_l("会收到一条短信，监护人自己点链接同意"),
        render_kw={"inputmode": "tel"},
    )
    child_notice = BooleanField(_l("监护人已经读过上面给家长的说明，同意填写孩子的资料"))
    notice = BooleanField(
        _l("我看过上面的说明，同意这样使用我的资料"), [InputRequired(_l("请看过说明，同意了再勾选。"))]
    )

    @classmethod
    def of(cls, kind: WorkerKind, schools: list[Organisation] | None, *, guardian: bool) -> DetailsForm:
        """The form for this type. `schools` None: the school is settled; `guardian`: a minor's questions, too."""
        form = cls()
        student = kind is WorkerKind.STUDENT
        wanted = {
            "licence": kind in LICENCES,
            "photos": kind in LICENCES,
            "office": kind in OFFICES,
            "school_id": student and bool(schools),
            "school_named": student and schools is not None,
            "student_class": student,
            "student_number": student,
            "elder_named": kind in ONE_ELDER,
            "elder_relation": kind in ONE_ELDER,
            **dict.fromkeys(("guardian_name", "guardian_relation", "guardian_phone"), guardian),
            "child_notice": guardian,
        }
        for name, is_wanted in wanted.items():
            if not is_wanted:
                del form[name]
        if "licence" in form:
            form.licence.label.text = str(LICENCES[kind])
        if "office" in form:
            form.office.label.text = str(OFFICES[kind])
        if "school_id" in form:
            listed = [(one.id, one.name) for one in schools or ()]
            form.school_id.choices = options([*listed, (NOT_LISTED, _("没有我的学校，自己写"))], _("请选"))
        elif "school_named" in form:
            form.school_named.description = _("例如：江阳区滨江中学")
        if "elder_relation" in form:
            words = [str(one) for one in ELDER_RELATIONS[kind]]
            form.elder_relation.choices = options(zip(words, words, strict=True), _("请选"))
        if "guardian_relation" in form:
            words = [str(one) for one in GUARDIAN_RELATIONS]
            form.guardian_relation.choices = options(zip(words, words, strict=True), _("请选"))
        return form

    def text(self, name: str) -> str:
        """What was typed in a field; empty where this type has none."""
        value: Any = self[name].data if name in self else ""
        return value or ""

    def check_guardian(self) -> None:
        """Raises InvalidInput with the field where the guardian is named by half."""
        for name, words in (
            ("guardian_name", _("请填监护人的姓名。")),
            ("guardian_relation", _("请选监护人是您的什么人。")),
            ("guardian_phone", _("请填监护人的手机号。")),
        ):
            if not self.text(name).strip():
                raise InvalidInput(words, field=name)
