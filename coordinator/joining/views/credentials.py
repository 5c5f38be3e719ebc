"""我的资格: what somebody holds, and what they declare of themselves."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.joining import agreement
from coordinator.joining.forms.credentials import (
    PHOTO_KINDS,
    AgreementForm,
    CorrectForm,
    DeclarationsForm,
    HealthForm,
    PaperForm,
    PhotosForm,
    photos_in,
)
from coordinator.joining.forms.guardians import AskForm
from coordinator.joining.queries.applications import application_of
from coordinator.joining.queries.credential_papers import papers_of
from coordinator.joining.queries.credentials import lines_of
from coordinator.joining.queries.guardians import links_of
from coordinator.joining.services import admission, credential_papers, credentials, guardians
from coordinator.joining.views.blueprint import bp
from coordinator.joining.views.common import sent_paper
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import Conflict, DomainError, NotFound
from coordinator.workforce import fitness, labels
from coordinator.workforce.models import CredentialKind, WorkerStatus
from coordinator.workforce.queries import own_worker

Answer = str | tuple[str, int] | Response


@bp.get("/credentials")
@requires(Permission.WORK)
def my_credentials() -> Answer:
    """What I hold, until when, and what is to be done."""
    return own_page()


@bp.post("/credentials/again")
@requires(Permission.WORK)
def send_again() -> Answer:
    """What the coordinator had sent back is put right."""
    actor = current_actor()
    admission.send_again(actor, own_worker(actor))
    db.session.commit()
    flash(_("交上去了，社区会再看。"), "ok")
    return redirect(url_for("joining.my_credentials"), 303)


@bp.route("/credentials/correct", methods=["GET", "POST"])
@requires(Permission.WORK)
def correct() -> Answer:
    """Put right what was said when applying, and send it again."""
    actor = current_actor()
    worker = own_worker(actor)
    application = application_of(worker.id)
    if application is None or application.returned_at is None or worker.status is not WorkerStatus.APPLIED:
        flash(_("现在不用再交。"), "info")
        return redirect(url_for("joining.my_credentials"), 303)
    form = CorrectForm.of(worker, application)
    if form.validate_on_submit():
        named = {name: form[name].data or "" for name in ("elder_named", "elder_relation") if name in form}
        made = _made(form, lambda actor, worker: admission.correct(actor, worker, form.own_words(), **named))
        if made is not None:
            flash(_("交上去了，社区会再看。"), "ok")
            return redirect(url_for("joining.my_credentials"), 303)
    return _form_page("joining/correct.html", form, application=application_of(worker.id))


def own_page(ask_form: AskForm | None = None) -> str:
    """The page, with what was typed for a guardian."""
    worker = own_worker(current_actor())
    today = clock.today()
    minor = fitness.is_minor(worker, today)
    return render_template(
        "joining/credentials.html",
        w=worker,
        lines=lines_of(worker, today),
        papers=papers_of(worker.id),
        photos_form=_photos_form,
        photo_kinds=PHOTO_KINDS,
        most_photos=credential_papers.MOST,
        labels=labels,
        minor=minor,
        links=links_of(worker.id) if minor else (),
        state_of=guardians.state_of,
        application=application_of(worker.id),
        ask_form=ask_form or AskForm(formdata=None),
    )


@bp.route("/credentials/health", methods=["GET", "POST"])
@requires(Permission.WORK)
def my_health() -> Answer:
    """The health declaration."""
    form = HealthForm()
    if form.validate_on_submit():
        made = _made(
            form,
            lambda actor, worker: credentials.declare_health(
                actor, worker, form.data, photos_in(form.photos)
            ),
        )
        if made is not None:
            return _done(made.stands, _("健康声明填好了。"), _("填好了。社区会先看一看，再通知您。"))
    return _form_page("joining/health.html", form)


@bp.post("/credentials/<int:credential_id>/papers")
@requires(Permission.WORK)
def add_papers(credential_id: int) -> Answer:
    """More photographs beside what was declared."""
    actor = current_actor()
    worker = own_worker(actor)
    held = next((one for one in worker.credentials if one.id == credential_id), None)
    if held is None:
        raise NotFound(_("没有这一项。"))
    form = _photos_form(credential_id)
    contents = photos_in(form.photos)
    if form.validate_on_submit() and contents:
        try:
            credential_papers.add_papers(actor, worker, held, contents)
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            flash(problem.whole, "error")
        else:
            flash(_("照片存好了，社区审核时会看到。"), "ok")
    else:
        flash(_("还没有选照片。"), "warn")
    return redirect(url_for("joining.my_credentials"), 303)


@bp.get("/credentials/papers/<int:paper_id>")
@requires(Permission.WORK)
def my_photo(paper_id: int) -> Answer:
    """One's own photograph."""
    actor = current_actor()
    return sent_paper(credential_papers.view_paper(actor, own_worker(actor), paper_id))


