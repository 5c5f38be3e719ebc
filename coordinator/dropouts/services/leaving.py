"""去不了: stepping back from a visit in time, or at the last moment, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.agenda.services import note_told
from coordinator.dropouts.models import StandInSearch, Swap, SwapState
from coordinator.dropouts.services.placing import goes, locked_visit, papers_after, sheet_words
from coordinator.dropouts.services.searching import search_if_late
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import InvalidInput, NotFound
from coordinator.marketplace.queries.claims import coordinators_of
from coordinator.marketplace.services import leave_visit
from coordinator.messages.services import notify
from coordinator.visits.models import Visit


@dataclass(slots=True)
class Left:
    """What stepping back led to."""

    visit: Visit
    late: bool
    search: StandInSearch | None
    sheets: list[tuple[str, str | None]]


def step_back(actor: Actor, visit_id: int, reason: str, other_day: date | None = None) -> Left:
    """Leave a visit one is on. The coordinators are told at once when it is late, a search begins by itself where
    the community's rule says so, and printed sheets are issued anew. `other_day`: when the person could come
    instead; the coordinators read it. Raises NotFound for somebody else's visit, InvalidInput without a reason.
    """
    demand(actor, Permission.WORK)
    visit = locked_visit(visit_id)
    mine = goes(visit, actor.worker_id) if visit is not None else None
    if visit is None or mine is None or actor.worker_id is None:
        raise NotFound(_("没有找到这次探访。"), _("可能已经取消，或者您已经退出了。"))
    text = " ".join(reason.split())
    if not text:
        raise InvalidInput(_("请选一个原因，或者写一句。"), field="reason")
    if other_day is not None:
        if other_day <= clock.today():
            raise InvalidInput(_("能改去的日子要在今天以后。"), field="other_day")
        text = _("%(why)s；%(day)s可以去", why=text, day=i18n.day(other_day, weekday=True))
    people = {one.worker_id for one in visit.assignments}
    late = leave_visit(actor, visit_id, text)
    db.session.refresh(visit)
    end_swaps_of(visit.id, actor.worker_id)
    gone = [one.id for one in visit.assignments if one.worker_id in people and one.ended_at is not None]
    note_told(actor, [(one, visit.starts_at) for one in gone], off=True)
    sheets = papers_after([visit], people, text)
    search = search_if_late(actor, visit, _("有人临时去不了"), actor.worker_id)
    if sheets:
        notify(
            coordinators_of(visit.area.path),
            _("有路线单要换"),
            _("有人退出了一次探访。%(sheets)s。", sheets=sheet_words(sheets)),
            f"/visits/{visit.id}",
            dedupe_key=f"left-sheets:{mine.id}",
            urgent=late,
        )
    db.session.flush()
    return Left(visit, late, search, sheets)


def end_swaps_of(visit_id: int, worker_id: int) -> None:
    """Offers to swap a visit that this person no longer makes, or would take, are over."""
    waiting = db.session.scalars(
        select(Swap)
        .where(
            Swap.visit_id == visit_id,
            Swap.giver_id == worker_id,
            Swap.state.in_((SwapState.OFFERED, SwapState.AGREED)),
        )
        .with_for_update()
    ).all()
    for swap in waiting:
        swap.state = SwapState.WITHDRAWN
        swap.decided_at = clock.now()
