"""One POST, sent in two steps: the head, then, after `mark`, the body that makes it theirs."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from coordinator.messages.channels.outcome import Doubtful, Later

TIMEOUT_SECONDS = 15
ANSWER_SECONDS = 30
LARGEST_ANSWER = 100_000


def post(
    url: str, body: bytes, headers: Mapping[str, str], mark: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """The JSON object that the server answers.

    Raises Later while the server has nothing or says that it is away (429, 5xx), Doubtful when the body is out and
    no answer came: a POST is not repeated on a guess (RFC 9110 9.2.2).
    """
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.netloc, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
    try:
        return _talk(
            connection, f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", body, headers, mark
        )
    finally:
        connection.close()


def _talk(
    connection: http.client.HTTPConnection,
    target: str,
    body: bytes,
    headers: Mapping[str, str],
    mark: Callable[[], None],
) -> dict[str, Any]:
    try:
        connection.putrequest("POST", target)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders()
    except (OSError, http.client.HTTPException) as problem:
        # The address carries a secret, so only the kind of failure is told.
        raise Later(f"not reached: {type(problem).__name__}") from problem
    mark()
    try:
        connection.send(body)
        if connection.sock is not None:
            connection.sock.settimeout(ANSWER_SECONDS)
        response = connection.getresponse()
        text = response.read(LARGEST_ANSWER)
    except (OSError, http.client.HTTPException) as problem:
        raise Doubtful(f"no answer: {type(problem).__name__}", again=False) from problem
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    if response.status == 429 or response.status >= 500:
        raise Later(f"status {response.status}")
    raise Doubtful(f"status {response.status} without JSON", again=False)
