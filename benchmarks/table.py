"""Tables of results as rows of text cells; printed aligned, or as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

from benchmarks import figures
from benchmarks.engines import ENGINES
from benchmarks.goals import Judgement

Json = dict[str, Any]
Table = list[list[str]]
MOST_SIZES = 4
"""A class of more sizes than this is told in one line."""


def by_class(rows: list[Json]) -> Table:
    """One line for each class and engine: missed priority, cost, ratio of ours to it, time, memory."""
    table = [
        [
            "class",
            "visits",
            "engine",
            "runs",
            "valid",
            "missed, median",
            "worst",
            "cost, median",
            "ours ÷ it, median",
            "worst seed",
            "we miss less / same / more",
            "s",
            "processor s",
            "MB",
        ]
    ]
    groups = dict.fromkeys(row["group"] for row in rows)
    sized = {group: {row["size"] for row in rows if row["group"] == group} for group in groups}
    several = {(row["group"], row["size"] if len(sized[row["group"]]) <= MOST_SIZES else 0) for row in rows}
    for group, size in sorted(several, key=lambda one: (one[1], one[0])):
        mine = [row for row in rows if row["group"] == group and size in (0, row["size"])]
        for name in ENGINES:
            runs = [row for row in mine if row["engine"] == name and row["kept"] and not row.get("long")]
            if runs:
                table.append([group, str(size or "all"), *_line(name, runs, mine)])
    return table


def _line(name: str, runs: list[Json], rows: list[Json]) -> list[str]:
    title = ENGINES[name].title
    valid = [row for row in runs if row["valid"]]
    if not valid:
        why = sorted({row.get("failure") or "not valid" for row in runs})
        return [title, str(len(runs)), "0", *["–"] * 6, "; ".join(why), "", ""]
    missed = [row["priority"] for row in valid]
    costs = [figures.value(row) for row in valid]
    cells = [
        title,
        str(len(runs)),
        str(len(valid)),
        f"{median(missed):g}",
        str(max(missed)),
        f"{median(costs):,.2f}",
    ]
    if name == "ours":
        cells += ["", "", ""]
    else:
        cells += _versus(name, rows)
    spent = [row["processor"] for row in valid if row.get("processor") is not None]
    cells += [f"{median(row['wall'] for row in valid):.1f}", f"{median(spent):.1f}" if spent else ""]
    return [*cells, f"{max(row['peak_mb'] for row in valid):.0f}"]


def _versus(name: str, rows: list[Json]) -> list[str]:
    found = figures.pairs(rows, name)
    ratio = figures.ratios(rows, name)
    middle = [median(values) for values in ratio.values()]
    worst = [one for values in ratio.values() for one in values]
    keys = [((a["statutory"], a["priority"]), (b["statutory"], b["priority"])) for a, b in found]
    counts = sum(a < b for a, b in keys), sum(a == b for a, b in keys), sum(a > b for a, b in keys)
    return [
        f"{median(middle):.3f}" if middle else "–",
        f"{max(worst):.3f}" if worst else "–",
        " / ".join(map(str, counts)) if found else "–",
    ]


def by_case(rows: list[Json]) -> Table:
    """One line for each instance: median and worst of ours, the best of each other engine, the best known cost."""
    others = [name for name in ENGINES if name != "ours" and any(row["engine"] == name for row in rows)]
    head = [
        "instance",
        "ours, median",
        "ours, worst",
        *(ENGINES[name].title for name in others),
        "best known",
        "gap",
    ]
    table = [head]
    gaps = figures.gaps(rows)
    for case in dict.fromkeys(row["case"] for row in rows):
        mine = [row for row in rows if row["case"] == case]
        ours = sorted(figures.kept(mine, "ours"), key=lambda row: figures.key(row))
        cells = [case, _result(ours[(len(ours) - 1) // 2]), _result(ours[-1])] if ours else [case, "–", "–"]
        for name in others:
            best = min(figures.kept(mine, name), key=lambda row: figures.key(row), default=None)
            cells.append("–" if best is None else _result(best))
        known = next((row["best_known"] for row in mine if row.get("best_known")), None)
        trusted = all(row.get("trusted", True) for row in mine)
        cells.append("–" if known is None else f"{known:,.2f}" + ("" if trusted else " (other aim)"))
        cells.append(f"{gaps[case]:+.2f} %" if case in gaps else "–")
        table.append(cells)
    return table


def _result(row: Json) -> str:
    if "worth" in row and row["worth"] is None:
        return f"no solution ({row['visits'] - row['served']} missed)"
    if row.get("worth") is not None:
        return f"{row['worth']:,.2f}"
    missed = f"{row['priority']} missed, " if row["priority"] else ""
    return f"{missed}{row['cost']:,.0f}"


def goals(judgements: Iterable[Judgement]) -> Table:
    """One line for each goal: bound, aim, what was measured, the verdict and what it lacks."""
    table = [["goal", "class", "at least", "aim", "measured", "verdict", "on"]]
    for one in judgements:
        goal = one.goal
        sign = "≥" if goal.at_least else "≤"
        name = " ".join(part for part in (goal.group, str(goal.size or "")) if part)
        measured = "" if one.value is None else f"{one.value:.3g}{goal.unit}"
        table.append(
            [
                goal.text,
                name or goal.command,
                f"{sign} {goal.bound:g}{goal.unit}",
                f"{goal.aim:g}{goal.unit}",
                measured,
                f"({one.word})" if one.short else one.word,
                one.short,
            ]
        )
    return table


def aligned(table: Table) -> str:
    """Return a table for a terminal."""
    widths = [max(len(row[k]) for row in table) for k in range(len(table[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([lines[0], "|" + "---|" * len(table[0]), *lines[1:]])
