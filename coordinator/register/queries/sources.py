"""The reconciliation report of one source: who is on both sides, where they differ, who is on one side only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import aliased, joinedload, selectinload

from coordinator.elders.labels import STATUSES
from coordinator.elders.models import (
    Category,
    DisabilityCertificate,
    EconomicStatus,
    Elder,
    ElderCategory,
    ElderStatus,
    ImportBatch,
    ImportState,
)
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission, covers, in_areas
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import NotFound
from coordinator.register.models import (
    Decision,
    ExternalRecord,
    MatchState,
    Source,
    SourceDecision,
)
from coordinator.register.queries.comparison import (
    CLAIMS,
    Difference,
    differences,
    fingerprint,
    register_value,
    shown,
)

P = Permission


@dataclass(slots=True)
class Row:
    """One person of the report. `remark` says why somebody counts as not in the register although an ID number is
    known; `kept` are differences that were decided and have not changed since."""

    group: str  # agree, differ, ambiguous, unknown, absent
    name: str
    birth_date: date | None
    area: str
    record: ExternalRecord | None = None
    elder: Elder | None = None
    open: list[Difference] = field(default_factory=list)
    kept: list[tuple[Difference, SourceDecision]] = field(default_factory=list)
    candidates: list[Elder] = field(default_factory=list)
    remark: str = ""
    known_id: int | None = None
    address: str = ""


GROUPS = ("differ", "ambiguous", "unknown", "absent", "agree")


@dataclass(frozen=True, slots=True)
class Report:
    """All of it, in one order: what needs a person first."""

    source: Source
    rows: Sequence[Row]
    lists: int

    def of(self, group: str) -> list[Row]:
        return [row for row in self.rows if row.group == group]

    @property
    def counts(self) -> dict[str, int]:
        found = dict.fromkeys(GROUPS, 0)
        for row in self.rows:
            found[row.group] += 1
        return found

    @property
    def open_differences(self) -> int:
        return sum(len(row.open) for row in self.rows)


def read_report(actor: Actor, source: Source, area_id: int | None = None) -> Report:
    """The report over the actor's areas, or one of them. The number of queries does not grow with the rows."""
    inside = in_areas(actor, P.ELDER_EDIT, ExternalRecord.area_id)
    statement = (
        select(ExternalRecord)
        .where(inside, ExternalRecord.source == source, ExternalRecord.superseded_at.is_(None))
        .options(
            joinedload(ExternalRecord.area), joinedload(ExternalRecord.batch).joinedload(ImportBatch.area)
        )
        .order_by(ExternalRecord.name, ExternalRecord.id)
    )
    if area_id is not None:
        statement = statement.where(ExternalRecord.area_id == area_id)
    records = db.session.scalars(statement).all()
    claimed = _claiming(actor, source, area_id) if CLAIMS[source] else []
    held = _by_number(actor, [one for one in records if one.elder_id is None])
    wanted = {one.elder_id for one in records if one.elder_id is not None}
    wanted |= {key for one in records if one.match is MatchState.AMBIGUOUS for key in one.candidates}
    wanted |= {elder_id for elder_id, _remark in held.values() if not _remark}
    wanted |= set(claimed)
    elders = _compared(wanted)
    names = _area_names(elders.values())
    decisions = _decisions(source, elders)
    rows = [_row(one, elders, held, names, decisions) for one in records]
    lists = _lists(actor, source)
    if lists:
        supported = {row.elder.id for row in rows if row.elder is not None}
        rows += _absent(source, [elders[key] for key in claimed if key in elders], supported, decisions)
    order = {group: place for place, group in enumerate(GROUPS)}
    rows.sort(key=lambda row: (order[row.group], row.area, row.name))
    return Report(source, rows, lists)


def record_in_scope(actor: Actor, record_id: int) -> ExternalRecord:
    """One row of a list within the actor's areas. Raises NotFound."""
    record = db.session.scalar(
        select(ExternalRecord)
        .where(
            ExternalRecord.id == record_id,
            ExternalRecord.superseded_at.is_(None),
            in_areas(actor, P.ELDER_EDIT, ExternalRecord.area_id),
        )
        .options(joinedload(ExternalRecord.area))
    )
    if record is None:
        raise NotFound(_("没有找到这一条。"), _("可能已经被更新的名单代替，或者不在您的管辖范围内。"))
    return record


