"""The imports of other offices' lists. What is applied is kept beside the register; no dossier changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.elders.imports.columns import Layout, problem
from coordinator.elders.imports.elders import ELDERS
from coordinator.elders.imports.importer import Applier, Checker, Importer, Row, Taken
from coordinator.elders.lookup import clean_address, id_hash
from coordinator.elders.models import ImportBatch, ImportKind, ImportRow, RowOutcome
from coordinator.elders.queries.facts import ELDER_AGE
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission
from coordinator.kernel.areas import AreaLevel
from coordinator.kernel.i18n import age
from coordinator.kernel.identity import IdentityError, parse_resident_id
from coordinator.register.imports.columns import COLUMNS
from coordinator.register.imports.matching import Matcher, person_key
from coordinator.register.labels import SOURCE_LISTS
from coordinator.register.models import ExternalRecord, Source

KINDS = {
    Source.HEALTH: ImportKind.HEALTH,
    Source.DISABLED: ImportKind.DISABLED,
    Source.RELIEF: ImportKind.RELIEF,
    Source.ABILITY: ImportKind.ABILITY,
    Source.OTHER: ImportKind.OTHER,
}
CERTIFICATE_LENGTH = 20  # 残疾人证号: the ID number, one figure for the kind, one for the grade


def complete(row: Row, matcher: Matcher) -> None:
    """Fill in what follows from the numbers, and refuse who cannot be told apart or is no elder."""
    values = row.values
    _from_certificate(values)
    broken = {one["column"] for one in row.problems}
    number = values.get("id_number")
    if number is not None:
        identity = parse_resident_id(number, today=clock.today())
        if values.setdefault("birth_date", identity.birth_date.isoformat()) != (
            identity.birth_date.isoformat()
        ):
            row.refuse(
                problem(
                    "birth_date",
                    "birth_date_differs",
                    _("和身份证号里的出生日期 %(day)s 对不上。", day=identity.birth_date),
                    _("请对照证件再看一遍。"),
                )
            )
        values.setdefault("sex", identity.sex.value)
    elif not broken & {"id_number", "birth_date", "address"} and not (
        values.get("birth_date") or values.get("address")
    ):
        row.refuse(
            problem(
                "id_number",
                "nobody",
                _("没有身份证号，也没有出生日期和住址，认不出是谁。"),
                _("请至少补上一样。"),
            )
        )
    born = values.get("birth_date")
    if born is not None and age(date.fromisoformat(born), clock.today()) < ELDER_AGE:
        row.refuse(
            problem(
                "birth_date" if number is None else "id_number",
                "too_young",
                _("%(born)s 出生，还没满 %(age)s 岁，不在老年人登记范围。", born=born, age=ELDER_AGE),
                _("不用改；满 %(age)s 岁以后的名单里再有就会收下。", age=ELDER_AGE),
            )
        )
    if values.get("community") is not None or matcher.places.alone is not None:
        community, wrong = matcher.places.community(values.get("community"))
        row.refuse(wrong)
        if community is not None:
            values["community_id"] = community.id
    if values.get("address"):
        values["address"] = clean_address(values["address"])


def _from_certificate(values: dict[str, Any]) -> None:
    """The number of a 残疾人证 holds the ID number."""
    number = (values.get("certificate_number") or "").replace(" ", "")
    if "id_number" in values or len(number) != CERTIFICATE_LENGTH:
        return
    try:
        values["id_number"] = parse_resident_id(number[:18], today=clock.today()).number
    except IdentityError:
        return  # an older numbering: the other cells must say who it is


class SourceChecker(Checker):
    """The check of one list: doubles within it, and whether the person was on the office's list before."""

    def __init__(self, batch: ImportBatch, source: Source) -> None:
        self.matcher = Matcher(batch.area)
        self._street = street_of(batch)
        self._source = source
        self._seen: dict[bytes, int] = {}

    def check(self, rows: Sequence[Row]) -> None:
        keys: dict[int, bytes] = {}
        for row in rows:
            complete(row, self.matcher)
            if row.problems:
                continue
            key = person_key(row.values)
            first = self._seen.setdefault(key, row.number)
            if first != row.number:
                row.refuse(
                    problem(
                        "id_number" if "id_number" in row.values else "name",
                        "double_person",
                        _("和第 %(row)s 行是同一个人，只看前面那一行。", row=first),
                        _("请核对后只留一行。"),
                    )
                )
                continue
            keys[row.number] = key
        held = set(
            db.session.scalars(
                select(ExternalRecord.person_key).where(
                    ExternalRecord.street_id == self._street,
                    ExternalRecord.source == self._source,
                    ExternalRecord.superseded_at.is_(None),
                    ExternalRecord.person_key.in_(list(keys.values())),
                )
            )
        )
        for row in rows:
            if row.number in keys:
                row.outcome = RowOutcome.UPDATE if keys[row.number] in held else RowOutcome.CREATE


