"""What people declare of themselves: the health declaration, the agreement, and papers somebody has to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.joining import agreement, health
from coordinator.joining.queries.people import keepers_of
from coordinator.joining.services.credential_papers import add_papers
from coordinator.kernel import clock
from coordinator.kernel.access import SYSTEM, Actor
from coordinator.kernel.errors import InvalidInput, NotAllowed
from coordinator.messages.services import notify
from coordinator.workforce.access import is_self
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.labels import CREDENTIALS
from coordinator.workforce.models import Credential, CredentialKind, Worker
from coordinator.workforce.services import declare_credential
from coordinator.workforce.services.credentials import replace_own_word

# Papers that somebody has issued: the own word is not enough.
SHOWN = (CredentialKind.TRAINING, CredentialKind.INSURANCE, CredentialKind.PROFESSIONAL)


def declare_health(
    actor: Actor, worker: Worker, answers: Mapping[str, Any], photos: Sequence[bytes] = ()
) -> Credential:
    """The worker answers for their own health, for a year. An adult's word counts at once, unless an answer raises
    a concern: then the former declaration ends, and a coordinator looks. Flushes.

    Raises NotAllowed for somebody else, InvalidInput with the question's key.
    """
    _own(actor, worker)
    checked = health.check_answers(answers)
    today = clock.today()
    stands = health.counts_at_once(checked, worker.birth_date, today)
    if health.concerns(checked):
        replace_own_word(worker, CredentialKind.HEALTH_DECLARATION)
    made = declare_credential(
        actor,
        worker,
        CredentialKind.HEALTH_DECLARATION,
        today,
        _a_year_from(today),
        answers=checked,
        stands=stands,
    )
    add_papers(actor, worker, made, photos)
    if not stands:
        _tell(worker, made, urgent=bool(health.concerns(checked)))
    return made


def accept_agreement(actor: Actor, worker: Worker) -> Credential:
    """The worker accepts the agreement's present text, for a year. A minor's acceptance waits for a coordinator,
    who sees whether the guardian has consented (民法典 19). Flushes.
    """
    _own(actor, worker)
    today = clock.today()
    stands = not is_minor(worker, today)
    made = declare_credential(
        actor,
        worker,
        CredentialKind.AGREEMENT,
        today,
        _a_year_from(today),
        agreement.VERSION,
        stands=stands,
    )
    if not stands:
        _tell(worker, made)
    return made


def declare_both(
    actor: Actor, worker: Worker, answers: Mapping[str, Any], photos: Sequence[bytes] = ()
) -> list[Credential]:
    """The health declaration and the agreement in one go. Flushes. Raises as each of them."""
    return [declare_health(actor, worker, answers, photos), accept_agreement(actor, worker)]


def declare_paper(
    actor: Actor,
    worker: Worker,
    kind: CredentialKind,
    valid_from: date,
    valid_to: date | None,
    number: str | None,
    photos: Sequence[bytes] = (),
) -> Credential:
    """The worker says that they hold a training, an insurance or a licence; a coordinator looks at it. Flushes.

    Raises InvalidInput with the field: a training without a word about where, a licence without its number, a
    photograph that cannot be kept.
    """
    _own(actor, worker)
    if kind not in SHOWN:
        raise ValueError(f"{kind} is not declared by showing a paper")
    if valid_from > clock.today() and kind is CredentialKind.TRAINING:
        raise InvalidInput(_("还没有参加的培训，参加以后再填。"), field="valid_from")
    if kind is not CredentialKind.INSURANCE and not (number or "").strip():
        asked = (
            _("请填在哪里参加的，或者证书编号。") if kind is CredentialKind.TRAINING else _("请填证书编号。")
        )
        raise InvalidInput(asked, field="number")
    made = declare_credential(actor, worker, kind, valid_from, valid_to, number)
    add_papers(actor, worker, made, photos)
    _tell(worker, made)
    return made


def _own(actor: Actor, worker: Worker) -> None:
    if actor is not SYSTEM and not is_self(actor, worker):
        raise NotAllowed(_("只能由本人填写。"), _("不会用手机的，请社区工作人员代为登记。"))


def _a_year_from(day: date) -> date:
    """The last day of a year that begins on `day`."""
    try:
        return day.replace(year=day.year + 1) - timedelta(days=1)
    except ValueError:  # 29 February
        return date(day.year + 1, 2, 28)


def _tell(worker: Worker, credential: Credential, *, urgent: bool = False) -> None:
    db.session.flush()
    notify(
        keepers_of(worker.area.path),
        _("有人填报了资格，请核实"),
        _("%(name)s填报了%(what)s。", name=worker.name, what=CREDENTIALS[credential.kind]),
        f"/join/admission/{worker.id}",
        dedupe_key=f"credential-declared:{credential.id}",
        urgent=urgent,
    )
