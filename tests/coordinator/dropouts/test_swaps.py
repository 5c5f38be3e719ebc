"""Swaps: whom one may ask, who has to say yes, and that until then the first one goes."""

from __future__ import annotations

from datetime import date, time

import pytest

from coordinator.dropouts.jobs import keep
from coordinator.dropouts.models import SwapState
from coordinator.dropouts.queries.swaps import colleagues_for, swaps_to_decide
from coordinator.dropouts.services.leaving import step_back
from coordinator.dropouts.services.swapping import answer_swap, decide_swap, offer_swap, withdraw_swap
from coordinator.extensions import db
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.services import cancel_visit
from coordinator.workforce.services import suspend_worker
from tests.coordinator.dropouts.conftest import going, titles
from tests.factories import make_actor, make_organisation

YESTERDAY = date(2026, 3, 25)


@pytest.fixture
def pair_of(field):
    """A giver with a visit this afternoon and a colleague of the same organisation."""
    company = make_organisation(field.tree.street)
    giver, giver_actor = field.worker(name="给的人", organisation_id=company.id)
    taker, taker_actor = field.worker(name="接的人", organisation_id=company.id)
    visit = field.visit((giver, False), start=time(15, 0))
    return visit, giver, giver_actor, taker, taker_actor


def test_a_swap_from_the_question_to_the_new_name(field, pair_of):
    visit, giver, giver_actor, taker, taker_actor = pair_of
    swap = offer_swap(giver_actor, visit.id, taker.id, "下午要开会")
    assert offer_swap(giver_actor, visit.id, taker.id).id == swap.id
    assert titles(taker.user_id) == ["给的人想请您替一次探访"]
    assert answer_swap(taker_actor, swap.id, True).state is SwapState.AGREED
    assert going(visit) == [giver.id], "until it is done the first one goes"
    assert [one.id for one in swaps_to_decide(field.coordinator)] == [swap.id]
    assert decide_swap(field.coordinator, swap.id, True).state is SwapState.DONE
    assert going(visit) == [taker.id]
    assert titles(giver.user_id) == ["换好了，您不用去了"]
    assert titles(taker.user_id)[-1] == "一次探访交给您了"
    assert decide_swap(field.coordinator, swap.id, True).state is SwapState.DONE, "twice is once"


def test_a_swap_by_mistake_is_undone_by_another(field, pair_of):
    visit, giver, giver_actor, taker, taker_actor = pair_of
    for asks, answers, back in ((giver_actor, taker_actor, taker), (taker_actor, giver_actor, giver)):
        swap = offer_swap(asks, visit.id, back.id)
        answer_swap(answers, swap.id, True)
        decide_swap(field.coordinator, swap.id, True)
        assert going(visit) == [back.id]


def test_familiar_adults_swap_themselves_where_the_community_says_so(field, pair_of):
    visit, _giver, giver_actor, taker, taker_actor = pair_of
    field.tree.street.settings = {"dropouts": {"familiar_swap": True}}
    swap = offer_swap(giver_actor, visit.id, taker.id)
    assert answer_swap(taker_actor, swap.id, True).state is SwapState.AGREED, "never been there"
    withdraw_swap(giver_actor, swap.id)
    been = field.visit((taker, False), elder=visit.elder, day=YESTERDAY)
    been.assignments[0].state = AssignmentState.DONE
    db.session.flush()
    swap = offer_swap(giver_actor, visit.id, taker.id)
    assert answer_swap(taker_actor, swap.id, True).state is SwapState.DONE
    assert going(visit) == [taker.id]
    assert titles(field.coordinator.user_id)[-1] == "两个人自己换好了一次探访"


def test_only_known_colleagues_are_shown_and_may_be_asked(field, pair_of, near):
    visit, giver, giver_actor, taker, _taker_actor = pair_of
    assert [one.worker.id for one in colleagues_for(visit, giver.id)] == [taker.id]
    with pytest.raises(InvalidInput):
        offer_swap(giver_actor, visit.id, near[0][0].id)
    together = field.visit((giver, False), (near[0][0], False), day=YESTERDAY, people=2)
    for one in together.assignments:
        one.state = AssignmentState.DONE
        one.ended_at = together.ends_at
    db.session.flush()
    assert {one.worker.id for one in colleagues_for(visit, giver.id)} == {taker.id, near[0][0].id}


def test_a_minor_is_refused_as_a_taker(field, pair_of):
    visit, giver, giver_actor, _taker, _taker_actor = pair_of
    minor, _ = field.minor(organisation_id=giver.organisation_id)
    with pytest.raises(Conflict) as refused:
        offer_swap(giver_actor, visit.id, minor.id)
    assert refused.value.code == "minor_alone"
    assert going(visit) == [giver.id]


def test_who_only_goes_along_does_not_swap(field, pair_of):
    _visit, giver, _giver_actor, taker, _taker_actor = pair_of
    minor, minor_actor = field.minor(organisation_id=giver.organisation_id)
    together = field.visit((giver, False), (minor, True), start=time(17, 0))
    with pytest.raises(Conflict) as refused:
        offer_swap(minor_actor, together.id, taker.id)
    assert refused.value.code == "companion_place"


