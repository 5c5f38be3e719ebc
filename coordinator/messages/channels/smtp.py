"""Mail (RFC 5321). Sent step by step, because `smtplib.sendmail` hides the moment that matters: the final dot.

Before the dot the server must throw away what it has (4.1.1.4), so a sender that dies there has sent nothing. With
the dot the mail is the server's. A server that closes the connection instead of answering has not taken it (3.8: as
if it had said 451), so it gets the mail again under the same Message-ID. One that is merely slow is waited for, and
after that believed to have it (4.5.3.2.6 warns of the copies that impatient senders make).
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from urllib.parse import unquote, urlsplit

from coordinator.config import Settings
from coordinator.messages.channels.outcome import Doubtful, Later, Post, Receipt, Refused
from coordinator.messages.models import Problem

STEP_SECONDS = 15
# RFC 5321 grants ten minutes; a worker that waits so long keeps all other jobs waiting.
ANSWER_SECONDS = 120
_LINE_START_DOT = re.compile(rb"(?m)^\.")
# One mailbox in plain ASCII; addresses in other scripts need SMTPUTF8, which most servers here lack.
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
# Replies that speak of this mailbox rather than of the server's mood (RFC 5321 4.2.3, RFC 3463 x.1.x).
_MAILBOX_CODES = frozenset({550, 551, 553})


def compose(settings: Settings, post: Post) -> EmailMessage:
    """The mail. Raises Refused when address or subject cannot stand in a header."""
    parts = urlsplit(settings.smtp_url or "")
    site = urlsplit(settings.public_base_url).hostname or "localhost"
    mail = EmailMessage(policy=SMTP_POLICY)
    try:
        mail["From"] = (
            unquote(parts.username) if parts.username and "@" in parts.username else f"tanfang@{site}"
        )
        mail["To"] = post.address
        mail["Subject"] = post.content["subject"]
        mail["Message-ID"] = f"<{post.token}@{site}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(post.content["text"], cte="base64")
        mail.as_bytes()
        if not _MAILBOX.fullmatch(post.address) or len(mail["To"].addresses) != 1:
            raise ValueError("not one mailbox")
    except (ValueError, IndexError) as problem:  # a line break in a header, an address that is none
        raise Refused(Problem.ADDRESS, f"cannot be a mail: {type(problem).__name__}") from problem
    return mail


def send(settings: Settings, post: Post, mark: Callable[[], None]) -> Receipt:
    """Hand one mail to the server of SMTP_URL (`smtp://` upgrades to TLS where it can, `smtps://` is TLS)."""
    mail = compose(settings, post)
    try:
        server = _connect(settings)
    except smtplib.SMTPAuthenticationError as problem:
        raise Later(f"sign-in refused: {problem.smtp_code}", after=600) from problem
    except (OSError, smtplib.SMTPException) as problem:
        raise Later(_words(problem)) from problem
    try:
        return _dialogue(server, mail, post.address, mark)
    finally:
        server.close()


def _connect(settings: Settings) -> smtplib.SMTP:
    parts = urlsplit(settings.smtp_url or "")
    host = parts.hostname or "localhost"
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if parts.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, parts.port or 465, timeout=STEP_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=STEP_SECONDS)
    try:
        server.ehlo_or_helo_if_needed()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        server.close()
        raise
    return server


def _dialogue(server: smtplib.SMTP, mail: EmailMessage, address: str, mark: Callable[[], None]) -> Receipt:
    sender = str(mail["From"].addresses[0].addr_spec)
    try:
        _expect(server.mail(sender), 250, "MAIL")
        _expect(server.rcpt(address), 250, "RCPT")
        _expect(server.docmd("data"), 354, "DATA")
        # Lines of the mail end in CRLF already (policy); a dot at the start of one is doubled (4.5.2).
        server.send(_LINE_START_DOT.sub(b"..", mail.as_bytes()))
    except (OSError, smtplib.SMTPException) as problem:
        raise Later(_words(problem)) from problem
    mark()
    try:
        if server.sock is not None:
            server.sock.settimeout(ANSWER_SECONDS)
        server.send(b".\r\n")
        code, text = server.getreply()
    except (OSError, smtplib.SMTPException) as problem:
        # smtplib turns a timeout into a lost connection; what it was stands behind it.
        slow = isinstance(problem, TimeoutError) or isinstance(problem.__context__, TimeoutError)
        raise Doubtful(_words(problem), again=not slow) from problem
    _expect((code, text), 250, "the mail")
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        return Receipt()  # it has the mail; how the conversation ends does not matter
    return Receipt()


def _expect(reply: tuple[int, bytes], wanted: int, step: str) -> None:
    code, text = reply
    if code == wanted or (wanted == 250 and code in (251, 252)):
        return
    words = f"{step}: {code} {text.decode('utf-8', 'replace')}"[:300]
    if 500 <= code < 600:
        mailbox = step == "RCPT" and code in _MAILBOX_CODES
        raise Refused(Problem.ADDRESS if mailbox else Problem.REFUSED, words)
    raise Later(words)


def _words(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"[:300]
