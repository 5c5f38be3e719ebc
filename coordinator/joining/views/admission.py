"""报名审核: who waits, what is known of each, and the coordinator's decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.elders import labels as elder_labels
from coordinator.elders.queries import read_scope
from coordinator.extensions import db
from coordinator.joining import health
from coordinator.joining.forms.credentials import ReasonForm
from coordinator.joining.queries.admission import (
    ADMISSION,
    admission_counts,
    admission_rows,
    doubles_of,
    elder_in_own_area,
    elders_to_tie,
)
from coordinator.joining.queries.applications import application_of
from coordinator.joining.queries.credential_papers import papers_of
from coordinator.joining.queries.credentials import lines_of
from coordinator.joining.queries.gaps import gap_words, same_number
from coordinator.joining.queries.guardians import links_of
from coordinator.joining.queries.places import schools_for
from coordinator.joining.services import admission as services
from coordinator.joining.services import credential_papers, guardians
from coordinator.joining.services.same_person import join_records
from coordinator.joining.views.blueprint import bp
from coordinator.joining.views.common import sent_paper
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, covers, current_actor, requires
from coordinator.kernel.areas import AreaLevel
from coordinator.kernel.errors import Conflict, DomainError, InvalidInput, NotFound
from coordinator.kernel.listing import Listing
from coordinator.workforce import fitness, labels
from coordinator.workforce.models import Worker, WorkerStatus
from coordinator.workforce.queries import worker_in_scope

P = Permission
Answer = str | tuple[str, int] | Response


@bp.get("/admission")
@requires(P.WORKER_EDIT)
def admission() -> Answer:
    """Who waits for a coordinator of these areas, those with nothing missing to be approved together."""
    actor = current_actor()
    scope = read_scope(actor, P.WORKER_EDIT)
    choices = [(str(one.id), one.name) for one in [*scope.level(AreaLevel.STREET), *scope.communities]]
    listing = Listing.read(ADMISSION, request.args, request.path, choices={"area": choices})
    page = listing.fetch(db.session, admission_rows(actor, listing), scalars=False)
    return render_template(
        "joining/admission.html",
        page=page,
        listing=listing,
        counts=admission_counts(actor, listing),
        gaps={worker.id: gap_words(worker, application) for worker, application in page.rows},
        doubles=doubles_of([worker for worker, _application in page.rows]),
        labels=labels,
        elder_labels=elder_labels,
        fitness=fitness,
    )


@bp.post("/admission/together")
@requires(P.WORKER_EDIT)
def approve_together() -> Answer:
    """Approve the chosen ones; who is not complete is left with a word."""
    wanted = request.form.getlist("id", type=int)
    done, left = services.approve_together(current_actor(), wanted)
    db.session.commit()
    if done:
        flash(_("通过了 %(n)s 位，本人会收到通知。", n=done), "ok")
    if left:
        flash(_("还有 %(n)s 位没有通过：%(why)s", n=len(left), why=left[0]), "warn")
    if not wanted:
        flash(_("还没有选。请先勾选要一起通过的。"), "warn")
    return redirect(url_for("joining.admission"), 303)


@bp.get("/admission/<int:worker_id>")
@requires(P.WORKER_EDIT)
def admit(worker_id: int) -> Answer:
    """One person: the facts beside the decision."""
    return _page(_worker(worker_id))


@bp.post("/admission/<int:worker_id>/identity")
@requires(P.WORKER_EDIT)
def verify_identity(worker_id: int) -> Answer:
    """The ID card was seen."""
    return _act(worker_id, services.verify_identity, _("身份核对好了。"))


@bp.post("/admission/<int:worker_id>/credentials/<int:credential_id>/verify")
@requires(P.WORKER_EDIT)
def verify_credential(worker_id: int, credential_id: int) -> Answer:
    """A declared paper is right."""
    return _act(
        worker_id,
        lambda actor, worker: services.decide_credential(actor, worker, credential_id, verified=True),
        _("核实好了。"),
    )


@bp.post("/admission/<int:worker_id>/credentials/<int:credential_id>/refuse")
@requires(P.WORKER_EDIT)
def refuse_credential(worker_id: int, credential_id: int) -> Answer:
    """A declared paper does not count, with the reason."""
    return _with_reason(
        worker_id,
        lambda actor, worker, reason: services.decide_credential(
            actor, worker, credential_id, verified=False, reason=reason
        ),
        _("没有认可，本人会看到原因。"),
        f"credential-{credential_id}",
    )


@bp.get("/admission/<int:worker_id>/papers/<int:paper_id>")
@requires(P.WORKER_EDIT)
def photo(worker_id: int, paper_id: int) -> Answer:
    """The photograph of a certificate; that somebody looked is written down."""
    return sent_paper(credential_papers.view_paper(current_actor(), _worker(worker_id), paper_id))


@bp.post("/admission/<int:worker_id>/tie")
@requires(P.WORKER_EDIT)
def tie(worker_id: int) -> Answer:
    """Tie a neighbour or relative to one elder; without an elder the tie is taken back."""
    elder_id = request.form.get("elder_id", type=int)
    elder = None
    if elder_id is not None:
        elder = elder_in_own_area(current_actor(), elder_id)
        if elder is None:
            raise NotFound(_("没有找到这位长者。"), _("可能不在您的管辖范围内。"))
    words = _("定好了，只探访%(name)s。", name=elder.name) if elder else _("已经取消。")
    return _act(worker_id, lambda actor, worker: services.tie_worker(actor, worker, elder), words)


@bp.post("/admission/<int:worker_id>/school")
@requires(P.WORKER_EDIT)
def link_school(worker_id: int) -> Answer:
    """The school that the student had only named."""
    found = _worker(worker_id)
    wanted = request.form.get("school_id", type=int)
    school = next((one for one in schools_for(found.area) if one.id == wanted), None)
    if school is None:
        flash(_("请选一所学校。"), "warn")
        return redirect(url_for("joining.admit", worker_id=worker_id), 303)
    return _act(
        worker_id,
        lambda actor, worker: services.link_school(actor, worker, school),
        _("接上%(name)s了，学校能看到这位学生。", name=school.name),
    )


@bp.post("/admission/<int:worker_id>/same")
@requires(P.WORKER_EDIT)
def same_person(worker_id: int) -> Answer:
    """The applicant is the person who has that ID number on file."""
    found = _worker(worker_id)
    try:
        holder = join_records(current_actor(), found)
        db.session.commit()
    except Conflict as problem:
        db.session.rollback()
        flash(f"{problem.message}{problem.remedy}", "error")
        return redirect(url_for("joining.admit", worker_id=worker_id), 303)
    flash(_("接到原来的登记了，本人用新手机号登录。"), "ok")
    return redirect(url_for("joining.admit", worker_id=holder.id), 303)


@bp.post("/admission/<int:worker_id>/return")
@requires(P.WORKER_EDIT)
def send_back(worker_id: int) -> Answer:
    """Back to the applicant with a reason."""
    return _with_reason(worker_id, services.send_back, _("退回给本人了，改好会再交。"), "return")


@bp.post("/admission/<int:worker_id>/refuse")
@requires(P.WORKER_EDIT)
def refuse(worker_id: int) -> Answer:
    """Not taken, with a reason."""
    return _with_reason(worker_id, services.refuse, _("没有接受，本人会看到原因。"), "refuse")


@bp.post("/admission/<int:worker_id>/approve")
@requires(P.WORKER_EDIT)
def approve(worker_id: int) -> Answer:
    """Let the person take visits, and go on with the next one."""
    found = _worker(worker_id)
    name = found.name
    try:
        services.approve(current_actor(), found)
        db.session.commit()
    except DomainError as problem:
        db.session.rollback()
        flash(f"{problem.message}{problem.remedy}", "error")
        return _page(_worker(worker_id, fresh=True)), 409
    flash(_("%(name)s通过了，本人会收到通知。", name=name), "ok")
    return redirect(url_for("joining.admission"), 303)


def _act(worker_id: int, act: Callable[[Any, Worker], Any], words: str) -> Answer:
    act(current_actor(), _worker(worker_id))
    db.session.commit()
    flash(words, "ok")
    return redirect(url_for("joining.admit", worker_id=worker_id), 303)


def _with_reason(worker_id: int, act: Callable[[Any, Worker, str], Any], words: str, which: str) -> Answer:
    found = _worker(worker_id)
    form = ReasonForm()
    if form.validate_on_submit():
        try:
            act(current_actor(), found, form.reason.data or "")
            db.session.commit()
        except InvalidInput as problem:
            db.session.rollback()
            form.take(problem)
            found = _worker(worker_id, fresh=True)
        else:
            flash(words, "ok")
            target = "joining.admission" if which == "refuse" else "joining.admit"
            values = {} if which == "refuse" else {"worker_id": worker_id}
            return redirect(url_for(target, **values), 303)
    return _page(found, form, which), 422


def _worker(worker_id: int, *, fresh: bool = False) -> Worker:
    return worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT, fresh=fresh)


def _page(worker: Worker, form: ReasonForm | None = None, which: str = "") -> str:
    actor = current_actor()
    today = clock.today()
    application = application_of(worker.id)
    minor = fitness.is_minor(worker, today)
    asked = request.args.get("elder", "") or (application.elder_named if application else "") or ""
    tied = worker.kind in fitness.TIED_KINDS
    lines = lines_of(worker, today)
    same = application.same_as if application is not None and same_number(worker, application) else None
    return render_template(
        "joining/admit.html",
        w=worker,
        application=application,
        waits=worker.status is WorkerStatus.APPLIED,
        gaps=gap_words(worker, application),
        lines=lines,
        papers=papers_of(worker.id),
        questions=health.QUESTIONS,
        doubles=[one for one in doubles_of([worker])[worker.id] if same is None or one.worker.id != same.id],
        same=same,
        schools=schools_for(worker.area) if worker.school_named else (),
        keeps_same=same is not None and covers(actor, P.WORKER_EDIT, same.area.path),
        links=links_of(worker.id) if minor else (),
        state_of=guardians.state_of,
        minor=minor,
        tied=tied,
        tied_elder=elder_in_own_area(actor, worker.tied_elder_id) if worker.tied_elder_id else None,
        asked=asked,
        elders=elders_to_tie(actor, asked) if tied else (),
        form=form or ReasonForm(formdata=None),
        which=which,
        labels=labels,
        elder_labels=elder_labels,
        fitness=fitness,
    )
