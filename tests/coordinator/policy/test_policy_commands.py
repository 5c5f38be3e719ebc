"""`policy due` and `policy check`: output, order, exit codes, one line for bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from coordinator.policy.cli import policy
from coordinator.policy.packs import PACK_FOLDER
from coordinator.policy.quotes import quotations

ELDER = {
    "id": "e1",
    "birth_date": "1944-03-02",
    "categories": ["living_alone"],
    "ability_level": 0,
    "disability": {"grade": 2, "valid_to": "2030-01-01"},
    "economic_status": "none",
    "health": "good",
    "self_caring": True,
    "hardship": False,
    "upheaval_until": None,
    "lives_with_elder": {
        "birth_date": "1950-01-01",
        "ability_level": 1,
        "disabled": False,
        "dementia": False,
    },
    "cares_for_impaired_child": False,
    "consent": {"service": "accepted", "home": "granted"},
    "enrolled_on": "2025-01-01",
    "left_on": None,
}
REGISTRY = {
    "elders": [{"id": "e2", "birth_date": "1950-01-01"}, ELDER],
    "contacts": [
        {"elder_id": "e2", "date": "2026-02-05", "mode": "phone", "outcome": "completed"},
        {"elder_id": "e1", "date": "2026-02-03", "mode": "home", "outcome": "completed"},
    ],
    "events": [{"kind": "festival", "name": "春节", "from": "2026-02-16", "to": "2026-02-22"}],
}


@pytest.fixture
def due(write):
    def run(content=REGISTRY, *more, **options):
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        path = write("registry.json", text)
        given = {
            "pack": "luzhou",
            "registry": path,
            "from": "2026-02-01",
            "to": "2026-02-28",
            "as-of": "2026-02-20",
        }
        given |= {name.replace("_", "-"): value for name, value in options.items()}
        args = [part for name, value in given.items() if value for part in (f"--{name}", str(value))]
        return CliRunner().invoke(policy, ["due", *args, *more])

    return run


def test_json_output(due):
    result = due(REGISTRY, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert found[0] == {
        "elder_id": "e1",
        "rule": "luzhou.key.half_month",
        "tier": "key",
        "period_from": "2026-02-01",
        "period_to": "2026-02-15",
        "modes": ["home"],
        "required": 1,
        "counted": 1,
        "status": "met",
        "reason": None,
        "blocked": None,
        "contacts": [{"index": 1, "counted": True, "why": None}],
        "source": {
            "document": "泸州市关于开展特殊困难老年人探访关爱服务工作的实施方案",
            "quote": "7类对象中的孤寡、高龄独居以及重（中）度失能、重度残疾老年人列为重点对象，"
            "每半月至少上门探访服务1次",
        },
    }
    assert [(o["elder_id"], o["period_from"], o["rule"], o["status"]) for o in found] == [
        ("e1", "2026-02-01", "luzhou.key.half_month", "met"),
        ("e1", "2026-02-16", "luzhou.key.half_month", "owed"),
        ("e1", "2026-02-16", "luzhou.surge.festival", "owed"),
        ("e2", "2026-02-01", "luzhou.general.month", "owed"),
        ("e2", "2026-02-16", "luzhou.surge.festival", "owed"),
    ]
    assert found[3]["contacts"] == [{"index": 0, "counted": False, "why": "mode_not_counted"}]
    assert "泸州市" in result.stdout
    assert "\\u" not in result.stdout


def test_table_output(due):
    lines = due().stdout.splitlines()
    assert lines[1].split("\t") == [
        "e1", "2026-02-01..2026-02-15", "luzhou.key.half_month", "半月上门 1 次", "1/1", "met",
    ]  # fmt: skip
    assert due(as_of="2026-03-02").stdout.splitlines()[2].endswith("overdue (2 days)")


def test_only_id_and_birth_date_are_required(due):
    registry = {"elders": [{"id": "e1", "birth_date": "1950-01-01"}]}
    (found,) = json.loads(due(registry, "--json").stdout)
    assert (found["rule"], found["status"]) == ("luzhou.general.month", "owed")
    assert due({"elders": []}, "--json").stdout == "[]\n"


def test_a_pack_by_path(due, tmp_path):
    path = tmp_path / "own.toml"
    path.write_bytes((PACK_FOLDER / "luzhou.toml").read_bytes())
    assert due(REGISTRY, "--json", pack=path).stdout == due(REGISTRY, "--json").stdout


def changed(place, value):
    registry = json.loads(json.dumps(REGISTRY))
    at = registry
    for part in place[:-1]:
        at = at[part]
    at[place[-1]] = value
    return registry


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (("elders", 1, "birth_date"), "1944-02-30", "elders[1].birth_date: 1944-02-30 is not a day"),
        (("elders", 1, "birth_date"), "820454400", "elders[1].birth_date: must be a date written YYYY-MM-DD"),
        (("elders", 1, "birth_date"), None, "elders[1].birth_date: must be a date written YYYY-MM-DD"),
        (
            ("elders", 1, "ability_level"),
            5,
            "elders[1].ability_level: Input should be less than or equal to 4",
        ),
        (("elders", 1, "ability_level"), "2", "elders[1].ability_level: Input should be a valid integer"),
        (("elders", 1, "ability_level"), True, "elders[1].ability_level: Input should be a valid integer"),
        (("elders", 1, "categories"), ["impaired"], "elders[1].categories[0]: Input should be 'kinless'"),
        (("elders", 1, "disability", "grade"), 0, "elders[1].disability.grade"),
        (("elders", 1, "disability"), {"grade": 1}, "elders[1].disability.valid_to: Field required"),
        (("elders", 1, "self_caring"), "yes", "elders[1].self_caring: Input should be a valid boolean"),
        (("elders", 1, "consent", "service"), "maybe", "elders[1].consent.service"),
        (("elders", 1, "lives_with_elder", "dementia"), 1, "elders[1].lives_with_elder.dementia"),
        (("elders", 1, "enroled_on"), "2026-01-01", "elders[1].enroled_on: Extra inputs are not permitted"),
        (("elders", 1, "left_on"), "2024-12-31", "elders[1].left_on: is before enrolled_on"),
        (("elders", 1, "id"), "e2", "elders[1].id: 'e2' is given twice"),
        (("elders", 1, "id"), "", "elders[1].id: String should have at least 1 character"),
        (("contacts", 0, "elder_id"), "e9", "contacts[0].elder_id: no elder 'e9'"),
        (("contacts", 1, "mode"), "visit", "contacts[1].mode"),
        (("contacts", 1, "outcome"), "done", "contacts[1].outcome"),
        (("contacts", 1, "date"), "2026-2-3", "contacts[1].date: must be a date written YYYY-MM-DD"),
        (("events", 0, "to"), "2026-02-15", "events[0].to: is before from"),
        (("events", 0, "kind"), "party", "events[0].kind"),
        (("events",), {}, "events: Input should be a valid array"),
        (("elders",), None, "elders: Input should be a valid array"),
    ],
)
def test_a_wrong_value_is_named_in_one_line(due, place, value, fault):
    result = due(changed(place, value), "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert f"registry.json: {fault}" in line


@pytest.mark.parametrize(
    ("text", "fault"),
    [('{"elders": [', "Invalid JSON"), ("[]", "Input should be an object"), ("", "Invalid JSON")],
)
def test_malformed_json(due, text, fault):
    result = due(text, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert f"registry.json: {fault}" in line


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"pack": "atlantis"}, "no rule pack 'atlantis'"),
        ({"pack": None}, "--pack"),
        ({"registry": "/nowhere/registry.json"}, "/nowhere/registry.json: cannot be read"),
        ({"from": "2026-03-01"}, "--to: is before --from"),
        ({"as-of": "2026-02-30"}, "--as-of"),
        ({"as-of": "20260220"}, "must be a date written YYYY-MM-DD"),
        ({"frm": "2026-03-01"}, "--frm"),
    ],
)
def test_wrong_options(due, options, fault):
    result = due(REGISTRY, "--json", **options)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert fault in line


def test_a_byte_order_mark_is_passed_over_and_other_encodings_are_refused(due, tmp_path):
    assert due("\ufeff" + json.dumps(REGISTRY), "--json").exit_code == 0
    other = tmp_path / "gbk.json"
    other.write_bytes(json.dumps(REGISTRY, ensure_ascii=False).encode("gbk"))
    result = due(REGISTRY, "--json", registry=other)
    assert result.exit_code == 2
    assert "is not UTF-8" in result.stderr


def test_check(luzhou, write):
    assert "luzhou version 1" in CliRunner().invoke(policy, ["check"]).stdout
    document = write("document.txt", "\n".join(words for _, words in quotations(luzhou)))
    result = CliRunner().invoke(policy, ["check", "luzhou", "--document", str(document)])
    assert result.exit_code == 0
    assert "all found" in result.stdout


def test_check_names_each_quotation_that_is_not_in_the_document(luzhou, write):
    text = "\n".join(words for _, words in quotations(luzhou)).replace("按月更新", "每月更新")
    result = CliRunner().invoke(policy, ["check", "luzhou", "--document", str(write("document.txt", text))])
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(": ")[1] for line in result.stderr.splitlines()] == [
        "reports[1].quote",
        "reports[2].quote",
    ]


@pytest.mark.parametrize(
    ("args", "fault"),
    [
        (["atlantis"], "no rule pack 'atlantis'"),
        (["--document", "x.txt"], "--document: name the one pack"),
        (["luzhou", "--document", "/nowhere.txt"], "/nowhere.txt: cannot be read"),
    ],
)
def test_check_bad_input(args, fault):
    result = CliRunner().invoke(policy, ["check", *args])
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert fault in line


def test_as_a_module_in_a_plain_locale(write):
    """The output is UTF-8 whatever the terminal's encoding."""
    path = write("registry.json", json.dumps(REGISTRY))
    span = ["--from", "2026-02-01", "--to", "2026-02-28", "--as-of", "2026-02-20", "--json"]
    command = [
        sys.executable,
        "-m",
        "coordinator.policy",
        "due",
        "--pack",
        "luzhou",
        "--registry",
        str(path),
        *span,
    ]
    root = Path(__file__).resolve().parents[3]
    result = subprocess.run(
        command, cwd=root, env={"LC_ALL": "POSIX", "PYTHONUTF8": "0"}, capture_output=True, check=True
    )
    assert len(json.loads(result.stdout.decode("utf-8"))) == 5
