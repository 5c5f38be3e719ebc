"""摸排: nobody and no home is left out, two people at once are told, and it ends only when all is answered."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from coordinator.elders.models import ElderStatus, ImportBatch
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.register.models import (
    ExternalRecord,
    MatchState,
    Outcome,
    Source,
    SurveyItem,
    SurveyKind,
)
from coordinator.register.queries.survey_items import own_items, views_of
from coordinator.register.queries.surveys import (
    homes_without_answer,
    missing_from_list,
    progress_by_place,
    whole,
)
from coordinator.register.services.leaving import leave
from coordinator.register.services.surveys import (
    add_person,
    assign_items,
    close_survey,
    complete_list,
    decide_item,
    leave_open,
    link_new_elder,
    open_survey,
)
from tests import factories
from tests.coordinator.register.conftest import TODAY, as_worker


def listed(place, area, name="何示例", number=None, **over):
    """Somebody on another office's list who is not in the register."""
    batch = ImportBatch(
        kind="source_disabled", area_id=place.tree.street.id, filename="x.xlsx", sha256="0" * 64
    )
    db.session.add(batch)
    db.session.flush()
    values = {"name": name, "address": "新街1号"} | ({"id_number": number} if number else {})
    record = ExternalRecord(
        batch_id=batch.id,
        row_number=2,
        source=over.pop("source", Source.DISABLED),
        street_id=place.tree.street.id,
        area_id=area.id,
        name=name,
        person_key=over.pop("key", name.encode()),
        values=values,
        data_on=TODAY,
        match=MatchState.UNKNOWN,
        **over,
    )
    db.session.add(record)
    db.session.flush()
    return record


def items(survey):
    db.session.expire_all()
    return db.session.scalars(
        select(SurveyItem).where(SurveyItem.survey_id == survey.id).order_by(SurveyItem.id)
    ).all()


def start(place, area=None):
    return open_survey(place.here, area or place.tree.community, SurveyKind.RENEWAL)


def answer(place, item, outcome, **over):
    decide_item(place.here, item, outcome, **({"version": item.version, "note": "邻居说的"} | over))


def test_the_list_holds_elders_people_of_lists_and_homes_without_elders(place):
    community = place.tree.community
    elder = place.elder()
    gone = place.elder()
    leave(place.here, gone, ElderStatus.MOVED, TODAY)
    place.elder(area=place.tree.other_community)
    record = listed(place, community)
    survey = start(place)
    found = items(survey)
    assert [one.elder_id for one in found if one.elder_id] == [elder.id]
    assert [one.record_id for one in found if one.record_id] == [record.id]
    # The home of somebody who has left may have new people in it.
    assert [one.household_id for one in found if one.household_id] == [gone.household_id]
    assert {one.place for one in found if one.elder_id} == {"滨江片"}


def test_one_person_on_two_lists_is_one_door(place):
    one = listed(place, place.tree.community, key=b"same")
    listed(place, place.tree.community, key=b"same", source=Source.HEALTH)
    assert [item.record_id for item in items(start(place))] == [one.id]


def test_who_was_registered_since_the_list_came_is_an_elder_and_no_newcomer(place):
    elder = place.elder(id_number="51050219440302002X", birth_date=date(1944, 3, 2))
    listed(place, place.tree.community, id_number_hash=elder.id_number_hash)
    found = items(start(place))
    assert [(one.elder_id, one.record_id) for one in found] == [(elder.id, None)]


def test_what_comes_later_is_added_once(place):
    place.elder()
    survey = start(place)
    assert missing_from_list(survey) == 0
    place.elder()
    listed(place, place.tree.community)
    assert missing_from_list(survey) == 1
    assert complete_list(place.here, survey) == 2
    assert complete_list(place.here, survey) == 0


def test_an_area_is_surveyed_once_at_a_time(place):
    start(place)
    for area in (place.tree.community, place.tree.street):
        with pytest.raises(Conflict) as refused:
            start(place, area)
        assert refused.value.code == "survey_open"
    assert start(place, place.tree.other_community)


