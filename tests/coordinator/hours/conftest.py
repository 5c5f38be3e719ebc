"""A street on Thursday 26 March 2026 with two schools, and visits that are closed with any presence one likes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.dialects.postgresql import Range

from coordinator.accounts.models import Organisation, User
from coordinator.elders.models import Category, Elder, ElderCategory
from coordinator.extensions import db
from coordinator.fieldwork.models import Presence, PresenceKind, PresenceMethod, RecordState, VisitRecord
from coordinator.hours import services
from coordinator.hours.models import HoursEntry, VerificationState
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.visits.lifecycle import AssignmentState, ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker, WorkerKind
from tests.factories import (
    AreaTree,
    csrf_token,
    make_area_tree,
    make_elder,
    make_organisation,
    make_user,
    make_worker,
    sign_in,
    visit_times,
)
from tests.statements import statements

NOW = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)  # 18:00 in Shanghai
TODAY = date(2026, 3, 26)
MINOR_BORN = date(2010, 6, 1)
_sequence = itertools.count(1)


@dataclass
class There:
    """One worker's presence: minutes after the planned start, and how it is shown. None: no such mark."""

    worker: Worker
    arrived: int | None = 0
    left: int | None = 40
    method: PresenceMethod = PresenceMethod.LOCATION
    metres: int | None = 20
    accuracy: int | None = 15


@dataclass
class World:
    """What the tests of the ledger stand on. Methods flush."""

    tree: AreaTree
    street: Actor
    school: Organisation
    verifier: Actor
    other_school: Organisation
    other_verifier: Actor
    elders: list[Elder] = field(default_factory=list)

    def worker(self, **over: Any) -> Worker:
        """A volunteer with an account."""
        return make_worker(self.tree.street, user_id=make_user(Role.WORKER).id, **over)

    def student(self, school: Organisation | None = None, **over: Any) -> Worker:
        values = {
            "kind": WorkerKind.STUDENT,
            "organisation_id": (school or self.school).id,
            "student_class": "高一 3 班",
            "birth_date": date(2005, 1, 1),
        }
        return self.worker(**(values | over))

    def minor(self, **over: Any) -> Worker:
        return self.student(**({"birth_date": MINOR_BORN} | over))

    def elder(self, **over: Any) -> Elder:
        elder = make_elder(self.tree.community, **over)
        db.session.add(ElderCategory(elder_id=elder.id, category=Category.LIVING_ALONE, since=TODAY))
        db.session.flush()
        return elder

    def closed(
        self,
        *people: There,
        day: date = date(2026, 3, 21),
        start: time = time(14, 0),
        minutes: int = 40,
        elder: Elder | None = None,
        state: VisitState = VisitState.COMPLETED,
        record: RecordState | None = RecordState.CONFIRMED,
    ) -> Visit:
        """A visit that is over, with presences and a record. No ledger line yet."""
        starts_at, ends_at = visit_times(day, start, minutes)
        elder = elder or self.elder()
        over = state in (VisitState.COMPLETED, VisitState.NOT_MET)
        outcome = ContactOutcome.COMPLETED if state is VisitState.COMPLETED else ContactOutcome.NO_ANSWER
        visit = Visit(
            elder_id=elder.id,
            area_id=elder.area_id,
            state=state,
            starts_at=starts_at,
            ends_at=ends_at,
            contact_on=day if over else None,
            contact_mode=ContactMode.HOME if over else None,
            contact_outcome=outcome if over else None,
            sequence=next(_sequence) if over else None,
        )
        db.session.add(visit)
        db.session.flush()
        for one in people:
            self.attend(visit, one)
        if record is not None:
            confirmed = record is RecordState.CONFIRMED
            db.session.add(
                VisitRecord(
                    visit_id=visit.id,
                    worker_id=people[0].worker.id,
                    client_uuid=uuid4(),
                    form="test",
                    answers={},
                    state=record,
                    submitted_at=ends_at,
                    confirmed_at=NOW if confirmed else None,
                    confirmed_by_id=self.street.user_id if confirmed else None,
                    return_reason="写得太少" if record is RecordState.RETURNED else None,
                )
            )
        db.session.flush()
        return visit

    def attend(self, visit: Visit, one: There) -> None:
        db.session.add(
            Assignment(
                visit_id=visit.id,
                worker_id=one.worker.id,
                state=AssignmentState.DONE,
                during=Range(visit.starts_at, visit.ends_at),
            )
        )
        for kind, minute in ((PresenceKind.ARRIVED, one.arrived), (PresenceKind.LEFT, one.left)):
            if minute is not None:
                self.mark(visit, one, kind, minute)
        db.session.flush()

    def mark(self, visit: Visit, one: There, kind: PresenceKind, minute: int) -> None:
        home = visit.elder.household
        placed = one.method is PresenceMethod.LOCATION
        db.session.add(
            Presence(
                visit_id=visit.id,
                worker_id=one.worker.id,
                kind=kind,
                method=one.method,
                client_uuid=uuid4(),
                at=visit.starts_at + timedelta(minutes=minute),
                latitude=home.latitude if placed else None,
                longitude=home.longitude if placed else None,
                distance_metres=one.metres if placed else None,
                accuracy_metres=one.accuracy if placed else None,
                note="手机没有信号" if one.method is PresenceMethod.WORD else None,
            )
        )
        db.session.flush()

    def entry(self, worker: Worker, **over: Any) -> HoursEntry:
        """A ledger line of a visit that `worker` made alone; keyword arguments go to There or to `closed`."""
        there = {
            name: over.pop(name)
            for name in ("arrived", "left", "method", "metres", "accuracy")
            if name in over
        }
        return services.enter_visit(self.closed(There(worker, **there), **over).id)[0]

    def verify(
        self, entry: HoursEntry, state: VerificationState = VerificationState.PASSED, **over: Any
    ) -> Any:
        return services.verify_entries(self.verifier, [entry.id], state, **over)[0]

    def user_of(self, actor: Actor) -> User:
        return db.session.get_one(User, actor.user_id)


