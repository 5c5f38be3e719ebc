"""A pack's conditions must make sense together, and the command says where they do not."""

import copy

import pytest
from click.testing import CliRunner

from coordinator.policy import Pack, load_pack
from coordinator.policy.checks import faults
from coordinator.policy.cli import policy
from coordinator.policy.packs import PACK_FOLDER
from coordinator.policy.quotes import quotations
from tests.coordinator.policy.local_packs import DATA, rule, without


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
