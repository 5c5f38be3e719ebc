"""The pages of an organisation's manager: own people only, whatever number stands in the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from coordinator.accounts.models import Organisation, OrganisationKind, User
from coordinator.elders.imports import batches, checking
from coordinator.elders.models import ImportBatch
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import NotAllowed
from coordinator.kernel.geo import Datum
from coordinator.kernel.queue import OwedJob
from coordinator.messages.models import Message
from coordinator.workforce import services
from coordinator.workforce.imports.roster import ROSTER
from coordinator.workforce.models import WorkerKind, WorkerStatus
from tests import factories
from tests.coordinator.elders.imports.lists import xlsx

HEAD = ["姓名", "性别", "出生日期", "电话"]
LINE = ["周敏一", "女", "1990-05-01", "13812340001"]


@dataclass
class Two:
    """Two property companies of one street; `user` manages the first, `stranger` the second."""

    tree: factories.AreaTree
    own: Organisation
    other: Organisation
    user: User
    stranger: User


@pytest.fixture(autouse=True)
def _today(freeze: Any) -> None:
    freeze(datetime(2026, 3, 26, 1, 0, tzinfo=UTC))


@pytest.fixture
def two(db_session: Any) -> Two:
    tree = factories.make_area_tree()
    own, other = (
        factories.make_organisation(tree.street, kind=OrganisationKind.PROPERTY_COMPANY, name=name)
        for name in ("安居物业", "邻里物业")
    )
    return Two(
        tree,
        own,
        other,
        *(factories.make_user(Role.ORGANISATION_MANAGER, organisation=one) for one in (own, other)),
    )


@pytest.fixture
def mine(client: FlaskClient, two: Two) -> FlaskClient:
    factories.sign_in(client, two.user)
    return client


def staff(two: Two, organisation: Organisation, **over: Any) -> Any:
    values = {"organisation": organisation, "kind": WorkerKind.PROPERTY_STAFF} | over
    return factories.make_worker(two.tree.community, **values)


def post(client: FlaskClient, path: str, **data: Any) -> Any:
    return client.post(path, data={"csrf_token": factories.csrf_token(client)} | data)


def checked(two: Two) -> ImportBatch:
    actor = Actor(two.user.id, two.user.name, (Grant(Role.ORGANISATION_MANAGER, organisation_id=two.own.id),))
    content = xlsx([HEAD, LINE])
    batch = batches.upload(ROSTER, actor, two.tree.street, "名册.xlsx", content, Datum.WGS84, two.own.id)
    checking.check(ROSTER, batch.id)
    return batch


def test_a_roster_import_is_the_own_organisations(client: FlaskClient, two: Two) -> None:
    batch = checked(two)
    coordinator = factories.make_user(Role.STREET_COORDINATOR, two.tree.street)
    for user, status in ((two.user, 200), (two.stranger, 404), (coordinator, 403)):
        factories.sign_in(client, user)
        for path in ("", "/refused.xlsx", "/discard"):
            assert client.get(f"/workforce/roster/import/{batch.id}{path}").status_code == status
        if status != 200:
            for path in ("apply", "decide", "discard"):
                assert post(client, f"/workforce/roster/import/{batch.id}/{path}").status_code == status
    assert client.get(f"/workers/import/{batch.id}").status_code == 404
    factories.sign_in(client, two.user)
    assert "<td></td>" in client.get(f"/workforce/roster/import/{batch.id}").text, "nothing to say, no line"


def test_the_start_of_a_roster_import_asks_for_no_more_than_is_known(mine: FlaskClient, two: Two) -> None:
    page = mine.get("/workforce/roster/import").text
    assert "坐标系" not in page
    assert "长者名单" not in page
    assert two.tree.community.name in page
    assert two.tree.other_street.name not in page
    template = mine.get("/workforce/roster/import/template.xlsx").data
    headings = CalamineWorkbook.from_filelike(BytesIO(template)).get_sheet_by_name("名单").to_python()[0]
    assert "姓名" in headings
    assert "结对长者" not in headings


def test_uploading_for_another_company_is_refused(mine: FlaskClient, two: Two) -> None:
    for target, status in (
        (f"{two.other.id}-{two.tree.street.id}", 422),
        (f"{two.own.id}-{two.tree.other_street.id}", 422),
        (f"{two.own.id}-{two.tree.community.id}", 303),
    ):
        file = (BytesIO(xlsx([HEAD, LINE])), "名册.xlsx")
        answer = post(mine, "/workforce/roster/import", area_id=target, datum="wgs84", file=file)
        assert answer.status_code == status, target
    assert db.session.scalars(select(ImportBatch.organisation_id)).all() == [two.own.id]


# --- the roster ------------------------------------------------------------------------------------------


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return answer.text


def test_the_roster_shows_own_people_with_masked_phones(mine: FlaskClient, two: Two) -> None:
    staff(two, two.own, name="安居甲", phone="13812340001")
    staff(two, two.other, name="邻里乙", phone="13812340002")
    gone = staff(two, two.own, name="走了的", status=WorkerStatus.LEFT)
    page = text_of(mine.get("/workforce/roster"))
    assert "安居甲" in page
    assert "138****0001" in page
    assert "13812340001" not in page
    assert "邻里乙" not in page
    assert "走了的" not in page
    assert "走了的" in text_of(mine.get("/workforce/roster?status=left"))
    assert f"/workforce/roster/{gone.id}/leave" not in text_of(mine.get("/workforce/roster?status=left"))


def test_credentials_that_end_soon_are_found(mine: FlaskClient, two: Two) -> None:
    soon, missing = (staff(two, two.own, name=name) for name in ("快到期", "缺保险"))
    staff(two, two.own, name="都齐全")
    soon.credentials[0].valid_to = date(2026, 4, 10)
    db.session.delete(missing.credentials[1])
    db.session.flush()
    page = text_of(mine.get("/workforce/roster?duty=soon"))
    assert ("快到期" in page, "缺保险" in page, "都齐全" in page) == (True, False, False)
    page = text_of(mine.get("/workforce/roster?duty=missing"))
    assert "缺保险" in page
    assert "都齐全" not in page
    assert "30 天内到期" in text_of(mine.get("/"))


def test_somebody_who_left_the_company_is_taken_out(mine: FlaskClient, two: Two) -> None:
    one = staff(two, two.own, name="安居甲")
    keeper = factories.make_user(Role.STREET_COORDINATOR, two.tree.street)
    url = f"/workforce/roster/{one.id}/leave"
    assert "移出名册" in text_of(mine.get(url))
    answer = post(mine, url, note="")
    assert answer.status_code == 422
    assert "请写一句为什么" in answer.text
    assert post(mine, url, note="已离职").status_code == 303
    db.session.refresh(one)
    assert one.status is WorkerStatus.LEFT
    assert one.organisation_id == two.own.id
    summary = select(AuditEntry.summary).where(AuditEntry.action == "worker.take_out")
    assert db.session.scalar(summary) == "单位移出安居甲：已离职"
    assert db.session.scalar(select(OwedJob.id).where(OwedJob.name.endswith("free_visits_of"))) is not None
    told = db.session.scalars(select(Message).where(Message.user_id == keeper.id)).one()
    assert "没有结对的长者" in told.body
    assert (told.title, told.link) == ("安居物业移出了安居甲", f"/workforce/{one.id}/hand-over")
    assert post(mine, url, note="已离职").status_code == 409


def test_nobody_takes_out_another_companys_people(mine: FlaskClient, two: Two) -> None:
    for other in (
        staff(two, two.other, name="邻里乙"),
        factories.make_worker(two.tree.community, name="独自来的"),
    ):
        url = f"/workforce/roster/{other.id}/leave"
        assert mine.get(url).status_code == 404
        assert post(mine, url, note="已离职").status_code == 404
        assert other.name not in mine.get(url).text
        assert mine.get(f"/workforce/workers/{other.id}").status_code in (403, 404)
        db.session.refresh(other)
        assert other.status is WorkerStatus.APPROVED


def test_services_refuse_another_companys_manager(two: Two) -> None:
    other = staff(two, two.other)
    waits = factories.make_worker(two.tree.community, status=WorkerStatus.APPLIED, approved_at=None)
    actor = Actor(1, "x", (Grant(Role.ORGANISATION_MANAGER, organisation_id=two.own.id),))
    week = {0: [(time(9), time(10))]}
    for act in (
        lambda: services.take_out(actor, other, "已离职"),
        lambda: services.join_roster(actor, waits, two.other),
        lambda: services.enter_on_roster(actor, two.tree.street, {}, two.other),
        lambda: services.edit_worker(actor, other, {"phone": "13812340009"}),
        lambda: services.retire_worker(actor, other),
        lambda: services.set_availability(actor, other, week),
        lambda: services.set_availability(actor, staff(two, two.own), week),
        lambda: services.suspend_worker(actor, staff(two, two.own), "不想要"),
    ):
        with pytest.raises(NotAllowed):
            act()


# --- a school --------------------------------------------------------------------------------------------


def test_a_school_keeps_the_roster_of_its_students(client: FlaskClient, two: Two) -> None:
    school, other = (factories.make_organisation(two.tree.street) for _number in range(2))
    young = {"kind": WorkerKind.STUDENT, "birth_date": date(2010, 1, 1)}
    own = factories.make_worker(
        two.tree.community, name="林小雨", organisation=school, student_class="高一2班", **young
    )
    strange = factories.make_worker(two.tree.community, name="别校生", organisation=other, **young)
    factories.sign_in(client, factories.make_user(Role.SCHOOL_VERIFIER, organisation=school))
    page = text_of(client.get("/workforce/students"))
    assert "高一2班" in page
    assert "别校生" not in page
    assert 'href="/workforce/roster/import"' in page
    assert client.get("/workforce/roster/import").status_code == 200
    assert client.get(f"/workforce/roster/{strange.id}/leave").status_code == 404
    assert post(client, f"/workforce/roster/{own.id}/leave", note="已毕业").status_code == 303
    assert "高一2班" not in text_of(client.get("/workforce/students"))
