"""Who may open what: each endpoint × role × own or other's objects × method, generated from the URL map.

Expected from the endpoint's Permission and ROLE_PERMISSIONS alone: without the permission 403 (and the sign-in for
strangers), with it but on another side's object 404 or 403, with it on one's own neither of these. A POST is an
empty form with a valid token: it may be refused with a reason, and never fails. What a request changes is undone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel.access import ROLE_PERMISSIONS, Permission, Role
from coordinator.register.models import Source
from tests import factories
from tests.house.world import NEXT_MONTH, Side, World

# Words in addresses that name no object: the same on each side.
WORDS: dict[tuple[str, str] | str, str] = {
    ("elders.answer", "category"): "living_alone",
    ("elders.consent", "kind"): "service",
    ("elders.reveal", "field"): "phone",
    ("workforce.reveal", "field"): "phone",
    ("joining.my_paper", "kind"): "training",
    ("visits.print_list", "kind"): "phone",
    ("visits.print_selected", "kind"): "phone",
    ("register", "source"): "disabled",
    "month": NEXT_MONTH.isoformat(),
    "number": "1",
}
# Parameters that name an object, by which id of the side. An entry for one endpoint goes before the general one.
OBJECTS: dict[tuple[str, str] | str, str] = {
    "area_id": "area_id",
    "ask_id": "ask_id",
    "batch_id": "batch_id",
    "call_id": "call_id",
    "certificate_id": "certificate_id",
    "claim_id": "claim_id",
    "consent_id": "consent_id",
    "credential_id": "credential_id",
    "day": "day",
    "device_id": "device_id",
    "elder_id": "elder_id",
    "entry_id": "entry_False",
    "event_id": "event_id",
    "grant_id": "grant_id",
    "guardian_id": "guardian_id",
    "message_id": "message_id",
    "no_show_id": "no_show_id",
    "organisation_id": "organisation_id",
    "paper_id": "paper_id",
    **dict.fromkeys(
        (("joining.photo", "paper_id"), ("joining.my_photo", "paper_id"), ("joining.remove_photo", "paper_id")),
        "photo_id",
    ),
    "plan_id": "plan_id",
    ("planning", "batch_id"): "plan_batch_id",
    "question_id": "question_id",
    "record_id": "record_False",
    "remedy_id": "remedy_id",
    "route_id": "route_id",
    "session_id": "session_id",
    "stop_id": "stop_id",
    "swap_id": "swap_id",
    "user_id": "user_id",
    "visit_id": "given",
    "worker_id": "worker_id",
    ("hours.check", "code"): "certificate_code",
    ("planning.sheet", "code"): "sheet_code",
    ("marketplace.claim", "visit_id"): "open",
    ("marketplace.open_visit", "visit_id"): "open",
    ("marketplace.queue", "visit_id"): "open",
    ("fieldwork.paper", "visit_id"): "under_way",
    ("hours.decide", "entry_id"): "entry_True",
    ("hours.verify", "entry_id"): "entry_True",
    ("worker_imports", "batch_id"): "worker_batch_id",
    ("roster_imports", "batch_id"): "roster_batch_id",
    "invitation_id": "invitation_id",
    **{
        (f"joining.{name}", "invitation_id"): "roster_invitation_id"
        for name in ("roster_invitation", "roster_invitation_poster", "roster_invitation_end")
    },
    ("joining.invited", "token"): "invitation_token",
    ("workforce.take_out", "worker_id"): "roster_worker_id",
    **{(f"sources.{source.value}", "batch_id"): f"batch_{source.value}" for source in Source},
    ("register", "record_id"): "external_id",
    ("register", "other_id"): "other_elder_id",
    "item_id": "item_id",
    "move_id": "move_id",
    "feed_id": "feed_id",
    "parcel_id": "parcel_id",
    "robot_id": "robot_id",
    ("agenda.feed", "token"): "feed_token",
    ("guardian", "token"): "guardian_token",
    "link_id": "link_id",
    "survey_id": "survey_id",
}
# What a page needs besides its address, and a form to get past its own checks to another side's object.
QUERIES = {
    "visits.contact": "?elder={elder_id}",
    "visits.due_item": "?rule={rule}&start={period_from}",
    "visits.new": "?elder={elder_id}",
}
FILLED_IN = {"reason": "写明的原因"}
# Parameters that tell a day of the plan in the same address; by themselves they are nobody's.
SHARED = {"day"}
SUPERVISE = frozenset(role for role, held in ROLE_PERMISSIONS.items() if Permission.PLAN_READ in held)
# Doors whose permission says less than the object does, with the roles that reach it on their own side.
CLOSER: dict[str, frozenset[Role]] = {
    "hours.certificate_pdf": frozenset(r for r in Role if Permission.HOURS_READ in ROLE_PERMISSIONS[r])
    | {Role.WORKER},
    "planning.sheet": SUPERVISE | {Role.WORKER},
    # The minor, their coordinators, their own school.
    **dict.fromkeys(
        (
            *("joining.guardians_of", "joining.ask_for_consent", "joining.ask_again"),
            *("joining.end_link", "joining.guardian_paper"),
        ),
        frozenset({Role.STREET_COORDINATOR, Role.COMMUNITY_COORDINATOR, Role.SCHOOL_VERIFIER, Role.WORKER}),
    ),
    "register.door": frozenset({Role.WORKER}),
    # The elder comes from the next community: only who has a say over both may take the request back.
    "register.withdraw_move": frozenset({Role.STREET_COORDINATOR}),
}
# Files, and the monitor's question, which opens connections of its own (tests/house/test_operations.py).
OF_NO_PERSON = {"static", "health.readyz"}
# Doors that show anybody the object whose code is known.
BY_CODE = {
    "agenda.feed",
    "hours.check",
    "joining.invited",
    *(f"guardian.{name}" for name in ("page", "code", "prove", "agree", "refuse", "withdraw")),
}
# Own objects that the empty form, or the state of the object, refuses with 403 or 404 for a reason of its own.
REFUSED_FOR_CAUSE: dict[tuple[str, str], str] = {
    ("elder_imports.decide", "POST"): "the form names the row",
    ("worker_imports.decide", "POST"): "the form names the row",
    ("roster_imports.decide", "POST"): "the form names the row",
    **{(f"sources.{source.value}.decide", "POST"): "the form names the row" for source in Source},
    ("register.new_dossier", "GET"): "the item is an elder who has a dossier",
    ("register.new_dossier", "POST"): "the item is an elder who has a dossier",
    ("dropouts.answer", "POST"): "only the person who was asked may answer",
    ("dropouts.report", "GET"): "nobody else goes on this visit",
    ("dropouts.report", "POST"): "nobody else goes on this visit",
    ("fieldwork.call_number", "POST"): "calls are opened on their day, in an approved plan",
    ("fieldwork.tick_own_call", "POST"): "calls are made on their day, in an approved plan",
    ("marketplace.companion", "POST"): "only the person who was asked to come along may answer",
    ("visits.explain_overdue", "POST"): "the form names the obligation",
    ("workforce.remove_days_off", "POST"): "the form names the days",
    ("workforce.remove_my_days_off", "POST"): "the form names the days",
}
# Addresses with two objects whose second one may be anybody's.
EITHER = {
    "visits.take_off": "looks for the worker among the people of one's own visit",
    "workforce.end_pair": "ends a pair of one's own elder, whoever the worker is",
    "workforce.remove_bar": "takes a bar off one's own elder, whoever the worker is",
}


@dataclass(frozen=True)
class Case:
    """One request and the side of the objects it names."""

    endpoint: str
    method: str
    url: str
    side: str  # 'home', 'other', 'mixed', or '' without objects


def value_of(table: dict[Any, str], rule: Rule, name: str) -> str | None:
    """The entry for the endpoint, else for its blueprint, else for every parameter of this name."""
    blueprint = rule.endpoint.rpartition(".")[0]
    return table.get((rule.endpoint, name)) or table.get((blueprint, name)) or table.get(name)


def arguments(rule: Rule, side: Side, role: Role | None) -> dict[str, Any]:
    """Each parameter of the address as this side's object; the person's own where it is personal."""
    own = side.own.get(role) if role is not None else None
    things = side.ids | (own or next(iter(side.own.values())))
    found: dict[str, Any] = {}
    for name in sorted(rule.arguments):
        word, thing = value_of(WORDS, rule, name), value_of(OBJECTS, rule, name)
        assert word is not None or thing is not None, (
            f"{rule.endpoint} has a new parameter <{name}> ({rule.rule}): tell tests/house/test_access.py in "
            "WORDS what to put there, or in OBJECTS which object of tests/house/world.py it names"
        )
        found[name] = word if thing is None else things[thing]
    return found


def objects(rule: Rule) -> list[str]:
    """The parameters that name somebody's object."""
    return [name for name in sorted(rule.arguments) if value_of(OBJECTS, rule, name) and name not in SHARED]


