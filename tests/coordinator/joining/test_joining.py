"""Somebody joins: from the community to the application, by each way, with whatever people type."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from coordinator.accounts.models import OrganisationKind, User, UserSession
from coordinator.extensions import db
from coordinator.joining.labels import CARDS
from coordinator.joining.models import Application, CodePurpose, GuardianLink
from coordinator.joining.services.applying import Answers, Outcome, join
from coordinator.joining.services.codes import send_phone_code
from coordinator.joining.services.invitations import make_invitation
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput, TooMany
from coordinator.messages.models import Message
from coordinator.workforce.models import CredentialKind, Worker, WorkerKind, WorkerStatus
from coordinator.workforce.services import edit_worker
from tests.coordinator.joining.conftest import id_for, last_code
from tests.factories import (
    make_actor,
    make_area_tree,
    make_elder,
    make_organisation,
    make_user,
    make_worker,
    sign_in,
)

PHONE = "13900001111"
ADULT = date(1990, 5, 1)


@pytest.fixture
def tree(db_session):
    return make_area_tree()


def prove(client, send, tree, kind="volunteer", phone=PHONE, **extra):
    """Up to the form of this type, with the telephone proved."""
    query = "&".join(f"{k}={v}" for k, v in {"area": tree.community.id, "kind": kind, **extra}.items())
    shown = send(f"/join/phone?{query}", {"phone": phone})
    assert "短信验证码" in shown.get_data(as_text=True)
    return send(f"/join/code?{query}", {"code": last_code()}), f"/join/details?{query}"


def details(**over):
    return {"name": "陈素芬", "id_number": id_for(ADULT), "notice": "y"} | over


def text_of(answer):
    return answer.get_data(as_text=True)


def only_worker():
    return db.session.scalars(select(Worker)).one()


def do_join(tree, *, phone=PHONE, kind=WorkerKind.VOLUNTEER, invitation=None, **over):
    values = {"name": "陈素芬", "id_number": id_for(ADULT), "notice_at": clock.now()} | over
    return join(phone, clock.now(), tree.community, kind, Answers(**values), invitation=invitation)


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
    seen, known = [], applying._known

    def late(*args):
        seen.append(args)
        return None if len(seen) == 1 else known(*args)

    monkeypatch.setattr(applying, "_known", late)
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


def token_in(page):
    return page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]


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


# --- somebody is there already ---------------------------------------------------------------------------


def test_the_same_telephone_finds_the_account(client, send, tree):
    user = make_user(Role.WORKER)
    make_worker(tree.street, user_id=user.id, name="陈素芬", phone=PHONE)
    answer, _address = prove(client, send, tree)
    page = text_of(answer)
    assert answer.request.path == "/join/which"
    assert "陈*芬" in page
    assert "陈素芬" not in page
    worker = only_worker()
    answer = send(answer.request.full_path, {"key": f"w{worker.id}"})
    assert db.session.scalars(select(UserSession)).one().user_id == user.id


def test_a_rosters_row_gets_its_account(client, send, tree):
    worker = make_worker(
        tree.street, name="陈素芬", phone=PHONE, status=WorkerStatus.APPLIED, approved_at=None
    )
    answer, _address = prove(client, send, tree)
    page = answer.request.full_path
    wrong = send(page, {"key": f"w{worker.id}", "name": "陈素芳", "notice": "y"})
    assert wrong.status_code == 422
    assert "对不上" in text_of(wrong)
    half = send(page, {"key": f"w{worker.id}", "name": "陈素芬"})
    assert half.status_code == 422
    assert "同意了再勾选" in text_of(half)
    answer = send(page, {"key": f"w{worker.id}", "name": "陈 素芬", "notice": "y"})
    assert answer.request.path == "/join/mine"
    db.session.refresh(worker)
    assert worker.user is not None
    assert worker.user.name == "陈素芬"
    assert db.session.scalar(select(func.count()).select_from(Worker)) == 1
    assert db.session.scalars(select(Application)).one().worker_id == worker.id


def test_another_one_of_the_household_joins_with_the_same_telephone(client, send, tree):
    make_worker(tree.street, name="陈素芬", phone=PHONE, id_number=id_for(ADULT))
    _answer, address = prove(client, send, tree)
    assert send(address, details(name="王大山", id_number=id_for(ADULT))).request.path == "/join/mine"
    assert db.session.scalar(select(func.count()).select_from(Worker)) == 2


def test_the_same_person_by_id_and_telephone_is_connected(tree):
    number = id_for(ADULT)
    row = make_worker(tree.street, name="陈素芬", phone=PHONE, id_number=number)
    joined = do_join(tree, id_number=number)
    assert (joined.outcome, joined.worker) == (Outcome.KNOWN, row)
    assert row.user is joined.user
    again = do_join(tree, id_number=number)
    assert again.user is joined.user
    assert db.session.scalar(select(func.count()).select_from(User)) == 1


def test_a_row_without_id_number_is_completed(tree):
    row = make_worker(tree.street, name="陈素芬", phone=PHONE, birth_date=ADULT)
    number = id_for(ADULT)
    assert do_join(tree, id_number=number).worker is row
    assert row.id_number == number
    assert row.id_number_hash is not None


def test_the_same_id_with_another_telephone_goes_to_the_coordinator(client, send, tree):
    keeper = make_user(Role.STREET_COORDINATOR, tree.other_street)
    number = id_for(ADULT)
    row = make_worker(tree.outside, name="周敏", phone="13900009999", id_number=number)
    _answer, address = prove(client, send, tree)
    answer = send(address, details(id_number=number))
    page = text_of(answer)
    assert answer.request.path == "/join/asked"
    assert "社区核实" in page
    for secret in ("周敏", "江湾", "13900009999", "已经登记"):
        assert secret not in page
    assert row.phone == "13900009999"
    assert row.user_id is None
    assert db.session.scalar(select(func.count()).select_from(Worker)) == 1
    told = db.session.scalars(select(Message).where(Message.user_id == keeper.id)).one()
    assert "周敏" in told.body
    assert PHONE not in told.body
    assert "周敏" not in told.title
    # the proof is used up, and a second try tells nobody anything new
    assert client.get(address, follow_redirects=True).request.path == "/join/phone"


@pytest.mark.parametrize("over", [{"status": WorkerStatus.LEFT, "phone": PHONE}, {"phone": None}])
def test_who_left_or_has_no_number_on_file_is_looked_at(tree, over):
    number = id_for(ADULT)
    make_worker(tree.street, name="陈素芬", id_number=number, **over)
    assert do_join(tree, id_number=number).outcome is Outcome.ASKED
    assert db.session.scalar(select(func.count()).select_from(User)) == 0


def test_an_applied_row_without_a_number_is_trusted_with_name_and_id(tree):
    number = id_for(ADULT)
    row = make_worker(
        tree.street, name="陈素芬", id_number=number, status=WorkerStatus.APPLIED, approved_at=None
    )
    assert do_join(tree, id_number=number).outcome is Outcome.KNOWN
    assert row.phone == PHONE
    assert row.status is WorkerStatus.APPLIED
    other = id_for(ADULT)
    make_worker(tree.street, name="别人", id_number=other, status=WorkerStatus.APPLIED, approved_at=None)
    assert do_join(tree, id_number=other).outcome is Outcome.ASKED


def test_same_name_and_telephone_with_another_id_is_looked_at(tree):
    make_worker(tree.street, name="陈素芬", phone=PHONE, id_number=id_for(ADULT))
    assert do_join(tree).outcome is Outcome.ASKED


# --- signing in by code ----------------------------------------------------------------------------------


def by_code(client, send, phone=PHONE, where="/join/sign-in"):
    answer = send(where, {"phone": phone})
    return send(answer.request.full_path, {"code": last_code()})


def test_a_worker_signs_in_by_code_and_the_one_time_password_ends(client, send, tree):
    user = make_user(Role.WORKER, must_change_password=True)
    make_worker(tree.street, user_id=user.id, phone=PHONE)
    answer = by_code(client, send, where="/join/sign-in?next=/workforce/me")
    assert answer.request.path == "/workforce/me"
    assert answer.status_code == 200
    assert not user.must_change_password
    page = text_of(client.get("/workforce/me"))
    assert "我的时间" in page


def test_another_telephone_signs_the_old_one_out(client, send, tree, freeze):
    user = make_user(Role.WORKER)
    worker = make_worker(tree.street, user_id=user.id, phone=PHONE)
    by_code(client, send)
    assert client.get("/workforce/me").status_code == 200
    coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
    edit_worker(coordinator, worker, {"notes": "膝盖不好"})
    assert client.get("/workforce/me").status_code == 200
    edit_worker(coordinator, worker, {"phone": "13900002222"})
    assert client.get("/workforce/me").status_code == 303
    freeze(clock.now() + timedelta(seconds=61))
    assert "还没有登记" in text_of(by_code(client, send))


def test_the_answers_do_not_tell_whether_a_number_is_known(client, send, tree):
    user = make_user(Role.WORKER)
    make_worker(tree.street, user_id=user.id, phone=PHONE)
    pages = []
    for phone in (PHONE, "13900002222"):
        answer = send("/join/sign-in", {"phone": phone})
        page = text_of(answer).replace(f"{phone[:3]}****{phone[-4:]}", "")
        pages.append((answer.status_code, answer.request.path, strip_tokens(page)))
    assert pages[0] == pages[1]


def strip_tokens(page):
    import re

    page = re.sub(r'nonce="[^"]+"', "", page)
    return re.sub(r'(name="csrf[-_]token"[^>]*(value|content))="[^"]+"', r"\1", page)


def test_an_unknown_number_may_go_on_and_join(client, send, tree):
    answer = by_code(client, send)
    assert answer.request.path == "/join/which"
    assert "还没有登记" in text_of(answer)
    # the number is not asked for again
    query = f"area={tree.community.id}&kind=volunteer"
    assert client.get(f"/join/phone?{query}").location.startswith("/join/details")


@pytest.mark.parametrize("role", [Role.STREET_COORDINATOR, Role.COMMUNITY_COORDINATOR])
def test_who_needs_a_second_factor_does_not_enter_by_code(client, send, tree, role):
    user = make_user(role, tree.street if role is Role.STREET_COORDINATOR else tree.community)
    worker = make_worker(tree.street, user_id=user.id, phone=PHONE)
    answer = by_code(client, send)
    assert "用户名和密码" in text_of(answer)
    answer = send(answer.request.full_path, {"key": f"w{worker.id}"}, page="/join/sign-in")
    assert answer.status_code == 403
    assert db.session.scalar(select(func.count()).select_from(UserSession)) == 0
    assert do_join(tree, name=worker.name).outcome is Outcome.ASKED


def test_a_second_factor_of_ones_own_choice_and_a_closed_account_too(client, send, tree):
    for over in ({"totp_confirmed_at": clock.now(), "totp_secret": "JBSWY3DPEHPK3PXP"}, {"is_active": False}):
        phone = f"1390000888{len(over)}"
        user = make_user(Role.WORKER, **over)
        make_worker(tree.street, user_id=user.id, phone=phone)
        answer = by_code(client, send, phone)
        assert answer.request.path == "/join/which"
        assert "用户名和密码" in text_of(answer)
        client.delete_cookie("tanfang")
    assert db.session.scalar(select(func.count()).select_from(UserSession)) == 0


def test_somebody_elses_key_opens_nothing(client, send, tree):
    other = make_user(Role.WORKER)
    stranger = make_worker(tree.street, user_id=other.id, phone="13900009999")
    mine = make_user(Role.WORKER), make_user(Role.WORKER)
    for user in mine:
        make_worker(tree.street, user_id=user.id, phone=PHONE)
    answer = by_code(client, send)
    answer = send(answer.request.full_path, {"key": f"w{stranger.id}"})
    assert answer.request.path == "/join/which"
    assert db.session.scalar(select(func.count()).select_from(UserSession)) == 0


def test_a_form_kept_through_the_code(client, send, tree, token_of):
    """A session that ended while something was being written: the code leads back to it."""
    user = make_user(Role.WORKER)
    make_worker(tree.street, user_id=user.id, phone=PHONE)
    token = token_of(text_of(client.get("/join/sign-in")))
    kept = {"kept_target": "/workforce/me/days-off", "kept.note": "回老家"}
    page = text_of(client.post("/join/sign-in", data={"csrf_token": token, **kept}))
    assert "回老家" in page
    assert "您的手机号" in page
    page = text_of(client.post("/join/sign-in", data={"csrf_token": token, "phone": PHONE, **kept}))
    assert "回老家" in page
    assert "短信验证码" in page
    page = text_of(client.post("/join/code", data={"csrf_token": token, "code": last_code(), **kept}))
    assert "回老家" in page
    assert "再送一次" in page


def test_the_page_of_signing_in_offers_it(client, db_session):
    assert "用手机验证码登录" in text_of(client.get("/accounts/sign-in"))


def test_no_text_messages_no_joining(app, client, tree, monkeypatch):
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], sms=None))
    page = text_of(client.get(f"/join/phone?area={tree.community.id}&kind=volunteer"))
    assert "请到社区登记" in page
    assert "用手机验证码登录" not in text_of(client.get("/accounts/sign-in"))


def test_an_account_without_password_takes_none(tree):
    from coordinator.accounts.services import check_credentials

    user = do_join(tree).user
    for guess in ("-", "", user.username):
        assert check_credentials(user.username, guess) is None


# --- who is signed in ------------------------------------------------------------------------------------


def test_a_coordinator_is_sent_home(client, tree):
    sign_in(client, make_user(Role.STREET_COORDINATOR, tree.street))
    answer = client.get("/join", follow_redirects=True)
    assert answer.request.path == "/"
    assert "您已经登录" in text_of(answer)


def test_a_search_among_many_communities(client, tree):
    from coordinator.kernel.areas import AreaLevel, create_area

    for number in range(70):
        create_area(AreaLevel.COMMUNITY, f"第{number}社区", tree.street)
    page = text_of(client.get("/join"))
    assert "没有列出" in page
    assert "找社区" in page
    page = text_of(client.get("/join?q=滨河街道 石桥"))
    assert "石桥社区" in page
    assert "柳荫社区" not in page
    assert "没有找到" in text_of(client.get("/join?q=%F0%9F%98%80"))


def test_codes_are_not_bound_to_a_type(db_session):
    assert {one.value for one in CodePurpose} == {"join", "sign_in", "guardian"}
    assert send_phone_code(PHONE, CodePurpose.GUARDIAN, None).row.id


# --- by an invitation ------------------------------------------------------------------------------------


@pytest.fixture
def company(tree):
    return make_organisation(
        tree.street,
        name="江湾物业",
        kind=OrganisationKind.PROPERTY_COMPANY,
        latitude=28.8815,
        longitude=105.4415,
    )


def test_a_companys_people_come_by_its_link(client, send, tree, company):
    manager = make_user(Role.ORGANISATION_MANAGER, organisation=company)
    link = make_invitation(
        make_actor(Role.ORGANISATION_MANAGER, organisation=company),
        tree.community,
        "二号站",
        clock.today() + timedelta(days=30),
        organisation=company,
    )
    page = text_of(client.get(f"/join/i/{link.token}"))
    assert "江湾物业" in page
    assert "物业人员" in page
    assert "开始登记" in page
    where = client.get(f"/join/who?i={link.token}&area={tree.community.id}", follow_redirects=True)
    assert where.request.path == "/join/phone"
    _answer, address = prove(client, send, tree, "volunteer", i=link.token)
    answer = send(address, details())
    assert answer.request.path == "/join/mine"
    assert "江湾物业" in text_of(answer)
    worker = only_worker()
    assert (worker.organisation_id, worker.kind, worker.status) == (
        company.id,
        WorkerKind.PROPERTY_STAFF,
        WorkerStatus.APPLIED,
    )
    assert worker.start_latitude == 28.8815
    db.session.refresh(link)
    assert link.uses == 1
    assert db.session.scalars(select(Message).where(Message.user_id == manager.id)).one()
    assert db.session.scalars(select(Application)).one().invitation_id == link.id


def test_a_link_that_is_over_says_what_to_do(client, tree, freeze):
    actor = make_actor(Role.STREET_COORDINATOR, tree.street)
    day = clock.today()
    links = [
        make_invitation(actor, tree.community, one, day + timedelta(days=1), most_uses=1)
        for one in ("停用", "满了", "过期")
    ]
    links[0].ended_at, links[1].uses = clock.now(), 1
    db.session.flush()
    for link, words in ((links[0], "已经停用"), (links[1], "人数满了")):
        answer = client.get(f"/join/i/{link.token}")
        assert answer.status_code == 410
        assert words in text_of(answer)
        assert "自己登记" in text_of(answer)
    freeze(clock.now() + timedelta(days=3))
    answer = client.get(f"/join/i/{links[2].token}")
    assert answer.status_code == 410
    assert "过期了" in text_of(answer)
    answer = client.get("/join/i/nothing")
    assert answer.status_code == 404
    assert "没有复制完整" in text_of(answer)


def test_a_link_that_ends_while_the_form_is_filled_in(client, send, tree, company, token_of):
    link = make_invitation(
        make_actor(Role.STREET_COORDINATOR, tree.street),
        tree.community,
        "二号站",
        clock.today() + timedelta(days=1),
        organisation=company,
    )
    _answer, address = prove(client, send, tree, "volunteer", i=link.token)
    token = token_of(text_of(client.get(address)))
    link.ended_at = clock.now()
    db.session.flush()
    answer = client.post(address, data=details(csrf_token=token), follow_redirects=True)
    assert answer.status_code == 410
    assert "江湾物业" in text_of(answer)
    for page in ("/join", "/join/who", "/join/phone", "/join/details"):
        answer = client.get(f"{page}?i={link.token}&area={tree.community.id}", follow_redirects=True)
        assert answer.status_code == 410, page
    assert db.session.scalar(select(func.count()).select_from(Worker)) == 0


def test_one_telephone_does_not_try_id_numbers_without_end(app, tree, monkeypatch):
    settings = replace(app.extensions["settings"], rate_limits=True)
    monkeypatch.setitem(app.extensions, "settings", settings)
    known = id_for(ADULT)
    make_worker(tree.street, name="周敏", phone="13900009999", id_number=known)
    for _turn in range(20):
        assert do_join(tree, id_number=known).outcome is Outcome.ASKED
    with pytest.raises(TooMany):
        do_join(tree, id_number=known)


def test_the_last_place_of_a_link_is_taken_once(tree):
    actor = make_actor(Role.STREET_COORDINATOR, tree.street)
    link = make_invitation(actor, tree.community, "一位", clock.today() + timedelta(days=1), most_uses=1)
    do_join(tree, invitation=link)
    with pytest.raises(Conflict) as refused:
        do_join(tree, phone="13900002222", name="王大山", invitation=link)
    assert refused.value.code == "link_over"
    assert db.session.scalar(select(func.count()).select_from(User)) == 2  # the actor, and the one who joined
