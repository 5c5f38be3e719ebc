"""What is done with a worker's record, one function per act; each flushes and audits, none commits."""

from coordinator.workforce.services.accounts import open_account, suggested_username
from coordinator.workforce.services.agreed import Agreement, agree
from coordinator.workforce.services.credentials import (
    add_credential,
    declare_credential,
    refuse_credential,
    verify_credential,
    waits,
)
from coordinator.workforce.services.duty import (
    approve_worker,
    missing_for_approval,
    missing_for_duty,
    retire_worker,
    suspend_worker,
    verify_skills,
)
from coordinator.workforce.services.guardians import (
    GuardianConsent,
    add_guardian_consent,
    check_guardian,
    withdraw_guardian_consent,
)
from coordinator.workforce.services.own import register_oneself, take_up_record
from coordinator.workforce.services.pairs import add_bar, add_helper, end_pair, pair, remove_bar, unpair
from coordinator.workforce.services.preferences import Travel, refuse_home, set_travel, set_wishes
from coordinator.workforce.services.records import create_worker, edit_worker, reveal
from coordinator.workforce.services.rosters import enter_on_roster, join_roster, take_out
from coordinator.workforce.services.times import (
    add_days_off,
    add_further_hours,
    remove_days_off,
    set_availability,
)

__all__ = [
    "Agreement",
    "GuardianConsent",
    "Travel",
    "add_bar",
    "add_credential",
    "add_days_off",
    "add_further_hours",
    "add_guardian_consent",
    "add_helper",
    "agree",
    "approve_worker",
    "check_guardian",
    "create_worker",
    "declare_credential",
    "edit_worker",
    "end_pair",
    "enter_on_roster",
    "join_roster",
    "missing_for_approval",
    "missing_for_duty",
    "open_account",
    "pair",
    "refuse_credential",
    "refuse_home",
    "register_oneself",
    "remove_bar",
    "remove_days_off",
    "retire_worker",
    "reveal",
    "set_availability",
    "set_travel",
    "set_wishes",
    "suggested_username",
    "suspend_worker",
    "take_out",
    "take_up_record",
    "unpair",
    "verify_credential",
    "verify_skills",
    "waits",
    "withdraw_guardian_consent",
]
