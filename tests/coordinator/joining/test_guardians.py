"""The guardian's own link: asked, proved, given, refused, taken back; and everything that must not open it."""

import dataclasses
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from coordinator.config import SmsSettings
from coordinator.joining.models import GuardianLink
from coordinator.joining.services import guardians
from coordinator.joining.services.guardians import GuardianState, ask_guardian, state_of
from coordinator.kernel.access import Role
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.kernel.queue import OwedJob
from coordinator.marketplace.services.suspending import free_visits
from coordinator.messages.models import Message, Parcel
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment
from coordinator.visits.services import assign, open_visit
from coordinator.workforce.fitness import UnfitCode, duty_gate
from coordinator.workforce.models import Guardian, WorkerKind
from coordinator.workforce.queries import worker_for_duty, workers_for_duty
from tests import factories

NOW = datetime(2026, 3, 26, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 26)
MOTHER, FATHER, OWN = "13900000011", "13900000012", "13900000013"
GROWN_UP = date(1980, 5, 6)


@pytest.fixture
def texts(app: Flask, db_session: Any, freeze: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text messages are on; nobody carries them, so they lie in the outbox."""
    settings = dataclasses.replace(app.extensions["settings"], sms=SmsSettings(gateway="console"))
    monkeypatch.setitem(app.extensions, "settings", settings)
    freeze(NOW)


@pytest.fixture
def tree(texts: None) -> factories.AreaTree:
    return factories.make_area_tree()


def make_pupil(tree: factories.AreaTree, *, born: date = date(2010, 9, 1), **over: Any) -> Any:
    school = factories.make_organisation(tree.community)
    values = {"kind": WorkerKind.STUDENT, "organisation_id": school.id, "birth_date": born, "phone": OWN}
    return factories.make_worker(tree.community, **(values | over))


def ask(worker: Any, phone: str = MOTHER, **over: Any) -> GuardianLink:
    values: dict[str, Any] = {
        "name": "李梅",
        "relation": "母亲",
        "phone": phone,
        "valid_to": date(2026, 7, 31),
    }
    return ask_guardian(None, worker, **(values | over))


def give(link: GuardianLink, **over: Any) -> Guardian:
    values: dict[str, Any] = {"name": "李梅", "birth_date": GROWN_UP, "valid_to": date(2026, 7, 31)}
    return guardians.give_consent(link, **(values | over))


def gate(worker: Any, day: date = TODAY) -> list[UnfitCode]:
    found = worker_for_duty(worker.id)
    assert found is not None
    return [one.code for one in duty_gate(found, day)]


def last_code(db_session: Any, phone: str) -> str:
    parcels = db_session.scalars(select(Parcel).order_by(Parcel.id.desc()))
    return next(p.content["value"] for p in parcels if p.address == phone and p.content["kind"] == "code")


def post(client: FlaskClient, path: str, **fields: Any) -> Any:
    return client.post(path, data={"csrf_token": factories.csrf_token(client)} | fields)


def prove(client: FlaskClient, db_session: Any, link: GuardianLink) -> str:
    path = guardians.path_of(link)
    assert post(client, f"{path}/code").status_code == 303
    answer = post(client, f"{path}/prove", code=last_code(db_session, link.phone))
    assert answer.status_code == 303, answer.text
    return path


# --- asking --------------------------------------------------------------------------------------------------


def test_the_link_goes_to_the_guardians_telephone_once(tree: Any, db_session: Any) -> None:
    link = ask(make_pupil(tree))
    parcel = db_session.scalars(select(Parcel)).one()
    assert parcel.address == MOTHER
    assert parcel.content["link"].endswith(f"/guardian/{link.token}")
    assert len(parcel.content["value"]) <= 35, "a variable of the provider's template"
    assert parcel.expires_at == link.expires_at == NOW + guardians.ANSWER_WITHIN


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"phone": OWN}, "phone"),
        ({"phone": "0830-2290000"}, "phone"),
        ({"phone": "1234"}, "phone"),
        ({"name": "王小龙"}, "name"),
        ({"name": "1"}, "name"),
        ({"relation": "  "}, "relation"),
        ({"valid_to": TODAY - timedelta(days=1)}, "valid_to"),
        ({"valid_to": TODAY + timedelta(days=367)}, "valid_to"),
    ],
)
def test_who_cannot_be_asked(tree: Any, over: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        ask(make_pupil(tree, name="王小龙"), **over)
    assert refusal.value.field == field


@pytest.mark.parametrize("name", ["䶮", "㛃𫖯", "阿卜杜拉·买买提江"])
def test_names_of_any_length_and_rare_characters(tree: Any, name: str) -> None:
    if len(name) == 1:
        with pytest.raises(InvalidInput):
            ask(make_pupil(tree), name="😀")
    link = ask(make_pupil(tree), name=name)
    assert give(link, name=name).name == name


def test_nobody_of_age_is_asked_about(tree: Any) -> None:
    with pytest.raises(Conflict):
        ask(make_pupil(tree, born=date(2008, 3, 26)))
    assert ask(make_pupil(tree, born=date(2008, 3, 27), phone=None))


def test_who_may_ask(tree: Any) -> None:
    worker = make_pupil(tree)
    values: dict[str, Any] = {"name": "李梅", "relation": "母亲", "phone": MOTHER}
    elsewhere = factories.make_actor(Role.STREET_COORDINATOR, tree.other_street)
    other_school = factories.make_actor(
        Role.SCHOOL_VERIFIER, organisation=factories.make_organisation(tree.community)
    )
    for stranger in (elsewhere, other_school):
        with pytest.raises(NotAllowed):
            ask_guardian(stranger, worker, **values)
    own_school = factories.make_actor(Role.SCHOOL_VERIFIER, organisation=worker.organisation)
    assert ask_guardian(own_school, worker, **values).asked_by_id == own_school.user_id


def test_asking_again_ends_the_link_before_but_not_the_other_guardians(tree: Any) -> None:
    worker = make_pupil(tree)
    first, other = ask(worker), ask(worker, FATHER, name="王强", relation="父亲")
    second = ask(worker)
    assert [state_of(one) for one in (first, other, second)] == [
        GuardianState.REPLACED,
        GuardianState.WAITING,
        GuardianState.WAITING,
    ]


def test_sending_again_and_ending(tree: Any, freeze: Any) -> None:
    actor = factories.make_actor(Role.COMMUNITY_COORDINATOR, tree.community)
    link = ask(make_pupil(tree))
    assert guardians.send_again(actor, link) is link
    freeze(NOW + guardians.ANSWER_WITHIN)
    assert state_of(link) is GuardianState.EXPIRED
    fresh = guardians.send_again(actor, link)
    assert fresh is not link
    assert state_of(fresh) is GuardianState.WAITING
    guardians.end_link(actor, fresh)
    for act in (guardians.send_again, guardians.end_link):
        with pytest.raises(Conflict):
            act(actor, fresh)


# --- answering -----------------------------------------------------------------------------------------------


def test_consent_opens_the_gate_to_its_last_day(tree: Any) -> None:
    worker = make_pupil(tree)
    assert gate(worker) == [UnfitCode.GUARDIAN_MISSING]
    consent = give(ask(worker), valid_to=TODAY)
    assert (consent.birth_date, consent.confirmed_at) == (GROWN_UP, NOW)
    assert gate(worker) == []
    assert gate(worker, TODAY + timedelta(days=1)) == [UnfitCode.GUARDIAN_EXPIRED]


@pytest.mark.parametrize(
    ("born", "taken"),
    [
        (date(2008, 3, 26), True),
        (date(2008, 3, 27), False),
        (date(2010, 1, 1), False),
        (date(2030, 1, 1), False),
        (date(1900, 1, 1), False),
    ],
)
def test_a_guardian_is_of_age(tree: Any, born: date, taken: bool) -> None:
    link = ask(make_pupil(tree))
    if taken:
        assert give(link, birth_date=born)
        return
    with pytest.raises(InvalidInput) as refusal:
        give(link, birth_date=born)
    assert refusal.value.field == "birth_date"
    assert link.guardian_id is None


def test_the_worker_is_not_their_own_guardian(tree: Any) -> None:
    worker = make_pupil(tree, name="王小龙")
    link = ask(worker)
    with pytest.raises(InvalidInput) as refusal:
        give(link, name="王小龙")
    assert refusal.value.field == "name"


def test_a_link_is_answered_once(tree: Any, freeze: Any) -> None:
    worker = make_pupil(tree)
    link, refused, late = ask(worker), ask(worker, FATHER), ask(worker, "13900000014")
    give(link)
    guardians.refuse_consent(refused)
    freeze(NOW + timedelta(days=15))
    for over in (link, refused, late):
        with pytest.raises(Conflict):
            give(over)
        with pytest.raises(Conflict):
            guardians.refuse_consent(over)
    assert len(worker_for_duty(worker.id).guardians) == 1  # type: ignore[union-attr]


def test_a_clock_an_hour_off_changes_nothing(tree: Any, freeze: Any) -> None:
    """Times are the server's: put back an hour it still takes the answer, and to the last second."""
    link = ask(make_pupil(tree))
    freeze(NOW - timedelta(hours=1))
    assert state_of(link) is GuardianState.WAITING
    freeze(NOW + guardians.ANSWER_WITHIN - timedelta(seconds=1))
    assert state_of(link) is GuardianState.WAITING
    freeze(NOW + guardians.ANSWER_WITHIN)
    assert state_of(link) is GuardianState.EXPIRED


def test_coordinators_school_and_the_minor_hear_of_it(tree: Any, db_session: Any) -> None:
    coordinator = factories.make_user(Role.COMMUNITY_COORDINATOR, tree.community)
    pupil = factories.make_user(Role.WORKER)
    worker = make_pupil(tree, user_id=pupil.id)
    teacher = factories.make_user(Role.SCHOOL_VERIFIER, organisation=worker.organisation)
    link = ask(worker)
    give(link)
    guardians.withdraw_consent(link)
    told = db_session.scalars(select(Message)).all()
    assert {one.user_id for one in told} == {coordinator.id, pupil.id, teacher.id}
    assert len(told) == 6
    assert not any(worker.name in one.title for one in told), "titles leave the house"


# --- taking back ---------------------------------------------------------------------------------------------


def test_two_guardians_one_withdraws(tree: Any, freeze: Any) -> None:
    """Whoever withdraws stops the visits, also on the day on which the other had agreed before."""
    worker = make_pupil(tree)
    mother, father = ask(worker), ask(worker, FATHER, name="王强", relation="父亲")
    give(mother)
    give(father, name="王强")
    freeze(NOW + timedelta(minutes=5))
    guardians.withdraw_consent(father)
    assert gate(worker) == [UnfitCode.GUARDIAN_WITHDRAWN]
    assert state_of(mother) is GuardianState.GIVEN
    with pytest.raises(Conflict):
        guardians.withdraw_consent(father)
    freeze(NOW + timedelta(minutes=10))
    give(ask(worker, FATHER, name="王强", relation="父亲"), name="王强")
    assert gate(worker) == []


def test_withdrawal_takes_the_minor_off_every_visit_to_come(tree: Any, db_session: Any) -> None:
    actor = factories.make_actor(Role.STREET_COORDINATOR, tree.street)
    worker = make_pupil(tree)
    link = ask(worker)
    give(link)
    adult = factories.make_worker(tree.community)
    team = workers_for_duty([worker.id, adult.id])
    visits = []
    for days in (0, 1):
        elder = factories.make_elder(tree.community)
        starts, ends = factories.visit_times(TODAY + timedelta(days=days), time(15))
        visit = open_visit(actor, elder, starts, ends)
        assign(actor, visit, [(team[adult.id], False), (team[worker.id], True)])
        visits.append(visit)
    guardians.withdraw_consent(link)
    owed = db_session.scalars(
        select(OwedJob).where(OwedJob.name == "coordinator.marketplace.jobs.free_visits_of")
    ).one()
    assert owed.payload == {"worker_id": worker.id}
    assert free_visits(worker.id) == 2
    assert free_visits(worker.id) == 0, "twice changes nothing"
    for visit in visits:
        held = db_session.scalars(
            select(Assignment.worker_id).where(
                Assignment.visit_id == visit.id, Assignment.state == AssignmentState.APPROVED
            )
        ).all()
        assert held == [adult.id], "the adult still goes"
        assert visit.state is VisitState.ASSIGNED


def test_visits_stay_while_the_consent_holds(tree: Any) -> None:
    worker = make_pupil(tree)
    give(ask(worker))
    assert free_visits(worker.id) == 0


# --- the pages -----------------------------------------------------------------------------------------------


def test_nothing_of_the_child_before_the_telephone_is_proved(tree: Any, client: FlaskClient) -> None:
    worker = make_pupil(tree, name="欧阳小满")
    link = ask(worker, name="李梅")
    page = client.get(guardians.path_of(link))
    assert page.status_code == 200
    for secret in ("欧阳小满", worker.organisation.name, "李梅", MOTHER, tree.community.name):
        assert secret not in page.text
    for act in ("agree", "refuse", "withdraw"):
        assert post(client, f"{guardians.path_of(link)}/{act}").status_code == 303
    assert state_of(link) is GuardianState.WAITING


def test_the_whole_way(tree: Any, client: FlaskClient, db_session: Any) -> None:
    link = ask(make_pupil(tree, name="欧阳小满"))
    path = prove(client, db_session, link)
    page = client.get(path)
    assert "欧阳小满" in page.text
    assert "不会一个人进老人的家" in page.text
    refused = post(
        client, f"{path}/agree", name="李梅", birth_date="2012-01-01", valid_to="2026-07-31", agree="y"
    )
    assert refused.status_code == 422
    assert "监护人要满 18 岁" in refused.text
    assert 'value="2012-01-01"' in refused.text, "nothing typed is lost"
    assert (
        post(client, f"{path}/agree", name="李梅", birth_date="1980-05-06", valid_to="2026-07-31").status_code
        == 422
    )
    form = {"name": "李梅", "birth_date": "1980-05-06", "valid_to": "2026-07-31", "agree": "y"}
    assert post(client, f"{path}/agree", **form).status_code == 303
    assert "您已经同意" in client.get(path).text
    replayed = post(client, f"{path}/agree", **form)
    assert replayed.status_code == 303
    assert len(db_session.scalars(select(Guardian)).all()) == 1, "replayed, it changes nothing"
    assert "马上生效" in client.get(f"{path}/withdraw").text
    assert post(client, f"{path}/withdraw").status_code == 303
    assert "您已经撤回同意" in client.get(path).text


def test_under_fourteen_a_second_tick(tree: Any, client: FlaskClient, db_session: Any) -> None:
    link = ask(make_pupil(tree, born=date(2012, 3, 27)))
    path = prove(client, db_session, link)
    form = {"name": "李梅", "birth_date": "1980-05-06", "valid_to": "2026-07-31", "agree": "y"}
    answer = post(client, f"{path}/agree", **form)
    assert answer.status_code == 422
    assert "要单独同意" in answer.text
    assert post(client, f"{path}/agree", **form, agree_data="y").status_code == 303
    assert state_of(link) is GuardianState.GIVEN


def test_the_proof_is_for_this_link_and_half_an_hour(
    tree: Any, client: FlaskClient, db_session: Any, freeze: Any
) -> None:
    link, other = ask(make_pupil(tree)), ask(make_pupil(tree, phone=None), FATHER)
    path = prove(client, db_session, link)
    assert link.worker.name in client.get(path).text
    assert other.worker.name not in client.get(guardians.path_of(other)).text
    freeze(NOW + timedelta(minutes=31))
    assert link.worker.name not in client.get(path).text


def test_wrong_and_replayed_codes(tree: Any, client: FlaskClient, db_session: Any, freeze: Any) -> None:
    link = ask(make_pupil(tree))
    path = guardians.path_of(link)
    post(client, f"{path}/code")
    right = last_code(db_session, MOTHER)
    wrong = "000000" if right != "000000" else "111111"
    assert post(client, f"{path}/prove", code=wrong).status_code == 422
    assert post(client, f"{path}/prove", code="").status_code == 422
    assert post(client, f"{path}/prove", code=right).status_code == 303
    assert post(client, f"{path}/prove", code=right).status_code == 422, "a code works once"
    freeze(NOW + timedelta(seconds=61))
    post(client, f"{path}/code")
    freeze(NOW + timedelta(minutes=7))
    assert post(client, f"{path}/prove", code=last_code(db_session, MOTHER)).status_code == 422


def test_links_that_open_nothing(tree: Any, client: FlaskClient, freeze: Any) -> None:
    worker = make_pupil(tree, name="欧阳小满")
    old = ask(worker)
    link = ask(worker)
    for path, status, words in (
        ("/guardian/" + "x" * 22, 404, "这个链接不对"),
        ("/guardian/x", 404, "这个链接不对"),
        (guardians.path_of(old), 410, "停用了"),
    ):
        page = client.get(path)
        assert (page.status_code, words in page.text) == (status, True)
        assert post(client, f"{path}/code").status_code == status
        assert post(client, f"{path}/agree").status_code == status
    freeze(NOW + timedelta(days=14))
    page = client.get(guardians.path_of(link))
    assert page.status_code == 410
    assert "这个链接过期了" in page.text
    assert not re.search("欧阳小满", page.text)
