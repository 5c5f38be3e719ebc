"""May this claim be approved without a person? The facts, the verdict, and what a rule would have done so far."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import select

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.marketplace.duty import DutyWorker, duty_workers
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.market import OWN_WILL, findings, minor
from coordinator.marketplace.queries.openings import Held, Opening, clash, openings_of
from coordinator.marketplace.queries.sensitive import Sensitive, sensitive_elders
from coordinator.marketplace.rules import AutoRule
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit

PREVIEW_DAYS = 30
# Enough for the busiest month of a street; the page says when it was not all.
PREVIEW_CLAIMS = 3000
NO_SHOW_DAYS = 90


class Why(StrEnum):
    """Why a person decides. The order is that in which people are told."""

    MINOR = "minor"
    COMPANION = "companion"
    FIRST_HERE = "first_here"
    SENSITIVE = "sensitive"
    SOON = "soon"
    FINDING = "finding"
    NO_SHOW = "no_show"
    FEW_HERE = "few_here"
    FEW_AROUND = "few_around"


class Been(NamedTuple):
    """One visit that was made and whose record somebody confirmed."""

    elder_id: int
    area_id: int
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rule reads of one claim. `lead`: from the claim to the visit. `findings`: something stands against
    it, a clash with another visit included.
    """

    here: int
    around: int
    with_minor: bool
    with_companion: bool
    sensitive: Sequence[Sensitive]
    lead: timedelta
    findings: bool
    no_show: bool


def verdict(facts: Facts, rule: AutoRule) -> list[Why]:
    """Why a person decides about this claim; nothing when the rule may. Whether the rule is on is not asked."""
    here, around = max(1, rule.visits_here), rule.visits_around
    return [
        why
        for why, holds in (
            (Why.MINOR, facts.with_minor),
            (Why.COMPANION, facts.with_companion),
            (Why.FIRST_HERE, facts.here == 0),
            (Why.SENSITIVE, bool(facts.sensitive)),
            (Why.SOON, facts.lead < timedelta(hours=rule.lead_hours)),
            (Why.FINDING, facts.findings),
            (Why.NO_SHOW, facts.no_show),
            (Why.FEW_HERE, 0 < facts.here < here),
            (Why.FEW_AROUND, facts.here > 0 and facts.around < around),
        )
        if holds
    ]


def confirmed_visits(worker_ids: Collection[int]) -> dict[int, list[Been]]:
    """The visits of these workers whose record is confirmed. One query; records belong to a later feature, so their
    table is named, not imported.
    """
    records = db.metadata.tables["visit_records"]
    rows = db.session.execute(
        select(Assignment.worker_id, Visit.elder_id, Visit.area_id, records.c.confirmed_at)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(records, records.c.visit_id == Visit.id)
        .where(
            Assignment.worker_id.in_(worker_ids),
            Assignment.state == AssignmentState.DONE,
            records.c.state == "confirmed",
        )
    )
    found: dict[int, list[Been]] = defaultdict(list)
    for worker_id, elder_id, area_id, confirmed_at in rows:
        found[worker_id].append(Been(elder_id, area_id, confirmed_at))
    return found


def no_shows_of(worker_ids: Collection[int]) -> dict[int, list[datetime]]:
    """When these workers did not come, as far as it stands. One query of a later feature's table."""
    missed = db.metadata.tables["no_shows"]
    rows = db.session.execute(
        select(missed.c.worker_id, missed.c.recorded_at).where(
            missed.c.worker_id.in_(worker_ids), missed.c.state.in_(("recorded", "appealed", "upheld"))
        )
    )
    found: dict[int, list[datetime]] = defaultdict(list)
    for worker_id, at in rows:
        found[worker_id].append(at)
    return found


def facts_of(
    worker: DutyWorker,
    companion: DutyWorker | None,
    opening: Opening,
    held: Sequence[Held],
    at: datetime,
    been: Iterable[Been],
    missed: Iterable[datetime],
    sensitive: Sequence[Sensitive],
) -> Facts:
    """The facts of a claim made `at` that moment: what was confirmed later counts for nothing."""
    before = [one for one in been if one.confirmed_at <= at]
    against = [
        one
        for one in findings(worker, opening, held, (companion,) if companion else ())
        if one.code not in OWN_WILL
    ]
    return Facts(
        here=sum(one.elder_id == opening.home.id for one in before),
        around=sum(one.area_id == opening.area_id for one in before),
        with_minor=minor(worker, opening.day) or (companion is not None and minor(companion, opening.day)),
        with_companion=companion is not None or opening.people > 1,
        sensitive=sensitive,
        lead=opening.starts_at - at,
        findings=bool(against) or clash(held, opening) is not None,
        no_show=any(at - timedelta(days=NO_SHOW_DAYS) <= one <= at for one in missed),
    )


def facts_now(
    worker: DutyWorker, companion: DutyWorker | None, opening: Opening, held: Sequence[Held]
) -> Facts:
    """The facts of a claim that is made now. Three queries."""
    return facts_of(
        worker,
        companion,
        opening,
        held,
        clock.now(),
        confirmed_visits([worker.id])[worker.id],
        no_shows_of([worker.id])[worker.id],
        sensitive_elders([opening.home.id]).get(opening.home.id, ()),
    )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would have done with the claims of the last days: `passed` of `total` at once, and the first
    reason of each of the others. `cut`: there were more, the oldest were left out.
    """

    total: int
    passed: int
    reasons: Counter[Why]
    cut: bool

    @property
    def left(self) -> int:
        return self.total - self.passed


def preview(area_path: str, rule: AutoRule) -> Preview:
    """Judge the claims of the last 30 days in an area by a rule. Six queries.

    By what was known when each was made, except the dossier, papers and skills, which are read as they are today;
    how much somebody held at that moment is not known any more and left out.
    """
    now = clock.now()
    rows: Sequence[Any] = db.session.execute(
        select(Claim.visit_id, Claim.worker_id, Claim.companion_id, Claim.claimed_at)
        .join(Visit, Visit.id == Claim.visit_id)
        .join(Area, Area.id == Visit.area_id)
        .where(
            Area.path.startswith(area_path),
            Claim.claimed_at >= now - timedelta(days=PREVIEW_DAYS),
            Claim.state != ClaimState.QUEUED,
        )
        .order_by(Claim.claimed_at.desc(), Claim.id.desc())
        .limit(PREVIEW_CLAIMS + 1)
    ).all()
    cut = len(rows) > PREVIEW_CLAIMS
    rows = rows[:PREVIEW_CLAIMS]
    people = {row.worker_id for row in rows} | {row.companion_id for row in rows if row.companion_id}
    openings = openings_of({row.visit_id for row in rows})
    workers = duty_workers(people)
    been, missed = confirmed_visits(people), no_shows_of(people)
    sensitive = sensitive_elders({one.home.id for one in openings.values()})
    reasons: Counter[Why] = Counter()
    for row in rows:
        opening = openings[row.visit_id]
        facts = facts_of(
            workers[row.worker_id],
            workers.get(row.companion_id) if row.companion_id else None,
            opening,
            (),
            row.claimed_at,
            been[row.worker_id],
            missed[row.worker_id],
            sensitive.get(opening.home.id, ()),
        )
        against = verdict(facts, rule)
        if against:
            reasons[against[0]] += 1
    return Preview(len(rows), len(rows) - reasons.total(), reasons, cut)
