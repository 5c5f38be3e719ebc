"""Arriving, leaving, nobody at home, and calling for help."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.fieldwork.forms import CallForm, MarkForm, NotMetForm
from coordinator.fieldwork.queries.own import own_visit, presences_of, record_of
from coordinator.fieldwork.services.calls import emergency_is_open, open_emergency, report_emergency
from coordinator.fieldwork.services.presence import check_in, check_out, minors_left_behind
from coordinator.fieldwork.services.records import report_not_met
from coordinator.fieldwork.views.blueprint import bp, read_mark
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.areas import inherited
from coordinator.kernel.errors import DomainError
from coordinator.kernel.limits import limit
from coordinator.visits.lifecycle import ContactOutcome

CODES_AN_HOUR = "12/hour"


def _guard_code(form: MarkForm, visit_id: int) -> None:
    """Six digits must not be tried out."""
    if (form.code.data or "").strip():
        limit(f"door:{current_actor().user_id}:{visit_id}", CODES_AN_HOUR)


@bp.route("/today/<int:visit_id>/arrive", methods=("GET", "POST"))
@requires(Permission.WORK)
def arrive(visit_id: int) -> Any:
    """我到了: with the place of the telephone, the code of the sheet, or one's word."""
    actor = current_actor()
    found = own_visit(actor, visit_id)
    form = MarkForm()
    problem = None
    if form.validate_on_submit():
        _guard_code(form, visit_id)
        try:
            check_in(actor, visit_id, read_mark(form, word=form.how.data == "word"))
            db.session.commit()
        except DomainError as refused:
            db.session.rollback()
            problem = refused
            form.take(refused)
        else:
            flash(_("签到好了。"), "ok")
            return redirect(url_for("fieldwork.record", visit_id=visit_id), 303)
    page = render_template("fieldwork/arrive.html", visit=found, form=form, problem=problem)
    return (page, problem.status if problem else 422) if form.is_submitted() else page


@bp.route("/today/<int:visit_id>/depart", methods=("GET", "POST"))
@requires(Permission.WORK)
def depart(visit_id: int) -> Any:
    """我走了: the same for leaving, where the record is written later or by the other one."""
    actor = current_actor()
    found = own_visit(actor, visit_id)
    form = MarkForm()
    problem = None
    if form.validate_on_submit():
        _guard_code(form, visit_id)
        try:
            mark = read_mark(form, word=form.how.data == "word")
            check_out(actor, visit_id, mark, with_minors=bool(form.with_minors.data))
            db.session.commit()
        except DomainError as refused:
            db.session.rollback()
            problem = refused
            form.take(refused)
        else:
            if record_of(visit_id) is None:
                flash(_("签离好了。记录今天写完，就算这次探访。"), "ok")
            else:
                flash(_("签离好了。"), "ok")
            return redirect(url_for("fieldwork.today"), 303)
    behind = minors_left_behind(actor, found, presences_of([found.id])[found.id])
    page = render_template("fieldwork/depart.html", visit=found, form=form, problem=problem, behind=behind)
    return (page, problem.status if problem else 422) if form.is_submitted() else page


@bp.route("/today/<int:visit_id>/not-met", methods=("GET", "POST"))
@requires(Permission.WORK)
def not_met(visit_id: int) -> str | Response | tuple[str, int]:
    """没人在家, or the elder does not want a visit today: said once, at the door."""
    actor = current_actor()
    found = own_visit(actor, visit_id)
    form = NotMetForm()
    if form.validate_on_submit():
        _guard_code(form, visit_id)
        try:
            mark = read_mark(form, word=form.how.data == "word")
            outcome = ContactOutcome(form.outcome.data)
            report_not_met(actor, visit_id, mark.client_uuid, outcome, form.what.data or "", mark)
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
        else:
            flash(_("记好了，社区会再联系长者。这次不计时数。"), "ok")
            return redirect(url_for("fieldwork.today"), 303)
    page = render_template("fieldwork/not_met.html", visit=found, form=form)
    return (page, 422) if form.is_submitted() else page


@bp.route("/today/<int:visit_id>/emergency", methods=("GET", "POST"))
@requires(Permission.WORK)
def emergency(visit_id: int) -> str | Response | tuple[str, int]:
    """紧急求助: whom to ring, in this order. Opening it is written down; nothing is dialled by itself."""
    actor = current_actor()
    form = CallForm()
    if request.method == "POST":
        if form.validate():
            report_emergency(actor, visit_id, form.what.data or "")
            db.session.commit()
            flash(_("社区已经收到，会马上联系您。"), "ok")
            return redirect(url_for("fieldwork.emergency", visit_id=visit_id), 303)
        found = own_visit(actor, visit_id)
    else:
        found = open_emergency(actor, visit_id)
        db.session.commit()
    contacts = []
    first_contact = None
    if emergency_is_open(found):
        elder = db.session.get(
            Elder,
            found.elder_id,
            options=[joinedload(Elder.emergency_contacts), joinedload(Elder.first_contact)],
            populate_existing=True,
        )
        if elder is not None:
            contacts, first_contact = list(elder.emergency_contacts), elder.first_contact
    page = render_template(
        "fieldwork/emergency.html",
        visit=found,
        form=form,
        contacts=contacts,
        first_contact=first_contact,
        open=emergency_is_open(found),
        duty_phone=inherited(found.area, "emergency_phone"),
    )
    return (page, 422) if request.method == "POST" else page