def test_a_foreign_area_and_a_county_are_refused(place):
    with pytest.raises(NotAllowed):
        start(place, place.tree.outside)
    with pytest.raises(NotAllowed):
        start(place, place.tree.county)
    with pytest.raises(InvalidInput):
        open_survey(place.here, place.tree.community, SurveyKind.FIRST, TODAY - timedelta(days=1))
    supervisor = factories.make_actor(Role.COUNTY_SUPERVISOR, place.tree.county)
    with pytest.raises(NotAllowed):
        open_survey(supervisor, place.tree.community, SurveyKind.FIRST)


def test_verifying_renews_the_half_year(place, worker):
    elder = place.elder(reverify_due_on=date(2026, 1, 1))
    (item,) = items(start(place))
    assign_items(place.here, item.survey, [item.id], worker=worker)
    me = as_worker(worker)
    decide_item(me, item, Outcome.VERIFIED, version=item.version)
    db.session.expire_all()
    assert elder.reverify_due_on > TODAY + timedelta(days=170)
    assert (item.outcome, item.decided_by_id) == (Outcome.VERIFIED, worker.user_id)


def test_only_who_was_asked_to_go_decides(place, worker):
    place.elder()
    (item,) = items(start(place))
    with pytest.raises(NotAllowed):
        decide_item(as_worker(worker), item, Outcome.VERIFIED, version=item.version)
    with pytest.raises(NotAllowed):
        decide_item(place.there, item, Outcome.VERIFIED, version=item.version)
    assert own_items(as_worker(worker)) == []
    assign_items(place.here, item.survey, [item.id], worker=worker)
    assert own_items(as_worker(worker)) == [item]


def test_of_two_people_who_answer_the_same_door_the_second_is_told(place):
    place.elder()
    (item,) = items(start(place))
    seen = item.version
    answer(place, item, Outcome.VERIFIED)
    with pytest.raises(Conflict) as refused:
        decide_item(place.here, item, Outcome.MOVED, version=seen)
    assert refused.value.code == "stale"
    assert "已核实" in refused.value.message
    assert item.outcome is Outcome.VERIFIED
    # Somebody faster by another connection: the row itself decides.
    db.session.execute(
        update(SurveyItem)
        .where(SurveyItem.id == item.id)
        .values(version=99)
        .execution_options(synchronize_session=False)
    )
    with pytest.raises(Conflict):
        decide_item(place.here, item, Outcome.MOVED, version=item.version)


def test_each_outcome_leads_on(place):
    elders = [place.elder() for _n in range(4)]
    listed(place, place.tree.community)
    survey = start(place)
    by_elder = {one.elder_id: one for one in items(survey)}
    answer(place, by_elder[elders[0].id], Outcome.MOVED)
    answer(place, by_elder[elders[1].id], Outcome.REFUSED)
    answer(place, by_elder[elders[2].id], Outcome.VERIFIED)
    answer(place, by_elder[elders[3].id], Outcome.NOT_FOUND)
    answer(place, by_elder[None], Outcome.VERIFIED)
    follow = {view.item.elder_id: view.follow for view in views_of(items(survey))}
    assert follow == {
        elders[0].id: "leave",
        elders[1].id: "refusal",
        elders[2].id: "",
        elders[3].id: "",
        None: "dossier",
    }
    assert whole(progress_by_place(survey)).follow == 3
    leave(place.here, elders[0], ElderStatus.MOVED, TODAY)
    link_new_elder(place.here, by_elder[None], place.elder())
    assert whole(progress_by_place(survey)).follow == 1
    record = db.session.scalars(select(ExternalRecord)).one()
    assert record.match is MatchState.MATCHED


def test_who_was_not_found_is_tried_again_and_counts_as_answered_then(place):
    place.elder()
    survey = start(place)
    (item,) = items(survey)
    answer(place, item, Outcome.NOT_FOUND)
    assert item.next_try_on == TODAY + timedelta(days=7)
    with pytest.raises(Conflict):
        close_survey(place.here, survey)
    with pytest.raises(InvalidInput):
        answer(place, item, Outcome.NOT_FOUND, next_try_on=TODAY - timedelta(days=1))
    answer(place, item, Outcome.NOT_FOUND, next_try_on=TODAY + timedelta(days=3))
    close_survey(place.here, survey)
    assert survey.closed_at is not None


