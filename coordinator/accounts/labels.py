"""The Chinese words for roles, organisations and why a session ended."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.accounts.models import OrganisationKind, SchoolStage
from coordinator.kernel.access import Role
from coordinator.kernel.areas import AreaLevel

ROLES: dict[Role, Any] = {
    Role.ADMINISTRATOR: _l("管理员"),
    Role.CITY_SUPERVISOR: _l("市级监管员"),
    Role.COUNTY_SUPERVISOR: _l("区县监管员"),
    Role.STREET_COORDINATOR: _l("街道协调员"),
    Role.COMMUNITY_COORDINATOR: _l("社区协调员"),
    Role.ORGANISATION_MANAGER: _l("单位负责人"),
    Role.SCHOOL_VERIFIER: _l("学校核验员"),
    Role.WORKER: _l("探访人员"),
    Role.FAMILY: _l("家属"),
}
ORGANISATION_KINDS: dict[OrganisationKind, Any] = {
    OrganisationKind.SCHOOL: _l("学校"),
    OrganisationKind.PROPERTY_COMPANY: _l("物业公司"),
    OrganisationKind.COURIER_COMPANY: _l("快递外卖公司"),
    OrganisationKind.SOCIAL_WORK_STATION: _l("社工站"),
    OrganisationKind.VOLUNTEER_TEAM: _l("志愿服务队"),
    OrganisationKind.SENIOR_ASSOCIATION: _l("老年协会"),
    OrganisationKind.COMMITTEE: _l("村（居）委会"),
    OrganisationKind.HEALTH_CENTRE: _l("卫生服务机构"),
    OrganisationKind.OTHER: _l("其他"),
}
SCHOOL_STAGES: dict[SchoolStage, Any] = {
    SchoolStage.MIDDLE: _l("初中"),
    SchoolStage.HIGH: _l("高中"),
    SchoolStage.VOCATIONAL: _l("中职"),
    SchoolStage.UNIVERSITY: _l("大学"),
}
AREA_LEVELS: dict[AreaLevel, Any] = {
    AreaLevel.PROVINCE: _l("省"),
    AreaLevel.CITY: _l("市"),
    AreaLevel.COUNTY: _l("区县"),
    AreaLevel.STREET: _l("街道（乡镇）"),
    AreaLevel.COMMUNITY: _l("社区（村）"),
    AreaLevel.GRID: _l("网格"),
}
