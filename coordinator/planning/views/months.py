"""The month: calendar, running computation, what is left out, approval of the whole plan."""

from __future__ import annotations

from datetime import date, timedelta

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import NotFound
from coordinator.kernel.forms import outcome
from coordinator.planning import queries, services
from coordinator.planning.access import can_approve, can_edit, can_stop
from coordinator.planning.forms import SecondsForm, StartForm
from coordinator.planning.labels import STAGES, STATE_LOOKS, STATES, month_name
from coordinator.planning.models import Plan, PlanStage, PlanState
from coordinator.planning.queries.roads import road_note
from coordinator.planning.translate import Options, horizon
from coordinator.planning.views import bp
from coordinator.planning.views.common import done
from coordinator.planning.views.remedies import context_of
from coordinator.workforce.labels import KINDS

LOST_AFTER = timedelta(seconds=15)
"""A run without a life sign for so long has been cut."""


@bp.get("/")
@requires(Permission.PLAN_READ)
def month() -> str | Response:
    """The month plan; `month` (2026-04), `area` and `plan` in the address choose another."""
    actor = current_actor()
    area = queries.load_area(actor, request.args.get("area", type=int))
    if area is None:
        raise NotFound(_("您的管辖范围里没有街道。"), _("计划按街道来做，请联系管理员。"))
    first = asked_month(request.args.get("month"))
    plan_id = request.args.get("plan", type=int)
    plan = queries.load_plan(actor, plan_id) if plan_id else queries.shown_plan(area, first)
    return _page(area, first, plan, _start_form(area))


def _start_form(area: Area) -> StartForm:
    """The form with what the area chose last."""
    wishes = services.wishes_of(area)
    return StartForm(formdata=None, data=wishes.as_dict())


@bp.get("/from-due")
@requires(Permission.PLAN_READ)
def index() -> Response:
    """From the due list: a plan takes in everybody who is owed a visit, the chosen elders among them."""
    chosen = [one for one in request.args.get("elders", "").split(",") if one]
    if chosen:
        flash(_("计划把整个街道的应访一起排，您选的 %(n)s 位都在里面。", n=len(chosen)), "info")
    return redirect(url_for("planning.month", month=request.args.get("month")), 303)


@bp.get("/plans/<int:plan_id>")
@requires(Permission.PLAN_READ)
def plan(plan_id: int) -> str:
    """One plan run in its month."""
    found = queries.load_plan(current_actor(), plan_id)
    return _page(found.area, found.month, found, _start_form(found.area))


def asked_month(text: str | None) -> date:
    """The month asked for; else this one, or the next one when nothing of this one can be planned any more."""
    try:
        return date.fromisoformat(f"{text}-01") if text else _current()
    except ValueError:
        return _current()


def _current() -> date:
    today = clock.today()
    first = today.replace(day=1)
    return first if horizon(first, today) is not None else next_month(first)


def next_month(first: date) -> date:
    """The month after."""
    return (first + timedelta(days=32)).replace(day=1)


def _page(area, first: date, plan: Plan | None, form: StartForm, status: int = 200):  # type: ignore[no-untyped-def]
    actor = current_actor()
    view = queries.month_view(area, first, plan)
    for cell in view.cells:
        if cell.day.day == 15:
            cell.note = _("上半月止")
        elif cell.day.day == 16:
            cell.note = _("下半月起")
        elif cell.day == view.cells[-1].day:
            cell.note = _("月底")
    running = plan is not None and can_stop(actor, plan)
    body = render_template(
        "planning/month.html",
        area=area,
        first=first,
        name=month_name(first),
        before=(first - timedelta(days=1)).replace(day=1),
        after=next_month(first),
        plan=plan,
        view=view,
        form=form,
        card=_card(plan)
        if plan is not None and plan.state in (PlanState.QUEUED, PlanState.SOLVING)
        else None,
        kinds=KINDS,
        states=STATES,
        looks=STATE_LOOKS,
        running=running,
        plannable=horizon(first, clock.today()) is not None,
        editable=actor.may(Permission.PLAN_EDIT) and (plan is None or can_edit(actor, plan) or not running),
        approvable=plan is not None and can_approve(actor, plan),
        calls=queries.call_list(plan) if plan is not None else [],
        roads=road_note(plan) if plan is not None else None,
        outcome=queries.outcome_of(plan) if plan is not None else None,
        street=queries.street_plan(area, first) if area.level is AreaLevel.COMMUNITY else None,
    )
    return (body, status) if status != 200 else body


