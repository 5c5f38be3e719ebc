"""Telling people by one button what was arranged for them by hand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import insert

from coordinator.agenda.models import AssignmentNotice
from coordinator.agenda.queries.entries import place_name
from coordinator.agenda.queries.untold import Untold, untold
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.messages.services import notify
from coordinator.visits.models import Visit


def tell_changes(actor: Actor, worker_ids: set[int] | None = None) -> tuple[int, list[str]]:
    """Tell everybody concerned (or these workers), each person once for all changes.

    Returns how many were told, and the names of those without an account, who have to be called: their changes
    count as told, because the coordinator sees the names. Pressed twice, or by two people, it tells once. Flushes.
    """
    demand(actor, Permission.CLAIM_DECIDE)
    rows = untold(actor, lock=True)
    if worker_ids is not None:
        rows = [one for one in rows if one.worker_id in worker_ids]
    told, to_call = 0, []
    for _worker_id, group in groupby(rows, key=lambda one: one.worker_id):
        changes = list(group)
        if changes[0].user_id is None:
            to_call.append(changes[0].worker)
        else:
            _tell(changes[0].user_id, changes)
            told += 1
    if rows:
        for off in (False, True):
            note_told(actor, [(one.assignment_id, one.starts_at) for one in rows if one.off is off], off=off)
        audit.record(
            actor,
            "visit.tell",
            Visit.__tablename__,
            _("通知 %(n)s 人：%(changes)s 处安排有变化", n=told, changes=len(rows)),
        )
        db.session.flush()
    return told, to_call


def _tell(user_id: int, changes: list[Untold]) -> None:
    coming = [one for one in changes if not one.off]
    off = [one for one in changes if one.off]
    with force_locale("zh"):
        if coming and off:
            title = _("您的探访有变化：新增 %(a)s 次，取消 %(b)s 次", a=len(coming), b=len(off))
        elif coming:
            title = _("有 %(n)s 次新的探访安排给您", n=len(coming))
        else:
            title = _("有 %(n)s 次探访取消了，您不用去了", n=len(off))
        lines = [_("要去：%(what)s", what=_line(one)) for one in coming]
        lines += [_("不用去：%(what)s", what=_line(one)) for one in off]
        # The same changes of the same times are one event.
        stamp = ",".join(f"{one.assignment_id}{'-' if one.off else '+'}" for one in changes[:8])
        key = f"told:{stamp}:{clock.now():%Y%m%d%H%M%S%f}"
        notify([user_id], title, "；".join(lines), "/today", dedupe_key=key[:120])


def _line(one: Untold) -> str:
    return f"{i18n.moment(one.starts_at)} {place_name(one.community, one.neighbourhood)}"


def note_told(actor: Actor, told: Iterable[tuple[int, datetime]], *, off: bool) -> None:
    """Note that people know of these assignments with these starts, so that the button tells nothing twice."""
    values = [
        {
            "assignment_id": assignment_id,
            "starts_at": starts_at,
            "off": off,
            "told_at": clock.now(),
            "told_by_id": actor.user_id,
        }
        for assignment_id, starts_at in told
    ]
    if not values:
        return
    statement = insert(AssignmentNotice).values(values)
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["assignment_id"],
            set_={name: statement.excluded[name] for name in ("starts_at", "off", "told_at", "told_by_id")},
        )
    )
