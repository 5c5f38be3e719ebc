"""The street of the fieldwork tests, with people who could go instead."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker
from tests.coordinator.fieldwork.conftest import Field, field, later, signed_in

__all__ = ["Field", "field", "going", "later", "signed_in", "titles"]


def going(visit: Visit) -> list[int]:
    """Ids of the people a visit is given to now."""
    db.session.expire_all()
    return sorted(one.worker_id for one in visit.assignments if one.state is AssignmentState.APPROVED)


def titles(user_id: int | None) -> list[str]:
    """The titles of what somebody was told, oldest first."""
    return list(
        db.session.scalars(select(Message.title).where(Message.user_id == user_id).order_by(Message.id))
    )


@pytest.fixture
def near(field):
    """Five adults with accounts, each a little farther away than the one before."""
    from tests.factories import PLACE

    found: list[tuple[Worker, object]] = []
    for number in range(5):
        found.append(field.worker(start_latitude=PLACE[0] + 0.001 * number, name=f"近{'一二三四五'[number]}"))
    return found
