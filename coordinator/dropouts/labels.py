"""The Chinese words of drop-outs."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.dropouts.models import AskAnswer, NoShowState, SearchOutcome, SwapState

NO_SHOWS: dict[str, Any] = {
    NoShowState.REPORTED: _l("有人反映，还没有核实"),
    NoShowState.RECORDED: _l("记为没有来"),
    NoShowState.APPEALED: _l("本人说明过，等人看"),
    NoShowState.UPHELD: _l("看过说明，维持"),
    NoShowState.LIFTED: _l("已撤销"),
}
NO_SHOW_LOOKS: dict[str, str] = {
    NoShowState.REPORTED: "pending",
    NoShowState.RECORDED: "no_show",
    NoShowState.APPEALED: "pending",
    NoShowState.UPHELD: "no_show",
    NoShowState.LIFTED: "withdrawn",
}
SWAPS: dict[str, Any] = {
    SwapState.OFFERED: _l("等对方回答"),
    SwapState.AGREED: _l("对方答应了，等社区同意"),
    SwapState.DONE: _l("已经换好"),
    SwapState.DECLINED: _l("对方去不了"),
    SwapState.REFUSED: _l("社区没有同意"),
    SwapState.WITHDRAWN: _l("已撤回"),
    SwapState.EXPIRED: _l("没有换成"),
}
SWAP_LOOKS: dict[str, str] = {
    SwapState.OFFERED: "swapping",
    SwapState.AGREED: "pending",
    SwapState.DONE: "confirmed",
    SwapState.DECLINED: "refused",
    SwapState.REFUSED: "refused",
    SwapState.WITHDRAWN: "withdrawn",
    SwapState.EXPIRED: "off",
}
OUTCOMES: dict[str, Any] = {
    SearchOutcome.FOUND: _l("找到人了"),
    SearchOutcome.STOPPED: _l("不找了"),
    SearchOutcome.NOBODY: _l("没有找到人"),
}
ANSWERS: dict[str, Any] = {
    AskAnswer.YES: _l("能去"),
    AskAnswer.NO: _l("去不了"),
    AskAnswer.LATE: _l("能去，但已经有人了"),
}
ANSWER_LOOKS: dict[str, str] = {AskAnswer.YES: "ok", AskAnswer.NO: "off", AskAnswer.LATE: "info"}
