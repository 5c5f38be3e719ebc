"""A form that was sent after the session had ended: carried through the sign-in, so that nothing typed is lost."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from coordinator.kernel.errors import NotAllowed

PREFIX = "kept."
# A longer form is not carried along: it would have to be sent back and forth with each try.
MOST = 256 * 1024


@dataclass(frozen=True, slots=True)
class KeptForm:
    """Where the form was going, and its fields; without target there is none."""

    target: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    lost: tuple[str, ...] = ()

    @classmethod
    def of_refused_request(cls) -> KeptForm:
        """Keep the form of this request, which nobody is signed in for. Passwords and files cannot be kept.

        Raises NotAllowed when the form comes from another site: only what was typed here is offered for sending.
        """
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none") or (
            request.headers.get("Origin") not in (None, request.host_url.rstrip("/"))
        ):
            raise NotAllowed(_("这次请求不是从本站发出的"), _("请从本站的页面进入。"))
        fields = tuple(
            (name, value)
            for name, values in request.form.lists()
            for value in values
            if name != "csrf_token" and "password" not in name
        )
        if sum(len(name) + len(value) for name, value in fields) > MOST:
            return cls()
        lost = tuple(name for name in request.form if "password" in name) + tuple(request.files)
        return cls(target=request.full_path.rstrip("?"), fields=fields, lost=lost)

    @classmethod
    def from_request(cls) -> KeptForm:
        """What the sign-in form carries along."""
        from coordinator.accounts.authentication import local_target

        target = local_target(request.form.get("kept_target"))
        if not target:
            return cls()
        fields = tuple(
            (name.removeprefix(PREFIX), value)
            for name, values in request.form.lists()
            for value in values
            if name.startswith(PREFIX)
        )
        return cls(target=target, fields=fields, lost=tuple(request.form.getlist("kept_lost")))

    def hidden(self) -> MultiDict[str, str]:
        """The hidden fields that carry it along."""
        found: MultiDict[str, str] = MultiDict()
        if self.target:
            found.add("kept_target", self.target)
            for name, value in self.fields:
                found.add(PREFIX + name, value)
            for name in self.lost:
                found.add("kept_lost", name)
        return found

    def send_again(self) -> str:
        """The page that offers the form for sending, now that somebody is signed in."""
        return render_template(
            "errors/send_again.html",
            kept=list(self.fields),
            target=self.target,
            lost=list(self.lost),
            error={
                "status": 200,
                "title": _("已经登录，请把刚才的内容再送一次"),
                "text": _("刚才登录过期了，您填写的内容都在，点下面的按钮就会重新送出。"),
            },
        )
