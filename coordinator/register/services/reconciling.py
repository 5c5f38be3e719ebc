"""What a person decides about another office's data: whose row it is, and which side is right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update

from coordinator.elders.models import Category, EconomicStatus, Elder, ElderStatus, ImportBatch, ImportState
from coordinator.elders.services import Certificate
from coordinator.elders.services.source_data import take_from_source
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand, in_areas
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.kernel.several import each_alone
from coordinator.register.labels import DOSSIER_SOURCES, SOURCES
from coordinator.register.models import Decision, ExternalRecord, MatchState, Source, SourceDecision
from coordinator.register.queries.comparison import (
    Difference,
    evidence_of,
    field_label,
    held_certificate,
    source_value,
)
from coordinator.register.queries.sources import Row, absent_row, row_of

LONGEST_REASON = 200


def settle_match(actor: Actor, record: ExternalRecord, elder_id: int | None) -> None:
    """Say whose row it is: one of the candidates, or nobody in the register (None). Flushes.

    Raises Conflict when that is settled already, InvalidInput for somebody who is no candidate.
    """
    demand(actor, Permission.ELDER_EDIT, record.area.path)
    db.session.refresh(record, ["match", "elder_id", "candidates"], with_for_update=True)
    if record.match is not MatchState.AMBIGUOUS:
        raise Conflict(_("这一条已经有人认过了。"), _("请刷新页面看结果。"), code="settled")
    if elder_id is None:
        record.match, record.elder_id = MatchState.UNKNOWN, None
        summary = _(
            "%(source)s名单的%(name)s：不是档案里的人", source=SOURCES[record.source], name=record.name
        )
    else:
        elder = db.session.get(Elder, elder_id) if elder_id in record.candidates else None
        if elder is None or elder.status is not ElderStatus.ACTIVE:
            raise InvalidInput(_("请从列出的人里选一位。"), field="elder_id")
        record.match, record.elder_id = MatchState.MATCHED, elder.id
        summary = _(
            "%(source)s名单的%(name)s就是档案里的%(elder)s",
            source=SOURCES[record.source],
            name=record.name,
            elder=elder.name,
        )
    record.candidates = []
    record.matched_by_id, record.matched_at = actor.user_id, clock.now()
    audit.record(actor, "source.match", record, summary, changes={"elder_id": [None, elder_id]})
    db.session.flush()


def accept(actor: Actor, record: ExternalRecord, fields: Collection[str] | None = None) -> list[str]:
    """Write what the list says into the dossier: the named fields, or (None) all that differ and are not decided.
    Returns the fields in words. Flushes.

    Goes through `edit_elder`; categories get the source and its date as evidence. Raises Conflict when nothing of
    it differs any more, and what `edit_elder` raises.
    """
    row = row_of(actor, record)
    elder = _owner(row)
    # What was kept with a reason is only taken when it is named.
    offered = row.open if fields is None else [*row.open, *(one for one, _kept in row.kept)]
    chosen = [one for one in offered if fields is None or one.field in fields]
    if not chosen:
        raise Conflict(_("这几项已经没有不同了。"), _("请刷新页面看结果。"), code="no_difference")
    if record.elder_id is None:
        record.elder_id, record.match = elder.id, MatchState.MATCHED
    evidence = evidence_of(record)
    take_from_source(
        actor,
        elder,
        source=DOSSIER_SOURCES[record.source],
        evidence=evidence,
        **_taken(elder, record, [one.field for one in chosen]),
    )
    _decide(actor, elder, record.source, record, chosen, Decision.ACCEPTED, None)
    words = [one.label for one in chosen]
    audit.record(
        actor,
        "source.accept",
        elder,
        _("采用%(evidence)s：%(fields)s", evidence=evidence, fields="、".join(words)),
        changes={"fields": [None, [one.field for one in chosen]]},
    )
    db.session.flush()
    return words


def accept_many(actor: Actor, records: Sequence[ExternalRecord]) -> tuple[int, list[str]]:
    """Take all open differences of several rows; each stands or falls alone. Returns how many dossiers changed, and
    why the others were left."""
    return each_alone(records, lambda record: accept(actor, record), lambda record: record.name)


def keep(actor: Actor, record: ExternalRecord, fields: Collection[str], reason: str) -> None:
    """The dossier is right: note why. It is not asked again until one of the two sides changes. Flushes."""
    row = row_of(actor, record)
    elder = _owner(row)
    chosen = [one for one in row.open if one.field in fields]
    if not chosen:
        raise Conflict(_("这几项已经没有不同了。"), _("请刷新页面看结果。"), code="no_difference")
    _keep(actor, elder, record.source, record, chosen, reason)


def keep_absent(actor: Actor, source: Source, elder: Elder, reason: str) -> None:
    """What the dossier claims and the list does not have is true all the same: note why. Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    row = absent_row(source, elder)
    if row is None or not row.open:
        raise Conflict(_("这一条已经没有不同了。"), _("请刷新页面看结果。"), code="no_difference")
    _keep(actor, elder, source, None, row.open, reason)


