"""The page of open visits, the homes one does not go to, and what does not fit any more."""

from __future__ import annotations

import re
from datetime import date, time, timedelta

from sqlalchemy import event, select

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.marketplace.models import ClaimState
from coordinator.marketplace.services import claim_visit
from coordinator.visits.lifecycle import ContactMode
from coordinator.workforce.models import Bar, ServiceContact
from tests.coordinator.marketplace.listed import (
    SATURDAY,
    TOMORROW,
    abroad,
    at,
    ids,
    market,
    neighbours,
)
from tests.factories import (
    csrf_token,
    make_elder,
    make_household,
    make_worker,
    sign_in,
)

# --- the page --------------------------------------------------------------------------------------------


def statements(client_get):
    sent = []

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith(("SAVEPOINT", "RELEASE", "UPDATE user_sessions")):
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        client_get()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(sent)


def test_the_page_asks_the_same_few_questions_however_long_the_list(field, signed_in):
    _worker, actor = field.worker()
    neighbours(field, 2)
    phone = signed_in(actor)
    phone.get("/open-visits")
    few = statements(lambda: phone.get("/open-visits"))
    for day in range(2, 9):
        neighbours(field, 6, day=TOMORROW + timedelta(days=day))
    db.session.commit()
    assert statements(lambda: phone.get("/open-visits")) == few <= 12
    assert statements(lambda: phone.get("/open-visits?view=map")) <= 12


def test_days_and_kinds(field, signed_in):
    _worker, actor = field.worker()
    first, later = field.visit(day=TOMORROW), field.visit(day=SATURDAY)
    later.mode = ContactMode.PHONE
    db.session.flush()
    phone = signed_in(actor)

    def shown(query):
        page = phone.get(f"/open-visits{query}").text
        return [f'id="offer-{one.id}"' in page for one in (first, later)]

    assert shown("") == [True, True]
    assert shown("?day=2026-03-28") == [False, True]
    assert shown("?kind=home") == [True, False]
    assert shown("?kind=call&day=2026-03-27") == [False, False]
    assert shown("?day=gestern&kind=%F0%9F%92%A9&view=sea&hours=&near=") == [True, True]
    assert "这些条件下没有" in phone.get("/open-visits?day=2027-01-01").text


def test_the_map_shows_circles_of_neighbourhoods(field, signed_in):
    _worker, actor = field.worker(start_latitude=28.8712, start_longitude=105.4312)
    for number in range(5):
        home = make_household(field.tree.community, latitude=28.881234 + number / 1e4, longitude=105.44987)
        field.visit(elder=make_elder(field.tree.community, home), day=TOMORROW, start=time(9 + number))
    page = signed_in(actor).get("/open-visits?view=map").text
    places = set(re.findall(r"\[(105\.\d+), (28\.\d+)\]", page.replace("&#34;", '"')))
    assert places == {("105.45", "28.881"), ("105.4312", "28.8712")}, "one middle, and the own start"
    assert "circle" in page


def test_nothing_to_show_says_what_to_do(field, signed_in):
    _worker, actor = field.worker(service_radius_metres=500)
    field.visit(elder=at(field, 28.89), day=TOMORROW)
    page = signed_in(actor).get("/open-visits").text
    assert "现在没有您能去的" in page
    assert '<details class="tf-more tf-card tf-pad" open>' in page
    assert "把服务距离从500 米调到" in page.replace("500 米", "500 米")
    assert "/workforce/me/travel#radius" in page


# --- homes one does not go to, and what does not fit any more --------------------------------------------


def test_not_this_home(field, signed_in):
    worker, actor = field.worker()
    elder = field.elder(name="欧阳素珍")
    db.session.add(ServiceContact(elder_id=elder.id, worker_id=worker.id, since=date(2026, 1, 1)))
    asked = field.visit(elder=elder, day=TOMORROW)
    agreed = field.visit((worker, False), elder=elder, day=SATURDAY)
    claim = claim_visit(actor, asked.id)
    phone = signed_in(actor)
    page = phone.get(f"/open-visits/{asked.id}/not-this-home").text
    assert "不用说为什么" in page
    assert elder.name not in page
    answer = phone.post(f"/open-visits/{asked.id}/refuse-home")
    assert answer.status_code == 303
    page = phone.get(answer.headers["Location"]).text
    assert "在这一家申请的 1 次也撤回了" in page
    assert f"/today/{agreed.id}/leave-visit" in page
    db.session.expire_all()
    assert claim.state is ClaimState.WITHDRAWN
    assert [one.state.value for one in agreed.assignments] == ["approved"], "nothing is dropped by itself"
    assert ids(market(actor).offers) == []
    assert phone.post(f"/open-visits/{asked.id}/refuse-home").status_code == 303, "twice changes nothing"
    assert len(db.session.scalars(select(Bar)).all()) == 1


def test_nobody_refuses_a_home_elsewhere(field, signed_in):
    _worker, actor = field.worker()
    foreign = abroad(field)
    phone = signed_in(actor)
    assert phone.get(f"/open-visits/{foreign.id}/not-this-home").status_code == 404
    assert phone.post(f"/open-visits/{foreign.id}/refuse-home").status_code == 404
    assert db.session.scalars(select(Bar)).all() == []


def test_what_does_not_fit_any_more_is_shown_and_kept(field, signed_in):
    worker, actor = field.worker()
    visit = field.visit((worker, False), day=TOMORROW)
    kept = field.visit((worker, False), day=SATURDAY)
    phone = signed_in(actor)
    assert phone.get("/my-visits/still-fit").headers["Location"].endswith("/workforce/me")
    days = {f"day_{n}-span": "whole" for n in range(7)} | {"day_4-span": "off"}
    answer = phone.post("/workforce/me/times", days)
    page = phone.get(answer.headers["Location"]).text
    assert "3月27日" in page
    assert "不在您登记的可以来的时间里" in page
    assert "3月28日" not in page
    db.session.expire_all()
    assert {one.state.value for one in (*visit.assignments, *kept.assignments)} == {"approved"}


def test_the_coordinator_sees_it_too_and_only_of_the_own_area(field, client):
    worker, _actor = field.worker()
    visit = field.visit((worker, False), day=TOMORROW)
    stranger = make_worker(field.tree.other_street)
    sign_in(client, db.session.get_one(User, field.coordinator.user_id))
    days = {f"day_{n}-span": "off" for n in range(7)} | {"csrf_token": csrf_token(client)}
    answer = client.post(f"/workforce/{worker.id}/times", data=days)
    assert answer.headers["Location"] == f"/workforce/{worker.id}/still-fit"
    page = client.get(answer.headers["Location"]).text
    assert f"{worker.name} 3月27日不能来" in page
    assert f'href="/visits/{visit.id}"' in page
    assert client.get(f"/workforce/{stranger.id}/still-fit").status_code == 404
    always = days | {f"day_{n}-span": "whole" for n in range(7)}
    after = client.post(f"/workforce/{worker.id}/times", data=always).headers["Location"]
    assert client.get(after).headers["Location"] == f"/workforce/{worker.id}"
