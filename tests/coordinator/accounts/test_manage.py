"""Who may keep whose account: areas, ranks, and never one's own."""

import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError

from coordinator.accounts import access, passwords, queries, services
from coordinator.accounts.models import Organisation, OrganisationKind, RoleGrant, User
from coordinator.accounts.services import NewRole
from coordinator.kernel.access import SYSTEM, Actor, Grant, Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from tests.coordinator.accounts.conftest import Send
from tests.factories import (
    AreaTree,
    make_area_tree,
    make_organisation,
    make_user,
    make_worker,
    sign_in,
)

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from flask_sqlalchemy.session import Session
    from sqlalchemy.orm import scoped_session

R = Role


@pytest.fixture
def tree(db_session: "scoped_session[Session]") -> AreaTree:
    return make_area_tree()


@pytest.fixture(autouse=True)
def _in_request(app: "Flask", db_session: "scoped_session[Session]") -> Any:
    with app.test_request_context():
        yield


def actor_of(user: User) -> Actor:
    grants = tuple(
        Grant(g.role, g.area_id, g.area.path if g.area else None, g.organisation_id) for g in user.roles
    )
    return Actor(user_id=user.id, name=user.name, grants=grants)


# ── the rules ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("giver", "may"),
    [
        (
            R.ADMINISTRATOR,
            [
                *(R.ADMINISTRATOR, R.CITY_SUPERVISOR, R.COUNTY_SUPERVISOR, R.STREET_COORDINATOR),
                *(R.COMMUNITY_COORDINATOR, R.ORGANISATION_MANAGER, R.SCHOOL_VERIFIER),
            ],
        ),
        (R.STREET_COORDINATOR, [R.COMMUNITY_COORDINATOR, R.ORGANISATION_MANAGER, R.SCHOOL_VERIFIER]),
        (R.COMMUNITY_COORDINATOR, []),
        (R.CITY_SUPERVISOR, []),
        (R.COUNTY_SUPERVISOR, []),
        (R.ORGANISATION_MANAGER, []),
        (R.SCHOOL_VERIFIER, []),
        (R.WORKER, []),
        (R.FAMILY, []),
    ],
)
def test_which_roles_each_role_may_give(giver: Role, may: list[Role]) -> None:
    actor = Actor(user_id=1, name="x", grants=(Grant(giver, 1, "1.", None),))
    assert access.grantable_roles(actor) == may


def test_roles_are_given_inside_the_own_area_only(tree: AreaTree) -> None:
    street = actor_of(make_user(R.STREET_COORDINATOR, tree.street))
    assert access.can_grant(street, R.COMMUNITY_COORDINATOR, tree.community.path)
    assert not access.can_grant(street, R.COMMUNITY_COORDINATOR, tree.outside.path)
    assert not access.can_grant(street, R.STREET_COORDINATOR, tree.street.path), "not the own rank"
    assert not access.can_grant(street, R.ADMINISTRATOR, tree.street.path)
    assert not access.can_grant(street, R.WORKER, None), "a worker without dossier is nobody's"


def test_ids_that_begin_alike_are_not_the_same_area() -> None:
    street = Actor(user_id=1, name="x", grants=(Grant(R.STREET_COORDINATOR, 2, "1.2.", None),))
    assert access.can_grant(street, R.COMMUNITY_COORDINATOR, "1.2.7.")
    assert not access.can_grant(street, R.COMMUNITY_COORDINATOR, "1.23.7.")


def test_a_second_role_elsewhere_puts_an_account_out_of_reach(tree: AreaTree) -> None:
    """Else the street could set the password of somebody who is more elsewhere, and sign in as that."""
    street = actor_of(make_user(R.STREET_COORDINATOR, tree.street))
    user = make_user(R.COMMUNITY_COORDINATOR, tree.community)
    services.reset_password(street, user)
    services.grant_role(SYSTEM, user, NewRole(R.COUNTY_SUPERVISOR, area=tree.county))
    with pytest.raises(NotAllowed):
        services.reset_password(street, user)
    with pytest.raises(NotAllowed):
        services.disable_user(street, user)
    with pytest.raises(NotAllowed):
        services.remove_second_factor(street, user)
    administrator = actor_of(make_user(R.ADMINISTRATOR, tree.county))
    services.reset_password(administrator, user)


def test_nobody_changes_the_own_roles_or_switches_oneself_off(tree: AreaTree) -> None:
    user = make_user(R.ADMINISTRATOR, tree.county)
    me = actor_of(user)
    with pytest.raises(NotAllowed):
        services.grant_role(me, user, NewRole(R.STREET_COORDINATOR, area=tree.street))
    with pytest.raises(NotAllowed):
        services.revoke_role(me, user, user.roles[0])
    with pytest.raises(NotAllowed):
        services.disable_user(me, user)
    with pytest.raises(NotAllowed):
        services.reset_password(me, user)