def cases(app: Flask, world: World, role: Role | None) -> Iterator[Case]:
    adapter = app.url_map.bind("localhost")
    other = world.other_side(role)
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, rule.rule)):
        if rule.endpoint in OF_NO_PERSON:
            continue
        home, away = arguments(rule, world.home, role), arguments(rule, other, role)
        named = objects(rule)
        sides = {"home" if named else "": home}
        if not may_enter(app, rule.endpoint, role):
            named = []  # turned away at the door, whatever is behind it
        if named:
            sides["other"] = away
        # One's own plan with another's stop in it, and the other way round.
        mixed = [home | {name: away[name]} for name in named] if len(named) > 1 else []
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            for side, values in chain(sides.items(), (("mixed", values) for values in mixed)):
                if side == "mixed" and rule.endpoint in EITHER:
                    continue
                url = adapter.build(rule.endpoint, values, method)
                extra = QUERIES.get(rule.endpoint, "").format(
                    **(world.home if side != "other" else other).ids
                )
                yield Case(rule.endpoint, method, url + extra, side)


def may_enter(app: Flask, endpoint: str, role: Role | None) -> bool:
    """Does the role hold the permission of the endpoint?"""
    permission: Permission = app.view_functions[endpoint].permission  # type: ignore[attr-defined]
    held = set() if role is None else ROLE_PERMISSIONS[role] | {Permission.SIGNED_IN}
    return permission is Permission.PUBLIC or permission in held


