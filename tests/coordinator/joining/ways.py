"""The ways in: what somebody types and sends until the application is there."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from coordinator.extensions import db
from coordinator.joining.services.applying import Answers, join
from coordinator.kernel import clock
from coordinator.workforce.models import Worker, WorkerKind
from tests.coordinator.joining.conftest import id_for, last_code

PHONE = "13900001111"
ADULT = date(1990, 5, 1)


def prove(client, send, tree, kind="volunteer", phone=PHONE, **extra):
    """Up to the form of this type, with the telephone proved."""
    query = "&".join(f"{k}={v}" for k, v in {"area": tree.community.id, "kind": kind, **extra}.items())
    shown = send(f"/join/phone?{query}", {"phone": phone})
    assert "短信验证码" in shown.get_data(as_text=True)
    return send(f"/join/code?{query}", {"code": last_code()}), f"/join/details?{query}"


def details(**over):
    return {"name": "陈素芬", "id_number": id_for(ADULT), "notice": "y"} | over


def text_of(answer):
    return answer.get_data(as_text=True)


def only_worker():
    return db.session.scalars(select(Worker)).one()


def do_join(tree, *, phone=PHONE, kind=WorkerKind.VOLUNTEER, invitation=None, **over):
    values = {"name": "陈素芬", "id_number": id_for(ADULT), "notice_at": clock.now()} | over
    return join(phone, clock.now(), tree.community, kind, Answers(**values), invitation=invitation)


def token_in(page):
    return page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]


def by_code(client, send, phone=PHONE, where="/join/sign-in"):
    answer = send(where, {"phone": phone})
    return send(answer.request.full_path, {"code": last_code()})


def strip_tokens(page):
    import re

    page = re.sub(r'nonce="[^"]+"', "", page)
    return re.sub(r'(name="csrf[-_]token"[^>]*(value|content))="[^"]+"', r"\1", page)
