"""A coordinator admits people: looks at papers and identity, ties a neighbour to their elder, approves, sends back,
or refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from flask_babel import gettext as _

from coordinator.accounts.models import Organisation
from coordinator.elders.models import Elder, ElderStatus
from coordinator.extensions import db
from coordinator.joining.models import Application
from coordinator.joining.queries.applications import application_of
from coordinator.joining.queries.gaps import Gap, gaps_of_applicant
from coordinator.joining.queries.people import keepers_of, managers_of
from coordinator.joining.queries.places import schools_for
from coordinator.joining.services.same_person import note_same_number
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, DomainError, InvalidInput, NotAllowed, NotFound
from coordinator.messages.services import notify
from coordinator.workforce.access import is_self
from coordinator.workforce.fitness import TIED_KINDS
from coordinator.workforce.labels import CREDENTIALS, KINDS
from coordinator.workforce.models import Credential, Worker, WorkerKind, WorkerStatus
from coordinator.workforce.queries import worker_in_scope
from coordinator.workforce.services import (
    approve_worker,
    edit_worker,
    refuse_credential,
    retire_worker,
    verify_credential,
)
from coordinator.workforce.services.duty import approval_also_needs
from coordinator.workforce.services.own import correct_oneself

MOST_AT_ONCE = 200


def _missing_of_applicant(worker: Worker) -> list[str]:
    """What else is asked of somebody who applied by themselves: nobody of the station has met them yet."""
    texts = {
        Gap.SAME: _("%(name)s填的身份证号已经登记在别人名下", name=worker.name),
        Gap.IDENTITY: _("还没有核对%(name)s的身份证", name=worker.name),
        Gap.TIE: _("还没有选定%(name)s探访哪一位长者", name=worker.name),
        Gap.RETURNED: _("退回给%(name)s改，还没有再交", name=worker.name),
    }
    return [texts[gap] for gap in gaps_of_applicant(worker, application_of(worker.id))]


approval_also_needs(_missing_of_applicant)


def verify_identity(actor: Actor, worker: Worker) -> None:
    """Somebody of the station has seen the ID card, and name and number agree with it. Flushes.

    Raises Conflict without a number on file, or when it was done before.
    """
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if worker.id_number is None:
        raise Conflict(_("还没有填身份证号。"), _("请先在“修改资料”里填上，再核对。"), code="no_number")
    if worker.identity_verified_at is not None:
        raise Conflict(_("身份已经核对过了。"), code="changed_meanwhile")
    worker.identity_verified_at = clock.now()
    worker.identity_verified_by_id = actor.user_id
    audit.record(actor, "worker.identity", worker, _("核对了%(name)s的身份证", name=worker.name))
    db.session.flush()


def tie_worker(actor: Actor, worker: Worker, elder: Elder | None) -> None:
    """A neighbour or relative visits this elder and nobody else; None takes it back. Flushes.

    The actor must have a say over both. Raises Conflict for another type of worker or an elder who is not active.
    """
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if elder is not None:
        demand(actor, Permission.ELDER_EDIT, elder.area.path)
        if worker.kind not in TIED_KINDS:
            raise Conflict(_("只有邻居和亲属才定到一位长者。"), _("其他人员请在长者档案里结对。"))
        if elder.status is not ElderStatus.ACTIVE:
            raise Conflict(_("这位长者现在不在册。"), code="elder_not_active")
    before = worker.tied_elder_id
    worker.tied_elder_id = elder.id if elder is not None else None
    summary = (
        _("%(name)s只探访%(elder)s", name=worker.name, elder=elder.name)
        if elder is not None
        else _("%(name)s不再只探访一位长者", name=worker.name)
    )
    audit.record(
        actor, "worker.tie", worker, summary, changes={"tied_elder_id": [before, worker.tied_elder_id]}
    )
    db.session.flush()


def link_school(actor: Actor, worker: Worker, school: Organisation) -> None:
    """The school that a student had only named is in the system now: the student is one of its own, and the school
    is told. Flushes. Raises Conflict for whoever has a school, InvalidInput for what is none of the area's.
    """
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if worker.kind is not WorkerKind.STUDENT or worker.organisation_id is not None:
        raise Conflict(_("这位已经有学校，或者不是学生。"), code="changed_meanwhile")
    if school.id not in {one.id for one in schools_for(worker.area)}:
        raise InvalidInput(_("请选这里的学校。"), field="organisation_id")
    edit_worker(actor, worker, {}, organisation=school, keep_organisation=False)
    notify(
        managers_of(school.id),
        _("有本单位的人申请加入探访队伍"),
        _("%(name)s（%(kind)s）申请加入，社区审核后可以探访。", name=worker.name, kind=KINDS[worker.kind]),
        dedupe_key=f"applied:{worker.id}",
    )
    db.session.flush()


def decide_credential(
    actor: Actor, worker: Worker, credential_id: int, *, verified: bool, reason: str = ""
) -> None:
    """Verify what the worker declared, or refuse it with a reason that they read. Flushes. Raises NotFound."""
    credential = _credential(worker, credential_id)
    what = CREDENTIALS[credential.kind]
    if verified:
        verify_credential(actor, worker, credential)
        title, body = _("一项资格核实了"), _("您的%(what)s核实了。", what=what)
    else:
        refuse_credential(actor, worker, credential, reason)
        title = _("一项资格要改一改")
        body = _("您的%(what)s没有通过：%(why)s", what=what, why=credential.refused_reason)
    _tell_worker(worker, title, body, f"credential-decided:{credential.id}:{verified}")


def _credential(worker: Worker, credential_id: int) -> Credential:
    found = next((one for one in worker.credentials if one.id == credential_id), None)
    if found is None:
        raise NotFound(_("没有找到这一项。"))
    return found


def approve(actor: Actor, worker: Worker) -> None:
    """Let the person take visits. Flushes. Raises Conflict `not_ready` with what is missing."""
    approve_worker(actor, worker)
    application = application_of(worker.id)
    if application is not None:
        application.closed_at = clock.now()
        application.returned_at = application.returned_reason = None
    db.session.flush()
    _tell_worker(
        worker,
        _("您通过审核了"),
        _("可以开始认领探访了。"),
        f"approved:{worker.id}:{worker.approved_at}",
        link="/open-visits",
    )


def approve_together(actor: Actor, worker_ids: Iterable[int]) -> tuple[int, list[str]]:
    """Approve several; returns how many, and why others were left. Each by itself: one refusal stops no other."""
    done, left = 0, []
    for worker_id in sorted(set(worker_ids))[:MOST_AT_ONCE]:
        try:
            with db.session.begin_nested():
                approve(actor, worker_in_scope(actor, worker_id, Permission.WORKER_EDIT))
            done += 1
        except DomainError as problem:
            left.append(str(problem.message))
    return done, left


def send_back(actor: Actor, worker: Worker, reason: str) -> None:
    """Ask the applicant to put something right; nothing that they sent is lost. Flushes.

    Raises Conflict when they did not apply by themselves or were decided about, InvalidInput without a reason.
    """
    application = _open_application(actor, worker)
    application.returned_reason = _reason(reason)
    application.returned_at = clock.now()
    audit.record(
        actor,
        "application.return",
        worker,
        _("退回%(name)s的报名：%(why)s", name=worker.name, why=application.returned_reason),
    )
    db.session.flush()
    _tell_worker(
        worker,
        _("您的报名要改一改"),
        application.returned_reason,
        f"application-returned:{application.id}:{application.returned_at}",
    )


def send_again(actor: Actor, worker: Worker) -> None:
    """The applicant has put it right. Flushes. Raises Conflict when nothing was sent back."""
    if not is_self(actor, worker):
        raise NotAllowed(_("只能由本人再交。"))
    application = application_of(worker.id)
    if application is None or application.returned_at is None or worker.status is not WorkerStatus.APPLIED:
        raise Conflict(_("现在不用再交。"), _("请看下面的情况。"), code="not_returned")
    application.returned_at = application.returned_reason = None
    application.sent_at = clock.now()
    audit.record(actor, "application.again", worker, _("%(name)s改好了，再交一次", name=worker.name))
    db.session.flush()
    notify(
        keepers_of(worker.area.path),
        _("有人改好了报名，请再看"),
        _("%(name)s按您说的改好了，又交了一次。", name=worker.name),
        f"/join/admission/{worker.id}",
        dedupe_key=f"application-again:{application.id}:{application.sent_at}",
    )


def correct(
    actor: Actor,
    worker: Worker,
    values: Mapping[str, str],
    *,
    elder_named: str = "",
    elder_relation: str = "",
) -> None:
    """The applicant changes what they had said and sends it again. `values`: `own.OWN_WORDS`. Flushes.

    Raises as `send_again` and `own.correct_oneself`; InvalidInput (`elder_named`) from who names nobody.
    """
    application = application_of(worker.id)
    if application is None or application.returned_at is None:
        raise Conflict(_("现在不用再交。"), _("请看下面的情况。"), code="not_returned")
    holder = correct_oneself(actor, worker, values)
    if values.get("id_number"):
        application.same_as_id = None
        if holder is not None:
            note_same_number(worker, holder)
    if worker.kind in TIED_KINDS:
        if not elder_named.strip():
            raise InvalidInput(_("请填您要看望谁。"), field="elder_named")
        application.elder_named = elder_named.strip()[:200]
        application.elder_relation = elder_relation.strip()[:30] or None
    send_again(actor, worker)


def refuse(actor: Actor, worker: Worker, reason: str) -> None:
    """Do not take the person; they read why. The record stays as of somebody who has left. Flushes."""
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if worker.status is not WorkerStatus.APPLIED:
        raise Conflict(_("%(name)s不是等待审核的人员。", name=worker.name), code="changed_meanwhile")
    reason = _reason(reason)
    application = application_of(worker.id)
    if application is not None:
        application.returned_at = application.closed_at = clock.now()
        application.returned_reason = reason
    audit.record(
        actor,
        "application.refuse",
        worker,
        _("没有接受%(name)s的报名：%(why)s", name=worker.name, why=reason),
    )
    retire_worker(actor, worker)
    _tell_worker(worker, _("您的报名没有通过"), reason, f"application-refused:{worker.id}:{clock.now()}")


def _open_application(actor: Actor, worker: Worker) -> Application:
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    application = application_of(worker.id)
    if application is None:
        raise Conflict(_("这位不是自己报名的，没法退回。"), _("请直接打电话，或者在“修改资料”里改。"))
    if worker.status is not WorkerStatus.APPLIED:
        raise Conflict(_("这份报名已经处理过了。"), _("请刷新页面看最新的情况。"), code="changed_meanwhile")
    return application


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if len(reason) < 2:
        raise InvalidInput(_("请写明原因，本人会看到。"), field="reason")
    return reason[:200]


def _tell_worker(worker: Worker, title: str, body: str, key: str, *, link: str = "/join/credentials") -> None:
    users: Sequence[int] = [] if worker.user_id is None else [worker.user_id]
    notify(users, title, body, link, dedupe_key=key[:120])