@bp.post("/credentials/papers/<int:paper_id>/remove")
@requires(Permission.WORK)
def remove_photo(paper_id: int) -> Answer:
    """Take one's own photograph back."""
    actor = current_actor()
    try:
        credential_papers.remove_paper(actor, own_worker(actor), paper_id)
        db.session.commit()
    except Conflict as problem:
        db.session.rollback()
        flash(str(problem.message), "warn")
    else:
        flash(_("照片删掉了。"), "ok")
    return redirect(url_for("joining.my_credentials"), 303)


@bp.route("/credentials/agreement", methods=["GET", "POST"])
@requires(Permission.WORK)
def my_agreement() -> Answer:
    """The agreement, accepted with a tick."""
    form = AgreementForm()
    if form.validate_on_submit():
        made = _made(form, credentials.accept_agreement)
        if made is not None:
            return _done(made.stands, _("协议签好了。"), _("签好了。您未满 18 岁，社区会再看一看。"))
    return _form_page("joining/agreement.html", form, clauses=agreement.CLAUSES)


@bp.route("/credentials/<kind>", methods=["GET", "POST"])
@requires(Permission.WORK)
def my_paper(kind: str) -> Answer:
    """A training, an insurance or a licence that a coordinator will look at."""
    if kind not in [one.value for one in credentials.SHOWN]:
        raise NotFound(_("没有这一项。"))
    which = CredentialKind(kind)
    form = PaperForm.of(which)
    if form.validate_on_submit():
        made = _made(
            form,
            lambda actor, worker: credentials.declare_paper(
                actor,
                worker,
                which,
                form.valid_from.data,
                form.valid_to.data,
                form.number.data,
                photos_in(form.photos),
            ),
        )
        if made is not None:
            return _done(False, "", _("报上去了。社区核实以后才算数，会通知您。"))
    return _form_page("joining/paper.html", form, kind=which)


@bp.route("/credentials/declarations", methods=["GET", "POST"])
@requires(Permission.WORK)
def my_declarations() -> Answer:
    """What a newcomer says by the own word: health and agreement on one page."""
    form = DeclarationsForm()
    if form.validate_on_submit():
        made = _made(
            form,
            lambda actor, worker: credentials.declare_both(actor, worker, form.data, photos_in(form.photos)),
        )
        if made is not None:
            stand = all(one.stands for one in made)
            words = _("填好了，签好了。") if stand else _("填好了，签好了。社区会先看一看，再通知您。")
            flash(words, "ok" if stand else "info")
            return redirect(url_for("joining.mine"), 303)
    return _form_page("joining/declarations.html", form, clauses=agreement.CLAUSES)


def _photos_form(credential_id: int) -> PhotosForm:
    """One of several on a page."""
    return PhotosForm(prefix=f"of-{credential_id}-")


def _made(form: Any, act: Any) -> Any:
    """The credential, committed; None when it was refused, with the reason in the form."""
    actor = current_actor()
    try:
        made = act(actor, own_worker(actor)) or True
        db.session.commit()
    except DomainError as problem:
        db.session.rollback()
        form.take(problem)
        return None
    return made


def _done(stands: bool, counts: str, waits: str) -> Response:
    flash(counts if stands else waits, "ok" if stands else "info")
    return redirect(url_for("joining.my_credentials"), 303)


def _form_page(template: str, form: Any, **values: Any) -> Answer:
    return (
        render_template(
            template,
            form=form,
            labels=labels,
            photo_kinds=PHOTO_KINDS,
            w=own_worker(current_actor()),
            **values,
        ),
        422 if form.is_submitted() else 200,
    )