def test_a_refusal_says_what_was_said(place):
    place.elder()
    (item,) = items(start(place))
    with pytest.raises(InvalidInput):
        answer(place, item, Outcome.REFUSED, note="")


def test_a_home_without_elders_has_answers_of_its_own(place):
    home = factories.make_household(place.tree.community)
    survey = start(place)
    (item,) = items(survey)
    assert item.household_id == home.id
    with pytest.raises(InvalidInput):
        answer(place, item, Outcome.VERIFIED)
    answer(place, item, Outcome.NO_ELDER)
    elder = place.elder()
    complete_list(place.here, survey)
    (other,) = [one for one in items(survey) if one.elder_id == elder.id]
    with pytest.raises(InvalidInput):
        answer(place, other, Outcome.NO_ELDER)


def test_homes_with_no_answer_are_shown_until_one_of_them_is_answered(place):
    couple = place.elder()
    place.elder(home=couple.household)
    alone = place.elder()
    survey = start(place)
    assert {(address, n) for _place, address, n in homes_without_answer(survey)} == {
        (couple.household.address, 2),
        (alone.household.address, 1),
    }
    answer(place, next(one for one in items(survey) if one.elder_id == couple.id), Outcome.VERIFIED)
    assert [address for _place, address, _n in homes_without_answer(survey)] == [alone.household.address]


def test_it_ends_with_an_outcome_or_a_reason_for_each(place):
    place.elder()
    survey = start(place)
    with pytest.raises(Conflict) as refused:
        close_survey(place.here, survey)
    assert refused.value.code == "items_open"
    with pytest.raises(InvalidInput):
        leave_open(place.here, survey, None, " ")
    assert leave_open(place.here, survey, None, "去外地过冬，开春再去") == 1
    close_survey(place.here, survey)
    (item,) = items(survey)
    with pytest.raises(Conflict):
        answer(place, item, Outcome.VERIFIED)
    with pytest.raises(Conflict):
        close_survey(place.here, survey)
    assert start(place).id != survey.id


def test_who_leaves_meanwhile_needs_no_second_answer(place):
    elder = place.elder()
    survey = start(place)
    leave(place.here, elder, ElderStatus.DECEASED, TODAY)
    (item,) = items(survey)
    assert item.outcome is Outcome.DIED
    close_survey(place.here, survey)


def test_somebody_met_on_the_way_is_added(place):
    survey = start(place)
    item = add_person(place.here, survey, place.tree.community, "何 新", "新街 2号", "13900000004")
    assert item.person == {"name": "何新", "address": "新街2号", "phone": "13900000004"}
    for wrong in (("", "新街2号", ""), ("何新", " ", ""), ("何新", "新街2号", "12")):
        with pytest.raises(InvalidInput):
            add_person(place.here, survey, place.tree.community, *wrong)
    with pytest.raises(InvalidInput):
        add_person(place.here, survey, place.tree.other_community, "何新", "新街2号")


def test_doors_are_given_to_grown_ups_who_are_approved(place, worker):
    place.elder()
    survey = start(place)
    (item,) = items(survey)
    young = factories.make_worker(place.tree.community, birth_date=date(2012, 1, 1))
    waiting = factories.make_worker(place.tree.community, status="applied")
    for nobody in (young, waiting):
        with pytest.raises(InvalidInput):
            assign_items(place.here, survey, [item.id], worker=nobody)
    with pytest.raises(InvalidInput):
        assign_items(place.here, survey, [], worker=worker)
    assign_items(place.here, survey, [item.id], name="网格员老李")
    assert (item.assigned_name, item.assigned_worker_id) == ("网格员老李", None)
    assign_items(place.here, survey, [item.id], worker=worker)
    assert (item.assigned_name, item.assigned_worker_id) == (None, worker.id)
