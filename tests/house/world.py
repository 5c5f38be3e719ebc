"""One small world with an object of every kind, three times: at home, in the street next door, and far away.

The house's tests walk through it as each role. Everything is made by the services, on Thursday 26 March 2026.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from coordinator.accounts.models import Organisation, OrganisationKind, RoleGrant, User, UserSession
from coordinator.agenda.models import CalendarFeed, FeedKind
from coordinator.agenda.services import make_feed
from coordinator.dropouts.models import Swap
from coordinator.dropouts.services.no_shows import appeal, record_no_show
from coordinator.dropouts.services.searching import start_search
from coordinator.elders.imports.batches import upload
from coordinator.elders.imports.elders import ELDERS
from coordinator.elders.imports.jobs import check_elders
from coordinator.elders.models import (
    Category,
    ConsentGiver,
    ConsentKind,
    ConsentState,
    DeviceKind,
    Elder,
    ElderCategory,
    ImportBatch,
    ImportKind,
    ImportState,
    PaperKind,
)
from coordinator.elders.services import add_paper, record_consent, save_device
from coordinator.extensions import db
from coordinator.fieldwork.services.presence import Mark, check_in
from coordinator.fieldwork.services.records import confirm_record, submit_record
from coordinator.hours import services as hours
from coordinator.joining.models import Application, GuardianLink
from coordinator.joining.queries.invitations import token_hash
from coordinator.joining.services.invitations import make_invitation
from coordinator.kernel import clock
from coordinator.kernel.access import AREA_ROLES, Actor, Grant, Role
from coordinator.kernel.areas import Area, AreaLevel, create_area
from coordinator.kernel.geo import Datum
from coordinator.marketplace.services import claim_visit
from coordinator.messages.models import Channel, Message, Parcel, ParcelState, Problem
from coordinator.messages.services import add_robot, notify
from coordinator.planning import jobs as planning_jobs
from coordinator.planning import services as planning
from coordinator.planning.models import (
    Plan,
    PlanBatch,
    PlanCall,
    PlanRemedy,
    PlanRoute,
    PlanStop,
    RouteSheet,
    WorkerQuestion,
)
from coordinator.register.imports.importers import IMPORTERS
from coordinator.register.imports.jobs import check_source
from coordinator.register.models import AreaMove, ExternalRecord, MatchState, Source, SurveyItem, SurveyKind
from coordinator.register.services.surveys import assign_items, open_survey
from coordinator.visits.jobs import refresh_owed
from coordinator.visits.models import SurgeEvent, SurgeKind, Visit
from coordinator.visits.queries import obligations_for
from coordinator.visits.services import add_event, assign, open_visit
from coordinator.workforce.imports.jobs import check_roster, check_workers
from coordinator.workforce.imports.roster import ROSTER
from coordinator.workforce.imports.workers import WORKERS
from coordinator.workforce.models import (
    Credential,
    CredentialKind,
    CredentialPaper,
    Guardian,
    Worker,
    WorkerKind,
    WorkerStatus,
)
from coordinator.workforce.queries import workers_for_duty
from tests import factories

TODAY = date(2026, 3, 26)
NOW = datetime(2026, 3, 26, 2, 0, tzinfo=UTC)
NEXT_MONTH = date(2026, 4, 1)
ANSWERS = {
    "mode": "home",
    "family": "same",
    "family_visits": "yes",
    **dict.fromkeys(("expression", "mobility", "reaction", "illness", "mood", "mind"), "same"),
    **dict.fromkeys(("gas", "heating", "power"), "safe"),
    **dict.fromkeys(("hygiene", "home_hygiene", "indoor"), "same"),
    "care_given": "陪着聊天",
    "satisfaction": "good",
    "elder_signed": "paper",
    "signed": "y",
}


# What the lists of other offices say of somebody, by key of the column.
SAYS = {
    "special_family": "是",
    "ability_level": "中度失能",
    "ability_assessed_on": "2026-02-10",
    "certificate_grade": "二级",
    "economic_status": "低保",
    "categories": "独居",
}


@dataclass
class Side:
    """The ids of one side's objects. What a person has of their own is told apart by role."""

    ids: dict[str, Any] = field(default_factory=dict)
    users: dict[Role, int] = field(default_factory=dict)
    own: dict[Role, dict[str, Any]] = field(default_factory=dict)