def test_an_account_without_roles_stays_with_who_could_give_the_last_one(tree: AreaTree) -> None:
    street = actor_of(make_user(R.STREET_COORDINATOR, tree.street))
    elsewhere = actor_of(make_user(R.STREET_COORDINATOR, tree.other_street))
    user = make_user(R.COMMUNITY_COORDINATOR, tree.community)
    services.revoke_role(street, user, user.roles[0])
    assert user.roles == []
    services.disable_user(street, user)
    with pytest.raises(NotAllowed):
        services.enable_user(elsewhere, user)
    with pytest.raises(NotFound):
        queries.get_account(elsewhere, user.id)
    services.enable_user(street, user)


def test_a_worker_belongs_to_the_area_of_the_dossier(tree: AreaTree) -> None:
    street = actor_of(make_user(R.STREET_COORDINATOR, tree.street))
    elsewhere = actor_of(make_user(R.STREET_COORDINATOR, tree.other_street))
    user = make_user(R.WORKER)
    with pytest.raises(NotFound):
        queries.get_account(street, user.id)
    make_worker(tree.community, user_id=user.id)
    assert queries.get_account(street, user.id) is user
    services.reset_password(street, user)
    with pytest.raises(NotFound):
        queries.get_account(elsewhere, user.id)
    with pytest.raises(NotAllowed):
        services.reset_password(elsewhere, user)


def test_a_school_verifier_belongs_to_the_area_of_the_school(tree: AreaTree) -> None:
    street = actor_of(make_user(R.STREET_COORDINATOR, tree.street))
    elsewhere = actor_of(make_user(R.STREET_COORDINATOR, tree.other_street))
    verifier = make_user(R.SCHOOL_VERIFIER, organisation=make_organisation(tree.street))
    services.reset_password(street, verifier)
    with pytest.raises(NotAllowed):
        services.reset_password(elsewhere, verifier)


def test_roles_sit_on_their_level_and_verifiers_in_schools(tree: AreaTree) -> None:
    user = make_user(role=None)
    wrong = [
        NewRole(R.STREET_COORDINATOR, area=tree.community),
        NewRole(R.COMMUNITY_COORDINATOR, area=tree.street),
        NewRole(R.COUNTY_SUPERVISOR, area=tree.city),
        NewRole(R.STREET_COORDINATOR),
        NewRole(R.ORGANISATION_MANAGER),
        NewRole(
            R.SCHOOL_VERIFIER,
            organisation=make_organisation(tree.street, kind=OrganisationKind.PROPERTY_COMPANY),
        ),
    ]
    for new in wrong:
        with pytest.raises(InvalidInput):
            services.grant_role(SYSTEM, user, new)
    assert user.roles == []


def test_a_role_is_held_once(tree: AreaTree) -> None:
    user = make_user(R.COMMUNITY_COORDINATOR, tree.community)
    with pytest.raises(Conflict):
        services.grant_role(SYSTEM, user, NewRole(R.COMMUNITY_COORDINATOR, area=tree.community))
    services.grant_role(SYSTEM, user, NewRole(R.COMMUNITY_COORDINATOR, area=tree.other_community))
    assert len(user.roles) == 2
    services.revoke_role(SYSTEM, user, user.roles[0])
    services.grant_role(SYSTEM, user, NewRole(R.COMMUNITY_COORDINATOR, area=tree.community))


def test_the_database_knows_that_area_roles_have_an_area(db_session: "scoped_session[Session]") -> None:
    with pytest.raises(IntegrityError), db_session.begin_nested():
        db_session.add(RoleGrant(user_id=make_user(role=None).id, role=R.STREET_COORDINATOR))


