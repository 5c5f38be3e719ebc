"""How one wants to be told."""

from __future__ import annotations

from datetime import time
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField, SelectField

from coordinator.kernel.forms import Form, options
from coordinator.kernel.i18n import hour
from coordinator.messages.hours import Wish
from coordinator.messages.models import SmsWish

HALF_HOURS = [time(n // 2, n % 2 * 30) for n in range(48)]
_CHOICES = [(one.strftime("%H:%M"), hour(one)) for one in HALF_HOURS]
_TIMES = ("digest_at", "quiet_from", "quiet_to")
SMS = {
    SmsWish.NEVER: _l("不要短信"),
    SmsWish.IMPORTANT: _l("只要急事和提醒"),
    SmsWish.ALL: _l("每件事都要"),
}


class HowForm(Form):
    """Channels, the daily mail, quiet hours, reminders. Times are half hours, chosen from lists on any phone."""

    email = BooleanField(_l("发邮件告诉我"))
    digest = BooleanField(_l("邮件攒起来，每天只发一封"), description=_l("急事和探访提醒不等。"))
    digest_at = SelectField(_l("每天几点发"), choices=options(_CHOICES))
    sms = RadioField(_l("短信"), choices=options(SMS))
    quiet_from = SelectField(_l("晚上从几点起不打扰"), choices=options(_CHOICES))
    quiet_to = SelectField(_l("早上几点以后再告诉我"), choices=options(_CHOICES))
    evening_reminder = BooleanField(_l("前一天傍晚提醒我明天的探访"))
    hour_reminder = BooleanField(_l("探访前一小时提醒我"))

    @staticmethod
    def values_of(wish: Wish) -> dict[str, Any]:
        """The fields' values for a choice."""
        found = {name: getattr(wish, name) for name in Wish.__dataclass_fields__}
        found |= {name: found[name].strftime("%H:%M") for name in _TIMES}
        return found | {"sms": wish.sms.value}

    def wish(self) -> Wish:
        """What was chosen."""
        found = {name: self._fields[name].data for name in Wish.__dataclass_fields__}
        found |= {name: time.fromisoformat(found[name]) for name in _TIMES}
        return Wish(**found | {"sms": SmsWish(found["sms"])})
