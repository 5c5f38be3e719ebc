"""`tanfang areas`: what a street needs before its first spreadsheet."""

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from flask.cli import ScriptInfo
from sqlalchemy import select

from coordinator.accounts.area_cli import areas
from coordinator.kernel.areas import Area, AreaLevel, inherited
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from flask import Flask
    from flask_sqlalchemy.session import Session
    from sqlalchemy.orm import scoped_session

STREET = "示例省/示例市/示例区/示例街道"


def run(app: "Flask", *arguments: str) -> Result:
    return CliRunner().invoke(areas, arguments, obj=ScriptInfo(create_app=lambda: app))


def test_a_street_is_entered_with_rules_place_and_issuer(
    app: "Flask", db_session: "scoped_session[Session]"
) -> None:
    assert run(app, "set", "示例省/示例市", "--make", "--policy", "luzhou").exit_code == 0
    place = ("--latitude", "28.88", "--longitude", "105.44", "--emergency-phone", "0830-0000120")
    done = run(app, "set", STREET, "--make", *place, "--issuer-name", "示例街道办事处")
    assert done.exit_code == 0, done.output
    street = db_session.scalars(select(Area).where(Area.name == "示例街道")).one()
    assert street.level is AreaLevel.STREET
    assert inherited(street, "policy_pack") == "luzhou"
    assert (street.latitude, street.emergency_phone) == (28.88, "0830-0000120")
    run(app, "set", STREET, "--issuer-person", "赵启明")
    db_session.refresh(street)
    assert street.settings["issuer"] == {"name": "示例街道办事处", "person_in_charge": "赵启明"}
    listed = json.loads(run(app, "list", "--json").stdout)
    assert {one["area"]: one["policy"] for one in listed} == {
        "示例省": None,
        "示例省/示例市": "luzhou",
        "示例省/示例市/示例区": None,
        STREET: None,
    }
    assert "policy=luzhou" in run(app, "list").stdout
    acts = db_session.scalars(select(AuditEntry.action).where(AuditEntry.object_id == street.id)).all()
    assert acts == ["area.set", "area.set"]


def test_setting_the_same_again_changes_nothing(app: "Flask", db_session: "scoped_session[Session]") -> None:
    run(app, "set", "示例省/示例市", "--make", "--policy", "luzhou")
    again = run(app, "set", "示例省/示例市", "--policy", "luzhou")
    assert "unchanged" in again.stdout
    assert len(db_session.scalars(select(AuditEntry.id).where(AuditEntry.action == "area.set")).all()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", STREET), "--make"),
        (("set", "示例省", "--make", "--policy", "atlantis"), "no rule pack"),
        (("set", "示例省", "--make", "--latitude", "28.9"), "come together"),
    ],
)
def test_what_is_refused(
    app: "Flask", db_session: "scoped_session[Session]", arguments: tuple[str, ...], said: str
) -> None:
    done = run(app, *arguments)
    assert isinstance(done.exception, InvalidInput)
    assert said in str(done.exception)
    assert db_session.scalar(select(Area.id)) is None
