"""The register as the rule engine sees it: the right facts, and a fixed number of queries."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import select

from coordinator import policy
from coordinator.elders.models import (
    Category,
    Consent,
    ConsentGiver,
    ConsentKind,
    ConsentState,
    DisabilityCertificate,
    Elder,
    ElderCategory,
    HouseholdMember,
)
from coordinator.elders.queries import facts_of, without_secrets
from coordinator.extensions import db
from tests.factories import make_area_tree, make_elder, make_household

ON = date(2026, 3, 26)


def consent(elder, kind, state, **over):
    db.session.add(
        Consent(
            elder_id=elder.id,
            kind=kind,
            state=state,
            given_by=ConsentGiver.SELF,
            given_on=ON,
            channel="phone",
            **over,
        )
    )


def test_an_elder_with_nothing_recorded(db_session):
    elder = make_elder(make_area_tree().community)
    assert facts_of([elder], on=ON)[elder.id] == policy.ElderFacts(
        id=str(elder.id), birth_date=date(1944, 3, 2), enrolled_on=date(2020, 1, 1)
    )


def test_all_facts(db_session):
    elder = make_elder(
        make_area_tree().community,
        ability_level=2,
        health="poor",
        is_self_caring=False,
        in_hardship=True,
        upheaval_until=date(2026, 5, 1),
        economic_status="low_income",
        cares_for_impaired_child=True,
    )
    db.session.add_all(
        [
            ElderCategory(elder_id=elder.id, category=Category.LIVING_ALONE, since=ON),
            ElderCategory(elder_id=elder.id, category=Category.KINLESS, since=ON, ended_on=ON),
            DisabilityCertificate(elder_id=elder.id, grade=1, valid_to=date(2024, 1, 1)),
            DisabilityCertificate(elder_id=elder.id, grade=2, valid_to=date(2030, 1, 1)),
        ]
    )
    consent(
        elder,
        ConsentKind.SERVICE,
        ConsentState.REFUSED,
        note="不愿意",
        superseded_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    consent(elder, ConsentKind.SERVICE, ConsentState.REMOTE_ONLY)
    consent(elder, ConsentKind.HOME, ConsentState.GRANTED)
    db.session.flush()
    facts = facts_of([elder], on=ON)[elder.id]
    assert facts.categories == {policy.Category.LIVING_ALONE}
    assert facts.disability == policy.DisabilityCertificate(2, date(2030, 1, 1))
    assert facts.consent == policy.Consent(policy.ServiceConsent.REMOTE_ONLY, policy.HomeConsent.GRANTED)
    assert (facts.ability_level, facts.health, facts.self_caring) == (2, policy.Health.POOR, False)
    assert (facts.hardship, facts.upheaval_until) == (True, date(2026, 5, 1))
    assert facts.economic_status is policy.EconomicStatus.LOW_INCOME
    assert facts.cares_for_impaired_child


def test_a_certificate_without_a_last_day_lasts(db_session):
    elder = make_elder(make_area_tree().community)
    db.session.add(DisabilityCertificate(elder_id=elder.id, grade=1, valid_to=None))
    db.session.flush()
    facts = facts_of([elder], on=ON)[elder.id]
    assert policy.has_category(facts, policy.Category.SEVERELY_DISABLED, date(2050, 1, 1))


def test_couples(db_session):
    tree = make_area_tree()
    home = make_household(tree.community)
    wife = make_elder(tree.community, home, name="王素珍")
    husband = make_elder(
        tree.community, home, name="李德明", birth_date=date(1948, 1, 1), ability_level=3, has_dementia=True
    )
    gone = make_elder(tree.community, home, name="张远", status="moved", left_on=date(2025, 1, 1))
    db.session.add_all(
        [
            DisabilityCertificate(elder_id=wife.id, grade=4, valid_to=date(2027, 1, 1)),
            # The printed household table lists the elder as well: not a third person.
            HouseholdMember(
                household_id=home.id, name="李德明", relation="户主", birth_date=date(1948, 1, 1)
            ),
            HouseholdMember(
                household_id=home.id, name="李小芳", relation="女儿", birth_date=date(1975, 1, 1)
            ),
        ]
    )
    db.session.flush()
    facts = facts_of([wife, husband, gone], on=ON)
    assert facts[wife.id].lives_with_elder == policy.CoResident(date(1948, 1, 1), 3, False, True)
    assert facts[husband.id].lives_with_elder == policy.CoResident(date(1944, 3, 2), 0, True, False)
    assert facts[gone.id].left_on == date(2025, 1, 1)


def test_an_unregistered_elder_of_the_household_counts_and_a_child_elsewhere_does_not(db_session):
    tree = make_area_tree()
    elder = make_elder(tree.community)
    for member in (
        HouseholdMember(name="赵大山", relation="配偶", birth_date=date(1950, 6, 1)),
        HouseholdMember(name="赵小山", relation="儿子", birth_date=date(1960, 6, 1), lives_in=False),
    ):
        elder.household.members.append(member)
    db.session.flush()
    assert facts_of([elder], on=ON)[elder.id].lives_with_elder == policy.CoResident(date(1950, 6, 1))


def test_the_number_of_queries_does_not_grow(db_session, queries):
    tree = make_area_tree()
    for _ in range(30):
        make_elder(tree.community)
    db.session.expire_all()
    elders = db.session.scalars(select(Elder).options(*without_secrets())).all()
    queries.clear()
    assert len(facts_of(elders, on=ON)) == 30
    assert len(queries) == 2
