"""Every visit keeps the version of the rules it was made under, and its page leads to that version."""

from datetime import date

import pytest

from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.policy.packs import PACK_FOLDER, parse_pack
from coordinator.visits.lifecycle import ContactOutcome
from coordinator.visits.models import PolicyVersion
from coordinator.visits.queries.packs import packs_in_force, store_text
from tests.coordinator.visits.conftest import TODAY, World
from tests.factories import make_user, sign_in


def next_version(valid_from: date) -> None:
    """The same rules of 泸州 with another number, in force from a day on."""
    text = (PACK_FOLDER / "luzhou.toml").read_text(encoding="utf-8")
    old = parse_pack(text.encode(), "luzhou.toml")
    text = text.replace(f'version = "{old.version}"', 'version = "neu"', 1)
    text = text.replace(f"valid_from = {old.valid_from}", f"valid_from = {valid_from}", 1)
    store_text(parse_pack(text.encode(), "luzhou.toml"), text)


@pytest.fixture
def newer(world: World) -> dict[str, int]:
    """Ids of the two versions: the shipped one, and one in force from 20 March on."""
    next_version(date(2026, 3, 20))
    found = packs_in_force("luzhou", TODAY, TODAY)
    return {one.pack.version: one.version_id for one in found}


def test_a_visit_keeps_the_version_of_its_day(world, newer):
    elder = world.general_elder()
    assert world.visit(elder, date(2026, 3, 27)).policy_version_id == newer["neu"]
    assert world.visit(elder, date(2026, 3, 19)).policy_version_id == newer["1"]


def test_a_call_keeps_the_version_of_the_day_it_took_place(world, newer):
    elder = world.general_elder()
    assert world.called(elder, date(2026, 3, 19)).policy_version_id == newer["1"]
    assert world.called(elder, TODAY, ContactOutcome.NO_ANSWER).policy_version_id == newer["neu"]


def test_a_later_version_changes_nothing_about_an_old_visit(client, world, newer):
    sign_in(client, make_user(Role.STREET_COORDINATOR, world.tree.street))
    visit = world.visited(world.general_elder(), date(2026, 3, 19))
    next_version(date(2026, 3, 1))
    db.session.flush()
    page = client.get(f"/visits/{visit.id}").text
    assert visit.policy_version_id == newer["1"]
    assert "泸州市实施方案（2023）第 1 版" in page
    assert f"version={newer['1']}" in page


def test_without_rules_the_visit_is_written_down_all_the_same(world):
    elder = world.general_elder()
    world.tree.city.policy_pack = None
    for area in (world.tree.province, world.tree.county, world.tree.street, world.tree.community):
        area.policy_pack = None
    db.session.flush()
    assert world.visit(elder).policy_version_id is None
    world.tree.city.policy_pack = "nothing-of-this-name"
    db.session.flush()
    assert world.called(elder, TODAY).policy_version_id is None
    assert db.session.query(PolicyVersion).count() == 0