def newest_list_only(actor: Actor, source: Source, area_id: int) -> int:
    """The newest list of an area is complete: whoever is on older lists of it only is no longer on any. Returns how
    many rows that retires. Flushes."""
    newest = db.session.scalars(
        select(ImportBatch)
        .where(
            ImportBatch.kind == f"source_{source.value}",
            ImportBatch.state == ImportState.APPLIED,
            ImportBatch.area_id == area_id,
            in_areas(actor, Permission.ELDER_IMPORT, ImportBatch.area_id),
        )
        .order_by(ImportBatch.applied_at.desc(), ImportBatch.id.desc())
        .limit(1)
    ).one_or_none()
    if newest is None:
        raise Conflict(_("这里还没有收下过名单。"), _("请先导入一份。"), code="no_list")
    demand(actor, Permission.ELDER_EDIT, newest.area.path)
    older = select(ImportBatch.id).where(
        ImportBatch.kind == newest.kind, ImportBatch.area_id == area_id, ImportBatch.id != newest.id
    )
    retired = db.session.scalars(
        update(ExternalRecord)
        .where(
            ExternalRecord.source == source,
            ExternalRecord.superseded_at.is_(None),
            ExternalRecord.batch_id.in_(older),
        )
        .values(superseded_at=clock.now())
        .returning(ExternalRecord.id)
    ).all()
    audit.record(
        actor,
        "source.newest_only",
        newest,
        _(
            "%(source)s以“%(file)s”为准：旧名单里另外的 %(n)s 人不再算在名单里",
            source=SOURCES[source],
            file=newest.filename,
            n=len(retired),
        ),
    )
    db.session.flush()
    return len(retired)


def _owner(row: Row) -> Elder:
    if row.elder is None:
        raise Conflict(_("这一条还没有对上档案。"), _("请先认出是哪一位。"), code="no_dossier")
    return row.elder


def _keep(
    actor: Actor,
    elder: Elder,
    source: Source,
    record: ExternalRecord | None,
    chosen: Sequence[Difference],
    reason: str,
) -> None:
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    text = " ".join(reason.split())
    if len(text) < 2:
        raise InvalidInput(_("请写明为什么不改。"), field="reason")
    if len(text) > LONGEST_REASON:
        raise InvalidInput(_("理由最多 %(n)s 个字。", n=LONGEST_REASON), field="reason")
    _decide(actor, elder, source, record, chosen, Decision.KEPT, text)
    audit.record(
        actor,
        "source.keep",
        elder,
        _(
            "和%(source)s名单不同，保留档案的%(fields)s：%(reason)s",
            source=SOURCES[source],
            fields="、".join(field_label(one.field) for one in chosen),
            reason=text,
        ),
        changes={"fields": [None, [one.field for one in chosen]]},
    )
    db.session.flush()


def _decide(
    actor: Actor,
    elder: Elder,
    source: Source,
    record: ExternalRecord | None,
    chosen: Sequence[Difference],
    decision: Decision,
    reason: str | None,
) -> None:
    db.session.add_all(
        SourceDecision(
            elder_id=elder.id,
            source=source,
            field=one.field,
            record_id=record.id if record is not None else None,
            register_print=one.register_print,
            source_print=one.source_print,
            decision=decision,
            reason=reason,
            decided_by_id=actor.user_id,
        )
        for one in chosen
    )


def _taken(elder: Elder, record: ExternalRecord, fields: Sequence[str]) -> dict[str, Any]:
    """The chosen values of a row as `take_from_source` wants them."""
    person: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for field in fields:
        value = source_value(record, field)
        if field == "ability":
            person |= {
                "ability_level": value["level"],
                "ability_assessed_on": date.fromisoformat(value["on"]),
                "ability_assessor": value["by"] or evidence_of(record),
            }
        elif field == "certificate":
            held = held_certificate(elder)
            until = value["to"]
            if until is None and held is not None and held.grade == value["grade"]:
                valid_to = held.valid_to
            else:
                valid_to = None if until in (None, "forever") else date.fromisoformat(until)
            found["certificate"] = Certificate(value["grade"], valid_to, value["number"], value["kind"])
        elif field == "special_family":
            found["add" if value else "drop"] = frozenset({Category.SPECIAL_FAMILY})
        elif field == "categories":
            found["add"] = frozenset(Category(one) for one in value)
        elif field == "address":
            found["home"] = {"address": value}
        elif field == "economic_status":
            person[field] = EconomicStatus(value)
        elif field == "birth_date":
            person[field] = date.fromisoformat(value)
        else:
            person[field] = value
    if person:
        found["person"] = person
    return found
