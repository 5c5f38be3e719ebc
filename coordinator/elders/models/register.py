"""The register of elders: home, household table, elder, categories with evidence, disability certificate.

Field lists follow 四川省特殊困难老年人信息登记表 (泸州 附件2) and the one form of 陕民发〔2023〕31号; definitions
of the categories are in the rule packs.
"""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.crypto import EncryptedText

if TYPE_CHECKING:
    from coordinator.elders.models.contacts import EmergencyContact, FirstVisitingContact
    from coordinator.elders.models.dossier import CategoryAnswer, DossierPaper, ElderDevice
    from coordinator.elders.models.wishes import Consent


class Sex(StrEnum):
    MALE = "male"
    FEMALE = "female"


class Category(StrEnum):
    """Recorded categories; 失能 and 重残 follow from ability level and certificate (policy-due contract)."""

    KINLESS = "kinless"
    LIVING_ALONE = "living_alone"
    EMPTY_NEST = "empty_nest"
    LEFT_BEHIND = "left_behind"
    SPECIAL_FAMILY = "special_family"


class EconomicStatus(StrEnum):
    NONE = "none"
    DESTITUTE = "destitute"
    LOW_INCOME = "low_income"
    LOW_INCOME_MARGINAL = "low_income_marginal"


class Health(StrEnum):
    GOOD = "good"
    POOR = "poor"


class ElderStatus(StrEnum):
    ACTIVE = "active"
    MOVED = "moved"
    IN_INSTITUTION = "in_institution"
    DECEASED = "deceased"
    # The same person had two dossiers; `merged_into_id` is the one that was kept.
    MERGED = "merged"


class OnlyChild(StrEnum):
    """What became of an only child (计划生育特殊家庭); stored encrypted, so no CHECK lists the values."""

    NOT_SO = "not_so"
    DECEASED = "deceased"
    DISABLED = "disabled"  # of grade 1 to 3


class Skill(StrEnum):
    """What a visit may need and a worker may bring."""

    NURSING = "nursing"
    COUNSELLING = "counselling"
    SOCIAL_WORK = "social_work"
    FIRST_AID = "first_aid"
    HOME_SAFETY = "home_safety"
    DIALECT = "dialect"
    SIGN_LANGUAGE = "sign_language"


class CoordinateSource(StrEnum):
    IMPORTED = "imported"
    MAP_CLICK = "map_click"
    GEOCODED = "geocoded"


