"""Does what a worker holds still fit what the worker has said? Asked after every change of one's own settings."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from coordinator.kernel import clock
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.labels import Hidden
from coordinator.marketplace.queries.market import THE_ADULTS_MATTER, findings, minor
from coordinator.marketplace.queries.openings import Held, Opening, held_by, openings_of
from coordinator.workforce.fitness import UnfitCode

AHEAD = timedelta(days=62)
# What the worker's own words say against a visit; the key is that of `labels.WHY_NOT`.
_OWN = {UnfitCode.DAY_OFF: Hidden.HOURS, UnfitCode.OUT_OF_HOURS: Hidden.HOURS}


class Misfit(NamedTuple):
    """A visit somebody has or has asked for, and the reasons (keys of `labels.WHY_NOT`) why it does not fit."""

    opening: Opening
    asked: bool
    why: tuple[str, ...]


def misfits(worker: DutyWorker, elder_id: int | None = None) -> list[Misfit]:
    """The worker's coming visits that do not fit any more, by time; those to one elder only, when it is given.
    Two queries.
    """
    today = clock.today()
    now = clock.now()
    held = held_by([worker.id], today, today + AHEAD)[worker.id]
    coming = [one for one in held if one.stop.starts_at > now]
    openings = openings_of({one.visit_id for one in coming})
    found = []
    for one in sorted(coming, key=lambda one: one.stop.starts_at):
        opening = openings[one.visit_id]
        if elder_id is not None and opening.home.id != elder_id:
            continue
        why = reasons(worker, opening, held)
        if why:
            found.append(Misfit(opening, one.asked, why))
    return found


def reasons(worker: DutyWorker, opening: Opening, held: list[Held]) -> tuple[str, ...]:
    """What stands against it, each once. Who else goes is not known here: what that settles is left out."""
    settled = THE_ADULTS_MATTER if minor(worker, opening.day) or opening.people > 1 else {UnfitCode.DIALECT}
    found = [
        _OWN.get(one.code, one.code) for one in findings(worker, opening, held) if one.code not in settled
    ]
    return tuple(dict.fromkeys(str(one) for one in found))
