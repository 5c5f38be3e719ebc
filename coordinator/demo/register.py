"""The elders of the demo: dossiers, wishes, contact people and pairs."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

from coordinator.demo.world import World, at, living_at
from coordinator.elders.models import (
    Category,
    ConsentGiver,
    ConsentKind,
    ConsentState,
    CoordinateSource,
    DeviceKind,
    EconomicStatus,
    Elder,
    Health,
    Sex,
    Skill,
)
from coordinator.elders.services import (
    Certificate,
    ContactPerson,
    create_elder,
    record_consent,
    save_device,
    versions,
)
from coordinator.extensions import db
from coordinator.kernel.access import Actor
from coordinator.kernel.areas import Area
from coordinator.workforce.models import WorkerKind
from coordinator.workforce.services import pair

ELDERS = 320
ENROLLED_DAYS_AGO = 100
PAIRED = 0.85


def make_elders(world: World) -> None:
    """About 320 dossiers over the four communities; some share a household."""
    enrolled = world.today - timedelta(days=ENROLLED_DAYS_AGO)
    coordinator = world.actors["street"]
    total = world.count(ELDERS)
    # One version of each dossier, made at the end for all of them.
    with living_at(at(enrolled, 10)), versions.change(coordinator) as seen:
        for number in range(total):
            position = number % len(world.communities)
            community = world.communities[position]
            elder = _make_elder(world, community, world.texts["communities"][position], enrolled)
            world.elders.append(elder)
            seen.ids.add(elder.id)
            _record_wishes(world, elder, enrolled)
            if number % 9 == 0:
                _add_device(coordinator, elder, number, enrolled)
        db.session.flush()
        for elder in world.elders:
            helpers = [
                worker
                for worker in world.workers
                if worker.area_id == elder.area_id
                and worker.kind
                in (WorkerKind.GRID_MEMBER, WorkerKind.COMMITTEE_MEMBER, WorkerKind.YOUNGER_SENIOR)
            ]
            if helpers and world.chance(PAIRED):
                pair(coordinator, elder, world.dice.choice(helpers))


def _add_device(coordinator: Actor, elder: Elder, number: int, enrolled: date) -> None:
    """Every ninth home has an alarm; one in three of them is broken."""
    kind = (DeviceKind.SMOKE_ALARM, DeviceKind.ONE_KEY, DeviceKind.GAS_ALARM)[number // 9 % 3]
    save_device(
        coordinator,
        elder,
        {
            "kind": kind,
            "identifier": f"TF{number:06d}",
            "installed_on": enrolled - timedelta(days=60),
            "working": number % 27 != 0,
            "note": "床头" if kind is DeviceKind.ONE_KEY else "厨房",
        },
    )


def _make_elder(world: World, community: Area, said: dict[str, Any], enrolled: date) -> Elder:
    dice = world.dice
    sex = Sex.FEMALE if world.chance(0.58) else Sex.MALE
    birth = world.birth(66, 92) if world.chance(0.9) else world.birth(61, 66)
    name = world.name(sex, old=True)
    latitude, longitude = world.near(community.latitude or 0, community.longitude or 0, 480)
    estate = dice.choice(said["estates"])
    address = (
        f"{dice.choice(said['roads'])} {dice.randint(1, 118)} 号"
        f"{dice.randint(1, 4)} 单元 {dice.randint(1, 6)}0{dice.randint(1, 4)}"
    )
    ability = dice.choices((0, 1, 2, 3, 4), (84, 7, 5, 3, 1))[0]
    alone = world.chance(0.4)
    health = Health.POOR if ability >= 2 or world.chance(0.2) else Health.GOOD
    person: dict[str, Any] = {
        "name": name,
        "sex": sex,
        "birth_date": birth,
        "id_number": world.id_number(birth, sex),
        "phone": world.phone(),
        "enrolled_on": enrolled,
        "ability_level": ability,
        "ability_assessed_on": enrolled - timedelta(days=dice.randint(20, 300)),
        "health": health,
        "is_self_caring": ability <= 1,
        "economic_status": dice.choices(
            (EconomicStatus.NONE, EconomicStatus.LOW_INCOME, EconomicStatus.DESTITUTE), (86, 10, 4)
        )[0],
        "visit_minutes": dice.choice((25, 30, 30, 40)),
        "has_livelihood": True,
        "has_caregiver": not alone,
        "children_alive": 0 if world.chance(0.08) else dice.randint(1, 4),
        "spouse_alive": not alone and world.chance(0.6),
    }
    if world.chance(0.45):
        person["cautions"] = dice.choice(world.texts["texts"]["cautions"])
    if health is Health.POOR:
        person["medical_history"] = dice.choice(world.texts["texts"]["medical"])
    if ability >= 3:
        person["needs_skills"] = [Skill.NURSING.value]
        person["minors_welcome"] = False
    if ability == 4 and world.chance(0.5):
        person["needs_two_visitors"] = True
    if world.chance(0.06):
        person["prefers_sex"] = sex
    if world.chance(0.12):
        person["visit_from"], person["visit_until"] = time(9, 0), time(11, 30)
    elif world.chance(0.1):
        person["visit_from"], person["visit_until"] = time(14, 30), time(17, 0)
    certificate = None
    if world.chance(0.09):
        certificate = Certificate(
            grade=dice.choice((1, 2, 2, 3)), valid_to=world.today + timedelta(days=dice.randint(200, 2000))
        )
    return create_elder(
        world.actors["street"],
        community,
        person,
        {
            "address": address,
            "neighbourhood": estate,
            "grid_id": world.areas[f"{community.name}{dice.choice(said['grids'])}"].id,
            "latitude": latitude,
            "longitude": longitude,
            "coordinate_source": CoordinateSource.MAP_CLICK,
            "water_safe": True,
            "power_safe": world.chance(0.95),
            "housing_safe": world.chance(0.96),
        },
        contacts=_contacts(world, person["children_alive"]),
        categories=_categories(world, alone, person["children_alive"]),
        certificate=certificate,
    )


def _categories(world: World, alone: bool, children: int) -> dict[Category, str | None]:
    found: dict[Category, str | None] = {}
    if alone:
        found[Category.LIVING_ALONE] = "入户核实，一人居住"
        if not children and world.chance(0.4):
            found[Category.KINLESS] = "无配偶无子女，社区证明"
    elif world.chance(0.7):
        found[Category.EMPTY_NEST] = "子女不在本街道居住"
    elif world.chance(0.5):
        found[Category.LEFT_BEHIND] = "子女在外省务工"
    if world.chance(0.04):
        found[Category.SPECIAL_FAMILY] = None
    return found


def _contacts(world: World, children: int) -> list[ContactPerson]:
    if not children:
        return []  # the committee's telephone takes the place
    relation = world.dice.choice(("儿子", "女儿", "女儿", "侄女"))
    sex = Sex.MALE if relation == "儿子" else Sex.FEMALE
    people = [ContactPerson(world.name(sex), relation, world.phone())]
    if children > 2:
        people.append(ContactPerson(world.name(Sex.FEMALE), "儿媳", world.phone()))
    return people


def _record_wishes(world: World, elder: Elder, day: date) -> None:
    """Nine in ten accept; a few only want calls, a few refuse with the written note, some are not asked yet."""
    coordinator = world.actors["street"]
    answer = world.dice.choices(
        (ConsentState.ACCEPTED, ConsentState.REMOTE_ONLY, ConsentState.REFUSED, None), (91, 1, 2, 6)
    )[0]
    if answer is None:
        return
    note = world.texts["texts"]["refusal"] if answer is ConsentState.REFUSED else None
    record_consent(
        coordinator,
        elder,
        ConsentKind.SERVICE,
        answer,
        given_by=ConsentGiver.SELF,
        given_on=day,
        channel="入户",
        explained_by="社区工作人员" if note else None,
        note=note,
    )
    if answer is ConsentState.ACCEPTED:
        record_consent(
            coordinator,
            elder,
            ConsentKind.HOME,
            ConsentState.GRANTED,
            given_by=ConsentGiver.SELF,
            given_on=day,
            channel="入户",
        )
