"""Writing rows of workers, through the services: lists of workers are a few hundred rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.accounts.models import Organisation
from coordinator.elders.imports.columns import problem
from coordinator.elders.imports.importer import Applier, Taken
from coordinator.elders.models import Elder, ImportBatch, ImportRow, Skill
from coordinator.extensions import db
from coordinator.kernel.access import Actor
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import DomainError
from coordinator.workforce import services
from coordinator.workforce.imports.check import pairs_of, records
from coordinator.workforce.imports.columns import CREDENTIALS, GUARDIAN
from coordinator.workforce.imports.rows import FIELDS, snapshot
from coordinator.workforce.models import Worker, WorkerStatus


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


class WorkerApplier(Applier):
    """Writes one batch."""

    def __init__(self, batch: ImportBatch, actor: Actor) -> None:
        self.actor = actor
        self.batch_area = batch.area
        areas = db.session.scalars(select(Area).where(Area.path.startswith(batch.area.path)))
        self.areas = {area.id: area for area in areas}
        self._organisations: dict[int, Organisation] = {}

    def create(self, rows: Sequence[ImportRow]) -> Taken:
        taken = Taken()
        for row in rows:
            try:
                with db.session.begin_nested():
                    row.target_id = self._create(row).id
            except DomainError as refused:
                taken.left_out[row.id] = problem(refused.field, refused.code, refused.message, refused.remedy)
                continue
            taken.created += 1
        return taken

    def update(self, rows: Sequence[ImportRow]) -> Taken:
        taken = Taken()
        ids = {row.target_id for row in rows if row.target_id is not None}
        workers, pairs = records(ids), pairs_of(ids)
        for row in rows:
            worker = workers.get(row.target_id or 0)
            read_at = (row.details or {}).get("updated_at")
            gone = worker is None or worker.status == WorkerStatus.LEFT or not self._in_reach(worker)
            if worker is None or gone or read_at not in (None, worker.updated_at.isoformat()):
                text = _("检查以后，这份资料又被改过。")
                taken.left_out[row.id] = problem(
                    None, "changed_since", text, _("请重新上传，看看还有没有要改的。")
                )
                continue
            try:
                with db.session.begin_nested():
                    self._change(worker, row.values, pairs.get(worker.id, frozenset()))
            except DomainError as refused:
                taken.left_out[row.id] = problem(refused.field, refused.code, refused.message, refused.remedy)
                db.session.expire(worker)
                continue
            taken.updated += 1
        return taken

    def _in_reach(self, worker: Worker) -> bool:
        return worker.area_id in self.areas

    def _fields(self, values: dict[str, Any]) -> dict[str, Any]:
        found = {key: values[key] for key in (*FIELDS, "dialects") if key in values}
        if "birth_date" in values:
            found["birth_date"] = _day(values["birth_date"])
        if "latitude" in values:
            found["start_latitude"], found["start_longitude"] = values["latitude"], values["longitude"]
        return found

    def _organisation(self, values: dict[str, Any]) -> Organisation | None:
        key = values.get("organisation_id")
        if key is None:
            return None
        if key not in self._organisations:
            self._organisations[key] = db.session.get_one(Organisation, key)
        return self._organisations[key]

    def _create(self, row: ImportRow) -> Worker:
        values = row.values
        fields = self._fields(values)
        if "start_latitude" not in fields:
            fields["start_latitude"], fields["start_longitude"] = row.details["centre"]
        # The limits are compared with each other, so the usual ones are written out.
        fields = {"max_visits_day": 6, "max_visits_week": 15, "max_visits_month": 40} | fields
        worker = self._enter(row, fields)
        self._parts(worker, values, {})
        return worker

    def _enter(self, row: ImportRow, fields: dict[str, Any]) -> Worker:
        return services.create_worker(
            self.actor,
            self.areas.get(row.values.get("area_id", 0), self.batch_area),
            fields,
            organisation=self._organisation(row.values),
        )

    def _change(self, worker: Worker, values: dict[str, Any], paired: frozenset[int]) -> None:
        held = snapshot(worker)
        organisation = self._organisation(values)
        services.edit_worker(
            self.actor,
            worker,
            self._fields(values),
            area=self.areas.get(values.get("area_id", 0)),
            organisation=organisation,
            keep_organisation=organisation is None,
        )
        self._parts(worker, values, held)
        for elder_id in values.get("pair_ids", ()):
            if elder_id not in paired:
                services.pair(self.actor, db.session.get_one(Elder, elder_id), worker)

    def _parts(self, worker: Worker, values: dict[str, Any], held: dict[str, Any]) -> None:
        week = {}
        for number in range(7):
            given = values.get(f"day{number}")
            if given and given != held.get(f"day{number}"):
                times = [time.fromisoformat(at) for at in given]
                week[number] = list(zip(times[::2], times[1::2], strict=True))
        if week:
            services.set_availability(self.actor, worker, week)
        if "skills" in values and sorted(values["skills"]) != held.get("skills", []):
            services.verify_skills(self.actor, worker, [Skill(one) for one in values["skills"]])
        for prefix, _word, kind, _numbered in CREDENTIALS:
            keys = (f"{prefix}_from", f"{prefix}_to", f"{prefix}_number")
            given = [values.get(key) for key in keys]
            before = [held.get(key) for key in keys]
            if given[0] is not None and any(
                new not in (None, old) for new, old in zip(given, before, strict=True)
            ):
                start = _day(given[0])
                assert start is not None
                services.add_credential(self.actor, worker, kind, start, _day(given[1]), given[2])
        guardian = {part: values.get(f"guardian_{part}") for part in GUARDIAN}
        if guardian["name"] is not None and any(
            value not in (None, held.get(f"guardian_{part}")) for part, value in guardian.items()
        ):
            guardian["given_on"], guardian["valid_to"] = (
                _day(guardian["given_on"]),
                _day(guardian["valid_to"]),
            )
            services.add_guardian_consent(self.actor, worker, services.GuardianConsent(**guardian))
