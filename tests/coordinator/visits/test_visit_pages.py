"""Visits, manual assignment, rules, events and contacts as pages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from coordinator.elders.models import ConsentState
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.visits.festivals import festivals
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import SurgeEvent, SurgeKind, Visit
from coordinator.visits.services import assign
from coordinator.workforce.models import ServiceContact
from tests.coordinator.visits.conftest import NOW, TODAY
from tests.coordinator.visits.test_assignment import make_minor
from tests.factories import make_user, make_worker, sign_in

TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def signed_in(client, world):
    sign_in(client, make_user(Role.STREET_COORDINATOR, world.tree.street))
    return client


@pytest.fixture
def post(signed_in):
    """Send a form with the token of the session."""

    def send(url, **data):
        html = signed_in.get("/events").text
        data["csrf_token"] = re.search(r'name="csrf_token" value="([^"]+)"', html).group(1)
        return signed_in.post(url, data=data)

    return send


# --- the list and one visit ------------------------------------------------------------------------------


def test_the_list_of_visits_filters_by_state_day_and_person(signed_in, world):
    worker = make_worker(world.tree.street, name="陈素芬")
    given = world.visit(world.key_elder(name="王素珍"), TOMORROW)
    assign(world.coordinator, given, [(worker, False)])
    world.visit(world.key_elder(name="何秀英"), TODAY)
    world.visited(world.key_elder(name="谢光荣"), TODAY)

    def names(query):
        html = signed_in.get(f"/visits?{query}").text
        return {name for name in ("王素珍", "何秀英", "谢光荣") if name in html}

    assert names("") == {"王素珍", "何秀英", "谢光荣"}
    assert names("state=assigned") == {"王素珍"}
    assert names("state=open") == {"何秀英"}
    assert names(f"day={TODAY.isoformat()}") == {"何秀英", "谢光荣"}
    assert names("q=陈素芬") == {"王素珍"}
    assert names(f"area={world.tree.other_community.id}") == set()
    assert signed_in.get("/visits?format=xlsx").status_code == 200


def test_a_visit_tells_its_story(signed_in, world):
    worker = make_worker(world.tree.street, name="陈素芬")
    visit = world.visit(
        world.key_elder(name="王素珍", cautions="门口有狗"),
        TOMORROW,
        rule="luzhou.key.half_month",
        period=(date(2026, 3, 16), date(2026, 3, 31)),
    )
    assign(world.coordinator, visit, [(worker, False)])
    html = signed_in.get(f"/visits/{visit.id}").text
    for words in ("王素珍", "陈素芬", "已派人", "门口有狗", "计入 3月16–31日 这一期", "安排王素珍的上门探访"):
        assert words in html
    call = world.called(world.key_elder(), TODAY)
    assert "第 1 次" in signed_in.get(f"/visits/{call.id}").text


def test_a_visit_elsewhere_does_not_exist(signed_in, world):
    from tests.factories import make_actor, make_elder, visit_times

    tree = world.tree
    away = make_actor(Role.STREET_COORDINATOR, tree.other_street)
    from coordinator.visits.services import open_visit

    visit = open_visit(away, make_elder(tree.outside), *visit_times(TOMORROW))
    for url in (f"/visits/{visit.id}", f"/visits/{visit.id}/assign", f"/visits/{visit.id}/reopen"):
        assert signed_in.get(url).status_code == 404, url


def test_cancel_release_and_miss_want_a_reason(post, signed_in, world, freeze):
    worker = make_worker(world.tree.street)
    visit = world.visit(world.key_elder(), TODAY, start=time(11))
    assign(world.coordinator, visit, [(worker, False)])
    empty = post(f"/visits/{visit.id}/cancel", reason=" ")
    assert empty.status_code == 422
    assert "请写明原因。" in empty.text
    assert post(f"/visits/{visit.id}/release/{worker.id}", reason="临时有事").status_code == 303
    assert visit.state is VisitState.OPEN
    early = post(f"/visits/{visit.id}/miss", reason="没有人有空")
    assert early.status_code == 422
    assert "还没有到探访的时间" in early.text
    assert "没有人有空" in early.text or 'id="reason-cancel"' in early.text
    freeze(NOW + timedelta(hours=2))
    sign_in(signed_in, make_user(Role.STREET_COORDINATOR, world.tree.street))
    assert post(f"/visits/{visit.id}/miss", reason="没有人有空").status_code == 303
    assert visit.state is VisitState.MISSED
    again = post(f"/visits/{visit.id}/reopen", day=TOMORROW.isoformat(), start="09:30")
    assert again.status_code == 303
    assert (visit.state, visit.starts_at) == (VisitState.OPEN, datetime(2026, 3, 27, 1, 30, tzinfo=UTC))
    assert post(f"/visits/{visit.id}/cancel", reason="长者外出").status_code == 303
    assert visit.state is VisitState.CANCELLED
    assert post(f"/visits/{visit.id}/cancel", reason="长者外出").status_code == 422


# --- manual assignment -----------------------------------------------------------------------------------


def test_candidates_stand_with_their_reasons(signed_in, world):
    elder = world.key_elder()
    visit = world.visit(elder, TOMORROW)
    contact = make_worker(world.tree.street, name="陈素芬")
    db.session.add(ServiceContact(elder_id=elder.id, worker_id=contact.id, since=date(2026, 1, 1)))
    make_worker(world.tree.street, name="吴启明", ready=False)
    make_worker(world.tree.street, name="邓远山", start_latitude=28.95, start_longitude=105.5)
    busy = make_worker(world.tree.street, name="何建国")
    assign(world.coordinator, world.visit(world.key_elder(name="谢光荣"), TOMORROW), [(busy, False)])
    make_minor(world.tree.street)
    make_worker(world.tree.outside, name="不在这里")
    html = signed_in.get(f"/visits/{visit.id}/assign").text
    assert html.index("陈素芬") < html.index("邓远山") < html.index("吴启明")
    assert "服务联系人" in html
    assert "吴启明还没有登记探访培训" in html
    assert "超出服务半径" in html
    assert "9:00–9:30 要去探访谢光荣" in html
    assert "未成年，只能陪同" in html
    assert "不在这里" not in html
    leads = re.findall(r'name="leads" value="(\d+)"', html)
    assert str(busy.id) not in leads
    assert str(contact.id) in leads


def test_assigning_from_the_page(post, world):
    visit = world.visit(world.key_elder(), TOMORROW)
    adult, minor = make_worker(world.tree.street), make_minor(world.tree.street)
    alone = post(f"/visits/{visit.id}/assign", companions=minor.id)
    assert alone.status_code == 422
    assert "不能单独上门" in alone.text
    assert post(f"/visits/{visit.id}/assign", leads=adult.id, companions=minor.id).status_code == 303
    assert visit.state is VisitState.ASSIGNED
    assert [(one.worker_id, one.is_companion) for one in visit.assignments] == [
        (adult.id, False),
        (minor.id, True),
    ]
    assert post(f"/visits/{visit.id}/assign", leads=adult.id).status_code == 409


def test_a_warning_wants_a_word(post, world):
    visit = world.visit(world.key_elder(), TOMORROW)
    far = make_worker(world.tree.street, name="邓远山", start_latitude=28.95, start_longitude=105.5)
    refused = post(f"/visits/{visit.id}/assign", leads=far.id)
    assert refused.status_code == 422
    assert "请写明为什么还是派他去" in refused.text
    assert visit.state is VisitState.OPEN
    assert post(f"/visits/{visit.id}/assign", leads=far.id, reason="已经说好，开车去").status_code == 303


def test_candidates_cost_the_same_for_many(signed_in, world, queries):
    visit = world.visit(world.key_elder(), TOMORROW)
    for _ in range(3):
        make_worker(world.tree.street)
    db.session.commit()
    signed_in.get(f"/visits/{visit.id}/assign")
    queries.clear()
    signed_in.get(f"/visits/{visit.id}/assign")
    few = len(queries)
    for _ in range(20):
        make_worker(world.tree.street)
    db.session.commit()
    queries.clear()
    signed_in.get(f"/visits/{visit.id}/assign")
    assert len(queries) == few


def test_the_list_of_visits_costs_the_same_for_many(signed_in, world, queries):
    def fill(n):
        for hour in range(n):
            visit = world.visit(world.key_elder(), TOMORROW + timedelta(days=hour))
            assign(world.coordinator, visit, [(make_worker(world.tree.street), False)])
        db.session.commit()

    fill(2)
    signed_in.get("/visits")
    queries.clear()
    signed_in.get("/visits")
    few = len(queries)
    fill(15)
    queries.clear()
    signed_in.get("/visits")
    assert len(queries) == few <= 12


# --- made by hand ----------------------------------------------------------------------------------------


def test_a_visit_made_by_hand_serves_the_obligation_of_its_day(post, signed_in, world):
    elder = world.key_elder()
    form = signed_in.get(f"/visits/new?elder={elder.id}").text
    assert 'value="2026-03-27"' in form
    data = {"day": "2026-03-27", "start": "09:30", "minutes": "40", "mode": "home", "people": "1"}
    answer = post(f"/visits/new?elder={elder.id}", **data)
    assert answer.status_code == 303
    visit = db.session.scalars(select(Visit).where(Visit.elder_id == elder.id)).one()
    assert answer.location.endswith(f"/visits/{visit.id}/assign")
    assert (visit.rule, visit.period_from) == ("luzhou.key.half_month", date(2026, 3, 16))
    assert visit.is_statutory
    world.visited(elder, TODAY)
    assert post(f"/visits/new?elder={elder.id}", **data | {"start": "14:00"}).status_code == 303
    extra = db.session.scalars(select(Visit).order_by(Visit.id.desc()).limit(1)).one()
    assert (extra.rule, extra.is_statutory) == (None, False)
    refusing = world.key_elder()
    world.consent(refusing, ConsentState.REFUSED)
    refused = post(f"/visits/new?elder={refusing.id}", **data)
    assert refused.status_code == 422
    assert "不愿意接受探访关爱服务" in refused.text


def test_logging_a_call(post, signed_in, world):
    elder = world.key_elder(name="王素珍")
    assert "登记和王素珍的联系" in signed_in.get(f"/visits/contact?elder={elder.id}").text
    data = {
        "mode": "phone",
        "outcome": "completed",
        "day": "2026-03-26",
        "start": "09:40",
        "note": "一切都好",
    }
    late = post(f"/visits/contact?elder={elder.id}", **data | {"start": "10:01"})
    assert late.status_code == 422
    assert "联系的时间不能晚于现在。" in late.text
    assert "一切都好" in late.text
    assert post(f"/visits/contact?elder={elder.id}", **data).status_code == 303
    visit = db.session.scalars(select(Visit)).one()
    assert (visit.state, visit.contact_note) == (VisitState.COMPLETED, "一切都好")
    assert signed_in.get("/visits/contact?elder=999999").status_code == 404


# --- rules and events ------------------------------------------------------------------------------------


def test_the_rules_are_readable_with_quotations_and_settings(signed_in):
    from coordinator.policy import load_pack

    html = signed_in.get("/rules").text
    pack = load_pack("luzhou")
    assert pack.digest in html
    assert "泸州市民政局办公室" in html
    assert "川民发〔2023〕116号" in html
    assert "半月按 1–15 日、16 日–月底计算。" in html
    assert "下面每一条都是设定，不是文件原文。" in html
    assert "<mark>每半月至少上门探访服务1次</mark>" in html
    text = re.sub(r"</?mark>", "", html)
    for entry in (*pack.categories, *pack.tiers, *pack.obligations, *pack.clauses):
        assert entry.quote in text, entry.id


@pytest.mark.parametrize(
    ("year", "name", "first", "last"),
    [
        (2026, "春节", date(2026, 2, 16), date(2026, 2, 22)),  # 除夕 to 初六
        (2026, "清明节", date(2026, 4, 4), date(2026, 4, 6)),
        (2026, "端午节", date(2026, 6, 18), date(2026, 6, 20)),
        (2026, "中秋节", date(2026, 9, 24), date(2026, 9, 26)),
        (2026, "重阳节", date(2026, 10, 18), date(2026, 10, 18)),
        (2025, "春节", date(2025, 1, 28), date(2025, 2, 3)),
        (2025, "端午节", date(2025, 5, 30), date(2025, 6, 1)),
        (2024, "中秋节", date(2024, 9, 16), date(2024, 9, 18)),
    ],
)
def test_festivals_of_known_years(year, name, first, last):
    found = {one.name: one for one in festivals(year)}
    assert (found[name].first_day, found[name].last_day) == (first, last)


def test_festivals_end_with_the_calendar():
    with pytest.raises(ValueError, match="2100"):
        festivals(2100)


def test_a_suggested_festival_is_added_with_one_press(post, signed_in, world):
    data = {
        "area": world.tree.street.id,
        "kind": "festival",
        "name": "清明节",
        "first_day": "2026-04-04",
        "last_day": "2026-04-06",
    }
    assert "没有登记" in signed_in.get("/events").text
    assert post("/events", **data).status_code == 303
    event = db.session.scalars(select(SurgeEvent)).one()
    assert (event.area_id, event.first_day) == (world.tree.street.id, date(2026, 4, 4))
    twice = post("/events", **data)
    assert twice.status_code == 422
    assert "已经登记过了" in twice.text
    html = signed_in.get("/events").text
    assert "清明节" in html
    assert post(f"/events/{event.id}/cancel").status_code == 422  # not without a reason
    assert post(f"/events/{event.id}/cancel", reason="登记错了").status_code == 303
    assert db.session.scalars(select(SurgeEvent)).one().area_id is None


def test_events_are_entered_for_ones_own_areas_only(post, signed_in, world):
    data = {
        "area": world.tree.county.id,
        "kind": "epidemic",
        "name": "流感",
        "first_day": "2026-04-04",
        "last_day": "2026-04-06",
    }
    assert post("/events", **data).status_code == 422
    above = world.event(SurgeKind.FESTIVAL, "端午节", date(2026, 6, 18), date(2026, 6, 20), world.tree.city)
    html = signed_in.get("/events").text
    assert "端午节" in html
    assert "上级登记" in html
    assert post(f"/events/{above.id}/cancel", reason="不对").status_code == 404
    backwards = post("/events", **data | {"area": world.tree.street.id, "last_day": "2026-04-01"})
    assert backwards.status_code == 422
    assert "最后一天不能早于第一天。" in backwards.text
    assert signed_in.get("/events?year=99999").status_code == 200
