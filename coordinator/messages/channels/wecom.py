"""The robot of a 企业微信 group (developer.work.weixin.qq.com/document/path/91770): a webhook that takes at most
20 messages a minute (the outbox counts) and 4,096 bytes of Markdown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from coordinator.config import Settings
from coordinator.messages.channels import web
from coordinator.messages.channels.outcome import Later, Post, Receipt, Refused
from coordinator.messages.models import Problem

PER_MINUTE = 20
LONGEST_BYTES = 4096
_KEY = re.compile(r"[0-9a-zA-Z-]{20,64}")
_MARKUP = re.compile(r"[\\`*_\[\]<>#|~]")
# Their codes, as far as they tell what to do (developer.work.weixin.qq.com/document/path/90313).
_BUSY = frozenset({-1, 45009, 45033})
_GONE = frozenset({93000, 40014, 93004, 93008})


def key_of(address: str) -> str | None:
    """The secret part of a webhook address as 企业微信 shows it, or of the key alone; None when it is neither."""
    text = address.strip()
    parts = urlsplit(text)
    if parts.scheme == "https" and parts.hostname == "qyapi.weixin.qq.com":
        if parts.path != "/cgi-bin/webhook/send":
            return None
        text = parse_qs(parts.query).get("key", [""])[0]
    return text if _KEY.fullmatch(text) else None


def markdown(title: str, lines: list[str], link: str, label: str) -> str:
    """A bold title, lines below, a link called `label`; markup in the words is made harmless, and all is cut."""

    def clean(text: str) -> str:
        return _MARKUP.sub(" ", " ".join(text.split()))

    foot = f"\n[{clean(label)}]({link})"
    head = f"**{clean(title)}**"
    body = "".join(f"\n> {clean(line)}" for line in lines)
    room = LONGEST_BYTES - len(foot.encode()) - len(head.encode())
    if len(body.encode()) > room:
        body = body.encode()[: room - 4].decode(errors="ignore") + " …"
    return head + body + foot


def send(settings: Settings, post: Post, mark: Callable[[], None]) -> Receipt:
    """Say something in the group; the address of the post is the robot's key."""
    url = f"{settings.wecom_url}/cgi-bin/webhook/send?key={quote(post.address, safe='')}"
    text = post.content["text"]
    body = json.dumps({"msgtype": "markdown", "markdown": {"content": text}}, ensure_ascii=False).encode()
    answer = web.post(url, body, {"Content-Type": "application/json; charset=utf-8"}, mark)
    _judge(answer)
    return Receipt()


def _judge(answer: dict[str, Any]) -> None:
    code = answer.get("errcode")
    if code == 0:
        return
    words = f"errcode {code}: {answer.get('errmsg')}"[:300]
    if code in _BUSY:
        raise Later(words, after=60)
    raise Refused(Problem.ADDRESS if code in _GONE else Problem.SETUP, words)
