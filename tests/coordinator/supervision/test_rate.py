"""月探访率: who is in the denominator and the numerators, for a tree of areas in one pass."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from coordinator.elders.models import Category, ConsentState
from coordinator.extensions import db
from coordinator.supervision.papers import percent
from coordinator.supervision.queries.targets import target_in, targets_of
from coordinator.visits.models import SurgeKind
from coordinator.visits.queries import monthly_coverage, pack_of
from coordinator.visits.queries.coverage import Figures, Group, count_tree, span_of
from coordinator.visits.services import add_event
from tests.coordinator.supervision.conftest import FIRST_OF_APRIL, MARCH
from tests.factories import make_area_tree

LAST = date(2026, 3, 31)


def figures(months, area=None) -> Figures:
    area = area or months.tree.street
    return count_tree(area.path, span_of(MARCH))[area.id]


def group_of(months, elder) -> Group | None:
    found = count_tree(months.tree.county.path, span_of(MARCH))
    groups = [group for one in found.values() for group, ids in one.people.items() if elder.id in ids]
    assert len(groups) <= 1
    return groups[0] if groups else None


def test_both_rates_have_the_same_denominator(months):
    done, called, half, nothing = months.march()
    found = figures(months)
    assert (found.elders, found.contacted, found.all_met) == (4, 3, 1)
    assert [group_of(months, one) for one in (done, called, half, nothing)] == [
        Group.BOTH,
        Group.CONTACTED,  # 泸州 counts visits at home only
        Group.CONTACTED,
        Group.NEITHER,
    ]


def test_who_refuses_by_record_leaves_the_denominator_and_is_told_beside_it(months):
    _done, _called, _half, nothing = months.march()
    months.consent(nothing, ConsentState.REFUSED)
    found = figures(months)
    assert (found.elders, found.contacted, found.groups[Group.REFUSED]) == (3, 3, 1)
    remote = months.general_elder()
    months.consent(remote, ConsentState.REMOTE_ONLY)
    assert figures(months).elders == 4


def test_the_last_week_decides_who_is_new(months):
    inside = months.general_elder(enrolled_on=LAST - timedelta(days=7))
    new = months.general_elder(enrolled_on=LAST - timedelta(days=6))
    later = months.general_elder(enrolled_on=LAST + timedelta(days=1))
    assert [group_of(months, one) for one in (inside, new, later)] == [Group.NEITHER, Group.NEW, None]


def test_who_left_before_the_months_end_is_beside_it(months):
    gone = months.general_elder(status="moved", left_on=LAST)
    months.visited(months.general_elder(), date(2026, 3, 3))
    after = months.general_elder(status="moved", left_on=LAST + timedelta(days=1))
    before = months.general_elder(status="moved", left_on=MARCH)
    assert [group_of(months, one) for one in (gone, after, before)] == [Group.LEFT, Group.NEITHER, None]
    assert figures(months).elders == 2


def test_only_periods_that_end_in_the_month_are_asked_of_it(months):
    """A festival over the turn of the month is March's no more than the half-year is."""
    elder = months.general_elder()
    months.visited(elder, date(2026, 3, 5))
    assert group_of(months, elder) is Group.BOTH
    add_event(
        months.coordinator,
        months.tree.street,
        SurgeKind.FESTIVAL,
        "清明节",
        date(2026, 3, 30),
        date(2026, 4, 5),
    )
    assert group_of(months, elder) is Group.BOTH
    add_event(
        months.coordinator, months.tree.street, SurgeKind.EXTREME_WEATHER, "寒潮", date(2026, 3, 20), LAST
    )
    assert group_of(months, elder) is Group.CONTACTED
    months.called(elder, LAST)
    assert group_of(months, elder) is Group.BOTH


def test_the_tree_adds_up_and_each_elder_is_counted_once(months):
    months.march()
    months.general_elder(area=months.tree.other_community)
    months.general_elder(area=months.tree.outside)
    tree = months.tree
    found = count_tree(tree.city.path, span_of(MARCH))
    street = found[tree.street.id]
    assert street.elders == found[tree.community.id].elders + found[tree.other_community.id].elders == 5
    assert found[tree.county.id].elders == found[tree.city.id].elders == 6
    assert sum(len(ids) for one in found.values() for ids in one.people.values()) == 6
    assert found[tree.street.id].people == {}  # its people stand with their communities
    for area in (tree.community, tree.street, tree.county):
        alone = monthly_coverage(area, MARCH)
        own = found[area.id]
        assert (alone.elders, alone.contacted, alone.all_met) == (own.elders, own.contacted, own.all_met)


def test_categories_tiers_and_rules_tell_the_same_elders(months):
    months.march()
    found = figures(months)
    assert found.categories["living_alone"].as_list() == [1, 1, 0]
    assert found.categories["empty_nest"].as_list() == [3, 2, 1]
    assert {name: part.elders for name, part in found.tiers.items()} == {"重点对象": 1, "一般对象": 3}
    assert found.rules["luzhou.general.month"].as_list() == [3, 2, 1]
    assert found.rules["luzhou.key.half_month"].as_list() == [1, 1, 0]
    both = months.elder(Category.EMPTY_NEST, Category.LIVING_ALONE, birth_date=date(1950, 1, 1))
    assert figures(months).categories["living_alone"].elders == 2
    assert group_of(months, both) is Group.NEITHER


def test_what_is_kept_is_read_back(months):
    months.march()
    for found in count_tree(months.tree.county.path, span_of(MARCH)).values():
        assert Figures.from_json(found.as_json()).as_json() == found.as_json()


def test_the_pass_costs_the_same_for_many(months, queries):
    months.march()
    count_tree(months.tree.county.path, span_of(MARCH))
    queries.clear()
    count_tree(months.tree.county.path, span_of(MARCH))
    few = len(queries)
    for _ in range(15):
        months.general_elder()
        months.general_elder(area=months.tree.outside)
    queries.clear()
    count_tree(months.tree.county.path, span_of(MARCH))
    assert len(queries) == few


def test_chunks_do_not_change_the_figures(months, monkeypatch):
    from coordinator.visits.queries import coverage

    months.march()
    whole = figures(months).as_json()
    monkeypatch.setattr(coverage, "CHUNK", 2)
    assert figures(months).as_json() == whole


def test_a_change_of_the_dossier_reaches_no_month_that_is_over(months, freeze):
    """Refusing in April does not take anybody out of March."""
    done, *_others = months.march()
    freeze(FIRST_OF_APRIL + timedelta(days=1))
    months.refuses(done, date(2026, 4, 1))
    assert group_of(months, done) is Group.BOTH
    april = count_tree(months.tree.street.path, span_of(date(2026, 4, 1)))[months.tree.street.id]
    assert april.groups[Group.REFUSED] == 1


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "—"),
        (0, 9, "0.0%"),
        (1, 9999, "0.1%"),
        (103, 108, "95.4%"),
        (9999, 10000, "99.9%"),
        (8, 8, "100.0%"),
    ],
)
def test_a_hundred_is_only_a_hundred(part, whole, text):
    assert percent(part, whole) == text


def test_targets_are_those_of_the_document(months):
    targets = targets_of(pack_of(make_area_tree().street))
    assert [(one.percent, one.by) for one in targets] == [(100, date(2025, 12, 31))]
    assert target_in(targets, date(2025, 12, 1)) is targets[0]
    assert target_in(targets, date(2025, 11, 30)) is None
    db.session.rollback()
