"""What the pages of somebody who joins share: what was chosen so far stands in the address, the telephone in the
cookie (encrypted), so that going back, reloading and a second tap lose nothing.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, NamedTuple

from flask import flash, redirect, render_template, request, send_file, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from coordinator.accounts.authentication import current_person, local_target, open_session
from coordinator.accounts.kept import KeptForm
from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.joining import labels
from coordinator.joining.models import CodePurpose, Invitation
from coordinator.joining.queries.invitations import (
    LinkState,
    find_invitation,
    kinds_by,
    last_day_of,
    state_of,
)
from coordinator.joining.queries.places import joinable
from coordinator.kernel import clock, crypto
from coordinator.kernel.access import current_actor
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.identity import mask_name
from coordinator.workforce import labels as workforce_labels
from coordinator.workforce.models import CredentialPaper, WorkerKind

Answer = str | tuple[str, int] | tuple[str, int, dict[str, str]] | BaseResponse
# A long form, filled in with somebody's help.
PROOF_LASTS = timedelta(hours=2)
_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}
_CONTEXT = "session.joining_phone"


@dataclass(frozen=True, slots=True)
class Way:
    """What was chosen so far, read from the address; anything that does not fit is as if it were not there.

    `over`: the address names an invitation that does not work (any more).
    """

    area: Area | None
    kind: WorkerKind | None
    invitation: Invitation | None
    token: str
    over: bool = False

    @classmethod
    def read(cls) -> Way:
        token = request.args.get("i", "")
        invitation = find_invitation(token)
        over = bool(token) and (invitation is None or state_of(invitation) is not LinkState.OPEN)
        if over:
            invitation = None
        area = joinable(request.args.get("area", type=int), invitation)
        offered = kinds_by(invitation)
        chosen = request.args.get("kind", "")
        kind = next((one for one in offered if one.value == chosen), None)
        if kind is None and len(offered) == 1:
            kind = offered[0]
        return cls(area, kind, invitation, token, over)

    def args(self, **over: Any) -> dict[str, Any]:
        """The same as arguments of an address."""
        found = {
            "area": self.area.id if self.area else None,
            "kind": self.kind.value if self.kind else None,
            "i": self.token or None,
        }
        return found | over

    def missing(self) -> BaseResponse | None:
        """The page to go to first, or None when place and type are chosen. A link that is over says so first."""
        if self.over:
            return redirect(url_for("joining.invited", token=self.token), 303)
        if self.area is None:
            return redirect(url_for("joining.start", **self.args()), 303)
        if self.kind is None:
            return redirect(url_for("joining.who", **self.args()), 303)
        return None

    def steps(self) -> int:
        """How many screens this way has: place, type, telephone, details."""
        inviting = self.invitation
        settled = inviting is not None and inviting.area.level is AreaLevel.COMMUNITY
        return 4 - bool(settled) - (len(kinds_by(inviting)) == 1)


class Phone(NamedTuple):
    """A number in this browser's cookie. `shown` is the code, in the demo only."""

    number: str
    purpose: CodePurpose
    at: datetime
    shown: str | None = None


def keep_phone(name: str, phone: Phone) -> None:
    """Put a number into the cookie: `sent` (a code is on its way) or `proof` (it was read back)."""
    hidden = base64.urlsafe_b64encode(crypto.encrypt(phone.number, _CONTEXT)).decode()
    session[name] = [hidden, phone.purpose.value, phone.at.isoformat(), phone.shown]


def kept_phone(name: str, longest: timedelta = PROOF_LASTS) -> Phone | None:
    """The number under this name, unless it is too old."""
    kept = session.get(name)
    if not isinstance(kept, list) or len(kept) != 4:
        return None
    try:
        number = crypto.decrypt(base64.urlsafe_b64decode(kept[0]), _CONTEXT)
    except (crypto.DecryptionError, binascii.Error):
        return None
    phone = Phone(number, CodePurpose(kept[1]), datetime.fromisoformat(kept[2]), kept[3])
    age = clock.now() - phone.at
    return phone if -longest <= age <= longest else None


def elsewhere() -> BaseResponse | None:
    """Somebody who is signed in does not join again."""
    if current_person() is None:
        return None
    if current_actor().worker_id is not None:
        return redirect(url_for("joining.mine"), 303)
    flash(_("您已经登录。替别人登记，请到“队伍”里添加；自己要加入，请先退出登录。"), "info")
    return redirect("/", 303)


def target() -> str:
    """Where the person wanted to go before signing in."""
    return local_target(request.args.get("next")) or "/"


def let_in(user: User, where: str, kept: KeptForm | None = None) -> str | BaseResponse:
    """Sign the person in and go on: to `where`, or to the form that was being sent. Commits."""
    open_session(user)
    db.session.commit()
    if kept is not None and kept.target:
        return kept.send_again()
    return redirect(where, 303)


def sent_paper(paper: CredentialPaper) -> BaseResponse:
    """A photograph; a PDF is only ever saved, never run in the page. Who looked is committed before it is shown."""
    content, mime = paper.content, paper.mime
    name = f"{workforce_labels.CREDENTIALS[paper.credential.kind]}.{_EXTENSIONS[mime]}"
    db.session.commit()
    return send_file(
        BytesIO(content), mimetype=mime, as_attachment=mime == "application/pdf", download_name=name
    )


def page_of(template: str, status: int = 200, **values: Any) -> Answer:
    return (
        render_template(
            template,
            labels=labels,
            kinds=workforce_labels.KINDS,
            last_day_of=last_day_of,
            mask_name=mask_name,
            **values,
        ),
        status,
    )
