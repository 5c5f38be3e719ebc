"""Invitations: who may make them, for whom, what they show, how they end."""

from __future__ import annotations

import base64
import io
import re
from datetime import timedelta

import pytest
import segno

from coordinator.accounts.models import OrganisationKind
from coordinator.extensions import db
from coordinator.joining.models import Invitation
from coordinator.joining.queries.invitations import find_invitation, last_day_of
from coordinator.joining.services.invitations import count_use, end_invitation, make_invitation, token_hash
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.errors import InvalidInput, NotAllowed
from coordinator.workforce.models import WorkerKind
from tests.factories import make_actor, make_area_tree, make_organisation, make_user, make_worker, sign_in

COMPANY = OrganisationKind.PROPERTY_COMPANY


@pytest.fixture
def tree(db_session):
    return make_area_tree()


@pytest.fixture
def company(tree):
    return make_organisation(tree.street, name="江湾物业", kind=COMPANY)


def soon():
    return clock.today() + timedelta(days=30)


def text_of(answer):
    return answer.get_data(as_text=True)


def test_a_link_is_found_by_its_hash_only(tree):
    made = make_invitation(
        make_actor(Role.COMMUNITY_COORDINATOR, tree.community), tree.community, "秋季", soon()
    )
    assert find_invitation(made.token) is made
    assert made.token_hash == token_hash(made.token)
    stored = db.session.connection().exec_driver_sql("SELECT token FROM invitations").scalar_one()
    assert made.token.encode() not in bytes(stored)
    assert last_day_of(made) == soon()
    assert find_invitation(made.token + "x") is None
    assert find_invitation("") is None
    assert find_invitation("x" * 5000) is None


def test_nobody_invites_for_another_place_or_company(tree, company):
    other = make_organisation(tree.other_street, name="望江物业", kind=COMPANY)
    neighbour = make_actor(Role.STREET_COORDINATOR, tree.other_street)
    manager = make_actor(Role.ORGANISATION_MANAGER, organisation=company)
    for actor, area, organisation in (
        (neighbour, tree.community, None),
        (neighbour, tree.community, company),
        (manager, tree.community, None),
        (manager, tree.outside, other),
        (make_actor(Role.WORKER, tree.street), tree.community, None),
    ):
        with pytest.raises(NotAllowed):
            make_invitation(actor, area, "不行", soon(), organisation=organisation)
    make_invitation(manager, tree.community, "行", soon(), organisation=company)
    coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
    made = make_invitation(coordinator, tree.community, "行", soon(), organisation=company)
    assert made.kind is WorkerKind.PROPERTY_STAFF


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"label": "  "}, "label"),
        ({"last_day": -1}, "last_day"),
        ({"last_day": 400}, "last_day"),
        ({"most_uses": 0}, "most_uses"),
        ({"kind": WorkerKind.COURIER}, "organisation_id"),
    ],
)
def test_what_makes_no_invitation(tree, over, field):
    values = {"label": "秋季", "last_day": 30} | over
    last_day = clock.today() + timedelta(days=values.pop("last_day"))
    actor = make_actor(Role.STREET_COORDINATOR, tree.street)
    with pytest.raises(InvalidInput) as refused:
        make_invitation(actor, tree.community, values.pop("label"), last_day, **values)
    assert refused.value.field == field


def test_it_works_to_the_end_of_its_last_day(tree, freeze):
    actor = make_actor(Role.STREET_COORDINATOR, tree.street)
    made = make_invitation(actor, tree.community, "今天", clock.today(), most_uses=9)
    freeze(clock.at_local(clock.today(), 86_399))
    assert count_use(made.id)
    freeze(clock.now() + timedelta(seconds=1))
    assert not count_use(made.id)


def test_uses_are_counted_and_ending_is_once(tree):
    actor = make_actor(Role.STREET_COORDINATOR, tree.street)
    made = make_invitation(actor, tree.community, "两位", soon(), most_uses=2)
    assert [count_use(made.id) for _turn in range(3)] == [True, True, False]
    other = make_invitation(actor, tree.community, "停用", soon())
    end_invitation(actor, other)
    ended = other.ended_at
    end_invitation(actor, other)
    assert ended is not None
    assert other.ended_at == ended
    assert not count_use(other.id)


def test_a_coordinator_makes_one_on_the_page(client, send, tree, company):
    sign_in(client, make_user(Role.STREET_COORDINATOR, tree.street))
    page = text_of(client.get("/join/invitations"))
    assert "还没有邀请" in page
    assert "江湾社区" not in page  # the other street's
    assert "江湾物业" in page
    form = {"label": "秋季", "area_id": str(tree.community.id), "last_day": soon().isoformat()}
    wrong = send("/join/invitations", form | {"area_id": str(tree.outside.id)})
    assert wrong.status_code == 422
    assert "秋季" in text_of(wrong)
    answer = send("/join/invitations", form | {"most_uses": "30", "kind": "volunteer"})
    page = text_of(answer)
    made = db.session.query(Invitation).one()
    assert answer.request.path == f"/join/invitations/{made.id}"
    assert "0/30 人" in page
    address = f"http://127.0.0.1:8000/join/i/{made.token}"
    assert address in page
    shown = base64.b64decode(re.search(r"data:image/svg\+xml;base64,([^\"]+)", page).group(1))
    expected = io.BytesIO()
    segno.make(address, error="m").save(expected, kind="svg", scale=4, border=3)
    assert shown == expected.getvalue()
    poster = text_of(client.get(f"/join/invitations/{made.id}/poster"))
    assert "请您一起来看望老人" in poster
    assert address in poster
    answer = send(f"/join/invitations/{made.id}/end", {}, page=f"/join/invitations/{made.id}?end=1")
    assert "已停用" in text_of(answer)
    assert client.get(f"/join/i/{made.token}").status_code == 410


