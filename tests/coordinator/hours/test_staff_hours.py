"""单位时数: sums of own people, by month."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from typing import Any

from python_calamine import CalamineWorkbook

from coordinator.accounts.models import Organisation, OrganisationKind
from coordinator.extensions import db
from coordinator.fieldwork.models import RecordState
from coordinator.hours import services
from coordinator.kernel.access import Role
from coordinator.workforce.models import WorkerKind
from tests import factories
from tests.coordinator.hours.conftest import World


def company(world: World) -> Organisation:
    return factories.make_organisation(world.tree.street, kind=OrganisationKind.PROPERTY_COMPANY)


def staff(world: World, organisation: Organisation, name: str) -> Any:
    return world.worker(organisation_id=organisation.id, kind=WorkerKind.PROPERTY_STAFF, name=name)


def test_a_manager_sees_sums_of_own_people(as_: Any, world: World, counting: Any) -> None:
    own, other = company(world), company(world)
    one, two, stranger = (
        staff(world, own, "安居甲"),
        staff(world, own, "安居乙"),
        staff(world, other, "邻里丙"),
    )
    world.entry(one)
    world.entry(one, day=date(2026, 3, 14), record=RecordState.SUBMITTED)
    world.entry(one, day=date(2026, 2, 10))
    world.entry(one, day=date(2025, 1, 10))
    gone = world.entry(two)
    services.reverse_entry(world.street, gone, "签到的不是本人")
    world.entry(stranger)
    browser = as_(factories.make_user(Role.ORGANISATION_MANAGER, organisation=own))
    with counting() as sent:
        page = browser.get("/hours/staff").text
    assert len(sent) <= 12
    assert "安居甲" in page
    assert "邻里丙" not in page
    assert "安居乙" not in page, "what was taken back is not counted"
    assert "陈秀" not in page
    sheet = browser.get("/hours/staff?format=xlsx").data
    rows = CalamineWorkbook.from_filelike(BytesIO(sheet)).get_sheet_by_index(0).to_python()
    found = [row[:6] for row in rows if row[0] == "安居甲"]
    assert [(row[2], row[3]) for row in found] == [("2026-03", 2.0), ("2026-02", 1.0)]
    assert found[0][4] == 2 * found[0][5]
    february = browser.get("/hours/staff?month=2026-02").text.split("<tbody>")[1]
    assert "2026年2月" in february
    assert "2026年3月" not in february


def test_a_school_and_others_do_not_have_this_page(as_: Any, world: World) -> None:
    db.session.flush()
    for actor in (world.verifier, world.street):
        assert as_(actor).get("/hours/staff").status_code == 403
