"""没有来: written down by a named person, explained by the one it is about, decided by somebody else."""

from __future__ import annotations

from collections.abc import Collection

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.agenda.services import note_told
from coordinator.dropouts.models import NoShow, NoShowState
from coordinator.dropouts.queries.no_shows import arrived_ids
from coordinator.dropouts.rules import rules_for
from coordinator.dropouts.services.placing import locked_visit
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.marketplace.queries.claims import coordinators_of
from coordinator.messages.services import notify
from coordinator.visits.lifecycle import CLOSED, AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.services import mark_missed, mark_no_show
from coordinator.visits.services.common import approved, end_assignment, reason_text
from coordinator.workforce.fitness import is_minor

LONGEST_APPEAL = 500
_ON_IT = (AssignmentState.APPROVED, AssignmentState.DONE)


def on_the_visit(visit: Visit) -> list[Assignment]:
    """The people who were to go this time, whatever is known of them since."""
    return [one for one in visit.assignments if one.state in _ON_IT and one.during.lower == visit.starts_at]


def may_be_recorded(visit: Visit) -> list[Assignment]:
    """The people of whom a coordinator may write down that they did not come: who was to go, and who was written
    down already and had it taken back."""
    lifted = set(
        db.session.scalars(
            select(NoShow.assignment_id).where(
                NoShow.visit_id == visit.id, NoShow.state == NoShowState.LIFTED
            )
        )
    )
    again = [
        one
        for one in visit.assignments
        if one.id in lifted and one.state is AssignmentState.CANCELLED and one.during.lower == visit.starts_at
    ]
    going = on_the_visit(visit)
    held = {one.worker_id for one in going}
    return [*going, *(one for one in again if one.worker_id not in held)]


def record_no_show(actor: Actor, visit_id: int, absent: Collection[int], what: str) -> list[NoShow]:
    """Write down who did not come; a report about the same person is confirmed by it. Tells those concerned.
    After one that was lifted a new one may be written; both stay.

    Raises InvalidInput without a name or a word, Conflict 'too_early' before the end and the grace after it,
    'was_there' for somebody who checked in. Nobody left, the visit is missed and can be given a new time; who was
    to go along with somebody who did not come is not blamed.
    """
    visit = locked_visit(visit_id)
    if visit is None:
        raise NotFound(_("没有找到这次探访。"), _("请回到列表重新打开。"))
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    text = reason_text(what)
    if actor.user_id is None:
        raise NotAllowed(_("没有来要由具体的人记。"))
    ends = visit.ends_at + rules_for(visit.area.path).grace
    if clock.now() < ends:
        raise Conflict(
            _("%(when)s以后才能记“没有来”。", when=i18n.moment(ends)),
            _("人可能还在路上，先打个电话。"),
            code="too_early",
        )
    team = {one.worker_id: one for one in may_be_recorded(visit)}
    chosen = [team[one] for one in dict.fromkeys(absent) if one in team]
    if not chosen:
        raise InvalidInput(_("请选没有来的人。"), field="absent")
    arrived = arrived_ids(visit.id)
    for one in chosen:
        if one.worker_id in arrived:
            raise Conflict(
                _("%(name)s签过到，不能记“没有来”。", name=one.worker.name),
                _("签到有疑问的，请在探访记录里核查。"),
                code="was_there",
            )
    _end_assignments(actor, visit, chosen, text)
    made = [_write(actor, one, text) for one in chosen]
    for one in chosen:
        audit.record(
            actor,
            "no_show.record",
            visit,
            _("%(who)s记%(name)s没有来：%(what)s", who=actor.name, name=one.worker.name, what=text),
        )
    db.session.flush()
    note_told(actor, [(one.id, visit.starts_at) for one in chosen], off=True)
    for row in made:
        _tell_worker(row, visit)
    db.session.flush()
    return made


def _end_assignments(actor: Actor, visit: Visit, absent: Collection[Assignment], text: str) -> None:
    day = clock.to_local(visit.starts_at).date()
    rest = [one for one in approved(visit) if one not in absent]
    if visit.state is VisitState.ASSIGNED and all(is_minor(one.worker, day) for one in rest):
        # Nobody could go without them.
        for one in rest:
            end_assignment(one, AssignmentState.CANCELLED, _("同去的成年人没有来"))
        mark_missed(actor, visit, text)
        return
    for one in absent:
        if one.state is AssignmentState.APPROVED:
            mark_no_show(actor, visit, one.worker, text)
        else:
            end_assignment(one, AssignmentState.NO_SHOW, text)


