"""Invitations: a coordinator's for the area, a manager's for the own organisation. Two doors, the same pages."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import segno
from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from coordinator.accounts.models import Organisation
from coordinator.extensions import db
from coordinator.joining.forms.invitations import InvitationForm
from coordinator.joining.labels import BY_COMPANY
from coordinator.joining.models import Invitation
from coordinator.joining.queries.invitations import (
    invitation_in_scope,
    invitations_of,
    joined_by,
    own_organisations,
    state_of,
)
from coordinator.joining.services.invitations import end_invitation, make_invitation
from coordinator.joining.views.blueprint import bp
from coordinator.joining.views.common import Answer, page_of
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, current_actor, in_areas, requires
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import DomainError, InvalidInput
from coordinator.kernel.forms import options
from coordinator.messages.channels import absolute_link
from coordinator.workforce import labels as workforce_labels
from coordinator.workforce.models import WorkerKind
from coordinator.workforce.queries import organisations_for
from coordinator.workforce.rosters import KINDS_OF

USUAL_DAYS = 90


@dataclass(frozen=True, slots=True)
class Door:
    """One of the two ways in: its permission, and the names of its pages."""

    permission: Permission
    prefix: str

    def url(self, page: str, **values: Any) -> str:
        return url_for(f"joining.{self.prefix}{page}", **values)

    @property
    def for_organisation(self) -> bool:
        return self.permission is Permission.ROSTER_EDIT


AREA = Door(Permission.WORKER_EDIT, "")
ROSTER = Door(Permission.ROSTER_EDIT, "roster_")


@bp.route("/invitations", methods=["GET", "POST"])
@requires(Permission.WORKER_EDIT)
def invitations() -> Answer:
    """The invitations of one's areas, and a new one."""
    return _list(AREA)


@bp.route("/roster/invitations", methods=["GET", "POST"])
@requires(Permission.ROSTER_EDIT)
def roster_invitations() -> Answer:
    """The invitations of one's organisation, and a new one."""
    return _list(ROSTER)


@bp.get("/invitations/<int:invitation_id>")
@requires(Permission.WORKER_EDIT)
def invitation(invitation_id: int) -> Answer:
    """One invitation: link, picture, who came by it."""
    return _one(AREA, invitation_id)


@bp.get("/roster/invitations/<int:invitation_id>")
@requires(Permission.ROSTER_EDIT)
def roster_invitation(invitation_id: int) -> Answer:
    """The same for the own organisation."""
    return _one(ROSTER, invitation_id)


@bp.get("/invitations/<int:invitation_id>/poster")
@requires(Permission.WORKER_EDIT)
def invitation_poster(invitation_id: int) -> Answer:
    """A page to hang up."""
    return _poster(AREA, invitation_id)


@bp.get("/roster/invitations/<int:invitation_id>/poster")
@requires(Permission.ROSTER_EDIT)
def roster_invitation_poster(invitation_id: int) -> Answer:
    """The same for the own organisation."""
    return _poster(ROSTER, invitation_id)


@bp.post("/invitations/<int:invitation_id>/end")
@requires(Permission.WORKER_EDIT)
def invitation_end(invitation_id: int) -> Answer:
    """Let nobody join by it any more."""
    return _end(AREA, invitation_id)


@bp.post("/roster/invitations/<int:invitation_id>/end")
@requires(Permission.ROSTER_EDIT)
def roster_invitation_end(invitation_id: int) -> Answer:
    """The same for the own organisation."""
    return _end(ROSTER, invitation_id)


