"""The pages of the import of elders."""

from __future__ import annotations

from coordinator.elders.imports.elders import ELDERS
from coordinator.elders.imports.pages import import_pages

bp = import_pages(ELDERS, "elder_imports", "/elders/import")
