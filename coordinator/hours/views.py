"""Pages of the ledger: own hours, a school's inbox, the street's ledger, certificates and their public check."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.hours import labels, papers, queries, services
from coordinator.hours.forms import CertificateForm, CheckForm, DecisionForm, ReasonForm
from coordinator.hours.models import Certificate, Evidence, HoursEntry, Verification, VerificationState
from coordinator.kernel import audit, clock, i18n, limits
from coordinator.kernel.access import Permission, current_actor, in_areas, requires
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.kernel.identity import mask_name
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec
from coordinator.kernel.printing import print_paper
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker, WorkerKind

bp = Blueprint("hours", __name__, url_prefix="/hours")
bp.add_app_template_filter(labels.elder_kind)
WARNING_GRADES = (Evidence.DOUBTFUL, Evidence.WEAK)


@bp.context_processor
def words() -> dict[str, Any]:
    """What the pages of this feature say."""
    return {
        "evidence_looks": labels.EVIDENCE_LOOKS,
        "evidence_words": labels.EVIDENCE,
        "decisions": labels.DECISIONS,
        "decision_looks": labels.DECISION_LOOKS,
        "finding_text": labels.finding_text,
        "methods": labels.METHODS,
        "derivation_rows": derivation_rows,
    }


def derivation_rows(
    entry: HoursEntry, marks: dict[str, str] | None = None
) -> list[tuple[str, str, str, str]]:
    """The sum printed beside an entry: arrived, left, at home, not counted, counted."""
    if "arrived_at" not in entry.derivation:
        return [(_("撤销"), i18n.hours(entry.minutes), entry.derivation.get("reason", ""), "sum")]
    marks = marks or {}
    arrived = datetime.fromisoformat(entry.derivation["arrived_at"])
    left = datetime.fromisoformat(entry.derivation["left_at"])
    rows = [
        (_("到门口"), i18n.hour(arrived), marks.get("arrived", ""), ""),
        (_("离开"), i18n.hour(left), marks.get("left", ""), ""),
        (_("在家里"), _("%(n)s 分钟", n=entry.minutes_present), "", ""),
        (_("路上"), _("不计"), _("往返途中不算服务时间"), "off"),
    ]
    rounded = entry.derivation["rounded_off"]
    if rounded:
        step = entry.derivation["step_minutes"]
        rows.append((_("取整"), f"−{rounded}", _("每满 %(n)s 分钟计一次", n=step), "off"))
    if entry.derivation["over_cap"]:
        rows.append((_("超过一天上限"), f"−{entry.derivation['over_cap']}", "", "off"))
    rows.append(
        (
            _("计入"),
            _("%(n)s 小时", n=i18n.hours(entry.minutes)),
            _("时数单 %(number)s", number=entry.number),
            "sum",
        )
    )
    return rows


def mark_notes(entry: HoursEntry) -> dict[str, str]:
    """How arrival and leaving are shown, in words (one query)."""
    notes = {}
    for presence in queries.presences_of(entry):
        parts = [str(labels.METHODS[presence.method.value])]
        if presence.distance_metres is not None:
            parts.append(_("离住处 %(metres)s", metres=i18n.distance(presence.distance_metres)))
        notes[presence.kind.value] = "，".join(parts)
    return notes


# --- a worker's own hours --------------------------------------------------------------------------------

MINE = ListingSpec(
    columns=(Column("service_on", _l("日期"), sort=HoursEntry.service_on, first_direction="desc"),),
    tie=HoursEntry.id,
    default_sort="service_on",
    per_page=20,
)


@bp.get("/mine")
@requires(Permission.OWN_HOURS)
def mine() -> str:
    """时数: what counts, how it was derived, what the school said, and one's certificates."""
    worker = own_worker()
    listing = Listing.read(MINE, request.args, request.path)
    page = listing.fetch(db.session, queries.ledger_of(worker.id), scalars=False)
    certificates = db.session.scalars(
        select(Certificate).where(Certificate.worker_id == worker.id).order_by(Certificate.id.desc())
    ).all()
    return render_template(
        "hours/mine.html",
        worker=worker,
        totals=queries.totals_of(worker, clock.today()),
        page=page,
        certificates=certificates,
        is_student=worker.kind is WorkerKind.STUDENT,
    )


def own_worker() -> Worker:
    """The worker behind the signed-in person."""
    worker_id = current_actor().worker_id
    worker = db.session.get(Worker, worker_id) if worker_id is not None else None
    if worker is None:
        raise NotFound(_("这个账号还没有登记为探访人员。"), _("请联系社区登记。"))
    return worker


