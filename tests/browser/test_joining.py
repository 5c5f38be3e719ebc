"""Newcomers of each type on a telephone, 360 pixels wide, from the first tap to 「等社区审核」, each tap counted.

A tap is a touch of a link, a button or a box; typing into a field counts as the touch that goes there. A screen is
a page that is shown. `walk` is what a longer journey begins with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from coordinator.accounts.models import OrganisationKind
from coordinator.extensions import db
from coordinator.joining.labels import CARDS
from coordinator.joining.services.invitations import make_invitation
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.workforce.models import Worker, WorkerKind, WorkerStatus
from tests.coordinator.joining.conftest import id_for
from tests.factories import make_actor, make_area_tree, make_organisation

ADULT = date(1990, 5, 1)


@dataclass
class Walk:
    """One newcomer's way through the pages."""

    page: Page
    taps: int = 0
    screens: list[str] = field(default_factory=list)

    def arrive(self) -> None:
        """A screen is shown: note it; nothing may be wider than the telephone."""
        self.screens.append(self.page.title().split(" · ")[0])
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 360, self.screens[-1]

    def open(self, address: str) -> None:
        self.page.goto(address, wait_until="domcontentloaded")
        self.taps += 1  # the link in a message, the picture on a poster, the menu entry
        self.arrive()

    def press(self, role: str, name: str, inside: Locator | None = None, *, exact: bool = False) -> None:
        """Touch a link or button that leads to the next screen."""
        target = (inside or self.page).get_by_role(role, name=name, exact=exact)
        box = target.bounding_box()
        assert box is not None, f"{name} is not to be seen"
        assert box["height"] >= 44, f"{name} is too small for a finger"
        with self.page.expect_navigation(wait_until="domcontentloaded"):
            target.click()
        self.taps += 1
        self.arrive()

    def fill(self, name: str, value: str) -> None:
        self.page.fill(f"[name={name}]", value)
        self.taps += 1

    def choose(self, name: str, label: str) -> None:
        self.page.select_option(f"select[name={name}]", label=label)
        self.taps += 2  # opening the list, and the answer

    def tick(self, name: str) -> None:
        self.page.check(f"[name={name}]")
        self.taps += 1

    def code(self) -> None:
        """Type the code; the demo shows it."""
        self.fill("code", self.page.locator(".tf-democode").inner_text())
        self.press("button", "下一步")


@pytest.fixture(scope="module")
def place(live_server) -> dict[str, str]:
    """A street with its community, a school, a property company and its link."""
    with live_server.app.app_context():
        tree = make_area_tree()
        school = make_organisation(tree.county, name="滨河中学")
        company = make_organisation(tree.street, name="江湾物业", kind=OrganisationKind.PROPERTY_COMPANY)
        riders = make_organisation(tree.street, name="顺路快送", kind=OrganisationKind.COURIER_COMPANY)
        links = {}
        for one in (school, company, riders):
            role = Role.SCHOOL_VERIFIER if one is school else Role.ORGANISATION_MANAGER
            made = make_invitation(
                make_actor(role, organisation=one),
                tree.community,
                one.name,
                clock.today() + timedelta(days=30),
                organisation=one,
            )
            links[one.name] = f"{live_server.url}/join/i/{made.token}"
        db.session.commit()
    return {"start": f"{live_server.url}/accounts/sign-in", **links}


def walk(page: Page, place: dict[str, str], kind: WorkerKind, phone: str, *, link: str = "") -> Walk:
    """Up to the form of this type: by the sign-in page, or by an invitation."""
    newcomer = Walk(page)
    if link:
        newcomer.open(place[link])
        newcomer.press("link", "开始登记")
    else:
        newcomer.open(place["start"])
        newcomer.press("link", "加入探访队伍")
        newcomer.press("link", "柳荫社区")
        if not CARDS[kind].common:
            page.get_by_text("都不是，看别的").click()
            newcomer.taps += 1
        newcomer.press("link", str(CARDS[kind].title))
    newcomer.fill("phone", phone)
    newcomer.press("button", "发验证码")
    newcomer.code()
    return newcomer


def person(newcomer: Walk, name: str, born: date = ADULT) -> None:
    newcomer.fill("name", name)
    newcomer.fill("id_number", id_for(born))


def send(newcomer: Walk) -> None:
    newcomer.press("button", "送出申请")


def student(newcomer: Walk) -> None:
    person(newcomer, "李小满", clock.today() - timedelta(days=15 * 366))
    newcomer.choose("school_id", "滨河中学")
    newcomer.fill("student_class", "九（3）班")
    newcomer.fill("student_number", "07")
    newcomer.tick("notice")
    send(newcomer)
    guardian(newcomer)


def invited_student(newcomer: Walk) -> None:
    person(newcomer, "赵一", clock.today() - timedelta(days=16 * 366))
    newcomer.fill("student_class", "高一（1）班")
    newcomer.fill("student_number", "12")
    newcomer.tick("notice")
    send(newcomer)
    guardian(newcomer)


def guardian(newcomer: Walk) -> None:
    expect(newcomer.page.locator("body")).to_contain_text("还要填监护人")
    newcomer.fill("guardian_name", "李建国")
    newcomer.choose("guardian_relation", "父亲")
    newcomer.fill("guardian_phone", "13700009999")
    send(newcomer)


def plain(newcomer: Walk) -> None:
    person(newcomer, "陈素芬")
    newcomer.tick("notice")
    send(newcomer)


