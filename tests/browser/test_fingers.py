"""Pages on a telephone, 360 pixels wide: nothing to push sideways, everything large enough for a finger.

The desk's pages are looked at as a coordinator would away from the desk, the volunteers' in the large version with
its largest letters.
"""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.marketplace.services import claim_visit
from coordinator.visits.services import open_visit
from tests.factories import make_actor, make_area_tree, make_elder, make_user, make_worker, visit_times

DESK = (
    "/ /due /elders /elders/{elder} /elders/{elder}/edit /visits /approvals /agenda /records /workforce"
    " /workforce/{worker} /workforce/{worker}/times /workforce/{worker}/days-off /join/admission /join/invitations"
    " /hours /coverage /rules /register /planning/ /events /accounts/organisations /messages /accounts/me"
)
OWN = (
    "/today /open-visits /open-visits?view=map /my-visits /hours/mine /accounts/me /messages /messages/how"
    " /workforce/me /workforce/me/times /workforce/me/days-off /workforce/me/travel /workforce/me/wishes"
    " /workforce/me/elders /join/credentials /join/credentials/health /reliability/mine"
)
# Links in a sentence are as high as their line; the marks of a map are never the only way.
CONTROLS = (
    "a.btn, a.name, a.tf-chip, .tf-tabs a, .tf-nav a, .tf-stops > li > a, button, select, summary, .tf-seg__face, "
    ".tf-seg > a, textarea, input:not([type=hidden], [type=radio], [type=checkbox])"
)
TOO_SMALL = """([selector, least]) => [...document.querySelectorAll(selector)]
  .filter(one => one.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true})
    && !one.closest(".visually-hidden, .leaflet-container, thead"))
  .map(one => [one.getBoundingClientRect(), one])
  .filter(([box]) => box.width > 0 && Math.min(box.width, box.height) < least)
  .map(([box, one]) => `${one.tagName} ${one.innerText || one.name} ${box.width} x ${box.height}`)"""

TOO_WIDE = """() => [...document.querySelectorAll("main *")]
  .filter(one => one.getBoundingClientRect().right > 360).map(one => one.outerHTML.slice(0, 80)).slice(-2)"""


@pytest.fixture(scope="module")
def people(live_server: Any) -> dict[str, Any]:
    """A street where one volunteer has asked for a visit; another visit is open."""
    with live_server.app.app_context():
        tree = make_area_tree()
        desk, own = make_user(Role.STREET_COORDINATOR, tree.street), make_user(Role.WORKER)
        worker = make_worker(tree.street, user_id=own.id, name="欧阳娜娜诸葛司马上官")
        actor = make_actor(Role.STREET_COORDINATOR, tree.street)
        elder = make_elder(tree.community, name="何秀英", cautions="听力弱，敲门要久一些。家里有狗。")
        visits = [
            open_visit(actor, elder, *visit_times(clock.today() + timedelta(days=after), time(10)))
            for after in (2, 9)
        ]
        db.session.flush()
        claim_visit(Actor(own.id, own.name, (Grant(Role.WORKER),), worker_id=worker.id), visits[0].id)
        db.session.commit()
        return {"desk": desk.username, "own": own.username, "elder": elder.id, "worker": worker.id}


def look(page: Page, address: str, least: int) -> list[str]:
    """What is wrong with one page."""
    answer = page.goto(address)
    assert answer is not None
    assert answer.ok, f"{address}: {answer.status}"
    width = page.evaluate("document.documentElement.scrollWidth")
    wide = [f"{width} wide: {page.evaluate(TOO_WIDE)}"] if width > 360 else []
    return [f"{address}: {one}" for one in (*wide, *page.evaluate(TOO_SMALL, [CONTROLS, least]))]


def test_a_coordinator_away_from_the_desk(live_server: Any, phone: Page, enter: Any, people: Any) -> None:
    enter(phone, people["desk"])
    faults = [
        fault for path in DESK.format(**people).split() for fault in look(phone, live_server.url + path, 44)
    ]
    assert not faults, "\n".join(faults)


def test_the_largest_letters(live_server: Any, phone: Page, enter: Any, people: Any) -> None:
    enter(phone, people["own"])
    phone.get_by_role("button", name="长辈版").click()
    phone.locator("summary").filter(has_text="字号").click()
    phone.get_by_role("button", name="30 号字").click()
    assert phone.locator("html").get_attribute("data-size") == "30"
    faults = [fault for path in OWN.split() for fault in look(phone, live_server.url + path, 60)]
    assert not faults, "\n".join(faults)
