"""The pages for every role: what they show, whom they refuse, what stays when something is wrong."""

from __future__ import annotations

import io
from datetime import date

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.fieldwork.models import PresenceMethod, RecordState
from coordinator.hours import services
from coordinator.hours.models import Certificate, HoursEntry, Verification, VerificationState
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.audit import AuditEntry
from tests.coordinator.hours.conftest import There, World
from tests.factories import make_actor, make_user, make_worker

SPAN = (date(2026, 1, 1), date(2026, 3, 26))
MOST_QUERIES = 12


def sheet(answer) -> list[tuple]:
    """The cells of an exported sheet."""
    assert answer.status_code == 200
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
    return [tuple(row) for row in book.get_sheet_by_index(0).to_python()]


class TestInbox:
    def test_two_groups_with_the_clean_ones_ticked(self, world: World, as_):
        student = world.minor(name="李沐阳")
        adult = world.worker(name="陈素芬")
        good = services.enter_visit(world.closed(There(student, arrived=1), There(adult)).id)
        clean = next(one for one in good if one.worker_id == student.id)
        far = world.entry(world.student(name="赵雨桐"), metres=900)
        weak = world.entry(world.student(name="吴子轩"), method=PresenceMethod.WORD)
        page = as_(world.verifier).get("/hours/school")
        assert page.status_code == 200
        said = page.text
        order = ["请逐条看，2 条", "赵雨桐", "吴子轩", "证据够，可以一起通过，1 条", "李沐阳"]
        assert [said.index(part) for part in order] == sorted(said.index(part) for part in order)
        assert "离住处 900 米" in said
        assert "陈素芬" in said
        assert "独居长者" in said
        assert "每满 15 分钟计一次" in said
        boxes = {one: said[said.index(f'value="{one.id}"') :].split(">", 1)[0] for one in (clean, far, weak)}
        assert ["checked" in boxes[one] for one in (clean, far, weak)] == [True, False, False]
        assert ["disabled" in boxes[one] for one in (clean, far, weak)] == [False, True, False]
        for entry in (clean, far, weak):
            assert entry.visit.elder.name not in said
            assert entry.visit.elder.household.address not in said

    def test_another_school_sees_nothing_of_it(self, world: World, as_):
        entry = world.entry(world.student(name="李沐阳"))
        other = as_(world.other_verifier)
        assert "李沐阳" not in other.get("/hours/school").text + other.get("/hours/students").text
        assert other.get(f"/hours/school/{entry.id}").status_code == 404
        assert other.post(f"/hours/school/{entry.id}", {"state": "passed"}).status_code == 404
        other.post("/hours/school/pass", {"id": str(entry.id)})
        assert db.session.scalars(select(Verification)).all() == []

    def test_tabs(self, world: World, as_):
        student = world.student()
        first, second, third = (world.entry(student, day=date(2026, 3, day)) for day in (1, 2, 3))
        world.verify(first, VerificationState.RETURNED, reason="与请假重叠")
        services.reverse_entry(world.street, second, "录错人了")
        school = as_(world.verifier)
        for show, seen, reason in (
            ("", third, ""),
            ("decided", first, "与请假重叠"),
            ("reversed", second, "录错人了"),
        ):
            page = school.get(f"/hours/school?show={show}").text
            assert reason in page
            assert [f"3月{day}日 " in page for day in (1, 2, 3)] == [
                one is seen for one in (first, second, third)
            ]

    def test_filters_search_and_pages_go_on(self, world: World, as_):
        for name, klass in (("李沐阳", "高一 3 班"), ("吴子轩", "高二 4 班")):
            world.entry(world.student(name=name, student_class=klass))
        school = as_(world.verifier)
        for query in ("class=高二 4 班", "q=吴", "evidence=strong&q=吴"):
            page = school.get(f"/hours/school?{query}").text
            assert ("吴子轩" in page, 'aria-label="选择 李沐阳' in page) == (True, False), query
        assert "没有符合条件的时数" in school.get("/hours/school?evidence=weak").text
        for sort in ("student", "service_on", "minutes", "evidence", "x'; --"):
            assert school.get("/hours/school", query_string={"sort": sort, "dir": "desc"}).status_code == 200

    def test_pass_the_ticked(self, world: World, as_):
        student = world.student()
        ids = [str(world.entry(student, day=date(2026, 3, day)).id) for day in (1, 2)]
        school = as_(world.verifier)
        answer = school.post("/hours/school/pass", {"id": ids, "list": "class=高一 3 班&x=1&open=9"})
        assert answer.status_code == 303
        assert answer.location == "/hours/school?class=%E9%AB%98%E4%B8%80+3+%E7%8F%AD"
        assert "通过了 2 条" in school.get(answer.location).text
        assert len(db.session.scalars(select(Verification)).all()) == 2

    @pytest.mark.parametrize("ids", [[], ["x", "-1", "9" * 40], ["1", "²"]])
    def test_nothing_ticked_or_nonsense(self, world: World, as_, ids):
        school = as_(world.verifier)
        answer = school.post("/hours/school/pass", {"id": ids})
        assert answer.status_code == 303
        assert "没有" in school.get(answer.location).text or ids == ["1", "²"]

    def test_a_refusal_passes_none_and_says_so(self, world: World, as_):
        student = world.student()
        good, far = world.entry(student), world.entry(student, day=date(2026, 3, 20), metres=900)
        school = as_(world.verifier)
        answer = school.post("/hours/school/pass", {"id": [str(good.id), str(far.id)]})
        page = school.get(answer.location).text
        assert "一条也没有通过" in page
        assert far.number in page
        assert db.session.scalars(select(Verification)).all() == []


