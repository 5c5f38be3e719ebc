"""Who may take an open visit, and that exactly one does."""

from __future__ import annotations

from datetime import date, time

import pytest
from sqlalchemy import func, select

from coordinator.elders.models import Sex
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.marketplace.labels import Hidden
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.claims import companions_for
from coordinator.marketplace.queries.market import market_for
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.services import (
    answer_companion,
    claim_visit,
    leave_visit,
    own_duty,
    own_opening,
    withdraw_claim,
)
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.services import cancel_visit
from coordinator.workforce.fitness import UnfitCode
from coordinator.workforce.models import Bar, Guardian, WorkerStatus
from tests.coordinator.fieldwork.conftest import TODAY
from tests.factories import make_elder, make_household, make_user, make_worker

TOMORROW = date(2026, 3, 27)


def offered(actor) -> set[int]:
    return {one.opening.visit_id for one in market_for(own_duty(actor), Rules()).offers}


def hidden(actor) -> dict[str, int]:
    return dict(market_for(own_duty(actor), Rules()).hidden)


def test_a_claim_holds_the_visit_for_one_person(field):
    _worker, actor = field.worker()
    _other, second = field.worker()
    visit = field.visit(day=TOMORROW)
    claim = claim_visit(actor, visit.id)
    db.session.expire_all()
    assert visit.state is VisitState.CLAIMED
    assert (claim.state, claim.worker_id) == (ClaimState.PENDING, actor.worker_id)
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "claim.make")).one()
    assert (line.user_id, line.area_id, line.object_id) == (actor.user_id, visit.area_id, claim.id)

    assert claim_visit(actor, visit.id) is claim, "the same person gets the same answer"

    with pytest.raises(Conflict) as refusal:
        claim_visit(second, visit.id)
    assert refusal.value.code == "taken"
    assert refusal.value.status == 409
    assert refusal.value.message == "这次刚被别人认领了。"
    assert db.session.scalar(select(func.count()).select_from(Claim)) == 1


@pytest.mark.parametrize(
    ("worker", "visit", "code"),
    [
        ({"ready": False}, {}, UnfitCode.CREDENTIAL_MISSING),
        ({"start_latitude": 28.95}, {}, UnfitCode.OUTSIDE_RADIUS),
        ({"sex": Sex.MALE}, {"elder": {"prefers_sex": Sex.FEMALE}}, UnfitCode.SEX_PREFERENCE),
        ({}, {"needs_skills": ["nursing"]}, UnfitCode.SKILL_MISSING),
        ({}, {"day": TODAY, "start": time(10, 0)}, Hidden.SOON),
    ],
)
def test_what_stands_against_it_is_hidden_counted_and_refused(field, worker, visit, code):
    _worker, actor = field.worker(**worker)
    about = dict(visit)
    elder = make_elder(field.tree.community, **about.pop("elder", {}))
    opening = field.visit(elder=elder, **({"day": TOMORROW} | about))
    assert offered(actor) == set()
    assert hidden(actor) == {code: 1}
    with pytest.raises(Conflict) as refusal:
        claim_visit(actor, opening.id)
    assert refusal.value.code == str(code)
    db.session.refresh(opening)
    assert opening.state is VisitState.OPEN


def test_a_bar_is_not_told_for_what_it_is(field):
    worker, actor = field.worker()
    visit = field.visit(day=TOMORROW)
    db.session.add(Bar(worker_id=worker.id, elder_id=visit.elder_id))
    db.session.flush()
    with pytest.raises(Conflict) as refusal:
        claim_visit(actor, visit.id)
    assert "另有安排" in refusal.value.message


def test_nobody_is_in_two_places(field):
    worker, actor = field.worker()
    field.visit((worker, False), day=TOMORROW, start=time(9, 0))
    overlapping = field.visit(day=TOMORROW, start=time(9, 20))
    afterwards = field.visit(day=TOMORROW, start=time(11, 0))
    assert offered(actor) == {afterwards.id}
    assert hidden(actor) == {Hidden.CLASH: 1}
    with pytest.raises(Conflict):
        claim_visit(actor, overlapping.id)
    claim_visit(actor, afterwards.id)
    asked_too = field.visit(day=TOMORROW, start=time(11, 10))
    with pytest.raises(Conflict) as refusal:
        claim_visit(actor, asked_too.id)
    assert refusal.value.code == Hidden.CLASH


