"""What the plan and the claims of the demo have to show beside the ordinary: a home nobody reaches in their hours,
two people at one door, a community whose rule approves by itself, and a pair whose worker was taken out.

The last step: nothing before it is different for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import func, select

from coordinator.demo.history import worker_actor
from coordinator.demo.newcomers import first_allowed
from coordinator.demo.world import World, at
from coordinator.elders.models import (
    Category,
    ConsentGiver,
    ConsentKind,
    ConsentState,
    CoordinateSource,
    Elder,
    Health,
    Sex,
)
from coordinator.elders.services import create_elder, edit_elder, record_consent, versions
from coordinator.extensions import db
from coordinator.fieldwork.models import RecordState, VisitRecord
from coordinator.kernel.errors import Conflict
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.services import claim_visit
from coordinator.marketplace.services.by_rule import BOUNDS, set_rules
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.services import assign, open_visit
from coordinator.workforce.models import Worker, WorkerKind
from coordinator.workforce.queries import service_contacts_of, workers_for_duty
from coordinator.workforce.services import add_helper, pair, take_out

AT_HOME = time(17, 50), time(18, 40)
"""When the elder whom nobody reaches is at home: after everybody's hours, a little."""
DAYS_AHEAD = range(3, 10)


def examples(world: World) -> None:
    """One of each."""
    _home_in_the_evening(world)
    _two_at_one_door(world)
    _rule_of_a_community(world)
    _left_behind(world)
    db.session.flush()


def _home_in_the_evening(world: World) -> None:
    """Somebody enrolled this week who is out until the evening: not in the plan, with a reason and a remedy."""
    street, community = world.actors["street"], world.communities[3]
    said = world.texts["communities"][3]
    birth, enrolled = world.birth(81, 84), world.today - timedelta(days=2)
    latitude, longitude = world.near(community.latitude or 0, community.longitude or 0, 300)
    person: dict[str, Any] = {
        "name": world.name(Sex.FEMALE, old=True),
        "sex": Sex.FEMALE,
        "birth_date": birth,
        "id_number": world.id_number(birth, Sex.FEMALE),
        "phone": world.phone(),
        "enrolled_on": enrolled,
        "ability_level": 0,
        "ability_assessed_on": enrolled,
        "health": Health.GOOD,
        "is_self_caring": True,
        "visit_minutes": 30,
        "visit_from": AT_HOME[0],
        "visit_until": AT_HOME[1],
        "has_livelihood": True,
        "children_alive": 1,
        "cautions": "白天在亲戚的店里，傍晚六点前后才在家。",
    }
    home = {
        "address": f"{said['roads'][1]} 46 号",
        "neighbourhood": said["estates"][0],
        "latitude": latitude,
        "longitude": longitude,
        "coordinate_source": CoordinateSource.MAP_CLICK,
    }
    with versions.change(street) as seen:
        elder = create_elder(
            street, community, person, home, categories={Category.LIVING_ALONE: "入户核实，一人居住"}
        )
        for kind, state in (
            (ConsentKind.SERVICE, ConsentState.ACCEPTED),
            (ConsentKind.HOME, ConsentState.GRANTED),
        ):
            record_consent(
                street, elder, kind, state, given_by=ConsentGiver.SELF, given_on=enrolled, channel="入户"
            )
        seen.ids.add(elder.id)
    world.elders.append(elder)


def _two_at_one_door(world: World) -> None:
    """An elder to whom two of the care staff go together: both paired, a visit of the two ahead."""
    street, staff = world.actors["street"], world.worker(WorkerKind.CARE_STAFF)
    chosen = next(
        (one for one in world.elders if one.needs_skills and one.prefers_sex is None and _is_home(one)), None
    )
    if chosen is None or len(staff) < 2:
        return
    edit_elder(street, chosen, version=chosen.version, person={"needs_two_visitors": True})
    two = workers_for_duty([one.id for one in staff[:2]])
    main, helper = two.values()
    pair(street, chosen, main)
    add_helper(street, chosen, helper)
    first_allowed(
        lambda day=day, hour=hour: _visit_of_two(world, chosen, [main, helper], day, hour)
        for day in _days(world)
        for hour in (9, 10, 14, 15)
    )


