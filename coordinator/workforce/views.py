"""The pages of the workforce: the coordinator's, and at the end the worker's own and the organisations'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from coordinator.elders import labels as elder_labels
from coordinator.elders.models import Elder, Skill
from coordinator.elders.queries import elder_in_scope, read_scope
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.areas import AreaLevel
from coordinator.kernel.errors import DomainError, InvalidInput, NotFound
from coordinator.kernel.forms import options
from coordinator.kernel.identity import mask_id, mask_phone
from coordinator.kernel.listing import Listing, ListingSpec
from coordinator.workforce import access, fitness, labels, services
from coordinator.workforce.forms import (
    CredentialForm,
    DaysOffForm,
    GuardianForm,
    PairForm,
    SuspendForm,
    WeekForm,
    WorkerForm,
)
from coordinator.workforce.models import CredentialKind, Worker
from coordinator.workforce.queries import (
    ROSTER,
    STUDENTS,
    WORKERS,
    bars_of,
    organisation_workers,
    organisations_for,
    own_worker,
    pairs_of,
    service_contact_of,
    tab_counts,
    worker_for_duty,
    worker_in_scope,
    worker_rows,
    workers_for_planning,
)

bp = Blueprint("workforce", __name__, url_prefix="/workforce")
Answer = str | tuple[str, int] | BaseResponse
P = Permission


def _words() -> dict[str, Any]:
    """What the templates of workers read besides the worker."""
    return {
        "labels": labels,
        "elder_labels": elder_labels,
        "fitness": fitness,
        "week_words": labels.week_words,
        "weekdays": i18n.WEEKDAYS,
    }


def _page(template: str, status: int = 200, **values: Any) -> Answer:
    return render_template(template, **_words(), **values), status


@bp.get("")
@requires(P.WORKER_READ)
def index() -> Answer:
    """The list; `?format=xlsx` exports it with telephones masked."""
    actor = current_actor()
    scope = read_scope(actor, P.WORKER_READ)
    areas = [*scope.level(AreaLevel.STREET), *scope.communities]
    choices = [(str(one.id), one.name) for one in areas]
    listing = Listing.read(WORKERS, request.args, request.path, choices={"area": choices})
    statement = worker_rows(actor, listing)
    if listing.export_format:
        return _download(listing, statement, _("人员名单"))
    return _page(
        "workforce/index.html",
        page=listing.fetch(db.session, statement, scalars=False),
        listing=listing,
        counts=tab_counts(actor, listing),
        may_edit=actor.may(P.WORKER_EDIT),
    )


def _download(listing: Listing, statement: Any, title: str) -> Response:
    actor = current_actor()
    sheet = listing.export(db.session, statement, title, scalars=False, notes=[_("电话只显示一部分。")])
    audit.record(actor, "worker.export", "workers", _("导出%(title)s", title=title))
    db.session.commit()
    return Response(
        sheet.content,
        mimetype=sheet.mimetype,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(sheet.filename)}"},
    )


def _worker_page(template: str, worker: Worker, status: int = 200, **values: Any) -> Answer:
    actor = current_actor()
    return _page(
        template,
        status,
        w=worker,
        may_edit=access.can_edit(actor, worker),
        missing=services.missing_for_duty(worker),
        is_minor=fitness.is_minor(worker, clock.today()),
        **values,
    )


@bp.get("/<int:worker_id>")
@requires(P.WORKER_READ)
def worker(worker_id: int) -> Answer:
    """One worker."""
    found = worker_in_scope(current_actor(), worker_id)
    pairs = pairs_of(found.id)
    return _worker_page(
        "workforce/worker.html",
        found,
        pairs=pairs,
        bars=bars_of(worker_id=found.id),
        home_features=_places(found, pairs),
    )


def _places(found: Worker, pairs: Sequence[Elder]) -> list[dict[str, Any]]:
    """The start and the homes of the paired elders as GeoJSON features."""
    marks = [(found.start_latitude, found.start_longitude, {"kind": "start", "title": _("出发")})]
    marks += [
        (
            one.household.latitude,
            one.household.longitude,
            {"kind": "stop", "label": one.name[:1], "title": one.name},
        )
        for one in pairs
        if one.household.latitude is not None and one.household.longitude is not None
    ]
    return [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": properties,
        }
        for lat, lon, properties in marks
    ]


@bp.get("/<int:worker_id>/panel")
@requires(P.WORKER_READ)
def panel(worker_id: int) -> Answer:
    """The side panel of the list."""
    found = worker_in_scope(current_actor(), worker_id)
    return _worker_page("workforce/panel.html", found, pairs=pairs_of(found.id))


@bp.post("/<int:worker_id>/reveal/<field>")
@requires(P.WORKER_EDIT)
def reveal(worker_id: int, field: str) -> Answer:
    """One protected value in full; who looked is committed before it is shown."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    value = services.reveal(current_actor(), found, field)
    db.session.commit()
    is_number = field == "id_number" or field.startswith("credential-")
    return render_template(
        "elders/revealed.html",
        value=value,
        masked_value=mask_id(value) if is_number else mask_phone(value),
        url=url_for("workforce.reveal", worker_id=worker_id, field=field),
        what=_("证件号") if is_number else _("电话"),
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def create() -> Answer:
    """Enter a worker."""
    form = WorkerForm(
        service_radius_metres=2500,
        max_visits_day=6,
        max_visits_week=15,
        max_visits_month=40,
        kind="volunteer",
    )
    areas, organisations, centre = _offer(form)
    if form.validate_on_submit():
        actor = current_actor()
        try:
            made = services.create_worker(
                actor,
                areas[form.area_id.data],
                _values(form, None),
                organisation=organisations.get(form.organisation_id.data or ""),
            )
            services.verify_skills(actor, made, [Skill(one) for one in form.skills.data or ()])
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
        else:
            flash(_("已登记%(name)s。补齐资质后再审核。", name=made.name), "ok")
            return redirect(url_for("workforce.worker", worker_id=made.id), 303)
    return _page("workforce/form.html", 422 if form.is_submitted() else 200, form=form, w=None, centre=centre)


@bp.route("/<int:worker_id>/edit", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def edit(worker_id: int) -> Answer:
    """Change a worker's data."""
    actor = current_actor()
    found = worker_in_scope(actor, worker_id, P.WORKER_EDIT)
    stored = {
        name: getattr(found, name)
        for name in WorkerForm()._fields
        if hasattr(found, name) and name not in ("id_number", "phone", "skills", "dialects")
    }
    stored |= {
        "skills": [one.skill.value for one in found.skills if one.verified_on],
        "dialects": "、".join(found.dialects),
        "area_id": str(found.area_id),
        "organisation_id": str(found.organisation_id or ""),
    }
    form = WorkerForm(data=stored)
    areas, organisations, centre = _offer(form, found)
    if form.validate_on_submit():
        try:
            services.edit_worker(
                actor,
                found,
                _values(form, found),
                area=areas[form.area_id.data],
                organisation=organisations.get(form.organisation_id.data or ""),
                keep_organisation=False,
            )
            services.verify_skills(actor, found, [Skill(one) for one in form.skills.data or ()])
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            found = worker_in_scope(actor, worker_id, P.WORKER_EDIT, fresh=True)
        else:
            flash(_("已保存。"), "ok")
            return redirect(url_for("workforce.worker", worker_id=worker_id), 303)
    return _page(
        "workforce/form.html", 422 if form.is_submitted() else 200, form=form, w=found, centre=centre
    )


def _offer(form: WorkerForm, found: Worker | None = None) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Put the areas and organisations in reach into the form; returns them by their choice, and a map centre."""
    actor = current_actor()
    scope = read_scope(actor, P.WORKER_EDIT)
    areas = {str(one.id): one for one in [*scope.level(AreaLevel.STREET), *scope.communities]}
    organisations = {str(one.id): one for one in organisations_for(actor, P.WORKER_EDIT)}
    if found is not None and found.organisation is not None:
        organisations.setdefault(str(found.organisation.id), found.organisation)
    form.area_id.choices = options((key, one.name) for key, one in areas.items())
    form.organisation_id.choices = options(
        ((key, one.name) for key, one in organisations.items()), _("没有单位")
    )
    centre = next(
        ((one.latitude, one.longitude) for one in scope.areas.values() if one.latitude is not None), None
    )
    return areas, organisations, centre


def _values(form: WorkerForm, found: Worker | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        name: form[name].data or None
        for name in (
            *("name", "kind", "sex", "birth_date", "volunteer_number", "student_class", "student_number"),
            *("travel_mode", "start_address", "service_radius_metres", "max_visits_day", "max_visits_week"),
            *("max_visits_month", "max_hours_week", "notes"),
        )
    }
    for name in ("start_latitude", "start_longitude"):
        values[name] = float(form[name].data) if form[name].data is not None else None
    for name in ("id_number", "phone"):
        if form[name].data:
            values[name] = form[name].data
    if found is not None:
        values = {k: v for k, v in values.items() if v is not None or k not in ("sex", "birth_date")}
    words = (form.dialects.data or "").replace(",", "、").replace("，", "、").split("、")
    values["dialects"] = [one.strip()[:30] for one in words if one.strip()]
    return values


@bp.post("/<int:worker_id>/approve")
@requires(P.WORKER_EDIT)
def approve(worker_id: int) -> Answer:
    """Approve, or take back a suspension."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    services.approve_worker(current_actor(), found)
    db.session.commit()
    flash(_("%(name)s已通过审核，可以安排探访了。", name=found.name), "ok")
    return redirect(url_for("workforce.worker", worker_id=worker_id), 303)


@bp.route("/<int:worker_id>/suspend", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def suspend(worker_id: int) -> Answer:
    """Stop a worker, with the reason."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    form = SuspendForm()
    if form.validate_on_submit():
        try:
            services.suspend_worker(current_actor(), found, form.reason.data or "")
            db.session.commit()
        except InvalidInput as problem:
            db.session.rollback()
            form.take(problem)
            found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT, fresh=True)
        else:
            flash(_("已停用%(name)s。", name=found.name), "ok")
            return redirect(url_for("workforce.worker", worker_id=worker_id), 303)
    return _page("workforce/suspend.html", 422 if form.is_submitted() else 200, form=form, w=found)


@bp.post("/<int:worker_id>/leave")
@requires(P.WORKER_EDIT)
def leave(worker_id: int) -> Answer:
    """The worker has left the workforce."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    services.retire_worker(current_actor(), found)
    db.session.commit()
    flash(_("%(name)s已离开队伍，记录和时数都留着。", name=found.name), "ok")
    return redirect(url_for("workforce.worker", worker_id=worker_id), 303)


@bp.route("/<int:worker_id>/credentials/new", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def credential(worker_id: int) -> Answer:
    """Enter a credential."""
    actor = current_actor()
    found = worker_in_scope(actor, worker_id, P.WORKER_EDIT)
    wanted = request.args.get("kind")
    form = CredentialForm(valid_from=clock.today(), kind=wanted if wanted in list(CredentialKind) else None)
    if form.validate_on_submit():
        try:
            services.add_credential(
                actor,
                found,
                CredentialKind(form.kind.data),
                form.valid_from.data,
                form.valid_to.data,
                form.number.data,
            )
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            found = worker_in_scope(actor, worker_id, P.WORKER_EDIT, fresh=True)
        else:
            flash(_("已登记%(what)s。", what=labels.CREDENTIALS[form.kind.data]), "ok")
            return redirect(url_for("workforce.worker", worker_id=worker_id), 303)
    return _page("workforce/credential.html", 422 if form.is_submitted() else 200, form=form, w=found)


@bp.route("/<int:worker_id>/guardians/new", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def guardian(worker_id: int) -> Answer:
    """Write down a guardian's consent."""
    actor = current_actor()
    found = worker_in_scope(actor, worker_id, P.WORKER_EDIT)
    form = GuardianForm(given_on=clock.today())
    if form.validate_on_submit():
        try:
            services.add_guardian_consent(
                actor,
                found,
                services.GuardianConsent(
                    form.name.data or "",
                    form.relation.data or "",
                    form.phone.data or "",
                    form.scope.data or "",
                    form.given_on.data,
                    form.valid_to.data,
                ),
            )
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            found = worker_in_scope(actor, worker_id, P.WORKER_EDIT, fresh=True)
        else:
            flash(_("已登记监护人同意。"), "ok")
            return redirect(url_for("workforce.worker", worker_id=worker_id), 303)
    return _page("workforce/guardian.html", 422 if form.is_submitted() else 200, form=form, w=found)


@bp.post("/<int:worker_id>/guardians/<int:guardian_id>/withdraw")
@requires(P.WORKER_EDIT)
def withdraw_guardian(worker_id: int, guardian_id: int) -> Answer:
    """The guardian takes the consent back."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    row = next((one for one in found.guardians if one.id == guardian_id), None)
    if row is None:
        raise NotFound(_("没有找到这份同意。"))
    services.withdraw_guardian_consent(current_actor(), found, row)
    db.session.commit()
    flash(_("已撤回。从现在起不再安排%(name)s。", name=found.name), "ok")
    return redirect(url_for("workforce.worker", worker_id=worker_id), 303)


# --- when a worker comes: one page for the coordinator and for the worker --------------------------------


def _times_page(found: Worker, layout: str, back: str, save: str, days_off: str) -> Answer:
    form = WeekForm.of(list(found.availability))
    if form.validate_on_submit():
        try:
            services.set_availability(current_actor(), found, form.week())
            db.session.commit()
        except InvalidInput as problem:
            db.session.rollback()
            _mark_day(form, problem)
        else:
            flash(_("已保存。以后按新的时间安排。"), "ok")
            return redirect(back, 303)
    return _page(
        "workforce/times.html",
        422 if form.is_submitted() else 200,
        form=form,
        name=found.name,
        layout=layout,
        back=back,
        save=save,
        days_off=days_off,
    )


def _mark_day(form: WeekForm, problem: InvalidInput) -> None:
    """Show a refusal at its weekday."""
    part = form._fields.get(problem.field or "")
    if part is None:
        form.take(problem)
    else:
        part.form.span.errors = [*part.form.span.errors, str(problem.message)]


def _days_off_page(found: Worker, layout: str, back: str, here: str, remove: str) -> Answer:
    form = DaysOffForm(first_day=clock.today(), last_day=clock.today())
    if form.validate_on_submit():
        try:
            services.add_days_off(
                current_actor(), found, form.first_day.data, form.last_day.data, form.note.data or ""
            )
            db.session.commit()
        except InvalidInput as problem:
            db.session.rollback()
            form.take(problem)
        else:
            flash(_("已登记，这几天不会安排。"), "ok")
            return redirect(here, 303)
    coming = [one for one in found.exceptions if one.last_day >= clock.today()]
    return _page(
        "workforce/days_off.html",
        422 if form.is_submitted() else 200,
        form=form,
        name=found.name,
        leaves=coming,
        layout=layout,
        back=back,
        here=here,
        remove=remove,
    )


@bp.route("/<int:worker_id>/times", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def times(worker_id: int) -> Answer:
    """A coordinator types in a worker's weekly hours."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    back = url_for("workforce.worker", worker_id=worker_id)
    return _times_page(
        found, "layouts/desk.html", back, request.path, url_for("workforce.days_off", worker_id=worker_id)
    )


@bp.route("/<int:worker_id>/days-off", methods=["GET", "POST"])
@requires(P.WORKER_EDIT)
def days_off(worker_id: int) -> Answer:
    """A coordinator types in days on which a worker does not come."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    return _days_off_page(
        found,
        "layouts/desk.html",
        url_for("workforce.worker", worker_id=worker_id),
        request.path,
        url_for("workforce.remove_days_off", worker_id=worker_id),
    )


@bp.post("/<int:worker_id>/days-off/remove")
@requires(P.WORKER_EDIT)
def remove_days_off(worker_id: int) -> Answer:
    """Take days off back."""
    found = worker_in_scope(current_actor(), worker_id, P.WORKER_EDIT)
    services.remove_days_off(current_actor(), found, request.form.get("leave", 0, type=int))
    db.session.commit()
    return redirect(url_for("workforce.days_off", worker_id=worker_id), 303)


@bp.get("/me")
@requires(P.WORK)
def me() -> Answer:
    """「我的」: own data, hours, credentials."""
    found = own_worker(current_actor())
    return _page(
        "workforce/me.html",
        w=found,
        missing=services.missing_for_duty(found),
        is_minor=fitness.is_minor(found, clock.today()),
        leaves=[one for one in found.exceptions if one.last_day >= clock.today()],
    )


@bp.route("/me/times", methods=["GET", "POST"])
@requires(P.WORK)
def my_times() -> Answer:
    """A worker's own weekly hours."""
    return _times_page(
        own_worker(current_actor()),
        "layouts/phone.html",
        url_for("workforce.me"),
        request.path,
        url_for("workforce.my_days_off"),
    )


@bp.route("/me/days-off", methods=["GET", "POST"])
@requires(P.WORK)
def my_days_off() -> Answer:
    """A worker's own days off."""
    return _days_off_page(
        own_worker(current_actor()),
        "layouts/phone.html",
        url_for("workforce.me"),
        request.path,
        url_for("workforce.remove_my_days_off"),
    )


@bp.post("/me/days-off/remove")
@requires(P.WORK)
def remove_my_days_off() -> Answer:
    """Take own days off back."""
    services.remove_days_off(
        current_actor(), own_worker(current_actor()), request.form.get("leave", 0, type=int)
    )
    db.session.commit()
    return redirect(url_for("workforce.my_days_off"), 303)


# --- pairs -----------------------------------------------------------------------------------------------


@bp.route("/elders/<int:elder_id>", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def pairing(elder_id: int) -> Answer:
    """Who is the elder's service contact, and who is never sent there."""
    actor = current_actor()
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT)
    today = clock.today()
    bars = bars_of(elder_id=elder.id)
    barred = {one.worker_id for one in bars}
    candidates = []
    for one in workers_for_planning(elder.area.path):
        if one.id in barred or fitness.is_minor(one, today):
            continue
        found = fitness.pairing(one, elder, day=today)
        candidates.append(
            (sum(2 if f.hard else 1 for f in found), fitness.distance_m(one, elder), one, found)
        )
    candidates.sort(key=lambda row: (row[0], row[1] if row[1] is not None else 0.0, row[2].id))
    form = PairForm()
    form.worker_id.choices = options((row[2].id, _candidate(*row[1:])) for row in candidates)
    if form.validate_on_submit():
        chosen = worker_for_duty(int(form.worker_id.data))
        if chosen is None:
            raise NotFound(_("没有找到这位人员。"))
        try:
            if form.action.data == "bar":
                services.add_bar(actor, elder, chosen)
            else:
                services.pair(actor, elder, chosen)
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT, fresh=True)
        else:
            flash(_("已记下。"), "ok")
            return redirect(url_for("workforce.pairing", elder_id=elder_id), 303)
    return _page(
        "workforce/pairing.html",
        422 if form.is_submitted() else 200,
        form=form,
        e=elder,
        contact=service_contact_of(elder_id),
        bars=bars,
    )


def _candidate(distance: float | None, worker: Worker, found: list[fitness.Unfit]) -> str:
    """A worker as a choice: name, kind, distance, and what stands against the pair."""
    parts = [str(labels.KINDS[worker.kind])]
    if distance is not None:
        parts.append(i18n.distance(distance))
    parts += [one.message for one in found if one.code is not fitness.UnfitCode.OUTSIDE_RADIUS]
    return f"{worker.name}（{'，'.join(parts)}）"


@bp.post("/elders/<int:elder_id>/unpair")
@requires(P.ELDER_EDIT)
def unpair(elder_id: int) -> Answer:
    """End the pairing."""
    elder = elder_in_scope(current_actor(), elder_id, P.ELDER_EDIT)
    services.unpair(current_actor(), elder)
    db.session.commit()
    return redirect(url_for("workforce.pairing", elder_id=elder_id), 303)


@bp.post("/elders/<int:elder_id>/bars/<int:worker_id>/remove")
@requires(P.ELDER_EDIT)
def remove_bar(elder_id: int, worker_id: int) -> Answer:
    """Let this worker be sent there again."""
    elder = elder_in_scope(current_actor(), elder_id, P.ELDER_EDIT)
    found = worker_for_duty(worker_id)
    if found is None:
        raise NotFound(_("没有找到这位人员。"))
    services.remove_bar(current_actor(), elder, found)
    db.session.commit()
    return redirect(url_for("workforce.pairing", elder_id=elder_id), 303)


# --- organisations ---------------------------------------------------------------------------------------


def _own_list(spec: ListingSpec, permission: Permission, title: str, template: str) -> Answer:
    actor = current_actor()
    listing = Listing.read(spec, request.args, request.path)
    statement = organisation_workers(actor, permission)
    if listing.export_format:
        return _download(listing, statement, title)
    return _page(template, page=listing.fetch(db.session, statement, scalars=False), listing=listing)


@bp.get("/roster")
@requires(P.ROSTER_READ)
def roster() -> Answer:
    """An organisation's own people."""
    return _own_list(ROSTER, P.ROSTER_READ, _("本单位人员"), "workforce/roster.html")


@bp.get("/students")
@requires(P.STUDENT_READ)
def students() -> Answer:
    """A school's own students."""
    return _own_list(STUDENTS, P.STUDENT_READ, _("本校学生"), "workforce/students.html")
