"""What the tests of joining share: a gateway that keeps what it is given, ID numbers, a way through the pages."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.config import SmsSettings
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Role
from coordinator.kernel.identity import check_character
from coordinator.messages.models import Parcel
from tests import factories
from tests.coordinator.joining.applicants import NOW

_serials = itertools.count(1)


def id_for(born: date, *, male: bool = False, region: str = "510502") -> str:
    """A fresh ID number of somebody born on that day."""
    serial = next(_serials) % 499 * 2 + (1 if male else 0)
    first = f"{region}{born:%Y%m%d}{serial:03d}"
    return first + check_character(first)


def last_code() -> str:
    """The code of the text message that was owed last."""
    parcel = db.session.scalars(select(Parcel).order_by(Parcel.id.desc()).limit(1)).one()
    assert parcel.content is not None
    return str(parcel.content["value"])


@pytest.fixture(autouse=True)
def texts(app, monkeypatch) -> Iterator[None]:
    """Text messages can be sent; nobody carries them."""
    settings = app.extensions["settings"]
    changed = replace(settings, sms=SmsSettings(gateway="console"))
    monkeypatch.setitem(app.extensions, "settings", changed)
    return


@pytest.fixture
def tree(db_session: Any, freeze: Any) -> factories.AreaTree:
    """Areas, on the day of the applicants."""
    freeze(NOW)
    return factories.make_area_tree()


@pytest.fixture
def coordinator(tree: Any) -> Actor:
    """A coordinator of the community."""
    return factories.make_actor(Role.COMMUNITY_COORDINATOR, tree.community)


@pytest.fixture
def token_of() -> Callable[[str], str]:
    """The form token of a page."""

    def find(page: str) -> str:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found is not None, "no form on this page"
        return found.group(1)

    return find


@pytest.fixture
def send(client, token_of) -> Callable[..., object]:
    """`send(address, data, page=…)` opens the page (the same address), then sends its form."""

    def send(address: str, data: dict[str, str], *, page: str | None = None, follow: bool = True):
        opened = client.get(page or address)
        form = {"csrf_token": token_of(opened.get_data(as_text=True)), **data}
        return client.post(address, data=form, follow_redirects=follow)

    return send
