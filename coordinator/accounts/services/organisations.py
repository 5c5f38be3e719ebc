"""Entering and changing organisations."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from coordinator.accounts.access import can_keep_organisation
from coordinator.accounts.models import Organisation
from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import InvalidInput, NotAllowed

# What may be set; everything else of a form is ignored.
FIELDS = frozenset(
    {
        *("kind", "school_stage", "name", "address", "latitude", "longitude"),
        *("issuer_person", "issuer_handler", "issuer_phone", "is_active"),
    }
)


def create_organisation(actor: Actor, area: Area, **values: Any) -> Organisation:
    """Enter an organisation of `area`. Raises NotAllowed outside the actor's area, InvalidInput (field `name`) when
    the area has one of this name.
    """
    organisation = Organisation(area_id=area.id)
    _demand(actor, area)
    _fill(organisation, values)
    _save(organisation)
    audit.record(actor, "organisation.create", organisation, _("登记单位 %(name)s", name=organisation.name))
    return organisation


def update_organisation(actor: Actor, organisation: Organisation, area: Area, **values: Any) -> None:
    """Change an organisation, its area included; both areas must be the actor's."""
    _demand(actor, organisation.area)
    _demand(actor, area)
    old = {field: getattr(organisation, field) for field in FIELDS & values.keys()}
    organisation.area_id = area.id
    _fill(organisation, values)
    _save(organisation)
    changes = {
        field: [_plain(was), _plain(getattr(organisation, field))]
        for field, was in old.items()
        if was != getattr(organisation, field)
    }
    audit.record(
        actor,
        "organisation.update",
        organisation,
        _("修改单位 %(name)s", name=organisation.name),
        changes=changes,
    )


def _demand(actor: Actor, area: Area) -> None:
    demand(actor, Permission.ACCOUNT_MANAGE)
    if not can_keep_organisation(actor, area.path):
        raise NotAllowed(_("这个辖区不归您管。"), _("请选择自己辖区内的街道或社区。"))


def _fill(organisation: Organisation, values: dict[str, Any]) -> None:
    for field in FIELDS & values.keys():
        setattr(organisation, field, values[field])


def _save(organisation: Organisation) -> None:
    try:
        with db.session.begin_nested():
            db.session.add(organisation)
            db.session.flush()
    except IntegrityError as problem:
        if "uq_organisations_area_id_name" not in str(problem.orig):
            raise
        raise InvalidInput(
            _("这个辖区已经有同名的单位了。"), _("请换一个名称，或者修改原来的那一个。"), field="name"
        ) from problem


def _plain(value: Any) -> Any:
    return getattr(value, "value", value)
