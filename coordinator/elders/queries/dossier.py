"""One dossier with all that stands in it (一人一档), in a fixed number of queries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, Text, cast, func, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator import policy
from coordinator.elders.merged import MergedAway
from coordinator.elders.models import DossierPaper, Elder, Household
from coordinator.elders.queries.categories import CategoryLine, category_lines, may_be_destitute
from coordinator.elders.queries.contacts import (
    Contacts,
    ServiceContactLine,
    contacts_of,
    service_contact_json,
)
from coordinator.elders.queries.facts import facts_of_loaded
from coordinator.elders.queries.scope import Scope, read_scope
from coordinator.elders.rules import WARN_BEFORE, assessment_ends
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import NotFound

ACTS = 40
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
    actor: Actor,
    elder_id: int,
    permission: Permission = Permission.ELDER_READ,
    *,
    fresh: bool = False,
    papers: bool = False,
) -> Elder:
    """The elder with the whole dossier loaded. Raises NotFound outside the actor's areas, MergedAway for a dossier
    that is part of another one now.

    `fresh` reads the rows anew even where the session holds them; `papers` adds devices and papers.
    """
    options = (*_whole(), *_OWN, selectinload(Elder.papers)) if papers else _whole()
    elder = (
        db.session.scalars(
            _wanted(actor, elder_id, permission).options(*options).execution_options(populate_existing=fresh)
        )
        .unique()
        .one_or_none()
    )
    return _found(elder)


def _wanted(actor: Actor, elder_id: int, permission: Permission) -> Select[Any]:
    return select(Elder).where(Elder.id == elder_id, in_areas(actor, permission, Elder.area_id))


def _found(elder: Elder | None) -> Elder:
    if elder is None:
        raise NotFound(_("没有找到这位长者。"), _("可能不在您的管辖范围内。"))
    if elder.merged_into_id is not None:
        raise MergedAway(elder.merged_into_id)
    return elder


_OWN = (joinedload(Elder.devices), joinedload(Elder.wishes), joinedload(Elder.answers))


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
    """All that the pages of one elder show. `papers` are their titles by id."""

    elder: Elder
    scope: Scope
    facts: policy.ElderFacts
    pack: policy.Pack | None
    tier: policy.TierDecision | None
    people: Contacts
    contacts: Sequence[ContactMade]
    categories: Sequence[CategoryLine]
    papers: Mapping[int, str]

    @property
    def tier_quote(self) -> Any:
        """The words of the document that put the elder in this tier."""
        if self.pack is None or self.tier is None:
            return None
        return next((one for one in self.pack.tiers if one.id == self.tier.id), None)

    @property
    def questions(self) -> list[CategoryLine]:
        """The contradictions that nobody has answered."""
        return [one for one in self.categories if one.is_open]

    @property
    def destitute_candidate(self) -> CategoryLine | None:
        return may_be_destitute(self.elder, self.categories)

    def reminders(self, on: date) -> list[tuple[str, date]]:
        """What runs out soon or has run out: (certificate or assessment, its last day)."""
        found = [
            ("certificate", one.valid_to)
            for one in self.elder.certificates
            if one.valid_to is not None and one.valid_to <= on + WARN_BEFORE
        ]
        ends = assessment_ends(self.elder.ability_assessed_on, self.elder.ability_valid_to)
        if ends is not None and ends <= on + WARN_BEFORE:
            found.append(("assessment", ends))
        return found


def read_dossier(actor: Actor, elder_id: int, *, full: bool = True) -> Dossier:
    """A dossier within the actor's scope; without `full` only what the side panel shows."""
    elder, titles, service = _elder_with(actor, elder_id, full=full)
    scope = read_scope(actor, Permission.ELDER_READ)
    today = clock.today()
    facts = facts_of_loaded(elder, on=today)
    pack = scope.pack_of(elder.area_id)
    answers = elder.answers if full else ()
    return Dossier(
        elder=elder,
        scope=scope,
        facts=facts,
        pack=pack,
        tier=policy.tier(pack, facts, today) if pack else None,
        people=contacts_of(elder, service, scope, pack),
        contacts=_contacts(elder.id, CONTACTS if full else 3),
        categories=category_lines(elder, facts, pack, today, answers) if pack else (),
        papers=titles,
    )


def _elder_with(
    actor: Actor, elder_id: int, *, full: bool
) -> tuple[Elder, Mapping[int, str], ServiceContactLine | None]:
    """The elder with the titles of the papers by id, and the paired worker: in one statement."""
    titles = (
        select(func.jsonb_object_agg(DossierPaper.id, DossierPaper.title))
        .where(DossierPaper.elder_id == Elder.id, DossierPaper.removed_at.is_(None))
        .scalar_subquery()
    )
    # As text: rows with joined parts are told apart by hash.
    row = (
        db.session.execute(
            _wanted(actor, elder_id, Permission.ELDER_READ)
            .add_columns(cast(titles, Text), cast(service_contact_json(Elder.id), Text))
            .options(*_whole(), *(_OWN if full else ()))
        )
        .unique()
        .one_or_none()
    )
    elder = _found(row[0] if row else None)
    assert row is not None
    papers = {int(key): title for key, title in json.loads(row[1] or "{}").items()}
    return elder, papers, ServiceContactLine.read(row[2])


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


def acts_of(elder_id: int) -> Sequence[AuditEntry]:
    """What was done with a dossier, looks included, newest first."""
    return db.session.scalars(
        select(AuditEntry)
        .where(AuditEntry.object_type == "elders", AuditEntry.object_id == elder_id)
        .order_by(AuditEntry.id.desc())
        .limit(ACTS)
    ).all()
