"""What somebody does about the own record when joining: no coordinator acts, so nothing of it approves anybody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import update

from coordinator.accounts.models import Organisation, User
from coordinator.accounts.services import open_own_account
from coordinator.elders.models import Sex
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.kernel.identity import IdentityError, parse_resident_id
from coordinator.policy import age_on
from coordinator.workforce.access import is_self
from coordinator.workforce.fitness import ADULT_AGE
from coordinator.workforce.models import Worker, WorkerKind, WorkerStatus
from coordinator.workforce.queries import worker_with_id
from coordinator.workforce.services.records import change_fields, enter_worker


def register_oneself(
    area: Area,
    values: Mapping[str, Any],
    *,
    organisation: Organisation | None = None,
    address: str | None = None,
) -> tuple[User, Worker]:
    """Enter oneself as a worker who applies, with an account: the checks are those of a coordinator's entry.

    The caller has made sure that the telephone among `values` is the person's. Nothing is left behind when it is
    refused. Flushes. Raises as `create_worker`; Conflict `id_number_taken` does not say whose it is to be.
    """
    with db.session.begin_nested():
        user = open_own_account(str(values["name"]), address)
        worker = enter_worker(Actor(user.id, user.name, address=address), area, values, organisation)
        user.name = worker.name
        worker.user_id = user.id
        db.session.flush()
    audit.record(
        Actor(user.id, user.name, worker_id=worker.id, address=address),
        "worker.register",
        worker,
        _("%(name)s自己申请加入（%(area)s）", name=worker.name, area=area.name),
    )
    db.session.flush()
    return user, worker


def take_up_record(worker: Worker, *, address: str | None = None) -> User:
    """Give a record that others entered (a roster's row) its person's account.

    The caller has made sure of the person. Flushes. Raises Conflict when it has an account already.
    """
    with db.session.begin_nested():
        user = open_own_account(worker.name, address)
        mine = db.session.scalar(
            update(Worker)
            .where(Worker.id == worker.id, Worker.user_id.is_(None))
            .values(user_id=user.id)
            .returning(Worker.id)
            .execution_options(synchronize_session=False)
        )
        if mine is None:
            raise Conflict(_("这份登记已经有账号了。"), _("请用验证码登录。"), code="has_account")
    db.session.expire(worker, ["user_id", "user"])
    audit.record(
        Actor(user.id, user.name, worker_id=worker.id, address=address),
        "worker.take_up",
        worker,
        _("%(name)s用手机验证码接上了名册里的登记", name=worker.name),
    )
    db.session.flush()
    return user


OWN_WORDS = frozenset({"name", "id_number", "student_class", "student_number"})


def correct_oneself(actor: Actor, worker: Worker, values: Mapping[str, Any]) -> Worker | None:
    """The applicant puts OWN_WORDS right before anybody has approved them. Birth date and sex follow the ID number;
    an identity that was seen has to be seen again when name or number change. Flushes.

    A number that is somebody's is left out, and that record returned: whoever types it is not told.
    Raises NotAllowed for somebody else, Conflict once they were decided about, InvalidInput with the field.
    """
    if not is_self(actor, worker):
        raise NotAllowed(_("只能由本人修改。"))
    if worker.status is not WorkerStatus.APPLIED:
        raise Conflict(_("已经审核过了，请告诉社区工作人员改。"), code="decided")
    unknown = set(values) - OWN_WORDS
    if unknown:
        raise ValueError(f"not for oneself to change: {', '.join(sorted(unknown))}")
    wanted = dict(values)
    if wanted.get("id_number"):
        try:
            identity = parse_resident_id(wanted["id_number"], today=clock.today())
        except IdentityError as problem:
            raise InvalidInput(problem.message, code=problem.code, field="id_number") from None
        wanted |= {"birth_date": identity.birth_date, "sex": Sex(identity.sex.value)}
        if _is_minor(identity.birth_date) and worker.kind is not WorkerKind.STUDENT:
            raise InvalidInput(
                _("未满 18 岁的，只能作为在校学生参加。"), _("请到社区重新报名。"), field="id_number"
            )
    holder = None
    try:
        with db.session.begin_nested():
            changes = change_fields(actor, worker, wanted, worker.organisation)
    except Conflict as problem:
        if problem.code != "id_number_taken":
            raise
        holder = worker_with_id(parse_resident_id(wanted["id_number"], today=clock.today()).number)
        changes = change_fields(actor, worker, wanted | {"id_number": None}, worker.organisation)
    if changes.keys() & {"name", "id_number"}:
        worker.identity_verified_at = worker.identity_verified_by_id = None
        if worker.user is not None:
            worker.user.name = worker.name
    if changes:
        audit.record(
            actor, "worker.correct", worker, _("%(name)s改了报名资料", name=worker.name), changes=changes
        )
    db.session.flush()
    return holder


def _is_minor(birth_date: date) -> bool:
    """Under 18 today, by this date of birth."""
    return age_on(birth_date, clock.today()) < ADULT_AGE