def test_declined_withdrawn_and_refused(field, pair_of):
    visit, giver, giver_actor, taker, taker_actor = pair_of
    swap = offer_swap(giver_actor, visit.id, taker.id)
    assert answer_swap(taker_actor, swap.id, False).state is SwapState.DECLINED
    swap = offer_swap(giver_actor, visit.id, taker.id)
    assert withdraw_swap(giver_actor, swap.id).state is SwapState.WITHDRAWN
    assert answer_swap(taker_actor, swap.id, True).state is SwapState.WITHDRAWN
    swap = offer_swap(giver_actor, visit.id, taker.id)
    answer_swap(taker_actor, swap.id, True)
    with pytest.raises(InvalidInput):
        decide_swap(field.coordinator, swap.id, False, " ")
    assert decide_swap(field.coordinator, swap.id, False, "长者只认识他").state is SwapState.REFUSED
    assert going(visit) == [giver.id]
    assert titles(taker.user_id)[-1] == "换人没有通过，您不用去"


def test_the_beginning_of_the_visit_ends_an_offer(field, pair_of, later):
    visit, giver, giver_actor, taker, taker_actor = pair_of
    swap = offer_swap(giver_actor, visit.id, taker.id)
    later(6 * 60)
    assert answer_swap(taker_actor, swap.id, True).state is SwapState.EXPIRED
    assert going(visit) == [giver.id]


def test_the_keeper_expires_what_nobody_answered(field, pair_of, later):
    visit, _giver, giver_actor, taker, _taker_actor = pair_of
    swap = offer_swap(giver_actor, visit.id, taker.id)
    later(6 * 60)
    keep()
    db.session.expire_all()
    assert swap.state is SwapState.EXPIRED


def test_a_visit_called_off_and_a_giver_who_left_end_it(field, pair_of):
    visit, giver, giver_actor, taker, taker_actor = pair_of
    swap = offer_swap(giver_actor, visit.id, taker.id)
    step_back(giver_actor, visit.id, "病了")
    db.session.expire_all()
    assert swap.state is SwapState.WITHDRAWN
    other = field.visit((giver, False), start=time(17, 0))
    swap = offer_swap(giver_actor, other.id, taker.id)
    cancel_visit(field.coordinator, other, "长者住院")
    assert answer_swap(taker_actor, swap.id, True).state is SwapState.EXPIRED
    assert going(other) == []


def test_somebody_suspended_or_busy_meanwhile_cannot_take_it(field, pair_of):
    visit, giver, giver_actor, taker, taker_actor = pair_of
    swap = offer_swap(giver_actor, visit.id, taker.id)
    answer_swap(taker_actor, swap.id, True)
    suspend_worker(field.coordinator, taker, "证件过期")
    with pytest.raises(Conflict) as refused:
        decide_swap(field.coordinator, swap.id, True)
    assert refused.value.code == "unfit"
    assert going(visit) == [giver.id]


def test_strangers_and_other_areas(field, pair_of, near):
    visit, _giver, giver_actor, taker, taker_actor = pair_of
    swap = offer_swap(giver_actor, visit.id, taker.id)
    for act in (
        lambda: answer_swap(near[0][1], swap.id, True),
        lambda: answer_swap(giver_actor, swap.id, True),
        lambda: withdraw_swap(taker_actor, swap.id),
    ):
        with pytest.raises(NotFound):
            act()
    answer_swap(taker_actor, swap.id, True)
    with pytest.raises(NotAllowed):
        decide_swap(make_actor(area=field.tree.other_street), swap.id, True)


def test_the_minor_of_a_pair_stays(field, pair_of):
    _visit, giver, giver_actor, taker, taker_actor = pair_of
    minor, _ = field.minor()
    together = field.visit((giver, False), (minor, True), start=time(16, 30))
    swap = offer_swap(giver_actor, together.id, taker.id)
    answer_swap(taker_actor, swap.id, True)
    decide_swap(field.coordinator, swap.id, True)
    assert going(together) == sorted([minor.id, taker.id])


def test_the_pages(field, pair_of, signed_in):
    visit, _giver, giver_actor, taker, taker_actor = pair_of
    db.session.commit()
    phone = signed_in(giver_actor)
    page = phone.get(f"/today/{visit.id}/swap").get_data(as_text=True)
    assert "接的人" in page
    assert "请系统找人" in page
    assert phone.post(f"/today/{visit.id}/swap", {}).status_code == 422
    made = phone.post(f"/today/{visit.id}/swap", {"taker": taker.id, "note": "下午有课"})
    assert made.status_code == 303
    where = made.headers["Location"]
    other = signed_in(taker_actor)
    page = other.get(where).get_data(as_text=True)
    assert "能去" in page
    assert visit.elder.name not in page
    assert other.post(f"{where}/answer", {"answer": "yes"}).status_code == 303
    desk = signed_in(field.coordinator)
    page = desk.get("/dropouts").get_data(as_text=True)
    assert "给的人 换成 接的人" in page
    assert desk.post(f"{where}/decide", {"agree": "no", "reason": ""}).status_code == 422
    assert desk.post(f"{where}/decide", {"agree": "yes"}).status_code == 303
    assert going(visit) == [taker.id]


def test_the_system_looks_while_the_giver_still_goes(field, pair_of, signed_in):
    visit, giver, giver_actor, _taker, _taker_actor = pair_of
    db.session.commit()
    assert signed_in(giver_actor).post(f"/today/{visit.id}/find-stand-in").status_code == 303
    assert going(visit) == [giver.id]
