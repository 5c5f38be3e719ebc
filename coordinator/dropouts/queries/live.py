"""What is going on now: searches as coordinators watch them, and what a worker is asked."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import ScalarSelect, func, literal, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.dropouts.models import NoShow, NoShowState, StandInAsk, StandInSearch, Swap, SwapState
from coordinator.dropouts.queries.handover import pairs_left_count
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.errors import NotFound
from coordinator.visits.models import Visit


def searches_of(visit_id: int) -> Sequence[StandInSearch]:
    """The searches of a visit with everybody who was asked, the latest first."""
    return db.session.scalars(
        select(StandInSearch)
        .where(StandInSearch.visit_id == visit_id)
        .options(
            selectinload(StandInSearch.asks).joinedload(StandInAsk.worker),
            joinedload(StandInSearch.lost_worker),
        )
        .order_by(StandInSearch.id.desc())
        .execution_options(populate_existing=True)
    ).all()


def running_searches(actor: Actor) -> Sequence[StandInSearch]:
    """Searches that run in the actor's areas, and those that found nobody for a visit still ahead, by time."""
    return db.session.scalars(
        select(StandInSearch)
        .join(Visit, Visit.id == StandInSearch.visit_id)
        .where(
            in_areas(actor, Permission.CLAIM_DECIDE, Visit.area_id),
            StandInSearch.ended_at.is_(None)
            | (
                (StandInSearch.outcome == "nobody")
                & (Visit.state == "open")
                & (Visit.starts_at > clock.now())
            ),
        )
        .options(
            joinedload(StandInSearch.visit).joinedload(Visit.elder).options(*without_secrets()),
            joinedload(StandInSearch.visit).joinedload(Visit.area),
            selectinload(StandInSearch.asks),
        )
        .order_by(Visit.starts_at, StandInSearch.id)
    ).all()


def own_ask(actor: Actor, ask_id: int) -> StandInAsk:
    """One question put to the actor. Raises NotFound for somebody else's."""
    found = db.session.scalars(
        select(StandInAsk)
        .where(StandInAsk.id == ask_id, StandInAsk.worker_id == actor.worker_id)
        .options(joinedload(StandInAsk.search))
    ).one_or_none()
    if found is None:
        raise NotFound(_("没有找到这次询问。"), _("可能是问别人的，请回到“今天”。"))
    return found


def asked_of(worker_id: int) -> list[tuple[str, str]]:
    """(Address, sentence) of the searches and swaps that wait for this worker's word. One query."""
    searches = (
        select(StandInAsk.id, Visit.starts_at, literal(True).label("search"))
        .join(StandInSearch, StandInSearch.id == StandInAsk.search_id)
        .join(Visit, Visit.id == StandInSearch.visit_id)
        .where(
            StandInAsk.worker_id == worker_id,
            StandInAsk.answer.is_(None),
            StandInSearch.ended_at.is_(None),
            Visit.starts_at > clock.now(),
        )
    )
    swaps = (
        select(Swap.id, Visit.starts_at, literal(False))
        .join(Visit, Visit.id == Swap.visit_id)
        .where(Swap.taker_id == worker_id, Swap.state == SwapState.OFFERED, Visit.starts_at > clock.now())
    )
    rows = db.session.execute(searches.union_all(swaps)).all()
    return [
        (f"/stand-in/{row_id}", _("想请您顶替：%(when)s，请回一声", when=i18n.moment(at)))
        if search
        else (f"/swaps/{row_id}", _("同事想请您替一次：%(when)s，请回一声", when=i18n.moment(at)))
        for row_id, at, search in sorted(rows, key=lambda row: (row[1], row[0]))
    ]


def waiting_count(actor: Actor) -> ScalarSelect[int]:
    """How much waits for a coordinator: searches, swaps both agreed on, reports and appeals, elders whose paired
    person has left. A part of a query."""
    here = in_areas(actor, Permission.CLAIM_DECIDE, Visit.area_id)
    searches = (
        select(func.count())
        .select_from(StandInSearch)
        .join(Visit, Visit.id == StandInSearch.visit_id)
        .where(here, StandInSearch.ended_at.is_(None))
        .scalar_subquery()
    )
    swaps = (
        select(func.count())
        .select_from(Swap)
        .join(Visit, Visit.id == Swap.visit_id)
        .where(here, Swap.state == SwapState.AGREED, Visit.starts_at > clock.now())
        .scalar_subquery()
    )
    marks = (
        select(func.count())
        .select_from(NoShow)
        .join(Visit, Visit.id == NoShow.visit_id)
        .where(here, NoShow.state.in_((NoShowState.REPORTED, NoShowState.APPEALED)))
        .scalar_subquery()
    )
    return select(searches + swaps + marks + pairs_left_count(actor)).scalar_subquery()
