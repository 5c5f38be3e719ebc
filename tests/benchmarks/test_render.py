"""The page of results: everything on it comes from result files."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import goals, render, results

Json = dict[str, Any]
PLACES = [[30.0, 104.0], [30.01, 104.01], [30.02, 104.0]]


def row(engine: str, seed: int, cost: float, **over: Any) -> Json:
    base: Json = {
        "case": "day-town-tight-50-s1",
        "group": "town tight",
        "size": 50,
        "engine": engine,
        "seed": seed,
    }
    base |= {"setting": "", "seconds": 2, "valid": True, "kept": True, "statutory": 0, "priority": 0}
    base |= {
        "travel": cost,
        "cost": cost,
        "served": 2,
        "visits": 2,
        "peak_mb": 55.0,
        "wall": 2.0,
        "processor": 1.9,
    }
    base |= {"curve": [[0.2, 2 * cost, 0], [1.0, cost, 0]], "map": {"routes": [PLACES], "missed": PLACES[:1]}}
    return {**base, **over}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    rows = [row("ours", 1, 900.0), row("ours", 2, 930.0), row("vroom", 1, 1000.0, curve=[[1.0, 1000.0, 0]])]
    options = {"processes": 1, "seeds": 2, "seconds": 2}
    return results.save("day", options, rows, tmp_path / "day.json")[0]


def test_a_page_holds_the_figures_the_circumstances_and_the_shortfall(saved: Path, tmp_path: Path) -> None:
    page = tmp_path / "docs" / "benchmarks.md"
    assert render.main([str(saved), "--page", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "| town tight | 50 | VROOM | 1 | 1 | 0 | 0 | 1,000.00 | 0.915 | 0.930 |" in text
    assert "**Short run.** 2 s instead of 5, 2 of 5 seeds, 1 of 3 instances." in text
    told = results.load(saved)
    assert told["date"][:10] in text
    assert told["engines"]["ours"] in text
    for goal in (goal for goal in goals.GOALS if goal.command == "day"):
        assert goal.text in text


def test_parts_of_a_campaign_are_joined_and_the_last_word_on_an_instance_counts(tmp_path: Path) -> None:
    options = {"processes": 1, "seeds": 1, "seconds": 2}
    other = {"case": "day-town-slack-50-s1", "group": "town slack"}
    first = results.save(
        "day", options, [row("ours", 1, 900.0), row("ours", 1, 700.0, **other)], tmp_path / "a.json"
    )[1]
    second = results.save(
        "day", options, [row("ours", 1, 800.0), row("ours", 2, 810.0)], tmp_path / "b.json"
    )[1]
    together = results.joined([first, second])
    assert sorted(one["cost"] for one in together["rows"]) == [700.0, 800.0, 810.0]
    peer = results.save("day", options, [row("vroom", 1, 950.0)], tmp_path / "c.json")[1]
    assert len(results.joined([first, second, peer])["rows"]) == 4
    page = tmp_path / "page.md"
    render.main([str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--page", str(page)])
    assert "1/2 seed(s)" in page.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="different cores"):
        results.joined([first, second | {"options": options | {"processes": 2}}])


def test_pictures_are_drawn_and_the_same_each_time(saved: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    drawn = []
    for number in range(2):
        page = tmp_path / str(number) / "benchmarks.md"
        render.main([str(saved), "--page", str(page)])
        text = page.read_text(encoding="utf-8")
        assert "benchmarks/day-curves.svg" in text
        assert "benchmarks/day-map.svg" in text
        folder = page.with_suffix("")
        drawn.append({path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.svg")})
    assert set(drawn[0]) == {"day-curves.svg", "day-map.svg"}
    assert drawn[0] == drawn[1]
    assert "0.2 h of travel" in drawn[0]["day-map.svg"]


def test_a_city_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    times = [(workers, number, 3.0 * number, 3.0 * number + 3) for workers in (1, 2) for number in range(5)]
    rows = [
        row("ours", 1, 9.0, group="street", workers=w, case=f"s{n}", begun=b, ended=e, fixed_work=True)
        for w, n, b, e in times
    ]
    path, _saved = results.save("scale", {"processes": 2, "seeds": 1}, rows, tmp_path / "scale.json")
    page = tmp_path / "benchmarks.md"
    assert render.main([str(path), "--page", str(page)]) == 0
    assert "5 of 50 streets" in page.read_text(encoding="utf-8")
    assert (tmp_path / "benchmarks" / "scale-streets.svg").exists()


def test_a_file_without_results_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"rows": []}))
    assert render.main([str(path), "--page", str(tmp_path / "x.md")]) == 2
    assert "holds no results" in capsys.readouterr().err
    assert not (tmp_path / "x.md").exists()
