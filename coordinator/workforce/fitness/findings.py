"""What may stand against a visit: stable codes, and the sentences people read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.elders.labels import SKILLS
from coordinator.elders.models import Sex, Skill
from coordinator.kernel import i18n
from coordinator.workforce.labels import CREDENTIALS
from coordinator.workforce.models import CredentialKind


class UnfitCode(StrEnum):
    """Why a worker may not, or had better not, make a visit. Stable: stored with refusals and in plans."""

    NOT_APPROVED = "not_approved"
    TOO_YOUNG = "too_young"
    CREDENTIAL_MISSING = "credential_missing"
    CREDENTIAL_EXPIRED = "credential_expired"
    GUARDIAN_MISSING = "guardian_missing"
    GUARDIAN_WITHDRAWN = "guardian_withdrawn"
    GUARDIAN_EXPIRED = "guardian_expired"
    MINOR_ALONE = "minor_alone"
    MINOR_ACCOMPANY_ONLY = "minor_accompany_only"
    MINORS_NOT_WELCOME = "minors_not_welcome"
    MINOR_HOURS = "minor_hours"
    BARRED = "barred"
    TIED_ELSEWHERE = "tied_elsewhere"
    SKILL_MISSING = "skill_missing"
    SEX_PREFERENCE = "sex_preference"
    DIALECT = "dialect"
    OUTSIDE_RADIUS = "outside_radius"
    DAY_OFF = "day_off"
    OUT_OF_HOURS = "out_of_hours"
    LIMIT_DAY = "limit_day"
    LIMIT_WEEK = "limit_week"
    LIMIT_MONTH = "limit_month"
    LIMIT_HOURS = "limit_hours"


# A coordinator who has spoken with the worker may go past these, with a reason; nobody may go past the others.
OVERRIDABLE = frozenset(
    {
        UnfitCode.DIALECT,
        UnfitCode.OUTSIDE_RADIUS,
        UnfitCode.DAY_OFF,
        UnfitCode.OUT_OF_HOURS,
        UnfitCode.LIMIT_DAY,
        UnfitCode.LIMIT_WEEK,
        UnfitCode.LIMIT_MONTH,
        UnfitCode.LIMIT_HOURS,
    }
)

MESSAGES: dict[UnfitCode, Any] = {
    UnfitCode.NOT_APPROVED: _l("%(name)s还没有通过审核，或者已经停用"),
    UnfitCode.TOO_YOUNG: _l("%(name)s不满 10 岁"),
    UnfitCode.CREDENTIAL_MISSING: _l("%(name)s还没有登记%(what)s"),
    UnfitCode.CREDENTIAL_EXPIRED: _l("%(name)s的%(what)s%(day)s到期"),
    UnfitCode.GUARDIAN_MISSING: _l("%(name)s未成年，还没有监护人同意"),
    UnfitCode.GUARDIAN_WITHDRAWN: _l("%(name)s的监护人已经撤回同意"),
    UnfitCode.GUARDIAN_EXPIRED: _l("%(name)s的监护人同意%(day)s到期"),
    UnfitCode.MINOR_ALONE: _l("%(name)s未成年，不能单独探访"),
    UnfitCode.MINOR_ACCOMPANY_ONLY: _l("%(name)s不满 14 岁，只能陪同成年人"),
    UnfitCode.MINORS_NOT_WELCOME: _l("这位长者家不适合未成年人去"),
    UnfitCode.MINOR_HOURS: _l("未成年人只在 8:00–18:00 探访"),
    UnfitCode.BARRED: _l("%(name)s和这位长者不能安排在一起"),
    UnfitCode.TIED_ELSEWHERE: _l("%(name)s只探访约定好的一位长者"),
    UnfitCode.SKILL_MISSING: _l("需要%(what)s，%(name)s没有这项"),
    UnfitCode.SEX_PREFERENCE: _l("长者希望%(what)s来"),
    UnfitCode.DIALECT: _l("长者讲%(what)s，%(name)s没有登记会这种话"),
    UnfitCode.OUTSIDE_RADIUS: _l("距%(name)s的出发地%(there)s，超出服务半径%(radius)s"),
    UnfitCode.DAY_OFF: _l("%(name)s %(day)s不能来"),
    UnfitCode.OUT_OF_HOURS: _l("不在%(name)s可以来的时间里"),
    UnfitCode.LIMIT_DAY: _l("%(name)s当天已经有 %(count)s 次，每天最多 %(limit)s 次"),
    UnfitCode.LIMIT_WEEK: _l("%(name)s这一周已经有 %(count)s 次，每周最多 %(limit)s 次"),
    UnfitCode.LIMIT_MONTH: _l("%(name)s这个月已经有 %(count)s 次，每月最多 %(limit)s 次"),
    UnfitCode.LIMIT_HOURS: _l("%(name)s这一周会超过 %(limit)s 小时"),
}
REMEDIES: dict[UnfitCode, Any] = {
    UnfitCode.NOT_APPROVED: _l("请先在人员页审核，或换一位。"),
    UnfitCode.TOO_YOUNG: _l("请换一位。"),
    UnfitCode.CREDENTIAL_MISSING: _l("请先在人员页登记%(what)s，或换一位。"),
    UnfitCode.CREDENTIAL_EXPIRED: _l("请先续办并登记%(what)s，或换一位。"),
    UnfitCode.GUARDIAN_MISSING: _l("请先登记监护人同意，或换一位。"),
    UnfitCode.GUARDIAN_WITHDRAWN: _l("请换一位。"),
    UnfitCode.GUARDIAN_EXPIRED: _l("请监护人续签并登记，或换一位。"),
    UnfitCode.MINOR_ALONE: _l("请加一位已审核的成年人一起去。"),
    UnfitCode.MINOR_ACCOMPANY_ONLY: _l("请由成年人负责这次探访，他作陪同。"),
    UnfitCode.MINORS_NOT_WELCOME: _l("请换一位成年人。"),
    UnfitCode.MINOR_HOURS: _l("请改到白天，或换一位成年人。"),
    UnfitCode.BARRED: _l("请换一位。"),
    UnfitCode.TIED_ELSEWHERE: _l("请换一位。"),
    UnfitCode.SKILL_MISSING: _l("请换一位，或加一位有%(what)s的人一起去。"),
    UnfitCode.SEX_PREFERENCE: _l("请换一位；长者改变主意的，先在档案里改。"),
    UnfitCode.DIALECT: _l("请换一位，或先问能不能讲普通话。"),
    UnfitCode.OUTSIDE_RADIUS: _l("请换一位近的，或先问本人愿不愿意去。"),
    UnfitCode.DAY_OFF: _l("请换一天，或先问本人。"),
    UnfitCode.OUT_OF_HOURS: _l("请换个时间，或先问本人。"),
    UnfitCode.LIMIT_DAY: _l("请换一天或换一位。"),
    UnfitCode.LIMIT_WEEK: _l("请换一周或换一位。"),
    UnfitCode.LIMIT_MONTH: _l("请换一位。"),
    UnfitCode.LIMIT_HOURS: _l("请换一周或换一位。"),
}


@dataclass(frozen=True, slots=True)
class Unfit:
    """One finding. `values` fill the texts, which are made only when somebody reads them."""

    code: UnfitCode
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def hard(self) -> bool:
        """True: refused, whoever asks. False: a coordinator may override it with a reason."""
        return self.code not in OVERRIDABLE

    @property
    def message(self) -> str:
        return str(MESSAGES[self.code]) % self._shown()

    @property
    def remedy(self) -> str:
        return str(REMEDIES[self.code]) % self._shown()

    def _shown(self) -> dict[str, str]:
        return {key: _shown(value) for key, value in self.values.items()}


@dataclass(frozen=True, slots=True)
class Metres:
    """A distance among the values of a finding."""

    value: float


def _shown(value: Any) -> str:
    """A value of a finding as people read it."""
    if isinstance(value, Metres):
        return str(i18n.distance(value.value))
    if isinstance(value, CredentialKind):
        return str(CREDENTIALS[value])
    if isinstance(value, Skill):
        return str(SKILLS[value])
    if isinstance(value, Sex):
        return str(_("女士") if value is Sex.FEMALE else _("男士"))
    if isinstance(value, date):
        return i18n.day(value)
    return str(value)
