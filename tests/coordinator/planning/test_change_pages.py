"""The pages of 今天出了状况."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.messages.models import Message
from coordinator.visits.models import Visit
from coordinator.visits.services import release
from tests import factories
from tests.coordinator.planning.conftest import Day, team_on
from tests.coordinator.planning.pages import post, text_of


@pytest.fixture
def desk(client: FlaskClient, today: Day) -> FlaskClient:
    """The street's coordinator is signed in."""
    factories.sign_in(client, today.street.user)
    return client


def note_in(answer: Any) -> str:
    found = re.search(r'name="note" value="([^"]+)"', answer.get_data(as_text=True))
    assert found is not None
    return found[1]


def test_from_the_question_to_the_changed_day(desk: FlaskClient, today: Day) -> None:
    away = today.street.workers[0]
    asked = desk.get(f"/planning/changes?worker={away.id}")
    assert asked.status_code == 200
    assert f'value="{away.id}"' in asked.get_data(as_text=True)
    shown = post(
        desk, "/planning/changes/proposal", what="absence", worker=away.id, day="2026-03-31", reason="发烧"
    )
    assert shown.status_code == 200
    words = text_of(shown)
    assert "换人" in words
    assert "还没有改，也没有通知任何人" in words
    assert team_on(today.visits[0]) == [away.id]
    done = post(desk, "/planning/changes", note=note_in(shown))
    assert done.status_code == 303
    assert away.id not in team_on(today.visits[0])


def proposal(desk: FlaskClient, **form: Any) -> Any:
    return post(desk, "/planning/changes/proposal", **({"day": "2026-03-31", "reason": "发烧"} | form))


def test_what_was_changed_meanwhile_is_said_with_a_fresh_proposal(desk: FlaskClient, today: Day) -> None:
    away = today.street.workers[0]
    shown = proposal(desk, what="absence", worker=away.id)
    release(today.actor, today.visits[0], away, "家里有事")
    db.session.commit()
    answer = post(desk, "/planning/changes", note=note_in(shown))
    assert answer.status_code == 409
    words = text_of(answer)
    assert "刚被别人改过" in words
    assert "下面是重新算的方案" in words
    assert team_on(today.visits[1]) == [away.id]
    assert post(desk, "/planning/changes", note=note_in(answer)).status_code == 303
    assert away.id not in team_on(today.visits[1])


def test_sent_twice_is_once(desk: FlaskClient, today: Day) -> None:
    note = note_in(proposal(desk, what="absence", worker=today.street.workers[0].id))
    assert post(desk, "/planning/changes", note=note).status_code == 303
    told = db.session.scalar(select(func.count()).select_from(Message))
    second = post(desk, "/planning/changes", note=note)
    assert second.status_code == 303
    assert db.session.scalar(select(func.count()).select_from(Message)) == told
    assert "已经调整过了" in text_of(desk.get(second.headers["Location"]))


def test_each_question_keeps_what_was_typed(desk: FlaskClient, today: Day) -> None:
    for what in ("absence", "cancel", "urgent"):
        assert desk.get(f"/planning/changes?what={what}").status_code == 200
        refused = proposal(desk, what=what, reason="", worker=today.street.workers[1].id)
        assert refused.status_code == 422
        assert "请写明原因" in text_of(refused)
    page = desk.get(f"/planning/changes?what=cancel&visit={today.visits[2].id}").get_data(as_text=True)
    assert f'selected value="{today.visits[2].id}"' in page
    nobody = proposal(desk, what="urgent", visit="0", elder="")
    assert nobody.status_code == 422
    assert "今天加一次" in text_of(nobody)


def test_an_elder_who_needs_somebody_at_once(desk: FlaskClient, today: Day) -> None:
    elder = today.street.general[2]
    asked = desk.get(f"/planning/changes?what=urgent&elder={elder.id}")
    assert elder.name in text_of(asked)
    shown = proposal(desk, what="urgent", elder=elder.id, visit="0", latest="12:00", minutes="30")
    assert "新派" in text_of(shown)
    assert post(desk, "/planning/changes", note=note_in(shown)).status_code == 303
    made = db.session.scalars(select(Visit).where(Visit.elder_id == elder.id)).one()
    assert team_on(made)


def test_a_day_without_visits_and_a_note_out_of_nowhere(desk: FlaskClient, today: Day) -> None:
    empty = desk.get("/planning/changes?what=cancel&day=2026-04-03")
    assert "没有可以取消的探访" in text_of(empty)
    free = proposal(desk, what="absence", worker=today.street.workers[2].id)
    assert "没有要改的探访" in text_of(free)
    assert post(desk, "/planning/changes", note=note_in(free)).status_code == 303
    assert today.street.workers[2].exceptions, "the leave is noted all the same"
    assert post(desk, "/planning/changes", note="made up").status_code == 422


def test_the_places_that_lead_here(desk: FlaskClient, today: Day) -> None:
    visit, worker, elder = today.visits[0], today.street.workers[0], today.street.general[2]
    for page, link in (
        (f"/visits/{visit.id}", f"visit={visit.id}"),
        (f"/workforce/{worker.id}", f"worker={worker.id}"),
        (f"/elders/{elder.id}", f"elder={elder.id}"),
    ):
        answer = desk.get(page)
        assert answer.status_code == 200
        links = re.findall(r'href="(/planning/changes[^"]*)"', answer.get_data(as_text=True))
        assert any(link in one for one in links), page


def test_another_streets_coordinator_sees_none_of_it(client: FlaskClient, today: Day) -> None:
    stranger = factories.make_user(Role.STREET_COORDINATOR)
    factories.sign_in(client, stranger)
    for address in (f"area={today.street.area.id}", f"visit={today.visits[0].id}"):
        answer = client.get(f"/planning/changes?what=cancel&{address}")
        assert answer.status_code in (200, 404)
        assert today.street.key[0].name not in answer.get_data(as_text=True)
    assert proposal(client, what="absence", worker=today.street.workers[0].id).status_code == 404
    factories.sign_in(client, factories.make_user(Role.COUNTY_SUPERVISOR))
    assert client.get("/planning/changes").status_code == 403
