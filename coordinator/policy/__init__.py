"""Rule packs and what they oblige: plain values in, plain values out; no database, no web framework."""

from .compiled import Source, TierDecision
from .engine import Calculation, ContactVerdict, EarlierFacts, Obligation, obligations, tier
from .errors import PolicyError
from .facts import (
    BlockReason,
    Category,
    Consent,
    Contact,
    CoResident,
    DisabilityCertificate,
    EconomicStatus,
    ElderFacts,
    Event,
    EventKind,
    Health,
    HomeConsent,
    Mode,
    NotCounted,
    Outcome,
    ServiceConsent,
    Status,
    WaiverReason,
    age_on,
    has_category,
)
from .packs import available_packs, load_pack
from .schema import Pack

__all__ = [
    "BlockReason",
    "Calculation",
    "Category",
    "CoResident",
    "Consent",
    "Contact",
    "ContactVerdict",
    "DisabilityCertificate",
    "EarlierFacts",
    "EconomicStatus",
    "ElderFacts",
    "Event",
    "EventKind",
    "Health",
    "HomeConsent",
    "Mode",
    "NotCounted",
    "Obligation",
    "Outcome",
    "Pack",
    "PolicyError",
    "ServiceConsent",
    "Source",
    "Status",
    "TierDecision",
    "WaiverReason",
    "age_on",
    "available_packs",
    "has_category",
    "load_pack",
    "obligations",
    "tier",
]
