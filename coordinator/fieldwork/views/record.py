"""The record of one visit on a telephone: five steps, kept as it is typed, handed in once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.fieldwork import record_form as rf
from coordinator.fieldwork.forms import DRAFT_FIELDS, RecordForm
from coordinator.fieldwork.models import PresenceKind, RecordState, VisitRecord
from coordinator.fieldwork.queries.own import (
    draft_of,
    last_times,
    mark_of,
    own_visit,
    presences_of,
    record_of,
)
from coordinator.fieldwork.services.presence import minors_left_behind
from coordinator.fieldwork.services.records import save_draft, submit_record
from coordinator.fieldwork.views.blueprint import bp, read_mark, read_uuid
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError
from coordinator.kernel.limits import limit
from coordinator.visits.lifecycle import ContactMode, VisitState
from coordinator.visits.models import Visit

LONGEST_TYPED = 2000
DRAFTS_A_MINUTE = "60/minute"


def _typed() -> dict[str, list[str]]:
    """The answers of the form as they came, for a draft."""
    return {
        name: [value[:LONGEST_TYPED] for value in request.form.getlist(name)][:20]
        for name in DRAFT_FIELDS
        if request.form.getlist(name)
    }


def as_typed(answers: dict[str, Any]) -> MultiDict[str, str]:
    """Stored answers as a form would send them."""
    typed: MultiDict[str, str] = MultiDict()
    for name, value in answers.items():
        values = value if isinstance(value, list) else [value]
        for one in values:
            if one not in (None, "", False):
                typed.add(name, "y" if one is True else str(one))
    return typed


def _opened_form(visit: Visit, known: VisitRecord | None) -> tuple[RecordForm, Any]:
    """The form as it is opened: from the draft, else from the record that was returned, else empty."""
    draft = draft_of(visit.id, current_actor().worker_id)
    if draft is not None:
        typed: MultiDict[str, str] = MultiDict(
            [(name, value) for name, values in draft.answers.items() for value in values]
        )
    elif known is not None:
        typed = as_typed({key: value for key, value in known.answers.items() if key != "signed"})
    else:
        typed = MultiDict([("mode", "home")] if visit.mode is ContactMode.HOME else [])
    form = RecordForm(formdata=typed)
    form.client_uuid.data = str(uuid4())
    return form, draft.saved_at if draft is not None else None


@bp.route("/today/<int:visit_id>/record", methods=("GET", "POST"))
@requires(Permission.WORK)
def record(visit_id: int) -> Any:
    """Fill in and hand in the record; 先存着 keeps it without a script, too."""
    actor = current_actor()
    visit = own_visit(actor, visit_id)
    known = record_of(visit.id)
    returned = known is not None and known.state is RecordState.RETURNED
    if request.method == "POST" and "save" in request.form:
        save_draft(actor, visit_id, _typed())
        db.session.commit()
        flash(_("存好了，可以以后再写。"), "ok")
        return redirect(url_for("fieldwork.today"), 303)
    saved_at = None
    if request.method == "POST":
        form = RecordForm()
        answer = _submit(form, visit_id)
        if answer is not None:
            return answer
    else:
        if known is not None and not (returned and known.worker_id == actor.worker_id):
            return redirect(url_for("fieldwork.visit", visit_id=visit_id), 303)
        form, saved_at = _opened_form(visit, known)
    present = presences_of([visit.id])[visit.id]
    arrived = mark_of(present, actor.worker_id, PresenceKind.ARRIVED)
    if arrived is None and not returned:
        flash(_("先按“我到了”，再写记录。"), "info")
        return redirect(url_for("fieldwork.arrive", visit_id=visit_id), 303)
    left = mark_of(present, actor.worker_id, PresenceKind.LEFT)
    page = render_template(
        "fieldwork/record.html",
        visit=visit,
        form=form,
        arrived=arrived,
        left=left,
        behind=[] if left else minors_left_behind(actor, visit, present),
        minutes=round((clock.now() - arrived.at).total_seconds() / 60) if arrived else 0,
        last=last_times([visit.elder_id], visit.starts_at).get(visit.elder_id),
        known=known,
        saved_at=saved_at,
        steps=rf.STEPS,
        actor_name=actor.name,
        shows_sos=visit.state is VisitState.IN_PROGRESS,
    )
    return (page, 422) if request.method == "POST" else page


def _submit(form: RecordForm, visit_id: int) -> Response | None:
    """Hand the record in; None when the form has to be shown again."""
    actor = current_actor()
    if not form.validate():
        # What was typed outlives a closed page also when the form was refused.
        save_draft(actor, visit_id, _typed())
        db.session.commit()
        return None
    try:
        submit_record(
            actor,
            visit_id,
            read_uuid(form.client_uuid.data),
            form.answers(),
            read_mark(form, word=True),
            with_minors="with_minors" in request.form,
        )
        db.session.commit()
    except DomainError as problem:
        db.session.rollback()
        if problem.status == 404:
            raise
        form.take(problem)
        return None
    flash(_("记录交好了，谢谢您跑这一趟。"), "ok")
    return redirect(url_for("fieldwork.today"), 303)


@bp.post("/today/<int:visit_id>/draft")
@requires(Permission.WORK)
def draft(visit_id: int) -> Response:
    """Keep what has been typed; answers with the time."""
    actor = current_actor()
    limit(f"draft:{actor.user_id}", DRAFTS_A_MINUTE)
    saved_at = save_draft(actor, visit_id, _typed())
    db.session.commit()
    return jsonify(saved=i18n.hour(saved_at))
