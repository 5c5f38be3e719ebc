"""What each document owes, at its own boundaries (泸州 has a module of its own)."""

from datetime import date, timedelta

import pytest

from coordinator.policy import (
    Calculation,
    Category,
    Consent,
    Contact,
    CoResident,
    DisabilityCertificate,
    EarlierFacts,
    Event,
    Mode,
    available_packs,
    load_pack,
    obligations,
    tier,
)

D = date
FEB = (D(2026, 2, 1), D(2026, 2, 28))
ANY = sorted(Mode)
PACKS = ["guangdong", "haikou", "jiangmen", "luzhou", "shaanxi"]
GRANTED = Consent("accepted", "granted")


@pytest.fixture
def due(make_elder):
    """Obligations of one elder under a pack, February 2026 on its last day unless told otherwise."""

    def compute(pack, contacts=(), events=(), span=FEB, as_of=None, **facts):
        facts = {"consent": GRANTED} | facts
        elder = make_elder(**facts)
        return obligations(load_pack(pack), elder, contacts, events, *span, as_of or span[1])

    return compute


def at(day, mode="home", outcome="completed"):
    return Contact("e1", day, mode, outcome)


def short(found):
    return [(o.rule.partition(".")[2], str(o.status)) for o in found]


def test_five_documents_come_with_the_system():
    assert available_packs() == PACKS


# --- 陕西 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("year", "month", "rules"),
    [
        (2025, 11, ["impaired.month"]),
        (2025, 12, ["all.month", "impaired.month"]),  # the month that ends on the target's day
        (2026, 1, ["all.month", "impaired.month"]),
    ],
)
@pytest.mark.parametrize("pack", ["shaanxi", "guangdong"])
def test_everybody_monthly_from_the_month_of_the_target(due, pack, year, month, rules):
    span = (D(year, month, 2), D(year, month, 28))
    assert [o.rule for o in due(pack, span=span, ability_level=1)] == [f"{pack}.{rule}" for rule in rules]
    assert [o.rule for o in due(pack, span=span)] == [f"{pack}.all.month"] * (len(rules) - 1)


def test_shaanxi_counts_any_mode_has_no_tier_and_needs_no_home_consent(due):
    found = due("shaanxi", [at(D(2026, 2, 3), "phone")], ability_level=3, health="poor", consent=Consent())
    assert [(o.tier, list(o.modes), o.status, o.blocked) for o in found] == [(None, ANY, "met", None)] * 2


# --- 江门 --------------------------------------------------------------------------------------------------

OTHER = CoResident(D(1952, 1, 1), disabled=True)
SEVERE = DisabilityCertificate(2, D(2026, 2, 1))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, "C"),
        ({"ability_level": 1}, "A"),
        ({"birth_date": D(1946, 2, 1), "categories": ["living_alone"]}, "A"),  # 80 on the first day
        ({"birth_date": D(1946, 2, 2), "categories": ["living_alone"]}, "C"),
        ({"birth_date": D(1930, 1, 1), "categories": ["empty_nest"]}, "A"),
        ({"birth_date": D(1930, 1, 1), "categories": ["left_behind"]}, "A"),
        ({"birth_date": D(1930, 1, 1)}, "C"),
        ({"birth_date": D(1930, 1, 1), "categories": ["special_family"]}, "C"),
        ({"economic_status": "low_income", "categories": ["empty_nest"]}, "A"),
        ({"economic_status": "low_income"}, "C"),
        ({"economic_status": "destitute", "categories": ["empty_nest"]}, "C"),
        ({"economic_status": "low_income_marginal", "categories": ["empty_nest"]}, "C"),
        ({"categories": ["special_family", "living_alone"]}, "A"),
        ({"categories": ["special_family", "empty_nest"]}, "C"),
        ({"disability": SEVERE, "categories": ["living_alone"]}, "B"),
        ({"disability": SEVERE, "categories": ["empty_nest"]}, "C"),
        ({"disability": DisabilityCertificate(2, D(2026, 1, 31)), "categories": ["living_alone"]}, "C"),
        ({"disability": DisabilityCertificate(3, D(2030, 1, 1)), "categories": ["living_alone"]}, "C"),
        ({"disability": SEVERE, "categories": ["living_alone"], "birth_date": D(1966, 2, 1)}, "B"),  # 60
        ({"disability": SEVERE, "categories": ["living_alone"], "birth_date": D(1966, 2, 2)}, "C"),
        ({"disability": SEVERE, "categories": ["living_alone"], "birth_date": D(1946, 2, 2)}, "B"),
        ({"disability": SEVERE, "categories": ["living_alone"], "birth_date": D(1946, 2, 1)}, "A"),
        ({"lives_with_elder": OTHER}, "B"),
        ({"lives_with_elder": CoResident(D(1952, 1, 1))}, "C"),
        ({"lives_with_elder": CoResident(D(1952, 1, 1), dementia=True)}, "B"),
        ({"lives_with_elder": CoResident(D(1952, 1, 1), ability_level=1)}, "B"),
        (
            {"lives_with_elder": CoResident(D(1952, 1, 1)), "disability": DisabilityCertificate(4, FEB[0])},
            "B",
        ),
        ({"lives_with_elder": CoResident(D(1946, 2, 1), disabled=True)}, "C"),  # the other is 80
        ({"lives_with_elder": CoResident(D(1946, 2, 2), disabled=True)}, "B"),
        ({"lives_with_elder": OTHER, "birth_date": D(1946, 2, 1)}, "C"),
        ({"lives_with_elder": CoResident(D(1966, 2, 2), disabled=True)}, "C"),  # the other is 59
        ({"lives_with_elder": OTHER, "ability_level": 1}, "A"),  # A comes before B
        ({"cares_for_impaired_child": True, "birth_date": D(1930, 1, 1)}, "B"),
        ({"cares_for_impaired_child": True, "birth_date": D(1970, 1, 1)}, "B"),
        ({"cares_for_impaired_child": True, "ability_level": 1}, "A"),
    ],
)
def test_jiangmen_tiers(make_elder, facts, expected):
    decision = tier(load_pack("jiangmen"), make_elder(**facts), FEB[0])
    assert decision.id == expected
    assert decision.why.endswith(f"列为 {expected} 类。")


