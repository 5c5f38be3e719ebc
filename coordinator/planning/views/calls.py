"""Who rings whom: the lists of a month's calls, giving them out anew, another person, on paper."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.downloads import send_pdf
from coordinator.kernel.errors import DomainError, InvalidInput
from coordinator.planning import queries, services
from coordinator.planning.access import can_edit
from coordinator.planning.labels import CALL_REASONS, CALL_REMEDIES, CALL_WHYS, month_name
from coordinator.planning.views import bp


@bp.get("/plans/<int:plan_id>/calls")
@requires(Permission.PLAN_READ)
def calls(plan_id: int) -> str:
    """Obligations that a call can meet and no visit of the plan meets, by who rings."""
    actor = current_actor()
    found = queries.load_plan(actor, plan_id)
    editable = can_edit(actor, found)
    return render_template(
        "planning/calls.html",
        plan=found,
        name=month_name(found.month),
        calls=queries.calls_of(found),
        callers=queries.callers_in(found.area, clock.today()) if editable else [],
        editable=editable,
        printable=actor.may(Permission.SHEET_PRINT),
        reasons=CALL_REASONS,
        remedies=CALL_REMEDIES,
        whys=CALL_WHYS,
        today_=clock.today(),
    )


@bp.post("/plans/<int:plan_id>/calls")
@requires(Permission.PLAN_EDIT)
def distribute_calls(plan_id: int) -> Response:
    """Give the calls out anew; what was given by hand stays."""
    actor = current_actor()
    found = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    given = services.redistribute(actor, found)
    db.session.commit()
    flash(_("分好了，%(n)s 个电话有人打。", n=given), "ok")
    return redirect(url_for("planning.calls", plan_id=plan_id), 303)


@bp.post("/plans/<int:plan_id>/calls/<int:call_id>")
@requires(Permission.PLAN_EDIT)
def give_call(plan_id: int, call_id: int) -> Response:
    """Give one call to another person."""
    actor = current_actor()
    found = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    call = queries.load_call(found, call_id)
    worker_id = request.form.get("worker", type=int)
    try:
        if worker_id is None:
            raise InvalidInput(_("请选一个人。"), field="worker")
        services.give_call(actor, found, call, worker_id)
    except DomainError as problem:
        db.session.rollback()
        flash(problem.whole, "error")
    else:
        db.session.commit()
        flash(_("改好了。"), "ok")
    return redirect(url_for("planning.calls", plan_id=plan_id, _anchor=f"call-{call_id}"), 303)


@bp.get("/plans/<int:plan_id>/calls.pdf")
@requires(Permission.SHEET_PRINT)
def call_lists(plan_id: int) -> Response:
    """Everybody's list on A4, or one person's (`worker`). The printing is written down."""
    actor = current_actor()
    found = queries.load_plan(actor, plan_id, Permission.SHEET_PRINT)
    printed = services.print_calls(actor, found, request.args.get("worker", type=int))
    db.session.commit()
    answer = send_pdf(printed.content, printed.name)
    answer.headers["Cache-Control"] = "no-store"  # names: nothing stays in the browser
    return answer
