"""Credentials that people declare, and a coordinator who verifies, ties, sends back, approves, refuses."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from coordinator.accounts.models import User
from coordinator.elders.models import ElderStatus
from coordinator.extensions import db
from coordinator.joining import health
from coordinator.joining.forms.credentials import HealthForm
from coordinator.joining.models import Application
from coordinator.joining.queries.credentials import covered_until, lines_of
from coordinator.joining.queries.gaps import gap_words
from coordinator.joining.services import admission, credentials
from coordinator.joining.services.guardians import ask_guardian, give_consent
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.messages.models import Message
from coordinator.workforce.fitness import UnfitCode, duty_gate
from coordinator.workforce.models import Credential, CredentialKind, WorkerKind, WorkerStatus
from coordinator.workforce.queries import worker_for_duty
from coordinator.workforce.services import add_credential, approve_worker, refuse_credential
from coordinator.workforce.services.own import correct_oneself
from tests import factories
from tests.coordinator.joining.conftest import id_for

NOW = datetime(2026, 3, 26, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 26)
HEALTHY = {one.key: (health.NO if one.concern == health.YES else health.YES) for one in health.QUESTIONS}
K = CredentialKind


@pytest.fixture
def tree(db_session: Any, freeze: Any) -> factories.AreaTree:
    freeze(NOW)
    return factories.make_area_tree()


@pytest.fixture
def coordinator(tree: Any) -> Actor:
    return factories.make_actor(Role.COMMUNITY_COORDINATOR, tree.community)


def make_applicant(tree: Any, *, applied: bool = True, **over: Any) -> Any:
    """Somebody who registered themselves, with everything but what is to be tested."""
    user = factories.make_user(Role.WORKER)
    values: dict[str, Any] = {"status": WorkerStatus.APPLIED, "approved_at": None, "user_id": user.id}
    values |= {"id_number": "510502199005010020", "phone": "13900000021"}
    worker = factories.make_worker(tree.community, **(values | over))
    if applied:
        worker_application(worker)
    return worker


def worker_application(worker: Any, **over: Any) -> Application:
    application = Application(worker_id=worker.id, notice_accepted_at=NOW, phone_verified_at=NOW, **over)
    db.session.add(application)
    db.session.flush()
    return application


def self_of(worker: Any) -> Actor:
    return Actor(worker.user_id, worker.name, (Grant(Role.WORKER),), worker_id=worker.id)


def gate(worker: Any, day: date = TODAY) -> list[UnfitCode]:
    found = worker_for_duty(worker.id)
    assert found is not None
    return [one.code for one in duty_gate(found, day) if one.code is not UnfitCode.NOT_APPROVED]


def held(worker: Any, kind: CredentialKind) -> list[Credential]:
    return [one for one in worker.credentials if one.kind is kind]


# --- the own word --------------------------------------------------------------------------------------------


def test_the_form_asks_every_question() -> None:
    fields = {name for name in dir(HealthForm) if not name.startswith("_")}
    assert {one.key for one in health.QUESTIONS} <= fields


def test_a_health_declaration_without_concern_counts_at_once_for_a_year(tree: Any) -> None:
    worker = make_applicant(tree, ready=False)
    made = credentials.declare_health(self_of(worker), worker, HEALTHY)
    assert (made.stands, made.valid_from, made.valid_to) == (True, TODAY, date(2027, 3, 25))
    assert made.answers == HEALTHY


@pytest.mark.parametrize("question", [one.key for one in health.QUESTIONS])
def test_an_answer_that_raises_a_concern_waits_and_ends_what_was_said_before(
    tree: Any, coordinator: Actor, question: str
) -> None:
    worker = make_applicant(tree)
    assert gate(worker) == []
    other = {health.YES: health.NO, health.NO: health.YES}[HEALTHY[question]]
    made = credentials.declare_health(
        self_of(worker), worker, HEALTHY | {question: other, "note": "膝盖不好"}
    )
    assert not made.stands
    assert gate(worker) == [UnfitCode.CREDENTIAL_MISSING]
    admission.decide_credential(coordinator, worker, made.id, verified=True)
    assert gate(worker) == []


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({}, "infectious"),
        (HEALTHY | {"walking": "maybe"}, "walking"),
        (HEALTHY | {"walking": None}, "walking"),
        (HEALTHY | {"note": "很" * 201}, "note"),
    ],
)
def test_answers_that_are_none(tree: Any, answers: dict[str, Any], field: str) -> None:
    worker = make_applicant(tree, ready=False)
    with pytest.raises(InvalidInput) as refusal:
        credentials.declare_health(self_of(worker), worker, answers)
    assert refusal.value.field == field
    assert not worker.credentials


def test_a_minors_own_word_waits(tree: Any) -> None:
    school = factories.make_organisation(tree.community)
    worker = make_applicant(
        tree,
        ready=False,
        kind=WorkerKind.STUDENT,
        organisation_id=school.id,
        birth_date=date(2008, 3, 27),
        id_number=None,
    )
    assert not credentials.declare_health(self_of(worker), worker, HEALTHY).stands
    assert not credentials.accept_agreement(self_of(worker), worker).stands
    # On the birthday the own word is enough.
    worker.birth_date = date(2008, 3, 26)
    assert credentials.accept_agreement(self_of(worker), worker).stands
    assert len(held(worker, K.AGREEMENT)) == 1, "what waited is replaced"


def test_nobody_declares_for_another(tree: Any) -> None:
    worker, other = make_applicant(tree), make_applicant(tree, id_number=None)
    for act in (
        lambda: credentials.declare_health(self_of(other), worker, HEALTHY),
        lambda: credentials.accept_agreement(self_of(other), worker),
        lambda: credentials.declare_paper(self_of(other), worker, K.TRAINING, TODAY, None, "社区"),
    ):
        with pytest.raises(NotAllowed):
            act()


# --- papers that somebody has to see -------------------------------------------------------------------------


def test_a_declared_paper_opens_nothing_before_it_is_verified(tree: Any, coordinator: Actor) -> None:
    worker = make_applicant(tree, ready=False)
    me = self_of(worker)
    credentials.declare_health(me, worker, HEALTHY)
    credentials.accept_agreement(me, worker)
    training = credentials.declare_paper(me, worker, K.TRAINING, TODAY, None, "柳荫社区")
    insurance = credentials.declare_paper(me, worker, K.INSURANCE, TODAY, date(2026, 12, 31), "P-1")
    assert gate(worker) == [UnfitCode.CREDENTIAL_MISSING] * 2
    assert gap_words(worker, None) == ["探访培训等您核实", "人身意外保险等您核实"]
    admission.decide_credential(coordinator, worker, training.id, verified=True)
    admission.decide_credential(coordinator, worker, insurance.id, verified=False, reason="保单号查不到")
    assert gate(worker) == [UnfitCode.CREDENTIAL_MISSING]
    for verified in (True, False):
        with pytest.raises(Conflict):
            admission.decide_credential(coordinator, worker, insurance.id, verified=verified, reason="再说")
    again = credentials.declare_paper(me, worker, K.INSURANCE, TODAY, date(2026, 12, 31), "P-2")
    admission.decide_credential(coordinator, worker, again.id, verified=True)
    assert gate(worker) == []
    assert gate(worker, date(2026, 12, 31)) == []
    assert gate(worker, date(2027, 1, 1)) == [UnfitCode.CREDENTIAL_EXPIRED]


@pytest.mark.parametrize(
    ("kind", "first", "last", "number", "field"),
    [
        (K.INSURANCE, TODAY, None, "P-1", "valid_to"),
        (K.INSURANCE, TODAY, TODAY, "", "number"),
        (K.INSURANCE, date(2026, 1, 1), TODAY - timedelta(days=1), "P-1", "valid_to"),
        (K.INSURANCE, TODAY, date(2026, 1, 1), "P-1", "valid_to"),
        (K.TRAINING, TODAY + timedelta(days=1), None, "社区", "valid_from"),
        (K.TRAINING, TODAY, None, " ", "number"),
        (K.PROFESSIONAL, TODAY, None, None, "number"),
    ],
)
def test_papers_that_are_refused(
    tree: Any, kind: CredentialKind, first: date, last: date | None, number: str | None, field: str
) -> None:
    worker = make_applicant(tree, ready=False)
    with pytest.raises(InvalidInput) as refusal:
        credentials.declare_paper(self_of(worker), worker, kind, first, last, number)
    assert refusal.value.field == field


def test_a_policy_that_ends_today_still_holds_today(tree: Any, coordinator: Actor) -> None:
    worker = make_applicant(tree, ready=False)
    made = credentials.declare_paper(self_of(worker), worker, K.INSURANCE, TODAY, TODAY, "P-1")
    admission.decide_credential(coordinator, worker, made.id, verified=True)
    assert [one.last_day for one in lines_of(worker, TODAY) if one.kind is K.INSURANCE] == [TODAY]
    assert "人身意外保险已过期" in gap_words_on(worker, TODAY + timedelta(days=1))


def gap_words_on(worker: Any, day: date) -> list[str]:
    clock.freeze(NOW + (day - TODAY))
    try:
        return gap_words(worker, None)
    finally:
        clock.freeze(NOW)


def test_refusing_needs_a_reason_and_something_declared(tree: Any, coordinator: Actor) -> None:
    worker = make_applicant(tree, ready=False)
    entered = add_credential(coordinator, worker, K.TRAINING, TODAY)
    with pytest.raises(Conflict):
        refuse_credential(coordinator, worker, entered, "看错了")
    made = credentials.declare_paper(self_of(worker), worker, K.INSURANCE, TODAY, TODAY, "P-1")
    with pytest.raises(InvalidInput):
        refuse_credential(coordinator, worker, made, " ")
    with pytest.raises(NotFound):
        admission.decide_credential(coordinator, worker, 0, verified=True)


def span(first: date, last: date | None, *, stands: bool = True) -> Credential:
    return Credential(kind=K.INSURANCE, valid_from=first, valid_to=last, stands=stands)


def day(n: int) -> date:
    return TODAY + timedelta(days=n)


@pytest.mark.parametrize(
    ("spans", "until"),
    [
        ([], None),
        ([span(day(-9), day(-1))], None),
        ([span(day(-9), day(0))], day(0)),
        ([span(day(-9), day(5)), span(day(6), day(20))], day(20)),
        ([span(day(-9), day(5)), span(day(7), day(20))], day(5)),
        ([span(day(-9), day(5)), span(day(2), None)], date.max),
        ([span(day(-9), day(5)), span(day(6), day(20), stands=False)], day(5)),
        ([span(day(1), day(20))], None),
    ],
)
def test_how_long_somebody_is_covered(spans: list[Credential], until: date | None) -> None:
    assert covered_until(spans, TODAY) == until


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
    give_consent(link, name="李梅", birth_date=date(1980, 1, 1), valid_to=day(100))
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
    for number in (taken, id_for(date(2010, 1, 1)), "1"):
        answer = post(client, "/join/credentials/correct", name=name, id_number=number)
        assert answer.status_code == 422
        assert "已经登记" not in answer.text
    assert (
        post(client, "/join/credentials/correct", name=name, id_number=id_for(date(1980, 2, 3))).status_code
        == 303
    )
    db_session.refresh(worker)
    assert worker.birth_date == date(1980, 2, 3)


def test_nobody_corrects_what_was_approved(tree: Any, coordinator: Actor) -> None:
    worker = make_applicant(tree)
    with pytest.raises(Conflict):
        admission.correct(self_of(worker), worker, {"name": "孙大海"})
    worker.status, worker.approved_at = WorkerStatus.APPROVED, NOW
    with pytest.raises(Conflict):
        correct_oneself(self_of(worker), worker, {"name": "孙大海"})
    with pytest.raises(NotAllowed):
        correct_oneself(coordinator, worker, {"name": "孙大海"})
