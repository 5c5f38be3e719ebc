"""Loading and validating packs; each fault named in one line."""

import os
import tomllib

import pytest

from coordinator.policy import PolicyError, available_packs, load_pack
from coordinator.policy.packs import PACK_FOLDER
from coordinator.policy.quotes import documents_of, missing_quotations, quotations

TEXT = (PACK_FOLDER / "luzhou.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", available_packs())
def test_every_pack_that_comes_with_the_system_loads(name):
    pack = load_pack(name)
    assert pack.id == name
    assert len(pack.digest) == 64
    assert load_pack(name) is pack


def test_luzhou_holds_what_its_document_demands(luzhou):
    assert [entry.name for entry in luzhou.categories] == [
        "孤寡",
        "独居",
        "空巢",
        "留守",
        "失能",
        "重残",
        "计划生育特殊家庭",
    ]
    assert luzhou.document.parent_number == "川民发〔2023〕116号"
    assert luzhou.consent.home_required is False
    assert luzhou.register_.refresh_months == 6
    assert [(form.kind, form.copies) for form in luzhou.forms] == [("registration", 3), ("record", 3)]
    assert {report.every for report in luzhou.reports} == {None, "month", "quarter"}
    assert {"students", "minors", "supervision", "first_contact"} <= {
        clause.topic for clause in luzhou.clauses
    }
    assert luzhou.milestones[-1].rate_percent == 100


def test_every_setting_is_labelled_as_an_interpretation(luzhou):
    for key in luzhou.settings.model_fields_set:
        assert luzhou.settings.text_of(key).endswith("文件没有写明，这是本街道的设定。")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('period = "month"', 'period = "week"', "obligations[1].period: Input should be 'half_month'"),
        (
            "count = 1\nperiod",
            "count = 0\nperiod",
            "obligations[0].count: Input should be greater than or equal to 1",
        ),
        ("count = 1\nperiod", 'count = "1"\nperiod', "obligations[0].count: Input should be a valid integer"),
        ('modes = ["home"]', 'modes = ["hom"]', "obligations[0].modes"),
        ('tier = "key"\ncount', 'tier = "kay"\ncount', "obligations[0].tier: no tier 「kay」"),
        (
            'id = "general.month"',
            'id = "key.half_month"',
            "obligations[1].id: 「key.half_month」 is given twice",
        ),
        (
            'mark = ["每半年动态更新一次"]',
            'mark = ["每年"]',
            "register: mark 「每年」 does not occur in the quote",
        ),
        ('name = "泸州市"', 'name = "泸州市"\ncolour = "red"', "colour: Extra inputs are not permitted"),
        (
            '{ category = "kinless", why',
            '{ categry = "kinless", why',
            "tiers[0].when.any[0].categry: Extra inputs",
        ),
        (
            "{ ability_at_least = 2 }",
            "{ ability_at_least = 5 }",
            "tiers[0].when.any[2].all[0].ability_at_least",
        ),
        ("always = true", "", "tiers[1].when: a condition holds exactly one test, found none"),
        (
            "always = true",
            "always = true\nhardship = true",
            "tiers[1].when: a condition holds exactly one test, found always, hardship",
        ),
        ('mark = "高龄独居"', 'mark = "高龄"', None),
        ('mark = "高龄独居"', 'mark = "老龄"', "tiers[0]: when: mark 「老龄」 does not occur in the quote"),
        ('note = "high_age"', 'note = "highage"', "tiers[0].when: no setting 「highage」"),
        ('notes = ["half_month_last_day"]', 'notes = ["half"]', "obligations[0].notes: no setting 「half」"),
        ("经评估为{ability}", "经评估为{abilty}", "tiers[0].when.why: no placeholder 「{abilty}」"),
        ("经评估为{ability}", "经评估为{ability", "tiers[0].when.why: expected '}' before end of string"),
        ("[settings.high_age]\nvalue = 80", '[settings.high_age]\nvalue = "80"', "settings.high_age.value"),
        ("copies = 3", "copies = 2", "forms[0]: 2 copies but 3 keepers"),
        ('quote = "其他特殊', 'quote = "其他 特殊', "tiers[1]: quote must be written without white space"),
        ("valid_from = 2023-12-14", 'valid_from = "soon"', "valid_from: Input should be a valid date"),
        (
            'every = "month"',
            'every = "month"\ndue_on = 2024-01-01',
            "reports[1]: give either due_on or every",
        ),
        (
            'id = "luzhou"',
            'id = "luzhou"\ndigest = "0"',
            "digest: is computed from the file and cannot be given",
        ),
        ("level = 4", "level = 3", "ability_levels: the levels 0 to 4 must each be named once, in order"),
        ("version = ", "version == ", "not valid TOML"),
    ],
)
def test_a_fault_is_named_in_one_line(write, old, new, fault):
    assert old in TEXT
    path = write("broken.toml", TEXT.replace(old, new, 1))
    if fault is None:
        assert load_pack(path).id == "luzhou"
        return
    with pytest.raises(PolicyError) as caught:
        load_pack(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {fault}")
    assert "\n" not in message


def test_unknown_missing_or_unreadable_packs(tmp_path):
    with pytest.raises(PolicyError, match=r"no rule pack 'nowhere': give one of .*luzhou"):
        load_pack("nowhere")
    with pytest.raises(PolicyError, match=r"no rule pack '../policy/luzhou'"):
        load_pack("../policy/luzhou")
    with pytest.raises(PolicyError, match=r"none.toml: cannot be read"):
        load_pack(tmp_path / "none.toml")
    bad = tmp_path / "bad.toml"
    bad.write_bytes(b'id = "\xff"')
    with pytest.raises(PolicyError, match=r"bad.toml: byte 7 is not UTF-8"):
        load_pack(bad)


def test_a_changed_file_is_read_again(write):
    path = write("own.toml", TEXT)
    first = load_pack(path)
    write("own.toml", TEXT.replace('version = "1"', 'version = "1.1"'))
    assert (first.version, load_pack(path).version) == ("1", "1.1")


def test_quotations_are_compared_without_white_space(luzhou):
    document = "\n ".join(words for _, words in quotations(luzhou))
    assert missing_quotations(luzhou, document) == []
    changed = document.replace("每半月至少", "每半月最少")
    assert {place for place, _ in missing_quotations(luzhou, changed)} == {"obligations[0].quote"}


@pytest.mark.parametrize("name", available_packs())
def test_quotations_stand_in_the_document(name):
    """POLICY_DOCUMENTS: a folder of the documents' texts, each named after its pack (luzhou….txt)."""
    folder = os.environ.get("POLICY_DOCUMENTS")
    if not folder:
        pytest.skip("POLICY_DOCUMENTS does not name a folder with the documents' texts")
    (path,) = documents_of(load_pack(name))
    assert missing_quotations(load_pack(name), path.read_text(encoding="utf-8")) == []


def test_what_follows_the_document_in_the_same_file_is_not_the_document(luzhou):
    """The text of 广东 goes on with two other articles."""
    pack = load_pack("guangdong")
    own = "".join(words for _, words in quotations(pack))
    assert missing_quotations(pack, own) == []
    other = own.replace("上门入户要征得老年人或其赡养人同意", "")
    article = "鼓励社会力量参与\n贵州省民政厅多举措推动 上门入户要征得老年人或其赡养人同意"
    assert missing_quotations(pack, other + article) == [
        ("consent.quote", "上门入户要征得老年人或其赡养人同意")
    ]


def test_the_pack_file_is_plain_data():
    assert isinstance(tomllib.loads(TEXT), dict)