class Visitor:
    """Somebody with a cookie; each request is undone and starts with the same cookie."""

    def __init__(self, app: Flask, connection: Connection, user_id: int | None) -> None:
        self.app, self.connection = app, connection
        client = app.test_client()
        with app.app_context():
            if user_id is not None:
                factories.sign_in(client, db.session.get_one(User, user_id))
            self.token = factories.csrf_token(client)
            db.session.remove()
        self.cookie_name = app.config["SESSION_COOKIE_NAME"]
        cookie = client.get_cookie(self.cookie_name)
        assert cookie is not None
        self.cookie = cookie.value

    def get(self, url: str) -> TestResponse:
        """The page; what opening it changes is undone."""
        client = self.app.test_client()
        client.set_cookie(self.cookie_name, self.cookie)
        undo = self.connection.begin_nested()
        try:
            return client.get(url, buffered=True)
        finally:
            undo.rollback()

    def ask(self, method: str, url: str, **form: str) -> tuple[int, str]:
        """The status of the answer (500 for an exception) and where it leads."""
        client = self.app.test_client()
        client.set_cookie(self.cookie_name, self.cookie)
        undo = self.connection.begin_nested()
        try:
            data = {"csrf_token": self.token} | form if method == "POST" else None
            answer = client.open(url, method=method, data=data, buffered=True)
        except Exception as problem:  # noqa: BLE001 -- whatever fails is a fault of the page, told with the others
            return 500, f"{type(problem).__name__}: {problem}"[:300]
        else:
            return answer.status_code, answer.headers.get("Location", "")
        finally:
            undo.rollback()


def fault(app: Flask, role: Role | None, case: Case, status: int, location: str) -> str | None:
    """What is wrong with this answer, or None."""
    if status >= 500:
        return f"fails {location}"
    if not may_enter(app, case.endpoint, role):
        if role is None:
            asked = status == 401 or (status in (302, 303) and location.startswith("/accounts/sign-in"))
            return None if asked else "strangers get in"
        return None if status == 403 else "opens without the permission"
    reached = role in CLOSER[case.endpoint] if case.endpoint in CLOSER else True
    if case.side in ("other", "mixed") and case.endpoint not in BY_CODE:
        return None if status in (403, 404) else "reaches another side's object"
    if not reached:
        return None if status in (403, 404) else "reaches what is not one's own"
    if (case.endpoint, case.method) in REFUSED_FOR_CAUSE:
        return None if status in (403, 404) else "no longer refused: take it out of REFUSED_FOR_CAUSE"
    return "refused on one's own side" if status in (401, 403, 404, 405) else None


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role or "stranger")
def test_access(role: Role | None, world_app: Flask, world: World, sandbox: Connection) -> None:
    visitor = Visitor(world_app, sandbox, None if role is None else world.home.users[role])
    faults = []
    for case in cases(world_app, world, role):
        filled = FILLED_IN if case.side in ("other", "mixed") else {}
        status, location = visitor.ask(case.method, case.url, **filled)
        found = fault(world_app, role, case, status, location)
        if found:
            faults.append(f"{case.endpoint} {case.method} {case.url} [{case.side}]: {status}, {found}")
    assert not faults, "\n".join(["", *faults])


def test_the_registry_holds_nothing_old(world_app: Flask) -> None:
    """Each word and object is still a parameter of some address."""
    known = {name for rule in world_app.url_map.iter_rules() for name in rule.arguments}
    pairs = {(rule.endpoint, name) for rule in world_app.url_map.iter_rules() for name in rule.arguments}
    pairs |= {(endpoint.rpartition(".")[0], name) for endpoint, name in pairs}
    old = [key for key in (*WORDS, *OBJECTS) if key not in (pairs if isinstance(key, tuple) else known)]
    assert not old
    assert set(CLOSER) | BY_CODE | {one for one, _method in REFUSED_FOR_CAUSE} <= set(
        world_app.view_functions
    )
