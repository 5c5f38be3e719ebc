"""The work on the register: surveys, other offices' data, merged dossiers, moves."""

from coordinator.register.models.merges import DifferentPeople, Merge
from coordinator.register.models.moves import AreaMove, MoveState
from coordinator.register.models.sources import (
    Decision,
    ExternalRecord,
    MatchState,
    Source,
    SourceDecision,
)
from coordinator.register.models.surveys import Outcome, Survey, SurveyItem, SurveyKind

__all__ = [
    "AreaMove",
    "Decision",
    "DifferentPeople",
    "ExternalRecord",
    "MatchState",
    "Merge",
    "MoveState",
    "Outcome",
    "Source",
    "SourceDecision",
    "Survey",
    "SurveyItem",
    "SurveyKind",
]
