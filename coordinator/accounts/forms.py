"""Forms of accounts."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, FloatField, PasswordField, SelectField, StringField, TelField
from wtforms.validators import (
    InputRequired,
    Length,
    NumberRange,
    Optional,
    Regexp,
    StopValidation,
    ValidationError,
)

from coordinator.accounts.labels import ORGANISATION_KINDS, ROLES, SCHOOL_STAGES
from coordinator.accounts.models import OrganisationKind
from coordinator.accounts.passwords import ADVISED, LONGEST, SHORTEST
from coordinator.kernel.forms import Form, options

_NAME = [InputRequired(_l("请填写姓名。")), Length(max=60, message=_l("姓名最多 60 个字。"))]
_EMAIL = [
    Optional(),
    Length(max=120, message=_l("邮箱最多 120 个字符。")),
    Regexp(r"^[^@\s]+@[^@\s]+\.[^@\s]+$", message=_l("邮箱写得不完整，例如 zhou@example.org。")),
]


def _whole(value: Any) -> int | None:
    """A select's value as an id; '' is nothing chosen."""
    return int(value) if value not in (None, "", "None") else None


class SignInForm(Form):
    username = StringField(
        _l("用户名"),
        [InputRequired(_l("请填写用户名。")), Length(max=60, message=_l("用户名最多 60 个字符。"))],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        _l("密码"),
        [InputRequired(_l("请填写密码。")), Length(max=4 * LONGEST, message=_l("密码太长。"))],
        render_kw={"autocomplete": "current-password"},
    )


class CodeForm(Form):
    code = StringField(
        _l("动态码"),
        [InputRequired(_l("请填写动态码。")), Length(max=20, message=_l("动态码是 6 位数字。"))],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "autocapitalize": "none"},
    )


class PasswordForm(Form):
    """One's password, asked again before something weighty."""

    password = PasswordField(
        _l("您的密码"),
        [InputRequired(_l("请填写密码。")), Length(max=4 * LONGEST, message=_l("密码太长。"))],
        render_kw={"autocomplete": "current-password"},
    )


class NewPasswordForm(Form):
    """A new password, written twice."""

    password = PasswordField(
        _l("新密码"),
        [InputRequired(_l("请填写新密码。")), Length(max=4 * LONGEST, message=_l("密码太长。"))],
        description=_l(
            "至少 %(n)s 个字符，%(m)s 个以上更安全。用一句只有您知道的话就很好，不要求大小写和符号。",
            n=SHORTEST,
            m=ADVISED,
        ),
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        _l("新密码再写一遍"),
        [InputRequired(_l("请再写一遍新密码。"))],
        render_kw={"autocomplete": "new-password"},
    )

    def validate_again(self, field: PasswordField) -> None:
        if field.data != self.password.data:
            raise ValidationError(_l("两次写的不一样，请再写一遍。"))


class ChangePasswordForm(NewPasswordForm):
    old = PasswordField(
        _l("现在的密码"),
        [InputRequired(_l("请填写现在的密码。")), Length(max=4 * LONGEST, message=_l("密码太长。"))],
        render_kw={"autocomplete": "current-password"},
    )


class DetailsForm(Form):
    """Name and address of an account."""

    name = StringField(_l("姓名"), _NAME, render_kw={"autocomplete": "off"})
    email = EmailField(_l("邮箱"), _EMAIL, description=_l("有新消息时发一封提醒，不含长者的信息。"))


class RoleForm(Form):
    """A role with its place; which of the two places counts depends on the role."""

    role = SelectField(_l("角色"), [InputRequired(_l("请选择角色。"))])
    area_id = SelectField(
        _l("辖区"),
        [Optional()],
        coerce=_whole,
        description=_l("管理、监管和协调角色要选。"),
        validate_choice=False,
    )
    organisation_id = SelectField(
        _l("单位"),
        [Optional()],
        coerce=_whole,
        description=_l("单位负责人和学校核验员要选。"),
        validate_choice=False,
    )

    def offer(
        self, roles: list[Any], areas: list[tuple[int, str]], organisations: list[tuple[int, str]]
    ) -> None:
        """Set what can be chosen."""
        self.role.choices = options([(role.value, ROLES[role]) for role in roles], _l("请选择"))
        self.area_id.choices = options(areas, _l("不选"))
        self.organisation_id.choices = options(organisations, _l("不选"))


class NewAccountForm(RoleForm):
    name = StringField(_l("姓名"), _NAME, render_kw={"autocomplete": "off"})
    username = StringField(
        _l("用户名"),
        [InputRequired(_l("请填写用户名。")), Length(max=60, message=_l("用户名最多 60 个字符。"))],
        description=_l("登录用，4 个以上小写字母、数字、点或短横线，例如 zhou.min。"),
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    email = EmailField(_l("邮箱"), _EMAIL, description=_l("有新消息时发一封提醒，不含长者的信息。"))


# These two stand before Optional(), which would end the checks of an empty field.
def _schools_have_a_stage(form: Form, field: SelectField) -> None:
    is_school = form["kind"].data == OrganisationKind.SCHOOL.value
    if is_school and not field.data:
        raise StopValidation(_l("学校要选学段。"))
    if not is_school:
        field.data = ""


def _both_or_none(form: Form, field: FloatField) -> None:
    latitude_given, longitude_given = form["latitude"].raw_data, field.raw_data
    if bool(latitude_given and latitude_given[0]) != bool(longitude_given and longitude_given[0]):
        raise StopValidation(_l("纬度和经度要么都填，要么都不填。"))


class OrganisationForm(Form):
    name = StringField(
        _l("名称"), [InputRequired(_l("请填写名称。")), Length(max=80, message=_l("名称最多 80 个字。"))]
    )
    kind = SelectField(
        _l("类型"),
        [InputRequired(_l("请选择类型。"))],
        choices=options(ORGANISATION_KINDS, _l("请选择")),
    )
    school_stage = SelectField(
        _l("学段"),
        [_schools_have_a_stage, Optional()],
        choices=options(SCHOOL_STAGES, _l("不是学校")),
        description=_l("学校要选；学段决定时数怎样核验。"),
    )
    area_id = SelectField(
        _l("所在辖区"), [InputRequired(_l("请选择辖区。"))], coerce=_whole, validate_choice=False
    )
    address = StringField(_l("地址"), [Optional(), Length(max=200, message=_l("地址最多 200 个字。"))])
    latitude = FloatField(
        _l("纬度"), [Optional(), NumberRange(3, 54, _l("纬度要在 3 到 54 之间，请看看是不是和经度写反了。"))]
    )
    longitude = FloatField(
        _l("经度"),
        [
            _both_or_none,
            Optional(),
            NumberRange(73, 136, _l("经度要在 73 到 136 之间，请看看是不是和纬度写反了。")),
        ],
    )
    issuer_person = StringField(
        _l("证明负责人"),
        [Optional(), Length(max=60, message=_l("最多 60 个字。"))],
        description=_l("印在志愿服务记录证明上。"),
    )
    issuer_handler = StringField(_l("证明经办人"), [Optional(), Length(max=60, message=_l("最多 60 个字。"))])
    issuer_phone = TelField(_l("联系电话"), [Optional(), Length(max=30, message=_l("最多 30 个字。"))])
    is_active = BooleanField(_l("还在合作"), default=True)
