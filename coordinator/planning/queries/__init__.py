"""Reads of plans: one plan, a month, a day."""

from coordinator.planning.queries.day import DayView, Lane, day_view, load_route, load_stop, workers_of
from coordinator.planning.queries.month import (
    LeftGroup,
    MonthView,
    WorkerLoad,
    call_list,
    left_rows,
    month_view,
)
from coordinator.planning.queries.plans import (
    areas_of,
    find_sheet,
    load_area,
    load_plan,
    next_day,
    shown_plan,
    stops_of_route,
    street_plan,
)

__all__ = [
    "DayView",
    "Lane",
    "LeftGroup",
    "MonthView",
    "WorkerLoad",
    "areas_of",
    "call_list",
    "day_view",
    "find_sheet",
    "left_rows",
    "load_area",
    "load_plan",
    "load_route",
    "load_stop",
    "month_view",
    "next_day",
    "shown_plan",
    "stops_of_route",
    "street_plan",
    "workers_of",
]
