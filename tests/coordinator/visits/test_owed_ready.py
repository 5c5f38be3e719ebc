"""The read model of what is owed: marked by whatever changes it, equal to the engine on every day, safe to compute
twice, half, or by two at once."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update

from coordinator.elders.models import (
    Category,
    ConsentKind,
    ConsentState,
    DisabilityCertificate,
    EconomicStatus,
    Elder,
    ElderCategory,
    ElderStatus,
    Health,
    HouseholdMember,
)
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.areas import AreaLevel, create_area
from coordinator.kernel.queue import OwedJob
from coordinator.visits import jobs
from coordinator.visits.lifecycle import ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import (
    OwedElder,
    OwedObligation,
    OwedStale,
    PolicyVersion,
    SurgeKind,
    Visit,
)
from coordinator.visits.queries import pack_of
from coordinator.visits.queries.due_list import STATUSES, DueFilter, due_list
from coordinator.visits.queries.ready import (
    figures_below,
    listed_on,
    ordered_keys,
    read_due_scope,
    standing_of,
    status_on,
    tally,
)
from coordinator.visits.services import owed, store_policy_version
from coordinator.visits.services.owed import AHEAD, due_counts, freshen, refresh
from coordinator.worker import owe_periodic_jobs
from tests.coordinator.visits.conftest import TODAY, World
from tests.factories import (
    make_actor,
    make_area_tree,
    make_elder,
    make_household,
    make_user,
    sign_in,
    visit_times,
)

OTHER_PACK = "jiangmen"


def marked() -> set[int]:
    """The elders of whom something has changed."""
    db.session.flush()
    return set(db.session.scalars(select(OwedStale.elder_id)))


def settle(today: date = TODAY) -> None:
    """Bring everything up to date, so that the next mark stands out."""
    db.session.flush()
    for _turn in range(2):  # the first stores the rules, which marks
        refresh(db.session.scalars(select(Elder.id)).all(), today)
    assert marked() == set()


def ready(path: str, today: date, only: set[int] | None = None) -> set[tuple[Any, ...]]:
    """What the read model lists, status and all, without bringing it up to date."""
    kept = OwedObligation
    rows = db.session.execute(
        select(kept.elder_id, kept.rule, kept.period_from, kept.event, status_on(today)).where(
            kept.area_id.in_(read_due_scope([path]).wanted), listed_on(today)
        )
    )
    return {tuple(row) for row in rows if only is None or row[0] in only}


def live(path: str, today: date, only: set[int] | None = None) -> set[tuple[Any, ...]]:
    """What the engine lists."""
    return {
        (item.elder.id, one.rule, one.period_from, one.event, item.status)
        for item in due_list([path], today).items
        if (one := item.obligation) and (only is None or item.elder.id in only)
    }


# --- marks -----------------------------------------------------------------------------------------------


def at_home(world: World, elder: Elder) -> None:
    world.visited(elder, date(2026, 3, 20))


CHANGES: dict[str, Callable[[World, Elder], object]] = {
    "ability": lambda _world, elder: setattr(elder, "ability_level", 3),
    "birth date": lambda _world, elder: setattr(elder, "birth_date", date(1935, 1, 1)),
    "name": lambda _world, elder: setattr(elder, "name", "王新名"),
    "enrolment": lambda _world, elder: setattr(elder, "enrolled_on", date(2026, 3, 20)),
    "area": lambda world, elder: setattr(elder, "area_id", world.tree.other_community.id),
    "upheaval": lambda _world, elder: setattr(elder, "upheaval_until", TODAY),
    "address": lambda _world, elder: setattr(elder.household, "address", "新街1号"),
    "category": lambda _world, elder: db.session.add(
        ElderCategory(elder_id=elder.id, category=Category.LIVING_ALONE, since=TODAY)
    ),
    "category ended": lambda _world, elder: db.session.execute(
        update(ElderCategory).where(ElderCategory.elder_id == elder.id).values(ended_on=TODAY)
    ),
    "certificate": lambda _world, elder: db.session.add(DisabilityCertificate(elder_id=elder.id, grade=1)),
    "wish": lambda world, elder: world.consent(elder, ConsentState.REFUSED),
    "member of the household": lambda _world, elder: db.session.add(
        HouseholdMember(
            household_id=elder.household_id, name="李小二", relation="配偶", birth_date=date(1950, 1, 1)
        )
    ),
    "former facts": lambda _world, elder: db.session.execute(
        text(
            "INSERT INTO elder_earlier_facts (elder_id, until, facts) VALUES (:id, '2019-01-31', '{}'::jsonb)"
        ),
        {"id": elder.id},
    ),
    "visit at home": at_home,
    "call": lambda world, elder: world.called(elder, TODAY),
    "contact amended": lambda _world, elder: db.session.execute(
        update(Visit).where(Visit.elder_id == elder.id).values(contact_mode=ContactMode.PHONE)
    ),
    "event": lambda world, _elder: world.event(SurgeKind.EPIDEMIC, "流感", TODAY, TODAY),
    "event cut": lambda world, _elder: setattr(world.sooner, "last_day", date(2026, 5, 2)),
    "event removed": lambda world, _elder: db.session.delete(world.sooner),
    "pack of the city": lambda world, _elder: setattr(world.tree.city, "policy_pack", OTHER_PACK),
    "pack of the street": lambda world, _elder: setattr(world.tree.street, "policy_pack", OTHER_PACK),
    "version of the rules": lambda _world, _elder: db.session.add(
        PolicyVersion(pack="luzhou", version="x", valid_from=date(2099, 1, 1), sha256="0" * 64, content="")
    ),
    "death": lambda _world, elder: (
        setattr(elder, "status", ElderStatus.DECEASED),
        setattr(elder, "left_on", TODAY),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_read_marks_in_its_own_transaction(world, change):
    elder = world.general_elder()
    world.visited(elder, date(2026, 3, 4))
    world.sooner = world.event(SurgeKind.FESTIVAL, "劳动节", date(2026, 5, 1), date(2026, 5, 5))
    elsewhere = world.general_elder(area=make_area_tree().community)
    settle()
    CHANGES[change](world, elder)
    assert elder.id in marked()
    if change != "version of the rules":
        assert elsewhere.id not in marked()
        assert due_counts([world.tree.city.path], TODAY)
        assert ready(world.tree.city.path, TODAY) == live(world.tree.city.path, TODAY)
        assert elder.id not in marked()


@pytest.mark.parametrize(
    "change",
    [
        lambda _world, elder: setattr(elder, "notes", "喜欢下棋"),
        lambda _world, elder: setattr(elder, "visit_minutes", 40),
        lambda world, elder: world.visit(elder, TODAY + timedelta(days=2)),
        lambda _world, elder: setattr(elder.household, "monthly_income", 900),
        lambda world, _elder: setattr(world.tree.street, "emergency_phone", "0830-1234567"),
    ],
)
def test_what_is_not_read_marks_nobody(world, change):
    elder = world.general_elder()
    settle()
    change(world, elder)
    assert marked() == set()


def test_who_lives_in_the_same_home_is_marked_too(world):
    home = make_household(world.tree.community)
    one, other = make_elder(world.tree.community, home), make_elder(world.tree.community, home)
    away = make_elder(world.tree.community)
    settle()
    one.has_dementia = True
    assert marked() == {one.id, other.id}
    settle()
    db.session.add(DisabilityCertificate(elder_id=one.id, grade=1))
    assert marked() == {one.id, other.id}
    settle()
    away.household = home
    assert marked() == {one.id, other.id, away.id}


def test_many_rows_of_one_statement_are_marked_at_once(world):
    elders = [world.general_elder() for _ in range(4)]
    settle()
    db.session.execute(
        update(Elder).where(Elder.id.in_([one.id for one in elders[:3]])).values(ability_level=2)
    )
    assert marked() == {one.id for one in elders[:3]}


def test_an_elder_who_moves_leaves_the_old_figures_and_is_in_the_new(world):
    elder = world.general_elder()
    settle()
    elder.area_id = world.tree.outside.id
    assert due_counts([world.tree.street.path], TODAY)["overdue"] == 0
    assert due_counts([world.tree.other_street.path], TODAY)["overdue"] == 1


# --- the same as the engine ------------------------------------------------------------------------------

days = st.dates(TODAY - timedelta(days=90), TODAY + timedelta(days=20))
people = st.fixed_dictionaries(
    {
        "birth_date": st.sampled_from(
            [date(1946, 3, 15), date(1946, 4, 2), date(1936, 7, 1), date(1958, 1, 1), date(1966, 4, 1)]
        ),
        "ability_level": st.integers(0, 4),
        "has_dementia": st.booleans(),
        "health": st.sampled_from(list(Health)),
        "is_self_caring": st.booleans(),
        "in_hardship": st.booleans(),
        "upheaval_until": st.none() | days,
        "economic_status": st.sampled_from(list(EconomicStatus)),
        "cares_for_impaired_child": st.booleans(),
        "enrolled_on": st.sampled_from(
            [date(2020, 1, 1), date(2026, 3, 10), TODAY, TODAY - timedelta(days=5)]
        ),
        "leaves": st.none() | st.dates(TODAY - timedelta(days=3), TODAY + timedelta(days=12)),
        "categories": st.sets(st.sampled_from(list(Category)), max_size=2),
        "certificate": st.none() | st.tuples(st.integers(1, 4), st.none() | days),
        "service": st.none() | st.sampled_from(["accepted", "remote_only", "refused"]),
        "home": st.none() | st.sampled_from(["granted", "refused"]),
        "shares": st.booleans(),
        "member": st.none() | st.sampled_from([date(1966, 4, 3), date(1940, 1, 1)]),
        "contacts": st.lists(
            st.tuples(days, st.sampled_from(list(ContactMode)), st.sampled_from(list(ContactOutcome))),
            max_size=5,
        ),
        "place": st.integers(0, 1),
    }
)
events = st.tuples(
    st.sampled_from([SurgeKind.EPIDEMIC, SurgeKind.FESTIVAL, SurgeKind.EXTREME_WEATHER]),
    st.dates(TODAY - timedelta(days=20), TODAY + timedelta(days=25)),
    st.integers(0, 20),
)


def put(world: World, wish: dict[str, Any], homes: dict[int, Any]) -> Elder:
    """Register the elder who was drawn."""
    wish = dict(wish)
    area = (world.tree.community, world.tree.outside)[wish.pop("place")]
    shares, leaves = wish.pop("shares"), wish.pop("leaves")
    categories, certificate = wish.pop("categories"), wish.pop("certificate")
    service, home, member, contacts = (wish.pop(name) for name in ("service", "home", "member", "contacts"))
    if leaves is not None and leaves >= wish["enrolled_on"]:
        wish |= {"left_on": leaves, "status": ElderStatus.MOVED}
    elder = world.elder(*categories, area=area, household=homes.get(area.id) if shares else None, **wish)
    homes[area.id] = elder.household
    if certificate:
        db.session.add(
            DisabilityCertificate(elder_id=elder.id, grade=certificate[0], valid_to=certificate[1])
        )
    if member:
        db.session.add(
            HouseholdMember(household_id=elder.household_id, name="李某", relation="配偶", birth_date=member)
        )
    if service:
        world.consent(elder, ConsentState(service))
    if home:
        world.consent(elder, ConsentState(home), ConsentKind.HOME)
    for number, (day, mode, outcome) in enumerate(contacts, start=1):
        begins, ends = visit_times(day)
        closed = VisitState.COMPLETED if outcome is ContactOutcome.COMPLETED else VisitState.NOT_MET
        db.session.add(
            Visit(
                elder_id=elder.id,
                area_id=elder.area_id,
                state=closed,
                mode=mode,
                starts_at=begins,
                ends_at=ends,
                contact_on=day,
                contact_mode=mode,
                contact_outcome=outcome,
                sequence=number,
            )
        )
    db.session.flush()
    return elder


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(people, min_size=1, max_size=4), happened=st.lists(events, max_size=2))
def test_counted_in_the_database_is_what_the_engine_says_on_every_day(world, drawn, happened):
    outer = db.session.begin_nested()
    try:
        world.tree.other_street.policy_pack = OTHER_PACK
        homes: dict[int, Any] = {}
        elders = [put(world, wish, homes) for wish in drawn]
        for number, (kind, first, length) in enumerate(happened):
            world.event(kind, f"事{number}", first, first + timedelta(days=length))
        path = world.tree.city.path
        refresh([elder.id for elder in elders], TODAY)
        until = {
            row[0]: row[1] for row in db.session.execute(select(OwedElder.elder_id, OwedElder.good_until))
        }
        for ahead in range(AHEAD.days + 2):
            day = TODAY + timedelta(days=ahead)
            still = {elder_id for elder_id, last in until.items() if last is not None and last >= day}
            assert ready(path, day, still) == live(path, day, still), day
        assert all(last is None or last <= TODAY + AHEAD or last == date.max for last in until.values())
        # After that, whoever looks computes anew first.
        day = TODAY + AHEAD + timedelta(days=3)
        counts = due_counts([path], day)
        assert ready(path, day) == live(path, day)
        assert sum(counts[status] for status in STATUSES) == len(live(path, day))
    finally:
        outer.rollback()
        db.session.expire_all()


def test_filters_and_figures_are_those_of_the_list(world):
    world.key_elder(name="王素珍")
    world.general_elder(name="何秀英", area=world.tree.other_community)
    world.elder(Category.LEFT_BEHIND, name="谢光荣", birth_date=date(1950, 1, 1), ability_level=3)
    world.called(world.general_elder(name="李芳"), TODAY)
    path = world.tree.street.path
    scope = read_due_scope([path])
    freshen(scope, TODAY)
    items = due_list([path], TODAY).items
    for wish in (
        DueFilter(),
        DueFilter(tier="key"),
        DueFilter(mode="home"),
        DueFilter(mode="remote"),
        DueFilter(category="impaired"),
        DueFilter(category="left_behind"),
        DueFilter(text="秀"),
        DueFilter(text="%"),
        DueFilter(tier="key", text="王"),
    ):
        kept = [item for item in items if wish.keeps(item, TODAY)]
        counts = tally(scope, TODAY, wish).counts
        assert sum(counts[status] for status in STATUSES) == len(kept), wish
        for status in STATUSES:
            assert counts[status] == sum(item.status == status for item in kept)
    below = {one.area.name: one for one in figures_below(scope, TODAY) if one.area}
    for area in (world.tree.community, world.tree.other_community):
        own = [item for item in items if item.elder.area_id == area.id]
        assert sum(below[area.name].counts.values()) == len(own)


def test_the_order_is_that_of_the_list(world):
    from coordinator.visits.queries.due_list import last_contacts, order_items

    for name in ("王素珍", "何秀英", "谢光荣", "阿一"):
        world.called(world.key_elder(name=name), date(2026, 3, len(name) + 2))
        world.general_elder(name=name, area=world.tree.other_community)
    path = world.tree.street.path
    scope = read_due_scope([path])
    freshen(scope, TODAY)
    found = due_list([path], TODAY)
    last = last_contacts({item.elder.id for item in found.items})
    for sort in ("", "status", "name", "tier", "place", "period", "last"):
        for down in (False, True):
            keys = ordered_keys(scope, TODAY, DueFilter(), STATUSES, sort=sort, descending=down, most=999)
            expected = order_items(found.items, found.areas, sort, down, last)
            assert [(key.elder_id, key.rule, key.period_from) for key in keys] == [
                (item.elder.id, item.obligation.rule, item.obligation.period_from) for item in expected
            ], (sort, down)


# --- the page --------------------------------------------------------------------------------------------


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


# --- by night --------------------------------------------------------------------------------------------


def test_the_night_is_owed_once_and_not_before_its_hour(world, freeze):
    store_policy_version(
        next(iter(freshen(read_due_scope([world.tree.street.path]), TODAY).books.values())).pack
    )
    freeze(datetime(2026, 3, 26, 16, 10, tzinfo=UTC))
    owe_periodic_jobs()
    nightly = select(OwedJob.key).where(OwedJob.name == jobs.NIGHTLY_JOB)
    assert db.session.scalars(nightly).all() == []
    freeze(datetime(2026, 3, 26, 16, 30, tzinfo=UTC))
    owe_periodic_jobs()
    owe_periodic_jobs()
    assert db.session.scalars(nightly).all() == ["2026-03-27"]


def test_what_much_has_marked_is_computed_without_a_reader(world, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_IN_REQUEST", 2)
    world.general_elder()
    settle()
    for _ in range(3):
        world.general_elder()
    owe_periodic_jobs()
    assert db.session.scalars(select(OwedJob.name).where(OwedJob.name == owed.REFRESH_JOB)).all()
    jobs.refresh_owed()
    assert marked() == set()


def test_a_night_that_was_cut_goes_on_where_it_stopped(world, monkeypatch):
    for _ in range(6):
        world.key_elder()
    db.session.commit()
    monkeypatch.setattr(jobs, "CHUNK", 2)
    calls: list[int] = []

    def cut(ids: Any, *given: Any, **more: Any) -> set[int]:
        calls.append(len(ids))
        if len(calls) == 2:
            refresh(ids, *given, **more)
            raise KeyboardInterrupt
        return refresh(ids, *given, **more)

    monkeypatch.setattr(jobs, "refresh", cut)
    with pytest.raises(KeyboardInterrupt):
        jobs.recompute_owed()
    db.session.rollback()
    done = select(func.count()).select_from(OwedElder).where(OwedElder.swept_on == TODAY)
    assert db.session.scalar(done) == 2
    jobs.recompute_owed()
    assert calls == [2, 2, 2, 2], "the finished chunk is not done again"
    assert db.session.scalar(done) == 6
    assert ready(world.tree.street.path, TODAY) == live(world.tree.street.path, TODAY)
    jobs.recompute_owed()
    assert len(calls) == 4, "a second run finds nothing to do"


def test_lines_of_elders_who_are_gone_are_taken_away(world):
    db.session.add(OwedStale(elder_id=10**9))
    db.session.flush()
    jobs.refresh_owed()
    assert marked() == set()


# --- two at once -----------------------------------------------------------------------------------------


@pytest.fixture
def committed_world(committed_db, freeze) -> World:
    freeze(datetime(2026, 3, 26, 2, 0, tzinfo=UTC))
    tree = make_area_tree()
    world = World(tree, make_actor(Role.STREET_COORDINATOR, tree.street))
    store_policy_version(pack_of(tree.street))
    db.session.commit()
    return world


def in_thread(app: Any, work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """`work` in a context and session of its own; its answer or exception in the list."""
    found: list[Any] = []

    def run() -> None:
        with app.app_context():
            try:
                found.append(work())
                db.session.commit()
            except Exception as problem:  # noqa: BLE001  handed to the test
                found.append(problem)
            finally:
                db.session.remove()

    thread = threading.Thread(target=contextvars.Context().run, args=(run,))
    thread.start()
    return thread, found


def test_two_who_compute_the_same_elders_do_not_wait_for_each_other(committed_world, committed_app):
    world = committed_world
    ids = [world.key_elder().id for _ in range(3)]
    path = world.tree.street.path
    db.session.commit()
    refresh(ids[:2], TODAY)  # held until the commit below
    thread, found = in_thread(committed_app, lambda: refresh(ids, TODAY))
    thread.join(20)
    assert found == [{ids[2]}], "only the one that is free"
    waiting, later = in_thread(committed_app, lambda: refresh(ids, TODAY, wait=True))
    waiting.join(0.3)
    assert waiting.is_alive()
    db.session.commit()
    waiting.join(20)
    assert later == [set(ids)]
    assert ready(path, TODAY) == live(path, TODAY)
    assert marked() == set()


def test_a_change_during_the_computation_is_not_lost(committed_world, committed_app):
    world = committed_world
    elder = world.general_elder(enrolled_on=date(2026, 3, 1))
    db.session.commit()
    elder_id, path = elder.id, world.tree.street.path
    refresh([elder_id], TODAY)

    def refuse() -> None:
        db.session.execute(update(Elder).where(Elder.id == elder_id).values(birth_date=date(1930, 1, 1)))
        world.consent(db.session.get_one(Elder, elder_id), ConsentState.REFUSED)

    thread, found = in_thread(committed_app, refuse)
    thread.join(20)
    assert found == [None], "who writes never waits for who computes"
    db.session.commit()
    assert marked() == {elder_id}
    assert due_counts([path], TODAY)["waived"] == 1
    db.session.commit()
    assert ready(path, TODAY) == live(path, TODAY)


def test_readers_and_writers_at_once_leave_it_right(committed_world, committed_app):
    world = committed_world
    elders = [world.general_elder(enrolled_on=date(2026, 3, 1)).id for _ in range(12)]
    path = world.tree.street.path
    db.session.commit()

    def write(own: list[int]) -> None:
        for elder_id in own:
            world.called(db.session.get_one(Elder, elder_id), TODAY)
            db.session.execute(update(Elder).where(Elder.id == elder_id).values(ability_level=2))
            db.session.commit()

    def read() -> None:
        for _turn in range(8):
            due_counts([path], TODAY)
            db.session.commit()

    threads = [
        in_thread(committed_app, work)
        for work in (
            lambda: write(elders[:6]),
            lambda: write(elders[6:][::-1]),
            read,
            read,
            jobs.refresh_owed,
            jobs.recompute_owed,
        )
    ]
    for thread, _found in threads:
        thread.join(60)
    assert [found for _thread, found in threads if found != [None]] == []
    due_counts([path], TODAY)
    db.session.commit()
    assert standing_of([world.tree.community.id], 9).changed == 0
    assert ready(path, TODAY) == live(path, TODAY)
    assert db.session.scalar(select(func.count()).select_from(OwedStale)) == 0
