"""Everybody's accounts, for administrators and street coordinators, each in the own area."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, or_, select
from werkzeug.wrappers import Response

from coordinator.accounts import access, queries, services
from coordinator.accounts.forms import DetailsForm, NewAccountForm, RoleForm
from coordinator.accounts.labels import ROLES
from coordinator.accounts.models import Organisation, RoleGrant, User
from coordinator.accounts.services import NewRole
from coordinator.accounts.views import bp
from coordinator.extensions import db
from coordinator.kernel.access import AREA_ROLES, Actor, Permission, Role, current_actor, requires
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import DomainError, InvalidInput, NotFound
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec

MANAGE = Permission.ACCOUNT_MANAGE


def _with_role(statement: Select[Any], role: str) -> Select[Any]:
    held = select(RoleGrant.user_id).where(RoleGrant.role == role, RoleGrant.revoked_at.is_(None))
    return statement.where(User.id.in_(held))


def _in_state(statement: Select[Any], state: str) -> Select[Any]:
    return statement.where(User.is_active.is_(state == "on"))


ACCOUNTS = ListingSpec(
    columns=(
        Column("name", _l("姓名"), sort=User.name),
        Column("username", _l("用户名"), sort=User.username),
        Column("roles", _l("角色"), exported=False),
        Column("last_sign_in_at", _l("上次登录"), sort=User.last_sign_in_at, first_direction="desc"),
        Column("is_active", _l("状态"), sort=User.is_active),
    ),
    tie=User.id,
    filters=(
        Filter(
            "role",
            _l("角色"),
            _with_role,
            choices=lambda: [(role.value, label) for role, label in ROLES.items() if role is not Role.FAMILY],
            all_label=_l("全部角色"),
        ),
        Filter(
            "state",
            _l("状态"),
            _in_state,
            choices=(("on", _l("在用")), ("off", _l("停用"))),
            all_label=_l("在用和停用"),
        ),
    ),
    default_sort="name",
    search=lambda statement, text: statement.where(
        or_(User.name.icontains(text, autoescape=True), User.username.icontains(text, autoescape=True))
    ),
)


@bp.get("/")
@requires(MANAGE)
def index() -> str:
    """The accounts of the actor's area."""
    listing = Listing.read(ACCOUNTS, request.args, request.path)
    page = listing.fetch(db.session, queries.accounts(current_actor()))
    return render_template("accounts/index.html", page=page, listing=listing, roles=ROLES)


@bp.route("/new", methods=["GET", "POST"])
@requires(MANAGE)
def new() -> Any:
    """Open an account; its one-time password is shown once."""
    actor = current_actor()
    form = NewAccountForm()
    _offer(actor, form)
    if form.validate_on_submit():
        try:
            user, once = services.create_user(
                actor,
                username=form.username.data or "",
                name=form.name.data or "",
                email=form.email.data,
                roles=[_chosen_role(actor, form)],
            )
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
        else:
            db.session.commit()
            return render_template("accounts/once.html", user=user, once=once, created=True)
    return render_template("accounts/new.html", form=form), (422 if form.is_submitted() else 200)


@bp.route("/<int:user_id>", methods=["GET", "POST"])
@requires(MANAGE)
def show(user_id: int) -> Any:
    """One account: details, roles, and what can be done about it."""
    actor = current_actor()
    user = queries.get_account(actor, user_id)
    details = DetailsForm(obj=user)
    if details.validate_on_submit():
        services.update_user(actor, user, name=details.name.data or "", email=details.email.data)
        db.session.commit()
        flash(_("已保存。"), "ok")
        return redirect(url_for("accounts.show", user_id=user.id), 303)
    role_form = RoleForm(formdata=None)
    _offer(actor, role_form)
    return _account_page(actor, user, details, role_form), (422 if details.is_submitted() else 200)


@bp.post("/<int:user_id>/roles")
@requires(MANAGE)
def grant_role(user_id: int) -> Any:
    """Give the account one more role."""
    actor = current_actor()
    user = queries.get_account(actor, user_id)
    form = RoleForm()
    _offer(actor, form)
    if form.validate_on_submit():
        try:
            services.grant_role(actor, user, _chosen_role(actor, form))
        except DomainError as problem:
            form.take(problem)
        else:
            db.session.commit()
            flash(_("角色已经授予。对方下次登录时生效。"), "ok")
            return redirect(url_for("accounts.show", user_id=user.id), 303)
    details = DetailsForm(formdata=None, obj=user)
    return _account_page(actor, user, details, form), 422


@bp.post("/<int:user_id>/roles/<int:grant_id>/revoke")
@requires(MANAGE)
def revoke_role(user_id: int, grant_id: int) -> Response:
    """Take a role back."""
    actor = current_actor()
    user = queries.get_account(actor, user_id)
    grant = next((grant for grant in user.roles if grant.id == grant_id), None)
    if grant is None:
        raise NotFound(_("这个角色已经收回了。"), _("请刷新页面看看。"))
    services.revoke_role(actor, user, grant)
    db.session.commit()
    flash(_("角色已经收回，对方已退出登录。"), "ok")
    return redirect(url_for("accounts.show", user_id=user.id), 303)