def make_world() -> World:
    """Everything but visits."""
    tree = make_area_tree()
    tree.street.settings = {
        "issuer": {"name": "滨河街道办事处", "person_in_charge": "赵启明", "contact": "0830-2345678"}
    }

    def verifier(school: Organisation) -> Actor:
        user = make_user(Role.SCHOOL_VERIFIER, organisation=school, name="林老师")
        return Actor(user.id, user.name, (Grant(Role.SCHOOL_VERIFIER, organisation_id=school.id),))

    user = make_user(Role.STREET_COORDINATOR, tree.street, name="周敏")
    grant = Grant(Role.STREET_COORDINATOR, tree.street.id, tree.street.path)
    school, other = (
        make_organisation(tree.street, name="滨江中学"),
        make_organisation(tree.street, name="江滨学院"),
    )
    db.session.flush()
    return World(
        tree=tree,
        street=Actor(user.id, user.name, (grant,)),
        school=school,
        verifier=verifier(school),
        other_school=other,
        other_verifier=verifier(other),
    )


@pytest.fixture
def world(db_session, freeze) -> World:
    freeze(NOW)
    return make_world()


class Browser:
    """A signed-in client; `post` adds the form token."""

    def __init__(self, client: Any, user: User) -> None:
        self.client = client
        sign_in(client, user)

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.client.get(path, **kwargs)

    def post(self, path: str, data: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        return self.client.post(path, data={"csrf_token": csrf_token(self.client), **(data or {})}, **kwargs)


@pytest.fixture
def as_(client) -> Callable[[Any], Browser]:
    """Sign in an actor, a worker or a user."""

    def enter(who: Any) -> Browser:
        user_id = who.user_id if hasattr(who, "user_id") else who.id
        return Browser(client, db.session.get_one(User, user_id))

    return enter


@pytest.fixture
def counting() -> Callable[[], Any]:
    """`with counting() as sent:` collects the statements sent, savepoints left out."""
    return statements


__all__ = ["NOW", "TODAY", "Browser", "There", "World", "clock", "make_world"]
