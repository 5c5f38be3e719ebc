"""Mails, webhooks and text messages as their servers receive them."""

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from coordinator.config import SmsSettings
from coordinator.messages import channels
from coordinator.messages.channels import aliyun, wecom
from coordinator.messages.channels.outcome import Doubtful, Later, Post, Receipt, Refused
from coordinator.messages.models import Channel, Problem
from tests.coordinator.messages.conftest import leading_to
from tests.coordinator.messages.receivers import MailServer, WebServer, key_in

if TYPE_CHECKING:
    from flask import Flask

# Rare characters of names: the last one lies outside the basic plane.
RARE = "䶮㛃𫖯"
KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
LABEL = "打开探访系统"


@pytest.fixture
def send(app: "Flask", mail_server: MailServer, web_server: WebServer, monkeypatch: Any) -> Any:
    """`send(channel, post)` hands over and says when the mark was made, relative to what had been received."""
    settings = leading_to(mail_server, web_server, app.extensions["settings"])
    monkeypatch.setitem(app.extensions, "settings", settings)

    def run(channel: Channel, post: Post, mark: Callable[[], None] | None = None) -> Receipt:
        def nobody_has_it() -> None:
            assert not mail_server.received
            assert not web_server.received

        return channels.hand_over(channel, post, mark or nobody_has_it)

    with app.app_context():
        yield run


def mail(
    to: str = "zhou@example.org", subject: str = "探访：计划已批准", text: str = "您好：\n明天 3 户。\n"
) -> Post:
    return Post("tf01", to, {"subject": subject, "text": text})


class TestMail:
    def test_arrives_whole(self, send: Any, mail_server: MailServer) -> None:
        text = f"{RARE} 😀\n.一行以点开头\n..两点\n" + "长" * 3000
        assert send(Channel.EMAIL, mail(subject=f"探访：{RARE} 😀 计划", text=text)) == Receipt()
        (found,) = mail_server.mails()
        assert found["To"] == "zhou@example.org"
        assert found["From"] == "tanfang@tanfang.example.org"
        assert found["Subject"] == f"探访：{RARE} 😀 计划"
        assert found["Message-ID"] == "<tf01@tanfang.example.org>"
        assert found["Auto-Submitted"] == "auto-generated"
        assert found.get_content().splitlines() == text.splitlines()
        raw = mail_server.received[0][1]
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        raw.decode("ascii")

    def test_the_mark_is_made_before_the_dot_and_after_the_text(
        self, send: Any, mail_server: MailServer
    ) -> None:
        order: list[str] = []
        mail_server.at = lambda phase, _address: order.append(phase)
        send(Channel.EMAIL, mail(), lambda: order.append("mark"))
        assert order.index("data") < order.index("mark") < order.index("dot")

    @pytest.mark.parametrize(
        ("reply", "problem"),
        [
            ("550 5.1.1 no such mailbox", Problem.ADDRESS),
            ("553 not allowed", Problem.ADDRESS),
            ("554 policy", Problem.REFUSED),
        ],
    )
    def test_a_refused_recipient_is_for_good(
        self, reply: str, problem: Problem, send: Any, mail_server: MailServer
    ) -> None:
        mail_server.refusals["zhou@"] = reply
        with pytest.raises(Refused) as refusal:
            send(Channel.EMAIL, mail())
        assert refusal.value.problem is problem
        assert not mail_server.received

    def test_greylisting_is_for_later(self, send: Any, mail_server: MailServer) -> None:
        mail_server.refusals["zhou@"] = "451 4.7.1 try again in five minutes"
        with pytest.raises(Later):
            send(Channel.EMAIL, mail())

    def test_a_server_that_is_away_is_for_later(self, send: Any, mail_server: MailServer) -> None:
        mail_server.stop()
        with pytest.raises(Later, match="ConnectionRefused"):
            send(Channel.EMAIL, mail())
        mail_server.start()

    @pytest.mark.parametrize(("phase", "error"), [("rcpt", Later), ("data", Later), ("half", Later)])
    def test_broken_off_before_the_dot_nobody_has_it(
        self, phase: str, error: type[Exception], send: Any, mail_server: MailServer
    ) -> None:
        mail_server.at = lambda now, _address: now != phase
        # With a text that does not fit the buffers, the sender notices before the dot.
        with pytest.raises(error):
            send(Channel.EMAIL, mail(text="长" * 3_000_000))
        assert not mail_server.received

    def test_broken_off_after_the_dot_is_a_doubt_that_calls_for_another_try(
        self, send: Any, mail_server: MailServer
    ) -> None:
        mail_server.at = lambda now, _address: now != "dot"
        with pytest.raises(Doubtful) as doubt:
            send(Channel.EMAIL, mail())
        assert doubt.value.again

    def test_no_answer_after_the_dot_is_a_doubt_that_does_not(
        self, send: Any, mail_server: MailServer, monkeypatch: Any
    ) -> None:
        from threading import Event

        from coordinator.messages.channels import smtp

        held = Event()
        monkeypatch.setattr(smtp, "ANSWER_SECONDS", 0.2)
        mail_server.at = lambda now, _address: held.wait(5) and None if now == "dot" else None
        with pytest.raises(Doubtful) as doubt:
            send(Channel.EMAIL, mail())
        held.set()
        assert not doubt.value.again

    def test_a_text_the_server_will_not_have(self, send: Any, mail_server: MailServer) -> None:
        mail_server.answer = "554 5.7.1 looks like spam"
        with pytest.raises(Refused) as refusal:
            send(Channel.EMAIL, mail(), lambda: None)
        assert refusal.value.problem is Problem.REFUSED

    @pytest.mark.parametrize(
        "post",
        [
            mail(subject="探访\r\nBcc: other@example.org"),
            mail(subject="探访\nBcc: other@example.org"),
            mail(to="zhou@example.org\r\nBcc: other@example.org"),
            mail(to="周@example.org"),
            mail(to="zhou@@example..org>"),
            mail(to=""),
            mail(to="a@example.org, b@example.org"),
        ],
    )
    def test_nothing_gets_into_a_header(self, post: Post, send: Any, mail_server: MailServer) -> None:
        with pytest.raises(Refused) as refusal:
            send(Channel.EMAIL, post)
        assert refusal.value.problem is Problem.ADDRESS
        assert mail_server.connections == 0

    def test_links_are_full_addresses(self, send: Any) -> None:
        assert channels.absolute_link("/messages/") == "https://tanfang.example.org/messages/"


