"""One dossier with all that stands in it (一人一档), in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from coordinator import policy
from coordinator.elders.labels import is_child
from coordinator.elders.models import Elder, Household
from coordinator.elders.queries.facts import facts_of_loaded
from coordinator.elders.queries.scope import Scope, read_scope
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import NotFound
from coordinator.policy.classify import Child, Circumstances, check_categories

HISTORY = 40
CONTACTS = 30


def _whole() -> tuple[Any, ...]:
    """Loader options for a whole dossier. The elder's own rows are few, so they come with the elder."""
    return (
        joinedload(Elder.area),
        joinedload(Elder.household).selectinload(Household.members),
        joinedload(Elder.household).selectinload(Household.elders),
        joinedload(Elder.first_contact),
        joinedload(Elder.categories),
        joinedload(Elder.certificates),
        joinedload(Elder.consents),
        joinedload(Elder.emergency_contacts),
    )


def elder_in_scope(
    actor: Actor, elder_id: int, permission: Permission = Permission.ELDER_READ, *, fresh: bool = False
) -> Elder:
    """The elder with the whole dossier loaded. Raises NotFound outside the actor's areas.

    `fresh` reads the rows anew even where the session holds them.
    """
    elder = (
        db.session.scalars(
            select(Elder)
            .where(Elder.id == elder_id, in_areas(actor, permission, Elder.area_id))
            .options(*_whole())
            .execution_options(populate_existing=fresh)
        )
        .unique()
        .one_or_none()
    )
    if elder is None:
        raise NotFound(_("没有找到这位长者。"), _("可能不在您的管辖范围内。"))
    return elder


@dataclass(frozen=True, slots=True)
class CategoryQuestion:
    """A recorded category that the household table contradicts, or the other way round. Asked, never corrected."""

    name: str
    recorded: bool
    definition: str


@dataclass(frozen=True, slots=True)
class ContactMade:
    """A contact with the elder as the visits hold it."""

    on: date
    mode: str
    outcome: str
    sequence: int | None
    workers: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """All that the pages of one elder show. `service_contact` is (worker id, name) of the 探访关爱服务联系人."""

    elder: Elder
    scope: Scope
    facts: policy.ElderFacts
    pack: policy.Pack | None
    tier: policy.TierDecision | None
    service_contact: tuple[int, str] | None
    contacts: Sequence[ContactMade]
    questions: Sequence[CategoryQuestion]
    history: Sequence[AuditEntry]

    @property
    def tier_quote(self) -> Any:
        """The words of the document that put the elder in this tier."""
        if self.pack is None or self.tier is None:
            return None
        return next((one for one in self.pack.tiers if one.id == self.tier.id), None)


def read_dossier(actor: Actor, elder_id: int, *, full: bool = True) -> Dossier:
    """A dossier within the actor's scope; without `full` the history of changes is left out (side panel)."""
    elder = elder_in_scope(actor, elder_id)
    scope = read_scope(actor, Permission.ELDER_READ)
    today = clock.today()
    facts = facts_of_loaded(elder, on=today)
    pack = scope.pack_of(elder.area_id)
    return Dossier(
        elder=elder,
        scope=scope,
        facts=facts,
        pack=pack,
        tier=policy.tier(pack, facts, today) if pack else None,
        service_contact=_service_contact(elder.id),
        contacts=_contacts(elder.id, CONTACTS if full else 3),
        questions=category_questions(elder, facts, pack, today) if pack else (),
        history=_history(elder.id) if full else (),
    )


def category_questions(
    elder: Elder, facts: policy.ElderFacts, pack: policy.Pack, on: date
) -> list[CategoryQuestion]:
    """Where the record and the household table disagree. A fact that is not known raises no question."""
    members = [one for one in elder.household.members if one.name != elder.name]
    spouses = [one for one in members if one.relation in ("配偶", "老伴", "妻子", "丈夫", "妻", "夫")]
    children = [one for one in members if is_child(one.relation)]
    known = len(children) >= elder.children_alive if elder.children_alive is not None else bool(children)
    others = [one for one in members if one not in spouses and one not in children and one.lives_in]
    # Where a child lives decides; a child of unknown whereabouts leaves the question open.
    open_place = any(not one.lives_in and one.in_same_town is None for one in children)
    circumstances = Circumstances(
        has_spouse=elder.spouse_alive if elder.spouse_alive is not None else (True if spouses else None),
        children=()
        if elder.children_alive == 0
        else tuple(Child(one.lives_in, bool(one.in_same_town), one.away_since) for one in children)
        if known and not open_place
        else None,
        spouse_at_home=any(one.lives_in for one in spouses) if spouses else None,
        relatives_at_home=bool(others) if members else None,
        rural_registration=elder.is_rural_household,
        ability_level=elder.ability_level,
        disability=facts.disability,
    )
    recorded = frozenset(
        set(facts.categories)
        | {
            derived
            for derived in (policy.Category.IMPAIRED, policy.Category.SEVERELY_DISABLED)
            if policy.has_category(facts, derived, on)
        }
    )
    return [
        CategoryQuestion(one.name, one.recorded, one.definition)
        for one in check_categories(pack, recorded, circumstances, on)
        if one.differs
    ]


def _service_contact(elder_id: int) -> tuple[int, str] | None:
    # Workers are a later feature; the tables are named, not imported.
    contacts, workers = db.metadata.tables["service_contacts"], db.metadata.tables["workers"]
    row = db.session.execute(
        select(workers.c.id, workers.c.name)
        .join(contacts, contacts.c.worker_id == workers.c.id)
        .where(contacts.c.elder_id == elder_id, contacts.c.until.is_(None))
    ).one_or_none()
    return (row[0], row[1]) if row else None


def _contacts(elder_id: int, limit: int) -> list[ContactMade]:
    """The contacts made, newest first. Visits are a later feature; their tables are named, not imported."""
    tables = db.metadata.tables
    visits, assignments, workers = tables["visits"], tables["assignments"], tables["workers"]
    who = (
        select(func.string_agg(workers.c.name, "、"))
        .join(assignments, assignments.c.worker_id == workers.c.id)
        .where(assignments.c.visit_id == visits.c.id, assignments.c.state.in_(("approved", "done")))
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(visits.c.contact_on, visits.c.contact_mode, visits.c.contact_outcome, visits.c.sequence, who)
        .where(visits.c.elder_id == elder_id, visits.c.contact_on.is_not(None))
        .order_by(visits.c.contact_on.desc(), visits.c.id.desc())
        .limit(limit)
    )
    return [
        ContactMade(on, str(mode), str(outcome), sequence, names or "")
        for on, mode, outcome, sequence, names in rows
    ]


def _history(elder_id: int) -> Sequence[AuditEntry]:
    return db.session.scalars(
        select(AuditEntry)
        .where(AuditEntry.object_type == "elders", AuditEntry.object_id == elder_id)
        .order_by(AuditEntry.id.desc())
        .limit(HISTORY)
    ).all()
