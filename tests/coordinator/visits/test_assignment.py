"""Who may be given a visit: fitness, minors, clashes, the number of people."""

from __future__ import annotations

import threading
from datetime import date, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from coordinator.elders.models import ConsentKind, ConsentState, Sex
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.visits.lifecycle import AssignmentState, ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import Assignment, SurgeKind, Visit
from coordinator.visits.queries import loads_of
from coordinator.visits.services import (
    assign,
    begin_visit,
    close_visit,
    log_remote_contact,
    open_visit,
    release,
)
from coordinator.workforce.models import Guardian, ServiceContact
from tests.coordinator.visits.conftest import NOW, TODAY
from tests.factories import make_actor, make_area_tree, make_elder, make_worker, visit_times


def make_minor(area, **over):
    minor = make_worker(area, **({"birth_date": date(2010, 6, 1), "name": "李小禾"} | over))
    db.session.add(
        Guardian(
            worker_id=minor.id,
            name="李建国",
            relation="父亲",
            phone="13800000002",
            scope="上门探访",
            given_on=date(2026, 1, 1),
        )
    )
    db.session.flush()
    return minor


def test_a_minor_is_never_alone(world):
    visit = world.visit(world.key_elder())
    minor = make_minor(world.tree.street)
    for as_companion in (False, True):
        with pytest.raises(Conflict) as refusal:
            assign(world.coordinator, visit, [(minor, as_companion)])
        assert refusal.value.code == "minor_alone"
        assert "李小禾未成年，不能单独上门" in refusal.value.message
    assert visit.state is VisitState.OPEN
    assert visit.assignments == []


def test_two_minors_are_alone_too(world):
    visit = world.visit(world.key_elder(), people=2)
    pair = [(make_minor(world.tree.street), False), (make_minor(world.tree.street, name="王小雨"), False)]
    with pytest.raises(Conflict) as refusal:
        assign(world.coordinator, visit, pair)
    assert refusal.value.code == "minor_alone"


def test_a_minor_goes_beside_an_adult_and_leaves_with_the_adult(world):
    visit = world.visit(world.key_elder())
    minor, adult = make_minor(world.tree.street), make_worker(world.tree.street)
    made = assign(world.coordinator, visit, [(adult, False), (minor, True)])
    assert [(one.worker, one.is_companion) for one in made] == [(adult, False), (minor, True)]
    db.session.commit()
    release(world.coordinator, visit, adult, "临时有事")
    db.session.commit()
    assert visit.state is VisitState.OPEN
    assert {one.state for one in visit.assignments} == {AssignmentState.WITHDRAWN, AssignmentState.CANCELLED}


def test_the_adult_stays_when_the_minor_leaves(world):
    visit = world.visit(world.key_elder())
    minor, adult = make_minor(world.tree.street), make_worker(world.tree.street)
    assign(world.coordinator, visit, [(adult, False), (minor, True)])
    release(world.coordinator, visit, minor, "要考试")
    assert visit.state is VisitState.ASSIGNED


def test_the_database_refuses_a_minor_alone_even_without_the_service(committed_db, committed_app):
    tree = make_area_tree()
    coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
    visit = open_visit(
        coordinator, make_elder(tree.community), *visit_times(clock.today() + timedelta(days=1))
    )
    minor = make_worker(tree.street, birth_date=clock.today() - timedelta(days=15 * 365))
    db.session.add(Assignment(visit_id=visit.id, worker_id=minor.id, during=_during(visit)))
    with pytest.raises(IntegrityError, match="minor"):
        db.session.commit()
    db.session.rollback()


def _during(visit):
    from sqlalchemy.dialects.postgresql import Range

    return Range(visit.starts_at, visit.ends_at, bounds="[)")


