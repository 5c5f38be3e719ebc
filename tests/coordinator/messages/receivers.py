"""Servers of the loopback address that receive what the outbox sends: mail, webhooks, text messages."""

from __future__ import annotations

import email
import http.server
import json
import re
import socketserver
import threading
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Quick(socketserver.ThreadingTCPServer):
    """Starts on a port, perhaps the one it had before."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


class MailServer:
    """Speaks as much SMTP as a delivery needs. A mail is the server's own once its final dot has come, as with real
    ones: it is kept then, before the answer. `at(phase, address)` is called at rcpt, data, half (in the middle of
    the text), dot (kept, not answered) and replied; when it returns False, the connection is closed there.
    """

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.at: Callable[[str, str], bool | None] = lambda _phase, _address: None
        self.refusals: dict[str, str] = {}  # part of an address → reply to RCPT
        self.answer = "250 kept"  # to the whole mail
        self.connections = 0
        self.server: Quick | None = None
        self.port = 0

    def start(self) -> None:
        outer = self

        class Conversation(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer.connections += 1
                try:
                    outer._talk(self)
                except (ConnectionError, ValueError):
                    return

        self.server = Quick(("127.0.0.1", self.port), Conversation)
        self.port = self.server.server_address[1]
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def stop(self) -> None:
        """Nobody listens any more; a connection is refused."""
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(text, policy=default) for _address, text in self.received]  # type: ignore[misc]

    def addresses(self) -> list[str]:
        return [address for address, _text in self.received]

    def _talk(self, peer: Any) -> None:
        def say(line: str) -> None:
            peer.wfile.write(f"{line}\r\n".encode())

        say("220 ready")
        address = ""
        for line in iter(lambda: peer.rfile.readline().decode().strip(), ""):
            verb = line.split(" ")[0].split(":")[0].upper()
            if verb == "RCPT":
                address = line.partition("<")[2].partition(">")[0]
                if self.at("rcpt", address) is False:
                    return
                reply = next((text for part, text in self.refusals.items() if part in address), "250 ok")
                say(reply)
            elif verb == "DATA":
                if self.at("data", address) is False:
                    return
                say("354 go on")
                first = peer.rfile.readline()
                if self.at("half", address) is False:
                    return
                lines = [first]
                for text in iter(peer.rfile.readline, b".\r\n"):
                    if not text:
                        return  # the sender went away before the dot: nothing is kept
                    lines.append(text)
                if self.answer.startswith("2"):
                    self.received.append((address, b"".join(lines)))
                if self.at("dot", address) is False:
                    return
                say(self.answer)
                self.at("replied", address)
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")


class WebServer:
    """Answers POSTs with JSON and keeps them as (path, parameters or object). `answers` are given out in turn, the
    last one again and again; one that is callable makes the answer from the request.
    """

    def __init__(self, *answers: Any) -> None:
        self.received: list[tuple[str, Any]] = []
        self.answers: list[Any] = list(answers)
        self.before_answer: Callable[[], None] = lambda: None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not body:
                    return  # the sender died between head and body
                if "json" in self.headers["Content-Type"]:
                    given: Any = json.loads(body)
                else:
                    given = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                outer.received.append((self.path, given))
                outer.before_answer()
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                answer = answer(given) if callable(answer) else answer
                status, answer = answer if isinstance(answer, tuple) else (200, answer)
                text = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except ConnectionError:
                    return

            def log_message(self, *_args: Any) -> None:
                return

        self.server = Quick(("127.0.0.1", 0), Handler)
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def key_in(path: str) -> str:
    """The robot's key in the path of a webhook."""
    return parse_qs(urlsplit(path).query)["key"][0]


def only_digits(text: str) -> str:
    return re.sub(r"\D", "", text)
