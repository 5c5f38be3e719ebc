"""The page of rules: what is in force here, what was, what a document does not say; local packs."""

from datetime import date

import pytest
from sqlalchemy import select

from coordinator.accounts.area_cli import areas
from coordinator.extensions import db
from coordinator.kernel.access import SYSTEM, Role
from coordinator.kernel.errors import InvalidInput
from coordinator.policy import available_packs, current_pack, load_pack
from coordinator.policy.packs import PACK_FOLDER
from coordinator.visits.cli import store
from coordinator.visits.models import PolicyVersion
from coordinator.visits.queries.owed import obligations_for
from coordinator.visits.queries.packs import packs_in_force, version_lines
from coordinator.visits.services import store_pack, store_shipped_packs
from coordinator.visits.views.rules import TOPICS
from tests.factories import make_user, sign_in

TODAY = date(2026, 3, 26)
TEXT = (PACK_FOLDER / "jiangmen.toml").read_text(encoding="utf-8")


def district(*changes, version="1", valid_from="2026-03-01"):
    """The text of a district's pack under Jiangmen's: a home visit each half-year for tier C."""
    head = 'id = "pengjiang"\nparent = "jiangmen"\nname = "蓬江区"\n'
    head += f'version = "{version}"\nvalid_from = {valid_from}'
    text = TEXT.replace('id = "jiangmen"\nname = "江门市"\nversion = "1"\nvalid_from = 2024-01-31', head)
    assert head in text
    for old, new in (('period = "year"', 'period = "half_year"'), *changes):
        assert old in text
        text = text.replace(old, new, 1)
    return text.encode()


@pytest.fixture
def reader(world, client):
    sign_in(client, make_user(role=Role.STREET_COORDINATOR, area=world.tree.street))
    return client


def put_under(world, name):
    world.tree.city.policy_pack = None
    world.tree.street.policy_pack = name
    db.session.flush()


def test_every_topic_of_a_clause_has_a_heading():
    assert {clause.topic for name in available_packs() for clause in load_pack(name).clauses} <= set(TOPICS)


@pytest.mark.parametrize("name", available_packs())
def test_each_documents_page_says_what_it_says_and_what_it_does_not(world, reader, name):
    put_under(world, name)
    html = reader.get("/rules").text
    pack = load_pack(name)
    assert pack.document.title in html
    for rule in pack.obligations:
        assert rule.label in html
    for entry in pack.categories:
        assert entry.text in html.replace("<mark>", "").replace("</mark>", "")
    for key in pack.settings.model_fields_set:
        assert getattr(pack.settings, key).text in html
    assert "文件没有写明，这是本街道的设定。" in html
    assert ("系统不打印" in html) is bool(pack.named_forms)
    assert ("文件没有写次数，作为提醒" in html) is (name != "luzhou")
    assert pack.digest[:12] in html
    assert "第 1 版" in html


def test_a_local_pack_is_stored_put_in_force_and_shown_with_its_parent(world, reader):
    store_shipped_packs()
    stored = store_pack(SYSTEM, district(), "pengjiang.toml")
    assert (stored.version.pack, stored.weaker) == ("pengjiang", [])
    put_under(world, "pengjiang")
    assert current_pack("pengjiang").digest == stored.version.sha256
    html = reader.get("/rules").text
    assert "只能比江门市更严" in html
    parent = db.session.scalars(select(PolicyVersion).where(PolicyVersion.pack == "jiangmen")).one()
    assert f"/rules?version={parent.id}" in html
    elder = world.general_elder()
    found = obligations_for([elder], world.tree.street, TODAY, TODAY, TODAY)[elder.id]
    # The half-year began on 1 January under the parent, so the year of the parent runs on.
    assert {one.rule for one in found} == {"pengjiang.C.month", "jiangmen.C.year"}


