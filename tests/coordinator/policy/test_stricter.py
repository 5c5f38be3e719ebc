"""A local pack may only exceed its parent: what is stricter is proven, what is weaker is named with an elder."""

import pytest

from coordinator.policy import available_packs, load_pack
from coordinator.policy.checks import faults
from coordinator.policy.regions import describe
from coordinator.policy.stricter import weaker_places
from tests.coordinator.policy.local_packs import (
    D,
    local,
    rule,
    set_part,
    set_rule,
    set_setting,
    weaker,
    without,
)


@pytest.mark.parametrize("name", available_packs())
def test_a_copy_is_as_strict_as_its_parent_and_without_fault(name):
    assert weaker_places(local(name), load_pack(name)) == []
    assert faults(load_pack(name)) == []


def limit_to(data):
    data["mode_limits"] = [
        {"when": {"health": "poor"}, "modes": ["home"], "quote": "健康状况欠佳", "mark": []}
    ]


def b_becomes_a(data):
    data["tiers"][0]["when"]["any"].append({"cares_for_impaired_child": True})


def from_75(data):
    data["tiers"][0]["when"]["any"][1]["all"][0]["age_at_least"] = 75


def month_by_halves(data):
    rule(data, "A.month").update(period="half_month")
    set_setting("half_month_last_day", 14)(data)


def c_home_each_half_month(data):
    rule(data, "C.year").update(period="half_month")
    set_setting("half_month_last_day", 15)(data)


def add_festival_duty(data):
    data["surge"][0]["count"] = 1


@pytest.mark.parametrize(
    ("parent", "change"),
    [
        ("jiangmen", set_rule("A.month", count=2)),
        ("jiangmen", set_rule("B.month", modes=["home", "phone"])),
        ("jiangmen", set_rule("C.year", period="half_year")),
        ("jiangmen", set_rule("B.half_year", period="month")),
        ("jiangmen", c_home_each_half_month),
        ("jiangmen", month_by_halves),  # a month has two halves wherever it is cut
        ("jiangmen", limit_to),
        ("jiangmen", b_becomes_a),
        ("jiangmen", from_75),
        ("jiangmen", add_festival_duty),
        ("jiangmen", set_setting("surge_extra_contacts", 1)),
        ("jiangmen", set_setting("min_enrolment_days", 3)),
        ("jiangmen", set_part("register", refresh_months=6)),
        ("luzhou", set_part("register", refresh_months=3)),
        ("luzhou", set_setting("high_age", 70)),
        ("luzhou", set_part("consent", home_required=True)),
        ("luzhou", set_rule("general.month", count=1, period="half_month")),
        ("shaanxi", set_rule("all.month", valid_from=D(2025, 1, 1))),
        ("shaanxi", without("impaired.month")),  # everybody is owed a month from 2025-12 on
    ],
)
def test_what_is_stricter_is_proven(parent, change):
    assert weaker(parent, change) == []


def swap_tiers(data):
    data["tiers"][0], data["tiers"][1] = data["tiers"][1], data["tiers"][0]


def from_85(data):
    data["tiers"][0]["when"]["any"][1]["all"][0]["age_at_least"] = 85


def no_low_income(data):
    del data["tiers"][0]["when"]["any"][2]


def two_per_half_year(data):
    rule(data, "A.month").update(period="half_year", count=6)


def no_category(data):
    del data["categories"][0]


def narrower_definition(data):
    data["categories"][1]["definition"] = "living_alone"


def no_duty_in_weather(data):
    data["surge"][1].pop("count")
    data["settings"]["surge_extra_contacts"] = {"value": 0, "text": "设定。"}


def remote_suits_the_poorly(data):
    data["mode_limits"][0]["when"]["not"]["all"].pop(0)


def no_report(data):
    del data["reports"][1]


def later_milestone(data):
    data["milestones"][-1]["by"] = D(2026, 6, 30)