# --- a school's inbox ------------------------------------------------------------------------------------

GRADE_ORDER = ("doubtful", "weak", "fair", "strong")
INBOX = ListingSpec(
    columns=(
        Column("evidence", _l("证据"), value=lambda row: labels.EVIDENCE[row[0].evidence]),
        Column("student", _l("学生"), sort=Worker.name, value=lambda row: row[0].worker.name),
        Column("class", _l("班级"), value=lambda row: row[0].worker.student_class, shown=False),
        Column("service_on", _l("探访"), sort=HoursEntry.service_on, value=lambda row: row[0].service_on),
        Column("adult", _l("同行成人"), exported=False),
        Column(
            "minutes",
            _l("小时"),
            sort=HoursEntry.minutes,
            numeric=True,
            value=lambda row: row[0].minutes / 60,
        ),
        Column(
            "decision",
            _l("决定"),
            value=lambda row: labels.DECISIONS[row[1].state] if row[1] else "",
            shown=False,
        ),
    ),
    tie=HoursEntry.id,
    default_order=(
        func.array_position(list(GRADE_ORDER), HoursEntry.evidence.cast(db.String)),
        HoursEntry.service_on.desc(),
    ),
    filters=(
        Filter(
            "class",
            _l("班级"),
            lambda statement, value: statement.where(Worker.student_class == value),
            all_label=_l("全部班级"),
        ),
        Filter(
            "evidence",
            _l("证据"),
            lambda statement, value: statement.where(HoursEntry.evidence == value),
            choices=tuple(labels.EVIDENCE.items()),
            all_label=_l("各种证据"),
        ),
    ),
    search=lambda statement, q: statement.where(Worker.name.icontains(q, autoescape=True)),
)


@bp.get("/school")
@requires(Permission.HOURS_VERIFY)
def inbox() -> Response | str:
    """待核验: doubtful and weak first and one by one, the rest in one go."""
    actor = current_actor()
    decided = request.args.get("show") == "decided"
    listing = Listing.read(
        INBOX, request.args, request.path, choices={"class": school_classes()}, keep=("show",)
    )
    statement = queries.student_entries(actor, decided=decided)
    if listing.export_format:
        limits.limit(f"export:{actor.user_id}", "10/hour")
        sheet = listing.export(db.session, statement, _("时数核验"), scalars=False)
        audit.record(actor, "hours.export", "hours_entries", _("导出时数核验清单"))
        db.session.commit()
        return sheet_response(sheet)
    page = listing.fetch(db.session, statement, scalars=False)
    visit_ids = [entry.visit_id for entry, _decision in page.rows]
    counts = queries.inbox_counts(actor)
    return render_template(
        "hours/inbox.html",
        listing=listing,
        page=page,
        decided=decided,
        waiting=counts[0],
        done=counts[1],
        adults=queries.adults_beside(visit_ids, [entry.worker_id for entry, _decision in page.rows]),
        kinds=queries.elder_categories(visit_ids),
        warning=WARNING_GRADES,
    )


def school_classes() -> list[tuple[str, str]]:
    """Classes of the school's students, for the filter."""
    rows = db.session.scalars(
        select(Worker.student_class)
        .where(
            Worker.organisation_id.in_(current_actor().organisation_ids(Permission.HOURS_VERIFY)),
            Worker.student_class.is_not(None),
        )
        .distinct()
        .order_by(Worker.student_class)
    )
    return [(name, name) for name in rows if name]


def sheet_response(sheet: Any) -> Response:
    """Send an exported file."""
    return send_file(
        BytesIO(sheet.content), mimetype=sheet.mimetype, as_attachment=True, download_name=sheet.filename
    )


def student_entry(entry_id: int) -> tuple[HoursEntry, Verification | None]:
    """An entry of the school's own student with its decision; NotFound otherwise."""
    row = db.session.execute(
        queries.student_entries(current_actor()).where(HoursEntry.id == entry_id)
    ).one_or_none()
    if row is None:
        raise NotFound(_("没有找到这一笔时数。"), _("可能已被街道撤销，或者不是贵校学生。"))
    return row[0], row[1]


@bp.get("/school/<int:entry_id>")
@requires(Permission.HOURS_VERIFY)
def verify(entry_id: int) -> str:
    """One entry: derivation as a sum, evidence, history, decision. A panel for htmx, a page otherwise."""
    return render_entry(entry_id, DecisionForm())


