"""没有来: written down, reported, explained, decided."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from coordinator.dropouts.forms import AppealForm, DecisionForm, NoShowForm, ReportForm
from coordinator.dropouts.queries.no_shows import arrived_ids, no_show_in_scope, no_shows_of, own_no_show
from coordinator.dropouts.queries.visits import own_visit_ahead
from coordinator.dropouts.rules import rules_for
from coordinator.dropouts.services.no_shows import (
    appeal,
    decide_no_show,
    decides_oneself,
    may_be_recorded,
    on_the_visit,
    record_no_show,
    report_no_show,
)
from coordinator.dropouts.views.blueprint import bp
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.visits.queries import load_visit


@bp.route("/visits/<int:visit_id>/no-show", methods=("GET", "POST"))
@requires(Permission.CLAIM_DECIDE)
def record(visit_id: int) -> Any:
    """Who did not come, and how that is known."""
    actor = current_actor()
    visit = load_visit(actor, Permission.CLAIM_DECIDE, visit_id)
    rows = no_shows_of(visit.id)
    form = NoShowForm(what=next((one.what for one in rows if one.state == "reported"), ""))
    if form.validate_on_submit():
        try:
            record_no_show(actor, visit.id, request.form.getlist("absent", type=int), form.what.data or "")
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            visit = load_visit(actor, Permission.CLAIM_DECIDE, visit_id)
            rows = no_shows_of(visit.id)
        else:
            flash(_("记下了，本人会收到消息，可以说明情况。"), "ok")
            return redirect(url_for("visits.show", visit_id=visit_id), 303)
    page = render_template(
        "dropouts/no_show.html",
        visit=visit,
        form=form,
        team=may_be_recorded(visit),
        arrived=arrived_ids(visit.id),
        rows={one.worker_id: one for one in rows if one.state != "lifted"},
        lifted=[one for one in rows if one.state == "lifted"],
        from_moment=visit.ends_at + rules_for(visit.area.path).grace,
        now=clock.now(),
        chosen=request.form.getlist("absent", type=int)
        or request.args.getlist("worker", type=int)
        or [one.worker_id for one in rows if one.state == "reported"],
    )
    return page, 422 if form.is_submitted() else 200


@bp.route("/no-shows/<int:no_show_id>", methods=("GET", "POST"))
@requires(Permission.CLAIM_DECIDE)
def decide_one(no_show_id: int) -> Any:
    """A report or an appeal, and the decision."""
    actor = current_actor()
    found = no_show_in_scope(actor, no_show_id)
    form = DecisionForm()
    if form.validate_on_submit():
        upheld = request.form.get("decision") == "uphold"
        try:
            decide_no_show(actor, no_show_id, upheld=upheld, words=form.words.data or "")
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            found = no_show_in_scope(actor, no_show_id)
        else:
            flash(_("维持了，本人会看到。") if upheld else _("撤销了，不留在守约情况里。"), "ok")
            return redirect(url_for("dropouts.index"), 303)
    page = render_template(
        "dropouts/decide.html",
        row=found,
        form=form,
        own_word=decides_oneself(actor, found, found.visit.area.path),
    )
    return page, 422 if form.is_submitted() else 200


@bp.route("/no-shows/<int:no_show_id>/mine", methods=("GET", "POST"))
@requires(Permission.WORK)
def mine(no_show_id: int) -> Any:
    """What was written down about oneself, what it means, and one's own word."""
    actor = current_actor()
    found = own_no_show(actor, no_show_id)
    form = AppealForm()
    if form.validate_on_submit():
        try:
            appeal(actor, no_show_id, form.text())
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            found = own_no_show(actor, no_show_id)
        else:
            flash(_("收到了。由另一位工作人员看，看清以前不算数。"), "ok")
            return redirect(url_for("dropouts.mine", no_show_id=no_show_id), 303)
    page = render_template("dropouts/my_no_show.html", row=found, form=form)
    return page, 422 if form.is_submitted() else 200


@bp.route("/today/<int:visit_id>/absent", methods=("GET", "POST"))
@requires(Permission.WORK)
def report(visit_id: int) -> Any:
    """The other one has not come: said by whoever is there."""
    actor = current_actor()
    visit = own_visit_ahead(actor, visit_id, ahead=False)
    others = [one for one in on_the_visit(visit) if one.worker_id != actor.worker_id]
    if not others:
        raise NotFound(_("这次只有您一个人去。"), _("请回到“今天”。"))
    form = ReportForm()
    if form.validate_on_submit():
        try:
            worker_id = request.form.get("worker", type=int) or others[0].worker_id
            report_no_show(actor, visit_id, worker_id, form.what.data or _("到了时间没有见到人"))
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            if problem.status == 404:
                raise
            form.take(problem)
            visit = own_visit_ahead(actor, visit_id, ahead=False)
            others = [one for one in on_the_visit(visit) if one.worker_id != actor.worker_id]
        else:
            flash(_("告诉社区了，由他们核实。一个人不方便的话，先别进门，打电话给社区。"), "ok")
            return redirect(url_for("fieldwork.visit", visit_id=visit_id), 303)
    page = render_template("dropouts/report.html", visit=visit, form=form, others=others)
    return page, 422 if form.is_submitted() else 200
