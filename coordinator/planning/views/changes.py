"""今天出了状况: somebody cannot come, a visit is off, somebody must be visited at once."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, DomainError, InvalidInput, NotFound
from coordinator.planning.change_forms import AbsenceForm, CancelForm, ChangeForm, NoteForm, UrgentForm
from coordinator.planning.models import Plan, PlanRoute, PlanState
from coordinator.planning.queries.changes import DayChoices, choices_on, find_elder_in
from coordinator.planning.queries.quotes import quoted_candidates
from coordinator.planning.queries.roads import note_of as told_of_roads
from coordinator.planning.services.adjust import Adjusted, adjust, note_of, read_note
from coordinator.planning.services.repair import (
    Fresh,
    Proposal,
    Trouble,
    load_change_area,
    propose,
    words_of,
)
from coordinator.planning.views import bp
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker

FORMS: dict[str, type[ChangeForm]] = {"absence": AbsenceForm, "cancel": CancelForm, "urgent": UrgentForm}


@bp.app_context_processor
def _quotes() -> dict[str, Any]:
    """For the page of visits on which people are chosen."""
    return {"quoted_candidates": quoted_candidates}


@bp.get("/changes")
@requires(Permission.CLAIM_DECIDE)
def changes() -> str:
    """What has happened? `worker`, `visit` or `elder` in the address fill the form in."""
    return _ask(_area(), _what(), None)


def _what() -> str:
    asked = request.values.get("what", "absence")
    return asked if asked in FORMS else "absence"


def _area() -> Area:
    area_id = request.values.get("area", type=int)
    area = load_change_area(current_actor(), area_id, None if area_id else _around())
    if area is None:
        raise NotFound(_("没有可以调整的地区。"), _("请用街道或社区的账号。"))
    return area


def _around() -> str | None:
    """The path of the area of what the address names."""
    for name, model in (("visit", Visit), ("elder", Elder), ("worker", Worker)):
        row_id = request.values.get(name, type=int)
        if row_id:
            return db.session.scalar(
                select(Area.path).join(model, model.area_id == Area.id).where(model.id == row_id)
            )
    return None


def _day() -> date:
    try:
        return max(date.fromisoformat(request.values.get("day", "")), clock.today())
    except ValueError:
        return clock.today()


def _ask(area: Area, what: str, form: ChangeForm | None, problem: DomainError | None = None) -> str:
    day = _day()
    choices = choices_on(area, day)
    form = form if form is not None else _form(what, choices, day)
    elder_id = request.values.get("elder", type=int)
    elder = find_elder_in(area, elder_id) if what == "urgent" and elder_id else None
    return render_template(
        "planning/changes.html",
        area=area,
        day=day,
        what=what,
        form=form,
        choices=choices,
        elder=elder,
        problem=problem,
    )


def _form(what: str, choices: DayChoices, day: date) -> ChangeForm:
    values: dict[str, Any] = {"day": day}
    for name in ("worker", "visit"):
        if request.args.get(name, type=int):
            values[name] = request.args.get(name, type=int)
    if what == "urgent":
        values["elder"] = request.args.get("elder", "")
        if day == clock.today():
            values["earliest"] = clock.local_now().time().replace(second=0, microsecond=0)
    form = FORMS[what](data=values) if request.method == "GET" else FORMS[what]()
    if isinstance(form, AbsenceForm):
        form.worker.choices = [
            (one.id, _("%(name)s（%(n)s 次）", name=one.name, n=count) if count else one.name)
            for one, count in choices.people
        ]
    elif isinstance(form, CancelForm):
        form.visit.choices = [(one.id, visit_words(one)) for one in choices.visits]
    elif isinstance(form, UrgentForm):
        form.visit.choices = [
            (0, _("都不是，另外加一次")),
            *((one.id, visit_words(one)) for one in choices.open),
        ]
    return form


def visit_words(visit: Visit) -> str:
    """9:40 赵桂兰，周敏."""
    people = "、".join(one.worker.name for one in visit.assignments if one.state is AssignmentState.APPROVED)
    who = people or _("还没有人")
    return f"{i18n.hour(visit.starts_at)} {visit.elder.name}，{who}"


# --- the proposal ----------------------------------------------------------------------------------------


@bp.post("/changes/proposal")
@requires(Permission.CLAIM_DECIDE)
def propose_change() -> str | tuple[str, int]:
    """What the day would become; nothing is changed."""
    area, what = _area(), _what()
    form = _form(what, choices_on(area, _day()), _day())
    if not form.validate_on_submit():
        return _ask(area, what, form), 422
    try:
        found = propose(current_actor(), area, _trouble(area, form))
    except DomainError as problem:
        db.session.rollback()
        if problem.status == 404:
            raise
        form.take(problem)
        return _ask(area, what, form), problem.status
    return _show(found)


def _trouble(area: Area, form: ChangeForm) -> Trouble:
    assert form.day.data is not None, "a required field"
    day, reason = form.day.data, " ".join((form.reason.data or "").split())
    if isinstance(form, AbsenceForm):
        since = form.since.data
        second = since.hour * 3600 + since.minute * 60 if since else None
        return Trouble(area.id, day, reason, {form.worker.data: second})
    if isinstance(form, CancelForm):
        return Trouble(area.id, day, reason, cancelled=(form.visit.data,))
    assert isinstance(form, UrgentForm), "one of three"
    if form.visit.data:
        return Trouble(area.id, day, reason, wanted=(form.visit.data,))
    if not (form.elder.data or "").isdecimal():
        raise InvalidInput(_("请选一次探访，或者从长者档案里点“今天加一次”。"), field="visit")
    earliest, latest = form.earliest.data, form.latest.data
    window = (
        earliest.hour * 3600 + earliest.minute * 60 if earliest else 8 * 3600,
        latest.hour * 3600 + latest.minute * 60 if latest else 18 * 3600,
    )
    if window[0] > window[1]:
        raise InvalidInput(_("最晚的时间要晚于最早的时间。"), field="latest")
    return Trouble(area.id, day, reason, fresh=Fresh(int(form.elder.data), form.minutes.data or 30, window))


def _show(found: Proposal, problem: DomainError | None = None) -> str:
    return render_template(
        "planning/change_proposal.html",
        found=found,
        lines=words_of(found),
        note=note_of(current_actor(), found),
        roads=told_of_roads(found.real.times.note),
        problem=problem,
    )


@bp.post("/changes")
@requires(Permission.CLAIM_DECIDE)
def adjust_day() -> Any:
    """照此调整. When the day has changed meanwhile: a fresh proposal instead."""
    actor = current_actor()
    note = read_note(NoteForm().note.data or "")
    area = load_change_area(actor, note.trouble.area_id)
    assert area is not None, "an area that was named is found or refused"
    try:
        done = adjust(actor, area, note)
        db.session.commit()
    except Conflict as problem:
        db.session.rollback()
        try:
            area = load_change_area(actor, note.trouble.area_id)
            assert area is not None, "it was there a moment ago"
            return _show(propose(actor, area, note.trouble), problem), problem.status
        except DomainError as other:
            db.session.rollback()
            flash(f"{problem.message}{other.message}{other.remedy}", "warn")
            return redirect(url_for("planning.changes", area=note.trouble.area_id, day=note.trouble.day), 303)
    _say(done)
    return redirect(_back(area, note.trouble.day), 303)


def _say(done: Adjusted) -> None:
    if done.again:
        flash(_("这份方案已经调整过了，没有再做一遍。"), "info")
        return
    flash(_("调整好了：改了 %(n)s 次探访，通知了 %(told)s 人。", n=done.steps, told=done.told), "ok")
    for old, new in done.sheets:
        flash(
            _("路线单 %(old)s 作废，换成 %(new)s，请重新打印。", old=old, new=new)
            if new
            else _("路线单 %(old)s 作废，请收回。", old=old),
            "info",
        )


def _back(area: Area, day: date) -> str:
    """The day page where a plan shows it, else the visits of the day."""
    plan_id = db.session.scalar(
        select(Plan.id)
        .join(Area, Area.id == Plan.area_id)
        .join(PlanRoute, PlanRoute.plan_id == Plan.id)
        .where(Area.path == area.path, Plan.state == PlanState.APPROVED, PlanRoute.day == day)
        .limit(1)
    )
    if plan_id is not None:
        return url_for("planning.day", plan_id=plan_id, day=day)
    return url_for("visits.index", day=day.isoformat())
