"""What people and programs are told while the database is away, and that its death spoils no finished answer."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from coordinator.extensions import db

NOBODY = "postgresql+psycopg://tanfang@127.0.0.1:1/none"


@pytest.fixture
def visitor(make_app: Any) -> FlaskClient:
    """Somebody who signed in before the database went away."""
    client: FlaskClient = make_app(database_url=NOBODY).test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "a token that nobody can look up now"
    return client


def test_a_page_can_be_asked_for_again(visitor: FlaskClient) -> None:
    answer = visitor.get("/today?from=here")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "系统暂时连不上" in answer.text
    assert 'href="/today?from=here"' in answer.text
    assert "再试一次" in answer.text


def test_a_form_comes_back_whole(visitor: FlaskClient) -> None:
    typed = {"care_given": "陪着<说话>", "needs": ["comfort", "rescue"], "password": "geheim-4711"}
    answer = visitor.post("/today/7/record", data=typed)
    assert answer.status_code == 503
    assert "系统暂时连不上" in answer.text
    assert 'action="/today/7/record"' in answer.text
    assert 'value="陪着&lt;说话&gt;"' in answer.text
    assert 'value="comfort"' in answer.text
    assert 'value="rescue"' in answer.text
    assert "geheim-4711" not in answer.text
    assert "密码和文件没有保留" in answer.text


def test_another_site_gets_no_form_to_send_again(visitor: FlaskClient) -> None:
    answer = visitor.post(
        "/today/7/record", data={"care_given": "x"}, headers={"Origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 503
    assert "再送一次" not in answer.text
    assert "/today/7/record" not in answer.text


def test_fragments_and_programs(visitor: FlaskClient) -> None:
    strip = visitor.get("/today", headers={"HX-Request": "true"})
    assert (strip.status_code, strip.headers["HX-Retarget"]) == (503, "#messages")
    assert "系统暂时连不上" in strip.text
    assert "<html" not in strip.text
    program = visitor.get("/today", headers={"Accept": "application/json"})
    assert program.status_code == 503
    assert program.json is not None
    assert program.json["error"]["title"] == "系统暂时连不上"


def test_health_asks_nobody_who_it_is(visitor: FlaskClient) -> None:
    """The monitor's browser may be signed in: still the process lives, and the failing part is named."""
    assert visitor.get("/healthz").status_code == 200
    answer = visitor.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert (answer.json["database"], answer.json["queue"]) == ("failed", "ok")


@pytest.mark.parametrize("how", ["put away", "rolled back"])
def test_a_dead_connection_spoils_no_answer(committed_app: Flask, committed_db: Any, how: str) -> None:
    """The rollback at the end of a request is the first to notice that the database has died."""
    with committed_app.app_context():
        backend = db.session.scalar(text("SELECT pg_backend_pid()"))
        with db.engine.begin() as other:
            assert other.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})
        if how == "rolled back":
            db.take_back()
            assert db.session.scalar(text("SELECT 1")) == 1
    with committed_app.app_context():
        assert db.session.scalar(text("SELECT 1")) == 1