class Household(db.Model):
    """A home: address, place, living conditions and help already received (登记表 二、三、四)."""

    __tablename__ = "households"
    __table_args__ = (
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="coordinates_come_in_pairs"),
        CheckConstraint("latitude BETWEEN 3 AND 54 AND longitude BETWEEN 73 AND 136", name="lies_in_china"),
        CheckConstraint(
            "monthly_income >= 0 AND pension_monthly >= 0 AND subsidy_monthly >= 0", name="money"
        ),
        Index("ix_households_area_id_address", "area_id", "address"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    grid_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    address: Mapped[str] = mapped_column(String(200))
    neighbourhood: Mapped[str | None] = mapped_column(String(60))
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    coordinate_source: Mapped[CoordinateSource | None] = mapped_column(stored(CoordinateSource))
    water_safe: Mapped[bool | None]
    power_safe: Mapped[bool | None]
    housing_safe: Mapped[bool | None]
    house_structure: Mapped[str | None] = mapped_column(String(40))
    unsafe_habits: Mapped[str | None] = mapped_column(Text)
    neighbour_relations: Mapped[str | None] = mapped_column(Text)
    monthly_income: Mapped[float | None] = mapped_column(Numeric(10, 2))
    pension_monthly: Mapped[float | None] = mapped_column(Numeric(10, 2))
    subsidies: Mapped[str | None] = mapped_column(Text)
    subsidy_monthly: Mapped[float | None] = mapped_column(Numeric(10, 2))
    helped_by: Mapped[list[str]] = mapped_column(ARRAY(String(40)), server_default="{}", default=list)
    helper_name: Mapped[str | None] = mapped_column(String(60))
    help_given: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    area: Mapped[Area] = relationship(foreign_keys=[area_id])
    members: Mapped[list[HouseholdMember]] = relationship(
        back_populates="household", order_by="HouseholdMember.id"
    )
    elders: Mapped[list[Elder]] = relationship(back_populates="household", order_by="Elder.id")


class HouseholdMember(db.Model):
    """A person of the household or of the family who is not (necessarily) a registered elder."""

    __tablename__ = "household_members"

    id: Mapped[int] = mapped_column(primary_key=True)
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    sex: Mapped[Sex | None] = mapped_column(stored(Sex))
    birth_date: Mapped[date | None]
    id_number: Mapped[str | None] = mapped_column(EncryptedText("household_members.id_number"))
    relation: Mapped[str] = mapped_column(String(30))
    health: Mapped[str | None] = mapped_column(EncryptedText("household_members.health"))
    economic_status: Mapped[EconomicStatus] = mapped_column(
        stored(EconomicStatus), default=EconomicStatus.NONE
    )
    lives_in: Mapped[bool] = mapped_column(default=True)
    residence: Mapped[str | None] = mapped_column(String(120))
    # What the definitions of 独居, 空巢 and 留守 ask of a child (泸州 附件1).
    in_same_town: Mapped[bool | None]
    away_since: Mapped[date | None]
    visits_often: Mapped[bool | None]

    household: Mapped[Household] = relationship(back_populates="members")


class Elder(db.Model):
    """One dossier per elder. `area_id` is the community; `version` guards against lost updates."""

    __tablename__ = "elders"
    __table_args__ = (
        CheckConstraint("ability_level BETWEEN 0 AND 4", name="ability_levels"),
        CheckConstraint("ability_score BETWEEN 0 AND 90", name="ability_scores"),
        CheckConstraint("left_on IS NULL OR left_on >= enrolled_on", name="leaves_after_enrolment"),
        CheckConstraint("(status = 'active') = (left_on IS NULL)", name="active_until_left"),
        CheckConstraint("(status = 'merged') = (merged_into_id IS NOT NULL)", name="merged_into_another"),
        CheckConstraint("merged_into_id <> id", name="not_merged_into_itself"),
        CheckConstraint("visit_minutes BETWEEN 10 AND 240", name="visit_minutes"),
        CheckConstraint("visit_from < visit_until", name="visit_hours_in_order"),
        CheckConstraint("(id_number IS NULL) = (id_number_hash IS NULL)", name="id_number_with_hash"),
        Index("uq_elders_id_number_hash", "id_number_hash", unique=True),
        Index("ix_elders_area_id_status_name", "area_id", "status", "name"),
        Index("ix_elders_name", "name"),
        {"comment": "特殊困难老年人基础台账"},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id"), index=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    name: Mapped[str] = mapped_column(String(60))
    sex: Mapped[Sex] = mapped_column(stored(Sex))
    birth_date: Mapped[date]
    id_number: Mapped[str | None] = mapped_column(EncryptedText("elders.id_number"))
    id_number_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone: Mapped[str | None] = mapped_column(EncryptedText("elders.phone"))
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    status: Mapped[ElderStatus] = mapped_column(stored(ElderStatus), default=ElderStatus.ACTIVE)
    enrolled_on: Mapped[date]
    left_on: Mapped[date | None]
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("elders.id"), index=True)
    reverify_due_on: Mapped[date | None]
    registered_address: Mapped[str | None] = mapped_column(String(200))
    lives_at_registered_address: Mapped[bool] = mapped_column(default=True)
    is_rural_household: Mapped[bool] = mapped_column(default=False)

    ability_level: Mapped[int] = mapped_column(SmallInteger, default=0)
    ability_assessed_on: Mapped[date | None]
    ability_assessor: Mapped[str | None] = mapped_column(String(60))
    ability_score: Mapped[int | None] = mapped_column(SmallInteger)
    ability_valid_to: Mapped[date | None]
    has_dementia: Mapped[bool] = mapped_column(default=False)
    health: Mapped[Health] = mapped_column(stored(Health), default=Health.GOOD)
    is_self_caring: Mapped[bool] = mapped_column(default=True)
    in_hardship: Mapped[bool] = mapped_column(default=False)
    upheaval_until: Mapped[date | None]
    upheaval_note: Mapped[str | None] = mapped_column(EncryptedText("elders.upheaval_note"))
    relief_given: Mapped[str | None] = mapped_column(EncryptedText("elders.relief_given"))
    cares_for_impaired_child: Mapped[bool] = mapped_column(default=False)
    medical_history: Mapped[str | None] = mapped_column(EncryptedText("elders.medical_history"))
    psych_assessed_on: Mapped[date | None]
    psych_assessor: Mapped[str | None] = mapped_column(String(60))
    psych_result: Mapped[str | None] = mapped_column(EncryptedText("elders.psych_result"))
    economic_status: Mapped[EconomicStatus] = mapped_column(
        stored(EconomicStatus), default=EconomicStatus.NONE
    )
    income_source: Mapped[str | None] = mapped_column(String(60))
    monthly_disposable_income: Mapped[float | None] = mapped_column(Numeric(10, 2))
    children_alive: Mapped[int | None] = mapped_column(SmallInteger)
    spouse_alive: Mapped[bool | None]
    # What the definitions of 孤寡 and 计划生育特殊家庭 ask for beside the household table (泸州 附件1).
    has_caregiver: Mapped[bool | None]
    can_work: Mapped[bool | None]
    has_livelihood: Mapped[bool | None]
    only_child: Mapped[str | None] = mapped_column(EncryptedText("elders.only_child"))
    no_later_child: Mapped[bool | None]
    # 分散供养特困: supported by the state, living at home.
    supported_at_home: Mapped[bool] = mapped_column(default=False)
    # 家庭实际赡养情况, and to whom the children have handed the support over (委托他人代为赡养).
    support_given: Mapped[str | None] = mapped_column(EncryptedText("elders.support_given"))
    support_delegated: Mapped[bool | None]
    support_delegate: Mapped[str | None] = mapped_column(EncryptedText("elders.support_delegate"))
    # 挂钩联系 (泸州): the office or party member paired with this elder.
    linked_unit: Mapped[str | None] = mapped_column(String(80))
    linked_person: Mapped[str | None] = mapped_column(String(60))
    linked_since: Mapped[date | None]

    # What a visit to this elder needs. Cautions are shown to the visitor: never a diagnosis.
    cautions: Mapped[str | None] = mapped_column(String(200))
    dialect: Mapped[str | None] = mapped_column(String(30))
    prefers_sex: Mapped[Sex | None] = mapped_column(stored(Sex, "prefers_sex_known"))
    minors_welcome: Mapped[bool] = mapped_column(default=True)
    needs_two_visitors: Mapped[bool] = mapped_column(default=False)
    needs_skills: Mapped[list[str]] = mapped_column(ARRAY(String(30)), server_default="{}", default=list)
    visit_minutes: Mapped[int] = mapped_column(SmallInteger, default=30)
    visit_from: Mapped[time] = mapped_column(default=time(8, 30))
    visit_until: Mapped[time] = mapped_column(default=time(17, 30))

    source: Mapped[str] = mapped_column(String(40), default="manual")
    external_ids: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    notes: Mapped[str | None] = mapped_column(EncryptedText("elders.notes"))
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)

    household: Mapped[Household] = relationship(back_populates="elders")
    area: Mapped[Area] = relationship()
    categories: Mapped[list[ElderCategory]] = relationship(
        back_populates="elder",
        primaryjoin="and_(ElderCategory.elder_id == Elder.id, ElderCategory.ended_on.is_(None))",
        order_by="ElderCategory.id",
    )
    certificates: Mapped[list[DisabilityCertificate]] = relationship(
        back_populates="elder", order_by="DisabilityCertificate.id"
    )
    consents: Mapped[list[Consent]] = relationship(
        back_populates="elder",
        primaryjoin="and_(Consent.elder_id == Elder.id, Consent.superseded_at.is_(None))",
        order_by="Consent.id",
    )
    emergency_contacts: Mapped[list[EmergencyContact]] = relationship(
        back_populates="elder", order_by="EmergencyContact.position"
    )
    first_contact: Mapped[FirstVisitingContact | None] = relationship(
        back_populates="elder",
        primaryjoin="and_(FirstVisitingContact.elder_id == Elder.id, FirstVisitingContact.until.is_(None))",
    )
    devices: Mapped[list[ElderDevice]] = relationship(back_populates="elder", order_by="ElderDevice.id")
    # Every wish that was ever given, newest first; every answer to a question about a category.
    wishes: Mapped[list[Consent]] = relationship(order_by="Consent.id.desc()", viewonly=True)
    answers: Mapped[list[CategoryAnswer]] = relationship(order_by="CategoryAnswer.id", viewonly=True)
    papers: Mapped[list[DossierPaper]] = relationship(
        primaryjoin="and_(DossierPaper.elder_id == Elder.id, DossierPaper.removed_at.is_(None))",
        order_by="DossierPaper.id",
        viewonly=True,
    )


