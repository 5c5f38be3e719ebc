"""The search for a stand-in: who is asked, in which order, wave by wave; who answers; how it ends."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select

from coordinator.dropouts.jobs import keep, make_wave
from coordinator.dropouts.models import AskAnswer, SearchOutcome, StandInAsk, StandInSearch
from coordinator.dropouts.queries.standins import stand_ins
from coordinator.dropouts.rules import wave_gap
from coordinator.dropouts.services.leaving import step_back
from coordinator.dropouts.services.placing import locked_visit
from coordinator.dropouts.services.searching import answer_ask, choose, hurry_wave, start_search, stop_search
from coordinator.extensions import db
from coordinator.kernel.errors import Conflict, NotAllowed, NotFound
from coordinator.kernel.queue import OwedJob
from coordinator.marketplace.services import claim_visit
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.services import cancel_visit
from coordinator.workforce.queries import workers_for_duty
from coordinator.workforce.services import pair, suspend_worker
from tests.coordinator.dropouts.conftest import going, titles
from tests.factories import PLACE, make_actor

YESTERDAY = date(2026, 3, 25)


def begin(field, visit, lost=None):
    held = locked_visit(visit.id)
    search = start_search(field.coordinator, held, "原来的人去不了", lost_worker_id=lost)
    db.session.flush()
    return search


def asks_of(search):
    return {
        one.worker_id: one
        for one in db.session.scalars(select(StandInAsk).where(StandInAsk.search_id == search.id))
    }


def lost_visit(field, start=time(15, 0), **over):
    """A visit of today that somebody has just left, and who it was."""
    worker, actor = field.worker(name="退出的人", start_latitude=PLACE[0] + 0.02)
    visit = field.visit((worker, False), start=start, **over)
    step_back(actor, visit.id, "身体不舒服")
    db.session.execute(StandInSearch.__table__.delete())
    return visit, worker


# --- who is asked ----------------------------------------------------------------------------------------


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


# --- answers ---------------------------------------------------------------------------------------------


def test_the_first_yes_wins_and_everybody_hears_it_once(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    (first, first_actor), (second, second_actor), (third, _actor) = near[:3]
    assert answer_ask(first_actor, asks_of(search)[first.id].id, True).goes
    assert going(visit) == [first.id]
    late = answer_ask(second_actor, asks_of(search)[second.id].id, True)
    assert not late.goes
    assert "已经有人去了" in late.text
    assert asks_of(search)[second.id].answer is AskAnswer.LATE
    assert answer_ask(first_actor, asks_of(search)[first.id].id, True).goes, "pressing twice is the same yes"
    assert going(visit) == [first.id]
    db.session.expire_all()
    assert search.outcome is SearchOutcome.FOUND
    assert titles(third.user_id)[-1] == "顶替的事已经有结果，您不用去"
    assert titles(lost.user_id)[-1] == "有人替您去了"
    assert titles(field.coordinator.user_id).count("找到人顶替了") == 1
    make_wave(search.id, 2)
    assert len(asks_of(search)) == 3


def test_a_no_may_become_a_yes_while_it_runs(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    worker, actor = near[0]
    ask = asks_of(search)[worker.id].id
    assert not answer_ask(actor, ask, False).goes
    assert answer_ask(actor, ask, True).goes
    assert going(visit) == [worker.id]


def test_somebody_elses_question_is_not_found(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    with pytest.raises(NotFound):
        answer_ask(near[1][1], asks_of(search)[near[0][0].id].id, True)


def test_a_visit_called_off_meanwhile(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    cancel_visit(field.coordinator, visit, "长者住院")
    answered = answer_ask(near[0][1], asks_of(search)[near[0][0].id].id, True)
    assert not answered.goes
    assert "取消" in answered.text
    db.session.expire_all()
    assert search.outcome is SearchOutcome.STOPPED


def test_somebody_suspended_meanwhile_does_not_go_and_the_search_goes_on(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    worker, actor = near[0]
    suspend_worker(field.coordinator, worker, "证件过期")
    answered = answer_ask(actor, asks_of(search)[worker.id].id, True)
    assert not answered.goes
    assert "去不了" in answered.text
    assert going(visit) == []
    assert db.session.get(StandInSearch, search.id).ended_at is None


def test_who_has_taken_another_visit_meanwhile_does_not_go(field, near):
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    worker, actor = near[0]
    field.visit((worker, False), start=time(15, 10))
    assert not answer_ask(actor, asks_of(search)[worker.id].id, True).goes
    assert going(visit) == []


def test_a_minor_alone_is_refused_as_a_stand_in(field, near):
    """Even when a question has reached a minor: nobody is put on the visit, and a coordinator cannot choose one."""
    visit, lost = lost_visit(field)
    search = begin(field, visit, lost.id)
    minor, actor = field.minor()
    ask = StandInAsk(search_id=search.id, worker_id=minor.id, wave=1, place=9)
    db.session.add(ask)
    db.session.flush()
    assert not answer_ask(actor, ask.id, True).goes
    with pytest.raises(Conflict) as refused:
        choose(field.coordinator, search.id, minor.id)
    assert refused.value.code == "minor_alone"
    assert going(visit) == []


def test_the_minor_of_a_pair_stays_with_the_new_adult(field, near):
    adult, actor = field.worker(name="退出的人", start_latitude=PLACE[0] + 0.02)
    minor, _ = field.minor()
    visit = field.visit((adult, False), (minor, True), start=time(15, 0))
    search = start_search(actor, locked_visit(visit.id), "请人替", lost_worker_id=adult.id)
    worker, taker = near[0]
    assert answer_ask(taker, asks_of(search)[worker.id].id, True).goes
    assert going(visit) == sorted([minor.id, worker.id])
    assert titles(minor.user_id)[-1] == "一起去探访的人换了"


def test_until_somebody_is_found_the_asking_person_goes(field, near, later):
    adult, actor = field.worker(name="想换的人", start_latitude=PLACE[0] + 0.02)
    visit = field.visit((adult, False), start=time(15, 0))
    search = start_search(actor, locked_visit(visit.id), "请人替", lost_worker_id=adult.id)
    assert going(visit) == [adult.id]
    for number in (2, 3):
        later(40)
        make_wave(search.id, number)
    db.session.expire_all()
    assert search.outcome is SearchOutcome.NOBODY
    assert going(visit) == [adult.id]


# --- the coordinator -------------------------------------------------------------------------------------


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


# --- visits for two --------------------------------------------------------------------------------------


def test_a_visit_for_two_waits_for_the_second_yes(field, near):
    visit = field.visit(start=time(15, 0), people=2)
    search = begin(field, visit)
    (one, one_actor), (two, two_actor), (three, _actor) = near[:3]
    first = answer_ask(one_actor, asks_of(search)[one.id].id, True)
    assert not first.goes
    assert "再找到一位" in first.text
    assert going(visit) == []
    assert answer_ask(two_actor, asks_of(search)[two.id].id, True).goes
    assert going(visit) == sorted([one.id, two.id])
    for worker in (one, two):
        assert titles(worker.user_id)[-1] == "一次探访交给您了"
    assert titles(three.user_id)[-1] == "顶替的事已经有结果，您不用去"


def test_who_waits_and_is_stopped_or_thinks_otherwise_does_not_count(field, near):
    visit = field.visit(start=time(15, 0), people=2)
    search = begin(field, visit)
    (one, one_actor), (two, two_actor), (three, three_actor) = near[:3]
    answer_ask(one_actor, asks_of(search)[one.id].id, True)
    suspend_worker(field.coordinator, one, "证件过期")
    assert not answer_ask(two_actor, asks_of(search)[two.id].id, True).goes
    answer_ask(two_actor, asks_of(search)[two.id].id, False)
    assert not answer_ask(three_actor, asks_of(search)[three.id].id, True).goes
    assert going(visit) == []
    assert answer_ask(two_actor, asks_of(search)[two.id].id, True).goes
    assert going(visit) == sorted([two.id, three.id])


def test_who_waited_in_vain_is_told(field, near, later):
    visit = field.visit(start=time(10, 0), people=2)
    search = begin(field, visit)
    one, actor = near[0]
    answer_ask(actor, asks_of(search)[one.id].id, True)
    later(61)
    make_wave(search.id, 2)
    db.session.expire_all()
    assert search.outcome is SearchOutcome.NOBODY
    assert titles(one.user_id)[-1] == "顶替的事已经有结果，您不用去"