def senior(newcomer: Walk) -> None:
    person(newcomer, "何大山", date(1961, 3, 9))
    newcomer.tick("notice")
    send(newcomer)
    # The health declaration and the agreement follow at once.
    page = newcomer.page
    for question, answer in (
        *((one, "no") for one in ("infectious", "sudden", "advised")),
        *((one, "yes") for one in ("walking", "senses")),
    ):
        box = page.locator(f"input[name={question}][value={answer}]").get_attribute("id")
        page.locator(f"label[for='{box}']").click()
        newcomer.taps += 1
    newcomer.tick("promise")
    newcomer.tick("accept")
    newcomer.press("button", "填好了，我同意")


def neighbour(newcomer: Walk) -> None:
    person(newcomer, "㛃𫖯")
    newcomer.fill("elder_named", "王奶奶，柳荫小区")
    newcomer.choose("elder_relation", "同一栋楼")
    newcomer.tick("notice")
    send(newcomer)


def relative(newcomer: Walk) -> None:
    person(newcomer, "欧阳娜娜诸葛司马上官")
    newcomer.fill("elder_named", "张桂兰，柳荫小区 3 栋")
    newcomer.choose("elder_relation", "子女")
    newcomer.tick("notice")
    send(newcomer)


def licensed(newcomer: Walk) -> None:
    person(newcomer, "周敏")
    newcomer.fill("licence", "川社 2021-00417")
    newcomer.tick("notice")
    send(newcomer)


def doctor(newcomer: Walk) -> None:
    person(newcomer, "杜衡")
    newcomer.fill("licence", "110510000012345")
    newcomer.fill("office", "滨河卫生服务中心")
    newcomer.tick("notice")
    send(newcomer)


def with_office(newcomer: Walk) -> None:
    person(newcomer, "阿卜杜热西提·买买提")
    newcomer.fill("office", "第三网格")
    newcomer.tick("notice")
    send(newcomer)


K = WorkerKind
JOURNEYS: list[tuple[WorkerKind, str, Callable[[Walk], None]]] = [
    (K.VOLUNTEER, "", plain),
    (K.STUDENT, "", student),
    (K.STUDENT, "滨河中学", invited_student),
    (K.YOUNGER_SENIOR, "", senior),
    (K.NEIGHBOUR, "", neighbour),
    (K.RELATIVE, "", relative),
    (K.SOCIAL_WORKER, "", licensed),
    (K.FAMILY_DOCTOR, "", doctor),
    (K.GRID_MEMBER, "", with_office),
    (K.CARE_STAFF, "", with_office),
    (K.PARTY_MEMBER, "", plain),
    (K.SENIOR_ASSOCIATION, "", with_office),
    (K.OWNERS_COMMITTEE, "", with_office),
    (K.COMMITTEE_MEMBER, "", with_office),
    (K.OFFICE_STAFF, "", with_office),
    (K.CHARITY, "", with_office),
    (K.PROPERTY_STAFF, "江湾物业", plain),
    (K.COURIER, "顺路快送", plain),
]


def test_each_type_has_a_journey() -> None:
    ways = {kind for kind, _link, _rest in JOURNEYS}
    assert ways == set(WorkerKind) - {WorkerKind.CIVIL_AFFAIRS}, (
        "civil affairs staff are entered by their office"
    )


# test_newcomers.py goes on with these to their first visit.
GO_ON = (
    *((one, "") for one in (K.SOCIAL_WORKER, K.YOUNGER_SENIOR, K.FAMILY_DOCTOR, K.GRID_MEMBER, K.NEIGHBOUR)),
    *((K.STUDENT, "滨河中学"), (K.PROPERTY_STAFF, "江湾物业"), (K.COURIER, "顺路快送")),
)
END_HERE = [one for one in JOURNEYS if one[:2] not in GO_ON]


@pytest.mark.parametrize(
    ("number", "kind", "link", "rest"),
    [(number, *one) for number, one in enumerate(END_HERE)],
    ids=[f"{kind}{'-invited' if link else ''}" for kind, link, _rest in END_HERE],
)
def test_a_newcomer(live_server, place, phone, capsys, number, kind, link, rest) -> None:
    mobile = f"138000{number:05d}"
    newcomer = walk(phone, place, kind, mobile, link=link)
    rest(newcomer)
    has_applied(live_server, newcomer, kind, mobile)
    with capsys.disabled():
        by = "by invitation" if link else "by themselves"
        print(f"\n{kind.value}, {by}: {newcomer.taps} taps, {len(newcomer.screens)} screens")  # noqa: T201  for pytest -s


def has_applied(live_server, newcomer: Walk, kind: WorkerKind, mobile: str) -> int:
    """Sees that they wait for a coordinator, after no more taps and screens than that takes; the worker's id."""
    expect(newcomer.page.locator("body")).to_contain_text("等社区审核")
    with live_server.app.app_context():
        worker = db.session.scalars(select(Worker).order_by(Worker.id.desc()).limit(1)).one()
        assert (worker.kind, worker.phone, worker.status) == (kind, mobile, WorkerStatus.APPLIED)
        worker_id = worker.id
    longer = {K.STUDENT: (21, 8), K.YOUNGER_SENIOR: (20, 9)}
    most_taps, most_screens = longer.get(kind, (16, 7))
    assert newcomer.taps <= most_taps
    assert len(newcomer.screens) <= most_screens
    return worker_id
