"""A coordinator verifies, ties, sends back, approves, refuses."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from coordinator.accounts.models import User
from coordinator.elders.models import ElderStatus
from coordinator.joining.models import Application
from coordinator.joining.services import admission
from coordinator.joining.services.guardians import ask_guardian, give_consent
from coordinator.kernel.access import Actor, Role
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.messages.models import Message
from coordinator.workforce.models import WorkerKind, WorkerStatus
from coordinator.workforce.services import approve_worker
from coordinator.workforce.services.own import correct_oneself
from tests import factories
from tests.coordinator.joining.applicants import (
    HEALTHY,
    NOW,
    TODAY,
    make_applicant,
    self_of,
)
from tests.coordinator.joining.conftest import id_for

# --- admission -----------------------------------------------------------------------------------------------


def test_an_applicant_is_approved_when_the_identity_was_seen(
    tree: Any, coordinator: Actor, db_session: Any
) -> None:
    worker = make_applicant(tree)
    for door in (approve_worker, admission.approve):
        with pytest.raises(Conflict) as refusal:
            door(coordinator, worker)
        assert refusal.value.code == "not_ready"
        assert "身份证" in str(refusal.value.message)
    admission.verify_identity(coordinator, worker)
    assert worker.identity_verified_by_id == coordinator.user_id
    with pytest.raises(Conflict):
        admission.verify_identity(coordinator, worker)
    admission.approve(coordinator, worker)
    assert worker.status is WorkerStatus.APPROVED
    assert db_session.scalars(select(Application)).one().closed_at == NOW
    titles = db_session.scalars(select(Message.title).where(Message.user_id == worker.user_id)).all()
    assert titles == ["您通过审核了"]


def test_whom_the_station_entered_itself_needs_no_second_look(tree: Any, coordinator: Actor) -> None:
    worker = make_applicant(tree, applied=False)
    admission.approve(coordinator, worker)
    assert worker.status is WorkerStatus.APPROVED


def test_without_a_number_there_is_nothing_to_compare(tree: Any, coordinator: Actor) -> None:
    worker = make_applicant(tree, id_number=None)
    with pytest.raises(Conflict) as refusal:
        admission.verify_identity(coordinator, worker)
    assert refusal.value.code == "no_number"


def test_sent_back_corrected_and_sent_again(tree: Any, coordinator: Actor) -> None:
    worker = make_applicant(tree)
    me = self_of(worker)
    with pytest.raises(Conflict):
        admission.send_again(me, worker)
    with pytest.raises(InvalidInput):
        admission.send_back(coordinator, worker, " ")
    admission.send_back(coordinator, worker, "电话不对，请改")
    admission.verify_identity(coordinator, worker)
    with pytest.raises(Conflict):
        admission.approve(coordinator, worker)
    with pytest.raises(NotAllowed):
        admission.send_again(coordinator, worker)
    admission.send_again(me, worker)
    admission.approve(coordinator, worker)
    with pytest.raises(Conflict):
        admission.send_back(coordinator, worker, "晚了")


def test_refused_with_a_reason(tree: Any, coordinator: Actor, db_session: Any) -> None:
    worker = make_applicant(tree)
    with pytest.raises(InvalidInput):
        admission.refuse(coordinator, worker, "")
    admission.refuse(coordinator, worker, "不住在本街道")
    assert worker.status is WorkerStatus.LEFT
    assert db_session.scalars(select(Application)).one().returned_reason == "不住在本街道"
    with pytest.raises(Conflict):
        admission.refuse(coordinator, worker, "再来一次")


def test_nobody_from_elsewhere_decides(tree: Any) -> None:
    worker = make_applicant(tree)
    stranger = factories.make_actor(Role.STREET_COORDINATOR, tree.other_street)
    for act in (
        lambda: admission.verify_identity(stranger, worker),
        lambda: admission.approve(stranger, worker),
        lambda: admission.send_back(stranger, worker, "原因"),
        lambda: admission.refuse(stranger, worker, "原因"),
        lambda: admission.tie_worker(stranger, worker, None),
        lambda: admission.verify_identity(self_of(worker), worker),
    ):
        with pytest.raises(NotAllowed):
            act()
    done, left = admission.approve_together(stranger, [worker.id])
    assert (done, len(left)) == (0, 1)


def test_the_complete_ones_together(tree: Any, coordinator: Actor) -> None:
    whole = [make_applicant(tree, id_number=f"51050219900501{n:03d}0", phone=None) for n in (2, 4)]
    for one in whole:
        admission.verify_identity(coordinator, one)
    lacking = make_applicant(tree, id_number=None, ready=False)
    done, left = admission.approve_together(coordinator, [*(one.id for one in whole), lacking.id, 0])
    assert (done, len(left)) == (2, 2)
    assert lacking.status is WorkerStatus.APPLIED


def test_a_minor_waits_for_the_guardian(tree: Any, coordinator: Actor) -> None:
    school = factories.make_organisation(tree.community)
    worker = make_applicant(
        tree,
        kind=WorkerKind.STUDENT,
        organisation_id=school.id,
        birth_date=date(2010, 9, 1),
        id_number="510502201009010020",
    )
    admission.verify_identity(coordinator, worker)
    with pytest.raises(Conflict):
        admission.approve(coordinator, worker)
    link = ask_guardian(None, worker, name="李梅", relation="母亲", phone="13900000011")
    give_consent(link, name="李梅", birth_date=date(1980, 1, 1), valid_to=TODAY + timedelta(days=100))
    admission.approve(coordinator, worker)


# --- the tie -------------------------------------------------------------------------------------------------


def test_a_neighbour_is_tied_to_an_elder_of_ones_own_area(tree: Any, coordinator: Actor) -> None:
    worker = make_applicant(tree, kind=WorkerKind.NEIGHBOUR)
    admission.verify_identity(coordinator, worker)
    with pytest.raises(Conflict) as refusal:
        admission.approve(coordinator, worker)
    assert "哪一位长者" in str(refusal.value.message)
    with pytest.raises(NotAllowed):
        admission.tie_worker(coordinator, worker, factories.make_elder(tree.other_community))
    gone = factories.make_elder(tree.community, status=ElderStatus.MOVED, left_on=TODAY)
    with pytest.raises(Conflict):
        admission.tie_worker(coordinator, worker, gone)
    elder = factories.make_elder(tree.community)
    admission.tie_worker(coordinator, worker, elder)
    admission.approve(coordinator, worker)
    assert worker.tied_elder_id == elder.id


def test_others_are_tied_to_nobody(tree: Any, coordinator: Actor) -> None:
    with pytest.raises(Conflict):
        admission.tie_worker(coordinator, make_applicant(tree), factories.make_elder(tree.community))


# --- the pages -----------------------------------------------------------------------------------------------


def post(client: FlaskClient, path: str, **fields: Any) -> Any:
    return client.post(path, data={"csrf_token": factories.csrf_token(client)} | fields)


def test_the_coordinators_way(tree: Any, client: FlaskClient, db_session: Any) -> None:
    factories.sign_in(client, factories.make_user(Role.COMMUNITY_COORDINATOR, tree.community))
    worker = make_applicant(tree, kind=WorkerKind.NEIGHBOUR, name="孙大海")
    double = factories.make_worker(tree.outside, name="孙大海", birth_date=worker.birth_date)
    elder = factories.make_elder(tree.community, name="赵秀兰")
    page = client.get("/join/admission")
    assert "孙大海" in page.text
    assert "身份没核对；没选长者" in page.text
    assert "可能有重复" in page.text
    base = f"/join/admission/{worker.id}"
    one = client.get(f"{base}?elder=秀兰").text
    assert "赵秀兰" in one
    assert double.area.name in one
    assert "510502199005010020" not in one, "masked"
    assert post(client, f"{base}/approve").status_code == 409
    assert post(client, f"{base}/identity").status_code == 303
    assert post(client, f"{base}/tie", elder_id=str(elder.id)).status_code == 303
    assert post(client, f"{base}/return", reason="").status_code == 422
    assert "可以通过" in client.get("/join/admission").text
    assert post(client, "/join/admission/together", id=str(worker.id)).status_code == 303
    db_session.refresh(worker)
    assert worker.status is WorkerStatus.APPROVED


def test_an_elder_of_another_area_cannot_be_named_by_hand(tree: Any, client: FlaskClient) -> None:
    factories.sign_in(client, factories.make_user(Role.COMMUNITY_COORDINATOR, tree.community))
    worker = make_applicant(tree, kind=WorkerKind.RELATIVE)
    elder = factories.make_elder(tree.other_community, name="赵秀兰")
    assert "没有查到" in client.get(f"/join/admission/{worker.id}?elder=赵秀兰").text
    assert post(client, f"/join/admission/{worker.id}/tie", elder_id=str(elder.id)).status_code == 404


def test_the_workers_way(tree: Any, client: FlaskClient, db_session: Any) -> None:
    worker = make_applicant(tree, ready=False)
    factories.sign_in(client, db_session.get_one(User, worker.user_id))
    page = client.get("/join/credentials").text
    for words in ("填健康声明", "看协议并同意", "报上参加过的培训", "填保单"):
        assert words in page
    half = post(client, "/join/credentials/health", infectious="no", note="好得很")
    assert half.status_code == 422
    assert "好得很" in half.text
    assert post(client, "/join/credentials/health", **HEALTHY, promise="y").status_code == 303
    assert post(client, "/join/credentials/agreement", accept="y").status_code == 303
    form = {"number": "P-1", "valid_from": "2026-03-01", "valid_to": "2026-02-01"}
    assert post(client, "/join/credentials/insurance", **form).status_code == 422
    assert post(client, "/join/credentials/insurance", **form | {"valid_to": "2026-12-31"}).status_code == 303
    assert client.get("/join/credentials/agreement_").status_code == 404
    assert "等社区核实" in client.get("/join/credentials").text


def test_a_minor_asks_a_second_guardian_on_the_own_page(
    tree: Any, client: FlaskClient, db_session: Any
) -> None:
    school = factories.make_organisation(tree.community)
    worker = make_applicant(
        tree, kind=WorkerKind.STUDENT, organisation_id=school.id, birth_date=date(2010, 9, 1), id_number=None
    )
    factories.sign_in(client, db_session.get_one(User, worker.user_id))
    path = f"/join/guardians/{worker.id}/ask"
    same = post(client, path, name="李梅", relation="母亲", phone=worker.phone)
    assert same.status_code == 422
    assert "不能和孩子的一样" in same.text
    assert 'value="李梅"' in same.text
    assert post(client, path, name="李梅", relation="母亲", phone="13900000011").status_code == 303
    other = factories.make_worker(tree.community, birth_date=date(2010, 1, 1))
    assert (
        post(
            client, f"/join/guardians/{other.id}/ask", name="李梅", relation="母亲", phone="13900000011"
        ).status_code
        == 404
    )


def returned_page(tree: Any, client: FlaskClient, db_session: Any, **over: Any) -> Any:
    """An applicant whose identity was seen and whose application was sent back, signed in."""
    worker = make_applicant(tree, **over)
    actor = factories.make_actor(Role.COMMUNITY_COORDINATOR, tree.community)
    admission.verify_identity(actor, worker)
    admission.send_back(actor, worker, "名字和身份证不一样")
    factories.sign_in(client, db_session.get_one(User, worker.user_id))
    return worker


def test_the_applicant_corrects_and_sends_again(tree: Any, client: FlaskClient, db_session: Any) -> None:
    worker = returned_page(tree, client, db_session, kind=WorkerKind.NEIGHBOUR)
    page = client.get("/join/credentials/correct").text
    assert "名字和身份证不一样" in page
    assert "510502199005010020" not in page
    form = {"name": "孙大䶮", "elder_named": "赵奶奶"}
    assert post(client, "/join/credentials/correct", **form | {"elder_named": " "}).status_code == 422
    bad = post(client, "/join/credentials/correct", **form | {"id_number": "510502199005010021"})
    assert bad.status_code == 422
    assert "赵奶奶" in bad.text
    assert post(client, "/join/credentials/correct", **form).status_code == 303
    db_session.refresh(worker)
    application = db_session.scalars(select(Application)).one()
    assert (worker.name, worker.user.name, worker.identity_verified_at) == ("孙大䶮", "孙大䶮", None)
    assert (application.elder_named, application.returned_at) == ("赵奶奶", None)
    assert client.get("/join/credentials/correct").status_code == 303, "nothing is to be corrected now"


def test_a_corrected_number_brings_its_birth_date_and_says_nothing_of_others(
    tree: Any, client: FlaskClient, db_session: Any
) -> None:
    worker = returned_page(tree, client, db_session)
    name = worker.name
    taken = id_for(date(1991, 1, 1))
    factories.make_worker(tree.outside, id_number=taken, birth_date=date(1991, 1, 1))
    for number in (id_for(date(2010, 1, 1)), "1"):
        answer = post(client, "/join/credentials/correct", name=name, id_number=number)
        assert answer.status_code == 422
        assert "已经登记" not in answer.text
    application = db_session.scalars(select(Application).where(Application.worker_id == worker.id)).one()
    for born, number in ((date(1991, 1, 1), taken), (date(1980, 2, 3), id_for(date(1980, 2, 3)))):
        answer = post(client, "/join/credentials/correct", name=name, id_number=number)
        assert answer.status_code == 303
        db_session.refresh(worker)
        db_session.refresh(application)
        assert worker.birth_date == born
        assert (worker.id_number is None) == (application.same_as_id is not None) == (number == taken)
        application.returned_at, application.returned_reason = NOW, "再看一下"
        db_session.commit()


def test_nobody_corrects_what_was_approved(tree: Any, coordinator: Actor) -> None:
    worker = make_applicant(tree)
    with pytest.raises(Conflict):
        admission.correct(self_of(worker), worker, {"name": "孙大海"})
    worker.status, worker.approved_at = WorkerStatus.APPROVED, NOW
    with pytest.raises(Conflict):
        correct_oneself(self_of(worker), worker, {"name": "孙大海"})
    with pytest.raises(NotAllowed):
        correct_oneself(coordinator, worker, {"name": "孙大海"})
