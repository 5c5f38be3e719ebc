"""Queue jobs of the marketplace."""

from __future__ import annotations

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.marketplace.services.line import end_place, move_up, next_to_tend
from coordinator.marketplace.services.suspending import free_visits


def free_visits_of(worker_id: int) -> None:
    """The visits of somebody who was stopped need people again; owed by the workforce. May run twice."""
    free_visits(worker_id)
    db.session.commit()


def move_up_in(visit_id: int) -> None:
    """A visit with a waiting list was freed where lists are not known. May run twice."""
    move_up(visit_id)
    db.session.commit()


def due_by_itself() -> list[tuple[str, str]]:
    """Waiting lists are looked after every five minutes as long as there is anything to do."""
    freed, over = next_to_tend()
    if not freed and not over:
        return []
    now = clock.machine_now()
    return [("coordinator.marketplace.jobs.tend_lines", f"{now:%Y%m%d%H}{now.minute // 5:02}")]


def tend_lines() -> None:
    """Move up where a visit is open although somebody waits; end the places whose visit has begun, is over or was
    called off. Each by itself: what fails once is found again five minutes later. May run twice.
    """
    freed, over = next_to_tend()
    for visit_id in freed:
        move_up(visit_id)
        db.session.commit()
    for claim_id in over:
        end_place(claim_id)
        db.session.commit()
