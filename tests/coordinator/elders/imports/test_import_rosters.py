"""Rosters: a manager's list of the own people, and nothing of anybody else's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.accounts.models import Organisation, OrganisationKind, User
from coordinator.elders.models import ImportBatch, RowOutcome
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.errors import NotAllowed
from coordinator.workforce.imports import jobs
from coordinator.workforce.imports.roster import ROSTER
from coordinator.workforce.models import Worker, WorkerKind, WorkerStatus
from tests import factories
from tests.coordinator.elders.imports.lists import codes, resident_id, rows_of

HEAD = ["姓名", "身份证号", "电话"]
BORN = date(1990, 5, 1)
REFUSED = "这一行不能由您单位登记。"


@dataclass
class Two:
    """Two property companies of one street; the tests act as the manager of the first."""

    tree: factories.AreaTree
    own: Organisation
    other: Organisation
    user: User
    actor: Actor


@pytest.fixture
def two(committed_db: Any) -> Two:
    tree = factories.make_area_tree()
    own, other = (
        factories.make_organisation(tree.street, kind=OrganisationKind.PROPERTY_COMPANY, name=name)
        for name in ("安居物业", "邻里物业")
    )
    user = factories.make_user(Role.ORGANISATION_MANAGER, organisation=own)
    db.session.commit()
    grant = Grant(Role.ORGANISATION_MANAGER, organisation_id=own.id)
    return Two(tree, own, other, user, Actor(user.id, user.name, (grant,)))


def line(order: int = 1, **over: Any) -> list[Any]:
    cells = {
        "姓名": f"周敏{factories.hanzi(order)}",
        "身份证号": resident_id(BORN, order),
        "电话": f"1381234000{order}",
    } | over
    return list(cells.values())


def person(two: Two, order: int, organisation: Organisation | None, **over: Any) -> Worker:
    values = {
        "name": f"周敏{factories.hanzi(order)}",
        "id_number": resident_id(BORN, order),
        "phone": f"1381234000{order}",
        "organisation": organisation,
        "kind": WorkerKind.PROPERTY_STAFF,
    } | over
    found = factories.make_worker(two.tree.community, **values)
    db.session.commit()
    return found


@pytest.fixture
def bring(two: Two, check: Any, take: Any) -> Any:
    """Check a list as the manager, and take over what can be."""

    def run(rows: list[list[Any]], head: list[str] = HEAD, apply: bool = True) -> ImportBatch:
        batch = check(
            two.tree.street, [head, *rows], importer=ROSTER, actor=two.actor, organisation_id=two.own.id
        )
        return take(batch, importer=ROSTER, actor=two.actor) if apply else batch

    return run


def test_a_roster_enters_people_who_still_wait_for_a_coordinator(two: Two, bring: Any) -> None:
    batch = bring([line(1), line(2, 姓名="陈䶮")])
    found = list(db.session.scalars(select(Worker).order_by(Worker.id)))
    assert [one.name for one in found] == ["周敏一", "陈䶮"]
    assert {(one.organisation_id, one.kind, one.status) for one in found} == {
        (two.own.id, WorkerKind.PROPERTY_STAFF, WorkerStatus.APPLIED)
    }
    assert batch.counts["created"] == 2


def test_another_companys_people_are_refused_in_words_that_tell_nothing(two: Two, bring: Any) -> None:
    person(two, 1, two.other)
    person(two, 2, two.other, id_number=None)
    person(two, 3, None)  # approved, came by themselves
    person(two, 4, None, status=WorkerStatus.LEFT, approved_at=None)
    elsewhere = factories.make_worker(two.tree.outside, id_number=resident_id(BORN, 5), name="周敏五")
    db.session.commit()
    batch = bring([line(order) for order in range(1, 7)])
    rows = rows_of(batch)
    assert [row.number for row in rows] == [2, 3, 4, 5, 6, 7]
    assert [row.outcome for row in rows] == [RowOutcome.REFUSE] * 5 + [RowOutcome.CREATE]
    told = {(one["text"], one["remedy"], one["code"]) for row in rows[:5] for one in row.problems}
    assert {text for text, _remedy, _code in told} == {REFUSED}
    assert len(told) == 1, "one sentence for everybody, whatever the reason"
    assert elsewhere.organisation_id is None


def test_a_row_that_names_another_company_is_refused(two: Two, bring: Any) -> None:
    head = [*HEAD, "单位"]
    rows = rows_of(
        bring([[*line(1), "邻里物业"], [*line(2), "安居物业"], [*line(3), "没听过的物业"]], head, apply=False)
    )
    assert [codes(row) for row in rows] == [{"not_yours"}, set(), {"not_yours"}]


def test_kinds_of_people_an_organisation_does_not_have_are_refused(two: Two, bring: Any) -> None:
    (row,) = rows_of(bring([[*line(1), "家庭医生"]], [*HEAD, "类别"], apply=False))
    assert codes(row) == {"kind_of_others"}


def test_who_applied_alone_is_joined_not_doubled(two: Two, bring: Any) -> None:
    alone = person(two, 1, None, status=WorkerStatus.APPLIED, approved_at=None, start_address="江边路1号")
    batch = bring([[*line(1), "别的地址9号"]], [*HEAD, "出发地址"])
    (row,) = rows_of(batch)
    assert [one["key"] for one in row.details["changes"]] == ["organisation"]
    (found,) = db.session.scalars(select(Worker).execution_options(populate_existing=True))
    assert (found.id, found.organisation_id, found.start_address) == (alone.id, two.own.id, "江边路1号")


def test_what_a_coordinator_has_looked_at_stays(two: Two, bring: Any) -> None:
    mine = person(two, 1, two.own)
    batch = bring([line(1, 电话="13999999999")], apply=False)
    assert [row.outcome for row in rows_of(batch)] == [RowOutcome.SAME]
    db.session.refresh(mine)
    assert mine.phone == "13812340001"


def test_who_still_waits_may_be_corrected(two: Two, bring: Any) -> None:
    bring([line(1)])
    bring([line(1, 电话="13999999999")])
    (found,) = db.session.scalars(select(Worker).execution_options(populate_existing=True))
    assert found.phone == "13999999999"


def test_who_has_left_is_not_brought_back_by_a_list(two: Two, bring: Any) -> None:
    person(two, 1, two.own, status=WorkerStatus.LEFT)
    (row,) = rows_of(bring([line(1)], apply=False))
    assert codes(row) == {"has_left"}


def test_a_person_entered_elsewhere_since_the_check_is_left_out(two: Two, bring: Any, take: Any) -> None:
    batch = bring([line(1)], apply=False)
    person(two, 1, two.other)
    (row,) = rows_of(take(batch, importer=ROSTER, actor=two.actor))
    assert [one["text"] for one in row.problems] == [REFUSED]


def test_rights_that_ended_meanwhile_stop_the_list(two: Two, bring: Any) -> None:
    batch = bring([line(1)], apply=False)
    ROSTER.require(two.actor, two.tree.street, two.own.id)
    for organisation, area in ((two.other, two.tree.street), (two.own, two.tree.other_street)):
        with pytest.raises(NotAllowed):
            ROSTER.require(two.actor, area, organisation.id)
    db.session.delete(two.user.roles[0])
    batch.state = "applying"
    db.session.commit()
    jobs.apply_roster(batch.id, two.user.id)
    assert db.session.scalar(select(Worker.id)) is None


def test_names_long_short_and_rare(two: Two, bring: Any) -> None:
    names = ["李", "欧阳娜娜诸葛司马上官", "㛃𫖯", "阿卜杜热西提·买买提", "小😀"]
    rows = rows_of(bring([line(order, 姓名=name) for order, name in enumerate(names, 1)], apply=False))
    assert [codes(row) for row in rows][:4] == [set()] * 4
    assert codes(rows[4]) == {"name_symbol"}
    assert [row.number for row in rows] == [2, 3, 4, 5, 6]
