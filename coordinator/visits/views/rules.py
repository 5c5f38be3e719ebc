"""规则与依据: the rule pack of the area, readable, with the document's words beside each rule."""

from __future__ import annotations

from flask import has_app_context, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import Conflict, NotFound
from coordinator.policy import Pack
from coordinator.policy.packs import keep_versions_in
from coordinator.policy.periods import PeriodKind
from coordinator.visits.queries.explain import packs_in
from coordinator.visits.queries.packs import pack_in_force, pack_of_version, version_lines
from coordinator.visits.views.blueprint import bp

PERIODS: dict[PeriodKind, object] = {
    "half_month": _l("每半月"),
    "month": _l("每月"),
    "half_year": _l("每半年"),
    "year": _l("每年"),
}
EVERY = {"month": _l("每月"), "quarter": _l("每季"), "half_year": _l("每半年"), "year": _l("每年")}
TOPICS = {
    "scope": _l("对象范围"),
    "frequency": _l("探访频次"),
    "register": _l("登记建档"),
    "data_sharing": _l("数据共享"),
    "service_contact": _l("服务联系人"),
    "emergency_contact": _l("紧急联系人"),
    "devices": _l("智能设备"),
    "students": _l("学生参与"),
    "minors": _l("未成年人"),
    "workforce": _l("探访队伍"),
    "first_contact": _l("第一探访联系人"),
    "content": _l("探访内容"),
    "closed_loop": _l("闭环管理"),
    "emergency": _l("突发情况"),
    "follow_up": _l("跟踪回访"),
    "supervision": _l("监督检查"),
    "privacy": _l("隐私保护"),
    "publicity": _l("政策宣传"),
}
STATES = {
    "in_force": _l("现在执行"),
    "to_come": _l("以后执行"),
    "past": _l("已经停用"),
    "replaced": _l("没有用过，被同一天的另一版代替"),
}


def _in_force_now(name: str) -> Pack | None:
    return pack_in_force(name, clock.today()) if has_app_context() else None


keep_versions_in(_in_force_now)


def _asked_for(version_id: int) -> Pack:
    try:
        return pack_of_version(version_id)
    except Conflict as problem:
        raise NotFound(problem.message) from problem


@bp.get("/rules")
@requires(Permission.POLICY_READ)
def rules() -> str:
    """The pack in force, one at a time where several are; with `?version=` a stored version, under which a record
    may have been made."""
    actor = current_actor()
    packs = packs_in(actor.area_paths(Permission.POLICY_READ))
    pack: Pack | None
    if "version" in request.args:
        version_id = request.args.get("version", type=int)
        if version_id is None:
            raise NotFound(_("没有这个版本的规则。"))
        pack = _asked_for(version_id)
    else:
        wanted = request.args.get("pack")
        pack = next((one for one in packs if one.id == wanted), packs[0] if packs else None)
    settings, versions, parent = [], [], None
    if pack is not None:
        settings = [
            (entry.text, entry.label)
            for key in type(pack.settings).model_fields
            if (entry := getattr(pack.settings, key)) is not None
        ]
        today = clock.today()
        versions = version_lines(pack.id, today)
        if pack.parent is not None:
            parent = next((one for one in version_lines(pack.parent, today) if one.state == "in_force"), None)
    return render_template(
        "visits/rules.html",
        packs=packs,
        pack=pack,
        settings=settings,
        versions=versions,
        shown=next((one for one in versions if pack is not None and one.sha256 == pack.digest), None),
        parent=parent,
        states=STATES,
        periods=PERIODS,
        every=EVERY,
        topics=TOPICS,
        link_to_events=actor.may(Permission.DUE_READ),
    )
