"""Leaving the register and coming back, with everything that follows from it."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _

from coordinator.elders import services as elders
from coordinator.elders.models import Elder, ElderStatus
from coordinator.elders.services.undo import undo_end
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import InvalidInput
from coordinator.register.services.moving import end_waiting_move
from coordinator.register.services.release import Released, release
from coordinator.register.services.settling import settle_items
from coordinator.workforce.services import unpair

MAY_END = (ElderStatus.MOVED, ElderStatus.IN_INSTITUTION, ElderStatus.DECEASED)


def leave(actor: Actor, elder: Elder, status: ElderStatus, left_on: date, note: str = "") -> Released:
    """Close the dossier from `left_on` on: visits from that day are cancelled, claims on them end, drafts and
    printed sheets lose them, and the people are told in neutral words. The 探访关爱服务联系人 is free
    again. Flushes.

    Raises as `elders.services.end_elder`.
    """
    if status not in MAY_END:
        raise InvalidInput(_("请选离开的原因。"), field="status")
    elders.end_elder(actor, elder, status, left_on, note)
    # What the people on the visits and the plans read: neither name nor cause.
    done = release(actor, elder, left_on, _("不再探访"))
    end_waiting_move(actor, elder, _("长者已经离册"))
    if left_on <= clock.today():
        unpair(actor, elder)
    settle_items(actor, elder, status, note.strip())
    if done.visits or done.stops:
        audit.record(
            actor,
            "elder.released",
            elder,
            _(
                "%(name)s离册：取消 %(visits)s 次探访，从计划里拿下 %(stops)s 次，通知 %(told)s 人",
                name=elder.name,
                visits=done.visits,
                stops=done.stops,
                told=done.told,
            ),
        )
    db.session.flush()
    return done


def undo_leaving(actor: Actor, elder: Elder, reason: str) -> None:
    """The leaving was a mistake: the elder is owed everything as before; cancelled visits stay so. Flushes."""
    undo_end(actor, elder, reason)
