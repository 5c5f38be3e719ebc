"""Too late: said at once with two queries, and what else there is nearby asked for a moment later."""

from __future__ import annotations

import re
from datetime import time

import pytest
from sqlalchemy import event

from coordinator.extensions import db
from coordinator.marketplace.queries.asking import Gone, asked_for, asked_while_open
from coordinator.marketplace.services import claim_visit, stand_in_line
from coordinator.marketplace.views.lost import LOOKS_AFTER_MS, LOOKS_WITHIN_MS, SHOWN
from coordinator.visits.lifecycle import VisitState
from tests.coordinator.marketplace.listed import SATURDAY, abroad

HTMX = {"HX-Request": "true"}


@pytest.fixture
def late(field, signed_in):
    """A visit that somebody else has asked for, and the phone of who comes too late."""
    _first, winner = field.worker()
    _second, loser = field.worker()
    visit = field.visit(day=SATURDAY)
    claim_visit(winner, visit.id)
    db.session.commit()
    return visit, loser, signed_in(loser)


def queries(act) -> list[str]:
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "UPDATE user_sessions")):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return seen


def test_the_answer_looks_for_nothing_else(late):
    visit, _loser, phone = late
    answers, path = [], f"/open-visits/{visit.id}/claim"
    sent = queries(lambda: answers.append(phone.post(path)))
    assert len(sent) == 2, "who asks, and the visit"
    assert answers[0].status_code == 409
    page = answers[0].text
    assert "这次刚被别人认领了。可以排队，也可以看看别的。" in page
    assert f'action="/open-visits/{visit.id}/queue"' in page
    assert 'href="/open-visits"' in page, "the list can be reached without scripts"
    wait = re.search(r'hx-get="/open-visits/nearby" hx-trigger="load delay:(\d+)ms"', page)
    assert wait
    assert LOOKS_AFTER_MS <= int(wait[1]) < LOOKS_WITHIN_MS


def test_a_visit_elsewhere_tells_nothing(field, late):
    _visit, _loser, phone = late
    foreign = abroad(field)
    foreign.state = VisitState.CLAIMED
    db.session.commit()
    assert phone.post(f"/open-visits/{foreign.id}/claim").status_code == 404
    assert phone.post("/open-visits/999999/claim").status_code == 404


def test_what_is_nearby(field, late):
    _visit, _loser, phone = late

    def part() -> str:
        answer = phone.get("/open-visits/nearby", headers=HTMX)
        assert answer.status_code == 200
        assert "<html" not in answer.text
        return answer.text

    assert "附近暂时没有别的了" in part()
    visits = [field.visit(day=SATURDAY, start=time(11 + turn)) for turn in range(SHOWN + 1)]
    db.session.commit()
    page = part()
    assert f"附近还有 {SHOWN + 1} 次您能去。" in page
    shown = [one.id for one in visits if f'action="/open-visits/{one.id}/claim"' in page]
    assert len(shown) == SHOWN
    assert phone.post(f"/open-visits/{shown[0]}/claim").status_code == 303
    whole = phone.get("/open-visits/nearby")
    assert (whole.status_code, whole.headers["Location"]) == (303, "/open-visits")


def test_only_what_a_claim_needs_is_read_of_a_visit_that_is_gone(field, late):
    visit, loser, _phone = late
    found = asked_while_open(loser.worker_id, visit.id)
    assert found == Gone(VisitState.CLAIMED, visit.starts_at, None)
    whatever = asked_for(loser.worker_id, visit.id)
    assert whatever is not None
    assert whatever.opening.state is VisitState.CLAIMED
    assert whatever.worker.credentials, "for a place in line everything is read"
    place = stand_in_line(loser, visit.id)
    again = asked_while_open(loser.worker_id, visit.id)
    assert isinstance(again, Gone)
    assert again.own_claim == place.id
    other = field.visit(day=SATURDAY, start=time(15))
    still = asked_while_open(loser.worker_id, other.id)
    assert still == asked_for(loser.worker_id, other.id)
    assert not isinstance(still, Gone)
    assert still.worker.credentials
