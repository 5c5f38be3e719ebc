"""The import of an organisation's own people by its manager.

The same check as for a coordinator's list, with three differences: the organisation is fixed; whoever is not one of
its people is refused in words that are the same whatever the reason, so that the list cannot be used to ask who is
known elsewhere; and what a coordinator has looked at stays as it is (`rosters.STILL_OPEN`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, or_, select

from coordinator.accounts.models import Organisation
from coordinator.elders.imports.columns import Column, problem
from coordinator.elders.imports.importer import Row, Target
from coordinator.elders.imports.matching import Known, near
from coordinator.elders.lookup import phone_hash
from coordinator.elders.models import ImportBatch, ImportKind, ImportRow, RowOutcome
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import Conflict, NotAllowed
from coordinator.workforce import services
from coordinator.workforce.imports.apply import WorkerApplier
from coordinator.workforce.imports.check import WorkerChecker, name_key
from coordinator.workforce.imports.columns import BY_KEY
from coordinator.workforce.imports.workers import WorkerImporter
from coordinator.workforce.labels import KINDS
from coordinator.workforce.models import Worker, WorkerStatus
from coordinator.workforce.rosters import KINDS_OF, STILL_OPEN, is_settled

_KEYS = (
    *("name", "id_number", "sex", "birth_date", "phone", "kind", "organisation", "student_class"),
    *("student_number", "travel_mode", "start_address", "dialects"),
    *(f"day{number}" for number in range(7)),
)
_CHANGED: dict[str, dict[str, Any]] = {
    "kind": {"required": False, "about": _l("不填就是本单位的人员。")},
    "phone": {"required": True, "about": _l("本人手机，登录时收验证码。")},
    "organisation": {"about": _l("可以空着。写了别的单位，这一行不收。"), "example": ("", "")},
}
COLUMNS: tuple[Column, ...] = tuple(replace(BY_KEY[key], **_CHANGED.get(key, {})) for key in _KEYS)


def not_yours() -> tuple[str, str]:
    """One sentence for another company's people, for those registered elsewhere and for those who came alone."""
    return _("这一行不能由您单位登记。"), _("请核对姓名和证件；没有错的，请联系社区工作人员。")


class RosterChecker(WorkerChecker):
    """The check of one roster."""

    def __init__(self, batch: ImportBatch) -> None:
        assert batch.organisation_id is not None, "a roster has an organisation"
        self.organisation = db.session.get_one(Organisation, batch.organisation_id)
        self._elsewhere: dict[tuple[bytes, str], Any] = {}
        super().__init__(batch)

    def _load(self) -> None:
        """Only one's own people are compared by likeness; nobody else may show as a candidate."""
        rows = db.session.execute(
            select(
                Worker.id, Worker.name, Worker.birth_date, Worker.phone, Worker.id_number_hash.is_(None)
            ).where(Worker.organisation_id == self.organisation.id, Worker.status != WorkerStatus.LEFT)
        )
        for worker_id, name, born, phone, without_id in rows:
            self._register.add(
                Known(0, name, born, phone or f"worker{worker_id}", has_id=not without_id, id=worker_id)
            )
        self._elders = []

    def check(self, rows: Sequence[Row]) -> None:
        hashes = {phone_hash(row.values["phone"]) for row in rows if "phone" in row.values}
        found = db.session.execute(
            select(Worker.id, Worker.name, Worker.phone_hash, Worker.organisation_id, Worker.status).where(
                Worker.phone_hash.in_([one for one in hashes if one is not None]),
                or_(Worker.organisation_id.is_(None), Worker.organisation_id != self.organisation.id),
                Worker.status != WorkerStatus.LEFT,
            )
        )
        self._elsewhere = {(one.phone_hash, name_key(one.name)): one for one in found}
        super().check(rows)

    def _organisation(self, row: Row) -> None:
        values, own = row.values, self.organisation
        named = values.pop("organisation", None)
        if named is not None and name_key(named) != name_key(own.name):
            text = _("这一行写的不是本单位。")
            row.refuse(problem("organisation", "not_yours", text, _("只能登记本单位的人，请去掉这一行。")))
        values["organisation_id"] = own.id
        allowed = KINDS_OF[own.kind]
        kind = values.setdefault("kind", allowed[0].value)
        if kind not in allowed:
            text = _("“%(kind)s”不由本单位登记。", kind=KINDS[kind])
            words = "、".join(str(KINDS[one]) for one in allowed)
            row.refuse(problem("kind", "kind_of_others", text, _("可以填：%(words)s。", words=words)))
        if own.latitude is not None:
            row.details["centre"] = [own.latitude, own.longitude]

    def _held(self, row: Row, taken: dict[str, Any]) -> Any | None:
        """Also by name and telephone, among those who are not on this roster."""
        key = (phone_hash(row.values["phone"]) or b"", name_key(row.values["name"]))
        return super()._held(row, taken) or self._elsewhere.get(key)

    def _same_number(self, row: Row, held: Any, matched: list[tuple[Row, int]]) -> None:
        mine = held.organisation_id == self.organisation.id
        name = row.values["name"]
        if mine and held.status == WorkerStatus.LEFT:
            text = _("%(name)s登记为已离开。", name=held.name)
            row.refuse(problem("name", "has_left", text, _("请联系社区工作人员重新审核。")))
        elif mine and name != held.name and not near(name, held.name):
            row.outcome = RowOutcome.ASK
            row.details |= {"candidates": [{"id": held.id}], "same_id": True}
        elif mine or (
            held.organisation_id is None
            and held.status == WorkerStatus.APPLIED
            and name_key(name) == name_key(held.name)
        ):
            matched.append((row, held.id))
        else:
            row.refuse(problem(None, "not_yours", *not_yours()))

    def _narrow(self, row: Row, worker: Worker) -> None:
        """Of people who join, nothing but that: the page would show what is written of them now."""
        kept = {"organisation_id"} | (STILL_OPEN if worker.organisation_id is not None else set())
        if worker.organisation_id is None or is_settled(worker):
            for key in set(row.values) - kept:
                del row.values[key]


