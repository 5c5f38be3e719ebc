"""Reads of the register. Everything set-based: the number of queries does not grow with the elders."""

from coordinator.elders.queries.dossier import (
    Dossier,
    acts_of,
    elder_in_scope,
    read_dossier,
)
from coordinator.elders.queries.facts import (
    earlier_facts_of,
    facts_of,
    find_household,
    without_secrets,
)
from coordinator.elders.queries.listing import ELDERS, ElderRow, elder_rows, exported_elders, tab_counts
from coordinator.elders.queries.scope import Scope, pack_for, read_scope

__all__ = [
    "ELDERS",
    "Dossier",
    "ElderRow",
    "Scope",
    "acts_of",
    "earlier_facts_of",
    "elder_in_scope",
    "elder_rows",
    "exported_elders",
    "facts_of",
    "find_household",
    "pack_for",
    "read_dossier",
    "read_scope",
    "tab_counts",
    "without_secrets",
]
