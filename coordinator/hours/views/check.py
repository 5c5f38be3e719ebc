"""The public check of a certificate."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from coordinator.hours import queries
from coordinator.hours.forms import CheckForm
from coordinator.hours.views.blueprint import bp
from coordinator.kernel import limits
from coordinator.kernel.access import Permission, requires
from coordinator.kernel.identity import mask_name


@bp.get("/check", defaults={"code": ""})
@bp.get("/check/<code>")
@requires(Permission.PUBLIC)
def check(code: str) -> Any:
    """Is this certificate genuine? Shows no more than the paper itself, the name masked.

    From the QR code, or by number and code together as typed from the paper.
    """
    limits.limit(f"check:{request.remote_addr}", "60/minute")
    form = CheckForm(request.args)
    typed = _plain(form.code.data or "")
    asked = bool(code or typed or form.number.data)
    found = None
    if code:
        found = queries.certificate_by_code(_grouped(_plain(code)))
    elif typed and form.number.data:
        found = queries.certificate_by_code(_grouped(typed), _plain(form.number.data, "-"))
    page = render_template(
        "hours/check.html",
        form=form,
        asked=asked,
        certificate=found,
        name=mask_name(found.content["name"]) if found else "",
        issuer=found.content["issuer"] if found else None,
    )
    return page, (404 if asked and found is None else 200)


def _plain(text: str, also: str = "") -> str:
    """Capitals and figures only, however it was typed: full-width, in small letters, with blanks."""
    narrow = (chr(ord(c) - 0xFEE0) if "\uff01" <= c <= "\uff5e" else c for c in text[:60])
    return "".join(c for c in "".join(narrow).upper() if (c.isascii() and c.isalnum()) or c in also)


def _grouped(code: str) -> str:
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))
