"""照此调整 pressed several times at once: taken once, everybody told once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel.audit import AuditEntry
from coordinator.messages.models import Message
from coordinator.planning.services.adjust import note_of
from coordinator.planning.services.repair import Fresh, Trouble, propose
from coordinator.visits.models import Visit
from tests.coordinator.planning.conftest import TODAY, give, make_street
from tests.factories import csrf_token, sign_in

PRESSES = 4


def test_pressed_at_once_it_is_taken_once(
    committed_app: Flask, committed_db: Any, freeze: Callable[[datetime], None]
) -> None:
    freeze(datetime(2026, 3, 31, 0, 0, tzinfo=UTC))
    street = make_street()
    one, elder = street.workers[0], street.general[2]
    give(street, street.key[0], time(9, 0), one)
    trouble = Trouble(
        street.area.id, TODAY, "发烧", {one.id: None}, fresh=Fresh(elder.id, 30, (0, 15 * 3600))
    )
    note = note_of(street.actor, propose(street.actor, street.area, trouble))
    elder_id = elder.id
    db.session.commit()
    clients = [committed_app.test_client() for _n in range(PRESSES)]
    for client in clients:
        sign_in(client, street.user)
    tokens = [csrf_token(client) for client in clients]
    before = db.session.scalar(select(func.count()).select_from(Message))
    db.session.remove()
    answers: list[int] = []
    start = threading.Barrier(PRESSES)

    def press(number: int) -> None:
        start.wait()
        form = {"csrf_token": tokens[number], "note": note}
        answers.append(clients[number].post("/planning/changes", data=form).status_code)

    threads = [threading.Thread(target=press, args=(number,)) for number in range(PRESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [303] * PRESSES
    assert db.session.scalar(select(func.count()).where(AuditEntry.action == "day.adjust")) == 1
    assert db.session.scalar(select(func.count()).where(Visit.elder_id == elder_id)) == 1
    told = db.session.scalars(select(Message.user_id)).all()
    assert len(told) > (before or 0)
    assert len(told) == len(set(told)), "nobody hears of it twice"
