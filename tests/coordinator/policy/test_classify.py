"""Which categories circumstances make out, by Luzhou's definitions (annex 1)."""

import copy
from datetime import date

import pytest

from coordinator.policy import Category, DisabilityCertificate, Pack
from coordinator.policy.classify import Child, Circumstances, check_categories, classify

DAY = date(2026, 2, 28)
NEAR, AT_HOME = Child(False, True), Child(True, True)
FAR = Child(False, False, date(2025, 8, 28))
LATELY_FAR = Child(False, False, date(2025, 8, 29))
ALONE = {"has_spouse": False, "relatives_at_home": False, "relatives_in_town": False}


@pytest.mark.parametrize(
    ("category", "facts", "expected"),
    [
        ("kinless", {"has_spouse": False, "children": (), "has_caregiver": False, "can_work": False}, True),
        ("kinless", {"has_spouse": False, "children": (), "has_caregiver": True, "can_work": False}, False),
        ("kinless", {"has_spouse": True}, False),
        ("kinless", {"has_spouse": False, "children": ()}, None),
        ("living_alone", {**ALONE, "children": (FAR,)}, True),
        ("living_alone", {**ALONE, "children": (FAR, NEAR)}, False),
        ("living_alone", {**ALONE, "children": (AT_HOME,)}, False),
        ("living_alone", {**ALONE, "children": (FAR,), "relatives_in_town": True}, False),
        ("living_alone", {**ALONE, "children": (FAR,), "has_spouse": True, "spouse_at_home": True}, False),
        ("living_alone", {**ALONE, "children": (FAR,), "has_spouse": True, "spouse_at_home": False}, True),
        ("living_alone", {**ALONE, "children": (FAR,), "has_spouse": True}, None),
        ("living_alone", {"has_spouse": False, "children": (), "relatives_at_home": True}, True),
        ("living_alone", {}, None),
        ("empty_nest", {"children": (FAR,), "has_spouse": True}, True),
        ("empty_nest", {"children": (FAR, NEAR)}, False),
        ("empty_nest", {"children": ()}, False),
        ("empty_nest", {}, None),
        ("left_behind", {"rural_registration": True, "children": (FAR, FAR)}, True),
        ("left_behind", {"rural_registration": True, "children": (FAR, LATELY_FAR)}, False),
        ("left_behind", {"rural_registration": True, "children": (FAR, NEAR)}, False),
        ("left_behind", {"rural_registration": False, "children": (FAR,)}, False),
        ("left_behind", {"rural_registration": True, "children": ()}, False),
        ("left_behind", {"children": (FAR,)}, None),
        ("impaired", {"ability_level": 1}, True),
        ("impaired", {"ability_level": 0}, False),
        ("impaired", {}, None),
        ("severely_disabled", {"disability": DisabilityCertificate(2, DAY)}, True),
        ("severely_disabled", {"disability": DisabilityCertificate(2, date(2026, 2, 27))}, False),
        ("severely_disabled", {"disability": DisabilityCertificate(3, DAY)}, False),
        ("severely_disabled", {}, False),
        ("special_family", {"only_child_lost": True}, True),
        ("special_family", {}, None),
    ],
)
def test_definitions(luzhou, category, facts, expected):
    assert classify(luzhou, Circumstances(**facts), DAY)[Category(category)] is expected


def test_another_document_may_use_another_definition(luzhou, luzhou_data):
    """Luzhou counts an elder with neither spouse nor children as living alone; others do not say so."""
    data = copy.deepcopy(luzhou_data)
    data["categories"][1]["definition"] = "living_alone"
    other = Pack.model_validate(data)
    facts = Circumstances(has_spouse=False, children=(), relatives_at_home=True, relatives_in_town=True)
    answers = [classify(pack, facts, DAY)[Category.LIVING_ALONE] for pack in (luzhou, other)]
    assert answers == [True, False]


def test_the_record_is_compared_with_the_facts(luzhou):
    facts = Circumstances(has_spouse=True, children=(FAR,), ability_level=2)
    recorded = frozenset({Category.KINLESS, Category.EMPTY_NEST, Category.SPECIAL_FAMILY})
    checks = {check.category: check for check in check_categories(luzhou, recorded, facts, DAY)}
    assert {category for category, check in checks.items() if check.differs} == {"kinless", "impaired"}
    assert checks[Category.SPECIAL_FAMILY].by_facts is None
    assert checks[Category.KINLESS].definition.startswith("孤寡老年人。指无配偶")
