"""Objects for tests, each valid with nothing given. Functions add and flush; tests commit where they must."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from itsdangerous import URLSafeTimedSerializer

from coordinator.accounts.models import (
    Organisation,
    OrganisationKind,
    RoleGrant,
    SchoolStage,
    User,
    UserSession,
)
from coordinator.elders.models import Elder, EmergencyContact, Household, Sex
from coordinator.extensions import db
from coordinator.kernel import clock, crypto
from coordinator.kernel.access import AREA_ROLES, ORGANISATION_ROLES, Actor, Grant, Role
from coordinator.kernel.areas import Area, AreaLevel, create_area
from coordinator.workforce.models import (
    Availability,
    Credential,
    CredentialKind,
    Worker,
    WorkerKind,
    WorkerStatus,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient

# The password of every user made here, hashed once with the cheapest parameters argon2 takes.
PASSWORD = "修竹-mill-4821"
PASSWORD_HASH = (
    "$argon2id$v=19$m=8,t=1,p=1$RkmI+8O7Ty0fcsiQoP/HAA$diZl8W5DCBOw5/fVSxPW8zkBs3o2v2Qd19m5Vm5Bnts"
)

_numbers = itertools.count(1)
# Where homes and workers are unless said otherwise: inside the first street of `make_area_tree`.
PLACE = (28.881, 105.441)
LONG_AGO = date(2020, 1, 1)
FAR_AWAY = date(2099, 12, 31)


@dataclass
class AreaTree:
    """One invented county with two streets; the first has two communities."""

    province: Area
    city: Area
    county: Area
    street: Area
    community: Area
    other_community: Area
    other_street: Area
    outside: Area  # a community of the other street


def make_area_tree(**settings: Any) -> AreaTree:
    """A province down to communities under the rules of 泸州; keyword arguments go to the street."""
    number = next(_numbers)
    province = create_area(AreaLevel.PROVINCE, f"示例省{number}")
    city = create_area(AreaLevel.CITY, "示例市", province, policy_pack="luzhou")
    county = create_area(AreaLevel.COUNTY, "示例区", city)
    street = create_area(
        AreaLevel.STREET, "滨河街道", county, **({"latitude": 28.88, "longitude": 105.44} | settings)
    )
    other_street = create_area(AreaLevel.STREET, "望江街道", county, latitude=28.90, longitude=105.46)
    return AreaTree(
        province=province,
        city=city,
        county=county,
        street=street,
        community=create_area(AreaLevel.COMMUNITY, "柳荫社区", street, latitude=28.881, longitude=105.441),
        other_community=create_area(
            AreaLevel.COMMUNITY, "石桥社区", street, latitude=28.885, longitude=105.445
        ),
        other_street=other_street,
        outside=create_area(
            AreaLevel.COMMUNITY, "江湾社区", other_street, latitude=28.901, longitude=105.461
        ),
    )


def make_organisation(area: Area, **over: Any) -> Organisation:
    """A school, unless `kind` says otherwise."""
    kind = over.pop("kind", OrganisationKind.SCHOOL)
    values: dict[str, Any] = {"name": f"示例机构{next(_numbers)}", "kind": kind, "area_id": area.id}
    if kind is OrganisationKind.SCHOOL:
        values["school_stage"] = SchoolStage.UNIVERSITY
    organisation = Organisation(**(values | over))
    db.session.add(organisation)
    db.session.flush()
    return organisation


def make_user(
    role: Role | None = Role.STREET_COORDINATOR,
    area: Area | None = None,
    organisation: Organisation | None = None,
    **over: Any,
) -> User:
    """A user with one role. Area and organisation are made when the role needs them; the password is PASSWORD."""
    number = next(_numbers)
    values = {"username": f"user{number}", "name": f"测试人员{number}", "password_hash": PASSWORD_HASH}
    user = User(**(values | over))
    db.session.add(user)
    db.session.flush()
    if role is not None:
        if role in AREA_ROLES and area is None:
            area = make_area_tree().street
        if role in ORGANISATION_ROLES and organisation is None:
            organisation = make_organisation(area or make_area_tree().street)
        grant = RoleGrant(
            user_id=user.id,
            role=role,
            area_id=area.id if area is not None and role in AREA_ROLES else None,
            organisation_id=organisation.id
            if organisation is not None and role in ORGANISATION_ROLES
            else None,
        )
        db.session.add(grant)
        db.session.flush()
        db.session.refresh(user, ["roles"])
    return user


def sign_in(client: FlaskClient, user: User) -> None:
    """Sign `user` in without the form (and without the cost of hashing). Commits."""
    token = secrets.token_urlsafe(16)
    now = clock.now()
    db.session.add(
        UserSession(
            user_id=user.id,
            token_hash=hashlib.sha256(token.encode()).digest(),
            created_at=now,
            last_seen_at=now,
            expires_at=now.replace(year=now.year + 1, day=1),
            second_factor_at=now,
        )
    )
    db.session.commit()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token


def csrf_token(client: FlaskClient) -> str:
    """A form token of the client's session, for the field `csrf_token` of a POST."""
    with client.session_transaction() as cookie:
        raw = cookie.setdefault("csrf_token", secrets.token_hex(20))
    secret = client.application.secret_key
    assert secret is not None, "the test application has a secret key"
    return str(URLSafeTimedSerializer(secret, salt="wtf-csrf-token").dumps(raw))


