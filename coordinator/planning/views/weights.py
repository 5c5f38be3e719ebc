"""Plans to choose from, side by side."""

from __future__ import annotations

from flask import render_template
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.planning import queries, services
from coordinator.planning.access import can_edit
from coordinator.planning.labels import STATES, WISHES, month_name
from coordinator.planning.models import Plan
from coordinator.planning.translate import Options, Wish
from coordinator.planning.views import bp
from coordinator.planning.views.common import done


@bp.get("/plans/<int:plan_id>/choices")
@requires(Permission.PLAN_READ)
def choices(plan_id: int) -> str:
    """The plans this one is to be chosen from."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id)
    view = queries.choices_of(services.group_of(plan))
    return render_template(
        "planning/choices.html",
        plan=plan,
        name=month_name(plan.month),
        view=view,
        names={row.plan.id: _name_of(row.plan, row.options) for row in view.rows},
        wishes=WISHES,
        states=STATES,
        best=_best(view.rows),
        editable=can_edit(actor, plan),
    )


def _name_of(plan: Plan, options: Options) -> str:
    """What a plan of the group is after."""
    if plan.id == plan.compared_with_id or plan.compared_with_id is None:
        return _("按您的要求")
    if options.travel is Wish.MUCH:
        return _("最少跑路")
    if options.continuity is Wish.MUCH:
        return _("最多由同一个人去")
    return _("活儿最匀")


def _best(rows: list[queries.Choice]) -> dict[str, set[int]]:
    """For each figure the plans that are best in it, none where all are the same."""
    figures = {
        "missing": lambda row: row.missing,
        "travel": lambda row: round(row.travel_seconds / 360),
        "same": lambda row: -round((row.same_share or 0) * 100),
        "busiest": lambda row: row.busiest,
    }
    found = {}
    for name, figure in figures.items():
        values = {row.plan.id: figure(row) for row in rows}
        least = min(values.values(), default=0)
        best = {plan_id for plan_id, value in values.items() if value == least}
        found[name] = best if len(best) < len(values) else set()
    return found


@bp.post("/plans/<int:plan_id>/take")
@requires(Permission.PLAN_EDIT)
def take(plan_id: int) -> Response:
    """Keep this one of the plans; the others go."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    services.take_choice(actor, plan)
    return done(plan_id, _("选定了，其余的已作废。这个侧重下个月也先用。"))
