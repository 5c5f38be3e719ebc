"""What somebody does about the own record when joining: no coordinator acts, so nothing of it approves anybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import update

from coordinator.accounts.models import Organisation, User
from coordinator.accounts.services import open_own_account
from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import Actor
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict
from coordinator.workforce.models import Worker
from coordinator.workforce.services.records import enter_worker


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
