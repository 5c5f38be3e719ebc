"""The guardian's own link: asking for the consent to a minor's visits, giving it, and taking it back.

教思政〔2015〕1号 第3条: minors take part with the consent of their guardian. The guardian has no account. The link is
found by its hash and kept encrypted, because it is shown again on paper; it opens nothing of the child before the
guardian has proved the telephone that the minor or the school named.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import date, datetime, timedelta
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import select, update

from coordinator.extensions import db
from coordinator.joining.models import GuardianLink
from coordinator.joining.services.codes import mobile
from coordinator.kernel import audit, clock
from coordinator.kernel.access import SYSTEM, Actor, Permission, covers
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.kernel.identity import IdentityError, clean_name
from coordinator.kernel.limits import limit
from coordinator.messages.services import send_link
from coordinator.policy import age_on
from coordinator.workforce.fitness import ACCOMPANY_ONLY_BELOW, consent_valid, is_minor
from coordinator.workforce.models import Guardian, Worker
from coordinator.workforce.services import (
    GuardianConsent,
    add_guardian_consent,
    check_guardian,
    withdraw_guardian_consent,
)

ANSWER_WITHIN = timedelta(days=14)
LONGEST_CONSENT = timedelta(days=366)
"""Our own rule: a consent is asked for anew each school year."""
# The guardian's page stays open for so long after the telephone was proved.
PROOF_LASTS = timedelta(minutes=30)
TOKEN_BYTES = 16


class LinkState(StrEnum):
    """waiting: for the answer · expired: nobody answered · replaced: ended, or a newer one was sent · refused ·
    given: the consent holds · over: it has run out · withdrawn.
    """

    WAITING = "waiting"
    EXPIRED = "expired"
    REPLACED = "replaced"
    REFUSED = "refused"
    GIVEN = "given"
    OVER = "over"
    WITHDRAWN = "withdrawn"


def state_of(link: GuardianLink) -> LinkState:
    """What has become of a link."""
    if link.guardian is not None:
        if link.guardian.withdrawn_at is not None:
            return LinkState.WITHDRAWN
        return LinkState.GIVEN if consent_valid(link.guardian, clock.today()) else LinkState.OVER
    if link.refused_at is not None:
        return LinkState.REFUSED
    if link.ended_at is not None:
        return LinkState.REPLACED
    return LinkState.EXPIRED if link.expires_at <= clock.now() else LinkState.WAITING


def token_hash(token: str) -> bytes:
    """By what a link is found; a token has 128 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def path_of(link: GuardianLink) -> str:
    """The link's path on this site."""
    return f"/guardian/{link.token}"


def proposed_end(today: date) -> date:
    """Until when a consent is asked for unless somebody says otherwise: the end of the school year, 31 July."""
    end = date(today.year, 7, 31)
    return end if end - today >= timedelta(days=60) else date(today.year + 1, 7, 31)


def can_ask(actor: Actor, worker: Worker) -> bool:
    """May the actor see and send the links of this minor? The minor, their coordinators, their own school."""
    if actor.worker_id == worker.id and actor.may(Permission.WORK):
        return True
    mine = actor.organisation_ids(Permission.ROSTER_EDIT)
    return covers(actor, Permission.WORKER_EDIT, worker.area.path) or worker.organisation_id in mine


def ask_guardian(
    actor: Actor | None,
    worker: Worker,
    *,
    name: str,
    relation: str,
    phone: str,
    scope: str = "",
    valid_to: date | None = None,
) -> GuardianLink:
    """Ask a minor's guardian for consent: make the link and owe its text message. Flushes.

    `actor` None: the minor who applies. An unanswered link to the same telephone does not open any more; a second
    guardian keeps theirs. Without `scope` and `valid_to` the usual ones are proposed. Raises InvalidInput with the
    field (`name`, `relation`, `phone`, `valid_to`), Conflict for somebody of age, TooMany over ten a day.
    """
    actor = actor or SYSTEM
    if actor is not SYSTEM and not can_ask(actor, worker):
        raise NotAllowed(_("您不能给这位学生的监护人发链接。"))
    today = clock.today()
    if not is_minor(worker, today):
        raise Conflict(_("%(name)s已满 18 岁，不用监护人同意。", name=worker.name))
    try:
        name = clean_name(name)
    except IdentityError as problem:
        raise InvalidInput(problem.message, code=problem.code, field="name") from None
    phone = mobile(phone)
    check_guardian(worker, name, phone, None)
    relation = relation.strip()[:30]
    if not relation:
        raise InvalidInput(_("请填和孩子的关系。"), field="relation")
    valid_to = valid_to or proposed_end(today)
    check_end(valid_to)
    limit(f"guardian-ask:{worker.id}", "10/day")
    now = clock.now()
    for old in links_of_worker(worker.id):
        if old.phone == phone and state_of(old) in (LinkState.WAITING, LinkState.EXPIRED):
            old.ended_at = now
    token = secrets.token_urlsafe(TOKEN_BYTES)
    link = GuardianLink(
        worker_id=worker.id,
        token=token,
        token_hash=token_hash(token),
        name=name,
        relation=relation,
        phone=phone,
        scope=(scope.strip() or _("白天由成年人陪着，一起探访本街道的长者"))[:120],
        valid_to=valid_to,
        asked_by_id=actor.user_id,
        asked_at=now,
        expires_at=now + ANSWER_WITHIN,
    )
    db.session.add(link)
    db.session.flush()
    _send(link)
    audit.record(
        actor,
        "guardian.ask",
        worker,
        _("请%(who)s确认%(name)s的探访", who=name, name=worker.name),
        area_id=worker.area_id,
    )
    db.session.flush()
    return link


def check_end(valid_to: date) -> None:
    """Raises InvalidInput (field `valid_to`) for a day that has passed or lies more than a year ahead."""
    today = clock.today()
    if valid_to < today:
        raise InvalidInput(_("这一天已经过了。"), field="valid_to")
    if valid_to - today > LONGEST_CONSENT:
        raise InvalidInput(_("最多同意一年，到期前会再来问您。"), field="valid_to")


def links_of_worker(worker_id: int) -> list[GuardianLink]:
    """The links of a minor, the newest first."""
    return list(
        db.session.scalars(
            select(GuardianLink).where(GuardianLink.worker_id == worker_id).order_by(GuardianLink.id.desc())
        )
    )


def _send(link: GuardianLink) -> bool:
    moment = f"{clock.now():%Y%m%d%H%M}"
    return send_link(
        link.phone,
        path_of(link),
        link.token,
        dedupe_key=f"guardian-link:{link.id}:{moment}",
        expires_at=link.expires_at,
    )
