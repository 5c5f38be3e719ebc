"""The import of elders."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.elders.imports.columns import Layout
from coordinator.elders.imports.elder_check import ElderChecker
from coordinator.elders.imports.elder_columns import COLUMNS
from coordinator.elders.imports.elder_update import ElderApplier
from coordinator.elders.imports.importer import Importer
from coordinator.elders.models import ImportBatch, ImportKind
from coordinator.kernel.access import Actor, Permission
from coordinator.kernel.areas import AreaLevel


class ElderImporter(Importer):
    """Elders of a street, or of one community."""

    kind = ImportKind.ELDERS
    permission = Permission.ELDER_IMPORT
    columns = COLUMNS
    check_job = "coordinator.elders.imports.jobs.check_elders"
    apply_job = "coordinator.elders.imports.jobs.apply_elders"
    noun = _l("长者")

    def missing(self, layout: Layout, batch: ImportBatch) -> list[str]:
        found = layout.missing(self.columns)
        if batch.area.level != AreaLevel.COMMUNITY and "community" not in layout.places:
            found.append(_("社区"))
        if "id_number" not in layout.places and not {"sex", "birth_date"} <= set(layout.places):
            found.append(_("身份证号（或者性别和出生日期）"))
        return found

    def checker(self, batch: ImportBatch) -> ElderChecker:
        return ElderChecker(batch)

    def applier(self, batch: ImportBatch, actor: Actor) -> ElderApplier:
        return ElderApplier(batch, actor)


ELDERS = ElderImporter()
