"""The workforce through HTTP: coordinators, the worker's own pages, organisations and schools."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import event, select

from coordinator.accounts.models import OrganisationKind
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.workforce.labels import week_words
from coordinator.workforce.models import Bar, Guardian, ServiceContact, Worker, WorkerStatus
from coordinator.workforce.queries import service_contacts_of
from tests.factories import (
    csrf_token,
    hanzi,
    make_area_tree,
    make_elder,
    make_organisation,
    make_user,
    make_worker,
    sign_in,
)

MOST_QUERIES = 12


@pytest.fixture(autouse=True)
def _today(freeze):
    freeze(datetime(2026, 3, 26, 1, 0, tzinfo=UTC))


@pytest.fixture
def tree(db_session):
    return make_area_tree()


@pytest.fixture
def desk(client, tree):
    sign_in(client, make_user(Role.STREET_COORDINATOR, tree.street))
    return client


@pytest.fixture
def worker(tree):
    return make_worker(tree.street, name="周敏", phone="13800006027")


@pytest.fixture
def mine(client, worker):
    """The worker's own telephone."""
    worker.user_id = make_user(Role.WORKER).id
    db.session.flush()
    sign_in(client, worker.user)
    return client


def text_of(answer) -> str:
    return answer.get_data(as_text=True)


def token(client, url) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', text_of(client.get(url))).group(1)


def data_of(client, url, **over):
    return {"csrf_token": token(client, url)} | over


PAGES = ("", "/panel", "/edit", "/suspend", "/credentials/new", "/guardians/new", "/times", "/days-off")


def test_other_areas_do_not_exist(desk, tree):
    stranger = make_worker(tree.other_street, name="赵远山")
    assert "赵远山" not in text_of(desk.get("/workforce"))
    for page in PAGES:
        assert desk.get(f"/workforce/{stranger.id}{page}").status_code == 404
    data = data_of(desk, "/workforce/new")
    for action in ("approve", "leave", "reveal/phone", "days-off/remove", "guardians/1/withdraw"):
        assert desk.post(f"/workforce/{stranger.id}/{action}", data=data).status_code == 404
    elder = make_elder(tree.outside)
    assert desk.get(f"/workforce/elders/{elder.id}").status_code == 404


def test_supervisors_read_masked_and_change_nothing(client, tree, worker):
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, tree.county))
    page = text_of(client.get(f"/workforce/{worker.id}"))
    assert "138****6027" in page
    assert "/reveal/" not in page
    assert f"/workforce/{worker.id}/edit" not in page
    assert client.get(f"/workforce/{worker.id}/edit").status_code == 403
    assert client.get("/workforce/me").status_code == 403
    assert client.get("/workforce/roster").status_code == 403


def test_a_reveal_is_recorded(desk, worker):
    data = data_of(desk, "/workforce/new")
    answer = desk.post(f"/workforce/{worker.id}/reveal/phone", data=data)
    assert "13800006027" in text_of(answer)
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "worker.reveal")).one()
    assert (line.object_id, line.changes) == (worker.id, {"field": "phone"})


def new_worker(desk, tree, **over):
    return data_of(
        desk,
        "/workforce/new",
        **{
            "name": "李建国",
            "kind": "volunteer",
            "sex": "male",
            "birth_date": "1960-02-01",
            "phone": "13912345678",
            "area_id": str(tree.street.id),
            "organisation_id": "",
            "travel_mode": "walk",
            "start_latitude": "28.881",
            "start_longitude": "105.441",
            "service_radius_metres": "2000",
            "max_visits_day": "4",
            "max_visits_week": "10",
            "max_visits_month": "30",
            "skills": "first_aid",
            "dialects": "四川话、客家话",
        }
        | over,
    )


def test_entering_a_worker(desk, tree):
    answer = desk.post("/workforce/new", data=new_worker(desk, tree))
    assert answer.status_code == 303, text_of(answer)
    made = db.session.scalars(select(Worker).where(Worker.name == "李建国")).one()
    assert (made.status, made.dialects) == (WorkerStatus.APPLIED, ["四川话", "客家话"])
    page = text_of(desk.get(f"/workforce/{made.id}"))
    assert "还不能审核通过" in page
    assert "人身意外保险" in page
    assert "急救" in page


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"phone": "139"}, "手机号要 11 位"),
        ({"birth_date": "2018-01-01"}, "不满 10 岁"),
        ({"kind": "student"}, "要选所在学校"),
        ({"start_latitude": ""}, "请在地图上点一下"),
        ({"start_latitude": "105.441", "start_longitude": "28.881"}, "写反了"),
        ({"service_radius_metres": "很远"}, ""),
        ({"area_id": "999999"}, ""),
    ],
)
def test_bad_input_keeps_everything_typed(desk, tree, over, said):
    answer = desk.post("/workforce/new", data=new_worker(desk, tree, **over))
    page = text_of(answer)
    assert answer.status_code == 422
    assert said in page
    for name, typed in (
        {"name": "李建国", "dialects": "四川话、客家话", "phone": "13912345678"} | over
    ).items():
        assert typed in page or name == "area_id"
    assert db.session.scalars(select(Worker)).all() == []


