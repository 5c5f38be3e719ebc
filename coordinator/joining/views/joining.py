"""From the first tap to the application: place, type, telephone, details."""

from __future__ import annotations

from flask import flash, redirect, request, session, url_for
from flask_babel import gettext as _

from coordinator.accounts.models import Organisation, OrganisationKind
from coordinator.extensions import db
from coordinator.joining import labels
from coordinator.joining.forms.credentials import photos_in
from coordinator.joining.forms.joining import DetailsForm
from coordinator.joining.queries.invitations import LinkState, find_invitation, kinds_by, state_of
from coordinator.joining.queries.places import SHOWN_AT_MOST, schools_for, streets
from coordinator.joining.services.applying import Answers, Joined, Outcome, join, read_identity
from coordinator.joining.views.blueprint import bp
from coordinator.joining.views.common import Answer, Way, elsewhere, kept_phone, let_in, page_of
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, requires
from coordinator.kernel.areas import AreaLevel
from coordinator.kernel.errors import DomainError, InvalidInput
from coordinator.kernel.listing import clean_text
from coordinator.messages import channels
from coordinator.policy import age_on
from coordinator.workforce.fitness import ACCOMPANY_ONLY_BELOW, ADULT_AGE
from coordinator.workforce.models import WorkerKind

GUARDIAN_CODES = frozenset({"guardian_wanted", "child_notice_wanted"})


@bp.get("/i/<token>")
@requires(Permission.PUBLIC)
def invited(token: str) -> Answer:
    """Who invites, and the way in; of a link that does not work any more, what to do."""
    invitation = find_invitation(token)
    state = state_of(invitation) if invitation is not None else None
    if invitation is None or state is not LinkState.OPEN:
        status = 404 if invitation is None else 410
        return page_of("joining/link_over.html", status, invitation=invitation, state=state)
    away = elsewhere()
    if away is not None:
        return away
    area = invitation.area
    settled = area.level is AreaLevel.COMMUNITY
    return page_of(
        "joining/invited.html",
        invitation=invitation,
        go_on=url_for(
            "joining.who" if settled else "joining.start", i=token, area=area.id if settled else None
        ),
    )


@bp.get("")
@requires(Permission.PUBLIC)
def start() -> Answer:
    """Where: the communities by street, with a search where there are many."""
    away = elsewhere()
    if away is not None:
        return away
    way = Way.read()
    if way.over:
        return redirect(url_for("joining.invited", token=way.token), 303)
    search = clean_text(request.args.get("q", ""))
    found, total = streets(way.invitation.area.path if way.invitation else "", search)
    if total == 1 and not search:
        return redirect(url_for("joining.who", **way.args(area=found[0].communities[0].id)), 303)
    return page_of(
        "joining/start.html", way=way, streets=found, total=total, most=SHOWN_AT_MOST, search=search
    )


@bp.get("/who")
@requires(Permission.PUBLIC)
def who() -> Answer:
    """Which type: plain words on cards."""
    away = elsewhere()
    if away is not None:
        return away
    way = Way.read()
    offered = kinds_by(way.invitation)
    if way.over or way.area is None or len(offered) == 1:
        return way.missing() or redirect(url_for("joining.phone", **way.args()), 303)
    return page_of("joining/who.html", way=way, offered=offered, short=len(offered) < len(labels.CARDS))


@bp.route("/details", methods=["GET", "POST"])
@requires(Permission.PUBLIC)
def details() -> Answer:
    """The fields of this type. Sent twice it is one application."""
    away = elsewhere()
    if away is not None:
        return away
    way = Way.read()
    missing = way.missing()
    if missing is not None or way.area is None or way.kind is None:
        return missing or redirect(url_for("joining.start"), 303)
    proof = kept_phone("proof")
    if proof is None and request.method == "GET":
        flash(_("请先验证手机号。"), "info")
        return redirect(url_for("joining.phone", **way.args()), 303)
    schools = _schools(way)
    # A minor's questions come once the birth date is known; they stay, with all that was typed.
    form = DetailsForm.of(way.kind, schools, guardian="guardian_name" in request.form)
    if form.validate_on_submit():
        try:
            if proof is None:
                raise InvalidInput(_("手机号验证过去太久了。"), code="proof_over")
            return _apply(way, form, schools)
        except DomainError as problem:
            db.session.rollback()
            way = Way.read()
            schools = _schools(way)
            if problem.code in GUARDIAN_CODES and "guardian_name" not in form:
                assert way.kind is not None, "the address has not changed"
                form = DetailsForm.of(way.kind, schools, guardian=True)
                return _page(way, form, asks_guardian=True)
            form.take(problem)
    return _page(way, form, proof_over=proof is None)