def test_own_limits_count_what_is_asked_for(field):
    _worker, actor = field.worker(max_visits_day=2)
    visits = [field.visit(day=TOMORROW, start=time(hour, 0)) for hour in (9, 11, 14)]
    claim_visit(actor, visits[0].id)
    claim_visit(actor, visits[1].id)
    with pytest.raises(Conflict) as refusal:
        claim_visit(actor, visits[2].id)
    assert refusal.value.code == UnfitCode.LIMIT_DAY


def test_so_many_claims_at_once(field):
    field.tree.street.settings = {"claims": {"open_at_once": 2}}
    db.session.flush()
    _worker, actor = field.worker()
    visits = [field.visit(day=date(2026, 3, day)) for day in (27, 28, 29)]
    claim_visit(actor, visits[0].id)
    claim_visit(actor, visits[1].id)
    with pytest.raises(Conflict) as refusal:
        claim_visit(actor, visits[2].id)
    assert refusal.value.code == "too_many_claims"


def test_other_hours_are_offered_only_when_asked_for(field):
    _worker, actor = field.worker(weekdays=range(5))
    visit = field.visit(day=date(2026, 3, 28))
    market = market_for(own_duty(actor), Rules())
    assert market.offers == []
    assert [one.opening.visit_id for one in market.outside_hours] == [visit.id]
    assert claim_visit(actor, visit.id).state is ClaimState.PENDING, "the time is offered freely"


def test_the_nearest_comes_first_and_metres_are_rounded(field):
    _worker, actor = field.worker()
    far = make_household(field.tree.community, latitude=28.8955)
    near = make_household(field.tree.community, latitude=28.8823)
    second = field.visit(elder=make_elder(field.tree.community, far), day=TOMORROW)
    first = field.visit(elder=make_elder(field.tree.community, near), day=TOMORROW, start=time(15, 0))
    market = market_for(own_duty(actor), Rules())
    assert [one.opening.visit_id for one in market.offers] == [first.id, second.id]
    assert [one.metres % 100 for one in market.offers] == [0, 0]


# --- minors ----------------------------------------------------------------------------------------------


def test_a_minor_names_an_adult(field):
    _minor, actor = field.minor()
    adult, adult_actor = field.worker()
    other_minor, _ = field.minor(name="王小雨")
    visit = field.visit(day=date(2026, 3, 28), start=time(14, 0))
    assert offered(actor) == {visit.id}
    for companion in (None, other_minor.id):
        with pytest.raises(Conflict) as refusal:
            claim_visit(actor, visit.id, companion)
        assert refusal.value.code == "minor_alone"
    with pytest.raises(InvalidInput):
        claim_visit(actor, visit.id, actor.worker_id)
    worker = own_duty(actor)
    assert [one.id for one in companions_for(worker, own_opening(worker, visit.id)[0])] == [adult.id]
    claim = claim_visit(actor, visit.id, adult.id)
    assert (claim.worker_id, claim.companion_id) == (actor.worker_id, adult.id)
    asked = db.session.scalars(select(Message).where(Message.user_id == adult.user_id)).one()
    assert asked.title == "李小禾请您一起去探访"
    answer_companion(adult_actor, claim.id, True)
    assert claim.companion_agreed_at is not None


def test_an_adult_who_says_no_opens_the_visit_again(field):
    _minor, actor = field.minor()
    adult, adult_actor = field.worker()
    visit = field.visit(day=date(2026, 3, 28), start=time(14, 0))
    claim = claim_visit(actor, visit.id, adult.id)
    _stranger, other = field.worker()
    with pytest.raises(NotFound):
        answer_companion(other, claim.id, False)
    answer_companion(adult_actor, claim.id, False)
    db.session.expire_all()
    assert claim.state is ClaimState.WITHDRAWN
    assert visit.state is VisitState.OPEN


@pytest.mark.parametrize("standing", [WorkerStatus.SUSPENDED, WorkerStatus.APPLIED])
def test_an_adult_who_is_not_approved_does_not_count(field, standing):
    _minor, actor = field.minor()
    adult, _ = field.worker()
    adult.status = standing
    visit = field.visit(day=date(2026, 3, 28), start=time(14, 0))
    with pytest.raises(Conflict) as refusal:
        claim_visit(actor, visit.id, adult.id)
    assert refusal.value.code == "companion_unfit"


