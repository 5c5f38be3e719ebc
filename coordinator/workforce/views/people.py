"""The list, the worker, the form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from coordinator.elders.models import Elder, ElderStatus, Skill
from coordinator.elders.queries import read_scope
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.areas import AreaLevel
from coordinator.kernel.errors import DomainError
from coordinator.kernel.forms import options
from coordinator.kernel.identity import mask_id, mask_phone
from coordinator.kernel.listing import Listing
from coordinator.workforce import access, fitness, services
from coordinator.workforce.forms import (
    WorkerForm,
)
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import (
    WORKERS,
    bars_of,
    organisations_for,
    pairs_of,
    pairs_with,
    tab_counts,
    worker_in_scope,
    worker_rows,
)
from coordinator.workforce.views.common import Answer, P, bp, download, page_of


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
        return download(listing, statement, _("人员名单"))
    return page_of(
        "workforce/index.html",
        page=listing.fetch(db.session, statement, scalars=False),
        listing=listing,
        counts=tab_counts(actor, listing),
        may_edit=actor.may(P.WORKER_EDIT),
    )


def _worker_page(template: str, worker: Worker, status: int = 200, **values: Any) -> Answer:
    actor = current_actor()
    return page_of(
        template,
        status,
        w=worker,
        may_edit=access.can_edit(actor, worker),
        may_open_account=access.can_open_account(actor, worker),
        missing=services.missing_for_duty(worker),
        is_minor=fitness.is_minor(worker, clock.today()),
        **values,
    )


@bp.get("/<int:worker_id>")
@requires(P.WORKER_READ)
def worker(worker_id: int) -> Answer:
    """One worker."""
    found = worker_in_scope(current_actor(), worker_id)
    known = [one for one in pairs_with(worker_id=found.id) if one.elder.status is ElderStatus.ACTIVE]
    pairs = [one.elder for one in known]
    return _worker_page(
        "workforce/worker.html",
        found,
        pairs=pairs,
        parts={one.elder_id: one.part for one in known},
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
    return page_of(
        "workforce/form.html", 422 if form.is_submitted() else 200, form=form, w=None, centre=centre
    )


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
    return page_of(
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
