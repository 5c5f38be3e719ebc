"""From a published home care problem to the arrays of the search, and routes back."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.engines.ours_homecare.layout import BIG, Array, Problem, Work
from benchmarks.public import homecare
from benchmarks.public.homecare import Call

Json = dict[str, Any]
KNOB = (8.0, 20.0, 0.1, 10.0, 0.3, 0.01, 0.1)
"""See `layout.SMALL` and the following."""


def calls_of(data: Json) -> list[Call]:
    """Return every service of every patient in order."""
    return [
        Call(number, part)
        for number, patient in enumerate(data["patients"])
        for part in range(len(patient["required_caregivers"]))
    ]


def problem(data: Json, knob: tuple[float, ...] = KNOB) -> Problem:
    """Return the constant arrays; raises ValueError for a patient with more than two services."""
    patients, carers = data["patients"], data["caregivers"]
    if any(len(patient["required_caregivers"]) > 2 for patient in patients):
        raise ValueError("more than two services for a patient")
    calls = calls_of(data)
    bases = [homecare.base_index(carer) for carer in carers]
    shifts = [carer.get("working_shift") or (0.0, BIG) for carer in carers]
    windows = [patients[call.patient]["time_window"] for call in calls]
    opened, closed = [float(low) for low, _high in shifts], [float(high) for _low, high in shifts]
    table = np.array(data["distances"], np.float64)
    for base in bases:
        table[base, base] = 0.0  # a route without calls
    able = [_able(data, call) for call in calls]
    mate, lag = _pairs(data, calls)
    row = np.array(
        [*(homecare.patient_index(data, call.patient) for call in calls), *bases, *bases], np.int64
    )
    low = np.array([*(float(window[0]) for window in windows), *opened, *opened])
    length = np.array([*(homecare.service_minutes(data, call) for call in calls), *[0.0] * 2 * len(carers)])
    table = np.ascontiguousarray(table)
    return Problem(
        table=table,
        back=np.ascontiguousarray(table.T),
        row=row,
        low=low,
        due=np.array([*(float(window[1]) for window in windows), *[BIG] * len(carers), *closed]),
        length=length,
        mate=mate,
        lag=lag,
        able=_padded(able, len(carers)),
        ables=np.array([len(one) for one in able], np.int64),
        near=_near(table[np.ix_(row[: len(calls)], row[: len(calls)])]),
        dear=np.array([100.0 * table.max()]),
        knob=np.array(knob),
    )


def _able(data: Json, call: Call) -> list[int]:
    patient = data["patients"][call.patient]
    names = homecare.able(data, patient, patient["required_caregivers"][call.part]["service"])
    return [number for number, carer in enumerate(data["caregivers"]) if carer["id"] in names]


def _pairs(data: Json, calls: list[Call]) -> tuple[Array, Array]:
    """The other call of each patient and how much later than a call it must start at least."""
    number = {call: c for c, call in enumerate(calls)}
    mate, lag = np.full(len(calls), -1, np.int64), np.full(len(calls), -BIG)
    for c, call in enumerate(calls):
        other = number.get(Call(call.patient, 1 - call.part))
        if other is None:
            continue
        mate[c] = other
        rule = data["patients"][call.patient].get("synchronization")
        if rule:
            least, most = (0, 0) if rule["type"] == "simultaneous" else rule["distance"]
            lag[c] = -float(most) if call.part else float(least)
    return mate, lag


def _padded(lists: list[list[int]], width: int) -> Array:
    table = np.full((len(lists), width), -1, np.int64)
    for row, values in zip(table, lists, strict=True):
        row[: len(values)] = values
    return table


def _near(away: Array) -> Array:
    apart = away + away.T
    np.fill_diagonal(apart, -1.0)
    return np.ascontiguousarray(np.argsort(apart, axis=1, kind="stable").astype(np.int64))


def work(p: Problem, seed: int) -> Work:
    """Return a plan without calls."""
    calls, carers = len(p.mate), p.able.shape[1]
    nodes = len(p.row)
    after, before = np.full(nodes, -1, np.int64), np.full(nodes, -1, np.int64)
    who, start = np.full(nodes, -1, np.int64), np.full(nodes, -BIG)
    for w in range(carers):
        first, last = calls + w, calls + carers + w
        after[first], before[last] = last, first
        who[[first, last]] = w
        start[[first, last]] = p.low[first]
    total = np.array([0.0, 0.0, 0.0, float(calls)])
    return Work(
        after=after,
        before=before,
        leg=np.zeros(nodes),
        who=who,
        start=start,
        total=total,
        saved_after=after.copy(),
        saved_before=before.copy(),
        saved_leg=np.zeros(nodes),
        saved_who=who.copy(),
        saved_start=start.copy(),
        saved_total=total.copy(),
        best_after=after.copy(),
        best_total=total.copy(),
        trial=np.zeros(nodes),
        stamp=np.zeros(nodes, np.int64),
        touched=np.zeros(2 * nodes, np.int64),
        queue=np.zeros(nodes + 1, np.int64),
        queued=np.zeros(nodes, np.int64),
        tally=np.zeros(2),
        clock=np.zeros(3, np.int64),
        gone=np.zeros(calls + 1, np.int64),
        key=np.zeros(calls + 1),
        mark=np.zeros(carers, np.int64),
        spot=np.zeros((2, nodes), np.int64),
        bound=np.zeros((2, nodes)),
        random=_random(seed),
    )


def _random(seed: int) -> Array:
    """Return a well mixed state that is never zero (splitmix64)."""
    x = (seed * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03) % (1 << 64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = ((x ^ (x >> shift)) * factor) % (1 << 64)
    return np.array([(x ^ (x >> 31)) or 1], np.uint64)


def routes(data: Json, after: Array) -> dict[str, list[Call]]:
    """Return each caregiver's services in the order of a plan's links."""
    calls = calls_of(data)
    found: dict[str, list[Call]] = {}
    for w, carer in enumerate(data["caregivers"]):
        order = []
        x = int(after[len(calls) + w])
        while x < len(calls):
            order.append(calls[x])
            x = int(after[x])
        found[carer["id"]] = order
    return found
