"""The planning engine: a scenario in, a checked plan out. Pure Python, no web, no database.

See docs/planning.md for the parts and the sources.
"""

from routing.bound import Bound, SkillBound, bound
from routing.check import check
from routing.compare import PRESETS, Compared, compare
from routing.conflict import Conflict, conflicts
from routing.edits import Edit, edited
from routing.errors import InputError, ScenarioError
from routing.explain import Explanation, Remedy, explain
from routing.kernel import preload
from routing.limits import STAGES, Limits, Progress
from routing.osrm import Osrm, RoadsError
from routing.plan import Plan, Route, Score, Stop, Unassigned
from routing.quote import Place, Quote, Quoter
from routing.remedy import Gain, ProvenRemedy, remedies
from routing.replan import Change, Repair, RepairWeights, day_of, repair
from routing.roadcache import RoadCache
from routing.roads import RoadReport, with_roads
from routing.scenario import Scenario
from routing.schedule import ByHand, schedule, score_by_hand
from routing.shortage import Shortage, shortage
from routing.solve import solve
from routing.validate import validate
from routing.violations import VIOLATIONS, Report, Violation

__all__ = [
    "PRESETS",
    "STAGES",
    "VIOLATIONS",
    "Bound",
    "ByHand",
    "Change",
    "Compared",
    "Conflict",
    "Edit",
    "Explanation",
    "Gain",
    "InputError",
    "Limits",
    "Osrm",
    "Place",
    "Plan",
    "Progress",
    "ProvenRemedy",
    "Quote",
    "Quoter",
    "Remedy",
    "Repair",
    "RepairWeights",
    "Report",
    "RoadCache",
    "RoadReport",
    "RoadsError",
    "Route",
    "Scenario",
    "ScenarioError",
    "Score",
    "Shortage",
    "SkillBound",
    "Stop",
    "Unassigned",
    "Violation",
    "bound",
    "check",
    "compare",
    "conflicts",
    "day_of",
    "edited",
    "explain",
    "preload",
    "remedies",
    "repair",
    "schedule",
    "score_by_hand",
    "shortage",
    "solve",
    "validate",
    "with_roads",
]
