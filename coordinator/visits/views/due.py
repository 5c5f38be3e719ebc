"""应访清单: who is owed what by when, with the side panel that shows the rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.elders.labels import SEXES
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, current_actor, requires
from coordinator.kernel.downloads import send_sheet
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec, Page
from coordinator.kernel.spreadsheet import Sheet, SheetColumn, export
from coordinator.policy import EventKind, Pack
from coordinator.visits import labels
from coordinator.visits.queries.due_list import (
    OPEN_STATUSES,
    STATUSES,
    DueFilter,
    DueItem,
    DueList,
    LastContact,
    count_statuses,
    describe,
    due_list,
    last_contacts,
    order_items,
    verdict_of,
)
from coordinator.visits.queries.explain import modes_in_words
from coordinator.visits.views.blueprint import area_choices, bp, item_href
from coordinator.visits.views.panel import fact_of, opened_panel

STATUS_WORDS: dict[str, Any] = {
    "overdue": _l("逾期"),
    "blocked": _l("受阻"),
    "soon": _l("临期"),
    "owed": _l("应访"),
    "met": _l("已达标"),
    "waived": _l("豁免"),
}
# The tabs stand as in look.md: what waits longest first, what is settled last.
TABS = ("overdue", "soon", "owed", "blocked", "met", "waived")


def _same(statement: Any, _value: Any) -> Any:
    """Status is computed, not stored: the rows are narrowed in Python."""
    return statement


DUE = ListingSpec(
    # The expression only marks a column as sortable: the order is made in Python too.
    columns=(
        Column("status", _l("状态"), sort=Elder.id),
        Column("name", _l("长者、联系人"), sort=Elder.id),
        Column("tier", _l("对象"), sort=Elder.id),
        Column("place", _l("住址"), sort=Elder.id),
        Column("period", _l("应访、期限"), sort=Elder.id),
        Column("last", _l("上次联系"), sort=Elder.id),
    ),
    tie=Elder.id,
    filters=(
        Filter("status", _l("状态"), _same, choices=tuple(STATUS_WORDS.items()), shown=False),
        Filter("area", _l("社区"), _same, all_label=_l("全部社区")),
        Filter("tier", _l("对象"), _same, all_label=_l("各类对象")),
        Filter(
            "mode",
            _l("方式"),
            _same,
            choices=(("home", _l("只计上门")), ("remote", _l("电话、视频也计"))),
            all_label=_l("各种方式"),
        ),
        Filter("category", _l("类别"), _same, all_label=_l("各类老年人")),
    ),
    default_sort="status",
    search=lambda statement, _text: statement,
)


@dataclass(frozen=True, slots=True)
class Selected:
    """The list as the address asks for it."""

    due: DueList
    listing: Listing
    narrowed: list[DueItem]
    chosen: list[DueItem]

    def pack_for(self, item: DueItem) -> Pack:
        """The pack an item comes from: its rule's name begins with it."""
        return next(pack for pack in self.due.packs if item.obligation.rule.startswith(f"{pack.id}."))


def select_items(actor: Actor) -> Selected:
    """Compute the list and narrow it by what the address holds."""
    today = clock.today()
    paths = actor.area_paths(Permission.DUE_READ)
    due = due_list(paths, today, area_id=request.args.get("area", type=int))
    listing = Listing.read(
        DUE,
        request.args,
        request.path,
        choices={
            "area": area_choices(due.areas.values()),
            "tier": _tiers(due.packs),
            "category": _categories(due.packs),
        },
    )
    values = listing.values
    condition = DueFilter(
        tier=values.get("tier", ""),
        mode=values.get("mode", ""),
        category=values.get("category", ""),
        text=listing.q,
    )
    narrowed = [item for item in due.items if condition.keeps(item, today)]
    status = values.get("status", "")
    wanted = {status} if status in STATUSES else OPEN_STATUSES
    return Selected(due, listing, narrowed, [item for item in narrowed if item.status in wanted])