class SourceApplier(Applier):
    """Keeps the rows of one list, each matched with the register as it is now."""

    def __init__(self, batch: ImportBatch, source: Source) -> None:
        self._batch_id, self._area_id = batch.id, batch.area_id
        self._street = street_of(batch)
        self._source = source
        self._day = clock.to_local(batch.created_at).date()
        self._matcher = Matcher(batch.area)

    def create(self, rows: Sequence[ImportRow]) -> Taken:
        return Taken(created=self._keep(rows))

    def update(self, rows: Sequence[ImportRow]) -> Taken:
        return Taken(updated=self._keep(rows))

    def _keep(self, rows: Sequence[ImportRow]) -> int:
        keys = [person_key(row.values) for row in rows]
        for old in db.session.scalars(
            select(ExternalRecord).where(
                ExternalRecord.street_id == self._street,
                ExternalRecord.source == self._source,
                ExternalRecord.superseded_at.is_(None),
                ExternalRecord.person_key.in_(keys),
            )
        ):
            old.superseded_at = clock.now()
        # The old rows go before the new ones come: one current row a person.
        db.session.flush()
        found = self._matcher.match_all([row.values for row in rows])
        for row, key, match in zip(rows, keys, found, strict=True):
            values = dict(row.values)
            born, data_on = values.get("birth_date"), values.pop("data_on", None)
            record = ExternalRecord(
                batch_id=self._batch_id,
                row_number=row.number,
                source=self._source,
                street_id=self._street,
                area_id=values.get("community_id") or self._area_id,
                name=values["name"],
                birth_date=date.fromisoformat(born) if born else None,
                id_number_hash=id_hash(values.get("id_number")),
                person_key=key,
                values=values,
                data_on=date.fromisoformat(data_on) if data_on else self._day,
                match=match.state,
                elder_id=match.elder_id,
                candidates=list(match.candidates),
            )
            db.session.add(record)
        db.session.flush()
        return len(rows)


def street_of(batch: ImportBatch) -> int:
    """The street a list belongs to; the area itself where that is a street."""
    area = batch.area
    return area.parent_id if area.level == AreaLevel.COMMUNITY and area.parent_id else area.id


class SourceImporter(Importer):
    """One office's list."""

    permission = Permission.ELDER_IMPORT
    about = ("sex", "birth_date", "community", "address")
    check_job = "coordinator.register.imports.jobs.check_source"
    apply_job = "coordinator.register.imports.jobs.apply_source"
    writes_register = False

    def __init__(self, source: Source) -> None:
        self.source = source
        self.kind = KINDS[source]
        self.columns = COLUMNS[source]
        self.noun = SOURCE_LISTS[source]

    def missing(self, layout: Layout, batch: ImportBatch) -> list[str]:
        found = layout.missing(self.columns)
        if not {"id_number", "birth_date", "address", "certificate_number"} & set(layout.places):
            found.append(_("身份证号（或者出生日期、住址）"))
        if self.source in (Source.HEALTH, Source.OTHER):
            own = [column for column in self.columns if column.key in _ONE_OF]
            if not any(column.key in layout.places for column in own):
                found.append(_("（或者）").join(column.heading for column in own))
        return found

    def checker(self, batch: ImportBatch) -> SourceChecker:
        return SourceChecker(batch, self.source)

    def applier(self, batch: ImportBatch, actor: Actor) -> SourceApplier:
        return SourceApplier(batch, self.source)

    def describe(self, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
        return ELDERS.describe(ids)

    def notes(self) -> list[str]:
        return [
            _("把名单填在第一张表“名单”里，一行一位。深色的列必填，其他的知道多少填多少。"),
            _("身份证号、电话、证号这些列是文本，请不要改成数字，否则末尾几位会丢，系统不收。"),
            _("导入以后不会改动档案：系统把名单和档案比对，不一样的地方由您逐条决定采用还是保留。"),
            _("每条都留着来源、批次和数据日期。"),
        ]


_ONE_OF = frozenset({"special_family", "ability_level", "categories"})
IMPORTERS: dict[Source, SourceImporter] = {source: SourceImporter(source) for source in Source}
BY_KIND: dict[ImportKind, SourceImporter] = {one.kind: one for one in IMPORTERS.values()}