def _write(actor: Actor, assignment: Assignment, text: str) -> NoShow:
    assert actor.user_id is not None, "checked by the caller"
    row = db.session.scalars(
        select(NoShow)
        .where(NoShow.assignment_id == assignment.id, NoShow.state != NoShowState.LIFTED)
        .with_for_update()
    ).one_or_none()
    if row is None:
        row = NoShow(
            assignment_id=assignment.id,
            visit_id=assignment.visit_id,
            worker_id=assignment.worker_id,
            what=text,
            recorded_by_id=actor.user_id,
            recorded_at=clock.now(),
        )
        db.session.add(row)
    elif row.state is not NoShowState.REPORTED:
        raise Conflict(_("%(name)s这次已经记过了。", name=assignment.worker.name), code="decided")
    row.state = NoShowState.RECORDED
    row.confirmed_by_id = actor.user_id
    row.confirmed_at = clock.now()
    return row


def _tell_worker(row: NoShow, visit: Visit) -> None:
    worker = next(one.worker for one in visit.assignments if one.id == row.assignment_id)
    if worker.user_id is None:
        return
    notify(
        [worker.user_id],
        _("社区记了您有一次没有去，请看一看"),
        _(
            "%(when)s，%(place)s。不是这样的话，点开说一句，由另一位工作人员看。在看清以前不算数。",
            when=i18n.moment(visit.starts_at),
            place=visit.area.name,
        ),
        f"/no-shows/{row.id}/mine",
        dedupe_key=f"no-show:{row.id}",
    )


def report_no_show(actor: Actor, visit_id: int, worker_id: int, what: str) -> NoShow:
    """Whoever is on the visit says that the other one did not come; a coordinator has to confirm it.

    Raises NotFound for a visit or a person one is not with, Conflict 'too_early' before the visit's time, 'decided'
    where a coordinator has looked and lifted it: from then on it is between the two on the telephone.
    """
    demand(actor, Permission.WORK)
    visit = locked_visit(visit_id)
    team = {one.worker_id: one for one in on_the_visit(visit)} if visit is not None else {}
    if visit is None or actor.worker_id not in team or worker_id not in team or worker_id == actor.worker_id:
        raise NotFound(_("没有找到这次探访。"), _("请回到“今天”重新打开。"))
    text = reason_text(what)
    assert actor.user_id is not None, "a worker who is signed in"
    if clock.now() < visit.starts_at:
        raise Conflict(_("还没有到探访的时间。"), _("人可能还在路上，先打个电话。"), code="too_early")
    mine = team[worker_id]
    if worker_id in arrived_ids(visit.id):
        raise Conflict(_("%(name)s已经签到了。", name=mine.worker.name), code="was_there")
    rows = db.session.scalars(select(NoShow).where(NoShow.assignment_id == mine.id).order_by(NoShow.id)).all()
    if rows and rows[-1].state is NoShowState.LIFTED:
        raise Conflict(_("社区看过了，这次没有记。"), _("还有话要说，请打电话给社区。"), code="decided")
    if rows:
        return rows[-1]
    row = NoShow(
        assignment_id=mine.id,
        visit_id=visit.id,
        worker_id=worker_id,
        state=NoShowState.REPORTED,
        what=text,
        recorded_by_id=actor.user_id,
        recorded_at=clock.now(),
    )
    db.session.add(row)
    db.session.flush()
    audit.record(
        actor,
        "no_show.report",
        visit,
        _("%(who)s反映%(name)s没有来：%(what)s", who=actor.name, name=mine.worker.name, what=text),
    )
    notify(
        coordinators_of(visit.area.path),
        _("有人反映同去的人没有来，请看一看"),
        _(
            "%(when)s，%(elder)s：%(what)s",
            when=i18n.moment(visit.starts_at),
            elder=visit.elder.name,
            what=text,
        ),
        f"/visits/{visit.id}/no-show",
        dedupe_key=f"no-show-report:{row.id}",
        urgent=True,
    )
    db.session.flush()
    return row