def _tiers(packs: list[Pack]) -> list[tuple[str, str]]:
    return list({tier.id: tier.name for pack in packs for tier in pack.tiers}.items())


def _categories(packs: list[Pack]) -> list[tuple[str, str]]:
    return list({entry.id.value: entry.name for pack in packs for entry in pack.categories}.items())


@bp.get("/due")
@requires(Permission.DUE_READ)
def due() -> str | Response:
    """应访清单."""
    actor = current_actor()
    selected = select_items(actor)
    listing = selected.listing
    last: dict[int, LastContact] = {}
    if listing.sort == "last" or listing.export_format:
        last = last_contacts({item.elder.id for item in selected.chosen})
    ordered = order_items(
        selected.chosen, selected.due.areas, listing.sort, listing.direction == "desc", last
    )
    if listing.export_format:
        return _export(actor, selected, ordered, last)
    pages = max(1, -(-len(ordered) // listing.per_page))
    number = min(listing.number, pages)
    rows = ordered[(number - 1) * listing.per_page : number * listing.per_page]
    last = last or last_contacts({item.elder.id for item in rows})
    page = Page(listing=listing, rows=rows, total=len(ordered), number=number, pages=pages)
    return render_template(
        "visits/due.html",
        selected=selected,
        page=page,
        listing=listing,
        counts=count_statuses(selected.narrowed),
        tabs=TABS,
        rows=[_row(item, selected, last.get(item.elder.id)) for item in rows],
        scope=scope_sentence(selected.due),
        upcoming=_upcoming(selected.due),
        opened=opened_panel(actor),
        may_print=actor.may(Permission.SHEET_PRINT),
        may_plan=actor.may(Permission.PLAN_EDIT),
        print_args=dict(request.args),
    )


def _row(item: DueItem, selected: Selected, last: LastContact | None) -> dict[str, Any]:
    """What a row shows, ready in words."""
    obligation, today = item.obligation, selected.due.today
    why = verdict_of(obligation, last)
    # Mode limits: where a call counts too, no visit at home is needed.
    visits = (
        obligation.required - obligation.counted if item.home_only and item.status in OPEN_STATUSES else 0
    )
    return {
        "item": item,
        "fact": fact_of(item.obligation, item.status, today),
        "sex": SEXES[item.elder.sex],
        "age": i18n.age(item.elder.birth_date, today),
        "tier": short_tier(obligation.tier_name),
        "is_key": obligation.tier in ("key", "A"),
        "kind": "·".join(describe(item.facts, selected.pack_for(item), today)),
        "community": selected.due.areas[item.elder.area_id].name,
        "period": i18n.period(obligation.period_from, obligation.period_to),
        "last": _last_words(last),
        "why": labels.NOT_COUNTED_SHORT[why] if why else "",
        "sums": {
            "who": item.elder.id,
            "visits": visits,
            "minutes": item.elder.visit_minutes if visits else 0,
        },
        "href": item_href(item.elder.id, obligation.rule, obligation.period_from),
    }


def short_tier(name: str | None) -> str:
    """重点 of 重点对象."""
    return (name or "").removesuffix("对象")


def _last_words(last: LastContact | None) -> str:
    if last is None:
        return ""
    return _("%(day)s %(mode)s", day=i18n.day(last.on), mode=labels.MODES[last.mode])


def scope_sentence(due: DueList) -> str:
    """截至 3月26日（周四）10:00，按泸州市实施方案（2023）计算。…"""
    now = clock.local_now()
    weekday = i18n.day(now, weekday=True).split(" ")
    parts = [
        _(
            "截至 %(day)s（%(weekday)s）%(hour)s，按%(document)s计算。",
            day=weekday[0],
            weekday=weekday[-1],
            hour=i18n.hour(clock.now()),
            document="、".join(pack.document.short_title for pack in due.packs) or _("本地文件"),
        ),
        _("含今天所在的各期，以及上月和本月已逾期的。"),
    ]
    running = {
        (item.obligation.period_to, item.obligation.period_from)
        for item in due.items
        if item.obligation.event is None and item.obligation.period_to >= due.today
    }
    if running:
        # Of the periods that end first, the shortest: it leaves the least time.
        last, first = min(running, key=lambda one: (one[0], one[0] - one[1]))
        left = (last - due.today).days
        period = i18n.period(first, last)
        parts.append(
            _("%(period)s这一期还剩 %(n)s 天。", period=period, n=left)
            if left
            else _("%(period)s这一期今天到期。", period=period)
        )
    return "".join(parts)


def _upcoming(due: DueList) -> list[str]:
    """What the next festivals and weather will oblige to, before it is owed."""
    found = []
    for event in due.upcoming:
        period = i18n.period(event.start, event.end)
        duty = next(
            (rule for pack in due.packs for rule in pack.compiled.surge if rule.event == event.kind), None
        )
        if event.kind is EventKind.EPIDEMIC:
            found.append(_("%(name)s（%(period)s）期间不安排上门。", name=event.name, period=period))
        elif duty is not None:
            found.append(
                _(
                    "%(name)s（%(period)s）快到了，期间每位长者要联系 %(n)s 次。",
                    name=event.name,
                    period=period,
                    n=duty.count,
                )
            )
        else:
            found.append(
                _("%(name)s（%(period)s）快到了，文件要求适当增加探访。", name=event.name, period=period)
            )
    return found


# --- export ----------------------------------------------------------------------------------------------


def _export(
    actor: Actor, selected: Selected, ordered: list[DueItem], last: dict[int, LastContact]
) -> Response:
    today = selected.due.today

    def last_of(item: DueItem) -> LastContact | None:
        return last.get(item.elder.id)

    columns = [
        SheetColumn(_("状态"), lambda one: STATUS_WORDS[one.status], 8),
        SheetColumn(_("说明"), lambda one: fact_of(one.obligation, one.status, today), 12),
        SheetColumn(_("长者"), lambda one: one.elder.name, 10),
        SheetColumn(_("性别"), lambda one: SEXES[one.elder.sex], 6),
        SheetColumn(_("年龄"), lambda one: i18n.age(one.elder.birth_date, today), 6),
        SheetColumn(_("社区"), lambda one: selected.due.areas[one.elder.area_id].name, 14),
        SheetColumn(_("住址"), lambda one: one.elder.address, 28),
        SheetColumn(_("对象"), lambda one: one.obligation.tier_name, 10),
        SheetColumn(_("类别"), lambda one: describe(one.facts, selected.pack_for(one), today), 18),
        SheetColumn(_("应访"), lambda one: one.obligation.rule_label, 18),
        SheetColumn(_("计入的方式"), lambda one: modes_in_words(one.obligation.modes), 22),
        SheetColumn(_("期限从"), lambda one: one.obligation.period_from, 12),
        SheetColumn(_("期限到"), lambda one: one.obligation.period_to, 12),
        SheetColumn(_("应计次数"), lambda one: one.obligation.required, 8),
        SheetColumn(_("已计次数"), lambda one: one.obligation.counted, 8),
        SheetColumn(_("服务联系人"), lambda one: one.elder.contact_name, 10),
        SheetColumn(_("上次联系"), lambda one: getattr(last_of(one), "on", None), 12),
        SheetColumn(
            _("上次方式"), lambda one: labels.MODES[found.mode] if (found := last_of(one)) else None, 10
        ),
        SheetColumn(_("依据"), lambda one: one.obligation.source.quote, 60),
    ]
    title = _("应访清单 %(day)s", day=today.isoformat())
    sheet: Sheet = export(
        selected.listing.export_format, columns, ordered, title=title, notes=[scope_sentence(selected.due)]
    )
    audit.record(actor, "due.export", "elders", _("导出应访清单，%(n)s 项", n=len(ordered)))
    db.session.commit()
    return send_sheet(sheet)