def test_a_manager_sees_the_own_companys_only(client, send, tree, company):
    other = make_organisation(tree.street, name="别家物业", kind=COMPANY)
    coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
    foreign = make_invitation(coordinator, tree.community, "别家的", soon(), organisation=other)
    own = make_invitation(coordinator, tree.community, "社区替我们做的", soon(), organisation=company)
    sign_in(client, make_user(Role.ORGANISATION_MANAGER, organisation=company))
    page = text_of(client.get("/join/roster/invitations"))
    assert "社区替我们做的" in page
    assert "别家" not in page
    assert client.get(f"/join/roster/invitations/{own.id}").status_code == 200
    for path in ("", "/poster"):
        assert client.get(f"/join/roster/invitations/{foreign.id}{path}").status_code == 404
    assert client.get("/join/invitations").status_code == 403
    form = {"label": "二号站", "area_id": str(tree.community.id), "last_day": soon().isoformat()}
    answer = send("/join/roster/invitations", form | {"organisation_id": str(company.id)})
    assert "二号站" in text_of(answer)
    assert "物业人员" in text_of(answer)
    wrong = send("/join/roster/invitations", form | {"organisation_id": str(other.id)})
    assert wrong.status_code == 422
    assert db.session.query(Invitation).filter_by(organisation_id=other.id).count() == 1


def test_who_came_by_it(client, tree, company):
    from coordinator.joining.models import Application

    manager = make_user(Role.ORGANISATION_MANAGER, organisation=company)
    coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
    made = make_invitation(coordinator, tree.community, "二号站", soon(), organisation=company)
    worker = make_worker(tree.community, name="何大山", organisation_id=company.id)
    make_worker(tree.community, name="没用它的人", organisation_id=company.id)
    db.session.add(Application(worker_id=worker.id, invitation_id=made.id, notice_accepted_at=clock.now()))
    db.session.flush()
    sign_in(client, manager)
    page = text_of(client.get(f"/join/roster/invitations/{made.id}"))
    assert "何大山" in page
    assert "没用它的人" not in page


def test_an_organisation_that_has_closed_invites_nobody(client, tree, company):
    made = make_invitation(
        make_actor(Role.STREET_COORDINATOR, tree.street),
        tree.community,
        "二号站",
        soon(),
        organisation=company,
    )
    company.is_active = False
    db.session.flush()
    assert client.get(f"/join/i/{made.token}").status_code == 410


def test_a_link_for_a_street_lets_choose_the_community(client, tree):
    made = make_invitation(make_actor(Role.STREET_COORDINATOR, tree.street), tree.street, "全街道", soon())
    page = text_of(client.get(f"/join/i/{made.token}"))
    assert f"/join?i={made.token}" in page
    page = text_of(client.get(f"/join?i={made.token}"))
    assert "柳荫社区" in page
    assert "石桥社区" in page
    assert "江湾社区" not in page
    # another street's community is no choice, whatever the address says
    answer = client.get(f"/join/who?i={made.token}&area={tree.outside.id}")
    assert answer.status_code == 303
    assert answer.location.startswith("/join?")


def test_a_stations_people_are_what_its_people_are(client, tree):
    station = make_organisation(tree.street, name="暖阳社工站", kind=OrganisationKind.SOCIAL_WORK_STATION)
    actor = make_actor(Role.ORGANISATION_MANAGER, organisation=station)
    made = make_invitation(actor, tree.community, "新同事", soon(), organisation=station)
    assert made.kind is None
    page = text_of(client.get(f"/join/who?i={made.token}&area={tree.community.id}"))
    assert "我是社会工作者" in page
    assert "我想做志愿者" in page
    assert "我是家庭医生" not in page
    assert "我是老人的邻居" not in page
    answer = client.get(f"/join/phone?i={made.token}&area={tree.community.id}&kind=neighbour")
    assert answer.location.startswith("/join/who")
    only = make_invitation(
        actor, tree.community, "社工", soon(), organisation=station, kind=WorkerKind.SOCIAL_WORKER
    )
    answer = client.get(f"/join/who?i={only.token}&area={tree.community.id}")
    assert answer.location.startswith("/join/phone")
    with pytest.raises(InvalidInput) as refused:
        make_invitation(
            actor, tree.community, "医生", soon(), organisation=station, kind=WorkerKind.FAMILY_DOCTOR
        )
    assert refused.value.field == "kind"
