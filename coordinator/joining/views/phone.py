"""The telephone: a code is sent, read back, and leads to an account or to the application."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, session, url_for
from flask_babel import gettext as _

from coordinator.accounts.authentication import current_person
from coordinator.accounts.kept import KeptForm
from coordinator.extensions import db
from coordinator.joining.forms.joining import CodeForm, PhoneForm, TakeUpForm
from coordinator.joining.models import CodePurpose
from coordinator.joining.queries.people import Person, people_with_phone
from coordinator.joining.services.codes import mobile, send_phone_code, use_phone_code
from coordinator.joining.services.entering import enter
from coordinator.joining.views.blueprint import bp
from coordinator.joining.views.common import (
    Answer,
    Phone,
    Way,
    elsewhere,
    keep_phone,
    kept_phone,
    let_in,
    page_of,
    target,
)
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, requires
from coordinator.kernel.errors import DomainError, InvalidInput, TooMany
from coordinator.kernel.limits import limit
from coordinator.messages import channels

# Right and wrong ones: a class that joins together stays below.
CODES_TRIED = "150/15 minutes"


@bp.route("/phone", methods=["GET", "POST"])
@requires(Permission.PUBLIC)
def phone() -> Answer:
    """The number of somebody who joins; one that was proved in this browser is not asked for again."""
    way = Way.read()
    away = elsewhere() or way.missing()
    if away is not None:
        return away
    if request.method == "GET" and "other" not in request.args and kept_phone("proof") is not None:
        return redirect(url_for("joining.details", **way.args()), 303)
    return _ask_for_phone(CodePurpose.JOIN, way)


@bp.route("/sign-in", methods=["GET", "POST"])
@requires(Permission.PUBLIC)
def sign_in() -> Answer:
    """The number of somebody who signs in by a code."""
    if current_person() is not None:
        return redirect(target(), 303)
    return _ask_for_phone(CodePurpose.SIGN_IN, Way.read())


def _ask_for_phone(purpose: CodePurpose, way: Way) -> Answer:
    if not channels.sms_is_on():
        return page_of("joining/no_codes.html")
    form, kept = PhoneForm(), KeptForm.from_request()
    begins = kept.target and "phone" not in request.form  # a form carried here by the page of signing in
    status = 422 if form.is_submitted() and not begins else 200
    if not begins and form.validate_on_submit():
        try:
            _send(form.phone.data or "", purpose)
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            status = problem.status
        else:
            if kept.target:
                return _code_page(CodeForm(formdata=None), way, kept)
            return redirect(url_for("joining.code", **_onward(way)), 303)
    return page_of("joining/phone.html", status, form=form, way=way, kept=kept, purpose=purpose)


def _send(typed: str, purpose: CodePurpose) -> None:
    """Send a code; a second tap within the minute goes on with the first one."""
    number = mobile(typed)
    before = kept_phone("sent")
    try:
        sent = send_phone_code(number, purpose, request.remote_addr)
    except TooMany as problem:
        same = before is not None and before.number == number and before.purpose is purpose
        if problem.code == "too_soon" and same and "again" not in request.form:
            return
        raise
    db.session.commit()
    keep_phone("sent", Phone(number, purpose, clock.now(), sent.shown))


def _onward(way: Way) -> dict[str, Any]:
    where = target()
    return way.args(next=None if where == "/" else where)


@bp.route("/code", methods=["GET", "POST"])
@requires(Permission.PUBLIC)
def code() -> Answer:
    """The six digits. A wrong one counts, also when the page is left."""
    if current_person() is not None:
        return elsewhere() or redirect("/", 303)
    way, sent = Way.read(), kept_phone("sent")
    if sent is None:
        proved = kept_phone("proof")
        if proved is not None:
            return redirect(url_for("joining.which", **_onward(way)), 303)
        return redirect(_first(CodePurpose.JOIN if way.area else CodePurpose.SIGN_IN, way), 303)
    form, kept = CodeForm(), KeptForm.from_request()
    if "again" in request.form:
        form = CodeForm(formdata=None)
        try:
            _send(sent.number, sent.purpose)
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            return _code_page(form, way, kept, problem.status)
        return _code_page(form, way, kept)
    if form.validate_on_submit():
        try:
            limit(f"phone-code:{request.remote_addr}", CODES_TRIED)
            use_phone_code(sent.number, sent.purpose, form.code.data or "")
        except DomainError as problem:
            db.session.commit()  # the try counts
            form.take(problem)
            return _code_page(form, way, kept, problem.status)
        db.session.commit()
        session.pop("sent", None)
        keep_phone("proof", Phone(sent.number, sent.purpose, clock.now()))
        return _proved(sent, way, kept)
    return _code_page(form, way, kept, 422 if form.is_submitted() else 200)


def _first(purpose: CodePurpose, way: Way) -> str:
    endpoint = "joining.phone" if purpose is CodePurpose.JOIN else "joining.sign_in"
    return url_for(endpoint, **_onward(way))


def _code_page(form: CodeForm, way: Way, kept: KeptForm, status: int = 200) -> Answer:
    sent = kept_phone("sent")
    return page_of(
        "joining/code.html",
        status,
        form=form,
        way=way,
        kept=kept,
        sent=sent,
        onward=_onward(way),
        back=_first(sent.purpose, way) if sent else url_for("joining.sign_in"),
    )


def _proved(sent: Phone, way: Way, kept: KeptForm) -> Answer:
    """The telephone is proved: straight in, or to the choice of who one is, or to the application."""
    people = people_with_phone(sent.number)
    if sent.purpose is CodePurpose.JOIN and not people:
        return redirect(url_for("joining.details", **way.args()), 303)
    if sent.purpose is CodePurpose.SIGN_IN and len(people) == 1:
        only = people[0]
        if only.user is not None and only.enters_by_code:
            return _enter(only, TakeUpForm(formdata=None), kept)
    if kept.target:
        return _which_page(people, way, kept)
    return redirect(url_for("joining.which", **_onward(way)), 303)


@bp.route("/which", methods=["GET", "POST"])
@requires(Permission.PUBLIC)
def which() -> Answer:
    """Who of those registered with this number one is; or nobody yet."""
    if current_person() is not None:
        return elsewhere() or redirect("/", 303)
    way, proof = Way.read(), kept_phone("proof")
    if proof is None:
        return redirect(url_for("joining.sign_in", next=request.args.get("next")), 303)
    people, kept = people_with_phone(proof.number), KeptForm.from_request()
    form = TakeUpForm()
    chosen = next((one for one in people if one.key == request.form.get("key")), None)
    if request.method == "POST" and chosen is not None:
        try:
            return _enter(chosen, form, kept)
        except DomainError as problem:
            db.session.rollback()
            form.validate()
            form.take(problem)
            people = people_with_phone(proof.number)
            return _which_page(people, way, kept, form, chosen.key, problem.status)
    return _which_page(people, way, kept)


def _enter(person: Person, form: TakeUpForm, kept: KeptForm) -> Answer:
    proof = kept_phone("proof")
    assert proof is not None, "the telephone is proved"
    fresh = person.user is None
    if fresh and not form.validate():
        raise InvalidInput(_("还有没填好的。"))
    user = enter(
        person,
        proved_at=proof.at,
        typed_name=form.name.data or "",
        notice_at=clock.now() if form.notice.data else None,
        address=request.remote_addr,
    )
    return let_in(user, url_for("joining.mine") if fresh else target(), kept)


def _which_page(
    people: list[Person],
    way: Way,
    kept: KeptForm,
    form: TakeUpForm | None = None,
    key: str = "",
    status: int = 200,
) -> Answer:
    proof = kept_phone("proof")
    go_on = url_for("joining.details", **way.args()) if way.area and way.kind else url_for("joining.start")
    return page_of(
        "joining/which.html",
        status,
        people=people,
        way=way,
        kept=kept,
        form=form or TakeUpForm(formdata=None),
        key=key,
        phone=proof.number if proof else "",
        onward=_onward(way),
        go_on=go_on,
    )
