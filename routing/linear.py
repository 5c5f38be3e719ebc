"""The two exact solvers of OR-Tools behind MathOpt: HiGHS for linear programmes, CP-SAT for whole units.

Both get the same message (`_proto`), built from lists: one call for each column and row takes much longer.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from ortools.math_opt import model_pb2
from ortools.math_opt.python import mathopt
from ortools.math_opt.solvers import highs_pb2

from routing.relaxation import SCALE, Relaxation


def prices(found: Relaxation, worth: list[int], seconds: float) -> list[int] | None:
    """Return HiGHS's dual price of each row as a fraction of `SCALE`, None when it found none in time."""
    if not found.rows:
        return []
    model = mathopt.Model.from_model_proto(_proto(found, worth, in_units=False))
    options = highs_pb2.HighsOptionsProto(
        string_options={"solver": "ipm"}
    )  # its simplex takes ten times as long
    parameters = mathopt.SolveParameters(time_limit=timedelta(seconds=seconds), highs=options)
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters)
    if not result.has_dual_feasible_solution():
        return None
    duals = result.dual_values()
    rows = sorted(model.linear_constraints(), key=lambda row: row.id)
    return [max(0, round(duals[row] * SCALE)) for row in rows]


def whole(found: Relaxation, worth: list[int], seconds: float, total: int) -> int:
    """Return CP-SAT's proven limit in whole units; `total` when it has none."""
    model = mathopt.Model.from_model_proto(_proto(found, worth, in_units=True))
    parameters = mathopt.SolveParameters(time_limit=timedelta(seconds=seconds), threads=1, random_seed=1)
    result = mathopt.solve(model, mathopt.SolverType.CP_SAT, params=parameters)
    limit = result.termination.objective_bounds.dual_bound
    # the limit is a whole number held in a float; half a unit up is never too little
    return int(np.floor(limit + 0.5)) if np.isfinite(limit) else total


def _proto(found: Relaxation, worth: list[int], *, in_units: bool) -> model_pb2.ModelProto:
    """Return the relaxation as MathOpt's message."""
    count = len(worth)
    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(range(count))
    proto.variables.lower_bounds.extend([0.0] * count)
    proto.variables.upper_bounds.extend([float(most) for most in found.most])
    proto.variables.integers.extend([in_units] * count)
    proto.objective.maximize = True
    used = [column for column in range(count) if worth[column]]
    proto.objective.linear_coefficients.ids.extend(used)
    proto.objective.linear_coefficients.values.extend([float(worth[column]) for column in used])
    rows = proto.linear_constraints
    rows.ids.extend(range(len(found.rows)))
    rows.lower_bounds.extend([-np.inf] * len(found.rows))
    rows.upper_bounds.extend([float(row.most) for row in found.rows])
    matrix = proto.linear_constraint_matrix
    for number, row in enumerate(found.rows):
        order = np.argsort(row.columns)
        matrix.row_ids.extend([number] * len(order))
        matrix.column_ids.extend(row.columns[order].tolist())
        matrix.coefficients.extend(row.factors[order].astype(float).tolist())
    return proto
