"""志愿服务记录证明: the register, issuing, the paper, revoking, and the list that is put up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.extensions import db
from coordinator.hours import papers, queries, services
from coordinator.hours.forms import CertificateForm, ReasonForm
from coordinator.hours.models import Certificate
from coordinator.hours.views.blueprint import bp, download
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Permission, covers, current_actor, requires
from coordinator.kernel.errors import Conflict
from coordinator.kernel.forms import attempt, outcome
from coordinator.kernel.identity import mask_name
from coordinator.kernel.listing import Column, Listing, ListingSpec
from coordinator.kernel.printing import print_paper
from coordinator.workforce.models import Worker

# 民发〔2015〕149号: put up inside the unit, normally for not less than seven days.
NOTICE = timedelta(days=7)

CERTIFICATES = ListingSpec(
    columns=(
        Column("issued_at", _l("开具时间"), sort=Certificate.issued_at, first_direction="desc"),
        Column("number", _l("编号"), width=22),
        Column("worker", _l("姓名"), sort=Worker.name, value=lambda row: row.worker.name, width=10),
        Column("volunteer", _l("志愿者编号"), value=lambda row: row.worker.volunteer_number, shown=False),
        Column("span", _l("服务期间"), value=lambda row: i18n.period(row.first_day, row.last_day), width=24),
        Column(
            "minutes",
            _l("小时"),
            sort=Certificate.minutes,
            numeric=True,
            value=lambda row: round(row.minutes / 60, 2),
            width=8,
        ),
        Column("state", _l("状态"), value=lambda row: _("已撤销") if row.revoked_at else _("有效")),
        Column("reason", _l("撤销原因"), value=lambda row: row.revoked_reason or "", shown=False, width=30),
    ),
    tie=Certificate.id,
    default_sort="issued_at",
    search=lambda statement, q: statement.where(
        Worker.name.icontains(q, autoescape=True) | Certificate.number.icontains(q, autoescape=True)
    ),
)


@bp.get("/certificates")
@requires(Permission.HOURS_READ)
def certificates() -> Any:
    """The register of what was issued."""
    actor = current_actor()
    listing = Listing.read(CERTIFICATES, request.args, request.path)
    statement = queries.certificates_in(actor)
    if listing.export_format:
        return download(
            listing, statement, _("证明登记簿"), "certificate.export", "certificates", scalars=True
        )
    return render_template(
        "hours/certificates.html",
        listing=listing,
        page=listing.fetch(db.session, statement),
        can_issue=actor.may(Permission.CERTIFICATE_ISSUE),
    )


@bp.route("/certificates/new", methods=["GET", "POST"])
@requires(Permission.CERTIFICATE_ISSUE)
def issue() -> Any:
    """开具证明: choose a person and a span; exactly what was shown is issued."""
    actor = current_actor()
    today = clock.today()
    form = CertificateForm(
        formdata=request.form if request.method == "POST" else None,
        worker_id=request.args.get("worker_id", type=int),
        first_day=today.replace(month=1, day=1),
        last_day=today,
    )
    form.worker_id.choices = queries.people_with_hours(actor)
    preview, before, shown = None, [], ""
    if form.validate_on_submit():
        worker = db.session.get_one(Worker, form.worker_id.data)
        first_day, last_day = form.first_day.data, form.last_day.data
        assert first_day is not None, "the field is required"
        assert last_day is not None, "the field is required"
        preview = queries.certifiable_entries(worker, first_day, last_day)
        before = queries.printed_before([line.entry.id for line in preview])
        shown = ",".join(f"{line.entry.id}:{line.minutes}" for line in preview)
        if request.form.get("step") == "issue" and request.form.get("shown") != shown:
            form.form_errors.append(_("下面的内容和刚才看到的不一样了，请再看一遍。"))
        elif request.form.get("step") == "issue":
            made = outcome(form, lambda: services.issue_certificate(actor, worker, first_day, last_day))
            if made is not None:
                flash(_("证明 %(number)s 已开具。", number=made.number), "ok")
                return redirect(url_for("hours.certificate", certificate_id=made.id), 303)
    page = render_template("hours/issue.html", form=form, preview=preview, before=before, shown=shown)
    return page, 422 if form.errors else 200


@bp.get("/certificates/<int:certificate_id>")
@requires(Permission.HOURS_READ)
def certificate(certificate_id: int) -> str:
    """One certificate with what it counts; print it, or revoke it with a reason."""
    found = queries.load_certificate(current_actor(), Permission.HOURS_READ, certificate_id)
    return _certificate_page(found, ReasonForm(formdata=None))


def _certificate_page(found: Certificate, form: ReasonForm) -> str:
    months = found.content["months"]
    hours = papers.printed_hours([row["minutes"] for row in months])
    may = covers(current_actor(), Permission.CERTIFICATE_ISSUE, found.worker.area.path)
    return render_template(
        "hours/certificate.html",
        certificate=found,
        form=form,
        months=[
            (_month(row["month"]), row["visits"], f"{part.normalize():f}")
            for row, part in zip(months, hours, strict=True)
        ],
        check_url=_check_url(found),
        notice_until=clock.to_local(found.issued_at + NOTICE).date(),
        can_revoke=may and found.revoked_at is None,
    )


def _month(text: str) -> str:
    """2026年3月 of 2026-03."""
    year, month = text.split("-")
    return _("%(year)s年%(month)s月", year=year, month=int(month))


def _check_url(found: Certificate) -> str:
    """The address in the QR code: the site's public one, whatever address this page was asked under."""
    base = current_app.extensions["settings"].public_base_url
    return f"{base}{url_for('hours.check', code=found.code)}"


@bp.get("/certificates/<int:certificate_id>.pdf")
@requires(Permission.SIGNED_IN)
def certificate_pdf(certificate_id: int) -> Response:
    """The paper, for the street and for the person it is about."""
    actor = current_actor()
    found = queries.load_own_or_seen(actor, certificate_id)
    if found.revoked_at is not None:
        raise Conflict(
            _("这份证明已经撤销，不能再打印：%(why)s", why=found.revoked_reason),
            _("需要的话，请街道重新开具。"),
        )
    pdf = print_paper(papers.paper_of(found, _check_url(found)))
    audit.record(actor, "certificate.print", found, _("打印证明 %(number)s", number=found.number))
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
    actor = current_actor()
    found = queries.load_certificate(actor, Permission.CERTIFICATE_ISSUE, certificate_id)
    form = ReasonForm()
    if attempt(form, lambda: services.revoke_certificate(actor, found, form.reason.data or "")):
        flash(_("证明已撤销，公开查验页会说明。"), "ok")
        return redirect(url_for("hours.certificate", certificate_id=found.id), 303)
    return _certificate_page(found, form), 422


@bp.get("/certificates/notice")
@requires(Permission.HOURS_READ)
def notice() -> str:
    """公示: what was issued in the last seven days, names masked, made to be printed and put up."""
    actor = current_actor()
    today = clock.today()
    first_day = today - NOTICE
    rows = queries.on_notice(actor, clock.at_local(first_day, 0))
    return render_template(
        "hours/print_notice.html",
        rows=rows,
        mask_name=mask_name,
        first_day=first_day,
        last_day=today,
        until=today + NOTICE,
    )
