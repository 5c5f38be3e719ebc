"""守约情况: one derivation, for the worker and for coordinators alike."""

from __future__ import annotations

from typing import Any

from flask import render_template

from coordinator.dropouts.queries.reliability import WORDS, Became, reliability_of
from coordinator.dropouts.views.blueprint import bp
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.workforce.queries import own_worker, worker_in_scope


@bp.get("/reliability/<int:worker_id>")
@requires(Permission.WORKER_READ)
def reliability(worker_id: int) -> str:
    """The derivation of a worker of the actor's areas."""
    found = worker_in_scope(current_actor(), worker_id)
    return render_template("dropouts/reliability.html", w=found, **_facts(found))


@bp.get("/reliability/mine")
@requires(Permission.WORK)
def my_reliability() -> str:
    """One's own: the same figures, the same list."""
    found = own_worker(current_actor())
    return render_template("dropouts/my_reliability.html", w=found, **_facts(found))


def _facts(worker: Any) -> dict[str, Any]:
    found = reliability_of(worker.id, worker.area.path)
    return {"found": found, "became": Became, "became_words": WORDS}
