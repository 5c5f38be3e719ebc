"""The sign-in of a worker: without it nobody claims, checks in or sees hours on a telephone."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import update

from coordinator.accounts.models import User
from coordinator.accounts.services import NewRole, create_user
from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import Actor, Permission, Role, demand
from coordinator.kernel.errors import Conflict
from coordinator.workforce.models import Worker, WorkerStatus


def open_account(actor: Actor, worker: Worker, username: str) -> tuple[User, str]:
    """Open the account of a worker; returns it with its one-time password, which is kept nowhere in the clear.

    Raises Conflict for somebody who has left or has an account, InvalidInput (field `username`). Flushes.
    """
    demand(actor, Permission.ACCOUNT_MANAGE, worker.area.path)
    if worker.status is WorkerStatus.LEFT:
        raise Conflict(_("%(name)s已经离开队伍，不能开通账号。", name=worker.name))
    user, once = create_user(
        actor, username=username, name=worker.name, roles=[NewRole(Role.WORKER, path=worker.area.path)]
    )
    assert once is not None, "no password was given"
    mine = db.session.scalar(
        update(Worker)
        .where(Worker.id == worker.id, Worker.user_id.is_(None))
        .values(user_id=user.id)
        .returning(Worker.id)
        .execution_options(synchronize_session=False)
    )
    if mine is None:
        raise Conflict(_("%(name)s已经有账号了。", name=worker.name), _("忘了密码可以在“账号”里重设。"))
    db.session.expire(worker, ["user_id", "user"])
    audit.record(
        actor,
        "worker.open_account",
        worker,
        _("给%(name)s开通账号 %(username)s", name=worker.name, username=user.username),
    )
    db.session.flush()
    return user, once


def suggested_username(worker: Worker) -> str:
    """A user name that is easy to say on the telephone and tells nothing about the person."""
    return f"tf{worker.id:04d}"
