"""Rows of a street and a month → a scenario of the engine.

What the scenario promises: an elder is `e<id>`, a visit that stands already `v<visit id>` (pinned), a worker
`w<id>`; `h<n>` are a worker's earlier visits of the first week, which count towards its limits. Day 0 is a Monday.

Decisions, each in one place:

* Only obligations that nothing but a visit at home can meet become visits. What a call can meet goes on the call
  list, unless a visit of the plan falls into its period.
* A visit is statutory when its period ends within the month: not made, it would be overdue. Obligations of longer
  periods are spread: each month takes its share (elder id modulo the months left), as visits that may be left out.
* Visits that stand from today on count as made; those with people are fixed points of the plan.
* What is owed but cannot be planned (blocked, no day left, no place on the map) is listed with its reason.
"""

from coordinator.planning.translate.keys import elder_key, read_key, worker_key
from coordinator.planning.translate.options import Options, Wish, alternatives
from coordinator.planning.translate.owed import ElderNeeds, Left
from coordinator.planning.translate.people import Span
from coordinator.planning.translate.roads import Times, times_of
from coordinator.planning.translate.scenario import PinnedStop, Translation, horizon, translate

__all__ = [
    "ElderNeeds",
    "Left",
    "Options",
    "PinnedStop",
    "Span",
    "Times",
    "Translation",
    "Wish",
    "alternatives",
    "elder_key",
    "horizon",
    "read_key",
    "times_of",
    "translate",
    "worker_key",
]