class ElderCategory(db.Model):
    """A recorded category with its evidence; an elder may have several at once."""

    __tablename__ = "elder_categories"
    __table_args__ = (
        Index(
            "uq_elder_categories_current",
            "elder_id",
            "category",
            unique=True,
            postgresql_where="ended_on IS NULL",
        ),
        CheckConstraint("ended_on IS NULL OR ended_on >= since", name="ends_after_start"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    category: Mapped[Category] = mapped_column(stored(Category))
    evidence: Mapped[str | None] = mapped_column(EncryptedText("elder_categories.evidence"))
    source: Mapped[str] = mapped_column(String(40), default="manual")
    since: Mapped[date]
    ended_on: Mapped[date | None]

    elder: Mapped[Elder] = relationship(back_populates="categories")


class DisabilityCertificate(db.Model):
    """残疾人证: grade 1 to 4 and the last day of validity."""

    __tablename__ = "disability_certificates"
    __table_args__ = (CheckConstraint("grade BETWEEN 1 AND 4", name="grades"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"), index=True)
    number: Mapped[str | None] = mapped_column(EncryptedText("disability_certificates.number"))
    kind: Mapped[str | None] = mapped_column(EncryptedText("disability_certificates.kind"))
    grade: Mapped[int] = mapped_column(SmallInteger)
    valid_to: Mapped[date | None]
    source: Mapped[str] = mapped_column(String(40), default="manual", server_default="manual")

    elder: Mapped[Elder] = relationship(back_populates="certificates")
