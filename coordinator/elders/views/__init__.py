"""The pages of the register: list, dossier and its form, history, papers, wishes, contact people."""

from coordinator.elders.views import dossier, edit, listing, printing, things, wishes
from coordinator.elders.views.blueprint import bp

__all__ = ["bp", "dossier", "edit", "listing", "printing", "things", "wishes"]
