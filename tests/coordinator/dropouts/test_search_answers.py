"""The search for a stand-in: who answers, and what their yes or no does; visits for two."""

from __future__ import annotations

from datetime import time

import pytest

from coordinator.dropouts.jobs import make_wave
from coordinator.dropouts.models import AskAnswer, SearchOutcome, StandInAsk, StandInSearch
from coordinator.dropouts.services.placing import locked_visit
from coordinator.dropouts.services.searching import answer_ask, choose, start_search
from coordinator.extensions import db
from coordinator.kernel.errors import Conflict, NotFound
from coordinator.visits.services import cancel_visit
from coordinator.workforce.services import suspend_worker
from tests.coordinator.dropouts.conftest import going, titles
from tests.coordinator.dropouts.searches import asks_of, begin, lost_visit
from tests.factories import PLACE


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
