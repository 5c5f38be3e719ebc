"""The one reason that makes a claim doubtful, and what was checked about it. Only clean claims may be approved
together; what a rule may approve without a person is stricter still (`queries.auto`).
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _

from coordinator.kernel import i18n
from coordinator.marketplace.labels import SENSITIVE
from coordinator.marketplace.queries.inbox import Waiting
from coordinator.marketplace.queries.market import OWN_WILL
from coordinator.visits.lifecycle import VisitState
from coordinator.workforce.fitness import ACCOMPANY_ONLY_BELOW, duty_gate, has_skill


@dataclass(frozen=True, slots=True)
class Doubt:
    """Icon, colour of the status macro, and the words. `final`: it cannot be approved."""

    icon: str
    colour: str
    text: str
    final: bool = False
    needs_reason: bool = False


def doubt(one: Waiting) -> Doubt | None:
    """Why a person has to look at this claim; None when nothing stands against it."""
    if one.opening.state is not VisitState.CLAIMED:
        text = {
            VisitState.CANCELLED: _("这次探访已经取消"),
            VisitState.ASSIGNED: _("已经另外派了人"),
        }.get(one.opening.state, _("这次探访已经不在等申请"))
        return Doubt("minus", "waived", text, final=True)
    if not one.open:
        return Doubt("late", "overdue", _("探访的时间已经过了"), final=True)
    if one.hard:
        return Doubt("late", "overdue", one.hard[0].message, final=True)
    if one.clash:
        return Doubt("late", "overdue", _("这段时间已经有别的探访"), final=True)
    if one.companion is not None:
        if one.minor:
            said = _("已答应") if one.companion_agreed_at else _("还没有答应")
            text = _("未成年人须有成人同行：%(name)s%(said)s", name=one.companion.name, said=said)
        elif one.companion_agreed_at:
            text = _("两人同去：%(name)s已答应", name=one.companion.name)
        else:
            text = _("两人同去：%(name)s还没有答应", name=one.companion.name)
        return Doubt("people", "soon", text)
    soft = [finding for finding in one.soft if finding.code not in OWN_WILL]
    if soft:
        return Doubt("info", "soon", soft[0].message, needs_reason=True)
    if not one.visits_before and not one.is_contact:
        return Doubt("info", "soon", _("第一次去这位长者家"))
    if one.sensitive and not one.visits_before:
        return Doubt("info", "soon", str(SENSITIVE[one.sensitive[0]]))
    return None


def needs_reason(one: Waiting) -> bool:
    """Must the coordinator write why an overridable finding is passed over?"""
    return any(finding.code not in OWN_WILL for finding in one.soft)


def good_news(one: Waiting) -> str:
    """What speaks for a clean claim: 去过 6 次，顺路 +3 分钟."""
    known = _("结对") if one.is_contact and not one.visits_before else _("去过 %(n)s 次", n=one.visits_before)
    if one.added_minutes is None:
        return known
    return _("%(known)s，顺路 +%(n)s 分钟", known=known, n=one.added_minutes)


def checks(one: Waiting) -> list[tuple[str, str]]:
    """What was checked, for `checks()` of the blocks: ('ok'|'soon'|'no', words)."""
    found: list[tuple[str, str]] = [("no", finding.message) for finding in one.hard]
    found += [("soon", finding.message) for finding in one.soft]
    day = one.opening.day
    gate = [*duty_gate(one.worker, day)]
    if not gate:
        found.append(("ok", _("培训、保险、健康声明、协议到那天都有效")))
    for skill in one.opening.needs_skills:
        if has_skill(one.worker, skill, day):
            found.append(("ok", _("有这次需要的技能")))
            break
    if one.minor:
        age = i18n.age(one.worker.birth_date, day)
        words = (
            _("%(age)s 岁，只陪同成年人", age=age)
            if age < ACCOMPANY_ONLY_BELOW
            else _("%(age)s 岁，有成年人一起去", age=age)
        )
        found.append(("ok" if one.companion else "no", words))
        found.append(("soon", _("未成年人的申请要您逐条决定")))
    found += [("soon", str(SENSITIVE[why])) for why in one.sensitive]
    found.append(("no", _("这段时间已经有别的探访")) if one.clash else ("ok", _("和已有的安排不冲突")))
    return found
