"""A volunteer on a telephone, 360 pixels wide: claim a visit, go to another, hand in its record."""

from __future__ import annotations

from datetime import time, timedelta

from playwright.sync_api import expect
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.fieldwork.models import PresenceMethod, VisitRecord
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Visit
from coordinator.visits.services import assign, open_visit
from coordinator.workforce.queries import workers_for_duty
from tests.factories import PLACE, make_actor, make_area_tree, make_elder, make_user, make_worker, visit_times


def no_sideways_scrolling(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_claim_go_and_record(live_server, phone, enter):
    with live_server.app.app_context():
        tree = make_area_tree()
        user = make_user(Role.WORKER)
        worker = make_worker(tree.street, user_id=user.id, name="陈素芬")
        coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
        wanted = open_visit(
            coordinator,
            make_elder(tree.community, name="何秀英", cautions="听力弱，敲门要久一些。"),
            *visit_times(clock.today() + timedelta(days=2), time(10, 0)),
        )
        now = clock.now()
        given = open_visit(
            coordinator,
            make_elder(tree.community, name="王素珍"),
            now - timedelta(minutes=5),
            now + timedelta(minutes=25),
        )
        assign(coordinator, given, [(workers_for_duty([worker.id])[worker.id], False)])
        db.session.commit()
        username, wanted_id, given_id = user.username, wanted.id, given.id

    phone.context.grant_permissions(["geolocation"], origin=live_server.url)
    phone.context.set_geolocation({"latitude": PLACE[0], "longitude": PLACE[1], "accuracy": 15})
    enter(phone, username)

    # Claim in two taps; until it is approved nobody learns who lives there.
    phone.get_by_role("link", name="可认领").click()
    offer = phone.locator(".tf-offer").first
    expect(offer).to_contain_text("听力弱")
    expect(phone.locator("body")).not_to_contain_text("何秀英")
    no_sideways_scrolling(phone)
    offer.get_by_role("button", name="我来去").click()
    expect(phone.locator("body")).to_contain_text("待审批")
    with live_server.app.app_context():
        claim = db.session.scalars(select(Claim).where(Claim.visit_id == wanted_id)).one()
        assert claim.state is ClaimState.PENDING

    # Today's visit: the place of the telephone is the evidence.
    phone.get_by_role("link", name="今天").click()
    expect(phone.locator(".tf-next")).to_contain_text("王素珍")
    no_sideways_scrolling(phone)
    phone.get_by_role("button", name="我到了").click()
    phone.wait_for_url("**/record")

    # The record, one topic at a time; what is left out is said before going on.
    phone.locator("[data-next]").click()
    assert phone.locator("[data-step='1']").is_visible()
    for step in range(1, 6):
        section = phone.locator(f"[data-step='{step}']")
        expect(section).to_be_visible()
        no_sideways_scrolling(phone)
        names = [one.get_attribute("name") for one in section.locator("input[type=radio]").all()]
        for name in dict.fromkeys(names):
            first = section.locator(f"input[name='{name}']").first.get_attribute("id")
            section.locator(f"label[for='{first}']").click()
        if step < 5:
            phone.locator("[data-next]").click()
    phone.locator("[name=care_given]").fill("陪聊半小时，看了燃气。")
    phone.locator(f"label[for='{phone.locator('input[name=signed]').get_attribute('id')}']").click()
    phone.locator("[data-submit]").click()
    phone.wait_for_url(lambda url: not url.endswith("/record"))

    with live_server.app.app_context():
        visit = db.session.get_one(Visit, given_id)
        assert visit.state is VisitState.COMPLETED
        record = db.session.scalars(select(VisitRecord).where(VisitRecord.visit_id == given_id)).one()
        assert record.answers["care_given"] == "陪聊半小时，看了燃气。"
        methods = db.session.execute(
            select(db.metadata.tables["presences"].c.method).where(
                db.metadata.tables["presences"].c.visit_id == given_id
            )
        ).scalars()
        assert set(methods) == {PresenceMethod.LOCATION}