def test_jiangmen_owes_month_and_half_year_or_year_together(due):
    carer = {"cares_for_impaired_child": True}
    june = (D(2026, 6, 1), D(2026, 6, 30))
    calls = [at(D(2026, 6, 3), "phone")]
    assert short(due("jiangmen", calls, span=june, **carer)) == [("B.half_year", "owed"), ("B.month", "met")]
    assert short(due("jiangmen", calls, span=june, as_of=D(2026, 7, 1), **carer)) == [
        ("B.half_year", "overdue"),
        ("B.month", "met"),
    ]
    assert short(due("jiangmen", calls, span=june, as_of=D(2026, 7, 1))) == [
        ("C.year", "owed"),
        ("C.month", "met"),
    ]
    home = [at(D(2026, 6, 3))]
    assert short(due("jiangmen", home, span=june, **carer)) == [("B.half_year", "met"), ("B.month", "met")]


@pytest.mark.parametrize(
    ("day", "half_years", "years"),
    [(D(2026, 6, 30), [1, 0], [1]), (D(2026, 7, 1), [0, 1], [1]), (D(2025, 12, 31), [0, 0], [0])],
)
def test_half_years_begin_in_january_and_july(due, day, half_years, years):
    span = (D(2026, 1, 1), D(2026, 12, 31))
    found = due("jiangmen", [at(day)], span=span, cares_for_impaired_child=True)
    assert [o.counted for o in found if o.rule == "jiangmen.B.half_year"] == half_years
    found = due("jiangmen", [at(day)], span=span)
    assert [o.counted for o in found if o.rule == "jiangmen.C.year"] == years


def test_jiangmen_long_periods_have_no_enrolment_rule_and_are_decided_on_the_first_active_day(due):
    year_end = (D(2026, 12, 1), D(2026, 12, 31))
    found = due("jiangmen", span=year_end, enrolled_on=D(2026, 12, 28))
    assert [(o.rule, o.status, o.reason) for o in found] == [
        ("jiangmen.C.year", "owed", None),
        ("jiangmen.C.month", "waived", "not_yet_enrolled_long_enough"),
    ]
    # A tier that changes in the year: the year was decided as C in January, the month as A in February.
    turned = due("jiangmen", birth_date=D(1946, 1, 15), categories=["living_alone"])
    assert [o.rule for o in turned] == ["jiangmen.C.year", "jiangmen.A.month"]
    assert [o.tier for o in turned] == ["C", "A"]


def test_jiangmen_leaving_waives_the_year(due):
    found = due("jiangmen", left_on=D(2026, 12, 31))
    assert [(o.rule, o.reason) for o in found] == [
        ("jiangmen.C.year", "left_before_period_end"),
        ("jiangmen.C.month", None),
    ]
    found = due("jiangmen", left_on=D(2027, 1, 1))
    assert [o.reason for o in found] == [None, None]