def test_editing_keeps_what_is_protected(desk, tree, worker):
    url = f"/workforce/{worker.id}/edit"
    assert "13800006027" not in text_of(desk.get(url))
    data = new_worker(
        desk, tree, name="周敏敏", phone="", birth_date="", sex="", service_radius_metres="3000"
    )
    assert desk.post(url, data=data).status_code == 303
    db.session.expire_all()
    changed = db.session.get(Worker, worker.id)
    assert (changed.name, changed.phone, changed.birth_date) == ("周敏敏", "13800006027", date(1990, 5, 1))
    assert changed.service_radius_metres == 3000


def test_credentials_then_approval(desk, tree):
    worker = make_worker(tree.street, ready=False, status=WorkerStatus.APPLIED, approved_at=None)
    url = f"/workforce/{worker.id}/credentials/new"
    assert '<option selected value="insurance">' in text_of(desk.get(url + "?kind=insurance"))
    data = data_of(desk, url, kind="insurance", number="", valid_from="2026-03-01", valid_to="2027-02-28")
    answer = desk.post(url, data=data)
    assert answer.status_code == 422
    assert "请填保单号" in text_of(answer) or "保险要填保单号" in text_of(answer)
    approve = f"/workforce/{worker.id}/approve"
    assert desk.post(approve, data=data).status_code == 409
    for kind in ("insurance", "training", "health_declaration", "agreement"):
        assert desk.post(url, data=data | {"kind": kind, "number": "P1"}).status_code == 303
    assert f"/join/admission/{worker.id}" in text_of(desk.get(f"/workforce/{worker.id}"))
    assert desk.post(approve, data=data).status_code == 303
    assert db.session.get(Worker, worker.id).status == WorkerStatus.APPROVED


def test_guardian_consent_given_and_withdrawn(desk, tree):
    school = make_organisation(tree.county)
    student = make_worker(tree.street, kind="student", birth_date=date(2011, 1, 1), organisation_id=school.id)
    assert "还没有监护人同意" in text_of(desk.get(f"/workforce/{student.id}"))
    url = f"/workforce/{student.id}/guardians/new"
    data = data_of(
        desk,
        url,
        name="林建军",
        relation="父亲",
        phone="13800000009",
        scope="由成年人陪同",
        given_on="2026-03-01",
        valid_to="2026-08-31",
    )
    assert desk.post(url, data=data | {"phone": "9"}).status_code == 422
    assert desk.post(url, data=data).status_code == 303
    guardian = db.session.scalars(select(Guardian)).one()
    page = text_of(desk.get(f"/workforce/{student.id}"))
    assert "138****0009" in page
    assert "现在不能安排" not in page
    withdraw = f"/workforce/{student.id}/guardians/{guardian.id}/withdraw"
    assert desk.post(withdraw, data=data).status_code == 303
    assert "监护人已经撤回同意" in text_of(desk.get(f"/workforce/{student.id}"))
    assert desk.post(f"/workforce/{student.id}/guardians/0/withdraw", data=data).status_code == 404


def test_suspending_needs_a_reason(desk, worker):
    url = f"/workforce/{worker.id}/suspend"
    assert desk.post(url, data=data_of(desk, url, reason="")).status_code == 422
    assert desk.post(url, data=data_of(desk, url, reason="多次未到")).status_code == 303
    assert "已停用" in text_of(desk.get(f"/workforce/{worker.id}"))
    url = f"/workforce/{worker.id}/hand-over"
    assert desk.post(url, data=data_of(desk, url, what="retire")).status_code == 303
    assert "已离开" in text_of(desk.get(f"/workforce/{worker.id}"))


def test_pairing_and_barring(desk, tree, worker):
    elder = make_elder(tree.community)
    minor = make_worker(tree.street, name="小林", birth_date=date(2011, 1, 1))
    url = f"/workforce/elders/{elder.id}"
    page = text_of(desk.get(url))
    assert "周敏（志愿者，0 米）" in page
    assert "小林" not in page
    assert desk.post(url, data=data_of(desk, url, action="pair", worker_id=str(minor.id))).status_code == 422
    data = data_of(desk, url, action="pair", worker_id=str(worker.id))
    assert desk.post(url, data=data).status_code == 303
    assert service_contacts_of([elder.id]) == {elder.id: worker.id}
    assert elder.name in text_of(desk.get(f"/workforce/{worker.id}"))
    assert worker.name in text_of(desk.get(f"/elders/{elder.id}"))
    assert desk.post(url, data=data | {"action": "bar"}).status_code == 303
    assert service_contacts_of([elder.id]) == {}
    assert db.session.scalars(select(Bar)).one().worker_id == worker.id
    assert desk.post(f"{url}/bars/{worker.id}/remove", data=data).status_code == 303
    assert db.session.scalars(select(Bar)).all() == []
    desk.post(url, data=data)
    assert desk.post(f"{url}/pairs/{worker.id}/end", data=data).status_code == 303
    assert service_contacts_of([elder.id]) == {}


