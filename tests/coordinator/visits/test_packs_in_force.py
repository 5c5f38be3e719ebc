"""Which stored version of a rule pack governs which days."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.kernel.errors import Conflict
from coordinator.policy import load_pack
from coordinator.policy.packs import PACK_FOLDER, parse_pack
from coordinator.visits.models import PolicyVersion
from coordinator.visits.queries.packs import pack_of_version, packs_in_force, store_text
from coordinator.visits.services import store_policy_version
from tests.statements import statements

D = date
TEXT = (PACK_FOLDER / "luzhou.toml").read_text(encoding="utf-8")
START, END = D(2026, 2, 1), D(2026, 2, 28)
FIRST = 'id = "luzhou"\nname = "泸州市"\nversion = "1"\nvalid_from = 2023-12-14'
assert FIRST in TEXT


def keep(name, version, valid_from, more="", changed=()):
    """Store a pack made from Luzhou's with another head."""
    head = f'id = "{name}"\nname = "泸州市"\nversion = "{version}"\nvalid_from = {valid_from}\n{more}'
    text = TEXT.replace(FIRST, head)
    for old, new in changed:
        assert old in text
        text = text.replace(old, new)
    pack = parse_pack(text.encode(), "test.toml")
    store_text(pack, text)
    return pack


def spans(found):
    return [(one.pack.id, one.pack.version, one.first_day, one.last_day) for one in found]


def test_a_shipped_pack_is_stored_on_first_use_and_only_once(db_session):
    (found,) = packs_in_force("luzhou", START, END)
    assert (found.first_day, found.last_day) == (D(2023, 12, 14), date.max)
    assert found.pack is load_pack("luzhou")
    assert pack_of_version(found.version_id) is found.pack
    assert packs_in_force("luzhou", START, END) == [found]
    assert store_policy_version(found.pack).id == found.version_id
    rows = db.session.scalars(select(PolicyVersion)).all()
    assert [(row.content, row.sha256) for row in rows] == [(TEXT, found.pack.digest)]


def test_a_version_begins_on_its_first_day(db_session):
    keep("test", "1", D(2024, 1, 1))
    keep("test", "2", D(2026, 2, 10))
    keep("test", "3", D(2027, 1, 1))
    assert spans(packs_in_force("test", START, END)) == [
        ("test", "1", D(2024, 1, 1), D(2026, 2, 9)),
        ("test", "2", D(2026, 2, 10), D(2026, 12, 31)),
    ]
    assert spans(packs_in_force("test", START, D(2026, 2, 9)))[-1][1] == "1"
    # The year that overlaps the span began under the first version.
    assert spans(packs_in_force("test", D(2026, 12, 1), D(2026, 12, 31)))[0][1] == "1"
    assert packs_in_force("test", D(2023, 1, 1), D(2023, 12, 31)) == []


def test_of_two_that_begin_on_one_day_the_newest_stored_wins(db_session):
    keep("test", "1", D(2024, 1, 1))
    keep("test", "1a", D(2024, 1, 1), changed=[("每月上门 1 次", "每月上门一次")])
    assert [one.pack.version for one in packs_in_force("test", START, END)] == ["1a"]


def test_other_words_under_the_same_day_and_number_are_refused(db_session):
    keep("test", "1", D(2024, 1, 1))
    with pytest.raises(Conflict, match="第 1 版已经存过，内容不同"):
        keep("test", "1", D(2024, 1, 1), changed=[("每月上门 1 次", "每月上门一次")])
    keep("test", "1", D(2024, 1, 1))  # the same words again are fine
    assert len(db.session.scalars(select(PolicyVersion)).all()) == 1


def test_where_a_local_pack_does_not_reach_its_parent_is_in_force(db_session):
    keep("local", "1", D(2026, 2, 10), 'valid_to = 2026-02-20\nparent = "luzhou"')
    assert spans(packs_in_force("local", START, END)) == [
        ("luzhou", "1", D(2023, 12, 14), D(2026, 2, 9)),
        ("local", "1", D(2026, 2, 10), D(2026, 2, 20)),
        ("luzhou", "1", D(2026, 2, 21), date.max),
    ]


def test_packs_that_name_each_other_as_parents_end(db_session):
    keep("one", "1", D(2026, 1, 1), 'parent = "two"')
    keep("two", "1", D(2026, 1, 1), 'parent = "one"')
    assert [one.pack.id for one in packs_in_force("one", START, END)] == ["one"]


def test_unknown_names_and_ids_and_damaged_texts(db_session):
    with pytest.raises(Conflict, match="没有名为 nowhere 的规则"):
        packs_in_force("nowhere", START, END)
    with pytest.raises(Conflict):
        pack_of_version(-1)
    row = PolicyVersion(pack="bad", version="1", valid_from=D(2024, 1, 1), sha256="0" * 64, content="id =")
    db.session.add(row)
    db.session.flush()
    with pytest.raises(Conflict, match="规则读不出来"):
        packs_in_force("bad", START, END)


def test_the_number_of_queries_does_not_grow_with_the_versions(db_session):
    for month in range(1, 13):
        keep("test", str(month), D(2024, month, 1))
    packs_in_force("test", START, END)
    with statements() as sent:
        found = packs_in_force("test", START - timedelta(days=1000), END)
    assert len(found) == 12
    assert len(sent) == 1
