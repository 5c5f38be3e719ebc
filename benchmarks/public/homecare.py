"""Home health care sets (Mankowska et al. 2014, Kummer 2021, Ceschia et al. 2024) and their objective.

There: everybody is served; windows may be overrun; some patients need two services by two caregivers, at the same
start ("simultaneous") or with the starts a least and most time apart ("sequential"). Cost = (distance + total
tardiness + greatest tardiness) ÷ 3. The scenario format has hard windows and no distance between two starts, so:

- a simultaneous pair is a visit for two people, each able to do one of the services, as long as the longer one;
- a sequential pair becomes two visits whose windows keep the distance whatever happens within them;
- windows are put in several ways, each longer at the end by an allowance; the best plan under their cost counts.

`cost` judges routes by their order alone: with all orders fixed the earliest starts that satisfy every relation are
least in every start at once (difference constraints), so no other times have less tardiness.

Some sets have shifts. As in the publishers' own checker (hhcrsp-toolbox) nobody starts before the shift, and
minutes past its end are a cost; it names no weight, here they count as tardiness does. Kept as a limit the end of
the shift would leave those instances without any solution.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.public import Problem, degrees

Json = dict[str, Any]
SCALE = 1000
ALLOWANCES = (0, 20, 60, 150)
HORIZON = 4000.0
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Call:
    """One service at one patient: number of the patient, of the service in its list."""

    patient: int
    part: int


def read(path: Path, where: str, best: float | None) -> Problem:
    """Read an instance; raises ValueError for a file of another form."""
    data = json.loads(path.read_text(encoding="utf-8"))
    if "patients" not in data or "caregivers" not in data:
        raise ValueError("no patients and caregivers")
    return Problem(
        name=path.stem,
        group=f"home care {path.parent.name}".strip(),
        make=lambda: {f"late{minutes}": scenario(data, path.stem, minutes) for minutes in ALLOWANCES},
        worth=lambda plan: cost(data, routes_of(data, plan)),
        best_known=best,
        aim="(distance + tardiness + greatest tardiness) ÷ 3",
        size=len(data["patients"]),
        facts={"file": where},
        whole=data,
    )


def scenario(data: Json, name: str, allowance: float) -> Json:
    """Put an instance as a day whose windows are longer by an allowance (minutes)."""
    patients, carers = data["patients"], data["caregivers"]
    bases = data.get("departing_points") or data["central_offices"]
    spots = [spot["location"] for spot in (*bases, *patients)]
    drawn = degrees([(place[1], place[0]) for place in spots])
    visits: list[Json] = []
    for number, patient in enumerate(patients):
        low, high = patient["time_window"]
        place = {"loc": drawn[len(bases) + number], "loc_index": patient_index(data, number)}
        parts = [
            _part(data, patient, part, number, place) for part in range(len(patient["required_caregivers"]))
        ]
        if len(parts) == 1:
            visits.append({**parts[0], "window": _span(low, high + allowance)})
        elif patient["synchronization"]["type"] == "simultaneous":
            visits.append({**_together(parts), "window": _span(low, high + allowance)})
        else:
            visits += _apart(data, parts, low, high, patient["synchronization"]["distance"], allowance)
    workers = [_carer(carer, bases, drawn) for carer in carers]
    table = [[round(cell * SCALE) for cell in row] for row in data["distances"]]
    size = len(table)
    matrix = {"locations": (drawn + [drawn[0]] * size)[:size], "car": table}
    return {"kind": "day", "name": name, "visits": visits, "workers": workers, "matrix": matrix}


def patient_index(data: Json, number: int) -> int:
    """Return the row of a patient in the table of distances."""
    index = data["patients"][number].get("distance_matrix_index")
    return int(len(data.get("central_offices") or [0]) + number if index is None else index)


def _span(low: float, high: float) -> list[int]:
    return [round(low * SCALE), round(high * SCALE)]


def able(data: Json, patient: Json, service: str) -> set[str]:
    """Return the caregivers who can do a service at a patient."""
    barred = set(patient.get("incompatible_caregivers") or ())
    return {
        carer["id"]
        for carer in data["caregivers"]
        if service in carer["abilities"] and carer["id"] not in barred
    }


def _part(data: Json, patient: Json, part: int, number: int, place: Json) -> Json:
    wanted = patient["required_caregivers"][part]
    excluded = sorted({carer["id"] for carer in data["caregivers"]} - able(data, patient, wanted["service"]))
    duration = round(_duration(data, wanted) * SCALE)
    return {
        "id": f"{number}:{part}",
        **place,
        "duration": duration,
        "skills": [wanted["service"]],
        "excluded": excluded,
    }


def _duration(data: Json, wanted: Json) -> float:
    if wanted.get("duration") is not None:
        return float(wanted["duration"])
    return float(next(s["default_duration"] for s in data["services"] if s["id"] == wanted["service"]))


def _together(parts: list[Json]) -> Json:
    """One visit for two; whoever can do neither service is excluded, so that the two can share them out."""
    excluded = sorted(set(parts[0]["excluded"]) & set(parts[1]["excluded"]))
    skills = sorted({*parts[0]["skills"], *parts[1]["skills"]})
    duration = max(part["duration"] for part in parts)
    return {**parts[0], "people": 2, "skills": skills, "excluded": excluded, "duration": duration}


def _apart(
    data: Json, parts: list[Json], low: float, high: float, gap: list[float], allowance: float
) -> list[Json]:
    """Two visits whose windows keep the gap; whoever could do both is kept for one of them."""
    least, most = gap
    slack = (most - least) / 2
    room = max(0.0, high - low - most)
    first = low + min(room, allowance / 2) if allowance else low
    names = {carer["id"] for carer in data["caregivers"]}
    can = [names - set(part["excluded"]) for part in parts]
    both = can[0] & can[1]
    keep = 1 if can[0] - both else 0
    for_one = sorted(names - (can[1 - keep] - both))
    parts = [
        {**part, "excluded": for_one if number != keep else part["excluded"]}
        for number, part in enumerate(parts)
    ]
    return [
        {**parts[0], "window": _span(first, first + slack)},
        {**parts[1], "window": _span(first + slack + least, first + most)},
    ]


def _carer(carer: Json, bases: list[Json], drawn: list[list[float]]) -> Json:
    names = [base["id"] for base in bases]
    number = names.index(carer["starting_point_id"]) if "starting_point_id" in carer else 0
    index = base_index(carer)
    shift = carer.get("working_shift") or [0, HORIZON]
    ends = {"start": drawn[number], "end": drawn[number], "start_index": index, "end_index": index}
    return {"id": carer["id"], "mode": "car", "shift": _span(*shift), "skills": carer["abilities"], **ends}


def base_index(carer: Json) -> int:
    """Return the row of a caregiver's start and end."""
    return int(carer.get("distance_matrix_index") or 0)


