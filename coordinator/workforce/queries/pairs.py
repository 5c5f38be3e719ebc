"""结对 as the paired worker sees it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import func, select

from coordinator.elders.models import ElderStatus
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.workforce.models import ServiceContact, Worker
from coordinator.workforce.queries.loading import pairs_with


class OwnPair(NamedTuple):
    """One paired elder: who else belongs to the pair, when the elder was last seen by anybody, and when the worker
    goes next. The home stays as near as the neighbourhood.
    """

    pair: ServiceContact
    partners: list[str]
    last_seen: date | None
    next_visit: datetime | None


def own_pairs(worker_id: int) -> list[OwnPair]:
    """The elders a worker is paired with and who are still there. Four queries."""
    pairs = [one for one in pairs_with(worker_id=worker_id) if one.elder.status is ElderStatus.ACTIVE]
    elders = [one.elder_id for one in pairs]
    partners, seen, following = _partners(elders, worker_id), _last_seen(elders), _next(elders, worker_id)
    return [
        OwnPair(one, partners[one.elder_id], seen.get(one.elder_id), following.get(one.elder_id))
        for one in pairs
    ]


def _partners(elder_ids: Collection[int], worker_id: int) -> dict[int, list[str]]:
    rows = db.session.execute(
        select(ServiceContact.elder_id, Worker.name)
        .join(Worker, Worker.id == ServiceContact.worker_id)
        .where(
            ServiceContact.elder_id.in_(elder_ids),
            ServiceContact.until.is_(None),
            ServiceContact.worker_id != worker_id,
        )
        .order_by(ServiceContact.part.desc(), ServiceContact.since, ServiceContact.id)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for elder_id, name in rows:
        found[elder_id].append(name)
    return found


def _last_seen(elder_ids: Collection[int]) -> dict[int, date]:
    # Visits are a later feature; their tables are named, not imported.
    visits = db.metadata.tables["visits"]
    rows = db.session.execute(
        select(visits.c.elder_id, func.max(visits.c.contact_on))
        .where(visits.c.elder_id.in_(elder_ids), visits.c.contact_outcome == "completed")
        .group_by(visits.c.elder_id)
    )
    return {elder_id: on for elder_id, on in rows}  # noqa: C416


def _next(elder_ids: Collection[int], worker_id: int) -> dict[int, datetime]:
    visits, assignments = db.metadata.tables["visits"], db.metadata.tables["assignments"]
    rows = db.session.execute(
        select(visits.c.elder_id, func.min(visits.c.starts_at))
        .join(assignments, assignments.c.visit_id == visits.c.id)
        .where(
            visits.c.elder_id.in_(elder_ids),
            assignments.c.worker_id == worker_id,
            assignments.c.state == "approved",
            visits.c.starts_at > clock.now(),
        )
        .group_by(visits.c.elder_id)
    )
    return {elder_id: at for elder_id, at in rows}  # noqa: C416
