"""Somebody joins: from the community to the application, with whatever people type."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.joining.labels import CARDS
from coordinator.joining.models import Application, GuardianLink
from coordinator.joining.services.applying import Answers, Outcome, join
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import InvalidInput
from coordinator.messages.models import Message
from coordinator.workforce.models import CredentialKind, Worker, WorkerKind, WorkerStatus
from tests.coordinator.joining.conftest import id_for, last_code
from tests.coordinator.joining.ways import (
    ADULT,
    PHONE,
    details,
    do_join,
    only_worker,
    prove,
    text_of,
    token_in,
)
from tests.factories import (
    make_area_tree,
    make_elder,
    make_organisation,
    make_user,
)


@pytest.fixture
def tree(db_session):
    return make_area_tree()


# --- the pages -------------------------------------------------------------------------------------------


def test_a_volunteer_from_the_first_page_to_the_application(client, send, tree):
    keeper = make_user(Role.COMMUNITY_COORDINATOR, tree.community)
    page = text_of(client.get("/join"))
    assert "柳荫社区" in page
    assert "滨河街道" in page
    page = text_of(client.get(f"/join/who?area={tree.community.id}"))
    assert "我想做志愿者" in page
    assert "请点单位发给您的链接" in page
    answer, address = prove(client, send, tree)
    assert "怎样使用您的资料" in text_of(answer)
    answer = send(address, details(name=" 陈　素芬 "))
    assert answer.request.path == "/join/mine"
    assert "等社区审核" in text_of(answer)
    worker = only_worker()
    assert (worker.status, worker.kind, worker.name) == (
        WorkerStatus.APPLIED,
        WorkerKind.VOLUNTEER,
        "陈素芬",
    )
    assert (worker.birth_date, worker.phone, worker.area_id) == (ADULT, PHONE, tree.community.id)
    assert (worker.start_latitude, worker.start_longitude) == (28.881, 105.441)
    assert worker.user is not None
    assert [one.role for one in worker.user.roles] == [Role.WORKER]
    application = db.session.scalars(select(Application)).one()
    assert application.phone_verified_at
    assert application.notice_accepted_at
    told = db.session.scalars(select(Message).where(Message.user_id == keeper.id)).one()
    assert "陈素芬" not in told.title
    assert "陈素芬" in told.body


def test_every_type_of_the_cards_has_its_page(client, send, tree):
    make_organisation(tree.county, name="滨河中学")
    prove(client, send, tree)
    for kind in CARDS:
        page = client.get(f"/join/details?area={tree.community.id}&kind={kind.value}")
        assert page.status_code == 200, kind
        assert "送出申请" in text_of(page), kind


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        ("social_worker", {"licence": "川社 2021-00417"}),
        ("family_doctor", {"licence": "110510000012345", "office": "滨河卫生服务中心"}),
    ],
)
def test_a_licence_is_declared_and_does_not_stand(client, send, tree, kind, extra):
    _answer, address = prove(client, send, tree, kind)
    answer = send(address, details())
    assert answer.status_code == 422
    assert "请填" in text_of(answer)
    assert "陈素芬" in text_of(answer)
    assert send(address, details(**extra)).status_code == 200
    worker = only_worker()
    licence = next(one for one in worker.credentials if one.kind is CredentialKind.PROFESSIONAL)
    assert licence.number == extra["licence"]
    assert licence.declared_at
    assert not licence.stands
    assert licence.verified_by_id is None


def test_a_neighbour_names_an_elder_and_learns_nothing(client, send, tree):
    make_elder(tree.community, name="王素珍")
    answers = []
    for number, named in enumerate(("王素珍，柳荫小区 3 栋", "没有这个人")):
        _answer, address = prove(client, send, tree, "neighbour", phone=f"1390000777{number}")
        answer = send(
            address, details(name=f"邻居{'甲乙'[number]}", elder_named=named, elder_relation="同一栋楼")
        )
        answers.append(text_of(answer).replace(named, "").replace("邻居甲", "").replace("邻居乙", ""))
        row = db.session.scalars(select(Application).order_by(Application.id.desc()).limit(1)).one()
        assert row.elder_named == named
        assert row.elder_relation == "同一栋楼"
        assert row.worker.tied_elder_id is None
        send("/accounts/sign-out", {}, page="/join/mine")
    assert len({answer.count("社区问过老人以后告诉您") for answer in answers}) == 1


def test_a_student_of_fifteen_asks_the_guardian(client, send, tree):
    school = make_organisation(tree.county, name="滨河中学")
    _answer, address = prove(client, send, tree, "student")
    number = id_for(clock.today().replace(year=clock.today().year - 15, day=1))
    form = details(
        name="李小满",
        id_number=number,
        school_id=str(school.id),
        student_class="九（3）班",
        student_number="07",
    )
    answer = send(address, form)
    assert "还要填监护人" in text_of(answer)
    assert "九（3）班" in text_of(answer)
    assert "给家长" not in text_of(answer)
    form |= {"guardian_name": "李建国", "guardian_relation": "父亲", "guardian_phone": PHONE}
    answer = send(address, form)
    assert "不能和孩子的一样" in text_of(answer)
    assert db.session.scalar(select(func.count()).select_from(Worker)) == 0
    answer = send(address, form | {"guardian_phone": "13900002222"})
    assert "监护人" in text_of(answer)
    assert answer.request.path == "/join/mine"
    link = db.session.scalars(select(GuardianLink)).one()
    assert (link.name, link.phone, link.confirmed_at) == ("李建国", "13900002222", None)
    worker = only_worker()
    assert (worker.organisation_id, worker.student_class, worker.student_number) == (
        school.id,
        "九（3）班",
        "07",
    )


def test_under_fourteen_the_guardian_reads_a_notice_of_its_own(client, send, tree):
    school = make_organisation(tree.county, name="滨河小学")
    _answer, address = prove(client, send, tree, "student")
    number = id_for(clock.today().replace(year=clock.today().year - 12, day=1))
    form = details(
        name="赵一", id_number=number, school_id=str(school.id), student_class="六（1）班", student_number="3"
    )
    form |= {"guardian_name": "赵明", "guardian_relation": "父亲", "guardian_phone": "13900002222"}
    assert "给家长：孩子未满 14 岁" in text_of(send(address, form))
    assert db.session.scalar(select(func.count()).select_from(Worker)) == 0
    assert send(address, form | {"child_notice": "y"}).request.path == "/join/mine"


def test_under_ten_nobody_joins_and_a_minor_only_as_a_student(client, send, tree):
    school = make_organisation(tree.county, name="滨河小学")
    _answer, address = prove(client, send, tree, "student")
    nine = id_for(clock.today().replace(year=clock.today().year - 9, day=1))
    form = details(id_number=nine, school_id=str(school.id), student_class="三（1）班", student_number="3")
    assert "不满 10 岁" in text_of(send(address, form))
    sixteen = id_for(clock.today().replace(year=clock.today().year - 16, day=1))
    answer = send(address.replace("student", "volunteer"), details(id_number=sixteen))
    assert "我是在校学生" in text_of(answer)
    assert db.session.scalar(select(func.count()).select_from(User)) == 0


def test_property_staff_and_couriers_come_by_their_company(client, send, tree):
    page = client.get(f"/join/details?area={tree.community.id}&kind=courier", follow_redirects=True)
    assert page.request.path == "/join/who"
    with pytest.raises(InvalidInput, match="单位"):
        do_join(tree, kind=WorkerKind.PROPERTY_STAFF)
    with pytest.raises(InvalidInput, match="单位"):
        do_join(tree, kind=WorkerKind.CIVIL_AFFAIRS)


# --- going back, twice, too late -------------------------------------------------------------------------


def test_sent_twice_it_is_one_application(client, send, tree, token_of):
    _answer, address = prove(client, send, tree)
    page = text_of(client.get(address))
    form = details(csrf_token=token_of(page))
    cookies = client.get_cookie("tanfang")
    client.post(address, data=form)
    # The other tap carries the cookie of before.
    client.set_cookie("tanfang", cookies.value)
    answer = client.post(address, data=form, follow_redirects=True)
    assert answer.request.path == "/join/mine"
    for model in (Worker, Application, User):
        assert db.session.scalar(select(func.count()).select_from(model)) == 1


def test_the_other_tap_was_quicker(tree, monkeypatch):
    """Both have seen that nobody is there; the second meets the number in the database."""
    from coordinator.joining.services import applying

    number = id_for(ADULT)
    first = do_join(tree, id_number=number)

    def late(real):
        seen = []

        def read(*args):
            seen.append(args)
            return None if len(seen) == 1 else real(*args)

        return read

    for name in ("_known", "worker_with_id"):
        monkeypatch.setattr(applying, name, late(getattr(applying, name)))
    second = do_join(tree, id_number=number)
    assert (second.outcome, second.worker, second.user) == (Outcome.KNOWN, first.worker, first.user)
    assert db.session.scalar(select(func.count()).select_from(User)) == 1


def test_two_taps_at_the_same_moment(committed_app, committed_db):
    """For real: two connections, one record, one account; both taps lead to it."""
    tree = make_area_tree()
    committed_db.commit()
    place, number, moment = tree.community.id, id_for(ADULT), clock.now()
    gate, ends = threading.Barrier(2), []

    def tap() -> None:
        with committed_app.app_context():
            area = db.session.get_one(Area, place)
            answers = Answers(name="陈素芬", id_number=number, notice_at=moment)
            gate.wait()
            joined = join(PHONE, moment, area, WorkerKind.VOLUNTEER, answers)
            ends.append((joined.outcome, joined.user.id if joined.user else None))
            db.session.commit()

    taps = [threading.Thread(target=tap) for _one in range(2)]
    for one in taps:
        one.start()
    for one in taps:
        one.join()
    assert {outcome for outcome, _user in ends} == {Outcome.NEW, Outcome.KNOWN}
    assert len({user for _outcome, user in ends}) == 1
    for model in (Worker, Application, User):
        assert committed_db.scalar(select(func.count()).select_from(model)) == 1


def test_the_button_back(client, send, tree):
    _answer, address = prove(client, send, tree)
    # back to the code, and to the number: on with what is proved
    assert client.get(address.replace("details", "code"), follow_redirects=True).request.path == "/join/which"
    assert client.get(address.replace("details", "phone")).location.startswith("/join/details")
    assert client.get(address.replace("details", "phone") + "&other=1").status_code == 200
    send(address, details())
    for page in ("details", "phone", "who", ""):
        back = client.get(address.replace("details", page) if page else "/join", follow_redirects=True)
        assert back.request.path == "/join/mine"


def test_a_second_tap_on_send_code_goes_on_with_the_first(client, send, tree):
    query = f"area={tree.community.id}&kind=volunteer"
    send(f"/join/phone?{query}", {"phone": PHONE})
    code = last_code()
    answer = send(f"/join/phone?{query}", {"phone": PHONE})
    assert answer.request.path == "/join/code"
    assert answer.status_code == 200
    assert "再发" in text_of(send(f"/join/code?{query}", {"again": "1"}))
    assert send(f"/join/code?{query}", {"code": code}).request.path == "/join/details"


def test_a_proof_that_is_too_old_loses_nothing(client, send, tree, freeze):
    freeze(clock.now())
    _answer, address = prove(client, send, tree)
    token_page = text_of(client.get(address))
    freeze(clock.now() + timedelta(hours=3))
    answer = client.post(address, data=details(csrf_token=token_in(token_page)))
    page = text_of(answer)
    assert answer.status_code == 422
    assert "陈素芬" in page
    assert "再验证一次手机号" in page
    assert db.session.scalar(select(func.count()).select_from(Worker)) == 0


def test_details_without_a_proof_ask_for_the_number(client, tree):
    answer = client.get(f"/join/details?area={tree.community.id}&kind=volunteer", follow_redirects=True)
    assert answer.request.path == "/join/phone"


def test_a_wrong_code_says_how_many_tries_are_left(client, send, tree):
    query = f"area={tree.community.id}&kind=volunteer"
    send(f"/join/phone?{query}", {"phone": PHONE})
    wrong = f"{(int(last_code()) + 1) % 10**6:06d}"
    for left in (4, 3):
        answer = send(f"/join/code?{query}", {"code": wrong})
        assert answer.status_code == 422
        assert f"还可以试 {left} 次" in text_of(answer)


# --- what people type ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["䶮", "㛃𫖯", "阿卜杜热西提·买买提", "欧阳娜娜诸葛司马上官", "𫖯", "Anna Maria", "〇一"]
)
def test_names_of_all_kinds(tree, name):
    assert do_join(tree, name=name).worker.name == name


@pytest.mark.parametrize(
    ("name", "words"),
    [("陈😀", "不能有"), ("陈2", "数字"), ("", "没有填"), ("陈\ue000", "自造字"), ("长" * 51, "50")],
)
def test_names_that_are_none(client, send, tree, name, words):
    with pytest.raises(InvalidInput, match=words) as refused:
        do_join(tree, name=name)
    assert refused.value.field == "name"


def test_emoji_in_free_text_are_kept(client, send, tree):
    _answer, address = prove(client, send, tree, "neighbour")
    send(address, details(elder_named="王奶奶😀，柳荫小区，没有门牌号", elder_relation="同村"))
    assert db.session.scalars(select(Application)).one().elder_named == "王奶奶😀，柳荫小区，没有门牌号"


@pytest.mark.parametrize(
    ("number", "words"),
    [("510502199005010", "15 位"), ("51050219900501001", "18 位"), ("510502199013010015", "不存在")],
)
def test_id_numbers_are_checked_and_what_was_typed_stays(client, send, tree, number, words):
    _answer, address = prove(client, send, tree)
    page = text_of(send(address, details(id_number=number)))
    assert words in page
    assert number in page
    assert "陈素芬" in page


def test_without_the_notice_nothing(client, send, tree):
    _answer, address = prove(client, send, tree)
    form = details()
    del form["notice"]
    assert "同意了再勾选" in text_of(send(address, form))
    assert db.session.scalar(select(func.count()).select_from(Worker)) == 0


def test_an_area_without_a_place_of_its_own_takes_the_street(db_session):
    tree = make_area_tree()
    tree.community.latitude = tree.community.longitude = None
    db.session.flush()
    assert do_join(tree).worker.start_latitude == 28.88
