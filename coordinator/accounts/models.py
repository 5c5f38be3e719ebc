"""Users, their roles and sessions, and the organisations they belong to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, LargeBinary, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.access import AREA_ROLES, ORGANISATION_ROLES, Role
from coordinator.kernel.areas import Area
from coordinator.kernel.crypto import EncryptedText


def _listed(roles: frozenset[Role]) -> str:
    return ", ".join(f"'{role.value}'" for role in sorted(roles))


class OrganisationKind(StrEnum):
    PROPERTY_COMPANY = "property_company"
    COURIER_COMPANY = "courier_company"
    SCHOOL = "school"
    SOCIAL_WORK_STATION = "social_work_station"
    VOLUNTEER_TEAM = "volunteer_team"
    SENIOR_ASSOCIATION = "senior_association"
    COMMITTEE = "committee"
    HEALTH_CENTRE = "health_centre"
    OTHER = "other"


class SchoolStage(StrEnum):
    MIDDLE = "middle"
    HIGH = "high"
    VOCATIONAL = "vocational"
    UNIVERSITY = "university"


class Organisation(db.Model):
    """An organisation of the 五社 workforce; a school also verifies its students' hours. `area_id` is where it
    acts; `issuer_*` are the persons printed on certificates (民发〔2015〕149号).
    """

    __tablename__ = "organisations"
    __table_args__ = (
        CheckConstraint("(kind = 'school') = (school_stage IS NOT NULL)", name="schools_have_a_stage"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="coordinates_come_in_pairs"),
        Index("uq_organisations_area_id_name", "area_id", "name", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    kind: Mapped[OrganisationKind] = mapped_column(stored(OrganisationKind))
    school_stage: Mapped[SchoolStage | None] = mapped_column(stored(SchoolStage))
    name: Mapped[str] = mapped_column(String(80))
    address: Mapped[str | None] = mapped_column(String(200))
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    issuer_person: Mapped[str | None] = mapped_column(String(60))
    issuer_handler: Mapped[str | None] = mapped_column(String(60))
    issuer_phone: Mapped[str | None] = mapped_column(String(30))
    settings: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    area: Mapped[Area] = relationship()


class User(db.Model):
    """A person who can sign in. Disabling, a new password or a changed role end all sessions at once."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("username = lower(username)", name="username_lower"),
        CheckConstraint("elder_size IN (18, 20, 24, 30)", name="elder_size_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    password_hash: Mapped[str] = mapped_column(String(200))
    password_changed_at: Mapped[datetime] = mapped_column(default=clock.now)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    phone: Mapped[str | None] = mapped_column(EncryptedText("users.phone"))
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    email: Mapped[str | None] = mapped_column(String(120))
    totp_secret: Mapped[str | None] = mapped_column(EncryptedText("users.totp_secret"))
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int | None]
    # Keyed hashes (hex) of the codes that replace a lost authenticator; a used one is taken out.
    recovery_codes: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    is_active: Mapped[bool] = mapped_column(default=True)
    locale: Mapped[str] = mapped_column(String(10), default="zh")
    elder_mode: Mapped[bool] = mapped_column(default=False)
    elder_size: Mapped[int] = mapped_column(SmallInteger, default=20)
    last_sign_in_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    roles: Mapped[list[RoleGrant]] = relationship(
        back_populates="user",
        foreign_keys="RoleGrant.user_id",
        order_by="RoleGrant.id",
        primaryjoin="and_(RoleGrant.user_id == User.id, RoleGrant.revoked_at.is_(None))",
    )


class RoleGrant(db.Model):
    """One role of one user, bound to an area or an organisation as the role demands."""

    __tablename__ = "role_grants"
    __table_args__ = (
        CheckConstraint(
            f"(role IN ({_listed(AREA_ROLES)})) = (area_id IS NOT NULL)", name="area_roles_have_an_area"
        ),
        CheckConstraint(
            f"(role IN ({_listed(ORGANISATION_ROLES)})) = (organisation_id IS NOT NULL)",
            name="organisation_roles_have_one",
        ),
        Index(
            "uq_role_grants_active",
            "user_id",
            "role",
            "area_id",
            "organisation_id",
            unique=True,
            postgresql_where="revoked_at IS NULL",
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    role: Mapped[Role] = mapped_column(stored(Role))
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    granted_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    granted_at: Mapped[datetime] = mapped_column(default=clock.now)
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(back_populates="roles", foreign_keys=[user_id])
    area: Mapped[Area | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()


class UserSession(db.Model):
    """One signed-in browser. The cookie holds a random token; only its SHA-256 is kept here."""

    __tablename__ = "user_sessions"
    __table_args__ = (Index("ix_user_sessions_user_id_ended_at", "user_id", "ended_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    second_factor_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(40))
    address: Mapped[str | None] = mapped_column(String(60))
    user_agent: Mapped[str | None] = mapped_column(Text)

    user: Mapped[User] = relationship()
