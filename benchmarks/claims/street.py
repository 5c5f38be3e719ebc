"""An invented street: workers with signed-in browsers, and visits that are open."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import insert

from benchmarks.claims.client import request
from coordinator.accounts.models import RoleGrant, User, UserSession
from coordinator.elders.models import Elder, EmergencyContact, Household, Sex
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.areas import AreaLevel, create_area
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Visit
from coordinator.workforce.models import (
    Availability,
    Credential,
    CredentialKind,
    Worker,
    WorkerKind,
    WorkerStatus,
)

PLACE = (28.881, 105.441)


@dataclass
class Person:
    """One worker with a signed-in browser's cookie and form token."""

    user_id: int
    worker_id: int
    name: str
    cookie: str
    token: str

    def actor(self) -> Actor:
        return Actor(self.user_id, self.name, (Grant(Role.WORKER),), worker_id=self.worker_id)

    def get(self, path: str, *headers: str) -> bytes:
        return request("GET", path, self.cookie, *headers)

    def press(self, path: str) -> bytes:
        """The form behind a button."""
        return request("POST", path, self.cookie, fields={"csrf_token": self.token})


WIDE = {"open_at_once": 1000, "hours_ahead": 10_000, "days_ahead": 90}
NARROW = {"open_at_once": 3, "queue_places": 1, "hours_ahead": 1, "ahead_days": 60, "days_ahead": 90}


def make_street(
    app: Flask, people: int, visits: int, in_an_hour: int, rules: dict[str, int] = WIDE
) -> tuple[list[Person], list[int]]:
    """Workers with accounts and open visits: so many begin in each hour, eight hours a day, from the third day on.

    With as many in an hour as there are workers, visit i goes to the i-th worker in turn without a clash.
    """
    city = create_area(
        AreaLevel.CITY, "示例市", create_area(AreaLevel.PROVINCE, "示例省"), policy_pack="luzhou"
    )
    street = create_area(
        AreaLevel.STREET,
        "滨河街道",
        create_area(AreaLevel.COUNTY, "示例区", city),
        settings={"claims": rules},
    )
    community = create_area(AreaLevel.COMMUNITY, "柳荫社区", street, latitude=PLACE[0], longitude=PLACE[1])
    household = Household(
        area_id=community.id,
        address="滨江路 1 号",
        neighbourhood="滨江片",
        latitude=PLACE[0],
        longitude=PLACE[1],
    )
    db.session.add(household)
    db.session.flush()
    elder = Elder(
        area_id=community.id,
        household_id=household.id,
        name="陈秀英",
        sex=Sex.FEMALE,
        birth_date=date(1944, 3, 2),
        enrolled_on=date(2020, 1, 1),
        emergency_contacts=[
            EmergencyContact(position=1, name="李小明", relation="儿子", phone="13800000001")
        ],
    )
    db.session.add(elder)
    found = [_person(app, street.id, number) for number in range(people)]
    db.session.flush()
    today = clock.today()
    rows = []
    for number in range(visits):
        turn = number // in_an_hour
        at = clock.at_local(today + timedelta(days=3 + turn // 8), (9 + turn % 8) * 3600)
        rows.append(
            {
                "elder_id": elder.id,
                "area_id": community.id,
                "state": VisitState.OPEN,
                "starts_at": at,
                "ends_at": at + timedelta(minutes=30),
                "needs_skills": [],
                "created_at": clock.now(),
            }
        )
    ids: list[int] = []
    for first in range(0, len(rows), 500):
        ids += db.session.scalars(
            insert(Visit).returning(Visit.id, sort_by_parameter_order=True), rows[first : first + 500]
        ).all()
    db.session.commit()
    return found, ids


def _person(app: Flask, area_id: int, number: int) -> Person:
    user = User(username=f"racer{number}", name=f"周敏{number}", password_hash="!")  # noqa: S106  nobody signs in with it
    db.session.add(user)
    db.session.flush()
    db.session.add(RoleGrant(user_id=user.id, role=Role.WORKER))
    worker = Worker(
        user_id=user.id,
        area_id=area_id,
        kind=WorkerKind.VOLUNTEER,
        status=WorkerStatus.APPROVED,
        name=user.name,
        sex=Sex.FEMALE,
        birth_date=date(1990, 5, 1),
        start_latitude=PLACE[0],
        start_longitude=PLACE[1],
        approved_at=datetime(2025, 1, 1, tzinfo=UTC),
        max_visits_day=20,
        max_visits_week=100,
        max_visits_month=400,
    )
    worker.credentials.extend(
        Credential(kind=kind, valid_from=date(2020, 1, 1), valid_to=date(2099, 12, 31))
        for kind in CredentialKind
        if kind is not CredentialKind.PROFESSIONAL
    )
    eight, eighteen = time_of_day(8), time_of_day(18)
    worker.availability.extend(Availability(weekday=day, starts=eight, ends=eighteen) for day in range(7))
    db.session.add(worker)
    token, now = secrets.token_urlsafe(16), clock.now()
    db.session.add(
        UserSession(
            user_id=user.id,
            token_hash=hashlib.sha256(token.encode()).digest(),
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(days=1),
        )
    )
    db.session.flush()
    raw = secrets.token_hex(20)
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None, "the application has a secret key"
    forms = URLSafeTimedSerializer(str(app.secret_key), salt="wtf-csrf-token")
    return Person(
        user.id,
        worker.id,
        user.name,
        str(signer.dumps({"_user_id": token, "csrf_token": raw})),
        str(forms.dumps(raw)),
    )
