"""Claiming a visit, deciding about claims, and leaving a visit again. None of it commits."""

from coordinator.marketplace.services.claiming import (
    LONGEST_REASON,
    Taken,
    answer_companion,
    claim_visit,
    leave_visit,
    own_duty,
    own_opening,
    withdraw_claim,
)
from coordinator.marketplace.services.deciding import approve_claim, approve_claims, refuse_claim

__all__ = [
    "LONGEST_REASON",
    "Taken",
    "answer_companion",
    "approve_claim",
    "approve_claims",
    "claim_visit",
    "leave_visit",
    "own_duty",
    "own_opening",
    "refuse_claim",
    "withdraw_claim",
]