@pytest.mark.parametrize(
    ("parent", "change", "place", "parent_rule", "own_rule", "example"),
    [
        (
            "jiangmen",
            set_rule("A.month", modes="any"),
            "obligations[0].modes",
            "jiangmen.A.month",
            "local.A.month",
            "ability level 1",
        ),
        (
            "jiangmen",
            set_rule("A.month", period="half_year", count=12),
            "obligations[0].period",
            "jiangmen.A.month",
            "local.A.month",
            "ability level 1",
        ),
        (
            "jiangmen",
            without("B.half_year"),
            "obligations[1].period",
            "jiangmen.B.half_year",
            "local.B.month",
            "cares for an impaired child",
        ),
        (
            "jiangmen",
            set_rule("B.half_year", period="year"),
            "obligations[2].period",
            "jiangmen.B.half_year",
            "local.B.half_year",
            "cares for",
        ),
        (
            "jiangmen",
            set_rule("C.month", valid_from=D(2026, 7, 1)),
            "obligations[4].period",
            "jiangmen.C.month",
            "local.C.year",
            "age 59",
        ),
        (
            "jiangmen",
            swap_tiers,
            "obligations[1].modes",
            "jiangmen.A.month",
            "local.B.month",
            "ability level 1",
        ),
        ("jiangmen", from_85, "obligations[3].modes", "jiangmen.A.month", "local.C.month", "age 80"),
        (
            "jiangmen",
            no_low_income,
            "obligations[3].modes",
            "jiangmen.A.month",
            "local.C.month",
            "low_income",
        ),
        (
            "jiangmen",
            set_part("consent", home_required=False),
            "consent.home_required",
            "jiangmen consent.home_required",
            None,
            "",
        ),
        (
            "jiangmen",
            set_part("consent", refusal_note_required=False),
            "consent.refusal_note_required",
            "jiangmen consent.refusal_note_required",
            None,
            "",
        ),
        (
            "jiangmen",
            set_setting("min_enrolment_days", 14),
            "settings.min_enrolment_days.value",
            "jiangmen min_enrolment_days",
            None,
            "",
        ),
        (
            "jiangmen",
            set_setting("counted_per_day", 2),
            "settings.counted_per_day.value",
            "jiangmen counted_per_day",
            None,
            "",
        ),
        (
            "jiangmen",
            set_setting("left_behind_months", 12),
            "settings.left_behind_months.value",
            "jiangmen left_behind_months",
            None,
            "",
        ),
        ("jiangmen", no_category, "categories", "jiangmen category living_alone", None, ""),
        ("jiangmen", no_report, "reports", "jiangmen report contacts_2024", None, ""),
        ("jiangmen", later_milestone, "milestones[2].by", "jiangmen milestone monthly_rate", None, ""),
        ("luzhou", narrower_definition, "categories[1].definition", "luzhou category living_alone", None, ""),
        (
            "luzhou",
            set_setting("half_month_last_day", 14),
            "settings.half_month_last_day.value",
            "luzhou half_month_last_day",
            None,
            "",
        ),
        (
            "luzhou",
            set_setting("high_age", 85),
            "obligations[1].period",
            "luzhou.key.half_month",
            "local.general.month",
            "age 80, living_alone",
        ),
        (
            "luzhou",
            set_rule("key.half_month", period="month", count=2),
            "obligations[0].period",
            "luzhou.key.half_month",
            "local.key.half_month",
            "age 79",
        ),
        ("luzhou", no_duty_in_weather, "surge", "luzhou.surge.extreme_weather", None, "age"),
        (
            "luzhou",
            set_part("register", refresh_months=12),
            "register.refresh_months",
            "luzhou register",
            None,
            "",
        ),
        (
            "haikou",
            remote_suits_the_poorly,
            "obligations[1].modes",
            "haikou.general.month",
            "local.general.month",
            "poor health",
        ),
        ("shaanxi", without("all.month"), "obligations", "shaanxi.all.month", None, "age 70"),
        (
            "shaanxi",
            set_rule("all.month", valid_from=D(2027, 1, 1)),
            "obligations",
            "shaanxi.all.month",
            None,
            "age 70",
        ),
    ],
)
def test_what_is_weaker_is_named_with_an_elder(parent, change, place, parent_rule, own_rule, example):
    found = weaker(parent, change)
    named = [(one.place, one.parent_rule, one.own_rule) for one in found]
    assert (place, parent_rule, own_rule) in named
    one = found[named.index((place, parent_rule, own_rule))]
    assert example in (describe(one.example) if one.example else "")
    assert "\n" not in str(one)


def test_counting_the_halves_elsewhere_is_weaker_only_where_halves_are_asked_for():
    assert weaker("jiangmen", set_setting("half_month_last_day", 14)) == []
    cut_later = weaker("haikou", set_setting("half_month_last_day", 16))
    assert "settings.half_month_last_day.value" in {one.place for one in cut_later}
