"""A school's pages: the inbox of hours to verify, one entry with its decision, all students."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, case, func
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.hours import labels, queries, services
from coordinator.hours.forms import DecisionForm
from coordinator.hours.models import Evidence, HoursEntry, Verification, VerificationState
from coordinator.hours.queries.school import ONE_BY_ONE
from coordinator.hours.views.blueprint import bp, download
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec
from coordinator.workforce.models import Worker

# Worst first, so that the two groups of the inbox follow each other on every page.
GRAVITY = case({grade.value: -place for place, grade in enumerate(Evidence)}, value=HoursEntry.evidence)
CLASS = Filter(
    "class",
    _l("班级"),
    lambda statement, value: statement.where(Worker.student_class == value),
    all_label=_l("全部班级"),
)


def _decision(value: Any) -> Any:
    """The cell of a column that exists once there is a decision."""
    return lambda row: value(row[1]) if row[1] is not None else ""


INBOX = ListingSpec(
    columns=(
        Column("evidence", _l("证据"), value=lambda row: str(labels.EVIDENCE[row[0].evidence]), width=10),
        Column("student", _l("学生"), sort=Worker.name, value=lambda row: row[0].worker.name, width=10),
        Column("class", _l("班级"), value=lambda row: row[0].worker.student_class, shown=False),
        Column("student_number", _l("学号"), value=lambda row: row[0].worker.student_number, shown=False),
        Column(
            "service_on",
            _l("探访"),
            sort=HoursEntry.service_on,
            first_direction="desc",
            value=lambda row: row[0].service_on,
        ),
        Column("area", _l("社区"), value=lambda row: row[0].visit.area.name, shown=False),
        Column("adult", _l("同行成人"), exported=False),
        Column(
            "minutes",
            _l("小时"),
            sort=HoursEntry.minutes,
            numeric=True,
            value=lambda row: round(row[0].minutes / 60, 2),
            width=8,
        ),
        Column(
            "decision",
            _l("决定"),
            value=_decision(lambda one: str(labels.DECISIONS[one.state])),
            shown=False,
        ),
        Column(
            "recognised",
            _l("认可小时"),
            value=_decision(lambda one: round(one.minutes / 60, 2)),
            shown=False,
            width=10,
        ),
        Column("reason", _l("原因"), value=_decision(lambda one: one.reason or ""), shown=False, width=30),
        Column("number", _l("时数单"), value=lambda row: row[0].number, shown=False),
    ),
    tie=HoursEntry.id,
    default_order=(GRAVITY, HoursEntry.service_on.desc()),
    filters=(
        CLASS,
        Filter(
            "evidence",
            _l("证据"),
            lambda statement, value: statement.where(HoursEntry.evidence == Evidence(value)),
            choices=tuple((grade.value, label) for grade, label in labels.EVIDENCE.items()),
            all_label=_l("各种证据"),
        ),
    ),
    search=lambda statement, q: statement.where(Worker.name.icontains(q, autoescape=True)),
)
KEPT = ("class", "evidence", "q", "sort", "dir", "page", "per_page", "dense")


def _reading(args: Any) -> Listing:
    classes = queries.school_classes(current_actor(), Permission.HOURS_VERIFY)
    return Listing.read(INBOX, args, url_for("hours.inbox"), choices={"class": classes}, keep=("show",))


@bp.get("/school")
@requires(Permission.HOURS_VERIFY)
def inbox() -> Response | str:
    """待核验: doubtful and weak first and one by one, the rest in one go."""
    actor = current_actor()
    show = request.args.get("show")
    show = show if show in ("decided", "reversed") else "waiting"
    listing = _reading(request.args)
    statement = _statement(show)
    if listing.export_format:
        return download(listing, statement, _("时数核验"), "hours.export", "hours_entries")
    page = listing.fetch(db.session, statement, scalars=False)
    entries = [entry for entry, _decided in page.rows]
    waiting, done, reversed_ = queries.inbox_counts(actor)
    return render_template(
        "hours/inbox.html",
        listing=listing,
        page=page,
        show=show,
        waiting=waiting,
        done=done,
        reversed=reversed_,
        groups=queries.group_counts(listing.filtered(statement)),
        one_by_one=ONE_BY_ONE,
        adults=queries.adults_beside(entries),
        kinds=_kind_words(entries),
        reasons=queries.reasons_of_reversals(entries) if show == "reversed" else {},
        rules=queries.rules_of_schools(actor, Permission.HOURS_VERIFY),
        open_id=next((one.id for one in entries if str(one.id) == request.args.get("open")), None),
    )


def _statement(show: str) -> Select[Any]:
    if show == "reversed":
        return queries.student_entries(current_actor(), reversed_=True)
    return queries.student_entries(current_actor(), decided=show == "decided")


def _kind_words(entries: list[HoursEntry]) -> dict[int, str]:
    """visit id → 独居长者."""
    kinds = queries.elder_kinds(entries)
    return {entry.visit_id: labels.elder_kind(kinds.get(entry.visit_id, ())) for entry in entries}


@bp.get("/school/<int:entry_id>")
@requires(Permission.HOURS_VERIFY)
def verify(entry_id: int) -> str:
    """One entry: derivation as a sum, evidence, history, decision. A panel for htmx, a page otherwise."""
    return _entry_page(entry_id, None, urlsplit(request.headers.get("HX-Current-URL", "")).query)


def _entry_page(entry_id: int, form: DecisionForm | None, list_query: str) -> str:
    entry, decision = _load(entry_id)
    if form is None:
        form = DecisionForm(formdata=None, seen=decision.id if decision else 0, list=list_query)
    return render_template(
        "hours/verify.html",
        entry=entry,
        decision=decision,
        form=form,
        marks=queries.presences_of(entry),
        adults=queries.adults_beside([entry]).get(entry.id, []),
        kind=_kind_words([entry])[entry.visit_id],
        story=queries.story_of(entry),
        conduct=queries.conduct_of(entry.worker_id),
    )


def _load(entry_id: int) -> tuple[HoursEntry, Verification | None]:
    """An entry of the school's own student with its decision; NotFound otherwise."""
    row = db.session.execute(
        queries.student_entries(current_actor()).where(HoursEntry.id == entry_id)
    ).one_or_none()
    if row is None:
        raise NotFound(_("没有找到这一笔时数。"), _("可能已被街道撤销，或者不是贵校学生。"))
    return row[0], row[1]


