"""Freezing a month: once, whole, by itself on its day; what comes later is a correction."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, NotAllowed
from coordinator.kernel.queue import OwedJob
from coordinator.supervision import jobs
from coordinator.supervision.models import CoverageCount, CoverageSnapshot
from coordinator.supervision.queries.corrections import Why, read_corrections
from coordinator.supervision.queries.rate import Numbers, Source, people_in, read_month, scope_of
from coordinator.supervision.queries.units import all_units, unit_of, units_below
from coordinator.supervision.services import (
    count_unit,
    freeze_above,
    freeze_unit,
    request_count,
    request_freeze,
)
from coordinator.supervision.services.freezing import is_frozen, months_to_freeze
from coordinator.visits.models import SurgeKind
from coordinator.visits.queries.coverage import Figures, Group
from coordinator.visits.services import add_event
from tests.coordinator.supervision.conftest import FIRST_OF_APRIL, LATER, MARCH
from tests.factories import make_actor


def snapshot(area) -> CoverageSnapshot:
    return db.session.scalars(
        select(CoverageSnapshot).where(CoverageSnapshot.area_id == area.id, CoverageSnapshot.month == MARCH)
    ).one()


def view_of(months, area=None):
    actor = make_actor(Role.STREET_COORDINATOR, area or months.tree.street)
    scope = scope_of(actor, None)
    return actor, scope, read_month(scope, MARCH)


# --- freezing --------------------------------------------------------------------------------------------


def test_a_unit_is_frozen_with_all_below_it_in_one_go(months):
    months.march()
    assert freeze_unit(months.tree.county, MARCH)
    tree = months.tree
    for area, elders in ((tree.county, 4), (tree.street, 4), (tree.community, 4), (tree.outside, 0)):
        one = snapshot(area)
        assert (one.elders, one.contacted, one.all_met) == ((4, 3, 1) if elders else (0, 0, 0))
    assert sum(len(ids) for ids in Figures.from_json(snapshot(tree.community).figures).people.values()) == 4
    assert Figures.from_json(snapshot(tree.county).figures).people == {}


def test_frozen_twice_is_frozen_once(months):
    done, *_others = months.march()
    assert freeze_unit(months.tree.county, MARCH)
    before = {one.area_id: (one.elders, one.taken_at) for one in db.session.scalars(select(CoverageSnapshot))}
    months.visited(done, date(2026, 3, 7))
    assert not freeze_unit(months.tree.county, MARCH)
    after = {one.area_id: (one.elders, one.taken_at) for one in db.session.scalars(select(CoverageSnapshot))}
    assert after == before
    with pytest.raises(Exception, match="never changed"), db.session.begin_nested():
        db.session.execute(text("UPDATE coverage_snapshots SET contacted = elders"))


def test_a_running_month_is_not_frozen(months, freeze):
    freeze(datetime(2026, 3, 31, 15, 59, tzinfo=UTC))
    with pytest.raises(Conflict):
        freeze_unit(months.tree.county, MARCH)
    freeze(datetime(2026, 3, 31, 16, 0, tzinfo=UTC))  # midnight in Asia/Shanghai
    assert freeze_unit(months.tree.county, MARCH)


def test_what_lies_above_is_frozen_with_the_last_unit_as_their_sum(months):
    from coordinator.kernel.areas import AreaLevel, create_area

    tree = months.tree
    other = create_area(AreaLevel.COUNTY, "另一个区", tree.city)
    community = create_area(AreaLevel.COMMUNITY, "远处社区", create_area(AreaLevel.STREET, "远处街道", other))
    months.march()
    months.general_elder(area=community)
    freeze_unit(tree.county, MARCH)
    assert freeze_above(tree.county, MARCH) == []
    freeze_unit(other, MARCH)
    assert freeze_above(other, MARCH) == [tree.city.id, tree.province.id]
    one = snapshot(tree.city)
    assert (one.elders, one.contacted, one.all_met) == (5, 3, 1)
    assert Figures.from_json(one.figures).categories["empty_nest"].elders == 4
    assert freeze_above(other, MARCH) == []


def test_units_are_counties_and_streets_outside_of_any(months):
    from coordinator.kernel.areas import AreaLevel, create_area

    tree = months.tree
    lonely = create_area(AreaLevel.STREET, "市直辖街道", tree.city)
    below = create_area(AreaLevel.COMMUNITY, "市直辖社区", lonely)
    assert [one.id for one in units_below(tree.province)] == [tree.county.id, lonely.id]
    assert units_below(tree.community) == []
    assert (unit_of(tree.community), unit_of(below), unit_of(tree.county)) == (
        tree.county,
        lonely,
        tree.county,
    )
    assert {one.id for one in all_units()} >= {tree.county.id, lonely.id}


# --- by itself, and earlier ------------------------------------------------------------------------------


def owed(name: str) -> list[str]:
    return sorted(db.session.scalars(select(OwedJob.key).where(OwedJob.name.endswith(name))))


def test_it_happens_by_itself_on_its_day(months, freeze):
    county = months.tree.county
    freeze(datetime(2026, 4, 4, 20, 0, tzinfo=UTC) - timedelta(days=1))
    assert months_to_freeze(county, date(2026, 4, 4)) == []
    assert months_to_freeze(county, date(2026, 4, 5)) == [MARCH]
    county.settings = {"coverage_freeze_day": 10}
    db.session.flush()
    assert months_to_freeze(county, date(2026, 4, 9)) == []
    assert months_to_freeze(county, date(2026, 4, 10)) == [MARCH]


def test_a_month_nobody_thought_of_is_made_up_for(months, freeze):
    county = months.tree.county
    freeze_unit(county, MARCH)
    assert months_to_freeze(county, date(2026, 6, 2)) == [date(2026, 4, 1)]
    assert months_to_freeze(county, date(2026, 6, 5)) == [date(2026, 4, 1), date(2026, 5, 1)]


def test_the_night_owes_each_job_once(months, freeze):
    freeze(datetime(2026, 4, 5, 18, 0, tzinfo=UTC))
    assert list(jobs.due_by_itself()) == [(jobs.NIGHTLY_JOB, "2026-04-06")]
    jobs.keep_months()
    jobs.keep_months()
    unit = months.tree.county.id
    mine = [key for key in owed("jobs.count_one") if key.startswith(f"{unit}:")]
    assert mine == [f"{unit}:2026-{month:02d}-01:2026-04-06" for month in (1, 2, 3, 4)]
    assert [key for key in owed("jobs.freeze_one") if key.startswith(f"{unit}:")] == [f"{unit}:2026-03"]
    freeze(datetime(2026, 4, 5, 16, 30, tzinfo=UTC))
    assert list(jobs.due_by_itself()) == []


def test_a_freeze_cut_before_what_lies_above_goes_on_there(months):
    months.march()
    freeze_unit(months.tree.county, MARCH)  # and the worker dies here
    assert not is_frozen(months.tree.city.id, MARCH)
    jobs.freeze_one(months.tree.county.id, MARCH.isoformat())
    assert is_frozen(months.tree.city.id, MARCH)
    assert (
        db.session.scalar(
            select(func.count(CoverageSnapshot.id)).where(CoverageSnapshot.area_id == months.tree.county.id)
        )
        == 1
    )


def test_supervisors_freeze_early_and_nobody_else(months, freeze):
    tree = months.tree
    with pytest.raises(NotAllowed):
        request_freeze(months.coordinator, tree.street, MARCH)
    supervisor = make_actor(Role.COUNTY_SUPERVISOR, tree.county)
    with pytest.raises(Conflict):
        request_freeze(supervisor, tree.county, date(2026, 4, 1))
    with pytest.raises(NotAllowed):
        request_freeze(supervisor, tree.city, MARCH)
    assert request_freeze(supervisor, tree.county, MARCH) == 1
    job = db.session.scalars(select(OwedJob).where(OwedJob.name.endswith("jobs.freeze_one"))).one()
    jobs.freeze_one(**job.payload)
    assert snapshot(tree.county).frozen_by_id == supervisor.user_id
    with pytest.raises(Conflict):
        request_freeze(supervisor, tree.county, MARCH)
    actions = {one.action for one in db.session.scalars(select(AuditEntry))}
    assert {"coverage.freeze_early", "coverage.freeze"} <= actions


# --- corrections -----------------------------------------------------------------------------------------


def test_a_contact_entered_after_the_freeze_is_a_correction(months, freeze):
    _done, called, _half, nothing = months.march()
    months.freeze_march()
    freeze(LATER)
    actor, scope, view = view_of(months)
    assert view.source is Source.FROZEN
    assert view.own.now is None
    assert read_corrections(scope, view, actor) == []
    months.visited(called, date(2026, 3, 20))
    months.called(nothing, date(2026, 3, 21))
    actor, scope, view = view_of(months)
    assert view.own.numbers == Numbers(4, 3, 1)
    assert view.own.now == Numbers(4, 4, 2)
    found = {one.elder_id: one for one in read_corrections(scope, view, actor)}
    assert found[called.id][3:] == (Group.CONTACTED, Group.BOTH, Why.LATE_CONTACT, (date(2026, 3, 20),))
    assert found[nothing.id][3:] == (Group.NEITHER, Group.CONTACTED, Why.LATE_CONTACT, (date(2026, 3, 21),))
    assert len(found) == 2
    assert people_in(scope, view, "not_contacted") == [nothing.id]  # as it was frozen


def test_register_wishes_and_events_are_told_apart(months, freeze):
    done, called, half, _nothing = months.march()
    months.freeze_march()
    freeze(LATER)
    late = months.general_elder(enrolled_on=date(2026, 2, 1))
    called.status, called.left_on = "moved", date(2026, 3, 20)
    half.area_id = half.household.area_id = months.tree.outside.id
    db.session.flush()
    db.session.expire_all()
    add_event(
        months.coordinator,
        months.tree.street,
        SurgeKind.EXTREME_WEATHER,
        "寒潮",
        date(2026, 3, 9),
        date(2026, 3, 9),
    )
    actor, scope, view = view_of(months)
    found = {one.elder_id: one.why for one in read_corrections(scope, view, actor)}
    assert found[late.id] is Why.ENTERED_LATE
    assert found[called.id] is Why.DATES
    assert found[half.id] is Why.MOVED_OUT
    assert found[done.id] is Why.EVENTS
    moved = next(one for one in read_corrections(scope, view, actor) if one.elder_id == half.id)
    assert moved.name == ""  # named where the elder lives now
    # Seen from above nobody has moved.
    county = make_actor(Role.COUNTY_SUPERVISOR, months.tree.county)
    scope = scope_of(county, None)
    assert half.id not in {one.elder_id for one in read_corrections(scope, read_month(scope, MARCH), county)}


def test_a_refusal_after_the_freeze_changes_neither(months, freeze):
    done, *_others = months.march()
    months.freeze_march()
    freeze(LATER)
    months.refuses(done, date(2026, 4, 8))
    _actor, _scope, view = view_of(months)
    assert view.own.now is None


def test_a_county_reads_last_nights_count(months, freeze, monkeypatch):
    from coordinator.supervision.queries import rate

    monkeypatch.setattr(rate, "MOST_LIVE", 1)
    _done, called, *_others = months.march()
    _actor, _scope, view = view_of(months)
    assert view.source is Source.NONE
    count_unit(months.tree.county, MARCH)
    _actor, _scope, view = view_of(months)
    assert (view.source, view.own.numbers) == (Source.COUNTED, Numbers(4, 3, 1))
    months.freeze_march()
    freeze(LATER)
    months.visited(called, date(2026, 3, 20))
    _actor, _scope, view = view_of(months)
    assert view.own.now is None  # nobody has counted since
    count_unit(months.tree.county, MARCH)
    actor, scope, view = view_of(months)
    assert view.own.now == Numbers(4, 3, 2)
    assert [one.why for one in read_corrections(scope, view, actor)] == [Why.LATE_CONTACT]
    assert db.session.scalar(select(func.count()).select_from(CoverageCount)) == 6  # not one row a run


def test_a_recount_is_asked_for_once_a_minute(months):
    for _ in range(2):
        request_count(months.coordinator, months.tree.street, MARCH)
    assert owed("jobs.count_one") == [f"{months.tree.county.id}:2026-03-01:{FIRST_OF_APRIL:%Y%m%d%H%M}"]
    with pytest.raises(NotAllowed):
        request_count(months.coordinator, months.tree.outside, MARCH)