class TestRobot:
    def test_arrives(self, send: Any, web_server: WebServer) -> None:
        text = wecom.markdown(
            f"明天 {RARE}", ["12 次探访", "6 人去"], "https://tanfang.example.org/visits", LABEL
        )
        assert send(Channel.ROBOT, Post("tf02", KEY, {"text": text})) == Receipt()
        ((path, given),) = web_server.received
        assert path.startswith("/cgi-bin/webhook/send?key=")
        assert key_in(path) == KEY
        assert given["msgtype"] == "markdown"
        assert given["markdown"]["content"] == (
            f"**明天 {RARE}**\n> 12 次探访\n> 6 人去\n[打开探访系统](https://tanfang.example.org/visits)"
        )

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            ({"errcode": 45009, "errmsg": "api freq out of limit"}, Later),
            ({"errcode": -1, "errmsg": "system busy"}, Later),
            ((503, "busy"), Later),
            ((429, "slow down"), Later),
            ({"errcode": 93000, "errmsg": "invalid webhook url"}, Refused),
            ({"errcode": 40008, "errmsg": "invalid message type"}, Refused),
            ((200, "<html>"), Doubtful),
        ],
    )
    def test_what_its_answers_mean(
        self, answer: Any, error: type[Exception], send: Any, web_server: WebServer
    ) -> None:
        web_server.answers = [answer]
        with pytest.raises(error):
            send(Channel.ROBOT, Post("tf02", KEY, {"text": "x"}))

    def test_no_secret_in_an_error(self, send: Any, web_server: WebServer) -> None:
        web_server.stop()
        with pytest.raises(Later) as problem:
            send(Channel.ROBOT, Post("tf02", KEY, {"text": "x"}))
        assert KEY not in str(problem.value)
        assert KEY not in repr(Post("tf02", KEY, {"text": "x"}))

    def test_markup_in_words_is_harmless_and_long_texts_are_cut(self) -> None:
        text = wecom.markdown("[点这里](http://evil)", ["**<font color='warning'>" * 3], "https://x", LABEL)
        assert "](http://evil" not in text
        assert "<" not in text
        long = wecom.markdown("题", ["字" * 3000], "https://x", LABEL)
        assert len(long.encode()) <= wecom.LONGEST_BYTES
        assert long.endswith("[打开探访系统](https://x)")

    @pytest.mark.parametrize(
        ("typed", "key"),
        [
            (f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}", KEY),
            (f" {KEY} ", KEY),
            (f"https://evil.example/cgi-bin/webhook/send?key={KEY}", None),
            (f"http://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}", None),
            (f"https://qyapi.weixin.qq.com/cgi-bin/other?key={KEY}", None),
            ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send", None),
            ("短", None),
            ("", None),
        ],
    )
    def test_addresses(self, typed: str, key: str | None) -> None:
        assert wecom.key_of(typed) == key


