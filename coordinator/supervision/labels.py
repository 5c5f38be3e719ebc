"""Words of the month's visit rate."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.supervision.queries.corrections import Why
from coordinator.visits.queries.coverage import Group

GROUPS: dict[str, Any] = {
    Group.BOTH: _l("联系过，各项都完成"),
    Group.CONTACTED: _l("联系过，还有没完成的"),
    Group.MET: _l("没有联系，也没有到期的应访"),
    Group.NEITHER: _l("没有联系，应访没完成"),
    Group.REFUSED: _l("不愿意接受服务"),
    Group.NEW: _l("登记时间太短"),
    Group.LEFT: _l("月底前离册"),
}
WHICH: dict[str, Any] = {
    "not_contacted": _l("一次也没联系到"),
    "not_met": _l("还有应访没完成"),
    "refused": _l("不愿意接受服务"),
    "new": _l("登记时间太短"),
    "left": _l("月底前离册"),
}
WHY: dict[str, Any] = {
    Why.LATE_CONTACT: _l("补录联系"),
    Why.ENTERED_LATE: _l("补登记的长者"),
    Why.MOVED_IN: _l("从别处转来"),
    Why.MOVED_OUT: _l("转到别处"),
    Why.DATES: _l("登记或离册日期更正"),
    Why.WISHES: _l("意愿更正"),
    Why.EVENTS: _l("节日与天气有改动"),
    Why.CONTACTS: _l("联系结果更正"),
    Why.DOSSIER: _l("档案更正"),
}
