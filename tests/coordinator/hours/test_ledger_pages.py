"""Pages of the ledger of hours, and of what somebody has earned."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from coordinator.extensions import db
from coordinator.fieldwork.models import RecordState
from coordinator.hours import services
from coordinator.hours.models import HoursEntry, VerificationState
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from tests.coordinator.hours.conftest import World
from tests.coordinator.hours.exported import SPAN, sheet
from tests.factories import make_user


class TestLedger:
    def test_street_and_community_see_their_own(self, world: World, as_):
        entry = world.entry(world.worker(name="何桂芳"))
        for area, there in (
            (world.tree.street, True),
            (world.tree.community, True),
            (world.tree.other_community, False),
            (world.tree.other_street, False),
        ):
            desk = as_(make_user(Role.COMMUNITY_COORDINATOR, area))
            assert ("何桂芳" in desk.get("/hours/").text) is there
            assert desk.get(f"/hours/{entry.id}").status_code == (200 if there else 404)
            if not there:
                assert desk.post(f"/hours/{entry.id}/reverse", {"reason": "录错人"}).status_code == 404

    def test_states_of_lines(self, world: World, as_):
        worker = world.worker()
        entries = [
            world.entry(worker, day=date(2026, 3, day), record=record)
            for day, record in (
                (1, RecordState.SUBMITTED),
                (2, RecordState.RETURNED),
                (3, RecordState.CONFIRMED),
            )
        ]
        services.reverse_entry(world.street, world.entry(worker, day=date(2026, 3, 4)), "录错人")
        page = as_(world.street).get("/hours/").text
        for part in (
            "记录待确认",
            "记录已退回",
            "记录已确认",
            "已撤销",
            "录错人",
            "−0.5",
            entries[0].number,
            "每满 15 分钟计一次",
        ):
            assert part in page.replace("-0.5", "−0.5"), part

    def test_take_back_with_a_reason(self, world: World, as_):
        entry = world.entry(world.worker())
        desk = as_(world.street)
        assert "撤销这一笔" in desk.get(f"/hours/{entry.id}").text
        refused = desk.post(f"/hours/{entry.id}/reverse", {"reason": "  "})
        assert (refused.status_code, "请写明原因" in refused.text) == (422, True)
        long = "长" * 501
        refused = desk.post(f"/hours/{entry.id}/reverse", {"reason": long})
        assert (refused.status_code, long in refused.text) == (422, True)
        assert desk.post(f"/hours/{entry.id}/reverse", {"reason": "录错人"}).status_code == 303
        page = desk.get(f"/hours/{entry.id}").text
        assert "街道撤销了这一笔" in page
        assert "撤销这一笔" not in page
        again = desk.post(f"/hours/{entry.id}/reverse", {"reason": "录错人"})
        assert (again.status_code, "已经撤销过" in again.text) == (422, True)
        reversal = db.session.scalars(select(HoursEntry).where(HoursEntry.reverses_id == entry.id)).one()
        assert desk.get(f"/hours/{reversal.id}").status_code == 200

    def test_supervisors_read_only(self, world: World, as_):
        entry = world.entry(world.worker())
        county = as_(make_user(Role.COUNTY_SUPERVISOR, world.tree.county))
        assert "撤销这一笔" not in county.get(f"/hours/{entry.id}").text
        assert county.post(f"/hours/{entry.id}/reverse", {"reason": "录错人"}).status_code == 403

    def test_export_is_audited_and_holds_no_formula(self, world: World, as_):
        student = world.student(name="=1+1", volunteer_number="510502000123")
        entry = world.entry(student)
        world.verify(entry)
        rows = sheet(as_(world.street).get("/hours/?format=xlsx"))
        assert rows[0][:5] == ("日期", "时数单", "人员", "志愿者编号", "服务内容")
        assert str(rows[1][2]).lstrip("'") == "=1+1"
        assert not str(rows[1][2]).startswith("=")
        assert rows[1][3:] == (
            "510502000123",
            "特殊困难老年人探访关爱服务",
            "柳荫社区",
            "证据充分",
            0.5,
            "学校已通过",
            0.5,
        )
        assert db.session.scalars(select(AuditEntry.summary).where(AuditEntry.action == "hours.export")).all()
        csv = as_(world.verifier).get("/hours/school?show=decided&format=csv")
        assert csv.status_code == 200
        assert "学校已通过" in csv.data.decode("utf-8-sig")


class TestMine:
    def test_only_ones_own(self, world: World, as_):
        worker, other = world.worker(name="何桂芳", volunteer_number="510502000123"), world.worker()
        mine, theirs = world.entry(worker), world.entry(other)
        page = as_(worker).get("/hours/mine").text
        assert mine.number in page
        assert theirs.number not in page
        for part in ("510502000123", "怎么算的", "每满 15 分钟计一次", "社区已确认"):
            assert part in page
        assert "学校已认可" not in page
        assert mine.visit.elder.name not in page

    def test_what_the_school_and_the_street_said(self, world: World, as_):
        student = world.student()
        first, second = (world.entry(student, day=date(2026, 3, day)) for day in (1, 2))
        world.entry(student, day=date(2026, 3, 3), record=RecordState.RETURNED)
        world.verify(first, VerificationState.PARTIAL, minutes=15, reason="中途离开")
        services.reverse_entry(world.street, second, "录错人了")
        page = as_(student).get("/hours/mine").text
        for part in (
            "学校说：中途离开",
            "学校部分认可",
            "已撤销，不计",
            "原因：录错人了",
            "记录要改",
            "学校已认可",
        ):
            assert part in page, part

    def test_a_worker_without_a_record_is_told(self, world: World, as_):
        answer = as_(make_user(Role.WORKER)).get("/hours/mine")
        assert (answer.status_code, "请联系社区登记" in answer.text) == (404, True)

    def test_no_door_but_ones_own(self, world: World, as_):
        worker = world.worker()
        entry = world.entry(worker)
        certificate = services.issue_certificate(world.street, worker, *SPAN)
        phone = as_(worker)
        for path in (
            "/hours/",
            f"/hours/{entry.id}",
            "/hours/school",
            f"/hours/school/{entry.id}",
            "/hours/students",
            "/hours/certificates",
            "/hours/certificates/new",
            "/hours/certificates/notice",
            f"/hours/certificates/{certificate.id}",
        ):
            assert phone.get(path).status_code == 403, path
        assert phone.get(f"/hours/certificates/{certificate.id}.pdf").status_code == 200
        stranger = as_(world.worker())
        assert stranger.get(f"/hours/certificates/{certificate.id}.pdf").status_code == 404
        assert as_(world.verifier).get(f"/hours/certificates/{certificate.id}.pdf").status_code == 404
