"""今天出了状况: what a day becomes after an absence, a cancellation or an urgent visit. Writes nothing.

The answer is a list of steps from what people were told to what they would be told; `services.adjust` takes them.
`sorting` takes the day apart, `finding` asks the engine who goes, `weighing` counts travel and sheets.
"""

from coordinator.planning.services.repair.finding import SEARCH_SECONDS, WHY_NOBODY
from coordinator.planning.services.repair.proposing import load_change_area, propose
from coordinator.planning.services.repair.sorting import LEAD_SECONDS
from coordinator.planning.services.repair.steps import (
    CALL_SECONDS,
    Fresh,
    Kind,
    Proposal,
    Step,
    Team,
    Trouble,
    team_before,
    words_of,
)

__all__ = [
    "CALL_SECONDS",
    "LEAD_SECONDS",
    "SEARCH_SECONDS",
    "WHY_NOBODY",
    "Fresh",
    "Kind",
    "Proposal",
    "Step",
    "Team",
    "Trouble",
    "load_change_area",
    "propose",
    "team_before",
    "words_of",
]
