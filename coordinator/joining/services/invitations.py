"""Links by which people join an area or an organisation: made, counted, ended."""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import or_, update

from coordinator.accounts.models import Organisation
from coordinator.extensions import db
from coordinator.joining.models import Invitation
from coordinator.joining.queries.invitations import token_hash
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, covers, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import InvalidInput, NotAllowed
from coordinator.workforce.models import WorkerKind
from coordinator.workforce.rosters import KINDS_OF

LONGEST = timedelta(days=366)
MOST_USES = 2000


def make_invitation(
    actor: Actor,
    area: Area,
    label: str,
    last_day: date,
    *,
    organisation: Organisation | None = None,
    kind: WorkerKind | None = None,
    most_uses: int | None = None,
) -> Invitation:
    """Make a link for an area (its coordinators) or for an organisation (its manager, or its area's coordinators).

    It works to the end of `last_day`, `most_uses` times (None: no limit). Flushes. Raises InvalidInput with the
    field, NotAllowed for another's organisation.
    """
    if organisation is None:
        demand(actor, Permission.WORKER_EDIT, area.path)
    elif organisation.id not in actor.organisation_ids(Permission.ROSTER_EDIT) and not covers(
        actor, Permission.WORKER_EDIT, organisation.area.path
    ):
        raise NotAllowed(_("只能为本单位发邀请。"))
    label = " ".join(label.split())
    if not label:
        raise InvalidInput(_("请填这个邀请是给谁的。"), field="label")
    now = clock.now()
    ends = _end_of(last_day)
    if ends <= now:
        raise InvalidInput(_("最后一天已经过去了。"), field="last_day")
    if ends > now + LONGEST:
        raise InvalidInput(_("最长一年，到期可以再做一个。"), field="last_day")
    if most_uses is not None and not 1 <= most_uses <= MOST_USES:
        raise InvalidInput(_("人数填 1 到 %(n)s。", n=MOST_USES), field="most_uses")
    if organisation is not None:
        kinds = KINDS_OF[organisation.kind]
        kind = kinds[0] if len(kinds) == 1 else kind
        if kind is not None and kind not in kinds:
            raise InvalidInput(_("这个单位没有这一类人员。"), field="kind")
    if organisation is None and kind in (WorkerKind.PROPERTY_STAFF, WorkerKind.COURIER):
        raise InvalidInput(_("这类人员要由单位邀请，请选单位。"), field="organisation_id")
    token = secrets.token_urlsafe(16)
    invitation = Invitation(
        token=token,
        token_hash=token_hash(token),
        area_id=area.id,
        organisation_id=organisation.id if organisation is not None else None,
        kind=kind,
        label=label[:80],
        created_by_id=actor.user_id,
        created_at=now,
        expires_at=ends,
        most_uses=most_uses,
        uses=0,
    )
    db.session.add(invitation)
    db.session.flush()
    audit.record(actor, "invitation.make", invitation, _("做了一个邀请：%(label)s", label=invitation.label))
    db.session.flush()
    return invitation


def end_invitation(actor: Actor, invitation: Invitation) -> None:
    """Let nobody join by this link any more; ending it twice changes nothing. The caller has checked the scope."""
    ended = db.session.scalar(
        update(Invitation)
        .where(Invitation.id == invitation.id, Invitation.ended_at.is_(None))
        .values(ended_at=clock.now(), ended_by_id=actor.user_id)
        .returning(Invitation.id)
        .execution_options(synchronize_session=False)
    )
    db.session.expire(invitation)
    if ended is not None:
        audit.record(actor, "invitation.end", invitation, _("停用邀请：%(label)s", label=invitation.label))
        db.session.flush()


def count_use(invitation_id: int) -> bool:
    """Take one of the link's uses; False when it has ended, has run out or is used up. One guarded statement."""
    return (
        db.session.scalar(
            update(Invitation)
            .where(
                Invitation.id == invitation_id,
                Invitation.ended_at.is_(None),
                Invitation.expires_at > clock.now(),
                or_(Invitation.most_uses.is_(None), Invitation.uses < Invitation.most_uses),
            )
            .values(uses=Invitation.uses + 1)
            .returning(Invitation.id)
            .execution_options(synchronize_session=False)
        )
        is not None
    )


def _end_of(day: date) -> datetime:
    return clock.at_local(day + timedelta(days=1), 0)
