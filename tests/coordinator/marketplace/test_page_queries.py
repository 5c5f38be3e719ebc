"""The pages of claims ask a fixed number of questions, however many rows they show."""

from __future__ import annotations

from datetime import date, time

from sqlalchemy import event

from coordinator.extensions import db
from coordinator.marketplace.services import claim_visit, stand_in_line
from coordinator.workforce.services import add_helper

SATURDAY = date(2026, 3, 28)
MOST = 12


def queries_of(browser, path: str) -> int:
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert browser.get(path).status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(seen)


def test_the_pages_of_claims(field, signed_in):
    people = [field.worker() for _n in range(4)]
    me, my_actor = people[3]
    for turn in range(6):
        visit = field.visit(day=SATURDAY, start=time(8 + turn, 0))
        claim_visit(people[turn % 3][1], visit.id)
        if turn < 2:
            stand_in_line(my_actor, visit.id)
        add_helper(field.coordinator, visit.elder, me)
    desk = signed_in(field.coordinator)
    found = {path: queries_of(desk, path) for path in ("/approvals", "/approvals/rules")}
    phone = signed_in(my_actor)
    found |= {path: queries_of(phone, path) for path in ("/open-visits/taken", "/workforce/me/elders")}
    assert {path: n for path, n in found.items() if n > MOST} == {}
