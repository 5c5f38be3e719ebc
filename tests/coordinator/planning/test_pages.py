"""The pages: what they say, who may open them, how many queries they take."""

from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from coordinator.elders.models import Skill
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.planning import jobs, services
from coordinator.planning.models import Plan, PlanRoute, PlanStage, PlanState, PlanStop, RouteSheet
from coordinator.planning.solving.order import MAX_STARTS
from coordinator.visits.models import Visit
from tests import factories
from tests.coordinator.planning.conftest import MONTH, Street, solve
from tests.coordinator.planning.pages import post, text_of
from tests.coordinator.planning.plan_rows import first_day, print_first_route
from tests.statements import statements


@pytest.fixture
def desk(client: FlaskClient, street: Street) -> FlaskClient:
    """A browser in which the street's coordinator is signed in."""
    factories.sign_in(client, street.user)
    return client


# --- the month -------------------------------------------------------------------------------------------


def test_an_empty_month_offers_to_be_planned(desk: FlaskClient) -> None:
    page = text_of(desk.get("/planning/?month=2026-04"))
    assert "计算4月计划" in page
    assert "尽量同一个人" in page
    assert "活儿分匀" in page


def test_the_current_month_falls_to_the_next_when_it_is_over(desk: FlaskClient) -> None:
    assert "4月计划" in text_of(desk.get("/planning/"))


def test_starting_stopping_and_the_card(desk: FlaskClient, street: Street) -> None:
    answer = post(
        desk,
        f"/planning/areas/{street.area.id}/2026-04/start",
        continuity="some",
        balance="none",
        seconds="30",
    )
    assert answer.status_code == 303
    plan = db.session.scalars(select(Plan)).one()
    assert plan.detail["options"] == {"continuity": "some", "balance": "none", "travel": "some"}
    assert plan.time_limit_seconds == 30
    page = desk.get(answer.location)
    assert "已经排上队" in text_of(page)
    assert 'hx-trigger="every 1s"' in page.get_data(as_text=True)
    again = post(
        desk,
        f"/planning/areas/{street.area.id}/2026-04/start",
        continuity="some",
        balance="none",
        seconds="30",
    )
    assert again.status_code == 422
    # Nothing has been found yet: there is no best plan to stop with.
    assert "不算了" in desk.get(f"/planning/plans/{plan.id}").text
    assert post(desk, f"/planning/plans/{plan.id}/stop").status_code == 303
    db.session.expire_all()
    assert plan.state is PlanState.DISCARDED


def test_the_card_tells_stage_figures_and_restarts(desk: FlaskClient, street: Street) -> None:
    plan = services.request_plan(street.actor, street.area, MONTH)
    plan.state, plan.stage, plan.percent = PlanState.SOLVING, PlanStage.ROUTE, 62
    plan.started_at = plan.heartbeat_at = plan.created_at
    plan.detail = plan.detail | {
        "visits": 426,
        "left": 6,
        "starts": 2,
        "seconds": {"obligations": 1, "assign": 20},
    }
    plan.best = {"unserved_statutory": 3, "travel_seconds": 7200, "continuity": 0.891}
    db.session.commit()
    page = text_of(desk.get(f"/planning/plans/{plan.id}/progress"))
    for words in (
        "62%",
        "正在排每天的路线",
        "426 次，6 次受阻",
        "用时 19 秒",
        "必访还差 3 次",
        "2 小时",
        "89%",
        "上次计算中断了，已自动重新开始",
    ):
        assert words in page
    plan.state = PlanState.READY
    db.session.commit()
    answer = desk.get(f"/planning/plans/{plan.id}/progress")
    assert answer.headers["HX-Redirect"] == f"/planning/plans/{plan.id}"


