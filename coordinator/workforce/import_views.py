"""The pages of the import of workers."""

from __future__ import annotations

from coordinator.elders.imports.pages import import_pages
from coordinator.workforce.imports.workers import WORKERS

bp = import_pages(WORKERS, "worker_imports", "/workers/import")