class TestVerifying:
    def test_the_sum_the_evidence_and_the_story(self, world: World, as_):
        student = world.minor(name="李沐阳")
        visit = world.closed(There(student, left=44), There(world.worker(name="陈素芬"), left=44))
        entry = next(one for one in services.enter_visit(visit.id) if one.worker_id == student.id)
        page = as_(world.verifier).get(f"/hours/school/{entry.id}").text
        for part in (
            "14:00",
            "14:44",
            "44 分钟",
            "−14 分钟",
            "每满 15 分钟计一次",
            "0.5 小时是这样算的",
            entry.number,
            "离住处 20 米",
            "同行成人陈素芬同时在场",
            "到达、离开的位置都对得上",
            "街道确认属实",
            "周敏",
            "等学校核验",
            "柳荫社区，独居长者",
            "通过 0.5 小时",
        ):
            assert part in page, part
        assert visit.elder.name not in page

    def test_a_panel_for_the_list(self, world: World, as_):
        entry = world.entry(world.student())
        headers = {"HX-Request": "true", "HX-Current-URL": "http://x/hours/school?class=a&page=2"}
        panel = as_(world.verifier).get(f"/hours/school/{entry.id}", headers=headers).text
        assert "<html" not in panel
        assert 'value="class=a&amp;page=2"' in panel
        assert "data-panel-title" in panel

    def test_decide_and_go_on_with_the_next(self, world: World, as_):
        student = world.student()
        first, second = (world.entry(student, day=date(2026, 3, day)) for day in (2, 1))
        school = as_(world.verifier)
        answer = school.post(
            f"/hours/school/{first.id}", {"state": "passed", "seen": "0", "list": "q=" + student.name}
        )
        assert answer.status_code == 303
        assert f"open={second.id}" in answer.location
        page = school.get(answer.location).text
        assert f'hx-get="/hours/school/{second.id}"' in page
        answer = school.post(
            f"/hours/school/{second.id}", {"state": "returned", "reason": "请假", "seen": "0"}
        )
        assert answer.location == "/hours/school"

    @pytest.mark.parametrize(
        ("typed", "shown"),
        [
            ({"state": "returned", "minutes": "12"}, "请写明原因"),
            ({"state": "partial", "reason": "中途离开", "minutes": "99"}, "少于 30 分钟"),
            ({"state": "partial", "reason": "中途离开", "minutes": "半小时"}, "半小时"),
            ({"state": "returned", "reason": "长" * 501}, "500"),
            ({"state": "forged", "reason": "中途离开"}, "中途离开"),
        ],
    )
    def test_nothing_typed_is_lost(self, world: World, as_, typed, shown):
        entry = world.entry(world.student())
        answer = as_(world.verifier).post(f"/hours/school/{entry.id}", {**typed, "list": "q=x"})
        assert answer.status_code == 422
        assert shown in answer.text
        assert typed.get("reason", "") in answer.text
        assert f'value="{typed.get("minutes", "")}"' in answer.text
        assert 'value="q=x"' in answer.text
        assert db.session.scalars(select(Verification)).all() == []

    def test_a_colleagues_decision_is_shown_before_it_is_changed(self, world: World, as_):
        entry = world.entry(world.student())
        world.verify(entry, VerificationState.RETURNED, reason="与请假重叠")
        school = as_(world.verifier)
        answer = school.post(
            f"/hours/school/{entry.id}", {"state": "passed", "reason": "证明补来了", "seen": "0"}
        )
        assert answer.status_code == 422
        for part in ("刚刚有同事", "与请假重叠", "证明补来了"):
            assert part in answer.text
        standing = db.session.scalars(select(Verification)).one()
        assert f'value="{standing.id}"' in answer.text
        again = {"state": "passed", "reason": "证明补来了", "seen": str(standing.id)}
        assert school.post(f"/hours/school/{entry.id}", again).status_code == 303

    def test_taken_back_in_between(self, world: World, as_):
        entry = world.entry(world.student())
        school = as_(world.verifier)
        services.reverse_entry(world.street, entry, "录错人")
        assert school.post(f"/hours/school/{entry.id}", {"state": "passed"}).status_code == 404


