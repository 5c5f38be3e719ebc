"""An invented county in a database: the streets of `instances.city` as rows, with people to go and a month of
visits behind them. Bulk statements only; nobody in it exists.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import Range

from benchmarks import instances
from coordinator.elders.models import Category, Elder, ElderCategory, ElderStatus, Household, Sex
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area, AreaLevel, create_area
from coordinator.visits.lifecycle import AssignmentState, ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import (
    Availability,
    Credential,
    CredentialKind,
    ServiceContact,
    TravelMode,
    Worker,
    WorkerKind,
    WorkerSkill,
    WorkerStatus,
)

Json = dict[str, Any]
TODAY = date(2026, 3, 31)
NOW = datetime(2026, 3, 31, 1, 0, tzinfo=UTC)
MONTH = date(2026, 4, 1)
COMMUNITIES = 10
LONG_AGO, FAR_AWAY = date(2020, 1, 1), date(2099, 12, 31)
SKILLS = {"nursing": "nursing", "rehab": "first_aid", "memory": "counselling", "law": "social_work"}
SURNAMES = "陈李王张刘周吴郑赵钱孙冯蒋沈韩杨朱秦许何"
GIVEN = "秀英芳兰珍梅华明国建德文玉淑桂琴荣福贵春"
EARLIER_A_DAY = 8
RADIUS_METRES = 20_000
MOST_VISITS_WEEK, MOST_VISITS_MONTH = 100, 400


@dataclass
class County:
    """Ids of what was made."""

    area_id: int
    street_ids: list[int]
    elders: int
    workers: int


def build(streets: int, elders: int, seed: int = 1) -> County:
    """Write a county with so many streets and elders in each; commits street by street."""
    province = create_area(AreaLevel.PROVINCE, "示例省")
    city = create_area(AreaLevel.CITY, "示例市", province, policy_pack="luzhou")
    county = create_area(AreaLevel.COUNTY, "示例区", city)
    made = County(county.id, [], 0, 0)
    for number, scenario in enumerate(instances.city(seed, streets, elders)):
        street = create_area(AreaLevel.STREET, f"示例{number + 1}街道", county)
        communities = [
            create_area(AreaLevel.COMMUNITY, f"示例{part + 1}社区", street) for part in range(COMMUNITIES)
        ]
        workers = _workers(street, scenario["workers"])
        people = _elders(communities, scenario["elders"], Random(scenario["name"]))
        _pairs(people, workers, scenario)
        _earlier(people, workers, communities)
        db.session.commit()
        made.street_ids.append(street.id)
        made.elders += len(people)
        made.workers += len(workers)
    # What autovacuum does in the quiet after the bulk.
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return made


def _ids(model: Any, rows: list[Json]) -> list[int]:
    """Insert rows; returns their ids in order."""
    statement = insert(model).returning(model.id, sort_by_parameter_order=True)
    return list(db.session.scalars(statement, rows))


def _workers(street: Area, found: list[Json]) -> dict[str, int]:
    """The street's workers, by their id in the scenario."""
    rows = [
        {
            "area_id": street.id,
            "kind": WorkerKind.VOLUNTEER,
            "status": WorkerStatus.APPROVED,
            "name": f"{SURNAMES[number % 20]}{GIVEN[number * 7 % 20]}{GIVEN[number // 20 % 20]}",
            "sex": Sex.FEMALE if number % 3 else Sex.MALE,
            "birth_date": date(1990, 5, 1),
            "travel_mode": TravelMode(worker["mode"]),
            "start_latitude": worker["start"][0],
            "start_longitude": worker["start"][1],
            "end_latitude": worker["end"][0],
            "end_longitude": worker["end"][1],
            "service_radius_metres": RADIUS_METRES,
            "max_visits_day": worker["max_visits"],
            "max_visits_week": MOST_VISITS_WEEK,
            "max_visits_month": worker.get("max_visits_month", MOST_VISITS_MONTH),
            "max_hours_week": round(worker["max_hours_week"]) if "max_hours_week" in worker else None,
            "approved_at": NOW,
        }
        for number, worker in enumerate(found)
    ]
    ids = _ids(Worker, rows)
    hours, papers, skills = [], [], []
    for worker_id, worker in zip(ids, found, strict=True):
        starts, ends = (_clock(seconds) for seconds in worker["shift"])
        hours += [
            {"worker_id": worker_id, "weekday": day, "starts": starts, "ends": ends}
            for day in worker["weekdays"]
        ]
        papers += [
            {"worker_id": worker_id, "kind": kind, "valid_from": LONG_AGO, "valid_to": FAR_AWAY}
            for kind in CredentialKind
        ]
        skills += [
            {"worker_id": worker_id, "skill": SKILLS[name], "verified_on": LONG_AGO}
            for name in worker["skills"]
        ]
    for model, values in ((Availability, hours), (Credential, papers), (WorkerSkill, skills)):
        if values:
            db.session.execute(insert(model), values)
    return {worker["id"]: worker_id for worker, worker_id in zip(found, ids, strict=True)}


