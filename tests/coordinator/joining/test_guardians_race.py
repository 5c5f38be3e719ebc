"""Two taps at once, or the guardian's yes and no in two windows: one answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.joining.models import GuardianLink
from coordinator.joining.services import guardians
from coordinator.kernel import clock
from coordinator.kernel.errors import Conflict
from coordinator.workforce.models import Guardian, WorkerKind
from tests import factories


def yes(link: GuardianLink) -> None:
    guardians.give_consent(link, name="李梅", birth_date=date(1980, 1, 1), valid_to=clock.today())


def no(link: GuardianLink) -> None:
    guardians.refuse_consent(link)


@pytest.mark.parametrize("acts", [(yes, yes, yes, yes), (yes, no, yes, no)], ids=["same", "both"])
def test_one_answer(
    committed_app: Flask, committed_db: Any, acts: tuple[Callable[[GuardianLink], None], ...]
) -> None:
    tree = factories.make_area_tree()
    school = factories.make_organisation(tree.community)
    pupil = factories.make_worker(
        tree.community,
        kind=WorkerKind.STUDENT,
        organisation_id=school.id,
        birth_date=date(clock.today().year - 15, 1, 1),
    )
    link_id = guardians.ask_guardian(None, pupil, name="李梅", relation="母亲", phone="13900000011").id
    db.session.commit()
    start = threading.Barrier(len(acts))
    done: list[str] = []

    def answer(act: Callable[[GuardianLink], None]) -> None:
        with committed_app.app_context():
            link = db.session.get_one(GuardianLink, link_id)
            _ = link.worker.area.path
            start.wait()
            try:
                act(link)
                db.session.commit()
                done.append(act.__name__)
            except Conflict:
                db.session.rollback()

    threads = [threading.Thread(target=answer, args=(act,)) for act in acts]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(done) == 1
    db.session.expire_all()
    link = db.session.get_one(GuardianLink, link_id)
    assert (link.confirmed_at is not None) == (done == ["yes"])
    assert len(db.session.scalars(select(Guardian)).all()) == done.count("yes")