class TestTextMessages:
    def test_the_signature_is_that_of_the_documented_example(self) -> None:
        """help.aliyun.com, 短信服务, 请求签名: the provider's own example with its result."""
        parameters = {
            "AccessKeyId": "testId",
            "Action": "SendSms",
            "Format": "XML",
            "OutId": "123",
            "PhoneNumbers": "15300000001",
            "RegionId": "cn-hangzhou",
            "SignName": "阿里云短信测试专用",
            "SignatureMethod": "HMAC-SHA1",
            "SignatureNonce": "45e25e9b-0a6f-4070-8c85-2956eda1b466",
            "SignatureVersion": "1.0",
            "TemplateCode": "SMS_71390007",
            "TemplateParam": '{"customer":"test"}',
            "Timestamp": "2017-07-12T02:42:19Z",
            "Version": "2017-05-25",
        }
        assert aliyun.signature(parameters, "testSecret", "GET") == "zJDF+Lrzhj/ThnlvIToysFRq6t4="

    def test_arrives_signed(self, send: Any, web_server: WebServer) -> None:
        post = Post("tf03", "13800000001", {"kind": "notice", "value": f"{RARE} 有新的安排 {'长' * 60}"})
        assert send(Channel.SMS, post) == Receipt("900619^0")
        ((_path, given),) = web_server.received
        signed = given.pop("Signature")
        assert signed == aliyun.signature(given, "testSecret", "POST")
        assert (given["PhoneNumbers"], given["TemplateCode"], given["OutId"]) == (
            "13800000001",
            "SMS_1",
            "tf03",
        )
        title = json.loads(given["TemplateParam"])["title"]
        assert title.startswith(RARE)
        assert len(title) == aliyun.LONGEST_VARIABLE
        made = datetime.strptime(given["Timestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert abs((made - datetime.now(UTC)).total_seconds()) < 60

    def test_a_code_has_its_own_template(self, send: Any, web_server: WebServer) -> None:
        send(Channel.SMS, Post("tf04", "13800000001", {"kind": "code", "value": "004711"}))
        assert web_server.received[0][1]["TemplateCode"] == "SMS_2"
        assert json.loads(web_server.received[0][1]["TemplateParam"]) == {"code": "004711"}

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("isv.MOBILE_NUMBER_ILLEGAL", Refused),
            ("isv.SMS_TEMPLATE_ILLEGAL", Refused),
            ("SignatureDoesNotMatch", Refused),
            ("isv.BUSINESS_LIMIT_CONTROL", Later),
            ("isv.AMOUNT_NOT_ENOUGH", Later),
            ("Throttling.User", Later),
        ],
    )
    def test_what_its_answers_mean(
        self, code: str, error: type[Exception], send: Any, web_server: WebServer
    ) -> None:
        web_server.answers = [(400, {"Code": code, "Message": "…"})]
        with pytest.raises(error):
            send(Channel.SMS, Post("tf03", "13800000001", {"kind": "notice", "value": "x"}))

    @pytest.mark.parametrize(("there", "found"), [("tf05", Receipt()), ("other", False)])
    def test_it_can_be_asked(self, there: str, found: Any, send: Any, web_server: WebServer) -> None:
        page = [{"OutId": f"x{n}"} for n in range(50)]

        def answer(given: dict[str, str]) -> Any:
            rows = page if given["CurrentPage"] == "1" else [{"OutId": there}]
            return {"Code": "OK", "TotalCount": 51, "SmsSendDetailDTOs": {"SmsSendDetailDTO": rows}}

        web_server.answers = [answer]
        handed = datetime(2026, 3, 25, 23, 0, tzinfo=UTC)  # already the next day in Beijing
        post = Post("tf05", "13800000001", {"kind": "notice", "value": "x"}, handed)
        assert channels.ask(Channel.SMS, post) == found
        assert {given["SendDate"] for _path, given in web_server.received} == {"20260326"}

    def test_the_demo_writes_them_to_a_file_of_its_owner(
        self, send: Any, app: "Flask", monkeypatch: Any, tmp_path: Any
    ) -> None:
        settings = dataclasses.replace(
            app.extensions["settings"], sms=SmsSettings(gateway="console"), data_dir=tmp_path
        )
        monkeypatch.setitem(app.extensions, "settings", settings)
        send(Channel.SMS, Post("tf06", "13800000001", {"kind": "code", "value": "004711"}))
        file = tmp_path / "logs" / "text-messages.log"
        assert "13800000001\t004711\ttf06" in file.read_text(encoding="utf-8")
        assert file.stat().st_mode & 0o777 == 0o600