@dataclass
class World:
    """`home` is where everybody acts; `next_door` is another street of the same county, `far` another province."""

    home: Side
    next_door: Side
    far: Side

    def other_side(self, role: Role | None) -> Side:
        """Where this role has nothing to say."""
        wide = {Role.ADMINISTRATOR, Role.CITY_SUPERVISOR, Role.COUNTY_SUPERVISOR}
        return self.far if role in wide else self.next_door


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Do something at another time."""
    clock.freeze(moment)
    yield
    clock.freeze(NOW)


def build() -> World:
    """Make the world and commit it. Needs an application context; leaves the clock at NOW."""
    clock.freeze(NOW)
    near, away = factories.make_area_tree(emergency_phone="0830-2290000"), factories.make_area_tree()
    world = World(
        home=_side(near.city, near.county, near.street, near.community),
        next_door=_side(None, None, near.other_street, near.outside),
        far=_side(away.city, away.county, away.street, away.community),
    )
    db.session.commit()
    # Jobs end their session, so they come last.
    for side in (world.home, world.next_door, world.far):
        _batch(side)
        _plan(side, solved=side is world.home)
        db.session.commit()
    # What the sweeper would have done: a page that is undone after each look cannot keep what it computes.
    refresh_owed()
    return world


def _side(city: Area | None, county: Area | None, street: Area, community: Area) -> Side:
    side = Side()
    ids = side.ids
    school = factories.make_organisation(community)
    company = factories.make_organisation(community, kind=OrganisationKind.PROPERTY_COMPANY)
    areas = {
        Role.ADMINISTRATOR: city,
        Role.CITY_SUPERVISOR: city,
        Role.COUNTY_SUPERVISOR: county,
        Role.STREET_COORDINATOR: street,
        Role.COMMUNITY_COORDINATOR: community,
    }
    for role in Role:
        if role in AREA_ROLES and areas[role] is None:
            continue
        organisation = {Role.ORGANISATION_MANAGER: company, Role.SCHOOL_VERIFIER: school}.get(role)
        side.users[role] = factories.make_user(role, areas.get(role), organisation).id
    coordinator = _coordinator(side, street)

    worker = factories.make_worker(
        community,
        user_id=side.users[Role.WORKER],
        kind=WorkerKind.STUDENT,
        organisation_id=school.id,
        id_number="51050219900501" + f"{community.id % 1000:03d}X",
        birth_date=date(2004, 5, 1),
        phone="13900000008",
    )
    guardian = Guardian(
        worker_id=worker.id, name="李建国", relation="父亲", phone="13800000002", scope="探访", given_on=TODAY
    )
    db.session.add(guardian)
    link = GuardianLink(
        worker_id=worker.id,
        token=f"example-of-a-guardian-{community.id}",
        token_hash=token_hash(f"example-of-a-guardian-{community.id}"),
        name="李梅",
        relation="母亲",
        phone="13900000011",
        scope="探访",
        expires_at=NOW + timedelta(days=14),
    )
    db.session.add(link)
    db.session.flush()
    ids |= {"link_id": link.id, "guardian_token": link.token, "credential_id": worker.credentials[0].id}
    photo = CredentialPaper(
        credential_id=ids["credential_id"], mime="application/pdf", size=15, sha256="0" * 64, content=b"%PDF-1.4"
    )
    db.session.add(photo)
    db.session.flush()
    ids["photo_id"] = photo.id
    ids |= {"area_id": community.id, "worker_id": worker.id, "guardian_id": guardian.id}
    staff = factories.make_worker(community, organisation_id=company.id, kind=WorkerKind.PROPERTY_STAFF)
    ids |= {"company_id": company.id, "roster_worker_id": staff.id}
    ids |= {"organisation_id": school.id, "user_id": side.users[Role.COMMUNITY_COORDINATOR]}
    ids["grant_id"] = db.session.scalar(select(RoleGrant.id).where(RoleGrant.user_id == ids["user_id"]))
    ids["event_id"] = _event(coordinator, community).id
    ids |= _life(side, coordinator, company.id, 0)
    owed = obligations_for([db.session.get_one(Elder, ids["elder_id"])], None, TODAY, TODAY, TODAY)
    obligation = owed[ids["elder_id"]][0]
    ids |= {"rule": obligation.rule, "period_from": obligation.period_from.isoformat()}
    _register(side, coordinator, community)
    ids |= _outbox(side, coordinator, community)
    for role, user_id in side.users.items():
        side.own[role] = _own(user_id, "example")
    return side


def grow(side: Side) -> None:
    """Three times as much of everything that a list shows. Commits."""
    area = db.session.get_one(Area, side.ids["area_id"])
    company = db.session.scalars(
        select(Organisation.id).where(Organisation.kind == OrganisationKind.PROPERTY_COMPANY)
    ).first()
    assert company is not None
    for turn in (1, 2):
        _life(side, _coordinator(side, area), company, turn)
        for user_id in side.users.values():
            _own(user_id, f"example-{turn}")
    db.session.commit()
    refresh_owed()


def _life(side: Side, coordinator: Actor, company_id: int, turn: int) -> dict[str, Any]:
    """Six elders and a second worker; visits open, claimed, given for today, done, and done and confirmed.

    Another `turn` is another day or hour of the same people. Returns the ids of what it made.
    """
    community = db.session.get_one(Area, side.ids["area_id"])
    worker_id = side.ids["worker_id"]
    second = factories.make_worker(community, organisation_id=company_id, kind=WorkerKind.PROPERTY_STAFF)
    elders = [_elder(community, number) for number in range(6)]
    _applicant(community)
    team = workers_for_duty([worker_id, second.id])
    worker = team[worker_id]
    me = Actor(side.users[Role.WORKER], worker.name, (Grant(Role.WORKER),), worker_id=worker_id)

    def visit(elder: Elder, day: date, start: time, *people: Any) -> Any:
        made = open_visit(coordinator, elder, *factories.visit_times(day, start, 40))
        if people:
            assign(coordinator, made, [(person, False) for person in people], override_reason="示例")
        return made

    ids = {"elder_id": elders[0].id, "other_elder_id": elders[1].id}
    ids |= {"open": visit(elders[0], TODAY + timedelta(days=2), time(9 + turn)).id}
    ids["claimed"] = visit(elders[1], TODAY + timedelta(days=3 + turn), time(10)).id
    ids["claim_id"] = claim_visit(me, ids["claimed"]).id
    ids["given"] = visit(elders[2], TODAY, time(11 + turn), worker).id
    ids["under_way"] = visit(elders[5], TODAY, time(9, 50), team[second.id]).id
    for number, confirmed in ((3, False), (4, True)):
        day = TODAY - timedelta(days=number + 2 * turn)
        began = clock.at_local(day, 9 * 3600)
        done = visit(elders[number], day, time(9), worker)
        mark = {"latitude": factories.PLACE[0], "longitude": factories.PLACE[1], "accuracy_metres": 20}
        with at(began):
            check_in(me, done.id, Mark(uuid4(), **mark))
        with at(began + timedelta(minutes=40)):
            record = submit_record(me, done.id, uuid4(), ANSWERS, Mark(uuid4(), **mark))
            entry = hours.enter_visit(done.id)[0]
        ids |= {
            f"record_{confirmed}": record.id,
            f"entry_{confirmed}": entry.id,
            f"done_{confirmed}": done.id,
        }
        if confirmed:
            confirm_record(coordinator, record.id)
            ids |= _certify(side, coordinator, worker, entry.id, day)
    missed = visit(elders[2], TODAY - timedelta(days=1), time(14 + turn), worker)
    ids |= _dropouts(coordinator, me, ids, missed.id, second.id)
    return ids | (_dossier(coordinator, elders[0]) if turn == 0 else {})


def _dropouts(
    coordinator: Actor, me: Actor, ids: dict[str, Any], missed_id: int, other_id: int
) -> dict[str, Any]:
    """A search that asks the worker, a swap the worker has offered, and a visit the worker did not come to."""
    assert me.worker_id is not None
    search = start_search(coordinator, db.session.get_one(Visit, ids["open"]), "示例")
    swap = Swap(visit_id=ids["given"], giver_id=me.worker_id, taker_id=other_id)
    db.session.add(swap)
    mark = record_no_show(coordinator, missed_id, [me.worker_id], "示例")[0]
    appeal(me, mark.id, "示例")
    db.session.flush()
    return {"ask_id": search.asks[0].id, "swap_id": swap.id, "no_show_id": mark.id}


def _applicant(community: Area) -> None:
    """A neighbour who has applied and declared a training."""
    worker = factories.make_worker(
        community, status=WorkerStatus.APPLIED, approved_at=None, kind=WorkerKind.NEIGHBOUR, ready=False
    )
    db.session.add_all(
        [
            Application(worker_id=worker.id, notice_accepted_at=NOW, elder_named="示例"),
            Credential(
                worker_id=worker.id,
                kind=CredentialKind.TRAINING,
                valid_from=TODAY,
                number="示例",
                declared_at=NOW,
                stands=False,
            ),
        ]
    )
    db.session.flush()


def _dossier(coordinator: Actor, elder: Elder) -> dict[str, Any]:
    """A refusal of visits at home, a paper and a device in one elder's dossier."""
    paper = add_paper(coordinator, elder, PaperKind.OTHER, b"%PDF-1.4\n%%EOF\n")
    device = save_device(coordinator, elder, {"kind": DeviceKind.SMOKE_ALARM})
    consent = record_consent(
        *(coordinator, elder, ConsentKind.HOME, ConsentState.REFUSED),
        given_by=ConsentGiver.SELF,
        given_on=TODAY,
        channel="phone",
        explained_by="示例",
        note="先打电话，熟悉了再说",
    )
    return {"paper_id": paper.id, "device_id": device.id, "consent_id": consent.id}


