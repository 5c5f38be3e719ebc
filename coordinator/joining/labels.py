"""Who joins as what, in the words people use of themselves."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l

from coordinator.workforce.models import WorkerKind

K = WorkerKind


class Card(NamedTuple):
    """One answer to 「您是哪一类」. `common` ones stand first, the others below."""

    title: Any
    text: Any
    icon: str
    common: bool = False


CARDS: dict[WorkerKind, Card] = {
    K.VOLUNTEER: Card(_l("我想做志愿者"), _l("有空就来，满 18 岁"), "heart", True),
    K.STUDENT: Card(_l("我是在校学生"), _l("满 10 岁；未满 18 岁要监护人同意"), "school", True),
    K.YOUNGER_SENIOR: Card(_l("我退休了，身体好"), _l("帮助年纪更大的老人；要填健康声明"), "walk", True),
    K.NEIGHBOUR: Card(_l("我是老人的邻居"), _l("只去看望这一位"), "door", True),
    K.RELATIVE: Card(_l("我是老人的亲属"), _l("只去看望这一位"), "home", True),
    K.SOCIAL_WORKER: Card(_l("我是社会工作者"), _l("要填职业资格证书编号"), "cert", True),
    K.FAMILY_DOCTOR: Card(_l("我是家庭医生"), _l("要填执业证书编号和单位"), "plus"),
    K.GRID_MEMBER: Card(_l("我是网格员"), _l("要填所在网格"), "shield"),
    K.CARE_STAFF: Card(_l("我做养老服务"), _l("养老机构、居家服务的工作人员"), "people"),
    K.PARTY_MEMBER: Card(_l("我是党员"), _l("在职或退休党员"), "flag"),
    K.SENIOR_ASSOCIATION: Card(_l("我在老年协会"), _l("协会会员"), "team"),
    K.OWNERS_COMMITTEE: Card(_l("我在业主委员会"), _l("业委会成员"), "team"),
    K.COMMITTEE_MEMBER: Card(_l("我在村（居）委会"), _l("工作人员"), "user"),
    K.OFFICE_STAFF: Card(_l("我在机关或企事业单位"), _l("单位组织的探访"), "user"),
    K.CHARITY: Card(_l("我在慈善组织"), _l("慈善组织的人员"), "heart"),
}
# Sent by their company, by its link or roster: the round is part of their work.
BY_COMPANY = frozenset({K.PROPERTY_STAFF, K.COURIER})
ONE_ELDER = frozenset({K.NEIGHBOUR, K.RELATIVE})
LICENCES: dict[WorkerKind, Any] = {
    K.SOCIAL_WORKER: _l("职业资格证书编号"),
    K.FAMILY_DOCTOR: _l("执业证书编号"),
}
OFFICES: dict[WorkerKind, Any] = {
    K.FAMILY_DOCTOR: _l("在哪家医院或卫生服务中心"),
    K.GRID_MEMBER: _l("哪个网格"),
    K.CARE_STAFF: _l("在哪家机构"),
    K.SENIOR_ASSOCIATION: _l("哪个协会"),
    K.OWNERS_COMMITTEE: _l("哪个小区"),
    K.COMMITTEE_MEMBER: _l("哪个村（居）委会"),
    K.OFFICE_STAFF: _l("在哪个单位"),
    K.CHARITY: _l("在哪个组织"),
}
GUARDIAN_RELATIONS = (_l("父亲"), _l("母亲"), _l("祖父母或外祖父母"), _l("其他监护人"))
ELDER_RELATIONS: dict[WorkerKind, tuple[Any, ...]] = {
    K.NEIGHBOUR: (_l("同一栋楼"), _l("同一个小区"), _l("同村"), _l("老朋友")),
    K.RELATIVE: (_l("子女"), _l("孙辈"), _l("兄弟姐妹"), _l("侄辈、外甥"), _l("其他亲属")),
}
LINK_STATES: dict[str, tuple[str, Any]] = {
    "open": ("ok", _l("能用")),
    "ended": ("off", _l("已停用")),
    "expired": ("off", _l("已到期")),
    "used_up": ("off", _l("人数已满")),
}
