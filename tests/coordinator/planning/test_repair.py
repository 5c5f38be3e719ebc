"""今天出了状况: what a same-day change proposes, and what taking it does."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.areas import Area
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.messages.models import Message
from coordinator.planning.services.adjust import adjust, note_of, read_note
from coordinator.planning.services.repair import Fresh, Kind, Trouble, propose
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Visit
from coordinator.visits.services import begin_visit, cancel_visit
from coordinator.workforce.models import Guardian, Worker
from tests import factories
from tests.coordinator.planning.conftest import TODAY, Day, give, team_on


def take(day: Day, trouble: Trouble) -> Any:
    found = propose(day.actor, day.street.area, trouble)
    return adjust(day.actor, day.street.area, read_note(note_of(day.actor, found)))


def test_an_absence_gives_the_visits_to_others_and_keeps_everybody_elses(today: Day) -> None:
    away = today.street.workers[0]
    found = propose(today.actor, today.street.area, today.trouble(absent={away.id: None}))
    assert {one.visit.id for one in found.steps if one.visit} == {today.visits[0].id, today.visits[1].id}
    assert all(one.kind is Kind.PEOPLE and abs(one.moved) <= 900 for one in found.steps)
    assert team_on(today.visits[0]) == [away.id], "a proposal changes nothing"

    done = adjust(today.actor, today.street.area, read_note(note_of(today.actor, found)))
    assert done.steps == 2
    assert away.id not in team_on(today.visits[0]) + team_on(today.visits[1])
    assert all(one.state is VisitState.ASSIGNED for one in today.visits)
    assert team_on(today.visits[2]) == [today.street.workers[1].id]


def messages_of(worker: Worker) -> list[Message]:
    return list(db.session.scalars(select(Message).where(Message.user_id == worker.user_id)))


def test_everybody_concerned_is_told_once_and_nobody_else(today: Day) -> None:
    one, two, three = today.street.workers
    found = propose(today.actor, today.street.area, today.trouble(absent={one.id: None}))
    note = note_of(today.actor, found)
    before = {worker.id: len(messages_of(worker)) for worker in (one, two, three)}
    done = adjust(today.actor, today.street.area, read_note(note))
    concerned = {worker.id for worker in found.told}
    assert one.id in concerned
    for worker in (one, two, three):
        assert len(messages_of(worker)) - before[worker.id] == (worker.id in concerned)
    assert done.told == len(concerned)
    told = messages_of(one)[-1]
    assert "不用去了" in told.body
    assert "发烧" in told.body
    assert not any(elder.name in told.title for elder in today.street.key)
    # The same page sent again, by a second press or a bad connection: nothing happens twice.
    again = adjust(today.actor, today.street.area, read_note(note))
    assert again.again
    assert len(messages_of(one)) - before[one.id] == 1


def test_whoever_is_away_all_day_is_on_leave_and_history_says_who_and_why(today: Day) -> None:
    one = today.street.workers[0]
    take(today, today.trouble(absent={one.id: None}))
    db.session.expire_all()
    assert [(row.first_day, row.note) for row in one.exceptions] == [(TODAY, "发烧")]
    lines = db.session.scalars(
        select(AuditEntry).where(
            AuditEntry.object_type == "visits", AuditEntry.object_id == today.visits[0].id
        )
    ).all()
    released = next(line for line in lines if line.action == "visit.release")
    assert "发烧" in released.summary
    assert released.user_id == today.actor.user_id
    assert db.session.scalar(select(func.count()).where(AuditEntry.action == "day.adjust")) == 1


def test_away_from_ten_keeps_the_visit_at_nine(today: Day) -> None:
    one = today.street.workers[0]
    take(today, today.trouble(absent={one.id: 10 * 3600}))
    assert team_on(today.visits[0]) == [one.id]
    assert one.id not in team_on(today.visits[1])
    db.session.expire_all()
    assert one.exceptions == [], "half a day is no leave"


def test_what_is_under_way_stays_with_whoever_is_there(
    today: Day, freeze: Callable[[datetime], None]
) -> None:
    one = today.street.workers[0]
    begin_visit(today.actor, today.visits[0])
    freeze(datetime(2026, 3, 31, 1, 10, tzinfo=UTC))
    found = propose(today.actor, today.street.area, today.trouble(absent={one.id: None}))
    assert {step.visit.id for step in found.steps if step.visit} == {today.visits[1].id}
    assert any("正在进行" in text for text in found.notes)


def test_a_visit_whose_time_has_come_without_anybody_there_is_given_away(
    today: Day, freeze: Callable[[datetime], None]
) -> None:
    one = today.street.workers[0]
    freeze(datetime(2026, 3, 31, 1, 20, tzinfo=UTC))
    take(today, today.trouble(absent={one.id: None}))
    assert one.id not in team_on(today.visits[0])
    assert today.visits[0].state is VisitState.ASSIGNED
    assert today.visits[0].starts_at > clock.now()


def test_a_cancelled_visit_leaves_all_others_as_they_are(today: Day) -> None:
    before = [(visit.starts_at, team_on(visit)) for visit in today.visits[1:]]
    found = propose(today.actor, today.street.area, today.trouble(cancelled=(today.visits[0].id,)))
    assert [step.kind for step in found.steps] == [Kind.CANCEL]
    adjust(today.actor, today.street.area, read_note(note_of(today.actor, found)))
    assert today.visits[0].state is VisitState.CANCELLED
    assert today.visits[0].cancelled_reason == "发烧"
    assert [(visit.starts_at, team_on(visit)) for visit in today.visits[1:]] == before


def test_an_urgent_visit_goes_in_and_told_visits_keep_worker_and_time(today: Day) -> None:
    before = [(visit.starts_at, team_on(visit)) for visit in today.visits]
    elder = today.street.general[2]
    take(today, today.trouble(fresh=Fresh(elder.id, 30, (0, 12 * 3600))))
    made = db.session.scalars(select(Visit).where(Visit.elder_id == elder.id)).one()
    assert made.state is VisitState.ASSIGNED
    assert made.starts_at > clock.now()
    assert made.rule is None
    assert [(visit.starts_at, team_on(visit)) for visit in today.visits] == before


def test_an_open_visit_of_the_day_gets_somebody_at_its_time(today: Day) -> None:
    street = today.street
    visit = give(street, street.general[2], time(11, 0))
    take(today, today.trouble(wanted=(visit.id,)))
    assert len(team_on(visit)) == 1
    assert abs(visit.starts_at - factories.visit_times(TODAY, time(11, 0))[0]).total_seconds() <= 900


def test_nobody_left_is_said_with_the_reason_and_the_visit_is_open_afterwards(today: Day) -> None:
    everybody = {worker.id: None for worker in today.street.workers}
    found = propose(today.actor, today.street.area, today.trouble(absent=everybody))
    assert [step.kind for step in found.steps] == [Kind.ALONE] * 3
    assert all(step.why for step in found.steps)
    adjust(today.actor, today.street.area, read_note(note_of(today.actor, found)))
    assert [team_on(visit) for visit in today.visits] == [[], [], []]
    assert {visit.state for visit in today.visits} == {VisitState.OPEN}


def test_a_skill_nobody_else_has_is_named(today: Day) -> None:
    visit = today.visits[0]
    visit.needs_skills = ["nursing"]
    db.session.flush()
    found = propose(today.actor, today.street.area, today.trouble(absent={today.street.workers[0].id: None}))
    alone = next(step for step in found.steps if step.visit is visit)
    assert alone.kind is Kind.ALONE
    assert "没有需要的技能" in alone.why


def test_a_minor_never_takes_over_and_goes_with_the_adult(today: Day) -> None:
    street = today.street
    minor = factories.make_worker(
        street.community,
        user_id=factories.make_user(Role.WORKER).id,
        birth_date=date(2010, 5, 1),
        start_latitude=28.886,
        start_longitude=105.445,
    )
    minor.guardians.append(
        Guardian(name="李建国", relation="父亲", phone="13800000002", scope="探访", given_on=date(2026, 1, 1))
    )
    db.session.flush()
    adult = street.workers[1]
    beside = give(street, street.general[2], time(14, 0), adult, minor)
    found = propose(today.actor, street.area, today.trouble(absent={adult.id: None}))
    step = next(one for one in found.steps if one.visit is beside)
    assert minor.id not in {worker for worker, _companion in step.after}
    adjust(today.actor, street.area, read_note(note_of(today.actor, found)))
    assert minor.id not in team_on(beside)
    assert beside.state is VisitState.ASSIGNED
    assert "不用去了" in messages_of(minor)[-1].body
    assert not any(minor.id in {worker for worker, _companion in one.after} for one in found.steps)


def test_a_minor_who_is_away_leaves_the_adult_where_they_are(today: Day) -> None:
    street = today.street
    minor = factories.make_worker(street.community, birth_date=date(2010, 5, 1))
    minor.guardians.append(
        Guardian(name="李建国", relation="父亲", phone="13800000002", scope="探访", given_on=date(2026, 1, 1))
    )
    db.session.flush()
    adult = street.workers[1]
    beside = give(street, street.general[2], time(14, 0), adult, minor)
    take(today, today.trouble(absent={minor.id: None}))
    assert team_on(beside) == [adult.id]
    assert beside.state is VisitState.ASSIGNED


def test_of_two_people_the_other_stays_at_the_same_time(today: Day) -> None:
    street = today.street
    one, two, three = street.workers
    both = give(street, street.general[2], time(14, 0), one, two, people=2)
    take(today, today.trouble(absent={one.id: None}))
    assert team_on(both) == sorted([two.id, three.id])
    assert abs(both.starts_at - factories.visit_times(TODAY, time(14, 0))[0]).total_seconds() <= 900


def test_of_two_people_the_other_keeps_the_visit_when_nobody_else_can(today: Day) -> None:
    street = today.street
    one, two, three = street.workers
    both = give(street, street.general[2], time(14, 0), one, two, people=2)
    found = propose(today.actor, street.area, today.trouble(absent={one.id: None, three.id: None}))
    step = next(row for row in found.steps if row.visit is both)
    assert (step.kind, step.after) == (Kind.ALONE, ((two.id, False),))
    adjust(today.actor, street.area, read_note(note_of(today.actor, found)))
    assert team_on(both) == [two.id]
    assert both.state is VisitState.OPEN


# --- races and rights -------------------------------------------------------------------------------------


def test_a_visit_changed_meanwhile_makes_the_proposal_void(today: Day) -> None:
    one = today.street.workers[0]
    found = propose(today.actor, today.street.area, today.trouble(absent={one.id: None}))
    note = read_note(note_of(today.actor, found))
    cancel_visit(today.actor, today.visits[0], "长者住院")
    with pytest.raises(Conflict) as refusal:
        adjust(today.actor, today.street.area, note)
    assert refusal.value.code == "stale_proposal"
    assert "刚被别人改过" in refusal.value.message
    assert team_on(today.visits[1]) == [one.id], "all of it or nothing"


def test_another_visit_given_meanwhile_to_whoever_takes_over_makes_it_void(today: Day) -> None:
    street = today.street
    found = propose(today.actor, street.area, today.trouble(absent={street.workers[0].id: None}))
    note = read_note(note_of(today.actor, found))
    taker = next(worker for worker in found.told if worker.id != street.workers[0].id)
    give(street, street.general[3], time(16, 0), taker)
    with pytest.raises(Conflict) as refusal:
        adjust(today.actor, street.area, note)
    assert taker.name in refusal.value.message


def test_a_proposal_grows_old(today: Day, freeze: Callable[[datetime], None]) -> None:
    found = propose(today.actor, today.street.area, today.trouble(absent={today.street.workers[0].id: None}))
    note = read_note(note_of(today.actor, found))
    freeze(datetime(2026, 3, 31, 0, 16, tzinfo=UTC))
    with pytest.raises(Conflict) as refusal:
        adjust(today.actor, today.street.area, note)
    assert refusal.value.code == "stale_proposal"


def test_a_note_that_was_tampered_with_or_is_somebody_elses_is_refused(today: Day) -> None:
    street = today.street
    found = propose(today.actor, street.area, today.trouble(absent={street.workers[0].id: None}))
    note = note_of(today.actor, found)
    with pytest.raises(InvalidInput):
        read_note(note[:-2] + "xx")
    other = factories.make_actor(Role.STREET_COORDINATOR, street.area)
    with pytest.raises(InvalidInput):
        adjust(other, street.area, read_note(note))


def test_only_coordinators_of_the_area_may_propose_or_take(today: Day) -> None:
    street = today.street
    trouble = today.trouble(absent={street.workers[0].id: None})
    elsewhere = factories.make_actor(Role.STREET_COORDINATOR)
    supervisor = factories.make_actor(Role.COUNTY_SUPERVISOR, street.area.parent)
    for actor in (elsewhere, supervisor):
        with pytest.raises(NotAllowed):
            propose(actor, street.area, trouble)


def test_a_community_changes_its_own_visits_only(today: Day) -> None:
    street = today.street
    one = street.workers[0]
    other = db.session.scalars(
        select(Area).where(Area.name == "石桥社区", Area.path.startswith(street.area.path))
    ).one()
    home = factories.make_household(other, latitude=28.885, longitude=105.445)
    elsewhere = give(street, factories.make_elder(other, home), time(15, 0), one)
    actor = factories.make_actor(Role.COMMUNITY_COORDINATOR, street.community)
    found = propose(actor, street.community, today.trouble(absent={one.id: None}))
    assert elsewhere.id not in {step.visit.id for step in found.steps if step.visit}
    assert any("不归您管" in text for text in found.notes)
    with pytest.raises(NotFound):
        propose(actor, street.community, today.trouble(cancelled=(elsewhere.id,)))


def test_a_day_that_is_tight_by_hand_still_takes_more_before_and_behind(today: Day) -> None:
    street = today.street
    one, two, three = street.workers
    # Ten minutes after the other one, at the far end of the street: by the estimate nobody gets there in time.
    far = factories.make_elder(
        street.community, factories.make_household(street.community, latitude=28.8905, longitude=105.4475)
    )
    tight = give(street, far, time(10, 5), two)
    found = propose(today.actor, street.area, today.trouble(absent={one.id: None, three.id: None}))
    assert not any("赶不过来" in text for text in found.notes)
    assert any(two.id in {worker for worker, _c in step.after} for step in found.steps)
    for step in found.steps:
        if step.visit in (tight, today.visits[2]):
            assert step.before == step.after
            assert abs(step.moved) <= 900
