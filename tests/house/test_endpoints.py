"""Each door has a permission, each menu entry leads to a door, each door is tied to its feature."""

import ast
from typing import Any

import pytest
from flask import Flask

from coordinator.app import FEATURES
from coordinator.home import navigation
from coordinator.kernel.access import ROLE_PERMISSIONS, Permission, Role
from tests.serving import ROOT

# Open to everybody; each with its reason.
PUBLIC = {
    "agenda.feed": "read by calendar programs, which cannot sign in; the secret in the address is asked for",
    "accounts.sign_in": "nobody is signed in yet",
    "accounts.sign_in_code": "the second step of signing in",
    "guardian.page": "a guardian has no account; the link's secret and a code to their telephone are asked for",
    "guardian.code": "sends that code",
    "guardian.prove": "takes that code",
    "guardian.agree": "asks for the proved telephone",
    "guardian.refuse": "asks for the proved telephone",
    "guardian.withdraw": "asks for the proved telephone",
    "health.healthz": "asked by the operator's monitor",
    "health.readyz": "asked by the operator's monitor",
    "home.set_display": "large letters are needed before signing in",
    "home.set_language": "so is the language",
    "hours.check": "anybody who is shown a certificate may check it",
    "joining.invited": "who is invited is not known yet; the secret in the address is asked for",
    "joining.start": "somebody who joins has no account: where",
    "joining.who": "as what",
    "joining.phone": "by which telephone",
    "joining.code": "the code is asked for",
    "joining.which": "the proved telephone is asked for",
    "joining.details": "the proved telephone is asked for",
    "joining.asked": "says that a coordinator looks first, and nothing else",
    "joining.sign_in": "nobody is signed in yet",
}

# Named before their pages are there. They leave this list when the pages come.
PERMISSIONS_AHEAD = {Permission.AUDIT_READ}
ENTRIES_AHEAD: set[str] = set()


def test_each_endpoint_has_a_permission(app: Flask) -> None:
    without = [
        name
        for name, view in app.view_functions.items()
        if name != "static" and not isinstance(getattr(view, "permission", None), Permission)
    ]
    assert not without, "declare @requires(Permission.…)"


def test_public_endpoints_are_the_listed_ones(app: Flask) -> None:
    found = {name for name, view in app.view_functions.items() if _permission(view) is Permission.PUBLIC}
    assert found == set(PUBLIC)


def test_no_endpoint_escapes_the_form_token(app: Flask) -> None:
    exempt = {name for name, view in app.view_functions.items() if getattr(view, "exempt_from_token", False)}
    assert exempt == set()


def test_an_endpoint_without_a_permission_is_refused(app: Flask) -> None:
    """The rule holds at run time too, whatever the tests have seen."""
    view = app.view_functions["health.healthz"]
    app.view_functions["health.healthz"] = lambda: "open"
    try:
        assert app.test_client().get("/healthz").status_code == 403
    finally:
        app.view_functions["health.healthz"] = view


def test_each_permission_opens_a_door_and_somebody_has_it(app: Flask) -> None:
    used = {_permission(view) for name, view in app.view_functions.items() if name != "static"}
    held = {one for permissions in ROLE_PERMISSIONS.values() for one in permissions}
    held |= {Permission.PUBLIC, Permission.SIGNED_IN}
    demanded = {
        node.attr
        for path in (ROOT / "coordinator").rglob("*.py")
        if path.name != "access.py" or "kernel" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    assert used <= held
    idle = {one for one in Permission if one not in used and one.name not in demanded}
    assert idle == PERMISSIONS_AHEAD, "a permission that nothing asks for"
    assert set(ROLE_PERMISSIONS) == set(Role)


@pytest.mark.parametrize("feature", [name for name in FEATURES if name.endswith(".views")])
def test_names_follow_the_feature(feature: str, app: Flask) -> None:
    """A blueprint is called like its package, so that an address of the code leads to the file."""
    from importlib import import_module

    blueprint = import_module(feature).bp
    assert feature.split(".")[1] == blueprint.name


def test_each_views_module_is_registered() -> None:
    """No feature vanishes from the site because its line was lost."""
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for pattern in ("views.py", "views/__init__.py")
        for path in (ROOT / "coordinator").glob(f"*/{pattern}")
    }
    assert modules == {name for name in FEATURES if name.endswith(".views")}


def test_menus_lead_somewhere(app: Flask) -> None:
    entries = [entry for group in (*navigation.DESK, navigation.PHONE) for entry in group]
    with app.test_request_context():
        absent = [entry.endpoint for entry in entries if not navigation.exists(entry.endpoint)]
    assert set(absent) == ENTRIES_AHEAD
    for entry in entries:
        if entry.endpoint in ENTRIES_AHEAD:
            continue
        assert _permission(app.view_functions[entry.endpoint]) is entry.permission, entry.endpoint


def test_every_endpoint_that_is_linked_exists(app: Flask) -> None:
    """`url_for` with a literal name, in code and templates."""
    import re

    linked: dict[str, str] = {}
    for folder, pattern in (("coordinator", "*.py"), ("templates", "*.html")):
        for path in (ROOT / folder).rglob(pattern):
            for name in re.findall(r"""url_for\(\s*["']([a-z_]+\.[a-z_]+)["']""", path.read_text()):
                linked.setdefault(name, path.relative_to(ROOT).as_posix())
    absent = {name: where for name, where in linked.items() if name not in app.view_functions}
    assert not absent


def _permission(view: Any) -> Permission | None:
    return getattr(view, "permission", None)