def _clock(seconds: int) -> time:
    return time(seconds // 3600, seconds % 3600 // 60)


def _elders(communities: list[Area], found: list[Json], dice: Random) -> list[int]:
    """The street's elders in order; who is due twice a month lives alone and is over 80."""
    homes = _ids(
        Household,
        [
            {
                "area_id": communities[number % COMMUNITIES].id,
                "address": f"示例路{number + 1}号",
                "neighbourhood": "示例片",
                "latitude": item["loc"][0],
                "longitude": item["loc"][1],
            }
            for number, item in enumerate(found)
        ],
    )
    ids = _ids(
        Elder,
        [
            {
                "household_id": home,
                "area_id": communities[number % COMMUNITIES].id,
                "name": dice.choice(SURNAMES) + dice.choice(GIVEN) + dice.choice(GIVEN),
                "sex": Sex.FEMALE if number % 2 else Sex.MALE,
                "birth_date": date(1940 if item["frequency"] == 2 else 1961, 5, 1),
                "status": ElderStatus.ACTIVE,
                "enrolled_on": LONG_AGO,
                "needs_skills": [SKILLS[name] for name in item["skills"]],
                "visit_minutes": item["duration"] // 60,
                "visit_from": _clock(item["window"][0]),
                "visit_until": _clock(item["window"][1]),
            }
            for number, (home, item) in enumerate(zip(homes, found, strict=True))
        ],
    )
    db.session.execute(
        insert(ElderCategory),
        [{"elder_id": one, "category": Category.LIVING_ALONE, "since": LONG_AGO} for one in ids],
    )
    return ids


def _pairs(elders: list[int], workers: dict[str, int], scenario: Json) -> None:
    """Half of the elders have a contact person of the service."""
    rows = [
        {"elder_id": elder_id, "worker_id": workers[item["last_visitor"]], "since": LONG_AGO}
        for elder_id, item in zip(elders, scenario["elders"], strict=True)
        if "last_visitor" in item
    ]
    if rows:
        db.session.execute(insert(ServiceContact), rows)


def _earlier(elders: list[int], workers: dict[str, int], communities: list[Area]) -> None:
    """Last month's visit to everybody, none in the week the month begins in."""
    many: Counter[int] = Counter()
    people = list(workers.values())
    visits, who = [], []
    for number, elder_id in enumerate(elders):
        worker_id = people[number % len(people)]
        turn = many[worker_id]
        many[worker_id] += 1
        day = MONTH - timedelta(days=3 + turn // EARLIER_A_DAY % 27)
        begins = clock.at_local(day, (9 + turn % EARLIER_A_DAY) * 3600)
        ends = begins + timedelta(minutes=30)
        who.append((worker_id, begins, ends))
        visits.append(
            {
                "elder_id": elder_id,
                "area_id": communities[number % COMMUNITIES].id,
                "state": VisitState.COMPLETED,
                "mode": ContactMode.HOME,
                "starts_at": begins,
                "ends_at": ends,
                "contact_on": day,
                "contact_mode": ContactMode.HOME,
                "contact_outcome": ContactOutcome.COMPLETED,
                "sequence": 1,
                "closed_at": ends,
            }
        )
    rows = [
        {
            "visit_id": visit_id,
            "worker_id": worker_id,
            "state": AssignmentState.DONE,
            "during": Range(begins, ends),
            "approved_at": begins,
        }
        for visit_id, (worker_id, begins, ends) in zip(_ids(Visit, visits), who, strict=True)
    ]
    db.session.execute(insert(Assignment), rows)