def test_a_finished_month(desk: FlaskClient, street: Street) -> None:
    street.general[0].needs_skills = [Skill.NURSING.value]
    plan = solve(street)
    page = text_of(desk.get(f"/planning/plans/{plan.id}"))
    for words in (
        "应访 8 次，3 人可出勤",
        "还没排上，1 次",
        "缺有专门技能的人",
        "批准整月",
        "上半月止",
        "缺 1 次",
    ):
        assert words in page
    left = text_of(desk.get(f"/planning/plans/{plan.id}/left"))
    assert street.general[0].name in left
    assert "缺会护理的人" in left
    assert "放到可认领" in left


def test_a_failed_run_says_so(desk: FlaskClient, street: Street) -> None:
    plan = services.request_plan(street.actor, street.area, MONTH)
    plan.detail = plan.detail | {"starts": MAX_STARTS}
    db.session.commit()
    jobs.solve_plan(plan.id)
    assert "计算中断了好几次" in text_of(desk.get(f"/planning/plans/{plan.id}"))


def test_approving_the_month_asks_first_and_tells_progress(desk: FlaskClient, street: Street) -> None:
    plan = solve(street)
    question = text_of(desk.get(f"/planning/plans/{plan.id}/approve"))
    assert "生成 8 次探访" in question
    answer = post(desk, f"/planning/plans/{plan.id}/approve")
    assert answer.status_code == 303
    assert "正在派给每个人" in text_of(desk.get(answer.location))
    jobs.give_visits(plan.id)
    assert desk.get(f"/planning/plans/{plan.id}/giving").headers["HX-Redirect"]
    assert "派了 8 次" in text_of(desk.get(answer.location))


def test_the_call_list(desk: FlaskClient, street: Street) -> None:
    plan = solve(street)
    plan.detail = plan.detail | {
        "calls": [[street.general[0].id, "清明节期间联系 1 次", "2026-04-04", "2026-04-06"]]
    }
    db.session.commit()
    assert street.general[0].name in text_of(desk.get(f"/planning/plans/{plan.id}/calls"))


# --- the day ---------------------------------------------------------------------------------------------


def test_a_day_shows_routes_map_and_the_key_to_them(desk: FlaskClient, street: Street) -> None:
    plan = solve(street)
    day = first_day(plan)
    answer = desk.get(f"/planning/plans/{plan.id}/days/{day}")
    page = answer.get_data(as_text=True)
    stop = next(one for one in plan.stops if one.route is not None and one.route.day == day)
    assert stop.elder.name in page
    assert f'data-map-id="s{stop.id}"' in page
    assert "&#34;kind&#34;: &#34;stop&#34;" in page or "kind" in page
    assert "草案，未通知" in page
    assert desk.get("/planning/day").status_code == 303


