"""The guardians' links of a minor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from coordinator.extensions import db
from coordinator.joining.models import GuardianLink
from coordinator.joining.queries.invitations import token_hash
from coordinator.kernel.errors import NotFound
from coordinator.workforce.models import Worker


def link_by_token(token: str) -> GuardianLink | None:
    """The link with this token, with the minor and the consent."""
    return db.session.scalars(
        select(GuardianLink)
        .where(GuardianLink.token_hash == token_hash(token))
        .options(
            joinedload(GuardianLink.guardian),
            joinedload(GuardianLink.worker).joinedload(Worker.area),
            joinedload(GuardianLink.worker).joinedload(Worker.organisation),
        )
    ).one_or_none()


def link_of(link_id: int) -> GuardianLink:
    """One link with the minor. Raises NotFound. The caller asks `can_ask`."""
    link = db.session.get(
        GuardianLink, link_id, options=[joinedload(GuardianLink.worker).joinedload(Worker.area)]
    )
    if link is None:
        raise NotFound(_("没有找到这个链接。"))
    return link


def minor_of(worker_id: int) -> Worker | None:
    """A worker with what asking a guardian reads. The caller asks `can_ask`."""
    return db.session.get(
        Worker, worker_id, options=[joinedload(Worker.area), joinedload(Worker.organisation)]
    )


def links_of(worker_id: int) -> Sequence[GuardianLink]:
    """The links of a minor, the newest first."""
    return links_of_all([worker_id])[worker_id]


def links_of_all(worker_ids: Collection[int]) -> dict[int, list[GuardianLink]]:
    """The links of several minors, the newest first. One query."""
    found: dict[int, list[GuardianLink]] = defaultdict(list)
    if worker_ids:
        rows = db.session.scalars(
            select(GuardianLink)
            .where(GuardianLink.worker_id.in_(worker_ids))
            .options(joinedload(GuardianLink.guardian))
            .order_by(GuardianLink.id.desc())
        )
        for one in rows:
            found[one.worker_id].append(one)
    return found
