"""The rows of the site give the same obligations as the policy engine, and the month's figures follow."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from coordinator import policy
from coordinator.elders.models import ConsentState, ElderStatus
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.policy import Status
from coordinator.visits.lifecycle import ContactOutcome
from coordinator.visits.models import PolicyVersion, SurgeKind, Visit
from coordinator.visits.queries import contacts_of, events_of, monthly_coverage, obligations_for, pack_of
from coordinator.visits.queries.due_list import due_list, order_items
from coordinator.visits.services import store_policy_version
from coordinator.visits.services.owed import due_counts
from tests.coordinator.visits.conftest import TODAY, World
from tests.factories import make_actor

MARCH = (date(2026, 3, 1), date(2026, 3, 31))


def test_rows_give_what_the_engine_gives(world):
    elder = world.key_elder()
    first = world.visited(elder, date(2026, 3, 5))
    failed = world.visited(elder, date(2026, 3, 20), ContactOutcome.NO_ANSWER)
    called = world.called(elder, date(2026, 3, 21))
    world.event(SurgeKind.EXTREME_WEATHER, "寒潮", date(2026, 3, 20), date(2026, 3, 22), world.tree.community)
    found = obligations_for([elder], world.tree.street, *MARCH, TODAY)[elder.id]
    facts = policy.ElderFacts(
        id=str(elder.id),
        birth_date=elder.birth_date,
        categories=frozenset({policy.Category.LIVING_ALONE}),
        enrolled_on=elder.enrolled_on,
    )
    mode, outcome = policy.Mode, policy.Outcome
    contacts = [
        policy.Contact(facts.id, date(2026, 3, 5), mode.HOME, outcome.COMPLETED, first.id),
        policy.Contact(facts.id, date(2026, 3, 20), mode.HOME, outcome.NO_ANSWER, failed.id),
        policy.Contact(facts.id, date(2026, 3, 21), mode.PHONE, outcome.COMPLETED, called.id),
    ]
    weather = policy.Event(policy.EventKind.EXTREME_WEATHER, "寒潮", date(2026, 3, 20), date(2026, 3, 22))
    expected = policy.obligations(pack_of(world.tree.community), facts, contacts, [weather], *MARCH, TODAY)
    assert [one.as_dict() for one in found] == [one.as_dict() for one in expected]
    assert [one.status for one in found] == [Status.MET, Status.OWED, Status.MET]


def test_without_an_area_it_finds_the_rules_itself(world):
    here, away = world.key_elder(), world.general_elder(area=world.tree.outside)
    world.event(SurgeKind.FESTIVAL, "庙会", TODAY, TODAY, world.tree.other_street)
    found = obligations_for([here, away], None, *MARCH, TODAY)
    assert [one.rule for one in found[here.id]] == ["luzhou.key.half_month"] * 2
    assert [one.rule for one in found[away.id]] == ["luzhou.general.month", "luzhou.surge.festival"]


def test_contacts_of_whole_periods_count_though_the_span_is_a_day(world):
    elder = world.general_elder()
    world.visited(elder, date(2026, 3, 2))
    (owed,) = obligations_for([elder], world.tree.street, TODAY, TODAY, TODAY)[elder.id]
    assert owed.status is Status.MET


def test_an_epidemic_that_adjoins_another_blocks_the_rest_of_the_month(world):
    elder = world.general_elder()
    world.event(SurgeKind.EPIDEMIC, "流感", TODAY, date(2026, 3, 28))
    world.event(SurgeKind.EPIDEMIC, "流感二", date(2026, 3, 29), date(2026, 4, 2))
    (owed,) = obligations_for([elder], world.tree.street, TODAY, TODAY, TODAY)[elder.id]
    assert owed.blocked is policy.BlockReason.EPIDEMIC


def test_events_of_an_area_come_from_above(world):
    tree = world.tree
    above = world.event(SurgeKind.FESTIVAL, "春节", date(2026, 2, 16), date(2026, 2, 22), tree.city)
    below = world.event(SurgeKind.FESTIVAL, "庙会", date(2026, 2, 16), date(2026, 2, 17), tree.community)
    span = (date(2026, 2, 1), date(2026, 2, 28))
    assert events_of(tree.street, *span) == [above]
    assert set(events_of(tree.street, *span, below=True)) == {above, below}
    assert events_of(tree.street, date(2026, 2, 23), date(2026, 2, 28)) == []


def test_contacts_keep_to_their_elder_and_days(world):
    one, other = world.key_elder(), world.key_elder()
    visit = world.visited(one, date(2026, 3, 5))
    world.visited(other, date(2026, 3, 6))
    found = contacts_of([one.id], date(2026, 3, 1), date(2026, 3, 31))
    assert [contact.index for contact in found[one.id]] == [visit.id]
    assert other.id not in found
    assert contacts_of([], *MARCH) == {}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    days=st.lists(
        st.tuples(
            st.integers(0, 5),
            st.dates(date(2026, 1, 20), TODAY),
            st.booleans(),
            st.sampled_from(list(ContactOutcome)),
        ),
        max_size=12,
    )
)
def test_the_tabs_always_add_up(world, days):
    if not hasattr(world, "six"):
        world.six = [world.key_elder() for _ in range(3)] + [world.general_elder() for _ in range(3)]
    outer = db.session.begin_nested()
    for index, day, at_home, outcome in days:
        (world.visited if at_home else world.called)(world.six[index], day, outcome)
    due = due_list([world.tree.street.path], TODAY)
    counts = due_counts([world.tree.street.path], TODAY)
    open_ones = [item for item in due.items if item.status in ("overdue", "blocked", "soon", "owed")]
    assert counts["open"] == len(open_ones)
    assert sum(counts.values()) - counts["open"] == len(due.items)
    assert len({item.key for item in due.items}) == len(due.items)
    ordered = order_items(due.items, due.areas)
    assert sorted(item.key for item in ordered) == sorted(item.key for item in due.items)
    days_late = [item.obligation.days_overdue(TODAY) for item in ordered if item.status == "overdue"]
    assert days_late == sorted(days_late, reverse=True)
    by_elder = obligations_for(world.six, world.tree.street, date(2026, 2, 1), TODAY, TODAY)
    everything = {
        (one.elder_id, one.rule, one.period_from, one.status) for own in by_elder.values() for one in own
    }
    assert {
        (o.elder_id, o.rule, o.period_from, o.status) for o in (item.obligation for item in due.items)
    } <= everything
    outer.rollback()
    db.session.expire_all()


# --- the month's figures ---------------------------------------------------------------------------------


def test_the_months_figures(world):
    tree = world.tree
    met, half, called, nothing = (
        world.key_elder(),
        world.key_elder(),
        world.general_elder(),
        world.general_elder(),
    )
    for day in (date(2026, 2, 3), date(2026, 2, 20)):
        world.visited(met, day)
    world.visited(half, date(2026, 2, 3))
    world.called(called, date(2026, 2, 4))
    world.called(nothing, date(2026, 2, 4), ContactOutcome.NO_ANSWER)
    refusing = world.general_elder()
    world.consent(refusing, ConsentState.REFUSED)
    world.general_elder(status=ElderStatus.MOVED, left_on=date(2026, 2, 10))
    world.general_elder(enrolled_on=date(2026, 3, 1))
    away = World(tree, make_actor(Role.STREET_COORDINATOR, tree.other_street))
    away.visited(world.general_elder(area=tree.outside), date(2026, 2, 5))
    street = monthly_coverage(tree.street, date(2026, 2, 17))
    assert (street.month, street.as_of, street.running) == (date(2026, 2, 1), date(2026, 2, 28), False)
    assert (street.elders, street.contacted, street.all_met, street.refused) == (4, 3, 1, 1)
    county = monthly_coverage(tree.county, date(2026, 2, 1))
    assert (county.elders, county.contacted, county.all_met) == (5, 4, 2)


def test_a_running_month_counts_what_is_met_so_far(world):
    elder = world.key_elder()
    world.visited(elder, date(2026, 3, 3))
    running = monthly_coverage(world.tree.street, TODAY)
    assert running.running
    assert (running.elders, running.contacted, running.all_met) == (1, 1, 0)
    world.visited(elder, TODAY)
    assert monthly_coverage(world.tree.street, TODAY).all_met == 1


def test_the_figures_cost_the_same_for_many(world, queries):
    for _ in range(2):
        world.visited(world.key_elder(), date(2026, 3, 3))
    queries.clear()
    monthly_coverage(world.tree.street, TODAY)
    few = len(queries)
    for _ in range(20):
        world.visited(world.key_elder(), date(2026, 3, 3))
    queries.clear()
    monthly_coverage(world.tree.street, TODAY)
    assert len(queries) <= few  # the first reads the rule pack


# --- packs as they were ----------------------------------------------------------------------------------


def test_a_pack_is_stored_once_word_for_word(world):
    pack = pack_of(world.tree.community)
    first, second = store_policy_version(pack), store_policy_version(pack)
    assert first is second
    assert first.sha256 == pack.digest
    import hashlib

    assert hashlib.sha256(first.content.encode()).hexdigest() == pack.digest
    assert len(db.session.scalars(select(PolicyVersion)).all()) == 1


def test_a_month_ago_is_not_a_year_ago(world):
    """Nothing of the list reaches back further than last month's first day."""
    elder = world.key_elder()
    world.visited(elder, TODAY - timedelta(days=200))
    starts = {item.obligation.period_from for item in due_list([world.tree.street.path], TODAY).items}
    assert min(starts) == date(2026, 2, 1)
    assert db.session.scalars(select(Visit)).one().sequence == 1