@pytest.mark.parametrize("name", ["ab", "Zhou Min", "周敏同志", "zhou/min", ".zhou", "zhou-", "x" * 61])
def test_odd_user_names_are_refused(tree: AreaTree, name: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        services.create_user(
            SYSTEM, username=name, name="周敏", roles=[NewRole(R.STREET_COORDINATOR, area=tree.street)]
        )
    assert refusal.value.field == "username"


def test_creating_writes_who_did_it_and_no_password(
    tree: AreaTree, db_session: "scoped_session[Session]"
) -> None:
    boss = make_user(R.ADMINISTRATOR, tree.county)
    user, once = services.create_user(
        actor_of(boss),
        username="Zhou.Min",
        name=" 周敏 ",
        roles=[NewRole(R.STREET_COORDINATOR, area=tree.street)],
    )
    assert (user.username, user.name, user.must_change_password) == ("zhou.min", "周敏", True)
    assert passwords.verify(user.password_hash, once or "")
    written = select(AuditEntry).where(AuditEntry.object_id == user.id).order_by(AuditEntry.id)
    lines = db_session.scalars(written).all()
    assert [line.action for line in lines] == ["account.create", "account.grant_role"]
    assert all(line.user_id == boss.id and (once or "") not in line.summary for line in lines)
    with pytest.raises(InvalidInput):
        services.create_user(
            SYSTEM, username="zhou.min", name="别人", roles=[NewRole(R.STREET_COORDINATOR, area=tree.street)]
        )


# ── the pages ────────────────────────────────────────────────────────────────


def test_the_list_shows_the_own_area_in_a_fixed_number_of_queries(
    client: "FlaskClient", tree: AreaTree, db_session: "scoped_session[Session]"
) -> None:
    boss = make_user(R.STREET_COORDINATOR, tree.street)
    sign_in(client, boss)
    inside = make_user(R.COMMUNITY_COORDINATOR, tree.community, name="里面的人")
    make_user(R.COMMUNITY_COORDINATOR, tree.outside, name="外面的人")
    make_user(R.ADMINISTRATOR, tree.county, name="上面的人")

    def statements() -> int:
        count = 0

        def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
            nonlocal count
            count += not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))

        engine = db_session.connection().engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            page = client.get("/accounts/").text
        finally:
            event.remove(engine, "before_cursor_execute", note)
        assert inside.name in page
        assert "外面的人" not in page
        assert "上面的人" not in page
        return count

    few = statements()
    for _ in range(15):
        make_user(R.SCHOOL_VERIFIER, organisation=make_organisation(tree.street))
    assert statements() == few <= 12


@pytest.mark.parametrize(
    "role",
    [R.COMMUNITY_COORDINATOR, R.COUNTY_SUPERVISOR, R.ORGANISATION_MANAGER, R.SCHOOL_VERIFIER, R.WORKER],
)
def test_others_have_no_account_pages(client: "FlaskClient", send: Send, tree: AreaTree, role: Role) -> None:
    sign_in(client, make_user(role))
    other = make_user(R.COMMUNITY_COORDINATOR, tree.community)
    for path in ("/accounts/", "/accounts/new", f"/accounts/{other.id}", "/accounts/organisations"):
        assert client.get(path).status_code == 403, path
    assert send(client, f"/accounts/{other.id}/disable").status_code == 403
    assert other.is_active


def test_other_areas_accounts_do_not_exist(client: "FlaskClient", send: Send, tree: AreaTree) -> None:
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))
    stranger = make_user(R.COMMUNITY_COORDINATOR, tree.outside)
    before = stranger.password_hash
    paths = ("", "/password", "/disable", "/second-factor/remove")
    for path in paths:
        assert client.get(f"/accounts/{stranger.id}{path}").status_code == 404, path
    for path in (*paths, "/enable", "/roles", f"/roles/{stranger.roles[0].id}/revoke"):
        assert send(client, f"/accounts/{stranger.id}{path}", name="x").status_code == 404, path
    assert (stranger.password_hash, stranger.is_active, len(stranger.roles)) == (before, True, 1)


def test_opening_an_account_on_the_page(
    client: "FlaskClient", send: Send, enter: Send, app: "Flask", tree: AreaTree
) -> None:
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))
    page = client.get("/accounts/new").text
    assert "社区协调员" in page
    assert 'value="administrator"' not in page
    assert tree.outside.name not in page
    fields = {"name": "陈素芬", "username": "chen.sufen", "role": "community_coordinator"}
    refused = send(client, "/accounts/new", **fields)
    assert refused.status_code == 422
    assert "请选择辖区" in refused.text
    assert "陈素芬" in refused.text, "what was typed stays"
    outside = send(client, "/accounts/new", **fields, area_id=tree.outside.id)
    assert outside.status_code == 422
    assert "不在您的辖区内" in outside.text
    done = send(client, "/accounts/new", **fields, area_id=tree.community.id)
    assert done.status_code == 200
    once = re.search(r'class="tf-once num">([^<]+)<', done.text)
    assert once is not None
    fresh = app.test_client()
    enter(fresh, "chen.sufen", once.group(1))
    assert fresh.get("/").location == "/accounts/password"


def test_a_role_the_form_does_not_offer_is_not_given(
    client: "FlaskClient", send: Send, tree: AreaTree, db_session: "scoped_session[Session]"
) -> None:
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))
    before = db_session.scalar(select(func.count()).select_from(RoleGrant))
    user = make_user(R.COMMUNITY_COORDINATOR, tree.community)
    for role in ("administrator", "street_coordinator", "worker", "nonsense", ""):
        answer = send(client, f"/accounts/{user.id}/roles", role=role, area_id=tree.street.id)
        assert answer.status_code == 422, role
    assert db_session.scalar(select(func.count()).select_from(RoleGrant)) == (before or 0) + 1


