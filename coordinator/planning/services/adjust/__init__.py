"""照此调整: taking the steps of a proposal, all of them or none.

A proposal travels in the page as a signed note of what was shown: each visit before and after, and what everybody
concerned held. Whatever has changed since makes the note void; the same note taken twice is taken once.
"""

from coordinator.planning.services.adjust.notes import Note, note_of, read_note
from coordinator.planning.services.adjust.taking import HOLDS_MINUTES, Adjusted, adjust

__all__ = ["HOLDS_MINUTES", "Adjusted", "Note", "adjust", "note_of", "read_note"]
