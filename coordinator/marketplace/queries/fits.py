"""Does what a worker holds still fit what the worker has said? Asked after every change of one's own settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from coordinator.kernel import clock
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.labels import Hidden
from coordinator.marketplace.queries.market import NOTES, THE_ADULTS_MATTER, findings, minor
from coordinator.marketplace.queries.openings import Held, Opening, held_by, openings_of
from coordinator.workforce.fitness import Unfit, UnfitCode

AHEAD = timedelta(days=62)
# What the worker's own words say against a visit; the key is that of `labels.WHY_NOT`.
_OWN = {UnfitCode.DAY_OFF: Hidden.HOURS, UnfitCode.OUT_OF_HOURS: Hidden.HOURS}


class Misfit(NamedTuple):
    """A visit somebody has or has asked for, and why it does not fit: keys of `labels.WHY_NOT` for the worker,
    sentences for the coordinator."""

    opening: Opening
    asked: bool
    why: tuple[str, ...]
    said: tuple[str, ...]


def misfits(worker: DutyWorker) -> list[Misfit]:
    """The worker's coming visits that do not fit any more, by time. Two queries."""
    today = clock.today()
    now = clock.now()
    held = held_by([worker.id], today, today + AHEAD)[worker.id]
    coming = [one for one in held if one.stop.starts_at > now]
    openings = openings_of({one.visit_id for one in coming})
    found = []
    for one in sorted(coming, key=lambda one: one.stop.starts_at):
        opening = openings[one.visit_id]
        against = _against(worker, opening, held)
        if against:
            why = dict.fromkeys(str(_OWN.get(unfit.code, unfit.code)) for unfit in against)
            said = dict.fromkeys(unfit.message for unfit in against)
            found.append(Misfit(opening, one.asked, tuple(why), tuple(said)))
    return found


def _against(worker: DutyWorker, opening: Opening, held: Sequence[Held]) -> list[Unfit]:
    """What stands against it. Who else goes is not known here: what that settles is left out."""
    settled = THE_ADULTS_MATTER if minor(worker, opening.day) or opening.people > 1 else NOTES
    return [one for one in findings(worker, opening, held) if one.code not in settled]
