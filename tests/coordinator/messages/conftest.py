"""The committed application with receivers of its own."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from coordinator.config import Settings, SmsSettings
from coordinator.kernel.queue import OwedJob, OwedState, run_owed
from tests.coordinator.messages.parcels import NOON
from tests.coordinator.messages.receivers import MailServer, WebServer

if TYPE_CHECKING:
    from flask import Flask


@pytest.fixture
def at_noon(freeze: Any) -> None:
    """Noon of 26 March 2026."""
    freeze(NOON)


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def web_server() -> Iterator[WebServer]:
    server = WebServer({"errcode": 0, "errmsg": "ok", "Code": "OK", "BizId": "900619^0"})
    yield server
    server.stop()


def leading_to(mail_server: MailServer, web_server: WebServer, settings: Settings) -> Settings:
    """The settings with all channels leading to these receivers."""
    return dataclasses.replace(
        settings,
        smtp_url=mail_server.url,
        wecom_url=web_server.url,
        sms=SmsSettings(
            gateway="aliyun",
            url=web_server.url,
            key_id="testId",
            key_secret="testSecret",
            sign="滨河街道",
            template_notice="SMS_1",
            template_code="SMS_2",
        ),
        public_base_url="https://tanfang.example.org",
    )


@pytest.fixture
def outbox(
    committed_app: "Flask",
    committed_db: Any,
    mail_server: MailServer,
    web_server: WebServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], int]:
    """All channels lead to the receivers; `outbox()` runs the jobs that are owed until nothing is due, as a worker
    would, and returns how many ran. What waits for a later moment keeps waiting.
    """
    settings = leading_to(mail_server, web_server, committed_app.extensions["settings"])
    monkeypatch.setitem(committed_app.extensions, "settings", settings)

    def run() -> int:
        from coordinator.kernel import clock

        ran = 0
        while True:
            due = committed_db.scalars(
                select(OwedJob.id)
                .where(OwedJob.state == OwedState.OWED, OwedJob.run_after <= clock.machine_now())
                .order_by(OwedJob.id)
            ).all()
            committed_db.rollback()
            if not due:
                return ran
            for owed_id in due:
                run_owed(owed_id)
                ran += 1

    return run
