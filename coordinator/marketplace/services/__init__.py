"""Claiming a visit, waiting for one, deciding about claims, and leaving a visit again. None of it commits.

Whoever frees a visit from outside (a swap, a no-show, a late drop-out) calls `move_up(visit_id)` last: the first in
line who still fits gets it.
"""

from coordinator.marketplace.services.by_rule import BOUNDS, set_rules
from coordinator.marketplace.services.claiming import Taken, claim_visit
from coordinator.marketplace.services.deciding import approve_claim, approve_claims, refuse_claim
from coordinator.marketplace.services.giving import (
    LONGEST_REASON,
    end_claim,
    give_visit,
    own_duty,
    own_opening,
)
from coordinator.marketplace.services.leaving import answer_companion, leave_visit, withdraw_claim
from coordinator.marketplace.services.line import move_up, stand_in_line

__all__ = [
    "BOUNDS",
    "LONGEST_REASON",
    "Taken",
    "answer_companion",
    "approve_claim",
    "approve_claims",
    "claim_visit",
    "end_claim",
    "give_visit",
    "leave_visit",
    "move_up",
    "own_duty",
    "own_opening",
    "refuse_claim",
    "set_rules",
    "stand_in_line",
    "withdraw_claim",
]
