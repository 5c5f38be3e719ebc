"""A road engine for tests: OSRM's table service on loopback, with answers of the test's choice."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Spot = tuple[float, float]


def willing(number: int) -> tuple[int, bytes] | None:
    """Nothing goes wrong."""
    del number
    return None


@dataclass
class Engine:
    """What the fake answers: `seconds` between two (lon, lat), None without a way; `answer` replaces a reply."""

    seconds: Callable[[Spot, Spot], float | None] = lambda a, b: 700.0 if a < b else 400.0
    answer: Callable[[int], tuple[int, bytes] | None] = willing
    version: str = "map-1"
    asked: list[tuple[str, int, int]] = field(default_factory=list)
    spots: set[Spot] = field(default_factory=set)
    url: str = ""


@contextmanager
def running(engine: Engine) -> Iterator[Engine]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            _, _, _, profile, places = parts.path.split("/")
            spots = [(float(lon), float(lat)) for lon, lat in (one.split(",") for one in places.split(";"))]
            query = parse_qs(parts.query)
            rows, columns = (
                [spots[int(i)] for i in query.get(name, ["0"])[0].split(";")]
                for name in ("sources", "destinations")
            )
            engine.asked.append((profile, len(rows), len(columns)))
            engine.spots |= {spot for spot in spots if spot != (0.0, 0.0)}
            other = engine.answer(len(engine.asked))
            if other is not None:
                return self.say(*other)
            table = [[0.0 if a == b else engine.seconds(a, b) for b in columns] for a in rows]
            body = {"code": "Ok", "durations": table, "data_version": engine.version}
            return self.say(200, json.dumps(body).encode())

        def say(self, status: int, body: bytes) -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except BrokenPipeError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    engine.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield engine
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
