"""Text messages through Aliyun's 短信服务, API version 2017-05-25 (help.aliyun.com/document_detail/101414.html).

Requests are signed with HMAC-SHA1 over the sorted parameters (help.aliyun.com/document_detail/101343.html). The
texts are templates that the provider has approved; only their variable comes from here.

`OutId` is our name of a message. The gateway does not use it to recognise a second sending, but tells it when asked
(QuerySendDetails), so a message whose sender died is looked up before it is sent again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from coordinator.config import Settings, SmsSettings
from coordinator.kernel import clock
from coordinator.messages.channels import web
from coordinator.messages.channels.outcome import Later, NotSent, Post, Receipt, Refused
from coordinator.messages.models import Problem

# Characters of a variable that the carriers take.
LONGEST_VARIABLE = 35
_ADDRESS_CODES = frozenset({"isv.MOBILE_NUMBER_ILLEGAL", "isv.MOBILE_COUNT_OVER_LIMIT"})
_LATER_CODES = frozenset(
    {
        "isv.BUSINESS_LIMIT_CONTROL",
        "isp.SYSTEM_ERROR",
        "isp.RAM_PERMISSION_DENY",
        "isv.OUT_OF_SERVICE",
        "isv.AMOUNT_NOT_ENOUGH",
        "isv.DAY_LIMIT_CONTROL",
        "isv.MONTH_LIMIT_CONTROL",
    }
)
_TEMPLATES = {"notice": "title", "code": "code", "link": "token"}  # kind of text → its variable
_PAGE = 50


def signature(parameters: Mapping[str, str], key_secret: str, method: str = "POST") -> str:
    """The value of `Signature` for these parameters (RPC style, signature version 1.0)."""
    query = "&".join(f"{_encode(name)}={_encode(parameters[name])}" for name in sorted(parameters))
    plain = f"{method}&{_encode('/')}&{_encode(query)}"
    digest = hmac.new(f"{key_secret}&".encode(), plain.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _encode(value: str) -> str:
    return quote(value, safe="-_.~")


def send(settings: Settings, post: Post, mark: Callable[[], None]) -> Receipt:
    """Send one text to one number of mainland China."""
    sms = settings.sms
    if sms is None:
        raise Later("no text message gateway is set up", after=600)
    kind = post.content["kind"]
    template = {"code": sms.template_code, "link": sms.template_link}.get(kind, sms.template_notice)
    value = post.content["value"]
    answer = _call(
        sms,
        "SendSms",
        {
            "PhoneNumbers": post.address,
            "SignName": sms.sign,
            "TemplateCode": template,
            "TemplateParam": json.dumps(
                {_TEMPLATES[kind]: _short(value)}, ensure_ascii=False, separators=(",", ":")
            ),
            "OutId": post.token,
        },
        mark,
    )
    _judge(answer)
    return Receipt(provider_id=str(answer.get("BizId") or "")[:80] or None)


def look_up(settings: Settings, post: Post) -> Receipt | bool:
    """Does the gateway have the message with this OutId? Asked for the local day of the hand-over."""
    sms = settings.sms
    if sms is None:
        raise Later("no text message gateway is set up", after=600)
    day = clock.to_local(post.handed_at or clock.now())
    page = 1
    while True:
        try:
            answer = _call(
                sms,
                "QuerySendDetails",
                {
                    "PhoneNumber": post.address,
                    "SendDate": f"{day:%Y%m%d}",
                    "PageSize": str(_PAGE),
                    "CurrentPage": str(page),
                },
            )
        except NotSent as problem:
            raise Later(f"could not ask: {problem}") from problem
        if answer.get("Code") != "OK":
            raise Later(f"could not ask: {answer.get('Code')}")
        rows = (answer.get("SmsSendDetailDTOs") or {}).get("SmsSendDetailDTO") or []
        if any(row.get("OutId") == post.token for row in rows):
            return Receipt()
        if page * _PAGE >= int(answer.get("TotalCount") or 0):
            return False
        page += 1


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_VARIABLE else value[: LONGEST_VARIABLE - 1] + "…"


def _call(
    sms: SmsSettings, action: str, parameters: Mapping[str, str], mark: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    signed = {
        "AccessKeyId": sms.key_id,
        "Action": action,
        "Format": "JSON",
        "RegionId": "cn-hangzhou",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": secrets.token_hex(16),
        "SignatureVersion": "1.0",
        # The gateway refuses what is more than 15 minutes off, so this is the machine's time.
        "Timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "Version": "2017-05-25",
        **parameters,
    }
    signed["Signature"] = signature(signed, sms.key_secret)
    body = "&".join(f"{_encode(name)}={_encode(value)}" for name, value in signed.items()).encode()
    return web.post(sms.url + "/", body, {"Content-Type": "application/x-www-form-urlencoded"}, mark)


def _judge(answer: Mapping[str, Any]) -> None:
    code = str(answer.get("Code"))
    if code == "OK":
        return
    words = f"{code}: {answer.get('Message')}"[:300]
    if code in _ADDRESS_CODES:
        raise Refused(Problem.ADDRESS, words)
    if code in _LATER_CODES or code.startswith("Throttling") or code == "ServiceUnavailable":
        raise Later(words, after=60)
    raise Refused(Problem.SETUP, words)
