"""Each worker's lines as a chain of hashes: appended one at a time, recomputed by `tanfang ledger verify`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import and_, select, text

from coordinator.extensions import db
from coordinator.hours.models import EntryKind, HoursEntry
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import InvalidInput

_LEDGER_LOCK = 7_302  # first key of the advisory lock of one worker's chain
ACTIONS = {EntryKind.SERVICE: "hours.enter", EntryKind.REVERSAL: "hours.reverse"}
LONGEST_REASON = 500


def said_why(reason: str) -> str:
    """A reason on one line. Raises InvalidInput when it is empty or too long."""
    said = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
    if not said:
        raise InvalidInput(_("请写明原因，本人会看到。"), field="reason")
    if len(said) > LONGEST_REASON:
        raise InvalidInput(_("原因最多 %(n)s 个字。", n=LONGEST_REASON), field="reason")
    return said


def lock_chains(worker_ids: Iterable[int]) -> None:
    """One writer at a time extends a worker's chain, counts the day's cap, decides on a line or certifies it.

    Taken in the order of the ids, so that two writers never wait for each other.
    """
    for worker_id in sorted(set(worker_ids)):
        db.session.execute(
            text("SELECT pg_advisory_xact_lock(:space, :id)"), {"space": _LEDGER_LOCK, "id": worker_id}
        )


def append(actor: Actor, summary: str, area_id: int, **values: Any) -> HoursEntry:
    """Add the next line of a worker's chain; the caller holds the chain's lock.

    The audit line holds the hash as well: a second witness that shows a missing last line and a chain that was
    computed anew.
    """
    last = db.session.execute(
        select(HoursEntry.position, HoursEntry.hash)
        .where(HoursEntry.worker_id == values["worker_id"])
        .order_by(HoursEntry.position.desc())
        .limit(1)
    ).one_or_none()
    position = last.position + 1 if last else 1
    entry = HoursEntry(
        **values,
        position=position,
        number=f"SS-{values['worker_id']}-{position:04d}",
        previous_hash=last.hash if last else None,
        created_at=clock.now(),
    )
    entry.hash = line_hash(entry)
    db.session.add(entry)
    db.session.flush()
    audit.record(
        actor,
        ACTIONS[entry.kind],
        entry,
        _(
            "时数单 %(number)s，%(minutes)s 分钟。%(what)s",
            number=entry.number,
            minutes=entry.minutes,
            what=summary,
        ),
        changes={"worker_id": entry.worker_id, "position": position, "hash": entry.hash.hex()},
        area_id=area_id,
    )
    return entry


_HASHED = (
    HoursEntry.worker_id,
    HoursEntry.visit_id,
    HoursEntry.kind,
    HoursEntry.reverses_id,
    HoursEntry.service_on,
    HoursEntry.minutes_present,
    HoursEntry.minutes,
    HoursEntry.evidence,
    HoursEntry.derivation,
    HoursEntry.policy_version_id,
    HoursEntry.position,
    HoursEntry.number,
    HoursEntry.previous_hash,
)


def line_hash(line: Any) -> bytes:
    """SHA-256 over what the line says and the hash of the line before it. `line` is an entry or a row of one."""
    said = json.dumps(
        [
            line.worker_id,
            line.visit_id,
            str(line.kind),
            line.reverses_id,
            line.service_on.isoformat(),
            line.minutes_present,
            line.minutes,
            str(line.evidence),
            line.derivation,
            line.policy_version_id,
            line.position,
            line.number,
        ],
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256((line.previous_hash or b"") + said.encode()).digest()


def check_chains(worker_id: int | None = None) -> tuple[int, int, list[str]]:
    """Recompute the chains (of one worker, or all): (lines, workers, what is wrong, one sentence a worker).

    Two passes over the ledger, whatever the number of workers; a worker's sentence names the first bad line.
    """
    lines, workers, problems = 0, set(), {}
    previous: Any = None
    for line in _lines(worker_id):
        lines += 1
        workers.add(line.worker_id)
        if previous is not None and previous.worker_id != line.worker_id:
            previous = None
        problem = _problem(line, previous)
        if problem:
            problems.setdefault(line.worker_id, problem)
        previous = line
    for owner, position in _lost(worker_id):
        problems.setdefault(owner, f"line {position} is missing")
    return lines, len(workers), [f"worker {owner}: {said}" for owner, said in sorted(problems.items())]


def _problem(line: Any, previous: Any) -> str | None:
    expected = previous.position + 1 if previous else 1
    if line.position != expected:
        return f"line {expected} is missing"
    if line.previous_hash != (previous.hash if previous else None):
        return f"line {line.position} does not follow line {expected - 1}"
    if line.hash != line_hash(line):
        return f"line {line.position} was changed"
    if line.witness != line.hash.hex():
        return f"line {line.position} is not the one in the audit trail"
    return None


def _lines(worker_id: int | None) -> Iterator[Any]:
    """The ledger in order of workers and positions, each line with the hash that the audit trail has of it."""
    statement = (
        select(*_HASHED, HoursEntry.hash, AuditEntry.changes["hash"].astext.label("witness"))
        .outerjoin(AuditEntry, _is_witness())
        .order_by(HoursEntry.worker_id, HoursEntry.position)
        .execution_options(yield_per=2000)
    )
    if worker_id is not None:
        statement = statement.where(HoursEntry.worker_id == worker_id)
    return iter(db.session.execute(statement))


def _lost(worker_id: int | None) -> Iterator[tuple[int, int]]:
    """(worker, position) of lines that the audit trail knows and the ledger does not."""
    owner = AuditEntry.changes["worker_id"].as_integer()
    position = AuditEntry.changes["position"].as_integer()
    statement = (
        select(owner, position)
        .outerjoin(HoursEntry, _is_witness())
        .where(
            AuditEntry.object_type == HoursEntry.__tablename__,
            AuditEntry.action.in_(ACTIONS.values()),
            HoursEntry.id.is_(None),
        )
        .order_by(owner, position)
    )
    if worker_id is not None:
        statement = statement.where(owner == worker_id)
    return ((row[0], row[1]) for row in db.session.execute(statement))


def _is_witness() -> Any:
    return and_(
        AuditEntry.object_type == HoursEntry.__tablename__,
        AuditEntry.object_id == HoursEntry.id,
        AuditEntry.action.in_(ACTIONS.values()),
    )
