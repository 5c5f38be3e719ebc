"""应访 area by area: city, county, street, community, grid, with the same figures at each level."""

from __future__ import annotations

from collections import Counter

from flask import render_template, request

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, current_actor, requires
from coordinator.kernel.areas import AreaLevel
from coordinator.visits.queries.due_areas import figures_below
from coordinator.visits.queries.due_list import packs_of
from coordinator.visits.queries.due_scope import DueScope, read_due_scope
from coordinator.visits.queries.owed import AreaRow
from coordinator.visits.services.owed import freshen
from coordinator.visits.views.blueprint import bp
from coordinator.visits.views.due_selected import STATUS_WORDS, TABS, scope_sentence


@bp.get("/due/areas")
@requires(Permission.DUE_READ)
def due_areas() -> str:
    """The figures of the areas right below one."""
    return areas_page(current_actor(), request.args.get("area", type=int))


def areas_page(actor: Actor, area_id: int | None) -> str:
    """The page of an area, or of all in reach. Commits what it brought up to date."""
    today = clock.today()
    scope = read_due_scope(actor.area_paths(Permission.DUE_READ), area_id)
    fresh = freshen(scope, today)
    if fresh.wrote:
        db.session.commit()
    figures = figures_below(scope, today)
    return render_template(
        "visits/due_areas.html",
        scope=scope,
        crumbs=_crumbs(scope),
        figures=figures,
        total=sum((one.counts for one in figures), start=Counter[str]()),
        deeper=[one.area is not None and one.area.level is not AreaLevel.GRID for one in figures],
        tabs=TABS,
        names=STATUS_WORDS,
        sentence=scope_sentence(today, packs_of(fresh.own_books, today)),
        waiting=fresh.waiting,
    )


def _crumbs(scope: DueScope) -> list[AreaRow]:
    """The areas from the actor's own down to the one looked at."""
    if scope.top is None:
        return []
    path = scope.top.path
    return sorted(
        (row for row in scope.areas.values() if path.startswith(row.path)), key=lambda row: len(row.path)
    )
