"""The dossier on paper."""

from __future__ import annotations

import io
import re

import pypdf
import pytest
from sqlalchemy import select

from coordinator.elders import services
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from tests.coordinator.elders.reading import page_of, text_of, token
from tests.factories import make_user, sign_in

pytestmark = pytest.mark.usefixtures("noon")


# --- paper -----------------------------------------------------------------------------------------------


def words_of(answer):
    assert answer.mimetype == "application/pdf"
    reader = pypdf.PdfReader(io.BytesIO(answer.data))
    return [re.sub(r"\s", "", one.extract_text()) for one in reader.pages]


def test_the_form_of_luzhou_in_three_copies_masked(desk, actor, elder):
    services.edit_elder(actor, elder, version=elder.version, person={"ability_level": 4})
    db.session.commit()
    page = page_of(desk, elder, "/print")
    assert "四川省特殊困难老年人信息登记表" in page
    assert "一式 3 份：县级民政部门、乡镇（街道）、帮扶单位（组织）" in page
    pages = words_of(desk.get(f"/elders/{elder.id}/form.pdf"))
    whole = "".join(pages)
    assert whole.count("四川省特殊困难老年人信息登记表") >= 3
    for number, keeper in enumerate(("县级民政部门", "乡镇（街道）", "帮扶单位（组织）"), start=1):
        assert f"第{number}份，共3份，由{keeper}存档" in whole
    for label in (
        "家庭住址",
        "是否居住在户籍所在地",
        "曾患病史",
        "是否经常探访",
        "帮扶责任人",
        "每月补贴金额",
    ):
        assert label in whole
    # The form has no box for 完全失能: written behind 重度失能, and said at the foot.
    assert "（完全失能）" in whole
    assert "完全失能的填“重度失能”" in whole
    assert "138****6027" in whole
    assert "13800006027" not in whole
    assert db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.print")).one()


def test_in_full_only_with_a_line(desk, client, tree, elder):
    data = {"csrf_token": token(text_of(desk.get("/elders/new")))}
    whole = "".join(words_of(desk.post(f"/elders/{elder.id}/form.pdf", data=data)))
    assert "13800006027".replace(" ", "") in whole.replace("-", "")
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.reveal")).one()
    assert line.changes == {"field": "form"}
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, tree.county))
    page = page_of(client, elder, "/print")
    assert "打印完整的" not in page
    assert client.post(f"/elders/{elder.id}/form.pdf", data=data).status_code in (400, 403, 409)


def test_a_supervisor_prints_no_medical_history(client, tree, actor, elder):
    services.edit_elder(actor, elder, version=elder.version, person={"medical_history": "糖尿病"})
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, tree.county))
    assert "糖尿病" not in "".join(words_of(client.get(f"/elders/{elder.id}/form.pdf")))


def test_the_combined_form_of_shaanxi(desk, tree, elder):
    tree.county.policy_pack = "shaanxi"
    db.session.flush()
    whole = "".join(words_of(desk.get(f"/elders/{elder.id}/form.pdf")))
    assert "特殊困难老年人探访关爱服务记录表" in whole
    assert "第2份，共2份，由乡镇（街道）存档" in whole
    for label in ("是否独居、空巢", "五、探访情况", "信息录入人(签字)", "六、关爱服务情况"):
        assert label in whole


@pytest.mark.parametrize("pack", ["jiangmen", "haikou", "guangdong"])
def test_where_the_form_is_only_named_the_paper_says_so(desk, tree, elder, pack):
    tree.county.policy_pack = pack
    db.session.flush()
    whole = "".join(words_of(desk.get(f"/elders/{elder.id}/form.pdf")))
    assert "特殊困难老年人档案" in whole
    assert "没有附表样" in whole
    assert "没有附表样" in page_of(desk, elder, "/print")
