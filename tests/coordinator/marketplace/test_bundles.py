"""Several in one walk: offered together, claimed one by one, within every limit."""

from __future__ import annotations

from datetime import time

import pytest
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.marketplace.models import Claim
from coordinator.marketplace.queries.bundles import Round, bundles
from coordinator.marketplace.services import claim_visit, own_duty
from coordinator.workforce.models import WorkerKind
from tests.coordinator.marketplace.listed import (
    RULES,
    TOMORROW,
    abroad,
    at,
    ids,
    market,
    neighbours,
)


def test_neighbours_are_offered_together_and_claimed_one_by_one(field, signed_in):
    _worker, actor = field.worker()
    _other, rival = field.worker()
    visits = neighbours(field)
    seen = market(actor)
    (group,) = bundles(own_duty(actor), seen, RULES, 0)
    assert ids(group.offers) == [one.id for one in visits]
    assert group.kind is Round.NEAR_HOME
    assert 85 * 60 <= group.seconds <= 100 * 60
    phone = signed_in(actor)
    page = phone.get("/open-visits").text
    assert "您出发的地方附近，3 位" in page
    assert "这 3 位我都去" in page
    claim_visit(rival, visits[1].id)
    db.session.commit()
    answer = phone.post("/open-visits/together", {"visit": [str(one.id) for one in visits]})
    assert answer.status_code == 303
    page = phone.get("/open-visits").text
    assert "2 次替您留着" in page
    assert "刚被别人认领" in page
    held = db.session.scalars(select(Claim.visit_id).where(Claim.worker_id == actor.worker_id)).all()
    assert sorted(held) == [visits[0].id, visits[2].id]
    again = phone.post("/open-visits/together", {"visit": [str(visits[0].id)]})
    assert again.status_code == 303
    assert len(db.session.scalars(select(Claim.id).where(Claim.worker_id == actor.worker_id)).all()) == 2


def test_a_bundle_of_anything_is_refused_piece_by_piece(field, signed_in):
    _worker, actor = field.worker()
    foreign = abroad(field)
    phone = signed_in(actor)
    for sent in ([], ["abc"], ["0"], [str(foreign.id)], [str(n) for n in range(900, 990)]):
        assert phone.post("/open-visits/together", {"visit": sent}).status_code == 303
    assert db.session.scalars(select(Claim.id)).all() == []


@pytest.mark.parametrize(
    ("worker", "expected"),
    [
        ({"max_visits_day": 2}, [2, 2]),
        ({"max_visits_day": 1}, []),
        ({"max_visits_week": 2, "max_visits_day": 2}, [2, 2]),
        ({"max_hours_week": 1}, [2, 2]),
        ({"kind": WorkerKind.PROPERTY_STAFF}, [2]),
        ({"kind": WorkerKind.COURIER}, [4]),
        ({}, [4]),
    ],
)
def test_a_bundle_keeps_the_limits_and_the_round(field, worker, expected):
    _worker, actor = field.worker(**worker)
    neighbours(field, 2)
    for number in (2, 3):
        field.visit(
            elder=at(field, 28.8815 + number * 0.0004, neighbourhood=f"别处{number}"),
            day=TOMORROW,
            start=time(10, 30 * (number - 2)),
            minutes=25,
        )
    found = bundles(own_duty(actor), market(actor), RULES, 0)
    assert [len(one.offers) for one in found] == expected
    assert bundles(own_duty(actor), market(actor), RULES, RULES.open_at_once - 1) == []


def test_a_bundle_leaves_time_for_what_is_held(field):
    worker, actor = field.worker()
    field.visit((worker, False), elder=at(field, 28.899), day=TOMORROW, start=time(10, 35))
    neighbours(field, 3)
    found = bundles(own_duty(actor), market(actor), RULES, 0)
    assert [len(one.offers) for one in found] == [2], "after the third there is no time for the way"
