"""Signing in by a code: into an account that is there, or into a record that others entered."""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import insert

from coordinator.accounts.models import User
from coordinator.accounts.services import drop_one_time_password
from coordinator.extensions import db
from coordinator.joining.models import Application
from coordinator.joining.queries.people import Person
from coordinator.kernel import clock
from coordinator.kernel.errors import InvalidInput, NotAllowed
from coordinator.kernel.identity import IdentityError, clean_name
from coordinator.kernel.limits import limit
from coordinator.workforce.models import Worker
from coordinator.workforce.services.own import take_up_record

NAME_TRIES = "5/hour"


def enter(
    person: Person,
    *,
    proved_at: datetime,
    typed_name: str = "",
    notice_at: datetime | None = None,
    address: str | None = None,
) -> User:
    """The account of one of the people whose telephone was proved. A record without account gets one, once the name
    agrees with it and the privacy notice was accepted. Flushes.

    Raises NotAllowed for accounts that a code does not open, InvalidInput (field `name` or `notice`), TooMany after
    five names in an hour.
    """
    if not person.enters_by_code:
        raise NotAllowed(
            _("这个账号不能用验证码登录。"), _("请用用户名和密码登录；账号停用的，请联系街道管理员。")
        )
    if person.user is not None:
        drop_one_time_password(person.user)
        return person.user
    worker = person.worker
    assert worker is not None, "a person is a worker or an account"
    limit(f"join-name:{worker.id}", NAME_TRIES)
    try:
        agrees = clean_name(typed_name) == worker.name
    except IdentityError as problem:
        raise InvalidInput(problem.message, code=problem.code, field="name") from None
    if not agrees:
        raise InvalidInput(
            _("和登记的姓名对不上。"), _("请按身份证上的姓名填；还不对，请找社区工作人员。"), field="name"
        )
    if notice_at is None:
        raise InvalidInput(_("请看过说明，同意了再勾选。"), field="notice")
    user = take_up_record(worker, address=address)
    record_application(worker, proved_at, notice_at)
    return user


def record_application(worker: Worker, proved_at: datetime, notice_at: datetime) -> None:
    """Note that somebody whom others had entered came by themselves; a second time changes nothing. Flushes."""
    statement = insert(Application).values(
        worker_id=worker.id, phone_verified_at=proved_at, notice_accepted_at=notice_at, sent_at=clock.now()
    )
    db.session.execute(statement.on_conflict_do_nothing(index_elements=["worker_id"]))
