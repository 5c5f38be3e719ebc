"""Visits: the list of an area, one visit with its history, and giving it to people by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, select
from werkzeug.wrappers import Response

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, covers, current_actor, in_areas, requires
from coordinator.kernel.areas import Area
from coordinator.kernel.downloads import send_sheet
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.kernel.forms import attempt, options, outcome, status_of
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec
from coordinator.policy import Status
from coordinator.visits import labels
from coordinator.visits.forms import AssignForm, ContactForm, OpenVisitForm, ReasonForm, ReopenForm
from coordinator.visits.lifecycle import AssignmentState, ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.queries.candidates import Candidate, candidates_for
from coordinator.visits.queries.owed import areas_of, obligations_for
from coordinator.visits.queries.visits import evidence_of, history_of, load_visit, on_day, visits_in
from coordinator.visits.services import (
    assign,
    cancel_visit,
    log_remote_contact,
    mark_missed,
    open_visit,
    release,
    reopen_visit,
)
from coordinator.visits.views.blueprint import area_choices, bp, find_elder, read_day
from coordinator.workforce.labels import KINDS
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import workers_for_duty


def _in_area(statement: Select[Any], value: str) -> Select[Any]:
    path = select(Area.path).where(Area.id == int(value)).scalar_subquery()
    return statement.where(Visit.area_id.in_(select(Area.id).where(Area.path.startswith(path))))


def _find(statement: Select[Any], text: str) -> Select[Any]:
    goes = (
        select(Assignment.id)
        .join(Worker, Worker.id == Assignment.worker_id)
        .where(Assignment.visit_id == Visit.id, Worker.name.icontains(text, autoescape=True))
        .exists()
    )
    return statement.where(Elder.name.icontains(text, autoescape=True) | goes)


def people_in_words(visit: Visit) -> str:
    """The people a visit is given to, or who made it; else whoever logged the contact has no name here."""
    shown = (AssignmentState.APPROVED, AssignmentState.DONE)
    return "、".join(one.worker.name for one in visit.assignments if one.state in shown)


VISITS = ListingSpec(
    columns=(
        Column("starts_at", _l("时间"), sort=Visit.starts_at, first_direction="desc", width=18),
        Column("elder", _l("长者、住址"), sort=Elder.name, value=lambda one: one.elder.name, width=10),
        Column("address", _l("住址"), value=lambda one: one.elder.household.address, shown=False, width=28),
        Column("area", _l("社区"), value=lambda one: one.area.name, width=14),
        Column("mode", _l("方式"), value=lambda one: labels.MODES[one.mode], width=8),
        Column("people", _l("去的人"), value=people_in_words, width=20),
        Column("state", _l("状态"), sort=Visit.state, value=lambda one: labels.STATES[one.state], width=10),
    ),
    tie=Visit.id,
    filters=(
        Filter(
            "state",
            _l("状态"),
            lambda statement, value: statement.where(Visit.state == VisitState(value)),
            choices=tuple(labels.STATES.items()),
            shown=False,
        ),
        Filter("day", _l("哪一天"), lambda statement, value: statement.where(on_day(value)), kind="date"),
        Filter("area", _l("社区"), _in_area, all_label=_l("全部社区")),
    ),
    default_sort="starts_at",
    search=_find,
)


@bp.get("/visits")
@requires(Permission.VISIT_READ)
def index() -> str | Response:
    """All visits of the areas, newest first."""
    actor = current_actor()
    paths = actor.area_paths(Permission.VISIT_READ)
    own = [row for row in areas_of(paths).values() if any(row.path.startswith(path) for path in paths)]
    listing = Listing.read(VISITS, request.args, request.path, choices={"area": area_choices(own)})
    statement = visits_in(actor)
    if listing.export_format:
        sheet = listing.export(db.session, statement, _("探访安排 %(day)s", day=clock.today().isoformat()))
        audit.record(actor, "visit.export", Visit.__tablename__, _("导出探访安排"))
        db.session.commit()
        return send_sheet(sheet)
    tally = (
        select(Visit.state, func.count())
        .join(Elder, Elder.id == Visit.elder_id)
        .where(in_areas(actor, Permission.VISIT_READ, Visit.area_id))
    )
    rows = db.session.execute(listing.filtered(tally, without=("state",)).group_by(Visit.state))
    counts = {state: n for state, n in rows}  # noqa: C416 -- a Row is not a pair to dict()
    today = clock.today()
    return render_template(
        "visits/index.html",
        listing=listing,
        page=listing.fetch(db.session, statement),
        counts=counts,
        states=list(VisitState),
        people_in_words=people_in_words,
        days=[(today, _("今天")), (today + timedelta(days=1), _("明天"))],
    )


@bp.get("/visits/<int:visit_id>")
@requires(Permission.VISIT_READ)
def show(visit_id: int) -> str:
    """One visit: who, when, what happened."""
    actor = current_actor()
    return _show(actor, load_visit(actor, Permission.VISIT_READ, visit_id), ReasonForm(formdata=None))


def _show(actor: Actor, visit: Visit, form: ReasonForm, asked: str = "") -> str:
    may_open = covers(actor, Permission.VISIT_OPEN, visit.area.path)
    may_assign = covers(actor, Permission.CLAIM_DECIDE, visit.area.path)
    presences, record = evidence_of(visit)
    day = clock.to_local(visit.starts_at).date()
    changeable = visit.mode is ContactMode.HOME and visit.state in (VisitState.OPEN, VisitState.ASSIGNED)
    return render_template(
        "visits/show.html",
        visit=visit,
        form=form,
        asked=asked,
        history=history_of(visit),
        presences=presences,
        record=record,
        may_note=covers(actor, Permission.ELDER_READ, visit.area.path),
        may_assign=may_assign and visit.state is VisitState.OPEN,
        change_day=day.isoformat() if may_assign and changeable and day >= clock.today() else "",
        may_release=may_assign and visit.state in (VisitState.ASSIGNED, VisitState.OPEN),
        may_cancel=may_open and visit.state in (VisitState.OPEN, VisitState.CLAIMED, VisitState.ASSIGNED),
        may_miss=may_assign
        and visit.state in (VisitState.OPEN, VisitState.CLAIMED, VisitState.ASSIGNED)
        and visit.starts_at <= clock.now(),
        may_reopen=may_open and visit.state is VisitState.MISSED,
        may_type_in=covers(actor, Permission.RECORD_CONFIRM, visit.area.path)
        and visit.state in (VisitState.ASSIGNED, VisitState.IN_PROGRESS)
        and clock.to_local(visit.starts_at).date() <= clock.today(),
    )


def _act(visit_id: int, permission: Permission, asked: str, act: Any, done: str) -> Any:
    """Run one act with a reason; a refusal shows the page again with the reason kept."""
    actor = current_actor()
    visit = load_visit(actor, permission, visit_id)
    form = ReasonForm()
    if attempt(form, lambda: act(actor, visit, form.reason.data or "")):
        flash(done, "ok")
        return redirect(url_for("visits.show", visit_id=visit_id), 303)
    return _show(actor, load_visit(actor, permission, visit_id), form, asked), 422


@bp.post("/visits/<int:visit_id>/cancel")
@requires(Permission.VISIT_OPEN)
def cancel(visit_id: int) -> Any:
    """Call a visit off."""
    return _act(visit_id, Permission.VISIT_OPEN, "cancel", cancel_visit, _("这次探访已取消。"))


@bp.post("/visits/<int:visit_id>/miss")
@requires(Permission.CLAIM_DECIDE)
def miss(visit_id: int) -> Any:
    """Nobody went."""
    return _act(visit_id, Permission.CLAIM_DECIDE, "miss", mark_missed, _("已记为没有人去，可以重新安排。"))


@bp.post("/visits/<int:visit_id>/release/<int:worker_id>")
@requires(Permission.CLAIM_DECIDE)
def take_off(visit_id: int, worker_id: int) -> Any:
    """Take one of the people off a visit."""

    def act(actor: Actor, visit: Visit, reason: str) -> None:
        worker = next((one.worker for one in visit.assignments if one.worker_id == worker_id), None)
        if worker is None:
            raise Conflict(_("这个人不在这次探访里。"))
        release(actor, visit, worker, reason)

    return _act(visit_id, Permission.CLAIM_DECIDE, f"release-{worker_id}", act, _("已从这次探访退下。"))


@bp.route("/visits/<int:visit_id>/reopen", methods=["GET", "POST"])
@requires(Permission.VISIT_OPEN)
def reopen(visit_id: int) -> Any:
    """A new time for a missed visit."""
    actor = current_actor()
    visit = load_visit(actor, Permission.VISIT_OPEN, visit_id)
    form = ReopenForm()

    def act() -> None:
        starts_at = _moment(form)
        reopen_visit(actor, visit, starts_at, starts_at + (visit.ends_at - visit.starts_at))

    if attempt(form, act):
        flash(_("已重新安排，还要派人。"), "ok")
        return redirect(url_for("visits.show", visit_id=visit_id), 303)
    return render_template("visits/reopen.html", form=form, visit=visit), status_of(form)


def _moment(form: OpenVisitForm | ReopenForm | ContactForm) -> datetime:
    day, start = form.day.data, form.start.data
    assert day is not None, "a required field"
    assert start is not None, "a required field"
    return clock.at_local(day, start.hour * 3600 + start.minute * 60)


# --- giving it to people ---------------------------------------------------------------------------------


@bp.route("/visits/<int:visit_id>/assign", methods=["GET", "POST"])
@requires(Permission.CLAIM_DECIDE)
def assign_people(visit_id: int) -> Any:
    """Candidates with what stands against each of them, and the choice."""
    actor = current_actor()
    visit = load_visit(actor, Permission.CLAIM_DECIDE, visit_id)
    if visit.state is not VisitState.OPEN:
        raise Conflict(
            _("这次探访现在是“%(now)s”，不能再派人。", now=labels.STATES[visit.state]),
            _("有人申请的，请先审批。")
            if visit.state is VisitState.CLAIMED
            else _("请回到这次探访看最新的情况。"),
        )
    candidates = candidates_for(visit)
    form = AssignForm()
    form.leads.choices = form.companions.choices = options(
        (one.worker.id, one.worker.name) for one in candidates
    )

    def act() -> list[tuple[Worker, bool]]:
        team = _team(form, candidates)
        overridden = _overridden(team, candidates)
        if overridden and not form.reason.data:
            name, why = overridden
            raise InvalidInput(
                _("%(name)s：%(why)s。请写明为什么还是派他去。", name=name, why=why), field="reason"
            )
        assign(actor, visit, team, override_reason=form.reason.data or "")
        return team

    team = outcome(form, act)
    if team is not None:
        flash(_("已派给%(names)s。", names="、".join(worker.name for worker, _companion in team)), "ok")
        return redirect(url_for("visits.show", visit_id=visit_id), 303)
    if form.is_submitted():
        visit = load_visit(actor, Permission.CLAIM_DECIDE, visit_id)
        candidates = candidates_for(visit)
    page = render_template("visits/assign.html", visit=visit, form=form, candidates=candidates, kinds=KINDS)
    return page, status_of(form)


def _team(form: AssignForm, candidates: Sequence[Candidate]) -> list[tuple[Worker, bool]]:
    """The chosen people with fresh rows; whoever is ticked twice leads."""
    leads = list(dict.fromkeys(form.leads.data or ()))
    companions = [one for one in dict.fromkeys(form.companions.data or ()) if one not in leads]
    workers = workers_for_duty([*leads, *companions])
    known = {one.worker.id for one in candidates}
    return [(workers[one], False) for one in leads if one in known] + [
        (workers[one], True) for one in companions if one in known
    ]


def _overridden(
    team: Sequence[tuple[Worker, bool]], candidates: Sequence[Candidate]
) -> tuple[str, str] | None:
    """The first of the team with a reason that wants a word, and that reason."""
    found = {one.worker.id: one for one in candidates}
    for worker, _companion in team:
        soft = [finding for finding in found[worker.id].findings if not finding.hard]
        if soft:
            return worker.name, soft[0].message
    return None


# --- made by hand ----------------------------------------------------------------------------------------


@bp.route("/visits/new", methods=["GET", "POST"])
@requires(Permission.VISIT_OPEN)
def new() -> Any:
    """Write down a visit for one elder; people are chosen next."""
    actor = current_actor()
    elder = find_elder(actor, Permission.VISIT_OPEN, request.values.get("elder", type=int) or 0)
    tomorrow = clock.today() + timedelta(days=1)
    form = OpenVisitForm(
        day=read_day(request.args.get("day")) or tomorrow,
        minutes=elder.visit_minutes,
        people="2" if elder.needs_two_visitors else "1",
        needs_skills=elder.needs_skills,
        mode=ContactMode.HOME.value,
        start=elder.visit_from,
    )

    def act() -> Visit:
        starts_at = _moment(form)
        rule, period = _rule_of(elder, clock.to_local(starts_at).date())
        return open_visit(
            actor,
            elder,
            starts_at,
            starts_at + timedelta(minutes=form.minutes.data or 0),
            mode=ContactMode(form.mode.data),
            people=int(form.people.data),
            needs_skills=form.needs_skills.data or (),
            rule=rule,
            period=period,
        )

    visit = outcome(form, act)
    if visit is not None:
        flash(_("已安排，请选谁去。"), "ok")
        return redirect(url_for("visits.assign_people", visit_id=visit.id), 303)
    return render_template("visits/new.html", form=form, elder=elder), status_of(form)


def _rule_of(elder: Elder, day: date) -> tuple[str | None, tuple[date, date] | None]:
    """The obligation a visit on that day serves: the unmet one that ends first; none makes it an extra one."""
    owed = obligations_for([elder], elder.area, day, day, clock.today())[elder.id]
    unmet = [one for one in owed if one.status is Status.OWED and one.period_from <= day <= one.period_to]
    if not unmet:
        return None, None
    first = min(unmet, key=lambda one: (one.period_to, one.rule))
    return first.rule, (first.period_from, first.period_to)


@bp.route("/visits/contact", methods=["GET", "POST"])
@requires(Permission.VISIT_OPEN)
def contact() -> Any:
    """Write down a telephone or video contact that has taken place."""
    actor = current_actor()
    elder = find_elder(actor, Permission.VISIT_OPEN, request.values.get("elder", type=int) or 0)
    now = clock.local_now()
    form = ContactForm(day=now.date(), start=now.time().replace(second=0, microsecond=0))

    def act() -> None:
        log_remote_contact(
            actor,
            elder,
            ContactMode(form.mode.data),
            ContactOutcome(form.outcome.data),
            _moment(form),
            form.note.data or "",
        )

    if attempt(form, act):
        flash(_("已登记和%(name)s的联系。", name=elder.name), "ok")
        return redirect(url_for("visits.elder_panel", elder_id=elder.id), 303)
    return render_template("visits/contact.html", form=form, elder=elder), status_of(form)
