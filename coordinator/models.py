"""All models, for migrations and mapper configuration. Features import from each other directly."""

from coordinator.accounts import models as accounts
from coordinator.agenda import models as agenda
from coordinator.dropouts import models as dropouts
from coordinator.elders import models as elders
from coordinator.fieldwork import models as fieldwork
from coordinator.hours import models as hours
from coordinator.joining import models as joining
from coordinator.kernel import areas, audit, queue
from coordinator.marketplace import models as marketplace
from coordinator.messages import models as messages
from coordinator.planning import models as planning
from coordinator.register import models as register
from coordinator.supervision import models as supervision
from coordinator.visits import models as visits
from coordinator.workforce import models as workforce

__all__ = [
    "accounts",
    "agenda",
    "areas",
    "audit",
    "dropouts",
    "elders",
    "fieldwork",
    "hours",
    "joining",
    "marketplace",
    "messages",
    "planning",
    "queue",
    "register",
    "supervision",
    "visits",
    "workforce",
]
