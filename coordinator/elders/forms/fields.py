"""Kinds of fields that several forms of the register use."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import DecimalField, RadioField
from wtforms.validators import NumberRange, Optional, ValidationError

from coordinator.kernel import clock
from coordinator.kernel.forms import Form, options
from coordinator.kernel.identity import IdentityError, clean_name, normalise_phone, parse_resident_id


def _truth(value: Any) -> bool | None:
    """yes, no, or not known."""
    return {"yes": True, True: True, "no": False, False: False}.get(value)


class TruthField(RadioField):
    """是 / 否 / 不清楚; the data is True, False or None."""

    def __init__(self, label: Any, yes: Any = None, no: Any = None, **kwargs: Any) -> None:
        choices = options([("yes", yes or _l("是")), ("no", no or _l("否")), ("", _l("不清楚"))])
        super().__init__(label, validators=[Optional()], choices=choices, coerce=_spoken, **kwargs)
        # The form macros choose the look by this name.
        self.type = "RadioField"

    @property
    def truth(self) -> bool | None:
        return _truth(self.data)


def _spoken(value: Any) -> str:
    if value is True or value == "yes":
        return "yes"
    return "no" if value is False or value == "no" else ""


class Row(Form):
    """A repeated part of a form, without a token of its own."""

    class Meta(Form.Meta):
        csrf = False


def money(label: Any) -> DecimalField:
    return DecimalField(label, places=2, validators=[Optional(), NumberRange(0, 9_999_999)])


def typed_right(form: Form, field: Any) -> None:  # noqa: ARG001 -- WTForms' signature
    """Validator of names, ID numbers and telephones: the first round already says all that is wrong with them."""
    text = (field.data or "").strip()
    if not text:
        return
    try:
        if field.short_name == "name":
            clean_name(text)
        elif field.short_name == "id_number":
            parse_resident_id(text, today=clock.today())
        else:
            normalise_phone(text)
    except IdentityError as problem:
        raise ValidationError(problem.message) from None