class TestStudents:
    def test_sums_by_span_and_export(self, world: World, as_):
        student = world.student(name="李沐阳", student_number="2024001")
        world.verify(world.entry(student, day=date(2026, 2, 1)))
        world.entry(student, day=date(2026, 3, 1))
        school = as_(world.verifier)
        page = school.get("/hours/students").text
        assert "李沐阳" in page
        assert "每满 15 分钟计一次" in page
        rows = sheet(school.get("/hours/students?format=xlsx"))
        assert rows[0] == (
            "学生",
            "学号",
            "班级",
            "次数",
            "确认小时",
            "认可小时",
            "待核小时",
        )
        assert rows[1:] == [("李沐阳", "2024001", "高一 3 班", 2, 1, 0.5, 0.5)]
        rows = sheet(school.get("/hours/students?since=2026-03-01&until=2026-03-31&format=xlsx"))
        assert rows[1][3:] == (1, 0.5, 0, 0.5)
        for sort in ("name", "student_class", "visits"):
            assert school.get(f"/hours/students?sort={sort}&dir=desc&class=高一 3 班").status_code == 200


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


class TestCertificatePages:
    def test_look_then_issue(self, world: World, as_):
        worker = world.worker(name="何桂芳")
        entry = world.entry(worker)
        desk = as_(world.street)
        assert "何桂芳" in desk.get(f"/hours/certificates/new?worker_id={worker.id}").text
        asked = {"worker_id": str(worker.id), "first_day": "2026-01-01", "last_day": "2026-03-26"}
        page = desk.post("/hours/certificates/new", asked).text
        assert "会写进证明：0.5 小时，1 次" in page
        assert entry.number in page
        answer = desk.post("/hours/certificates/new", asked | {"step": "issue", "shown": f"{entry.id}:30"})
        assert answer.status_code == 303
        made = db.session.scalars(select(Certificate)).one()
        page = desk.get(answer.location).text
        for part in (made.number, made.code, "0.5 小时，1 次", "滨河街道办事处", "公示", "4月2日"):
            assert part in page, part
        assert made.number in desk.get("/hours/certificates").text
        assert "已经写进有效的证明" in desk.post("/hours/certificates/new", asked).text

    def test_only_what_was_shown_is_issued(self, world: World, as_):
        worker = world.worker()
        entry = world.entry(worker)
        desk = as_(world.street)
        asked = {
            "worker_id": str(worker.id),
            "first_day": "2026-01-01",
            "last_day": "2026-03-26",
            "step": "issue",
        }
        world.entry(worker, day=date(2026, 3, 1))
        for shown in ({}, {"shown": f"{entry.id}:30"}):
            answer = desk.post("/hours/certificates/new", asked | shown)
            assert (answer.status_code, "不一样了" in answer.text) == (422, True)
        assert db.session.scalars(select(Certificate)).all() == []

    @pytest.mark.parametrize(
        "over",
        [
            {"first_day": "不知道"},
            {"first_day": ""},
            {"worker_id": "9" * 30},
            {"worker_id": "x"},
            {"last_day": "2026-13-01"},
        ],
    )
    def test_what_was_typed_stays(self, world: World, as_, over):
        worker = world.worker()
        world.entry(worker)
        asked = {
            "worker_id": str(worker.id),
            "first_day": "2026-01-01",
            "last_day": "2026-03-26",
            "step": "issue",
        }
        answer = as_(world.street).post("/hours/certificates/new", asked | over)
        assert answer.status_code == 422
        for name in ("first_day", "last_day"):
            assert f'value="{(asked | over)[name]}"' in answer.text

    def test_nobody_of_another_street(self, world: World, as_):
        stranger = make_worker(world.tree.other_street, name="赵远山")
        world.entry(stranger)
        desk = as_(world.street)
        assert "赵远山" not in desk.get("/hours/certificates/new").text
        asked = {"worker_id": str(stranger.id), "first_day": "2026-01-01", "last_day": "2026-03-26"}
        assert desk.post("/hours/certificates/new", asked).status_code == 422
        worker = world.worker()
        world.entry(worker)
        made = services.issue_certificate(world.street, worker, *SPAN)
        other = as_(make_user(Role.STREET_COORDINATOR, world.tree.other_street))
        for answer in (
            other.get(f"/hours/certificates/{made.id}"),
            other.get(f"/hours/certificates/{made.id}.pdf"),
            other.post(f"/hours/certificates/{made.id}/revoke", {"reason": "x"}),
        ):
            assert answer.status_code == 404

    def test_communities_read_and_do_not_issue(self, world: World, as_):
        community = as_(make_user(Role.COMMUNITY_COORDINATOR, world.tree.community))
        assert community.get("/hours/certificates").status_code == 200
        assert community.get("/hours/certificates/new").status_code == 403

    def test_revoke(self, world: World, as_):
        worker = world.worker(volunteer_number="510502000123")
        world.entry(worker)
        made = services.issue_certificate(world.street, worker, *SPAN)
        desk = as_(world.street)
        refused = desk.post(f"/hours/certificates/{made.id}/revoke", {"reason": ""})
        assert (refused.status_code, "请写明原因" in refused.text) == (422, True)
        assert desk.post(f"/hours/certificates/{made.id}/revoke", {"reason": "时数有误"}).status_code == 303
        again = desk.post(f"/hours/certificates/{made.id}/revoke", {"reason": "再来"})
        assert (again.status_code, "已经撤销过" in again.text) == (422, True)
        page = desk.get(f"/hours/certificates/{made.id}").text
        for part in ("已撤销", "时数有误"):
            assert part in page
        assert "打印证明" not in page
        mine = as_(worker).get("/hours/mine").text
        assert "已撤销：时数有误" in mine
        assert "打开证明" not in mine

    def test_the_notice_masks_names(self, world: World, as_, freeze):
        worker = world.worker(name="何桂芳", volunteer_number="510502000123")
        world.entry(worker)
        made = services.issue_certificate(world.street, worker, *SPAN)
        page = as_(world.street).get("/hours/certificates/notice").text
        for part in (made.number, "何*芳", "510502000123"):
            assert part in page
        assert "何桂芳" not in page
        services.revoke_certificate(world.street, made, "时数有误")
        assert made.number not in as_(world.street).get("/hours/certificates/notice").text

    def test_the_register_is_exported(self, world: World, as_):
        worker = world.worker(name="何桂芳")
        world.entry(worker)
        made = services.issue_certificate(world.street, worker, *SPAN)
        rows = sheet(as_(world.street).get("/hours/certificates?format=xlsx"))
        assert rows[1][1:3] == (made.number, "何桂芳")