def test_a_stop_beside_the_day_with_and_without_a_script(desk: FlaskClient, street: Street) -> None:
    plan = solve(street)
    stop = plan.stops[0]
    assert stop.route is not None
    url = f"/planning/plans/{plan.id}/days/{stop.route.day}?stop={stop.id}"
    whole = desk.get(url).get_data(as_text=True)
    assert "<html" in whole
    part = desk.get(url, headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "<html" not in part
    for page in (whole, part):
        assert "就这样移" in page
        assert stop.elder.household.address in page


def test_moving_by_form(desk: FlaskClient, street: Street) -> None:
    plan = solve(street)
    stop = next(one for one in plan.stops if one.elder_id == street.general[0].id)
    assert stop.route is not None
    worker = next(one for one in street.workers if one.id != stop.route.worker_id)
    where = f"/planning/plans/{plan.id}/stops/{stop.id}"
    answer = text_of(desk.get(f"{where}/preview?worker={worker.id}&day=2026-04-22"))
    assert "可以排" in answer
    refused = text_of(desk.get(f"{where}/preview?worker={worker.id}&day=2026-04-25"))
    assert "这样排不行" in refused
    assert worker.name in refused
    data = {
        "worker": worker.id,
        "day": "2026-04-25",
        "position": -1,
        "second": 0,
        "back": str(stop.route.day),
    }
    no = post(desk, f"{where}/move", **data)
    assert no.status_code == 422
    assert worker.name in text_of(no)
    yes = post(desk, f"{where}/move", **(data | {"day": "2026-04-22", "accept": "y"}))
    assert yes.status_code == 303
    db.session.expire_all()
    assert stop.route is not None
    assert (stop.route.worker_id, stop.route.day) == (worker.id, date(2026, 4, 22))
    assert post(desk, f"{where}/pin", pinned="").status_code == 303
    db.session.expire_all()
    assert not stop.pinned
    assert post(desk, f"{where}/take-off").status_code == 303
    db.session.expire_all()
    assert stop.route_id is None


def test_fixing_a_day_and_planning_the_rest(desk: FlaskClient, street: Street) -> None:
    plan = solve(street)
    day = first_day(plan)
    post(desk, f"/planning/plans/{plan.id}/days/{day}/pin")
    db.session.expire_all()
    assert all(one.pinned == (one.route.day == day) for one in plan.stops if one.route)
    answer = post(desk, f"/planning/plans/{plan.id}/replan")
    assert answer.status_code == 303
    again = db.session.scalars(select(Plan).order_by(Plan.id.desc()).limit(1)).one()
    assert again.based_on_id == plan.id


def test_approving_and_withdrawing_a_day(desk: FlaskClient, street: Street) -> None:
    plan = solve(street)
    day = first_day(plan)
    base = f"/planning/plans/{plan.id}/days/{day}"
    assert "通知 1 人" in text_of(desk.get(f"{base}/approve")) or "通知" in text_of(
        desk.get(f"{base}/approve")
    )
    assert post(desk, f"{base}/approve").status_code == 303
    page = text_of(desk.get(base))
    assert "已批准，已通知" in page
    assert "撤回批准" in page
    assert "会收到" in text_of(desk.get(f"{base}/withdraw"))
    assert post(desk, f"{base}/withdraw", reason="").status_code == 422
    assert post(desk, f"{base}/withdraw", reason="台风").status_code == 303
    assert "草案，未通知" in text_of(desk.get(base))


def test_offering_what_was_left_out(desk: FlaskClient, street: Street) -> None:
    street.general[0].needs_skills = [Skill.NURSING.value]
    plan = solve(street)
    stop = next(one for one in plan.stops if one.route_id is None)
    url = f"/planning/plans/{plan.id}/stops/{stop.id}/offer"
    assert post(desk, url, day="2026-04-20", time="10:00").status_code == 303
    assert db.session.scalar(select(func.count()).select_from(Visit)) == 1
    assert "可认领" in text_of(desk.get(f"/planning/plans/{plan.id}/left"))


# --- sheets ----------------------------------------------------------------------------------------------


def test_sheets_are_files_and_their_codes_lead_somewhere(desk: FlaskClient, street: Street) -> None:
    plan = solve(street)
    day = first_day(plan)
    preview = desk.get(f"/planning/plans/{plan.id}/days/{day}/sheets.pdf")
    assert preview.mimetype == "application/pdf"
    services.approve_day(street.actor, plan, day)
    db.session.commit()
    route = db.session.scalars(
        select(PlanRoute).where(PlanRoute.day == day).order_by(PlanRoute.letter)
    ).first()
    assert route is not None
    answer = desk.get(f"/planning/plans/{plan.id}/routes/{route.id}/sheet.pdf")
    assert answer.get_data().startswith(b"%PDF")
    assert answer.headers["Cache-Control"] == "no-store"
    sheet = db.session.scalars(select(RouteSheet)).one()
    stop = db.session.scalars(
        select(PlanStop.id).where(PlanStop.route_id == route.id, PlanStop.position == 0)
    ).one()
    there = desk.get(f"/planning/sheets/{sheet.code}/1")
    assert there.location.endswith(f"/planning/plans/{plan.id}/days/{day}?stop={stop}")
    sheet.voided_at = sheet.issued_at
    db.session.commit()
    stale = desk.get(f"/planning/sheets/{sheet.code}")
    assert stale.status_code == 410
    assert "已经作废" in text_of(stale)


def test_a_sheet_opens_only_for_its_worker_and_the_area(client: FlaskClient, street: Street) -> None:
    plan = solve(street)
    route = print_first_route(street, plan)
    db.session.commit()
    url = f"/planning/sheets/{db.session.scalars(select(RouteSheet.code)).one()}"
    assert client.get(url).status_code in (302, 303)
    other = next(one for one in street.workers if one.id != route.worker_id)
    for worker, status in ((route.worker, 303), (other, 404)):
        from coordinator.accounts.models import User

        factories.sign_in(client, db.session.get_one(User, worker.user_id))
        assert client.get(url).status_code == status


# --- access and cost -------------------------------------------------------------------------------------


def test_another_street_is_not_found(client: FlaskClient, street: Street) -> None:
    plan = solve(street)
    factories.sign_in(client, factories.make_user(Role.STREET_COORDINATOR))
    day = first_day(plan)
    stop = plan.stops[0].id
    for url in (
        f"/planning/?area={street.area.id}",
        f"/planning/plans/{plan.id}",
        f"/planning/plans/{plan.id}/progress",
        f"/planning/plans/{plan.id}/left",
        f"/planning/plans/{plan.id}/calls",
        f"/planning/plans/{plan.id}/days/{day}",
        f"/planning/plans/{plan.id}/days/{day}/sheets.pdf",
        f"/planning/plans/{plan.id}/stops/{stop}/preview?worker=1&day={day}",
        f"/planning/plans/{plan.id}/approve",
        f"/planning/plans/{plan.id}/days/{day}/withdraw",
    ):
        assert client.get(url).status_code == 404, url
    for url in ("stop", "discard", "replan", "approve", f"stops/{stop}/move", f"days/{day}/approve"):
        assert post(client, f"/planning/plans/{plan.id}/{url}").status_code == 404, url


def test_a_supervisor_reads_and_changes_nothing(client: FlaskClient, street: Street) -> None:
    plan = solve(street)
    factories.sign_in(client, factories.make_user(Role.COUNTY_SUPERVISOR, street.area))
    page = text_of(client.get(f"/planning/plans/{plan.id}"))
    assert "4月计划" in page
    assert "批准整月" not in page
    assert "开始计算" not in page
    assert post(client, f"/planning/plans/{plan.id}/approve").status_code == 403
    assert client.get(f"/planning/plans/{plan.id}/days/{first_day(plan)}/sheets.pdf").status_code == 403


def test_a_worker_has_no_business_here(client: FlaskClient, street: Street) -> None:
    plan = solve(street)
    factories.sign_in(client, factories.make_user(Role.WORKER))
    assert client.get("/planning/").status_code == 403
    assert client.get(f"/planning/plans/{plan.id}").status_code == 403


@pytest.mark.parametrize("what", ["month", "day", "stop", "left"])
def test_pages_take_few_queries(desk: FlaskClient, street: Street, what: str) -> None:
    plan = solve(street)
    day = first_day(plan)
    stop = next(one.id for one in plan.stops if one.route is not None and one.route.day == day)
    url = {
        "month": f"/planning/plans/{plan.id}",
        "day": f"/planning/plans/{plan.id}/days/{day}",
        "stop": f"/planning/plans/{plan.id}/days/{day}?stop={stop}",
        "left": f"/planning/plans/{plan.id}/left",
    }[what]
    desk.get(url)
    with statements() as seen:
        assert desk.get(url).status_code == 200
    assert len(seen) <= (12 if what != "stop" else 16), "\n".join(one[:90].replace("\n", " ") for one in seen)
