"""Route sheets on paper: a preview of a draft, a numbered sheet of an approved day, void after a change."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel import printing
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import NotAllowed
from coordinator.planning import services
from coordinator.planning.models import Plan, RouteSheet
from coordinator.planning.services import sheets as sheet_services
from tests.coordinator.planning.conftest import Street
from tests.coordinator.planning.plan_rows import first_day, print_first_route


@pytest.fixture
def papers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The papers that would be printed."""
    found: list[Any] = []

    def keep(paper: Any) -> bytes:
        found.append(paper)
        return b"%PDF"

    monkeypatch.setattr(sheet_services, "print_paper", keep)
    return found


def sheets_of(paper: Any) -> Sequence[printing.RouteSheet]:
    return paper.sheets if isinstance(paper, printing.TeamDay) else (paper,)


def test_a_draft_prints_as_a_preview_without_number_or_code(
    street: Street, plan: Plan, papers: list[Any]
) -> None:
    services.print_day(street.actor, plan, first_day(plan))
    for sheet in sheets_of(papers[0]):
        assert not sheet.approved
        assert not sheet.day_url
        assert all(not stop.url and not stop.visit_code for stop in sheet.stops)
    assert db.session.scalar(select(func.count()).select_from(RouteSheet)) == 0


def test_an_approved_sheet_has_number_code_expiry_and_the_least_data(
    street: Street, plan: Plan, papers: list[Any]
) -> None:
    route = print_first_route(street, plan)
    day = route.day
    row = db.session.scalars(select(RouteSheet)).one()
    assert row.number == f"LX-{day:%y%m%d}-甲-01"
    assert row.expires_at == datetime(day.year, day.month, day.day, 16, tzinfo=UTC) + timedelta(days=1)
    sheet = papers[0]
    assert sheet.approved
    assert sheet.duty_phone == "0830-2290000"
    assert sheet.day_url.endswith(f"/planning/sheets/{row.code}")
    stop = sheet.stops[0]
    assert stop.contact == "儿子 李小明"
    assert stop.contact_phone == "13800000001"
    assert stop.phone == ""
    assert stop.visit_code.startswith("T")
    assert "重点对象" in stop.obligation or "一般对象" in stop.obligation


def test_printing_again_keeps_the_number_and_a_change_voids_it(
    street: Street, plan: Plan, papers: list[Any]
) -> None:
    route = print_first_route(street, plan)
    services.print_route(street.actor, plan, route)
    assert db.session.scalar(select(func.count()).select_from(RouteSheet)) == 1
    elder = next(one.elder for one in plan.stops if one.route_id == route.id)
    elder.cautions = "家里有狗"
    db.session.flush()
    services.print_route(street.actor, plan, route)
    rows = db.session.scalars(select(RouteSheet).order_by(RouteSheet.id)).all()
    assert [row.number[-2:] for row in rows] == ["01", "02"]
    assert [row.voided_at is not None for row in rows] == [True, False]
    assert db.session.scalars(select(AuditEntry.id).where(AuditEntry.action == "sheet.issue")).all()


def test_a_real_file_is_made(street: Street, plan: Plan) -> None:
    day = first_day(plan)
    services.approve_day(street.actor, plan, day)
    printed = services.print_day(street.actor, plan, day)
    assert printed.content.startswith(b"%PDF")
    assert printed.name.endswith(".pdf")


def test_who_may_print(street: Street, plan: Plan) -> None:
    reader = Actor(street.user.id, "区", (Grant(Role.COUNTY_SUPERVISOR, street.area.id, street.area.path),))
    with pytest.raises(NotAllowed):
        services.print_day(reader, plan, first_day(plan))