def row_of(actor: Actor, record: ExternalRecord) -> Row:
    """The report's row of one record, as it is now."""
    held = _by_number(actor, [record] if record.elder_id is None else [])
    wanted = {record.elder_id} if record.elder_id is not None else set(record.candidates)
    wanted |= {elder_id for elder_id, _remark in held.values() if not _remark}
    elders = _compared(wanted)
    return _row(record, elders, held, _area_names(elders.values()), _decisions(record.source, elders))


def absent_row(source: Source, elder: Elder) -> Row | None:
    """What the register claims of one elder and no list of the source has; None when nothing is open."""
    listed = db.session.scalar(
        select(ExternalRecord.id).where(
            ExternalRecord.elder_id == elder.id,
            ExternalRecord.source == source,
            ExternalRecord.superseded_at.is_(None),
        )
    )
    if listed is not None:
        return None
    found = _absent(source, [elder], set(), _decisions(source, {elder.id: elder}))
    return found[0] if found else None


def _compared(ids: Iterable[int]) -> dict[int, Elder]:
    """Active elders with what lists are compared with, by id; three queries."""
    rows = db.session.scalars(
        select(Elder)
        .where(Elder.id.in_(list(ids)), Elder.status == ElderStatus.ACTIVE)
        .options(
            joinedload(Elder.area, innerjoin=True),
            joinedload(Elder.household, innerjoin=True),
            selectinload(Elder.categories),
            selectinload(Elder.certificates),
        )
    )
    return {elder.id: elder for elder in rows}


def _row(
    record: ExternalRecord,
    elders: dict[int, Elder],
    held: dict[bytes, tuple[int, str]],
    names: dict[int, str],
    decisions: dict[tuple[int, str, bytes, bytes], SourceDecision],
) -> Row:
    row = Row("unknown", record.name, record.birth_date, record.area.name, record)
    row.address = record.values.get("address") or ""
    elder = elders.get(record.elder_id) if record.elder_id is not None else None
    known = held.get(record.id_number_hash or b"")
    if elder is None and known is not None:
        # Registered since the list came, or somewhere we may only say so of.
        row.known_id, row.remark = (known[0], "") if not known[1] else (None, known[1])
        elder = elders.get(known[0]) if not known[1] else None
    if elder is not None:
        row.elder, row.area = elder, elder.area.name
        for one in differences(elder, record, names):
            kept = decisions.get((elder.id, one.field, one.register_print, one.source_print))
            if kept is not None:
                row.kept.append((one, kept))
            else:
                row.open.append(one)
        row.group = "differ" if row.open else "agree"
    elif record.match is MatchState.AMBIGUOUS:
        row.candidates = [elders[key] for key in record.candidates if key in elders]
        row.group = "ambiguous" if row.candidates else "unknown"
    elif record.elder_id is not None:
        row.remark = row.remark or _("档案已经不在册")
        row.known_id = record.elder_id
    return row


def _absent(
    source: Source,
    claiming: Iterable[Elder],
    supported: set[int],
    decisions: dict[tuple[int, str, bytes, bytes], SourceDecision],
) -> list[Row]:
    rows = []
    for elder in claiming:
        if elder.id in supported:
            continue
        row = Row("absent", elder.name, elder.birth_date, elder.area.name, elder=elder)
        row.address = elder.household.address
        for name, claims in CLAIMS[source]:
            if not claims(elder):
                continue
            value = register_value(elder, name)
            one = Difference(
                f"missing:{name}",
                shown(name, value),
                _("名单里没有"),
                fingerprint(value),
                fingerprint("absent"),
            )
            kept = decisions.get((elder.id, one.field, one.register_print, one.source_print))
            if kept is not None:
                row.kept.append((one, kept))
            else:
                row.open.append(one)
        if row.open or row.kept:
            row.group = "absent" if row.open else "agree"
            rows.append(row)
    return rows


