"""The call list of an event: on the screen, on paper, and back from paper."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import date
from typing import Any, NamedTuple

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.elders.labels import SEXES
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor, Permission, covers, current_actor, requires
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.downloads import send_pdf
from coordinator.kernel.errors import DomainError, InvalidInput, NotFound
from coordinator.kernel.printing import print_paper
from coordinator.visits.forms import PaperCallsForm
from coordinator.visits.labels import LEVELS
from coordinator.visits.models import CallResult, CallTarget, SurgeEvent
from coordinator.visits.papers import CallLine, CallSheet
from coordinator.visits.queries.owed import AreaRow, areas_of
from coordinator.visits.queries.surge import (
    MOST_LISTED,
    TABS,
    CallRow,
    Progress,
    call_rows,
    count_on_list,
    family_of,
    progress_below,
    tab_counts,
    with_numbers,
)
from coordinator.visits.services.surge import (
    Tick,
    calls_are_open,
    note_list_printed,
    note_numbers_shown,
    tick,
    withdraw_tick,
)
from coordinator.visits.views.blueprint import bp, full_phone, masked_phone
from coordinator.visits.views.events import find_event

PER_PAGE = 40
PER_PAPER_PAGE = 100
MOST_PRINTED = 400


class Scope(NamedTuple):
    """The part of the event's area that is looked at: what lies inside it, and the chosen part."""

    areas: dict[int, AreaRow]
    parts: list[AreaRow]
    chosen: AreaRow


def _scope(actor: Actor, area: Area) -> Scope:
    """The chosen part (`?area=`) of what the event and the actor's areas have in common.

    `parts` are the areas right below it.
    """
    paths = actor.area_paths(Permission.DUE_READ)
    common = {
        max(path, area.path, key=len)
        for path in paths
        if path.startswith(area.path) or area.path.startswith(path)
    }
    tops = sorted(common, key=lambda path: (len(path), path))
    areas = {
        one: row for one, row in areas_of(tops).items() if any(row.path.startswith(path) for path in tops)
    }
    wanted = areas.get(request.values.get("area", type=int) or 0)
    if wanted is None:
        wanted = next((row for row in areas.values() if row.path in tops), None)
    if wanted is None:
        raise NotFound(_("没有找到这一条。"), _("可能是别的地方登记的。"))
    depth = wanted.path.count(".") + 1
    parts = [
        row
        for row in areas.values()
        if row.path.startswith(wanted.path)
        and row.path.count(".") == depth
        and row.level is not AreaLevel.GRID
    ]
    return Scope(areas, sorted(parts, key=lambda row: row.id), wanted)


def _tab() -> str:
    tab = request.values.get("tab", "todo")
    return tab if tab in TABS else "todo"


