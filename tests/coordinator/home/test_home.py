"""Landing pages, menus, search and display settings, for each role."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.dialects.postgresql import Range

from coordinator.accounts.models import User
from coordinator.home import queries
from coordinator.home.navigation import DESK, PHONE, _mark_current, exists, link
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.marketplace.models import Claim
from coordinator.messages.services import notify
from coordinator.planning.models import Plan, PlanState
from coordinator.visits.lifecycle import ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import Assignment, Visit
from tests.factories import (
    AreaTree,
    csrf_token,
    make_area_tree,
    make_elder,
    make_organisation,
    make_user,
    make_worker,
    sign_in,
    visit_times,
)
from tests.statements import statements

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from flask_sqlalchemy.session import Session
    from sqlalchemy.orm import scoped_session

R = Role
NOW = datetime(2026, 3, 24, 1, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fixed_clock(freeze: Any) -> None:
    freeze(NOW)


@pytest.fixture
def tree(db_session: "scoped_session[Session]") -> AreaTree:
    return make_area_tree()


def visit(elder: Any, session: Any, *, days: int = 0, **over: Any) -> Visit:
    starts_at, ends_at = visit_times(clock.today() + timedelta(days=days), time(14, 0))
    times = {"starts_at": starts_at, "ends_at": ends_at}
    one = Visit(elder_id=elder.id, area_id=elder.area_id, **(times | over))
    session.add(one)
    session.flush()
    return one


def contact(elder: Any, session: Any, **over: Any) -> Visit:
    fields = {
        "state": VisitState.COMPLETED,
        "contact_on": clock.today(),
        "contact_mode": ContactMode.PHONE,
        "contact_outcome": ContactOutcome.COMPLETED,
    }
    return visit(elder, session, days=-1, **(fields | over))


def actor_of(user: User) -> Actor:
    grants = tuple(
        Grant(g.role, g.area_id, g.area.path if g.area else None, g.organisation_id) for g in user.roles
    )
    return Actor(user_id=user.id, name=user.name, grants=grants)


# ── figures ──────────────────────────────────────────────────────────────────


def test_desk_figures_count_the_own_area_only(tree: AreaTree, db_session: Any) -> None:
    elder, foreign = make_elder(tree.community), make_elder(tree.outside)
    worker = make_worker(tree.community)
    visit(elder, db_session, days=2)
    visit(foreign, db_session, days=2)
    visit(elder, db_session, days=-2)  # open, but past: nobody can go any more
    contact(elder, db_session, starts_at=NOW, ends_at=NOW + timedelta(minutes=30))
    tomorrow = visit(elder, db_session, days=1, state=VisitState.ASSIGNED)
    during = Range(tomorrow.starts_at, tomorrow.ends_at)
    db_session.add(Assignment(visit_id=tomorrow.id, worker_id=worker.id, during=during))
    make_worker(tree.community, status="applied", approved_at=None)
    db_session.flush()
    street = actor_of(make_user(R.STREET_COORDINATOR, tree.street))
    assert queries.desk_figures(street) == queries.DeskFigures(
        elders=1,
        open_visits=1,
        visits_today=1,
        done_today=1,
        visits_tomorrow=1,
        workers_tomorrow=1,
    )
    nowhere = Actor(user_id=1, name="x")
    assert queries.desk_figures(nowhere) == queries.DeskFigures(*[0] * 6)


def test_badges_count_what_waits_for_the_person(tree: AreaTree, db_session: Any) -> None:
    user = make_user(R.COMMUNITY_COORDINATOR, tree.community)
    notify([user], "消息", "", dedupe_key="1")
    for area in (tree.community, tree.other_community):
        one = visit(make_elder(area), db_session, days=2, state=VisitState.CLAIMED)
        db_session.add(Claim(visit_id=one.id, worker_id=make_worker(area).id))
    db_session.flush()
    assert queries.badges(actor_of(user)) == {
        **dict.fromkeys(("records", "overdue", "doors", "register", "sent"), 0),
        **dict.fromkeys(("admission", "dropouts"), 0),
        "unread": 1,
        "claims": 1,
    }
    street = make_user(R.STREET_COORDINATOR, tree.street)
    assert queries.badges(actor_of(street))["claims"] == 2
    assert queries.badges(actor_of(make_user(R.WORKER))) == {"unread": 0, "doors": 0}


def test_the_latest_living_plan_of_each_area_and_month(tree: AreaTree, db_session: Any) -> None:
    month, next_month = clock.today().replace(day=1), (clock.today() + timedelta(days=32)).replace(day=1)
    for area, state in (
        (tree.street, PlanState.READY),
        (tree.street, PlanState.DISCARDED),
        (tree.other_street, PlanState.READY),
    ):
        db_session.add(Plan(area_id=area.id, month=month, state=state))
        db_session.flush()
    street = actor_of(make_user(R.STREET_COORDINATOR, tree.street))
    found = queries.latest_plans(street, (month, next_month))
    assert [plan.state for plan in found[month]] == [PlanState.READY]
    assert found[next_month] == []
    county = actor_of(make_user(R.COUNTY_SUPERVISOR, tree.county))
    assert len(queries.latest_plans(county, (month,))[month]) == 2


def test_a_manager_sees_the_own_roster_in_figures(tree: AreaTree) -> None:
    organisation = make_organisation(tree.street)
    make_worker(tree.community, organisation_id=organisation.id)
    make_worker(tree.community, organisation_id=make_organisation(tree.street).id)
    manager = actor_of(make_user(R.ORGANISATION_MANAGER, organisation=organisation))
    (row,) = queries.roster_figures(manager)
    assert (row.organisation_id, row.workers, row.applied) == (organisation.id, 1, 0)


# ── pages ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", list(Role))
def test_everybody_lands_on_a_page_with_a_menu(client: "FlaskClient", role: Role) -> None:
    user = make_user(role)
    if role is R.WORKER:
        make_worker(make_area_tree().community, user_id=user.id)
    sign_in(client, user)
    landing = client.get("/", follow_redirects=True)
    assert landing.status_code == 200
    assert re.search(r'<nav class="tf-(?:rail|nav)"[^>]*><a href="/', landing.text.replace("\n", ""))


def test_menu_entries_ask_for_the_permission_of_their_page(app: "Flask") -> None:
    """So that no menu leads to a closed door, and none hides an open one."""
    with app.app_context():
        there = [e for e in (*(e for group in DESK for e in group), *PHONE) if exists(e.endpoint)]
    assert len(there) > 8
    for entry in there:
        assert getattr(app.view_functions[entry.endpoint], "permission", None) is entry.permission, entry


def test_menu_entries_are_the_role_s_own(client: "FlaskClient", tree: AreaTree) -> None:
    sign_in(client, make_user(R.COMMUNITY_COORDINATOR, tree.community))
    page = client.get("/").text
    assert "应访清单" in page
    assert "/accounts/organisations" not in page
    assert 'data-role="desk"' in page


def test_one_entry_is_marked_the_one_the_page_belongs_to(client: "FlaskClient", tree: AreaTree) -> None:
    sign_in(client, make_user(R.ADMINISTRATOR, tree.county))
    for path, label in {
        "/accounts/": "账号",
        "/accounts/new": "账号",
        "/accounts/organisations/new": "单位",
        "/accounts/me": None,
        "/accounts/password": None,
    }.items():
        page = client.get(path).text
        marked = re.findall(r'<a href="[^"]+" aria-current="page">.*?</svg>([^<]+)', page)
        assert marked == ([label] if label else []), path


def test_a_phone_page_opened_at_a_desk_has_the_way_back_in_a_short_bar(
    client: "FlaskClient", tree: AreaTree
) -> None:
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))
    page = client.get("/register/doors").text
    bar = page[page.index('<nav class="tf-nav"') : page.rindex("</nav>")]
    assert "工作台" in bar
    assert len(re.findall(r"<a ", bar)) <= 5, "the desk's whole menu would fill the phone"
    assert 'data-role="worker"' in page, "text and buttons as large as a worker's"


def test_what_comes_seldom_is_named_on_the_desk_only_when_there_is_some(
    client: "FlaskClient", tree: AreaTree
) -> None:
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))
    page = client.get("/").text
    assert "份认领等您审批" in page, "daily work is named also when there is none"
    assert "位长者转来" not in page
    assert "户摸排交给您去" not in page


def test_every_menu_entry_has_a_label_and_a_known_icon(app: "Flask") -> None:
    from pathlib import Path

    icons = (Path(app.static_folder or "") / "img" / "icons.svg").read_text()
    for entry in (*(entry for group in DESK for entry in group), *PHONE):
        assert f'id="i-{entry.icon}"' in icons, entry
        assert str(entry.label)


def test_the_landing_page_takes_few_queries(client: "FlaskClient", tree: AreaTree, db_session: Any) -> None:
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))

    def count(path: str) -> int:
        with statements() as sent:
            assert client.get(path).status_code == 200
        return len(sent)

    few = count("/")
    assert few <= 5
    for _ in range(5):
        elder = make_elder(tree.community)
        visit(elder, db_session, days=1)
    assert count("/") == few


def test_the_due_figures_come_beside_the_page(client: "FlaskClient", tree: AreaTree) -> None:
    make_elder(tree.community, name="王素珍")
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))
    fragment = client.get("/due-figures").text
    assert "<html" not in fragment
    assert "逾期" in fragment


def test_search_finds_by_name_and_address_within_the_area(client: "FlaskClient", tree: AreaTree) -> None:
    make_elder(tree.community, name="王素珍")
    make_elder(tree.outside, name="王素芬")
    make_worker(tree.community, name="王小明")
    by_address = make_elder(tree.community, name="刘德明")
    by_address.household.address = "建设路 41 号"
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))
    page = client.get("/search?q=王").text
    assert "王素珍" in page
    assert "王小明" in page
    assert "王素芬" not in page
    assert "刘德明" in client.get("/search?q=建设路").text
    for odd in ("%25", "_", "%00", "'", "x" * 500, ""):
        assert "王素珍" not in client.get(f"/search?q={odd}").text


@pytest.mark.parametrize("role", [R.WORKER, R.SCHOOL_VERIFIER, R.ADMINISTRATOR, R.COUNTY_SUPERVISOR])
def test_only_coordinators_search(client: "FlaskClient", role: Role) -> None:
    sign_in(client, make_user(role))
    assert client.get("/search?q=王").status_code == 403


# ── display ──────────────────────────────────────────────────────────────────


def change(client: "FlaskClient", path: str, **fields: str) -> Any:
    return client.post(path, data=fields | {"csrf_token": csrf_token(client)})


def test_the_elders_version_is_kept_with_the_person(client: "FlaskClient") -> None:
    user = make_user(R.WORKER)
    sign_in(client, user)
    answer = change(client, "/display", mode="elder", next="/accounts/me?x=1")
    assert (answer.status_code, answer.location) == (303, "/accounts/me?x=1")
    assert 'data-mode="elder" data-size="20"' in client.get("/accounts/me").text
    change(client, "/display", mode="elder", size="30")
    assert (user.elder_mode, user.elder_size) == (True, 30)
    change(client, "/display", mode="elder", size="99")
    assert user.elder_size == 30
    change(client, "/display", mode="standard")
    assert "data-mode" not in client.get("/accounts/me").text


def test_chosen_before_signing_in_it_stays(client: "FlaskClient", app: "Flask") -> None:
    user = make_user(R.WORKER)
    change(client, "/display", mode="elder", size="24")
    assert 'data-size="24"' in client.get("/accounts/sign-in").text
    from tests.factories import PASSWORD

    change(client, "/accounts/sign-in", username=user.username, password=PASSWORD)
    assert (user.elder_mode, user.elder_size) == (True, 24)


def test_the_switch_never_leads_out_of_the_site(client: "FlaskClient") -> None:
    assert change(client, "/display", mode="elder", next="//example.org").location == "/"
    assert change(client, "/language", locale="en", next="https://example.org").location == "/"


def test_the_language_is_kept_with_the_person(client: "FlaskClient") -> None:
    user = make_user()
    sign_in(client, user)
    change(client, "/language", locale="en")
    assert user.locale == "en"
    assert '<html lang="en"' in client.get("/accounts/me").text
    change(client, "/language", locale="tlh")
    assert user.locale == "en"
    change(client, "/language", locale="zh")
    assert '<html lang="zh-CN"' in client.get("/accounts/me").text


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/", "工作台"),
        ("/due", "应访清单"),
        ("/due/12", "应访清单"),
        ("/planning/", "月计划"),
        ("/planning/plans/3", "月计划"),
        ("/planning/day", "日计划"),
        ("/planning/plans/3/days/2026-03-26", "日计划"),
        ("/elders/7/edit", "长者档案"),
        ("/events", "节日与天气"),
        ("/due-figures", None),
    ],
)
def test_pages_belong_to_the_entry_with_the_longest_address(
    app: "Flask", path: str, label: str | None
) -> None:
    with app.test_request_context(path):
        items = [
            {"label": str(entry.label), "pages": (link(entry.endpoint), *entry.also), "current": False}
            for group in DESK
            for entry in group
            if exists(entry.endpoint)
        ]
        _mark_current(items)
        assert [item["label"] for item in items if item["current"]] == ([label] if label else [])
