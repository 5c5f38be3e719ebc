"""应访清单: who is owed what by when, with the side panel that shows the rule, and the figures area by area."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import Response, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.elders.labels import SEXES
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, current_actor, requires
from coordinator.kernel.areas import AreaLevel
from coordinator.kernel.downloads import send_sheet
from coordinator.kernel.errors import InvalidInput
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec, Page
from coordinator.kernel.spreadsheet import Sheet, SheetColumn, export
from coordinator.policy import EventKind, Pack
from coordinator.visits import labels
from coordinator.visits.queries.due_areas import figures_below
from coordinator.visits.queries.due_list import (
    OPEN_STATUSES,
    STATUSES,
    DueFilter,
    DueItem,
    LastContact,
    describe,
    elder_rows,
    last_contacts,
    live_items,
    packs_of,
    upcoming,
    verdict_of,
)
from coordinator.visits.queries.due_scope import DueScope, read_due_scope
from coordinator.visits.queries.explain import modes_in_words
from coordinator.visits.queries.owed import AreaRow, one_of
from coordinator.visits.queries.ready import Key, PageRow, Tally, ordered_keys, page_rows, tally
from coordinator.visits.services.owed import Freshness, freshen, refresh
from coordinator.visits.views.blueprint import area_choices, bp, item_href
from coordinator.visits.views.panel import fact_of, opened_panel

# More rows than this are handed out area by area.
MOST_EXPORTED = 20_000

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
    """The list as the address asks for it: where, by which rules, narrowed to what."""

    today: date
    scope: DueScope
    fresh: Freshness
    packs: list[Pack]
    listing: Listing
    wish: DueFilter
    statuses: frozenset[str] | set[str]
    last: dict[int, LastContact] = field(default_factory=dict)

    def pack_for(self, item: DueItem) -> Pack:
        """The pack an item comes from: its rule's name begins with it."""
        return next(pack for pack in self.packs if item.obligation.rule.startswith(f"{pack.id}."))

    def keys(self, most: int) -> list[Key]:
        """The first `most` obligations of the list in its order."""
        return ordered_keys(
            self.scope,
            self.today,
            self.wish,
            self.statuses,
            sort=self.listing.sort,
            descending=self.listing.direction == "desc",
            most=most,
        )

    def live(self, elder_ids: set[int]) -> dict[Key, DueItem]:
        """What is listed of these elders, computed now; those outside the scope are left out."""
        rows = elder_rows(Elder.id == one_of(elder_ids), self.today)
        inside = [row for row in rows if row.area_id in self.fresh.books and row.area_id in self.scope.areas]
        return {key_of(item): item for item in live_items(inside, self.fresh.books, self.today)}


def key_of(item: DueItem) -> Key:
    """How the read model names an item."""
    one = item.obligation
    return Key(item.elder.id, one.rule, one.period_from, one.event)


def select_items(actor: Actor) -> Selected:
    """What the address asks for, after bringing its figures up to date. Commits."""
    today = clock.today()
    scope = read_due_scope(actor.area_paths(Permission.DUE_READ), request.args.get("area", type=int))
    fresh = freshen(scope, today)
    if fresh.wrote:
        db.session.commit()
    packs = packs_of(fresh.own_books, today)
    listing = Listing.read(
        DUE,
        request.args,
        request.path,
        choices={"area": _areas(scope), "tier": _tiers(packs), "category": _categories(packs)},
    )
    values = listing.values
    wish = DueFilter(
        tier=values.get("tier", ""),
        mode=values.get("mode", ""),
        category=values.get("category", ""),
        text=listing.q,
    )
    status = values.get("status", "")
    return Selected(
        today, scope, fresh, packs, listing, wish, {status} if status in STATUSES else OPEN_STATUSES
    )


