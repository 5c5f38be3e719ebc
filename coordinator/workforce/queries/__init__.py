"""Reads of the workforce, each with a fixed number of queries, however many workers there are."""

from coordinator.workforce.queries.listing import (
    ROSTER,
    STUDENTS,
    WORKERS,
    organisation_workers,
    tab_counts,
    worker_rows,
)
from coordinator.workforce.queries.loading import (
    bars_of,
    fitness_options,
    organisations_for,
    own_worker,
    pairs_of,
    pairs_with,
    partners_of,
    service_contact_of,
    service_contacts_of,
    worker_for_duty,
    worker_in_scope,
    workers_for_duty,
    workers_for_pairing,
    workers_for_planning,
)

__all__ = [
    "ROSTER",
    "STUDENTS",
    "WORKERS",
    "bars_of",
    "fitness_options",
    "organisation_workers",
    "organisations_for",
    "own_worker",
    "pairs_of",
    "pairs_with",
    "partners_of",
    "service_contact_of",
    "service_contacts_of",
    "tab_counts",
    "worker_for_duty",
    "worker_in_scope",
    "worker_rows",
    "workers_for_duty",
    "workers_for_pairing",
    "workers_for_planning",
]