def test_a_clash_names_the_other_visit(world):
    worker = make_worker(world.tree.street, name="陈素芬")
    first = world.visit(world.key_elder(name="王素珍"))
    assign(world.coordinator, first, [(worker, False)])
    second = world.visit(world.key_elder(), start=time(9, 20))
    with pytest.raises(Conflict) as refusal:
        assign(world.coordinator, second, [(worker, False)])
    assert refusal.value.code == "clash"
    assert refusal.value.message == "陈素芬 3月26日 9:00–9:30要去探访王素珍，和这次时间重叠。"
    assert refusal.value.remedy == "请换个时间，或换一位。"
    db.session.rollback()


def test_one_visit_right_after_the_other_is_no_clash(world):
    worker = make_worker(world.tree.street)
    assign(world.coordinator, world.visit(world.key_elder()), [(worker, False)])
    assign(world.coordinator, world.visit(world.key_elder(), start=time(9, 30)), [(worker, False)])


def test_hard_reasons_refuse_and_soft_ones_are_written_down(world):
    elder = world.key_elder(prefers_sex=Sex.FEMALE, dialect="泸州话")
    visit = world.visit(elder)
    with pytest.raises(Conflict) as refusal:
        assign(world.coordinator, visit, [(make_worker(world.tree.street, sex=Sex.MALE), False)])
    assert refusal.value.code == "sex_preference"
    with pytest.raises(Conflict) as refusal:
        assign(world.coordinator, visit, [(make_worker(world.tree.street, ready=False), False)])
    assert refusal.value.code == "credential_missing"
    assign(world.coordinator, visit, [(make_worker(world.tree.street), False)], override_reason="能讲普通话")
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "visit.assign")).one()
    assert line.changes["overridden"] == [None, ["dialect"]]
    assert line.changes["reason"] == [None, "能讲普通话"]


def test_skills_may_come_from_either_of_two(world):
    from coordinator.elders.models import Skill
    from coordinator.workforce.models import WorkerSkill

    visit = world.visit(world.key_elder(), people=2, needs_skills=[Skill.NURSING.value])
    nurse, other = make_worker(world.tree.street), make_worker(world.tree.street)
    with pytest.raises(Conflict) as refusal:
        assign(world.coordinator, visit, [(nurse, False), (other, False)])
    assert refusal.value.code == "skill_missing"
    nurse.skills.append(WorkerSkill(skill=Skill.NURSING, verified_on=date(2026, 1, 1)))
    db.session.flush()
    assign(world.coordinator, visit, [(nurse, False), (other, False)])


@pytest.mark.parametrize(("people", "sent"), [(1, 2), (2, 1)])
def test_the_number_of_people_is_kept(world, people, sent):
    visit = world.visit(world.key_elder(), people=people)
    with pytest.raises(Conflict) as refusal:
        assign(world.coordinator, visit, [(make_worker(world.tree.street), False) for _ in range(sent)])
    assert refusal.value.code == "wrong_number"
    assert f"要 {people} 个人去，现在选了 {sent} 个人" in refusal.value.message


def test_a_second_person_joins_who_stayed(world):
    visit = world.visit(world.key_elder(), people=2)
    stays, leaves = make_worker(world.tree.street), make_worker(world.tree.street)
    assign(world.coordinator, visit, [(stays, False), (leaves, False)])
    release(world.coordinator, visit, leaves, "临时有事")
    assert visit.state is VisitState.OPEN
    with pytest.raises(Conflict) as refusal:
        assign(world.coordinator, visit, [(stays, False)])
    assert refusal.value.code == "already_assigned"
    assign(world.coordinator, visit, [(leaves, False)])
    assert visit.state is VisitState.ASSIGNED
    release(world.coordinator, visit, leaves, "临时有事")
    release(world.coordinator, visit, stays, "临时有事")
    assert visit.state is VisitState.OPEN


