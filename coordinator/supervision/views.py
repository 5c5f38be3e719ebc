"""月探访率: the table of an area, who is behind each figure, freezing, export and paper."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from coordinator.accounts.models import User
from coordinator.elders.labels import CATEGORIES, CONSENT_GIVERS, DERIVED_CATEGORIES
from coordinator.elders.models import Consent, Elder, Household
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, covers, current_actor, in_areas, requires
from coordinator.kernel.areas import Area
from coordinator.kernel.downloads import send_pdf, send_sheet
from coordinator.kernel.errors import Conflict, DomainError, NotFound
from coordinator.kernel.listing import Column, Listing, ListingSpec
from coordinator.kernel.printing import print_paper
from coordinator.kernel.spreadsheet import SheetColumn, export_xlsx
from coordinator.policy import Pack
from coordinator.supervision import labels
from coordinator.supervision.papers import RateSheet, percent
from coordinator.supervision.queries import rate
from coordinator.supervision.queries.corrections import read_corrections, reasons
from coordinator.supervision.queries.rate import MonthView, Scope, Source
from coordinator.supervision.queries.targets import target_in, targets_of
from coordinator.supervision.rules import freeze_day, month_after, month_before, months_back
from coordinator.supervision.services import request_count, request_freeze
from coordinator.visits.queries.coverage import Figures, Group, Part
from coordinator.visits.queries.owed import pack_of

bp = Blueprint("supervision", __name__)

MONTHS_SHOWN = 12
PER_PAGE = 100
# A correction is told by name up to here; the figures are whole anyway.
MOST_NAMED = 300


@bp.context_processor
def shared() -> dict[str, Any]:
    """What the templates of this feature call."""
    return {"words": labels}


# Macros have no context of their own.
bp.add_app_template_global(percent)


def _month() -> date:
    """`?month=2026-02`, or this month; a month to come is this one."""
    today = clock.today()
    try:
        asked = datetime.strptime(request.values.get("month", ""), "%Y-%m").date()  # noqa: DTZ007
    except ValueError:
        asked = today
    return min(asked, today).replace(day=1)


def _scope(actor: Actor) -> Scope:
    found = rate.scope_of(actor, request.values.get("area", type=int))
    if found is None:
        raise NotFound(_("没有找到这个辖区。"), _("可能不在您的管辖范围内。"))
    return found


def _pack(area: Area) -> Pack | None:
    try:
        return pack_of(area)
    except Conflict:
        return None


@bp.get("/coverage")
@requires(Permission.COVERAGE_READ)
def coverage() -> Any:
    """Both rates of an area and a month, of the areas below it, by category, tier and rule, and months back."""
    actor = current_actor()
    scope, month = _scope(actor), _month()
    view = rate.read_month(scope, month)
    area = db.session.get_one(Area, scope.chosen.id)
    pack = _pack(area)
    if request.args.get("format") == "xlsx":
        return _export(actor, scope, view, pack)
    months = months_back(clock.today(), MONTHS_SHOWN)
    targets = targets_of(pack)
    corrected = read_corrections(scope, view, actor) if view.own.now else []
    frozen_by = db.session.get(User, view.frozen_by) if view.frozen_by else None
    day = freeze_day(area)
    return render_template(
        "supervision/coverage.html",
        scope=scope,
        view=view,
        month=month,
        before=month_before(month),
        after=month_after(month) if month_after(month) <= clock.today() else None,
        today=clock.today(),
        pack=pack,
        targets=targets,
        target=target_in(targets, month),
        target_of={one: target_in(targets, one) for one in months},
        months=months[::-1],
        history=rate.months_of(scope.chosen.id, months),
        tables=part_tables(view.figures),
        corrected=reasons(corrected),
        corrected_count=len(corrected),
        frozen_by=frozen_by.name if frozen_by else "",
        freezes_on=month_after(month).replace(day=day),
        freeze_day=day,
        may_freeze=view.source is not Source.FROZEN
        and not view.span.running
        and covers(actor, Permission.COVERAGE_FREEZE, scope.chosen.path),
        Source=Source,
        Group=Group,
    )


def part_tables(figures: Figures) -> list[tuple[str, list[tuple[str, Part]]]]:
    """The figures by category, tier and rule, in words; empty tables are left out."""
    names = {str(key): str(text) for key, text in (CATEGORIES | DERIVED_CATEGORIES).items()}
    found = [
        (
            _("按类别（一位长者可以属于几类）"),
            [(names.get(key, key), part) for key, part in sorted(figures.categories.items())],
        ),
        (
            _("按对象"),
            [(key or _("不分档"), part) for key, part in sorted(figures.tiers.items())]
            if any(figures.tiers)
            else [],
        ),
        (
            _("按应访项目（本月到期的）"),
            [(figures.labels.get(key, key), part) for key, part in sorted(figures.rules.items())],
        ),
    ]
    return [(title, rows) for title, rows in found if rows]


def _notes(pack: Pack | None) -> list[str]:
    """Numerators and denominator in words, as they stand under each table."""
    days = pack.settings.min_enrolment_days.value if pack else 0
    return [
        _("分母：月底（本月为今天）在册、登记满 %(n)s 天、没有书面记录不愿意接受服务的长者。", n=days),
        _("“至少联系一次”：分母中，本月有一次见到或联系上的，上门、电话、视频等都算。"),
        _("“各项都完成”：分母中，本月到期的各项应访全部完成的；期末才到期的不算在本月。"),
        _("不愿意接受服务的只凭档案里的书面记录移出分母，另行列出。"),
    ]


def _state_text(view: MonthView) -> str:
    if view.source is Source.FROZEN:
        return _("%(when)s冻结", when=i18n.moment(view.at))
    if view.source is Source.NONE:
        return _("还没有计算")
    if view.span.running:
        return _("本月还没过完，截至%(when)s", when=i18n.moment(view.at))
    return _("还没有冻结，截至%(when)s", when=i18n.moment(view.at))


def _month_text(month: date) -> str:
    return _("%(year)s年%(month)s月", year=month.year, month=month.month)


def _export(actor: Actor, scope: Scope, view: MonthView, pack: Pack | None) -> Response:
    """The table as xlsx: one row for each area, numerator and denominator in cells of their own."""
    rows = [row for row in (view.own, *view.parts) if row.numbers is not None]

    def cell(position: int, *, now: bool = False) -> Any:
        return lambda row: (row.now or row.numbers)[position] if now else row.numbers[position]

    columns = [
        SheetColumn(_("辖区"), lambda row: row.area.name, 20),
        SheetColumn(_("分母（人）"), cell(0), 12),
        SheetColumn(_("至少联系一次（人）"), cell(1), 16),
        SheetColumn(_("至少联系一次（率）"), lambda row: percent(row.numbers[1], row.numbers[0]), 16),
        SheetColumn(_("各项都完成（人）"), cell(2), 16),
        SheetColumn(_("各项都完成（率）"), lambda row: percent(row.numbers[2], row.numbers[0]), 16),
    ]
    if view.source is Source.FROZEN:
        columns += [
            SheetColumn(_("更正后分母"), cell(0, now=True), 14),
            SheetColumn(_("更正后至少联系一次"), cell(1, now=True), 18),
            SheetColumn(_("更正后各项都完成"), cell(2, now=True), 18),
        ]
    notes = [
        f"{scope.chosen.name}　{_month_text(view.span.first)}　{_state_text(view)}",
        *_notes(pack),
        *(f"{labels.GROUPS[group]}：{view.figures.groups[group]}" for group in Group),
        *(
            f"{title}　{name}：{part.contacted}/{part.elders}，{part.met}/{part.elders}"
            for title, parts in part_tables(view.figures)
            for name, part in parts
        ),
        _("导出人：%(name)s", name=actor.name),
    ]
    title = _("月探访率 %(place)s %(month)s", place=scope.chosen.name, month=f"{view.span.first:%Y-%m}")
    sheet = export_xlsx(columns, rows, title=title, notes=notes)
    audit.record(
        actor,
        "coverage.export",
        "coverage_snapshots",
        _("导出%(area)s %(month)s的月探访率", area=scope.chosen.name, month=_month_text(view.span.first)),
        area_id=scope.chosen.id,
    )
    db.session.commit()
    return send_sheet(sheet)


@bp.get("/coverage.pdf")
@requires(Permission.COVERAGE_READ)
def coverage_sheet() -> Response:
    """The same table on A4."""
    actor = current_actor()
    scope = _scope(actor)
    view = rate.read_month(scope, _month())
    pack = _pack(db.session.get_one(Area, scope.chosen.id))
    target = target_in(targets_of(pack), view.span.first)
    rows = [row for row in (view.own, *view.parts) if row.numbers is not None]
    sheet = RateSheet(
        place=scope.chosen.name,
        month=view.span.first,
        state=_state_text(view),
        printed_by=actor.name,
        printed_on=clock.today(),
        target=f"{target.percent}%（{target.by.year}年{target.by.month}月底前）" if target else "",
        rows=tuple(
            (
                row.area.name,
                *row.numbers,
                f"更正后 {percent(row.now.contacted, row.now.elders)}、{percent(row.now.all_met, row.now.elders)}"
                if row.now
                else "",
            )
            for row in rows
            if row.numbers is not None
        ),
        beside=tuple(
            (str(labels.GROUPS[group]), view.figures.groups[group])
            for group in (Group.REFUSED, Group.NEW, Group.LEFT)
        ),
        parts=tuple(
            (title, name, part.elders, part.contacted, part.met)
            for title, parts in part_tables(view.figures)
            for name, part in parts
        ),
        notes=tuple(_notes(pack)),
    )
    return send_pdf(print_paper(sheet), f"{sheet.title}.pdf")


# --- who is behind a figure ------------------------------------------------------------------------------


@bp.get("/coverage/elders")
@requires(Permission.COVERAGE_READ)
def elders() -> str:
    """The elders behind a figure; of frozen months as they were frozen."""
    actor = current_actor()
    scope, month = _scope(actor), _month()
    which = request.args.get("which", "not_met")
    if which not in rate.WHICH:
        raise NotFound(_("没有这种名单。"), _("请从月探访率进入。"))
    view = rate.read_month(scope, month)
    ids = rate.people_in(scope, view, which)
    pages = max(1, -(-len(ids) // PER_PAGE))
    page = min(max(1, request.args.get("page", type=int) or 1), pages)
    rows = db.session.execute(
        select(Elder.id, Elder.name, Elder.area_id, Household.address)
        .join(Household, Household.id == Elder.household_id)
        .where(
            Elder.id.in_(ids[(page - 1) * PER_PAGE : page * PER_PAGE]),
            in_areas(actor, Permission.ELDER_READ, Elder.area_id),
        )
        .order_by(Elder.id)
    ).all()
    return render_template(
        "supervision/elders.html",
        scope=scope,
        view=view,
        month=month,
        which=which,
        rows=rows,
        total=len(ids),
        page=page,
        pages=pages,
        state=_state_text(view),
    )


@bp.get("/coverage/corrections")
@requires(Permission.COVERAGE_READ)
def corrections() -> str:
    """Who stands elsewhere than when the month was frozen, and why."""
    actor = current_actor()
    scope, month = _scope(actor), _month()
    view = rate.read_month(scope, month)
    found = read_corrections(scope, view, actor, MOST_NAMED)
    return render_template(
        "supervision/corrections.html", scope=scope, view=view, month=month, found=found, most=MOST_NAMED
    )


REFUSALS = ListingSpec(
    columns=(
        Column("name", _l("长者"), sort=Elder.name, value=lambda row: row[1].name),
        Column("area", _l("社区"), value=lambda row: row[1].area.name),
        Column("given_on", _l("哪天说的"), sort=Consent.given_on, value=lambda row: row[0].given_on),
        Column("giver", _l("谁说的"), value=lambda row: CONSENT_GIVERS[row[0].given_by]),
        Column(
            "ask_again", _l("再问的日期"), sort=Consent.ask_again_on, value=lambda row: row[0].ask_again_on
        ),
    ),
    tie=Consent.id,
    default_sort="ask_again",
    search=lambda statement, q: statement.where(Elder.name.icontains(q, autoescape=True)),
)


@bp.get("/coverage/refusals")
@requires(Permission.COVERAGE_READ)
def refusals() -> str:
    """Those who do not want the service, by their written notes: who said it and when to ask again."""
    actor = current_actor()
    scope = _scope(actor)
    listing = Listing.read(REFUSALS, request.args, request.path, keep=("area",))
    statement = rate.refusals(actor, scope.chosen.path).options(joinedload(Elder.area))
    return render_template(
        "supervision/refusals.html",
        scope=scope,
        listing=listing,
        page=listing.fetch(db.session, statement, scalars=False),
        today=clock.today(),
        givers=CONSENT_GIVERS,
    )


# --- counting and freezing -------------------------------------------------------------------------------


def _back(scope: Scope, month: date) -> Response:
    return redirect(url_for("supervision.coverage", area=scope.chosen.id, month=f"{month:%Y-%m}"), 303)


@bp.post("/coverage/recount")
@requires(Permission.COVERAGE_READ)
def recount() -> Response:
    """Let a job count the month anew; the page shows it when it is done."""
    actor = current_actor()
    scope, month = _scope(actor), _month()
    request_count(actor, db.session.get_one(Area, scope.chosen.id), month)
    db.session.commit()
    flash(_("正在重新计算%(month)s，过一会儿刷新页面就能看到。", month=_month_text(month)), "info")
    return _back(scope, month)


@bp.post("/coverage/freeze")
@requires(Permission.COVERAGE_FREEZE)
def freeze() -> Response:
    """Freeze a month that is over before its day."""
    actor = current_actor()
    scope, month = _scope(actor), _month()
    try:
        units = request_freeze(actor, db.session.get_one(Area, scope.chosen.id), month)
    except DomainError as problem:
        db.session.rollback()
        flash(problem.whole, "error")
    else:
        db.session.commit()
        flash(
            _("正在冻结%(month)s（%(n)s 个区县），过一会儿刷新页面。", month=_month_text(month), n=units),
            "ok",
        )
    return _back(scope, month)