def render_entry(entry_id: int, form: DecisionForm) -> str:
    entry, decision = student_entry(entry_id)
    return render_template(
        "hours/verify.html",
        entry=entry,
        decision=decision,
        form=form,
        marks=mark_notes(entry),
        adults=queries.adults_beside([entry.visit_id], [entry.worker_id]).get(entry.visit_id, []),
        kind=queries.elder_categories([entry.visit_id]).get(entry.visit_id),
        history=queries.decisions_of(entry),
        students=queries.conduct_of(entry.worker_id),
    )


@bp.post("/school/<int:entry_id>")
@requires(Permission.HOURS_VERIFY)
def decide(entry_id: int) -> Any:
    """Pass, recognise in part, or return with a reason."""
    form = DecisionForm()
    student_entry(entry_id)
    state = form.decision()
    if form.validate_on_submit() and state is not None:
        try:
            services.verify_entries(
                current_actor(), [entry_id], state, minutes=form.minutes.data, reason=form.reason.data or ""
            )
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
        else:
            flash(_("已记下：%(what)s。学生能看到。", what=labels.DECISIONS[state]), "ok")
            return redirect(url_for("hours.inbox"))
    return render_entry(entry_id, form), 422


@bp.post("/school/pass")
@requires(Permission.HOURS_VERIFY)
def pass_many() -> Any:
    """通过这 n 条: only entries whose evidence is fair or strong."""
    ids = [int(text) for text in request.form.getlist("id") if text.isascii() and text.isdigit()]
    if not ids:
        flash(_("还没有勾选。请先勾选要通过的时数。"), "warn")
        return redirect(url_for("hours.inbox"))
    made = services.verify_entries(current_actor(), ids[:500], VerificationState.PASSED)
    db.session.commit()
    flash(_("通过了 %(n)s 条。", n=len(made)), "ok")
    return redirect(url_for("hours.inbox"))


# --- the street's ledger ---------------------------------------------------------------------------------

LEDGER = ListingSpec(
    columns=(
        Column(
            "service_on",
            _l("日期"),
            sort=HoursEntry.service_on,
            first_direction="desc",
            value=lambda row: row[0].service_on,
        ),
        Column("number", _l("时数单"), value=lambda row: row[0].number),
        Column("worker", _l("人员"), sort=Worker.name, value=lambda row: row[0].worker.name),
        Column("area", _l("社区"), value=lambda row: row[0].visit.area.name),
        Column("evidence", _l("证据"), value=lambda row: labels.EVIDENCE[row[0].evidence]),
        Column(
            "minutes",
            _l("小时"),
            sort=HoursEntry.minutes,
            numeric=True,
            value=lambda row: row[0].minutes / 60,
        ),
        Column("decision", _l("进展"), value=lambda row: labels.DECISIONS[row[1].state] if row[1] else ""),
    ),
    tie=HoursEntry.id,
    default_sort="service_on",
    filters=(
        Filter(
            "evidence",
            _l("证据"),
            lambda statement, value: statement.where(HoursEntry.evidence == value),
            choices=tuple(labels.EVIDENCE.items()),
            all_label=_l("各种证据"),
        ),
        Filter("since", _l("从"), lambda s, v: s.where(HoursEntry.service_on >= v), kind="date"),
        Filter("until", _l("到"), lambda s, v: s.where(HoursEntry.service_on <= v), kind="date"),
    ),
    search=lambda statement, q: statement.where(Worker.name.icontains(q, autoescape=True)),
)


@bp.get("/")
@requires(Permission.HOURS_READ)
def index() -> Response | str:
    """时数: every line of the area's ledger."""
    actor = current_actor()
    listing = Listing.read(LEDGER, request.args, request.path)
    statement = queries.entries_in(actor)
    if listing.export_format:
        limits.limit(f"export:{actor.user_id}", "10/hour")
        sheet = listing.export(db.session, statement, _("时数"), scalars=False)
        audit.record(actor, "hours.export", "hours_entries", _("导出时数"))
        db.session.commit()
        return sheet_response(sheet)
    return render_template(
        "hours/index.html",
        listing=listing,
        page=listing.fetch(db.session, statement, scalars=False),
        can_issue=actor.may(Permission.CERTIFICATE_ISSUE),
    )