# --- the worker's own pages ------------------------------------------------------------------------------


def test_my_page(mine, worker):
    page = text_of(mine.get("/workforce/me"))
    assert "可以参加探访" in page
    assert "138****6027" in page
    assert "13800006027" not in page
    assert mine.get("/workforce").status_code == 403
    assert mine.get(f"/workforce/{worker.id}").status_code == 403


def week(**over):
    return {f"day_{n}-span": "off" for n in range(7)} | over


def test_my_week(mine, worker):
    url = "/workforce/me/times"
    data = data_of(
        mine,
        url,
        **week(
            **{
                "day_0-span": "morning",
                "day_2-span": "whole",
                "day_5-span": "custom",
                "day_5-starts": "09:00",
                "day_5-ends": "11:30",
            }
        ),
    )
    assert mine.post(url, data=data).status_code == 303
    db.session.expire_all()
    assert week_words(worker.availability) == "周一 8:00–12:00；周三 8:00–18:00；周六 9:00–11:30"
    page = text_of(mine.get(url))
    assert re.search(r'<input checked id="day_5-span-4"', page)
    assert 'value="11:30"' in page


def test_a_morning_and_a_late_afternoon(mine, worker):
    url = "/workforce/me/times"
    two = {"starts": "08:00", "ends": "11:00", "again": "16:00", "until": "18:30"}
    typed = {f"day_1-{name}": at for name, at in two.items()} | {"day_1-span": "custom"}
    assert mine.post(url, data=data_of(mine, url, **week(**typed))).status_code == 303
    db.session.expire_all()
    assert week_words(worker.availability) == "周二 8:00–11:00、16:00–18:30"
    page = text_of(mine.get(url))
    for name, at in two.items():
        assert re.search(rf'id="day_1-{name}"[^>]*value="{at}"', page), name
    assert "16:00–18:30" in text_of(mine.get("/workforce/me"))
    answer = mine.post(url, data=data_of(mine, url, **week(**typed | {"day_1-until": ""})))
    assert answer.status_code == 422
    assert "第二段请填几点到几点" in text_of(answer)
    answer = mine.post(url, data=data_of(mine, url, **week(**typed | {"day_1-again": "10:00"})))
    assert answer.status_code == 422
    assert "重在一起" in text_of(answer)


@pytest.mark.parametrize(
    ("starts", "ends", "said"),
    [("", "11:30", "请填几点到几点"), ("12:00", "09:00", "结束要晚于开始"), ("05:00", "09:00", "6:00–21:00")],
)
def test_a_bad_week_is_shown_at_its_day(mine, worker, starts, ends, said):
    url = "/workforce/me/times"
    before = week_words(worker.availability)
    over = {"day_3-span": "custom", "day_3-starts": starts, "day_3-ends": ends, "day_0-span": "morning"}
    answer = mine.post(url, data=data_of(mine, url, **week(**over)))
    page = text_of(answer)
    assert answer.status_code == 422
    assert said in page
    assert page.index("周四</legend>") < page.index(said) < page.index("周五</legend>")
    assert re.search(r'<input checked id="day_0-span-1"', page)
    assert f'value="{ends}"' in page
    db.session.expire_all()
    assert week_words(worker.availability) == before


def test_my_days_off(mine, worker):
    url = "/workforce/me/days-off"
    data = data_of(mine, url, first_day="2026-03-28", last_day="2026-03-27", note="回老家")
    answer = mine.post(url, data=data)
    assert answer.status_code == 422
    assert "回老家" in text_of(answer)
    assert mine.post(url, data=data | {"last_day": "2026-03-30"}).status_code == 303
    assert "3月28–30日" in text_of(mine.get("/workforce/me"))
    db.session.expire_all()
    leave = worker.exceptions[0].id
    other = make_worker(db.session.get(Worker, worker.id).area)
    assert mine.post(f"{url}/remove", data=data | {"leave": str(leave + 1000)}).status_code == 404
    assert mine.post(f"{url}/remove", data=data | {"leave": str(leave)}).status_code == 303
    assert other.exceptions == []
    assert "现在没有登记" in text_of(mine.get(url))


def test_an_account_without_a_worker(client, db_session):
    sign_in(client, make_user(Role.WORKER))
    answer = client.get("/workforce/me")
    assert answer.status_code == 404
    assert "联系社区工作人员" in text_of(answer)


