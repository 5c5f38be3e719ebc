"""Somebody joins by an invitation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from coordinator.accounts.models import OrganisationKind, User
from coordinator.extensions import db
from coordinator.joining.models import Application
from coordinator.joining.services.applying import Outcome
from coordinator.joining.services.invitations import make_invitation
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.errors import Conflict, TooMany
from coordinator.messages.models import Message
from coordinator.workforce.models import Worker, WorkerKind, WorkerStatus
from tests.coordinator.joining.conftest import id_for
from tests.coordinator.joining.ways import (
    ADULT,
    details,
    do_join,
    only_worker,
    prove,
    text_of,
)
from tests.factories import (
    make_actor,
    make_area_tree,
    make_organisation,
    make_user,
    make_worker,
)


@pytest.fixture
def tree(db_session):
    return make_area_tree()


# --- by an invitation ------------------------------------------------------------------------------------


@pytest.fixture
def company(tree):
    return make_organisation(
        tree.street,
        name="江湾物业",
        kind=OrganisationKind.PROPERTY_COMPANY,
        latitude=28.8815,
        longitude=105.4415,
    )


def test_a_companys_people_come_by_its_link(client, send, tree, company):
    manager = make_user(Role.ORGANISATION_MANAGER, organisation=company)
    link = make_invitation(
        make_actor(Role.ORGANISATION_MANAGER, organisation=company),
        tree.community,
        "二号站",
        clock.today() + timedelta(days=30),
        organisation=company,
    )
    page = text_of(client.get(f"/join/i/{link.token}"))
    assert "江湾物业" in page
    assert "物业人员" in page
    assert "开始登记" in page
    where = client.get(f"/join/who?i={link.token}&area={tree.community.id}", follow_redirects=True)
    assert where.request.path == "/join/phone"
    _answer, address = prove(client, send, tree, "volunteer", i=link.token)
    answer = send(address, details())
    assert answer.request.path == "/join/mine"
    assert "江湾物业" in text_of(answer)
    worker = only_worker()
    assert (worker.organisation_id, worker.kind, worker.status) == (
        company.id,
        WorkerKind.PROPERTY_STAFF,
        WorkerStatus.APPLIED,
    )
    assert worker.start_latitude == 28.8815
    db.session.refresh(link)
    assert link.uses == 1
    assert db.session.scalars(select(Message).where(Message.user_id == manager.id)).one()
    assert db.session.scalars(select(Application)).one().invitation_id == link.id


def test_a_link_that_is_over_says_what_to_do(client, tree, freeze):
    actor = make_actor(Role.STREET_COORDINATOR, tree.street)
    day = clock.today()
    links = [
        make_invitation(actor, tree.community, one, day + timedelta(days=1), most_uses=1)
        for one in ("停用", "满了", "过期")
    ]
    links[0].ended_at, links[1].uses = clock.now(), 1
    db.session.flush()
    for link, words in ((links[0], "已经停用"), (links[1], "人数满了")):
        answer = client.get(f"/join/i/{link.token}")
        assert answer.status_code == 410
        assert words in text_of(answer)
        assert "自己登记" in text_of(answer)
    freeze(clock.now() + timedelta(days=3))
    answer = client.get(f"/join/i/{links[2].token}")
    assert answer.status_code == 410
    assert "过期了" in text_of(answer)
    answer = client.get("/join/i/nothing")
    assert answer.status_code == 404
    assert "没有复制完整" in text_of(answer)


def test_a_link_that_ends_while_the_form_is_filled_in(client, send, tree, company, token_of):
    link = make_invitation(
        make_actor(Role.STREET_COORDINATOR, tree.street),
        tree.community,
        "二号站",
        clock.today() + timedelta(days=1),
        organisation=company,
    )
    _answer, address = prove(client, send, tree, "volunteer", i=link.token)
    token = token_of(text_of(client.get(address)))
    link.ended_at = clock.now()
    db.session.flush()
    answer = client.post(address, data=details(csrf_token=token), follow_redirects=True)
    assert answer.status_code == 410
    assert "江湾物业" in text_of(answer)
    for page in ("/join", "/join/who", "/join/phone", "/join/details"):
        answer = client.get(f"{page}?i={link.token}&area={tree.community.id}", follow_redirects=True)
        assert answer.status_code == 410, page
    assert db.session.scalar(select(func.count()).select_from(Worker)) == 0


def test_one_telephone_does_not_try_id_numbers_without_end(app, tree, monkeypatch):
    settings = replace(app.extensions["settings"], rate_limits=True)
    monkeypatch.setitem(app.extensions, "settings", settings)
    known = id_for(ADULT)
    make_worker(tree.street, name="周敏", phone="13900009999", id_number=known)
    outcomes = [do_join(tree, id_number=known).outcome for _turn in range(20)]
    assert outcomes == [Outcome.NEW, *[Outcome.KNOWN] * 19]
    with pytest.raises(TooMany):
        do_join(tree, id_number=known)


def test_the_last_place_of_a_link_is_taken_once(tree):
    actor = make_actor(Role.STREET_COORDINATOR, tree.street)
    link = make_invitation(actor, tree.community, "一位", clock.today() + timedelta(days=1), most_uses=1)
    do_join(tree, invitation=link)
    with pytest.raises(Conflict) as refused:
        do_join(tree, phone="13900002222", name="王大山", invitation=link)
    assert refused.value.code == "link_over"
    assert db.session.scalar(select(func.count()).select_from(User)) == 2  # the actor, and the one who joined