@bp.post("/school/<int:entry_id>")
@requires(Permission.HOURS_VERIFY)
def decide(entry_id: int) -> Any:
    """Pass, recognise in part, or return with a reason; then the next one that waits."""
    form = DecisionForm()
    _load(entry_id)
    state = form.decision()
    if form.validate_on_submit() and state is not None:
        following = _following(entry_id, form.list.data or "")
        try:
            services.verify_entries(
                current_actor(),
                [entry_id],
                state,
                minutes=form.minutes.data,
                reason=form.reason.data or "",
                seen=form.seen.data,
            )
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            # What stands now is on the page that comes back; sending it again builds on that.
            decision = _load(entry_id)[1]
            form.seen.raw_data = None
            form.seen.data = decision.id if decision else 0
        else:
            flash(_("已记下：%(what)s。学生收到了通知。", what=labels.DECISIONS[state]), "ok")
            return redirect(_list_url(form.list.data or "", following), 303)
    return _entry_page(entry_id, form, ""), 422


def _kept(list_query: str) -> dict[str, str]:
    """The filters of the list one came from, out of its address."""
    return {name: value for name, value in parse_qsl(list_query[:1000]) if name in KEPT}


def _list_url(list_query: str, open_id: int | None = None) -> str:
    return url_for("hours.inbox", **_kept(list_query), open=open_id)


def _following(entry_id: int, list_query: str) -> int | None:
    """The entry after this one in the list it was opened from; None when it did not wait there."""
    waiting = _statement("waiting")
    listing = _reading(_kept(list_query))
    ids = list(db.session.scalars(listing.apply(waiting).with_only_columns(HoursEntry.id)))
    if entry_id not in ids:
        return None
    place = ids.index(entry_id)
    return next(iter([*ids[place + 1 :], *ids[:place]]), None)


@bp.post("/school/pass")
@requires(Permission.HOURS_VERIFY)
def pass_many() -> Any:
    """通过这 n 条: those ticked in the list, none of them in doubt."""
    ids = [
        int(text)
        for text in request.form.getlist("id")
        if text.isascii() and text.isdigit() and len(text) < 10
    ]
    back = _list_url(request.form.get("list", ""))
    if not ids:
        flash(_("还没有勾选。请先勾选要通过的时数。"), "warn")
        return redirect(back, 303)
    try:
        made = services.verify_entries(current_actor(), ids, VerificationState.PASSED, together=True)
        db.session.commit()
    except DomainError as problem:
        db.session.rollback()
        flash(_("一条也没有通过。%(why)s%(remedy)s", why=problem.message, remedy=problem.remedy), "error")
        return redirect(back, 303)
    flash(_("通过了 %(n)s 条，学生都收到了通知。", n=len(made)), "ok")
    return redirect(back, 303)


# --- students --------------------------------------------------------------------------------------------


def _unchanged(statement: Select[Any], _value: Any) -> Select[Any]:
    """The days narrow the sums, not the students."""
    return statement


STUDENTS = ListingSpec(
    columns=(
        Column("name", _l("学生"), sort=Worker.name, width=10),
        Column("student_number", _l("学号"), shown=False),
        Column("student_class", _l("班级"), sort=(Worker.student_class, Worker.name)),
        Column("visits", _l("次数"), sort=func.count(HoursEntry.id), numeric=True, width=8),
        *(
            Column(
                key,
                label,
                value=lambda row, key=key: round(getattr(row, key) / 60, 2),
                numeric=True,
                width=16,
            )
            for key, label in (
                ("entered", _l("确认小时")),
                ("recognised", _l("认可小时")),
                ("waiting", _l("待核小时")),
            )
        ),
    ),
    tie=Worker.id,
    default_order=(Worker.student_class, Worker.name),
    filters=(
        CLASS,
        Filter("since", _l("从哪一天"), _unchanged, kind="date"),
        Filter("until", _l("到哪一天"), _unchanged, kind="date"),
    ),
    search=lambda statement, q: statement.where(Worker.name.icontains(q, autoescape=True)),
)


@bp.get("/students")
@requires(Permission.STUDENT_READ)
def students() -> Response | str:
    """学生时数: each student's hours by what the school has recognised, over a term."""
    actor = current_actor()
    listing = Listing.read(
        STUDENTS,
        request.args,
        request.path,
        choices={"class": queries.school_classes(actor, Permission.STUDENT_READ)},
    )
    since: date | None = listing.typed.get("since")
    until: date | None = listing.typed.get("until")
    statement = queries.student_totals(actor, since, until)
    if listing.export_format:
        return download(listing, statement, _("学生时数"), "hours.export", "hours_entries")
    return render_template(
        "hours/students.html",
        listing=listing,
        page=listing.fetch(db.session, statement, scalars=False),
        rules=queries.rules_of_schools(actor, Permission.STUDENT_READ),
    )
