"""The ways out of the house: what is set up, and how one parcel is handed over on each."""

from __future__ import annotations

from collections.abc import Callable

from flask import current_app

from coordinator.config import Settings
from coordinator.messages.channels import aliyun, console, smtp, wecom
from coordinator.messages.channels.outcome import Post, Receipt
from coordinator.messages.models import Channel


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings


def email_is_on() -> bool:
    """Is a mail server configured (SMTP_URL)?"""
    return _settings().smtp_url is not None


def sms_is_on() -> bool:
    """Is a text message gateway configured (TANFANG_SMS)?"""
    return _settings().sms is not None


def sms_sends_links() -> bool:
    """Can a link be sent by text message? The provider wants a template of its own for it."""
    sms = _settings().sms
    return sms is not None and (sms.gateway == "console" or bool(sms.template_link))


def absolute_link(path: str) -> str:
    """A path of the site as a full address for a mail."""
    return _settings().public_base_url + path


def hand_over(channel: Channel, post: Post, mark: Callable[[], None]) -> Receipt:
    """Hand one thing to the world. `mark` is called right before the byte that makes it theirs.

    Raises one of `outcome`: Refused (never again), Later (nobody has it, try again), Doubtful (they may have it).
    """
    settings = _settings()
    if channel is Channel.EMAIL:
        return smtp.send(settings, post, mark)
    if channel is Channel.ROBOT:
        return wecom.send(settings, post, mark)
    if settings.sms is not None and settings.sms.gateway == "console":
        return console.send(settings, post, mark)
    return aliyun.send(settings, post, mark)


def ask(channel: Channel, post: Post) -> Receipt | bool | None:
    """What became of a parcel whose sender died: its receipt, False when they do not have it, None when nobody
    can say. Only text message gateways can be asked; raises Later when they cannot be reached.
    """
    settings = _settings()
    if channel is Channel.SMS and settings.sms is not None and settings.sms.gateway == "aliyun":
        return aliyun.look_up(settings, post)
    return None