def area_entry(entry_id: int, permission: Permission) -> HoursEntry:
    """An entry of a visit in the actor's areas; NotFound otherwise."""
    entry = db.session.scalars(
        select(HoursEntry)
        .join(HoursEntry.visit)
        .where(HoursEntry.id == entry_id, in_areas(current_actor(), permission, Visit.area_id))
        .options(
            joinedload(HoursEntry.visit).joinedload(Visit.area),
            joinedload(HoursEntry.visit).joinedload(Visit.elder),
            joinedload(HoursEntry.worker),
        )
    ).one_or_none()
    if entry is None:
        raise NotFound(_("没有找到这一笔时数。"), _("可能不在您的管辖范围内。"))
    return entry


@bp.get("/<int:entry_id>")
@requires(Permission.HOURS_READ)
def entry(entry_id: int) -> str:
    """One line with its derivation and decisions."""
    return render_line(area_entry(entry_id, Permission.HOURS_READ), ReasonForm())


def render_line(line: HoursEntry, form: ReasonForm) -> str:
    return render_template(
        "hours/entry.html",
        entry=line,
        form=form,
        marks=mark_notes(line),
        history=queries.decisions_of(line),
        reversal=queries.reversal_of(line),
        can_reverse=current_actor().may(Permission.RECORD_CONFIRM),
    )


@bp.post("/<int:entry_id>/reverse")
@requires(Permission.RECORD_CONFIRM)
def reverse(entry_id: int) -> Any:
    """撤销这一笔: a second line with the opposite sign; nothing is deleted."""
    line = area_entry(entry_id, Permission.RECORD_CONFIRM)
    form = ReasonForm()
    if form.validate_on_submit():
        try:
            services.reverse_entry(current_actor(), line, form.reason.data or "")
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
        else:
            flash(_("已撤销时数单 %(number)s。本人能看到原因。", number=line.number), "ok")
            return redirect(url_for("hours.entry", entry_id=entry_id))
    return render_line(line, form), 422


# --- certificates ----------------------------------------------------------------------------------------

CERTIFICATES = ListingSpec(
    columns=(
        Column("issued_at", _l("开具时间"), sort=Certificate.issued_at, first_direction="desc"),
        Column("number", _l("编号")),
        Column("worker", _l("姓名"), sort=Worker.name, value=lambda row: row.worker.name),
        Column("span", _l("服务期间"), value=lambda row: f"{row.first_day}–{row.last_day}"),
        Column(
            "minutes", _l("小时"), sort=Certificate.minutes, numeric=True, value=lambda row: row.minutes / 60
        ),
        Column("state", _l("状态"), value=lambda row: row.revoked_reason or ""),
    ),
    tie=Certificate.id,
    default_sort="issued_at",
    search=lambda statement, q: statement.where(
        Worker.name.icontains(q, autoescape=True) | Certificate.number.icontains(q, autoescape=True)
    ),
)


@bp.get("/certificates")
@requires(Permission.HOURS_READ)
def certificates() -> Response | str:
    """志愿服务记录证明: the register of what was issued."""
    actor = current_actor()
    listing = Listing.read(CERTIFICATES, request.args, request.path)
    statement = (
        select(Certificate)
        .join(Certificate.worker)
        .where(in_areas(actor, Permission.HOURS_READ, Certificate.area_id))
        .options(joinedload(Certificate.worker).load_only(Worker.name))
    )
    if listing.export_format:
        limits.limit(f"export:{actor.user_id}", "10/hour")
        sheet = listing.export(db.session, statement, _("证明登记簿"))
        audit.record(actor, "certificate.export", "certificates", _("导出证明登记簿"))
        db.session.commit()
        return sheet_response(sheet)
    return render_template(
        "hours/certificates.html",
        listing=listing,
        page=listing.fetch(db.session, statement),
        can_issue=actor.may(Permission.CERTIFICATE_ISSUE),
    )


@bp.route("/certificates/new", methods=["GET", "POST"])
@requires(Permission.CERTIFICATE_ISSUE)
def issue() -> Any:
    """开具证明: choose a person and a span; what will be counted is shown before it is issued."""
    actor = current_actor()
    today = clock.today()
    form = CertificateForm(first_day=today.replace(month=1, day=1), last_day=today)
    form.worker_id.choices = dict(queries.people_with_hours(actor))
    preview = None
    if request.method == "POST" and form.validate_on_submit():
        worker = db.session.get_one(Worker, form.worker_id.data)
        first_day, last_day = form.first_day.data, form.last_day.data
        assert first_day is not None
        assert last_day is not None
        if request.form.get("step") != "issue":
            preview = queries.certifiable_entries(worker, first_day, last_day)
        else:
            try:
                made = services.issue_certificate(actor, worker, first_day, last_day)
                db.session.commit()
            except DomainError as problem:
                db.session.rollback()
                form.take(problem)
            else:
                flash(_("证明 %(number)s 已开具。", number=made.number), "ok")
                return redirect(url_for("hours.certificate", certificate_id=made.id))
    status = 422 if form.errors or form.form_errors else 200
    return render_template("hours/issue.html", form=form, preview=preview), status