def _certify(side: Side, coordinator: Actor, worker: Worker, entry_id: int, day: date) -> dict[str, Any]:
    """The school passes the hours of a day, and the street certifies them."""
    school = db.session.get_one(Organisation, side.ids["organisation_id"])
    verifier = Actor(
        side.users[Role.SCHOOL_VERIFIER],
        "核验老师",
        (Grant(Role.SCHOOL_VERIFIER, organisation_id=school.id),),
    )
    hours.verify_entries(verifier, [entry_id], hours.VerificationState.PASSED)
    certificate = hours.issue_certificate(coordinator, worker, day, day, school)
    return {"certificate_id": certificate.id, "certificate_code": certificate.code}


def _coordinator(side: Side, area: Area) -> Actor:
    role = Role.STREET_COORDINATOR
    user = db.session.get_one(User, side.users[role])
    return Actor(user.id, user.name, (Grant(role, area.id, area.path),))


def _elder(community: Area, number: int) -> Any:
    home = factories.make_household(
        community, latitude=factories.PLACE[0] + number * 0.0006, longitude=factories.PLACE[1]
    )
    elder = factories.make_elder(community, home, birth_date=date(1940 + number, 1, 1), phone="13900000009")
    category = Category.LIVING_ALONE if number % 2 else Category.EMPTY_NEST
    db.session.add(ElderCategory(elder_id=elder.id, category=category, since=date(2024, 1, 1)))
    return elder


