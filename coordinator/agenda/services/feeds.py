"""Secret calendar addresses."""

from __future__ import annotations

import secrets

from flask_babel import gettext as _
from sqlalchemy import func, select

from coordinator.accounts.models import Organisation
from coordinator.agenda.access import organisation_ids
from coordinator.agenda.models import CalendarFeed, FeedKind
from coordinator.agenda.queries.feeds import hash_of
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, NotAllowed, NotFound

MOST_FEEDS = 10


def make_feed(
    actor: Actor, kind: FeedKind, *, organisation: Organisation | None = None, area: Area | None = None
) -> tuple[CalendarFeed, str]:
    """A new feed and its secret, which is shown once and not kept. Flushes.

    Raises NotAllowed for what the actor may not see, Conflict when ten addresses exist.
    """
    if kind is FeedKind.OWN:
        demand(actor, Permission.WORK)
    elif kind is FeedKind.AREA and area is not None:
        demand(actor, Permission.VISIT_READ, area.path)
    elif organisation is None or organisation.id not in organisation_ids(actor):
        raise NotAllowed(_("您没有这项权限。"), _("如果工作需要，请联系街道管理员开通。"))
    held = db.session.scalar(
        select(func.count()).where(CalendarFeed.user_id == actor.user_id, CalendarFeed.revoked_at.is_(None))
    )
    if (held or 0) >= MOST_FEEDS:
        raise Conflict(
            _("最多 %(n)s 个日历地址。", n=MOST_FEEDS), _("请先停用不用的。"), code="too_many_feeds"
        )
    # It ends in digits, by which people tell their addresses apart.
    token = f"{secrets.token_urlsafe(24)}{secrets.randbelow(10_000):04d}"
    feed = CalendarFeed(
        user_id=actor.user_id,
        kind=kind,
        organisation_id=organisation.id if organisation is not None else None,
        area_id=area.id if area is not None else None,
        token_hash=hash_of(token),
        ending=token[-4:],
    )
    db.session.add(feed)
    db.session.flush()
    audit.record(actor, "calendar.make", feed, _("新建日历订阅地址"))
    return feed, token


def revoke_feed(actor: Actor, feed_id: int) -> None:
    """Take back one of the actor's addresses; whoever reads it gets nothing from now on. Flushes."""
    feed = db.session.scalar(
        select(CalendarFeed).where(
            CalendarFeed.id == feed_id,
            CalendarFeed.user_id == actor.user_id,
            CalendarFeed.revoked_at.is_(None),
        )
    )
    if feed is None:
        raise NotFound(_("没有这个日历地址。"), _("可能已经停用了。"))
    feed.revoked_at = clock.now()
    audit.record(actor, "calendar.revoke", feed, _("停用日历订阅地址"))
    db.session.flush()
