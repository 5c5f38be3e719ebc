"""`tanfang areas`: the tree of areas and what each sets for itself and everything below it."""

from __future__ import annotations

import json
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.accounts.cli import find_area
from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import SYSTEM
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import InvalidInput
from coordinator.policy import PolicyError, current_pack

ISSUER = {"issuer_name": "name", "issuer_person": "person_in_charge", "issuer_contact": "contact"}


@click.group()
def areas() -> None:
    """The areas and what they set."""


@areas.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@with_appcontext
def list_(as_json: bool) -> None:
    """Every area with what is set at it."""
    rows = db.session.scalars(select(Area)).all()
    names = {area.id: area.name for area in rows}
    found = [
        {
            "area": "/".join(names[one] for one in area.ancestor_ids),
            "level": area.level.value,
            "code": area.code,
            "policy": area.policy_pack,
            "latitude": area.latitude,
            "longitude": area.longitude,
            "emergency_phone": area.emergency_phone,
            "issuer": area.settings.get("issuer"),
        }
        for area in rows
    ]
    found.sort(key=lambda one: str(one["area"]))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        said = [f"{key}={value}" for key, value in list(one.items())[2:] if value not in (None, {})]
        click.echo("\t".join([str(one["area"]), str(one["level"]), *said]))


@areas.command(name="set")
@click.argument("path")
@click.option("--make", is_flag=True, help="Enter the areas of PATH that do not exist yet.")
@click.option("--code", help="Its official code.")
@click.option("--policy", help="The rule pack that holds from here down, such as luzhou.")
@click.option("--latitude", type=click.FloatRange(3, 54), help="Of its centre, WGS-84.")
@click.option("--longitude", type=click.FloatRange(73, 136))
@click.option("--emergency-phone", help="Its number on duty; the emergency contact of elders without any.")
@click.option("--issuer-name", help="Who issues certificates, as printed.")
@click.option("--issuer-person", help="The person in charge, as printed.")
@click.option("--issuer-contact", help="The issuer's telephone, as printed.")
@with_appcontext
def set_(path: str, make: bool, **given: Any) -> None:
    """Set what holds at the area PATH (四川省/泸州市/江阳区/南城街道, or its code) and below it.

    What is not given stays as it is.
    """
    if (given["latitude"] is None) != (given["longitude"] is None):
        raise InvalidInput("--latitude and --longitude come together")
    if given["policy"]:
        try:
            current_pack(given["policy"])
        except PolicyError as problem:
            raise InvalidInput(f"--policy: {problem}") from problem
    area = find_area(path, make_areas=make)
    changes: dict[str, Any] = {}
    columns = {"policy": "policy_pack"}
    for option in ("code", "policy", "latitude", "longitude", "emergency_phone"):
        column = columns.get(option, option)
        if given[option] is not None and given[option] != getattr(area, column):
            changes[column] = [getattr(area, column), given[option]]
            setattr(area, column, given[option])
    issuer = {key: given[option] for option, key in ISSUER.items() if given[option] is not None}
    if issuer:
        changes["issuer"] = [area.settings.get("issuer"), area.settings.get("issuer", {}) | issuer]
        area.settings = area.settings | {"issuer": changes["issuer"][1]}
    db.session.flush()
    if changes:
        audit.record(
            SYSTEM, "area.set", area, _("设定%(area)s", area=area.name), changes=changes, area_id=area.id
        )
    db.session.commit()
    click.echo(f"{area.name}\t{area.level.value}\t{', '.join(changes) or 'unchanged'}")