# --- 海口 and 广东: which modes suit -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "haikou", "guangdong"),
    [
        ({}, True, True),
        ({"health": "poor"}, False, False),
        ({"self_caring": False}, False, False),
        ({"hardship": True}, False, False),
        ({"economic_status": "low_income"}, True, True),
        ({"economic_status": "destitute"}, True, True),
        ({"upheaval_until": D(2026, 2, 1)}, False, False),
        ({"upheaval_until": D(2026, 1, 31)}, True, True),
        ({"ability_level": 1}, False, True),  # 海口 names 失能 and 重残
        ({"disability": SEVERE}, False, True),
        ({"disability": DisabilityCertificate(2, D(2026, 1, 31))}, True, True),
        ({"disability": DisabilityCertificate(3, D(2030, 1, 1))}, True, True),
    ],
)
def test_where_a_call_counts(due, facts, haikou, guangdong):
    call = [at(D(2026, 2, 1), "phone")]
    for pack, counts in (("haikou", haikou), ("guangdong", guangdong)):
        found = next(o for o in due(pack, call, **facts) if o.rule != "guangdong.impaired.month")
        assert (pack, list(found.modes)) == (pack, ANY if counts else ["home"])
        assert [v.why for v in found.contacts] == [None if counts else "mode_not_counted"]


def test_haikou_a_call_to_a_severely_disabled_elder_does_not_count(due):
    (first, second) = due(
        "haikou", [at(D(2026, 2, 3), "phone")], disability=DisabilityCertificate(1, D(2030, 1, 1))
    )
    assert (first.rule, first.tier, first.status) == ("haikou.key.half_month", "key", "overdue")
    assert [v.why for v in first.contacts] == ["mode_not_counted"]
    assert second.status == "owed"


@pytest.mark.parametrize(("day", "counted"), [(15, [1, 0]), (16, [0, 1])])
def test_haikou_halves_of_the_month(due, day, counted):
    found = due("haikou", [at(D(2026, 2, day), "video")], categories=["kinless"])
    assert [o.counted for o in found] == counted


def test_haikou_upheaval_in_mid_month_is_judged_at_each_period_start(due):
    found = due("haikou", categories=["kinless"], upheaval_until=D(2026, 2, 15))
    assert [list(o.modes) for o in found] == [["home"], ANY]


def test_guangdong_impaired_at_home_and_everybody_somehow(due):
    found = due("guangdong", [at(D(2026, 2, 3), "phone")], ability_level=2)
    assert [(o.rule, list(o.modes), o.status) for o in found] == [
        ("guangdong.all.month", ANY, "met"),
        ("guangdong.impaired.month", ["home"], "owed"),
    ]


@pytest.mark.parametrize("pack", PACKS)
def test_who_must_consent_to_home_visits(due, pack):
    for home, missing in (("granted", False), ("unknown", True), ("refused", True)):
        found = due(pack, ability_level=3, health="poor", consent=Consent("accepted", home))
        at_home = [o for o in found if list(o.modes) == ["home"]]
        expected = "home_consent_missing" if missing and pack in {"jiangmen", "guangdong"} else None
        assert {o.blocked for o in at_home} <= {expected}
        assert bool(at_home) is (pack != "shaanxi")


@pytest.mark.parametrize("pack", PACKS)
def test_remote_only_comes_first_and_blocks_only_what_home_alone_meets(due, pack):
    epidemic = Event("epidemic", "流感", D(2026, 1, 1), D(2026, 12, 31))
    found = due(pack, events=[epidemic], ability_level=3, health="poor", consent=Consent("remote_only"))
    assert {o.blocked for o in found if o.status == "owed"} == (
        {None} if pack == "shaanxi" else {"remote_only"}
    )
    granted = due(pack, events=[epidemic], ability_level=3, health="poor")
    assert {o.blocked for o in granted if o.status == "owed"} == (
        {None} if pack == "shaanxi" else {"epidemic"}
    )


@pytest.mark.parametrize("pack", PACKS)
def test_refusal_waives_and_unknown_owes(due, pack):
    assert {
        (o.status, o.reason) for o in due(pack, ability_level=3, consent=Consent("refused", "granted"))
    } == {("waived", "service_refused")}
    accepted, unknown = (
        [(o.rule, o.status) for o in due(pack, ability_level=3, consent=Consent(answer, "granted"))]
        for answer in ("accepted", "unknown")
    )
    assert accepted == unknown != []


