"""Pages on the read model of what is owed: right at once, mended while read, honest about what waits."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select, update

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.areas import AreaLevel, create_area
from coordinator.kernel.queue import OwedJob
from coordinator.visits import jobs
from coordinator.visits.models import OwedElder, OwedObligation
from coordinator.visits.queries.due_scope import read_due_scope
from coordinator.visits.services import owed
from coordinator.visits.services.owed import freshen
from tests.coordinator.visits.conftest import TODAY
from tests.coordinator.visits.ready_rows import live, marked, ready, settle
from tests.factories import make_user, sign_in


@pytest.fixture
def signed_in(client, world):
    sign_in(client, make_user(Role.STREET_COORDINATOR, world.tree.street))
    return client


def test_a_page_is_right_at_once_after_a_change(signed_in, world):
    elder = world.general_elder(name="何秀英", enrolled_on=date(2026, 3, 1))
    assert "何秀英" in signed_in.get("/due?status=soon").text
    assert marked() == set()
    world.visited(elder, TODAY)
    assert "何秀英" not in signed_in.get("/due").text
    assert "何秀英" in signed_in.get("/due?status=met").text
    assert marked() == set()


def test_the_first_of_the_month_needs_no_night(signed_in, world, freeze):
    elder = world.general_elder(name="何秀英")
    world.visited(elder, date(2026, 2, 3))
    signed_in.get("/due")
    computed = db.session.scalars(select(OwedElder.computed_on)).all()
    freeze(datetime(2026, 3, 31, 16, 1, tzinfo=UTC))
    assert clock.today() == date(2026, 4, 1)
    sign_in(signed_in, make_user(Role.STREET_COORDINATOR, world.tree.street))
    html = signed_in.get("/due").text
    assert "3月1–31日，已计 0 / 1" in html
    assert "4月1–30日，已计 0 / 1" in html
    assert db.session.scalars(select(OwedElder.computed_on)).all() == computed, "nothing had to be computed"
    freeze(datetime(2026, 5, 1, 2, tzinfo=UTC))
    sign_in(signed_in, make_user(Role.STREET_COORDINATOR, world.tree.street))
    html = signed_in.get("/due").text
    assert "3月1–31日" not in html
    assert "4月1–30日" in html
    assert "5月1–31日" in html


def test_more_than_a_reader_can_wait_for_is_left_to_the_job_and_said(signed_in, world, monkeypatch):
    monkeypatch.setattr(owed, "MOST_IN_REQUEST", 2)
    settle()
    for number in range(3):
        world.general_elder(name=f"何{'一二三'[number]}英", enrolled_on=date(2026, 3, 1))
    for _again in range(2):
        html = signed_in.get("/due").text
        assert "正在重新计算 3 位长者，下面的数字还会变。" in html
        assert "何一英" not in html
    assert "正在重新计算 3 位长者" in signed_in.get("/due/areas").text
    owed_jobs = db.session.scalars(select(OwedJob).where(OwedJob.name == owed.REFRESH_JOB)).all()
    assert len(owed_jobs) == 1, "asked for twice, owed once"
    jobs.refresh_owed()
    html = signed_in.get("/due").text
    assert "正在重新计算" not in html
    assert "何一英" in html


def test_the_menu_counts_the_overdue_in_red(signed_in, world):
    world.general_elder()
    world.general_elder(area=world.tree.outside)
    assert "逾期" in signed_in.get("/due").text
    assert '<b class="is-hot">1</b>' in signed_in.get("/visits").text


def test_a_row_that_was_wrong_is_shown_right_and_mended(signed_in, world):
    elder = world.general_elder(name="何秀英", enrolled_on=date(2026, 3, 1))
    settle()
    db.session.execute(update(OwedObligation).values(period_to=date(2026, 3, 20)))
    html = signed_in.get("/due").text
    assert "3月1–31日，已计 0 / 1" in html
    assert "临期" in html
    assert ready(world.tree.street.path, TODAY) == live(world.tree.street.path, TODAY)
    assert elder.id not in marked()


def test_supervisors_begin_with_the_areas_and_go_down_to_the_grids(client, world):
    tree = world.tree
    grid = create_area(AreaLevel.GRID, "第一网格", tree.community)
    inside = world.key_elder(name="王素珍")
    inside.household.grid_id = grid.id
    world.general_elder(name="何秀英", area=tree.other_community)
    world.general_elder(name="谢光荣", area=tree.outside)
    sign_in(client, make_user(Role.CITY_SUPERVISOR, tree.city))
    html = client.get("/due").text
    assert "示例区" in html
    assert "王素珍" not in html
    for area, names in (
        (tree.county, ("滨河街道", "望江街道")),
        (tree.street, ("柳荫社区", "石桥社区")),
        (tree.community, ("第一网格",)),
    ):
        html = client.get(f"/due/areas?area={area.id}").text
        assert all(name in html for name in names), area.name
        assert area.name in html
    assert "王素珍" in client.get(f"/due?area={grid.id}").text
    assert "何秀英" not in client.get(f"/due?area={grid.id}").text
    listed = client.get(f"/due?area={tree.street.id}&status=overdue").text
    assert "王素珍" in listed
    assert "谢光荣" not in listed
    sign_in(client, make_user(Role.STREET_COORDINATOR, tree.street))
    assert "望江街道" not in client.get(f"/due/areas?area={tree.county.id}").text, "the own areas only"
    assert "按地区看" in client.get("/due").text


def test_without_rules_the_page_says_so_and_the_others_are_computed_all_the_same(client, world):
    bare = create_area(AreaLevel.CITY, "无规市", world.tree.province)
    county = create_area(AreaLevel.COUNTY, "无规区", bare)
    street = create_area(AreaLevel.STREET, "无规街道", county)
    nowhere = create_area(AreaLevel.COMMUNITY, "无规社区", street)
    world.general_elder(area=nowhere)
    elder = world.general_elder()
    jobs.recompute_owed()
    assert {key[0] for key in ready(world.tree.city.path, TODAY)} == {elder.id}
    sign_in(client, make_user(Role.STREET_COORDINATOR, street))
    assert client.get("/due").status_code == 409
    bare.policy_pack = "luzhou"
    db.session.commit()
    assert client.get("/due").status_code == 200


def test_rules_that_changed_are_noticed_without_a_mark(world):
    elder = world.general_elder()
    settle()
    db.session.execute(update(OwedElder).values(rules="another text"))
    scope = read_due_scope([world.tree.street.path])
    assert freshen(scope, TODAY).wrote
    again = freshen(scope, TODAY)
    assert not again.wrote
    assert db.session.get_one(OwedElder, elder.id, populate_existing=True).rules == again.own_books[0].key
