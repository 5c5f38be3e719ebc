"""`tanfang accounts create`: the first administrator, and whoever cannot be created on a page."""

from __future__ import annotations

import json

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from coordinator.accounts import services
from coordinator.accounts.services import NewRole
from coordinator.extensions import db
from coordinator.kernel.access import AREA_ROLES, SYSTEM, Role
from coordinator.kernel.areas import Area, AreaLevel, create_area
from coordinator.kernel.errors import InvalidInput

LEVELS = tuple(AreaLevel)


@click.group()
def accounts() -> None:
    """Accounts."""


@accounts.command()
@click.argument("username")
@click.option("--name", required=True, help="The person's name.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in AREA_ROLES]),
    default=Role.ADMINISTRATOR.value,
    show_default=True,
)
@click.option(
    "--area",
    "path",
    required=True,
    help="The area, from the province down: 四川省/泸州市/江阳区. Or its code.",
)
@click.option("--make-areas", is_flag=True, help="Enter the areas of --area that do not exist yet.")
@click.option("--email", help="For reminders.")
@click.option("--json", "as_json", is_flag=True, help="Print the account as JSON.")
@with_appcontext
def create(
    username: str, name: str, role: str, path: str, make_areas: bool, email: str | None, as_json: bool
) -> None:
    """Open an account and print its one-time password."""
    area = find_area(path, make_areas=make_areas)
    user, once = services.create_user(
        SYSTEM, username=username, name=name, email=email, roles=[NewRole(Role(role), area=area)]
    )
    db.session.commit()
    if as_json:
        click.echo(json.dumps({"username": user.username, "password": once, "role": role, "area": area.name}))
        return
    click.echo(f"user name           {user.username}")
    click.echo(f"one-time password   {once}")
    click.echo("It is shown only here and must be changed at the first sign-in.")


def find_area(path: str, *, make_areas: bool) -> Area:
    """The area with this code or path of names; missing ones are entered with `make_areas`, else InvalidInput."""
    by_code = db.session.scalar(select(Area).where(Area.code == path))
    if by_code is not None:
        return by_code
    names = [part.strip() for part in path.split("/") if part.strip()]
    if not names or len(names) > len(LEVELS):
        raise InvalidInput(f"area {path!r}: give the names from the province down, such as 四川省/泸州市")
    found: Area | None = None
    for level, name in zip(LEVELS, names, strict=False):
        parent_id = found.id if found is not None else None
        below = Area.parent_id == parent_id if parent_id is not None else Area.parent_id.is_(None)
        known = db.session.scalar(select(Area).where(below, Area.name == name))
        if known is None and not make_areas:
            raise InvalidInput(f"area {path!r}: there is no {name}; add --make-areas (areas set: --make)")
        found = known if known is not None else create_area(level, name, found)
    assert found is not None, "there is at least one name"
    return found