def test_nobody_acts_in_another_area(world):
    elder, worker = world.key_elder(), make_worker(world.tree.street)
    visit = world.visit(elder)
    stranger = make_actor(Role.STREET_COORDINATOR, world.tree.other_street)
    supervisor = make_actor(Role.COUNTY_SUPERVISOR, world.tree.county)
    for actor in (stranger, supervisor):
        with pytest.raises(NotAllowed):
            open_visit(actor, elder, *visit_times(TODAY))
        with pytest.raises(NotAllowed):
            assign(actor, visit, [(worker, False)])
        with pytest.raises(NotAllowed):
            log_remote_contact(actor, elder, ContactMode.PHONE, ContactOutcome.COMPLETED, NOW)


# --- what may be opened ----------------------------------------------------------------------------------


def test_wishes_and_epidemics_decide_what_may_be_opened(world):
    refusing, remote, no_home = world.key_elder(), world.key_elder(), world.key_elder()
    world.consent(refusing, ConsentState.REFUSED)
    world.consent(remote, ConsentState.REMOTE_ONLY)
    world.consent(no_home, ConsentState.REFUSED, ConsentKind.HOME)
    for elder, code in ((refusing, "service_refused"), (remote, "home_refused"), (no_home, "home_refused")):
        with pytest.raises(Conflict) as refusal:
            world.visit(elder)
        assert refusal.value.code == code
    world.visit(remote, mode=ContactMode.PHONE)
    world.event(SurgeKind.EPIDEMIC, "流感", TODAY, TODAY + timedelta(days=3))
    with pytest.raises(Conflict) as refusal:
        world.visit(world.key_elder())
    assert refusal.value.code == "epidemic"
    world.visit(world.key_elder(), TODAY + timedelta(days=4))


def test_an_elder_who_left_is_not_visited(world):
    from coordinator.elders.models import ElderStatus

    gone = world.key_elder(status=ElderStatus.MOVED, left_on=TODAY)
    with pytest.raises(Conflict) as refusal:
        world.visit(gone)
    assert refusal.value.code == "elder_left"


# --- remote contacts -------------------------------------------------------------------------------------


def test_a_call_is_a_closed_visit_with_a_number(world):
    elder = world.key_elder(name="王素珍")
    visit = log_remote_contact(
        world.coordinator, elder, ContactMode.PHONE, ContactOutcome.COMPLETED, NOW, "说血压有点高"
    )
    db.session.expire_all()
    assert (visit.state, visit.sequence, visit.contact_on) == (VisitState.COMPLETED, 1, TODAY)
    assert visit.contact_note == "说血压有点高"
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "contact.log")).one()
    assert "血压" not in line.summary
    assert line.summary == "登记3月26日 10:00和王素珍的电话联系：见到或联系上了"


def test_a_visit_at_home_cannot_be_logged_like_a_call(world):
    with pytest.raises(InvalidInput):
        log_remote_contact(
            world.coordinator, world.key_elder(), ContactMode.HOME, ContactOutcome.COMPLETED, NOW
        )
    with pytest.raises(InvalidInput):
        log_remote_contact(
            world.coordinator,
            world.key_elder(),
            ContactMode.PHONE,
            ContactOutcome.COMPLETED,
            NOW + timedelta(minutes=1),
        )


def test_the_paired_worker_may_log_calls(world):
    elder, worker = world.key_elder(), make_worker(world.tree.street)
    actor = make_actor(Role.WORKER, worker_id=worker.id)
    with pytest.raises(NotAllowed):
        log_remote_contact(actor, elder, ContactMode.PHONE, ContactOutcome.COMPLETED, NOW)
    db.session.add(ServiceContact(elder_id=elder.id, worker_id=worker.id, since=date(2026, 1, 1)))
    db.session.flush()
    log_remote_contact(actor, elder, ContactMode.PHONE, ContactOutcome.COMPLETED, NOW)


# --- figures ---------------------------------------------------------------------------------------------


