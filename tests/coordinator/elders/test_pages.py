"""The register through HTTP: who sees what, what is recorded, and that nothing typed is lost."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from coordinator.elders import services
from coordinator.elders.models import Category, Elder, ElderStatus
from coordinator.elders.queries import pack_for
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.workforce.models import ServiceContact
from tests.coordinator.elders.reading import NUMBER, fields, text_of, token
from tests.factories import (
    hanzi,
    make_actor,
    make_elder,
    make_household,
    make_user,
    make_worker,
    sign_in,
)
from tests.statements import statements

MOST_QUERIES = 12


@pytest.fixture(autouse=True)
def _today(freeze):
    freeze(datetime(2026, 3, 26, 1, 0, tzinfo=UTC))


@pytest.fixture
def elder(tree):
    return make_elder(
        tree.community, name="王素珍", id_number=NUMBER, phone="13800006027", medical_history="高血压"
    )


# --- who sees what ---------------------------------------------------------------------------------------


PAGES = (
    *("", "/panel", "/print", "/edit", "/consent/service", "/first-contact", "/history"),
    *("/papers", "/devices/new", "/answer/living_alone"),
)


def test_other_areas_do_not_exist(desk, tree):
    stranger = make_elder(tree.outside, name="赵远山")
    assert "赵远山" not in text_of(desk.get("/elders"))
    for page in PAGES:
        assert desk.get(f"/elders/{stranger.id}{page}").status_code == 404
    for action in ("reveal/phone", "reinstate", "reverify"):
        data = {"csrf_token": token(text_of(desk.get("/elders/new")))}
        assert desk.post(f"/elders/{stranger.id}/{action}", data=data).status_code == 404


def test_a_community_sees_its_own(client, tree):
    mine, other = make_elder(tree.community), make_elder(tree.other_community)
    sign_in(client, make_user(Role.COMMUNITY_COORDINATOR, tree.community))
    assert client.get(f"/elders/{mine.id}").status_code == 200
    assert client.get(f"/elders/{other.id}").status_code == 404


@pytest.mark.parametrize(
    "role", [Role.ADMINISTRATOR, Role.ORGANISATION_MANAGER, Role.SCHOOL_VERIFIER, Role.WORKER]
)
def test_roles_without_the_register(client, tree, elder, role):
    sign_in(client, make_user(role, tree.street))
    assert client.get("/elders").status_code == 403
    assert client.get(f"/elders/{elder.id}").status_code == 403


def test_supervisors_read_masked_and_change_nothing(client, tree, elder):
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, tree.county))
    page = text_of(client.get(f"/elders/{elder.id}"))
    assert "138****6027" in page
    assert "13800006027" not in page
    assert NUMBER not in page
    assert "高血压" not in page
    assert "/reveal/" not in page
    assert f"/elders/{elder.id}/edit" not in page
    assert client.get(f"/elders/{elder.id}/edit").status_code == 403
    data = {
        "csrf_token": token(text_of(client.get("/elders/99999999")) or page)
        if 'name="csrf_token"' in page
        else ""
    }
    assert client.post(f"/elders/{elder.id}/reveal/phone", data=data).status_code == 403


def test_no_page_holds_protected_values(desk, elder):
    for page in PAGES:
        answer = text_of(desk.get(f"/elders/{elder.id}{page}"))
        assert NUMBER not in answer
        assert "13800006027" not in answer
        assert "13800000001" not in answer


def test_a_reveal_is_shown_once_and_recorded(desk, elder):
    data = {"csrf_token": token(text_of(desk.get("/elders/new")))}
    answer = desk.post(f"/elders/{elder.id}/reveal/id_number", data=data)
    assert answer.status_code == 200
    assert NUMBER in text_of(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.reveal")).one()
    assert (line.object_id, line.changes) == (elder.id, {"field": "id_number"})
    assert "查看了完整的身份证号" in text_of(desk.get(f"/elders/{elder.id}/history"))
    assert desk.post(f"/elders/{elder.id}/reveal/nothing", data=data).status_code == 404


# --- the list --------------------------------------------------------------------------------------------


def test_search(desk, tree, elder):
    make_elder(tree.community, name="刘德明")

    def names(q):
        page = text_of(desk.get("/elders", query_string={"q": q}))
        return {name for name in ("王素珍", "刘德明") if f">{name}</a>" in page}

    assert names("素") == {"王素珍"}
    assert names(NUMBER) == {"王素珍"}
    assert names("138 0000 6027") == {"王素珍"}
    assert names("6027") == set()
    assert names(elder.household.address[2:]) == {"王素珍"}
    assert names("%") == set()


def test_filters_and_tabs(desk, tree):
    actor = make_actor(Role.STREET_COORDINATOR, tree.street)
    alone = make_elder(tree.community, name="王独居", ability_level=3)
    moved = make_elder(tree.other_community, name="刘迁出")
    services.edit_elder(actor, alone, version=alone.version, categories={Category.LIVING_ALONE: None})
    services.end_elder(actor, moved, ElderStatus.MOVED, date(2026, 3, 1))

    def names(**args):
        page = text_of(desk.get("/elders", query_string=args))
        return {name for name in ("王独居", "刘迁出") if f">{name}</a>" in page}

    assert names() == {"王独居"}
    assert names(tab="left") == {"刘迁出"}
    assert names(tab="unasked") == {"王独居"}
    assert names(category="living_alone") == {"王独居"}
    assert names(category="impaired") == {"王独居"}
    assert names(category="severely_disabled") == set()
    assert names(ability="3") == {"王独居"}
    assert names(ability="1") == set()
    assert names(consent="refused") == set()
    assert names(community=str(tree.other_community.id)) == set()
    assert names(community="0") == {"王独居"}


def test_the_export_is_masked_and_recorded(desk, elder):
    answer = desk.get("/elders?format=xlsx")
    sheet = zipfile.ZipFile(io.BytesIO(answer.data))
    cells = b"".join(sheet.read(name) for name in sheet.namelist()).decode("utf-8", "ignore")
    assert "王素珍" in cells
    assert "138****6027" in cells
    assert NUMBER not in cells
    assert db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.export")).one()


def test_two_hundred_rows_cost_no_more_queries(desk, tree, elder):
    def count(url):
        with statements() as sent:
            assert desk.get(url).status_code == 200
        return len(sent)

    # The packs are stored once in the life of an installation.
    pack_for(tree.community)
    few = count("/elders?per_page=200")
    worker = make_worker(tree.street)
    home = make_household(tree.community)
    for number in range(199):
        one = make_elder(tree.community, home if number % 3 else None, name="李" + hanzi(number))
        db.session.add(ServiceContact(elder_id=one.id, worker_id=worker.id, since=date(2026, 1, 1)))
    db.session.flush()
    many = count("/elders?per_page=200")
    assert many == few
    assert many <= MOST_QUERIES
    assert count(f"/elders/{elder.id}") <= MOST_QUERIES
    assert count(f"/elders/{elder.id}/panel") <= MOST_QUERIES
    actor = make_actor(Role.STREET_COORDINATOR, tree.street)
    services.edit_elder(actor, elder, version=elder.version, person={"ability_level": 2})
    assert count(f"/elders/{elder.id}?changed=2") <= MOST_QUERIES
    for page in ("/history", "/print", "/papers", "/answer/kinless", "/edit"):
        assert count(f"/elders/{elder.id}{page}") <= MOST_QUERIES, page


# --- writing ---------------------------------------------------------------------------------------------


def new_form(desk, tree, **over):
    page = text_of(desk.get("/elders/new"))
    return (
        fields(page)
        | {
            "area_id": str(tree.community.id),
            "name": "王素珍",
            "id_number": NUMBER,
            "address": "建设路41号",
            "contacts-0-name": "李小明",
            "contacts-0-relation": "儿子",
            "contacts-0-phone": "138 1234 5678",
            "members-0-name": "李小芳",
            "members-0-relation": "女儿",
            "members-0-residence": "重庆",
            "categories": "living_alone",
            "evidence_living_alone": "入户核实",
            "latitude": "28.881",
            "longitude": "105.441",
        }
        | over
    )


def test_opening_a_dossier(desk, tree):
    answer = desk.post("/elders/new", data=new_form(desk, tree))
    assert answer.status_code == 303, text_of(answer)
    made = db.session.scalars(select(Elder).where(Elder.name == "王素珍")).one()
    assert made.birth_date == date(1944, 3, 2)
    assert made.household.coordinate_source == "map_click"
    assert [one.phone for one in made.emergency_contacts] == ["13812345678"]
    # Both children live elsewhere: the one who can be telephoned.
    assert made.first_contact.name == "李小明"
    assert [one.category for one in made.categories] == [Category.LIVING_ALONE]
    page = text_of(desk.get(answer.headers["Location"]))
    assert "还没有记录" not in page
    assert "已为王素珍建档" in page


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"id_number": NUMBER[:-1] + "?"}, "第 18 位"),
        ({"birth_date": "2026-13-40"}, ""),
        ({"address": ""}, "请填住址"),
        ({"contacts-0-phone": "12"}, "第 1 位紧急联系人"),
        ({"latitude": "105.441", "longitude": "28.881"}, "写反了"),
        ({"area_id": ""}, "请选社区"),
        ({"visit_minutes": "五分钟"}, ""),
    ],
)
def test_bad_input_keeps_everything_typed(desk, tree, over, said):
    answer = desk.post("/elders/new", data=new_form(desk, tree, **over))
    page = text_of(answer)
    assert answer.status_code == 422
    assert said in page
    assert "data-error-summary" in page
    for typed in (
        "王素珍",
        "建设路41号" if "address" not in over else "王素珍",
        "李小芳",
        "重庆",
        "入户核实",
        *over.values(),
    ):
        assert typed in page
    assert db.session.scalars(select(Elder)).all() == []


def test_an_area_that_was_not_offered_is_refused(desk, tree):
    answer = desk.post("/elders/new", data=new_form(desk, tree, area_id=str(tree.outside.id)))
    assert answer.status_code == 422
    assert db.session.scalars(select(Elder)).all() == []


def test_editing_leaves_protected_values_alone(desk, elder):
    url = f"/elders/{elder.id}/edit"
    data = fields(text_of(desk.get(url))) | {"ability_level": "2", "contacts-0-relation": "长子"}
    answer = desk.post(url, data=data)
    assert answer.status_code == 303, text_of(answer)
    db.session.expire_all()
    changed = db.session.get(Elder, elder.id)
    assert (changed.ability_level, changed.phone, changed.id_number) == (2, "13800006027", NUMBER)
    assert [(one.relation, one.phone) for one in changed.emergency_contacts] == [("长子", "13800000001")]
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.edit")).one()
    assert set(line.changes) == {"ability_level", "contacts"}


def test_the_form_as_it_stands_changes_nothing(desk, elder):
    url = f"/elders/{elder.id}/edit"
    assert desk.post(url, data=fields(text_of(desk.get(url)))).status_code == 303
    assert db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.edit")).all() == []


def test_two_people_at_once_see_both(desk, tree, elder):
    url = f"/elders/{elder.id}/edit"
    typed = fields(text_of(desk.get(url))) | {"cautions": "有狗，先打电话", "ability_level": "1"}
    other = make_actor(Role.STREET_COORDINATOR, tree.street, name="李主任")
    services.edit_elder(
        other, elder, version=elder.version, person={"cautions": "楼梯陡", "ability_level": 3}
    )
    db.session.commit()
    answer = desk.post(url, data=typed)
    page = text_of(answer)
    assert answer.status_code == 422
    assert "已经被别人改过" in page
    assert "楼梯陡</del>" in page
    assert "有狗，先打电话</ins>" in page
    db.session.expire_all()
    assert db.session.get(Elder, elder.id).cautions == "楼梯陡"
    # Sending the shown form again is the decision.
    assert desk.post(url, data=fields(page)).status_code == 303
    db.session.expire_all()
    assert db.session.get(Elder, elder.id).cautions == "有狗，先打电话"


def test_consent(desk, elder):
    url = f"/elders/{elder.id}/consent/service"
    data = {
        "csrf_token": token(text_of(desk.get(url))),
        "kind": "service",
        "state": "refused",
        "given_by": "self",
        "given_on": "2026-03-20",
        "channel": "phone",
        "note": "",
    }
    answer = desk.post(url, data=data)
    assert answer.status_code == 422
    assert "要写明谁去解释了什么" in text_of(answer)
    assert desk.post(url, data=data | {"note": "王主任去解释了两次，老人说女儿每天来"}).status_code == 303
    page = text_of(desk.get(f"/elders/{elder.id}"))
    assert "不愿意" in page
    assert "9月18日再问" in page
    assert desk.get(f"/elders/{elder.id}/consent/dinner").status_code == 404


def test_first_contact_and_leaving(desk, elder):
    url = f"/elders/{elder.id}/first-contact"
    form = fields(text_of(desk.get(url)))
    assert form["name"] == "李小明"
    # The telephone of the same person is known already and need not be typed again.
    assert desk.post(url, data=form | {"lives_nearby": "no"}).status_code == 303
    db.session.expire_all()
    assert db.session.get(Elder, elder.id).first_contact.phone == "13800000001"
    url = f"/register/elders/{elder.id}/leave"
    data = {"csrf_token": token(text_of(desk.get(url))), "status": "moved", "left_on": "2019-01-01"}
    assert desk.post(url, data=data).status_code == 422
    assert desk.post(url, data=data | {"left_on": "2026-03-26"}).status_code == 303
    page = text_of(desk.get(f"/elders/{elder.id}"))
    assert "已迁出" in page
    data = {"csrf_token": token(page)}
    assert desk.post(f"/elders/{elder.id}/reinstate", data=data).status_code == 303
    assert desk.post(f"/elders/{elder.id}/reverify", data=data).status_code == 303


def test_contradictions_are_asked_and_not_corrected(desk, tree):
    actor = make_actor(Role.STREET_COORDINATOR, tree.street)
    elder = services.create_elder(
        actor,
        tree.community,
        {"name": "王素珍", "sex": "female", "birth_date": date(1944, 3, 2)},
        {"address": "建设路41号"},
        categories={Category.LIVING_ALONE: "入户核实"},
        members=[{"name": "李小明", "relation": "儿子", "lives_in": True}],
    )
    db.session.commit()
    page = text_of(desk.get(f"/elders/{elder.id}"))
    assert "请核对" in page
    assert "记了“独居”" in page
    assert [one.category for one in elder.categories] == [Category.LIVING_ALONE]
