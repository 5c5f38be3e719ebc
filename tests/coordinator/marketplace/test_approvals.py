"""A coordinator decides: doubtful claims first, the rules once more, and nothing by itself."""

from __future__ import annotations

from datetime import date, time

import pytest
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.marketplace.doubts import doubt
from coordinator.marketplace.models import ClaimState
from coordinator.marketplace.queries.inbox import waiting_claims
from coordinator.marketplace.services import (
    answer_companion,
    approve_claim,
    approve_claims,
    claim_visit,
    refuse_claim,
)
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import ContactMode, ContactOutcome, VisitState
from coordinator.visits.services import begin_visit, cancel_visit, close_visit
from coordinator.workforce.models import Credential, Guardian, ServiceContact
from tests.coordinator.fieldwork.conftest import TODAY
from tests.factories import make_actor, make_household

SATURDAY = date(2026, 3, 28)


def visited_before(field, worker, elder) -> None:
    """The worker has been to this elder."""
    visit = field.visit((worker, False), elder=elder, day=TODAY, start=time(8, 0))
    begin_visit(field.coordinator, visit)
    close_visit(field.coordinator, visit, ContactOutcome.COMPLETED, ContactMode.HOME)


def test_approval_gives_the_visit_and_tells_the_worker(field):
    worker, actor = field.worker()
    visit = field.visit(day=SATURDAY)
    claim = claim_visit(actor, visit.id)
    approve_claim(field.coordinator, claim.id)
    db.session.expire_all()
    assert visit.state is VisitState.ASSIGNED
    assert [(one.worker_id, one.is_companion) for one in visit.assignments] == [(worker.id, False)]
    assert (claim.state, claim.decided_by_id) == (ClaimState.APPROVED, field.coordinator.user_id)
    told = db.session.scalars(select(Message).where(Message.user_id == worker.user_id)).one()
    assert told.title == "您认领的探访已确认"
    assert visit.elder.name not in told.title + told.body
    with pytest.raises(Conflict):
        approve_claim(field.coordinator, claim.id)
    assert claim_visit(actor, visit.id).id == claim.id, "asking again after approval gives the same answer"


def test_refusal_needs_a_reason_and_opens_the_visit(field):
    worker, actor = field.worker()
    visit = field.visit(day=SATURDAY)
    claim = claim_visit(actor, visit.id)
    with pytest.raises(InvalidInput):
        refuse_claim(field.coordinator, claim.id, "  ")
    refuse_claim(field.coordinator, claim.id, "这位长者只要熟人去")
    db.session.expire_all()
    assert (claim.state, visit.state) == (ClaimState.REFUSED, VisitState.OPEN)
    told = db.session.scalars(select(Message).where(Message.user_id == worker.user_id)).one()
    assert "只要熟人去" in told.body


def test_only_coordinators_of_the_area_decide(field):
    _worker, actor = field.worker()
    visit = field.visit(day=SATURDAY)
    claim = claim_visit(actor, visit.id)
    elsewhere = make_actor(Role.STREET_COORDINATOR, field.tree.other_street)
    supervisor = make_actor(Role.COUNTY_SUPERVISOR, field.tree.county)
    with pytest.raises(NotFound):
        approve_claim(elsewhere, claim.id)
    with pytest.raises(NotAllowed):
        approve_claim(supervisor, claim.id)
    with pytest.raises(NotAllowed):
        approve_claim(actor, claim.id)
    assert waiting_claims(elsewhere) == []


def test_the_adult_leads_and_the_minor_comes_along(field):
    minor, actor = field.minor()
    adult, adult_actor = field.worker()
    visit = field.visit(day=SATURDAY, start=time(14, 0))
    claim = claim_visit(actor, visit.id, adult.id)
    said = doubt(waiting_claims(field.coordinator)[0])
    assert said is not None
    assert said.text.endswith("还没有答应")
    answer_companion(adult_actor, claim.id, True)
    said = doubt(waiting_claims(field.coordinator)[0])
    assert said is not None
    assert said.text == f"未成年人须有成人同行：{adult.name}已答应"
    approve_claim(field.coordinator, claim.id)
    db.session.expire_all()
    assert {(one.worker_id, one.is_companion) for one in visit.assignments} == {
        (adult.id, False),
        (minor.id, True),
    }


def test_a_minor_without_an_adult_is_refused_at_the_approval_too(field):
    _minor, actor = field.minor()
    adult, _ = field.worker()
    visit = field.visit(day=SATURDAY, start=time(14, 0))
    claim = claim_visit(actor, visit.id, adult.id)
    claim.companion_id = None
    db.session.flush()
    with pytest.raises(Conflict) as refusal:
        approve_claim(field.coordinator, claim.id)
    assert refusal.value.code == "minor_alone"
    db.session.refresh(visit)
    assert visit.state is VisitState.CLAIMED


def test_what_has_changed_since_the_claim_stops_the_approval(field):
    minor, actor = field.minor()
    adult, _ = field.worker()
    visit = field.visit(day=SATURDAY, start=time(14, 0))
    claim = claim_visit(actor, visit.id, adult.id)
    guardian = db.session.scalars(select(Guardian).where(Guardian.worker_id == minor.id)).one()
    guardian.withdrawn_at = clock.now()
    db.session.flush()
    said = doubt(waiting_claims(field.coordinator)[0])
    assert said is not None
    assert (said.final, said.text) == (True, "李小禾的监护人已经撤回同意")
    with pytest.raises(Conflict):
        approve_claim(field.coordinator, claim.id)


