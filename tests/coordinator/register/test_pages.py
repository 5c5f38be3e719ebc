"""The pages of the work on the register through HTTP."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from coordinator.accounts.models import User
from coordinator.elders.models import Elder, ElderStatus, ImportBatch
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.register.models import (
    AreaMove,
    ExternalRecord,
    MatchState,
    MoveState,
    Outcome,
    Source,
    Survey,
    SurveyItem,
    SurveyKind,
)
from coordinator.register.services.moving import move_elder
from coordinator.register.services.surveys import assign_items, open_survey
from coordinator.visits.lifecycle import VisitState
from tests import factories
from tests.coordinator.register.conftest import TODAY
from tests.statements import statements

MOST_QUERIES = 12


@pytest.fixture
def desk(client, place):
    factories.sign_in(client, db.session.get(User, place.here.user_id))
    return client


def page(client, url, status=200):
    answer = client.get(url)
    assert answer.status_code == status, answer.get_data(as_text=True)[:2000]
    return answer.get_data(as_text=True)


def send(client, url, **data):
    return client.post(url, data=data | {"csrf_token": factories.csrf_token(client)})


def survey_of(place):
    made = open_survey(place.here, place.tree.community, SurveyKind.RENEWAL)
    db.session.commit()
    return made


def item_of(survey):
    return db.session.scalars(select(SurveyItem).where(SurveyItem.survey_id == survey.id)).first()


def record_of(place, elder=None, **values):
    batch = ImportBatch(
        kind="source_disabled",
        state="applied",
        area_id=place.tree.street.id,
        filename="残联.xlsx",
        sha256="0" * 64,
    )
    db.session.add(batch)
    db.session.flush()
    name = elder.name if elder else "何示例"
    record = ExternalRecord(
        batch_id=batch.id,
        row_number=2,
        source=Source.DISABLED,
        street_id=place.tree.street.id,
        area_id=place.tree.community.id,
        name=name,
        person_key=f"{name}{batch.id}".encode(),
        values={"name": name, "certificate_grade": 2, "certificate_valid_to": "2030-12-31"} | values,
        data_on=date(2026, 3, 1),
        match=MatchState.MATCHED if elder else MatchState.UNKNOWN,
        elder_id=elder.id if elder else None,
    )
    db.session.add(record)
    db.session.commit()
    return record


def test_a_survey_from_opening_to_closing(desk, place):
    elder = place.elder(name="王素珍")
    db.session.commit()
    assert "开始摸排" in page(desk, "/register")
    answer = send(desk, "/register/surveys/new", area_id=place.tree.community.id, kind="renewal")
    assert answer.status_code == 303
    survey = db.session.scalars(select(Survey)).one()
    url = f"/register/surveys/{survey.id}"
    shown = page(desk, url)
    assert "王素珍" in shown
    assert "还有 1 户一点结果也没有" in shown
    item = item_of(survey)
    assert send(desk, f"{url}/assign", id=item.id, to="name", name="网格员老李").status_code == 303
    assert "网格员老李" in page(desk, url)
    answer = send(desk, f"/register/items/{item.id}", outcome="moved", note="去女儿家", version=item.version)
    assert f"/register/elders/{elder.id}/leave?status=moved" in answer.location
    assert re.search(r'value="moved"[^>]*checked|checked[^>]*value="moved"', page(desk, answer.location))
    assert send(desk, f"{url}/close").status_code == 303
    assert "已结束" in page(desk, "/register")


def test_closing_with_items_left_asks_for_a_reason_and_keeps_what_was_typed(desk, place):
    place.elder()
    survey = survey_of(place)
    url = f"/register/surveys/{survey.id}/close"
    answer = send(desk, url)
    assert answer.status_code == 422
    assert "还有 1 项没有结果" in answer.get_data(as_text=True)
    assert send(desk, url, reason="去外地过冬").status_code == 303
    db.session.expire_all()
    assert item_of(survey).left_reason == "去外地过冬"


def test_a_stale_answer_comes_back_with_what_was_typed(desk, place):
    place.elder()
    survey = survey_of(place)
    item = item_of(survey)
    data = {"outcome": "verified", "version": item.version}
    assert send(desk, f"/register/items/{item.id}", **data).status_code == 303
    answer = send(desk, f"/register/items/{item.id}", **(data | {"outcome": "moved", "note": "写好的话"}))
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "写好的话" in text
    assert "已核实" in text
    version = re.search(r'name="version"[^>]*value="(\d+)"', text).group(1)
    again = data | {"outcome": "moved", "note": "写好的话", "version": version}
    assert send(desk, f"/register/items/{item.id}", **again).status_code == 303


def test_the_telephone_list_of_the_one_who_goes(client, place, worker):
    elder = place.elder(name="王素珍", phone="13800006027")
    place.elder(name="陈别人")
    survey = survey_of(place)
    item = db.session.scalars(select(SurveyItem).where(SurveyItem.elder_id == elder.id)).one()
    assign_items(place.here, survey, [item.id], worker=worker)
    db.session.commit()
    factories.sign_in(client, db.session.get(User, worker.user_id))
    shown = page(client, "/register/doors")
    assert "王素珍" in shown
    assert "陈别人" not in shown
    assert "13800006027" not in shown
    assert "有 1 户摸排交给您去" in page(client, "/today")
    assert page(client, f"/register/doors/{item.id}")
    other = next(
        one
        for one in db.session.scalars(select(SurveyItem).where(SurveyItem.survey_id == survey.id))
        if one.id != item.id
    )
    page(client, f"/register/doors/{other.id}", 404)
    answer = send(client, f"/register/doors/{item.id}", outcome="verified", version=item.version)
    assert answer.status_code == 303
    db.session.expire_all()
    assert item.outcome is Outcome.VERIFIED
    page(client, f"/register/items/{item.id}", 403)


def test_the_list_on_paper_names_no_number(desk, place):
    import pypdf

    place.elder(name="王素珍", phone="13800006027", id_number="51050219440302002X")
    record_of(place)
    factories.make_household(place.tree.community, address="空房子1号")
    survey = survey_of(place)
    answer = desk.get(f"/register/surveys/{survey.id}/print.pdf")
    assert answer.status_code == 200
    pages = pypdf.PdfReader(io.BytesIO(answer.data)).pages
    text = "".join("".join(one.extract_text() for one in pages).split())
    for word in ("王素珍", "何示例", "空房子1号", "已核实", "住进机构", "不愿意", "没有老人"):
        assert word in text
    assert "13800006027" not in text
    assert "510502" not in text


def test_a_dossier_is_opened_from_a_list_and_the_item_knows_it(desk, place):
    record = record_of(place, address="新街1号", sex="female", birth_date="1944-03-02")
    record.birth_date = date(1944, 3, 2)
    db.session.commit()
    survey = survey_of(place)
    item = item_of(survey)
    answer = send(desk, f"/register/items/{item.id}", outcome="verified", version=item.version)
    assert answer.location.endswith(f"/register/items/{item.id}/dossier")
    shown = page(desk, answer.location)
    for word in ("何示例", "新街1号", "1944-03-02"):
        assert word in shown
    data = {
        "area_id": place.tree.community.id,
        "name": "何示例",
        "sex": "female",
        "birth_date": "1944-03-02",
        "address": "新街1号",
        "ability_level": "0",
        "health": "good",
        "economic_status": "none",
        "is_self_caring": "yes",
        "visit_minutes": "30",
        "visit_from": "08:30",
        "visit_until": "17:30",
        "lives_at_registered_address": "yes",
        "certificate_grade": "",
        "prefers_sex": "",
    }
    answer = send(desk, f"/register/items/{item.id}/dossier", **data)
    assert answer.status_code == 303, re.findall(r'tf-err".*?</p>', answer.get_data(as_text=True))
    db.session.expire_all()
    elder = db.session.scalars(select(Elder).where(Elder.name == "何示例")).one()
    assert item.new_elder_id == elder.id
    assert record.elder_id == elder.id
    page(desk, f"/register/items/{item.id}/dossier", 404)


def test_a_difference_is_taken_or_kept_with_one_press(desk, place):
    elder = place.elder(name="王素珍")
    other = place.elder(name="陈秀英")
    record, second = record_of(place, elder), record_of(place, other)
    shown = page(desk, "/register/compare/disabled")
    assert "王素珍" in shown
    assert "二级" in shown
    shown = page(desk, f"/register/records/{record.id}")
    assert "采用残联的" in shown
    assert send(desk, f"/register/records/{record.id}/accept", field="certificate").status_code == 303
    db.session.expire_all()
    assert [one.grade for one in elder.certificates] == [2]
    answer = send(desk, f"/register/records/{second.id}", field="certificate", reason="")
    assert answer.status_code == 422
    answer = send(desk, f"/register/records/{second.id}", field="certificate", reason="看过原件")
    assert answer.status_code == 303
    shown = page(desk, "/register/compare/disabled?group=agree")
    assert "看过原件" in shown
    page(desk, "/register/compare/nonsense", 404)


def test_the_exported_report_shows_protected_values_in_part(desk, place):
    from python_calamine import CalamineWorkbook

    elder = place.elder(name="王素珍", phone="13800006027")
    record_of(place, elder, phone="13900001234")
    answer = desk.get("/register/compare/disabled?format=xlsx")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(answer.data)).get_sheet_by_index(0)
    cells = " ".join(str(one) for row in sheet.to_python() for one in row)
    assert "王素珍" in cells
    assert "139****1234" in cells
    assert "13900001234" not in cells
    assert "13800006027" not in cells


def test_merging_by_page_and_the_old_address_leads_on(desk, place):
    kept = place.elder(name="王素珍", birth_date=date(1944, 3, 2))
    closed = place.elder(name="王素珍", birth_date=date(1944, 3, 2), dialect="泸州话")
    db.session.commit()
    assert "王素珍" in page(desk, "/register/doubles")
    url = f"/register/merge/{kept.id}/{closed.id}"
    shown = page(desk, url)
    assert "泸州话" in shown
    data = {"kept_version": kept.version, "closed_version": closed.version, "take-dialect": "closed"}
    assert send(desk, url, **(data | {"kept_version": "99"})).status_code == 422
    assert send(desk, url, **data).status_code == 303
    answer = desk.get(f"/elders/{closed.id}")
    assert (answer.status_code, answer.location) == (303, f"/elders/{kept.id}")
    assert desk.get(f"/elders/{closed.id}/edit").location == f"/elders/{kept.id}"
    assert "泸州话" in page(desk, f"/elders/{kept.id}")
    assert page(desk, "/elders?tab=left").count(f'/elders/{closed.id}"') == 0
    assert page(desk, "/search?q=王素珍").count("王素珍</") <= page(desk, "/search?q=王素珍").count("王素珍")
    page(desk, f"/register/merge/{kept.id}/{kept.id}", 404)


def test_moving_by_page_and_both_landing_pages_say_so(desk, client, place):
    elder = place.elder(name="王素珍")
    db.session.commit()
    url = f"/register/elders/{elder.id}/move"
    assert "转到别的社区" in page(desk, f"/elders/{elder.id}")
    page(desk, url)
    data = {
        "to_area_id": place.tree.outside.id,
        "to_address": "望江路5号",
        "moved_on": TODAY.isoformat(),
        "reason": "搬去和女儿同住",
    }
    assert send(desk, url, **(data | {"to_address": ""})).status_code == 422
    assert send(desk, url, **data).location == "/register/moves"
    move = db.session.scalars(select(AreaMove)).one()
    assert "位长者转出，对方还没有接收" in page(desk, "/")
    assert "等对方接收" in page(desk, "/register/moves")
    assert "接收这位长者？" not in page(desk, f"/register/moves/{move.id}")
    factories.sign_in(client, db.session.get(User, place.there.user_id))
    assert re.search(r'<b class="num">1</b><span>位长者转来', page(client, "/"))
    shown = page(client, f"/register/moves/{move.id}")
    assert "接收这位长者？" in shown
    page(client, f"/elders/{elder.id}", 404)
    assert send(client, f"/register/moves/{move.id}/return").status_code == 422
    assert send(client, f"/register/moves/{move.id}/accept").status_code == 303
    page(client, f"/elders/{elder.id}")
    db.session.expire_all()
    assert (move.state, elder.area_id) == (MoveState.ACCEPTED, place.tree.outside.id)


def test_leaving_by_page_calls_off_and_a_mistake_is_undone(desk, place, worker):
    elder = place.elder(name="王素珍")
    visit = place.visit(elder, 3, worker)
    db.session.commit()
    url = f"/register/elders/{elder.id}/leave"
    assert "已经排好的 1 次探访" in page(desk, url)
    assert send(desk, url, status="moved", left_on="2010-01-01").status_code == 422
    assert send(desk, url, status="merged", left_on=TODAY.isoformat()).status_code == 422
    assert send(desk, url, status="moved", left_on=TODAY.isoformat()).status_code == 303
    db.session.expire_all()
    assert (elder.status, visit.state) == (ElderStatus.MOVED, VisitState.CANCELLED)
    url = f"/register/elders/{elder.id}/undo-leaving"
    page(desk, url)
    assert send(desk, url).status_code == 422
    assert send(desk, url, reason="登记错了人").status_code == 303
    db.session.expire_all()
    assert elder.status is ElderStatus.ACTIVE


def test_pages_ask_as_often_for_many_as_for_few(desk, place):
    elder = place.elder(name="王素珍")
    record_of(place, elder)
    move_elder(place.here, elder, place.tree.outside, "望江路5号", TODAY, "搬家")
    survey = survey_of(place)
    urls = [
        "/register",
        f"/register/surveys/{survey.id}",
        "/register/compare/disabled",
        "/register/moves",
        "/register/doubles",
        "/register/doors",
    ]

    def count(url):
        with statements() as asked:
            page(desk, url)
        return len(asked)

    few = {url: count(url) for url in urls}
    for n in range(4):
        one = place.elder(name="王素珍", birth_date=date(1940, 1, 1) + timedelta(days=n))
        record_of(place, one)
    send(desk, f"/register/surveys/{survey.id}/complete")
    many = {url: count(url) for url in urls}
    assert many == few
    assert max(many.values()) <= MOST_QUERIES, many


def test_supervisors_and_workers_have_no_part_in_it(client, place, worker):
    for user in (
        factories.make_user(Role.COUNTY_SUPERVISOR, place.tree.county),
        db.session.get(User, worker.user_id),
    ):
        factories.sign_in(client, user)
        for url in ("/register", "/register/moves", "/register/doubles", "/register/compare/disabled"):
            page(client, url, 403)
