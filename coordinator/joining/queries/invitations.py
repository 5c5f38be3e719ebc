"""Reading invitations: by their link, and by those who keep them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from coordinator.accounts.models import Organisation
from coordinator.extensions import db
from coordinator.joining.labels import CARDS
from coordinator.joining.models import Application, Invitation
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.errors import NotFound
from coordinator.workforce.models import Worker, WorkerKind
from coordinator.workforce.rosters import KINDS_OF

MOST_LISTED = 200


class LinkState(StrEnum):
    OPEN = "open"
    ENDED = "ended"
    EXPIRED = "expired"
    USED_UP = "used_up"


def token_hash(token: str) -> bytes:
    """What a link's secret is found by (32 bytes)."""
    return hashlib.sha256(token.encode()).digest()


def state_of(invitation: Invitation) -> LinkState:
    """Why the link does not work any more, or that it does."""
    if invitation.ended_at is not None or (
        invitation.organisation is not None and not invitation.organisation.is_active
    ):
        return LinkState.ENDED
    if invitation.expires_at <= clock.now():
        return LinkState.EXPIRED
    if invitation.most_uses is not None and invitation.uses >= invitation.most_uses:
        return LinkState.USED_UP
    return LinkState.OPEN


def last_day_of(invitation: Invitation) -> date:
    """The last day on which the link works."""
    return clock.to_local(invitation.expires_at - timedelta(seconds=1)).date()


def kinds_by(invitation: Invitation | None) -> list[WorkerKind]:
    """As what somebody may join: by oneself, or by this invitation, in the order of the cards."""
    if invitation is None:
        return list(CARDS)
    if invitation.kind is not None:
        return [invitation.kind]
    if invitation.organisation is None:
        return list(CARDS)
    return list(KINDS_OF[invitation.organisation.kind])


def find_invitation(token: str) -> Invitation | None:
    """The invitation of a link, whether or not it still works."""
    if not token or len(token) > 60:
        return None
    return db.session.scalars(
        select(Invitation)
        .where(Invitation.token_hash == token_hash(token))
        .options(joinedload(Invitation.area), joinedload(Invitation.organisation))
    ).one_or_none()


def invitations_of(actor: Actor, permission: Permission) -> Sequence[Invitation]:
    """The newest invitations the actor keeps, as coordinator (WORKER_EDIT) or for an organisation (ROSTER_EDIT)."""
    statement = _kept_by(actor, permission).order_by(Invitation.created_at.desc(), Invitation.id.desc())
    return db.session.scalars(statement.limit(MOST_LISTED)).all()


def invitation_in_scope(actor: Actor, permission: Permission, invitation_id: int) -> Invitation:
    """One of them. Raises NotFound."""
    found = db.session.scalars(
        _kept_by(actor, permission).where(Invitation.id == invitation_id)
    ).one_or_none()
    if found is None:
        raise NotFound(_("没有找到这个邀请。"), _("可能不是您这里发的。"))
    return found


def joined_by(invitation_id: int) -> Sequence[Worker]:
    """Who came by this invitation, the latest first."""
    return db.session.scalars(
        select(Worker)
        .join(Application, Application.worker_id == Worker.id)
        .where(Application.invitation_id == invitation_id)
        .options(joinedload(Worker.area))
        .order_by(Application.sent_at.desc(), Worker.id.desc())
        .limit(MOST_LISTED)
    ).all()


def own_organisations(actor: Actor) -> Sequence[Organisation]:
    """Active organisations whose roster the actor keeps."""
    return db.session.scalars(
        select(Organisation)
        .where(Organisation.id.in_(actor.organisation_ids(Permission.ROSTER_EDIT)), Organisation.is_active)
        .options(joinedload(Organisation.area))
        .order_by(Organisation.name)
    ).all()


def _kept_by(actor: Actor, permission: Permission) -> Select[tuple[Invitation]]:
    scope = (
        Invitation.organisation_id.in_(actor.organisation_ids(permission))
        if permission is Permission.ROSTER_EDIT
        else in_areas(actor, permission, Invitation.area_id)
    )
    return (
        select(Invitation)
        .where(scope)
        .options(
            joinedload(Invitation.area),
            joinedload(Invitation.organisation),
            joinedload(Invitation.created_by),
        )
    )