def full(world: World, count: int) -> None:
    """Enough of everything to show a dependence on the number of rows."""
    for number in range(count):
        student = world.student(name=f"李沐{'甲乙丙丁戊己庚辛'[number]}")
        adult = world.worker()
        decided, waiting, back = (
            next(
                one
                for one in services.enter_visit(
                    world.closed(There(student), There(adult), day=date(2026, 3, day)).id
                )
                if one.worker_id == student.id
            )
            for day in (1 + number, 10 + number, 18 + number)
        )
        world.verify(decided)
        services.reverse_entry(world.street, back, "录错人")
        services.issue_certificate(world.street, student, *SPAN)
        assert waiting.id


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("verifier", "/hours/school"),
        ("verifier", "/hours/school?show=decided"),
        ("verifier", "/hours/school?show=reversed"),
        ("verifier", "/hours/students"),
        ("street", "/hours/"),
        ("street", "/hours/certificates"),
        ("street", "/hours/certificates/new"),
        ("street", "/hours/certificates/notice"),
        ("worker", "/hours/mine"),
    ],
)
def test_queries_do_not_grow_with_the_rows(world: World, as_, counting, who, path):
    me = world.student()
    world.verify(world.entry(me))
    services.issue_certificate(world.street, me, *SPAN)
    full(world, 1)
    browser = as_(me if who == "worker" else getattr(world, who))
    browser.get(path)
    sent = []
    for more in (0, 3):
        full(world, more)
        for day in range(1, 1 + more):
            world.entry(me, day=date(2026, 2, day))
        db.session.flush()
        with counting() as statements:
            assert browser.get(path).status_code == 200
        sent.append(len(statements))
    assert sent[0] == sent[1] <= MOST_QUERIES, statements


