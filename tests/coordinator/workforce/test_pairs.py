"""结对: one main contact, helpers beside, and readers that take the part they mean."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import select

from coordinator.elders.queries.contacts import service_contact_of as line_of
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, NotAllowed
from coordinator.register.queries.doubles import _service
from coordinator.visits.lifecycle import ContactMode, ContactOutcome
from coordinator.visits.queries.candidates import candidates_for
from coordinator.visits.queries.due_list import elder_rows
from coordinator.visits.services import log_remote_contact, open_visit
from coordinator.workforce import services
from coordinator.workforce.models import ContactPart, ServiceContact
from coordinator.workforce.queries import (
    own_pairs,
    pairs_of,
    partners_of,
    service_contact_of,
    service_contacts_of,
)
from coordinator.workforce.services.pairs import MOST_HELPERS
from tests.factories import (
    csrf_token,
    make_actor,
    make_area_tree,
    make_elder,
    make_user,
    make_worker,
    sign_in,
    visit_times,
)

TODAY = date(2026, 3, 26)


@pytest.fixture
def tree(db_session, freeze):
    freeze(datetime(2026, 3, 26, 1, 0, tzinfo=UTC))
    return make_area_tree()


@pytest.fixture
def actor(tree) -> Actor:
    return make_actor(Role.STREET_COORDINATOR, tree.street)


@pytest.fixture
def trio(tree, actor):
    """An elder with a main contact and two helpers."""
    elder = make_elder(tree.community)
    main, first, second = (make_worker(tree.street, name=name) for name in ("主联系人", "帮手甲", "帮手乙"))
    services.add_helper(actor, elder, first)
    services.pair(actor, elder, main)
    services.add_helper(actor, elder, second)
    return elder, main, first, second


def test_helpers_stand_beside_the_main_contact(trio, actor):
    elder, main, first, second = trio
    assert service_contacts_of([elder.id]) == {elder.id: main.id}
    assert partners_of([elder.id]) == {elder.id: [main.id, first.id, second.id]}
    assert service_contact_of(elder.id).worker_id == main.id
    again = services.add_helper(actor, elder, main)
    assert again.part is ContactPart.MAIN, "who is the main contact does not become a helper as well"
    services.pair(actor, elder, first)
    assert partners_of([elder.id]) == {elder.id: [first.id, second.id]}
    services.end_pair(actor, elder, second)
    services.end_pair(actor, elder, second)
    assert partners_of([elder.id]) == {elder.id: [first.id]}
    services.unpair(actor, elder)
    assert partners_of([elder.id]) == {}
    said = db.session.scalars(select(AuditEntry.action).where(AuditEntry.object_id == elder.id)).all()
    assert {
        "elder.service_contact",
        "elder.helper",
        "elder.helper_ended",
        "elder.service_contact_ended",
    } <= set(said)


def test_one_helps_many_and_many_help_one(tree, actor):
    helper = make_worker(tree.street)
    elders = [make_elder(tree.community) for _n in range(3)]
    for index, elder in enumerate(elders):
        (services.pair if index == 0 else services.add_helper)(actor, elder, helper)
    assert {one.id for one in pairs_of(helper.id)} == {one.id for one in elders}
    assert line_of(elders[0].id).elders == 3
    crowd = elders[0]
    for _n in range(MOST_HELPERS):
        services.add_helper(actor, crowd, make_worker(tree.street))
    with pytest.raises(Conflict) as refused:
        services.add_helper(actor, crowd, make_worker(tree.street))
    assert refused.value.code == "helpers_enough"
    with pytest.raises(Conflict):
        services.add_helper(actor, elders[1], make_worker(tree.street, birth_date=date(2011, 1, 1)))
    with pytest.raises(NotAllowed):
        services.add_helper(actor, elders[1], make_worker(tree.other_street))
    barred = make_worker(tree.street)
    services.add_helper(actor, elders[1], barred)
    services.add_bar(actor, elders[1], barred)
    assert barred.id not in partners_of([elders[1].id]).get(elders[1].id, [])


def test_helpers_double_no_row(trio, tree, actor, client):
    elder, main, first, _second = trio
    rows = [row for row in elder_rows(True, TODAY) if row.id == elder.id]  # type: ignore[arg-type]
    assert [row.contact_name for row in rows] == [main.name]
    assert line_of(elder.id).worker_id == main.id
    assert _service(elder) == main.name
    sign_in(client, make_user(Role.STREET_COORDINATOR, tree.street))
    page = client.get("/elders").text
    assert elder.name in page
    assert first.name not in page
    for path in ("/due", f"/elders/{elder.id}"):
        assert client.get(path).status_code == 200
    services.end_pair(actor, elder, main)
    assert [row.contact_name for row in elder_rows(True, TODAY) if row.id == elder.id] == [None]  # type: ignore[arg-type]
    assert line_of(elder.id) is None


def test_whoever_is_paired_comes_first_in_the_list_to_assign(trio, tree, actor):
    elder, main, first, second = trio
    make_worker(tree.street, name="别人")
    visit = open_visit(actor, elder, *visit_times(date(2026, 3, 27), time(9, 0)))
    found = candidates_for(visit)
    assert [one.worker.id for one in found[:3]] == [main.id, first.id, second.id]
    assert [(one.is_contact, one.is_helper) for one in found[:4]] == [
        (True, False), (False, True), (False, True), (False, False),
    ]  # fmt: skip


def test_a_helper_may_log_a_call(trio, tree):
    elder, _main, first, _second = trio
    first.user_id = make_user(Role.WORKER).id
    db.session.flush()
    me = Actor(first.user_id, first.name, (Grant(Role.WORKER),), worker_id=first.id)
    stranger = make_worker(tree.street, user_id=make_user(Role.WORKER).id)
    other = Actor(stranger.user_id, stranger.name, (Grant(Role.WORKER),), worker_id=stranger.id)
    at = datetime(2026, 3, 26, 0, 30, tzinfo=UTC)
    log_remote_contact(me, elder, ContactMode.PHONE, ContactOutcome.COMPLETED, at, "一切都好")
    with pytest.raises(NotAllowed):
        log_remote_contact(other, elder, ContactMode.PHONE, ContactOutcome.COMPLETED, at, "一切都好")


def test_the_pages_of_both_sides(trio, tree, client):
    elder, main, first, second = trio
    sign_in(client, make_user(Role.STREET_COORDINATOR, tree.street))
    extra = make_worker(tree.street, name="新帮手")
    db.session.commit()
    url = f"/workforce/elders/{elder.id}"
    page = client.get(url).text
    for one in (main, first, second):
        assert one.name in page
    form = {"csrf_token": csrf_token(client), "action": "help", "worker_id": str(extra.id)}
    assert client.post(url, data=form).status_code == 303
    assert extra.id in partners_of([elder.id])[elder.id]
    ended = client.post(f"{url}/pairs/{first.id}/end", data=form)
    assert ended.status_code == 303
    assert first.id not in partners_of([elder.id])[elder.id]
    assert "以前结对的人" in client.get(url).text
    assert "帮手" in client.get(f"/workforce/{second.id}").text

    second.user_id = make_user(Role.WORKER).id
    db.session.flush()
    sign_in(client, second.user)
    page = client.get("/workforce/me/elders").text
    assert elder.name in page
    assert main.name in page
    assert elder.household.address not in page
    assert [one.pair.part for one in own_pairs(second.id)] == [ContactPart.HELPER]
    assert db.session.scalars(select(ServiceContact).where(ServiceContact.until.is_not(None))).all()
