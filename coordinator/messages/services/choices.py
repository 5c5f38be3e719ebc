"""How one wants to be told."""

from __future__ import annotations

from dataclasses import asdict

from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import insert

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import InvalidInput
from coordinator.messages.hours import Wish, is_quiet, next_at
from coordinator.messages.models import NoticeChoice


def save_choice(actor: Actor, wish: Wish) -> None:
    """Keep the actor's choice. Raises InvalidInput when quiet hours leave less than six hours of the day."""
    now = clock.now()
    awake = (next_at(now, wish.quiet_from) - next_at(now, wish.quiet_to)).total_seconds() % 86_400
    if wish.quiet_from != wish.quiet_to and awake < 6 * 3600:
        raise InvalidInput(_("安静时间太长了，一天里至少要留 6 个小时能收到消息。"), field="quiet_from")
    if wish.digest and wish.quiet_from != wish.quiet_to:
        digest = next_at(now, wish.digest_at)
        if is_quiet(digest, wish.quiet_from, wish.quiet_to):
            raise InvalidInput(_("每天一封的时间不能在安静时间里。"), field="digest_at")
    values = asdict(wish) | {"changed_at": now}
    statement = insert(NoticeChoice).values(user_id=actor.user_id, **values)
    db.session.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))
