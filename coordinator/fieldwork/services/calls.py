"""Telling the coordinators: that one comes late, that help was called."""

from __future__ import annotations

from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.fieldwork.queries.own import own_visit
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict
from coordinator.marketplace.queries.claims import coordinators_of
from coordinator.messages.services import notify
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Visit


def report_late(actor: Actor, visit_id: int, minutes: int) -> Visit:
    """会晚到: the coordinators are told, so that somebody can ring the elder."""
    demand(actor, Permission.WORK)
    visit = own_visit(actor, visit_id)
    if visit.state is not VisitState.ASSIGNED:
        raise Conflict(_("这次探访已经开始或结束了。"), code="illegal_move")
    audit.record(actor, "visit.late", visit, _("%(name)s会晚到约 %(n)s 分钟", name=actor.name, n=minutes))
    notify(
        coordinators_of(visit.area.path),
        _("有人会晚到约 %(n)s 分钟", n=minutes),
        _(
            "%(name)s去%(elder)s家（%(when)s）会晚到约 %(n)s 分钟，请和长者说一声。",
            name=actor.name,
            elder=visit.elder.name,
            when=i18n.moment(visit.starts_at),
            n=minutes,
        ),
        f"/visits/{visit.id}",
        dedupe_key=f"visit-late:{visit.id}:{actor.worker_id}:{minutes}",
        urgent=True,
    )
    db.session.flush()
    return visit


def emergency_is_open(visit: Visit) -> bool:
    """Emergency contacts are shown only while the visit is under way, on its day."""
    on = clock.to_local(visit.starts_at).date()
    return visit.state is VisitState.IN_PROGRESS and on == clock.today()


def open_emergency(actor: Actor, visit_id: int) -> Visit:
    """Look at the emergency page: who looked at whose contacts is written down."""
    demand(actor, Permission.WORK)
    visit = own_visit(actor, visit_id)
    audit.record(actor, "emergency.open", visit, _("%(name)s打开紧急求助", name=actor.name))
    db.session.flush()
    return visit


def report_emergency(actor: Actor, visit_id: int, what: str) -> Visit:
    """Tell the coordinators what happened; the handling is archived with the audit trail."""
    demand(actor, Permission.WORK)
    visit = own_visit(actor, visit_id)
    words = what.strip()
    audit.record(actor, "emergency.report", visit, _("%(name)s报告突发情况", name=actor.name))
    notify(
        coordinators_of(visit.area.path),
        _("探访中有突发情况，请马上联系"),
        _(
            "%(name)s在%(elder)s家（%(place)s）：%(what)s",
            name=actor.name,
            elder=visit.elder.name,
            place=visit.elder.household.address,
            what=words,
        ),
        f"/visits/{visit.id}",
        dedupe_key=f"emergency:{visit.id}:{actor.worker_id}:{clock.now():%Y%m%d%H%M%S}",
        urgent=True,
    )
    db.session.flush()
    return visit
