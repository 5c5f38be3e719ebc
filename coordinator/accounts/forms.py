"""Forms of accounts."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from coordinator.kernel.forms import Form


class SignInForm(Form):
    username = StringField(
        _l("用户名"),
        [InputRequired(_l("请填写用户名。")), Length(max=60)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        _l("密码"),
        [InputRequired(_l("请填写密码。")), Length(max=500)],
        render_kw={"autocomplete": "current-password"},
    )
