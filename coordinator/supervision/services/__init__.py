"""Counting months and freezing them."""

from coordinator.supervision.services.counting import count_unit, request_count
from coordinator.supervision.services.freezing import freeze_above, freeze_unit, request_freeze

__all__ = ["count_unit", "freeze_above", "freeze_unit", "request_count", "request_freeze"]
