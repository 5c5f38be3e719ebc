"""Pages of visits under way, for workers, and of records, for coordinators."""

from coordinator.fieldwork.views import calls, paper, record, records, today, under_way
from coordinator.fieldwork.views.blueprint import bp

__all__ = ["bp", "calls", "paper", "record", "records", "today", "under_way"]