def _claiming(actor: Actor, source: Source, area_id: int | None) -> list[int]:
    """Active elders of whom the register claims what the source would know."""
    claim = {
        Source.HEALTH: exists().where(
            ElderCategory.elder_id == Elder.id,
            ElderCategory.category == Category.SPECIAL_FAMILY,
            ElderCategory.ended_on.is_(None),
        ),
        Source.DISABLED: exists().where(DisabilityCertificate.elder_id == Elder.id),
        Source.RELIEF: Elder.economic_status != EconomicStatus.NONE,
        Source.ABILITY: Elder.ability_level > 0,
    }[source]
    statement = select(Elder.id).where(
        claim, Elder.status == ElderStatus.ACTIVE, in_areas(actor, P.ELDER_EDIT, Elder.area_id)
    )
    if area_id is not None:
        statement = statement.where(Elder.area_id == area_id)
    return list(db.session.scalars(statement))


def _by_number(actor: Actor, records: Sequence[ExternalRecord]) -> dict[bytes, tuple[int, str]]:
    """Dossiers anywhere with the ID numbers of these rows: id, and what stands against using it."""
    hashes = {one.id_number_hash for one in records if one.id_number_hash is not None}
    if not hashes:
        return {}
    rows = db.session.execute(
        select(Elder.id_number_hash, Elder.id, Elder.status, Area.path)
        .join(Area, Elder.area_id == Area.id)
        .where(Elder.id_number_hash.in_(list(hashes)))
    )
    found: dict[bytes, tuple[int, str]] = {}
    for number, elder_id, status, path in rows:
        if not covers(actor, P.ELDER_READ, path):
            remark = _("已经在别的地方建档，请和那边联系办理迁移")
        elif status is not ElderStatus.ACTIVE:
            remark = _("有档案，现在是“%(status)s”", status=STATUSES[status])
        else:
            remark = ""
        assert number is not None, "searched by number"
        found[number] = (elder_id, remark)
    return found


def _decisions(
    source: Source, elders: dict[int, Elder]
) -> dict[tuple[int, str, bytes, bytes], SourceDecision]:
    rows = db.session.scalars(
        select(SourceDecision).where(
            SourceDecision.source == source,
            SourceDecision.decision == Decision.KEPT,
            SourceDecision.elder_id.in_(list(elders)),
        )
    )
    return {(one.elder_id, one.field, one.register_print, one.source_print): one for one in rows}


def _area_names(elders: Iterable[Elder]) -> dict[int, str]:
    """Names of the areas the elders live in and of those above, which addresses often repeat. One query."""
    mine = aliased(Area)
    ids = {elder.area_id for elder in elders}
    if not ids:
        return {}
    rows = db.session.execute(
        select(Area.id, Area.name).where(
            or_(Area.id.in_(ids), exists().where(mine.id.in_(ids), mine.path.startswith(Area.path)))
        )
    )
    return {row.id: row.name for row in rows}


def _lists(actor: Actor, source: Source) -> int:
    """How many lists of the source were taken in the actor's areas."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(ImportBatch)
            .where(
                ImportBatch.kind == f"source_{source.value}",
                ImportBatch.state == ImportState.APPLIED,
                in_areas(actor, P.ELDER_IMPORT, ImportBatch.area_id),
            )
        )
        or 0
    )


def source_overview(actor: Actor) -> dict[Source, dict[str, Any]]:
    """For each source: people on the lists by match, and the newest data. One query."""
    rows = db.session.execute(
        select(
            ExternalRecord.source,
            ExternalRecord.match,
            func.count(),
            func.max(ExternalRecord.data_on),
        )
        .where(ExternalRecord.superseded_at.is_(None), in_areas(actor, P.ELDER_EDIT, ExternalRecord.area_id))
        .group_by(ExternalRecord.source, ExternalRecord.match)
    )
    found: dict[Source, dict[str, Any]] = {
        source: {"total": 0, "newest": None} | dict.fromkeys(MatchState, 0) for source in Source
    }
    by_source: dict[Source, list[date]] = defaultdict(list)
    for source, match, count, newest in rows:
        found[source][match] = count
        found[source]["total"] += count
        by_source[source].append(newest)
    for source, days in by_source.items():
        found[source]["newest"] = max(days)
    return found
