"""The pages on which a manager imports the own roster."""

from __future__ import annotations

from coordinator.elders.imports.pages import import_pages
from coordinator.workforce.imports.roster import ROSTER

bp = import_pages(ROSTER, "roster_imports", "/workforce/roster/import")