def test_what_a_worker_holds(world):
    worker, idle = make_worker(world.tree.street), make_worker(world.tree.street)
    days = [TODAY, TODAY - timedelta(days=3), TODAY - timedelta(days=10), TODAY - timedelta(days=40)]
    for day in days:
        assign(world.coordinator, world.visit(world.key_elder(), day), [(worker, False)])
    found = loads_of([worker.id, idle.id], TODAY)
    assert (found[worker.id].day, found[worker.id].week, found[worker.id].month) == (1, 2, 3)
    assert found[worker.id].week_minutes == 60
    assert found[idle.id].month == 0
    visit = db.session.scalars(select(Visit).where(Visit.starts_at > NOW - timedelta(hours=5))).one()
    assert loads_of([worker.id], TODAY, without_visit=visit.id)[worker.id].day == 0


# --- at the same moment ----------------------------------------------------------------------------------


def _at_once(app, actions):
    """Run the actions together, each in its own transaction; returns what each returned or raised."""
    results = [None] * len(actions)
    gate = threading.Barrier(len(actions))

    def run(position, action):
        with app.app_context():
            try:
                gate.wait(10)
                results[position] = action()
                db.session.commit()
            except Exception as problem:  # noqa: BLE001 -- the test looks at what was raised
                db.session.rollback()
                results[position] = problem
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_visits_that_close_at_once_get_different_numbers(committed_db, committed_app):
    tree = make_area_tree()
    coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
    elder = make_elder(tree.community)
    ids = []
    for hour in range(8):
        visit = open_visit(
            coordinator, elder, *visit_times(clock.today() - timedelta(days=1), time(8 + hour))
        )
        assign(coordinator, visit, [(make_worker(tree.street), False)])
        begin_visit(coordinator, visit)
        ids.append(visit.id)
    db.session.commit()

    def closing(visit_id):
        def action():
            visit = db.session.get(Visit, visit_id)
            close_visit(coordinator, visit, ContactOutcome.COMPLETED)
            return visit.sequence

        return action

    results = _at_once(committed_app, [closing(visit_id) for visit_id in ids])
    assert sorted(results) == list(range(1, 9))


def test_two_coordinators_assign_one_visit_at_once(committed_db, committed_app):
    tree = make_area_tree()
    coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
    visit = open_visit(
        coordinator, make_elder(tree.community), *visit_times(clock.today() + timedelta(days=1))
    )
    visit_id = visit.id
    worker_ids = [make_worker(tree.street).id for _ in range(6)]
    db.session.commit()

    def giving(worker_id):
        def action():
            from coordinator.workforce.models import Worker

            return assign(
                coordinator, db.session.get(Visit, visit_id), [(db.session.get(Worker, worker_id), False)]
            )

        return action

    results = _at_once(committed_app, [giving(worker_id) for worker_id in worker_ids])
    assert sum(isinstance(result, list) for result in results) == 1
    assert all(isinstance(result, (list, Conflict)) for result in results)
    db.session.expire_all()
    assert len(db.session.scalars(select(Assignment).where(Assignment.visit_id == visit_id)).all()) == 1


def test_one_worker_is_given_two_visits_at_once(committed_db, committed_app):
    tree = make_area_tree()
    coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
    worker_id = make_worker(tree.street, name="陈素芬").id
    times = visit_times(clock.today() + timedelta(days=1))
    ids = [open_visit(coordinator, make_elder(tree.community), *times).id for _ in range(5)]
    db.session.commit()

    def giving(visit_id):
        def action():
            from coordinator.workforce.models import Worker

            return assign(
                coordinator, db.session.get(Visit, visit_id), [(db.session.get(Worker, worker_id), False)]
            )

        return action

    results = _at_once(committed_app, [giving(visit_id) for visit_id in ids])
    assert sum(isinstance(result, list) for result in results) == 1
    refusals = [result for result in results if not isinstance(result, list)]
    assert all(isinstance(refusal, Conflict) and refusal.code == "clash" for refusal in refusals), results
    states = db.session.scalars(select(Visit.state).where(Visit.id.in_(ids))).all()
    assert sorted(states) == sorted([VisitState.ASSIGNED] + [VisitState.OPEN] * 4)