def test_a_guardian_who_withdraws_stops_claims(field):
    minor, actor = field.minor()
    adult, _ = field.worker()
    visit = field.visit(day=date(2026, 3, 28), start=time(14, 0))
    guardian = db.session.scalars(select(Guardian).where(Guardian.worker_id == minor.id)).one()
    guardian.withdrawn_at = clock.now()
    db.session.flush()
    assert hidden(actor) == {UnfitCode.GUARDIAN_WITHDRAWN: 1}
    with pytest.raises(Conflict):
        claim_visit(actor, visit.id, adult.id)


def test_a_visit_for_two_needs_two_adults(field):
    _worker, actor = field.worker()
    adult, _ = field.worker()
    _minor, minor = field.minor()
    visit = field.visit(day=date(2026, 3, 28), start=time(14, 0), people=2)
    assert hidden(minor) == {Hidden.NEEDS_TWO_ADULTS: 1}
    with pytest.raises(Conflict) as refusal:
        claim_visit(actor, visit.id)
    assert refusal.value.code == "needs_two"
    assert claim_visit(actor, visit.id, adult.id).companion_id == adult.id


# --- stepping back ---------------------------------------------------------------------------------------


def test_withdrawing_opens_the_visit(field):
    _worker, actor = field.worker()
    _other, second = field.worker()
    visit = field.visit(day=TOMORROW)
    claim = claim_visit(actor, visit.id)
    with pytest.raises(NotFound):
        withdraw_claim(second, claim.id)
    withdraw_claim(actor, claim.id)
    withdraw_claim(actor, claim.id)
    db.session.expire_all()
    assert (claim.state, visit.state) == (ClaimState.WITHDRAWN, VisitState.OPEN)
    again = claim_visit(actor, visit.id)
    assert again.id != claim.id, "changing one's mind is allowed"


def test_withdrawing_from_a_cancelled_visit_leaves_it_cancelled(field):
    _worker, actor = field.worker()
    visit = field.visit(day=TOMORROW)
    claim = claim_visit(actor, visit.id)
    db.session.refresh(visit)
    cancel_visit(field.coordinator, visit, "长者住院")
    withdraw_claim(actor, claim.id)
    db.session.expire_all()
    assert (claim.state, visit.state) == (ClaimState.WITHDRAWN, VisitState.CANCELLED)


@pytest.mark.parametrize(("day", "late"), [(TODAY, True), (date(2026, 3, 30), False)])
def test_leaving_a_visit_tells_the_coordinators(field, day, late):
    worker, actor = field.worker()
    visit = field.visit((worker, False), day=day, start=time(15, 0))
    assert leave_visit(actor, visit.id, "孩子发烧") is late
    db.session.expire_all()
    assert visit.state is VisitState.OPEN
    assert [one.state for one in visit.assignments] == [AssignmentState.WITHDRAWN]
    told = db.session.scalars(select(Message).where(Message.user_id == field.coordinator.user_id)).one()
    assert ("尽快找人顶替" in told.title) is late
    assert visit.elder.name not in told.title
    with pytest.raises(NotFound):
        leave_visit(actor, visit.id, "再来一次")


def test_a_minor_leaves_with_the_adult(field):
    adult, actor = field.worker()
    minor, _ = field.minor()
    visit = field.visit((adult, False), (minor, True), day=TOMORROW, start=time(15, 0))
    leave_visit(actor, visit.id, "临时出差")
    db.session.expire_all()
    assert {one.state for one in visit.assignments} == {
        AssignmentState.WITHDRAWN,
        AssignmentState.CANCELLED,
    }
    assert db.session.scalars(select(Message.title).where(Message.user_id == minor.user_id)).one() == (
        "一次探访取消了您的安排"
    )


def test_a_worker_of_another_street_sees_nothing(field):
    worker = make_worker(field.tree.other_street)
    field.visit(day=TOMORROW)
    user = make_user(Role.WORKER)
    worker.user_id = user.id
    db.session.flush()
    actor = Actor(user.id, worker.name, (Grant(Role.WORKER),), worker_id=worker.id)
    assert offered(actor) == set()
    assert hidden(actor) == {}
    visit = field.visit(day=TOMORROW, start=time(16, 0))
    with pytest.raises(NotFound):
        claim_visit(actor, visit.id)
