"""`ui`: what the layouts show around a page. Everything is worked out when a layout asks for it, so that a fragment
or an error page costs no query.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from flask import g, session, url_for

from coordinator.accounts.authentication import SignedIn
from coordinator.kernel.i18n import select_locale

ELDER_SIZES = (18, 20, 24, 30)


class Ui:
    """The context of the layouts (docs/look.md)."""

    @property
    def _person(self) -> SignedIn | None:
        person: SignedIn | None = g.get("person")
        return person

    @property
    def lang(self) -> str:
        return "en" if select_locale() == "en" else "zh-CN"

    @property
    def elder_mode(self) -> bool:
        return self._person.elder_mode if self._person else bool(session.get("elder_mode"))

    @property
    def elder_size(self) -> int:
        return self._person.elder_size if self._person else session.get("elder_size", 20)

    @property
    def sign_out_href(self) -> str:
        return url_for("accounts.sign_out") if self._person else ""

    @cached_property
    def user(self) -> dict[str, Any] | None:
        return {"name": self._person.name, "role_label": ""} if self._person else None
