"""The guardians of a minor, for those who ask them: coordinators, the school, the minor."""

from __future__ import annotations

import base64
import io

import segno
from flask import current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.config import Settings
from coordinator.extensions import db
from coordinator.joining.forms.guardians import AskForm
from coordinator.joining.models import GuardianLink
from coordinator.joining.queries.guardians import link_of, links_of, minor_of
from coordinator.joining.services import guardians
from coordinator.joining.views.blueprint import bp
from coordinator.joining.views.credentials import own_page
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.messages import channels
from coordinator.workforce import fitness
from coordinator.workforce.access import is_self
from coordinator.workforce.models import Worker

Answer = str | tuple[str, int] | Response


@bp.get("/guardians/<int:worker_id>")
@requires(Permission.SIGNED_IN)
def guardians_of(worker_id: int) -> Answer:
    """The links of a minor and what became of them; coordinators, the own school, the minor."""
    worker = _minor(worker_id)
    if is_self(current_actor(), worker):
        return redirect(url_for("joining.my_credentials"))
    return _page(worker, AskForm(formdata=None, valid_to=guardians.proposed_end(clock.today())))


@bp.post("/guardians/<int:worker_id>/ask")
@requires(Permission.SIGNED_IN)
def ask_for_consent(worker_id: int) -> Answer:
    """Send a guardian the link."""
    worker = _minor(worker_id)
    form = AskForm()
    if form.validate_on_submit():
        try:
            guardians.ask_guardian(
                current_actor(),
                worker,
                name=form.name.data or "",
                relation=form.relation.data or "",
                phone=form.phone.data or "",
                valid_to=form.valid_to.data,
            )
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            worker = _minor(worker_id)
        else:
            _say_sent()
            return _back(worker)
    if is_self(current_actor(), worker):
        return own_page(form), 422
    return _page(worker, form), 422


@bp.post("/guardians/links/<int:link_id>/again")
@requires(Permission.SIGNED_IN)
def ask_again(link_id: int) -> Answer:
    """Send the link once more, or a new one where it has run out."""
    link = _link(link_id)
    guardians.send_again(current_actor(), link)
    db.session.commit()
    _say_sent()
    return _back(link.worker)


@bp.post("/guardians/links/<int:link_id>/end")
@requires(Permission.SIGNED_IN)
def end_link(link_id: int) -> Answer:
    """Let an unanswered link open nothing any more."""
    link = _link(link_id)
    guardians.end_link(current_actor(), link)
    db.session.commit()
    flash(_("链接停用了。"), "ok")
    return _back(link.worker)


@bp.get("/guardians/links/<int:link_id>/paper")
@requires(Permission.SIGNED_IN)
def guardian_paper(link_id: int) -> Answer:
    """The link on paper, with a picture for the guardian's telephone."""
    link = _link(link_id)
    if guardians.state_of(link) is not guardians.GuardianState.WAITING:
        raise NotFound(_("这个链接已经用过或者停用了。"), _("要再问一次，请重新发一个。"))
    address = _settings().public_base_url + guardians.path_of(link)
    picture = io.BytesIO()
    segno.make(address, error="m").save(picture, kind="svg", scale=4, border=3)
    encoded = base64.b64encode(picture.getvalue()).decode()
    own = is_self(current_actor(), link.worker)
    return render_template(
        "joining/print_guardian.html",
        link=link,
        address=address,
        picture=f"data:image/svg+xml;base64,{encoded}",
        back=url_for("joining.my_credentials")
        if own
        else url_for("joining.guardians_of", worker_id=link.worker_id),
    )


def _page(worker: Worker, form: AskForm) -> str:
    return render_template(
        "joining/guardians.html",
        w=worker,
        links=links_of(worker.id),
        state_of=guardians.state_of,
        form=form,
        minor=fitness.is_minor(worker, clock.today()),
        may_read=current_actor().may(Permission.WORKER_READ),
    )


def _minor(worker_id: int) -> Worker:
    """Somebody whose guardians the actor may ask. Raises NotFound for anybody else's."""
    worker = minor_of(worker_id)
    if worker is None or not guardians.can_ask(current_actor(), worker):
        raise NotFound(_("没有找到这位人员。"), _("可能不在您的管辖范围内。"))
    return worker


def _link(link_id: int) -> GuardianLink:
    link = link_of(link_id)
    if not guardians.can_ask(current_actor(), link.worker):
        raise NotFound(_("没有找到这个链接。"))
    return link


def _back(worker: Worker) -> Response:
    if is_self(current_actor(), worker):
        return redirect(url_for("joining.my_credentials"), 303)
    return redirect(url_for("joining.guardians_of", worker_id=worker.id), 303)


def _say_sent() -> None:
    if channels.sms_sends_links():
        flash(_("链接发到监护人的手机了。"), "ok")
    else:
        flash(_("这里不能发短信。请打开“纸条和二维码”，交给监护人。"), "warn")


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
