"""An elders' list is checked line by line: what is written, what is refused and why, what comes back."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.elders import services
from coordinator.elders.imports import sheets
from coordinator.elders.imports.elder_fields import contacts_of
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
    ImportState,
    RowOutcome,
)
from coordinator.extensions import db
from coordinator.kernel import geo
from coordinator.kernel.access import SYSTEM
from coordinator.kernel.audit import AuditEntry
from tests.coordinator.elders.imports.elder_lines import BORN, HEAD, elders, line
from tests.coordinator.elders.imports.lists import codes, resident_id, rows_of


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
