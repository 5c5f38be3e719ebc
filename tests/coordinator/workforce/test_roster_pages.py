"""The pages of an organisation's manager: own people only, whatever number stands in the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from coordinator.accounts.models import Organisation, OrganisationKind, User
from coordinator.elders.imports import batches, checking
from coordinator.elders.models import ImportBatch
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.geo import Datum
from coordinator.workforce.imports.roster import ROSTER
from coordinator.workforce.models import WorkerKind
from tests import factories
from tests.coordinator.elders.imports.lists import xlsx

HEAD = ["姓名", "性别", "出生日期", "电话"]
LINE = ["周敏一", "女", "1990-05-01", "13812340001"]


@dataclass
class Two:
    """Two property companies of one street; `user` manages the first, `stranger` the second."""

    tree: factories.AreaTree
    own: Organisation
    other: Organisation
    user: User
    stranger: User


@pytest.fixture(autouse=True)
def _today(freeze: Any) -> None:
    freeze(datetime(2026, 3, 26, 1, 0, tzinfo=UTC))


@pytest.fixture
def two(db_session: Any) -> Two:
    tree = factories.make_area_tree()
    own, other = (
        factories.make_organisation(tree.street, kind=OrganisationKind.PROPERTY_COMPANY, name=name)
        for name in ("安居物业", "邻里物业")
    )
    return Two(
        tree,
        own,
        other,
        *(factories.make_user(Role.ORGANISATION_MANAGER, organisation=one) for one in (own, other)),
    )


@pytest.fixture
def mine(client: FlaskClient, two: Two) -> FlaskClient:
    factories.sign_in(client, two.user)
    return client


def staff(two: Two, organisation: Organisation, **over: Any) -> Any:
    values = {"organisation": organisation, "kind": WorkerKind.PROPERTY_STAFF} | over
    return factories.make_worker(two.tree.community, **values)


def post(client: FlaskClient, path: str, **data: Any) -> Any:
    return client.post(path, data={"csrf_token": factories.csrf_token(client)} | data)


def checked(two: Two) -> ImportBatch:
    actor = Actor(two.user.id, two.user.name, (Grant(Role.ORGANISATION_MANAGER, organisation_id=two.own.id),))
    content = xlsx([HEAD, LINE])
    batch = batches.upload(ROSTER, actor, two.tree.street, "名册.xlsx", content, Datum.WGS84, two.own.id)
    checking.check(ROSTER, batch.id)
    return batch


def test_a_roster_import_is_the_own_organisations(client: FlaskClient, two: Two) -> None:
    batch = checked(two)
    coordinator = factories.make_user(Role.STREET_COORDINATOR, two.tree.street)
    for user, status in ((two.user, 200), (two.stranger, 404), (coordinator, 403)):
        factories.sign_in(client, user)
        for path in ("", "/refused.xlsx", "/discard"):
            assert client.get(f"/workforce/roster/import/{batch.id}{path}").status_code == status
        if status != 200:
            for path in ("apply", "decide", "discard"):
                assert post(client, f"/workforce/roster/import/{batch.id}/{path}").status_code == status
    assert client.get(f"/workers/import/{batch.id}").status_code == 404


def test_the_start_of_a_roster_import_asks_for_no_more_than_is_known(mine: FlaskClient, two: Two) -> None:
    page = mine.get("/workforce/roster/import").text
    assert "坐标系" not in page
    assert "长者名单" not in page
    assert two.tree.community.name in page
    assert two.tree.other_street.name not in page
    template = mine.get("/workforce/roster/import/template.xlsx").data
    headings = CalamineWorkbook.from_filelike(BytesIO(template)).get_sheet_by_name("名单").to_python()[0]
    assert "姓名" in headings
    assert "结对长者" not in headings


def test_uploading_for_another_company_is_refused(mine: FlaskClient, two: Two) -> None:
    for target, status in (
        (f"{two.other.id}-{two.tree.street.id}", 422),
        (f"{two.own.id}-{two.tree.other_street.id}", 422),
        (f"{two.own.id}-{two.tree.community.id}", 303),
    ):
        file = (BytesIO(xlsx([HEAD, LINE])), "名册.xlsx")
        answer = post(mine, "/workforce/roster/import", area_id=target, datum="wgs84", file=file)
        assert answer.status_code == status, target
    assert db.session.scalars(select(ImportBatch.organisation_id)).all() == [two.own.id]
