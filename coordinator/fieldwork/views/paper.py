"""Typing in a visit that came back on paper."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, TimeField
from wtforms.validators import InputRequired, Length

from coordinator.fieldwork import record_form as rf
from coordinator.fieldwork.forms import RecordForm
from coordinator.fieldwork.models import VisitRecord
from coordinator.fieldwork.queries.own import last_times
from coordinator.fieldwork.services.paper import enter_paper, load_for_paper
from coordinator.fieldwork.views.blueprint import bp, read_uuid
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.forms import outcome
from coordinator.visits.models import Visit
from coordinator.visits.queries import load_visit


class PaperForm(RecordForm):
    """The record, and what the sheet says of when and why."""

    arrived = TimeField(_l("到达时间"), [InputRequired(_l("请按纸质单填到达时间。"))])
    left_at = TimeField(_l("离开时间"), [InputRequired(_l("请按纸质单填离开时间。"))])
    note = StringField(
        _l("为什么补登"),
        [
            InputRequired(_l("请写明为什么补登、凭什么补登。")),
            Length(max=120, message=_l("最多写 120 个字。")),
        ],
        description=_l("例如路线单 0326-甲 手写时间，手机没电"),
    )


@bp.route("/records/paper/<int:visit_id>", methods=("GET", "POST"))
@requires(Permission.RECORD_CONFIRM)
def paper(visit_id: int) -> Any:
    """Times, who came, and the record from a sheet that was returned."""
    actor = current_actor()
    if request.method == "GET":
        visit = load_for_paper(actor, visit_id)
        form = PaperForm(formdata=None)
        form.client_uuid.data = str(uuid4())
        return _page(visit, form), 200
    form = PaperForm()

    def enter() -> VisitRecord:
        visit = load_visit(actor, Permission.RECORD_CONFIRM, visit_id)
        day = clock.to_local(visit.starts_at).date()
        return enter_paper(
            actor,
            visit_id,
            read_uuid(form.client_uuid.data),
            datetime.combine(day, form.arrived.data, tzinfo=clock.LOCAL),
            datetime.combine(day, form.left_at.data, tzinfo=clock.LOCAL),
            dict.fromkeys(request.form.getlist("came", type=int), True),
            form.note.data or "",
            {
                name: value
                for name, value in form.answers().items()
                if name not in ("arrived", "left_at", "note")
            },
        )

    written = outcome(form, enter)
    if written is not None:
        flash(_("补登好了，请另一位同事确认。"), "ok")
        return redirect(url_for("fieldwork.show_record", record_id=written.id), 303)
    return _page(load_visit(actor, Permission.RECORD_CONFIRM, visit_id), form), 422


def _page(visit: Visit, form: PaperForm) -> str:
    came = request.form.getlist("came", type=int)
    return render_template(
        "fieldwork/paper.html",
        visit=visit,
        form=form,
        people=[one for one in visit.assignments if one.state.value == "approved"],
        came=came,
        steps=rf.STEPS,
        last=last_times([visit.elder_id], visit.starts_at).get(visit.elder_id),
    )