def _locked(no_show_id: int) -> tuple[NoShow, Visit]:
    visit_id = db.session.scalar(select(NoShow.visit_id).where(NoShow.id == no_show_id))
    visit = locked_visit(visit_id) if visit_id is not None else None
    if visit is None:
        raise NotFound(_("没有找到这条记载。"))
    row = db.session.scalars(
        select(NoShow)
        .where(NoShow.id == no_show_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return row, visit


def appeal(actor: Actor, no_show_id: int, words: str) -> NoShow:
    """The worker says how it was; until it is decided the record counts for nothing. Once is enough.

    Raises NotFound for somebody else's, InvalidInput without words, Conflict once it is decided.
    """
    demand(actor, Permission.WORK)
    row, visit = _locked(no_show_id)
    if row.worker_id != actor.worker_id or row.confirmed_at is None:
        raise NotFound(_("没有找到这条记载。"), _("请回到“今天”看一看。"))
    text = " ".join(words.split())
    if row.state is NoShowState.APPEALED:
        return row
    if row.state is not NoShowState.RECORDED:
        raise Conflict(_("这条已经有结果了。"), _("还有话要说，请打电话给社区。"), code="decided")
    if not text:
        raise InvalidInput(_("请写一句是怎么回事。"), field="words")
    row.state = NoShowState.APPEALED
    row.appeal = text[:LONGEST_APPEAL]
    row.appealed_at = clock.now()
    audit.record(actor, "no_show.appeal", visit, _("%(name)s说明了没有来的情况", name=actor.name))
    others = set(coordinators_of(visit.area.path))
    notify(
        others - {row.confirmed_by_id} or others,
        _("有人对“没有来”有说明，请看一看"),
        _("%(name)s：%(words)s", name=actor.name, words=row.appeal),
        f"/no-shows/{row.id}",
        dedupe_key=f"no-show-appeal:{row.id}",
    )
    db.session.flush()
    return row


def decides_oneself(actor: Actor, row: NoShow, area_path: str) -> bool:
    """Whether the actor would judge the own word although there is another coordinator."""
    said = {row.confirmed_by_id, row.recorded_by_id}
    return actor.user_id in said and bool(set(coordinators_of(area_path)) - said)


def decide_no_show(actor: Actor, no_show_id: int, *, upheld: bool, words: str) -> NoShow:
    """Uphold, or take back, with a word the worker reads. An appeal is decided by another coordinator than the one
    who wrote it down, where there is another; a mistake of one's own may be taken back before anybody appeals.
    """
    row, visit = _locked(no_show_id)
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    text = reason_text(words)
    if row.state is (NoShowState.UPHELD if upheld else NoShowState.LIFTED):
        return row
    if row.state in (NoShowState.UPHELD, NoShowState.LIFTED):
        raise Conflict(_("这条已经有结果了。"), _("请刷新页面看最新的情况。"), code="decided")
    if upheld and row.state is not NoShowState.APPEALED:
        raise Conflict(_("本人还没有说明，不用决定。"), code="not_appealed")
    if row.state is NoShowState.APPEALED and decides_oneself(actor, row, visit.area.path):
        raise NotAllowed(
            _("这条是您记的，要由另一位工作人员来看。"), _("请告诉街道或社区的同事。"), code="own_word"
        )
    reported_only = row.confirmed_at is None
    row.state = NoShowState.UPHELD if upheld else NoShowState.LIFTED
    row.decision = text
    row.decided_at = clock.now()
    row.decided_by_id = actor.user_id
    assignment = next(one for one in visit.assignments if one.id == row.assignment_id)
    if not upheld and not reported_only:
        _take_back(visit, assignment)
    audit.record(
        actor,
        "no_show.uphold" if upheld else "no_show.lift",
        visit,
        _("维持%(name)s没有来：%(why)s", name=assignment.worker.name, why=text)
        if upheld
        else _("撤销%(name)s没有来：%(why)s", name=assignment.worker.name, why=text),
    )
    if assignment.worker.user_id is not None and not reported_only:
        notify(
            [assignment.worker.user_id],
            _("您的说明看过了，维持原来的记载") if upheld else _("“没有来”的记载撤销了"),
            text,
            f"/no-shows/{row.id}/mine",
            dedupe_key=f"no-show-decided:{row.id}",
        )
    db.session.flush()
    return row


def _take_back(visit: Visit, assignment: Assignment) -> None:
    """The person is blamed for nothing: went, where the visit took place with others, or had not to go."""
    took_place = visit.state in CLOSED and assignment.during.lower == visit.starts_at
    again = any(
        one.worker_id == assignment.worker_id and one is not assignment and one.state in _ON_IT
        for one in visit.assignments
    )
    assignment.state = AssignmentState.DONE if took_place and not again else AssignmentState.CANCELLED
    assignment.end_reason = _("“没有来”的记载已撤销")