@bp.get("/events/<int:event_id>/calls")
@requires(Permission.DUE_READ)
def calls(event_id: int) -> str:
    """The call list; of a large area how far each part has come."""
    actor = current_actor()
    found, area = find_event(actor, event_id)
    scope = _scope(actor, area)
    today = clock.today()
    total = count_on_list(found, scope.chosen.path, actor, today)
    parts: list[Progress] = []
    if len(scope.parts) > 1:
        parts = progress_below(found, scope.parts, actor, today)
    rows = call_rows(found, scope.chosen.path, actor, today) if total <= MOST_LISTED else []
    tab, text = _tab(), request.args.get("q", "").strip()[:60]
    shown = [row for row in rows if row.is_in(tab) and (not text or _matches(row, text))]
    page = max(1, request.args.get("page", type=int) or 1)
    pages = max(1, -(-len(shown) // PER_PAGE))
    page = min(page, pages)
    visible = shown[(page - 1) * PER_PAGE : page * PER_PAGE]
    people = with_numbers(actor, Permission.DUE_READ, [row.elder.id for row in visible])
    return render_template(
        "visits/calls.html",
        event=found,
        area=area,
        scope=scope,
        too_many=total > MOST_LISTED,
        total=total,
        rows=[row for row in visible if row.elder.id in people],
        people=people,
        family_of=family_of,
        counts=tab_counts(rows) if rows else Counter[str](),
        elders_done=sum(row.elder_done for row in rows),
        families_done=sum(row.family_done for row in rows),
        parts=parts,
        crumbs=_crumbs(scope),
        tab=tab,
        text=text,
        page=page,
        pages=pages,
        shown=len(shown),
        token=uuid.uuid4().hex,
        sexes=SEXES,
        open_now=calls_are_open(found, today),
        over=today > found.last_day,
        may_tick=covers(actor, Permission.VISIT_OPEN, scope.chosen.path),
        may_reveal=covers(actor, Permission.ELDER_REVEAL, scope.chosen.path),
    )


def _matches(row: CallRow, text: str) -> bool:
    return text in row.elder.name or text in (row.elder.address or "")


def _crumbs(scope: Scope) -> list[AreaRow]:
    """The areas above the chosen one that can be looked at, from the top."""
    line = [int(part) for part in scope.chosen.path.split(".") if part]
    return [scope.areas[one] for one in line if one in scope.areas]


def _elder_on(actor: Actor, area: Area, permission: Permission, elder_id: int) -> Elder:
    people = with_numbers(actor, permission, [elder_id])
    elder = people.get(elder_id)
    if elder is None or not elder.area.path.startswith(area.path):
        raise NotFound(_("没有找到这位长者。"), _("可能已经移走，或者不在您的管辖范围内。"))
    return elder


def _back(event_id: int) -> Response:
    """The same part of the same list."""
    kept = {
        key: request.values[key] for key in ("area", "tab", "q", "page") if request.values.get(key, "") != ""
    }
    return redirect(url_for("visits.calls", event_id=event_id, **kept), 303)


@bp.post("/events/<int:event_id>/calls/<int:elder_id>")
@requires(Permission.VISIT_OPEN)
def tick_call(event_id: int, elder_id: int) -> Response:
    """Tick one call off: who was rung and with what result; or take a wrong tick back."""
    actor = current_actor()
    found, area = find_event(actor, event_id)
    elder = _elder_on(actor, area, Permission.VISIT_OPEN, elder_id)
    target, result, token = _answer()
    in_place = bool(request.headers.get("HX-Request"))  # the row itself then says what was written down
    try:
        if result is None:
            withdraw_tick(actor, found, elder, target)
            said = _("已更正：%(name)s还没有联系上。", name=elder.name)
        elif tick(actor, found, area, elder, Tick(target, result, token)) is None:
            said = _("%(name)s刚才已经记过了。", name=elder.name)
        else:
            said = _said(target, result, elder.name)
        if not in_place:
            flash(said, "ok")
    except DomainError as problem:
        db.session.rollback()
        if in_place:
            raise
        flash(problem.whole, "error")
    else:
        db.session.commit()
    return _back(event_id)


def _answer() -> tuple[CallTarget, CallResult | None, str]:
    """What the pressed button says: "elder:reached", "family:no_answer", "elder:withdraw"."""
    target, _colon, result = request.form.get("answer", "").partition(":")
    if target not in set(CallTarget) or result not in {*CallResult, "withdraw"}:
        raise InvalidInput(_("没有看懂按了哪个按钮。"), _("请回到名单再按一次。"))
    token = request.form.get("token", "")[:40] or uuid.uuid4().hex
    return CallTarget(target), None if result == "withdraw" else CallResult(result), token


def _said(target: CallTarget, result: CallResult, name: str) -> str:
    if target is CallTarget.ELDER:
        return (
            _("已记：%(name)s联系上了。", name=name)
            if result is CallResult.REACHED
            else _("已记：%(name)s没接，会排到后面再打。", name=name)
        )
    return (
        _("已记：%(name)s的家属联系上了。", name=name)
        if result is CallResult.REACHED
        else _("已记：%(name)s的家属没接，会排到后面再打。", name=name)
    )


@bp.post("/events/<int:event_id>/calls/<int:elder_id>/numbers")
@requires(Permission.ELDER_REVEAL)
def call_numbers(event_id: int, elder_id: int) -> str:
    """The full numbers of one elder and the family, for ringing them; the look is written down."""
    actor = current_actor()
    found, area = find_event(actor, event_id)
    elder = _elder_on(actor, area, Permission.ELDER_REVEAL, elder_id)
    note_numbers_shown(actor, found, elder)
    page = render_template(
        "visits/call_numbers.html",
        event=found,
        elder=elder,
        family=family_of(elder),
        sexes=SEXES,
        token=uuid.uuid4().hex,
        may_tick=calls_are_open(found, clock.today())
        and covers(actor, Permission.VISIT_OPEN, elder.area.path),
        kept={key: request.values.get(key, "") for key in ("area", "tab", "q", "page")},
    )
    db.session.commit()  # after the page is made: what is loaded is loaded anew afterwards
    return page


# --- on paper --------------------------------------------------------------------------------------------


@bp.get("/events/<int:event_id>/calls.pdf")
@requires(Permission.DUE_READ)
def call_sheet(event_id: int) -> Response:
    """The call list on A4. Full numbers only for those who may open them in the whole part; the printing is written
    down, as for every list with names."""
    actor = current_actor()
    found, area = find_event(actor, event_id)
    scope = _scope(actor, area)
    today = clock.today()
    tab = _tab()
    if count_on_list(found, scope.chosen.path, actor, today) > MOST_LISTED:
        raise InvalidInput(_("这个范围太大，不能印成一份名单。"), _("请先点进一个街道或社区。"))
    rows = [row for row in call_rows(found, scope.chosen.path, actor, today) if row.is_in(tab)]
    if len(rows) > MOST_PRINTED:
        raise InvalidInput(
            _("这份名单有 %(n)s 位长者，一次最多打印 %(most)s 位。", n=len(rows), most=MOST_PRINTED),
            _("请先点进一个社区，再分几次打印。"),
        )
    full = covers(actor, Permission.ELDER_REVEAL, scope.chosen.path)
    people = with_numbers(actor, Permission.DUE_READ, [row.elder.id for row in rows])
    number = full_phone if full else masked_phone
    note_list_printed(actor, found, [row.elder.id for row in rows], full=full)
    lines = tuple(
        CallLine(
            name=row.elder.name,
            person=f"{SEXES[row.elder.sex]} {i18n.age(row.elder.birth_date, today)} 岁",
            place=f"{scope.areas[row.elder.area_id].name} {row.elder.address}",
            phone=number(people[row.elder.id].phone) or "没有登记电话",
            flags=tuple(
                text
                for text, holds in (
                    ("还欠联系", row.owed is not None),
                    ("重点", row.is_key),
                    ("独居", row.alone),
                )
                if holds
            ),
            family=tuple(
                f"{one.relation} {one.name} {number(one.phone) or '没有电话'}"
                for one in family_of(people[row.elder.id])[:2]
            ),
            elder_done=row.elder_done,
            family_done=row.family_done,
        )
        for row in rows
        if row.elder.id in people
    )
    sheet = CallSheet(
        event=found.name,
        level=str(LEVELS[found.level]) if found.level else "",
        first_day=found.first_day,
        last_day=found.last_day,
        place=scope.chosen.name,
        note=found.note or "",
        printed_by=actor.name,
        printed_on=today,
        full=full,
        lines=lines,
    )
    content = print_paper(sheet)
    db.session.commit()
    return send_pdf(content, f"{sheet.title}.pdf")


@bp.route("/events/<int:event_id>/calls/paper", methods=["GET", "POST"])
@requires(Permission.VISIT_OPEN)
def calls_on_paper(event_id: int) -> Any:
    """Type in a list that came back from paper: one moment, one caller, an answer for each elder and family."""
    actor = current_actor()
    found, area = find_event(actor, event_id)
    scope = _scope(actor, area)
    today = clock.today()
    if count_on_list(found, scope.chosen.path, actor, today) > MOST_LISTED:
        raise InvalidInput(_("这个范围太大。"), _("请先点进一个街道或社区。"))
    now = clock.local_now()
    form = PaperCallsForm(day=min(today, found.last_day), start=now.time().replace(second=0, microsecond=0))
    if form.validate_on_submit() and form.day.data and form.start.data:
        done = _take_paper(actor, found, area, form)
        if done is not None:
            db.session.commit()
            flash(_("已登记 %(n)s 个电话。", n=done), "ok")
            return _back(event_id)
    rows = [row for row in call_rows(found, scope.chosen.path, actor, today) if row.is_in("todo")]
    page = render_template(
        "visits/calls_paper.html",
        event=found,
        scope=scope,
        form=form,
        rows=rows[:PER_PAPER_PAGE],
        left=max(0, len(rows) - PER_PAPER_PAGE),
        answers=request.form,
        token=request.form.get("token") or uuid.uuid4().hex,
        sexes=SEXES,
    )
    return (page, 422) if form.errors else page


def _take_paper(actor: Actor, event: SurgeEvent, area: Area, form: PaperCallsForm) -> int | None:
    """Write down all that was ticked; None (with the form's errors set) when one line cannot be taken."""
    day, start = form.day.data, form.start.data
    assert isinstance(day, date), "validated"
    at = clock.at_local(day, start.hour * 3600 + start.minute * 60)
    token = request.form.get("token", "")[:40] or uuid.uuid4().hex
    given = [
        (int(elder_id), CallTarget(target), CallResult(value))
        for name, value in request.form.items()
        for target, _dash, elder_id in [name.partition("-")]
        if target in set(CallTarget) and elder_id.isdecimal() and value in set(CallResult)
    ]
    if not given:
        form.form_errors.append(_("还没有勾任何一位。"))
        return None
    people = with_numbers(actor, Permission.VISIT_OPEN, {elder_id for elder_id, _target, _result in given})
    done = 0
    try:
        for elder_id, target, result in given:
            if elder_id in people:
                one = Tick(target, result, token, at, form.caller.data or "", from_paper=True)
                done += tick(actor, event, area, people[elder_id], one) is not None
    except DomainError as problem:
        db.session.rollback()
        form.take(problem)
        return None
    return done
