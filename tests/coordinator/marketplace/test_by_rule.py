"""Approval without a person: off by default, narrow when on, and the same checks inside."""

from __future__ import annotations

from datetime import date, time, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from coordinator.elders.models import Category, ElderCategory
from coordinator.extensions import db
from coordinator.fieldwork.models import RecordState, VisitRecord
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import InvalidInput, NotAllowed
from coordinator.marketplace.models import ClaimState
from coordinator.marketplace.queries.auto import Facts, Why, preview, verdict
from coordinator.marketplace.queries.ruled import rules_of
from coordinator.marketplace.queries.sensitive import Sensitive, sensitive_elders
from coordinator.marketplace.rules import AutoRule, Rules
from coordinator.marketplace.services import (
    claim_visit,
    refuse_claim,
    set_rules,
    stand_in_line,
    withdraw_claim,
)
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import ContactMode, ContactOutcome, VisitState
from coordinator.visits.services import begin_visit, close_visit
from coordinator.workforce.models import Credential
from tests.coordinator.fieldwork.conftest import TODAY
from tests.factories import make_actor

SATURDAY = date(2026, 3, 28)
ON = {"on": True, "visits_here": 1, "visits_around": 1, "lead_hours": 24, "version": 3}
FIGURES = {
    "open_at_once": 6,
    "queue_places": 3,
    "hours_ahead": 40,
    "ahead_days": 14,
    "visits_here": 2,
    "visits_around": 3,
    "lead_hours": 24,
}


def confirmed_before(field, worker, elder, start: time = time(8, 0)) -> None:
    """The worker has been to this elder, and somebody has confirmed the record."""
    visit = field.visit((worker, False), elder=elder, day=TODAY, start=start, minutes=20)
    begin_visit(field.coordinator, visit)
    close_visit(field.coordinator, visit, ContactOutcome.COMPLETED, ContactMode.HOME)
    db.session.add(
        VisitRecord(
            visit_id=visit.id,
            worker_id=worker.id,
            client_uuid=uuid4(),
            form="luzhou",
            answers={},
            state=RecordState.CONFIRMED,
            confirmed_at=clock.now(),
            confirmed_by_id=field.coordinator.user_id,
        )
    )
    db.session.flush()


def rule(field, **over) -> None:
    field.tree.street.settings = {"claims": {"auto": ON | over}}
    db.session.flush()


def test_without_a_rule_a_person_decides(field):
    worker, actor = field.worker()
    elder = field.elder()
    confirmed_before(field, worker, elder)
    assert claim_visit(actor, field.visit(elder=elder, day=SATURDAY).id).state is ClaimState.PENDING


def test_who_has_been_there_is_approved_at_once_and_told(field):
    rule(field)
    worker, actor = field.worker()
    elder = field.elder()
    confirmed_before(field, worker, elder)
    visit = field.visit(elder=elder, day=SATURDAY)
    claim = claim_visit(actor, visit.id)
    assert (claim.state, claim.by_rule, claim.decided_by_id) == (ClaimState.APPROVED, True, None)
    db.session.expire_all()
    assert visit.state is VisitState.ASSIGNED
    assert [one.worker_id for one in visit.assignments] == [worker.id]
    told = db.session.scalars(select(Message).where(Message.user_id == worker.user_id)).one()
    assert told.title == "您认领的探访已确认"
    said = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "claim.approve_by_rule")).one()
    assert "第 3 版规则" in said.summary
    assert said.changes["rule"][1]["version"] == 3
    assert said.user_id is None


@pytest.mark.parametrize(
    "case",
    ["first", "soon", "dementia", "caution", "special", "minor", "two", "far", "expired", "unconfirmed"],
)
def test_these_are_never_approved_without_a_person(field, case):
    rule(field, lead_hours=72 if case == "soon" else 24)
    worker, actor = field.minor() if case == "minor" else field.worker()
    adult, _adult_actor = field.worker()
    elder = field.elder(
        has_dementia=case == "dementia",
        cautions="家里有狗。" if case == "caution" else None,
        needs_two_visitors=case == "two",
    )
    companion = None
    if case == "special":
        db.session.add(ElderCategory(elder_id=elder.id, category=Category.SPECIAL_FAMILY, since=TODAY))
    if case == "unconfirmed":
        confirmed_before(field, worker, elder)
        record = db.session.scalars(select(VisitRecord)).one()
        record.state, record.confirmed_at = RecordState.RETURNED, None
        record.return_reason = "缺签名"
        db.session.flush()
    elif case == "minor":
        companion = adult.id
    elif case != "first":
        confirmed_before(field, worker, elder)
    if case == "far":
        # Within what somebody may claim, and still something a coordinator has to pass over.
        worker.dialects = []
        elder.dialect = "闽南话"
    visit = field.visit(elder=elder, day=SATURDAY, start=time(14, 0), people=2 if case == "two" else 1)
    if case == "two":
        companion = adult.id
    if case == "expired":
        # The same check as a coordinator's approval runs inside: it is refused there, not here.
        claim = claim_visit(actor, visit.id) if worker else None
        assert claim.state is ClaimState.APPROVED
        for one in db.session.scalars(select(Credential).where(Credential.worker_id == worker.id)):
            one.valid_to = TODAY
        other = field.visit(elder=elder, day=SATURDAY, start=time(16, 0))
        with pytest.raises(Exception, match="过期"):
            claim_visit(actor, other.id)
        return
    claim = claim_visit(actor, visit.id, companion)
    assert claim.state is ClaimState.PENDING
    assert not claim.by_rule
    db.session.refresh(visit)
    assert visit.state is VisitState.CLAIMED


