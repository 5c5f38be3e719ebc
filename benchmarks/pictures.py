"""Pictures of results as SVG files: anytime curves, maps of routes, the streets of a city."""

from __future__ import annotations

from math import cos, radians
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, ScalarFormatter

from benchmarks import figures
from benchmarks.campaign import key
from benchmarks.engines import ENGINES

Json = dict[str, Any]
COLOURS = {"ours": "#b3261e", "ortools": "#7a7a7a", "pyvrp": "#1f6fb2", "vroom": "#2e8b57"}
PANELS = 4
INK = "#333333"
plt.rcParams.update(
    {
        "svg.hashsalt": "benchmarks",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": INK,
        "axes.titlesize": 9,
        "axes.titlelocation": "left",
    }
)


def curves(rows: list[Json], path: Path) -> bool:
    """Draw the best cost over time, one panel for each size; whether there was anything to draw.

    Cost is missed priority × 10,000 s + travel, over the best any engine reached; each engine by the run in the
    middle of its seeds, on the first instance of the size.
    """
    found = [row for row in figures.kept(rows) if row.get("curve")]
    sizes = sorted({row["size"] for row in found})[:PANELS]
    if not sizes:
        return False
    figure, panels = plt.subplots(
        1, len(sizes), figsize=(max(4.6, 3.2 * len(sizes) + 0.6), 3.0), squeeze=False
    )
    for axes, size in zip(panels[0], sizes, strict=True):
        mine = [row for row in found if row["size"] == size]
        case = mine[0]["case"]
        _panel(axes, [row for row in mine if row["case"] == case], case)
    panels[0][0].set_ylabel("cost ÷ best cost reached")
    lines: Json = {}
    for axes in panels[0]:
        lines |= {text: line for line, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(lines.values(), lines, loc="outside lower center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0.09, 1, 1))
    _save(figure, path)
    return True


def _panel(axes: Axes, rows: list[Json], case: str) -> None:
    best = min(row["curve"][-1][1] for row in rows)
    for name, colour in COLOURS.items():
        runs = sorted((row for row in rows if row["engine"] == name), key=key)
        if not runs:
            continue
        run = runs[(len(runs) - 1) // 2]
        times = [max(point[0], 0.05) for point in run["curve"]]
        values = [point[1] / best for point in run["curve"]]
        if len(times) == 1:
            axes.plot(times, values, "o", color=colour, label=ENGINES[name].title, markersize=5)
            continue
        times.append(max(run["wall"], times[-1]))
        values.append(values[-1])
        width = 1.8 if name == "ours" else 1.1
        axes.step(times, values, where="post", color=colour, label=ENGINES[name].title, linewidth=width)
    axes.set_title(case)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    top = min(3.0, max(row["curve"][-1][1] for row in rows) / best * 1.1 + 0.05)
    axes.set_ylim(0.98, max(top, 1.15))
    axes.set_xlabel("seconds")
    axes.grid(visible=True, axis="y", color="#e4e4e4", linewidth=0.6)


def route_map(rows: list[Json], path: Path) -> str:
    """Draw ours and the best other engine's routes on one instance; returns its name, "" where there is none."""
    drawn = [row for row in figures.kept(rows) if row.get("map")]
    ours = [row for row in drawn if row["engine"] == "ours"]
    if not ours:
        return ""
    sizes = sorted({row["size"] for row in ours})
    size = 150 if 150 in sizes else sizes[0]
    case = next(row["case"] for row in ours if row["size"] == size)
    mine = sorted((row for row in ours if row["case"] == case), key=key)
    others = sorted((row for row in drawn if row["case"] == case and row["engine"] != "ours"), key=key)
    shown = [mine[(len(mine) - 1) // 2], *others[:1]]
    figure, panels = plt.subplots(1, len(shown), figsize=(4.4 * len(shown), 4.4), squeeze=False)
    colours = plt.colormaps["tab20"]
    for axes, row in zip(panels[0], shown, strict=True):
        for number, places in enumerate(row["map"]["routes"]):
            colour = colours(number % 20)
            lat, lon = zip(*places, strict=True)
            axes.plot(lon, lat, "-", color=colour, linewidth=0.9)
            axes.plot(lon[1:-1], lat[1:-1], "o", color=colour, markersize=2.6)
            axes.plot(lon[:1], lat[:1], "s", color=INK, markersize=3.2)
        if row["map"]["missed"]:
            lat, lon = zip(*row["map"]["missed"], strict=True)
            axes.plot(lon, lat, "x", color=INK, markersize=5)
        missed = f", {row['priority']} priority missed" if row["priority"] else ""
        axes.set_title(f"{ENGINES[row['engine']].title}: {row['travel'] / 3600:.1f} h of travel{missed}")
        axes.set_aspect(1 / cos(radians(row["map"]["routes"][0][0][0])))
        axes.set_axis_off()
    figure.tight_layout()
    _save(figure, path)
    return str(case)


def streets(rows: list[Json], path: Path) -> bool:
    """Draw when each street of a city was done, by one worker and by two."""
    found = [row for row in rows if "workers" in row]
    if not found:
        return False
    figure, axes = plt.subplots(figsize=(5.2, 3.0))
    for workers, colour in ((1, COLOURS["pyvrp"]), (2, COLOURS["ours"])):
        ends = sorted(row["ended"] for row in found if row["workers"] == workers)
        if ends:
            label = f"{workers} worker{'s' * (workers > 1)}"
            done = range(len(ends) + 1)
            axes.plot([0, *ends], done, "o-", color=colour, label=label, markersize=3, linewidth=1.2)
    axes.set_xlabel("seconds")
    axes.set_ylabel("streets planned")
    axes.legend(frameon=False)
    size = median(row["size"] for row in found)
    axes.set_title(f"streets of {size:g} elders")
    figure.tight_layout()
    _save(figure, path)
    return True


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
