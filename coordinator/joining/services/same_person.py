"""An applicant typed an ID number that is in somebody's record: who is who, a coordinator finds out.

The applicant never learns of it. Whoever changed the telephone, or comes back after leaving, is connected to the
record that was there; a wrong number goes back to be corrected.
"""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select, update

from coordinator.accounts.access import enters_by_code
from coordinator.accounts.services import close_own_account, end_sessions
from coordinator.extensions import db
from coordinator.joining.models import Application
from coordinator.joining.queries.applications import application_of
from coordinator.joining.queries.people import keepers_of
from coordinator.joining.services.entering import record_application
from coordinator.kernel import audit, clock
from coordinator.kernel.access import ANONYMOUS, Actor, Permission, demand
from coordinator.kernel.errors import Conflict
from coordinator.messages.services import notify
from coordinator.workforce.labels import KINDS
from coordinator.workforce.models import Worker, WorkerStatus
from coordinator.workforce.services import retire_worker


def note_same_number(worker: Worker, holder: Worker) -> None:
    """The number typed by the applicant `worker` is `holder`'s: the coordinators of both are told. Flushes."""
    db.session.execute(
        update(Application).where(Application.worker_id == worker.id).values(same_as_id=holder.id)
    )
    audit.record(
        ANONYMOUS,
        "worker.same_person",
        worker,
        _("%(name)s报名填的身份证号已经登记在别人名下", name=worker.name),
    )
    title = _("报名填的身份证号已经有人用，请核实")
    body = _(
        "%(name)s报名填的身份证号，和已登记的%(other)s（%(kind)s，%(area)s）一样。请打电话问清楚：是同一个人换了手机号，"
        "还是填错了。",
        name=worker.name,
        other=holder.name,
        kind=KINDS[holder.kind],
        area=holder.area.name,
    )
    key = f"same-number:{worker.id}:{holder.id}:{clock.today()}"
    near = keepers_of(worker.area.path)
    notify(near, title, body, f"/join/admission/{worker.id}", dedupe_key=key)
    others = [one for one in keepers_of(holder.area.path) if one not in near]
    notify(others, title, body, f"/workforce/{holder.id}", dedupe_key=key)
    db.session.flush()


def join_records(actor: Actor, worker: Worker) -> Worker:
    """The applicant is the person of the record with that ID number: the telephone, what was declared and the
    account go there, and the new record is closed. Whoever had left applies again. Returns the record that was
    there. Flushes.

    The actor keeps both. Raises NotAllowed for a record elsewhere, Conflict when there is nothing to connect, or
    when the record belongs to an account that a code does not open.
    """
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    # Two coordinators at once: the second one finds it done.
    db.session.execute(select(Worker.id).where(Worker.id == worker.id).with_for_update())
    db.session.refresh(worker)
    application = application_of(worker.id)
    holder = application.same_as if application is not None else None
    if application is None or holder is None or worker.id_number is not None:
        raise Conflict(_("这份报名已经处理过了。"), _("请刷新页面看最新的情况。"), code="changed_meanwhile")
    demand(actor, Permission.WORKER_EDIT, holder.area.path)
    if worker.status is not WorkerStatus.APPLIED:
        raise Conflict(_("这份报名已经处理过了。"), _("请刷新页面看最新的情况。"), code="changed_meanwhile")
    account, before = worker.user, holder.user
    if before is not None and before.is_active and not enters_by_code(before):
        raise Conflict(
            _("%(name)s有工作账号，不能在这里接上。", name=holder.name),
            _("请在人员页改电话，这份报名点“不接受”。"),
        )
    phone, phone_hash = worker.phone, worker.phone_hash
    worker.phone = worker.phone_hash = None
    worker.user_id = None
    db.session.flush()
    holder.phone, holder.phone_hash = phone, phone_hash
    if before is not None and before.is_active:
        end_sessions(before, "phone_changed")
        if account is not None:
            close_own_account(actor, account)
    else:
        holder.user_id = account.id if account is not None else None
    for one in list(worker.credentials):
        one.worker_id = holder.id
    if holder.status is WorkerStatus.LEFT:
        holder.status = WorkerStatus.APPLIED
        holder.applied_at = clock.now()
        holder.identity_verified_at = holder.identity_verified_by_id = None
    record_application(holder, application.phone_verified_at or clock.now(), application.notice_accepted_at)
    db.session.execute(
        update(Application)
        .where(Application.worker_id == holder.id)
        .values(closed_at=None, returned_at=None, returned_reason=None, sent_at=clock.now())
    )
    application.closed_at = clock.now()
    db.session.flush()
    for row in (worker, holder):
        db.session.expire(row)
    retire_worker(actor, worker)
    audit.record(
        actor,
        "worker.join_records",
        holder,
        _("%(name)s的新报名接到原来的登记，换了手机号", name=holder.name),
        changes={"phone": ["***", "***"], "from": [worker.id, holder.id]},
    )
    if holder.user_id is not None:
        notify(
            [holder.user_id],
            _("您早就登记过，已经接上原来的资料"),
            _("以后用这次报名的手机号登录。"),
            "/join/mine",
            dedupe_key=f"records-joined:{worker.id}",
        )
    db.session.flush()
    return holder
