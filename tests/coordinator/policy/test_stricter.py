"""A local pack may only exceed its parent, and a pack's conditions must make sense together."""

import copy
import tomllib
from dataclasses import replace
from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.policy import (
    Calculation,
    Consent,
    Contact,
    Event,
    EventKind,
    Mode,
    Outcome,
    Pack,
    Status,
    available_packs,
    load_pack,
)
from coordinator.policy.checks import faults
from coordinator.policy.cli import policy
from coordinator.policy.packs import PACK_FOLDER
from coordinator.policy.quotes import quotations
from coordinator.policy.regions import DAY, describe, regions
from coordinator.policy.stricter import weaker_places

D = date
DATA = {
    name: tomllib.loads((PACK_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    for name in available_packs()
}


def local(parent, change=None, **over):
    """A local pack made from its parent's data."""
    data = copy.deepcopy(DATA[parent]) | {"id": "local", "parent": parent, "valid_from": D(2026, 1, 1)} | over
    if change is not None:
        change(data)
    return Pack.model_validate(data)


def rule(data, rule_id):
    return next(entry for entry in data["obligations"] if entry["id"] == rule_id)


def weaker(parent, change):
    return weaker_places(local(parent, change), load_pack(parent))


@pytest.mark.parametrize("name", available_packs())
def test_a_copy_is_as_strict_as_its_parent_and_without_fault(name):
    assert weaker_places(local(name), load_pack(name)) == []
    assert faults(load_pack(name)) == []


def set_rule(rule_id, **values):
    def change(data):
        rule(data, rule_id).update(values)

    return change


def without(*rule_ids):
    def change(data):
        data["obligations"] = [entry for entry in data["obligations"] if entry["id"] not in rule_ids]

    return change


def set_setting(key, value):
    def change(data):
        data["settings"][key] = {"value": value, "text": "设定。"}

    return change


def set_part(part, **values):
    def change(data):
        data[part].update(values)

    return change


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


# --- a tightened pack never owes less ----------------------------------------------------------------------

TIGHTER = [
    ("count", lambda entry: entry.update(count=entry["count"] + 1)),
    ("home", lambda entry: entry.update(modes=["home"])),
    ("remote off", lambda entry: entry.update(modes=["home", "video"]) if entry["modes"] == "any" else None),
]
LOOSER = [
    ("fewer", lambda entry: entry.update(count=max(1, entry["count"] - 1), modes="any")),
    ("year", lambda entry: entry.update(period="year")),
    ("later", lambda entry: entry.update(valid_from=D(2026, 9, 1))),
]
KINDS = {name: list(regions(load_pack(name).compiled.atoms)) for name in available_packs()}
days_2026 = st.dates(D(2026, 1, 1), D(2026, 12, 31))
contacts_2026 = st.lists(
    st.builds(Contact, st.just("example"), days_2026, st.sampled_from(Mode), st.just(Outcome.COMPLETED)),
    max_size=40,
)


def moved(elder):
    """An example elder of `DAY`, as old at the start of 2026 and of that age all year."""
    years = DAY.year - 2026

    def back(birth):
        return birth.replace(year=birth.year - years)

    other = elder.lives_with_elder
    return replace(
        elder,
        birth_date=back(elder.birth_date),
        lives_with_elder=other and replace(other, birth_date=back(other.birth_date)),
        consent=Consent("accepted", "granted"),
    )


@st.composite
def changed_packs(draw, changes):
    """A pack with some of its obligations changed, and the name of its parent."""
    name = draw(st.sampled_from(available_packs()))
    data = copy.deepcopy(DATA[name]) | {"id": "local", "parent": name}
    for entry in data["obligations"]:
        for _, change in draw(st.lists(st.sampled_from(changes), max_size=2)):
            change(entry)
    return name, Pack.model_validate(data)


def all_met(pack, elder, contacts, events):
    """Whether nothing of 2026 stays unmet, by the kinds of rules of the year."""
    found = Calculation(pack, events, D(2026, 1, 1), D(2026, 12, 31), D(2027, 1, 1)).for_elder(
        elder, contacts
    )
    return all(one.status is Status.MET for one in found)


@settings(max_examples=60, deadline=None)
@given(changed_packs(TIGHTER), st.data(), contacts_2026)
def test_a_stricter_pack_never_owes_less(made, data, contacts):
    """Each obligation of the parent stands in the stricter pack with as many contacts or more, and is met there
    only if it is met by the parent's."""
    name, pack = made
    parent = load_pack(name)
    assert weaker_places(pack, parent) == []
    elder = moved(data.draw(st.sampled_from(KINDS[name])))
    events = [Event(EventKind.FESTIVAL, "节", D(2026, 5, 1), D(2026, 5, 3))]
    span = (D(2026, 1, 1), D(2026, 12, 31), D(2026, 8, 20))
    asked = Calculation(parent, events, *span).for_elder(elder, contacts)
    own = {
        (o.rule.partition(".")[2], o.period_from, o.period_to): o
        for o in Calculation(pack, events, *span).for_elder(elder, contacts)
    }
    for one in asked:
        mine = own[one.rule.partition(".")[2], one.period_from, one.period_to]
        assert mine.required >= one.required
        assert set(mine.modes) <= set(one.modes)
        assert mine.counted <= one.counted
        assert not (mine.status is Status.MET and one.status is not Status.MET)


@settings(max_examples=100, deadline=None)
@given(changed_packs([*TIGHTER, *LOOSER]), st.data(), contacts_2026, st.integers(0, 2))
def test_what_the_proof_accepts_is_never_met_while_the_parent_is_not(made, data, contacts, homes):
    name, pack = made
    parent = load_pack(name)
    if weaker_places(pack, parent):
        return
    elder = moved(data.draw(st.sampled_from(KINDS[name])))
    # Home visits in each half-month, so that the obligations of the local pack are met now and then.
    contacts = contacts + [
        Contact("example", D(2026, month, 1 + half * 15) + timedelta(days=n), Mode.HOME, Outcome.COMPLETED)
        for month in range(1, 13)
        for half in (0, 1)
        for n in range(homes)
    ]
    if all_met(pack, elder, contacts, []):
        assert all_met(parent, elder, contacts, [])


@pytest.mark.parametrize("name", available_packs())
def test_a_refused_pack_can_be_met_while_the_parent_is_not(name):
    """The proof is not merely careful: each rule taken away leaves somebody with less."""
    parent = load_pack(name)
    span = (D(2025, 6, 1), D(2025, 6, 30), D(2025, 6, 1))
    for position, entry in enumerate(DATA[name]["obligations"]):
        asked_for = f"{name}.{entry['id']}"
        data = copy.deepcopy(DATA[name]) | {"id": "local", "parent": name}
        del data["obligations"][position]
        pack = Pack.model_validate(data)
        examples = [one.example for one in weaker_places(pack, parent) if one.parent_rule == asked_for]
        if "valid_from" in entry:
            continue  # begins after this span
        asked, own = (
            {o.rule.partition(".")[2] for o in Calculation(one, [], *span).for_elder(moved(examples[0]))}
            for one in (parent, pack)
        )
        assert entry["id"] in asked
        assert own == asked - {entry["id"]}


# --- conditions that make no sense together ----------------------------------------------------------------


def always_first(data):
    data["tiers"][0]["when"] = {"always": True}


def never(data):
    data["tiers"][1]["when"] = {"all": [{"age_at_least": 80}, {"age_below": 80}]}


def nobody_else(data):
    data["tiers"][2]["when"] = {"age_at_least": 60}


def overlapping(data):
    """B describes a part of A only."""
    data["tiers"][1]["when"] = {"all": [{"category": "impaired"}, {"age_at_least": 60}]}


def no_mode_left(data):
    data["mode_limits"] = [{"when": {"health": "poor"}, "modes": ["phone"], "quote": "健康状况欠佳"}]


def rule_for_nobody(data):
    rule(data, "C.month")["when"] = {"category": "impaired"}


def tier_without_rule(data):
    without("B.month", "B.half_year")(data)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (always_first, "tiers[1].when: tier B can never be reached: everybody it describes is already in A"),
        (overlapping, "tiers[1].when: tier B can never be reached: everybody it describes is already in A"),
        (never, "tiers[1].when: no elder can meet the condition of tier B"),
        (nobody_else, "tiers: an elder of age 59 is in no tier and would be owed nothing"),
        (
            no_mode_left,
            "obligations[0].modes: no mode counts for an elder of age 59, ability level 1, poor health",
        ),
        (rule_for_nobody, "obligations[3].when: no elder can meet this condition"),
        (tier_without_rule, "tiers[1].id: no obligation for tier B"),
    ],
)
def test_conditions_that_make_no_sense_together(change, fault):
    data = copy.deepcopy(DATA["jiangmen"])
    change(data)
    assert fault in faults(Pack.model_validate(data))