def test_each_claim_has_its_one_reason(field):
    known, known_actor = field.worker()
    elder = field.elder()
    visited_before(field, known, elder)
    clean = claim_visit(known_actor, field.visit(elder=elder, day=SATURDAY).id)
    contact, contact_actor = field.worker()
    other = field.elder()
    db.session.add(ServiceContact(elder_id=other.id, worker_id=contact.id, since=TODAY))
    paired = claim_visit(contact_actor, field.visit(elder=other, day=SATURDAY).id)
    _new, new_actor = field.worker()
    first = claim_visit(new_actor, field.visit(day=SATURDAY).id)
    lapsed, lapsed_actor = field.worker()
    expiring = claim_visit(lapsed_actor, field.visit(day=SATURDAY).id)
    for one in db.session.scalars(select(Credential).where(Credential.worker_id == lapsed.id)):
        one.valid_to = date(2026, 3, 27)
    gone_visit = field.visit(day=SATURDAY)
    _another, another_actor = field.worker()
    gone = claim_visit(another_actor, gone_visit.id)
    db.session.refresh(gone_visit)
    cancel_visit(field.coordinator, gone_visit, "长者住院")
    db.session.flush()
    reasons = {one.claim_id: doubt(one) for one in waiting_claims(field.coordinator)}
    assert reasons[clean.id] is None
    assert reasons[paired.id] is None
    assert reasons[first.id].text == "第一次去这位长者家"
    assert "到期" in reasons[expiring.id].text
    assert reasons[expiring.id].final
    assert reasons[gone.id].text == "这次探访已经取消"
    with pytest.raises(Conflict):
        approve_claim(field.coordinator, gone.id)
    refuse_claim(field.coordinator, gone.id, "这次探访取消了")
    db.session.refresh(gone_visit)
    assert gone_visit.state is VisitState.CANCELLED


def test_several_stand_or_fall_alone(field):
    _a, first_actor = field.worker()
    _b, second_actor = field.worker()
    first = claim_visit(first_actor, field.visit(day=SATURDAY).id)
    visit = field.visit(day=SATURDAY)
    second = claim_visit(second_actor, visit.id)
    db.session.refresh(visit)
    cancel_visit(field.coordinator, visit, "长者住院")
    approved, left = approve_claims(field.coordinator, [first.id, second.id])
    assert approved == 1
    assert len(left) == 1
    db.session.expire_all()
    assert (first.state, second.state) == (ClaimState.APPROVED, ClaimState.PENDING)


# --- the pages -------------------------------------------------------------------------------------------


def test_the_page_puts_doubtful_claims_first_and_pre_checks_the_others(field, signed_in):
    known, known_actor = field.worker()
    elder = field.elder()
    visited_before(field, known, elder)
    clean = claim_visit(known_actor, field.visit(elder=elder, day=SATURDAY).id)
    _new, new_actor = field.worker()
    first = claim_visit(new_actor, field.visit(day=SATURDAY, start=time(16, 0)).id)
    desk = signed_in(field.coordinator)
    page = desk.get("/approvals").text
    assert page.index(f"claim={first.id}") < page.index(f"claim={clean.id}")
    assert f'name="id" value="{clean.id}" checked' in page
    assert f'name="id" value="{first.id}"' not in page

    refused = desk.post(f"/approvals/{first.id}/refuse", {"reason": ""})
    assert refused.status_code == 422
    assert "请写明为什么不同意" in refused.text

    answer = desk.post("/approvals/together", {"id": [str(clean.id), str(first.id)]})
    assert answer.status_code == 303
    db.session.expire_all()
    assert (clean.state, first.state) == (ClaimState.APPROVED, ClaimState.PENDING)

    answer = desk.post(f"/approvals/{first.id}/approve")
    assert answer.status_code == 303
    db.session.expire_all()
    assert first.state is ClaimState.APPROVED
    assert "没有要审批的" in desk.get("/approvals").text


def test_open_visits_never_tell_who_lives_there(field, signed_in):
    _worker, actor = field.worker()
    home = make_household(field.tree.community, latitude=28.87654, longitude=105.43219)
    elder = field.elder(household=home, cautions="家里有狗。", name="欧阳素珍")
    visit = field.visit(elder=elder, day=SATURDAY)
    phone = signed_in(actor)
    for path in ("/open-visits", "/open-visits?view=map", f"/open-visits/{visit.id}"):
        page = phone.get(path).text
        assert "家里有狗。" in page
        assert elder.name not in page
        assert elder.household.address not in page
        assert "28.8765" not in page
        assert "105.432" not in page
        assert "独居" not in page


def test_claiming_takes_one_press_and_a_lost_race_is_friendly(field, signed_in):
    _worker, actor = field.worker()
    _other, second = field.worker()
    visit = field.visit(day=SATURDAY)
    phone = signed_in(actor)
    assert phone.post(f"/open-visits/{visit.id}/claim").status_code == 303
    assert phone.post(f"/open-visits/{visit.id}/claim").status_code == 303
    slow = signed_in(second).post(f"/open-visits/{visit.id}/claim")
    assert slow.status_code == 409
    assert "这次刚被别人认领了。可以排队，也可以看看别的。" in slow.text


def test_a_minor_chooses_an_adult_on_the_page(field, signed_in):
    _minor, actor = field.minor()
    adult, _ = field.worker()
    visit = field.visit(day=SATURDAY, start=time(14, 0))
    phone = signed_in(actor)
    page = phone.get("/open-visits").text
    assert f'action="/open-visits/{visit.id}/claim"' not in page
    assert adult.name in phone.get(f"/open-visits/{visit.id}").text
    alone = phone.post(f"/open-visits/{visit.id}/claim")
    assert alone.status_code == 409
    assert "未成年人不能单独上门" in alone.text
    assert phone.post(f"/open-visits/{visit.id}/claim", {"companion": str(adult.id)}).status_code == 303
