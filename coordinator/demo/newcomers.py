"""What the demo has to show of joining and of days that go wrong: people who have applied, a company's link, a line
behind a claim, a no-show that is appealed, a swap that is offered, and a search for somebody who goes instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from coordinator.demo.history import community_actor, worker_actor
from coordinator.demo.world import World, at, living_at
from coordinator.dropouts.queries.swaps import colleagues_for
from coordinator.dropouts.services.leaving import step_back
from coordinator.dropouts.services.no_shows import appeal, record_no_show
from coordinator.dropouts.services.searching import running_search, start_search
from coordinator.dropouts.services.swapping import offer_swap
from coordinator.elders.models import Elder, Sex
from coordinator.extensions import db
from coordinator.joining.models import Invitation
from coordinator.joining.services import admission
from coordinator.joining.services.applying import Answers, join
from coordinator.joining.services.invitations import make_invitation
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import DomainError
from coordinator.marketplace.services.line import stand_in_line
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.services import assign, open_visit
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.models import Worker, WorkerKind
from coordinator.workforce.queries import workers_for_duty
from coordinator.workforce.services import enter_on_roster

K = WorkerKind
IN_LINE = ("volunteer2", "student", "senior2", "rider2", "social2")
TRIES = 40


def people_at_the_door(world: World) -> None:
    """Links of a company, a school and a community; applications that wait, one of them sent back."""
    today, (first, second, *_rest) = world.today, world.communities
    company, school = world.organisations["property_a"], world.organisations["middle_school"]
    by_company, by_school = (
        make_invitation(
            world.actors[username], world.street, label, today + timedelta(days=60), organisation=one
        )
        for username, label, one in (
            ("property-a", "新来的保安和管家", company),
            ("school-middle", "初三志愿服务", school),
        )
    )
    make_invitation(
        world.actors["community1"], first, "社区公告栏", today + timedelta(days=180), most_uses=200
    )
    elder = next(one for one in world.elders if one.area_id == first.id)
    guardian = {"name": "罗先生", "relation": "父亲", "phone": world.phone()}
    for days, area, kind, ages, more, invitation in (
        (1, first, K.YOUNGER_SENIOR, (61, 66), {}, None),
        (2, first, K.NEIGHBOUR, (45, 60), {"elder_named": elder.name, "elder_relation": "同一栋楼"}, None),
        (3, second, K.SOCIAL_WORKER, (26, 40), {"licence": "演示社 2026-0412"}, None),
        (2, world.street, K.PROPERTY_STAFF, (25, 45), {}, by_company),
        (
            1,
            world.street,
            K.STUDENT,
            (14, 15),
            {"student_class": "初三 1 班", "guardian": guardian},
            by_school,
        ),
        (4, second, K.GRID_MEMBER, (30, 45), {"office": "第二网格"}, None),
    ):
        _apply(world, at(today - timedelta(days=days), 19, 20), area, kind, ages, more, invitation)
    worker = world.workers[-1]
    with living_at(at(today - timedelta(days=1), 10)):
        admission.send_back(
            community_actor(world, worker.area_id), worker, "网格名称对不上，请核对以后再交。"
        )
    _roster_row(world)
    db.session.flush()


def _apply(
    world: World,
    moment: datetime,
    area: Area,
    kind: WorkerKind,
    ages: tuple[int, int],
    more: dict[str, Any],
    invitation: Invitation | None,
) -> None:
    sex = Sex.FEMALE if world.chance(0.5) else Sex.MALE
    birth = world.birth(*ages)
    with living_at(min(moment, clock.now())):
        answers = Answers(world.name(sex), world.id_number(birth, sex), clock.now(), **more)
        joined = join(world.phone(), clock.now(), area, kind, answers, invitation=invitation)
    assert joined.worker is not None, "nobody of the demo is there twice"
    world.workers.append(joined.worker)


def _roster_row(world: World) -> None:
    """Somebody whom the company's manager has entered and who has not signed in yet."""
    company, birth = world.organisations["property_a"], world.birth(28, 45)
    values = {
        "kind": K.PROPERTY_STAFF,
        "name": world.name(Sex.MALE),
        "sex": Sex.MALE,
        "birth_date": birth,
        "id_number": world.id_number(birth, Sex.MALE),
        "phone": world.phone(),
        "start_latitude": company.latitude,
        "start_longitude": company.longitude,
    }
    enter_on_roster(world.actors["property-a"], world.street, values, company)


