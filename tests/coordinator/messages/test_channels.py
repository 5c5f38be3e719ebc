"""A mail as a mail server receives it."""

import dataclasses
import email
import socketserver
import threading
from collections.abc import Iterator
from email.policy import default
from typing import TYPE_CHECKING

import pytest

from coordinator.messages import channels

if TYPE_CHECKING:
    from flask import Flask


class Conversation(socketserver.StreamRequestHandler):
    """Speaks as much SMTP as a delivery needs, and refuses the recipient 'refused@…'."""

    def handle(self) -> None:
        self._say("220 ready")
        for line in iter(lambda: self.rfile.readline().decode().strip(), ""):
            verb = line.split(" ")[0].split(":")[0].upper()
            if verb == "DATA":
                self._say("354 go on")
                text = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.received.append(text)  # type: ignore[attr-defined]
            self._say("550 no" if "refused@" in line else "221 bye" if verb == "QUIT" else "250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def received(app: "Flask", monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What the mail server of SMTP_URL was given."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        server.daemon_threads = True
        server.received = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = dataclasses.replace(
            app.extensions["settings"],
            smtp_url=f"smtp://127.0.0.1:{server.server_address[1]}",
            public_base_url="https://tanfang.example.org",
        )
        monkeypatch.setitem(app.extensions, "settings", settings)
        with app.app_context():
            yield server.received  # type: ignore[attr-defined]
        server.shutdown()


def test_a_mail_arrives_whole(received: list[bytes]) -> None:
    channels.send_email("zhou@example.org", "探访：计划已批准", "周敏，您好：\n明天 3 户。\n", "notice-1-1")
    mail = email.message_from_bytes(received[0], policy=default)
    assert mail["To"] == "zhou@example.org"
    assert mail["From"] == "tanfang@tanfang.example.org"
    assert mail["Subject"] == "探访：计划已批准"
    assert mail["Message-ID"] == "<notice-1-1@tanfang.example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "明天 3 户。" in mail.get_content()


def test_links_are_full_addresses(received: list[bytes]) -> None:
    assert channels.absolute_link("/messages/") == "https://tanfang.example.org/messages/"


def test_a_refusal_is_a_known_failure(received: list[bytes]) -> None:
    with pytest.raises(channels.FAILURES):
        channels.send_email("refused@example.org", "x", "y", "notice-2-2")
    assert not received


def test_no_line_break_gets_into_a_header(received: list[bytes]) -> None:
    with pytest.raises(ValueError, match="Header values"):
        channels.send_email("zhou@example.org", "探访\r\nBcc: other@example.org", "y", "notice-3-3")


def test_a_server_that_is_away_is_a_known_failure(app: "Flask", monkeypatch: pytest.MonkeyPatch) -> None:
    settings = dataclasses.replace(app.extensions["settings"], smtp_url="smtp://127.0.0.1:9")
    monkeypatch.setitem(app.extensions, "settings", settings)
    with app.app_context(), pytest.raises(channels.FAILURES):
        channels.send_email("zhou@example.org", "x", "y", "notice-4-4")
