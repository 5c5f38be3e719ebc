"""Lists of workers."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.elders.models import ImportBatch, ImportState, RowOutcome
from coordinator.extensions import db
from coordinator.kernel.queue import OwedJob
from coordinator.workforce.imports import jobs
from coordinator.workforce.imports.workers import WORKERS
from coordinator.workforce.models import CredentialKind, ServiceContact, Worker, WorkerKind, WorkerStatus
from tests import factories
from tests.coordinator.elders.imports.lists import codes, resident_id, rows_of

HEAD = ["类别", "姓名", "身份证号", "电话", "学校", "纬度", "经度"]
BORN = date(1990, 5, 1)


def line(order: int = 1, **over: Any) -> list[Any]:
    cells: dict[str, Any] = {
        "类别": "志愿者",
        "姓名": f"周敏{factories.hanzi(order)}",
        "身份证号": resident_id(BORN, order),
        "电话": f"1381234000{order}",
        "学校": "",
        "纬度": 28.881,
        "经度": 105.441,
    } | over
    return list(cells.values())


@pytest.fixture
def tree(committed_db: Any) -> factories.AreaTree:
    found = factories.make_area_tree()
    factories.make_organisation(found.street, name="示例中学", latitude=28.882, longitude=105.442)
    db.session.commit()
    return found


def workers() -> list[Worker]:
    return list(db.session.scalars(select(Worker).order_by(Worker.id)))


def test_a_list_enters_workers_with_all_that_belongs_to_them(tree: Any, check: Any, take: Any) -> None:
    head = [*HEAD, "班级", "出行方式", "周一时间", "周六时间", "技能", "探访培训起始日", "人身意外保险编号"]
    head += [
        "人身意外保险起始日",
        "人身意外保险到期日",
        "监护人姓名",
        "监护人关系",
        "监护人电话",
        "监护人同意的内容",
    ]
    head += ["监护人同意日期", "会说的方言", "社区"]
    none = [""] * 5
    adult = [
        "",
        "骑车",
        "16:00-18:00，8:00-11:00",
        "全天",
        "急救",
        "2026-01-05",
        "BX001",
        "2026-01-01",
        "2026-12-31",
        *none,
    ]
    minor = [
        "八年级2班",
        "",
        "",
        "9-11:30",
        "",
        "",
        "",
        "",
        "",
        "张大样",
        "父亲",
        13800000004.0,
        "周末一起探访",
        "2026-03-01",
    ]
    student = {
        "类别": "学生",
        "姓名": "张样本",
        "身份证号": resident_id(date(2012, 9, 10), 2),
        "学校": "示例中学",
    }
    batch = check(
        tree.street,
        [
            head,
            [*line(1), *adult, "客家话、四川话", "柳荫社区"],
            [*line(2, **student, 纬度="", 经度=""), *minor, "", ""],
        ],
        importer=WORKERS,
    )
    assert [codes(row) for row in rows_of(batch)] == [set(), set()]
    take(batch, importer=WORKERS)
    first, second = workers()
    assert (first.status, first.kind, first.area.name) == (
        WorkerStatus.APPLIED,
        WorkerKind.VOLUNTEER,
        "柳荫社区",
    )
    assert [(one.weekday, one.starts, one.ends) for one in first.availability] == [
        (0, time(8), time(11)),
        (0, time(16), time(18)),
        (5, time(8), time(18)),
    ]
    assert {one.kind for one in first.credentials} == {CredentialKind.TRAINING, CredentialKind.INSURANCE}
    assert [one.skill for one in first.skills] == ["first_aid"]
    assert first.dialects == ["客家话", "四川话"]
    assert second.organisation is not None
    assert (second.start_latitude, second.start_longitude) == (28.882, 105.442), "the school's place"
    assert [(one.name, one.phone) for one in second.guardians] == [("张大样", "13800000004")]

    again = check(
        tree.street,
        [head, [*line(1, 电话="13999990000"), *adult, "客家话、四川话", "柳荫社区"]],
        importer=WORKERS,
    )
    (row,) = rows_of(again)
    assert [one["key"] for one in row.details["changes"]] == ["phone"]
    take(again, importer=WORKERS)
    assert workers()[0].phone == "13999990000"
    assert len(workers()[0].credentials) == 2


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"类别": "魔术师"}, "choice"),
        ({"类别": "在校学生"}, "student_without_school"),
        ({"学校": "没有的学校"}, "organisation_unknown"),
        ({"身份证号": resident_id(date(2020, 1, 1), 1)}, "too_young"),
        ({"姓名": "周3敏"}, "name_digit"),
        ({"纬度": 105.441, "经度": 28.881}, "place_swapped"),
    ],
)
def test_what_is_refused(tree: Any, check: Any, over: dict[str, Any], code: str) -> None:
    (row,) = rows_of(check(tree.street, [HEAD, line(1, **over)], importer=WORKERS))
    assert row.outcome is RowOutcome.REFUSE
    assert code in codes(row)


def test_limits_guardians_and_dates_in_order(tree: Any, check: Any) -> None:
    head = [
        *HEAD,
        "一天最多次数",
        "一周最多次数",
        "探访培训起始日",
        "探访培训到期日",
        "监护人姓名",
        "人身意外保险起始日",
        "周一时间",
    ]
    batch = check(
        tree.street,
        [
            head,
            [*line(1), 8, 4, "", "", "", "", ""],
            [*line(2), "", "", "2026-02-01", "2026-01-01", "", "", ""],
            [*line(3), "", "", "", "", "张大样", "", ""],
            [*line(4), "", "", "", "", "", "2026-01-01", ""],
            [*line(5), "", "", "", "", "", "", "5:00-9:00"],
            [*line(5), "", "", "", "", "", "", ""],
        ],
        importer=WORKERS,
    )
    assert [codes(row) for row in rows_of(batch)] == [
        {"limits"},
        {"dates_in_order"},
        {"guardian_of_adult"},
        {"required"},
        {"hours_range"},
        {"double"},
    ]


def test_nobody_is_their_own_guardian(tree: Any, check: Any) -> None:
    guardian = ["监护人姓名", "监护人关系", "监护人电话", "监护人同意的内容", "监护人同意日期"]
    pupil = [*line(1, 身份证号=resident_id(date(2012, 5, 1), 1))]
    batch = check(
        tree.street,
        [
            [*HEAD, *guardian],
            [*pupil, "张大样", "父亲", "13812340001", "探访", "2026-01-05"],
            [
                *line(2, 身份证号=resident_id(date(2012, 5, 1), 2)),
                "周敏二",
                "父亲",
                "13812349999",
                "探访",
                "2026-01-05",
            ],
        ],
        importer=WORKERS,
    )
    assert [codes(row) for row in rows_of(batch)] == [{"same_phone"}, {"own_guardian"}]


def test_pairs_only_for_the_approved(tree: Any, check: Any, take: Any) -> None:
    home = factories.make_household(tree.community, address="滨江路3号2栋")
    elder = factories.make_elder(tree.community, home, name="陈秀英")
    held = factories.make_worker(tree.street, name="周敏一", id_number=resident_id(BORN, 1))
    db.session.commit()
    head = [*HEAD, "结对长者"]
    batch = check(
        tree.street,
        [
            head,
            [*line(1), "陈秀英@滨江路3号2幢"],
            [*line(2), "陈秀英@滨江路3号2栋"],
            [*line(3), "没有的人@某处"],
        ],
        importer=WORKERS,
    )
    first, second, third = rows_of(batch)
    assert (first.outcome, codes(second), codes(third)) == (
        RowOutcome.UPDATE,
        {"not_approved"},
        {"pair_unknown"},
    )
    take(batch, importer=WORKERS)
    assert db.session.scalars(select(ServiceContact)).one().elder_id == elder.id
    assert db.session.get_one(Worker, held.id).phone == "13812340001"


def test_a_name_alone_is_a_question(tree: Any, check: Any) -> None:
    factories.make_worker(tree.street, name="周敏一", birth_date=BORN)
    db.session.commit()
    head = [*HEAD, "性别", "出生日期"]
    (row,) = rows_of(check(tree.street, [head, [*line(1, 身份证号=""), "女", BORN]], importer=WORKERS))
    assert row.outcome is RowOutcome.ASK


def test_the_jobs_are_those_that_are_owed(tree: Any, check: Any) -> None:
    batch = check(tree.street, [HEAD, line(1)], importer=WORKERS)
    assert f"{jobs.__name__}.check_workers" in db.session.scalars(select(OwedJob.name)).all()
    jobs.check_workers(batch.id)
    jobs.apply_workers(batch.id, None)
    assert db.session.get_one(ImportBatch, batch.id).state is ImportState.CHECKED
