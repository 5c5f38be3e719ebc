"""What people declare of themselves, and papers that somebody has to see."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from coordinator.accounts.models import User
from coordinator.joining import health
from coordinator.joining.forms.credentials import HealthForm
from coordinator.joining.queries.credentials import covered_until, lines_of
from coordinator.joining.queries.gaps import gap_words
from coordinator.joining.services import admission, credentials
from coordinator.kernel import clock
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.workforce.fitness import UnfitCode
from coordinator.workforce.models import Credential, CredentialKind, WorkerKind
from coordinator.workforce.services import add_credential, refuse_credential
from tests import factories
from tests.coordinator.joining.applicants import (
    HEALTHY,
    NOW,
    TODAY,
    K,
    gate,
    held,
    make_applicant,
    self_of,
)
from tests.coordinator.joining.ways import token_in

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


def test_health_and_agreement_on_one_page(tree: Any, client: FlaskClient, db_session: Any) -> None:
    worker = make_applicant(tree)
    user = db_session.get(User, worker.user_id)
    for one in list(worker.credentials):
        db_session.delete(one)
    db_session.commit()
    factories.sign_in(client, user)
    assert "填健康声明和协议" in client.get("/join/mine").get_data(as_text=True)
    address = "/join/credentials/declarations"
    token = token_in(client.get(address).get_data(as_text=True))
    answer = client.post(address, data={"csrf_token": token, **HEALTHY, "promise": "y"})
    assert answer.status_code == 422
    db_session.expire_all()
    assert worker.credentials == []
    answer = client.post(address, data={"csrf_token": token, **HEALTHY, "promise": "y", "accept": "y"})
    assert answer.headers["Location"].endswith("/join/mine")
    db_session.expire_all()
    assert {one.kind for one in worker.credentials if one.stands} == {K.HEALTH_DECLARATION, K.AGREEMENT}
    page = client.get("/join/mine").get_data(as_text=True)
    assert "填健康声明和协议" not in page
    assert "看我的资格" in page or "去办我的资格" in page