def _list(door: Door) -> Answer:
    actor = current_actor()
    organisations = _organisations(door, actor)
    areas = _areas(door, actor, organisations)
    form = InvitationForm(last_day=clock.today() + timedelta(days=USUAL_DAYS))
    form.organisation_id.choices = options(
        [(one.id, one.name) for one in organisations],
        _("不替单位，是社区自己邀请") if not door.for_organisation else None,
    )
    form.area_id.choices = options([(one.id, _area_name(one)) for one in areas], _("请选"))
    own = {kind for one in organisations for kind in KINDS_OF[one.kind] if len(KINDS_OF[one.kind]) > 1}
    form.kind.choices = options(
        [
            (one.value, workforce_labels.KINDS[one])
            for one in WorkerKind
            if (one in own if door.for_organisation else one not in BY_COMPANY)
        ],
        _("由本人自己选"),
    )
    if len(areas) == 1:
        form.area_id.data = form.area_id.data or str(areas[0].id)
    if form.validate_on_submit():
        try:
            made = _make(door, actor, form, organisations, areas)
            db.session.commit()
            return redirect(door.url("invitation", invitation_id=made.id), 303)
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
    return page_of(
        "joining/invitations.html",
        422 if form.is_submitted() else 200,
        form=form,
        door=door,
        invitations=invitations_of(actor, door.permission),
        state_of=state_of,
        asks_kind=not door.for_organisation or bool(own),
        open_form=form.is_submitted(),
    )


def _make(
    door: Door, actor: Actor, form: InvitationForm, organisations: list[Organisation], areas: list[Area]
) -> Invitation:
    chosen = next((one for one in organisations if str(one.id) == form.organisation_id.data), None)
    if door.for_organisation and chosen is None:
        raise InvalidInput(_("请选单位。"), field="organisation_id")
    area = next(one for one in areas if str(one.id) == form.area_id.data)
    assert form.last_day.data is not None, "the form asks for it"
    return make_invitation(
        actor,
        area,
        form.label.data or "",
        form.last_day.data,
        organisation=chosen,
        kind=WorkerKind(form.kind.data) if form.kind.data else None,
        most_uses=form.most_uses.data,
    )


def _organisations(door: Door, actor: Actor) -> list[Organisation]:
    if door.for_organisation:
        return list(own_organisations(actor))
    return [
        one
        for one in organisations_for(actor, door.permission)
        if any(one.area.path.startswith(path) for path in actor.area_paths(door.permission))
    ]


def _areas(door: Door, actor: Actor, organisations: list[Organisation]) -> list[Area]:
    """Streets and communities people can be invited to: the actor's, or those around the organisation."""
    scope = in_areas(actor, door.permission, Area.id)
    if door.for_organisation:
        paths = {one.area.path for one in organisations}
        scope = or_(*(Area.path.startswith(path) for path in paths)) if paths else Area.id.is_(None)
    statement = (
        select(Area)
        .where(scope, Area.level.in_((AreaLevel.STREET, AreaLevel.COMMUNITY)))
        .options(joinedload(Area.parent))
        .order_by(Area.path)
    )
    return list(db.session.scalars(statement))


def _area_name(area: Area) -> str:
    if area.level is AreaLevel.STREET:
        return _("%(street)s（各社区由本人选）", street=area.name)
    return _("%(street)s %(community)s", street=area.parent.name if area.parent else "", community=area.name)


def _shown(one: Invitation) -> dict[str, str]:
    address = absolute_link(url_for("joining.invited", token=one.token))
    picture = io.BytesIO()
    segno.make(address, error="m").save(picture, kind="svg", scale=4, border=3)
    encoded = base64.b64encode(picture.getvalue()).decode()
    return {"address": address, "picture": f"data:image/svg+xml;base64,{encoded}"}


def _one(door: Door, invitation_id: int) -> Answer:
    found = invitation_in_scope(current_actor(), door.permission, invitation_id)
    return page_of(
        "joining/invitation.html",
        one=found,
        door=door,
        state=state_of(found),
        shown=_shown(found),
        people=joined_by(found.id),
        statuses=workforce_labels.STATUSES,
        ends_ask="end" in request.args,
    )


def _poster(door: Door, invitation_id: int) -> Answer:
    found = invitation_in_scope(current_actor(), door.permission, invitation_id)
    return page_of(
        "joining/print_poster.html",
        one=found,
        shown=_shown(found),
        back=door.url("invitation", invitation_id=found.id),
    )


def _end(door: Door, invitation_id: int) -> Answer:
    actor = current_actor()
    found = invitation_in_scope(actor, door.permission, invitation_id)
    end_invitation(actor, found)
    db.session.commit()
    flash(_("已停用，这个链接和二维码不能再用来加入。"), "ok")
    return redirect(door.url("invitation", invitation_id=invitation_id), 303)