class RosterApplier(WorkerApplier):
    """Writes one roster."""

    def __init__(self, batch: ImportBatch, actor: Actor) -> None:
        super().__init__(batch, actor)
        assert batch.organisation_id is not None, "a roster has an organisation"
        self.organisation = db.session.get_one(Organisation, batch.organisation_id)

    def _in_reach(self, worker: Worker) -> bool:
        return worker.organisation_id in (None, self.organisation.id)

    def _enter(self, row: ImportRow, fields: dict[str, Any]) -> Worker:
        try:
            return services.enter_on_roster(self.actor, self.batch_area, fields, self.organisation)
        except Conflict:
            # Somebody was entered elsewhere since the check: the same sentence as there.
            raise Conflict(*not_yours()) from None

    def _change(self, worker: Worker, values: dict[str, Any], paired: frozenset[int]) -> None:
        if worker.organisation_id is None:
            services.join_roster(self.actor, worker, self.organisation)
        super()._change(worker, values | {"organisation_id": self.organisation.id}, paired)


class RosterImporter(WorkerImporter):
    """People of one organisation. Nobody is approved by being imported."""

    kind = ImportKind.ROSTER
    permission = Permission.ROSTER_EDIT
    columns = COLUMNS
    check_job = "coordinator.workforce.imports.jobs.check_roster"
    apply_job = "coordinator.workforce.imports.jobs.apply_roster"
    noun = _l("本单位人员")
    about = ("kind", "sex", "birth_date", "student_class")
    among_others = False

    def targets(self, actor: Actor) -> list[Target]:
        """The actor's organisations, each with the streets and communities in which it acts."""
        own = actor.organisation_ids(self.permission)
        organisations = db.session.scalars(
            select(Organisation)
            .where(Organisation.id.in_(own), Organisation.is_active)
            .order_by(Organisation.name, Organisation.id)
        ).all()
        found = []
        for one in organisations:
            areas = db.session.scalars(
                select(Area)
                .where(
                    Area.path.startswith(one.area.path),
                    Area.level.in_((AreaLevel.STREET, AreaLevel.COMMUNITY)),
                )
                .order_by(Area.path)
            )
            several = len(organisations) > 1
            found += [
                Target(
                    f"{one.id}-{area.id}", f"{one.name}，{area.name}" if several else area.name, area, one.id
                )
                for area in areas
            ]
        return found

    def require(self, actor: Actor, area: Area, organisation_id: int | None = None) -> None:
        if organisation_id is None or organisation_id not in actor.organisation_ids(self.permission):
            raise NotAllowed(_("只能管理本单位的人员。"))
        organisation = db.session.get_one(Organisation, organisation_id)
        if not area.path.startswith(organisation.area.path):
            raise NotAllowed(_("这个地方不在本单位的服务范围内。"))

    def seen_by(self, actor: Actor) -> ColumnElement[bool]:
        return ImportBatch.organisation_id.in_(actor.organisation_ids(self.permission))

    def notes(self) -> list[str]:
        return [
            _("一行一位，只填本单位的人。深色的列必填，其他的知道多少填多少。"),
            _("身份证号、电话这些列是文本，请不要改成数字，否则末尾几位会丢，系统不收。"),
            _(
                "导入的人是“待审核”，由社区核对以后才能去探访。本人用这个手机号收验证码登录，补齐健康声明和协议。"
            ),
            _("社区已经审核的人，再导入只更新班级和学号；电话、地址由本人或社区改。"),
            _("上传以后先检查，不会马上改动。您看过结果再决定导入。"),
        ]

    def checker(self, batch: ImportBatch) -> RosterChecker:
        return RosterChecker(batch)

    def applier(self, batch: ImportBatch, actor: Actor) -> RosterApplier:
        return RosterApplier(batch, actor)


ROSTER = RosterImporter()
