"""What is done with a dossier, one function per act; each flushes and writes its audit line, none commits."""

from coordinator.elders.services.answers import answer_question
from coordinator.elders.services.contacts import (
    COMMITTEE,
    ContactPerson,
    derive_first_contact,
    fallback_contact,
    set_emergency_contacts,
    set_first_contact,
)
from coordinator.elders.services.devices import save_device
from coordinator.elders.services.dossier import (
    create_elder,
    edit_elder,
    end_elder,
    reinstate_elder,
    reverify_elder,
)
from coordinator.elders.services.papers import add_paper, remove_paper, view_paper
from coordinator.elders.services.parts import Certificate
from coordinator.elders.services.reveal import REVEALS_PER_DAY, note_look, reveal
from coordinator.elders.services.wishes import record_consent

__all__ = [
    "COMMITTEE",
    "REVEALS_PER_DAY",
    "Certificate",
    "ContactPerson",
    "add_paper",
    "answer_question",
    "create_elder",
    "derive_first_contact",
    "edit_elder",
    "end_elder",
    "fallback_contact",
    "note_look",
    "record_consent",
    "reinstate_elder",
    "remove_paper",
    "reveal",
    "reverify_elder",
    "save_device",
    "set_emergency_contacts",
    "set_first_contact",
    "view_paper",
]
