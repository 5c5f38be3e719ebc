"""The agreement between a volunteer and the station (志愿服务条例 14), accepted with a tick.

Our own text, in words that everybody reads in a minute. A change of the text gets a new version; what somebody
accepted is kept by its version, and holds a year.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

VERSION = "2026-1"
MONTHS = 12
CLAUSES = (
    _l("我自愿来，不收长者和家属的钱物，不借钱，不推销，不代办取钱、贷款和投资。"),
    _l("我按约好的时间去；去不了，尽早在系统里说一声，好另外找人。"),
    _l("上门出示身份，长者不愿意就不进门。"),
    _l("我不做自己不会的事：不喂药，不打针，不搬抬；有事打电话给社区，紧急时先打 120、110、119。"),
    _l("长者的姓名、住址、身体和家里的事，我不对外说，不拍照发到网上，离开队伍以后也一样。"),
    _l("未成年人只和成年人一起去，不单独进门。"),
    _l("探访情况和时数我照实填写。"),
    _l("组织方为我培训、买保险、告诉我有什么风险；我可以随时不干，不用说理由。"),
)
