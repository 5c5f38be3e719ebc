"""规则与依据: the rule pack of the area, readable, with the document's words beside each rule."""

from __future__ import annotations

from flask import has_app_context, render_template, request
from flask_babel import lazy_gettext as _l

from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.policy import Pack
from coordinator.policy.packs import keep_versions_in
from coordinator.policy.periods import PeriodKind
from coordinator.visits.queries.explain import packs_in
from coordinator.visits.queries.packs import pack_in_force
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


def _in_force_now(name: str) -> Pack | None:
    return pack_in_force(name, clock.today()) if has_app_context() else None


keep_versions_in(_in_force_now)


@bp.get("/rules")
@requires(Permission.POLICY_READ)
def rules() -> str:
    """The pack in force; where several are, one at a time."""
    actor = current_actor()
    packs = packs_in(actor.area_paths(Permission.POLICY_READ))
    wanted = request.args.get("pack")
    pack = next((one for one in packs if one.id == wanted), packs[0] if packs else None)
    settings = []
    if pack is not None:
        settings = [
            (entry.text, entry.label)
            for key in type(pack.settings).model_fields
            if (entry := getattr(pack.settings, key)) is not None
        ]
    return render_template(
        "visits/rules.html",
        packs=packs,
        pack=pack,
        settings=settings,
        periods=PERIODS,
        every=EVERY,
        topics=TOPICS,
        link_to_events=actor.may(Permission.DUE_READ),
    )
