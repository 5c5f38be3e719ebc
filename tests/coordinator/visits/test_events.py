"""Festivals, weather and epidemics: what they oblige to, how they are changed and cancelled, what they forbid."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select

from coordinator.elders.models import ConsentState
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.marketplace.duty import duty_worker
from coordinator.marketplace.queries.offered import open_visits
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.services import claim_visit
from coordinator.messages.models import Message
from coordinator.policy import BlockReason, Status
from coordinator.visits.festivals import days_off_known, festivals, years_known
from coordinator.visits.lifecycle import ContactMode, VisitState
from coordinator.visits.models import SurgeEvent, SurgeKind, Visit, WeatherKind, WeatherLevel
from coordinator.visits.queries import obligations_for
from coordinator.visits.queries.events import count_home_visits_in, home_visits_in
from coordinator.visits.services import (
    add_event,
    add_festivals,
    assign,
    cancel_event,
    change_event,
    settle_home_visits,
)
from coordinator.visits.services.events import Warned
from coordinator.workforce.queries import workers_for_duty
from tests.coordinator.visits.conftest import NOW, TODAY, World
from tests.factories import make_actor, make_user, make_worker

WEATHER = SurgeKind.EXTREME_WEATHER


def owed_in(world: World, elder, first: date, last: date) -> list:
    return [
        one
        for one in obligations_for([elder], world.tree.street, first, last, TODAY)[elder.id]
        if one.event is not None
    ]


def lines(action: str) -> list[AuditEntry]:
    return list(db.session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


# --- what follows from an event --------------------------------------------------------------------------


def test_a_surge_inside_a_period_is_owed_beside_it_and_follows_every_change(world):
    elder = world.general_elder()
    event = add_event(
        world.coordinator,
        world.tree.street,
        WEATHER,
        "高温",
        TODAY,
        TODAY + timedelta(days=2),
        warned=Warned(WeatherKind.HEAT, WeatherLevel.ORANGE),
    )
    (owed,) = owed_in(world, elder, TODAY, TODAY)
    assert (owed.period_from, owed.period_to, owed.status) == (TODAY, TODAY + timedelta(days=2), Status.OWED)
    world.called(elder, TODAY)
    assert owed_in(world, elder, TODAY, TODAY)[0].status is Status.MET
    later = TODAY + timedelta(days=1)
    change_event(world.coordinator, event, world.tree.street, "高温", later, later, reason="推迟一天")
    (moved,) = owed_in(world, elder, TODAY, later)
    assert (moved.period_from, moved.counted) == (later, 0)
    cancel_event(world.coordinator, event, world.tree.street, "预报改了")
    assert owed_in(world, elder, TODAY, later) == []


def test_a_surge_across_the_turn_of_a_month_is_one_obligation_of_its_own_days(world):
    elder = world.key_elder()
    first, last = date(2026, 2, 27), date(2026, 3, 3)
    world.event(WEATHER, "寒潮", first, last)
    world.visited(elder, date(2026, 3, 1))
    in_february = owed_in(world, elder, date(2026, 2, 1), date(2026, 2, 28))
    in_march = owed_in(world, elder, date(2026, 3, 1), date(2026, 3, 31))
    assert [one.as_dict() for one in in_february] == [one.as_dict() for one in in_march]
    assert (in_march[0].period_from, in_march[0].period_to, in_march[0].status) == (first, last, Status.MET)


def test_an_epidemic_over_the_end_of_a_period_blocks_it_and_not_the_next(world):
    elder = world.general_elder()
    world.event(SurgeKind.EPIDEMIC, "流感", TODAY, date(2026, 4, 5))
    march, april = obligations_for([elder], world.tree.street, date(2026, 3, 1), date(2026, 4, 30), TODAY)[
        elder.id
    ]
    assert (march.period_to, march.blocked) == (date(2026, 3, 31), BlockReason.EPIDEMIC)
    assert (april.period_to, april.blocked) == (date(2026, 4, 30), None)


# --- entering, changing, cancelling ----------------------------------------------------------------------


def test_supervisors_and_coordinators_enter_events_for_their_own_areas(world):
    tree = world.tree
    for role, area in ((Role.COUNTY_SUPERVISOR, tree.county), (Role.COMMUNITY_COORDINATOR, tree.community)):
        add_event(make_actor(role, area), area, WEATHER, f"大风{role}", TODAY, TODAY)
    for role, area in (
        (Role.COMMUNITY_COORDINATOR, tree.other_community),
        (Role.ADMINISTRATOR, tree.community),
        (Role.WORKER, None),
    ):
        with pytest.raises(NotAllowed):
            add_event(make_actor(role, area), tree.community, WEATHER, "台风", TODAY, TODAY)


def test_the_same_event_of_an_area_above_is_not_entered_again(world):
    add_event(
        make_actor(Role.COUNTY_SUPERVISOR, world.tree.county),
        world.tree.county,
        WEATHER,
        "台风",
        TODAY,
        TODAY,
    )
    with pytest.raises(Conflict) as refusal:
        add_event(world.coordinator, world.tree.street, WEATHER, "台风", TODAY, TODAY + timedelta(days=1))
    assert refusal.value.code == "event_exists"


def test_other_days_of_what_has_begun_need_a_reason_that_stays(world):
    street = world.tree.street
    event = add_event(world.coordinator, street, WEATHER, "暴雨", TODAY, TODAY + timedelta(days=5))
    with pytest.raises(InvalidInput) as refusal:
        change_event(world.coordinator, event, street, "暴雨", TODAY, TODAY)
    assert refusal.value.field == "reason"
    assert event.last_day == TODAY + timedelta(days=5)
    change_event(world.coordinator, event, street, "暴雨", TODAY, TODAY, reason="预警已经解除")
    (line,) = lines("event.change")
    assert line.changes["last_day"] == [(TODAY + timedelta(days=5)).isoformat(), TODAY.isoformat()]
    assert line.changes["reason"] == [None, "预警已经解除"]
    coming = add_event(
        world.coordinator, street, WEATHER, "雷电", TODAY + timedelta(days=9), TODAY + timedelta(days=9)
    )
    change_event(
        world.coordinator, coming, street, "雷电", TODAY + timedelta(days=8), TODAY + timedelta(days=9)
    )


def test_a_refused_change_changes_nothing(world):
    street = world.tree.street
    event = add_event(world.coordinator, street, WEATHER, "暴雨", TODAY, TODAY)
    with pytest.raises(InvalidInput):
        change_event(
            world.coordinator, event, street, "暴雨", TODAY, TODAY - timedelta(days=1), reason="试试"
        )
    with pytest.raises(InvalidInput):
        change_event(world.coordinator, event, street, " ", TODAY, TODAY)
    with pytest.raises(InvalidInput):
        change_event(
            world.coordinator, event, street, "暴雨", TODAY, TODAY + timedelta(days=200), reason="很久"
        )
    assert (event.name, event.last_day) == ("暴雨", TODAY)
    assert lines("event.change") == []


def test_a_cancelled_event_stays_with_its_reason_and_is_nowhere(world):
    street = world.tree.street
    event = add_event(world.coordinator, street, WEATHER, "大雾", TODAY - timedelta(days=1), TODAY)
    with pytest.raises(InvalidInput):
        cancel_event(world.coordinator, event, street, "  ")
    cancel_event(world.coordinator, event, street, "登记到别的街道了")
    assert (event.area_id, event.cancelled_from_id) == (None, street.id)
    assert lines("event.cancel")[0].area_id == street.id
    with pytest.raises(Conflict):
        cancel_event(world.coordinator, event, street, "再取消一次")
    with pytest.raises(Conflict):
        change_event(world.coordinator, event, street, "大雾", TODAY, TODAY)
    # The same may be entered anew.
    add_event(world.coordinator, street, WEATHER, "大雾", TODAY - timedelta(days=1), TODAY)


def test_the_page_keeps_what_was_refused_and_takes_it_with_a_reason(world, client):
    from tests.factories import csrf_token, sign_in

    event = add_event(world.coordinator, world.tree.street, WEATHER, "暴雨", TODAY, TODAY + timedelta(days=5))
    sign_in(client, make_user(Role.STREET_COORDINATOR, world.tree.street))
    data = {"csrf_token": csrf_token(client), "name": "大暴雨", "weather": "", "level": ""}
    data |= {"first_day": TODAY.isoformat(), "last_day": TODAY.isoformat()}
    refused = client.post(f"/events/{event.id}", data=data)
    assert refused.status_code == 422
    assert 'value="大暴雨"' in refused.text
    assert client.post(f"/events/{event.id}", data=data | {"reason": "预警已经解除"}).status_code == 303
    assert (event.name, event.last_day) == ("大暴雨", TODAY)
    url = f"/events/{event.id}/cancel"
    assert client.post(url, data={"csrf_token": data["csrf_token"]}).status_code == 422
    gone = client.post(url, data={"csrf_token": data["csrf_token"], "reason": "登记错了"})
    assert gone.status_code == 303
    assert event.cancelled_at is not None


# --- festivals -------------------------------------------------------------------------------------------


def test_a_years_festivals_are_entered_at_once_and_only_once(world):
    made = add_festivals(world.coordinator, world.tree.street, 2026)
    assert [one.name for one in made] == ["清明节", "端午节", "中秋节", "重阳节"]  # 春节 and 元宵 are over
    assert add_festivals(world.coordinator, world.tree.street, 2026) == []


def test_days_off_are_those_of_the_published_years_only():
    by_name = {one.name: one for one in festivals(2026)}
    assert by_name["春节"].off == (date(2026, 2, 15), date(2026, 2, 23))
    assert by_name["清明节"].off == (date(2026, 4, 4), date(2026, 4, 6))
    assert by_name["重阳节"].off is None  # no public holiday
    assert "国庆节" not in by_name
    # 中秋 of 2020 and 2025 lies inside the days off of 国庆节.
    assert {one.name: one.off for one in festivals(2025)}["中秋节"] == (date(2025, 10, 1), date(2025, 10, 8))
    _first, last = years_known()
    assert days_off_known(last)
    assert not days_off_known(last + 1)
    assert all(one.off is None for one in festivals(last + 1))


# --- an epidemic and the visits at home ------------------------------------------------------------------


@pytest.fixture
def overtaken(world) -> tuple[SurgeEvent, dict[str, Visit]]:
    """Visits planned before an epidemic was entered: at home inside and after it, and a call inside it."""
    tomorrow = TODAY + timedelta(days=1)
    visits = {
        "open": world.visit(world.general_elder(), tomorrow),
        "assigned": world.visit(world.general_elder(), tomorrow, start=time(14, 0)),
        "call": world.visit(world.general_elder(), tomorrow, mode=ContactMode.PHONE),
        "after": world.visit(world.general_elder(), TODAY + timedelta(days=5)),
        "elsewhere": World(world.tree, make_actor(Role.STREET_COORDINATOR, world.tree.other_street)).visit(
            world.general_elder(area=world.tree.outside), tomorrow
        ),
    }
    worker = make_worker(world.tree.community, user_id=make_user(None).id)
    assign(world.coordinator, visits["assigned"], [(workers_for_duty([worker.id])[worker.id], False)])
    event = add_event(
        world.coordinator, world.tree.street, SurgeKind.EPIDEMIC, "流感", TODAY, TODAY + timedelta(days=3)
    )
    return event, visits


def test_planned_visits_at_home_are_listed_and_turned_into_calls(world, overtaken):
    event, visits = overtaken
    street = world.tree.street
    found = home_visits_in(event, street, world.coordinator)
    assert {one.id for one in found} == {visits["open"].id, visits["assigned"].id}
    assert count_home_visits_in(event, street, world.coordinator) == 2
    changed = settle_home_visits(world.coordinator, event, street, {visits["open"].id}, "call", "疫情")
    assert [one.id for one in changed.done] == [visits["open"].id]
    assert visits["open"].mode is ContactMode.PHONE
    changed = settle_home_visits(world.coordinator, event, street, None, "cancel", "疫情")
    assert (visits["assigned"].state, visits["assigned"].cancelled_reason) == (VisitState.CANCELLED, "疫情")
    assert count_home_visits_in(event, street, world.coordinator) == 0
    assert visits["after"].state is VisitState.OPEN
    assert len(lines("visit.to_call")) == 1


def test_a_visit_that_has_begun_is_left(world, overtaken):
    event, visits = overtaken
    visits["assigned"].state = VisitState.IN_PROGRESS
    db.session.flush()
    changed = settle_home_visits(world.coordinator, event, world.tree.street, None, "call", "疫情")
    assert [one.id for one in changed.done] == [visits["open"].id]
    assert visits["assigned"].mode is ContactMode.HOME


def test_the_market_keeps_to_the_epidemic(world, overtaken, freeze):
    event, visits = overtaken
    user = make_user(Role.WORKER)
    worker = make_worker(world.tree.community, user_id=user.id)
    me = make_actor(Role.WORKER, worker_id=worker.id)
    offered = {one.visit_id for one in open_visits(duty_worker(worker.id), Rules.of(None), NOW).openings}
    assert visits["open"].id not in offered
    assert visits["after"].id in offered
    with pytest.raises(Conflict) as refusal:
        claim_visit(me, visits["open"].id)
    assert refusal.value.code == "epidemic"
    with pytest.raises(Conflict) as refusal:
        assign(world.coordinator, visits["open"], [(workers_for_duty([worker.id])[worker.id], False)])
    assert refusal.value.code == "epidemic"
    cancel_event(world.coordinator, event, world.tree.street, "登记错了")
    assert claim_visit(me, visits["open"].id).visit_id == visits["open"].id


def test_those_who_were_to_go_are_told(world, overtaken, client):
    from tests.factories import csrf_token, sign_in

    event, visits = overtaken
    user = make_user(Role.STREET_COORDINATOR, world.tree.street)
    sign_in(client, user)
    page = client.get(f"/events/{event.id}")
    assert "期间已经排了的上门：2 次" in page.text
    answer = client.post(
        f"/events/{event.id}/home-visits",
        data={"csrf_token": csrf_token(client), "act": "call", "reason": "疫情", "all": "1"},
    )
    assert answer.status_code == 303
    (message,) = db.session.scalars(select(Message).where(Message.title.contains("改为电话"))).all()
    assert message.user_id == visits["assigned"].assignments[0].worker.user_id
    assert "没有排上门" in client.get(f"/events/{event.id}").text


def test_a_refusing_elders_visits_do_not_matter_here(world):
    """Whoever refuses the service has no visit to overtake; opening one is refused for that reason first."""
    elder = world.general_elder()
    world.consent(elder, ConsentState.REFUSED)
    world.event(SurgeKind.EPIDEMIC, "流感", TODAY, TODAY)
    with pytest.raises(Conflict) as refusal:
        world.visit(elder)
    assert refusal.value.code == "service_refused"
