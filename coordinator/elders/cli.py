"""`tanfang import elders`."""

from __future__ import annotations

from coordinator.elders.imports.command import import_command
from coordinator.elders.imports.elders import ELDERS

import_elders = import_command(ELDERS, "elders")
