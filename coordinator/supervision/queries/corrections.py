"""What was corrected since a month was frozen: who stands elsewhere in it now, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import or_, select

from coordinator.elders.models import Consent, ConsentKind, Elder
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.supervision.models import CoverageCount
from coordinator.supervision.queries.rate import MonthView, Scope, Source, people_below, people_of
from coordinator.visits.models import SurgeEvent, Visit
from coordinator.visits.queries.coverage import ALL_MET, COUNTED, WITH_CONTACT, Group, Span


class Why(StrEnum):
    """Why an elder stands elsewhere in a month than when it was frozen."""

    LATE_CONTACT = "late_contact"
    ENTERED_LATE = "entered_late"
    MOVED_IN = "moved_in"
    MOVED_OUT = "moved_out"
    DATES = "dates"
    WISHES = "wishes"
    EVENTS = "events"
    CONTACTS = "contacts"
    DOSSIER = "dossier"


class Correction(NamedTuple):
    """One elder whose month changed after it was frozen. None: not in the area's month at all."""

    elder_id: int
    name: str
    area_id: int | None
    before: Group | None
    after: Group | None
    why: Why
    days: tuple[date, ...]


def read_corrections(
    scope: Scope, view: MonthView, actor: Actor, most: int | None = None
) -> list[Correction]:
    """Who stands elsewhere than when the month was frozen, and why; empty for a month that is not frozen.

    `most` cuts the list (the figures of the page are whole anyway). A fixed number of queries.
    """
    if view.source is not Source.FROZEN or view.now is None or view.at is None:
        return []
    before = _by_elder(people_of(scope, view))
    now = view.people_now
    after = _by_elder(people_below(CoverageCount, scope.chosen.path, view.span.first) if now is None else now)
    changed = sorted(one for one in before.keys() | after.keys() if before.get(one) != after.get(one))
    return _explain(changed[:most], before, after, scope, view.span, view.at, actor)


def _by_elder(people: Mapping[Group, Iterable[int]]) -> dict[int, Group]:
    return {elder_id: group for group, ids in people.items() for elder_id in ids}


def _explain(
    changed: Sequence[int],
    before: Mapping[int, Group],
    after: Mapping[int, Group],
    scope: Scope,
    span: Span,
    frozen_at: datetime,
    actor: Actor,
) -> list[Correction]:
    if not changed:
        return []
    elders = {
        row.id: row
        for row in db.session.execute(
            select(Elder.id, Elder.name, Elder.area_id, Elder.created_at, Elder.left_on).where(
                Elder.id.in_(changed)
            )
        )
    }
    late: dict[int, list[date]] = defaultdict(list)
    for elder_id, day in db.session.execute(
        select(Visit.elder_id, Visit.contact_on)
        .where(
            Visit.elder_id.in_(changed),
            Visit.contact_on.between(span.first, span.last),
            or_(Visit.created_at > frozen_at, Visit.closed_at > frozen_at),
        )
        .order_by(Visit.contact_on)
    ):
        late[elder_id].append(day)
    wishes = set(
        db.session.scalars(
            select(Consent.elder_id).where(
                Consent.elder_id.in_(changed),
                Consent.kind == ConsentKind.SERVICE,
                Consent.recorded_at > frozen_at,
            )
        )
    )
    events_changed = _events_changed(span, frozen_at)
    visible = set(
        db.session.scalars(
            select(Elder.id).where(
                Elder.id.in_(changed), in_areas(actor, Permission.COVERAGE_READ, Elder.area_id)
            )
        )
    )
    found = []
    for elder_id in changed:
        elder, then, now = elders.get(elder_id), before.get(elder_id), after.get(elder_id)
        why = _why(
            elder, then, now, scope, frozen_at, late.get(elder_id, []), elder_id in wishes, events_changed
        )
        found.append(
            Correction(
                elder_id=elder_id,
                # Who has moved to somebody else's area is counted here, and named there.
                name=elder.name if elder is not None and elder_id in visible else "",
                area_id=elder.area_id if elder is not None else None,
                before=then,
                after=now,
                why=why,
                days=tuple(late.get(elder_id, ())) if why is Why.LATE_CONTACT else (),
            )
        )
    return found


def _why(
    elder: Any,
    then: Group | None,
    now: Group | None,
    scope: Scope,
    frozen_at: datetime,
    late: Sequence[date],
    wish: bool,
    events_changed: bool,
) -> Why:
    here = (
        elder is not None
        and elder.area_id in scope.areas
        and scope.areas[elder.area_id].path.startswith(scope.chosen.path)
    )
    if now is None:
        return Why.DATES if here else Why.MOVED_OUT
    if then is None:
        if elder is not None and elder.created_at > frozen_at:
            return Why.ENTERED_LATE
        return Why.MOVED_IN if late == [] and elder is not None else Why.DATES
    if Group.REFUSED in (then, now) and wish:
        return Why.WISHES
    if (then in COUNTED) != (now in COUNTED):
        return Why.DATES if Group.REFUSED not in (then, now) else Why.WISHES
    better = (now in WITH_CONTACT) > (then in WITH_CONTACT) or (now in ALL_MET) > (then in ALL_MET)
    if late and better:
        return Why.LATE_CONTACT
    if (now in WITH_CONTACT) != (then in WITH_CONTACT):
        return Why.CONTACTS
    return Why.EVENTS if events_changed else Why.DOSSIER


def _events_changed(span: Span, frozen_at: datetime) -> bool:
    """Was a festival, weather or epidemic of the month entered, changed or cancelled since?"""
    found = db.session.scalar(
        select(SurgeEvent.id)
        .where(
            SurgeEvent.first_day <= span.last,
            SurgeEvent.last_day >= span.first,
            or_(
                SurgeEvent.created_at > frozen_at,
                SurgeEvent.changed_at > frozen_at,
                SurgeEvent.cancelled_at > frozen_at,
            ),
        )
        .limit(1)
    )
    return found is not None


def reasons(found: Iterable[Correction]) -> Counter[Why]:
    """How many elders there are of each reason."""
    return Counter(one.why for one in found)
