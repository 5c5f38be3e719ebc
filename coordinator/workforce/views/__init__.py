"""The pages of the workforce; importing this package binds them to the blueprint."""

from coordinator.workforce.views import duty, organisations, pairs, people, times
from coordinator.workforce.views.common import bp

__all__ = ["bp", "duty", "organisations", "pairs", "people", "times"]
