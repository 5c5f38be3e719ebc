"""What is done with plans: every verb flushes and writes its audit line, none commits."""

from coordinator.planning.services.approval import (
    Approval,
    approve_day,
    approve_plan,
    days_to_give,
    give_day,
    tell_all,
)
from coordinator.planning.services.city import (
    order_plans,
    retry_street,
    seconds_each,
    stop_batch,
    tell_of_batch,
    whole_seconds,
)
from coordinator.planning.services.moves import move_stop, pin_stops, take_off
from coordinator.planning.services.offers import is_offerable, offer_stop
from coordinator.planning.services.preview import Preview, preview_move
from coordinator.planning.services.rearrange import Target
from coordinator.planning.services.runs import discard_plan, request_plan, stop_plan
from coordinator.planning.services.sheets import Printed, print_day, print_route
from coordinator.planning.services.withdrawal import Withdrawal, withdraw_day, withdrawal_of

__all__ = [
    "Approval",
    "Preview",
    "Printed",
    "Target",
    "Withdrawal",
    "approve_day",
    "approve_plan",
    "days_to_give",
    "discard_plan",
    "give_day",
    "is_offerable",
    "move_stop",
    "offer_stop",
    "order_plans",
    "pin_stops",
    "preview_move",
    "print_day",
    "print_route",
    "request_plan",
    "retry_street",
    "seconds_each",
    "stop_batch",
    "stop_plan",
    "take_off",
    "tell_all",
    "tell_of_batch",
    "whole_seconds",
    "withdraw_day",
    "withdrawal_of",
]