def test_a_rule_approves_whoever_moves_up(field):
    rule(field)
    worker, actor = field.worker()
    _other, first = field.worker()
    elder = field.elder()
    confirmed_before(field, worker, elder)
    visit = field.visit(elder=elder, day=SATURDAY)
    claim = claim_visit(first, visit.id)
    assert claim.state is ClaimState.PENDING
    waiting = stand_in_line(actor, visit.id)
    withdraw_claim(first, claim.id)
    db.session.expire_all()
    assert (waiting.state, waiting.by_rule) == (ClaimState.APPROVED, True)
    assert visit.state is VisitState.ASSIGNED


def test_every_reason_stands_in_the_verdict():
    facts = Facts(
        here=5, around=9, with_minor=False, with_companion=False, sensitive=(), lead=timedelta(days=2),
        findings=False, no_show=False,
    )  # fmt: skip
    strict = AutoRule(on=True, visits_here=3, visits_around=5, lead_hours=24)
    assert verdict(facts, strict) == []
    for over, why in (
        ({"here": 0}, Why.FIRST_HERE),
        ({"here": 2}, Why.FEW_HERE),
        ({"around": 4}, Why.FEW_AROUND),
        ({"with_minor": True}, Why.MINOR),
        ({"with_companion": True}, Why.COMPANION),
        ({"sensitive": [Sensitive.DEMENTIA]}, Why.SENSITIVE),
        ({"lead": timedelta(hours=23)}, Why.SOON),
        ({"findings": True}, Why.FINDING),
        ({"no_show": True}, Why.NO_SHOW),
    ):
        values = {name: getattr(facts, name) for name in Facts.__dataclass_fields__} | over
        assert verdict(Facts(**values), strict) == [why]
    loose = AutoRule(on=True, visits_here=0, visits_around=0, lead_hours=0)
    values = {name: getattr(facts, name) for name in Facts.__dataclass_fields__} | {"here": 0}
    assert verdict(Facts(**values), loose) == [Why.FIRST_HERE], "a first visit never passes"


def test_what_makes_an_elder_sensitive(field):
    plain = field.elder()
    lost = field.elder(only_child="deceased")
    shaken = field.elder(upheaval_until=TODAY + timedelta(days=30))
    calmed = field.elder(upheaval_until=TODAY - timedelta(days=1))
    found = sensitive_elders([plain.id, lost.id, shaken.id, calmed.id])
    assert found == {lost.id: [Sensitive.LOST_CHILD], shaken.id: [Sensitive.UPHEAVAL]}


def test_the_preview_counts_what_the_rule_would_have_done(field):
    worker, actor = field.worker()
    known, new = field.elder(), field.elder()
    confirmed_before(field, worker, known)
    claim_visit(actor, field.visit(elder=known, day=SATURDAY).id)
    claim_visit(actor, field.visit(elder=new, day=SATURDAY, start=time(11, 0)).id)
    claim = claim_visit(actor, field.visit(elder=known, day=SATURDAY, start=time(15, 0)).id)
    refuse_claim(field.coordinator, claim.id, "长者那个时间不方便")
    found = preview(field.tree.street.path, AutoRule(on=True, visits_around=1))
    assert (found.total, found.passed, dict(found.reasons)) == (3, 2, {Why.FIRST_HERE: 1})
    assert preview(field.tree.other_street.path, AutoRule()).total == 0


def test_rules_are_set_per_area_with_a_version_and_a_line_of_history(field):
    street, community = field.tree.street, field.tree.community
    first = set_rules(field.coordinator, street, FIGURES, True)
    assert (first.auto.version, first.auto.on) == (1, True)
    assert set_rules(field.coordinator, street, FIGURES, True).auto.version == 1, "no change, no version"
    assert rules_of(community) == (first, street.name)
    own = make_actor(Role.COMMUNITY_COORDINATOR, community)
    second = set_rules(own, community, FIGURES | {"lead_hours": 48}, False)
    assert (second.auto.version, second.auto.on, second.leave_hours) == (2, False, Rules().leave_hours)
    assert rules_of(community)[1] == community.name
    assert rules_of(street)[0] == first
    with pytest.raises(NotAllowed):
        set_rules(own, street, FIGURES, True)
    with pytest.raises(InvalidInput) as refused:
        set_rules(own, community, FIGURES | {"visits_here": 0}, True)
    assert refused.value.field == "visits_here"
    with pytest.raises(InvalidInput):
        set_rules(own, community, FIGURES | {"queue_places": 7}, True)
    written = select(AuditEntry).where(AuditEntry.action == "claims.set_rules").order_by(AuditEntry.id)
    assert [one.area_id for one in db.session.scalars(written)] == [street.id, community.id]