# --- days that go wrong ------------------------------------------------------------------------------------


def what_goes_wrong(world: World) -> None:
    """One of each."""
    _wait_in_line(world)
    _no_show(world)
    first_allowed(_swaps(world))
    first_allowed(_searches(world))
    db.session.flush()


def first_allowed(attempts: Iterable[Callable[[], object]]) -> None:
    """Do the first that the rules allow."""
    for _turn, attempt in zip(range(TRIES), attempts, strict=False):
        try:
            with db.session.begin_nested():
                attempt()
        except DomainError:
            continue
        return


def _wait_in_line(world: World) -> None:
    claimed = db.session.scalars(
        select(Visit.id).where(Visit.state == VisitState.CLAIMED).order_by(Visit.starts_at, Visit.id)
    ).all()
    for username in IN_LINE:
        actor = world.actors.get(username)
        if actor is not None:
            first_allowed(lambda actor=actor, one=one: stand_in_line(actor, one) for one in claimed)


def _no_show(world: World) -> None:
    """Yesterday somebody did not come, the community wrote it down, and they say why."""
    day = world.today - timedelta(days=1)
    people = [one for one in world.workers if one.user_id is not None and not is_minor(one, day)]
    world.dice.shuffle(people)
    elders = [one for one in world.elders if not one.needs_skills and one.household.latitude is not None]
    first_allowed(
        lambda worker=worker, elder=elder: _stay_away(world, worker, elder, day)
        for worker, elder in zip(
            people, world.dice.sample(elders, min(len(people), len(elders))), strict=False
        )
    )


def _stay_away(world: World, worker: Worker, elder: Elder, day: date) -> None:
    coordinator = community_actor(world, elder.area_id)
    with living_at(at(day - timedelta(days=1), 18)):
        visit = open_visit(coordinator, elder, at(day, 9, 30), at(day, 10))
        person = workers_for_duty([worker.id])[worker.id]
        assign(coordinator, visit, [(person, False)], override_reason="演示")
    with living_at(at(day, 11, 30)):
        (row,) = record_no_show(coordinator, visit.id, [worker.id], "到点没有来，电话没人接。")
    with living_at(min(at(day, 19), clock.now())):
        appeal(
            worker_actor(worker), row.id, "路上自行车坏了，手机也没电，到的时候已经十点半，老人说改天再来。"
        )


def _coming(world: World, within: timedelta) -> list[tuple[Visit, Worker]]:
    """Visits ahead with an adult who has an account, soonest first."""
    now = clock.now()
    rows = db.session.execute(
        select(Visit, Worker)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .join(Worker, Worker.id == Assignment.worker_id)
        .where(
            Visit.state == VisitState.ASSIGNED,
            Visit.starts_at.between(now + timedelta(hours=3), now + within),
            Assignment.state == AssignmentState.APPROVED,
            Assignment.is_companion.is_(False),
            Worker.user_id.is_not(None),
        )
        .order_by(Visit.starts_at, Visit.id)
    )
    return [(visit, worker) for visit, worker in rows if not is_minor(worker, world.today)]


def _swaps(world: World) -> Iterator[Callable[[], object]]:
    for visit, worker in _coming(world, timedelta(days=3)):
        for one in colleagues_for(visit, worker.id):
            yield lambda visit=visit, worker=worker, one=one: offer_swap(
                worker_actor(worker), visit.id, one.worker.id, "那天上午要带孩子看病，麻烦您替一次。"
            )


def _searches(world: World) -> Iterator[Callable[[], object]]:
    for visit, worker in reversed(_coming(world, timedelta(days=2))):
        yield lambda visit=visit, worker=worker: _search(world, visit, worker)


def _search(world: World, visit: Visit, worker: Worker) -> None:
    """Somebody steps back late; where no search begins by itself the community begins one."""
    step_back(worker_actor(worker), visit.id, "发烧了，去不了")
    if running_search(visit.id) is None:
        start_search(community_actor(world, visit.area_id), visit, "前一天有人退出", lost_worker_id=worker.id)
