"""Pages of the ledger: own hours, a school's inbox, the street's ledger, certificates and their public check."""

from coordinator.hours.views import certificates, check, ledger, mine, organisation, school
from coordinator.hours.views.blueprint import bp

__all__ = ["bp", "certificates", "check", "ledger", "mine", "organisation", "school"]
