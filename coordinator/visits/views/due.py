"""应访清单: who is owed what by when, with the side panel that shows the rule."""

from __future__ import annotations

from typing import Any

from flask import Response, render_template, request
from flask_babel import gettext as _

from coordinator.elders.labels import SEXES
from coordinator.extensions import db
from coordinator.kernel import audit, i18n
from coordinator.kernel.access import Actor, Permission, current_actor, requires
from coordinator.kernel.downloads import send_sheet
from coordinator.kernel.errors import InvalidInput
from coordinator.kernel.listing import Page
from coordinator.kernel.spreadsheet import Sheet, SheetColumn, export
from coordinator.policy import EventKind
from coordinator.visits import labels
from coordinator.visits.queries.due_list import (
    OPEN_STATUSES,
    DueItem,
    LastContact,
    describe,
    last_contacts,
    live_items,
    upcoming,
    verdict_of,
)
from coordinator.visits.queries.explain import modes_in_words
from coordinator.visits.queries.ready import PageRow, Tally, page_rows, tally
from coordinator.visits.services.owed import refresh
from coordinator.visits.views.blueprint import bp, item_href
from coordinator.visits.views.due_areas import areas_page
from coordinator.visits.views.due_selected import (
    STATUS_WORDS,
    TABS,
    Selected,
    key_of,
    scope_sentence,
    select_items,
)
from coordinator.visits.views.panel import fact_of, opened_panel

# More rows than this are handed out area by area.
MOST_EXPORTED = 20_000


@bp.get("/due")
@requires(Permission.DUE_READ)
def due() -> str | Response:
    """应访清单; whoever only supervises begins with the figures of the areas."""
    actor = current_actor()
    if not request.args and not actor.may(Permission.DUE_EXPLAIN):
        return areas_page(actor, None)
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