def _page(way: Way, form: DetailsForm, *, asks_guardian: bool = False, proof_over: bool = False) -> Answer:
    young = False
    if "guardian_name" in form:
        try:
            _name, identity = read_identity(_answers(form, None))
            young = age_on(identity.birth_date, clock.today()) < ACCOMPANY_ONLY_BELOW
        except InvalidInput:
            young = bool(form.child_notice.data)
        if not young:
            del form["child_notice"]
    status = 422 if form.is_submitted() and not asks_guardian else 200
    return page_of(
        "joining/details.html",
        status,
        way=way,
        form=form,
        young=young,
        asks_guardian=asks_guardian,
        proof_over=proof_over,
        adult_age=ADULT_AGE,
    )


def _schools(way: Way) -> list[Organisation] | None:
    """The schools to choose from; None where nothing is to be chosen."""
    if way.kind is not WorkerKind.STUDENT or way.area is None:
        return None
    inviting = way.invitation.organisation if way.invitation is not None else None
    if inviting is not None and inviting.kind is OrganisationKind.SCHOOL:
        return None
    return list(schools_for(way.area))


def _answers(form: DetailsForm, schools: list[Organisation] | None) -> Answers:
    school = next((one for one in schools or () if str(one.id) == form.text("school_id")), None)
    return Answers(
        name=form.text("name"),
        id_number=form.text("id_number"),
        notice_at=clock.now(),
        licence=form.text("licence"),
        photos=photos_in(form.photos) if "photos" in form else (),
        office=form.text("office"),
        school=school,
        school_named="" if school is not None else form.text("school_named"),
        student_class=form.text("student_class"),
        student_number=form.text("student_number"),
        elder_named=form.text("elder_named"),
        elder_relation=form.text("elder_relation"),
        guardian={part: form.text(f"guardian_{part}") for part in ("name", "relation", "phone")},
        child_notice=bool("child_notice" in form and form.child_notice.data),
    )


def _apply(way: Way, form: DetailsForm, schools: list[Organisation] | None) -> Answer:
    proof = kept_phone("proof")
    assert proof is not None, "checked by the page"
    assert way.area is not None, "checked by the page"
    assert way.kind is not None, "checked by the page"
    if "guardian_name" in form:
        form.check_guardian()
    joined = join(
        proof.number,
        proof.at,
        way.area,
        way.kind,
        _answers(form, schools),
        invitation=way.invitation,
        address=request.remote_addr,
    )
    return _after(joined)


def _after(joined: Joined) -> Answer:
    if joined.outcome is Outcome.ASKED or joined.user is None:
        db.session.commit()
        session.pop("proof", None)
        return redirect(url_for("joining.asked"), 303)
    # Health comes first where it decides who goes (条例 15): the questions follow at once.
    kind = joined.worker.kind if joined.worker is not None else None
    senior = joined.outcome is Outcome.NEW and kind is WorkerKind.YOUNGER_SENIOR
    answer: Answer = let_in(joined.user, url_for("joining.my_declarations" if senior else "joining.mine"))
    if senior:
        flash(_("申请送到了。还有健康问题和协议，填好社区才能审核。"), "info")
    if joined.outcome is Outcome.KNOWN:
        flash(_("您早就登记过，已经接上原来的资料。"), "info")
    return answer


@bp.get("/asked")
@requires(Permission.PUBLIC)
def asked() -> Answer:
    """A coordinator looks first; nothing more is said."""
    return page_of("joining/asked.html")


@bp.app_context_processor
def joining_is_open() -> dict[str, bool]:
    """Whether codes can be sent: the sign-in page offers them only then."""
    return {"codes_can_be_sent": channels.sms_is_on()}
