"""What the documents leave open about the register and the product decides; pages call it an interpretation."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

# A document that names no interval for renewing the register.
REFRESH_MONTHS = 6
# Somebody who says no is asked again after half a year, and never later than after a year.
ASK_AGAIN_AFTER = timedelta(days=182)
MAX_ASK_AGAIN = timedelta(days=366)
# No document says how long an ability assessment holds.
ASSESSMENT_MONTHS = 12
# How long before its last day a certificate or an assessment is pointed out.
WARN_BEFORE = timedelta(days=60)


def months_later(day: date, months: int) -> date:
    """The same day `months` later, or the last of the month where it has no such day."""
    total = day.year * 12 + day.month - 1 + months
    year, month = total // 12, total % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def assessment_ends(assessed_on: date | None, valid_to: date | None) -> date | None:
    """The last day on which an ability assessment is taken to hold; None without an assessment."""
    if valid_to is not None:
        return valid_to
    return months_later(assessed_on, ASSESSMENT_MONTHS) if assessed_on is not None else None
