"""Areas, organisations, accounts and the workforce of the demo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from coordinator.accounts import passwords
from coordinator.accounts.models import OrganisationKind, SchoolStage, User
from coordinator.accounts.services import create_organisation, create_user
from coordinator.accounts.services.roles import NewRole
from coordinator.demo.world import World, at, living_at
from coordinator.elders.models import Sex, Skill
from coordinator.extensions import db
from coordinator.kernel.access import SYSTEM, Actor, Grant, Role
from coordinator.kernel.areas import Area, AreaLevel, create_area
from coordinator.workforce.models import CredentialKind, TravelMode, Worker, WorkerKind
from coordinator.workforce.services import (
    GuardianConsent,
    add_credential,
    add_guardian_consent,
    approve_worker,
    create_worker,
    set_availability,
    verify_skills,
)

WEEKDAYS, WEEKEND = range(5), (5, 6)
FULL_DAY = (time(8, 30), time(17, 30))
MORNING = (time(8, 30), time(12, 0))
AFTERNOON = (time(13, 30), time(17, 30))


def make_areas(world: World) -> None:
    """Province to grids."""
    said = world.texts["street"]
    province = create_area(AreaLevel.PROVINCE, said["province"])
    city = create_area(AreaLevel.CITY, said["city"], province, policy_pack="luzhou")
    county = create_area(AreaLevel.COUNTY, said["county"], city)
    world.street = create_area(
        AreaLevel.STREET,
        said["name"],
        county,
        latitude=said["latitude"],
        longitude=said["longitude"],
        emergency_phone=said["emergency_phone"],
        settings={
            "issuer": {
                "name": said["issuer_name"],
                "person_in_charge": said["issuer_person"],
                "contact": said["issuer_contact"],
            }
        },
    )
    world.areas.update(province=province, city=city, county=county, street=world.street)
    for one in world.texts["communities"]:
        community = create_area(
            AreaLevel.COMMUNITY,
            one["name"],
            world.street,
            latitude=one["latitude"],
            longitude=one["longitude"],
        )
        world.communities.append(community)
        world.areas[one["name"]] = community
        for grid in one["grids"]:
            world.areas[f"{one['name']}{grid}"] = create_area(AreaLevel.GRID, grid, community)


def make_organisations(world: World) -> None:
    """Two schools, two property companies, couriers, a social-work station, an association of seniors."""
    for one in world.texts["organisations"]:
        latitude, longitude = world.near(world.street.latitude or 0, world.street.longitude or 0, 500)
        world.organisations[one["key"]] = create_organisation(
            SYSTEM,
            world.street,
            kind=OrganisationKind(one["kind"]),
            school_stage=SchoolStage(one["school_stage"]) if "school_stage" in one else None,
            name=one["name"],
            address=f"{world.texts['communities'][1]['roads'][0]} {len(world.organisations) + 1} 号",
            latitude=latitude,
            longitude=longitude,
            issuer_person=one.get("issuer_person"),
        )


def open_account(
    world: World, username: str, name: str, role: Role, *, area: Area | None = None, organisation: str = ""
) -> User:
    """An account with a password of its own, written to the list of demo accounts."""
    password = passwords.make_password()
    unit = world.organisations.get(organisation)
    user, _once = create_user(
        SYSTEM,
        username=username,
        name=name,
        roles=[NewRole(role, area=area, organisation=unit)],
        password=password,
    )
    place = {"organisation": unit.name} if unit else {"area": area.name if area else world.street.name}
    world.accounts.append(
        {"role": role.value, "username": username, "password": password, "name": name, **place}
    )
    world.actors[username] = Actor(
        user_id=user.id,
        name=name,
        grants=(
            Grant(
                role,
                area_id=area.id if area else None,
                area_path=area.path if area else None,
                organisation_id=unit.id if unit else None,
            ),
        ),
    )
    return user


def make_accounts(world: World) -> None:
    """Everybody at a desk."""
    areas = world.areas
    open_account(world, "admin", "系统管理员", Role.ADMINISTRATOR, area=areas["province"])
    open_account(world, "city", "罗明远", Role.CITY_SUPERVISOR, area=areas["city"])
    open_account(world, "county", "许静", Role.COUNTY_SUPERVISOR, area=areas["county"])
    open_account(world, "street", "周敏", Role.STREET_COORDINATOR, area=world.street)
    for number, (community, name) in enumerate(
        zip(world.communities, ("冯玉梅", "石磊", "蒋丽", "唐国强"), strict=True), start=1
    ):
        open_account(world, f"community{number}", name, Role.COMMUNITY_COORDINATOR, area=community)
    for username, name, organisation in (
        ("property-a", "万经理", "property_a"),
        ("property-b", "段经理", "property_b"),
        ("courier", "雷站长", "courier"),
        ("station", "贺主任", "station"),
    ):
        open_account(world, username, name, Role.ORGANISATION_MANAGER, organisation=organisation)
    open_account(world, "school-middle", "林老师", Role.SCHOOL_VERIFIER, organisation="middle_school")
    open_account(world, "school-college", "韩老师", Role.SCHOOL_VERIFIER, organisation="university")


@dataclass(frozen=True)
class Kind:
    """One group of workers."""

    kind: WorkerKind
    number: int
    ages: tuple[int, int]
    week: dict[int, tuple[time, time]]
    mode: TravelMode = TravelMode.WALK
    radius: int = 2000
    day: int = 5
    week_limit: int = 15
    skills: tuple[Skill, ...] = ()
    organisation: str = ""
    by_community: bool = True
    account: str = ""
    women: float = 0.6
    evening: tuple[time, time] | None = None
    """A second span of hours on the same weekdays."""


def _week(days: Any, hours: tuple[time, time]) -> dict[int, tuple[time, time]]:
    return dict.fromkeys(days, hours)


W = WorkerKind
WORKDAYS = _week(WEEKDAYS, FULL_DAY)
KINDS = (
    Kind(
        W.COMMITTEE_MEMBER, 4, (30, 55), _week(WEEKDAYS, FULL_DAY), day=4, week_limit=12, account="committee"
    ),
    Kind(
        W.GRID_MEMBER,
        8,
        (28, 50),
        WORKDAYS,
        TravelMode.BIKE,
        day=6,
        week_limit=20,
        account="grid",
    ),
    Kind(
        W.SOCIAL_WORKER,
        5,
        (25, 45),
        WORKDAYS,
        TravelMode.BIKE,
        4000,
        6,
        22,
        (Skill.SOCIAL_WORK, Skill.COUNSELLING),
        "station",
        by_community=False,
        account="social",
    ),
    Kind(
        W.CARE_STAFF,
        5,
        (30, 55),
        WORKDAYS,
        TravelMode.BIKE,
        4000,
        6,
        24,
        (Skill.NURSING, Skill.FIRST_AID),
        by_community=False,
        account="care",
        women=0.9,
    ),
    Kind(
        W.FAMILY_DOCTOR,
        2,
        (32, 55),
        _week((1, 3), FULL_DAY),
        TravelMode.BIKE,
        4000,
        6,
        12,
        (Skill.NURSING, Skill.FIRST_AID),
        by_community=False,
        account="doctor",
    ),
    Kind(
        W.YOUNGER_SENIOR,
        9,
        (60, 69),
        _week((0, 2, 4), MORNING),
        radius=1200,
        day=3,
        week_limit=9,
        organisation="seniors",
        account="senior",
        evening=(time(15, 30), time(17, 30)),
    ),
    Kind(
        W.VOLUNTEER,
        6,
        (24, 58),
        _week((2, 5, 6), AFTERNOON),
        radius=2500,
        day=4,
        week_limit=8,
        by_community=False,
        account="volunteer",
    ),
    Kind(
        W.PROPERTY_STAFF,
        4,
        (25, 50),
        _week(WEEKDAYS, (time(9, 0), time(12, 0))),
        radius=1000,
        day=3,
        week_limit=12,
        skills=(Skill.HOME_SAFETY,),
        organisation="property_a",
        account="property-staff",
        women=0.3,
    ),
    Kind(
        W.PROPERTY_STAFF,
        3,
        (25, 50),
        _week(WEEKDAYS, (time(14, 0), time(17, 30))),
        radius=1000,
        day=3,
        week_limit=12,
        skills=(Skill.HOME_SAFETY,),
        organisation="property_b",
        women=0.3,
    ),
    Kind(
        W.COURIER,
        4,
        (22, 40),
        _week((1, 3, 5), (time(14, 0), time(17, 0))),
        TravelMode.BIKE,
        3000,
        4,
        10,
        organisation="courier",
        by_community=False,
        account="rider",
        women=0.2,
    ),
    Kind(
        W.STUDENT,
        5,
        (19, 22),
        _week((2, 5, 6), AFTERNOON),
        TravelMode.BIKE,
        3000,
        4,
        8,
        organisation="university",
        by_community=False,
        account="student",
    ),
    Kind(
        W.STUDENT,
        7,
        (14, 15),
        _week(WEEKEND, AFTERNOON),
        radius=3000,
        day=3,
        week_limit=4,
        organisation="middle_school",
        by_community=False,
        account="minor",
    ),
)
CLASSES = {"middle_school": ("初三 1 班", "初三 3 班"), "university": ("护理 2 班", "社会工作 1 班")}
# Two accounts a group, so that a refusal of one's neighbour can be tried.
ACCOUNTS_A_GROUP = 2


def make_workers(world: World) -> None:
    """About sixty people of every type, approved, with credentials, hours and (minors) guardians."""
    joined = world.today - timedelta(days=120)
    with living_at(at(joined, 9)):
        _make_workers(world, joined)


def _make_workers(world: World, joined: date) -> None:
    coordinator = world.actors["street"]
    for kind in KINDS:
        for number in range(world.count(kind.number)):
            worker = _make_worker(world, kind, number)
            world.workers.append(worker)
            for credential, valid_from, valid_to, paper in _credentials(world, kind, joined):
                add_credential(coordinator, worker, credential, valid_from, valid_to, paper)
            if kind.ages[1] < 18:
                add_guardian_consent(
                    coordinator,
                    worker,
                    GuardianConsent(
                        name=worker.name[0] + world.dice.choice(("先生家长", "女士家长")),
                        relation=world.dice.choice(("父亲", "母亲")),
                        phone=world.phone(),
                        scope="周末白天，由成年人带领，探访本街道长者",
                        given_on=joined,
                        valid_to=world.today + timedelta(days=200),
                    ),
                )
            db.session.expire(worker)
            approve_worker(coordinator, worker)
            if kind.account and number < ACCOUNTS_A_GROUP:
                _open_worker_account(world, kind, number, worker)


def _make_worker(world: World, kind: Kind, number: int) -> Worker:
    community = world.communities[number % len(world.communities)]
    sex = Sex.FEMALE if world.chance(kind.women) else Sex.MALE
    birth = world.birth(*kind.ages)
    home = community if kind.by_community else world.street
    latitude, longitude = world.near(home.latitude or 0, home.longitude or 0, 400)
    values: dict[str, Any] = {
        "kind": kind.kind,
        "name": world.name(sex),
        "sex": sex,
        "birth_date": birth,
        "id_number": world.id_number(birth, sex),
        "phone": world.phone(),
        "volunteer_number": f"5105990000{len(world.workers) + 1:04d}",
        "travel_mode": kind.mode,
        "start_address": f"{community.name}便民服务站",
        "start_latitude": latitude,
        "start_longitude": longitude,
        "service_radius_metres": kind.radius,
        "max_visits_day": kind.day,
        "max_visits_week": kind.week_limit,
        "max_visits_month": kind.week_limit * 4,
    }
    if kind.kind is WorkerKind.STUDENT:
        values["student_class"] = CLASSES[kind.organisation][number % 2]
        values["student_number"] = f"{kind.organisation[0].upper()}{number + 1:04d}"
    worker = create_worker(
        world.actors["street"],
        community if kind.by_community else world.street,
        values,
        organisation=world.organisations.get(kind.organisation),
    )
    week = {day: [hours, *([kind.evening] if kind.evening else [])] for day, hours in kind.week.items()}
    set_availability(world.actors["street"], worker, week)
    if kind.skills:
        verify_skills(world.actors["street"], worker, kind.skills)
    return worker


def _credentials(
    world: World, kind: Kind, joined: date
) -> Iterator[tuple[CredentialKind, date, date | None, str | None]]:
    year = timedelta(days=365)
    yield CredentialKind.TRAINING, joined, None, None
    yield CredentialKind.INSURANCE, joined, joined + year, f"DEMO{len(world.workers):06d}"
    yield CredentialKind.HEALTH_DECLARATION, joined, joined + year, None
    yield CredentialKind.AGREEMENT, joined, None, None
    if kind.kind in (WorkerKind.SOCIAL_WORKER, WorkerKind.FAMILY_DOCTOR):
        yield CredentialKind.PROFESSIONAL, joined, None, f"DEMO-P{len(world.workers):05d}"


def _open_worker_account(world: World, kind: Kind, number: int, worker: Worker) -> None:
    username = kind.account if number == 0 else f"{kind.account}{number + 1}"
    user = open_account(world, username, worker.name, Role.WORKER)
    worker.user_id = user.id
    account = world.accounts[-1]
    if kind.organisation:
        account["organisation"] = world.organisations[kind.organisation].name
        del account["area"]
    account["kind"] = kind.kind.value
    if kind.ages[1] < 18:
        account["minor"] = True
    db.session.flush()
    world.actors[username] = Actor(
        user_id=user.id, name=worker.name, grants=(Grant(Role.WORKER),), worker_id=worker.id
    )