def _areas(scope: DueScope) -> list[tuple[str, str]]:
    """The areas offered, and the one looked at where it is too small to be offered."""
    choices = area_choices(scope.areas.values())
    top = scope.top
    if top is not None and scope.narrowed and all(value != str(top.id) for value, _name in choices):
        choices.append((str(top.id), top.name))
    return choices


def _tiers(packs: list[Pack]) -> list[tuple[str, str]]:
    return list({tier.id: tier.name for pack in packs for tier in pack.tiers}.items())


def _categories(packs: list[Pack]) -> list[tuple[str, str]]:
    return list({entry.id.value: entry.name for pack in packs for entry in pack.categories}.items())


@bp.get("/due")
@requires(Permission.DUE_READ)
def due() -> str | Response:
    """应访清单; whoever only supervises begins with the figures of the areas."""
    actor = current_actor()
    if not request.args and not actor.may(Permission.DUE_EXPLAIN):
        return _areas_page(actor, None)
    selected = select_items(actor)
    if selected.listing.export_format:
        return _export(actor, selected)
    counted, page, items = _page(selected)
    return render_template(
        "visits/due.html",
        selected=selected,
        page=page,
        listing=page.listing,
        counts=counted.counts,
        any_items=counted.items > 0,
        tabs=TABS,
        rows=[_row(item, selected) for item in items],
        scope=scope_sentence(selected.today, selected.packs, counted),
        waiting=selected.fresh.waiting,
        upcoming=_upcoming(selected),
        opened=opened_panel(actor),
        may_print=actor.may(Permission.SHEET_PRINT),
        may_plan=actor.may(Permission.PLAN_EDIT),
        print_args=dict(request.args),
        has_areas=len(selected.scope.areas) > 1,
    )


