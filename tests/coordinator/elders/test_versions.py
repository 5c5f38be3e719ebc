"""Versions of a dossier and the facts before a change: nothing is forgotten, nothing that ended is re-judged."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from coordinator import policy
from coordinator.elders import services
from coordinator.elders.models import (
    Category,
    ConsentGiver,
    ConsentKind,
    ConsentState,
    DossierVersion,
    EarlierFacts,
    Elder,
    ElderStatus,
)
from coordinator.elders.queries import earlier_facts_of, facts_of
from coordinator.elders.queries.facts import facts_as_json, facts_from
from coordinator.elders.queries.history import change_of_facts, version_lines, version_on
from coordinator.elders.services import versions
from coordinator.extensions import db
from coordinator.kernel.errors import InvalidInput
from tests.factories import make_elder, make_household
from tests.statements import statements

TODAY = date(2026, 3, 26)
YESTERDAY = date(2026, 3, 25)
NOON = datetime(2026, 3, 26, 4, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _today(freeze):
    freeze(NOON)


def old_elder(tree, household=None, **over):
    """Somebody who has been in the register for a year."""
    long_ago = datetime(2025, 3, 1, tzinfo=UTC)
    return make_elder(tree.community, household, created_at=long_ago, updated_at=long_ago, **over)


def versions_of(elder):
    return db.session.scalars(
        select(DossierVersion).where(DossierVersion.elder_id == elder.id).order_by(DossierVersion.number)
    ).all()


def edit(actor, elder, **person):
    services.edit_elder(actor, elder, version=elder.version, person=person)


# --- versions --------------------------------------------------------------------------------------------


def test_opening_makes_the_first_version_and_each_change_one_more(tree, actor):
    elder = services.create_elder(
        actor,
        tree.community,
        {"name": "王素珍", "sex": "female", "birth_date": date(1944, 3, 2)},
        {"address": "建设路41号"},
    )
    assert [(one.number, one.actor_name, one.changed) for one in versions_of(elder)] == [(1, "李主任", [])]
    edit(actor, elder, cautions="楼梯陡", medical_history="高血压")
    last = versions_of(elder)[-1]
    assert (last.number, sorted(last.changed)) == (2, ["cautions", "medical_history"])
    assert last.content["person"]["medical_history"] == "高血压"


def test_saving_without_a_change_makes_no_version(tree, actor):
    elder = old_elder(tree)
    edit(actor, elder, cautions="楼梯陡")
    before = len(versions_of(elder))
    edit(actor, elder, cautions="楼梯陡")
    assert len(versions_of(elder)) == before == 2  # the state before the first change, and the change


@pytest.mark.parametrize(
    ("act", "part"),
    [
        (
            lambda a, e: services.record_consent(
                *(a, e, ConsentKind.SERVICE, ConsentState.ACCEPTED),
                given_by=ConsentGiver.SELF,
                given_on=TODAY,
                channel="phone",
            ),
            "consents",
        ),
        (
            lambda a, e: services.set_first_contact(a, e, "李小芳", "女儿", None, lives_nearby=True),
            "first_contact",
        ),
        (lambda a, e: services.end_elder(a, e, ElderStatus.MOVED, TODAY), "status"),
        (lambda a, e: services.reverify_elder(a, e), "reverify_due_on"),
        (lambda a, e: services.save_device(a, e, {"kind": "gas_alarm"}), "devices"),
        (
            lambda a, e: services.edit_elder(
                a, e, version=e.version, categories={Category.LIVING_ALONE: "入户核实"}
            ),
            "categories",
        ),
        (
            lambda a, e: services.edit_elder(
                a, e, version=e.version, members=[{"name": "李小明", "relation": "儿子", "lives_in": False}]
            ),
            "members",
        ),
    ],
)
def test_every_act_is_kept(tree, actor, act, part):
    elder = old_elder(tree)
    act(actor, elder)
    last = versions_of(elder)[-1]
    assert part in last.changed
    assert last.user_id == actor.user_id


def test_versions_are_never_changed(tree, actor, db_session):
    elder = old_elder(tree)
    edit(actor, elder, cautions="楼梯陡")
    for statement in ("UPDATE dossier_versions SET number = 9", "DELETE FROM dossier_versions"):
        with pytest.raises(DBAPIError, match="never changed or deleted"), db_session.begin_nested():
            db_session.execute(text(statement))


def test_a_version_cannot_be_read_in_the_database(tree, actor, db_session):
    elder = old_elder(tree, phone="13900001234")
    edit(actor, elder, medical_history="糖尿病")
    stored = b"".join(db_session.execute(text("SELECT content FROM dossier_versions")).scalars())
    assert "糖尿病".encode() not in stored
    assert b"13900001234" not in stored


def test_the_people_in_the_same_home_get_a_version_when_the_home_changes(tree, actor):
    home = make_household(tree.community)
    one, other = old_elder(tree, home), old_elder(tree, home)
    services.edit_elder(actor, one, version=one.version, home={"water_safe": False})
    assert "water_safe" in versions_of(other)[-1].changed
    services.edit_elder(actor, one, version=one.version, person={"cautions": "有狗"})
    assert len(versions_of(other)) == 2


def test_an_act_of_several_services_is_one_version(tree, actor):
    elder = old_elder(tree)
    with versions.change(actor, elder, source="残联"):
        edit(actor, elder, cautions="有狗")
        edit(actor, elder, dialect="客家话")
    last = versions_of(elder)[-1]
    assert (last.number, last.source, last.changed[:2]) == (2, "残联", ["cautions", "dialect"])


def test_a_refused_act_leaves_no_version(tree, actor):
    elder = old_elder(tree)

    def half_right():
        with db.session.begin_nested(), versions.change(actor, elder):
            edit(actor, elder, cautions="有狗")
            edit(actor, elder, birth_date=TODAY + timedelta(days=3))

    with pytest.raises(InvalidInput):
        half_right()
    assert versions_of(elder) == []
    db.session.refresh(elder)
    edit(actor, elder, cautions="有狗")
    assert len(versions_of(elder)) == 2


def test_keep_for_those_who_write_by_themselves(tree, actor):
    elder = old_elder(tree)
    before = versions.seen(elder)
    elder.ability_level = 3
    kept = versions.keep(actor, elder, before=before, source="能力评估")
    assert (kept.number, kept.changed, kept.source) == (2, ["ability_level"], "能力评估")
    assert earlier_facts_of([elder.id], date.min)[elder.id][0].facts.ability_level == 0
    assert versions.keep(actor, elder) is None


def test_the_dossier_on_a_day(tree, actor, freeze):
    elder = old_elder(tree, cautions="")
    freeze(datetime(2026, 3, 1, 4, 0, tzinfo=UTC))
    edit(actor, elder, cautions="有狗")
    freeze(datetime(2026, 3, 10, 15, 59, tzinfo=UTC))  # 23:59 in Beijing
    edit(actor, elder, cautions="狗没了")
    freeze(NOON)
    assert version_on(elder.id, date(2026, 3, 9)).content["person"]["cautions"] == "有狗"
    assert version_on(elder.id, date(2026, 3, 10)).content["person"]["cautions"] == "狗没了"
    assert version_on(elder.id, date(2026, 2, 1)).content["person"]["cautions"] == ""
    assert version_on(elder.id, date(2020, 1, 1)) is None


def test_old_and_new_are_told_with_masks(tree, actor):
    elder = old_elder(tree, phone="13900001234")
    edit(actor, elder, phone="13900005678", medical_history="糖尿病", ability_level=2)
    rows = {row["label"]: (row["old"], row["new"]) for row in version_lines(elder.id, in_full=False)[0].rows}
    assert rows["电话"] == ("139****1234", "139****5678")
    assert rows["能力"] == ("能力完好", "中度失能")
    assert rows["曾患病史"] == ("", "（有内容，不显示）")
    # The mask hides the difference: it is said that there is one.
    edit(actor, elder, phone="13911115678")
    rows = {row["label"]: row["new"] for row in version_lines(elder.id, in_full=True)[0].rows}
    assert rows["电话"] == "139****5678（有改动）"


# --- former facts ----------------------------------------------------------------------------------------


def test_facts_come_back_from_json_as_they_were():
    facts = policy.ElderFacts(
        id="7",
        birth_date=date(1940, 1, 2),
        categories=frozenset({policy.Category.LIVING_ALONE, policy.Category.KINLESS}),
        ability_level=3,
        disability=policy.DisabilityCertificate(1, date.max),
        economic_status=policy.EconomicStatus.LOW_INCOME,
        health=policy.Health.POOR,
        self_caring=False,
        hardship=True,
        upheaval_until=date(2026, 5, 1),
        lives_with_elder=policy.CoResident(date(1941, 1, 1), 2, disabled=True, dementia=True),
        cares_for_impaired_child=True,
        consent=policy.Consent(policy.ServiceConsent.REMOTE_ONLY, policy.HomeConsent.REFUSED),
        enrolled_on=date(2025, 1, 1),
        left_on=date(2026, 4, 1),
    )
    blank = policy.ElderFacts(id="1", birth_date=date(1950, 1, 1))
    # A field that is added to the facts must be added here, too, with another value than its default.
    same = {one.name for one in fields(facts) if getattr(facts, one.name) == getattr(blank, one.name)}
    assert same == set()
    assert facts_from(facts_as_json(facts)) == facts
    assert facts_from(facts_as_json(blank)) == blank


def test_a_change_keeps_what_held_until_yesterday(tree, actor):
    elder = old_elder(tree)
    edit(actor, elder, ability_level=3)
    held = earlier_facts_of([elder.id], date.min)[elder.id]
    assert [(one.until, one.facts.ability_level) for one in held] == [(YESTERDAY, 0)]
    assert facts_of([elder])[elder.id].ability_level == 3


def test_several_changes_on_one_day_keep_the_oldest(tree, actor, freeze):
    elder = old_elder(tree)
    edit(actor, elder, ability_level=3)
    edit(actor, elder, ability_level=1)
    freeze(NOON + timedelta(days=10))
    edit(actor, elder, ability_level=4)
    held = earlier_facts_of([elder.id], date.min)[elder.id]
    assert [(one.until, one.facts.ability_level) for one in held] == [
        (YESTERDAY, 0),
        (YESTERDAY + timedelta(days=10), 1),
    ]
    assert [one.until for one in earlier_facts_of([elder.id], TODAY)[elder.id]] == [
        YESTERDAY + timedelta(days=10)
    ]


def test_what_the_rules_do_not_read_is_no_change_of_facts(tree, actor):
    elder = old_elder(tree)
    edit(actor, elder, cautions="有狗", notes="只在上午")
    assert db.session.scalars(select(EarlierFacts)).all() == []


def test_a_dossier_opened_today_has_no_past(tree, actor):
    elder = make_elder(tree.community)
    edit(actor, elder, ability_level=3)
    assert earlier_facts_of([elder.id], date.min) == {}


def test_consent_and_leaving(tree, actor):
    elder = old_elder(tree)
    services.record_consent(
        *(actor, elder, ConsentKind.SERVICE, ConsentState.REFUSED),
        given_by=ConsentGiver.SELF,
        given_on=TODAY,
        channel="face_to_face",
        explained_by="王主任",
        note="解释了两次，老人说女儿每天来",
    )
    (held,) = earlier_facts_of([elder.id], date.min)[elder.id]
    assert held.facts.consent.service == policy.ServiceConsent.UNKNOWN
    other = old_elder(tree)
    services.end_elder(actor, other, ElderStatus.MOVED, TODAY)
    # The day of leaving is always that of the dossier: it needs no former facts.
    assert earlier_facts_of([other.id], date.min) == {}


def test_whoever_lives_with_a_changed_elder_is_judged_anew_too(tree, actor):
    home = make_household(tree.community)
    one, other = old_elder(tree, home), old_elder(tree, home)
    edit(actor, one, ability_level=4)
    (held,) = earlier_facts_of([other.id], date.min)[other.id]
    assert held.facts.lives_with_elder.ability_level == 0
    assert facts_of([other])[other.id].lives_with_elder.ability_level == 4
    assert "lives_with" in versions_of(other)[-1].changed


def test_moving_out_changes_whoever_stays_behind_and_whoever_is_moved_to(tree, actor):
    old_home, new_home = make_household(tree.community), make_household(tree.community)
    leaver, stays = old_elder(tree, old_home, ability_level=3), old_elder(tree, old_home)
    host = old_elder(tree, new_home)
    services.edit_elder(
        actor, leaver, version=leaver.version, home={"address": new_home.address}, moves_alone=True
    )
    former = earlier_facts_of([leaver.id, stays.id, host.id], date.min)
    assert former[stays.id][0].facts.lives_with_elder.ability_level == 3
    assert facts_of([stays])[stays.id].lives_with_elder is None
    assert former[host.id][0].facts.lives_with_elder is None
    assert facts_of([host])[host.id].lives_with_elder.ability_level == 3


def test_an_elder_added_to_a_home_changes_the_others(tree, actor):
    home = make_household(tree.community)
    first = old_elder(tree, home)
    services.create_elder(
        actor,
        tree.community,
        {"name": "王素珍", "sex": "female", "birth_date": date(1944, 3, 2), "ability_level": 2},
        {"address": home.address},
    )
    (held,) = earlier_facts_of([first.id], date.min)[first.id]
    assert held.facts.lives_with_elder is None


def test_someone_who_dies_no_longer_lives_with_the_other(tree, actor):
    home = make_household(tree.community)
    one, other = old_elder(tree, home), old_elder(tree, home)
    services.end_elder(actor, one, ElderStatus.DECEASED, TODAY)
    (held,) = earlier_facts_of([other.id], date.min)[other.id]
    assert held.facts.lives_with_elder is not None
    assert facts_of([other])[other.id].lives_with_elder is None


def test_a_period_that_had_ended_is_judged_as_it_was(tree, actor):
    """The purpose of it all: the first half of March stays a general elder's, the second is the key elder's."""
    pack = policy.load_pack("luzhou")
    elder = old_elder(tree)
    edit(actor, elder, ability_level=3)
    calculation = policy.Calculation(pack, (), date(2026, 2, 1), date(2026, 3, 31), TODAY)
    facts = facts_of([elder])[elder.id]
    owed = calculation.for_elder(facts, (), earlier_facts_of([elder.id], date(2026, 2, 1))[elder.id])
    assert [(one.rule, one.period_from, one.period_to) for one in owed] == [
        ("luzhou.general.month", date(2026, 2, 1), date(2026, 2, 28)),
        ("luzhou.key.half_month", date(2026, 3, 16), date(2026, 3, 31)),
    ]
    assert replace(facts, ability_level=0) != facts


def test_the_facts_of_a_change_for_the_page(tree, actor):
    home = make_household(tree.community)
    one, other = old_elder(tree, home), old_elder(tree, home)
    edit(actor, one, ability_level=4)
    change = change_of_facts(one.id, versions_of(one)[-1].number)
    assert (change.before[one.id].ability_level, change.after[one.id].ability_level) == (0, 4)
    assert change.after[other.id].lives_with_elder.ability_level == 4
    assert list(change.names) == [one.id, other.id]
    assert change_of_facts(one.id, 1) is None
    assert change_of_facts(one.id, 99) is None


def test_leaving_out_everybody_else(tree, actor):
    """Elders of other homes get neither a version nor former facts."""
    one, stranger = old_elder(tree), old_elder(tree)
    edit(actor, one, ability_level=4)
    assert versions_of(stranger) == []
    assert earlier_facts_of([stranger.id], date.min) == {}
    assert isinstance(db.session.get(Elder, stranger.id), Elder)


def test_many_dossiers_cost_no_more_reads_than_one(tree, actor):
    def reads(elders):
        with statements() as sent, versions.change(actor, *elders):
            for one in elders:
                one.cautions = "有狗"
            db.session.flush()
        return sum(one.startswith("SELECT") for one in sent)

    assert reads([old_elder(tree)]) == reads([old_elder(tree) for _number in range(12)])
