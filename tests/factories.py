"""Objects for tests, each valid with nothing given. Functions add and flush; tests commit where they must."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coordinator.accounts.models import (
    Organisation,
    OrganisationKind,
    RoleGrant,
    SchoolStage,
    User,
    UserSession,
)
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import AREA_ROLES, ORGANISATION_ROLES, Role
from coordinator.kernel.areas import Area, AreaLevel, create_area

if TYPE_CHECKING:
    from flask.testing import FlaskClient

# The password of every user made here, hashed once with the cheapest parameters argon2 takes.
PASSWORD = "修竹-mill-4821"
PASSWORD_HASH = (
    "$argon2id$v=19$m=8,t=1,p=1$RkmI+8O7Ty0fcsiQoP/HAA$diZl8W5DCBOw5/fVSxPW8zkBs3o2v2Qd19m5Vm5Bnts"
)

_numbers = itertools.count(1)


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