def _event(coordinator: Actor, area: Area) -> SurgeEvent:
    return add_event(coordinator, area, SurgeKind.EXTREME_WEATHER, "寒潮", TODAY, TODAY + timedelta(days=3))


def _batch(side: Side) -> None:
    """A list of elders and one of workers, checked and waiting for a decision; one row of each is refused."""
    area = db.session.get_one(Area, side.ids["area_id"])
    coordinator = _coordinator(side, area)
    content = "姓名,性别,出生日期,住址,社区,紧急联系人姓名,紧急联系人关系,紧急联系人电话\n"
    content += f"何示例,女,1943-05-06,滨江路9号,{area.name},何小样,儿子,13900000003\n"
    content += f"坏样本,女,不知道,滨江路9号,{area.name},何小样,儿子,13900000003\n"
    batch = upload(ELDERS, coordinator, area, "名单.csv", content.encode(), Datum.WGS84)
    db.session.commit()
    side.ids["batch_id"] = batch.id
    check_elders(batch.id)
    area = db.session.get_one(Area, side.ids["area_id"])
    content = "姓名,性别,出生日期,类型,社区\n"
    content += f"何示例,女,1993-05-06,志愿者,{area.name}\n坏样本,女,不知道,志愿者,{area.name}\n"
    batch = upload(WORKERS, coordinator, area, "队伍.csv", content.encode(), Datum.WGS84)
    db.session.commit()
    side.ids["worker_batch_id"] = batch.id
    check_workers(batch.id)
    _rosters(side)
    _invitations(side, coordinator)
    for source, importer in IMPORTERS.items():
        area = db.session.get_one(Area, side.ids["area_id"])
        content = ",".join(column.heading for column in importer.columns) + "\n"
        for name, born in (("何示例", "1943-05-06"), ("坏样本", "不知道")):
            row = SAYS | {"name": name, "birth_date": born, "address": "滨江路9号"}
            content += ",".join(row.get(column.key, "") for column in importer.columns) + "\n"
        batch = upload(importer, coordinator, area, "名单.csv", content.encode(), Datum.WGS84)
        db.session.commit()
        side.ids[f"batch_{source.value}"] = batch.id
        check_source(batch.id)