def seen_certificate(certificate_id: int) -> Certificate:
    """A certificate of one's own, or of the actor's areas."""
    actor = current_actor()
    mine_or_area = in_areas(actor, Permission.HOURS_READ, Certificate.area_id)
    if actor.worker_id is not None:
        mine_or_area = mine_or_area | (Certificate.worker_id == actor.worker_id)
    found = db.session.scalars(
        select(Certificate)
        .where(Certificate.id == certificate_id, mine_or_area)
        .options(joinedload(Certificate.worker).joinedload(Worker.area))
    ).one_or_none()
    if found is None:
        raise NotFound(_("没有找到这份证明。"), _("请核对编号。"))
    return found


@bp.get("/certificates/<int:certificate_id>")
@requires(Permission.HOURS_READ)
def certificate(certificate_id: int) -> str:
    """One certificate with what it counts; print it, or revoke it with a reason."""
    return render_certificate(seen_certificate(certificate_id), ReasonForm())


def render_certificate(found: Certificate, form: ReasonForm) -> str:
    return render_template(
        "hours/certificate.html",
        certificate=found,
        form=form,
        can_revoke=current_actor().may(Permission.CERTIFICATE_ISSUE) and found.revoked_at is None,
    )


@bp.get("/certificates/<int:certificate_id>.pdf")
@requires(Permission.SIGNED_IN)
def certificate_pdf(certificate_id: int) -> Response:
    """The paper, for the street and for the person it is about."""
    found = seen_certificate(certificate_id)
    handler = db.session.get(User, found.issued_by_id) if found.issued_by_id else None
    verify_url = (
        f"{current_app.extensions['settings'].public_base_url}{url_for('hours.check', code=found.code)}"
    )
    pdf = print_paper(papers.paper_of(found, handler.name if handler else "", verify_url))
    audit.record(current_actor(), "certificate.print", found, _("打印证明 %(number)s", number=found.number))
    db.session.commit()
    return Response(
        pdf,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{found.number}.pdf"'},
    )


@bp.post("/certificates/<int:certificate_id>/revoke")
@requires(Permission.CERTIFICATE_ISSUE)
def revoke(certificate_id: int) -> Any:
    """撤销证明: its public page says so from now on."""
    found = seen_certificate(certificate_id)
    form = ReasonForm()
    if form.validate_on_submit():
        try:
            services.revoke_certificate(current_actor(), found, form.reason.data or "")
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
        else:
            flash(_("证明已撤销，公开查验页会说明。"), "ok")
            return redirect(url_for("hours.certificate", certificate_id=found.id))
    return render_certificate(found, form), 422


@bp.get("/check", defaults={"code": ""})
@bp.get("/check/<code>")
@requires(Permission.PUBLIC)
def check(code: str) -> Any:
    """Public: is this certificate genuine? Shows no more than the paper itself, the name masked."""
    form = CheckForm(request.args)
    limits.limit(f"check:{request.remote_addr}", "60/minute")
    asked = code or (form.code.data or "").strip()
    found = None
    if asked:
        statement = (
            select(Certificate)
            .where(Certificate.code == asked)
            .options(joinedload(Certificate.worker).joinedload(Worker.area))
        )
        if not code:
            statement = statement.where(Certificate.number == (form.number.data or "").strip())
        found = db.session.scalars(statement).one_or_none()
    page = render_template(
        "hours/check.html",
        form=form,
        asked=bool(asked),
        certificate=found,
        name=mask_name(found.content["name"]) if found else "",
        issuer=papers.street_of(found.worker.area).name if found else "",
    )
    return page, (404 if asked and found is None else 200)


@bp.get("/students")
@requires(Permission.STUDENT_READ)
def students() -> str:
    """本校学生: hours of each student by what the school has recognised."""
    return render_template("hours/students.html", rows=queries.student_totals(current_actor()))
