"""Taking a checked import over: one transaction, with progress told over a connection of its own.

May run twice or be cut anywhere: the batch says whether it is done, in the same transaction as the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from flask_babel import gettext as _
from sqlalchemy import Table, or_, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from coordinator.elders.imports import batches
from coordinator.elders.imports.checking import in_chunks, silent
from coordinator.elders.imports.importer import Applier, Importer, Taken
from coordinator.elders.models import ImportBatch, ImportRow, ImportState, RowDecision, RowOutcome
from coordinator.extensions import db
from coordinator.kernel import audit, clock, queue
from coordinator.kernel.errors import DomainError, Unavailable

log = structlog.get_logger(__name__)

_LOCK_SPACE = 7_306  # first key of the advisory locks that let one import per county write at a time
_PASSES: tuple[tuple[str, Any], ...] = (
    (
        "create",
        or_(ImportRow.outcome == RowOutcome.CREATE, ImportRow.decision == RowDecision.CREATE),
    ),
    (
        "update",
        or_(ImportRow.outcome == RowOutcome.UPDATE, ImportRow.decision == RowDecision.UPDATE),
    ),
)


def take(
    importer: Importer, batch_id: int, user_id: int | None, tell: Callable[[int, int], None] = silent
) -> None:
    """Write the usable rows of a batch; does nothing when that is done already. Commits once.

    `tell(done, total)` hears how many rows are written.

    A refusal by the domain gives the batch back to the person with the reason; anything else is raised, so that
    the job runs again. Raises Unavailable while another import of the county writes.
    """
    batch = db.session.get(ImportBatch, batch_id)
    if batch is None or batch.state != ImportState.APPLYING:
        return
    try:
        _write(importer, batch_id, user_id, tell)
    except DomainError as problem:
        db.session.rollback()
        if isinstance(problem, Unavailable):
            raise
        _give_back(batch_id, f"{problem.message}{problem.remedy}")
    except (IntegrityError, OperationalError):
        raise
    except Exception:
        log.exception("import not applied", batch_id=batch_id)
        db.session.rollback()
        _give_back(batch_id, _("导入时出错，什么都没有改。请再试一次；还不行，请联系管理员。"))


def _write(importer: Importer, batch_id: int, user_id: int | None, tell: Callable[[int, int], None]) -> None:
    batch = db.session.get_one(ImportBatch, batch_id)
    county = batch.area.ancestor_ids[:3][-1]
    if not db.session.scalar(
        text("SELECT pg_try_advisory_xact_lock(:space, :id)"), {"space": _LOCK_SPACE, "id": county}
    ):
        raise Unavailable(_("另一份名单正在导入。"), _("稍后会自动继续。"))
    db.session.refresh(batch)
    if batch.state != ImportState.APPLYING:
        return
    actor = batches.actor_of(user_id)
    importer.require(actor, batch.area, batch.organisation_id)
    applier = importer.applier(batch, actor)
    total, left_out = _passes(applier, batch_id, tell)
    counts = dict(batch.counts)
    counts |= {"created": total.created, "updated": total.updated, "left_out": len(left_out)}
    batch = db.session.get_one(ImportBatch, batch_id)
    batch.counts = counts
    batch.state = ImportState.APPLIED
    batch.applied_at = clock.now()
    batch.error = None
    audit.record(
        actor,
        "import.apply",
        batch,
        _(
            "导入名单“%(file)s”：新增 %(created)s，更新 %(updated)s",
            file=batch.filename,
            created=total.created,
            updated=total.updated,
        ),
        changes={"counts": counts},
    )
    queue.owe(
        "coordinator.elders.imports.jobs.purge",
        key=f"{batch_id}-settled",
        payload={"batch_id": batch_id},
        run_after=clock.now() + batches.KEEP_ROWS,
    )
    db.session.commit()
    log.debug("import applied", batch_id=batch_id, **counts)


def _passes(
    applier: Applier, batch_id: int, tell: Callable[[int, int], None]
) -> tuple[Taken, dict[int, dict[str, Any]]]:
    total = Taken()
    done = 0
    wanted = select(ImportRow.id).where(ImportRow.batch_id == batch_id).order_by(ImportRow.number)
    lists = {name: list(db.session.scalars(wanted.where(condition))) for name, condition in _PASSES}
    overall = sum(len(ids) for ids in lists.values())
    for name, ids in lists.items():
        for chunk in in_chunks(ids):
            rows = db.session.scalars(
                select(ImportRow).where(ImportRow.id.in_(chunk)).order_by(ImportRow.number)
            ).all()
            taken = getattr(applier, name)(rows)
            for row in rows:
                problem = taken.left_out.get(row.id)
                row.applied = problem is None
                if problem is not None:
                    row.problems = [problem]
                    row.outcome = RowOutcome.REFUSE
            total.created += taken.created
            total.updated += taken.updated
            total.left_out |= taken.left_out
            db.session.flush()
            for row in rows:
                db.session.expunge(row)
            done += len(chunk)
            _show(batch_id, done, overall)
            tell(done, overall)
    return total, total.left_out


def _show(batch_id: int, done: int, overall: int) -> None:
    """Show how far it is: a short transaction of its own. The batch row is not locked by ours before the end."""
    table = ImportBatch.__table__
    assert isinstance(table, Table)
    with db.engine.begin() as connection:
        connection.execute(
            update(table)
            .where(table.c.id == batch_id, table.c.state == ImportState.APPLYING.value)
            .values(rows_done=table.c.rows_total * done / max(overall, 1))
        )


def _give_back(batch_id: int, error: str) -> None:
    batch = db.session.get_one(ImportBatch, batch_id)
    batch.state = ImportState.CHECKED
    batch.error = error
    db.session.commit()
    log.warning("import given back", batch_id=batch_id, error=error)