def _invitations(side: Side, coordinator: Actor) -> None:
    """A link of the community, one of the company and one of the school."""
    area = db.session.get_one(Area, side.ids["area_id"])
    last_day = TODAY + timedelta(days=60)
    made = make_invitation(coordinator, area, "示例", last_day)
    side.ids |= {"invitation_id": made.id, "invitation_token": made.token}
    for role, organisation_id in (
        (Role.ORGANISATION_MANAGER, side.ids["company_id"]),
        (Role.SCHOOL_VERIFIER, side.ids["organisation_id"]),
    ):
        manager = Actor(side.users[role], "示例", (Grant(role, organisation_id=organisation_id),))
        organisation = db.session.get_one(Organisation, organisation_id)
        own = make_invitation(manager, area, "示例", last_day, organisation=organisation)
        side.own[role] |= {"roster_invitation_id": own.id}
        side.ids["roster_invitation_id"] = own.id
    db.session.commit()


def _rosters(side: Side) -> None:
    """A list of the company and one of the school; what is whose is told apart by role."""
    for role, organisation_id, worker_id in (
        (Role.ORGANISATION_MANAGER, side.ids["company_id"], side.ids["roster_worker_id"]),
        (Role.SCHOOL_VERIFIER, side.ids["organisation_id"], side.ids["worker_id"]),
    ):
        manager = Actor(side.users[role], "示例", (Grant(role, organisation_id=organisation_id),))
        area = db.session.get_one(Area, side.ids["area_id"])
        content = "姓名,性别,出生日期,电话\n何示例,女,1993-05-06,13900000004\n坏样本,女,不知道,13900000005\n"
        batch = upload(ROSTER, manager, area, "名册.csv", content.encode(), Datum.WGS84, organisation_id)
        db.session.commit()
        side.own[role] |= {"roster_batch_id": batch.id, "roster_worker_id": worker_id}
        side.ids.setdefault("roster_batch_id", batch.id)
        check_roster(batch.id)


def _register(side: Side, coordinator: Actor, community: Area) -> None:
    """A survey with a door for the worker, a row of another office's list, a move that waits."""
    survey = open_survey(coordinator, community, SurveyKind.RENEWAL)
    elder_id = side.ids["elder_id"]
    item = db.session.scalars(select(SurveyItem).where(SurveyItem.elder_id == elder_id)).one()
    assign_items(coordinator, survey, [item.id], worker=db.session.get_one(Worker, side.ids["worker_id"]))
    batch = ImportBatch(
        kind=ImportKind.DISABLED,
        state=ImportState.APPLIED,
        area_id=community.id,
        filename="残联.csv",
        sha256="0" * 64,
        counts={"created": 1, "updated": 0, "same": 0},
    )
    db.session.add(batch)
    db.session.flush()
    record = ExternalRecord(
        batch_id=batch.id,
        row_number=2,
        source=Source.DISABLED,
        street_id=community.parent_id,
        area_id=community.id,
        name="何示例",
        person_key=b"example",
        values={"name": "何示例", "certificate_grade": 2},
        data_on=TODAY,
        match=MatchState.MATCHED,
        elder_id=elder_id,
    )
    aside = create_area(AreaLevel.COMMUNITY, "新村社区", community.parent)
    move = AreaMove(
        elder=factories.make_elder(aside),
        from_area=aside,
        to_area=community,
        from_address="新村1号",
        to_address="滨江路9号",
        moved_on=TODAY,
        reason="搬家",
        due_on=TODAY,
    )
    db.session.add_all([record, move])
    db.session.flush()
    side.ids |= {"survey_id": survey.id, "item_id": item.id, "external_id": record.id, "move_id": move.id}


