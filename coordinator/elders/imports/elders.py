"""The import of elders."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from coordinator.elders.imports.columns import Layout
from coordinator.elders.imports.elder_check import ElderChecker
from coordinator.elders.imports.elder_columns import COLUMNS
from coordinator.elders.imports.elder_update import ElderApplier
from coordinator.elders.imports.importer import Importer
from coordinator.elders.models import Elder, ElderStatus, Household, ImportBatch, ImportKind
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission
from coordinator.kernel.areas import Area, AreaLevel


class ElderImporter(Importer):
    """Elders of a street, or of one community."""

    kind = ImportKind.ELDERS
    permission = Permission.ELDER_IMPORT
    columns = COLUMNS
    check_job = "coordinator.elders.imports.jobs.check_elders"
    apply_job = "coordinator.elders.imports.jobs.apply_elders"
    noun = _l("长者")
    about = ("sex", "birth_date", "community", "address")

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

    def describe(self, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
        rows = db.session.execute(
            select(Elder.id, Elder.name, Elder.birth_date, Household.address, Area.name)
            .join(Household, Elder.household_id == Household.id)
            .join(Area, Elder.area_id == Area.id)
            .where(Elder.id.in_(list(ids)), Elder.status == ElderStatus.ACTIVE)
        )
        return {
            elder_id: (name, "，".join((_("%(day)s 出生", day=born), area, address)))
            for elder_id, name, born, address, area in rows
        }


ELDERS = ElderImporter()
