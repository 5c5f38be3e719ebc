"""Lists of elders from the file to the register."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from coordinator.elders import services
from coordinator.elders.imports import applying, batches, checking, jobs, sheets
from coordinator.elders.imports.elder_fields import contacts_of
from coordinator.elders.imports.elder_update import ElderApplier
from coordinator.elders.imports.elders import ELDERS
from coordinator.elders.imports.listing import left_rows, reason_of
from coordinator.elders.imports.reading import open_table
from coordinator.elders.models import (
    Category,
    Consent,
    Elder,
    ElderCategory,
    EmergencyContact,
    FirstVisitingContact,
    Household,
    HouseholdMember,
    ImportFile,
    ImportRow,
    ImportState,
    RowDecision,
    RowOutcome,
)
from coordinator.extensions import db
from coordinator.kernel import clock, geo
from coordinator.kernel.access import SYSTEM, Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput
from tests import factories
from tests.coordinator.elders.imports.lists import codes, resident_id, rows_of, xlsx

BORN = date(1944, 3, 2)
HEAD = ["社区", "姓名", "身份证号", "电话", "住址", "紧急联系人姓名", "紧急联系人关系", "紧急联系人电话"]


def line(order: int = 1, **over: Any) -> list[Any]:
    cells: dict[str, Any] = {
        "社区": "柳荫社区",
        "姓名": f"陈秀{factories.hanzi(order)}",
        "身份证号": resident_id(BORN, order),
        "电话": 13812340000.0 + order,
        "住址": f"示例路{order}号",
        "紧急联系人姓名": "李小明",
        "紧急联系人关系": "儿子",
        "紧急联系人电话": "13800000001",
    } | over
    return list(cells.values())


@pytest.fixture
def tree(committed_db: Any) -> factories.AreaTree:
    found = factories.make_area_tree()
    db.session.commit()
    return found


def elders() -> list[Elder]:
    return list(db.session.scalars(select(Elder).order_by(Elder.id)))


def test_a_clean_list_opens_complete_dossiers(tree: Any, check: Any, take: Any) -> None:
    head = [
        *HEAD,
        "对象类型",
        "残疾等级",
        "残疾证号",
        "残疾证有效期至",
        "是否接受探访",
        "是否同意上门",
        "家庭成员1姓名",
    ]
    head += ["家庭成员1关系", "家庭成员1是否同住", "方便的时间", "纬度", "经度"]
    more = [
        "独居、重残",
        "二级",
        "51050219440302001142",
        "长期",
        "接受",
        "同意",
        "李小明",
        "长子",
        "是",
        "9:00-11:30",
    ]
    batch = check(
        tree.street, [head, [*line(1), *more, 28.881, 105.441], [*line(2, 住址="示例路 1 号"), *more, "", ""]]
    )
    assert batch.state is ImportState.CHECKED
    assert batch.counts == {"create": 2, "update": 0, "same": 0, "ask": 0, "refuse": 0}
    assert db.session.scalar(select(func.count()).select_from(ImportFile)) == 0
    assert elders() == []

    batch = take(batch)
    assert (batch.state, batch.counts["created"]) == (ImportState.APPLIED, 2)
    first, second = elders()
    assert first.household_id == second.household_id, "one address, one home"
    assert (first.household.latitude, first.household.coordinate_source) == (28.881, "imported")
    assert {one.category for one in first.categories} == {Category.LIVING_ALONE}
    assert [(one.grade, one.valid_to) for one in first.certificates] == [(2, None)]
    assert {one.kind: one.state for one in first.consents} == {"service": "accepted", "home": "granted"}
    assert [(one.name, one.phone) for one in first.emergency_contacts] == [("李小明", "13800000001")]
    assert first.first_contact is not None
    assert (first.first_contact.name, first.first_contact.phone) == ("李小明", "13800000001")
    assert f"{first.visit_from:%H:%M}" == "09:00"
    assert first.phone == "13812340001"
    assert [one.name for one in first.household.members] == ["李小明"]
    lines = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert lines.count("elder.create") == 2
    assert lines.count("import.apply") == 1


def test_the_bulk_path_writes_what_the_service_writes(tree: Any, check: Any, take: Any) -> None:
    head = [
        *HEAD,
        "对象类型",
        "类型依据",
        "残疾等级",
        "家庭成员1姓名",
        "家庭成员1关系",
        "能力程度",
        "健康状况",
    ]
    more = ["空巢", "入户核实", "三级", "李小明", "长子", "轻度失能", "欠佳"]
    take(check(tree.community, [head, [*line(1), *more]]))
    (bulk,) = elders()
    values = {
        "contact1_name": "李小明",
        "contact1_relation": "儿子",
        "contact1_phone": "13800000001",
    }
    service = services.create_elder(
        SYSTEM,
        tree.community,
        {
            "name": "陈秀二",
            "id_number": resident_id(BORN, 2),
            "phone": "13812340001",
            "ability_level": 1,
            "health": "poor",
            "source": "import",
        },
        {"address": "示例路2号"},
        contacts=contacts_of(values),
        categories={Category.EMPTY_NEST: "入户核实"},
        certificate=services.Certificate(grade=3),
        members=[{"name": "李小明", "relation": "长子"}],
    )
    db.session.commit()
    own = {
        "id",
        "elder_id",
        "household_id",
        "name",
        "address",
        "id_number",
        "id_number_hash",
        "created_at",
        "updated_at",
    }
    own |= {"at", "object_id", "summary", "changes", "sex", "version"}

    def rows(model: Any, condition: Any) -> list[dict[str, Any]]:
        found = db.session.scalars(select(model).where(condition).order_by(model.id)).all()
        keys = [attribute.key for attribute in model.__mapper__.column_attrs if attribute.key not in own]
        return [{key: getattr(one, key) for key in keys} for one in found]

    for model in (ElderCategory, EmergencyContact, FirstVisitingContact, Consent):
        assert rows(model, model.elder_id == bulk.id) == rows(model, model.elder_id == service.id)
    assert rows(Elder, Elder.id == bulk.id) == rows(Elder, Elder.id == service.id)
    for model, key in ((Household, Household.id), (HouseholdMember, HouseholdMember.household_id)):
        assert rows(model, key == bulk.household_id) == rows(model, key == service.household_id)
    made = AuditEntry.action == "elder.create"
    assert rows(AuditEntry, made & (AuditEntry.object_id == bulk.id)) == rows(
        AuditEntry, made & (AuditEntry.object_id == service.id)
    )


GOOD = resident_id(BORN, 9)
BAD = {
    "id_check_digit": {"身份证号": GOOD[:17] + ("1" if GOOD[17] != "1" else "2")},
    "id_damaged": {"身份证号": 510502194403020000.0},
    "required": {"姓名": ""},
    "phone_length": {"电话": "1381234"},
    "community_unknown": {"社区": "没有的社区"},
    "community_outside": {"社区": "江湾社区"},
    "too_long": {"住址": "路" * 300},
}


@pytest.mark.parametrize("code", BAD)
def test_a_bad_cell_refuses_its_row_and_says_where(tree: Any, check: Any, code: str) -> None:
    batch = check(tree.street, [HEAD, line(1, **BAD[code]), line(2)])
    bad, good = rows_of(batch)
    assert (bad.outcome, good.outcome) == (RowOutcome.REFUSE, RowOutcome.CREATE)
    assert code in codes(bad)
    assert {one["column"] for one in bad.problems} != {None}
    assert all(one["text"] for one in bad.problems)


def test_cells_that_contradict_each_other(tree: Any, check: Any) -> None:
    head = [*HEAD, "出生日期", "性别", "对象类型", "能力程度", "是否接受探访"]
    batch = check(
        tree.street,
        [
            head,
            [*line(1), date(1944, 3, 3), "", "", "", ""],
            [*line(2), "", "男", "", "", ""],
            [*line(3), "", "", "失能", "", ""],
            [*line(4), "", "", "重残", "", ""],
            [*line(5), "", "", "", "", "不愿意"],
            [*line(6, 身份证号=resident_id(date(1990, 1, 1), 6)), "", "", "", "", ""],
            [*line(7, 紧急联系人关系=""), "", "", "", "", ""],
            [*line(8, 身份证号=""), "", "", "", "", ""],
        ],
    )
    assert [codes(row) for row in rows_of(batch)] == [
        {"birth_date_differs"},
        {"sex_differs"},
        {"level_missing"},
        {"grade_missing"},
        {"refusal_needs_a_note"},
        {"too_young"},
        {"required"},
        {"required"},
    ]


def test_places_swapped_far_away_and_in_another_datum(tree: Any, check: Any, take: Any) -> None:
    head = [*HEAD, "纬度", "经度"]
    shifted = geo.from_wgs84(28.881, 105.441, geo.Datum.GCJ02)
    batch = check(
        tree.street,
        [
            head,
            [*line(1), 105.441, 28.881],
            [*line(2), 39.9, 116.4],
            [*line(3), "28.9", ""],
            [*line(4), "路口", "105.4"],
            [*line(5), *shifted],
        ],
        datum=geo.Datum.GCJ02,
    )
    found = [codes(row) for row in rows_of(batch)]
    assert found == [{"place_swapped"}, {"place_outside_area"}, {"place_half"}, {"place_not_a_number"}, set()]
    take(batch)
    home = elders()[0].household
    assert (home.latitude, home.longitude) == pytest.approx((28.881, 105.441), abs=1e-6)


def test_doubles_within_the_file(tree: Any, check: Any) -> None:
    head = [*HEAD, "出生日期", "性别"]
    plain = {"身份证号": "", "紧急联系人姓名": "", "紧急联系人关系": "", "紧急联系人电话": ""}
    tree.street.emergency_phone = "0830-3000000"
    db.session.commit()
    batch = check(
        tree.street,
        [
            head,
            [*line(1), "", ""],
            [*line(1), "", ""],
            [*line(2), "", ""],
            [*line(2, 姓名="李国华"), "", ""],
            [*line(3, **plain), BORN, "女"],
            [*line(3, **plain, 住址="示例路３号"), BORN, "女"],
            [*line(3, **plain, 住址="别处9号"), BORN, "女"],
        ],
    )
    rows = rows_of(batch)
    assert [row.outcome.value for row in rows] == [
        "create",
        "refuse",
        "refuse",
        "refuse",
        "create",
        "refuse",
        "ask",
    ]
    assert codes(rows[1]) == {"double_id"}
    assert codes(rows[2]) == codes(rows[3]) == {"shared_id"}, "nobody knows which of the two names is wrong"
    assert codes(rows[5]) == {"double_person"}
    assert rows[6].details["candidates"] == [{"row": 6}]


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


def test_a_job_that_runs_twice_changes_nothing_more(tree: Any, check: Any, take: Any) -> None:
    batch = take(check(tree.street, [HEAD, line(1), line(2)]))
    counts = dict(batch.counts)
    applying.take(ELDERS, batch.id, None)
    checking.check(ELDERS, batch.id)
    assert len(elders()) == 2
    assert db.session.get_one(type(batch), batch.id).counts == counts


def test_a_check_that_was_cut_starts_over(tree: Any, check: Any) -> None:
    batch = batches.upload(
        ELDERS, SYSTEM, tree.street, "a.xlsx", xlsx([HEAD, line(1), line(2)]), geo.Datum.WGS84
    )
    batch.state = ImportState.CHECKING
    db.session.add(ImportRow(batch_id=batch.id, number=2, outcome=RowOutcome.CREATE, cells=["half"]))
    batch.rows_total, batch.rows_done = 2, 1
    db.session.commit()
    checking.check(ELDERS, batch.id)
    batch = db.session.get_one(type(batch), batch.id)
    assert (batch.state, batch.rows_done, batch.counts["create"]) == (ImportState.CHECKED, 2, 2)


def test_an_application_that_was_cut_leaves_nothing_and_runs_again(
    tree: Any, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = check(tree.street, [HEAD, *[line(order) for order in range(1, 700)]])
    batches.take_over(ELDERS, SYSTEM, batch, partly=True)
    db.session.commit()
    create, calls = ElderApplier.create, []

    def cut(self: ElderApplier, rows: Any) -> Any:
        calls.append(len(rows))
        if len(calls) == 2:
            raise SystemExit("killed")
        return create(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(ElderApplier, "create", cut)
        with pytest.raises(SystemExit):
            applying.take(ELDERS, batch.id, None)
    db.session.rollback()
    assert calls == [250, 250]
    assert elders() == []
    shown = db.session.get_one(type(batch), batch.id)
    assert (shown.state, shown.rows_done) == (ImportState.APPLYING, 250)
    applying.take(ELDERS, batch.id, None)
    assert len(elders()) == 699


def test_an_error_gives_the_list_back(tree: Any, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = check(tree.street, [HEAD, line(1)])
    batches.take_over(ELDERS, SYSTEM, batch, partly=True)
    db.session.commit()

    def broken(self: ElderApplier, rows: Any) -> Any:
        raise RuntimeError("out of order")

    with monkeypatch.context() as patch:
        patch.setattr(ElderApplier, "create", broken)
        applying.take(ELDERS, batch.id, None)
    batch = db.session.get_one(type(batch), batch.id)
    assert batch.state is ImportState.CHECKED
    assert "什么都没有改" in (batch.error or "")
    batches.take_over(ELDERS, SYSTEM, batch, partly=True)
    db.session.commit()
    applying.take(ELDERS, batch.id, None)
    assert len(elders()) == 1


def test_pressing_the_button_twice_is_told(tree: Any, check: Any) -> None:
    batch = check(tree.street, [HEAD, line(1)])
    batches.take_over(ELDERS, SYSTEM, batch, partly=False)
    db.session.commit()
    with pytest.raises(Conflict):
        batches.take_over(ELDERS, SYSTEM, batch, partly=False)


def test_a_person_without_the_right_any_more_changes_nothing(tree: Any, check: Any) -> None:
    user = factories.make_user(Role.COUNTY_SUPERVISOR, tree.county)
    batch = check(tree.street, [HEAD, line(1)])
    batches.take_over(ELDERS, SYSTEM, batch, partly=False)
    db.session.commit()
    applying.take(ELDERS, batch.id, user.id)
    assert elders() == []
    assert db.session.get_one(type(batch), batch.id).state is ImportState.CHECKED


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["姓名", "电话"], ["陈", "1"]], ["住址", "社区", "身份证号"]),
        ([["甲", "乙"], ["1", "2"]], ["没有找到表头"]),
    ],
)
def test_a_file_that_lacks_columns_says_which(tree: Any, check: Any, rows: Any, words: list[str]) -> None:
    batch = check(tree.street, rows)
    assert batch.state is ImportState.FAILED
    assert all(word in (batch.error or "") for word in words)
    assert rows_of(batch) == []
    assert db.session.scalar(select(func.count()).select_from(ImportFile)) == 0


def test_unknown_columns_are_named_and_the_committee_is_the_last_contact(
    tree: Any, check: Any, take: Any
) -> None:
    head = ["社区", "姓名", "身份证号", "电话", "住址", "鞋码"]
    short = line(1)[:5]
    batch = check(tree.street, [head, [*short, "42"]])
    assert {"code": "unknown", "names": "鞋码"} in batch.notices
    assert codes(rows_of(batch)[0]) == {"contact_missing"}
    tree.street.emergency_phone = "0830-3000000"
    db.session.commit()
    take(check(tree.street, [head, [*short, "42"]]))
    assert [one.relation for one in elders()[0].emergency_contacts] == [services.COMMITTEE]


def test_refused_rows_come_back_as_a_sheet_that_can_be_corrected(tree: Any, check: Any) -> None:
    evil = '=HYPERLINK("http://example.invalid")'
    batch = check(
        tree.street,
        [
            [*HEAD, "注意事项", "鞋码"],
            [*line(1, 姓名=""), evil, "@SUM(1)"],
            [*line(2, 身份证号=510502194403020000.0), "+1", "-2"],
            [*line(3), "", ""],
        ],
    )
    sheet = sheets.refused_rows(ELDERS, batch, ((row, reason_of(ELDERS, row)) for row in left_rows(batch.id)))
    import python_calamine

    page = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(sheet.content)).get_sheet_by_index(0)
    head, first, second = page.to_python()
    assert head == ["原因", *HEAD, "注意事项", "鞋码"]
    assert "姓名" in first[0]
    for cell in (*first, *second):
        assert not str(cell).startswith(("=", "@"))
    assert first[9] == "'" + evil
    assert second[3] == "510502194403020???", "a number cell comes back as text that says what is lost"

    with open_table(sheet.content, {"姓名", "住址", "原因", "社区"}) as table:
        again = [cells for _number, cells in table.rows]
    again[0][2], again[1][3] = "陈秀一", resident_id(BORN, 2)
    corrected = check(tree.street, [head, *again])
    assert corrected.counts["create"] == 2
    assert all("原因" not in one.get("names", "") for one in corrected.notices)
    assert rows_of(corrected)[0].values["cautions"] == evil, "what was neutralised is itself again"


def test_the_rows_go_when_their_time_is_over(tree: Any, check: Any, take: Any) -> None:
    done, waiting = take(check(tree.street, [HEAD, line(1)])), check(tree.street, [HEAD, line(2)])
    jobs.purge(done.id)
    assert len(rows_of(done)) == 1
    long_ago = clock.now() - batches.KEEP_ROWS - timedelta(days=1)
    db.session.execute(update(type(done)).where(type(done).id == done.id).values(applied_at=long_ago))
    db.session.commit()
    jobs.purge(done.id)
    jobs.purge(waiting.id)
    assert rows_of(done) == rows_of(waiting) == []
    assert db.session.get_one(type(done), done.id).counts["created"] == 1
    assert db.session.get_one(type(done), waiting.id).state is ImportState.DISCARDED


def test_the_same_file_is_recognised(tree: Any, check: Any) -> None:
    content = xlsx([HEAD, line(1)])
    check(tree.street, content)
    assert "same_file" in {one["code"] for one in check(tree.street, content).notices}