def make_actor(
    role: Role = Role.STREET_COORDINATOR,
    area: Area | None = None,
    organisation: Organisation | None = None,
    **over: Any,
) -> Actor:
    """An actor for calls of services, with a stored user behind it."""
    user = make_user(role, area, organisation)
    grant = user.roles[0]
    held = Grant(role, grant.area_id, grant.area.path if grant.area else None, grant.organisation_id)
    return Actor(**({"user_id": user.id, "name": user.name, "grants": (held,)} | over))


def make_household(area: Area, **over: Any) -> Household:
    """A home at PLACE."""
    values = {
        "address": f"滨江路{next(_numbers)}号",
        "neighbourhood": "滨江片",
        "latitude": PLACE[0],
        "longitude": PLACE[1],
    }
    household = Household(area_id=area.id, **(values | over))
    db.session.add(household)
    db.session.flush()
    return household


def make_elder(area: Area, household: Household | None = None, **over: Any) -> Elder:
    """An active elder born in 1944 with one emergency contact; ID number and telephone get their hashes."""
    values: dict[str, Any] = {
        "name": f"陈秀{hanzi(next(_numbers))}",
        "sex": Sex.FEMALE,
        "birth_date": date(1944, 3, 2),
        "enrolled_on": LONG_AGO,
    } | over
    elder = Elder(area_id=area.id, household=household or make_household(area), **_hashed(values))
    elder.emergency_contacts.append(
        EmergencyContact(position=1, name="李小明", relation="儿子", phone="13800000001")
    )
    db.session.add(elder)
    db.session.flush()
    return elder


def make_worker(
    area: Area,
    *,
    ready: bool = True,
    weekdays: Iterable[int] = range(7),
    shift: tuple[time, time] = (time(8, 0), time(18, 0)),
    **over: Any,
) -> Worker:
    """An approved adult volunteer; `ready` adds the duty credentials, `weekdays` and `shift` the weekly hours."""
    values: dict[str, Any] = {
        "kind": WorkerKind.VOLUNTEER,
        "status": WorkerStatus.APPROVED,
        "name": f"周敏{hanzi(next(_numbers))}",
        "sex": Sex.FEMALE,
        "birth_date": date(1990, 5, 1),
        "start_latitude": PLACE[0],
        "start_longitude": PLACE[1],
        "approved_at": datetime(2025, 1, 1, tzinfo=UTC),
    } | over
    worker = Worker(area_id=area.id, **_hashed(values))
    if ready:
        worker.credentials.extend(
            Credential(kind=kind, valid_from=LONG_AGO, valid_to=FAR_AWAY)
            for kind in CredentialKind
            if kind is not CredentialKind.PROFESSIONAL
        )
    worker.availability.extend(Availability(weekday=day, starts=shift[0], ends=shift[1]) for day in weekdays)
    db.session.add(worker)
    db.session.flush()
    return worker


def visit_times(day: date, start: time = time(9, 0), minutes: int = 30) -> tuple[datetime, datetime]:
    """Start and end of a visit that begins at local wall time `start`."""
    begins = datetime.combine(day, start, tzinfo=clock.LOCAL).astimezone(UTC)
    return begins, begins + timedelta(minutes=minutes)


def hanzi(number: int) -> str:
    """A number in characters that a name may hold."""
    return "".join("零一二三四五六七八九"[int(digit)] for digit in str(number))


def _hashed(values: dict[str, Any]) -> dict[str, Any]:
    for field in ("id_number", "phone"):
        if values.get(field):
            values[f"{field}_hash"] = crypto.keyed_hash(values[field], field)
    return values
