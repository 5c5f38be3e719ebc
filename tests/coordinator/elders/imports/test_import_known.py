"""Lines about people who are in the register already: updated, the same, a question, or not named."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from coordinator.elders import services
from coordinator.elders.imports import batches
from coordinator.elders.imports.elders import ELDERS
from coordinator.elders.imports.listing import left_rows, reason_of
from coordinator.elders.models import Category, Elder, RowDecision, RowOutcome
from coordinator.extensions import db
from coordinator.kernel.access import SYSTEM
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput
from tests import factories
from tests.coordinator.elders.imports.elder_lines import BORN, HEAD, elders, line
from tests.coordinator.elders.imports.lists import codes, resident_id, rows_of


def test_update_same_and_old_values_masked(tree: Any, check: Any, take: Any) -> None:
    take(check(tree.street, [HEAD, line(1), line(2)]))
    batch = check(tree.street, [HEAD, line(1), line(2, 电话="13999990000", 姓名="陈秀贰")])
    same, changed = rows_of(batch)
    assert (same.outcome, changed.outcome) == (RowOutcome.SAME, RowOutcome.UPDATE)
    assert [one["key"] for one in changed.details["changes"]] == ["name", "phone"]
    assert "13999990000" not in str(changed.details)
    batch = take(batch)
    assert (batch.counts["created"], batch.counts["updated"]) == (0, 1)
    assert [one.name for one in elders()] == ["陈秀一", "陈秀贰"]
    assert elders()[1].phone == "13999990000"
    line_of = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.edit")).one()
    assert line_of.changes["phone"] == ["***", "***"]


def test_updates_of_everything_around_a_dossier(tree: Any, check: Any, take: Any) -> None:
    take(check(tree.street, [HEAD, line(1), line(2, 住址="示例路1号")]))
    head = [
        *HEAD,
        "对象类型",
        "残疾等级",
        "是否接受探访",
        "第一探访联系人姓名",
        "第一探访联系人关系",
        "家庭成员1姓名",
        "家庭成员1关系",
    ]
    more = ["独居", "一级", "只接受远程", "王丽", "女儿", "王丽", "女儿"]
    batch = take(
        check(tree.street, [head, [*line(1, 社区="石桥社区", 住址="新路8号", 紧急联系人姓名="王丽"), *more]])
    )
    assert batch.counts["updated"] == 1
    moved, stayed = elders()
    assert (moved.area.name, moved.household.address) == ("石桥社区", "新路8号")
    assert (stayed.area.name, stayed.household.address) == ("柳荫社区", "示例路1号")
    assert [one.category for one in moved.categories] == [Category.LIVING_ALONE]
    assert [one.state for one in moved.consents] == ["remote_only"]
    assert moved.first_contact is not None
    assert moved.first_contact.name == "王丽"
    assert [one.name for one in moved.emergency_contacts] == ["王丽"]
    assert [one.name for one in moved.household.members] == ["王丽"]
    again = check(
        tree.street, [head, [*line(1, 社区="石桥社区", 住址="新路8号", 紧急联系人姓名="王丽"), *more]]
    )
    assert again.counts["same"] == 1


def test_a_question_is_answered_by_a_person(tree: Any, check: Any, take: Any) -> None:
    for order, name in ((1, "陈秀英"), (2, "李国华"), (3, "王桂兰")):
        home = factories.make_household(tree.community, address=f"示例路{order}号")
        factories.make_elder(tree.community, home, name=name, birth_date=BORN)
    db.session.commit()
    head = [*HEAD, "出生日期", "性别"]
    new = {"身份证号": ""}
    batch = check(
        tree.street,
        [
            head,
            [*line(1, **new, 姓名="陈秀英", 住址="示例路1号后门"), BORN, "女"],
            [*line(2, **new, 姓名="李国华", 住址="别处5号"), BORN, "女"],
            [*line(3, **new, 姓名="王桂兰", 住址="别处6号"), BORN, "女"],
        ],
    )
    first, second, third = rows_of(batch)
    assert {row.outcome for row in (first, second, third)} == {RowOutcome.ASK}
    target = first.details["candidates"][0]["id"]
    batches.decide(ELDERS, SYSTEM, batch, first.id, f"update-{target}")
    batches.decide(ELDERS, SYSTEM, batch, second.id, "create")
    with pytest.raises(InvalidInput):
        batches.decide(ELDERS, SYSTEM, batch, third.id, "update-999999")
    db.session.commit()
    assert (batches.usable(batch.id), batches.undecided(batch.id)) == (2, 1)
    with pytest.raises(InvalidInput, match="1"):
        batches.take_over(ELDERS, SYSTEM, batch, partly=False)
    batch = take(batch)
    assert (batch.counts["created"], batch.counts["updated"]) == (1, 1)
    assert db.session.get_one(Elder, target).household.address == "示例路1号后门"
    assert [reason_of(ELDERS, row) for row in left_rows(batch.id)] == [
        "和已有的人很像，没有决定是不是同一位。"
    ]
    with pytest.raises(Conflict):
        batches.decide(ELDERS, SYSTEM, batch, third.id, "create")


def test_the_number_of_somebody_with_another_name_is_a_question_without_new(
    tree: Any, check: Any, take: Any
) -> None:
    take(check(tree.street, [HEAD, line(1)]))
    batch = check(tree.street, [HEAD, line(1, 姓名="欧阳国华")])
    (row,) = rows_of(batch)
    assert row.outcome is RowOutcome.ASK
    with pytest.raises(InvalidInput):
        batches.decide(ELDERS, SYSTEM, batch, row.id, "create")
    assert batches.decide(ELDERS, SYSTEM, batch, row.id, "skip").decision is RowDecision.SKIP


def test_somebody_elsewhere_is_not_named(tree: Any, check: Any) -> None:
    factories.make_elder(tree.outside, name="欧阳国华", id_number=resident_id(BORN, 1))
    db.session.commit()
    (row,) = rows_of(check(tree.street, [HEAD, line(1)]))
    assert codes(row) == {"registered_elsewhere"}
    assert "欧阳" not in str(row.problems)
    assert "江湾" not in str(row.problems)


def test_what_changed_since_the_check_is_left_out(tree: Any, check: Any, take: Any) -> None:
    take(check(tree.street, [HEAD, line(1)]))
    batch = check(tree.street, [HEAD, line(1, 电话="13999990000"), line(2), line(3)])
    factories.make_elder(tree.community, name="陈秀二", id_number=resident_id(BORN, 2))
    held = db.session.scalars(select(Elder).where(Elder.name == "陈秀一")).one()
    services.edit_elder(SYSTEM, held, version=held.version, person={"cautions": "有狗"})
    db.session.commit()
    batch = take(batch)
    assert (batch.counts["created"], batch.counts["updated"], batch.counts["left_out"]) == (1, 0, 2)
    assert [codes(row) for row in rows_of(batch)] == [{"changed_since"}, {"opened_since"}, set()]
    assert [row.applied for row in rows_of(batch)] == [False, False, True]