def _visit_of_two(world: World, elder: Elder, people: list[Worker], day: date, hour: int) -> None:
    starts = at(day, hour, 30)
    ends = starts + timedelta(minutes=elder.visit_minutes)
    visit = open_visit(world.actors["street"], elder, starts, ends, people=2, needs_skills=elder.needs_skills)
    # A word of override would let them come on a day off: none is given.
    assign(world.actors["street"], visit, [(one, False) for one in people])


def _rule_of_a_community(world: World) -> None:
    """柳岸社区 lets claims of people who are known there pass by themselves; one has."""
    community, coordinator = world.communities[1], world.actors["community2"]
    ordinary = Rules().as_dict()
    ordinary |= ordinary.pop("auto")
    set_rules(coordinator, community, {name: ordinary[name] for name in BOUNDS}, auto_on=True)
    known = db.session.execute(
        select(Assignment.worker_id, Visit.elder_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(VisitRecord, VisitRecord.visit_id == Visit.id)
        .join(Worker, Worker.id == Assignment.worker_id)
        .where(
            Visit.area_id == community.id,
            Assignment.state == AssignmentState.DONE,
            VisitRecord.state == RecordState.CONFIRMED,
            Worker.user_id.is_not(None),
        )
        .group_by(Assignment.worker_id, Visit.elder_id)
        .order_by(func.count().desc(), Assignment.worker_id, Visit.elder_id)
    ).all()
    by_id = {one.id: one for one in world.elders}
    first_allowed(_claims(world, [(worker_id, by_id[elder_id]) for worker_id, elder_id in known]))


def _claims(world: World, known: list[tuple[int, Elder]]) -> Iterator[Callable[[], object]]:
    workers = workers_for_duty({worker_id for worker_id, _elder in known})
    for worker_id, elder in known:
        worker = workers[worker_id]
        days = (day for day in _days(world) for one in worker.availability if one.weekday == day.weekday())
        day = next(days, None)
        if day is not None and not elder.needs_skills:
            yield lambda worker=worker, elder=elder, day=day: _claim(world, worker, elder, day)


def _claim(world: World, worker: Worker, elder: Elder, day: date) -> None:
    opens = next(one.starts for one in worker.availability if one.weekday == day.weekday())
    opens = max(opens, elder.visit_from)
    starts = at(day, opens.hour, opens.minute)
    visit = open_visit(
        world.actors["community2"], elder, starts, starts + timedelta(minutes=elder.visit_minutes)
    )
    if not claim_visit(worker_actor(worker), visit.id).by_rule:
        raise Conflict("not one for the rule", code="left_to_a_person")


def _left_behind(world: World) -> None:
    """Somebody of a company was paired with an elder of the community and has been taken out by the manager."""
    company = world.organisations["property_b"]
    staff = [one for one in world.workers if one.organisation_id == company.id and one.user_id is None]
    if not staff:
        return
    worker = workers_for_duty([staff[-1].id])[staff[-1].id]
    paired = service_contacts_of(one.id for one in world.elders)
    elder = next(
        (
            one
            for one in world.elders
            if one.area_id == worker.area_id and one.id not in paired and _is_home(one)
        ),
        None,
    )
    if elder is not None:
        pair(world.actors["street"], elder, worker)
        take_out(world.actors["property-b"], worker, "已离职")


def _is_home(elder: Elder) -> bool:
    """Whether the elder is there and lets people in."""
    return elder.left_on is None and any(one.state is ConsentState.GRANTED for one in elder.consents)


def _days(world: World) -> list[date]:
    return [world.today + timedelta(days=number) for number in DAYS_AHEAD]
