"""What is done with a dossier: rules, audit lines, and what two people at once do to each other."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from coordinator.elders import services
from coordinator.elders.lookup import clean_address
from coordinator.elders.models import (
    Category,
    Consent,
    ConsentGiver,
    ConsentKind,
    ConsentState,
    ElderCategory,
    ElderStatus,
)
from coordinator.elders.services import Certificate, ContactPerson
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound, TooMany
from coordinator.kernel.identity import check_character
from tests.factories import make_actor, make_elder, make_household

NOW = datetime(2026, 3, 26, 1, 0, tzinfo=UTC)  # 9:00 in Shanghai
SON = ContactPerson("李小明", "儿子", "138 1234 5678")


def id_number(birth: str = "19440302", sequence: str = "022") -> str:
    first = f"510502{birth}{sequence}"
    return first + check_character(first)


@pytest.fixture(autouse=True)
def _today(freeze):
    freeze(NOW)


def create(actor, area, contacts=(SON,), home=None, **person):
    values = {"name": "王素珍", "sex": "female", "birth_date": date(1944, 3, 2)} | person
    return services.create_elder(
        actor, area, values, {"address": "建设路 41 号"} | (home or {}), contacts=contacts
    )


def actions(elder):
    return list(
        db.session.scalars(
            select(AuditEntry.action)
            .where(AuditEntry.object_type == "elders", AuditEntry.object_id == elder.id)
            .order_by(AuditEntry.id)
        )
    )


def test_opening_a_dossier(tree, actor):
    elder = services.create_elder(
        actor,
        tree.community,
        {"name": "王 素珍", "id_number": id_number(), "phone": "+86 138 0000 6027", "ability_level": 1},
        {"address": "建设路 41 号 ２单元", "latitude": 28.881, "longitude": 105.441},
        contacts=[SON],
        categories={Category.LIVING_ALONE: "入户核实"},
        certificate=Certificate(2, date(2030, 1, 1), "51050219440302002242", "肢体"),
        members=[{"name": "李小芳", "relation": "女儿", "lives_in": False, "in_same_town": True}],
    )
    assert (elder.name, elder.sex, elder.birth_date) == ("王素珍", "female", date(1944, 3, 2))
    assert elder.phone == "13800006027"
    assert elder.household.address == "建设路41号2单元"
    assert elder.enrolled_on == date(2026, 3, 26)
    assert elder.reverify_due_on == date(2026, 9, 26)
    assert [one.category for one in elder.categories] == [Category.LIVING_ALONE]
    assert elder.certificates[0].grade == 2
    # The daughter in the same town comes before the son whose place is not known.
    assert (elder.first_contact.name, elder.first_contact.lives_nearby) == ("李小芳", True)
    assert actions(elder) == ["elder.create"]


def test_only_inside_ones_area_and_only_into_a_community(tree, actor):
    with pytest.raises(NotAllowed):
        create(actor, tree.outside)
    with pytest.raises(NotAllowed):
        create(make_actor(Role.COUNTY_SUPERVISOR, tree.county), tree.community)
    with pytest.raises(InvalidInput) as refused:
        create(actor, tree.street)
    assert refused.value.field == "area_id"


@pytest.mark.parametrize(
    ("person", "field"),
    [
        ({"id_number": id_number()[:-1] + "?"}, "id_number"),
        ({"id_number": id_number("19450302")}, "birth_date"),
        ({"id_number": id_number(), "sex": "male"}, "sex"),
        ({"phone": "1380000"}, "phone"),
        ({"name": "王3"}, "name"),
        ({"birth_date": None}, "birth_date"),
        ({"birth_date": date(2027, 1, 1)}, "birth_date"),
        (
            {"visit_from": time(17), "visit_until": time(9)},
            "visit_until",
        ),
    ],
)
def test_what_is_refused(tree, actor, person, field):
    with pytest.raises(InvalidInput) as refused:
        create(actor, tree.community, **person)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("home", "code"),
    [
        ({"latitude": 105.44, "longitude": 28.88}, "place_swapped"),
        ({"latitude": 40.0, "longitude": -70.0}, "place_outside_china"),
        ({"latitude": 28.88}, "invalid_input"),
        ({"address": "  "}, "invalid_input"),
    ],
)
def test_homes_that_are_refused(tree, actor, home, code):
    with pytest.raises(InvalidInput) as refused:
        create(actor, tree.community, home=home)
    assert refused.value.code == code


def test_one_dossier_per_id_number(tree, actor):
    create(actor, tree.community, id_number=id_number())
    with pytest.raises(Conflict) as refused:
        create(actor, tree.other_community, id_number=id_number())
    assert "王素珍" in refused.value.message
    stranger = make_actor(Role.STREET_COORDINATOR, tree.other_street)
    with pytest.raises(Conflict) as refused:
        create(stranger, tree.outside, id_number=id_number())
    assert "王素珍" not in refused.value.message


def test_the_same_address_is_the_same_household(tree, actor):
    wife = create(actor, tree.community, home={"water_safe": True})
    husband = create(
        actor, tree.community, name="李德明", sex="male", home={"address": "建设路41号", "power_safe": False}
    )
    assert wife.household_id == husband.household_id
    assert (wife.household.water_safe, wife.household.power_safe) == (True, False)
    neighbour = create(actor, tree.other_community, name="赵明")
    assert neighbour.household_id != wife.household_id
    assert clean_address("建设路（４１）号 A栋") == "建设路（41）号A栋"


def test_an_active_elder_always_has_an_emergency_contact(tree, actor):
    elder = create(actor, tree.community, contacts=())
    (contact,) = elder.emergency_contacts
    assert (contact.relation, contact.phone) == (services.COMMITTEE, "0830-3123456")
    tree.street.emergency_phone = None
    db.session.flush()
    with pytest.raises(InvalidInput) as refused:
        create(actor, tree.community, name="赵明", contacts=())
    assert refused.value.field == "contacts"


def test_contacts_keep_their_order(tree, actor):
    daughter = ContactPerson("李小芳", "女儿", "13900000002")
    elder = create(actor, tree.community, contacts=[SON, daughter])
    services.edit_elder(actor, elder, version=elder.version, contacts=[daughter, SON])
    assert [(c.position, c.name) for c in elder.emergency_contacts] == [(1, "李小芳"), (2, "李小明")]
    with pytest.raises(InvalidInput) as refused:
        services.edit_elder(actor, elder, version=elder.version, contacts=[ContactPerson("甲", "邻居", "12")])
    assert "第 1 位" in refused.value.message


def test_first_visiting_contact(tree, actor):
    far = create(actor, tree.community)
    assert (far.first_contact.name, far.first_contact.lives_nearby) == ("李小明", False)
    nobody = create(
        actor, tree.community, name="赵明", contacts=[ContactPerson("钱芳", "女婿", "13900000003")]
    )
    assert nobody.first_contact is None
    services.set_first_contact(actor, nobody, "孙丽", "社区指定", "13900000004", lives_nearby=True)
    services.set_first_contact(actor, nobody, "周琴", "社区指定", "13900000005", lives_nearby=True)
    assert nobody.first_contact.name == "周琴"
    assert actions(nobody).count("elder.first_contact") == 2
    with pytest.raises(InvalidInput) as refused:
        services.set_first_contact(actor, nobody, "周琴", " ", None, lives_nearby=True)
    assert refused.value.field == "relation"


def test_editing_writes_what_changed_and_hides_secrets(tree, actor):
    elder = create(actor, tree.community, medical_history="高血压")
    services.edit_elder(
        actor,
        elder,
        version=elder.version,
        person={"ability_level": 2, "medical_history": "高血压、糖尿病", "phone": "13900000001"},
        categories={Category.EMPTY_NEST: None},
    )
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.edit")).one()
    assert line.changes["ability_level"] == [0, 2]
    assert line.changes["medical_history"] == ["***", "***"]
    assert line.changes["phone"] == [None, "***"]
    assert line.changes["categories"] == [[], ["empty_nest"]]
    services.edit_elder(actor, elder, version=elder.version, categories={})
    assert elder.categories == []
    ended = db.session.scalars(select(ElderCategory).where(ElderCategory.elder_id == elder.id)).one()
    assert ended.ended_on == date(2026, 3, 26)


def test_a_lost_update_is_noticed(tree, actor):
    elder = create(actor, tree.community)
    read_at = elder.version
    services.edit_elder(
        actor, elder, version=read_at, contacts=[ContactPerson("李小芳", "女儿", "13900000002")]
    )
    with pytest.raises(Conflict) as refused:
        services.edit_elder(actor, elder, version=read_at, person={"name": "王秀珍"})
    assert refused.value.code == "stale"


def test_two_transactions_at_once(tree, actor):
    elder = create(actor, tree.community)
    db.session.execute(text("UPDATE elders SET version = version + 1 WHERE id = :id"), {"id": elder.id})
    with pytest.raises(Conflict) as refused:
        services.edit_elder(actor, elder, version=elder.version, person={"name": "王秀珍"})
    assert refused.value.code == "stale"


def test_a_couple_moves_together_or_alone(tree, actor):
    wife = create(actor, tree.community)
    husband = create(actor, tree.community, name="李德明", sex="male")
    before = husband.version
    services.edit_elder(actor, wife, version=wife.version, home={"address": "柳岸街8号"})
    assert husband.household.address == "柳岸街8号"
    assert husband.version > before
    services.edit_elder(actor, wife, version=wife.version, home={"address": "江边路1号"}, moves_alone=True)
    assert (wife.household.address, husband.household.address) == ("江边路1号", "柳岸街8号")
    services.edit_elder(actor, wife, version=wife.version, home={"address": "柳岸街8号"})
    assert wife.household_id == husband.household_id


def test_household_members_are_replaced(tree, actor):
    elder = create(actor, tree.community)
    services.edit_elder(
        actor, elder, version=elder.version, members=[{"name": "李强", "relation": "儿子", "lives_in": True}]
    )
    (son,) = elder.household.members
    services.edit_elder(
        actor,
        elder,
        version=elder.version,
        members=[
            {"id": son.id, "name": "李强", "relation": "儿子", "lives_in": False},
            {"name": "赵敏", "relation": "儿媳", "id_number": id_number("19700101")},
        ],
    )
    assert [(m.name, m.lives_in) for m in elder.household.members] == [("李强", False), ("赵敏", True)]
    assert elder.household.members[1].birth_date == date(1970, 1, 1)
    services.edit_elder(actor, elder, version=elder.version, members=[])
    assert elder.household.members == []


def consent(actor, elder, kind, state, **over):
    values = {"given_by": ConsentGiver.SELF, "given_on": date(2026, 3, 20), "channel": "face_to_face"}
    return services.record_consent(actor, elder, kind, state, **(values | over))


def test_consent(tree, actor):
    elder = create(actor, tree.community)
    consent(actor, elder, ConsentKind.SERVICE, ConsentState.ACCEPTED)
    refusal = consent(
        actor, elder, ConsentKind.SERVICE, ConsentState.REFUSED, note="王主任当面说明三次，老人说女儿每天来"
    )
    assert refusal.ask_again_on == date(2026, 9, 18)
    assert [one.state for one in elder.consents] == [ConsentState.REFUSED]
    assert len(db.session.scalars(select(Consent).where(Consent.elder_id == elder.id)).all()) == 2
    assert actions(elder).count("elder.consent") == 2


@pytest.mark.parametrize(
    ("state", "over", "field"),
    [
        (ConsentState.REFUSED, {}, "note"),
        (ConsentState.REFUSED, {"note": "不要"}, "note"),
        (ConsentState.GRANTED, {}, "state"),
        (ConsentState.ACCEPTED, {"given_on": date(2026, 3, 27)}, "given_on"),
        (ConsentState.ACCEPTED, {"given_by": ConsentGiver.FAMILY}, "giver_name"),
        (ConsentState.REMOTE_ONLY, {"ask_again_on": date(2028, 1, 1)}, "ask_again_on"),
    ],
)
def test_consent_that_is_refused(tree, actor, state, over, field):
    elder = create(actor, tree.community)
    with pytest.raises(InvalidInput) as refused:
        consent(actor, elder, ConsentKind.SERVICE, state, **over)
    assert refused.value.field == field


def test_the_database_refuses_a_refusal_without_a_note(tree, actor):
    elder = create(actor, tree.community)
    db.session.add(
        Consent(
            elder_id=elder.id,
            kind=ConsentKind.HOME,
            state=ConsentState.REFUSED,
            given_by=ConsentGiver.SELF,
            given_on=date(2026, 3, 1),
            channel="phone",
        )
    )
    with pytest.raises(IntegrityError, match="refusal_needs_a_note"):
        db.session.flush()


def test_leaving_and_coming_back(tree, actor):
    elder = create(actor, tree.community, enrolled_on=date(2026, 1, 1))
    with pytest.raises(InvalidInput) as refused:
        services.end_elder(actor, elder, ElderStatus.MOVED, date(2025, 12, 31))
    assert refused.value.field == "left_on"
    services.end_elder(actor, elder, ElderStatus.MOVED, date(2026, 3, 25), "随女儿去重庆")
    assert (elder.status, elder.left_on) == (ElderStatus.MOVED, date(2026, 3, 25))
    with pytest.raises(Conflict):
        services.reverify_elder(actor, elder)
    services.reinstate_elder(actor, elder)
    assert (elder.status, elder.left_on, elder.enrolled_on) == (ElderStatus.ACTIVE, None, date(2026, 3, 26))
    with pytest.raises(Conflict):
        services.reinstate_elder(actor, elder)
    assert actions(elder) == ["elder.create", "elder.end", "elder.reinstate"]


def test_reverifying(tree, actor):
    elder = create(actor, tree.community)
    elder.reverify_due_on = date(2026, 1, 1)
    services.reverify_elder(actor, elder)
    assert elder.reverify_due_on == date(2026, 9, 26)


def test_reveal_is_recorded_and_limited(tree, actor, freeze):
    elder = create(actor, tree.community, id_number=id_number(), phone="13900000001")
    assert services.reveal(actor, elder, "id_number") == id_number()
    assert services.reveal(actor, elder, f"contact-{elder.emergency_contacts[0].id}") == "13812345678"
    revealed = select(AuditEntry).where(AuditEntry.action == "elder.reveal").order_by(AuditEntry.id)
    lines = db.session.scalars(revealed).all()
    assert lines[0].changes["field"] == "id_number"
    assert id_number() not in str([(line.summary, line.changes) for line in lines])
    with pytest.raises(NotFound):
        services.reveal(actor, elder, "contact-0")
    with pytest.raises(NotFound):
        services.reveal(actor, elder, "notes")
    for _ in range(services.REVEALS_PER_DAY - 2):
        services.reveal(actor, elder, "phone")
    with pytest.raises(TooMany) as refused:
        services.reveal(actor, elder, "phone")
    assert refused.value.retry_after == 15 * 3600 + 1
    freeze(datetime(2026, 3, 26, 16, 1, tzinfo=UTC))
    assert services.reveal(actor, elder, "phone") == "13900000001"
    with pytest.raises(NotAllowed):
        services.reveal(make_actor(Role.COUNTY_SUPERVISOR, tree.county), elder, "phone")


def test_factories_and_services_agree(tree):
    home = make_household(tree.community)
    assert make_elder(tree.community, home).household is home