def _page(selected: Selected) -> tuple[Tally, Page, list[DueItem]]:
    """The page with its rows computed now. Where one differs from what was counted, its elder is computed anew and
    the page read again; commits then."""
    for attempt in range(2):
        counted = tally(selected.scope, selected.today, selected.wish)
        total = sum(counted.counts[status] for status in selected.statuses)
        listing = selected.listing
        pages = max(1, -(-total // listing.per_page))
        number = min(listing.number, pages)
        rows = page_rows(
            selected.scope,
            selected.today,
            selected.wish,
            selected.statuses,
            sort=listing.sort,
            descending=listing.direction == "desc",
            limit=listing.per_page,
            offset=(number - 1) * listing.per_page,
        )
        elders = {row.key.elder_id: row.elder for row in rows if row.elder.area_id in selected.fresh.books}
        live = {
            key_of(item): item
            for item in live_items(list(elders.values()), selected.fresh.books, selected.today)
        }
        wrong = {row.key.elder_id for row in rows if _differs(row, live.get(row.key))}
        if not wrong or attempt:
            break
        refresh(wrong, selected.today)
        db.session.commit()
    selected.last.update({row.key.elder_id: row.last for row in rows if row.last is not None})
    items = [live[row.key] for row in rows if row.key in live]
    return counted, Page(listing=listing, rows=items, total=total, number=number, pages=pages), items


def _differs(row: PageRow, item: DueItem | None) -> bool:
    return item is None or (item.status, item.obligation.counted) != (row.status, row.counted)


def _row(item: DueItem, selected: Selected) -> dict[str, Any]:
    """What a row shows, ready in words."""
    obligation, today = item.obligation, selected.today
    last = selected.last.get(item.elder.id)
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
        "community": selected.scope.areas[item.elder.area_id].name,
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


def scope_sentence(today: date, packs: Sequence[Pack], counted: Tally | None = None) -> str:
    """截至 3月26日（周四）10:00，按泸州市实施方案（2023）计算。…"""
    now = clock.local_now()
    weekday = i18n.day(now, weekday=True).split(" ")
    parts = [
        _(
            "截至 %(day)s（%(weekday)s）%(hour)s，按%(document)s计算。",
            day=weekday[0],
            weekday=weekday[-1],
            hour=i18n.hour(clock.now()),
            document="、".join(dict.fromkeys(pack.document.short_title for pack in packs)) or _("本地文件"),
        ),
        _("含今天所在的各期，以及上月和本月已逾期的。"),
    ]
    if counted is not None and counted.running is not None:
        first, last = counted.running
        left = (last - today).days
        period = i18n.period(first, last)
        parts.append(
            _("%(period)s这一期还剩 %(n)s 天。", period=period, n=left)
            if left
            else _("%(period)s这一期今天到期。", period=period)
        )
    return "".join(parts)


def _upcoming(selected: Selected) -> list[str]:
    """What the next festivals and weather will oblige to, before it is owed."""
    found = []
    for event in upcoming(selected.fresh.own_books, selected.today):
        period = i18n.period(event.start, event.end)
        duty = next(
            (rule for pack in selected.packs for rule in pack.compiled.surge if rule.event == event.kind),
            None,
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


# --- area by area ----------------------------------------------------------------------------------------


@bp.get("/due/areas")
@requires(Permission.DUE_READ)
def due_areas() -> str:
    """应访 area by area: city, county, street, community, grid, with the same figures at each level."""
    return _areas_page(current_actor(), request.args.get("area", type=int))


def _areas_page(actor: Actor, area_id: int | None) -> str:
    today = clock.today()
    scope = read_due_scope(actor.area_paths(Permission.DUE_READ), area_id)
    fresh = freshen(scope, today)
    if fresh.wrote:
        db.session.commit()
    figures = figures_below(scope, today)
    return render_template(
        "visits/due_areas.html",
        scope=scope,
        crumbs=_crumbs(scope),
        figures=figures,
        total=sum((one.counts for one in figures), start=Counter[str]()),
        deeper=[one.area is not None and one.area.level is not AreaLevel.GRID for one in figures],
        tabs=TABS,
        names=STATUS_WORDS,
        sentence=scope_sentence(today, packs_of(fresh.own_books, today)),
        waiting=fresh.waiting,
    )


def _crumbs(scope: DueScope) -> list[AreaRow]:
    """The areas from the actor's own down to the one looked at."""
    if scope.top is None:
        return []
    path = scope.top.path
    return sorted(
        (row for row in scope.areas.values() if path.startswith(row.path)), key=lambda row: len(row.path)
    )


# --- export ----------------------------------------------------------------------------------------------


def _export(actor: Actor, selected: Selected) -> Response:
    today = selected.today
    keys = selected.keys(MOST_EXPORTED + 1)
    if len(keys) > MOST_EXPORTED:
        raise InvalidInput(
            _("这份清单超过 %(most)s 项，一次导不出来。", most=MOST_EXPORTED),
            _("请先按地区或状态筛选，再分几次导出。"),
        )
    elders = {key.elder_id for key in keys}
    live, last = selected.live(elders), last_contacts(elders)
    ordered = [live[key] for key in keys if key in live]

    def last_of(item: DueItem) -> LastContact | None:
        return last.get(item.elder.id)

    columns = [
        SheetColumn(_("状态"), lambda one: STATUS_WORDS[one.status], 8),
        SheetColumn(_("说明"), lambda one: fact_of(one.obligation, one.status, today), 12),
        SheetColumn(_("长者"), lambda one: one.elder.name, 10),
        SheetColumn(_("性别"), lambda one: SEXES[one.elder.sex], 6),
        SheetColumn(_("年龄"), lambda one: i18n.age(one.elder.birth_date, today), 6),
        SheetColumn(_("社区"), lambda one: selected.scope.areas[one.elder.area_id].name, 14),
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
    notes = [scope_sentence(today, selected.packs, tally(selected.scope, today))]
    sheet: Sheet = export(selected.listing.export_format, columns, ordered, title=title, notes=notes)
    audit.record(actor, "due.export", "elders", _("导出应访清单，%(n)s 项", n=len(ordered)))
    db.session.commit()
    return send_sheet(sheet)
