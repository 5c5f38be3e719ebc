"""A coordinator at a desk: see who is due, plan the month, look at a day, approve it, print its sheets."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.sync_api import expect
from sqlalchemy import select, update

from coordinator.elders.models import Category, ElderCategory
from coordinator.extensions import db
from coordinator.kernel import clock, queue
from coordinator.kernel.access import Role
from coordinator.messages.models import Message
from coordinator.planning.models import Plan, PlanState
from coordinator.visits.models import Visit
from tests.factories import LONG_AGO, make_area_tree, make_elder, make_household, make_user, make_worker

ELDERS, WORKERS = 8, 3


def test_plan_approve_and_print(live_server, page, enter):
    with live_server.app.app_context():
        tree = make_area_tree()
        user = make_user(Role.STREET_COORDINATOR, tree.street)
        for number in range(ELDERS):
            home = make_household(
                tree.community, latitude=28.880 + number * 0.0007, longitude=105.440 + number % 3 * 0.001
            )
            elder = make_elder(tree.community, home, birth_date=clock.today() - timedelta(days=85 * 366))
            db.session.add(ElderCategory(elder_id=elder.id, category=Category.LIVING_ALONE, since=LONG_AGO))
        for _number in range(WORKERS):
            make_worker(tree.street, user_id=make_user(Role.WORKER).id)
        db.session.commit()
        username = user.username
    following = (clock.today().replace(day=1) + timedelta(days=32)).replace(day=1)

    enter(page, username)
    page.get_by_role("link", name="应访清单", exact=True).click()
    expect(page.locator("tbody tr")).not_to_have_count(0)
    expect(page.locator("tbody")).to_contain_text("重点")

    # Plan the coming month; the search runs in the queue, the page follows it.
    page.goto(f"{live_server.url}/planning/?month={following:%Y-%m}")
    page.get_by_role("button", name="开始计算").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    with live_server.app.app_context():
        db.session.execute(update(Plan).values(time_limit_seconds=3))
        db.session.commit()
        for owed_id in db.session.scalars(
            select(queue.OwedJob.id).where(queue.OwedJob.queue == "planning")
        ).all():
            queue.run_owed(owed_id)
        plan = db.session.scalars(select(Plan)).one()
        assert plan.state is PlanState.READY
        assert not plan.violations
        # Nobody but the coordinator who asked hears of a draft.
        assert {message.user_id for message in db.session.scalars(select(Message))} <= {plan.created_by_id}
    expect(page.get_by_text("应访都排上了")).to_be_visible(timeout=20_000)

    # A day: lanes, map and list speak of the same stops; approval says whom it tells.
    page.locator(".tf-cal a").first.click()
    expect(page.locator(".tf-lane").first).to_be_visible()
    page.get_by_role("link", name=re.compile("批准并通知")).click()
    expect(page.locator(".tf-confirm li").first).to_be_visible()
    page.locator(".tf-confirm button[type=submit]").click()
    expect(page.get_by_text("已批准，已通知")).to_be_visible()
    with live_server.app.app_context():
        made = db.session.scalars(select(Visit)).all()
        assert made
        told = {message.user_id for message in db.session.scalars(select(Message))}
        assert len(told) > 1

    # The sheets are a real PDF.
    href = page.locator("a[href$='sheets.pdf'], a[href$='sheet.pdf']").first.get_attribute("href")
    answer = page.request.get(f"{live_server.url}{href}")
    assert answer.status == 200
    assert answer.body().startswith(b"%PDF-")
