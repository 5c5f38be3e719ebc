"""The import of workers."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from coordinator.elders.imports.columns import Layout
from coordinator.elders.imports.importer import Importer
from coordinator.elders.models import ImportBatch, ImportKind
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission
from coordinator.kernel.areas import Area
from coordinator.workforce.imports.apply import WorkerApplier
from coordinator.workforce.imports.check import WorkerChecker
from coordinator.workforce.imports.columns import COLUMNS
from coordinator.workforce.labels import KINDS
from coordinator.workforce.models import Worker, WorkerStatus


class WorkerImporter(Importer):
    """Workers of a street or community. Nobody is approved by being imported."""

    kind = ImportKind.WORKERS
    permission = Permission.WORKER_EDIT
    columns = COLUMNS
    check_job = "coordinator.workforce.imports.jobs.check_workers"
    apply_job = "coordinator.workforce.imports.jobs.apply_workers"
    noun = _l("人员")
    about = ("kind", "organisation", "sex", "birth_date", "area")

    def missing(self, layout: Layout, batch: ImportBatch) -> list[str]:
        found = layout.missing(self.columns)
        if "id_number" not in layout.places and not {"sex", "birth_date"} <= set(layout.places):
            found.append(_("身份证号（或者性别和出生日期）"))
        return found

    def notes(self) -> list[str]:
        return [
            *super().notes(),
            _("导入的人员是“待审核”，培训、保险、健康声明、协议齐了再审核通过。学校要先在系统里登记。"),
        ]

    def checker(self, batch: ImportBatch) -> WorkerChecker:
        return WorkerChecker(batch)

    def applier(self, batch: ImportBatch, actor: Actor) -> WorkerApplier:
        return WorkerApplier(batch, actor)

    def describe(self, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
        rows = db.session.execute(
            select(Worker.id, Worker.name, Worker.birth_date, Worker.kind, Area.name)
            .join(Area, Worker.area_id == Area.id)
            .where(Worker.id.in_(list(ids)), Worker.status != WorkerStatus.LEFT)
        )
        return {
            worker_id: (name, "，".join((str(KINDS[kind]), _("%(day)s 出生", day=born), area)))
            for worker_id, name, born, kind, area in rows
        }


WORKERS = WorkerImporter()
