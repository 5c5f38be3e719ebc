"""Other offices' data: kept beside the register, compared field by field, taken over only by a person."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from coordinator.elders.imports import applying, batches, checking
from coordinator.elders.models import (
    Category,
    DisabilityCertificate,
    EconomicStatus,
    Elder,
    ElderCategory,
    ImportBatch,
    ImportState,
)
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.kernel.geo import Datum
from coordinator.register.imports.importers import IMPORTERS
from coordinator.register.models import ExternalRecord, MatchState, Source, SourceDecision
from coordinator.register.queries.sources import read_report, record_in_scope, row_of
from coordinator.register.services.reconciling import (
    accept,
    accept_many,
    keep,
    keep_absent,
    newest_list_only,
    settle_match,
)
from tests import factories
from tests.coordinator.elders.imports.lists import codes, resident_id, rows_of, xlsx
from tests.statements import statements

BORN = date(1944, 3, 2)
NUMBER = resident_id(BORN)
DISABLED = ["姓名", "身份证号", "住址", "社区", "残疾等级", "残疾类别", "残疾证有效期至", "数据日期"]


@pytest.fixture(autouse=True)
def _committed(committed_db):
    """Imports commit, so each test has a database of its own."""


@pytest.fixture
def tree(committed_db):
    made = factories.make_area_tree(emergency_phone="0830-3123456")
    db.session.commit()
    return made


@pytest.fixture
def here(tree):
    actor = factories.make_actor(Role.STREET_COORDINATOR, tree.street)
    db.session.commit()
    return actor


def elder_of(tree, **over):
    made = factories.make_elder(tree.community, **({"name": "王素珍", "birth_date": BORN} | over))
    db.session.commit()
    return made


def check(source, area, rows, actor):
    importer = IMPORTERS[source]
    batch = batches.upload(importer, actor, area, "名单.xlsx", xlsx(rows), Datum.WGS84)
    db.session.commit()
    checking.check(importer, batch.id)
    return db.session.get_one(ImportBatch, batch.id)


def take(source, batch, actor):
    batches.take_over(IMPORTERS[source], actor, batch, partly=True)
    db.session.commit()
    applying.take(IMPORTERS[source], batch.id, actor.user_id)
    return db.session.get_one(ImportBatch, batch.id)


def load(source, area, rows, actor):
    batch = check(source, area, rows, actor)
    assert batch.state is ImportState.CHECKED, batch.error
    return take(source, batch, actor)


def person(name="王素珍", number=NUMBER, address="", grade="二级", kind="肢体", until="2030-12-31"):
    return [name, number, address, "", grade, kind, until, "2026-03-01"]


def report(actor, source=Source.DISABLED):
    db.session.expire_all()
    return read_report(actor, source)


def only(actor, source=Source.DISABLED):
    (row,) = report(actor, source).rows
    return row


# --- the list ----------------------------------------------------------------------------------------------


def test_an_import_changes_no_dossier_and_keeps_where_it_comes_from(tree, here):
    elder = elder_of(tree, id_number=NUMBER)
    version = elder.version
    batch = load(Source.DISABLED, tree.street, [DISABLED, person()], here)
    db.session.expire_all()
    assert elder.version == version
    assert elder.certificates == []
    record = db.session.scalars(select(ExternalRecord)).one()
    assert (record.batch_id, record.row_number, record.data_on) == (batch.id, 2, date(2026, 3, 1))
    assert (record.source, record.match, record.elder_id) == (Source.DISABLED, MatchState.MATCHED, elder.id)
    raw = db.session.connection().exec_driver_sql("SELECT values FROM external_records").scalar_one()
    assert NUMBER.encode() not in bytes(raw)


def test_the_number_of_the_certificate_says_who_it_is(tree, here):
    elder = elder_of(tree, id_number=NUMBER)
    rows = [["姓名", "残疾证号", "残疾等级"], ["王素珍", NUMBER + "42", "二级"]]
    load(Source.DISABLED, tree.street, rows, here)
    assert only(here).elder.id == elder.id


def test_rows_that_cannot_be_taken_say_why(tree, here):
    young = resident_id(date(1980, 5, 6))
    rows = [
        DISABLED,
        person(),
        person(),
        person("何样本", young),
        person("何样本", ""),
        person("", resident_id(date(1940, 1, 1))),
        person("何样本", "510502194403020123"),
        person("何样本", resident_id(date(1941, 1, 1)), grade="五级"),
        ["何样本", resident_id(date(1942, 1, 1)), "", "不存在社区", "二级", "", "", ""],
        ["何样本", resident_id(date(1943, 1, 1)), "", "", "二级", "", "", "2099-01-01"],
    ]
    batch = check(Source.DISABLED, tree.street, rows, here)
    found = [codes(row) for row in rows_of(batch)]
    assert found[0] == set()
    assert found[1] == {"double_person"}
    assert found[2] == {"too_young"}
    assert found[3] == {"nobody"}
    assert "required" in found[4]
    assert found[5] != set()
    assert found[6] != set()
    assert found[7] == {"community_unknown"}
    assert found[8] != set()
    assert batch.counts["create"] == 1
    assert batch.counts["refuse"] == 8


def test_a_file_with_other_columns_is_refused_by_name(tree, here):
    rows = [["姓名", "身份证号", "评估日期"], ["王素珍", NUMBER, "2026-01-01"]]
    batch = check(Source.DISABLED, tree.street, rows, here)
    assert batch.state is ImportState.FAILED
    assert "残疾等级" in batch.error
    rows = [["姓名", "身份证号"], ["王素珍", NUMBER]]
    batch = check(Source.HEALTH, tree.street, rows, here)
    assert batch.state is ImportState.FAILED
    assert "计划生育特殊家庭" in batch.error


def test_each_source_gives_a_template_with_explanations(tree, here):
    from coordinator.elders.imports import sheets
    from coordinator.elders.imports.reading import open_table

    for importer in IMPORTERS.values():
        sheet = sheets.template(importer, ["柳荫社区"])
        assert len(sheet.content) > 5_000
        for column in importer.columns:
            assert str(column.about)
        with pytest.raises(Exception, match="no_rows"), open_table(sheet.content, ["姓名", "身份证号"]):
            pass


# --- whose row ---------------------------------------------------------------------------------------------


def test_without_a_number_name_and_birth_date_match_and_two_of_them_are_a_question(tree, here):
    heading = ["姓名", "出生日期", "住址", "残疾等级"]
    first = elder_of(tree)
    load(Source.DISABLED, tree.street, [heading, ["王素珍", "1944-03-02", "", "二级"]], here)
    assert only(here).elder.id == first.id
    second = elder_of(tree)
    load(Source.DISABLED, tree.street, [heading, ["王素珍", "1944-03-02", "", "一级"]], here)
    row = only(here)
    assert row.group == "ambiguous"
    assert {one.id for one in row.candidates} == {first.id, second.id}
    record = row.record
    stranger = elder_of(tree, name="何别人", birth_date=date(1950, 1, 1))
    with pytest.raises(InvalidInput):
        settle_match(here, record, stranger.id)
    settle_match(here, record, second.id)
    db.session.commit()
    assert only(here).elder.id == second.id
    with pytest.raises(Conflict):
        settle_match(here, record, first.id)


def test_name_and_address_match_and_a_similar_name_is_a_question(tree, here):
    home = factories.make_household(tree.community, address="滨江路8号2栋301室")
    elder = elder_of(tree, household=home)
    heading = ["姓名", "住址", "残疾等级"]
    rows = [
        heading,
        ["王素珍", "滨江路8号2幢301室", "二级"],
        ["何样本", "滨江路9号", "二级"],
    ]
    load(Source.DISABLED, tree.street, rows, here)
    found = {row.name: row for row in report(here).rows}
    assert found["王素珍"].elder.id == elder.id
    assert found["何样本"].group == "unknown"


def test_somebody_who_said_nobody_is_asked_no_more(tree, here):
    elder_of(tree)
    elder_of(tree)
    heading = ["姓名", "出生日期", "残疾等级"]
    load(Source.DISABLED, tree.street, [heading, ["王素珍", "1944-03-02", "二级"]], here)
    settle_match(here, only(here).record, None)
    db.session.commit()
    assert only(here).group == "unknown"


def test_registered_elsewhere_or_left_is_said_without_a_name(tree, here):
    factories.make_elder(tree.outside, name="王素珍", id_number=NUMBER, birth_date=BORN)
    db.session.commit()
    load(Source.DISABLED, tree.street, [DISABLED, person()], here)
    row = only(here)
    assert (row.group, row.elder, row.known_id) == ("unknown", None, None)
    assert "别的地方" in row.remark


def test_a_dossier_opened_later_is_found_by_its_number(tree, here):
    load(Source.DISABLED, tree.street, [DISABLED, person()], here)
    assert only(here).group == "unknown"
    elder = elder_of(tree, id_number=NUMBER)
    assert only(here).elder.id == elder.id


# --- agreeing, differing, deciding ---------------------------------------------------------------------


def test_taking_a_certificate_over_goes_through_the_dossier_with_its_source(tree, here):
    elder = elder_of(tree, id_number=NUMBER)
    load(Source.DISABLED, tree.street, [DISABLED, person()], here)
    row = only(here)
    assert [(one.field, one.register) for one in row.open] == [("certificate", "没有登记")]
    assert row.open[0].source == "二级，肢体，到 2030-12-31"
    assert accept(here, row.record, {"certificate"}) == ["残疾人证"]
    db.session.commit()
    held = db.session.scalars(select(DisabilityCertificate)).one()
    assert (held.elder_id, held.grade, held.valid_to) == (elder.id, 2, date(2030, 12, 31))
    assert held.source == "disabled_federation"
    lines = db.session.scalars(select(AuditEntry.summary).where(AuditEntry.action == "source.accept")).all()
    assert lines == ["采用残联数据 2026-03：残疾人证"]
    assert only(here).group == "agree"
    with pytest.raises(Conflict):
        accept(here, row_of(here, record_in_scope(here, row.record.id)).record, {"certificate"})


def test_what_was_kept_with_a_reason_is_asked_again_only_when_a_side_changes(tree, here):
    elder = elder_of(tree, id_number=NUMBER)
    db.session.add(DisabilityCertificate(elder_id=elder.id, grade=3, valid_to=date(2030, 12, 31)))
    db.session.commit()
    load(Source.DISABLED, tree.street, [DISABLED, person()], here)
    record = only(here).record
    with pytest.raises(InvalidInput):
        keep(here, record, {"certificate"}, " ")
    keep(here, record, {"certificate"}, "看过原件，是三级")
    db.session.commit()
    row = only(here)
    assert (row.group, row.open, len(row.kept)) == ("agree", [], 1)
    # The same list again asks nothing.
    load(Source.DISABLED, tree.street, [DISABLED, person()], here)
    assert only(here).group == "agree"
    # The office says something else.
    load(Source.DISABLED, tree.street, [DISABLED, person(grade="一级")], here)
    assert only(here).group == "differ"
    # The dossier changes.
    load(Source.DISABLED, tree.street, [DISABLED, person()], here)
    assert only(here).group == "agree"
    elder.certificates[0].grade = 4
    db.session.commit()
    assert only(here).group == "differ"


def test_an_accepted_value_that_the_dossier_loses_is_asked_again(tree, here):
    elder = elder_of(tree, id_number=NUMBER)
    heading = ["姓名", "身份证号", "经济情况"]
    load(Source.RELIEF, tree.street, [heading, ["王素珍", NUMBER, "低保"]], here)
    accept(here, only(here, Source.RELIEF).record)
    db.session.commit()
    assert elder.economic_status is EconomicStatus.LOW_INCOME
    elder.economic_status = EconomicStatus.NONE
    db.session.commit()
    assert only(here, Source.RELIEF).group == "differ"


def test_ability_comes_with_its_day_and_an_older_assessment_says_nothing(tree, here):
    elder = elder_of(tree, id_number=NUMBER, ability_level=1, ability_assessed_on=date(2026, 3, 1))
    heading = ["姓名", "身份证号", "能力程度", "评估日期", "评估单位"]
    load(Source.ABILITY, tree.street, [heading, ["王素珍", NUMBER, "重度失能", "2025-06-01", "甲"]], here)
    assert only(here, Source.ABILITY).group == "agree"
    load(Source.ABILITY, tree.street, [heading, ["王素珍", NUMBER, "重度失能", "2026-03-10", "甲"]], here)
    row = only(here, Source.ABILITY)
    assert row.group == "differ"
    accept(here, row.record)
    db.session.commit()
    assert (elder.ability_level, elder.ability_assessed_on, elder.ability_assessor) == (
        3,
        date(2026, 3, 10),
        "甲",
    )


def test_a_category_is_recorded_with_the_source_as_evidence(tree, here):
    elder = elder_of(tree, id_number=NUMBER)
    db.session.add(ElderCategory(elder_id=elder.id, category=Category.LIVING_ALONE, since=date(2024, 1, 1)))
    db.session.commit()
    heading = ["姓名", "身份证号", "计划生育特殊家庭", "数据日期"]
    load(Source.HEALTH, tree.street, [heading, ["王素珍", NUMBER, "是", "2026-03-01"]], here)
    accept(here, only(here, Source.HEALTH).record)
    db.session.commit()
    db.session.expire_all()
    held = {one.category: one for one in elder.categories}
    assert set(held) == {Category.LIVING_ALONE, Category.SPECIAL_FAMILY}
    assert held[Category.SPECIAL_FAMILY].evidence == "卫健数据 2026-03"
    assert held[Category.SPECIAL_FAMILY].source == "health"


def test_all_chosen_rows_are_taken_and_what_cannot_be_is_said(tree, here):
    one = elder_of(tree, id_number=NUMBER)
    second = resident_id(date(1941, 1, 1))
    elder_of(tree, name="陈样本", id_number=second, birth_date=date(1941, 1, 1))
    load(Source.DISABLED, tree.street, [DISABLED, person(), person("陈样本", second)], here)
    records = [row.record for row in report(here).of("differ")]
    keep(here, records[0], {"certificate"}, "看过原件")
    db.session.commit()
    records = [record_in_scope(here, one.id) for one in records]
    changed, left = accept_many(here, records)
    db.session.commit()
    assert (changed, len(left)) == (1, 1)
    assert db.session.scalars(select(DisabilityCertificate)).one().elder_id != one.id or records


def test_what_the_dossier_claims_and_no_list_has_is_shown_once_there_is_a_list(tree, here):
    elder = elder_of(tree, id_number=NUMBER)
    db.session.add(DisabilityCertificate(elder_id=elder.id, grade=2))
    db.session.commit()
    assert report(here).rows == []
    other = resident_id(date(1941, 1, 1))
    load(Source.DISABLED, tree.street, [DISABLED, person("何样本", other)], here)
    (absent,) = report(here).of("absent")
    assert (absent.elder.id, absent.open[0].field) == (elder.id, "missing:certificate")
    keep_absent(here, Source.DISABLED, elder, "看过原件，残联漏报")
    db.session.commit()
    assert report(here).of("absent") == []
    with pytest.raises(Conflict):
        keep_absent(here, Source.DISABLED, elder, "再来一次")


def test_a_new_complete_list_retires_who_is_on_older_ones_only(tree, here):
    other = resident_id(date(1941, 1, 1))
    load(Source.DISABLED, tree.street, [DISABLED, person(), person("何样本", other)], here)
    load(Source.DISABLED, tree.street, [DISABLED, person()], here)
    assert len(report(here).rows) == 2
    assert newest_list_only(here, Source.DISABLED, tree.street.id) == 1
    db.session.commit()
    assert [row.name for row in report(here).rows] == ["王素珍"]


def test_another_streets_lists_are_nobodys_business(tree, here):
    there = factories.make_actor(Role.STREET_COORDINATOR, tree.other_street)
    db.session.commit()
    elder_of(tree, id_number=NUMBER)
    load(Source.DISABLED, tree.street, [DISABLED, person()], here)
    record = only(here).record
    assert report(there).rows == []
    with pytest.raises(NotFound):
        record_in_scope(there, record.id)
    with pytest.raises((NotAllowed, Conflict)):
        accept(there, record)
    assert db.session.scalars(select(SourceDecision)).all() == []
    with pytest.raises(NotAllowed):
        batches.upload(
            IMPORTERS[Source.DISABLED], there, tree.street, "x.xlsx", xlsx([DISABLED]), Datum.WGS84
        )


def test_the_report_asks_as_often_for_many_as_for_one(tree, here):
    def count(size):
        rows = [DISABLED]
        for n in range(size):
            number = resident_id(date(1941, 1, 1 + n % 28), 101 + 2 * n + 40 * size)
            elder_of(tree, name="陈样本", id_number=number, birth_date=date(1941, 1, 1 + n % 28), sex="male")
            rows.append(person("陈样本", number))
        load(Source.DISABLED, tree.street, rows, here)
        db.session.expire_all()
        with statements() as asked:
            report(here)
        return len(asked)

    assert count(2) == count(9)


def test_the_clock_of_these_tests_is_the_house_clock():
    from coordinator.kernel import clock

    assert clock.now() == datetime(2026, 3, 26, 1, 0, tzinfo=UTC)
    assert Elder.__tablename__ == "elders"
