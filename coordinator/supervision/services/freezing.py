"""Freezing a month: the figures of every area as first counted. Rows are never changed (trigger), so whoever
freezes second writes nothing.
"""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from coordinator.extensions import db
from coordinator.kernel import audit, clock, queue
from coordinator.kernel.access import SYSTEM, Actor, Permission, demand
from coordinator.kernel.areas import Area, ancestors
from coordinator.kernel.errors import Conflict
from coordinator.supervision.models import CoverageSnapshot
from coordinator.supervision.queries.units import unit_of, units_below
from coordinator.supervision.rules import freeze_day, month_after, month_before
from coordinator.supervision.services.counting import AT_ONCE, COUNT_SECONDS, row_of
from coordinator.visits.queries.coverage import Figures, count_tree, span_of

FREEZE_JOB = "coordinator.supervision.jobs.freeze_one"


def freeze_unit(unit: Area, month: date, user_id: int | None = None) -> bool:
    """Freeze the month for a unit and every area below it, in one pass. False when it was frozen before.

    Flushes. Raises Conflict while the month runs: what is frozen must be over.
    """
    span = span_of(month)
    if clock.today() <= span.last:
        raise Conflict(_("这个月还没有过完，不能冻结。"), code="month_runs")
    if is_frozen(unit.id, span.first):
        return False
    figures = count_tree(unit.path, span)
    now = clock.now()
    rows = [
        row_of(area_id, span.first, one) | {"taken_at": now, "frozen_by_id": user_id}
        for area_id, one in sorted(figures.items())
    ]
    written = 0
    for start in range(0, len(rows), AT_ONCE):
        written += len(
            db.session.scalars(
                insert(CoverageSnapshot)
                .values(rows[start : start + AT_ONCE])
                .on_conflict_do_nothing(index_elements=["area_id", "month"])
                .returning(CoverageSnapshot.id)
            ).all()
        )
    if not written:
        return False
    _note(unit, span.first, figures[unit.id], user_id)
    db.session.flush()
    return True


def freeze_above(unit: Area, month: date) -> list[int]:
    """Freeze the areas above a unit of which all units are frozen now, as the sum of theirs; returns their ids.

    To be called after the units' commit: of two units that finish at once, the second sees the first. Flushes.
    """
    month = month.replace(day=1)
    done = []
    for area in ancestors(unit)[1:]:
        if is_frozen(area.id, month):
            continue
        units = units_below(area)
        frozen = db.session.scalars(
            select(CoverageSnapshot).where(
                CoverageSnapshot.area_id.in_([one.id for one in units]), CoverageSnapshot.month == month
            )
        ).all()
        if len(frozen) < len(units):
            break
        total = Figures()
        for one in frozen:
            part = Figures.from_json(one.figures)
            part.people.clear()
            total.add(part)
        values = row_of(area.id, month, total) | {"taken_at": clock.now()}
        db.session.execute(
            insert(CoverageSnapshot)
            .values(values)
            .on_conflict_do_nothing(index_elements=["area_id", "month"])
        )
        done.append(area.id)
    db.session.flush()
    return done


def is_frozen(area_id: int, month: date) -> bool:
    """Has this area a snapshot of the month?"""
    found = db.session.scalar(
        select(CoverageSnapshot.id).where(
            CoverageSnapshot.area_id == area_id, CoverageSnapshot.month == month.replace(day=1)
        )
    )
    return found is not None


def _note(unit: Area, month: date, figures: Figures, user_id: int | None) -> None:
    # The person who asked has a line of their own (request_freeze); this one says what came out.
    audit.record(
        SYSTEM,
        "coverage.freeze",
        "coverage_snapshots",
        _(
            "冻结%(area)s %(year)s年%(month)s月的月探访率：至少联系一次 %(n)s/%(all)s",
            area=unit.name,
            year=month.year,
            month=month.month,
            n=figures.contacted,
            all=figures.elders,
        ),
        changes={"by": [None, user_id]},
        area_id=unit.id,
    )


def request_freeze(actor: Actor, area: Area, month: date) -> int:
    """Let a month that is over be frozen before the day, in all units of the actor's area; returns how many.

    County and city supervisors. Raises Conflict while the month runs, and when nothing is left to freeze.
    """
    demand(actor, Permission.COVERAGE_FREEZE, area.path)
    month = month.replace(day=1)
    if clock.today() <= span_of(month).last:
        raise Conflict(
            _("这个月还没有过完，不能冻结。"), _("月底以后、自动冻结以前可以提前冻结。"), code="month_runs"
        )
    units = [one for one in (units_below(area) or [unit_of(area)]) if not is_frozen(one.id, month)]
    if not units or not all(one.path.startswith(area.path) for one in units):
        raise Conflict(_("这个月已经冻结了。"), code="frozen_already")
    for unit in units:
        owe_freeze(unit, month, actor.user_id)
        audit.record(
            actor,
            "coverage.freeze_early",
            "coverage_snapshots",
            _(
                "提前冻结%(area)s %(year)s年%(month)s月的月探访率",
                area=unit.name,
                year=month.year,
                month=month.month,
            ),
            area_id=unit.id,
        )
    db.session.flush()
    return len(units)


def owe_freeze(unit: Area, month: date, user_id: int | None = None) -> None:
    """Owe the freezing of a unit's month; asked twice it is one job."""
    queue.owe(
        FREEZE_JOB,
        key=f"{unit.id}:{month:%Y-%m}",
        payload={"area_id": unit.id, "month": month.isoformat(), "user_id": user_id},
        timeout_seconds=COUNT_SECONDS,
    )


def months_to_freeze(unit: Area, today: date) -> list[date]:
    """The months of a unit that are over, whose day has come and that are not frozen: normally one.

    A month of which nobody thought while the system stood still is made up for; months before the first one that
    was ever frozen here are not, because they were never counted in time.
    """
    last = month_before(today)
    newest = db.session.scalar(
        select(func.max(CoverageSnapshot.month)).where(CoverageSnapshot.area_id == unit.id)
    )
    month = last if newest is None else month_after(newest)
    found = []
    while month <= last:
        if month < last or today.day >= freeze_day(unit):
            found.append(month)
        month = month_after(month)
    return found
