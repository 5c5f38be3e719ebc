"""What a newcomer still waits for, and what they can do meanwhile."""

from __future__ import annotations

from coordinator.joining.models import Application
from coordinator.joining.queries.applications import application_of
from coordinator.joining.views.blueprint import bp
from coordinator.joining.views.common import Answer, page_of
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.workforce import fitness
from coordinator.workforce import labels as workforce_labels
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import own_worker


@bp.get("/mine")
@requires(Permission.WORK)
def mine() -> Answer:
    """One's own way into the team: what is done, what is missing, who does it."""
    worker: Worker = own_worker(current_actor())
    application: Application | None = application_of(worker.id)
    return page_of(
        "joining/mine.html",
        w=worker,
        application=application,
        fitness=fitness,
        workforce_labels=workforce_labels,
        is_minor=fitness.is_minor(worker, clock.today()),
    )
