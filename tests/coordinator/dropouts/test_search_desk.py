"""The search for a stand-in as coordinators watch, stop and settle it, and its pages."""

from __future__ import annotations

from datetime import date, time

import pytest
from sqlalchemy import select

from coordinator.dropouts.jobs import keep, make_wave
from coordinator.dropouts.models import StandInSearch
from coordinator.dropouts.services.searching import answer_ask, choose, hurry_wave, stop_search
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.errors import Conflict, NotAllowed
from coordinator.marketplace.services import claim_visit
from coordinator.visits.lifecycle import VisitState
from coordinator.workforce.services import suspend_worker
from tests.coordinator.dropouts.conftest import going, titles
from tests.coordinator.dropouts.searches import asks_of, begin, lost_visit
from tests.factories import PLACE, make_actor

YESTERDAY = date(2026, 3, 25)


def test_a_coordinator_stops_hurries_and_chooses(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    assert hurry_wave(field.coordinator, search.id)
    assert len(asks_of(search)) == 5
    placed = choose(field.coordinator, search.id, near[4][0].id)
    assert placed.names == near[4][0].name
    assert going(visit) == [near[4][0].id]
    with pytest.raises(Conflict):
        choose(field.coordinator, search.id, near[0][0].id)


def test_stopping_tells_who_was_asked_and_twice_is_once(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    stop_search(field.coordinator, search.id)
    stop_search(field.coordinator, search.id)
    assert titles(near[0][0].user_id) == ["想请您顶替去一次探访", "顶替的事已经有结果，您不用去"]
    assert "社区已经另作安排" in answer_ask(near[0][1], asks_of(search)[near[0][0].id].id, True).text


def test_only_the_areas_coordinators_may(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    stranger = make_actor(area=field.tree.other_street)
    for act in (lambda: stop_search(stranger, search.id), lambda: choose(stranger, search.id, near[0][0].id)):
        with pytest.raises(NotAllowed):
            act()


def test_a_claim_meanwhile_holds_the_search_and_beats_a_later_yes(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    claim_visit(near[4][1], visit.id)
    db.session.expire_all()
    if visit.state is VisitState.CLAIMED:
        assert "已经有人去了" in answer_ask(near[0][1], asks_of(search)[near[0][0].id].id, True).text
        make_wave(search.id, 2)
        assert len(asks_of(search)) == 3
    assert near[0][0].id not in going(visit)


def test_nothing_is_searched_for_a_visit_that_lacks_nobody(field, near):
    visit = field.visit((near[0][0], False), start=time(15, 0))
    with pytest.raises(Conflict) as refused:
        begin(field, visit)
    assert refused.value.code == "nobody_missing"
    past = field.visit(day=YESTERDAY)
    with pytest.raises(Conflict):
        begin(field, past)


def test_who_is_stopped_leaves_a_search_behind(field, near):
    from coordinator.marketplace.jobs import free_visits_of

    worker, _actor = field.worker(name="停用的人", start_latitude=PLACE[0] + 0.02)
    visit = field.visit((worker, False), start=time(15, 0))
    suspend_worker(field.coordinator, worker, "证件过期")
    free_visits_of(worker.id)
    keep()
    search = db.session.scalars(select(StandInSearch).where(StandInSearch.visit_id == visit.id)).one()
    assert search.lost_worker_id == worker.id
    keep()
    assert db.session.scalars(select(StandInSearch)).all() == [search]


def test_the_pages(field, near, signed_in):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    db.session.commit()
    ask = asks_of(search)[near[0][0].id]
    phone = signed_in(near[0][1])
    assert "想请您顶替" in phone.get("/today").get_data(as_text=True)
    page = phone.get(f"/stand-in/{ask.id}").get_data(as_text=True)
    assert "分钟" in page
    assert visit.elder.name not in page
    assert visit.elder.household.address not in page
    assert phone.post(f"/stand-in/{ask.id}", {"answer": "yes"}).status_code == 303
    assert going(visit) == [near[0][0].id]
    other = signed_in(near[1][1])
    late = other.post(
        f"/stand-in/{asks_of(search)[near[1][0].id].id}", {"answer": "yes"}, follow_redirects=True
    )
    assert "已经有人去了" in late.get_data(as_text=True)
    desk = signed_in(field.coordinator)
    page = desk.get(f"/visits/{visit.id}/stand-in").get_data(as_text=True)
    assert "找到人了" in page
    assert near[0][0].name in page


# --- another hour of the day -----------------------------------------------------------------------------


def only_later(field):
    """One adult with an account who comes in the late afternoon only."""
    worker, actor = field.worker(name="傍晚来的人")
    for row in worker.availability:
        row.starts, row.ends = time(16), time(18)
    db.session.flush()
    db.session.expire(worker, ["availability"])
    return worker, actor


def test_when_nobody_can_at_that_hour_another_one_is_offered_and_not_taken(field, signed_in):
    later_on, _actor = only_later(field)
    visit = field.visit(start=time(10, 30), elder=field.elder(visit_from=time(9), visit_until=time(18)))
    db.session.commit()
    desk = signed_in(field.coordinator)
    page = desk.get(f"/visits/{visit.id}/stand-in").get_data(as_text=True)
    assert "看看当天别的时间" in page
    asked = {
        "what": "urgent",
        "area": visit.area_id,
        "day": "2026-03-26",
        "visit": visit.id,
        "reason": "没有人",
    }
    offered = desk.post("/planning/changes/proposal", asked).get_data(as_text=True)
    assert later_on.name in offered
    assert "16:" in offered
    db.session.expire_all()
    assert visit.state is VisitState.OPEN
    assert clock.to_local(visit.starts_at).time() == time(10, 30), "offered, not done"


def test_no_other_hour_outside_the_elders_own(field, signed_in):
    later_on, _actor = only_later(field)
    visit = field.visit(start=time(10, 30), elder=field.elder(visit_from=time(9), visit_until=time(12)))
    db.session.commit()
    asked = {
        "what": "urgent",
        "area": visit.area_id,
        "day": "2026-03-26",
        "visit": visit.id,
        "reason": "没有人",
    }
    offered = signed_in(field.coordinator).post("/planning/changes/proposal", asked).get_data(as_text=True)
    assert later_on.name not in offered


def test_nothing_else_is_offered_while_somebody_can_at_that_hour(field, near, signed_in):
    visit, _lost = lost_visit(field)
    db.session.commit()
    page = signed_in(field.coordinator).get(f"/visits/{visit.id}/stand-in").get_data(as_text=True)
    assert near[0][0].name in page
    assert "看看当天别的时间" not in page
