"""The guardian's own link: asking for the consent to a minor's visits, giving it, and taking it back.

教思政〔2015〕1号 第3条: minors take part with their guardian's consent. The guardian has no account. The link is
found by its hash and kept encrypted, because it is shown again on paper; it opens nothing of the child before the
guardian has proved the telephone that the minor or the school named.
"""

from __future__ import annotations

import secrets
from datetime import date, timedelta
from enum import StrEnum

from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.joining.models import GuardianLink
from coordinator.joining.queries.guardians import links_of
from coordinator.joining.queries.invitations import token_hash
from coordinator.joining.queries.people import keepers_of, managers_of
from coordinator.joining.services.codes import mobile
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import SYSTEM, Actor, Permission, covers
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.kernel.identity import IdentityError, clean_name
from coordinator.kernel.limits import limit
from coordinator.messages.services import notify, send_link
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
ASKS_A_DAY = "10/day"


class GuardianState(StrEnum):
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


def state_of(link: GuardianLink) -> GuardianState:
    """What has become of a link."""
    if link.guardian is not None:
        if link.guardian.withdrawn_at is not None:
            return GuardianState.WITHDRAWN
        return GuardianState.GIVEN if consent_valid(link.guardian, clock.today()) else GuardianState.OVER
    if link.refused_at is not None:
        return GuardianState.REFUSED
    if link.ended_at is not None:
        return GuardianState.REPLACED
    return GuardianState.EXPIRED if link.expires_at <= clock.now() else GuardianState.WAITING


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
    limit(f"guardian-ask:{worker.id}", ASKS_A_DAY)
    now = clock.now()
    for old in links_of(worker.id):
        if old.phone == phone and state_of(old) in (GuardianState.WAITING, GuardianState.EXPIRED):
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


def send_again(actor: Actor, link: GuardianLink) -> GuardianLink:
    """Send an unanswered link once more; one that has run out is replaced by a new one. Flushes; returns the link
    that works. The caller has checked `can_ask`. Raises Conflict for one that was answered or ended.
    """
    _lock(link)
    state = state_of(link)
    if state is GuardianState.EXPIRED:
        return ask_guardian(
            actor,
            link.worker,
            name=link.name,
            relation=link.relation,
            phone=link.phone,
            scope=link.scope,
            valid_to=link.valid_to if link.valid_to and link.valid_to >= clock.today() else None,
        )
    if state is not GuardianState.WAITING:
        raise Conflict(_("这个链接已经用过或者停用了。"), _("要再问一次，请重新发一个。"), code="link_over")
    limit(f"guardian-ask:{link.worker_id}", ASKS_A_DAY)
    _send(link)
    audit.record(
        actor,
        "guardian.ask_again",
        link.worker,
        _("再请%(who)s确认%(name)s的探访", who=link.name, name=link.worker.name),
        area_id=link.worker.area_id,
    )
    db.session.flush()
    return link


def end_link(actor: Actor, link: GuardianLink) -> None:
    """Let an unanswered link open nothing any more. Flushes. The caller has checked `can_ask`.

    Raises Conflict for one that was answered: a consent is taken back, by the guardian or on their word.
    """
    _lock(link)
    if state_of(link) not in (GuardianState.WAITING, GuardianState.EXPIRED):
        raise Conflict(_("这个链接已经用过或者停用了。"), _("请刷新页面看最新的情况。"), code="link_over")
    link.ended_at = clock.now()
    audit.record(
        actor,
        "guardian.end_link",
        link.worker,
        _("停用发给%(who)s的链接", who=link.name),
        area_id=link.worker.area_id,
    )
    db.session.flush()


# --- what the guardian does; the caller has made sure of the telephone ---------------------------------------


