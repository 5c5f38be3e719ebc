"""What an address of 应访清单 asks for: where, by which rules, narrowed to what; and the sentence that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor, Permission
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec
from coordinator.policy import Pack
from coordinator.visits.queries.due_list import (
    OPEN_STATUSES,
    STATUSES,
    DueFilter,
    DueItem,
    LastContact,
    elder_rows,
    live_items,
    packs_of,
)
from coordinator.visits.queries.due_scope import DueScope, read_due_scope
from coordinator.visits.queries.owed import one_of
from coordinator.visits.queries.ready import Key, Tally, ordered_keys
from coordinator.visits.services.owed import Freshness, freshen
from coordinator.visits.views.blueprint import area_choices

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
