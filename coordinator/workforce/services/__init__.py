"""What is done with a worker's record, one function per act; each flushes and audits, none commits."""

from coordinator.workforce.services.accounts import open_account, suggested_username
from coordinator.workforce.services.agreed import Agreement, agree
from coordinator.workforce.services.duty import (
    GuardianConsent,
    add_credential,
    add_guardian_consent,
    approve_worker,
    missing_for_duty,
    retire_worker,
    suspend_worker,
    verify_skills,
    withdraw_guardian_consent,
)
from coordinator.workforce.services.pairs import add_bar, add_helper, end_pair, pair, remove_bar, unpair
from coordinator.workforce.services.records import create_worker, edit_worker, reveal
from coordinator.workforce.services.times import add_days_off, remove_days_off, set_availability

__all__ = [
    "Agreement",
    "GuardianConsent",
    "add_bar",
    "add_credential",
    "add_days_off",
    "add_guardian_consent",
    "add_helper",
    "agree",
    "approve_worker",
    "create_worker",
    "edit_worker",
    "end_pair",
    "missing_for_duty",
    "open_account",
    "pair",
    "remove_bar",
    "remove_days_off",
    "retire_worker",
    "reveal",
    "set_availability",
    "suggested_username",
    "suspend_worker",
    "unpair",
    "verify_skills",
    "withdraw_guardian_consent",
]