def test_giving_and_taking_a_role_on_the_page(client: "FlaskClient", send: Send, tree: AreaTree) -> None:
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))
    user = make_user(R.COMMUNITY_COORDINATOR, tree.community)
    fields = {"role": "community_coordinator", "area_id": tree.other_community.id}
    assert send(client, f"/accounts/{user.id}/roles", **fields).status_code == 303
    assert [grant.area_id for grant in user.roles] == [tree.community.id, tree.other_community.id]
    assert "已经有这个角色" in send(client, f"/accounts/{user.id}/roles", **fields).text
    first = user.roles[0].id
    assert send(client, f"/accounts/{user.id}/roles/{first}/revoke").status_code == 303
    assert send(client, f"/accounts/{user.id}/roles/{first}/revoke").status_code == 404
    assert [grant.area_id for grant in user.roles] == [tree.other_community.id]


def test_disabling_asks_first_and_says_what_follows(
    client: "FlaskClient", send: Send, tree: AreaTree
) -> None:
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))
    user = make_user(R.COMMUNITY_COORDINATOR, tree.community)
    assert "不能再登录" in client.get(f"/accounts/{user.id}/disable").text
    assert user.is_active
    assert send(client, f"/accounts/{user.id}/disable").status_code == 303
    assert not user.is_active
    assert send(client, f"/accounts/{user.id}/disable").status_code == 409
    assert send(client, f"/accounts/{user.id}/enable").status_code == 303
    assert user.is_active


def test_the_own_account_shows_no_buttons_that_would_be_refused(
    client: "FlaskClient", tree: AreaTree
) -> None:
    me = make_user(R.ADMINISTRATOR, tree.county)
    sign_in(client, me)
    page = client.get(f"/accounts/{me.id}").text
    assert "自己的账号" in page
    for path in ("disable", "password", "roles"):
        assert f"/accounts/{me.id}/{path}" not in page


# ── organisations ────────────────────────────────────────────────────────────

SCHOOL = {"name": "滨河中学", "kind": "school", "school_stage": "middle", "is_active": "y"}


def test_entering_and_changing_an_organisation(
    client: "FlaskClient", send: Send, tree: AreaTree, db_session: "scoped_session[Session]"
) -> None:
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))
    fields = SCHOOL | {"area_id": tree.street.id}
    assert send(client, "/accounts/organisations/new", **fields).status_code == 303
    school = db_session.scalar(select(Organisation).where(Organisation.name == "滨河中学"))
    assert school is not None
    assert (school.area_id, school.school_stage.value) == (tree.street.id, "middle")
    again = send(client, "/accounts/organisations/new", **fields)
    assert again.status_code == 422
    assert "已经有同名的单位" in again.text
    path = f"/accounts/organisations/{school.id}"
    changed = fields | {"issuer_person": "吴校长", "latitude": "28.88", "longitude": "105.44"}
    assert send(client, path, **changed).status_code == 303
    assert (school.issuer_person, school.latitude) == ("吴校长", 28.88)
    assert "吴校长" in client.get("/accounts/organisations").text


@pytest.mark.parametrize(
    ("over", "says"),
    [
        ({"school_stage": ""}, "学校要选学段"),
        ({"latitude": "105.44", "longitude": "28.88"}, "写反了"),
        ({"latitude": "28.88"}, "要么都填"),
        ({"latitude": "abc", "longitude": "105"}, ""),
        ({"name": ""}, "请填写名称"),
        ({"kind": "bank"}, ""),
    ],
)
def test_wrong_entries_come_back_with_everything_typed(
    client: "FlaskClient", send: Send, tree: AreaTree, over: dict[str, str], says: str
) -> None:
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))
    fields = SCHOOL | {"area_id": tree.street.id, "issuer_person": "吴校长"} | over
    answer = send(client, "/accounts/organisations/new", **fields)
    assert answer.status_code == 422
    assert says in answer.text
    assert "吴校长" in answer.text


def test_organisations_of_other_areas_are_out_of_reach(
    client: "FlaskClient", send: Send, tree: AreaTree
) -> None:
    sign_in(client, make_user(R.STREET_COORDINATOR, tree.street))
    foreign = make_organisation(tree.other_street, name="望江中学")
    own = make_organisation(tree.street)
    assert "望江中学" not in client.get("/accounts/organisations").text
    assert client.get(f"/accounts/organisations/{foreign.id}").status_code == 404
    moved = SCHOOL | {"area_id": tree.other_street.id}
    assert send(client, "/accounts/organisations/new", **moved).status_code == 422
    assert send(client, f"/accounts/organisations/{own.id}", **moved).status_code == 422
    assert own.area_id == tree.street.id