def give_consent(link: GuardianLink, *, name: str, birth_date: date, valid_to: date) -> Guardian:
    """The guardian agrees until `valid_to`. Flushes. Raises InvalidInput with the field, Conflict for a link that
    was answered, ended or has run out.
    """
    _lock(link)
    if state_of(link) is not GuardianState.WAITING:
        raise _over(link)
    check_end(valid_to)
    worker = link.worker
    consent = GuardianConsent(
        name, link.relation, link.phone, link.scope, clock.today(), valid_to, birth_date=birth_date
    )
    guardian = add_guardian_consent(_guardian(name), worker, consent, own_word=True)
    link.guardian = guardian
    link.confirmed_at = clock.now()
    link.valid_to = valid_to
    db.session.flush()
    _tell(
        worker,
        _("一位监护人同意了"),
        _(
            "%(name)s的监护人%(who)s已经同意，到%(day)s。",
            name=worker.name,
            who=guardian.name,
            day=i18n.day(valid_to),
        ),
        f"guardian-given:{link.id}",
    )
    return guardian


def refuse_consent(link: GuardianLink) -> None:
    """The guardian does not agree; the link is answered. Flushes. Raises Conflict as `give_consent`."""
    _lock(link)
    if state_of(link) is not GuardianState.WAITING:
        raise _over(link)
    link.refused_at = clock.now()
    worker = link.worker
    audit.record(
        _guardian(link.name),
        "guardian.refuse",
        worker,
        _("%(who)s不同意%(name)s参加探访", who=link.name, name=worker.name),
        area_id=worker.area_id,
    )
    db.session.flush()
    _tell(
        worker,
        _("一位监护人没有同意"),
        _("%(name)s的监护人%(who)s没有同意。", name=worker.name, who=link.name),
        f"guardian-refused:{link.id}",
    )


def withdraw_consent(link: GuardianLink) -> None:
    """The guardian takes the consent back: from this moment the minor goes nowhere, and a job takes them off every
    visit to come. Flushes. Raises Conflict when there is no consent that could be taken back.
    """
    _lock(link)
    if link.guardian is None or state_of(link) is GuardianState.WITHDRAWN:
        raise _over(link)
    worker = link.worker
    withdraw_guardian_consent(_guardian(link.guardian.name), worker, link.guardian, own_word=True)
    _tell(
        worker,
        _("一位监护人撤回了同意"),
        _(
            "%(name)s的监护人%(who)s撤回了同意，从现在起不再安排%(name)s探访。",
            name=worker.name,
            who=link.guardian.name,
        ),
        f"guardian-withdrawn:{link.id}",
        urgent=True,
    )


def needs_special_notice(worker: Worker) -> bool:
    """Under 14 the personal data are sensitive, and the guardian is told so apart (个人信息保护法 28, 31)."""
    return age_on(worker.birth_date, clock.today()) < ACCOMPANY_ONLY_BELOW


def _over(link: GuardianLink) -> Conflict:
    if state_of(link) is GuardianState.EXPIRED:
        return Conflict(_("这个链接已经过期了。"), _("请孩子或学校再发一个。"), code="link_expired")
    return Conflict(_("这个链接已经用过了。"), _("请看下面现在的情况。"), code="link_over")


def _guardian(name: str) -> Actor:
    """The guardian as the audit trail names them; somebody without an account."""
    return Actor(user_id=None, name=_("%(name)s（监护人）", name=name)[:60])


def _lock(link: GuardianLink) -> None:
    """One answer at a time, on what is true now."""
    db.session.refresh(link, with_for_update={"of": GuardianLink})


def _tell(worker: Worker, title: str, body: str, key: str, *, urgent: bool = False) -> None:
    """The minor, the coordinators and the school; the title names nobody, it leaves the house."""
    notify(
        keepers_of(worker.area.path), title, body, f"/workforce/{worker.id}", dedupe_key=key, urgent=urgent
    )
    if worker.organisation_id is not None:
        notify(
            managers_of(worker.organisation_id), title, body, f"/join/guardians/{worker.id}", dedupe_key=key
        )
    if worker.user_id is not None:
        notify([worker.user_id], title, body, "/join/credentials", dedupe_key=key, urgent=urgent)


def _send(link: GuardianLink) -> bool:
    """False where no link can be sent; it is handed over on paper then."""
    return send_link(
        link.phone,
        path_of(link),
        link.token,
        dedupe_key=f"guardian-link:{link.id}:{clock.now():%Y%m%d%H%M}",
        expires_at=link.expires_at,
    )
