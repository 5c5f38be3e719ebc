"""Lists: what the address may ask for, and that every row is shown exactly once."""

from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column as SaColumn
from sqlalchemy import Date, Integer, MetaData, String, Table, insert, select
from sqlalchemy.orm import Session

from coordinator.kernel.listing import MAX_TEXT, Column, Filter, Listing, ListingSpec, clean_text

metadata = MetaData()
rows = Table(
    "listing_rows",
    metadata,
    SaColumn("id", Integer, primary_key=True),
    SaColumn("name", String),
    SaColumn("kind", String),
    SaColumn("days", Integer),
    SaColumn("born", Date),
)

SPEC = ListingSpec(
    columns=(
        Column("name", "姓名", sort=rows.c.name),
        Column("days", "天数", sort=rows.c.days, numeric=True, first_direction="desc"),
        Column("kind", "对象", sort=(rows.c.kind, rows.c.days)),
        Column("secret", "备注", value=lambda _row: "=1", shown=False),
        Column("shown_only", "操作", exported=False),
    ),
    tie=rows.c.id,
    filters=(
        Filter(
            "kind", "对象", lambda s, v: s.where(rows.c.kind == v), choices=[("a", "甲类"), ("b", "乙类")]
        ),
        Filter(
            "status",
            "状态",
            lambda s, v: s.where(rows.c.days == int(v)),
            choices=lambda: [("0", "零"), (1, "一")],
            shown=False,
        ),
        Filter("since", "出生", lambda s, v: s.where(rows.c.born >= v), kind="date"),
        Filter("text", "字", lambda s, v: s.where(rows.c.name.contains(v, autoescape=True)), kind="text"),
    ),
    default_sort="name",
    search=lambda s, q: s.where(rows.c.name.icontains(q, autoescape=True)),
    per_page=20,
)


def read(spec: ListingSpec = SPEC, **args: Any) -> Listing:
    return Listing.read(spec, {k: str(v) for k, v in args.items()}, "/due")


def query(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


@pytest.fixture
def session(db_session: Any) -> Any:
    """57 rows in a table of their own, gone after the test."""
    metadata.create_all(db_session.connection())
    values = [
        {
            "id": i,
            "name": f"{'王李张'[i % 3]}{i % 4}" if i % 10 else None,
            "kind": "ab"[i % 2],
            "days": i % 5 if i % 7 else None,
            "born": date(1940 + i % 20, 1, 1),
        }
        for i in range(1, 58)
    ]
    db_session.execute(insert(rows), values)
    return db_session()


STATEMENT = select(rows)


@pytest.mark.parametrize(
    "args",
    [{}, {"sort": "days"}, {"sort": "kind", "dir": "desc"}, {"sort": "name", "dir": "asc", "kind": "a"}],
)
def test_pages_show_every_row_once(session: Session, args: dict[str, str]) -> None:
    seen: list[int] = []
    pages = read(**args).fetch(session, STATEMENT, scalars=False).pages
    for number in range(1, pages + 1):
        page = read(**args, page=number).fetch(session, STATEMENT, scalars=False)
        assert page.first == len(seen) + 1
        seen += [row.id for row in page.rows]
        assert page.last == len(seen)
    expected = session.scalars(read(**args).filtered(select(rows.c.id))).all()
    assert sorted(seen) == sorted(expected)
    assert len(seen) == len(set(seen))


def test_empty_values_come_last_in_both_directions(session: Session) -> None:
    for direction in ("asc", "desc"):
        page = read(sort="days", dir=direction, per_page=100).fetch(session, STATEMENT, scalars=False)
        days = [row.days for row in page.rows]
        filled = [d for d in days if d is not None]
        assert days == filled + [None] * (len(days) - len(filled))
        assert filled == sorted(filled, reverse=direction == "desc")


def test_filters_and_search_narrow(session: Session) -> None:
    assert read(kind="a").count(session, STATEMENT) == 28
    assert {r.kind for r in read(kind="b", q="王").fetch(session, STATEMENT, scalars=False).rows} == {"b"}
    assert read(since="1955-01-01").count(session, STATEMENT) == 13
    assert read(q="%").count(session, STATEMENT) == 0, "a percent sign is a letter, not a pattern"
    assert read(status="1", kind="a").filtered(STATEMENT, without=("status",)).whereclause is not None
    assert read(status="1").count(session, read(status="1").filtered(STATEMENT, without=("status",))) < 57


def test_page_past_the_end_is_the_last_page(session: Session) -> None:
    page = read(page=99).fetch(session, STATEMENT, scalars=False)
    assert (page.number, page.pages, page.first, page.last, page.total) == (3, 3, 41, 57, 57)
    empty = read(q="没有这个人", page=4).fetch(session, STATEMENT, scalars=False)
    assert (empty.number, empty.pages, empty.first, empty.last, empty.total) == (1, 1, 0, 0, 0)


def test_export_takes_all_rows_and_the_exported_columns(session: Session) -> None:
    sheet = read(format="csv", kind="a", page=2, sort="days").export(
        session, STATEMENT, "名单", scalars=False
    )
    lines = sheet.content.decode("utf-8-sig").split("\r\n")
    assert lines[0] == "姓名,天数,对象,备注"
    assert len(lines) == 28 + 2
    assert lines[1].endswith("'=1")
    assert sheet.filename == "名单.csv"


@pytest.mark.parametrize(
    "args",
    [
        {"sort": "id"},
        {"sort": "secret"},
        {"kind": "c"},
        {"since": "2026-02-30"},
        {"page": "-1"},
        {"page": "9" * 30},
        {"page": "٣"},
        {"per_page": "100000"},
        {"format": "exe"},
        {"dense": "x"},
        {"dir": "desc"},
    ],
)
def test_unknown_requests_are_ignored(args: dict[str, str]) -> None:
    assert read(**args) == read()


@given(st.text(max_size=400))
def test_texts_from_the_address_are_harmless(text: str) -> None:
    clean = clean_text(text)
    assert len(clean) <= MAX_TEXT
    assert "\x00" not in clean
    clean.encode()
    assert clean_text(clean) == clean


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "sort": st.sampled_from(["name", "days", "kind", "nothing"]),
            "dir": st.sampled_from(["asc", "desc", "up"]),
            "page": st.sampled_from(["1", "2", "x"]),
            "per_page": st.sampled_from(["20", "50", "51"]),
            "dense": st.sampled_from(["1", "0"]),
            "q": st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
            "kind": st.sampled_from(["a", "b", "c"]),
            "status": st.sampled_from(["0", "1", "2"]),
            "since": st.sampled_from(["1950-01-01", "x"]),
        },
    )
)
def test_address_of_a_list_reads_back_as_the_same_list(args: dict[str, str]) -> None:
    listing = read(**args)
    again = read(**query(listing.url(page=listing.number)))
    assert again == listing


