"""What a person does with an import: upload, decide about single rows, take it over, throw it away."""

from __future__ import annotations

import base64
import hashlib
import secrets
import unicodedata
from datetime import timedelta
from pathlib import PurePath

from flask_babel import gettext as _
from sqlalchemy import delete, func, select, update

from coordinator.accounts.models import RoleGrant, User
from coordinator.elders.imports import texts
from coordinator.elders.imports.importer import Importer
from coordinator.elders.imports.reading import Refused, kind_of
from coordinator.elders.models import (
    ImportBatch,
    ImportFile,
    ImportRow,
    ImportState,
    RowDecision,
    RowOutcome,
)
from coordinator.extensions import db
from coordinator.kernel import audit, clock, queue
from coordinator.kernel.access import SYSTEM, Actor, Grant
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.kernel.geo import Datum
from coordinator.kernel.i18n import moment

MAX_BYTES = 16 * 1024 * 1024
IMPORT_LEVELS = (AreaLevel.STREET, AreaLevel.COMMUNITY)
# How long the rows of a settled import are kept, so that its refused rows can still be downloaded.
KEEP_ROWS = timedelta(days=14)
# An import nobody settles is thrown away: it holds personal data.
KEEP_UNSETTLED = timedelta(days=30)
CHECK_TIMEOUT_SECONDS = 900
APPLY_TIMEOUT_SECONDS = 1_800


def upload(
    importer: Importer,
    actor: Actor,
    area: Area,
    filename: str,
    content: bytes,
    datum: Datum,
    organisation_id: int | None = None,
) -> ImportBatch:
    """Take a file in and owe its check. Flushes.

    Raises InvalidInput at field "file" when it is too large or no spreadsheet.
    """
    importer.require(actor, area, organisation_id)
    if area.level not in IMPORT_LEVELS:
        raise InvalidInput(_("请选一个街道或社区。"), field="area_id")
    if len(content) > MAX_BYTES:
        raise InvalidInput(
            _("文件太大，一次最多 16 MB。"), _("请去掉图片，或分成几个文件。"), code="too_large", field="file"
        )
    try:
        kind_of(content)
    except Refused as problem:
        text, remedy = texts.file_problem(problem.code)
        raise InvalidInput(text, remedy, code=problem.code, field="file") from None
    digest = hashlib.sha256(content).hexdigest()
    batch = ImportBatch(
        kind=importer.kind,
        area=area,
        organisation_id=organisation_id,
        user_id=actor.user_id,
        filename=clean_filename(filename),
        sha256=digest,
        coordinate_system=datum.value,
    )
    earlier = db.session.scalar(
        select(func.max(ImportBatch.created_at)).where(
            ImportBatch.sha256 == digest,
            ImportBatch.area_id == area.id,
            ImportBatch.kind == importer.kind,
            ImportBatch.organisation_id.is_not_distinct_from(organisation_id),
        )
    )
    if earlier is not None:
        batch.notices = [{"code": "same_file", "when": moment(earlier)}]
    db.session.add(batch)
    db.session.flush()
    db.session.add(ImportFile(batch_id=batch.id, content=base64.b64encode(content).decode()))
    audit.record(
        actor,
        "import.upload",
        batch,
        _("上传%(noun)s名单“%(file)s”", noun=importer.noun, file=batch.filename),
        changes={"kind": importer.kind.value, "sha256": digest},
    )
    db.session.flush()
    queue.owe(
        importer.check_job,
        key=str(batch.id),
        payload={"batch_id": batch.id},
        timeout_seconds=CHECK_TIMEOUT_SECONDS,
    )
    queue.owe(
        "coordinator.elders.imports.jobs.purge",
        key=f"{batch.id}-unsettled",
        payload={"batch_id": batch.id},
        run_after=clock.now() + KEEP_UNSETTLED,
    )
    return batch


def clean_filename(name: str) -> str:
    """The last part of a file's name, without control characters, at most 200 long."""
    last = PurePath(name.replace("\\", "/")).name
    kept = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs")).strip()
    return kept[-200:] or _("未命名")


