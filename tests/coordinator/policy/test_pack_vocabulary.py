"""What other jurisdictions' documents need of the form: conjunctions, longer periods, limits on modes,
couples and carers, home consent, rules that begin on a day. The packs here are made up from Luzhou's."""

import copy
from datetime import date

import pytest

from coordinator.policy import Consent, CoResident, DisabilityCertificate, Event, Pack, tier

D = date
YEAR = {"start": D(2026, 1, 1), "end": D(2026, 12, 31), "as_of": D(2026, 1, 1)}


@pytest.fixture
def made_up(luzhou_data):
    """Luzhou's pack with other tiers and obligations."""

    def make(obligations, tiers=(), **over):
        data = copy.deepcopy(luzhou_data)
        data |= {"id": "test", "tiers": list(tiers), "surge": [], **over}
        data["obligations"] = [
            {"count": 1, "label": "联系 1 次", "why": "试用规则。", "quote": "每月1次", **rule}
            for rule in obligations
        ]
        return Pack.model_validate(data)

    return make


def a_tier(name, when):
    return {"id": name, "name": name, "when": when, "why": "{reasons}列入。", "quote": "分为三类"}


def test_conjunctive_obligations_of_one_tier(made_up, owed, make_elder, visit):
    pack = made_up(
        [
            {"id": "b.month", "tier": "b", "period": "month", "modes": "any"},
            {"id": "b.half_year", "tier": "b", "period": "half_year", "modes": ["home"]},
        ],
        [a_tier("b", {"always": True})],
    )
    found = owed(make_elder(), [visit(D(2026, 2, 3))], pack=pack)
    assert [(o.rule, o.period_from, o.period_to, o.status) for o in found] == [
        ("test.b.half_year", D(2026, 1, 1), D(2026, 6, 30), "met"),
        ("test.b.month", D(2026, 2, 1), D(2026, 2, 28), "met"),
    ]
    by_phone = owed(make_elder(), [visit(D(2026, 2, 3), mode="phone")], pack=pack)
    assert [o.status for o in by_phone] == ["owed", "met"]


def test_half_years_and_years(made_up, owed, make_elder):
    pack = made_up(
        [
            {"id": "half", "period": "half_year", "modes": "any"},
            {"id": "year", "period": "year", "modes": "any"},
        ]
    )
    found = owed(make_elder(), pack=pack, **YEAR)
    assert [(o.rule, o.period_from, o.period_to) for o in found] == [
        ("test.half", D(2026, 1, 1), D(2026, 6, 30)),
        ("test.year", D(2026, 1, 1), D(2026, 12, 31)),
        ("test.half", D(2026, 7, 1), D(2026, 12, 31)),
    ]
    assert {o.tier for o in found} == {None}


def test_long_periods_have_no_enrolment_rule(made_up, owed, make_elder):
    pack = made_up([{"id": "half", "period": "half_year", "modes": "any"}])
    found = owed(make_elder(enrolled_on=D(2026, 6, 29)), pack=pack, end=D(2026, 6, 30))
    assert [o.status for o in found] == ["owed"]
    left = owed(make_elder(left_on=D(2026, 6, 30)), pack=pack, end=D(2026, 6, 30))
    assert [o.reason for o in left] == ["left_before_period_end"]


def test_remote_contact_counts_only_where_it_suits(made_up, owed, make_elder, visit):
    suits = {"all": [{"health": "good"}, {"self_caring": True}, {"hardship": False}, {"upheaval": False}]}
    limit = {"when": {"not": suits}, "modes": ["home"], "quote": "入户探访适用于健康状况欠佳"}
    pack = made_up([{"id": "month", "period": "month", "modes": "any"}], mode_limits=[limit])
    call = [visit(D(2026, 2, 3), mode="phone")]
    for facts, status in [
        ({}, "met"),
        ({"health": "poor"}, "owed"),
        ({"self_caring": False}, "owed"),
        ({"hardship": True}, "owed"),
        ({"upheaval_until": D(2026, 2, 1)}, "owed"),
        ({"upheaval_until": D(2026, 1, 31)}, "met"),
    ]:
        (found,) = owed(make_elder(**facts), call, pack=pack)
        assert (facts, found.status) == (facts, status)
        assert list(found.modes) == (["home"] if status == "owed" else sorted(found.modes))


