"""Two months lived through: visits made and recorded, records confirmed, hours verified, certificates issued."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from coordinator.demo import schedule
from coordinator.demo.schedule import Outing
from coordinator.demo.world import World, at, living_at
from coordinator.elders.models import ConsentState
from coordinator.extensions import db
from coordinator.fieldwork.door import door_code
from coordinator.fieldwork.models import VisitRecord
from coordinator.fieldwork.services.presence import Mark, check_in, check_out
from coordinator.fieldwork.services.records import confirm_record, report_not_met, submit_record
from coordinator.hours import services as hours
from coordinator.hours.models import Evidence, HoursEntry, VerificationState
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.errors import Conflict, DomainError
from coordinator.kernel.queue import OwedJob, OwedState
from coordinator.marketplace.services import claim_visit
from coordinator.visits.festivals import festivals
from coordinator.visits.lifecycle import ContactMode, ContactOutcome
from coordinator.visits.models import PolicyVersion, SurgeKind, Visit
from coordinator.visits.queries import pack_of
from coordinator.visits.services import (
    add_event,
    assign,
    log_remote_contact,
    open_visit,
    store_policy_version,
)
from coordinator.workforce.models import Worker, WorkerKind
from coordinator.workforce.queries import workers_for_duty

CALLED_AT_FESTIVALS = 0.97
VISITS_AHEAD = 60
OPEN_VISITS = 36
CLAIMANTS = ("volunteer", "student", "rider", "senior", "volunteer2", "student2", "property-staff", "minor")
# Records younger than this still wait for the coordinator, hours younger than that for the school.
UNCONFIRMED_DAYS = 2
UNVERIFIED_DAYS = 8


def live_through(world: World) -> None:
    """Everything from two months ago until this hour."""
    roster = schedule.Roster(world)
    version = store_policy_version(pack_of(world.street))
    _celebrate(world)
    past = schedule.history(world, roster)
    _carry_out_all(world, past, version)
    done = {(one.elder.id, one.obligation.period_from) for one in past if one.obligation}
    coming = schedule.ahead(world, roster, done, world.count(VISITS_AHEAD))
    now = clock.now()
    over = [one for one in coming if one.ends_at + timedelta(hours=1) < now]
    _carry_out_all(world, over, version)
    for outing in coming:
        if outing not in over:
            with living_at(_evening_before(outing.starts_at)):
                _arrange(world, outing, version)
    done |= {(one.elder.id, one.obligation.period_from) for one in coming if one.obligation}
    _verify_hours(world)
    _issue_certificates(world)
    _offer_and_claim(world, done, version)
    _settle_jobs()


def _evening_before(moment: datetime) -> datetime:
    """18:00 of the day before, but never later than now."""
    return min(at(clock.to_local(moment).date() - timedelta(days=1), 18), clock.now())


def worker_actor(worker: Worker) -> Actor:
    """The worker acting for himself or herself."""
    return Actor(worker.user_id, worker.name, (Grant(Role.WORKER),), worker_id=worker.id)


def community_actor(world: World, area_id: int) -> Actor:
    """The coordinator of a community."""
    position = next(n for n, one in enumerate(world.communities, start=1) if one.id == area_id)
    return world.actors[f"community{position}"]


# --- festivals -------------------------------------------------------------------------------------------


def _celebrate(world: World) -> None:
    """Enter the festivals of the span, and the calls made on them (泸州: 传统节日必须开展探访关爱服务)."""
    first = world.today - timedelta(days=schedule.HISTORY_DAYS)
    last = world.today + timedelta(days=30)
    known = [one for year in {first.year, last.year} for one in festivals(year)]
    for festival in known:
        if not first <= festival.first_day <= last:
            continue
        with living_at(min(at(festival.first_day - timedelta(days=5), 10), clock.now())):
            add_event(
                world.actors["street"],
                world.street,
                SurgeKind.FESTIVAL,
                festival.name,
                festival.first_day,
                festival.last_day,
            )
        if festival.last_day < world.today:
            _call_everybody(world, festival.first_day)


def _call_everybody(world: World, day: date) -> None:
    for number, elder in enumerate(world.elders):
        refuses = any(one.state is ConsentState.REFUSED for one in elder.consents)
        if refuses or elder.enrolled_on > day or not world.chance(CALLED_AT_FESTIVALS):
            continue
        moment = at(day, 9) + timedelta(minutes=number % 420)
        with living_at(moment + timedelta(minutes=5)):
            log_remote_contact(
                community_actor(world, elder.area_id),
                elder,
                ContactMode.PHONE,
                ContactOutcome.COMPLETED,
                moment,
                "节日问候，一切都好。",
            )


# --- visits ----------------------------------------------------------------------------------------------


def _carry_out_all(world: World, outings: list[Outing], version: PolicyVersion) -> None:
    """In order of time, day by day; what was recorded two days ago or earlier is confirmed."""
    by_day: dict[date, list[Outing]] = defaultdict(list)
    for outing in outings:
        by_day[outing.starts_at.date()].append(outing)
    waiting: list[VisitRecord] = []
    for day in sorted(by_day):
        _confirm(world, waiting, day)
        with living_at(_evening_before(at(day, 9))):
            visits = [(outing, _arrange(world, outing, version)) for outing in by_day[day]]
        for outing, visit in visits:
            if visit is not None:
                waiting.append(_carry_out(world, outing, visit))
        db.session.flush()
    _confirm(world, waiting, world.today)


def _confirm(world: World, waiting: list[VisitRecord], day: date) -> None:
    for record in list(waiting):
        if clock.to_local(record.submitted_at).date() <= day - timedelta(days=UNCONFIRMED_DAYS):
            with living_at(at(day, 9, 30)):
                confirm_record(community_actor(world, record.visit.area_id), record.id)
            waiting.remove(record)


def _arrange(world: World, outing: Outing, version: PolicyVersion) -> Visit | None:
    """Open the visit and give it to its people; None where a rule forbids it on that day."""
    coordinator = world.actors["street"]
    obligation = outing.obligation
    people = [(outing.worker, False)]
    if outing.companion is not None:
        people.append((outing.companion, True))
    try:
        with db.session.begin_nested():
            visit = open_visit(
                coordinator,
                outing.elder,
                outing.starts_at,
                outing.ends_at,
                people=1,
                needs_skills=outing.elder.needs_skills,
                rule=obligation.rule if obligation else None,
                period=(obligation.period_from, obligation.period_to) if obligation else None,
                policy_version_id=version.id,
            )
            assign(coordinator, visit, people)
    except Conflict:
        # The greedy roster does not know every rule; the services do, and such a visit did not take place.
        return None
    return visit


def _carry_out(world: World, outing: Outing, visit: Visit) -> VisitRecord:
    dice = world.dice
    arrives = outing.starts_at + timedelta(minutes=dice.randint(-4, 8), seconds=dice.randint(0, 59))
    planned = round((outing.ends_at - outing.starts_at).total_seconds() / 60)
    leaves = arrives + timedelta(minutes=max(12, round(dice.gauss(planned, 6))))
    actor = worker_actor(outing.worker)
    outcome = dice.choices(
        (ContactOutcome.COMPLETED, ContactOutcome.NO_ANSWER, ContactOutcome.DECLINED), (94, 5, 1)
    )[0]
    if outcome is not ContactOutcome.COMPLETED:
        with living_at(arrives):
            return report_not_met(
                actor,
                visit.id,
                _uuid(world),
                outcome,
                "敲门没有人应，已电话告知家属。",
                _mark(world, outing, visit),
            )
    with living_at(arrives):
        check_in(actor, visit.id, _mark(world, outing, visit))
    if outing.companion is not None:
        companion = worker_actor(outing.companion)
        with living_at(arrives + timedelta(minutes=1)):
            check_in(companion, visit.id, _mark(world, outing, visit))
        with living_at(leaves - timedelta(minutes=1)):
            check_out(companion, visit.id, _mark(world, outing, visit))
    with living_at(leaves):
        record = submit_record(
            actor,
            visit.id,
            _uuid(world),
            answers(world, outing),
            _mark(world, outing, visit),
            with_minors=True,
        )
        hours.enter_visit(visit.id)
    return record


def _uuid(world: World) -> UUID:
    return UUID(int=world.dice.getrandbits(128), version=4)


def _mark(world: World, outing: Outing, visit: Visit) -> Mark:
    """Mostly the telephone's place, sometimes the code of the sheet, now and then only somebody's word."""
    how = world.dice.choices(("place", "code", "word", "far"), (80, 13, 5, 2))[0]
    if how == "code":
        return Mark(_uuid(world), code=door_code(visit.id))
    if how == "word":
        return Mark(_uuid(world), word=True, note="手机没有信号")
    home = outing.elder.household
    latitude, longitude = world.near(home.latitude or 0, home.longitude or 0, 900 if how == "far" else 30)
    return Mark(
        _uuid(world),
        latitude=latitude,
        longitude=longitude,
        accuracy_metres=world.dice.randint(8, 45),
        phone_at=clock.now(),
    )


def answers(world: World, outing: Outing) -> dict[str, Any]:
    """The form as most visits fill it in, with now and then something to follow up."""
    dice = world.dice
    change = ("same", "better", "worse")
    filled: dict[str, Any] = {
        key: dice.choices(change, (86, 8, 6))[0]
        for key in ("expression", "mobility", "mood", "hygiene", "home_hygiene", "indoor", "reaction", "mind")
    }
    filled |= {key: dice.choices(("safe", "mostly"), (93, 7))[0] for key in ("gas", "heating", "power")}
    filled |= {
        "mode": "home",
        "family": "same",
        "illness": "same",
        "family_visits": dice.choice(("yes", "yes", "no", "none")),
        "care_given": dice.choice(
            ("聊天，量血压，查看燃气和用电。", "陪着说话，帮忙整理药盒。", "打扫桌面，提醒按时吃药。")
        ),
        "satisfaction": dice.choices(("very", "good", "fair"), (60, 35, 5))[0],
        "elder_signed": "paper" if world.chance(0.8) else "spoken",
        "signed": outing.worker.name,
    }
    if filled["elder_signed"] == "spoken":
        filled["spoken_reason"] = "手抖，不方便签字"
    if world.chance(0.04):
        filled["gas"], filled["gas_where"] = "unsafe", "灶台软管开裂"
    if world.chance(0.12):
        filled["needs"] = [dice.choice(("daily_care", "adaptation", "comfort", "benefits"))]
        filled["needs_text"] = dice.choice(world.texts["texts"]["needs"])
    return filled


# --- hours -----------------------------------------------------------------------------------------------


def _verify_hours(world: World) -> None:
    """The schools decide on what is older than a week: nearly all passed, a few in part or returned."""
    border = world.today - timedelta(days=UNVERIFIED_DAYS)
    for username, organisation in (("school-middle", "middle_school"), ("school-college", "university")):
        actor = world.actors[username]
        entries = db.session.scalars(
            select(HoursEntry)
            .join(HoursEntry.worker)
            .where(
                Worker.organisation_id == world.organisations[organisation].id,
                HoursEntry.service_on < border,
                HoursEntry.minutes > 15,
            )
            .order_by(HoursEntry.id)
        ).all()
        with living_at(at(world.today - timedelta(days=2), 15)):
            for entry in entries:
                if entry.evidence is Evidence.DOUBTFUL:
                    continue
                answer = world.dice.choices(tuple(VerificationState), (94, 3, 3))[0]
                hours.verify_entries(
                    actor,
                    [entry.id],
                    answer,
                    minutes=15,
                    reason="" if answer is VerificationState.PASSED else "与请假时间重叠，请班主任补充说明",
                )


def _issue_certificates(world: World) -> None:
    """One for a member of the care staff, one for a student."""
    for kind in (WorkerKind.CARE_STAFF, WorkerKind.STUDENT, WorkerKind.YOUNGER_SENIOR):
        for worker in world.worker(kind):
            try:
                with db.session.begin_nested():
                    hours.issue_certificate(
                        world.actors["street"],
                        worker,
                        world.today - timedelta(days=schedule.HISTORY_DAYS),
                        world.today - timedelta(days=1),
                    )
            except DomainError:
                continue  # nothing to certify for this person yet: the next one
            break


# --- open visits -----------------------------------------------------------------------------------------


def _offer_and_claim(world: World, done: set[tuple[int, date]], version: PolicyVersion) -> None:
    """Visits of the coming week that anybody may take, and claims that wait for the coordinator."""
    offered = []
    for elder, obligation in schedule.owed(world, world.today, world.today + timedelta(days=7)):
        if len(offered) >= world.count(OPEN_VISITS):
            break
        first = max(world.today + timedelta(days=2), obligation.period_from)
        if (elder.id, obligation.period_from) in done or first > obligation.period_to or elder.needs_skills:
            continue
        days = [first + timedelta(days=n) for n in range((obligation.period_to - first).days + 1)][:7]
        # Most volunteers are free at weekends and on Wednesday afternoons.
        free = [day for day in days if day.weekday() in (2, 5, 6)] or days
        starts = at(world.dice.choice(free), world.dice.randint(14, 16), world.dice.choice((0, 30)))
        if not elder.visit_from <= starts.time() or elder.visit_until < time(17):
            continue
        try:
            with db.session.begin_nested():
                visit = open_visit(
                    world.actors["street"],
                    elder,
                    starts,
                    starts + timedelta(minutes=elder.visit_minutes),
                    rule=obligation.rule,
                    period=(obligation.period_from, obligation.period_to),
                    policy_version_id=version.id,
                )
        except Conflict:
            continue  # the elder only wants calls, or an event forbids it
        offered.append(visit)
        done.add((elder.id, obligation.period_from))
    adults = workers_for_duty([one.id for one in world.worker(WorkerKind.SOCIAL_WORKER)])
    for username in CLAIMANTS:
        actor = world.actors.get(username)
        if actor is None:
            continue
        companion = next(iter(adults)) if username == "minor" else None
        for visit in world.dice.sample(offered, len(offered)):
            try:
                with db.session.begin_nested():
                    claim_visit(actor, visit.id, companion)
            except DomainError:
                continue  # not for this person: the next visit
            break


def _settle_jobs() -> None:
    """The ledger lines were written above, in order; the jobs owed for them have nothing left to do."""
    db.session.info.pop("owed_after_commit", None)
    db.session.execute(
        update(OwedJob)
        .where(OwedJob.name == "coordinator.hours.jobs.enter_visit", OwedJob.state == OwedState.OWED)
        .values(state=OwedState.DONE, finished_at=clock.machine_now())
    )
