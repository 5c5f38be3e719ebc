"""The organisations of the 五社 workforce, schools among them."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.accounts import queries, services
from coordinator.accounts.forms import OrganisationForm
from coordinator.accounts.labels import ORGANISATION_KINDS, SCHOOL_STAGES
from coordinator.accounts.models import Organisation, OrganisationKind, SchoolStage
from coordinator.accounts.views import bp
from coordinator.accounts.views.manage import area_choices
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission, current_actor, requires
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import InvalidInput
from coordinator.kernel.forms import attempt, options, status_of
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec

MANAGE = Permission.ACCOUNT_MANAGE
LEVELS = (AreaLevel.CITY, AreaLevel.COUNTY, AreaLevel.STREET, AreaLevel.COMMUNITY)

ORGANISATIONS = ListingSpec(
    columns=(
        Column("name", _l("名称"), sort=Organisation.name),
        Column("kind", _l("类型"), sort=Organisation.kind),
        Column("area", _l("所在辖区")),
        Column("issuer", _l("证明负责人、经办人")),
        Column("is_active", _l("状态"), sort=Organisation.is_active),
    ),
    tie=Organisation.id,
    filters=(
        Filter(
            "kind",
            _l("类型"),
            lambda statement, kind: statement.where(Organisation.kind == kind),
            choices=lambda: [(kind.value, label) for kind, label in ORGANISATION_KINDS.items()],
            all_label=_l("全部类型"),
        ),
    ),
    default_sort="name",
    search=lambda statement, text: statement.where(Organisation.name.icontains(text, autoescape=True)),
)


@bp.get("/organisations")
@requires(MANAGE)
def organisations() -> str:
    """The organisations of the actor's area."""
    listing = Listing.read(ORGANISATIONS, request.args, request.path)
    page = listing.fetch(db.session, queries.organisations(current_actor()))
    return render_template(
        "accounts/organisations.html",
        page=page,
        listing=listing,
        kinds=ORGANISATION_KINDS,
        stages=SCHOOL_STAGES,
    )


@bp.route("/organisations/new", methods=["GET", "POST"])
@requires(MANAGE)
def new_organisation() -> Any:
    """Enter an organisation."""
    actor = current_actor()
    form = OrganisationForm()
    _offer(actor, form)
    if attempt(form, lambda: services.create_organisation(actor, _area(actor, form), **_values(form))):
        flash(_("已登记 %(name)s。", name=form.name.data), "ok")
        return redirect(url_for("accounts.organisations"), 303)
    return render_template("accounts/organisation.html", form=form, organisation=None), status_of(form)


@bp.route("/organisations/<int:organisation_id>", methods=["GET", "POST"])
@requires(MANAGE)
def edit_organisation(organisation_id: int) -> Any:
    """Change an organisation."""
    actor = current_actor()
    organisation = queries.get_organisation(actor, organisation_id)
    form = OrganisationForm(obj=organisation)
    _offer(actor, form)

    def change() -> None:
        services.update_organisation(actor, organisation, _area(actor, form), **_values(form))

    if attempt(form, change):
        flash(_("已保存 %(name)s。", name=form.name.data), "ok")
        return redirect(url_for("accounts.organisations"), 303)
    page = render_template("accounts/organisation.html", form=form, organisation=organisation)
    return page, status_of(form)


def _offer(actor: Actor, form: OrganisationForm) -> None:
    areas = queries.areas_to_manage(actor, LEVELS)
    form.area_id.choices = options(area_choices(areas), _("请选择"))


def _area(actor: Actor, form: OrganisationForm) -> Area:
    wanted = form.area_id.data
    area = next((one for one in queries.areas_to_manage(actor, LEVELS) if one.id == wanted), None)
    if area is None:
        raise InvalidInput(_("这个地方不在您的辖区内。"), _("请重新选择。"), field="area_id")
    return area


def _values(form: OrganisationForm) -> dict[str, Any]:
    text = ("address", "issuer_person", "issuer_handler", "issuer_phone")
    stage = form.school_stage.data
    return {
        "name": (form.name.data or "").strip(),
        "kind": OrganisationKind(form.kind.data),
        "school_stage": SchoolStage(stage) if stage else None,
        "latitude": form.latitude.data,
        "longitude": form.longitude.data,
        "is_active": form.is_active.data,
    } | {name: (form[name].data or "").strip() or None for name in text}
