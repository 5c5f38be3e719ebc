"""The pages of 月探访率, as a street and as a county see them."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from coordinator.elders.models import ConsentState
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.queue import OwedJob
from tests.coordinator.supervision.conftest import LATER
from tests.factories import csrf_token, make_user, sign_in

PAGE = "/coverage?month=2026-03"


@pytest.fixture
def street(months, client):
    sign_in(client, make_user(Role.STREET_COORDINATOR, months.tree.street))
    return client


def test_both_rates_stand_with_numerator_and_denominator(months, street):
    _done, _called, _half, nothing = months.march()
    refusing = months.general_elder()
    months.consent(refusing, ConsentState.REFUSED)
    html = street.get(PAGE).text
    assert "75.0%" in html
    assert "分母 4 位长者中，3 位本月有一次见到或联系上的" in html
    assert "分母 4 位长者中，1 位本月到期的各项应访全部完成" in html
    assert "一般对象，每月上门 1 次" in html
    assert "100%" in html  # the document's target
    people = street.get(f"{PAGE.replace('?', '/elders?')}&which=not_contacted").text
    assert nothing.name in people
    assert "只打" not in people
    assert refusing.name in street.get("/coverage/refusals").text


def test_a_correction_stands_beside_the_frozen_rate(months, client, freeze):
    _done, called, *_others = months.march()
    months.freeze_march()
    freeze(LATER)
    months.visited(called, date(2026, 3, 20))
    sign_in(client, make_user(Role.STREET_COORDINATOR, months.tree.street))
    html = client.get(PAGE).text
    assert "各项都完成：冻结时 25.0%（1/4），更正后 50.0%（2/4），+25.0" in html
    assert "1 位长者：" in html
    why = client.get(PAGE.replace("?", "/corrections?")).text
    assert called.name in why
    assert "补录联系" in why
    assert "3月20日" in why


def test_the_table_leaves_as_a_sheet_and_as_paper(months, street):
    months.march()
    answer = street.get(f"{PAGE}&format=xlsx")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
    rows = book.get_sheet_by_index(0).to_python()
    assert rows[1][:3] == ["滨河街道", 4, 3]
    assert rows[1][5] == "25.0%"
    notes = "\n".join(str(row[0]) for row in book.get_sheet_by_index(1).to_python())
    assert "分母：月底" in notes
    assert db.session.scalars(select(AuditEntry).where(AuditEntry.action == "coverage.export")).one()
    paper = street.get("/coverage.pdf?month=2026-03")
    assert paper.mimetype == "application/pdf"
    assert paper.data.startswith(b"%PDF")


def test_each_level_leads_to_the_next(months, client):
    months.march()
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, months.tree.county))
    html = client.get(PAGE).text
    assert f"area={months.tree.street.id}&amp;month=2026-03" in html
    assert "柳荫社区" in client.get(f"{PAGE}&area={months.tree.street.id}").text
    assert client.get(f"{PAGE}&area={months.tree.city.id}").status_code == 404


def test_freezing_early_is_the_supervisors(months, client, street):
    data = {"csrf_token": csrf_token(street), "month": "2026-03"}
    assert street.post("/coverage/freeze", data=data).status_code == 403
    assert "提前冻结" not in street.get(PAGE).text
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, months.tree.county))
    assert "提前冻结" in client.get(PAGE).text
    assert client.post("/coverage/freeze", data=data | {"csrf_token": csrf_token(client)}).status_code == 303
    assert db.session.scalars(select(OwedJob).where(OwedJob.name.endswith("freeze_one"))).one()
    assert "提前冻结" not in client.get("/coverage").text  # the running month


def test_a_county_that_was_not_counted_says_so(months, client, monkeypatch):
    from coordinator.supervision.queries import rate

    monkeypatch.setattr(rate, "MOST_LIVE", 1)
    months.march()
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, months.tree.county))
    assert "还没有计算" in client.get(PAGE).text
    answer = client.post("/coverage/recount", data={"csrf_token": csrf_token(client), "month": "2026-03"})
    assert answer.status_code == 303
    assert db.session.scalars(select(OwedJob).where(OwedJob.name.endswith("count_one"))).one()


def test_bad_addresses_are_no_errors(months, street):
    months.march()
    for query in ("?month=2099-01", "?month=x", "?page=-3&month=2026-03"):
        assert street.get(f"/coverage{query}").status_code == 200
    assert street.get("/coverage/elders?which=x").status_code == 404
    assert street.get("/coverage/elders?which=left&page=99&month=2026-03").status_code == 200
    assert street.get("/coverage?area=999999999").status_code == 404


def test_a_supervisor_lands_on_the_same_figures(months, client, freeze):
    """The landing page and 月探访率 never tell two rates."""
    freeze(datetime(2026, 3, 26, 2, 0, tzinfo=UTC))
    months.march()
    months.general_elder(enrolled_on=date(2026, 3, 25))  # too new to be judged
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, months.tree.county))
    row = "3/4，75.0%"
    assert row in client.get("/").text
    assert row in client.get("/coverage").text