@pytest.mark.parametrize("who", ["verifier", "street"])
def test_queries_of_one_entry(world: World, as_, counting, who):
    entry = world.entry(world.student())
    world.verify(entry)
    path = f"/hours/school/{entry.id}" if who == "verifier" else f"/hours/{entry.id}"
    browser = as_(getattr(world, who))
    browser.get(path)
    with counting() as statements:
        assert browser.get(path).status_code == 200
    assert len(statements) <= MOST_QUERIES, statements


def test_coordinators_are_told_nothing(world: World, as_):
    from coordinator.messages.models import Message

    entry = world.entry(world.student())
    world.verify(entry)
    services.reverse_entry(world.street, entry, "录错人")
    told = set(db.session.scalars(select(Message.user_id)))
    assert told == {entry.worker.user_id}


def test_an_actor_with_two_schools_sees_both(world: World):
    from coordinator.hours import queries

    both = Actor(
        world.verifier.user_id,
        "林老师",
        tuple(
            Grant(Role.SCHOOL_VERIFIER, organisation_id=one.id) for one in (world.school, world.other_school)
        ),
    )
    world.entry(world.student())
    world.entry(world.student(world.other_school))
    assert queries.inbox_counts(both)[0] == 2
    assert queries.inbox_counts(make_actor(Role.SCHOOL_VERIFIER, world.tree.street)) == (0, 0, 0)
