"""The pages of the import, as a person uses them."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from coordinator.elders.imports import checking
from coordinator.elders.imports.columns import Layout
from coordinator.elders.imports.elder_columns import COLUMNS
from coordinator.elders.imports.elders import ELDERS
from coordinator.elders.imports.reading import normal_heading, open_table
from coordinator.elders.models import Elder, ImportBatch, ImportKind, ImportRow, ImportState
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.queue import OwedJob
from coordinator.workforce.imports.columns import COLUMNS as WORKER_COLUMNS
from tests import factories
from tests.coordinator.elders.imports.lists import resident_id, xlsx
from tests.statements import statements

if TYPE_CHECKING:
    from flask.testing import FlaskClient

HEAD = ["社区", "姓名", "身份证号", "住址", "紧急联系人姓名", "紧急联系人关系", "紧急联系人电话"]
BORN = date(1944, 3, 2)


def rows(*orders: int, community: str = "柳荫社区") -> list[list[Any]]:
    return [
        [
            *(community, f"陈秀{factories.hanzi(order)}", resident_id(BORN, order), f"路{order}号"),
            *("李明", "儿子", "13800000001"),
        ]
        for order in orders
    ]


@pytest.fixture
def tree(db_session: Any) -> factories.AreaTree:
    return factories.make_area_tree()


@pytest.fixture
def person(client: FlaskClient, tree: factories.AreaTree) -> Any:
    user = factories.make_user(Role.STREET_COORDINATOR, tree.street)
    factories.sign_in(client, user)
    return user


def send(client: FlaskClient, area_id: int, content: bytes, path: str = "/elders/import") -> Any:
    page = client.get(path).text
    token = page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
    data = {
        "csrf_token": token,
        "area_id": area_id,
        "datum": "wgs84",
        "file": (io.BytesIO(content), "名单.xlsx"),
    }
    return client.post(path, data=data, content_type="multipart/form-data")


def latest() -> ImportBatch:
    return db.session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc()).limit(1)).one()


def post(client: FlaskClient, path: str, **data: Any) -> Any:
    page = client.get("/elders/import").text
    token = page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
    return client.post(path, data={"csrf_token": token, **data})


def test_from_upload_to_result(client: FlaskClient, tree: Any, person: Any) -> None:
    bad = rows(3)[0]
    bad[2] = bad[2][:17] + ("1" if bad[2][17] != "1" else "2")
    answer = send(client, tree.street.id, xlsx([HEAD, *rows(1, 2), bad]))
    batch = latest()
    assert (answer.status_code, answer.location) == (303, f"/elders/import/{batch.id}")
    assert "正在排队" in client.get(answer.location).text
    bar = client.get(f"/elders/import/{batch.id}/progress", headers={"HX-Request": "true"}).text
    assert 'hx-trigger="every 1s"' in bar
    owed = db.session.scalars(select(OwedJob.name)).all()
    assert ELDERS.check_job in owed
    checking.check(ELDERS, batch.id)
    refresh = client.get(f"/elders/import/{batch.id}/progress", headers={"HX-Request": "true"})
    assert refresh.headers["HX-Refresh"] == "true"
    page = client.get(answer.location).text
    assert "最后一位和前面对不上" in page
    assert bad[2] not in page
    assert "只导入能用的 2 行" in page
    sheet = client.get(f"/elders/import/{batch.id}/refused.xlsx")
    with open_table(sheet.data, {"姓名", "住址", "原因"}) as table:
        assert [cells[2] for _number, cells in table.rows] == ["陈秀三"]
    assert "import.download" in db.session.scalars(select(AuditEntry.action)).all()
    assert post(client, f"/elders/import/{batch.id}/apply", partly="1").status_code == 303
    assert db.session.get_one(ImportBatch, batch.id).state is ImportState.APPLYING
    assert ELDERS.apply_job in db.session.scalars(select(OwedJob.name)).all()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "文件是空的"), (b"%PDF-1.4\x00", "不是表格"), (b"<html></html>", "网页")],
)
def test_a_wrong_file_is_refused_beside_its_field(
    client: FlaskClient, tree: Any, person: Any, content: bytes, words: str
) -> None:
    answer = send(client, tree.street.id, content)
    assert answer.status_code == 422
    assert words in answer.text
    assert db.session.scalar(select(ImportBatch.id)) is None


def test_a_hundred_megabytes_are_refused_before_they_are_read(client: FlaskClient, person: Any) -> None:
    class Endless(io.RawIOBase):
        read_bytes = 0

        def readable(self) -> bool:
            return True

        def seek(self, _offset: int, _whence: int = 0) -> int:
            return 0

        def readinto(self, buffer: Any) -> int:
            Endless.read_bytes += len(buffer)
            return len(buffer)

    answer = client.post(
        "/elders/import",
        input_stream=Endless(),
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": str(100 * 1024 * 1024)},
    )
    assert answer.status_code == 413
    assert "16 MB" in answer.text
    assert Endless.read_bytes < 1024 * 1024


def test_a_community_coordinator_imports_the_own_community_only(client: FlaskClient, tree: Any) -> None:
    factories.sign_in(client, factories.make_user(Role.COMMUNITY_COORDINATOR, tree.community))
    page = client.get("/elders/import").text
    assert "柳荫社区" in page
    assert "石桥社区" not in page
    assert "滨河街道</option>" not in page
    assert send(client, tree.street.id, xlsx([HEAD, *rows(1)])).status_code == 422
    send(client, tree.community.id, xlsx([HEAD, *rows(1), *rows(2, community="石桥社区")]))
    batch = latest()
    checking.check(ELDERS, batch.id)
    found = db.session.scalars(select(ImportRow).order_by(ImportRow.number)).all()
    assert [row.outcome.value for row in found] == ["create", "refuse"]
    assert "石桥" not in found[1].problems[0]["text"]
    assert "柳荫社区" in found[1].problems[0]["text"]


@pytest.mark.parametrize("role", [Role.COUNTY_SUPERVISOR, Role.ADMINISTRATOR, Role.WORKER])
def test_others_do_not_import(client: FlaskClient, tree: Any, role: Role) -> None:
    factories.sign_in(client, factories.make_user(role, tree.county))
    for path in ("/elders/import", "/workers/import", "/elders/import/template.xlsx", "/elders/import/1"):
        assert client.get(path).status_code == 403


def test_the_import_of_another_area_or_kind_does_not_exist(
    client: FlaskClient, tree: Any, person: Any
) -> None:
    made = {}
    for area, kind in ((tree.other_street, ImportKind.ELDERS), (tree.street, ImportKind.WORKERS)):
        batch = ImportBatch(kind=kind, area_id=area.id, filename="x", sha256="", state=ImportState.CHECKED)
        db.session.add(batch)
        db.session.commit()
        made[kind] = batch.id
    for path in ("", "/progress", "/discard", "/refused.xlsx"):
        for batch_id in made.values():
            assert client.get(f"/elders/import/{batch_id}{path}").status_code == 404
    assert post(client, f"/elders/import/{made[ImportKind.ELDERS]}/apply").status_code == 404
    assert (
        post(client, f"/elders/import/{made[ImportKind.ELDERS]}/decide", row=1, answer="create").status_code
        == 404
    )
    assert client.get(f"/workers/import/{made[ImportKind.WORKERS]}").status_code == 200


def test_a_question_on_the_page(client: FlaskClient, tree: Any, person: Any) -> None:
    home = factories.make_household(tree.community, address="路1号")
    factories.make_elder(tree.community, home, name="陈秀一", birth_date=BORN)
    db.session.commit()
    head = [*HEAD, "性别", "出生日期"]
    row = rows(1)[0]
    row[2], row[3] = "", "别处1号"
    send(client, tree.street.id, xlsx([head, [*row, "女", BORN]]))
    batch = latest()
    checking.check(ELDERS, batch.id)
    page = client.get(f"/elders/import/{batch.id}?outcome=ask").text
    elder_id = db.session.scalars(select(Elder.id)).one()
    assert f'value="update-{elder_id}"' in page
    found = db.session.scalars(select(ImportRow)).one()
    answer = post(client, f"/elders/import/{batch.id}/decide", row=found.id, answer="create", outcome="ask")
    assert answer.location == f"/elders/import/{batch.id}?outcome=ask#row-2"
    assert "您选了：新建" in client.get(answer.location).text
    assert (
        post(client, f"/elders/import/{batch.id}/decide", row=found.id, answer="explode").status_code == 422
    )
    assert post(client, f"/elders/import/{batch.id}/decide", answer="create").status_code == 404


def test_throwing_a_list_away(client: FlaskClient, tree: Any, person: Any) -> None:
    send(client, tree.street.id, xlsx([HEAD, *rows(1)]))
    batch = latest()
    checking.check(ELDERS, batch.id)
    assert "先不放弃" in client.get(f"/elders/import/{batch.id}/discard").text
    assert post(client, f"/elders/import/{batch.id}/discard").location == "/elders/import"
    assert db.session.scalars(select(ImportRow)).all() == []
    assert "名单已放弃" in client.get(f"/elders/import/{batch.id}").text
    assert post(client, f"/elders/import/{batch.id}/apply").status_code == 303


def test_what_is_stored_names_nobody(client: FlaskClient, tree: Any, person: Any) -> None:
    send(client, tree.street.id, xlsx([HEAD, *rows(1), rows(2)[0][:2]]))
    batch = latest()
    checking.check(ELDERS, batch.id)
    for table in ("import_rows", "import_batches", "import_files"):
        stored = str(db.session.execute(db.text(f"SELECT t::text FROM {table} t")).all())  # noqa: S608
        assert "陈秀" not in stored
        assert "陈秀".encode().hex() not in stored
        assert resident_id(BORN, 1) not in stored


def test_pages_take_a_fixed_number_of_queries(client: FlaskClient, tree: Any, person: Any) -> None:
    counts = []
    for orders in (range(1, 4), range(1, 51)):
        send(client, tree.street.id, xlsx([HEAD, *rows(*orders)]))
        batch = latest()
        checking.check(ELDERS, batch.id)
        with statements() as sent:
            assert client.get(f"/elders/import/{batch.id}").status_code == 200
        counts.append(sum(one.startswith("SELECT") for one in sent))
    assert counts[0] == counts[1] <= 12


@pytest.mark.parametrize(
    ("path", "columns"), [("/elders/import", COLUMNS), ("/workers/import", WORKER_COLUMNS)]
)
def test_the_template_is_understood_by_the_import_itself(
    client: FlaskClient, tree: Any, person: Any, path: str, columns: Any
) -> None:
    import python_calamine

    content = client.get(f"{path}/template.xlsx").data
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert book.sheet_names == ["名单", "说明", "选项"]
    heads = book.get_sheet_by_name("名单").to_python()
    assert heads == [[column.heading for column in columns]], "the sheet to fill in holds headings only"
    about = str(book.get_sheet_by_name("说明").to_python())
    for word in ("WGS-84", "GCJ-02", "BD-09", "虚构", *(column.heading for column in columns)):
        assert word in about
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
    assert 'type="list"' in sheet
    assert 'type="date"' in sheet
    assert "pane" in sheet, "the headings stay in sight"
    layout = Layout.of(columns, [(cell, normal_heading(cell)) for cell in heads[0]])
    assert layout.unknown == layout.doubled == []