def decide(importer: Importer, actor: Actor, batch: ImportBatch, row_id: int, answer: str) -> ImportRow:
    """Answer the question about a row: "create", "skip", or "update-<id>" for one of the candidates. Flushes.

    Raises Conflict when the import is no longer open, InvalidInput on an answer that was not offered.
    """
    importer.require(actor, batch.area, batch.organisation_id)
    row = db.session.scalar(
        select(ImportRow).where(
            ImportRow.batch_id == batch.id, ImportRow.id == row_id, ImportRow.outcome == RowOutcome.ASK
        )
    )
    if batch.state != ImportState.CHECKED or row is None:
        raise Conflict(_("这份名单已经处理过了。"), _("请刷新页面看结果。"))
    candidates = [one["id"] for one in row.details["candidates"] if "id" in one]
    word, _dash, target = answer.partition("-")
    if word == RowDecision.UPDATE and target.isdigit() and int(target) in candidates:
        row.decision, row.target_id = RowDecision.UPDATE, int(target)
    elif answer == RowDecision.SKIP or (answer == RowDecision.CREATE and not row.details.get("same_id")):
        row.decision, row.target_id = RowDecision(answer), None
    else:
        raise InvalidInput(_("请选一个答案。"), field="answer")
    db.session.flush()
    return row


def undecided(batch_id: int) -> int:
    """How many rows still wait for an answer."""
    return (
        db.session.scalar(
            select(func.count()).where(
                ImportRow.batch_id == batch_id,
                ImportRow.outcome == RowOutcome.ASK,
                ImportRow.decision.is_(None),
            )
        )
        or 0
    )


def usable(batch_id: int) -> int:
    """How many rows would change the register."""
    return (
        db.session.scalar(
            select(func.count()).where(
                ImportRow.batch_id == batch_id,
                ImportRow.outcome.in_((RowOutcome.CREATE, RowOutcome.UPDATE))
                | ImportRow.decision.in_((RowDecision.CREATE, RowDecision.UPDATE)),
            )
        )
        or 0
    )


def take_over(importer: Importer, actor: Actor, batch: ImportBatch, *, partly: bool) -> None:
    """Owe the application of the usable rows. With refused or undecided rows only when `partly` says so. Flushes.

    Raises Conflict when somebody has pressed the button already, InvalidInput when `partly` is needed.
    """
    importer.require(actor, batch.area, batch.organisation_id)
    left = batch.counts.get(RowOutcome.REFUSE, 0) + undecided(batch.id)
    if left and not partly:
        raise InvalidInput(
            _("还有 %(n)s 行不能导入或没有决定。", n=left), _("请先处理，或者只导入能用的行。"), code="partly"
        )
    if not usable(batch.id):
        raise InvalidInput(_("没有能导入的行。"), code="nothing")
    moved = db.session.execute(
        update(ImportBatch)
        .where(ImportBatch.id == batch.id, ImportBatch.state == ImportState.CHECKED)
        .values(state=ImportState.APPLYING, rows_done=0, error=None)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(_("这份名单已经在导入了。"), _("请刷新页面看结果。"))
    db.session.refresh(batch)
    queue.owe(
        importer.apply_job,
        key=f"{batch.id}-{secrets.token_hex(4)}",
        payload={"batch_id": batch.id, "user_id": actor.user_id},
        timeout_seconds=APPLY_TIMEOUT_SECONDS,
    )
    db.session.flush()


def discard(importer: Importer, actor: Actor, batch: ImportBatch) -> None:
    """Throw an import away that has not been taken over; its rows go at once. Flushes."""
    importer.require(actor, batch.area, batch.organisation_id)
    if batch.state in (ImportState.APPLYING, ImportState.APPLIED, ImportState.CHECKING):
        raise Conflict(_("这份名单正在处理，现在不能放弃。"))
    batch.state = ImportState.DISCARDED
    remove_rows(batch.id)
    audit.record(actor, "import.discard", batch, _("放弃名单“%(file)s”", file=batch.filename))
    db.session.flush()


def remove_rows(batch_id: int) -> None:
    """Delete the rows and the file of a batch; the batch itself stays with its counts."""
    db.session.execute(delete(ImportRow).where(ImportRow.batch_id == batch_id))
    db.session.execute(delete(ImportFile).where(ImportFile.batch_id == batch_id))


def actor_of(user_id: int | None) -> Actor:
    """The person who pressed the button, with the roles held now; SYSTEM for the command line."""
    if user_id is None:
        return SYSTEM
    user = db.session.get_one(User, user_id)
    grants = db.session.execute(
        select(RoleGrant.role, RoleGrant.area_id, Area.path, RoleGrant.organisation_id)
        .outerjoin(Area, RoleGrant.area_id == Area.id)
        .where(RoleGrant.user_id == user_id)
    )
    return Actor(user_id=user.id, name=user.name, grants=tuple(Grant(*one) for one in grants))
