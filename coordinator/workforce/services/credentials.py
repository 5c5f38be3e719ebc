"""Training, insurance, declarations, licences: entered by a coordinator, or declared by the worker and verified."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.workforce.labels import CREDENTIALS
from coordinator.workforce.models import Credential, CredentialKind, Worker

LONGEST_REASON = 200


def add_credential(
    actor: Actor,
    worker: Worker,
    kind: CredentialKind,
    valid_from: date,
    valid_to: date | None = None,
    number: str | None = None,
) -> Credential:
    """Enter a training, policy, declaration, agreement or licence that somebody has seen. Flushes.

    An insurance policy needs its number and its last day (条例 17).
    """
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    number = _checked(kind, valid_from, valid_to, number)
    credential = Credential(
        worker_id=worker.id,
        kind=kind,
        valid_from=valid_from,
        valid_to=valid_to,
        number=number,
        verified_by_id=actor.user_id,
    )
    said = _("登记%(name)s的%(what)s", name=worker.name, what=CREDENTIALS[kind])
    return _keep(actor, worker, credential, "worker.credential", said)


def declare_credential(
    actor: Actor,
    worker: Worker,
    kind: CredentialKind,
    valid_from: date,
    valid_to: date | None = None,
    number: str | None = None,
    *,
    answers: Mapping[str, str] | None = None,
    stands: bool = False,
) -> Credential:
    """Write down what the worker says of themselves. It waits for a coordinator, unless it `stands` by their own
    word. One of the same kind that still waited is replaced. The caller has checked who declares. Flushes.

    Raises InvalidInput as `add_credential` does, and for a last day that has passed.
    """
    number = _checked(kind, valid_from, valid_to, number)
    if valid_to is not None and valid_to < clock.today():
        raise InvalidInput(
            _("这个到期日已经过了。"), _("请填新的，或者先去续办。"), code="expired", field="valid_to"
        )
    for one in [old for old in worker.credentials if waits(old) and old.kind is kind]:
        db.session.delete(one)
    credential = Credential(
        worker_id=worker.id,
        kind=kind,
        valid_from=valid_from,
        valid_to=valid_to,
        number=number,
        answers=dict(answers) if answers is not None else None,
        declared_at=clock.now(),
        stands=stands,
    )
    said = _("%(name)s自己填报%(what)s", name=worker.name, what=CREDENTIALS[kind])
    return _keep(actor, worker, credential, "worker.credential_declared", said)


def _keep(actor: Actor, worker: Worker, credential: Credential, action: str, said: str) -> Credential:
    """Store it with its line in the history."""
    db.session.add(credential)
    db.session.flush()
    db.session.expire(worker, ["credentials"])
    last = credential.valid_to.isoformat() if credential.valid_to else None
    changes = {credential.kind.value: [credential.valid_from.isoformat(), last]}
    audit.record(actor, action, worker, said, changes=changes)
    db.session.flush()
    return credential


def replace_own_word(worker: Worker, kind: CredentialKind) -> None:
    """What the worker says now takes the place of what they, or somebody for them, had said before. Flushes."""
    for one in worker.credentials:
        if one.kind is kind and one.stands:
            one.stands = False
            one.refused_at = clock.now()
            one.refused_reason = _("本人重新填报了")
    db.session.flush()


def waits(credential: Credential) -> bool:
    """Declared by the worker, and nobody has decided yet."""
    return credential.declared_at is not None and not credential.stands and credential.refused_at is None


def verify_credential(actor: Actor, worker: Worker, credential: Credential) -> None:
    """Somebody has seen it and it is right: now it counts. Flushes. Raises Conflict when it waits no more."""
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if not waits(credential):
        raise Conflict(_("这一项已经处理过了。"), _("请刷新页面看最新的情况。"), code="changed_meanwhile")
    credential.stands = True
    credential.verified_by_id = actor.user_id
    audit.record(
        actor,
        "worker.credential_verified",
        worker,
        _("核实%(name)s的%(what)s", name=worker.name, what=CREDENTIALS[credential.kind]),
    )
    db.session.flush()


def refuse_credential(actor: Actor, worker: Worker, credential: Credential, reason: str) -> None:
    """It does not count, and the worker reads why. Flushes. Raises Conflict when it was refused before,
    InvalidInput without a reason.
    """
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if credential.declared_at is None or credential.refused_at is not None:
        raise Conflict(_("这一项已经处理过了。"), _("请刷新页面看最新的情况。"), code="changed_meanwhile")
    reason = reason.strip()
    if len(reason) < 2:
        raise InvalidInput(_("请写明哪里不对，本人会看到。"), field="reason")
    credential.stands = False
    credential.refused_at = clock.now()
    credential.refused_reason = reason[:LONGEST_REASON]
    audit.record(
        actor,
        "worker.credential_refused",
        worker,
        _("没有认可%(name)s的%(what)s", name=worker.name, what=CREDENTIALS[credential.kind]),
    )
    db.session.flush()


def _checked(kind: CredentialKind, valid_from: date, valid_to: date | None, number: str | None) -> str | None:
    """The number without blanks. Raises InvalidInput (field `valid_to` or `number`)."""
    number = (number or "").strip() or None
    if valid_to is not None and valid_to < valid_from:
        raise InvalidInput(_("到期日不能早于起始日。"), field="valid_to")
    if kind is CredentialKind.INSURANCE and valid_to is None:
        raise InvalidInput(_("保险要填到期日。"), field="valid_to")
    if kind is CredentialKind.INSURANCE and number is None:
        raise InvalidInput(_("保险要填保单号。"), field="number")
    return number
