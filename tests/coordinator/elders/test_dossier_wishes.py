"""The dossier over HTTP: wishes asked again, contact people, devices, reminders."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pypdf
import pytest
from sqlalchemy import select

from coordinator import policy
from coordinator.elders import services
from coordinator.elders.models import Consent, ConsentGiver, ConsentKind, ConsentState, Elder, ElderDevice
from coordinator.elders.services import ContactPerson
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.workforce.models import ServiceContact, WorkerStatus
from tests.coordinator.elders.reading import (
    NOON,
    TODAY,
    edit_form,
    fields,
    make_alone,
    page_of,
    text_of,
    token,
)
from tests.factories import make_elder, make_user, make_worker, sign_in

pytestmark = pytest.mark.usefixtures("noon")


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
