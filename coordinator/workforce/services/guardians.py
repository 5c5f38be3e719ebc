"""The consent of a minor's guardian: given, and taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.kernel.identity import IdentityError, clean_name, normalise_phone
from coordinator.policy import age_on
from coordinator.workforce.fitness import ADULT_AGE, is_minor
from coordinator.workforce.models import Guardian, Worker
from coordinator.workforce.services.duty import owe_freeing

OLDEST_GUARDIAN = 110


@dataclass(frozen=True, slots=True)
class GuardianConsent:
    """A guardian's consent as written down (教思政〔2015〕1号 第3条): `scope` says what was agreed to.

    `birth_date` is the guardian's own, known when they confirmed it themselves.
    """

    name: str
    relation: str
    phone: str
    scope: str
    given_on: date
    valid_to: date | None = None
    birth_date: date | None = None


def add_guardian_consent(
    actor: Actor, worker: Worker, consent: GuardianConsent, *, own_word: bool = False
) -> Guardian:
    """Write down the consent of a minor's guardian. `own_word`: the guardian says so, having proved the telephone.
    Flushes. Raises InvalidInput with the field.
    """
    if not own_word:
        demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if not is_minor(worker, clock.today()):
        raise Conflict(_("%(name)s已满 18 岁，不用监护人同意。", name=worker.name))
    if consent.given_on > clock.today():
        raise InvalidInput(_("同意的日期还没到。"), field="given_on")
    if consent.valid_to is not None and consent.valid_to < consent.given_on:
        raise InvalidInput(_("到期日不能早于同意的日期。"), field="valid_to")
    if not consent.relation.strip():
        raise InvalidInput(_("请填和学生的关系。"), field="relation")
    if not consent.scope.strip():
        raise InvalidInput(_("请写明同意参加什么。"), field="scope")
    try:
        name, phone = clean_name(consent.name), normalise_phone(consent.phone)
    except IdentityError as problem:
        field = "name" if problem.code.startswith("name") else "phone"
        raise InvalidInput(problem.message, code=problem.code, field=field) from None
    check_guardian(worker, name, phone, consent.birth_date)
    guardian = Guardian(
        worker_id=worker.id,
        name=name,
        relation=consent.relation.strip(),
        phone=phone,
        scope=consent.scope.strip(),
        given_on=consent.given_on,
        valid_to=consent.valid_to,
        birth_date=consent.birth_date,
        confirmed_at=clock.now() if own_word else None,
    )
    db.session.add(guardian)
    db.session.flush()
    db.session.expire(worker, ["guardians"])
    audit.record(
        actor, "worker.guardian", worker, _("登记%(name)s的监护人同意（%(who)s）", name=worker.name, who=name)
    )
    db.session.flush()
    return guardian


def check_guardian(worker: Worker, name: str, phone: str | None, birth_date: date | None) -> None:
    """A guardian is somebody else than the minor, with another telephone, and of age (民法典 17, 34).

    Raises InvalidInput with the field.
    """
    if name == worker.name:
        raise InvalidInput(_("监护人不能是本人。"), _("请填父母或其他监护人的姓名。"), field="name")
    if phone is not None and phone == worker.phone:
        raise InvalidInput(
            _("监护人的电话不能和孩子的一样。"),
            _("请填监护人自己的手机号。"),
            code="same_phone",
            field="phone",
        )
    if birth_date is None:
        return
    today = clock.today()
    if birth_date > today or age_on(birth_date, today) > OLDEST_GUARDIAN:
        raise InvalidInput(_("这个出生日期不可能。"), _("请对照身份证再看一遍。"), field="birth_date")
    if age_on(birth_date, today) < ADULT_AGE:
        raise InvalidInput(
            _("监护人要满 18 岁，您填的出生日期还不满。"),
            _("请由父母或其他成年的监护人来确认。"),
            code="guardian_under_age",
            field="birth_date",
        )


def withdraw_guardian_consent(
    actor: Actor, worker: Worker, guardian: Guardian, *, own_word: bool = False
) -> None:
    """The guardian takes the consent back: from now on the minor makes no visit. Flushes."""
    if not own_word:
        demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if guardian.withdrawn_at is not None:
        raise Conflict(_("这份同意已经撤回。"))
    guardian.withdrawn_at = clock.now()
    audit.record(
        actor,
        "worker.guardian_withdrawn",
        worker,
        _("%(who)s撤回对%(name)s的同意", who=guardian.name, name=worker.name),
    )
    db.session.flush()
    owe_freeing(worker)
