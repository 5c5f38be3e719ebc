"""Pages of open visits and claims, for workers, and of approvals, for coordinators."""

from coordinator.marketplace.views import approvals, line, lost, offers, open_list, own, rules
from coordinator.marketplace.views.blueprint import bp

__all__ = ["approvals", "bp", "line", "lost", "offers", "open_list", "own", "rules"]
