"""Two dossiers become one: values chosen by a person, everything moves, nothing is erased, nobody is owed twice."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from coordinator.elders.models import (
    Category,
    Consent,
    DisabilityCertificate,
    DossierVersion,
    Elder,
    ElderCategory,
    ElderStatus,
    EmergencyContact,
)
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.messages.models import Message
from coordinator.register.models import Merge
from coordinator.register.queries.doubles import PARTS, VALUE_FIELDS, choices, likely_pairs
from coordinator.register.services.merging import FATES, merge_dossiers, say_different
from coordinator.visits.lifecycle import ContactMode, ContactOutcome, VisitState
from coordinator.visits.queries import obligations_for
from coordinator.visits.services import log_remote_contact
from coordinator.visits.services.owed import due_counts
from coordinator.workforce.models import Bar, ServiceContact
from tests import factories
from tests.coordinator.elders.imports.lists import resident_id
from tests.coordinator.register.conftest import TODAY

BORN = date(1944, 3, 2)
NUMBER = resident_id(BORN)
OTHER_NUMBER = resident_id(BORN, 14)


def merge(place, kept, closed, take=(), **over):
    values = {"kept_version": kept.version, "closed_version": closed.version} | over
    return merge_dossiers(place.here, kept, closed, take, **values)


def pair(place, **over):
    kept = place.elder(name="王素珍", birth_date=BORN)
    closed = place.elder(name="王素珍", birth_date=BORN, **over)
    return kept, closed


def called(place, elder, day):
    return log_remote_contact(
        place.here,
        elder,
        mode=ContactMode.PHONE,
        outcome=ContactOutcome.COMPLETED,
        at=clock.at_local(day, 9 * 3600),
    )


def test_everything_moves_and_the_closed_one_leads_to_the_kept_one(place, worker):
    kept, closed = pair(place, phone="13800006027")
    calls = [called(place, closed, date(2026, 3, day)) for day in (2, 9)]
    called(place, kept, date(2026, 3, 4))
    closed.emergency_contacts.append(
        EmergencyContact(position=2, name="何邻居", relation="邻居", phone="13900000005")
    )
    db.session.add(DisabilityCertificate(elder_id=closed.id, grade=2))
    db.session.add(ServiceContact(elder_id=closed.id, worker_id=worker.id, since=date(2025, 1, 1)))
    db.session.flush()
    made = merge(place, kept, closed, {"phone"})
    assert (closed.status, closed.merged_into_id) == (ElderStatus.MERGED, kept.id)
    assert kept.phone == "13800006027"
    assert [one.elder_id for one in calls] == [kept.id, kept.id]
    # The numbers on the kept one's papers stay; those that come are counted on.
    numbers = db.session.execute(
        text("SELECT sequence, contact_on FROM visits WHERE elder_id = :id ORDER BY 1"), {"id": kept.id}
    ).all()
    assert [(n, day.day) for n, day in numbers] == [(1, 4), (2, 2), (3, 9)]
    assert made.moved["numbers"] == {str(calls[0].id): [1, 2], str(calls[1].id): [2, 3]}
    # The same person stood in both: once is enough.
    assert [one.name for one in kept.emergency_contacts] == ["李小明", "何邻居"]
    assert [one.grade for one in kept.certificates] == [2]
    contact = db.session.scalars(select(ServiceContact)).one()
    assert (contact.elder_id, contact.until) == (kept.id, None)
    assert made.before["person"]["name"] == "王素珍"


def test_the_chosen_values_and_no_others_are_taken(place):
    kept, closed = pair(place, dialect="泸州话", cautions="狗", ability_level=2)
    db.session.add(ElderCategory(elder_id=closed.id, category=Category.LIVING_ALONE, since=date(2024, 1, 1)))
    db.session.add(ElderCategory(elder_id=kept.id, category=Category.EMPTY_NEST, since=date(2024, 1, 1)))
    db.session.flush()
    offered = {one.key: one.suggested for one in choices(kept, closed)}
    assert offered["dialect"] == "closed"
    assert offered["ability_level"] == "kept"
    assert offered["home"] == "kept"
    old_home = kept.household_id
    merge(place, kept, closed, {"dialect", "categories", "home"})
    assert (kept.dialect, kept.cautions, kept.ability_level) == ("泸州话", None, 0)
    assert [one.category for one in kept.categories] == [Category.LIVING_ALONE]
    assert kept.household_id == closed.household_id != old_home


def test_an_id_number_goes_to_the_kept_one_and_two_numbers_need_words(place):
    kept, closed = pair(place, id_number=NUMBER)
    merge(place, kept, closed, {"id_number"})
    assert kept.id_number == NUMBER
    assert closed.id_number is None
    third = place.elder(name="王素珍", birth_date=BORN, id_number=OTHER_NUMBER)
    with pytest.raises(InvalidInput) as refused:
        merge(place, kept, third)
    assert refused.value.code == "two_numbers"
    made = merge(place, kept, third, reason="一份抄错了，看过证件")
    assert (kept.id_number, made.before["person"]["id_number"]) == (NUMBER, OTHER_NUMBER)


def test_a_visit_planned_twice_is_called_off_and_one_planned_once_moves(place, worker):
    kept, closed = pair(place)
    rule = {"rule": "LZ-G", "period": (date(2026, 3, 1), date(2026, 3, 31))}
    mine = place.visit(kept, 2, **rule)
    double = place.visit(closed, 4, worker, **rule)
    single = place.visit(closed, 10, worker, rule="LZ-G", period=(date(2026, 4, 1), date(2026, 4, 30)))
    merge(place, kept, closed)
    assert (mine.state, double.state, single.state) == (
        VisitState.OPEN,
        VisitState.CANCELLED,
        VisitState.ASSIGNED,
    )
    assert single.elder_id == kept.id
    told = db.session.scalars(select(Message).where(Message.user_id == worker.user_id)).all()
    assert len(told) == 1
    assert "王素珍" not in told[0].title + told[0].body


def test_the_merged_one_is_owed_nothing_and_counts_nowhere(place):
    kept, closed = pair(place)
    street = place.tree.street.path
    before = sum(due_counts([street], TODAY).values())
    merge(place, kept, closed)
    db.session.expire_all()
    assert 0 < sum(due_counts([street], TODAY).values()) < before
    assert obligations_for([closed], None, date(2026, 1, 1), TODAY, TODAY)[closed.id] == []
    assert obligations_for([kept], None, TODAY, TODAY, TODAY)[kept.id]
    assert likely_pairs(place.here) == []


def test_contacts_of_both_count_for_the_one_person(place):
    kept, closed = pair(place)
    called(place, closed, date(2026, 3, 20))
    called(place, kept, date(2026, 3, 3))
    merge(place, kept, closed)
    days = [
        on
        for (on,) in db.session.execute(
            text("SELECT contact_on FROM visits WHERE elder_id = :id"), {"id": kept.id}
        )
    ]
    assert sorted(days) == [date(2026, 3, 3), date(2026, 3, 20)]


def test_the_chosen_wish_stays_current_and_the_other_is_history(place):
    kept, closed = pair(place)
    for elder, state in ((kept, "accepted"), (closed, "remote_only")):
        db.session.add(
            Consent(
                elder_id=elder.id,
                kind="service",
                state=state,
                given_by="self",
                given_on=date(2026, 1, 5),
                channel="phone",
            )
        )
    db.session.flush()
    merge(place, kept, closed, {"consents"})
    held = db.session.scalars(select(Consent).where(Consent.elder_id == kept.id)).all()
    assert {(one.state.value, one.superseded_at is None) for one in held} == {
        ("remote_only", True),
        ("accepted", False),
    }


def test_somebody_barred_from_either_is_barred_and_no_contact(place, worker):
    kept, closed = pair(place)
    db.session.add(Bar(worker_id=worker.id, elder_id=closed.id))
    db.session.add(ServiceContact(elder_id=kept.id, worker_id=worker.id, since=date(2025, 1, 1)))
    db.session.flush()
    merge(place, kept, closed)
    assert db.session.get(Bar, (worker.id, kept.id)) is not None
    assert db.session.scalars(select(ServiceContact.until)).all() == [TODAY]


def test_itself_twice_and_a_stale_page_are_refused(place):
    kept, closed = pair(place)
    with pytest.raises(InvalidInput) as refused:
        merge(place, kept, kept)
    assert refused.value.code == "same_dossier"
    with pytest.raises(Conflict) as refused:
        merge(place, kept, closed, closed_version=closed.version + 1)
    assert refused.value.code == "stale"
    merge(place, kept, closed)
    for one, two in ((kept, closed), (closed, kept)):
        with pytest.raises(Conflict) as refused:
            merge(place, one, two)
        assert refused.value.code == "already_merged"
    with pytest.raises(ValueError, match="no such fields"):
        merge(place, kept, place.elder(), {"password"})


def test_the_kept_one_is_registered_and_both_are_ones_own(place):
    kept, closed = pair(place)
    kept.status, kept.left_on = ElderStatus.MOVED, TODAY
    db.session.flush()
    with pytest.raises(Conflict) as refused:
        merge(place, kept, closed)
    assert refused.value.code == "kept_has_left"
    foreign = place.elder(area=place.tree.outside)
    with pytest.raises(NotAllowed):
        merge(place, closed, foreign)


def test_a_chain_of_merges_leads_to_the_last(place):
    first, second = pair(place)
    third = place.elder(name="王素珍", birth_date=BORN)
    merge(place, second, first)
    merge(place, third, second)
    db.session.expire_all()
    assert (first.merged_into_id, second.merged_into_id) == (third.id, third.id)


def test_the_database_itself_keeps_merged_dossiers_closed(place):
    kept, closed = pair(place)
    other = place.elder()
    merge(place, kept, closed)
    status = "UPDATE elders SET status = :status, left_on = :left_on, merged_into_id = :into WHERE id = :id"
    merged = {"status": "merged", "left_on": kept.enrolled_on}
    wrong = (
        (status, {"status": "active", "left_on": None, "into": None, "id": closed.id}),
        (status, merged | {"into": closed.id, "id": other.id}),
        (status, merged | {"into": kept.id, "id": kept.id}),
        ("UPDATE dossier_merges SET reason = 'x'", {}),
        ("DELETE FROM dossier_merges", {}),
    )
    for statement, values in wrong:
        with pytest.raises(DBAPIError), db.session.begin_nested():
            db.session.execute(text(statement), values)


def test_history_stays_with_a_version_of_each(place):
    kept, closed = pair(place)
    merge(place, kept, closed)
    for elder in (kept, closed):
        numbers = db.session.scalars(
            select(DossierVersion.number).where(DossierVersion.elder_id == elder.id)
        ).all()
        assert len(numbers) >= 2
    assert db.session.scalars(select(Merge)).one().closed_id == closed.id


def test_pairs_are_proposed_and_may_be_said_to_be_two_people(place):
    kept, closed = pair(place)
    spouse = place.elder(name="李建国", sex="male", phone="13800006027", birth_date=date(1942, 1, 1))
    place.elder(name="陈秀芳", phone="13800006027", birth_date=date(1946, 1, 1))
    # The same name next door to somebody of another age is nobody's double.
    (found,) = likely_pairs(place.here)
    assert {found.first.id, found.second.id} == {kept.id, closed.id}
    with pytest.raises(InvalidInput):
        say_different(place.here, kept, closed, " ")
    say_different(place.here, closed, kept, "双胞胎，看过证件")
    assert likely_pairs(place.here) == []
    with pytest.raises(Conflict):
        say_different(place.here, kept, closed, "再说一次")
    twin = place.elder(name="李建国", sex="male", phone="13800006027", birth_date=date(1942, 1, 1))
    (found,) = likely_pairs(place.here)
    assert {found.first.id, found.second.id} == {spouse.id, twin.id}
    assert likely_pairs(place.there) == []


def test_every_column_that_points_to_a_dossier_has_a_fate():
    """A new table with an elder in it must be thought of here."""
    found = {
        f"{table.name}.{column.name}"
        for table in db.metadata.tables.values()
        for column in table.columns
        for key in column.foreign_keys
        if key.target_fullname == "elders.id"
    }
    assert found == set(FATES)


def test_every_value_that_may_differ_has_a_name_in_the_users_language():
    from coordinator.elders.labels import FIELDS

    assert [key for key in VALUE_FIELDS if key not in FIELDS] == []
    assert set(PARTS).isdisjoint(VALUE_FIELDS)
    assert all(hasattr(Elder, key) for key in VALUE_FIELDS)
    assert factories.PLACE