def _plan(side: Side, *, solved: bool) -> None:
    """A plan with a sheet; where nobody may look at it, rows that the engine has not made are enough."""
    area = db.session.get_one(Area, side.ids["area_id"])
    worker_id, elder_id = side.ids["worker_id"], side.ids["elder_id"]
    if solved:
        plan = planning.request_plan(_coordinator(side, area), area, NEXT_MONTH, seconds=5)
        plan.time_limit_seconds = 1
        db.session.commit()
        planning_jobs.solve_plan(plan.id)
        db.session.expire_all()
        plan = db.session.get_one(Plan, plan.id)
        assert plan.error is None, plan.error
        route = next(one for one in plan.routes if one.worker_id == worker_id)
    else:
        plan = Plan(area_id=area.id, month=NEXT_MONTH, state="ready")
        route = PlanRoute(
            plan=plan,
            worker_id=worker_id,
            day=NEXT_MONTH,
            letter=0,
            departure_seconds=1,
            arrival_seconds=2,
            travel_seconds=1,
            travel_metres=1,
        )
        stop = PlanStop(
            plan=plan,
            route=route,
            visit_key=f"{elder_id}#1",
            elder_id=elder_id,
            rule="x",
            period_from=NEXT_MONTH,
            period_to=NEXT_MONTH,
            position=0,
            arrival_seconds=1,
            start_seconds=1,
            end_seconds=2,
        )
        db.session.add_all([plan, route, stop])
    db.session.flush()
    sheet = RouteSheet(
        route_id=route.id,
        number=f"X-{plan.id}",
        code=f"sheet-{plan.id}",
        content_sha256="0" * 64,
        expires_at=clock.at_local(route.day, 86_399),
    )
    call = PlanCall(
        plan_id=plan.id,
        elder_id=elder_id,
        label="节日联系",
        period_from=NEXT_MONTH,
        period_to=NEXT_MONTH,
        minutes=15,
        worker_id=worker_id,
        day=NEXT_MONTH,
        start_seconds=9 * 3600,
    )
    db.session.add(call)
    # An order of the county with a street whose plan has failed.
    street = db.session.get_one(Area, area.parent_id)
    assert street.parent_id is not None
    batch = PlanBatch(area_id=street.parent_id, month=NEXT_MONTH, seconds=5)
    db.session.add_all([sheet, batch])
    db.session.flush()
    db.session.add(Plan(area_id=street.id, month=NEXT_MONTH, state="failed", error="示例", batch_id=batch.id))
    db.session.flush()
    side.ids |= {
        "plan_batch_id": batch.id,
        "plan_id": plan.id,
        "call_id": call.id,
        "route_id": route.id,
        "stop_id": route.stops[0].id if solved else stop.id,
        "day": route.day.isoformat(),
        "sheet_code": sheet.code,
    }
    side.ids |= _help(side, plan, route)


def _help(side: Side, plan: Plan, route: PlanRoute) -> dict[str, Any]:
    """Something that would help a visit, and a question to the worker."""
    worker_id = side.ids["worker_id"]
    change = {"step": "ask", "worker_id": worker_id, "values": {"max_visits_day": 7}}
    remedy = PlanRemedy(
        plan_id=plan.id,
        stop_id=route.stops[0].id,
        position=0,
        code="one_more_visit",
        change=change,
        visits=1,
        statutory=1,
        priority=1,
        travel_seconds=60,
        effort=45.0,
    )
    question = WorkerQuestion(
        worker_id=worker_id,
        area_id=plan.area_id,
        plan_id=plan.id,
        code="one_more_visit",
        change=change,
        mark="example",
        expires_at=clock.now() + timedelta(days=2),
    )
    db.session.add_all([remedy, question])
    db.session.flush()
    return {"remedy_id": remedy.id, "question_id": question.id}


def _outbox(side: Side, coordinator: Actor, community: Area) -> dict[str, Any]:
    """A calendar of the area, a group, and a mail to the worker that did not arrive."""
    _feed, token = make_feed(coordinator, FeedKind.AREA, area=community)
    robot = add_robot(
        coordinator, community, "示例群", f"693a91f6-7000-4bc4-97a0-{community.id:012d}", evening=True
    )
    parcel = Parcel(
        channel=Channel.EMAIL,
        user_id=side.users[Role.WORKER],
        token=f"example-{community.id}",
        content={"subject": "示例", "text": "示例"},
        state=ParcelState.FAILED,
        problem=Problem.ADDRESS,
    )
    db.session.add(parcel)
    db.session.flush()
    return {"feed_token": token, "robot_id": robot.id, "parcel_id": parcel.id}


def _own(user_id: int, key: str) -> dict[str, Any]:
    """A message and a second session of one person."""
    notify([user_id], "示例消息", "请看一看", "/", dedupe_key=key)
    session = UserSession(
        user_id=user_id, token_hash=uuid4().bytes, expires_at=NOW + timedelta(days=1), user_agent="Firefox"
    )
    feed = CalendarFeed(user_id=user_id, kind=FeedKind.OWN, token_hash=uuid4().bytes, ending="0000")
    db.session.add_all([session, feed])
    db.session.flush()
    message = db.session.scalar(select(Message.id).where(Message.user_id == user_id))
    return {"message_id": message, "session_id": session.id, "feed_id": feed.id}
