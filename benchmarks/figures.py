"""Figures of a campaign: medians, worst seeds, ratios to the other engines.

All take rows of one class and use the kept, valid ones. A ratio of travel is only formed between runs that miss the
same; where ours misses less, or more, that is counted apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import mean, median
from typing import Any

from benchmarks.campaign import at, key

Json = dict[str, Any]
Figure = Callable[[list[Json]], float | None]


def kept(rows: Iterable[Json], engine: str | None = None) -> list[Json]:
    """Valid rows that stand for their engine, of one engine or of all."""
    return [
        row
        for row in rows
        if row["kept"]
        and row["valid"]
        and (engine is None or row["engine"] == engine)
        and not row.get("long")
    ]


def pairs(rows: list[Json], peer: str | None = None) -> list[tuple[Json, Json]]:
    """Our runs, each with the best run of the peers (or of one) on the same instance and seed.

    An engine without seeds has one run for all of them.
    """
    others: dict[tuple[str, str], dict[int, Json]] = defaultdict(dict)
    for row in kept(rows):
        if row["engine"] != "ours" and peer in (None, row["engine"]):
            others[row["case"], row["engine"]][row["seed"]] = row
    found = []
    for row in kept(rows, "ours"):
        rivals = []
        for (case, _engine), by_seed in others.items():
            if case == row["case"]:
                rivals.append(by_seed.get(row["seed"]) or next(iter(by_seed.values())))
        if rivals:
            found.append((row, min(rivals, key=key)))
    return found


def value(row: Json) -> float:
    """What is compared among equals: the cost in the set's unit, else travel with its weights."""
    worth = row.get("worth")
    return float(row["cost"] if worth is None else worth)


def same_service(a: Json, b: Json) -> bool:
    """Whether two runs miss the same."""
    return (a["statutory"], a["priority"]) == (b["statutory"], b["priority"])


def ratios(rows: list[Json], peer: str | None = None) -> dict[str, list[float]]:
    """Our value over the peer's for each instance and seed where both miss the same."""
    found: dict[str, list[float]] = defaultdict(list)
    for ours, best in pairs(rows, peer):
        if same_service(ours, best) and value(best):
            found[ours["case"]].append(value(ours) / value(best))
    return found


def more_missed(rows: list[Json]) -> float | None:
    """Runs of ours that miss more than the best peer."""
    found = pairs(rows)
    if not found:
        return None
    return sum((o["statutory"], o["priority"]) > (b["statutory"], b["priority"]) for o, b in found)


def worst_instance(rows: list[Json]) -> float | None:
    """The largest ratio of an instance, each by the median of its seeds."""
    return max((median(found) for found in ratios(rows).values()), default=None)


def median_ratio(rows: list[Json]) -> float | None:
    """The median over instances of the medians over seeds."""
    found = [median(values) for values in ratios(rows).values()]
    return median(found) if found else None


def worst_ratio(rows: list[Json]) -> float | None:
    """The largest ratio of all runs."""
    return max((one for values in ratios(rows).values() for one in values), default=None)


def spread(rows: list[Json]) -> float | None:
    """Worst seed over best seed of ours, of the worst instance; a seed that misses more counts as double."""
    by_case: dict[str, list[Json]] = defaultdict(list)
    for row in kept(rows, "ours"):
        by_case[row["case"]].append(row)
    found = []
    for runs in by_case.values():
        if len(runs) > 1:
            best, worst = min(runs, key=key), max(runs, key=key)
            found.append(value(worst) / value(best) if same_service(best, worst) else 2.0)
    return max(found, default=None)


def against(peer: str, seconds: float | None = None) -> Figure:
    """Median ratio to one engine's end; ours at its end or after some seconds."""

    def figure(rows: list[Json]) -> float | None:
        if seconds is None:
            found = [median(values) for values in ratios(rows, peer).values()]
            return median(found) if found else None
        by_case: dict[str, list[float]] = defaultdict(list)
        for ours, best in pairs(rows, peer):
            then = at(ours, seconds)
            if then is not None and then[0] == best["priority"] and ours["seconds"] >= seconds:
                by_case[ours["case"]].append(then[1] / best["travel"])
        return median(median(values) for values in by_case.values()) if by_case else None

    return figure


