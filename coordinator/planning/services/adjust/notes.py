"""The signed note of a proposal: what was shown, as ids and times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from flask_babel import gettext as _
from itsdangerous import BadSignature

from coordinator.kernel import clock, notes
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import InvalidInput
from coordinator.planning.queries.real_day import second_of
from coordinator.planning.services.repair import Fresh, Kind, Proposal, Team, Trouble, team_before
from coordinator.visits.lifecycle import VisitState

STALE = "stale_proposal"
SALT = "day-change"


@dataclass(frozen=True, slots=True)
class Noted:
    """One step as it was shown."""

    kind: Kind
    visit_id: int | None
    elder_id: int
    seconds: int
    state: VisitState | None
    before: Team
    start_before: int | None
    after: Team
    start_after: int


@dataclass(frozen=True, slots=True)
class Note:
    """The signed note of a proposal."""

    token: str
    trouble: Trouble
    made_at: datetime
    user_id: int | None
    steps: tuple[Noted, ...]
    held: Mapping[int, tuple[tuple[int, int], ...]]


def note_of(actor: Actor, found: Proposal) -> str:
    """The proposal as text for a form field: ids and times only, signed."""
    trouble = found.trouble
    fresh = trouble.fresh
    data = {
        "token": uuid4().hex,
        "user": actor.user_id,
        "at": clock.now().isoformat(),
        "area": trouble.area_id,
        "day": trouble.day.isoformat(),
        "reason": trouble.reason,
        "absent": list(trouble.absent.items()),
        "cancelled": list(trouble.cancelled),
        "wanted": list(trouble.wanted),
        "fresh": [fresh.elder_id, fresh.minutes, list(fresh.window), fresh.people] if fresh else None,
        "steps": [
            [
                one.kind.value,
                one.visit.id if one.visit is not None else None,
                one.elder.id,
                one.seconds,
                one.visit.state.value if one.visit is not None else None,
                one.before,
                one.start_before,
                one.after,
                one.start_after,
            ]
            for one in found.steps
        ],
        "held": [[worker.id, _held_in(found, worker.id)] for worker in found.told],
    }
    return notes.signer(SALT).dumps(data)


def read_note(text: str) -> Note:
    """The reverse of `note_of`. Raises InvalidInput for anything that was not signed here."""
    try:
        data = notes.signer(SALT).loads(text)
    except BadSignature as problem:
        raise InvalidInput(_("这份调整方案看不懂了。"), _("请重新算一次。"), code=STALE) from problem
    fresh = data["fresh"]
    trouble = Trouble(
        data["area"],
        date.fromisoformat(data["day"]),
        data["reason"],
        {int(worker): since for worker, since in data["absent"]},
        tuple(data["cancelled"]),
        tuple(data["wanted"]),
        Fresh(fresh[0], fresh[1], (fresh[2][0], fresh[2][1]), fresh[3]) if fresh else None,
    )
    steps = tuple(
        Noted(
            Kind(kind),
            visit_id,
            elder_id,
            seconds,
            VisitState(state) if state else None,
            _team(before),
            start_before,
            _team(after),
            start_after,
        )
        for kind, visit_id, elder_id, seconds, state, before, start_before, after, start_after in data[
            "steps"
        ]
    )
    held = {int(worker): tuple((one, at) for one, at in rows) for worker, rows in data["held"]}
    return Note(data["token"], trouble, datetime.fromisoformat(data["at"]), data["user"], steps, held)


def _team(rows: Iterable[Any]) -> Team:
    return tuple(sorted((int(worker), bool(companion)) for worker, companion in rows))


def _held_in(found: Proposal, worker_id: int) -> list[tuple[int, int]]:
    real = found.real
    return sorted(
        (visit.id, second_of(visit.starts_at))
        for visit in real.ahead
        if any(one == worker_id for one, _companion in team_before(visit))
    )