def routes_of(data: Json, plan: Json) -> dict[str, list[Call]]:
    """Return each caregiver's services in order; a pair shares its two services out as the caregivers can.

    A plan made for the whole problem holds them as "calls": lists of [patient, part] by caregiver.
    """
    if "calls" in plan:
        return {name: [Call(*call) for call in calls] for name, calls in plan["calls"].items()}
    sides: dict[str, list[str]] = {}
    for route in plan["routes"]:
        for stop in route["stops"]:
            sides.setdefault(stop["visit"], []).append(route["worker"])
    routes: dict[str, list[Call]] = {}
    for route in plan["routes"]:
        calls = routes.setdefault(route["worker"], [])
        for stop in route["stops"]:
            number, part = (int(piece) for piece in stop["visit"].split(":"))
            pair = sides[stop["visit"]]
            if len(pair) == 2:
                wanted = data["patients"][number]["required_caregivers"]
                can = [able(data, data["patients"][number], one["service"]) for one in wanted]
                first = 0 if pair[0] in can[0] and pair[1] in can[1] else 1
                part = first if route["worker"] == pair[0] else 1 - first
            calls.append(Call(number, part))
    return routes


def cost(data: Json, routes: dict[str, list[Call]]) -> float | None:
    """Return the published cost of routes given by their order; None when they are not a solution."""
    patients = data["patients"]
    wanted = {
        Call(n, k) for n, patient in enumerate(patients) for k in range(len(patient["required_caregivers"]))
    }
    made = [call for calls in routes.values() for call in calls]
    if len(made) != len(set(made)) or set(made) != wanted:
        return None
    carers = {carer["id"]: carer for carer in data["caregivers"]}
    owner = {call: name for name, calls in routes.items() for call in calls}
    for call, name in owner.items():
        service = patients[call.patient]["required_caregivers"][call.part]["service"]
        if name not in able(data, patients[call.patient], service):
            return None
        if call.part and owner[Call(call.patient, 0)] == name:
            return None
    starts = _earliest(data, routes, carers)
    if starts is None:
        return None
    table = data["distances"]
    distance = overtime = 0.0
    for name, calls in routes.items():
        base = base_index(carers[name])
        path = [base, *(patient_index(data, call.patient) for call in calls), base] if calls else []
        distance += sum(table[a][b] for a, b in pairwise(path))
        shift = carers[name].get("working_shift")
        if calls and shift is not None:
            end = starts[calls[-1]] + service_minutes(data, calls[-1]) + table[path[-2]][base]
            overtime += max(0.0, end - shift[1])
    late = [max(0.0, start - patients[call.patient]["time_window"][1]) for call, start in starts.items()]
    return float(distance + sum(late) + max(late, default=0.0) + overtime) / 3


def service_minutes(data: Json, call: Call) -> float:
    """Return how long a service takes."""
    return _duration(data, data["patients"][call.patient]["required_caregivers"][call.part])


def _earliest(data: Json, routes: dict[str, list[Call]], carers: dict[str, Json]) -> dict[Call, float] | None:
    """Least starts of all services under travel, windows and synchronisation; None when they chase each other."""
    patients, table = data["patients"], data["distances"]
    least: list[tuple[Call, Call, float]] = []
    starts: dict[Call, float] = {}
    for name, calls in routes.items():
        here, clock = base_index(carers[name]), (carers[name].get("working_shift") or [0.0])[0]
        for number, call in enumerate(calls):
            place = patient_index(data, call.patient)
            first = patients[call.patient]["time_window"][0]
            starts[call] = max(first, clock + table[here][place]) if number == 0 else first
            if number:
                least.append(
                    (calls[number - 1], call, service_minutes(data, calls[number - 1]) + table[here][place])
                )
            here = place
    for number, patient in enumerate(patients):
        rule = patient.get("synchronization")
        if rule:
            low, high = (0, 0) if rule["type"] == "simultaneous" else rule["distance"]
            least += [(Call(number, 0), Call(number, 1), low), (Call(number, 1), Call(number, 0), -high)]
    for _round in range(len(starts) + 1):
        changed = False
        for before, after, gap in least:
            if starts[after] + TOLERANCE < starts[before] + gap:
                starts[after] = starts[before] + gap
                changed = True
        if not changed:
            return starts
    return None
