"""应访清单: content, counts that add up, scope, queries."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from coordinator.elders.models import Category, ConsentKind, ConsentState, ElderStatus
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.visits.lifecycle import ContactOutcome
from coordinator.visits.models import OverdueReason, SurgeKind
from coordinator.workforce.models import ServiceContact
from tests.coordinator.visits.conftest import TODAY
from tests.factories import make_user, make_worker, sign_in


@pytest.fixture
def signed_in(client, world):
    sign_in(client, make_user(Role.STREET_COORDINATOR, world.tree.street))
    return client


def counts(html: str) -> dict[str, int]:
    """The tabs of the page."""
    nav = re.search(r'<nav class="tf-tabs".*?</nav>', html, re.S).group()
    found = re.findall(r'<span class="n">(\d+)</span>(?:<span[^>]*>.*?</svg>)?([^<]+)', nav, re.S)
    return {word.strip(): int(n) for n, word in found}


def first_row(html: str) -> str:
    return re.search(r"<tbody>.*?</tr>", html, re.S).group()


def test_overdue_first_with_rule_period_and_why_not_counted(signed_in, world):
    elder = world.key_elder(name="王素珍")
    worker = make_worker(world.tree.street, name="陈素芬")
    db.session.add(ServiceContact(elder_id=elder.id, worker_id=worker.id, since=date(2026, 1, 1)))
    world.visited(elder, date(2026, 2, 10))
    world.visited(elder, date(2026, 2, 20))
    world.called(elder, date(2026, 3, 4))
    world.general_elder(name="何秀英", enrolled_on=date(2026, 3, 1))
    html = signed_in.get("/due").text
    row = first_row(html)
    assert "王素珍" in row
    assert "陈素芬" in row
    assert "逾期" in row
    assert "11 天" in row
    assert "半月上门 1 次" in row
    assert "3月1–15日，已计 0 / 1" in row
    assert "3月4日 电话" in row
    assert "未计入：方式不符" in row
    assert "独居·高龄" in row
    assert "截至 3月26日（周四）10:00，按泸州市实施方案（2023）计算。" in html
    assert "含今天所在的各期，以及上月和本月已逾期的。" in html
    assert "3月16–31日这一期还剩 5 天。" in html


def test_the_tabs_add_up_and_select(signed_in, world):
    for _ in range(3):
        world.visited(world.general_elder(), date(2026, 3, 3))  # met in March, overdue in February
    refusing = world.general_elder()
    world.consent(refusing, ConsentState.REFUSED)
    remote = world.general_elder(enrolled_on=date(2026, 3, 1))
    world.consent(remote, ConsentState.REMOTE_ONLY)
    world.general_elder(enrolled_on=date(2026, 3, 1))
    html = signed_in.get("/due").text
    found = counts(html)
    assert found == {
        "全部待办": 5,
        "逾期": 3,
        "临期": 1,
        "应访": 0,
        "受阻": 1,
        "已达标": 3,
        "豁免": 1,
    }
    assert found["全部待办"] == sum(found[word] for word in ("逾期", "临期", "应访", "受阻"))
    for status, n in (("overdue", 3), ("soon", 1), ("blocked", 1), ("met", 3), ("waived", 1)):
        page = signed_in.get(f"/due?status={status}").text
        assert page.count("data-panel-href") == n, status
    assert "只接受远程" in signed_in.get("/due?status=blocked").text
    assert "不愿意接受服务" in signed_in.get("/due?status=waived").text


def test_soon_is_the_last_week_only(signed_in, world, freeze):
    from datetime import UTC, datetime

    world.general_elder(enrolled_on=date(2026, 3, 1))
    freeze(datetime(2026, 3, 23, 2, tzinfo=UTC))
    assert counts(signed_in.get("/due").text)["应访"] == 1
    freeze(datetime(2026, 3, 24, 2, tzinfo=UTC))
    assert counts(signed_in.get("/due").text)["临期"] == 1


def test_overdue_reaches_back_one_month_and_no_further(signed_in, world):
    elder = world.general_elder()
    world.visited(elder, date(2026, 3, 2))
    html = signed_in.get("/due?status=overdue").text
    assert "2月1–28日" in html
    assert "1月1–31日" not in html


def test_an_elder_who_died_leaves_the_list(signed_in, world):
    world.general_elder(name="刘德明", status=ElderStatus.DECEASED, left_on=date(2026, 3, 10))
    assert "刘德明" not in signed_in.get("/due").text
    assert "期末前已离册" in signed_in.get("/due?status=waived").text


def test_filters_and_search(signed_in, world):
    world.key_elder(name="王素珍")
    world.general_elder(name="何秀英", area=world.tree.other_community)
    world.elder(Category.LEFT_BEHIND, name="谢光荣", birth_date=date(1950, 1, 1), ability_level=3)

    def names(query):
        html = signed_in.get(f"/due?{query}").text
        return {name for name in ("王素珍", "何秀英", "谢光荣") if name in html}

    assert names("") == {"王素珍", "何秀英", "谢光荣"}
    assert names("tier=key") == {"王素珍", "谢光荣"}
    assert names("tier=general") == {"何秀英"}
    assert names(f"area={world.tree.other_community.id}") == {"何秀英"}
    assert names("category=left_behind") == {"谢光荣"}
    assert names("category=impaired") == {"谢光荣"}
    assert names("q=何秀") == {"何秀英"}
    assert names("mode=remote") == set()
    assert names("mode=home") == {"王素珍", "何秀英", "谢光荣"}
    assert names(f"area={world.tree.outside.id}") == {"王素珍", "何秀英", "谢光荣"}
    assert names("tier=nonsense&sort=nonsense&page=99") == {"王素珍", "何秀英", "谢光荣"}


def test_sorting_turns_round(signed_in, world):
    world.general_elder(name="阿一", enrolled_on=date(2026, 3, 1))
    world.general_elder(name="周一", enrolled_on=date(2026, 3, 1))
    up = signed_in.get("/due?sort=name").text
    down = signed_in.get("/due?sort=name&dir=desc").text
    assert up.index("阿一") < up.index("周一")
    assert down.index("周一") < down.index("阿一")
    for key in ("status", "tier", "place", "period", "last"):
        assert signed_in.get(f"/due?sort={key}&dir=desc").status_code == 200


def test_paging(signed_in, world):
    for _ in range(25):
        world.general_elder(enrolled_on=date(2026, 3, 1))
    first = signed_in.get("/due?per_page=20").text
    second = signed_in.get("/due?per_page=20&page=2").text
    assert "第 1–20 项，共 25 项" in first
    assert "第 21–25 项，共 25 项" in second
    assert second.count("data-panel-href") == 5


def test_each_role_sees_its_own_part(client, world):
    here = world.key_elder(name="王素珍")
    there = world.key_elder(name="何秀英", area=world.tree.other_community)
    away = world.key_elder(name="谢光荣", area=world.tree.outside)
    tree = world.tree
    for role, area, seen in (
        (Role.COMMUNITY_COORDINATOR, tree.community, {here.name}),
        (Role.STREET_COORDINATOR, tree.street, {here.name, there.name}),
        (Role.COUNTY_SUPERVISOR, tree.county, {here.name, there.name, away.name}),
        (Role.CITY_SUPERVISOR, tree.city, {here.name, there.name, away.name}),
    ):
        sign_in(client, make_user(role, area))
        html = client.get("/due?sort=status").text
        assert {name for name in (here.name, there.name, away.name) if name in html} == seen, role
        wanted = 200 if away.name in seen else 404
        url = f"/due/{away.id}?rule=luzhou.key.half_month&start=2026-03-16"
        assert client.get(url).status_code == wanted, role
        assert client.get(f"/due/elder/{away.id}").status_code == wanted
    sign_in(client, make_user(Role.ADMINISTRATOR, tree.street))
    assert client.get("/due").status_code == 403
    assert client.get("/rules").status_code == 200


def test_a_supervisor_prints_and_explains_nothing(client, world):
    elder = world.key_elder()
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, world.tree.county))
    html = client.get("/due?sort=status").text
    assert elder.name in html
    assert "打印名单" not in html
    assert "去规划" not in html
    assert client.get("/due/print/phone").status_code == 403
    answer = client.post(
        f"/due/{elder.id}/reason",
        data={"rule": "luzhou.key.half_month", "period_from": "2026-03-01", "reason": "长者住院"},
    )
    assert answer.status_code in (400, 403)
    assert db.session.scalars(select(OverdueReason)).all() == []


# --- the panel -------------------------------------------------------------------------------------------


def panel(client, elder, start="2026-03-01", rule="luzhou.key.half_month"):
    return client.get(f"/due/{elder.id}?rule={rule}&start={start}", headers={"HX-Request": "true"})


def test_the_panel_quotes_the_rule_and_says_what_counts(signed_in, world):
    elder = world.key_elder(name="王素珍", phone="13800006027")
    world.called(elder, date(2026, 3, 4))
    answer = panel(signed_in, elder)
    html = answer.text
    assert "<html" not in html
    assert "<mark>高龄独居</mark>" in html
    assert "<mark>每半月至少上门探访服务1次</mark>" in html
    assert "年满 80 周岁且独居，列为重点对象。" in html
    assert "文件没有写明，这是本街道的设定。" in html
    assert "138****6027" in html
    assert "13800006027" not in html
    assert "3月1–15日，上门 0 / 1 次" in html
    assert "未计入：这项只计上门" in html
    assert world.coordinator.name in html
    assert "3月16–31日还应上门 1 次，现在去计入这一期。" in html
    assert "写逾期原因" in html


def test_the_panel_is_also_a_page(signed_in, world):
    elder = world.key_elder(name="王素珍")
    html = signed_in.get(f"/due/{elder.id}?rule=luzhou.key.half_month&start=2026-03-16").text
    assert "<html" in html
    assert "3月31日以前上门 1 次就达标。" in html
    opened = signed_in.get(f"/due?open={elder.id}:luzhou.key.half_month:2026-03-16").text
    assert "3月31日以前上门 1 次就达标。" in opened
    assert signed_in.get("/due?open=1:x:y").status_code == 200
    assert signed_in.get("/due?open=999999:luzhou.key.half_month:2026-03-16").status_code == 200
    assert signed_in.get(f"/due/{elder.id}?rule=nothing&start=2026-03-16").status_code == 404
    assert signed_in.get(f"/due/{elder.id}?rule=x&start=nonsense").status_code == 404


def token(html: str) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', html).group(1)


def test_an_overdue_reason_is_kept_and_its_change_recorded(signed_in, world):
    elder = world.key_elder()
    data = {"rule": "luzhou.key.half_month", "period_from": "2026-03-01", "csrf_token": ""}
    data["csrf_token"] = token(panel(signed_in, elder).text)
    url = f"/due/{elder.id}/reason"
    empty = signed_in.post(url, data={**data, "reason": ""}, headers={"HX-Request": "true"})
    assert empty.status_code == 422
    assert "请写明原因。" in empty.text
    for text in ("长者住院，月底才出院", "长者住院，3月20日出院"):
        answer = signed_in.post(url, data={**data, "reason": text}, headers={"HX-Request": "true"})
        assert answer.status_code == 200
        assert text in answer.text
    assert signed_in.post(url, data={**data, "reason": "再改"}).status_code == 303
    rows = db.session.scalars(select(OverdueReason)).all()
    assert [row.reason for row in rows] == ["再改"]
    lines = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "overdue.explain")).all()
    assert len(lines) == 3
    running = {**data, "period_from": "2026-03-16", "reason": "还没有到期"}
    refused = signed_in.post(url, data=running, headers={"HX-Request": "true"})
    assert refused.status_code == 422
    assert len(db.session.scalars(select(OverdueReason)).all()) == 1


def test_the_block_for_the_dossier(signed_in, world):
    elder = world.key_elder(name="王素珍")
    world.event(SurgeKind.FESTIVAL, "清明节", date(2026, 4, 4), date(2026, 4, 6))
    html = signed_in.get(f"/due/elder/{elder.id}", headers={"HX-Request": "true"}).text
    assert "<html" not in html
    assert "清明节期间联系 1 次" in html
    assert "4月4–6日里上门、电话、视频等各种方式联系 1 次就达标。" in html
    assert "<html" in signed_in.get(f"/due/elder/{elder.id}").text


def test_a_contact_that_came_too_late_is_said_to_be_late(signed_in, world):
    elder = world.key_elder()
    world.called(elder, date(2026, 3, 14))
    world.visited(elder, date(2026, 3, 18))
    html = panel(signed_in, elder).text
    assert "未计入：这项只计上门" in html
    assert "未计入：晚了 3 天，这一期已经过去" in html
    assert "这一期已经达标，计了 1 次。" in panel(signed_in, elder, "2026-03-16").text
    block = signed_in.get(f"/due/elder/{elder.id}").text
    assert "未计入：晚了 3 天" in block
    assert "现在没有还要完成的应访。" in block


def test_what_stands_in_the_way_comes_first(signed_in, world):
    world.tree.street.policy_pack = "jiangmen"
    elder = world.elder(Category.LIVING_ALONE, birth_date=date(1940, 1, 1), ability_level=4)
    html = signed_in.get(f"/due/elder/{elder.id}").text
    assert "先问清上门的意愿" in html
    assert f"/elders/{elder.id}/consent/home" in html
    assert "下一个期限 3月" in html
    world.consent(elder, ConsentState.REFUSED, ConsentKind.HOME)
    assert "先再问一次上门的意愿" in signed_in.get(f"/due/elder/{elder.id}").text
    world.consent(elder, ConsentState.REMOTE_ONLY)
    assert "先和长者或家属商量能不能上门" in signed_in.get(f"/due/elder/{elder.id}").text


# --- events ----------------------------------------------------------------------------------------------


def test_a_festival_is_announced_then_owed_then_met_by_a_call(signed_in, world, freeze):
    from datetime import UTC, datetime

    elder = world.general_elder(name="何秀英")
    world.visited(elder, date(2026, 2, 3))
    world.visited(elder, date(2026, 3, 3))
    world.event(SurgeKind.FESTIVAL, "清明节", date(2026, 4, 4), date(2026, 4, 6), world.tree.city)
    before = signed_in.get("/due").text
    assert "清明节（4月4–6日）快到了，期间每位长者要联系 1 次。" in before
    assert counts(before)["全部待办"] == 0
    freeze(datetime(2026, 4, 5, 2, tzinfo=UTC))
    sign_in(signed_in, make_user(Role.STREET_COORDINATOR, world.tree.street))
    during = signed_in.get("/due?mode=remote").text
    assert "清明节期间联系 1 次" in during
    assert counts(during)["临期"] == 1
    world.called(elder, date(2026, 4, 5))
    assert counts(signed_in.get("/due?mode=remote").text)["已达标"] == 1


def test_events_hold_only_where_they_were_entered(signed_in, world):
    world.general_elder(name="何秀英")
    world.general_elder(name="谢光荣", area=world.tree.other_community)
    last = TODAY + timedelta(days=20)
    world.event(SurgeKind.EPIDEMIC, "流感", TODAY, last, world.tree.other_community)
    html = signed_in.get("/due?status=blocked").text
    assert "谢光荣" in html
    assert "何秀英" not in html
    assert "疫情期间不上门" in html


# --- out of the house ------------------------------------------------------------------------------------


def test_the_export_holds_what_the_list_holds(signed_in, world):
    from zipfile import ZipFile

    world.key_elder(name="=王素珍")
    answer = signed_in.get("/due?format=xlsx&status=overdue")
    assert answer.mimetype.endswith("spreadsheetml.sheet")
    with ZipFile(io.BytesIO(answer.data)) as book:
        text = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    assert "&#39;=王素珍" in text or "'=王素珍" in text
    assert "每半月至少上门探访服务1次" in text
    csv = signed_in.get("/due?format=csv").get_data(as_text=True)
    assert csv.count("王素珍") == 4  # February twice, March twice
    lines = db.session.scalars(
        select(AuditEntry.summary).where(AuditEntry.action == "due.export").order_by(AuditEntry.id)
    ).all()
    assert lines == ["导出应访清单，3 项", "导出应访清单，4 项"]


def test_the_telephone_list_names_numbers_once_per_elder(signed_in, world):
    world.key_elder(name="王素珍", phone="13800006027")
    html = signed_in.get("/due/print/phone").text
    assert html.count('<span class="name">王素珍</span>') == 1
    assert "138 0000 6027" in html
    assert "138 0000 0001" in html
    assert "到4月2日，过后销毁" in html
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "due.print_phone")).one()
    assert line.summary == "打印电话名单，1 位长者"


def test_the_home_list_leaves_out_whom_nobody_may_visit(signed_in, world):
    world.key_elder(name="王素珍", cautions="门口有狗", enrolled_on=date(2026, 3, 16) - timedelta(days=20))
    remote = world.general_elder(name="邓碧芳", enrolled_on=date(2026, 3, 1))
    world.consent(remote, ConsentState.REMOTE_ONLY)
    html = signed_in.get("/due/print/home").text
    assert "王素珍" in html
    assert "门口有狗" in html
    assert "邓碧芳" not in html
    assert "邓碧芳" in signed_in.get("/due/print/phone").text
    assert signed_in.get("/due/print/fax").status_code == 404


def test_the_selected_rows_are_printed(signed_in, world):
    chosen, other = world.key_elder(name="王素珍"), world.key_elder(name="何秀英")
    page = signed_in.get("/due").text
    data = {"csrf_token": token(page), "id": [f"{chosen.id}:luzhou.key.half_month:2026-03-16"]}
    html = signed_in.post("/due/print/home", data=data).text
    assert chosen.name in html
    assert other.name not in html
    everybody = signed_in.post("/due/print/home", data={**data, "all": "1"}).text
    assert chosen.name in everybody
    assert other.name in everybody
    assert signed_in.post("/due/plan", data=data).status_code == 303


def test_an_empty_list_says_what_to_do(signed_in):
    assert "长者登记以后，会按文件自动列出来。" in signed_in.get("/due").text


def test_the_number_of_queries_does_not_grow(signed_in, world, queries):
    def fill(n):
        for _ in range(n):
            elder = world.key_elder()
            world.called(elder, date(2026, 3, 20), ContactOutcome.NO_ANSWER)
        db.session.commit()

    fill(2)
    signed_in.get("/due")
    queries.clear()
    signed_in.get("/due")
    few = len(queries)
    fill(30)
    queries.clear()
    signed_in.get("/due")
    computing = len(queries)
    queries.clear()
    assert signed_in.get("/due").status_code == 200
    assert len(queries) == few
    assert few <= 12, "\n".join(queries)
    fill(60)
    queries.clear()
    signed_in.get("/due")
    assert len(queries) == computing, "computing more elders takes no more queries"
