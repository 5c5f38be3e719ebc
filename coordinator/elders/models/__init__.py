"""The register of elders (一人一档)."""

from coordinator.elders.models.contacts import (
    EmergencyContact,
    FirstVisitingContact,
)
from coordinator.elders.models.imports import (
    ImportBatch,
    ImportFile,
    ImportKind,
    ImportRow,
    ImportState,
    RowDecision,
    RowOutcome,
)
from coordinator.elders.models.register import (
    Category,
    CoordinateSource,
    DisabilityCertificate,
    EconomicStatus,
    Elder,
    ElderCategory,
    ElderStatus,
    Health,
    Household,
    HouseholdMember,
    Sex,
    Skill,
)
from coordinator.elders.models.wishes import (
    Consent,
    ConsentGiver,
    ConsentKind,
    ConsentState,
)

__all__ = [
    "Category",
    "Consent",
    "ConsentGiver",
    "ConsentKind",
    "ConsentState",
    "CoordinateSource",
    "DisabilityCertificate",
    "EconomicStatus",
    "Elder",
    "ElderCategory",
    "ElderStatus",
    "EmergencyContact",
    "FirstVisitingContact",
    "Health",
    "Household",
    "HouseholdMember",
    "ImportBatch",
    "ImportFile",
    "ImportKind",
    "ImportRow",
    "ImportState",
    "RowDecision",
    "RowOutcome",
    "Sex",
    "Skill",
]
