"""A coordinator at the desk: panel, reason, selection, in a real browser."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from coordinator.elders.models import Category, ElderCategory
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.visits.models import OverdueReason
from tests.factories import LONG_AGO, PASSWORD, make_area_tree, make_elder, make_user


@pytest.fixture
def desk(live_server, page):
    """Signed in, with one elder who has been waiting since last month."""
    with live_server.app.app_context():
        tree = make_area_tree()
        user = make_user(Role.STREET_COORDINATOR, tree.street)
        elder = make_elder(tree.community, name="王素珍", birth_date=clock.today() - timedelta(days=85 * 366))
        db.session.add(ElderCategory(elder_id=elder.id, category=Category.LIVING_ALONE, since=LONG_AGO))
        db.session.commit()
        username = user.username
    page.goto(f"{live_server.url}/accounts/sign-in")
    page.get_by_label(re.compile("用户名|账号")).fill(username)
    page.locator('input[type="password"]').fill(PASSWORD)
    page.locator('main button[type="submit"], form button.btn-primary').first.click()
    page.goto(f"{live_server.url}/due")
    return page


def test_panel_reason_and_selection(desk, live_server):
    rows = desk.locator("tbody tr")
    first = rows.first
    first.locator("td").nth(3).click()
    panel = desk.locator("#panel")
    panel.get_by_role("heading", name="王素珍").wait_for()
    assert panel.locator("blockquote mark").count() >= 1
    assert "open=" in desk.url
    panel.get_by_text("写逾期原因").click()
    panel.locator("textarea").fill("长者住院")
    panel.get_by_role("button", name="保存原因").click()
    panel.get_by_text("逾期的原因").wait_for()
    with live_server.app.app_context():
        assert [row.reason for row in db.session.scalars(select(OverdueReason))] == ["长者住院"]
    desk.keyboard.press("Escape")
    assert panel.inner_text() == ""
    for row in rows.all():
        row.locator('.check input[type="checkbox"]').check()
    bar = desk.locator("[data-bulk-bar]")
    # Several rows, one person, one visit.
    assert rows.count() > 1
    assert "已选 1 位" in bar.inner_text()
    assert "上门 1 次" in bar.inner_text()
    bar.get_by_role("button", name="打印名单").click()
    desk.get_by_role("heading", name="上门探访名单").wait_for()
    assert desk.locator(".tf-sheet .name").all_inner_texts() == ["王素珍"]
