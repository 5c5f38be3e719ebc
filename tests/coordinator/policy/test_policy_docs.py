"""What docs/policy.md says of one elder under five documents is what the engine says."""

import re
from datetime import date
from pathlib import Path

import pytest

from coordinator.policy import available_packs, load_pack
from coordinator.policy.predicates import Condition
from tools.policy_table import table

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")


def test_the_table_of_one_elder_is_what_its_command_prints():
    (command,) = re.findall(r"tools/policy_table.py (\S+) (\S+) (\S+) (\S+)\n", DOCS)
    made = table(str(ROOT / command[0]), *(date.fromisoformat(day) for day in command[1:]))
    assert f"\n\n{made}\n\n" in DOCS
    of_each = {
        name: tuple(
            row.split("|")[2:8] for row in made.splitlines() if row.startswith(f"| {load_pack(name).name} ")
        )
        for name in available_packs()
    }
    answers = [
        tuple((cells[2], cells[3], cells[5]) for cells in rows) for rows in map(list, of_each.values())
    ]
    assert len(set(answers)) == 5, "the elder separates all five documents"


@pytest.mark.parametrize("name", available_packs())
def test_the_list_of_packs_says_from_when_each_is_in_force(name):
    pack = load_pack(name)
    (row,) = [line for line in DOCS.splitlines() if line.startswith(f"| `{name}` |")]
    assert row.endswith(f"| {pack.valid_from} |")
    assert f"{len(pack.categories)}, {'defined' if pack.categories[0].quote else 'not defined'}" in row


def test_every_condition_a_pack_may_use_is_listed():
    names = {field.alias or name for name, field in Condition.model_fields.items()} - {"why", "mark", "note"}
    assert {name for name in names if f"`{name}`" not in DOCS} == set()
