"""The papers of the register: registration forms as the documents print them, and the note of a refusal."""

from coordinator.elders.printing.forms import FormSheet, form_sheets, plain_sheet, registration_form
from coordinator.elders.printing.refusal import RefusalNote, refusal_note

__all__ = [
    "FormSheet",
    "RefusalNote",
    "form_sheets",
    "plain_sheet",
    "refusal_note",
    "registration_form",
]
