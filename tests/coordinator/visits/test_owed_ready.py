"""The read model of what is owed is equal to the engine on every day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from coordinator.elders.models import (
    Category,
    ConsentKind,
    ConsentState,
    DisabilityCertificate,
    EconomicStatus,
    Elder,
    ElderStatus,
    Health,
    HouseholdMember,
)
from coordinator.extensions import db
from coordinator.visits.lifecycle import ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import OwedElder, SurgeKind, Visit
from coordinator.visits.queries.due_areas import figures_below
from coordinator.visits.queries.due_list import STATUSES, DueFilter, due_list
from coordinator.visits.queries.due_scope import read_due_scope
from coordinator.visits.queries.ready import ordered_keys, tally
from coordinator.visits.services.owed import AHEAD, due_counts, freshen, refresh
from tests.coordinator.visits.conftest import TODAY, World
from tests.coordinator.visits.ready_rows import OTHER_PACK, live, ready
from tests.factories import visit_times

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
