"""A street with its elders in the first days of April 2026: March is over and not frozen yet."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from coordinator.elders.models import ConsentGiver, ConsentKind, ConsentState, Elder
from coordinator.elders.services import record_consent
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.supervision.services import freeze_unit
from coordinator.visits.lifecycle import ContactOutcome
from tests.coordinator.visits.conftest import World
from tests.factories import make_actor, make_area_tree

MARCH = date(2026, 3, 1)
FIRST_OF_APRIL = datetime(2026, 4, 1, 2, 0, tzinfo=UTC)
LATER = datetime(2026, 4, 9, 2, 0, tzinfo=UTC)


class Months(World):
    """The world of visits, with a month to judge."""

    def march(self) -> tuple:
        """Four elders: all done, called only, visited half of what was owed, nothing."""
        done, called, half, nothing = (
            self.general_elder(name="全做"),
            self.general_elder(name="只打"),
            self.key_elder(name="一半"),
            self.general_elder(name="没有"),
        )
        self.visited(done, date(2026, 3, 5))
        self.called(called, date(2026, 3, 6))
        self.visited(half, date(2026, 3, 5))
        self.called(nothing, date(2026, 3, 6), ContactOutcome.NO_ANSWER)
        return done, called, half, nothing

    def refuses(self, elder: Elder, day: date) -> None:
        """Somebody went and explained, and the elder does not want visits."""
        record_consent(
            self.coordinator,
            elder,
            ConsentKind.SERVICE,
            ConsentState.REFUSED,
            given_by=ConsentGiver.SELF,
            given_on=day,
            channel="phone",
            note="社工小李去解释过，长者说不用来了",
        )

    def freeze_march(self) -> None:
        freeze_unit(self.tree.county, MARCH)
        db.session.expire_all()


@pytest.fixture
def months(db_session, freeze) -> Months:
    freeze(FIRST_OF_APRIL)
    tree = make_area_tree()
    return Months(tree, make_actor(Role.STREET_COORDINATOR, tree.street))