# --- organisations and schools ---------------------------------------------------------------------------


def test_an_organisation_sees_its_own_people_only(client, tree):
    team = make_organisation(tree.street, kind=OrganisationKind.PROPERTY_COMPANY)
    other = make_organisation(tree.street, kind=OrganisationKind.PROPERTY_COMPANY)
    make_worker(tree.street, name="安居一", organisation_id=team.id, phone="13800000001")
    make_worker(tree.street, name="别家二", organisation_id=other.id)
    sign_in(client, make_user(Role.ORGANISATION_MANAGER, organisation=team))
    page = text_of(client.get("/workforce/roster"))
    assert "安居一" in page
    assert "别家二" not in page
    assert "13800000001" not in page
    assert client.get("/workforce/students").status_code == 403
    assert client.get("/workforce").status_code == 403
    assert client.get("/workforce/roster?format=csv").status_code == 200


def test_a_school_sees_its_own_students_only(client, tree):
    school, other = make_organisation(tree.county), make_organisation(tree.county)
    make_worker(
        tree.street,
        name="林小雨",
        kind="student",
        organisation_id=school.id,
        birth_date=date(2011, 1, 1),
        student_class="初二3班",
    )
    make_worker(tree.street, name="教师甲", organisation_id=school.id)
    make_worker(tree.street, name="别校生", kind="student", organisation_id=other.id)
    sign_in(client, make_user(Role.SCHOOL_VERIFIER, organisation=school))
    page = text_of(client.get("/workforce/students"))
    assert "林小雨" in page
    assert "初二3班" in page
    assert "教师甲" not in page
    assert "别校生" not in page
    assert client.get("/workforce/roster").status_code == 403


def test_two_hundred_rows_cost_no_more_queries(desk, tree, worker):
    def count(url):
        seen = []

        def remember(_connection, _cursor, statement, *_rest):
            if not statement.startswith(("SAVEPOINT", "RELEASE")):
                seen.append(statement)

        event.listen(db.engine, "before_cursor_execute", remember)
        try:
            assert desk.get(url).status_code == 200
        finally:
            event.remove(db.engine, "before_cursor_execute", remember)
        return len(seen)

    few = count("/workforce?per_page=200")
    for number in range(199):
        one = make_worker(tree.street, name="李" + hanzi(number))
        elder = make_elder(tree.community, worker_home(number, tree))
        db.session.add(ServiceContact(elder_id=elder.id, worker_id=one.id, since=date(2026, 1, 1)))
    db.session.flush()
    assert count("/workforce?per_page=200") == few <= MOST_QUERIES
    elder = db.session.scalars(select(Elder)).first()
    assert count(f"/workforce/{worker.id}") <= MOST_QUERIES
    assert count(f"/workforce/elders/{elder.id}") <= MOST_QUERIES


def worker_home(number, tree):
    """A few homes shared by all, so that the fixture stays quick."""
    from coordinator.elders.models import Household
    from tests.factories import make_household

    return db.session.scalars(select(Household)).first() or make_household(tree.community)


def test_a_worker_gets_an_account_and_signs_in(desk, app, tree, worker):
    page = f"/workforce/{worker.id}/account"
    assert page in text_of(desk.get(f"/workforce/{worker.id}"))
    answer = desk.post(page, data={"csrf_token": token(desk, page), "username": "Zhou.Min"})
    assert answer.status_code == 200
    once = re.search(r'class="tf-once num">([^<]+)<', text_of(answer)).group(1)
    db.session.refresh(worker)
    assert worker.user.username == "zhou.min"
    assert worker.user.must_change_password
    phone = app.test_client()
    sign_in_page = "/accounts/sign-in"
    entered = phone.post(
        sign_in_page,
        data={"csrf_token": token(phone, sign_in_page), "username": "zhou.min", "password": once},
    )
    assert entered.status_code in (302, 303)
    assert phone.get("/workforce/me").status_code in (302, 303)  # the one-time password is changed first
    assert "已经有账号了" in text_of(desk.get(page))
    again = desk.post(page, data={"csrf_token": csrf_token(desk), "username": "zhou.min2"})
    assert again.status_code == 409


def test_a_user_name_that_is_taken_is_said_at_its_field(desk, tree, worker):
    make_user(Role.WORKER, username="zhou.min")
    page = f"/workforce/{worker.id}/account"
    answer = desk.post(page, data={"csrf_token": token(desk, page), "username": "zhou.min"})
    assert answer.status_code == 422
    assert "已经有人用了" in text_of(answer)
    assert worker.user_id is None


def test_community_coordinators_do_not_open_accounts(client, tree, worker):
    sign_in(client, make_user(Role.COMMUNITY_COORDINATOR, tree.community))
    assert client.get(f"/workforce/{worker.id}/account").status_code == 403
