"""The pages of the workforce; importing this package binds them to the blueprint."""

from coordinator.workforce.views import accounts, duty, organisations, pairs, people, preferences, times
from coordinator.workforce.views.common import bp

__all__ = ["accounts", "bp", "duty", "organisations", "pairs", "people", "preferences", "times"]
