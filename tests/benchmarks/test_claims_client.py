"""The browsers of the race: each answer to its last byte, one request after the other, nothing lost."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.claims.client import Browsers, request
from benchmarks.claims.measuring import Measured, shares

SLOWLY = 0.05


class _Slow(BaseHTTPRequestHandler):
    """Answers in two pieces; /together once ten have asked, /409 with that status, /cut less than it promised."""

    protocol_version = "HTTP/1.1"
    ten = threading.Barrier(10)
    seen: Counter[str] = Counter()

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.seen[f"{self.path} {self.headers['Cookie']} {sent}"] += 1
        if self.path == "/together":
            self.ten.wait(30)
        self.send_response(409 if self.path == "/409" else 303)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"ab")
        self.wfile.flush()
        time.sleep(SLOWLY)
        if self.path == "/cut":
            self.close_connection = True
            return
        self.wfile.write(b"cd")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 64


@pytest.fixture
def port() -> Iterator[int]:
    _Slow.seen.clear()
    server = _Server(("127.0.0.1", 0), _Slow)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def browsers(port: int) -> Iterator[Browsers]:
    found = Browsers(port)
    yield found
    found.close()


def press(path: str, who: str = "me") -> bytes:
    return request("POST", path, who, fields={"csrf_token": "a b"})


def test_all_at_once_and_to_the_last_byte(browsers: Browsers) -> None:
    answers = browsers.at_once([press("/together", f"p{turn}") for turn in range(10)])
    assert [one.status for one in answers] == [303] * 10, "nobody waits for another"
    assert min(one.milliseconds for one in answers) >= SLOWLY * 1000
    assert _Slow.seen["/together tanfang=p0 csrf_token=a+b"] == 1
    assert sum(_Slow.seen.values()) == 10


def test_each_says_the_next_when_it_has_heard_the_one_before(browsers: Browsers) -> None:
    for _again in range(2):
        heard = browsers.talk([[press("/a")] * 3, [press("/409")], []])
        assert [[one.status for one in answers] for answers in heard] == [[303] * 3, [409], []]
    assert _Slow.seen["/a tanfang=me csrf_token=a+b"] == 6


def test_half_an_answer_is_none(browsers: Browsers) -> None:
    with pytest.raises(OSError, match="before its answer was whole"):
        browsers.at_once([press("/cut")])


def test_percentiles_and_shares() -> None:
    measured = Measured("", 2, [float(n) for n in range(1, 101)])
    assert (measured.rate, measured.p(0.5), measured.p(0.95), measured.p(1)) == (50, 50, 95, 100)
    assert [list(part) for part in shares(range(5), 2)] == [[0, 2, 4], [1, 3]]
