"""The blueprint, and what its pages share."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask_babel import gettext as _

from coordinator.dropouts import labels
from coordinator.dropouts.queries.live import asked_of
from coordinator.dropouts.queries.reliability import Reliability, reliability_of
from coordinator.elders.labels import SEXES
from coordinator.kernel.access import Permission, current_actor
from coordinator.marketplace.queries.openings import when_words
from coordinator.marketplace.views.blueprint import mode_words, needs_words, where_words
from coordinator.visits.labels import STATES
from coordinator.workforce.labels import KINDS

bp = Blueprint("dropouts", __name__)


@bp.context_processor
def shared() -> dict[str, Any]:
    """What the templates of this feature call."""
    return {
        "words": labels,
        "kinds": KINDS,
        "sexes": SEXES,
        "visit_states": STATES,
        "when_words": when_words,
        "where_words": where_words,
        "needs_words": needs_words,
        "mode_words": mode_words,
        "minutes": minutes,
    }


@bp.app_context_processor
def offered() -> dict[str, Any]:
    """What other features show of this one: what the worker is asked, the derivation beside a claim."""
    return {"asked_of_me": asked_of_me, "reliability_beside": reliability_beside}


def asked_of_me() -> list[tuple[str, str]]:
    """(Address, sentence) of each question the signed-in worker has not answered."""
    actor = current_actor()
    if actor.worker_id is None or not actor.may(Permission.WORK):
        return []
    return asked_of(actor.worker_id)


def reliability_beside(worker_id: int, area_path: str) -> Reliability:
    """The derivation of the person who claims; the sentence is shown, the rest is behind a link."""
    return reliability_of(worker_id, area_path)


def minutes(seconds: int | None) -> str:
    """+6 分钟; empty where the way is not known."""
    return "" if seconds is None else str(_("+%(n)s 分钟", n=max(1, round(seconds / 60))))
