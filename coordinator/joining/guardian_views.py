"""The guardian's own pages. No account: the link finds them, a code to the guardian's telephone opens them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.joining.forms.guardians import ConsentForm, ConsentUnder14Form, ProofForm
from coordinator.joining.models import CodePurpose, GuardianLink
from coordinator.joining.queries.guardians import link_by_token
from coordinator.joining.services import guardians
from coordinator.joining.services.codes import send_phone_code, use_phone_code
from coordinator.joining.services.guardians import GuardianState
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, requires
from coordinator.kernel.errors import DomainError, InvalidInput, TooMany
from coordinator.kernel.forms import Form
from coordinator.kernel.limits import limit
from coordinator.workforce.fitness import ACCOMPANY_ONLY_BELOW, MINOR_EARLIEST, MINOR_LATEST

bp = Blueprint("guardian", __name__, url_prefix="/guardian")
Answer = str | tuple[str, int] | Response
# In these states there is nothing that the guardian could do here.
CLOSED = frozenset({GuardianState.REPLACED, GuardianState.EXPIRED})
PROOF = "guardian_proof"
SHOWN_CODE = "guardian_code"


def of_open_link(view: Callable[[str, GuardianLink], Answer]) -> Callable[[str], Answer]:
    """Gives the page the link of its address; says why and what to do where there is none or it is over."""

    @wraps(view)
    def found(token: str) -> Answer:
        link = _find(token)
        if link is None or guardians.state_of(link) in CLOSED:
            return _closed(link)
        return view(token, link)

    return found


def of_proved_link(view: Callable[[str, GuardianLink], Answer]) -> Callable[[str], Answer]:
    """The same, only after the telephone is proved."""

    @of_open_link
    @wraps(view)
    def proved(token: str, link: GuardianLink) -> Answer:
        return view(token, link) if _proved(link) else _to_proof(token)

    return proved


@bp.get("/<token>")
@requires(Permission.PUBLIC)
@of_open_link
def page(_token: str, link: GuardianLink) -> Answer:
    """What the link is for; after the telephone is proved, the child and the answer."""
    if not _proved(link):
        return _proof_page(link, ProofForm(formdata=None))
    return _proved_page(link)


@bp.post("/<token>/code")
@requires(Permission.PUBLIC)
@of_open_link
def code(token: str, link: GuardianLink) -> Answer:
    """Send the guardian's telephone a code."""
    form = ProofForm(formdata=None)
    try:
        sent = send_phone_code(link.phone, CodePurpose.GUARDIAN, request.remote_addr)
        db.session.commit()
    except DomainError as problem:
        db.session.rollback()
        form.take(problem)
        status = problem.status if isinstance(problem, TooMany) else 422
        return _proof_page(_again(token), form, sent=True), status
    session[SHOWN_CODE] = sent.shown
    return redirect(url_for("guardian.page", token=token, sent="1"), 303)


@bp.post("/<token>/prove")
@requires(Permission.PUBLIC)
@of_open_link
def prove(token: str, link: GuardianLink) -> Answer:
    """Take the code; the pages open for half an hour in this browser."""
    form = ProofForm()
    if form.validate_on_submit():
        try:
            use_phone_code(link.phone, CodePurpose.GUARDIAN, form.code.data or "")
        except InvalidInput as problem:
            db.session.commit()  # the wrong try counts
            form.take(problem)
        else:
            db.session.commit()
            session.pop(SHOWN_CODE, None)
            session[PROOF] = {"link": link.id, "since": clock.now().isoformat()}
            return redirect(url_for("guardian.page", token=token), 303)
    return _proof_page(_again(token), form, sent=True), 422


