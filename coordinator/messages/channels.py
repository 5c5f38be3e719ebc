"""The ways out of the house. Only e-mail so far."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from flask import current_app

from coordinator.config import Settings

TIMEOUT_SECONDS = 6  # of each step; the whole dialogue must stay below the database's idle limit of 30 s
FAILURES = (OSError, smtplib.SMTPException)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings


def email_is_on() -> bool:
    """Is a mail server configured (SMTP_URL)?"""
    return _settings().smtp_url is not None


def absolute_link(path: str) -> str:
    """A path of the site as a full address for a mail."""
    return _settings().public_base_url + path


def send_email(to: str, subject: str, text: str, message_id: str) -> None:
    """Hand one mail to the server of SMTP_URL (`smtp://` upgrades to TLS where the server can, `smtps://` is TLS).

    `message_id` is the same for every try, so that servers recognise a mail that is sent twice.
    Raises one of FAILURES when the server does not take it.
    """
    settings = _settings()
    parts = urlsplit(settings.smtp_url or "")
    host = parts.hostname or "localhost"
    site = urlsplit(settings.public_base_url).hostname or "localhost"
    mail = EmailMessage()
    mail["From"] = unquote(parts.username) if parts.username and "@" in parts.username else f"tanfang@{site}"
    mail["To"] = to
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{message_id}@{site}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    context = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, parts.port or 465, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=TIMEOUT_SECONDS)
    with server:
        if parts.scheme == "smtp":
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(mail)
