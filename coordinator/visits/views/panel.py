"""The side panel of one obligation, the same as a page, and the block for the dossier."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.elders.labels import SEXES
from coordinator.elders.models import Elder
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor, Permission, covers, current_actor, requires
from coordinator.kernel.errors import NotFound
from coordinator.kernel.forms import attempt
from coordinator.policy import BlockReason, Mode
from coordinator.visits import labels
from coordinator.visits.forms import OverdueReasonForm
from coordinator.visits.queries.due_list import OPEN_STATUSES, describe
from coordinator.visits.queries.explain import OwedItem, elder_owed, modes_in_words
from coordinator.visits.services import write_overdue_reason
from coordinator.visits.views.blueprint import bp, find_elder, item_href, link_to, read_day


def fact_of(obligation: Any, status: str, today: date) -> str:
    """The fact beside a status: 9 天, 剩 7 天, 3月20日, 只接受远程."""
    match status:
        case "overdue":
            return _("%(n)s 天", n=obligation.days_overdue(today))
        case "soon" | "owed":
            left = obligation.days_left(today)
            return _("剩 %(n)s 天", n=left) if left else _("今天到期")
        case "met":
            counted = [one.date for one in obligation.contacts if one.counted]
            return i18n.day(counted[-1]) if counted else ""
        case "blocked":
            return str(labels.BLOCKED[obligation.blocked])
        case _:
            return str(labels.WAIVED[obligation.reason])


def opened_panel(actor: Actor) -> dict[str, Any] | None:
    """The panel that `?open=elder:rule:first day` asks for, so that an address shows what its sender saw."""
    parts = request.args.get("open", "").split(":")
    if len(parts) != 3 or not parts[0].isdigit():
        return None
    start = read_day(parts[2])
    if start is None:
        return None
    try:
        return _panel(actor, int(parts[0]), parts[1], start)
    except NotFound:
        return None


def _panel(actor: Actor, elder_id: int, rule: str, start: date) -> dict[str, Any]:
    elder = find_elder(actor, Permission.DUE_READ, elder_id)
    owed = elder_owed(elder, clock.today())
    item = owed.find(rule, start)
    if item is None:
        raise NotFound(
            _("这一项已经不在应访清单里。"), _("可能规则、档案或节日有了变化，请回到清单看最新的情况。")
        )
    return panel_context(actor, elder, owed, item)


def panel_context(actor: Actor, elder: Elder, owed: Any, item: OwedItem) -> dict[str, Any]:
    """What the panel's template needs."""
    obligation = item.obligation
    return {
        "elder": elder,
        "owed": owed,
        "item": item,
        "sub": _(
            "%(sex)s，%(age)s 岁，%(kind)s，%(area)s",
            sex=SEXES[elder.sex],
            age=i18n.age(elder.birth_date),
            kind="·".join(describe(owed.facts, owed.pack, owed.today)) or _("没有登记类别"),
            area=elder.area.name,
        ),
        "fact": fact_of(obligation, item.status, owed.today),
        "progress": _(
            "%(period)s，%(modes)s %(counted)s / %(required)s 次",
            period=i18n.period(obligation.period_from, obligation.period_to),
            modes=modes_in_words(obligation.modes),
            counted=obligation.counted,
            required=obligation.required,
        ),
        "may_explain": covers(actor, Permission.DUE_EXPLAIN, elder.area.path),
        "may_open": covers(actor, Permission.VISIT_OPEN, elder.area.path)
        and item.status in OPEN_STATUSES
        and item.status != "blocked"
        and Mode.HOME in obligation.modes,
        "may_log": covers(actor, Permission.VISIT_OPEN, elder.area.path),
        "wish_href": _wish_href(actor, elder, item),
    }


def _wish_href(actor: Actor, elder: Elder, item: OwedItem) -> str:
    """Where the wish is recorded that stands in the way; '' where none does or somebody else records it."""
    kind = {BlockReason.REMOTE_ONLY: "service", BlockReason.HOME_CONSENT_MISSING: "home"}.get(
        item.obligation.blocked or BlockReason.EPIDEMIC
    )
    if kind is None or not covers(actor, Permission.ELDER_EDIT, elder.area.path):
        return ""
    return link_to("elders.consent", elder_id=elder.id, kind=kind)


@bp.get("/due/<int:elder_id>")
@requires(Permission.DUE_READ)
def due_item(elder_id: int) -> str:
    """One obligation: the side panel, or the same as a page of its own."""
    start = read_day(request.args.get("start"))
    if start is None:
        raise NotFound(_("没有找到这一项应访。"), _("请从应访清单进入。"))
    context = _panel(current_actor(), elder_id, request.args.get("rule", ""), start)
    return render_template("visits/due_item.html", form=OverdueReasonForm(formdata=None), **context)


@bp.post("/due/<int:elder_id>/reason")
@requires(Permission.DUE_EXPLAIN)
def explain_overdue(elder_id: int) -> str | Response | tuple[str, int]:
    """Write down why an obligation was not met in time."""
    actor = current_actor()
    form = OverdueReasonForm()
    elder = find_elder(actor, Permission.DUE_EXPLAIN, elder_id)
    rule, start = form.rule.data or "", form.period_from.data
    if start is None:
        raise NotFound(_("没有找到这一项应访。"), _("请从应访清单进入。"))
    if attempt(form, lambda: write_overdue_reason(actor, elder, rule, start, form.reason.data or "")) and (
        not request.headers.get("HX-Request")
    ):
        flash(_("已写明原因。"), "ok")
        return redirect(item_href(elder_id, rule, start), 303)
    context = _panel(actor, elder_id, rule, start)
    return render_template("visits/due_item.html", form=form, **context), 422 if form.errors else 200


@bp.get("/due/elder/<int:elder_id>")
@requires(Permission.DUE_READ)
def elder_panel(elder_id: int) -> str:
    """What one elder is owed, as a block for the dossier (asked for by htmx) or as a page."""
    actor = current_actor()
    elder = find_elder(actor, Permission.DUE_READ, elder_id)
    owed = elder_owed(elder, clock.today())
    return render_template(
        "visits/elder_owed.html",
        elder=elder,
        owed=owed,
        facts=[fact_of(item.obligation, item.status, owed.today) for item in owed.items],
        wish_hrefs=[_wish_href(actor, elder, item) for item in owed.items],
        may_log=covers(actor, Permission.VISIT_OPEN, elder.area.path),
    )
