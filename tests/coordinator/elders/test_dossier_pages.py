"""The dossier over HTTP: history, preview, questions."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from coordinator import policy
from coordinator.elders import services
from coordinator.elders.models import Category, CategoryAnswer, DossierVersion, Elder
from coordinator.elders.queries.effects import effects_of
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from tests.coordinator.elders.reading import (
    LONG_AGO,
    NOON,
    NUMBER,
    TODAY,
    edit_form,
    fields,
    make_alone,
    page_of,
    text_of,
    token,
)
from tests.factories import make_elder, make_household, make_user, sign_in

pytestmark = pytest.mark.usefixtures("noon")


# --- what a change does ----------------------------------------------------------------------------------


def test_a_preview_shows_what_would_change_and_keeps_nothing(desk, elder):
    form = edit_form(desk, elder, ability_level="3", cautions="有狗", preview="1")
    answer = desk.post(f"/elders/{elder.id}/edit", data=form)
    page = text_of(answer)
    assert answer.status_code == 200
    assert "保存以后，应访会这样变" in page
    assert "一般对象 → 重点对象" in page
    assert "经评估为重度失能" in page
    assert "<ins>半月上门 1 次</ins>" in page
    assert "<del>每月上门 1 次</del>" in page
    assert 'value="有狗"' in page
    db.session.expire_all()
    assert db.session.get(Elder, elder.id).ability_level == 0
    assert db.session.scalars(select(DossierVersion)).all() == []
    assert db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.edit")).all() == []
    # The previewed form is sent as it stands, without the preview.
    again = {key: value for key, value in fields(page).items() if key != "preview"}
    saved = desk.post(f"/elders/{elder.id}/edit", data=again)
    assert saved.status_code == 303
    assert saved.headers["Location"].endswith("?changed=2")
    shown = text_of(desk.get(saved.headers["Location"]))
    assert "这次修改对应访的影响" in shown
    assert "<ins>半月上门 1 次</ins>" in shown


def test_a_change_that_moves_no_obligation_says_so(desk, elder):
    saved = desk.post(f"/elders/{elder.id}/edit", data=edit_form(desk, elder, cautions="有狗"))
    assert "正在进行的 1 项应访都不变" in text_of(desk.get(saved.headers["Location"]))


def test_whoever_lives_there_too_is_shown(desk, tree, actor):
    tree.county.policy_pack = "jiangmen"
    home = make_household(tree.community)
    over = {"created_at": LONG_AGO, "updated_at": LONG_AGO, "birth_date": date(1956, 1, 1)}
    one, other = make_elder(tree.community, home, **over), make_elder(tree.community, home, **over)
    services.edit_elder(actor, one, version=one.version, person={"ability_level": 2})
    db.session.commit()
    page = page_of(desk, one, "?changed=2")
    box = page[page.index('id="changed"') : page.index("</section>", page.index('id="changed"'))]
    assert one.name in box
    assert other.name in box


def test_a_consent_shows_its_effect(desk, elder):
    url = f"/elders/{elder.id}/consent/service"
    data = {
        "csrf_token": token(page_of(desk, elder, "/consent/service")),
        "kind": "service",
        "state": "refused",
        "given_by": "self",
        "given_on": "2026-03-20",
        "channel": "phone",
        "explained_by": "王主任",
        "note": "解释了两次，老人说女儿每天来",
    }
    assert desk.post(url, data=data | {"explained_by": ""}).status_code == 422
    saved = desk.post(url, data=data)
    page = text_of(desk.get(saved.headers["Location"]))
    assert "豁免，长者不愿意" in page
    assert "王主任去解释" in page


def test_effects_are_compared_obligation_by_obligation():
    pack = policy.load_pack("luzhou")
    before = {1: policy.ElderFacts(id="1", birth_date=date(1940, 1, 1))}
    after = {
        1: policy.ElderFacts(
            id="1",
            birth_date=date(1940, 1, 1),
            consent=policy.Consent(policy.ServiceConsent.REMOTE_ONLY),
        )
    }
    (found,) = effects_of(pack, {1: "甲"}, before, after, TODAY)
    assert [(one.kind, one.shown.blocked) for one in found.effects] == [
        ("changed", policy.BlockReason.REMOTE_ONLY)
    ]
    (same,) = effects_of(pack, {1: "甲"}, before, before, TODAY)
    assert (same.effects, same.unchanged) == ((), 1)
    assert effects_of(pack, {1: "甲"}, {}, after, TODAY) == []


# --- history ---------------------------------------------------------------------------------------------


def test_history_and_the_dossier_on_a_day(desk, actor, elder, freeze):
    freeze(datetime(2026, 3, 1, 4, 0, tzinfo=UTC))
    services.edit_elder(actor, elder, version=elder.version, person={"ability_level": 2, "cautions": "有狗"})
    freeze(NOON)
    services.edit_elder(actor, elder, version=elder.version, person={"ability_level": 3})
    db.session.commit()
    page = page_of(desk, elder, "/history")
    assert "李主任" in page
    assert "中度失能</del>" in page
    assert "重度失能</ins>" in page
    assert NUMBER not in page
    then = page_of(desk, elder, "/history?on=2026-03-02")
    assert "3月2日结束时的档案（第 2 版），不是现在的" in then
    assert "中度失能" in then
    assert "138****6027" in then
    assert "13800006027" not in then
    assert "那天还没有这份档案" in page_of(desk, elder, "/history?on=2020-01-01")
    for wrong in ("2026-13-40", "2030-01-01", "2026-03-26"):
        assert "请填今天以前的日期" in page_of(desk, elder, f"/history?on={wrong}")


def test_a_supervisor_reads_the_history_without_health(client, tree, actor, elder):
    services.edit_elder(actor, elder, version=elder.version, person={"medical_history": "糖尿病"})
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, tree.county))
    for rest in ("/history", "/history?on=2026-03-25"):
        assert "糖尿病" not in page_of(client, elder, rest)
    assert "曾患病史" in page_of(client, elder, "/history")


# --- categories ------------------------------------------------------------------------------------------


def test_a_contradiction_is_asked_until_it_is_answered_or_the_facts_change(desk, tree, actor):
    elder = make_alone(actor, tree)
    page = page_of(desk, elder)
    assert "记了“独居”" in page
    assert "入户摸排，入户核实" in page
    url = f"/elders/{elder.id}/answer/living_alone"
    data = {"csrf_token": token(text_of(desk.get(url)))}
    assert desk.post(url, data=data | {"reason": ""}).status_code == 422
    assert desk.post(url, data=data | {"reason": "儿子户口在这里，人在外地"}).status_code == 303
    page = page_of(desk, elder)
    assert "请核对：" not in page
    assert "儿子户口在这里，人在外地" in page
    member = elder.household.members[0]
    services.edit_elder(
        actor,
        elder,
        version=elder.version,
        members=[{"id": member.id, "relation": "长子", "residence": "楼上"}],
        person={"has_caregiver": True},
    )
    db.session.commit()
    assert "记了“独居”" in page_of(desk, elder)
    assert len(db.session.scalars(select(CategoryAnswer)).all()) == 1


def test_kinless_with_living_children_is_accepted_and_asked(desk, tree):
    page = text_of(desk.get("/elders/new"))
    form = fields(page) | {
        "area_id": str(tree.community.id),
        "name": "王素珍",
        "sex": "female",
        "birth_date": "1944-03-02",
        "address": "建设路41号",
        "children_alive": "2",
        "categories": "kinless",
    }
    answer = desk.post("/elders/new", data=form)
    assert answer.status_code == 303
    assert "记了“孤寡”" in text_of(desk.get(answer.headers["Location"]))


def test_nothing_to_answer(desk, elder):
    url = f"/elders/{elder.id}/answer/impaired"
    data = {"csrf_token": token(text_of(desk.get(url))), "reason": "没有这回事"}
    assert desk.post(url, data=data).status_code == 422
    assert desk.get(f"/elders/{elder.id}/answer/nonsense").status_code == 404


def test_an_only_child_lost(desk, actor, elder):
    services.edit_elder(
        actor, elder, version=elder.version, person={"only_child": "deceased", "no_later_child": True}
    )
    db.session.commit()
    assert "像是“计划生育特殊家庭”" in page_of(desk, elder)
    services.edit_elder(actor, elder, version=elder.version, person={"no_later_child": False})
    db.session.commit()
    assert "像是“计划生育特殊家庭”" not in page_of(desk, elder)


def test_somebody_who_may_be_destitute(desk, actor, elder):
    kinless = {"spouse_alive": False, "children_alive": 0, "has_caregiver": False, "can_work": False}
    services.edit_elder(*(actor, elder), version=elder.version, person=kinless | {"has_livelihood": False})
    services.edit_elder(actor, elder, version=elder.version, categories={Category.KINLESS: None})
    db.session.commit()
    assert "可能符合特困供养" in page_of(desk, elder)
    assert ">王素珍</a>" in text_of(desk.get("/elders?care=destitute"))
    services.edit_elder(actor, elder, version=elder.version, person={"economic_status": "destitute"})
    db.session.commit()
    assert "可能符合特困供养：" not in page_of(desk, elder)
    assert ">王素珍</a>" not in text_of(desk.get("/elders?care=destitute"))
