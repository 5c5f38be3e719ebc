"""The base of all forms: token, messages in Chinese, and a refused form that comes back with what was typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from flask import Response, g, render_template, request
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms.fields.choices import SelectChoice

from coordinator.extensions import db
from coordinator.kernel.errors import DomainError

Made = TypeVar("Made")


def options(pairs: Mapping[Any, Any] | Iterable[tuple[Any, Any]], empty: Any = None) -> list[SelectChoice]:
    """Choices of a select, radio or check field from value → label; `empty` adds one for no answer in front."""
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    found = [SelectChoice(str(value), label) for value, label in items]
    return found if empty is None else [SelectChoice("", empty), *found]


class Form(FlaskForm):
    """All forms inherit from this one."""

    class Meta(FlaskForm.Meta):
        locales = ["zh"]

        def get_translations(self, form: Any) -> Any:
            from flask_babel import get_locale
            from wtforms.i18n import get_translations

            return get_translations([str(get_locale() or "zh")])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "csrf_token" in self._fields:
            self._fields["csrf_token"].id = False  # a page has several forms, and ids are unique

    def take(self, problem: DomainError) -> None:
        """Show a domain error beside its field, or above the form."""
        target = self._fields.get(problem.field or "")
        if target is None:
            self.form_errors.append(problem.whole)
        else:
            target.errors = [*target.errors, problem.whole]


def attempt(form: Form, act: Callable[[], Any]) -> bool:
    """Do it and commit; a refusal is shown in the form. False when the page is to be shown again."""
    if not form.validate_on_submit():
        return False
    try:
        act()
        db.session.commit()
    except DomainError as problem:
        if problem.status in (403, 404):
            raise
        db.session.rollback()
        form.take(problem)
        return False
    return True


def outcome(form: Form, act: Callable[[], Made]) -> Made | None:
    """`attempt`, for an act that makes something: what it made, or None when the page is to be shown again."""
    made: list[Made] = []
    return made[0] if attempt(form, lambda: made.append(act())) else None


def status_of(form: Form) -> int:
    """422 for a form that comes back, 200 for a page that is opened."""
    return 422 if form.is_submitted() else 200


def keep_typed_form(
    status: int = 409, title: Any = None, text: Any = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer a form that could not be taken with all of it again, ready to be sent once more. Needs no database.

    Said without more: its token is stale. Passwords and files cannot be kept; the page says so where they were
    part of the form.
    """
    kept = [
        (name, value)
        for name, values in request.form.lists()
        for value in values
        if name != "csrf_token" and "password" not in name
    ]
    response = Response(
        render_template(
            "errors/send_again.html",
            kept=kept,
            target=request.full_path.rstrip("?"),
            lost=[name for name in request.form if "password" in name] + list(request.files),
            error={
                "status": status,
                "title": title or _("页面放得太久了，请再送一次"),
                "text": text or _("您填写的内容都在，点下面的按钮就会重新送出。"),
                "reference": g.get("request_id", ""),
            },
        )
    )
    response.status_code = status
    response.headers.extend(headers or {})
    return response