# --- the command -------------------------------------------------------------------------------------------


@pytest.fixture
def district(write):
    """A district's pack as a file, made from Jiangmen's text."""
    text = (PACK_FOLDER / "jiangmen.toml").read_text(encoding="utf-8")

    def make(*changes):
        changed = text.replace('id = "jiangmen"', 'id = "district"\nparent = "jiangmen"', 1)
        for old, new in changes:
            assert old in changed
            changed = changed.replace(old, new, 1)
        return write("district.toml", changed)

    return make


def check(*args):
    return CliRunner().invoke(policy, ["check", *map(str, args)])


def test_check_accepts_a_stricter_pack(district):
    result = check(district(('period = "year"', 'period = "half_year"')))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "nowhere weaker than jiangmen" in result.stdout


def test_check_refuses_a_weaker_pack_and_says_where(district):
    path = district(('period = "half_year"', 'period = "year"'))
    result = check(path)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{path}: obligations[2].period: weaker than jiangmen.B.half_year: ")
    assert "for example an elder: age 59, cares for an impaired child" in line


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (('parent = "jiangmen"', 'parent = "atlantis"'), "parent: no rule pack 'atlantis'"),
        (('parent = "jiangmen"', 'parent = "district"'), "parent: a pack is not its own parent"),
        (('parent = "jiangmen"', 'parents = "jiangmen"'), "parents: Extra inputs are not permitted"),
        (('period = "half_year"', 'period = "week"'), "obligations[2].period: Input should be 'half_month'"),
        (('id = "B"', 'id = "A"'), "tiers[1].id: 「A」 is given twice"),
        (("always = true", "age_at_least = 70"), "tiers: an elder of "),
        (("[settings.surge_extra_contacts]", "[settings.surge_extra]"), "settings.surge_extra: Extra inputs"),
    ],
)
def test_check_names_file_element_and_field(district, change, fault):
    path = district(change)
    result = check(path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{path}: {fault}" in result.stderr.splitlines()[0]


def test_check_compares_with_the_documents_at_hand(district, write, tmp_path, monkeypatch):
    pack = load_pack("jiangmen")
    words = "\n".join(words for _, words in quotations(pack))
    write("jiangmen-2024.txt", words)
    monkeypatch.setenv("POLICY_DOCUMENTS", str(tmp_path))
    assert "all found in" in check("jiangmen").stdout
    # A district's own document is not at hand: nothing to compare with.
    path = district(("每月至少上门入户1次", "每月至少上门入户两次"), ('mark = ["每月至少上门入户1次"]', ""))
    assert check(path).exit_code == 0
    write("district-2026.txt", "本区自定：A类特殊困难老年人每月至少上门入户两次")
    assert check(path).exit_code == 0
    write("district-2026.txt", "本区没有写。")
    result = check(path)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{path}: obligations[0].quote: not in ")


def test_due_refuses_a_pack_whose_tiers_overlap(district, write):
    path = district(("always = true", "age_at_least = 70"))
    registry = write("registry.json", '{"elders": []}')
    span = ["--from", "2026-02-01", "--to", "2026-02-28", "--as-of", "2026-02-28"]
    result = CliRunner().invoke(policy, ["due", "--pack", str(path), "--registry", str(registry), *span])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{path}: tiers: an elder of " in result.stderr