@pytest.mark.parametrize("pack", PACKS)
def test_only_luzhou_sets_a_duty_at_festivals(due, pack):
    events = [
        Event("festival", "春节", D(2026, 2, 16), D(2026, 2, 22)),
        Event("extreme_weather", "寒潮", D(2026, 2, 27), D(2026, 3, 3)),
    ]
    surge = [o for o in due(pack, events=events) if o.event]
    assert bool(surge) is (pack == "luzhou")
    if pack != "luzhou":
        assert load_pack(pack).settings.surge_extra_contacts.value == 0
        assert {entry.event for entry in load_pack(pack).surge} == {"festival", "extreme_weather"}


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize(("last", "waived"), [(D(2026, 2, 21), False), (D(2026, 2, 22), True)])
def test_seven_days_before_the_end_of_the_month(due, pack, last, waived):
    month = [o for o in due(pack, enrolled_on=last) if o.rule.endswith(".month")]
    assert [o.reason for o in month] == ["not_yet_enrolled_long_enough" if waived else None]


@pytest.mark.parametrize("pack", PACKS)
def test_every_object_of_the_output_is_whole(due, pack):
    for found in due(pack, ability_level=3, span=(D(2026, 1, 1), D(2026, 12, 31))):
        assert found.why
        assert found.rule_label
        assert found.source.document == load_pack(pack).document.title
        assert all(words in found.source.quote for words in found.mark)
        assert "{" not in found.why + found.rule_label


def test_categories_without_a_definition_say_so():
    for name in PACKS:
        pack = load_pack(name)
        assert len(pack.categories) == (7 if name in {"luzhou", "haikou"} else 6)
        for entry in pack.categories:
            if name in {"luzhou", "haikou"}:
                assert entry.quote == entry.text
            else:
                assert entry.quote is None
                assert entry.text.endswith("文件没有写明，这是本街道的设定。")
    assert Category.KINLESS not in {entry.id for entry in load_pack("shaanxi").categories}


def test_forms_are_those_whose_fields_are_at_hand():
    forms = {
        name: (
            [(form.kind, form.copies) for form in load_pack(name).forms],
            len(load_pack(name).named_forms),
        )
        for name in PACKS
    }
    assert forms == {
        "guangdong": ([], 1),
        "haikou": ([], 1),
        "jiangmen": ([], 3),
        "luzhou": ([("registration", 3), ("record", 3)], 0),
        "shaanxi": ([("combined", 2)], 0),
    }


def test_who_asks_for_consent_notes_and_a_fresh_register():
    packs = {name: load_pack(name) for name in PACKS}
    assert {n for n, p in packs.items() if p.consent.home_required} == {"jiangmen", "guangdong"}
    assert {n for n, p in packs.items() if p.consent.refusal_note_required} == {"jiangmen"}
    assert {n: p.register_.refresh_months for n, p in packs.items()} == {
        "guangdong": None, "haikou": None, "jiangmen": None, "luzhou": 6, "shaanxi": None,
    }  # fmt: skip
    assert {n: p.milestones[-1].by for n, p in packs.items()} == {
        "guangdong": D(2025, 12, 31),
        "haikou": D(2025, 12, 31),
        "jiangmen": D(2025, 10, 31),
        "luzhou": D(2025, 12, 31),
        "shaanxi": D(2025, 12, 31),
    }


# --- versions and earlier facts ----------------------------------------------------------------------------


def test_a_change_of_version_inside_the_span_is_two_calculations(make_elder):
    """Each period is judged by the version in force on its first day; surge events likewise."""
    pack, elder = load_pack("luzhou"), make_elder(categories=["kinless"])
    festival = Event("festival", "春节", D(2026, 2, 14), D(2026, 2, 22))
    whole = Calculation(pack, [festival], *FEB, FEB[1]).for_elder(elder)
    before, after = (
        Calculation(pack, [festival], *FEB, FEB[1], in_force=days).for_elder(elder)
        for days in ((D(2024, 1, 1), D(2026, 2, 15)), (D(2026, 2, 16), date.max))
    )
    assert [(o.rule, o.period_from.day) for o in before] == [
        ("luzhou.key.half_month", 1),
        ("luzhou.surge.festival", 14),
    ]
    assert [(o.rule, o.period_from.day) for o in after] == [("luzhou.key.half_month", 16)]
    assert [*before, *after] == whole
    nothing = Calculation(pack, [festival], *FEB, FEB[1], in_force=(D(2026, 3, 1), date.max))
    assert nothing.for_elder(elder) == []


