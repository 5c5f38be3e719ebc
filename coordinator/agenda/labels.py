"""Words of channels and of what went wrong."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from coordinator.agenda.models import FeedKind
from coordinator.messages.models import Channel, Problem

CHANNELS = {Channel.EMAIL: _l("邮件"), Channel.SMS: _l("短信"), Channel.ROBOT: _l("企业微信群")}
PROBLEMS = {
    Problem.ADDRESS: _l("地址或号码不对，或者没有了"),
    Problem.REFUSED: _l("对方不收"),
    Problem.SETUP: _l("短信或机器人没有设置好，请告诉管理员"),
    Problem.AWAY: _l("一整天都没能连上"),
    Problem.LATE: _l("连上时已经过了时间"),
    Problem.UNCLEAR: _l("可能已经送到，没有收到回音"),
}
FEEDS = {
    FeedKind.OWN: _l("我的探访"),
    FeedKind.ORGANISATION: _l("本单位人员的探访"),
    FeedKind.AREA: _l("本地区的探访"),
}
