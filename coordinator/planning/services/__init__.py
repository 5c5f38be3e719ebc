"""What is done with plans: every verb flushes and writes its audit line, none commits."""

from coordinator.planning.services.approval import (
    Approval,
    approve_day,
    approve_plan,
    days_to_give,
    give_day,
    tell_all,
)
from coordinator.planning.services.call_papers import print_calls
from coordinator.planning.services.calls import distribute_calls, give_call, redistribute, tell_callers
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
from coordinator.planning.services.questions import answer_question, withdraw_question
from coordinator.planning.services.rearrange import Target
from coordinator.planning.services.remedies import (
    ask_worker,
    demand_fresh,
    improve,
    plan_again,
    stale_reason,
    widen_hours,
)
from coordinator.planning.services.runs import discard_plan, request_plan, stop_plan
from coordinator.planning.services.sheets import Printed, print_day, print_route
from coordinator.planning.services.studies import request_study, study_and_freshness
from coordinator.planning.services.weights import (
    go_on_choosing,
    group_of,
    keep_wishes,
    request_choices,
    take_choice,
    wishes_of,
)
from coordinator.planning.services.withdrawal import Withdrawal, withdraw_day, withdrawal_of

__all__ = [
    "Approval",
    "Preview",
    "Printed",
    "Target",
    "Withdrawal",
    "answer_question",
    "approve_day",
    "approve_plan",
    "ask_worker",
    "days_to_give",
    "demand_fresh",
    "discard_plan",
    "distribute_calls",
    "give_call",
    "give_day",
    "go_on_choosing",
    "group_of",
    "improve",
    "is_offerable",
    "keep_wishes",
    "move_stop",
    "offer_stop",
    "order_plans",
    "pin_stops",
    "plan_again",
    "preview_move",
    "print_calls",
    "print_day",
    "print_route",
    "redistribute",
    "request_choices",
    "request_plan",
    "request_study",
    "retry_street",
    "seconds_each",
    "stale_reason",
    "stop_batch",
    "stop_plan",
    "study_and_freshness",
    "take_choice",
    "take_off",
    "tell_all",
    "tell_callers",
    "tell_of_batch",
    "whole_seconds",
    "widen_hours",
    "wishes_of",
    "withdraw_day",
    "withdraw_question",
    "withdrawal_of",
]
