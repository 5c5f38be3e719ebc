"""Pages of the work on the register: surveys, other offices' data, merging, moving, leaving."""

from coordinator.register.views import comparing, doors, leaving, merging, moving, surveys
from coordinator.register.views.blueprint import bp

__all__ = ["bp", "comparing", "doors", "leaving", "merging", "moving", "surveys"]
