"""The search for a stand-in: the best-fitting are asked first, then it widens, wave by wave."""

from coordinator.dropouts.services.searching.answers import Answered, answer_ask, choose
from coordinator.dropouts.services.searching.keeping import (
    deserted_visits,
    keep_search,
    keep_searches,
    search_deserted,
    search_if_late,
)
from coordinator.dropouts.services.searching.settling import running_search, still_wanted
from coordinator.dropouts.services.searching.waves import hurry_wave, make_wave, start_search, stop_search

__all__ = [
    "Answered",
    "answer_ask",
    "choose",
    "deserted_visits",
    "hurry_wave",
    "keep_search",
    "keep_searches",
    "make_wave",
    "running_search",
    "search_deserted",
    "search_if_late",
    "start_search",
    "still_wanted",
    "stop_search",
]
