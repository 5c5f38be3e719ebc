"""Cells as spreadsheets and people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.elders.imports import values as v
from coordinator.elders.imports.columns import Layout, headings_of, parse_row
from coordinator.elders.imports.elder_columns import BY_KEY, COLUMNS
from coordinator.elders.imports.values import CellProblem
from coordinator.workforce.imports.columns import COLUMNS as WORKER_COLUMNS
from tests.coordinator.elders.imports.lists import resident_id

BORN = date(1944, 3, 2)


@pytest.fixture(autouse=True)
def _now(app: Any, freeze: Any) -> Any:
    freeze(datetime(2026, 4, 1, 4, 0, tzinfo=UTC))
    with app.app_context():
        yield


@pytest.mark.parametrize(
    "cell",
    [
        *(
            BORN,
            datetime(1944, 3, 2, 8, 30),  # noqa: DTZ001 (a cell has no time zone)
            "1944-03-02",
            "1944/3/2",
            "1944.3.2",
            "1944年3月2日",
            "19440302",
        ),
        *(
            "１９４４－０３－０２",
            "1944-03-02 00:00:00",
            " 1944 - 3 - 2 ",
            "一九四四年三月二日",
            19440302.0,
            16133.0,
            "16133",
        ),
        *("1944-3-2星期四", "16133.5"),
    ],
)
def test_every_usual_way_to_write_a_day(cell: Any) -> None:
    assert v.read_day(cell) == BORN


def test_chinese_figures_above_ten() -> None:
    assert v.read_day("一九三八年十二月二十三日") == date(1938, 12, 23)
    assert v.read_day("一九三八年十月十日") == date(1938, 10, 10)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("1944-02-30", "date_impossible"),
        ("1944-13-01", "date_impossible"),
        ("1944", "date_year_only"),
        (1944.0, "date_year_only"),
        ("1944年3月", "date_no_day"),
        ("194403", "date_no_day"),
        ("44-3-2", "date_short_year"),
        ("03/02/1944", "date_order"),
        ("不记得", "date_unreadable"),
        (time(9, 0), "date_unreadable"),
        (12.0, "date_unreadable"),
        ("#REF!", "cell_error"),
        (date(1066, 1, 1), "date_impossible"),
    ],
)
def test_a_day_that_is_none_is_refused_with_the_reason(cell: Any, code: str) -> None:
    with pytest.raises(CellProblem) as problem:
        v.read_day(cell)
    assert problem.value.code == code
    assert problem.value.text


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_a_day_survives_every_way_of_writing(day: date) -> None:
    serial = (day - date(1899, 12, 30)).days
    ways: list[Any] = [
        day,
        day.isoformat(),
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day:%Y/%m/%d}",
    ]
    if serial >= 5_000:
        ways += [float(serial), str(serial)]
    assert {v.read_day(one) for one in ways} == {day}


CELLS = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.floats(),
    st.integers(-(10**20), 10**20),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
)


@settings(max_examples=300, deadline=None)
@given(CELLS, st.sampled_from([*COLUMNS, *WORKER_COLUMNS]))
def test_no_cell_breaks_a_column(cell: Any, column: Any) -> None:
    from coordinator.elders.imports.reading import freeze as stored
    from coordinator.elders.imports.reading import thaw

    layout = Layout({column.key: 0}, [], [], [])
    values, problems = parse_row([column], layout, [thaw(stored(cell))])
    assert set(values) | {one["column"] for one in problems} <= {column.key}
    assert all(one["text"] for one in problems)
    if column.key in values:
        assert isinstance(column.show(values[column.key]), str)


def test_id_numbers_must_be_whole_and_checked() -> None:
    good = resident_id(BORN)
    assert v.resident_id(f" {good[:6]} {good[6:14]}-{good[14:]} ") == good
    for cell, code in (
        (float(good[:15] + "000"), "id_damaged"),
        ("5.10502194403E+17", "id_damaged"),
        (good[:17] + ("0" if good[17] != "0" else "1"), "id_check_digit"),
        (good[:15], "id_old"),
        (BORN, "id_damaged"),
    ):
        with pytest.raises(CellProblem) as problem:
            v.resident_id(cell)
        assert problem.value.code == code


def test_telephones_as_floats_are_read() -> None:
    assert v.phone(13812345678.0) == "13812345678"
    assert v.phone("１３８ 1234 5678") == "13812345678"
    assert v.phone(8303123456.0) == "0830-3123456"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("9:00-17:00", ["09:00", "17:00"]),
        ("9点—11点30分", ["09:00", "11:30"]),
        ("全天", ["08:00", "18:00"]),
        ("休", None),
    ],
)
def test_hours(cell: str, expected: Any) -> None:
    assert v.hours(cell) == expected


@pytest.mark.parametrize("cell", ["17:00-9:00", "25:00-26:00", "上午", "9:00-11:00、14:00-16:00"])
def test_hours_that_are_none(cell: str) -> None:
    with pytest.raises(CellProblem):
        v.hours(cell)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("9:00-17:00", ["09:00", "17:00"]),
        ("8:00-11:00、16:00-18:30", ["08:00", "11:00", "16:00", "18:30"]),
        ("8:00 - 11:00  16:00 - 18:30", ["08:00", "11:00", "16:00", "18:30"]),
        ("8-11\n16-18", ["08:00", "11:00", "16:00", "18:00"]),
        ("16点到18点，8点到11点30分", ["08:00", "11:30", "16:00", "18:00"]),
        ("8:00-11:00/11:00-13:00", ["08:00", "13:00"]),
        ("全天", ["08:00", "18:00"]),
        ("休", None),
    ],
)
def test_one_span_or_two(cell: str, expected: Any) -> None:
    assert v.spans(cell) == expected


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("8-10、11-12、16-18", "hours_many"),
        ("8-11、10-12", "hours_overlap"),
        ("8-11、休", "hours"),
        ("8-11、傍晚", "hours"),
    ],
)
def test_two_spans_that_do_not_work(cell: str, code: str) -> None:
    with pytest.raises(CellProblem) as problem:
        v.spans(cell)
    assert problem.value.code == code


@given(st.floats(3.5, 53.5), st.floats(73.5, 135))
def test_coordinates_as_text_and_number_are_the_same(latitude: float, longitude: float) -> None:
    assert v.degrees(f"{latitude:.6f}") == pytest.approx(latitude, abs=1e-6)
    assert v.degrees(f"东经{longitude:.6f}") == pytest.approx(longitude, abs=1e-6)


def test_degrees_with_minutes() -> None:
    assert v.degrees("105°26′33.4″") == pytest.approx(105 + 26 / 60 + 33.4 / 3600)
    with pytest.raises(CellProblem):
        v.degrees("路口")


def test_words_that_mean_nothing_leave_the_cell_empty_unless_they_answer() -> None:
    layout = Layout({"cautions": 0, "economic_status": 1, "has_dementia": 2, "categories": 3}, [], [], [])
    columns = [BY_KEY[key] for key in layout.places]
    values, problems = parse_row(columns, layout, ["无", "无", "无", "不详"])
    assert values == {"economic_status": "none", "has_dementia": False}
    assert problems == []


def test_headings_are_unambiguous() -> None:
    assert headings_of(COLUMNS)["联系电话"] == "phone"
    assert headings_of(WORKER_COLUMNS)["学校"] == "organisation"


def test_the_examples_of_the_templates_can_be_imported() -> None:
    for columns in (COLUMNS, WORKER_COLUMNS):
        layout = Layout({column.key: index for index, column in enumerate(columns)}, [], [], [])
        for turn in (0, 1):
            cells = [column.example[turn] for column in columns]
            assert parse_row(columns, layout, cells)[1] == []


def test_a_choice_names_what_is_possible() -> None:
    with pytest.raises(CellProblem) as problem:
        BY_KEY["ability_level"].parse("大概还行")
    assert "大概还行" in problem.value.text
    assert "中度失能" in problem.value.remedy


def test_the_future_is_no_birth_date() -> None:
    with pytest.raises(CellProblem) as problem:
        BY_KEY["birth_date"].parse(date(2026, 4, 1) + timedelta(days=1))
    assert problem.value.code == "date_future"
