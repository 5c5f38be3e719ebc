"""The plain facts the policy engine reads: elders, contacts, events.

The fields are those of the registry file of `tanfang policy due`; the site fills them from its own rows.
Everything here is a value: no database, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Category(StrEnum):
    """The categories of elders in special difficulty. The first five are registered as such; 失能 follows
    from the ability level and 重残 from a valid certificate."""

    KINLESS = "kinless"  # 孤寡
    LIVING_ALONE = "living_alone"  # 独居
    EMPTY_NEST = "empty_nest"  # 空巢
    LEFT_BEHIND = "left_behind"  # 留守
    SPECIAL_FAMILY = "special_family"  # 计划生育特殊家庭
    IMPAIRED = "impaired"  # 失能, derived
    SEVERELY_DISABLED = "severely_disabled"  # 重残, derived


class EconomicStatus(StrEnum):
    NONE = "none"
    DESTITUTE = "destitute"  # 特困人员
    LOW_INCOME = "low_income"  # 低保
    LOW_INCOME_MARGINAL = "low_income_marginal"  # 低保边缘


class Health(StrEnum):
    GOOD = "good"
    POOR = "poor"


class ServiceConsent(StrEnum):
    ACCEPTED = "accepted"
    REMOTE_ONLY = "remote_only"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class HomeConsent(StrEnum):
    GRANTED = "granted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Mode(StrEnum):
    HOME = "home"  # 上门
    PHONE = "phone"  # 电话
    VIDEO = "video"  # 视频
    CHAT = "chat"  # 微信
    MONITOR = "monitor"  # 远程监测
    ENCOUNTER = "encounter"  # 路遇
    OTHER = "other"


class Outcome(StrEnum):
    COMPLETED = "completed"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"


class EventKind(StrEnum):
    FESTIVAL = "festival"
    EXTREME_WEATHER = "extreme_weather"
    EPIDEMIC = "epidemic"


class Status(StrEnum):
    MET = "met"
    OWED = "owed"
    OVERDUE = "overdue"
    WAIVED = "waived"


class WaiverReason(StrEnum):
    """Why nothing is owed; the first that applies, in this order, is given."""

    SERVICE_REFUSED = "service_refused"
    NOT_YET_ENROLLED_LONG_ENOUGH = "not_yet_enrolled_long_enough"
    LEFT_BEFORE_PERIOD_END = "left_before_period_end"


class BlockReason(StrEnum):
    """Why a home visit cannot be planned; the first that applies, in this order, is given."""

    REMOTE_ONLY = "remote_only"
    HOME_CONSENT_MISSING = "home_consent_missing"
    EPIDEMIC = "epidemic"


class NotCounted(StrEnum):
    """Why a contact was not counted; the first that applies, in this order, is given."""

    MODE_NOT_COUNTED = "mode_not_counted"
    NOT_COMPLETED = "not_completed"
    SAME_DAY = "same_day"
    AFTER_AS_OF = "after_as_of"
    NOT_ACTIVE = "not_active"


@dataclass(frozen=True, slots=True)
class DisabilityCertificate:
    """A disability certificate: grade 1 (most severe) to 4, `valid_to` the last valid day."""

    grade: int
    valid_to: date


@dataclass(frozen=True, slots=True)
class CoResident:
    """The one other elder in the home."""

    birth_date: date
    ability_level: int = 0
    disabled: bool = False
    dementia: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    service: ServiceConsent = ServiceConsent.UNKNOWN
    home: HomeConsent = HomeConsent.UNKNOWN


@dataclass(frozen=True, slots=True)
class ElderFacts:
    """What the rules need to know of one elder.

    `ability_level` is 0 (intact) to 4 (total loss); `upheaval_until` is the last day in effect;
    `enrolled_on` None means enrolled long ago; `left_on` is the first day on which the elder is no longer
    active.
    """

    id: str
    birth_date: date
    categories: frozenset[Category] = frozenset()
    ability_level: int = 0
    disability: DisabilityCertificate | None = None
    economic_status: EconomicStatus = EconomicStatus.NONE
    health: Health = Health.GOOD
    self_caring: bool = True
    hardship: bool = False
    upheaval_until: date | None = None
    lives_with_elder: CoResident | None = None
    cares_for_impaired_child: bool = False
    consent: Consent = field(default_factory=Consent)
    enrolled_on: date | None = None
    left_on: date | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact with an elder. `index` names it in the output; without one its position in the list
    does."""

    elder_id: str
    date: date
    mode: Mode
    outcome: Outcome
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A festival, extreme weather or an epidemic, with its first and last day."""

    kind: EventKind
    name: str
    start: date
    end: date


def age_on(birth_date: date, day: date) -> int:
    """Age in completed years (周岁): the birthday itself counts."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def birthday(birth_date: date, age: int) -> date:
    """The first day on which somebody is of this age in completed years; 1 March for those born on 29
    February where the year has none. `date.max` beyond the calendar."""
    year = birth_date.year + age
    if year > date.max.year:
        return date.max
    try:
        return birth_date.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def has_category(facts: ElderFacts, category: Category, on: date) -> bool:
    """Whether the elder belongs to the category on that day, derived categories included."""
    if category == Category.IMPAIRED:
        return facts.ability_level >= 1
    if category == Category.SEVERELY_DISABLED:
        certificate = facts.disability
        return certificate is not None and certificate.grade <= 2 and certificate.valid_to >= on
    return category in facts.categories
