"""Judging rows of elders: which open a dossier, change one, change nothing, need an answer, or cannot be taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.elders.imports.columns import problem
from coordinator.elders.imports.elder_rows import complete, differences
from coordinator.elders.imports.importer import Checker, Row
from coordinator.elders.imports.matching import Known, Resemblances, near
from coordinator.elders.imports.places import Place, Places
from coordinator.elders.imports.residents import add_residents
from coordinator.elders.labels import STATUSES
from coordinator.elders.lookup import id_hash
from coordinator.elders.models import Elder, ElderStatus, Household, ImportBatch, RowOutcome
from coordinator.elders.services.contacts import fallback_contact
from coordinator.extensions import db
from coordinator.kernel.areas import Area
from coordinator.kernel.geo import Datum


def dossiers(ids: Iterable[int], *, lock: bool = False) -> dict[int, Elder]:
    """Elders with everything a row may compare or change, by id; seven queries.

    `lock` reads also who else lives in the homes, and keeps others from changing the dossiers before the
    transaction ends.
    """
    home = joinedload(Elder.household, innerjoin=True)
    statement = (
        select(Elder)
        .where(Elder.id.in_(list(ids)))
        .order_by(Elder.id)
        .options(
            home.selectinload(Household.members),
            selectinload(Elder.categories),
            selectinload(Elder.certificates),
            selectinload(Elder.consents),
            selectinload(Elder.emergency_contacts),
            selectinload(Elder.first_contact),
        )
    )
    if lock:
        statement = statement.with_for_update(of=Elder).options(home.selectinload(Household.elders))
    return {elder.id: elder for elder in db.session.scalars(statement)}


class ElderChecker(Checker):
    """The check of one batch. Remembers the rows it has seen, to find doubles within the file."""

    def __init__(self, batch: ImportBatch) -> None:
        self.places = Places(batch.area, Datum(batch.coordinate_system or Datum.WGS84))
        self.communities = {one.id: one.name for one in self.places.communities.values()}
        self._register = Resemblances()
        self._file = Resemblances()
        self._rows_by_id: dict[str, tuple[int, str]] = {}
        self._doubtful: dict[int, dict[str, Any]] = {}
        self._reachable: dict[int, bool] = {}
        self._targets: dict[int, int] = {}
        add_residents(self._register, self.places)

    def check(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._place(row)
            complete(row)
        known = self._by_number(rows)
        matched: list[tuple[Row, int]] = []
        for row in rows:
            self._against_file(row)
            if row.problems:
                continue
            number = row.values.get("id_number")
            elder = known.get(number) if number else None
            if elder is not None:
                self._same_number(row, elder, matched)
            else:
                self._by_resemblance(row, matched)
        self._compare(matched)
        for row in rows:
            if row.outcome in (RowOutcome.CREATE, RowOutcome.ASK):
                self._needs_contact(row)

    def afterthoughts(self) -> dict[int, dict[str, Any]]:
        return self._doubtful

    # ── one row ──────────────────────────────────────────────────────

    def _place(self, row: Row) -> None:
        values = row.values
        community, wrong = self.places.community(values.get("community"))
        row.refuse(wrong)
        if community is not None:
            values["community_id"] = community.id
            self._grid(row, community)
        broken = {one["column"] for one in row.problems}
        if not broken & {"latitude", "longitude"}:
            place, wrong = self.places.place(values.get("latitude"), values.get("longitude"))
            row.refuse(wrong)
            if place is not None:
                values["latitude"], values["longitude"] = place

    def _grid(self, row: Row, community: Place) -> None:
        name = row.values.get("grid")
        if name is None:
            return
        grid = self.places.grid(community, name)
        if grid is None:
            row.refuse(
                problem(
                    "grid",
                    "grid_unknown",
                    _("%(area)s没有这个网格。", area=community.name),
                    _("请改成系统里的名称，或者空着。"),
                )
            )
        else:
            row.values["grid_id"] = grid

    def _known(self, row: Row) -> Known:
        values = row.values
        community = self.places.communities[values["community_id"]]
        from_iso = values.get("birth_date")
        return Known(
            community.id,
            values["name"],
            _day(from_iso),
            self.places.key_of(community, values["address"]),
            has_id="id_number" in values,
            row=row.number,
        )

    def _against_file(self, row: Row) -> None:
        """Doubles within the file: the first row counts, also when it cannot be taken for another reason."""
        number, name = row.values.get("id_number"), row.values.get("name", "")
        if number is not None:
            first, first_name = self._rows_by_id.setdefault(number, (row.number, name))
            if first != row.number and name == first_name:
                row.refuse(
                    problem(
                        "id_number",
                        "double_id",
                        _("和第 %(row)s 行是同一个身份证号，只看前面那一行。", row=first),
                        _("请核对后只留一行。"),
                    )
                )
            elif first != row.number:
                # One of the two is wrong, and nobody knows which.
                row.refuse(_shared_number(first))
                self._doubtful[first] = _shared_number(row.number)
        if row.problems:
            return
        person = self._known(row)
        double = self._file.same(person)
        if double is not None:
            row.refuse(
                problem(
                    "name",
                    "double_person",
                    _("和第 %(row)s 行的姓名、出生日期、住址都一样，只看前面那一行。", row=double.row),
                    _("请核对后只留一行。"),
                )
            )

    def _same_number(self, row: Row, elder: Any, matched: list[tuple[Row, int]]) -> None:
        if elder.area_id not in self.communities:
            row.refuse(
                problem(
                    "id_number",
                    "registered_elsewhere",
                    _("这个身份证号已经登记在%(area)s以外。", area=self.places.area.name),
                    _("请先和那边联系，办理迁移。"),
                )
            )
        elif elder.status != ElderStatus.ACTIVE:
            row.refuse(
                problem(
                    "id_number",
                    "not_active",
                    _("这位长者在系统里是%(status)s。", status=STATUSES[elder.status]),
                    _("如果又回来了，请先在档案里重新列入。"),
                )
            )
        elif row.values["name"] != elder.name and not near(row.values["name"], elder.name):
            row.outcome = RowOutcome.ASK
            row.details = {"candidates": [{"id": elder.id}], "same_id": True}
        else:
            matched.append((row, elder.id))
            self._file.add(self._known(row))

    def _by_resemblance(self, row: Row, matched: list[tuple[Row, int]]) -> None:
        person = self._known(row)
        same = self._register.same(person)
        if same is not None and same.id is not None:
            matched.append((row, same.id))
        else:
            similar = [*self._register.similar(person), *self._file.similar(person)][:3]
            if similar:
                row.outcome = RowOutcome.ASK
                row.details["candidates"] = [
                    {"id": one.id} if one.id is not None else {"row": one.row} for one in similar
                ]
            else:
                row.outcome = RowOutcome.CREATE
        self._file.add(person)

    def _needs_contact(self, row: Row) -> None:
        """An active elder is never without an emergency contact; the committee's telephone takes the place."""
        if row.problems or "contact1_name" in row.values:
            return
        community = row.values["community_id"]
        if community not in self._reachable:
            self._reachable[community] = fallback_contact(db.session.get_one(Area, community)) is not None
        if not self._reachable[community]:
            row.refuse(
                problem(
                    "contact1_name",
                    "contact_missing",
                    _("没有紧急联系人，%(area)s也没有登记值班电话。", area=self.communities[community]),
                    _("请填一位联系人，或让管理员登记值班电话。"),
                )
            )

    # ── many rows ────────────────────────────────────────────────────

    def _by_number(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Elders anywhere who hold one of the ID numbers, by number."""
        hashes = {
            id_hash(row.values["id_number"]): row.values["id_number"]
            for row in rows
            if "id_number" in row.values
        }
        if not hashes:
            return {}
        found = db.session.execute(
            select(Elder.id_number_hash, Elder.id, Elder.name, Elder.area_id, Elder.status).where(
                Elder.id_number_hash.in_(list(hashes))
            )
        )
        return {hashes[one.id_number_hash]: one for one in found}

    def _compare(self, matched: Sequence[tuple[Row, int]]) -> None:
        """Old and new of rows that belong to a dossier."""
        elders = dossiers({elder_id for _row, elder_id in matched})
        for row, elder_id in matched:
            first = self._targets.setdefault(elder_id, row.number)
            if first != row.number:
                row.refuse(
                    problem(
                        "name",
                        "double_target",
                        _("和第 %(row)s 行是同一份档案，只看前面那一行。", row=first),
                        _("请核对后只留一行。"),
                    )
                )
                continue
            elder = elders[elder_id]
            row.target_id = elder_id
            changes = differences(elder, row.values, self.communities)
            row.outcome = RowOutcome.UPDATE if changes else RowOutcome.SAME
            row.details = {"changes": changes, "version": elder.version}


def _shared_number(other: int) -> dict[str, Any]:
    return problem(
        "id_number",
        "shared_id",
        _("和第 %(row)s 行是同一个身份证号，姓名却不同。", row=other),
        _("请对照证件，改正填错的那一行。"),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