def test_an_older_version_is_shown_as_such_with_the_way_to_the_present_one(world, reader):
    first = store_pack(SYSTEM, district(), "a.toml").version
    second = store_pack(SYSTEM, district(version="2", valid_from="2026-03-20"), "b.toml").version
    third = store_pack(SYSTEM, district(version="3", valid_from="2026-09-01"), "c.toml").version
    put_under(world, "pengjiang")
    assert [(one.version, one.state) for one in version_lines("pengjiang", TODAY)] == [
        ("3", "to_come"),
        ("2", "in_force"),
        ("1", "past"),
    ]
    now = reader.get("/rules").text
    assert "不是现在执行的版本" not in now
    assert f"/rules?version={first.id}" in now
    old = reader.get(f"/rules?version={first.id}").text
    assert "这不是现在执行的版本：第 1 版，已经停用。" in old
    assert f"/rules?version={second.id}" in old
    assert "第 3 版，以后执行" in reader.get(f"/rules?version={third.id}").text
    for wrong in ("999999999", "0", "one", ""):
        assert reader.get(f"/rules?version={wrong}").status_code == 404


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("count = 1", "count = 0"), "obligations[0].count: Input should be greater than"),
        (
            ('period = "half_year"', 'period = "year"'),
            "obligations[2].period: weaker than jiangmen.B.half_year",
        ),
        (("always = true", "age_at_least = 70"), "tiers: an elder of "),
        (('parent = "jiangmen"', 'parent = "nowhere"'), "parent: 没有名为 nowhere 的规则"),
    ],
)
def test_what_is_wrong_or_weaker_is_not_stored(world, change, fault):
    with pytest.raises(InvalidInput) as caught:
        store_pack(SYSTEM, district(change), "pengjiang.toml")
    assert str(caught.value.message).startswith(f"pengjiang.toml: {fault}")
    assert "\n" not in caught.value.message
    assert not db.session.scalars(select(PolicyVersion).where(PolicyVersion.pack == "pengjiang")).all()


def test_a_parent_that_becomes_stricter_names_the_packs_left_behind(world):
    store_pack(SYSTEM, district(), "pengjiang.toml")
    stricter = TEXT.replace(
        'version = "1"\nvalid_from = 2024-01-31', 'version = "2"\nvalid_from = 2026-06-01'
    )
    stricter = stricter.replace("count = 1", "count = 2", 1)
    assert store_pack(SYSTEM, stricter.encode(), "jiangmen-2.toml").weaker == ["pengjiang"]
    # The parent's coming version holds for what is stored from now on.
    with pytest.raises(InvalidInput, match="version 2 of jiangmen"):
        store_pack(SYSTEM, district(version="2", valid_from="2026-04-01"), "pengjiang.toml")
    until = district(version="2", valid_from="2026-04-01\nvalid_to = 2026-05-31")
    store_pack(SYSTEM, until, "pengjiang.toml")
    assert [one.pack.version for one in packs_in_force("pengjiang", date(2026, 5, 1), date(2026, 7, 1))][
        -1
    ] == "2"
    assert packs_in_force("pengjiang", date(2026, 7, 1), date(2026, 7, 1))[-1].pack.id == "jiangmen"


def test_shipped_packs_are_stored_with_the_schema_and_never_overwritten(world, monkeypatch, tmp_path):
    assert store_shipped_packs() == []
    names = set(db.session.scalars(select(PolicyVersion.pack)))
    assert names >= set(available_packs())
    row = db.session.scalars(select(PolicyVersion).where(PolicyVersion.pack == "haikou")).one()
    for path in PACK_FOLDER.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        if path.stem == "haikou":
            text = text.replace("半月联系 1 次", "半月联系一次")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    monkeypatch.setattr("coordinator.policy.packs.PACK_FOLDER", tmp_path)
    monkeypatch.setattr("coordinator.visits.queries.packs.PACK_FOLDER", tmp_path)
    assert store_shipped_packs() == ["haikou"]
    (found,) = packs_in_force("haikou", TODAY, TODAY)
    assert (found.version_id, found.pack.digest) == (row.id, row.sha256)


def test_the_commands_store_a_pack_and_put_an_area_under_it(world, app, tmp_path):
    path = tmp_path / "pengjiang.toml"
    path.write_bytes(district())
    runner = app.test_cli_runner()
    result = runner.invoke(store, [str(path)])
    assert (result.exit_code, result.output.partition(",")[0]) == (0, "pengjiang version 1")
    area = world.tree.street
    area.code = "440703001"
    db.session.flush()
    assert runner.invoke(areas, ["set", area.code, "--policy", "pengjiang"]).exit_code == 0
    db.session.refresh(area)
    assert area.policy_pack == "pengjiang"
    for wrong in ("nowhere", str(path)):
        refused = runner.invoke(areas, ["set", area.code, "--policy", wrong])
        assert isinstance(refused.exception, InvalidInput)
    missing = runner.invoke(store, [str(tmp_path / "none.toml")])
    assert isinstance(missing.exception, InvalidInput)
