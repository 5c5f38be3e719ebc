"""Judging rows of workers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.orm import selectinload

from coordinator.accounts.models import Organisation, OrganisationKind
from coordinator.elders.imports.columns import problem
from coordinator.elders.imports.importer import Checker, Row
from coordinator.elders.imports.matching import Known, Resemblances, alike, near
from coordinator.elders.imports.places import Places, area_key
from coordinator.elders.lookup import id_hash
from coordinator.elders.models import Elder, ElderStatus, Household, ImportBatch, RowOutcome
from coordinator.extensions import db
from coordinator.kernel.areas import Area
from coordinator.kernel.geo import Datum
from coordinator.workforce.imports.rows import complete, differences
from coordinator.workforce.models import ServiceContact, Worker, WorkerKind, WorkerStatus


def records(ids: Iterable[int]) -> dict[int, Worker]:
    """Workers with everything a row may compare or change, by id; five queries."""
    found = db.session.scalars(
        select(Worker)
        .where(Worker.id.in_(list(ids)))
        .options(
            selectinload(Worker.skills),
            selectinload(Worker.credentials),
            selectinload(Worker.guardians),
            selectinload(Worker.availability),
        )
    )
    return {worker.id: worker for worker in found}


def pairs_of(ids: Iterable[int]) -> dict[int, frozenset[int]]:
    """Elders each of these workers is paired with, as the main contact or as a helper."""
    rows = db.session.execute(
        select(ServiceContact.worker_id, ServiceContact.elder_id).where(
            ServiceContact.worker_id.in_(list(ids)), ServiceContact.until.is_(None)
        )
    )
    found: dict[int, set[int]] = {}
    for worker_id, elder_id in rows:
        found.setdefault(worker_id, set()).add(elder_id)
    return {worker_id: frozenset(elders) for worker_id, elders in found.items()}


def name_key(name: str) -> str:
    """A name for comparing: full-width signs as plain ones, no blanks."""
    return "".join(unicodedata.normalize("NFKC", name).split())


class WorkerChecker(Checker):
    """The check of one batch."""

    def __init__(self, batch: ImportBatch) -> None:
        self.places = Places(batch.area, Datum(batch.coordinate_system or Datum.WGS84))
        self.area = self.places.area
        self._areas = {self.area.id: self.area} | self.places.communities
        self._area_by_name = {area_key(one.name): one for one in self._areas.values()}
        above = list(batch.area.ancestor_ids)
        county = batch.area.path.split(".")[:3]
        inside = select(Area.id).where(Area.path.startswith(".".join(county) + "."))
        organisations = db.session.execute(
            select(
                Organisation.id,
                Organisation.name,
                Organisation.kind,
                Organisation.latitude,
                Organisation.longitude,
            ).where(
                Organisation.is_active,
                or_(Organisation.area_id.in_(inside), Organisation.area_id.in_(above)),
            )
        ).all()
        self._organisations = {name_key(one.name): one for one in organisations}
        self.names = {
            "area": {one.id: one.name for one in self._areas.values()},
            "organisation": {one.id: one.name for one in organisations},
        }
        self._register, self._file = Resemblances(), Resemblances()
        self._ids: dict[str, int] = {}
        self._volunteer_numbers: dict[str, int] = {}
        self._targets: dict[int, int] = {}
        self._load()

    def _load(self) -> None:
        rows = db.session.execute(
            select(
                Worker.id, Worker.name, Worker.birth_date, Worker.phone, Worker.id_number_hash.is_(None)
            ).where(Worker.area_id.in_(list(self._areas)), Worker.status != WorkerStatus.LEFT)
        )
        for worker_id, name, born, phone, without_id in rows:
            self._register.add(
                Known(0, name, born, phone or f"worker{worker_id}", has_id=not without_id, id=worker_id)
            )
        self._elders = db.session.execute(
            select(Elder.id, Elder.name, Elder.area_id, Household.address)
            .join(Household, Elder.household_id == Household.id)
            .where(Elder.area_id.in_(list(self.places.communities)), Elder.status == ElderStatus.ACTIVE)
        ).all()

    def check(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._place(row)
            self._organisation(row)
            complete(row)
            if row.details.get("centre", [0])[0] is None:
                text = _("没有出发的地方，%(area)s也没有登记位置。", area=self.area.name)
                row.refuse(problem("latitude", "place_missing", text, _("请填纬度和经度。")))
            self._pairs(row)
        taken = self._taken(rows)
        matched: list[tuple[Row, int]] = []
        for row in rows:
            self._match(row, taken, matched)
        self._compare(matched)

    def _place(self, row: Row) -> None:
        values = row.values
        area = self.area
        if "area" in values:
            found = self._area_by_name.get(area_key(values["area"]))
            if found is None:
                text = _("%(area)s没有这个街道或社区。", area=self.area.name)
                row.refuse(problem("area", "area_unknown", text, _("请写和系统里一样的名称，或者空着。")))
            else:
                area = found
                values["area_id"] = found.id
        broken = {one["column"] for one in row.problems}
        if not broken & {"latitude", "longitude"}:
            place, wrong = self.places.place(values.get("latitude"), values.get("longitude"))
            row.refuse(wrong)
            if place is not None:
                values["latitude"], values["longitude"] = place
            elif wrong is None:
                row.details["centre"] = [
                    area.latitude or self.area.latitude,
                    area.longitude or self.area.longitude,
                ]

    def _organisation(self, row: Row) -> None:
        values = row.values
        name = values.get("organisation")
        found = self._organisations.get(name_key(name)) if name else None
        if name and found is None:
            text = _("系统里没有登记“%(name)s”。", name=name)
            row.refuse(
                problem("organisation", "organisation_unknown", text, _("请先登记这个单位，或者改正名称。"))
            )
        if found is not None:
            values["organisation_id"] = found.id
            if "latitude" not in values and found.latitude is not None:
                row.details["centre"] = [found.latitude, found.longitude]
        if values.get("kind") == WorkerKind.STUDENT:
            if not name:
                text = _("在校学生要填所在学校。")
                row.refuse(problem("organisation", "student_without_school", text, _("请填学校的名称。")))
            elif found is not None and found.kind != OrganisationKind.SCHOOL:
                text = _("“%(name)s”不是学校。", name=name)
                row.refuse(problem("organisation", "student_without_school", text, _("请填学校的名称。")))

    def _pairs(self, row: Row) -> None:
        if "pairs" not in row.values:
            return
        found = []
        for part in re.split(r"[;；\n]+", row.values["pairs"]):
            name, _at, address = part.strip().partition("@") if "@" in part else part.strip().partition("＠")
            if not name.strip():
                continue
            alikes = [
                one.id
                for one in self._elders
                if one.name == name.strip()
                and alike(
                    self.places.key_of(self.places.communities[one.area_id], address),
                    self.places.key_of(self.places.communities[one.area_id], one.address),
                )
            ]
            if len(alikes) != 1:
                text = (
                    _("没有找到“%(who)s”。", who=part.strip()[:30])
                    if not alikes
                    else _("“%(who)s”有几位，分不清。", who=part.strip()[:30])
                )
                row.refuse(problem("pairs", "pair_unknown", text, _("请写姓名@住址，和长者档案里的一样。")))
                return
            found.append(alikes[0])
        row.values["pair_ids"] = found

    def _taken(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Workers anywhere who hold one of the ID numbers or volunteer numbers."""
        hashes = {
            id_hash(row.values["id_number"]): row.values["id_number"]
            for row in rows
            if "id_number" in row.values
        }
        numbers = [row.values["volunteer_number"] for row in rows if "volunteer_number" in row.values]
        found = db.session.execute(
            select(
                *(Worker.id, Worker.id_number_hash, Worker.volunteer_number, Worker.name, Worker.area_id),
                *(Worker.status, Worker.organisation_id),
            ).where(or_(Worker.id_number_hash.in_(list(hashes)), Worker.volunteer_number.in_(numbers)))
        )
        taken: dict[str, Any] = {}
        for one in found:
            if one.id_number_hash in hashes:
                taken[hashes[one.id_number_hash]] = one
            if one.volunteer_number is not None:
                taken[f"volunteer {one.volunteer_number}"] = one
        return taken

    def _match(self, row: Row, taken: dict[str, Any], matched: list[tuple[Row, int]]) -> None:
        values = row.values
        for key, seen in (("id_number", self._ids), ("volunteer_number", self._volunteer_numbers)):
            if key in values:
                first = seen.setdefault(values[key], row.number)
                if first != row.number:
                    text = _("和第 %(row)s 行的一样，只看前面那一行。", row=first)
                    row.refuse(problem(key, "double", text, _("请核对后只留一行。")))
        if row.problems:
            return
        person = Known(
            *(0, values["name"], date.fromisoformat(values["birth_date"])),
            values.get("phone") or f"row{row.number}",
            has_id="id_number" in values,
            row=row.number,
        )
        double = self._file.same(person)
        if double is not None:
            text = _("和第 %(row)s 行的姓名、出生日期、电话都一样，只看前面那一行。", row=double.row)
            row.refuse(problem("name", "double", text, _("请核对后只留一行。")))
            return
        held = self._held(row, taken)
        if held is not None:
            self._same_number(row, held, matched)
        else:
            same = self._register.same(person)
            if same is not None and same.id is not None:
                matched.append((row, same.id))
            else:
                similar = [*self._register.similar(person), *self._file.similar(person)][:3]
                row.outcome = RowOutcome.ASK if similar else RowOutcome.CREATE
                if similar:
                    row.details["candidates"] = [
                        {"id": one.id} if one.id is not None else {"row": one.row} for one in similar
                    ]
                self._free_number(row, taken, None)
                self._no_pairs(row)
        self._file.add(person)

    def _held(self, row: Row, taken: dict[str, Any]) -> Any | None:
        """Who is certainly meant by the row, anywhere."""
        return taken.get(row.values.get("id_number", ""))

    def _same_number(self, row: Row, held: Any, matched: list[tuple[Row, int]]) -> None:
        name = row.values["name"]
        if held.area_id not in self._areas:
            text = _("这个身份证号已经登记在%(area)s以外。", area=self.area.name)
            row.refuse(problem("id_number", "registered_elsewhere", text, _("请先和那边联系。")))
        elif held.status == WorkerStatus.LEFT:
            text = _("%(name)s登记为已离开。", name=held.name)
            row.refuse(problem("id_number", "has_left", text, _("请在人员档案里重新审核。")))
        elif name != held.name and not near(name, held.name):
            row.outcome = RowOutcome.ASK
            row.details |= {"candidates": [{"id": held.id}], "same_id": True}
        else:
            matched.append((row, held.id))

    def _free_number(self, row: Row, taken: dict[str, Any], own_id: int | None) -> None:
        number = row.values.get("volunteer_number")
        other = taken.get(f"volunteer {number}") if number else None
        if other is not None and other.id != own_id:
            text = _("这个志愿者编号已经有人用了。")
            row.refuse(problem("volunteer_number", "volunteer_number_taken", text, _("请再看一遍。")))

    @staticmethod
    def _no_pairs(row: Row) -> None:
        if "pairs" in row.values:
            text = _("审核通过以后才能结对。")
            row.refuse(problem("pairs", "not_approved", text, _("请先把这一格空着导入，审核后再填。")))

    def _compare(self, matched: Sequence[tuple[Row, int]]) -> None:
        ids = {worker_id for _row, worker_id in matched}
        workers, pairs = records(ids), pairs_of(ids)
        for row, worker_id in matched:
            first = self._targets.setdefault(worker_id, row.number)
            worker = workers[worker_id]
            if first != row.number:
                text = _("和第 %(row)s 行是同一个人，只看前面那一行。", row=first)
                row.refuse(problem("name", "double", text, _("请核对后只留一行。")))
                continue
            if worker.status != WorkerStatus.APPROVED:
                self._no_pairs(row)
            row.target_id = worker_id
            self._narrow(row, worker)
            changes = differences(worker, row.values, self.names, pairs.get(worker_id, frozenset()))
            row.outcome = RowOutcome.UPDATE if changes else RowOutcome.SAME
            row.details |= {"changes": changes, "updated_at": worker.updated_at.isoformat()}

    def _narrow(self, row: Row, worker: Worker) -> None:
        """Take out of the row what this list may not change of this worker."""