def _card(plan: Plan) -> dict[str, object]:
    """What the progress card says."""
    elapsed = (clock.now() - (plan.started_at or plan.created_at)).total_seconds()
    order = list(PlanStage)
    now = order.index(plan.stage) if plan.stage is not None else -1
    facts = _facts(plan)
    stages = [
        {
            "name": STAGES[stage],
            "fact": facts.get(stage, ""),
            "state": "done" if number < now else "now" if number == now else "",
        }
        for number, stage in enumerate(order)
    ]
    return {
        "percent": plan.percent,
        "sentence": _sentence(plan, elapsed),
        "note": _("可以离开本页，算完会提醒您。"),
        "stages": stages,
        "best": plan.best,
        "again": int(plan.detail.get("starts", 1)) > 1,
        "lost": plan.heartbeat_at is not None and clock.now() - plan.heartbeat_at > LOST_AFTER,
    }


def _sentence(plan: Plan, elapsed: float) -> str:
    if plan.state is PlanState.QUEUED:
        return _("已经排上队，马上开始。")
    if plan.stop_requested_at is not None:
        return _("正在停下，留住现在最好的方案。")
    left = max(0.0, plan.time_limit_seconds + 3 - elapsed)
    doing = STAGES[plan.stage or PlanStage.OBLIGATIONS]
    if left < 3:
        return _("正在%(doing)s。已用 %(used)s，就快好了。", doing=doing, used=_seconds(elapsed))
    return _(
        "正在%(doing)s。已用 %(used)s，大约还要 %(left)s。",
        doing=doing,
        used=_seconds(elapsed),
        left=_seconds(left),
    )


def _seconds(value: float) -> str:
    return _("%(n)s 秒", n=round(value)) if value < 100 else i18n.duration(value)


def _facts(plan: Plan) -> dict[PlanStage, str]:
    detail, seconds = plan.detail, plan.detail.get("seconds", {})
    facts = {
        PlanStage.CHECK: _("逐条查规则有没有违反"),
        PlanStage.DRAFT: _("批准前不通知任何人"),
    }
    if "visits" in detail:
        facts[PlanStage.OBLIGATIONS] = (
            _("%(n)s 次，%(left)s 次受阻未列入", n=detail["visits"], left=detail["left"])
            if detail.get("left")
            else _("%(n)s 次", n=detail["visits"])
        )
    if "assign" in seconds:
        spent = seconds["assign"] - seconds.get("obligations", 0)
        facts[PlanStage.ASSIGN] = _("用时 %(n)s 秒", n=round(spent))
    if plan.stage is PlanStage.ROUTE and plan.best:
        facts[PlanStage.ROUTE] = _(
            "路上合计 %(time)s", time=i18n.duration(plan.best.get("travel_seconds", 0))
        )
    return facts


@bp.get("/plans/<int:plan_id>/progress")
@requires(Permission.PLAN_READ)
def progress(plan_id: int) -> Response | str:
    """The progress card, asked for every second; a finished run reloads the page."""
    found = queries.load_plan(current_actor(), plan_id)
    if found.state not in (PlanState.QUEUED, PlanState.SOLVING):
        answer = Response("")
        answer.headers["HX-Redirect"] = url_for("planning.plan", plan_id=plan_id)
        return answer
    return render_template(
        "planning/_progress.html", plan=found, card=_card(found), running=can_stop(current_actor(), found)
    )


@bp.post("/areas/<int:area_id>/<month>/start")
@requires(Permission.PLAN_EDIT)
def start(area_id: int, month: str) -> Response | str | tuple[str, int]:
    """Owe a plan."""
    actor = current_actor()
    area = queries.load_area(actor, area_id)
    if area is None:
        raise NotFound(_("没有找到这个街道。"))
    first, form = asked_month(month), StartForm()

    def order() -> Plan:
        shown = queries.shown_plan(area, first)
        draft = shown if form.from_draft.data and shown is not None and can_edit(actor, shown) else None
        ask = services.request_choices if request.form.get("choices") else services.request_plan
        made = ask(actor, area, first, options=form.wishes, seconds=int(form.seconds.data), based_on=draft)
        services.keep_wishes(area, form.wishes)
        return made

    made = outcome(form, order)
    if made is not None:
        return redirect(url_for("planning.plan", plan_id=made.id), 303)
    return _page(area, first, queries.shown_plan(area, first), form, 422)  # type: ignore[no-any-return]


