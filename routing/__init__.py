"""The planning engine: a scenario in, a checked plan out. Pure Python, no web, no database.

See docs/planning.md for the parts and the sources.
"""

from routing.check import check
from routing.errors import InputError, ScenarioError
from routing.explain import Explanation, Remedy, explain
from routing.limits import STAGES, Limits, Progress
from routing.plan import Plan, Route, Score, Stop, Unassigned
from routing.scenario import Scenario
from routing.schedule import schedule
from routing.solve import solve
from routing.validate import validate
from routing.violations import VIOLATIONS, Report, Violation

__all__ = [
    "STAGES",
    "VIOLATIONS",
    "Explanation",
    "InputError",
    "Limits",
    "Plan",
    "Progress",
    "Remedy",
    "Report",
    "Route",
    "Scenario",
    "ScenarioError",
    "Score",
    "Stop",
    "Unassigned",
    "Violation",
    "check",
    "explain",
    "schedule",
    "solve",
    "validate",
]
