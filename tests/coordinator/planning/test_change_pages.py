"""The pages of 今天出了状况."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.coordinator.planning.conftest import Day, team_on
from tests.coordinator.planning.test_pages import post, text_of


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