@bp.post("/plans/<int:plan_id>/stop")
@requires(Permission.PLAN_EDIT)
def stop(plan_id: int) -> Response:
    """Stop a run and keep its best plan."""
    actor = current_actor()
    found = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    services.stop_plan(actor, found)
    return done(plan_id)


@bp.post("/plans/<int:plan_id>/discard")
@requires(Permission.PLAN_EDIT)
def discard(plan_id: int) -> Response:
    """Throw a draft away."""
    actor = current_actor()
    found = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    services.discard_plan(actor, found)
    db.session.commit()
    flash(_("草案已作废，没有通知任何人。"), "ok")
    return redirect(url_for("planning.month", month=f"{found.month:%Y-%m}", area=found.area_id), 303)


@bp.post("/plans/<int:plan_id>/replan")
@requires(Permission.PLAN_EDIT)
def replan(plan_id: int) -> Response:
    """Solve again from this plan; fixed and approved visits stay."""
    actor = current_actor()
    found = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    form = SecondsForm()
    seconds = form.seconds.data if form.validate() and form.seconds.data else 30
    options = Options.from_dict(found.detail.get("options", {}))
    made = services.request_plan(
        actor, found.area, found.month, options=options, seconds=seconds, based_on=found
    )
    return done(made.id)


@bp.get("/plans/<int:plan_id>/approve")
@requires(Permission.PLAN_APPROVE)
def approve_question(plan_id: int) -> str:
    """What approving the whole plan means."""
    found = queries.load_plan(current_actor(), plan_id, Permission.PLAN_APPROVE)
    view = queries.month_view(found.area, found.month, found)
    people = sum(load.visits > 0 for load in view.loads)
    lines = [
        _("生成 %(n)s 次探访，派给 %(p)s 人", n=view.drafted, p=people),
        _("这 %(p)s 人会收到通知，可以看到路线和时间", p=people),
    ]
    if view.left:
        lines.append(_("还有 %(n)s 次没排上，不在这次批准里，可以逐条放到可认领", n=view.left))
    lines.append(_("以后要改哪一天，先撤回那一天的批准"))
    return render_template(
        "planning/confirm.html",
        title=_("批准%(month)s计划", month=month_name(found.month)),
        question=_("批准%(month)s计划，通知 %(p)s 人？", month=month_name(found.month), p=people),
        lines=lines,
        action=url_for("planning.approve", plan_id=plan_id),
        verb=_("批准并通知 %(p)s 人", p=people),
        back=url_for("planning.plan", plan_id=plan_id),
        opposite=_("先不批准"),
        tone="primary",
    )


@bp.post("/plans/<int:plan_id>/approve")
@requires(Permission.PLAN_APPROVE)
def approve(plan_id: int) -> Response:
    """Approve everything that is on a route."""
    actor = current_actor()
    found = queries.load_plan(actor, plan_id, Permission.PLAN_APPROVE)
    services.approve_plan(actor, found)
    return done(plan_id, _("已批准。正在派给每个人，几秒钟后会通知他们。"))


@bp.get("/plans/<int:plan_id>/giving")
@requires(Permission.PLAN_READ)
def giving(plan_id: int) -> Response | str:
    """How far the visits of an approved plan are made; asked for while they are."""
    found = queries.load_plan(current_actor(), plan_id)
    state = found.detail.get("giving", {})
    if found.state is PlanState.APPROVED and "told" not in state:
        return render_template("planning/_giving.html", plan=found, giving=state)
    answer = Response("")
    answer.headers["HX-Redirect"] = url_for("planning.plan", plan_id=plan_id)
    return answer


@bp.get("/plans/<int:plan_id>/left")
@requires(Permission.PLAN_READ)
def left(plan_id: int) -> str:
    """What is not planned, one by one, with what would help."""
    actor = current_actor()
    found = queries.load_plan(actor, plan_id)
    groups, blocked = queries.left_groups(found)
    return render_template(
        "planning/left.html",
        plan=found,
        name=month_name(found.month),
        groups=groups,
        blocked=blocked,
        missing=sum(len(group.rows) for group in groups),
        offerable=actor.may(Permission.VISIT_OPEN),
        today_=clock.today(),
        outcome=queries.outcome_of(found),
        **context_of(found),
    )
