"""A coordinator's telephone, 360 pixels wide: somebody rings in sick, and the day is mended."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import expect
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment
from coordinator.visits.services import assign, open_visit
from coordinator.workforce.queries import workers_for_duty
from tests.factories import make_area_tree, make_elder, make_household, make_user, make_worker

VISITS = 3


def test_an_absence_is_mended_on_the_telephone(live_server, phone, enter):
    tomorrow = clock.today() + timedelta(days=1)
    with live_server.app.app_context():
        tree = make_area_tree()
        user = make_user(Role.COMMUNITY_COORDINATOR, tree.community)
        actor = Actor(
            user.id, user.name, (Grant(Role.COMMUNITY_COORDINATOR, tree.community.id, tree.community.path),)
        )
        away = make_worker(tree.community, user_id=make_user(Role.WORKER).id, name="李晓")
        there = make_worker(tree.community, user_id=make_user(Role.WORKER).id, name="王敏")
        for number in range(VISITS):
            home = make_household(tree.community, latitude=28.881 + number * 0.0008, longitude=105.441)
            starts = clock.at_local(tomorrow, (9 + number) * 3600)
            visit = open_visit(
                actor, make_elder(tree.community, home), starts, starts + timedelta(minutes=30)
            )
            assign(actor, visit, [(workers_for_duty([away.id])[away.id], False)])
        db.session.commit()
        username, ids = user.username, (away.id, there.id)
        away_user, there_user = away.user_id, there.user_id

    phone.set_viewport_size({"width": 360, "height": 740})
    enter(phone, username)
    phone.goto(f"{live_server.url}/planning/changes?worker={ids[0]}&day={tomorrow.isoformat()}")
    expect(phone.get_by_label("谁来不了")).to_have_value(str(ids[0]))
    phone.get_by_label("原因").fill("发烧")
    phone.get_by_role("button", name="算一算怎么改").click()

    # The proposal: who instead of whom, whom it tells; nobody has been told yet, nothing sticks out sideways.
    expect(phone.get_by_role("heading", name="改成这样")).to_be_visible()
    expect(phone.locator("tbody tr")).to_have_count(VISITS)
    expect(phone.locator("tbody tr").first).to_contain_text("王敏")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    with live_server.app.app_context():
        assert db.session.scalars(select(Message).where(Message.user_id == there_user)).all() == []

    phone.get_by_role("button", name="照此调整").click()
    expect(phone.get_by_text("调整好了")).to_be_visible()
    with live_server.app.app_context():
        live = db.session.scalars(
            select(Assignment.worker_id).where(Assignment.state == AssignmentState.APPROVED)
        ).all()
        assert set(live) == {ids[1]}
        for one in (away_user, there_user):
            assert len(db.session.scalars(select(Message).where(Message.user_id == one)).all()) == 1
