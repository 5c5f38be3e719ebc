"""A volunteer's own hours, limits and refusals on a telephone, 360 pixels wide, with nothing but taps.

`python -m pytest -s tests/browser/test_own_times.py` says how many.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.visits.services import open_visit
from coordinator.workforce.models import Availability, AvailabilityException, Bar, Worker
from tests.browser.test_joining import Walk
from tests.factories import make_actor, make_area_tree, make_elder, make_user, make_worker, visit_times

FINGER = 44


def big_enough(page: Page) -> None:
    """Whatever can be touched in the content is as large as a finger; a word inside a sentence may be lower."""
    controls = page.locator(
        "main :is(a.btn, button, select, summary, .tf-seg__face, input:not([type=hidden], [type=radio], "
        "[type=checkbox])):visible"
    )
    small = [
        control.inner_text() or control.get_attribute("name")
        for control in controls.all()
        if (box := control.bounding_box()) is not None and min(box["width"], box["height"]) < FINGER
    ]
    assert not small


def day_of(page: Page, name: str) -> Locator:
    return page.locator("fieldset.tf-day").filter(has=page.get_by_text(name, exact=True))


def answer(walk: Walk, question: Locator, label: str) -> None:
    """Touch one of the large answers."""
    question.locator("label").filter(has_text=label).click()
    walk.taps += 1


def following(weekday: int) -> date:
    """The first such day (0 Monday) that is not within a week."""
    day = clock.today() + timedelta(days=8)
    return day + timedelta(days=(weekday - day.weekday()) % 7)


@pytest.fixture
def volunteer(live_server: Any, phone: Page, enter: Any) -> tuple[Walk, int, int]:
    """Signed in: their walk, their own number, and the elder of an open visit on a Thursday morning."""
    with live_server.app.app_context():
        tree = make_area_tree()
        user = make_user(Role.WORKER)
        worker = make_worker(tree.street, user_id=user.id, name="陈素芬", weekdays=())
        elder = make_elder(tree.community, name="何秀英")
        coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
        for weekday in (3, 4):
            open_visit(coordinator, elder, *visit_times(following(weekday), time(10)))
        db.session.commit()
        username, worker_id, elder_id = user.username, worker.id, elder.id
    enter(phone, username)
    return Walk(phone), worker_id, elder_id


def test_hours_limits_and_a_home(
    live_server: Any, volunteer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    walk, worker_id, elder_id = volunteer
    page = walk.page

    # The week: one tap fills it, two more change a day, and 另定 asks for the hours.
    walk.press("link", "我的")
    walk.press("link", "我的时间和资质")
    walk.press("link", "改我的时间")
    big_enough(page)
    walk.press("button", "工作日上午")
    answer(walk, day_of(page, "周三"), "下午")
    answer(walk, day_of(page, "周六"), "另定")
    expect(page.locator("[name=day_5-starts]")).to_be_visible()
    expect(page.locator("[name=day_6-starts]")).to_be_hidden()
    walk.press("button", "保存时间")
    expect(day_of(page, "周六")).to_contain_text("请填几点到几点")  # refused at its day; all else is kept
    expect(day_of(page, "周三").get_by_label("下午")).to_be_checked()
    big_enough(page)
    walk.fill("day_5-starts", "09:30")
    walk.fill("day_5-ends", "11:30")
    walk.press("button", "保存时间")
    expect(page.locator("body")).to_contain_text("已保存")
    week_taps = walk.taps

    # An exception: a day off is given and taken back, a Sunday is added.
    off, more = following(2), following(6)
    walk.press("link", "哪几天不一样")
    big_enough(page)
    walk.fill("first_day", off.isoformat())
    walk.fill("last_day", off.isoformat())
    walk.press("button", "登记这几天不来")
    walk.press("link", "哪几天不一样")
    for name, value in (("first_day", more.isoformat()), ("last_day", more.isoformat()), ("starts", "14:00")):
        walk.fill(f"more-{name}", value)
    walk.fill("more-ends", "16:00")
    walk.press("button", "登记这几天多来")
    big_enough(page)
    with live_server.app.app_context():
        rows = db.session.scalars(
            select(AvailabilityException).order_by(AvailabilityException.first_day, AvailabilityException.id)
        ).all()
        assert sorted((one.first_day, one.is_leave) for one in rows) == sorted([(off, True), (more, False)])
    walk.press("button", "又能来了")
    expect(page.locator("main")).not_to_contain_text("又能来了")

    # Limits, and a wish.
    walk.press("link", "返回", page.locator("header"))
    walk.press("link", "改想做的")
    big_enough(page)
    answer(walk, page.get_by_role("group", name="几个人去"), "一个人")
    for name, value in (("max_visits_day", "2"), ("max_visits_week", "0"), ("max_visits_month", "9")):
        walk.fill(name, value)
    walk.press("button", "保存", exact=True)
    expect(page.locator("main")).to_contain_text("1 到 100 次")
    expect(page.locator("[name=max_visits_day]")).to_have_value("2")
    walk.fill("max_visits_week", "4")
    walk.press("button", "保存", exact=True)
    expect(page.locator("body")).to_contain_text("已保存")

    # Not this home: both its visits go from the list, nobody is told, and the elder is not named.
    walk.press("link", "可认领")
    offers = page.locator(".tf-offer")
    expect(offers).not_to_have_count(0)
    big_enough(page)
    walk.press("link", "详情", offers.first)
    walk.press("link", "不去这一家")
    expect(page.locator("main")).not_to_contain_text("何秀英")
    big_enough(page)
    walk.press("button", "不去这一家")
    expect(page.locator(".tf-offer")).to_have_count(0)

    with live_server.app.app_context():
        week = db.session.scalars(
            select(Availability).where(Availability.worker_id == worker_id).order_by(Availability.weekday)
        ).all()
        assert [(one.weekday, one.starts, one.ends) for one in week] == [
            *((day, time(8), time(12)) for day in (0, 1)),
            (2, time(14), time(18)),
            *((day, time(8), time(12)) for day in (3, 4)),
            (5, time(9, 30), time(11, 30)),
        ]
        left = db.session.scalars(select(AvailabilityException)).one()
        assert (left.first_day, left.starts, left.ends) == (more, time(14), time(16))
        worker = db.session.get_one(Worker, worker_id)
        assert (worker.max_visits_day, worker.max_visits_week, worker.max_visits_month) == (2, 4, 9)
        assert len(worker.wanted) == 1
        assert db.session.get(Bar, (worker_id, elder_id)) is not None
    with capsys.disabled():
        print(f"\nthe week: {week_taps} taps, everything: {walk.taps}")  # noqa: T201  for pytest -s
