"""What this running system is, as far as joining depends on it."""

from __future__ import annotations

from flask import current_app

from coordinator.config import Settings


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings


def is_demo() -> bool:
    """The demo shows codes on the page: no telephone rings there."""
    return _settings().demo


def limits_are_on() -> bool:
    """Are codes counted by the hour and the day?"""
    return _settings().rate_limits


def most_codes() -> tuple[int, int]:
    """The most codes that the whole installation sends in an hour and in a day."""
    settings = _settings()
    return settings.codes_hour, settings.codes_day


def clock_stands_still() -> bool:
    """Does TANFANG_NOW stop the clock (demo only)? No pause would ever end."""
    return _settings().now is not None