# --- the pages -------------------------------------------------------------------------------------------


def typed(**over) -> dict[str, str]:
    return {name: str(value) for name, value in FIGURES.items()} | {"auto_on": "y"} | over


def test_the_page_shows_what_would_happen_before_anything_is_set(field, signed_in):
    worker, actor = field.worker()
    elder = field.elder()
    confirmed_before(field, worker, elder)
    claim_visit(actor, field.visit(elder=elder, day=SATURDAY).id)
    desk = signed_in(field.coordinator)
    assert "有 0 次会自动通过" in desk.get("/approvals/rules").text
    looked = desk.post("/approvals/rules", typed(visits_here="1", visits_around="1", look="1"))
    assert looked.status_code == 200
    assert "过去 30 天的 1 次认领里，有 1 次会自动通过" in looked.text
    assert "还没有保存" in looked.text
    db.session.expire_all()
    assert field.tree.street.settings == {}
    area = field.tree.community.id
    assert desk.post(f"/approvals/rules?area={area}", typed()).status_code == 303
    db.session.expire_all()
    assert field.tree.community.settings["claims"]["auto"]["on"] is True
    wrong = desk.post("/approvals/rules", typed(lead_hours="1"))
    assert wrong.status_code == 422
    assert "请填 2 到 240 之间的整数。" in wrong.text
    assert 'value="1"' in wrong.text, "what was typed stays"
    assert desk.get(f"/approvals/rules?area={field.tree.outside.id}").status_code == 404


def test_a_ready_reason_is_one_press(field, signed_in):
    worker, actor = field.worker()
    claim = claim_visit(actor, field.visit(day=SATURDAY).id)
    desk = signed_in(field.coordinator)
    assert desk.post(f"/approvals/{claim.id}/refuse", {"ready": "1"}).status_code == 303
    db.session.expire_all()
    assert claim.reason == "这位长者希望由熟悉的人去，谢谢您愿意去。"
    page = signed_in(actor).get("/open-visits").text
    assert "这位长者希望由熟悉的人去" in page
    history = db.session.scalars(
        select(AuditEntry.actor_name).where(AuditEntry.action == "claim.refuse")
    ).one()
    assert history == field.coordinator.name
    assert worker.name


def test_the_history_stands_on_the_visit_and_with_the_worker(field, signed_in):
    _worker, actor = field.worker()
    _second, second = field.worker()
    visit = field.visit(day=SATURDAY)
    claim = claim_visit(actor, visit.id)
    stand_in_line(second, visit.id)
    desk = signed_in(field.coordinator)
    assert desk.post(f"/approvals/{claim.id}/refuse", {"reason": "这次请熟人去"}).status_code == 303
    page = desk.get(f"/visits/{visit.id}").text
    for words in ("认领", "排队等", "不同意", "这次请熟人去", "轮到"):
        assert words in page
    own = signed_in(actor).get(f"/open-visits/{visit.id}").text
    assert "您申请的经过" in own
    assert field.coordinator.name in own
    assert _second.name not in own


def test_a_person_waits_in_line_from_the_pages(field, signed_in):
    _worker, actor = field.worker()
    _second, second = field.worker()
    visit = field.visit(day=SATURDAY)
    claim_visit(actor, visit.id)
    phone = signed_in(second)
    lost = phone.post(f"/open-visits/{visit.id}/claim")
    assert lost.status_code == 409
    assert f'action="/open-visits/{visit.id}/queue"' in lost.text
    assert f"/open-visits/{visit.id}/queue" in phone.get("/open-visits/taken").text
    assert "排队" in phone.get(f"/open-visits/{visit.id}").text
    assert phone.post(f"/open-visits/{visit.id}/queue").status_code == 303
    assert phone.post(f"/open-visits/{visit.id}/queue").status_code == 303
    page = phone.get("/open-visits").text
    assert "排队，第 1 位" in page
    assert "您有 1 次在等（最多 6 次）" in page
    assert f"/open-visits/{visit.id}/queue" not in phone.get("/open-visits/taken").text
    free = field.visit(day=SATURDAY, start=time(15, 0))
    db.session.commit()
    answer = phone.post(f"/open-visits/{free.id}/queue")
    assert answer.location.endswith(f"/open-visits/{free.id}")