def test_sorting_turns_and_starts_as_the_column_says() -> None:
    assert query(read().sort_url("name")) == {"sort": "name", "dir": "desc"}, "already sorted by it: turn"
    assert query(read().sort_url("days")) == {"sort": "days", "dir": "desc"}
    assert query(read(sort="days").sort_url("days")) == {"sort": "days", "dir": "asc"}
    assert read(sort="days").direction_of("days") == "desc"
    assert read(sort="days").direction_of("name") == ""


def test_a_new_condition_goes_back_to_the_first_page_and_keeps_the_rest() -> None:
    listing = read(page=3, kind="a", q="王", sort="days", per_page=50)
    assert query(listing.url(status="1")) == {
        "q": "王",
        "kind": "a",
        "sort": "days",
        "dir": "desc",
        "per_page": "50",
        "status": "1",
    }
    assert query(listing.url(kind=None))["q"] == "王"
    assert query(read(kind="a", status="1", q="王").cleared_url()) == {"status": "1"}, "tabs stay"


def test_active_conditions_say_their_label_and_can_be_removed() -> None:
    active = read(kind="a", status="1", q="王", since="1950-01-01").active()
    assert [(key, label, text) for key, label, text, _ in active] == [
        ("kind", "对象", "甲类"),
        ("since", "出生", "1950-01-01"),
        ("q", "", "王"),
    ]
    assert all(key not in query(address) for key, _, _, address in active)


def test_filter_form_carries_what_it_does_not_show() -> None:
    listing = Listing.read(
        SPEC,
        {"status": "1", "sort": "days", "kind": "a", "day": "2026-03-26", "x": "y"},
        "/due",
        keep=("day",),
    )
    assert dict(listing.hidden_args()) == {"day": "2026-03-26", "status": "1", "sort": "days", "dir": "desc"}
    assert query(listing.url())["day"] == "2026-03-26"
    assert "x" not in query(listing.url())


def test_two_lists_on_one_page_do_not_mix() -> None:
    args = {"a-q": "王", "b-q": "李", "a-page": "2"}
    first = Listing.read(SPEC, args, "/due", prefix="a-")
    second = Listing.read(SPEC, args, "/due", prefix="b-")
    assert (first.q, first.number, second.q, second.number) == ("王", 2, "李", 1)
    assert query(first.url(page=2)) == {"a-q": "王", "a-page": "2"}


def test_choices_in_the_readers_scope_replace_the_declared_ones() -> None:
    listing = Listing.read(SPEC, {"kind": "c"}, "/due", choices={"kind": [("c", "丙类")]})
    assert listing.values == {"kind": "c"}
    assert Listing.read(SPEC, {"kind": "a"}, "/due", choices={"kind": [("c", "丙类")]}).values == {}


def test_default_order_of_several_expressions() -> None:
    spec = ListingSpec(columns=SPEC.columns, tie=rows.c.id, default_order=(rows.c.days.desc(), rows.c.name))
    assert "ORDER BY listing_rows.days DESC, listing_rows.name, listing_rows.id" in str(
        read(spec).apply(STATEMENT)
    )
    assert read(spec).direction_of("days") == ""
    assert "ORDER BY listing_rows.name ASC NULLS LAST" in str(read(spec, sort="name").apply(STATEMENT))


def test_unknown_column_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        SPEC.column("nothing")
