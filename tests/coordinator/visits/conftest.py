"""A street with one elder on Thursday 26 March 2026, 10:00, under the rules of 泸州."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from coordinator.elders.models import (
    Category,
    Consent,
    ConsentGiver,
    ConsentKind,
    ConsentState,
    Elder,
    ElderCategory,
)
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Role
from coordinator.visits.lifecycle import ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import SurgeEvent, SurgeKind, Visit
from coordinator.visits.services import close_visit, log_remote_contact, open_visit
from tests.factories import AreaTree, make_actor, make_area_tree, make_elder, visit_times

TODAY = date(2026, 3, 26)
NOW = datetime(2026, 3, 26, 2, 0, tzinfo=UTC)


@dataclass
class World:
    tree: AreaTree
    coordinator: Actor

    def elder(self, *categories: Category, area=None, **over) -> Elder:
        elder = make_elder(area or self.tree.community, **over)
        for category in categories:
            db.session.add(ElderCategory(elder_id=elder.id, category=category, since=date(2020, 1, 1)))
        db.session.flush()
        return elder

    def key_elder(self, **over) -> Elder:
        """Living alone and past 80: a visit at home each half-month."""
        return self.elder(Category.LIVING_ALONE, **({"birth_date": date(1940, 1, 1)} | over))

    def general_elder(self, **over) -> Elder:
        """A visit at home each month."""
        return self.elder(Category.EMPTY_NEST, **({"birth_date": date(1950, 1, 1)} | over))

    def consent(self, elder: Elder, state: ConsentState, kind: ConsentKind = ConsentKind.SERVICE) -> None:
        db.session.add(
            Consent(
                elder_id=elder.id,
                kind=kind,
                state=state,
                given_by=ConsentGiver.SELF,
                given_on=TODAY,
                channel="phone",
                note="本人说明" if state is ConsentState.REFUSED else None,
            )
        )
        db.session.flush()
        db.session.expire(elder, ["consents"])

    def visit(self, elder: Elder, day: date = TODAY, **over) -> Visit:
        start = over.pop("start", None)
        times = visit_times(day, start) if start else visit_times(day)
        return open_visit(self.coordinator, elder, *times, **over)

    def visited(self, elder: Elder, day: date, outcome=ContactOutcome.COMPLETED) -> Visit:
        """A visit at home that has taken place."""
        visit = self.visit(elder, day)
        visit.state = VisitState.IN_PROGRESS
        db.session.flush()
        close_visit(self.coordinator, visit, outcome, ContactMode.HOME, day, visit.ends_at)
        return visit

    def called(self, elder: Elder, day: date, outcome=ContactOutcome.COMPLETED) -> Visit:
        return log_remote_contact(self.coordinator, elder, ContactMode.PHONE, outcome, visit_times(day)[0])

    def event(self, kind: SurgeKind, name: str, first: date, last: date, area=None) -> SurgeEvent:
        event = SurgeEvent(
            area_id=(area or self.tree.county).id, kind=kind, name=name, first_day=first, last_day=last
        )
        db.session.add(event)
        db.session.flush()
        return event


@pytest.fixture
def world(db_session, freeze) -> World:
    freeze(NOW)
    tree = make_area_tree()
    return World(tree, make_actor(Role.STREET_COORDINATOR, tree.street))
