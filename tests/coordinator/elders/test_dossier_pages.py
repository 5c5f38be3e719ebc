"""The dossier over HTTP: history, preview, questions, wishes asked again, contact people, devices, printing."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime, timedelta

import pypdf
import pytest
from sqlalchemy import select

from coordinator import policy
from coordinator.elders import services
from coordinator.elders.models import (
    Category,
    CategoryAnswer,
    Consent,
    ConsentGiver,
    ConsentKind,
    ConsentState,
    DossierVersion,
    Elder,
    ElderDevice,
)
from coordinator.elders.queries.effects import effects_of
from coordinator.elders.services import ContactPerson
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.identity import check_character
from coordinator.workforce.models import ServiceContact, WorkerStatus
from tests.coordinator.elders.test_pages import fields, text_of, token
from tests.factories import (
    make_actor,
    make_area_tree,
    make_elder,
    make_household,
    make_user,
    make_worker,
    sign_in,
)

TODAY = date(2026, 3, 26)
NOON = datetime(2026, 3, 26, 4, 0, tzinfo=UTC)
LONG_AGO = datetime(2025, 3, 1, tzinfo=UTC)
NUMBER = "510502194403020" + "22"
NUMBER += check_character(NUMBER)


@pytest.fixture(autouse=True)
def _today(freeze):
    freeze(NOON)


@pytest.fixture
def tree(db_session):
    return make_area_tree(emergency_phone="0830-3123456")


@pytest.fixture
def actor(tree):
    return make_actor(Role.STREET_COORDINATOR, tree.street, name="李主任")


@pytest.fixture
def desk(client, tree):
    sign_in(client, make_user(Role.STREET_COORDINATOR, tree.street))
    return client


@pytest.fixture
def elder(tree):
    return make_elder(
        *(tree.community,),
        name="王素珍",
        id_number=NUMBER,
        phone="13800006027",
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
    )


def page_of(desk, elder, rest=""):
    return text_of(desk.get(f"/elders/{elder.id}{rest}"))


def edit_form(desk, elder, **over):
    return fields(page_of(desk, elder, "/edit")) | over


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


def make_alone(actor, tree, **over):
    elder = services.create_elder(
        actor,
        tree.community,
        {"name": "王素珍", "sex": "female", "birth_date": date(1944, 3, 2)},
        {"address": "建设路41号"},
        categories={Category.LIVING_ALONE: "入户核实"},
        category_sources={Category.LIVING_ALONE: "survey"},
        members=[{"name": "李小明", "relation": "儿子", "lives_in": True}],
        **over,
    )
    db.session.commit()
    return elder


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


# --- wishes ----------------------------------------------------------------------------------------------


def refuse(actor, elder, **over):
    return services.record_consent(
        *(actor, elder, ConsentKind.SERVICE, ConsentState.REFUSED),
        **{
            "given_by": ConsentGiver.FAMILY,
            "giver_name": "女儿李小芳",
            "given_on": TODAY,
            "channel": "face_to_face",
            "explained_by": "王主任",
            "note": "解释了服务不收钱，女儿说每天都来",
        }
        | over,
    )


def test_who_is_to_be_asked_again(desk, tree, actor, elder, freeze):
    other = make_elder(tree.community, name="刘德明")
    refuse(actor, elder, ask_again_on=TODAY + timedelta(days=30))
    db.session.commit()

    def names(tab):
        page = text_of(desk.get(f"/elders?tab={tab}"))
        return {name for name in (elder.name, other.name) if f">{name}</a>" in page}

    assert names("ask_again") == set()
    assert names("refused") == {"王素珍"}
    freeze(NOON + timedelta(days=30))
    sign_in(desk, make_user(Role.STREET_COORDINATOR, tree.street))  # the session is long over
    assert names("ask_again") == {"王素珍"}
    services.record_consent(
        *(actor, elder, ConsentKind.SERVICE, ConsentState.ACCEPTED),
        given_by=ConsentGiver.SELF,
        given_on=TODAY + timedelta(days=30),
        channel="phone",
    )
    db.session.commit()
    assert names("ask_again") == set()
    page = page_of(desk, elder)
    assert "以前的意愿" in page
    assert "解释了服务不收钱" in page


def test_a_refusal_on_paper(desk, actor, elder):
    consent = refuse(actor, elder)
    db.session.commit()
    answer = desk.get(f"/elders/{elder.id}/refusals/{consent.id}.pdf")
    assert answer.mimetype == "application/pdf"
    words = pypdf.PdfReader(io.BytesIO(answer.data)).pages[0].extract_text().replace("\n", "")
    for expected in ("不愿意接受探访关爱服务情况记录", "王素珍", "女儿李小芳", "王主任", "解释了服务不收钱"):
        assert expected in words
    accepted = services.record_consent(
        *(actor, elder, ConsentKind.HOME, ConsentState.GRANTED),
        given_by=ConsentGiver.SELF,
        given_on=TODAY,
        channel="phone",
    )
    db.session.commit()
    assert desk.get(f"/elders/{elder.id}/refusals/{accepted.id}.pdf").status_code == 404


def test_a_wish_with_its_signed_paper(desk, elder):
    url = f"/elders/{elder.id}/consent/service"
    data = {
        "csrf_token": token(text_of(desk.get(url))),
        "kind": "service",
        "state": "accepted",
        "given_by": "self",
        "given_on": "2026-03-26",
        "channel": "written",
        "paper": (io.BytesIO(b"no paper at all"), "意愿书.pdf"),
    }
    wrong = desk.post(url, data=data, content_type="multipart/form-data")
    assert wrong.status_code == 422
    assert "只收 JPEG、PNG 照片和 PDF" in text_of(wrong)
    assert db.session.scalars(select(Consent)).all() == []
    data["paper"] = (io.BytesIO(b"%PDF-1.4\n%%EOF\n"), "意愿书.pdf")
    assert desk.post(url, data=data, content_type="multipart/form-data").status_code == 303
    assert "凭据：意愿书" in page_of(desk, elder)


def test_a_paper_of_another_dossier_is_no_evidence(actor, tree, elder):
    other = make_elder(tree.community)
    paper = services.add_paper(actor, other, "consent", b"%PDF-1.4\n%%EOF\n")
    with pytest.raises(Exception, match="没有这份材料"):
        refuse(actor, elder, paper_id=paper.id)


# --- contact people --------------------------------------------------------------------------------------


def test_what_is_missing_or_outdated_is_said(desk, tree, actor):
    elder = services.create_elder(
        actor,
        tree.community,
        {"name": "王素珍", "sex": "female", "birth_date": date(1944, 3, 2)},
        {"address": "建设路41号"},
    )
    db.session.commit()
    page = page_of(desk, elder)
    assert "还没有结对。" in page
    assert "没有子女的，由街道和社区明确；现在还空着。" in page
    assert ">王素珍</a>" in text_of(desk.get("/elders?care=service_contact"))
    assert ">王素珍</a>" in text_of(desk.get("/elders?care=first_contact"))
    tree.street.emergency_phone = "0830-9999999"
    tree.community.emergency_phone = None
    worker = make_worker(tree.street, name="周敏", status=WorkerStatus.LEFT)
    db.session.add(ServiceContact(elder_id=elder.id, worker_id=worker.id, since=date(2026, 1, 5)))
    services.set_first_contact(actor, elder, "张三", "邻居", "13900001111", lives_nearby=True)
    db.session.commit()
    page = page_of(desk, elder)
    assert "电话已经不是现在的值班电话" in page
    assert "周敏已经不在队伍里" in page
    assert "一对一结对" in page
    assert "没有写明由谁明确" in page


def test_a_child_goes_before_whoever_was_appointed(desk, actor, tree):
    elder = make_alone(actor, tree, contacts=[ContactPerson("李小明", "儿子", "13800000001")])
    services.set_first_contact(
        actor, elder, "张三", "邻居", "13900001111", lives_nearby=True, appointed_by="江湾社区两委会"
    )
    db.session.commit()
    page = page_of(desk, elder)
    assert "按文件应当是李小明（儿子）" in page
    assert "街道和社区明确，江湾社区两委会" in page
    # The sentence of the document that this rests on.
    assert "对无子女的特殊困难老年人" in page


def test_who_appointed_must_be_said_for_somebody_who_is_no_child(desk, elder):
    url = f"/elders/{elder.id}/first-contact"
    form = fields(text_of(desk.get(url))) | {
        "name": "张三",
        "relation": "邻居",
        "phone": "13900001111",
        "lives_nearby": "yes",
    }
    answer = desk.post(url, data=form)
    assert answer.status_code == 422
    assert "要写明由谁明确" in text_of(answer)
    assert desk.post(url, data=form | {"appointed_by": "社区两委会"}).status_code == 303


# --- devices, reminders, checks --------------------------------------------------------------------------


def test_devices(desk, elder):
    url = f"/elders/{elder.id}/devices/new"
    data = {
        "csrf_token": token(text_of(desk.get(url))),
        "kind": "smoke_alarm",
        "identifier": "SN-20260001",
        "installed_on": "2026-03-01",
        "working": "yes",
        "note": "厨房",
    }
    assert desk.post(url, data=data | {"installed_on": "2026-04-01"}).status_code == 422
    assert desk.post(url, data=data | {"removed_on": "2026-02-01"}).status_code == 422
    assert desk.post(url, data=data).status_code == 303
    device = db.session.scalars(select(ElderDevice)).one()
    page = page_of(desk, elder)
    assert "烟雾报警器" in page
    assert "SN-20260001" not in page
    shown = desk.post(f"/elders/{elder.id}/reveal/device-{device.id}", data=data)
    assert "SN-20260001" in text_of(shown)
    url = f"/elders/{elder.id}/devices/{device.id}"
    form = fields(text_of(desk.get(url))) | {"removed_on": "2026-03-20"}
    assert desk.post(url, data=form).status_code == 303
    db.session.expire_all()
    assert (device.identifier, device.removed_on) == ("SN-20260001", date(2026, 3, 20))
    assert "已拆走" in page_of(desk, elder)


def test_what_runs_out_is_told_before_it_does(desk, actor, elder):
    services.edit_elder(
        *(actor, elder),
        version=elder.version,
        certificate=services.Certificate(1, TODAY + timedelta(days=20), "51050219440302002211"),
        person={"ability_level": 2, "ability_assessed_on": date(2025, 4, 1)},
    )
    db.session.commit()
    page = page_of(desk, elder)
    assert "残疾人证4月15日到期，请提醒换证" in page
    assert "能力评估4月1日到期，请安排复评" in page
    for care, listed in (("certificate", True), ("assessment", True)):
        assert (">王素珍</a>" in text_of(desk.get(f"/elders?care={care}"))) is listed
    services.edit_elder(
        *(actor, elder),
        version=elder.version,
        certificate=services.Certificate(1, TODAY + timedelta(days=400)),
        person={"ability_valid_to": TODAY + timedelta(days=400)},
    )
    db.session.commit()
    for care in ("certificate", "assessment"):
        assert ">王素珍</a>" not in text_of(desk.get(f"/elders?care={care}"))


def test_the_next_check_follows_the_pack(desk, tree, actor, elder, monkeypatch):
    pack = policy.load_pack("luzhou")
    quarter = pack.model_copy(update={"register_": pack.register_.model_copy(update={"refresh_months": 3})})
    monkeypatch.setattr("coordinator.elders.services.checks.pack_for", lambda _area: quarter)
    services.reverify_elder(actor, elder)
    assert elder.reverify_due_on == date(2026, 6, 26)
    bare = pack.model_copy(update={"register_": None})
    monkeypatch.setattr("coordinator.elders.services.checks.pack_for", lambda _area: bare)
    services.reverify_elder(actor, elder)
    assert elder.reverify_due_on == date(2026, 9, 26)


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"ability_assessed_on": "2027-01-01"}, "评估日期还没到"),
        ({"ability_assessed_on": "2026-01-01", "ability_valid_to": "2025-01-01"}, "早于评估日期"),
        ({"psych_assessed_on": "2027-01-01"}, "心理评估的日期还没到"),
        ({"linked_since": "2027-01-01"}, "挂钩联系的日期还没到"),
        (
            {"members-0-name": "李小明", "members-0-relation": "儿子", "members-0-away_since": "2027-01-01"},
            "还没到",
        ),
        ({"ability_score": "300"}, ""),
    ],
)
def test_days_that_lie_ahead_are_refused_and_nothing_is_lost(desk, elder, over, said):
    form = edit_form(desk, elder, support_given="女儿每月给 500 元", **over)
    answer = desk.post(f"/elders/{elder.id}/edit", data=form)
    page = text_of(answer)
    assert answer.status_code == 422
    assert said in page
    assert "女儿每月给 500 元" in page
    db.session.expire_all()
    assert db.session.get(Elder, elder.id).support_given is None


def test_every_new_field_is_saved_and_shown(desk, elder):
    given = {
        "ability_level": "2",
        "ability_score": "55",
        "ability_assessed_on": "2026-01-10",
        "ability_assessor": "区评估中心",
        "psych_assessed_on": "2026-02-01",
        "psych_assessor": "社工站",
        "psych_result": "情绪低落，建议每周电话",
        "upheaval_until": "2026-05-01",
        "upheaval_note": "老伴住院",
        "relief_given": "临时救助一次",
        "has_caregiver": "no",
        "can_work": "no",
        "has_livelihood": "yes",
        "only_child": "disabled",
        "no_later_child": "yes",
        "support_given": "儿子每月寄钱",
        "support_delegated": "yes",
        "support_delegate": "侄女王小丽",
        "house_structure": "砖木",
        "unsafe_habits": "卧床吸烟",
        "neighbour_relations": "和睦",
        "linked_unit": "区财政局",
        "linked_person": "赵科长",
        "linked_since": "2026-01-01",
        "categories": "living_alone",
        "evidence_living_alone": "网格员入户",
        "source_living_alone": "survey",
        "supported_at_home": "y",
    }
    answer = desk.post(f"/elders/{elder.id}/edit", data=edit_form(desk, elder, **given))
    assert answer.status_code == 303, text_of(answer)
    page = page_of(desk, elder)
    for word in (
        *("55 分", "区评估中心", "社工站", "情绪低落", "老伴住院", "临时救助一次", "独生子女三级以上伤残"),
        *("儿子每月寄钱", "侄女王小丽", "砖木", "卧床吸烟", "和睦", "区财政局，赵科长", "网格员入户"),
        *("入户摸排", "分散供养"),
    ):
        assert word in page, word
    form = fields(page_of(desk, elder, "/edit"))
    assert {key: form[key] for key in given if key not in ("categories", "supported_at_home")} == {
        key: value for key, value in given.items() if key not in ("categories", "supported_at_home")
    }


# --- paper -----------------------------------------------------------------------------------------------


def words_of(answer):
    assert answer.mimetype == "application/pdf"
    reader = pypdf.PdfReader(io.BytesIO(answer.data))
    return [re.sub(r"\s", "", one.extract_text()) for one in reader.pages]


def test_the_form_of_luzhou_in_three_copies_masked(desk, actor, elder):
    services.edit_elder(actor, elder, version=elder.version, person={"ability_level": 4})
    db.session.commit()
    page = page_of(desk, elder, "/print")
    assert "四川省特殊困难老年人信息登记表" in page
    assert "一式 3 份：县级民政部门、乡镇（街道）、帮扶单位（组织）" in page
    pages = words_of(desk.get(f"/elders/{elder.id}/form.pdf"))
    whole = "".join(pages)
    assert whole.count("四川省特殊困难老年人信息登记表") >= 3
    for number, keeper in enumerate(("县级民政部门", "乡镇（街道）", "帮扶单位（组织）"), start=1):
        assert f"第{number}份，共3份，由{keeper}存档" in whole
    for label in (
        "家庭住址",
        "是否居住在户籍所在地",
        "曾患病史",
        "是否经常探访",
        "帮扶责任人",
        "每月补贴金额",
    ):
        assert label in whole
    # The form has no box for 完全失能: written behind 重度失能, and said at the foot.
    assert "（完全失能）" in whole
    assert "完全失能的填“重度失能”" in whole
    assert "138****6027" in whole
    assert "13800006027" not in whole
    assert db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.print")).one()


def test_in_full_only_with_a_line(desk, client, tree, elder):
    data = {"csrf_token": token(text_of(desk.get("/elders/new")))}
    whole = "".join(words_of(desk.post(f"/elders/{elder.id}/form.pdf", data=data)))
    assert "13800006027".replace(" ", "") in whole.replace("-", "")
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.reveal")).one()
    assert line.changes == {"field": "form"}
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, tree.county))
    page = page_of(client, elder, "/print")
    assert "打印完整的" not in page
    assert client.post(f"/elders/{elder.id}/form.pdf", data=data).status_code in (400, 403, 409)


def test_a_supervisor_prints_no_medical_history(client, tree, actor, elder):
    services.edit_elder(actor, elder, version=elder.version, person={"medical_history": "糖尿病"})
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, tree.county))
    assert "糖尿病" not in "".join(words_of(client.get(f"/elders/{elder.id}/form.pdf")))


def test_the_combined_form_of_shaanxi(desk, tree, elder):
    tree.county.policy_pack = "shaanxi"
    db.session.flush()
    whole = "".join(words_of(desk.get(f"/elders/{elder.id}/form.pdf")))
    assert "特殊困难老年人探访关爱服务记录表" in whole
    assert "第2份，共2份，由乡镇（街道）存档" in whole
    for label in ("是否独居、空巢", "五、探访情况", "信息录入人(签字)", "六、关爱服务情况"):
        assert label in whole


@pytest.mark.parametrize("pack", ["jiangmen", "haikou", "guangdong"])
def test_where_the_form_is_only_named_the_paper_says_so(desk, tree, elder, pack):
    tree.county.policy_pack = pack
    db.session.flush()
    whole = "".join(words_of(desk.get(f"/elders/{elder.id}/form.pdf")))
    assert "特殊困难老年人档案" in whole
    assert "没有附表样" in whole
    assert "没有附表样" in page_of(desk, elder, "/print")
