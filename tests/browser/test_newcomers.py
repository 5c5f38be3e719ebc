"""Newcomers on a telephone, 360 pixels wide, from the first tap to the first approved visit.

The first half, up to 「等社区审核」, is that of test_joining.py; here the person also fills in the own papers and
times, a coordinator admits them, and they take a visit. For the types of AT_THE_DESK the coordinator, too, sits
before the pages; for the others services stand for them. `python -m pytest -s tests/browser/test_newcomers.py` says
taps and screens of each type: docs/workforce.md keeps the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.joining.models import GuardianLink
from coordinator.joining.services import admission
from coordinator.joining.services.guardians import path_of
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.services import answer_companion, approve_claim
from coordinator.visits.services import open_visit
from coordinator.workforce.fitness import TIED_KINDS, is_minor
from coordinator.workforce.models import CredentialKind, Worker, WorkerKind, WorkerStatus
from coordinator.workforce.services import add_credential
from tests.browser.test_joining import GO_ON, JOURNEYS, Walk, has_applied, place, walk
from tests.factories import make_elder, make_user, make_worker, visit_times

__all__ = ["place"]
K = WorkerKind
WHOLE_WAY = [one for one in JOURNEYS if one[:2] in GO_ON]
# Of one's own taps and screens, and of the guardian's.
MOST = {K.STUDENT: (36, 16), K.YOUNGER_SENIOR: (28, 15)}
USUAL = (32, 16)
GUARDIAN = (8, 4)
# Whose coordinator does everything by the pages: a neighbour, who needs the most of them. Clicks at the desk.
AT_THE_DESK = {K.NEIGHBOUR: 18}


@dataclass
class Desk:
    """The coordinator of the community, and an adult whom a minor may take along."""

    actor: Actor
    username: str
    community_id: int
    adult_id: int

    def elder(self) -> Elder:
        return make_elder(db.session.get_one(Area, self.community_id))


@pytest.fixture(scope="module")
def desk(live_server: Any, place: dict[str, str]) -> Desk:
    with live_server.app.app_context():
        community = db.session.scalars(
            select(Area).where(Area.level == AreaLevel.COMMUNITY, Area.name == "柳荫社区")
        ).one()
        user = make_user(Role.COMMUNITY_COORDINATOR, community)
        adult = make_worker(community, user_id=make_user(Role.WORKER).id, name="老搭档")
        db.session.commit()
        grant = Grant(Role.COMMUNITY_COORDINATOR, community.id, community.path)
        return Desk(Actor(user.id, user.name, (grant,)), user.username, community.id, adult.id)


def prepare(newcomer: Walk, kind: WorkerKind) -> None:
    """Own papers and times: from 我的申请, which everybody has landed on."""
    page = newcomer.page
    if kind is not K.YOUNGER_SENIOR:  # they have answered when joining
        newcomer.press("link", "填健康声明和协议")
        for question in ("infectious", "sudden", "advised", "walking", "senses"):
            answer = "yes" if question in ("walking", "senses") else "no"
            box = page.locator(f"input[name={question}][value={answer}]").get_attribute("id")
            page.locator(f"label[for='{box}']").click()
            newcomer.taps += 1
        newcomer.tick("promise")
        newcomer.tick("accept")
        newcomer.press("button", "填好了，我同意")
    newcomer.press("link", "填我的时间")
    newcomer.press("button", "每天全天")
    newcomer.press("button", "保存时间")


def agree_as_guardian(browser: Browser, live_server: Any, worker_id: int) -> Walk:
    """The guardian on a telephone of their own."""
    with live_server.app.app_context():
        link = db.session.scalars(select(GuardianLink).where(GuardianLink.worker_id == worker_id)).one()
        address = live_server.url + path_of(link)
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, locale="zh-CN", timezone_id="Asia/Shanghai", is_mobile=True
    )
    parent = Walk(context.new_page())
    parent.open(address)
    parent.press("button", "发验证码")
    shown = parent.page.locator(".tf-strip").inner_text()
    parent.fill("code", "".join(sign for sign in shown if sign.isdigit())[:6])
    parent.press("button", "确认是我")
    parent.fill("name", "李建国")
    parent.fill("birth_date", "1980-03-02")
    parent.tick("agree")
    parent.press("button", "我同意")
    expect(parent.page.locator("body")).to_contain_text("您已经同意")
    context.close()
    return parent


def admit(desk: Desk, worker: Worker, elder: Elder) -> None:
    """What a coordinator does with everything beside it: identity, papers, the one elder, approval."""
    today = clock.today()
    admission.verify_identity(desk.actor, worker)
    for credential in worker.credentials:
        if not credential.stands:
            admission.decide_credential(desk.actor, worker, credential.id, verified=True)
    add_credential(desk.actor, worker, CredentialKind.TRAINING, today)
    year = today + timedelta(days=365)
    add_credential(desk.actor, worker, CredentialKind.INSURANCE, today, year, f"示例{worker.id}")
    if worker.kind in TIED_KINDS:
        admission.tie_worker(desk.actor, worker, elder)
    admission.approve(desk.actor, worker)
    assert worker.status is WorkerStatus.APPROVED


@dataclass
class Clerk:
    """The same coordinator before the pages, clicks counted."""

    page: Page
    clicks: int = 0

    def click(self, role: Any, name: str, within: Locator | None = None) -> None:
        with self.page.expect_navigation(wait_until="domcontentloaded"):
            (within or self.page).get_by_role(role, name=name).first.click()
        self.clicks += 1

    def rail(self, name: str) -> None:
        self.click("link", name, self.page.get_by_role("navigation", name="主菜单"))

    def register(self, words: str, number: str = "") -> None:
        """Enter on behalf of the person what they have not declared."""
        line = self.page.locator(".tf-rows__one").filter(has_text=words)
        self.click("link", "替本人登记", line)
        self.page.fill("[name=valid_from]", clock.today().isoformat())
        if number:
            self.page.fill("[name=number]", number)
            self.page.fill("[name=valid_to]", (clock.today() + timedelta(days=365)).isoformat())
        self.click("button", "登记", self.page.get_by_role("main"))

    def admit(self, name: str, elder: str) -> None:
        """From the menu: what is missing is said, then done, until the button is there."""
        page = self.page
        self.rail("报名审核")
        row = page.locator("tr").filter(has_text=name)
        expect(row).to_contain_text("身份没核对")
        expect(row.locator("input[type=checkbox]")).to_be_disabled()
        self.click("link", name, row)
        expect(page.get_by_role("button", name="通过", exact=True)).to_have_count(0)
        self.click("button", "看过身份证，姓名和号码都对")
        page.get_by_role("searchbox", name="长者姓名").fill(elder)
        self.click("button", "查长者")
        self.click("button", "就是这位")
        expect(page.locator("main")).to_contain_text(f"只探访{elder}")
        while page.get_by_role("button", name="核实，算数").count():
            self.click("button", "核实，算数")
        for words, number in (("探访培训", ""), ("人身意外保险", "示例 77-1")):
            self.register(words, number)
            self.rail("报名审核")
            self.click("link", name)
        expect(page.locator("main")).to_contain_text("资料齐了，可以通过")
        self.click("button", "通过")

    def approve(self, name: str, elder: str) -> None:
        """The claim: rules checked, what follows said, one button."""
        self.rail("审批")
        chosen = self.page.get_by_role("region", name=f"{name} 申请探访 {elder}")
        if not chosen.count():
            self.click("link", name)
        expect(chosen).to_contain_text("规则核对")
        self.click("button", "同意", chosen.locator("[data-approve]"))


def settle(desk: Desk, claim: Claim) -> None:
    """The adult who was asked along says yes, and a coordinator approves."""
    if claim.companion_id is not None:
        adult = db.session.get_one(Worker, claim.companion_id)
        answer_companion(
            Actor(adult.user_id, adult.name, (Grant(Role.WORKER),), worker_id=adult.id), claim.id, True
        )
    approve_claim(desk.actor, claim.id)


@pytest.mark.parametrize(
    ("number", "kind", "link", "rest"),
    [(number, *one) for number, one in enumerate(WHOLE_WAY)],
    ids=[str(one[0]) for one in WHOLE_WAY],
)
def test_to_the_first_visit(
    live_server: Any,
    place: dict[str, str],
    desk: Desk,
    browser: Browser,
    phone: Page,
    enter: Callable[[Page, str], None],
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    number: int,
    kind: WorkerKind,
    link: str,
    rest: Callable[[Walk], None],
) -> None:
    mobile = f"13900001{number:03d}"
    newcomer = walk(phone, place, kind, mobile, link=link)
    rest(newcomer)
    worker_id = has_applied(live_server, newcomer, kind, mobile)
    prepare(newcomer, kind)

    parent = None
    with live_server.app.app_context():
        minor = is_minor(db.session.get_one(Worker, worker_id), clock.today())
    if minor:
        parent = agree_as_guardian(browser, live_server, worker_id)
    with live_server.app.app_context():
        elder = desk.elder()
        visit = open_visit(
            desk.actor, elder, *visit_times(clock.today() + timedelta(days=3), time(10)), people=1
        )
        worker = db.session.get_one(Worker, worker_id)
        if kind not in AT_THE_DESK:
            admit(desk, worker, elder)
        db.session.commit()
        visit_id, name, own_name = visit.id, elder.name, worker.name
    clerk = None
    if kind in AT_THE_DESK:
        clerk = Clerk(request.getfixturevalue("page"))
        enter(clerk.page, desk.username)
        clerk.admit(own_name, name)

    # The notice says that they may begin; the first visit takes two taps, and a third with company.
    newcomer.open(f"{live_server.url}/open-visits")
    expect(phone.locator("body")).not_to_contain_text(name)
    if minor:
        newcomer.press("link", "我来去，选同伴")
        phone.locator("label[for^=companion-]").first.click()
        newcomer.taps += 1
    newcomer.press("button", "我来去")
    expect(phone.locator("body")).to_contain_text("待审批")
    if clerk is not None:
        clerk.approve(own_name, name)
    with live_server.app.app_context():
        claim = db.session.scalars(select(Claim).where(Claim.visit_id == visit_id)).one()
        if clerk is None:
            settle(desk, claim)
            db.session.commit()
        assert claim.state is ClaimState.APPROVED
        assert db.session.get_one(Worker, worker_id).status is WorkerStatus.APPROVED
    newcomer.open(f"{live_server.url}/today")
    expect(phone.locator("body")).to_contain_text("10:00")

    most_taps, most_screens = MOST.get(kind, USUAL)
    assert newcomer.taps <= most_taps
    assert len(newcomer.screens) <= most_screens
    with capsys.disabled():
        print(f"\n{kind.value}: {newcomer.taps} taps, {len(newcomer.screens)} screens", end="")  # noqa: T201  for pytest -s
        if clerk is not None:
            assert clerk.clicks <= AT_THE_DESK[kind]
            print(f"; the coordinator {clerk.clicks} clicks", end="")  # noqa: T201  for pytest -s
        if parent is not None:
            assert parent.taps <= GUARDIAN[0]
            assert len(parent.screens) <= GUARDIAN[1]
            print(f"; the guardian {parent.taps} taps, {len(parent.screens)} screens")  # noqa: T201  for pytest -s
