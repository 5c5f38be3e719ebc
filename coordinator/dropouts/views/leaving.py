"""去不了: one tap and a confirmation in good time; at the last moment a reason, and what happens next."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import flash, redirect, render_template
from flask_babel import gettext as _

from coordinator.dropouts.forms import LeaveForm
from coordinator.dropouts.queries.swaps import waiting_swap
from coordinator.dropouts.queries.visits import own_visit_ahead
from coordinator.dropouts.rules import rules_for
from coordinator.dropouts.services.leaving import step_back
from coordinator.dropouts.views.blueprint import bp
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError
from coordinator.marketplace.queries.claims import rules_for as claim_rules
from coordinator.marketplace.views.retrying import retrying
from coordinator.visits.models import Visit


@bp.route("/today/<int:visit_id>/leave-visit", methods=("GET", "POST"))
@requires(Permission.WORK)
def leave(visit_id: int) -> Any:
    """Step back from a visit one is on."""
    actor = current_actor()
    visit = own_visit_ahead(actor, visit_id)
    rules = claim_rules(visit.area.path)
    left = visit.starts_at - clock.now()
    late = left < rules.leave
    form = LeaveForm()
    if form.validate_on_submit():
        text = form.text(needed=late)
        if not text:
            form.why.errors = [_("请选一个原因，社区好安排。")]
        else:
            try:
                other_day = form.other_day.data
                done = retrying(lambda: step_back(actor, visit_id, text, other_day))
            except DomainError as problem:
                db.session.rollback()
                if problem.status == 404:
                    raise
                form.take(problem)
                visit = own_visit_ahead(actor, visit_id)
            else:
                if done.search is not None:
                    flash(_("已经退出。系统马上找人顶替，社区也知道了。长者那边不用您另外说。"), "ok")
                elif done.late:
                    flash(_("已经退出，社区马上会看到。长者那边不用您另外说。"), "ok")
                else:
                    flash(_("已经退出，这次探访会再找人去。"), "ok")
                return redirect("/today", 303)
    own = rules_for(visit.area.path)
    page = render_template(
        "dropouts/leave.html",
        visit=visit,
        form=form,
        late=late,
        rules=rules,
        searches=late and timedelta(0) < left <= own.automatic,
        last_day=replacement_until(visit),
        may_swap=_may_swap(visit, actor.worker_id),
        swap=waiting_swap(visit.id, actor.worker_id or 0),
    )
    return page, 422 if form.is_submitted() else 200


def replacement_until(visit: Visit) -> date | None:
    """The last day on which the visit could be made up for; None where another day makes no sense."""
    first = clock.today() + timedelta(days=1)
    last = visit.period_to if visit.period_to is not None else first + timedelta(days=13)
    return last if last > first else None


def _may_swap(visit: Visit, worker_id: int | None) -> bool:
    mine = next(
        (one for one in visit.assignments if one.worker_id == worker_id and one.ended_at is None), None
    )
    return mine is not None and not mine.is_companion and visit.starts_at > clock.now()
