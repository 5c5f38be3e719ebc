"""No-shows: who was to come and is not known to have, what waits for a decision, and one's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from coordinator.dropouts.models import NoShow, NoShowState
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.fieldwork.models import Presence, PresenceKind
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.errors import NotFound
from coordinator.visits.lifecycle import ContactMode, VisitState
from coordinator.visits.models import Assignment, Visit

LOOKS_BACK = timedelta(days=14)


def arrived_ids(visit_id: int) -> set[int]:
    """The workers who checked in on a visit."""
    return set(
        db.session.scalars(
            select(Presence.worker_id).where(
                Presence.visit_id == visit_id, Presence.kind == PresenceKind.ARRIVED
            )
        )
    )


def _loaded() -> tuple[ExecutableOption, ...]:
    return (
        joinedload(NoShow.worker),
        joinedload(NoShow.assignment),
        joinedload(NoShow.visit).joinedload(Visit.elder).options(*without_secrets()),
        joinedload(NoShow.visit).joinedload(Visit.area),
        joinedload(NoShow.recorded_by),
    )


def no_shows_to_decide(actor: Actor) -> Sequence[NoShow]:
    """Reports and appeals that wait in the actor's areas, the oldest first."""
    return db.session.scalars(
        select(NoShow)
        .join(Visit, Visit.id == NoShow.visit_id)
        .where(
            NoShow.state.in_((NoShowState.REPORTED, NoShowState.APPEALED)),
            in_areas(actor, Permission.CLAIM_DECIDE, Visit.area_id),
        )
        .options(*_loaded())
        .order_by(NoShow.recorded_at, NoShow.id)
    ).all()


def no_show_in_scope(actor: Actor, no_show_id: int) -> NoShow:
    """One no-show of the actor's areas. Raises NotFound."""
    found = db.session.scalars(
        select(NoShow)
        .join(Visit, Visit.id == NoShow.visit_id)
        .where(NoShow.id == no_show_id, in_areas(actor, Permission.CLAIM_DECIDE, Visit.area_id))
        .options(*_loaded())
    ).one_or_none()
    if found is None:
        raise NotFound(_("没有找到这条记载。"), _("可能不在您的管辖范围内。"))
    return found


def own_no_show(actor: Actor, no_show_id: int) -> NoShow:
    """One's own no-show, once a coordinator stands by it. Raises NotFound."""
    found = db.session.scalars(
        select(NoShow)
        .where(
            NoShow.id == no_show_id,
            NoShow.worker_id == actor.worker_id,
            NoShow.confirmed_at.is_not(None),
        )
        .options(*_loaded())
    ).one_or_none()
    if found is None:
        raise NotFound(_("没有找到这条记载。"), _("可能已经撤销，请回到“今天”。"))
    return found


def unexplained(actor: Actor, *, limit: int = 50) -> Sequence[Visit]:
    """Visits at home whose end is past and where nobody has checked in, in the actor's areas; the latest first.

    It is a list to look at: nothing follows from the clock alone.
    """
    now = clock.now()
    seen = exists().where(Presence.visit_id == Visit.id)
    going = exists().where(Assignment.visit_id == Visit.id, Assignment.state == "approved")
    return db.session.scalars(
        select(Visit)
        .where(
            in_areas(actor, Permission.CLAIM_DECIDE, Visit.area_id),
            Visit.state == VisitState.ASSIGNED,
            Visit.mode == ContactMode.HOME,
            Visit.ends_at < now,
            Visit.ends_at > now - LOOKS_BACK,
            ~seen,
            going,
        )
        .options(
            joinedload(Visit.elder).options(*without_secrets()),
            joinedload(Visit.area),
            selectinload(Visit.assignments).joinedload(Assignment.worker),
        )
        .order_by(Visit.ends_at.desc())
        .limit(limit)
    ).all()


def no_shows_of(visit_id: int) -> Sequence[NoShow]:
    """What is written about a visit, the oldest first; what was lifted stays beside what stands."""
    return db.session.scalars(
        select(NoShow)
        .where(NoShow.visit_id == visit_id)
        .options(joinedload(NoShow.recorded_by), joinedload(NoShow.decided_by), joinedload(NoShow.worker))
        .order_by(NoShow.id)
    ).all()