@bp.route("/<int:user_id>/password", methods=["GET", "POST"])
@requires(MANAGE)
def reset_password(user_id: int) -> Any:
    """Give the account a one-time password, shown once."""
    actor = current_actor()
    user = queries.get_account(actor, user_id)
    if request.method == "POST":
        once = services.reset_password(actor, user)
        db.session.commit()
        return render_template("accounts/once.html", user=user, once=once, created=False)
    return _ask(
        user,
        _("重设 %(name)s 的密码？", name=user.name),
        [
            _("原来的密码马上失效，对方的所有设备退出登录。"),
            _("新密码只显示一次，由您告诉本人；本人登录后要马上改掉。"),
        ],
        _("重设密码"),
        _("先不重设"),
    )


@bp.route("/<int:user_id>/disable", methods=["GET", "POST"])
@requires(MANAGE)
def disable(user_id: int) -> Any:
    """Switch the account off."""
    actor = current_actor()
    user = queries.get_account(actor, user_id)
    if request.method == "POST":
        services.disable_user(actor, user)
        db.session.commit()
        flash(_("账号 %(name)s 已经停用。", name=user.username), "ok")
        return redirect(url_for("accounts.show", user_id=user.id), 303)
    return _ask(
        user,
        _("停用 %(name)s 的账号？", name=user.name),
        [_("对方的所有设备马上退出登录，不能再登录。"), _("做过的记录都留着，以后可以恢复。")],
        _("停用账号"),
        _("先不停用"),
    )


@bp.post("/<int:user_id>/enable")
@requires(MANAGE)
def enable(user_id: int) -> Response:
    """Switch the account on again."""
    actor = current_actor()
    user = queries.get_account(actor, user_id)
    services.enable_user(actor, user)
    db.session.commit()
    flash(_("账号 %(name)s 可以登录了。", name=user.username), "ok")
    return redirect(url_for("accounts.show", user_id=user.id), 303)


@bp.route("/<int:user_id>/second-factor/remove", methods=["GET", "POST"])
@requires(MANAGE)
def remove_second_factor(user_id: int) -> Any:
    """Take a lost authenticator from the account."""
    actor = current_actor()
    user = queries.get_account(actor, user_id)
    if request.method == "POST":
        services.remove_second_factor(actor, user)
        db.session.commit()
        flash(_("%(name)s 的动态码已经清除。", name=user.name), "ok")
        return redirect(url_for("accounts.show", user_id=user.id), 303)
    return _ask(
        user,
        _("清除 %(name)s 的登录动态码？", name=user.name),
        [
            _("只在对方换了手机、恢复码也找不到时才需要；请先当面或打电话核实是本人。"),
            _("对方的所有设备退出登录，下次登录时重新设置。"),
        ],
        _("清除动态码"),
        _("先不清除"),
    )


def _ask(user: User, question: str, consequences: list[str], verb: str, opposite: str) -> str:
    return render_template(
        "accounts/ask.html",
        user=user,
        question=question,
        consequences=consequences,
        verb=verb,
        opposite=opposite,
    )


def _account_page(actor: Actor, user: User, details: DetailsForm, role_form: RoleForm) -> str:
    grants = [
        {"grant": grant, "place": _place(grant), "mine": access.can_grant(actor, grant.role, path)}
        for grant in user.roles
        for path in [NewRole(grant.role, grant.area, grant.organisation).area_path]
    ]
    return render_template(
        "accounts/show.html",
        user=user,
        form=details,
        role_form=role_form,
        grants=grants,
        roles=ROLES,
        is_self=actor.user_id == user.id,
        manageable=access.can_manage(actor, user.id, queries.bonds([user])[user.id]),
    )


def _place(grant: RoleGrant) -> str:
    if grant.area is not None:
        return grant.area.name
    return grant.organisation.name if grant.organisation is not None else ""


def area_choices(areas: Any) -> list[tuple[int, str]]:
    """Areas as choices, indented by their depth below the first one."""
    top = min((len(area.ancestor_ids) for area in areas), default=0)
    return [(area.id, "　" * (len(area.ancestor_ids) - top) + area.name) for area in areas]


def _offer(actor: Actor, form: RoleForm) -> None:
    schools = db.session.execute(
        queries.organisations(actor)
        .where(Organisation.is_active)
        .order_by(Organisation.name)
        .with_only_columns(Organisation.id, Organisation.name)
        .options()
    ).all()
    form.offer(
        access.grantable_roles(actor),
        area_choices(queries.areas_to_manage(actor)),
        [(organisation_id, name) for organisation_id, name in schools],
    )


def _chosen_role(actor: Actor, form: RoleForm) -> NewRole:
    """What the form asks for, its place loaded through the actor's area; a place of no use is ignored."""
    role = Role(form.role.data)
    if role in AREA_ROLES:
        area = next((a for a in queries.areas_to_manage(actor) if a.id == form.area_id.data), None)
        return NewRole(role, area=_found(area, form.area_id.data, "area_id"))
    if access.needs_organisation(role):
        wanted = form.organisation_id.data
        organisation = (
            db.session.scalar(queries.organisations(actor).where(Organisation.id == wanted))
            if wanted
            else None
        )
        return NewRole(role, organisation=_found(organisation, wanted, "organisation_id"))
    return NewRole(role)


def _found(place: Area | Organisation | None, wanted: int | None, field: str) -> Any:
    if place is None and wanted is not None:
        raise InvalidInput(_("这个地方不在您的辖区内。"), _("请重新选择。"), field=field)
    return place