def test_home_consent_blocks_only_what_home_alone_can_meet(made_up, owed, make_elder):
    pack = made_up(
        [
            {"id": "any", "period": "month", "modes": "any"},
            {"id": "home", "period": "month", "modes": ["home"]},
        ],
        consent={
            "home_required": True,
            "refusal_note_required": False,
            "quote": "上门入户要征得老年人或其赡养人同意",
            "meaning": "上门要先征得同意。",
        },
    )
    blocked = {
        home: [o.blocked for o in owed(make_elder(consent=Consent("accepted", home)), pack=pack)]
        for home in ("granted", "unknown", "refused")
    }
    assert blocked == {
        "granted": [None, None],
        "unknown": [None, "home_consent_missing"],
        "refused": [None, "home_consent_missing"],
    }
    remote = owed(make_elder(consent=Consent("remote_only")), pack=pack)
    assert [o.blocked for o in remote] == [None, "remote_only"]


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ({}, {"ability_level": 1}, "b"),
        ({}, {"dementia": True}, "b"),
        ({}, {"disabled": True}, "b"),
        ({}, {}, "c"),
        ({"ability_level": 2}, {}, "b"),
        ({"disability": DisabilityCertificate(4, D(2026, 2, 1))}, {}, "b"),
        ({"disability": DisabilityCertificate(4, D(2026, 1, 31))}, {}, "c"),
        ({"birth_date": D(1946, 2, 1)}, {"disabled": True}, "c"),
        ({"birth_date": D(1946, 2, 2)}, {"disabled": True}, "b"),
        ({}, {"disabled": True, "birth_date": D(1966, 2, 2)}, "c"),
        ({}, {"disabled": True, "birth_date": D(1966, 2, 1)}, "b"),
        ({"cares_for_impaired_child": True, "birth_date": D(1930, 1, 1)}, None, "b"),
        ({}, None, "c"),
    ],
)
def test_couples_and_carers(made_up, make_elder, own, other, expected):
    pack = made_up(
        [{"id": "month", "period": "month", "modes": "any"}],
        [
            a_tier(
                "b",
                {
                    "any": [
                        {"couple": {"age_at_least": 60, "age_below": "high_age"}},
                        {"cares_for_impaired_child": True},
                    ]
                },
            ),
            a_tier("c", {"always": True}),
        ],
    )
    together = None if other is None else CoResident(**{"birth_date": D(1952, 1, 1), **other})
    assert tier(pack, make_elder(lives_with_elder=together, **own), D(2026, 2, 1)).id == expected


def test_tiers_in_order_of_precedence_and_none_where_none_matches(made_up, make_elder):
    pack = made_up(
        [{"id": "month", "period": "month", "modes": "any"}],
        [
            a_tier("a", {"economic_status": "low_income"}),
            a_tier("b", {"all": [{"age_at_least": 70}, {"age_below": 80}]}),
        ],
    )
    day = D(2026, 2, 1)
    assert tier(pack, make_elder(economic_status="low_income"), day).id == "a"
    assert tier(pack, make_elder(), day).id == "b"
    assert tier(pack, make_elder(birth_date=D(1930, 1, 1)), day) is None


def test_a_rule_with_a_condition_and_a_first_day(made_up, owed, make_elder):
    pack = made_up(
        [
            {"id": "impaired", "period": "month", "modes": "any", "when": {"category": "impaired"}},
            {"id": "all", "period": "month", "modes": "any", "valid_from": D(2026, 2, 28)},
        ]
    )
    found = owed(make_elder(ability_level=1), pack=pack, start=D(2026, 1, 1))
    assert [(o.rule, o.period_from.month) for o in found] == [
        ("test.impaired", 1),
        ("test.all", 2),
        ("test.impaired", 2),
    ]
    assert [o.rule for o in owed(make_elder(), pack=pack)] == ["test.all"]


def test_more_than_one_contact_may_be_required_and_counted_per_day(
    made_up, owed, make_elder, visit, luzhou_data
):
    settings = copy.deepcopy(luzhou_data["settings"])
    settings["counted_per_day"]["value"] = 2
    pack = made_up([{"id": "month", "period": "month", "modes": "any", "count": 2}], settings=settings)
    day = D(2026, 2, 3)
    (found,) = owed(make_elder(), [visit(day), visit(day), visit(day)], pack=pack)
    assert (found.status, found.counted, found.contacts[2].why) == ("met", 2, "same_day")
    (found,) = owed(make_elder(), [visit(day)], pack=pack)
    assert found.status == "owed"


def test_advice_without_a_number_is_no_obligation(made_up, owed, make_elder, luzhou_data):
    advice = {key: value for key, value in luzhou_data["surge"][0].items() if key != "count"}
    event = Event("festival", "春节", D(2026, 2, 16), D(2026, 2, 22))
    found = {}
    for extra in (0, 2):
        settings = luzhou_data["settings"] | {"surge_extra_contacts": {"value": extra, "text": "加几次。"}}
        pack = made_up(
            [{"id": "month", "period": "month", "modes": "any"}], surge=[advice], settings=settings
        )
        found[extra] = [(o.rule, o.required) for o in owed(make_elder(), events=[event], pack=pack)]
    month = ("test.month", 1)
    assert found == {0: [month], 2: [month, ("test.surge.festival", 2)]}
