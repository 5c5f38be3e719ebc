"""The dossier on paper, and the written note of a refusal."""

from __future__ import annotations

from flask import render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.elders import access
from coordinator.elders.models import ConsentState
from coordinator.elders.printing import form_sheets, plain_sheet, refusal_note, registration_form
from coordinator.elders.queries import Dossier, read_dossier
from coordinator.elders.services import note_look
from coordinator.elders.views.blueprint import Answer, P, bp
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.downloads import send_pdf
from coordinator.kernel.errors import NotFound
from coordinator.kernel.printing import print_paper


@bp.get("/<int:elder_id>/print")
@requires(P.ELDER_READ)
def print_dossier(elder_id: int) -> Answer:
    """What can be printed of a dossier, in how many copies and for whom."""
    actor = current_actor()
    dossier = read_dossier(actor, elder_id)
    return render_template(
        "elders/print.html",
        d=dossier,
        e=dossier.elder,
        form=registration_form(dossier.pack),
        may_reveal=access.can_reveal(actor, dossier.elder),
    )


@bp.get("/<int:elder_id>/form.pdf")
@requires(P.ELDER_READ)
def form_pdf(elder_id: int) -> Answer:
    """The form with numbers and telephones masked."""
    actor = current_actor()
    dossier = read_dossier(actor, elder_id)
    audit.record(actor, "elder.print", dossier.elder, _("打印了档案，证件号和电话只显示一部分"))
    answer = _sheet(dossier, in_full=False)
    db.session.commit()
    return answer


@bp.post("/<int:elder_id>/form.pdf")
@requires(P.ELDER_REVEAL)
def form_pdf_in_full(elder_id: int) -> Answer:
    """The form with everything in full: a look that is recorded like any other."""
    actor = current_actor()
    dossier = read_dossier(actor, elder_id)
    note_look(actor, dossier.elder, "elder.reveal", "form", _("档案（打印）"))
    answer = _sheet(dossier, in_full=True)
    db.session.commit()
    return answer


def _sheet(dossier: Dossier, *, in_full: bool) -> Response:
    actor = current_actor()
    today = clock.today()
    printed = f"{today.isoformat()} {actor.name}打印"
    form = registration_form(dossier.pack)
    options = {
        "in_full": in_full,
        "may_read": access.can_edit(actor, dossier.elder),
        "printed": printed,
        "on": today,
    }
    if form is None or request.values.get("plain"):
        sheet = plain_sheet(dossier, **options)
    else:
        sheet = form_sheets(dossier, form, **options)
    return send_pdf(print_paper(sheet), f"{dossier.elder.name}-{sheet.title}.pdf")


@bp.get("/<int:elder_id>/refusals/<int:consent_id>.pdf")
@requires(P.ELDER_EDIT)
def refusal_pdf(elder_id: int, consent_id: int) -> Answer:
    """不愿意接受探访关爱服务情况记录."""
    actor = current_actor()
    dossier = read_dossier(actor, elder_id)
    consent = next((one for one in dossier.elder.wishes if one.id == consent_id), None)
    if not access.can_edit(actor, dossier.elder) or consent is None or consent.state != ConsentState.REFUSED:
        raise NotFound(_("没有这份记录。"))
    today = clock.today()
    note = refusal_note(dossier, consent, printed=f"{today.isoformat()} {actor.name}打印", on=today)
    audit.record(actor, "elder.print_refusal", dossier.elder, _("打印了不愿意接受的情况记录"))
    db.session.commit()
    return send_pdf(print_paper(note), f"{dossier.elder.name}-{_('情况记录')}.pdf")
