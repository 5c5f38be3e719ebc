"""A worker's calls: opening a number, and writing down that somebody was reached."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.fieldwork.queries.remote import own_call, shows_name
from coordinator.fieldwork.rules import rules_for
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import InvalidInput, NotFound
from coordinator.planning.models import PlanCall
from coordinator.planning.queries.calls import met_calls
from coordinator.visits.lifecycle import ContactMode, ContactOutcome
from coordinator.visits.models import Visit
from coordinator.visits.services import log_remote_contact

MODES = (ContactMode.PHONE, ContactMode.VIDEO)


def open_number(actor: Actor, call_id: int) -> PlanCall:
    """The call with the elder's number, for ringing now; who looked at whose is written down.

    Raises NotFound when the call is not the actor's today, or its hours are over.
    """
    demand(actor, Permission.WORK)
    call = own_call(actor, call_id)
    if not shows_name(call, rules_for(call.elder.area.path), clock.now()):
        raise NotFound(_("现在不显示电话。"), _("请联系社区工作人员。"))
    audit.record(
        actor,
        "call.reveal",
        call.elder,
        _("为打电话，查看%(elder)s的电话", elder=call.elder.name),
        changes={"call_id": [None, call.id]},
    )
    db.session.flush()
    return call


def tick_call(
    actor: Actor, call_id: int, mode: ContactMode, outcome: ContactOutcome, token: str, note: str = ""
) -> Visit | None:
    """Write a call down as the contact it was; None when it was sent before or somebody has reached the elder.

    Raises NotFound when the call is not the actor's today, InvalidInput for another mode than telephone and video.
    """
    demand(actor, Permission.WORK)
    if mode not in MODES:
        raise InvalidInput(_("这里只登记电话和视频。"), field="mode")
    call = own_call(actor, call_id)
    # Held, so that of two telephones that send at once the second one sees the first one's contact.
    db.session.execute(select(Elder.id).where(Elder.id == call.elder_id).with_for_update(key_share=True))
    db.session.refresh(call, ["token"])
    if call.token == token or call.id in met_calls([call]):
        return None
    visit = log_remote_contact(actor, call.elder, mode, outcome, clock.now(), note, entrusted=True)
    call.visit_id, call.token = visit.id, token
    db.session.flush()
    return visit