def gap_to(peer: str) -> Figure:
    """Mean over instances, in percent, of our median cost over the peer's."""

    def figure(rows: list[Json]) -> float | None:
        found = [median(values) for values in ratios(rows, peer).values()]
        return 100 * (mean(found) - 1) if found else None

    return figure


def gaps(rows: list[Json], engine: str = "ours") -> dict[str, float]:
    """Percent over the best known cost for each instance that has one, by the median of seeds."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in kept(rows, engine):
        if row.get("best_known") and row.get("trusted") and row.get("worth") is not None:
            found[row["case"]].append(100 * (row["worth"] / row["best_known"] - 1))
    return {case: median(values) for case, values in found.items()}


def mean_gap(rows: list[Json]) -> float | None:
    """Mean of the gaps to the best known costs, in percent."""
    found = gaps(rows)
    return mean(found.values()) if found else None


def worst_gap(rows: list[Json]) -> float | None:
    """Largest of the gaps to the best known costs, in percent."""
    return max(gaps(rows).values(), default=None)


def unsolved(rows: list[Json]) -> float | None:
    """Instances where no run of ours is a solution of the published problem."""
    ours = {row["case"] for row in rows if row["engine"] == "ours"}
    if not ours:
        return None
    return len(ours - {row["case"] for row in kept(rows, "ours") if row.get("worth") is not None})


def complete_after(rows: list[Json]) -> float | None:
    """Seconds until the worst run missed nothing; infinite when one never did."""
    runs = kept(rows, "ours")
    found = [min((p[0] for p in row["curve"] if p[2] == 0), default=float("inf")) for row in runs]
    return max(found, default=None)


def served_share(rows: list[Json]) -> float | None:
    """Least percentage of visits made by a run."""
    return min((100 * row["served"] / row["visits"] for row in kept(rows, "ours")), default=None)


def most_memory(rows: list[Json]) -> float | None:
    """Most megabytes of a run, all its processes together."""
    return max((row["peak_mb"] for row in kept(rows, "ours")), default=None)


def _long(rows: list[Json]) -> dict[str, Json]:
    return {row["case"]: row for row in rows if row.get("long") and row["valid"]}


def behind_long_at(seconds: float) -> Figure:
    """Priority missed after some seconds beyond what the long run misses, in percent of all; the worst run."""

    def figure(rows: list[Json]) -> float | None:
        long = _long(rows)
        found = []
        for row in kept(rows, "ours"):
            then, reference = at(row, seconds), long.get(row["case"])
            if reference is not None:
                missed = row["all_priority"] if then is None else then[0]
                found.append(100 * (missed - reference["priority"]) / row["all_priority"])
        return max(found, default=None)

    return figure


def cost_over_long(rows: list[Json]) -> float | None:
    """Percent of cost over the long run, worst run; infinite where a run misses more."""
    long = _long(rows)
    found = []
    for row in kept(rows, "ours"):
        reference = long.get(row["case"])
        if reference is not None:
            same = row["priority"] <= reference["priority"]
            found.append(100 * (row["cost"] / reference["cost"] - 1) if same else float("inf"))
    return max(found, default=None)


# --- a city, street after street: rows have `workers` (1 or 2) and `begun`, `ended` in seconds ------------------


def _city(rows: list[Json], workers: int) -> list[Json]:
    return sorted((row for row in rows if row.get("workers") == workers), key=lambda row: row["begun"])


def city_seconds(rows: list[Json]) -> float | None:
    """Seconds from the first street's start to the last one's end, with two workers."""
    streets = _city(rows, 2)
    return max(row["ended"] for row in streets) if streets else None


def growth(rows: list[Json]) -> float | None:
    """Mean time of the last fifth of the streets over the first fifth: 1 where time grows in step with streets."""
    streets = _city(rows, 1)
    fifth = len(streets) // 5
    if not fifth:
        return None
    spent = [row["ended"] - row["begun"] for row in streets]
    return mean(spent[-fifth:]) / mean(spent[:fifth])


def speed_up(rows: list[Json]) -> float | None:
    """Time of one worker over time of two; only where the work of a street is fixed by steps, not by seconds."""
    one, two = _city(rows, 1), _city(rows, 2)
    if not one or not two or not all(row["fixed_work"] for row in one + two):
        return None
    return max(row["ended"] for row in one) / max(row["ended"] for row in two)