def test_a_change_of_facts_reaches_the_running_period_and_none_that_had_ended(make_elder):
    pack = load_pack("luzhou")
    now = make_elder(categories=["kinless"])
    then = make_elder(consent=Consent("refused"))
    longer_ago = make_elder(ability_level=3)
    span = (D(2026, 1, 1), D(2026, 3, 15))
    earlier = [EarlierFacts(D(2026, 1, 31), longer_ago), EarlierFacts(D(2026, 2, 14), then)]
    found = Calculation(pack, [], *span, D(2026, 3, 15)).for_elder(now, (), earlier)
    assert [(o.period_from, o.period_to, o.tier, o.status) for o in found] == [
        (D(2026, 1, 1), D(2026, 1, 15), "key", "overdue"),  # by the oldest facts
        (D(2026, 1, 16), D(2026, 1, 31), "key", "overdue"),
        # no half-month ended from 1 to 14 February: the one that ended on the 15th has the present facts
        (D(2026, 2, 1), D(2026, 2, 15), "key", "overdue"),
        (D(2026, 2, 16), D(2026, 2, 28), "key", "overdue"),
        (D(2026, 3, 1), D(2026, 3, 15), "key", "owed"),
    ]
    assert [o.why for o in found][:3:2] == [
        "经评估为重度失能，列为重点对象。",
        "属于孤寡老年人，列为重点对象。",
    ]
    refused = Calculation(pack, [], *span, D(2026, 3, 15)).for_elder(
        now, (), [EarlierFacts(D(2026, 2, 28), then)]
    )
    assert [(o.rule, o.status) for o in refused if o.period_to <= D(2026, 2, 28)] == [
        ("luzhou.general.month", "waived"),
        ("luzhou.general.month", "waived"),
    ]


def test_enrolment_and_leaving_are_always_the_present_ones(make_elder):
    pack = load_pack("luzhou")
    then = make_elder(enrolled_on=D(2026, 2, 27), left_on=D(2026, 2, 28), ability_level=3)
    now = make_elder(enrolled_on=D(2026, 1, 1))
    found = Calculation(pack, [], *FEB, FEB[1]).for_elder(now, (), [EarlierFacts(FEB[1], then)])
    assert [(o.tier, o.status) for o in found] == [("key", "overdue"), ("key", "owed")]


# --- elders who share a preparation ------------------------------------------------------------------------


def nearly_alike():
    """Elders of whom any two next to each other differ in one fact or one day, around February 2026."""
    days = [D(2026, 1, 20) + timedelta(days=n) for n in range(45)]
    kinds = [
        [{"enrolled_on": day} for day in days],
        [{"left_on": day} for day in days],
        [{"upheaval_until": day} for day in days],
        [{"disability": DisabilityCertificate(2, day), "categories": ["living_alone"]} for day in days],
        [{"birth_date": day.replace(year=1946), "categories": ["living_alone"]} for day in days],
        [{"lives_with_elder": CoResident(day.replace(year=1946), disabled=True)} for day in days],
        [{"lives_with_elder": other} for other in (None, OTHER, CoResident(D(1952, 1, 1)))],
        [{"disability": DisabilityCertificate(grade, D(2030, 1, 1))} for grade in (1, 2, 3, 4)],
        [{"ability_level": level} for level in range(5)],
        [
            {"consent": Consent(service, home)}
            for service in ("accepted", "remote_only", "refused")
            for home in ("granted", "refused")
        ],
        [
            {name: value}
            for name in ("hardship", "self_caring", "cares_for_impaired_child")
            for value in (True, False)
        ],
        [
            {"health": "poor"},
            {"economic_status": "low_income"},
            {"economic_status": "low_income", "categories": ["empty_nest"]},
        ],
        [{"categories": [category]} for category in list(Category)[:5]],
        [{"categories": ["special_family", "living_alone"]}],
    ]
    return [facts for kind in kinds for facts in kind]


@pytest.mark.parametrize("pack", PACKS)
def test_nobody_is_taken_for_another(make_elder, pack):
    """One calculation for all gives each what a calculation of her own gives."""
    events = [Event("festival", "春节", D(2026, 2, 16), D(2026, 2, 22))]
    shared = Calculation(load_pack(pack), events, *FEB, D(2026, 2, 18))
    for facts in nearly_alike():
        elder = make_elder(**facts)
        alone = obligations(load_pack(pack), elder, [], events, *FEB, D(2026, 2, 18))
        assert shared.for_elder(elder) == alone, facts
