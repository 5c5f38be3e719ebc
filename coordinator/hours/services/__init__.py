"""The ledger's verbs. Hours come from closed visits and from nowhere else: there is no verb that types them in."""

from coordinator.hours.models import VerificationState
from coordinator.hours.services.certificates import issue_certificate, revoke_certificate
from coordinator.hours.services.chain import check_chains, line_hash
from coordinator.hours.services.entries import enter_visit, reverse_entry
from coordinator.hours.services.verification import verify_entries

__all__ = [
    "VerificationState",
    "check_chains",
    "enter_visit",
    "issue_certificate",
    "line_hash",
    "reverse_entry",
    "revoke_certificate",
    "verify_entries",
]
