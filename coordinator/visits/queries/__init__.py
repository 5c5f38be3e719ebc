"""Reads of visits and of what is owed. `obligations_for` is the one place where the site asks what is owed."""

from coordinator.visits.queries.coverage import Coverage, monthly_coverage
from coordinator.visits.queries.due_list import DueItem, DueList, due_list
from coordinator.visits.queries.events import event_on, events_of
from coordinator.visits.queries.owed import contacts_of, obligations_for, pack_of
from coordinator.visits.queries.visits import load_visit, loads_of, visits_in

__all__ = [
    "Coverage",
    "DueItem",
    "DueList",
    "contacts_of",
    "due_list",
    "event_on",
    "events_of",
    "load_visit",
    "loads_of",
    "monthly_coverage",
    "obligations_for",
    "pack_of",
    "visits_in",
]
