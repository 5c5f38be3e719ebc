"""The record: every rule of the form, drafts, corrections, confirmation, paper."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.fieldwork import record_form as rf
from coordinator.fieldwork.models import (
    Presence,
    PresenceMethod,
    RecordRevision,
    RecordState,
    VisitDraft,
    VisitRecord,
)
from coordinator.fieldwork.services.presence import Mark, check_in
from coordinator.fieldwork.services.records import confirm_record, return_record, submit_record
from coordinator.kernel.access import Role
from coordinator.kernel.errors import Conflict, NotAllowed, NotFound
from coordinator.visits.lifecycle import ContactOutcome, VisitState
from tests.coordinator.fieldwork.conftest import GOOD, place, uuid_field
from tests.factories import make_actor

ANSWERS = {**GOOD, "signed": True, "needs": [], "needs_text": "", "advice": ""}


def word() -> Mark:
    return Mark(uuid4(), word=True)


@pytest.fixture
def started(field, signed_in):
    """A visit under way, and the browser of whoever is there."""
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    check_in(actor, visit.id, word())
    db.session.commit()
    return visit, actor, signed_in(actor)


def send(phone, visit, **over):
    typed = {name: value for name, value in (GOOD | over).items() if value is not None}
    return phone.post(f"/today/{visit.id}/record", typed | uuid_field())


REQUIRED = [one.key for one in rf.CHOICES] + ["care_given", "satisfaction", "elder_signed", "signed"]


@pytest.mark.parametrize("missing", REQUIRED)
def test_every_question_is_asked(started, missing):
    visit, _actor, phone = started
    answer = send(phone, visit, **{missing: None})
    assert answer.status_code == 422
    assert "还有 1 处要改" in answer.text
    assert "陪聊半小时，帮忙换了灯泡" in answer.text or missing == "care_given", "what was typed stays"
    db.session.refresh(visit)
    assert visit.state is VisitState.IN_PROGRESS


@pytest.mark.parametrize(
    ("answers", "words", "remedy"),
    [
        ({"mode": "other"}, "请写明是什么方式", {"mode_other": "在楼下遇到"}),
        ({"family": "more"}, "请填增加或减少了几个人", {"family_count": "1"}),
        ({"family": "fewer"}, "请填增加或减少了几个人", {"family_count": "2"}),
        ({"family": "more", "family_count": "0"}, "请填 1 到 20", {"family_count": "1"}),
        ({"illness": "severe"}, "请填疾病名称", {"illness_name": "不清楚"}),
        ({"gas": "unsafe"}, "请写一句哪里不安全", {"gas_where": "软管老化"}),
        ({"heating": "unsafe"}, "请写一句哪里不安全", {"heating_where": "漏水"}),
        ({"power": "unsafe"}, "请写一句哪里不安全", {"power_where": "插座松"}),
        ({"needs": ["daily_care"]}, "需求和措施要一一对应", {"advice": "请食堂送餐"}),
        ({"needs_text": "想理发"}, "需求和措施要一一对应", {"advice": "约志愿者上门理发"}),
        ({"elder_signed": "spoken"}, "请写一句为什么没有签名", {"spoken_reason": "不识字"}),
        ({"care_given": "字" * 1001}, "最多写 1000 个字", {"care_given": "陪聊"}),
        ({"mode": "teleport"}, "探访方式", {"mode": "home"}),
        ({"gas": "fine"}, "燃气安全", {"gas": "safe"}),
    ],
)
def test_what_follows_from_an_answer_is_asked_too(started, answers, words, remedy):
    visit, _actor, phone = started
    refused = send(phone, visit, **answers)
    assert refused.status_code == 422
    assert words in refused.text
    assert send(phone, visit, **(answers | remedy)).status_code == 303


def test_texts_of_questions_that_were_not_asked_are_not_kept(started):
    visit, _actor, phone = started
    send(phone, visit, gas="safe", gas_where="软管老化", elder_signed="paper", spoken_reason="x")
    record = db.session.scalars(select(VisitRecord)).one()
    assert record.answers["gas_where"] is None
    assert record.answers["spoken_reason"] is None
    assert record.needs_follow_up is False


def test_what_somebody_has_to_see_to(started):
    visit, _actor, phone = started
    send(phone, visit, power="unsafe", power_where="插座松", needs=["daily_care"], advice="请食堂送餐")
    record = db.session.scalars(select(VisitRecord)).one()
    assert record.needs_follow_up is True
    assert record.follow_up == "用电安全：不安全：插座松；需求：生活照料"


def test_the_same_page_sent_twice_is_one_record(started):
    visit, _actor, phone = started
    page = GOOD | uuid_field()
    assert phone.post(f"/today/{visit.id}/record", page).status_code == 303
    assert phone.post(f"/today/{visit.id}/record", page).status_code == 303
    assert db.session.scalar(select(func.count()).select_from(VisitRecord)) == 1
    other = phone.post(f"/today/{visit.id}/record", GOOD | uuid_field())
    assert other.status_code == 422
    assert "您已经交过了" in other.text


def test_no_record_without_a_check_in(field, signed_in):
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    with pytest.raises(Conflict) as refusal:
        submit_record(actor, visit.id, uuid4(), dict(ANSWERS), word())
    assert refusal.value.code == "not_here"
    answer = signed_in(actor).get(f"/today/{visit.id}/record")
    assert (answer.status_code, answer.location) == (303, f"/today/{visit.id}/arrive")


def test_last_time_is_a_hint_and_never_an_answer(field, signed_in):
    worker, actor = field.worker()
    elder = field.elder()
    first = field.visit((worker, False), elder=elder)
    check_in(actor, first.id, word())
    submit_record(
        actor,
        first.id,
        uuid4(),
        {**ANSWERS, "gas": "mostly", "illness": "severe", "illness_name": "高血压"},
        word(),
    )
    from datetime import time

    second = field.visit((worker, False), elder=elder, start=time(9, 50))
    check_in(actor, second.id, word())
    db.session.commit()
    page = signed_in(actor).get(f"/today/{second.id}/record").text
    assert "上次（3月26日）：较安全" in page
    assert page.count(" checked") == 1
    assert "高血压" not in page


# --- drafts ----------------------------------------------------------------------------------------------


def test_a_draft_survives_and_goes_with_the_record(started):
    visit, _actor, phone = started
    kept = phone.post(
        f"/today/{visit.id}/draft", {"gas": "unsafe", "gas_where": "软管", "needs": ["rescue", "hazard"]}
    )
    assert kept.json == {"saved": "9:00"}
    page = phone.get(f"/today/{visit.id}/record").text
    assert "软管" in page
    assert "已保存 9:00" in page
    assert page.count(" checked") == 3
    stored = db.session.execute(
        db.text("SELECT answers FROM visit_drafts WHERE visit_id = :id"), {"id": visit.id}
    ).scalar_one()
    assert "软管".encode() not in bytes(stored), "encrypted at rest"
    assert send(phone, visit).status_code == 303
    assert db.session.scalar(select(func.count()).select_from(VisitDraft)) == 0


def test_a_refused_record_is_kept_as_a_draft(started):
    visit, actor, phone = started
    send(phone, visit, gas=None, care_given="写了很多字")
    draft = db.session.get_one(VisitDraft, (visit.id, actor.worker_id))
    assert draft.answers["care_given"] == ["写了很多字"]


def test_a_draft_holds_answers_only(started):
    visit, actor, phone = started
    phone.post(f"/today/{visit.id}/draft", {"client_uuid": "x", "evil": "y", "advice": "z" * 9000})
    draft = db.session.get_one(VisitDraft, (visit.id, actor.worker_id))
    assert set(draft.answers) == {"advice"}
    assert len(draft.answers["advice"][0]) == 2000


def test_keeping_without_a_script(started):
    visit, actor, phone = started
    answer = phone.post(f"/today/{visit.id}/record", {"save": "1", "advice": "慢慢写"})
    assert answer.status_code == 303
    assert db.session.get_one(VisitDraft, (visit.id, actor.worker_id)).answers == {"advice": ["慢慢写"]}


# --- nobody at home --------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["no_answer", "declined"])
def test_not_met_closes_the_visit_without_hours(field, signed_in, outcome):
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    phone = signed_in(actor)
    empty = phone.post(f"/today/{visit.id}/not-met", {"how": "word"} | uuid_field())
    assert empty.status_code == 422
    said = {"outcome": outcome, "what": "敲门三次没人应"} | place(visit.elder) | uuid_field()
    assert phone.post(f"/today/{visit.id}/not-met", said).status_code == 303
    assert phone.post(f"/today/{visit.id}/not-met", said).status_code == 303, "sent twice is one report"
    db.session.refresh(visit)
    assert (visit.state, visit.contact_outcome) == (VisitState.NOT_MET, ContactOutcome(outcome))
    record = db.session.scalars(select(VisitRecord)).one()
    assert (record.form, record.answers["what"]) == ("not-met", "敲门三次没人应")
    assert db.session.scalar(select(func.count()).select_from(Presence)) == 2


# --- confirming ------------------------------------------------------------------------------------------


@pytest.fixture
def written(started):
    visit, actor, phone = started
    send(phone, visit)
    return db.session.scalars(select(VisitRecord)).one(), actor


def test_a_returned_record_is_corrected_in_the_open(field, written, signed_in):
    record, actor = written
    return_record(field.coordinator, record.id, "燃气写得不清楚")
    phone = signed_in(actor)
    assert "燃气写得不清楚" in phone.get("/today").text
    page = phone.get(f"/today/{record.visit_id}/record").text
    assert "陪聊半小时" in page
    corrected = GOOD | {"gas": "unsafe", "gas_where": "软管老化"} | uuid_field()
    assert phone.post(f"/today/{record.visit_id}/record", corrected).status_code == 303
    assert phone.post(f"/today/{record.visit_id}/record", corrected).status_code == 303
    db.session.refresh(record)
    assert (record.state, record.answers["gas"]) == (RecordState.SUBMITTED, "unsafe")
    earlier = db.session.scalars(select(RecordRevision)).one()
    assert (earlier.answers["gas"], earlier.reason) == ("safe", "燃气写得不清楚")
    assert earlier.replaced_by_id == actor.user_id
    seen = signed_in(field.coordinator).get(f"/records/{record.id}").text
    assert "<del>" in seen
    assert "不安全：软管老化" in seen


def test_a_confirmed_record_is_locked(field, written, signed_in):
    record, actor = written
    confirm_record(field.coordinator, record.id)
    with pytest.raises(Conflict):
        return_record(field.coordinator, record.id, "还要改")
    with pytest.raises(Conflict) as refusal:
        submit_record(actor, record.visit_id, uuid4(), dict(ANSWERS), word())
    assert refusal.value.code == "confirmed"


def test_only_coordinators_of_the_area_confirm(field, written, signed_in):
    record, actor = written
    elsewhere = make_actor(Role.STREET_COORDINATOR, field.tree.other_street)
    with pytest.raises(NotFound):
        confirm_record(elsewhere, record.id)
    with pytest.raises(NotAllowed):
        confirm_record(make_actor(Role.COUNTY_SUPERVISOR, field.tree.county), record.id)
    desk = signed_in(elsewhere)
    for path in (f"/records/{record.id}", f"/records/{record.id}/print"):
        assert desk.get(path).status_code == 404
    assert desk.post(f"/records/{record.id}/confirm").status_code == 404
    assert signed_in(actor).get("/records").status_code == 403


def test_several_are_confirmed_only_when_they_are_clean(field, signed_in):
    clean, troubled = [], []
    for answers, kept in (({}, clean), ({"mobility": "worse"}, troubled)):
        worker, actor = field.worker()
        visit = field.visit((worker, False))
        home = visit.elder.household
        there = Mark(uuid4(), home.latitude, home.longitude, 10)
        check_in(actor, visit.id, there)
        leaving = Mark(uuid4(), home.latitude, home.longitude, 10)
        kept.append(submit_record(actor, visit.id, uuid4(), {**ANSWERS, **answers}, leaving))
    db.session.commit()
    ids = [str(one.id) for one in clean + troubled]
    desk = signed_in(field.coordinator)
    page = desk.get("/records").text
    assert "行动能力：较差" in page
    assert desk.post("/records/confirm", {"id": ids}).status_code == 303
    db.session.expire_all()
    assert [one.state for one in clean + troubled] == [RecordState.CONFIRMED, RecordState.SUBMITTED]


def test_the_printed_form_has_every_line_and_option(field, written, signed_in):
    record, _actor = written
    page = signed_in(field.coordinator).get(f"/records/{record.id}/print").text
    for line in (
        "四川省特殊困难老年人探访关爱服务记录表",
        "次开展探访关爱",
        "探访方式", "电话问候", "上门探访", "互联网音（视）频探访", "其他",
        "家庭状况", "家庭人口", "增加", "减少",
        "健康状况", "表达能力", "行动能力", "疾病状况", "严重", "疾病名称：", "转好",
        "精神状态", "情绪状态",
        "安全情况", "燃气安全", "水暖安全", "用电安全", "较安全", "不安全",
        "卫生状况", "个人卫生", "家庭卫生",
        "居住环境", "室内环境", "无变化", "较好", "较差",
        "关爱服务情况：", "老年人服务需求：", "实施关爱服务建议：",
        "探访人员（签字）", "被探访人（签字）", "老年人服务满意度评价：",
        "此表一式三份，县级民政部门、乡镇（街道）、帮扶单位（组织）各存档一份。",
    ):  # fmt: skip
        assert line in page, line
    # One box is ticked in each of the twelve lines.
    assert page.count("is-on") == 12


# --- paper -----------------------------------------------------------------------------------------------


def paper_fields(visit, **over):
    came = [str(one.worker_id) for one in visit.assignments]
    times = {"arrived": "09:00", "left_at": "09:35", "note": "手机没电，按路线单", "came": came}
    return GOOD | times | uuid_field() | over


def test_a_paper_record_is_marked_and_confirmed_by_another(field, signed_in, later):
    worker, _actor = field.worker()
    visit = field.visit((worker, False))
    later(120)
    desk = signed_in(field.coordinator)
    typed = paper_fields(visit)
    link = f"/records/paper/{visit.id}"
    assert link in desk.get(f"/visits/{visit.id}").text
    assert desk.post(link, typed).status_code == 303
    assert desk.post(f"/records/paper/{visit.id}", typed).status_code == 303, "sent twice is one record"
    db.session.refresh(visit)
    assert visit.state is VisitState.COMPLETED
    marks = db.session.scalars(select(Presence).order_by(Presence.at)).all()
    assert [one.method for one in marks] == [PresenceMethod.WORD, PresenceMethod.WORD]
    assert (marks[1].at - marks[0].at).total_seconds() == 35 * 60
    assert marks[0].note == "纸质补登：手机没电，按路线单"
    record = db.session.scalars(select(VisitRecord)).one()
    assert (record.worker_id, record.entered_by_id) == (worker.id, field.coordinator.user_id)
    page = desk.get(f"/visits/{visit.id}").text
    assert f"/records/{record.id}" in page
    assert link not in page
    with pytest.raises(Conflict) as refusal:
        confirm_record(field.coordinator, record.id)
    assert refusal.value.code == "own_entry"
    confirm_record(make_actor(Role.COMMUNITY_COORDINATOR, field.tree.community), record.id)
    assert record.state is RecordState.CONFIRMED


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"left_at": "08:30"}, "离开要晚于到达"),
        ({"left_at": "17:00"}, "不能晚于现在"),
        ({"note": ""}, "请写明为什么补登"),
        ({"came": []}, "请勾选谁去了"),
        ({"arrived": ""}, "请按纸质单填到达时间"),
    ],
)
def test_impossible_paper_is_refused(field, signed_in, later, over, words):
    worker, _actor = field.worker()
    visit = field.visit((worker, False))
    later(120)
    answer = signed_in(field.coordinator).post(f"/records/paper/{visit.id}", paper_fields(visit, **over))
    assert answer.status_code == 422
    assert words in answer.text
    assert db.session.scalar(select(func.count()).select_from(Presence)) == 0


def test_paper_does_not_make_a_minor_go_alone(field, signed_in, later):
    adult, _ = field.worker()
    minor, _ = field.minor()
    visit = field.visit((adult, False), (minor, True))
    later(120)
    answer = signed_in(field.coordinator).post(
        f"/records/paper/{visit.id}", paper_fields(visit, came=[str(minor.id)])
    )
    assert answer.status_code == 422
    assert "没有成年人去的上门探访不能登记" in answer.text


def test_other_areas_paper_does_not_exist(field, signed_in):
    worker, _actor = field.worker()
    visit = field.visit((worker, False))
    elsewhere = make_actor(Role.STREET_COORDINATOR, field.tree.other_street)
    assert signed_in(elsewhere).get(f"/records/paper/{visit.id}").status_code == 404