@bp.post("/<token>/agree")
@requires(Permission.PUBLIC)
@of_proved_link
def agree(token: str, link: GuardianLink) -> Answer:
    """The guardian agrees."""
    form = _consent_form(link)
    if form.validate_on_submit():
        try:
            guardians.give_consent(
                link,
                name=form.name.data or "",
                birth_date=form.birth_date.data,
                valid_to=form.valid_to.data,
            )
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            link = _again(token)
            if guardians.state_of(link) is not GuardianState.WAITING:
                flash(str(problem.message), "warn")
                return redirect(url_for("guardian.page", token=token), 303)
        else:
            return redirect(url_for("guardian.page", token=token), 303)
    return _proved_page(link, form), 422


@bp.post("/<token>/refuse")
@requires(Permission.PUBLIC)
@of_proved_link
def refuse(token: str, link: GuardianLink) -> Answer:
    """The guardian does not agree."""
    return _act(token, link, guardians.refuse_consent)


@bp.route("/<token>/withdraw", methods=["GET", "POST"])
@requires(Permission.PUBLIC)
@of_proved_link
def withdraw(token: str, link: GuardianLink) -> Answer:
    """The guardian takes the consent back, after being told what follows."""
    if request.method == "POST":
        return _act(token, link, guardians.withdraw_consent)
    if guardians.state_of(link) is not GuardianState.GIVEN:
        return redirect(url_for("guardian.page", token=token), 303)
    return render_template("joining/guardian_withdraw.html", link=link, token=token, form=Form(formdata=None))


def _act(token: str, link: GuardianLink, act: Any) -> Answer:
    try:
        act(link)
        db.session.commit()
    except DomainError as problem:
        db.session.rollback()
        flash(f"{problem.message}{problem.remedy}", "warn")
    return redirect(url_for("guardian.page", token=token), 303)


# --- pages ---------------------------------------------------------------------------------------------------


def _find(token: str) -> GuardianLink | None:
    """The link; who tries many is slowed down."""
    link = link_by_token(token) if 16 <= len(token) <= 64 else None
    if link is None:
        limit(f"guardian-miss:{request.remote_addr}", "30/hour")
    return link


def _again(token: str) -> GuardianLink:
    link = link_by_token(token)
    assert link is not None, "found a moment ago, and links are never deleted"
    return link


def _proved(link: GuardianLink) -> bool:
    """Has this browser's person read back a code sent to the guardian's telephone within half an hour?"""
    proof = session.get(PROOF)
    if not isinstance(proof, dict) or proof.get("link") != link.id:
        return False
    since = datetime.fromisoformat(str(proof.get("since")))
    return clock.now() - guardians.PROOF_LASTS < since <= clock.now()


def _to_proof(token: str) -> Response:
    flash(_("请先用短信验证码确认是您本人。"), "info")
    return redirect(url_for("guardian.page", token=token), 303)


def _closed(link: GuardianLink | None) -> Answer:
    """A link that opens nothing says why, and not whose it was."""
    state = None if link is None else guardians.state_of(link)
    return render_template("joining/guardian_closed.html", state=state), 404 if link is None else 410


def _proof_page(link: GuardianLink, form: ProofForm, *, sent: bool = False) -> str:
    sent = sent or request.args.get("sent") == "1"
    return render_template(
        "joining/guardian_proof.html",
        form=form,
        phone=link.phone,
        token=link.token,
        sent=sent,
        shown_code=session.get(SHOWN_CODE) if sent else None,
    )


def _consent_form(link: GuardianLink) -> ConsentForm:
    kind = ConsentUnder14Form if guardians.needs_special_notice(link.worker) else ConsentForm
    return kind(data={"name": link.name, "valid_to": link.valid_to})


def _proved_page(link: GuardianLink, form: ConsentForm | None = None) -> str:
    return render_template(
        "joining/guardian.html",
        link=link,
        w=link.worker,
        token=link.token,
        state=guardians.state_of(link),
        form=form or _consent_form(link),
        under_14=guardians.needs_special_notice(link.worker),
        accompany_only_below=ACCOMPANY_ONLY_BELOW,
        earliest=MINOR_EARLIEST,
        latest=MINOR_LATEST,
    )
