"""What is done with a worker's record."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from coordinator.accounts.models import OrganisationKind
from coordinator.elders.models import Skill
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.kernel.identity import check_character
from coordinator.workforce import services
from coordinator.workforce.labels import week_words
from coordinator.workforce.models import CredentialKind, ServiceContact, Worker, WorkerStatus
from coordinator.workforce.queries import (
    service_contacts_of,
    worker_for_duty,
    workers_for_duty,
    workers_for_planning,
)
from tests.factories import (
    PLACE,
    make_actor,
    make_area_tree,
    make_elder,
    make_organisation,
    make_user,
    make_worker,
)

NOW = datetime(2026, 3, 26, 1, 0, tzinfo=UTC)
TODAY = date(2026, 3, 26)


@pytest.fixture(autouse=True)
def _today(freeze):
    freeze(NOW)


@pytest.fixture
def tree(db_session):
    return make_area_tree()


@pytest.fixture
def actor(tree):
    return make_actor(Role.STREET_COORDINATOR, tree.street)


def values(**over):
    return {
        "name": "周 敏",
        "kind": "volunteer",
        "sex": "female",
        "birth_date": date(1990, 5, 1),
        "phone": "138 0000 6027",
        "start_latitude": PLACE[0],
        "start_longitude": PLACE[1],
    } | over


def id_number(birth: str) -> str:
    first = f"510502{birth}022"
    return first + check_character(first)


def make_ready(actor, worker):
    for kind in ("training", "health_declaration", "agreement"):
        services.add_credential(actor, worker, CredentialKind(kind), TODAY)
    services.add_credential(actor, worker, CredentialKind.INSURANCE, TODAY, date(2027, 3, 25), "PICC1")


def test_a_worker_applies_and_is_approved_when_ready(tree, actor):
    worker = services.create_worker(actor, tree.street, values())
    assert (worker.name, worker.phone, worker.status) == ("周敏", "13800006027", WorkerStatus.APPLIED)
    with pytest.raises(Conflict) as refused:
        services.approve_worker(actor, worker)
    assert "人身意外保险" in refused.value.message
    make_ready(actor, worker)
    services.approve_worker(actor, worker)
    assert worker.status == WorkerStatus.APPROVED
    assert worker.approved_by_id == actor.user_id
    written = select(AuditEntry.action).where(AuditEntry.object_type == "workers").order_by(AuditEntry.id)
    lines = db.session.scalars(written).all()
    assert lines[0] == "worker.create"
    assert lines[-1] == "worker.approve"


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"birth_date": date(2016, 3, 27)}, "birth_date"),
        ({"birth_date": None}, "birth_date"),
        ({"id_number": id_number("19910501")}, "birth_date"),
        ({"id_number": "510502199005010229"}, "id_number"),
        ({"phone": "12"}, "phone"),
        ({"kind": "student"}, "organisation_id"),
        ({"start_latitude": 105.44, "start_longitude": 28.88}, "start_latitude"),
        ({"start_latitude": None, "start_longitude": None}, "start_latitude"),
        ({"max_visits_day": 10, "max_visits_week": 5}, "max_visits_week"),
    ],
)
def test_what_is_refused(tree, actor, over, field):
    with pytest.raises(InvalidInput) as refused:
        services.create_worker(actor, tree.street, values(**over))
    assert refused.value.field == field


def test_areas_and_permissions(tree, actor):
    with pytest.raises(NotAllowed):
        services.create_worker(actor, tree.other_street, values())
    with pytest.raises(NotAllowed):
        services.create_worker(make_actor(Role.COUNTY_SUPERVISOR, tree.county), tree.street, values())
    county = Actor(
        user_id=actor.user_id,
        name="",
        grants=(Grant(Role.STREET_COORDINATOR, tree.county.id, tree.county.path),),
    )
    with pytest.raises(InvalidInput) as refused:
        services.create_worker(county, tree.county, values())
    assert refused.value.field == "area_id"


def test_numbers_are_unique(tree, actor):
    services.create_worker(actor, tree.street, values(id_number=id_number("19900501"), volunteer_number="V1"))
    with pytest.raises(Conflict) as refused:
        services.create_worker(actor, tree.street, values(id_number=id_number("19900501")))
    assert refused.value.field == "id_number"
    with pytest.raises(Conflict) as refused:
        services.create_worker(actor, tree.street, values(volunteer_number="V1"))
    assert refused.value.field == "volunteer_number"


def test_students_belong_to_a_school(tree, actor):
    school = make_organisation(tree.county)
    student = services.create_worker(
        actor, tree.street, values(kind="student", birth_date=date(2011, 1, 1)), organisation=school
    )
    make_ready(actor, student)
    with pytest.raises(Conflict) as refused:
        services.approve_worker(actor, student)
    assert "监护人" in refused.value.message
    services.add_guardian_consent(
        actor,
        student,
        services.GuardianConsent("林父", "父亲", "13800000001", "陪同成年人探访", TODAY, date(2026, 8, 31)),
    )
    services.approve_worker(actor, student)
    services.withdraw_guardian_consent(actor, student, student.guardians[0])
    assert [one.code for one in services.missing_for_duty(student)] == ["guardian_withdrawn"]
    with pytest.raises(Conflict):
        services.withdraw_guardian_consent(actor, student, student.guardians[0])
    team = make_organisation(tree.street, kind=OrganisationKind.VOLUNTEER_TEAM)
    with pytest.raises(InvalidInput):
        services.edit_worker(actor, student, {}, organisation=team, keep_organisation=False)


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"given_on": date(2026, 3, 27)}, "given_on"),
        ({"valid_to": date(2026, 3, 1)}, "valid_to"),
        ({"phone": "1"}, "phone"),
        ({"name": "林1"}, "name"),
        ({"scope": " "}, "scope"),
        ({"relation": ""}, "relation"),
    ],
)
def test_guardian_consents_that_are_refused(tree, actor, over, field):
    student = make_worker(tree.street, birth_date=date(2011, 1, 1))
    given = {"name": "林父", "relation": "父亲", "phone": "13800000001", "scope": "探访", "given_on": TODAY}
    with pytest.raises(InvalidInput) as refused:
        services.add_guardian_consent(actor, student, services.GuardianConsent(**(given | over)))
    assert refused.value.field == field


def test_an_adult_needs_no_guardian(tree, actor):
    with pytest.raises(Conflict):
        services.add_guardian_consent(
            actor,
            make_worker(tree.street),
            services.GuardianConsent("林父", "父亲", "13800000001", "探访", TODAY),
        )


@pytest.mark.parametrize(
    ("kind", "valid_to", "number", "field"),
    [
        (CredentialKind.INSURANCE, None, "P1", "valid_to"),
        (CredentialKind.INSURANCE, date(2027, 1, 1), " ", "number"),
        (CredentialKind.TRAINING, date(2026, 3, 25), None, "valid_to"),
    ],
)
def test_credentials_that_are_refused(tree, actor, kind, valid_to, number, field):
    with pytest.raises(InvalidInput) as refused:
        services.add_credential(actor, make_worker(tree.street), kind, TODAY, valid_to, number)
    assert refused.value.field == field


def test_suspending_and_leaving(tree, actor):
    worker = make_worker(tree.street)
    with pytest.raises(InvalidInput) as refused:
        services.suspend_worker(actor, worker, " ")
    assert refused.value.field == "reason"
    services.suspend_worker(actor, worker, "多次未到")
    with pytest.raises(Conflict):
        services.suspend_worker(actor, worker, "再停一次")
    services.approve_worker(actor, worker)
    services.retire_worker(actor, worker)
    assert worker.status == WorkerStatus.LEFT
    with pytest.raises(Conflict):
        services.retire_worker(actor, worker)


def test_skills_are_verified(tree, actor):
    worker = make_worker(tree.street)
    services.verify_skills(actor, worker, [Skill.NURSING, Skill.FIRST_AID])
    services.verify_skills(actor, worker, [Skill.NURSING])
    assert [(one.skill, one.verified_on) for one in worker.skills] == [(Skill.NURSING, TODAY)]


def test_weekly_hours(tree, actor):
    worker = make_worker(tree.street, weekdays=())
    services.set_availability(
        actor,
        worker,
        {n: [(time(8, 30), time(17, 0))] for n in range(5)} | {5: [(time(9, 0), time(12, 0))], 6: []},
    )
    assert week_words(worker.availability) == "周一至周五 8:30–17:00；周六 9:00–12:00"
    services.set_availability(actor, worker, {0: [], 5: [(time(9, 0), time(11, 0))]})
    assert week_words(worker.availability) == "周二至周五 8:30–17:00；周六 9:00–11:00"
    for shift in ((time(12, 0), time(9, 0)), (time(5, 0), time(9, 0)), (time(9, 0), time(21, 30))):
        with pytest.raises(InvalidInput) as refused:
            services.set_availability(actor, worker, {2: [shift]})
        assert refused.value.field == "day_2"


def test_two_spans_on_a_weekday(tree, actor):
    worker = make_worker(tree.street, weekdays=())
    early, late = (time(8), time(11)), (time(16), time(18, 30))
    services.set_availability(actor, worker, {n: [late, early] for n in range(5)} | {5: [early]})
    assert week_words(worker.availability) == "周一至周五 8:00–11:00、16:00–18:30；周六 8:00–11:00"
    services.set_availability(actor, worker, {0: [early], 1: [(time(8), time(10)), late], 5: [early, late]})
    assert week_words(worker.availability) == (
        "周一 8:00–11:00；周二 8:00–10:00、16:00–18:30；周三至周六 8:00–11:00、16:00–18:30"
    )
    changed = db.session.scalars(
        select(AuditEntry.changes)
        .where(AuditEntry.action == "worker.availability")
        .order_by(AuditEntry.id.desc())
    ).first()
    assert changed["周一"] == ["08:00–11:00、16:00–18:30", "08:00–11:00"]
    services.set_availability(actor, worker, {5: [(time(11), time(16)), early]})
    assert [(one.starts, one.ends) for one in worker.availability if one.weekday == 5] == [
        (time(8), time(16))
    ]
    for spans in ([early, (time(10), time(12))], [early, late, (time(13), time(14))]):
        with pytest.raises(InvalidInput) as refused:
            services.set_availability(actor, worker, {3: spans})
        assert refused.value.field == "day_3"


def test_workers_decide_about_their_own_time_only(tree):
    me, other = make_worker(tree.street), make_worker(tree.street)
    myself = Actor(user_id=None, name="周敏", grants=(Grant(Role.WORKER),), worker_id=me.id)
    services.set_availability(myself, me, {0: []})
    leave = services.add_days_off(myself, me, TODAY, date(2026, 3, 28), "回老家")
    with pytest.raises(NotAllowed):
        services.set_availability(myself, other, {0: []})
    with pytest.raises(NotAllowed):
        services.add_days_off(myself, other, TODAY, TODAY)
    with pytest.raises(NotFound):
        services.remove_days_off(myself, me, 0)
    services.remove_days_off(myself, me, leave.id)
    assert me.exceptions == []
    for first, last in (
        (date(2026, 3, 28), date(2026, 3, 27)),
        (date(2026, 3, 1), date(2026, 3, 25)),
        (TODAY, date(2027, 4, 1)),
    ):
        with pytest.raises(InvalidInput) as refused:
            services.add_days_off(myself, me, first, last)
        assert refused.value.field == "last_day"


def test_pairs(tree, actor):
    elder = make_elder(tree.community)
    first, second = make_worker(tree.street), make_worker(tree.street)
    services.pair(actor, elder, first)
    services.pair(actor, elder, second)
    services.pair(actor, elder, second)
    assert service_contacts_of([elder.id]) == {elder.id: second.id}
    assert len(db.session.scalars(select(ServiceContact)).all()) == 2
    services.unpair(actor, elder)
    assert service_contacts_of([elder.id]) == {}
    with pytest.raises(Conflict):
        services.pair(actor, elder, make_worker(tree.street, status=WorkerStatus.SUSPENDED))
    with pytest.raises(Conflict):
        services.pair(actor, elder, make_worker(tree.street, birth_date=date(2011, 1, 1)))
    with pytest.raises(NotAllowed):
        services.pair(actor, elder, make_worker(tree.other_street))
    # A community's coordinator may choose among the workers of the whole street.
    community = make_actor(Role.COMMUNITY_COORDINATOR, tree.community)
    services.pair(community, elder, first)
    assert service_contacts_of([elder.id]) == {elder.id: first.id}


def test_bars_end_a_pairing_and_keep_no_reason(tree, actor):
    elder, worker = make_elder(tree.community), make_worker(tree.street)
    services.pair(actor, elder, worker)
    services.add_bar(actor, elder, worker)
    services.add_bar(actor, elder, worker)
    assert service_contacts_of([elder.id]) == {}
    assert [bar.elder_id for bar in worker.bars] == [elder.id]
    with pytest.raises(Conflict):
        services.pair(actor, elder, worker)
    services.remove_bar(actor, elder, worker)
    services.remove_bar(actor, elder, worker)
    assert worker.bars == []


def test_reveal_of_a_worker(tree, actor):
    worker = make_worker(tree.street, phone="13800006027")
    assert services.reveal(actor, worker, "phone") == "13800006027"
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "worker.reveal")).one()
    assert line.changes == {"field": "phone"}
    for field in ("id_number", "guardian-1", "credential-9", "name"):
        with pytest.raises(NotFound):
            services.reveal(actor, worker, field)


def test_who_is_planned_with(tree):
    street = make_worker(tree.street)
    here = make_worker(tree.community)
    beside = make_worker(tree.other_community)
    make_worker(tree.other_street)
    make_worker(tree.street, status=WorkerStatus.SUSPENDED)
    assert {one.id for one in workers_for_planning(tree.street.path)} == {street.id, here.id, beside.id}
    assert {one.id for one in workers_for_planning(tree.community.path)} == {street.id, here.id}
    assert set(workers_for_duty([street.id, here.id])) == {street.id, here.id}


def test_a_claim_never_sees_an_old_state(tree):
    worker = make_worker(tree.street)
    db.session.execute(Worker.__table__.update().where(Worker.id == worker.id).values(status="suspended"))
    assert worker.status == WorkerStatus.APPROVED
    assert worker_for_duty(worker.id).status == WorkerStatus.SUSPENDED
    assert worker_for_duty(0) is None


def test_the_database_refuses_a_student_without_a_school(tree):
    db.session.add(Worker(area_id=tree.street.id, **values(kind="student", name="林小雨")))
    with pytest.raises(IntegrityError, match="students_have_a_school"):
        db.session.flush()


def test_one_worker_per_account(tree):
    user = make_user(Role.WORKER)
    make_worker(tree.street, user_id=user.id)
    with pytest.raises(IntegrityError, match="uq_workers_user_id"):
        make_worker(tree.street, user_id=user.id)
