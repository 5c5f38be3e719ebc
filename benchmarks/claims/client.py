"""Many browsers in one thread: plain sockets that stay open, so that clients take little from those they measure.

Each answer is waited for to its last byte.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

# gunicorn closes a connection that rests for two seconds.
KEPT_OPEN_SECONDS = 1.0
LONGEST_SECONDS = 40.0


class Answer(NamedTuple):
    """Status, and milliseconds from sending to the last byte."""

    status: int
    milliseconds: float


def request(
    method: str, path: str, cookie: str, *headers: str, fields: Mapping[str, str] | None = None
) -> bytes:
    """A request as it goes over the wire."""
    body = urlencode(fields or {})
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Cookie: tanfang={cookie}", *headers]
    if fields is not None:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body]).encode()


class _Line:
    """One browser's connection, what it still has to say, and what it has heard."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None
        self.rested = 0.0
        self.left: Iterator[bytes] = iter(())
        self.answers: list[Answer] = []

    def begin(self, selector: selectors.BaseSelector, talk: Sequence[bytes]) -> bool:
        self.left, self.answers = iter(talk), []
        if self.socket is None or time.monotonic() - self.rested > KEPT_OPEN_SECONDS:
            self.close()
            self.socket = socket.create_connection(("127.0.0.1", self.port), LONGEST_SECONDS)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(self.socket, selectors.EVENT_READ, self)
        return self._say(selector)

    def _say(self, selector: selectors.BaseSelector) -> bool:
        """Send the next; False when there is nothing left to say."""
        assert self.socket is not None, "a talk has begun"
        following = next(self.left, None)
        if following is None:
            selector.unregister(self.socket)
            self.rested = time.monotonic()
            return False
        self.heard, self.length, self.begun = b"", 0, time.perf_counter()
        self.socket.sendall(following)
        return True

    def hear(self, selector: selectors.BaseSelector) -> bool:
        """Take what has come; False when the talk is over."""
        assert self.socket is not None, "a talk has begun"
        part = self.socket.recv(1 << 16)
        if not part:
            raise OSError("the server closed the connection before its answer was whole")
        self.heard += part
        if not self.length:
            end = self.heard.find(b"\r\n\r\n")
            if end < 0:
                return True
            head = self.heard[:end].lower()
            mark = head.index(b"\ncontent-length:") + 16
            self.length = end + 4 + int(head[mark:].split(b"\r", 1)[0])
        if len(self.heard) < self.length:
            return True
        taken = (time.perf_counter() - self.begun) * 1000
        self.answers.append(Answer(int(self.heard[9:12]), taken))
        return self._say(selector)

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class Browsers:
    """As many as are needed, each with a connection of its own. Not for threads."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lines: list[_Line] = []

    def talk(self, talks: Sequence[Sequence[bytes]]) -> list[list[Answer]]:
        """All at once; each browser sends its next request when it has the whole answer to the one before.

        :raises OSError: an answer did not come, or not to its end.
        """
        self._lines += [_Line(self._port) for _more in range(len(talks) - len(self._lines))]
        lines = self._lines[: len(talks)]
        with selectors.DefaultSelector() as selector:
            talking = sum([line.begin(selector, talk) for line, talk in zip(lines, talks, strict=True)])
            while talking:
                ready = selector.select(LONGEST_SECONDS)
                if not ready:
                    raise OSError(f"{talking} answers did not come within {LONGEST_SECONDS:.0f} s")
                for key, _events in ready:
                    talking -= not key.data.hear(selector)
        return [line.answers for line in lines]

    def at_once(self, requests: Sequence[bytes]) -> list[Answer]:
        """One request of each, all in the same moment."""
        return [answers[0] for answers in self.talk([[one] for one in requests])]

    def close(self) -> None:
        for line in self._lines:
            line.close()
