"""`tanfang import workers`."""

from __future__ import annotations

from coordinator.elders.imports.command import import_command
from coordinator.workforce.imports.workers import WORKERS

import_workers = import_command(WORKERS, "workers")
