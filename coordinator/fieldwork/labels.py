"""The Chinese words of visits under way and of their records."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.fieldwork.models import PresenceKind, PresenceMethod, RecordState

# As near as a telephone's place can be believed to be the door; our own figure, as in the ledger.
NEAR_METRES = 150

RECORD_STATES: dict[str, Any] = {
    RecordState.SUBMITTED: _l("待确认"),
    RecordState.RETURNED: _l("已退回"),
    RecordState.CONFIRMED: _l("已确认"),
}
RECORD_LOOKS: dict[str, str] = {
    RecordState.SUBMITTED: "waiting",
    RecordState.RETURNED: "returned",
    RecordState.CONFIRMED: "ok",
}
KINDS: dict[str, Any] = {PresenceKind.ARRIVED: _l("到达"), PresenceKind.LEFT: _l("离开")}
METHODS: dict[str, Any] = {
    PresenceMethod.LOCATION: _l("手机位置"),
    PresenceMethod.DOOR_CODE: _l("路线单上的数字"),
    PresenceMethod.WORD: _l("本人说明"),
}
