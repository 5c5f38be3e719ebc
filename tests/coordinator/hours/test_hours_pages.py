"""Pages of schools: the inbox, verifying, students; and how many queries pages of hours take."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.fieldwork.models import PresenceMethod
from coordinator.hours import services
from coordinator.hours.models import Verification, VerificationState
from coordinator.kernel.access import Actor, Grant, Role
from tests.coordinator.hours.conftest import There, World
from tests.coordinator.hours.exported import SPAN, sheet
from tests.factories import make_actor

MOST_QUERIES = 12


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
