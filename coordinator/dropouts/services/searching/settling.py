"""One search: holding it, ending it, and telling whoever waits. Rows are always held in one order: the visit, the
search, the worker.
"""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from coordinator.dropouts.models import AskAnswer, SearchOutcome, StandInAsk, StandInSearch
from coordinator.dropouts.services.placing import goes, locked_visit
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import SYSTEM
from coordinator.kernel.errors import NotFound
from coordinator.marketplace.queries.claims import coordinators_of
from coordinator.messages.services import notify
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker


def running_search(visit_id: int) -> StandInSearch | None:
    """The search that runs for a visit."""
    return db.session.scalars(
        select(StandInSearch)
        .where(StandInSearch.visit_id == visit_id, StandInSearch.ended_at.is_(None))
        .options(selectinload(StandInSearch.asks))
        .execution_options(populate_existing=True)
    ).one_or_none()


def held_search(search_id: int) -> tuple[Visit, StandInSearch]:
    """The visit and its search, held in this order and as they are now. Raises NotFound."""
    visit_id = db.session.scalar(select(StandInSearch.visit_id).where(StandInSearch.id == search_id))
    visit = locked_visit(visit_id) if visit_id is not None else None
    if visit is None:
        raise NotFound(_("没有找到这次找人。"), _("请回到探访看最新的情况。"))
    search = db.session.scalars(
        select(StandInSearch)
        .where(StandInSearch.id == search_id)
        .options(selectinload(StandInSearch.asks).joinedload(StandInAsk.worker))
        .with_for_update(of=StandInSearch)
        .execution_options(populate_existing=True)
    ).one()
    return visit, search


def end_search(search: StandInSearch, outcome: SearchOutcome, at: datetime | None = None) -> None:
    search.outcome = outcome
    search.ended_at = at or clock.now()
    search.next_wave_at = None


def still_wanted(search: StandInSearch, visit: Visit) -> bool:
    """Whether somebody is still missing, or the person who asked to be replaced still goes."""
    if visit.starts_at <= clock.now():
        return False
    if visit.state is VisitState.OPEN:
        return True
    return visit.state is VisitState.ASSIGNED and goes(visit, search.lost_worker_id) is not None


def settle(search: StandInSearch, visit: Visit) -> bool:
    """End a search that is no longer needed; True when it has ended."""
    if search.ended_at is not None:
        return True
    if visit.state is VisitState.CLAIMED or still_wanted(search, visit):
        return False
    if visit.state is VisitState.ASSIGNED and goes(visit, search.lost_worker_id) is not None:
        give_up(search, visit)
        return True
    if visit.state in (VisitState.ASSIGNED, VisitState.IN_PROGRESS, VisitState.COMPLETED, VisitState.NOT_MET):
        end_search(search, SearchOutcome.FOUND)
    elif visit.state is VisitState.OPEN:
        give_up(search, visit)
        return True
    else:
        end_search(search, SearchOutcome.STOPPED)
    thank(search, visit)
    return True


def give_up(search: StandInSearch, visit: Visit) -> None:
    end_search(search, SearchOutcome.NOBODY)
    audit.record(
        SYSTEM,
        "standin.nobody",
        visit,
        _("问了 %(n)s 个人，没有找到人顶替", n=len(search.asks)),
        changes={"search": [search.id, None]},
    )
    notify(
        coordinators_of(visit.area.path),
        _("没有找到人顶替，请马上安排"),
        _(
            "%(elder)s %(when)s的探访，问了 %(n)s 个人都去不了。可以自己选人、改时间，或者打电话问候。",
            elder=visit.elder.name,
            when=i18n.moment(visit.starts_at),
            n=len(search.asks),
        ),
        f"/visits/{visit.id}/stand-in",
        dedupe_key=f"standin-nobody:{search.id}",
        urgent=True,
    )
    thank(search, visit)


def thank(search: StandInSearch, visit: Visit) -> None:
    """Tell whoever was asked and has not answered, or has said yes and does not go, that it is settled."""
    waiting = [
        one.worker_id
        for one in search.asks
        if one.answer in (None, AskAnswer.YES) and goes(visit, one.worker_id) is None
    ]
    if not waiting:
        return
    users = db.session.scalars(
        select(Worker.user_id).where(Worker.id.in_(waiting), Worker.user_id.is_not(None))
    ).all()
    notify(
        [one for one in users if one is not None],
        _("顶替的事已经有结果，您不用去"),
        _("%(when)s的探访不用您去了，谢谢。", when=i18n.moment(visit.starts_at)),
        "/today",
        dedupe_key=f"standin-over:{search.id}",
        expires_at=visit.ends_at,
    )
