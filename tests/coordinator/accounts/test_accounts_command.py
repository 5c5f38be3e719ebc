"""`tanfang accounts create`: the way into an empty system."""

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from flask.cli import ScriptInfo
from sqlalchemy import select

from coordinator.accounts import passwords
from coordinator.accounts.cli import accounts
from coordinator.accounts.models import User
from coordinator.kernel.access import Role
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import InvalidInput
from tests.factories import make_area_tree

if TYPE_CHECKING:
    from flask import Flask
    from flask_sqlalchemy.session import Session
    from sqlalchemy.orm import scoped_session


def run(app: "Flask", *arguments: str) -> Result:
    return CliRunner().invoke(accounts, arguments, obj=ScriptInfo(create_app=lambda: app))


def test_the_first_administrator_with_the_areas_around(
    app: "Flask", db_session: "scoped_session[Session]"
) -> None:
    arguments = ["create", "he.jianguo", "--name", "何建国", "--area", "示例省/示例市/示例区", "--json"]
    refused = run(app, *arguments)
    assert isinstance(refused.exception, InvalidInput)
    assert "--make-areas" in str(refused.exception)
    done = run(app, *arguments, "--make-areas")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    user = db_session.scalar(select(User).where(User.username == "he.jianguo"))
    assert user is not None
    assert passwords.verify(user.password_hash, answer["password"])
    assert user.must_change_password
    (grant,) = user.roles
    assert (grant.role, grant.area.name, grant.area.level) == (Role.ADMINISTRATOR, "示例区", AreaLevel.COUNTY)
    again = run(app, "create", "zhou.min", "--name", "周敏", "--area", "示例省/示例市/示例区")
    assert again.exit_code == 0
    assert "one-time password" in again.output
    assert len(db_session.scalars(select(Area).where(Area.name == "示例区")).all()) == 1


def test_an_area_may_be_named_by_its_code(app: "Flask", db_session: "scoped_session[Session]") -> None:
    tree = make_area_tree(code="510502001")
    done = run(
        app,
        *("create", "zhou.min", "--name", "周敏", "--role", "street_coordinator", "--area", "510502001"),
    )
    assert done.exit_code == 0, done.output
    user = db_session.scalar(select(User).where(User.username == "zhou.min"))
    assert user is not None
    assert user.roles[0].area_id == tree.street.id


@pytest.mark.parametrize("area", ["", "/", "一/二/三/四/五/六/七"])
def test_a_path_that_is_none_is_refused(
    app: "Flask", db_session: "scoped_session[Session]", area: str
) -> None:
    done = run(app, "create", "zhou.min", "--name", "周敏", "--area", area, "--make-areas")
    assert isinstance(done.exception, InvalidInput)
    assert db_session.scalar(select(User.id).where(User.username == "zhou.min")) is None
