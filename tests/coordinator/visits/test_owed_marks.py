"""The read model of what is owed is marked by whatever changes it, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import text, update

from coordinator.elders.models import (
    Category,
    ConsentState,
    DisabilityCertificate,
    Elder,
    ElderCategory,
    ElderStatus,
    HouseholdMember,
)
from coordinator.extensions import db
from coordinator.visits.lifecycle import ContactMode
from coordinator.visits.models import PolicyVersion, SurgeKind, Visit
from coordinator.visits.services.owed import due_counts
from tests.coordinator.visits.conftest import TODAY, World
from tests.coordinator.visits.ready_rows import OTHER_PACK, live, marked, ready, settle
from tests.factories import make_area_tree, make_elder, make_household


def at_home(world: World, elder: Elder) -> None:
    world.visited(elder, date(2026, 3, 20))


CHANGES: dict[str, Callable[[World, Elder], object]] = {
    "ability": lambda _world, elder: setattr(elder, "ability_level", 3),
    "birth date": lambda _world, elder: setattr(elder, "birth_date", date(1935, 1, 1)),
    "name": lambda _world, elder: setattr(elder, "name", "王新名"),
    "enrolment": lambda _world, elder: setattr(elder, "enrolled_on", date(2026, 3, 20)),
    "area": lambda world, elder: setattr(elder, "area_id", world.tree.other_community.id),
    "upheaval": lambda _world, elder: setattr(elder, "upheaval_until", TODAY),
    "address": lambda _world, elder: setattr(elder.household, "address", "新街1号"),
    "category": lambda _world, elder: db.session.add(
        ElderCategory(elder_id=elder.id, category=Category.LIVING_ALONE, since=TODAY)
    ),
    "category ended": lambda _world, elder: db.session.execute(
        update(ElderCategory).where(ElderCategory.elder_id == elder.id).values(ended_on=TODAY)
    ),
    "certificate": lambda _world, elder: db.session.add(DisabilityCertificate(elder_id=elder.id, grade=1)),
    "wish": lambda world, elder: world.consent(elder, ConsentState.REFUSED),
    "member of the household": lambda _world, elder: db.session.add(
        HouseholdMember(
            household_id=elder.household_id, name="李小二", relation="配偶", birth_date=date(1950, 1, 1)
        )
    ),
    "former facts": lambda _world, elder: db.session.execute(
        text(
            "INSERT INTO elder_earlier_facts (elder_id, until, facts) VALUES (:id, '2019-01-31', '{}'::jsonb)"
        ),
        {"id": elder.id},
    ),
    "visit at home": at_home,
    "call": lambda world, elder: world.called(elder, TODAY),
    "contact amended": lambda _world, elder: db.session.execute(
        update(Visit).where(Visit.elder_id == elder.id).values(contact_mode=ContactMode.PHONE)
    ),
    "event": lambda world, _elder: world.event(SurgeKind.EPIDEMIC, "流感", TODAY, TODAY),
    "event cut": lambda world, _elder: setattr(world.sooner, "last_day", date(2026, 5, 2)),
    "event removed": lambda world, _elder: db.session.delete(world.sooner),
    "pack of the city": lambda world, _elder: setattr(world.tree.city, "policy_pack", OTHER_PACK),
    "pack of the street": lambda world, _elder: setattr(world.tree.street, "policy_pack", OTHER_PACK),
    "version of the rules": lambda _world, _elder: db.session.add(
        PolicyVersion(pack="luzhou", version="x", valid_from=date(2099, 1, 1), sha256="0" * 64, content="")
    ),
    "death": lambda _world, elder: (
        setattr(elder, "status", ElderStatus.DECEASED),
        setattr(elder, "left_on", TODAY),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_read_marks_in_its_own_transaction(world, change):
    elder = world.general_elder()
    world.visited(elder, date(2026, 3, 4))
    world.sooner = world.event(SurgeKind.FESTIVAL, "劳动节", date(2026, 5, 1), date(2026, 5, 5))
    elsewhere = world.general_elder(area=make_area_tree().community)
    settle()
    CHANGES[change](world, elder)
    assert elder.id in marked()
    if change != "version of the rules":
        assert elsewhere.id not in marked()
        assert due_counts([world.tree.city.path], TODAY)
        assert ready(world.tree.city.path, TODAY) == live(world.tree.city.path, TODAY)
        assert elder.id not in marked()


@pytest.mark.parametrize(
    "change",
    [
        lambda _world, elder: setattr(elder, "notes", "喜欢下棋"),
        lambda _world, elder: setattr(elder, "visit_minutes", 40),
        lambda world, elder: world.visit(elder, TODAY + timedelta(days=2)),
        lambda _world, elder: setattr(elder.household, "monthly_income", 900),
        lambda world, _elder: setattr(world.tree.street, "emergency_phone", "0830-1234567"),
    ],
)
def test_what_is_not_read_marks_nobody(world, change):
    elder = world.general_elder()
    settle()
    change(world, elder)
    assert marked() == set()


def test_who_lives_in_the_same_home_is_marked_too(world):
    home = make_household(world.tree.community)
    one, other = make_elder(world.tree.community, home), make_elder(world.tree.community, home)
    away = make_elder(world.tree.community)
    settle()
    one.has_dementia = True
    assert marked() == {one.id, other.id}
    settle()
    db.session.add(DisabilityCertificate(elder_id=one.id, grade=1))
    assert marked() == {one.id, other.id}
    settle()
    away.household = home
    assert marked() == {one.id, other.id, away.id}


def test_many_rows_of_one_statement_are_marked_at_once(world):
    elders = [world.general_elder() for _ in range(4)]
    settle()
    db.session.execute(
        update(Elder).where(Elder.id.in_([one.id for one in elders[:3]])).values(ability_level=2)
    )
    assert marked() == {one.id for one in elders[:3]}


def test_an_elder_who_moves_leaves_the_old_figures_and_is_in_the_new(world):
    elder = world.general_elder()
    settle()
    elder.area_id = world.tree.outside.id
    assert due_counts([world.tree.street.path], TODAY)["overdue"] == 0
    assert due_counts([world.tree.other_street.path], TODAY)["overdue"] == 1
