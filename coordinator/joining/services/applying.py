"""Somebody joins: a new record, or the account of one that is there. Never a second record of the same person.

Whoever comes here has proved to hold the telephone. Whether the ID number is in somebody else's record makes no
difference to what they see: the application is made all the same, without the number; a coordinator hears of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import update

from coordinator.accounts.models import Organisation, OrganisationKind, User
from coordinator.accounts.services import drop_one_time_password
from coordinator.elders.lookup import id_hash, phone_hash
from coordinator.elders.models import Sex
from coordinator.extensions import db
from coordinator.joining.labels import BY_COMPANY, LICENCES, ONE_ELDER
from coordinator.joining.models import Application, Invitation
from coordinator.joining.queries.invitations import kinds_by
from coordinator.joining.queries.people import (
    Person,
    keepers_of,
    managers_of,
    people_with_phone,
)
from coordinator.joining.queries.places import centre_of
from coordinator.joining.services.credential_papers import add_papers
from coordinator.joining.services.entering import record_application
from coordinator.joining.services.guardians import ask_guardian
from coordinator.joining.services.invitations import count_use
from coordinator.joining.services.same_person import note_same_number
from coordinator.kernel import audit, clock
from coordinator.kernel.access import ANONYMOUS, Actor, Grant, Role
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.kernel.identity import IdentityError, ResidentId, clean_name, mask_phone, parse_resident_id
from coordinator.kernel.limits import limit
from coordinator.messages.services import notify
from coordinator.policy import age_on
from coordinator.workforce.fitness import ACCOMPANY_ONLY_BELOW, ADULT_AGE, YOUNGEST_AGE
from coordinator.workforce.labels import KINDS
from coordinator.workforce.models import CredentialKind, Worker, WorkerKind, WorkerStatus
from coordinator.workforce.queries import worker_with_id
from coordinator.workforce.services import declare_credential
from coordinator.workforce.services.own import register_oneself, take_up_record

TRIES = "20/day"
SHORTEST_SCHOOL = 4


class Outcome(StrEnum):
    """new: a record was made · known: the person's own record or account was found · asked: a coordinator has to
    look first, and nothing was made.
    """

    NEW = "new"
    KNOWN = "known"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Answers:
    """What was typed. `notice_at`: when the privacy notice was accepted; `child_notice`: that for under 14, too."""

    name: str
    id_number: str
    notice_at: datetime
    licence: str = ""
    photos: Sequence[bytes] = ()
    office: str = ""
    school: Organisation | None = None
    school_named: str = ""
    student_class: str = ""
    student_number: str = ""
    elder_named: str = ""
    elder_relation: str = ""
    guardian: Mapping[str, str] = field(default_factory=dict)
    child_notice: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    outcome: Outcome
    user: User | None = None
    worker: Worker | None = None


def read_identity(answers: Answers) -> tuple[str, ResidentId]:
    """Name and ID number in their normal form. Raises InvalidInput (field `name` or `id_number`)."""
    try:
        name = clean_name(answers.name)
    except IdentityError as problem:
        raise InvalidInput(problem.message, code=problem.code, field="name") from None
    try:
        return name, parse_resident_id(answers.id_number, today=clock.today())
    except IdentityError as problem:
        raise InvalidInput(problem.message, code=problem.code, field="id_number") from None


def join(
    phone: str,
    proved_at: datetime,
    area: Area,
    kind: WorkerKind,
    answers: Answers,
    *,
    invitation: Invitation | None = None,
    address: str | None = None,
) -> Joined:
    """Register the holder of `phone` (proved at `proved_at`) as a worker who applies. Flushes.

    Sent twice it is one registration. Raises InvalidInput with the field of what has to be put right, Conflict
    `link_over` when the invitation has ended meanwhile, TooMany over twenty tries a day.
    """
    name, identity = read_identity(answers)
    # A proved telephone is no licence to fill the coordinators' desk.
    limit(f"join:{(phone_hash(phone) or b'').hex()[:24]}", TRIES)
    holder = worker_with_id(identity.number)
    found = _known(phone, name, identity, holder, address)
    if found is None:
        organisation = _organisation(kind, answers, invitation)
        _check_age(kind, identity, answers)
        new = _Newcomer(
            phone, proved_at, area, kind, name, identity, answers, organisation, invitation, address
        )
        try:
            with db.session.begin_nested():
                return _enter(new, holder)
        except Conflict as problem:
            if problem.code != "id_number_taken":
                raise
        # Somebody was quicker, most likely the same person's other tap.
        holder = worker_with_id(identity.number)
        found = _known(phone, name, identity, holder, address)
        if found is None:
            return _enter(new, holder)
    worker, mine = found
    if not mine:
        return _ask(worker, phone, area)
    record_application(worker, proved_at, answers.notice_at)
    if holder is not None and holder.id != worker.id:
        note_same_number(worker, holder)
    return _take_up(worker, address)


def _known(
    phone: str, name: str, identity: ResidentId, holder: Worker | None, address: str | None
) -> tuple[Worker, bool] | None:
    """The record of this person, and whether it may be handed over to the holder of this telephone. `holder`: whose
    record has the ID number; a stranger's changes nothing of the answer.
    """
    if holder is not None and holder.status is not WorkerStatus.LEFT:
        if holder.phone_hash == phone_hash(phone) and Person("", "", holder, holder.user).enters_by_code:
            return holder, True
        # A roster's row without a telephone: it is not trusted with anything before a coordinator approves it.
        open_row = holder.phone_hash is None and holder.user_id is None
        if open_row and holder.status is WorkerStatus.APPLIED and holder.name == name:
            holder.phone, holder.phone_hash = phone, phone_hash(phone)
            db.session.flush()
            return holder, True
    for person in people_with_phone(phone):
        if person.name != name:
            continue  # one telephone for a household
        if person.worker is None:
            continue
        if person.worker.id_number is not None or person.worker.birth_date != identity.birth_date:
            return person.worker, False
        if person.enters_by_code and (holder is not None or _complete(person.worker, identity)):
            audit.record(
                ANONYMOUS if person.user is None else Actor(person.user.id, name, address=address),
                "worker.complete",
                person.worker,
                _("%(name)s补上了身份证号", name=name),
                changes={"id_number": ["***", "***"]},
            )
            return person.worker, True
        return person.worker, False
    return None


def _complete(worker: Worker, identity: ResidentId) -> bool:
    done = db.session.scalar(
        update(Worker)
        .where(Worker.id == worker.id, Worker.id_number_hash.is_(None))
        .values(id_number=identity.number, id_number_hash=id_hash(identity.number))
        .returning(Worker.id)
        .execution_options(synchronize_session=False)
    )
    db.session.expire(worker, ["id_number", "id_number_hash"])
    return done is not None


def _take_up(worker: Worker, address: str | None) -> Joined:
    user = worker.user
    if user is None:
        try:
            user = take_up_record(worker, address=address)
        except Conflict:  # the other tap was quicker
            db.session.refresh(worker)
            user = worker.user
    assert user is not None, "a record is handed over with its account"
    drop_one_time_password(user)
    return Joined(Outcome.KNOWN, user, worker)


def _ask(worker: Worker, phone: str, area: Area) -> Joined:
    """Let a coordinator look. The message names the record on file, never to the person who typed."""
    today = clock.today()
    notify(
        keepers_of(worker.area.path, area.path),
        _("有人申请加入，和已有的登记对不上，请核实"),
        _(
            "有人用手机号 %(phone)s 申请加入%(area)s，手机号和姓名同已登记的%(name)s（%(kind)s）一样，"
            "身份证号或出生日期对不上。请打电话问本人，在人员页改好，本人再申请一次就会接上。",
            phone=mask_phone(phone),
            area=area.name,
            name=worker.name,
            kind=KINDS[worker.kind],
        ),
        f"/workforce/{worker.id}",
        dedupe_key=f"join-asked:{worker.id}:{today}:{(phone_hash(phone) or b'').hex()[:12]}",
    )
    audit.record(
        ANONYMOUS,
        "worker.same_person",
        worker,
        _("有人用别的资料申请加入，和%(name)s对不上", name=worker.name),
    )
    db.session.flush()
    return Joined(Outcome.ASKED)


def _organisation(kind: WorkerKind, answers: Answers, invitation: Invitation | None) -> Organisation | None:
    """The organisation somebody joins for. Raises InvalidInput for a type that does not come by itself."""
    inviting = invitation.organisation if invitation is not None else None
    if kind not in kinds_by(invitation) or (kind in BY_COMPANY and inviting is None):
        raise InvalidInput(
            _("这一类人员由所在单位邀请。"), _("请用单位发的链接，或者请单位把您报进名单。"), field="kind"
        )
    if kind is not WorkerKind.STUDENT:
        return inviting
    if inviting is not None and inviting.kind is OrganisationKind.SCHOOL:
        return inviting
    if answers.school is None and len(answers.school_named.strip()) < SHORTEST_SCHOOL:
        raise InvalidInput(_("请填学校的全名。"), field="school_named")
    return answers.school


def _check_age(kind: WorkerKind, identity: ResidentId, answers: Answers) -> None:
    age = age_on(identity.birth_date, clock.today())
    if age < YOUNGEST_AGE:
        raise InvalidInput(
            _("不满 10 岁，还不能参加探访。"),
            _("等满 10 岁、监护人同意了再来。"),
            code="too_young",
            field="id_number",
        )
    if age >= ADULT_AGE:
        return
    if kind is not WorkerKind.STUDENT:
        raise InvalidInput(
            _("未满 18 岁，请回到前面选“我是在校学生”。"), code="minor_is_a_student", field="id_number"
        )
    if not (answers.guardian.get("name") or "").strip():
        raise InvalidInput(
            _("您未满 18 岁，要监护人同意。请填父母或其他监护人。"),
            code="guardian_wanted",
            field="guardian_name",
        )
    if age < ACCOMPANY_ONLY_BELOW and not answers.child_notice:
        raise InvalidInput(
            _("请监护人读一遍，同意了再勾选。"), code="child_notice_wanted", field="child_notice"
        )


@dataclass(frozen=True, slots=True)
class _Newcomer:
    phone: str
    proved_at: datetime
    area: Area
    kind: WorkerKind
    name: str
    identity: ResidentId
    answers: Answers
    organisation: Organisation | None
    invitation: Invitation | None
    address: str | None


def _enter(new: _Newcomer, holder: Worker | None) -> Joined:
    """The new record. With a number that is `holder`'s it goes the same way and looks the same to the person: the
    number is left out, and the coordinators are told.
    """
    area, kind, answers, invitation = new.area, new.kind, new.answers, new.invitation
    if invitation is not None and not count_use(invitation.id):
        raise Conflict(_("这个邀请已经不能用了。"), _("请向发给您的人要一个新的。"), code="link_over")
    centre = centre_of(area, new.organisation if kind in BY_COMPANY else None)
    if centre is None:
        raise Conflict(
            _("%(area)s还没有登记位置，暂时不能在手机上加入。", area=area.name), _("请告诉社区工作人员。")
        )
    values: dict[str, Any] = {
        "kind": kind,
        "name": new.name,
        "phone": new.phone,
        "birth_date": new.identity.birth_date,
        "sex": Sex(new.identity.sex.value),
        "start_latitude": centre[0],
        "start_longitude": centre[1],
    }
    if holder is None:
        values["id_number"] = answers.id_number
    if kind is WorkerKind.STUDENT:
        values["school_named"] = answers.school_named.strip()[:80] if new.organisation is None else None
        values["student_class"] = answers.student_class.strip()[:40] or None
        values["student_number"] = answers.student_number.strip()[:30] or None
    user, worker = register_oneself(area, values, organisation=new.organisation, address=new.address)
    person = Actor(user.id, user.name, (Grant(Role.WORKER),), worker.id, new.address)
    if kind in LICENCES:
        if not answers.licence.strip():
            raise InvalidInput(_("请填%(what)s。", what=LICENCES[kind]), field="licence")
        declared = declare_credential(
            person, worker, CredentialKind.PROFESSIONAL, clock.today(), number=answers.licence.strip()[:60]
        )
        add_papers(person, worker, declared, answers.photos)
    if kind in ONE_ELDER and not answers.elder_named.strip():
        raise InvalidInput(_("请填您要看望谁。"), field="elder_named")
    application = Application(
        worker_id=worker.id,
        invitation_id=invitation.id if invitation is not None else None,
        phone_verified_at=new.proved_at,
        notice_accepted_at=answers.notice_at,
        elder_named=answers.elder_named.strip()[:200] or None if kind in ONE_ELDER else None,
        elder_relation=answers.elder_relation.strip()[:30] or None if kind in ONE_ELDER else None,
        message=answers.office.strip()[:300] or None,
    )
    db.session.add(application)
    db.session.flush()
    if age_on(worker.birth_date, clock.today()) < ADULT_AGE:
        _ask_guardian(worker, answers.guardian)
    _tell(worker, area, new.organisation)
    if holder is not None:
        note_same_number(worker, holder)
    return Joined(Outcome.NEW, user, worker)


def _ask_guardian(worker: Worker, guardian: Mapping[str, str]) -> None:
    try:
        ask_guardian(
            None,
            worker,
            name=guardian.get("name", ""),
            relation=guardian.get("relation", ""),
            phone=guardian.get("phone", ""),
        )
    except InvalidInput as problem:
        field_name = f"guardian_{problem.field}" if problem.field else None
        raise InvalidInput(problem.message, problem.remedy, code=problem.code, field=field_name) from None


def _tell(worker: Worker, area: Area, organisation: Organisation | None) -> None:
    kind = KINDS[worker.kind]
    notify(
        keepers_of(area.path),
        _("有人申请加入探访队伍"),
        _(
            "%(name)s（%(kind)s）申请加入%(area)s，请看资料、核对身份。",
            name=worker.name,
            kind=kind,
            area=area.name,
        ),
        f"/join/admission/{worker.id}",
        dedupe_key=f"applied:{worker.id}",
    )
    if organisation is not None:
        notify(
            managers_of(organisation.id),
            _("有本单位的人申请加入探访队伍"),
            _("%(name)s（%(kind)s）申请加入，社区审核后可以探访。", name=worker.name, kind=kind),
            dedupe_key=f"applied:{worker.id}",
        )
