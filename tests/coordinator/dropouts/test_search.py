"""The search for a stand-in: who is asked, in which order, wave by wave, and how it ends by itself."""

from __future__ import annotations

from datetime import date, time, timedelta

from sqlalchemy import select

from coordinator.dropouts.jobs import keep, make_wave
from coordinator.dropouts.models import SearchOutcome, StandInSearch
from coordinator.dropouts.queries.standins import stand_ins
from coordinator.dropouts.rules import wave_gap
from coordinator.dropouts.services.searching import answer_ask
from coordinator.extensions import db
from coordinator.kernel.queue import OwedJob
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import AssignmentState
from coordinator.workforce.queries import workers_for_duty
from coordinator.workforce.services import pair
from tests.coordinator.dropouts.conftest import going, titles
from tests.coordinator.dropouts.searches import asks_of, begin, lost_visit
from tests.factories import PLACE

YESTERDAY = date(2026, 3, 25)


def test_the_nearest_three_are_asked_first_and_told_how_much_longer_the_way_is(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    asked = sorted(asks_of(search).values(), key=lambda one: one.place)
    assert [one.worker_id for one in asked] == [worker.id for worker, _actor in near[:3]]
    assert [one.place for one in asked] == [1, 2, 3]
    assert asked[0].added_seconds < asked[1].added_seconds < asked[2].added_seconds
    told = db.session.scalars(select(Message).where(Message.user_id == near[1][0].user_id)).one()
    assert told.link == f"/stand-in/{asked[1].id}"
    assert visit.elder.name not in told.title + told.body
    assert "退出的人" not in told.title + told.body
    assert titles(near[3][0].user_id) == []


def test_who_knows_the_elder_comes_before_who_lives_nearer(field, near):
    elder = field.elder()
    pair(field.coordinator, elder, workers_for_duty([near[4][0].id])[near[4][0].id])
    done = field.visit((near[3][0], False), elder=elder, day=YESTERDAY)
    done.assignments[0].state = AssignmentState.DONE
    db.session.flush()
    visit, lost = lost_visit(field, elder=elder)
    found = stand_ins([visit.id], without=[lost.id])[visit.id]
    # Being known there outweighs ten minutes on the way, not more.
    assert [one.worker.id for one in found] == [near[n][0].id for n in (0, 3, 1, 4, 2)]
    assert "去过 1 次" in found[1].reasons
    assert "和长者结对" in found[3].reasons


def test_nobody_is_asked_who_cannot_be_there(field, near):
    far, _actor = field.worker(start_latitude=PLACE[0] + 0.3, service_radius_metres=50_000)
    busy = near[0][0]
    visit = field.visit(start=time(15, 0))
    field.visit((busy, False), start=time(14, 50))
    minor, _ = field.minor()
    no_account = field.worker()[0]
    no_account.user_id = None
    db.session.flush()
    ids = {one.worker.id for one in stand_ins([visit.id])[visit.id]}
    assert busy.id not in ids, "another visit at that time"
    assert minor.id not in ids, "a minor stands in for nobody"
    assert no_account.id not in ids, "cannot be asked"
    assert near[1][0].id in ids
    soon = field.visit(start=time(9, 15))
    assert far.id not in {one.worker.id for one in stand_ins([soon.id])[soon.id]}, (
        "could not be there in time"
    )


def test_the_figure_is_the_planners_own_quote(field, near):
    from coordinator.planning.queries.quotes import quoted_candidates
    from coordinator.visits.queries.candidates import candidates_for

    field.visit((near[2][0], False), start=time(13, 0))
    visit = field.visit(start=time(15, 0))
    mine = {one.worker.id: one.added_seconds for one in stand_ins([visit.id])[visit.id]}
    theirs = {
        candidate.worker.id: placing.added_seconds
        for candidate, placing in quoted_candidates(visit, candidates_for(visit)).rows
        if placing is not None
    }
    assert mine
    assert all(theirs[worker_id] == seconds for worker_id, seconds in mine.items())


def test_the_queries_do_not_grow_with_visits_and_people(field, near, queries):
    visits = [field.visit(start=time(10 + n, 0)) for n in range(6)]
    db.session.flush()
    queries.clear()
    stand_ins([visits[0].id])
    one = len(queries)
    queries.clear()
    assert len(stand_ins([visit.id for visit in visits])) == 6
    assert len(queries) == one
    assert one <= 8


# --- waves -----------------------------------------------------------------------------------------------


def test_the_nearer_the_visit_the_shorter_the_time_between_waves():
    gaps = [wave_gap(timedelta(hours=hours)) for hours in (1, 5, 20, 60)]
    assert gaps == sorted(gaps)
    assert gaps[0] == timedelta(minutes=5)
    assert gaps[-1] == timedelta(hours=1)


def test_a_wave_made_twice_is_made_once_and_owes_the_next(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    make_wave(search.id, 1)
    assert len(asks_of(search)) == 3
    make_wave(search.id, 2)
    make_wave(search.id, 2)
    assert len(asks_of(search)) == 5
    keys = db.session.scalars(
        select(OwedJob.key).where(OwedJob.name.endswith("dropouts.jobs.make_wave"))
    ).all()
    assert f"{search.id}:3" in keys


def test_when_all_have_said_no_the_next_wave_does_not_wait(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    for worker, actor in near[:3]:
        answer_ask(actor, asks_of(search)[worker.id].id, False)
    assert len(asks_of(search)) == 5
    assert db.session.get(StandInSearch, search.id).wave == 2


def test_nobody_left_ends_it_and_the_coordinators_are_told_at_once(field, near, later):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    make_wave(search.id, 2)
    later(40)
    make_wave(search.id, 3)
    db.session.expire_all()
    assert search.outcome is SearchOutcome.NOBODY
    told = db.session.scalars(
        select(Message).where(
            Message.user_id == field.coordinator.user_id, Message.title.contains("没有找到")
        )
    ).one()
    assert told.urgent
    assert "顶替的事已经有结果，您不用去" in titles(near[0][0].user_id)


def test_the_time_of_the_visit_ends_it(field, near, later):
    visit, lost = lost_visit(field, start=time(9, 30))
    search = begin(field, visit, lost.id)
    later(31)
    make_wave(search.id, 2)
    db.session.expire_all()
    assert search.outcome is SearchOutcome.NOBODY
    answered = answer_ask(near[0][1], asks_of(search)[near[0][0].id].id, True)
    assert not answered.goes
    assert going(visit) == []


def test_a_wave_the_queue_has_lost_is_made_by_the_keeper(field, near, later):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    db.session.execute(OwedJob.__table__.delete())
    later(33)
    keep()
    assert len(asks_of(search)) == 5


def test_clocks_an_hour_off_neither_hurry_nor_stop_a_search(field, near, later):
    """The number of the wave decides, not the clock of the machine that makes it."""
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    later(-60)
    make_wave(search.id, 2)
    assert len(asks_of(search)) == 5
    later(120)
    make_wave(search.id, 2)
    assert len(asks_of(search)) == 5
