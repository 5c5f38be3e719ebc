"""Several people at one address are one stop: on the day page, the printed sheet and the worker's own day."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import i18n
from coordinator.kernel.printing import RouteSheet as Sheet
from coordinator.planning import services
from coordinator.planning.models import PlanRoute, PlanStop
from coordinator.planning.queries import day_view
from coordinator.planning.services import sheets
from tests.coordinator.planning.conftest import Day, Street, make_street, solve
from tests.coordinator.planning.pages import text_of
from tests.factories import sign_in


def moved_in(route: PlanRoute) -> list[PlanStop]:
    """The stops of a route, the second elder living with the first."""
    stops = sorted(route.stops, key=lambda stop: stop.position or 0)
    stops[1].elder.household_id = stops[0].elder.household_id
    db.session.commit()
    db.session.expire_all()
    return stops


@pytest.fixture
def alone(db_session: Any, last_of_march: None) -> Street:
    """A street with one worker, who makes every visit."""
    del db_session, last_of_march
    found = make_street(workers=1)
    db.session.commit()
    return found


def long_route(street: Street) -> PlanRoute:
    plan = solve(street)
    route = max(plan.routes, key=lambda one: len(one.stops))
    assert len(route.stops) >= 2
    return route


def test_the_day_page_numbers_stops_not_visits(client: FlaskClient, alone: Street) -> None:
    route = long_route(alone)
    stops = moved_in(route)
    sign_in(client, alone.user)
    answer = client.get(f"/planning/plans/{route.plan_id}/days/{route.day}")
    page = answer.get_data(as_text=True)
    first = stops[0].id
    lane = next(one for one in day_view(route.plan, route.day).lanes if one.route.id == route.id)
    assert [number for number, _stop in lane.numbered] == [1, 1, *range(2, len(stops))]
    blocks = re.findall(r'<a class="tf-stop([^"]*)"[^>]*data-map-id="s(\d+)".*?<b>(\d+)</b>', page)
    mine = [(look, number) for look, stop, number in blocks if int(stop) in {one.id for one in stops}]
    assert [number for _look, number in mine] == ["1", "1", *map(str, range(2, len(stops)))]
    assert ["is-same" in look for look, _number in mine] == [False, True] + [False] * (len(stops) - 2)
    assert f"{len(stops)} 次，{len(stops) - 1} 站" in text_of(
        client.get(f"/planning/plans/{route.plan_id}/days/{route.day}")
    )
    marks = re.findall(r"&#34;id&#34;: &#34;s(\d+)&#34;", page)
    assert str(first) in marks
    assert str(stops[1].id) not in marks


def test_a_sheet_puts_people_at_one_address_under_one_number(
    alone: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = long_route(alone)
    stops = moved_in(route)
    services.approve_day(alone.actor, route.plan, route.day)
    papers: list[Any] = []
    printer = sheets.print_paper
    monkeypatch.setattr(sheets, "print_paper", lambda paper: papers.append(paper) or printer(paper))
    assert services.print_route(alone.actor, route.plan, route).content.startswith(b"%PDF")
    (paper,) = papers
    assert isinstance(paper, Sheet)
    assert [stop.number for stop in paper.stops] == [1, 1, *range(2, len(stops))]
    assert [stop.url.rpartition("/")[2] for stop in paper.stops] == [str(n + 1) for n in range(len(stops))]
    assert len({stop.visit_code for stop in paper.stops}) == len(stops)
    found = paper.sheet_json()
    assert found["households"] == f"{len(stops) - 1} 站 {len(stops)} 位"
    one, two, *rest = found["stops"]
    assert one["until"] == f"2 位，到 {i18n.hour(stops[1].end_seconds)}"
    assert (one["same"], one["followed"], two["same"], two["followed"]) == (False, True, True, False)
    assert (two["address"], two["until"]) == ("地址同上", "")
    assert not any(row["same"] for row in rest)


def test_a_worker_sees_one_stop_and_each_person_under_it(client: FlaskClient, today: Day) -> None:
    worker, street = today.street.workers[0], today.street
    one, two = today.visits[0].elder, today.visits[1].elder
    user = db.session.get_one(User, worker.user_id)
    sign_in(client, user)
    assert "2 户" in text_of(client.get("/today"))
    two.household_id = one.household_id
    db.session.commit()
    db.session.expire_all()
    answer = client.get("/today")
    words, page = text_of(answer), answer.get_data(as_text=True)
    assert "1 站，2 位" in words
    assert "同一处 2 位，各记各的" in words
    assert all(f"/today/{visit.id}" in page for visit in today.visits[:2])
    assert one.name in words
    assert two.name in words
    later = page[page.index("后面") :]
    assert "tf-plate" in later
    assert street.workers[1].name not in words
