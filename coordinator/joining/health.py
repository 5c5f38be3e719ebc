"""The health declaration: what is asked, and which answers a coordinator looks at first.

志愿服务条例 15: an organisation gives people work that suits their age, knowledge, ability and health. No diagnosis
is asked for, only what matters at an elder's door. The questions are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.kernel.errors import InvalidInput
from coordinator.policy import age_on
from coordinator.workforce.fitness import ADULT_AGE

YES, NO = "yes", "no"
NOTE = "note"
LONGEST_NOTE = 200
MONTHS = 12
"""A declaration holds a year; who falls ill meanwhile declares anew."""
PROMISE = _l("我保证以上都是实话；身体有变化，我会重新填，并且先不去探访。")


class Question(NamedTuple):
    """`concern` is the answer that a coordinator looks at before it counts."""

    key: str
    words: Any
    concern: str


QUESTIONS = (
    Question("infectious", _l("最近 14 天有没有发烧、咳嗽、腹泻、皮疹，或者别的会传染的病？"), YES),
    Question("sudden", _l("有没有会突然发作的病，比如晕倒、抽搐、心绞痛？"), YES),
    Question("advised", _l("医生有没有让您少出门、少劳累？"), YES),
    Question("walking", _l("能不能自己走半小时路、上三层楼？"), NO),
    Question("senses", _l("看路、听电话清楚吗（戴眼镜、助听器也算）？"), NO),
)


def check_answers(answers: Mapping[str, Any]) -> dict[str, str]:
    """The answers of all questions (`yes` or `no` by key) and the note. Raises InvalidInput (field: the key)."""
    found: dict[str, str] = {}
    for one in QUESTIONS:
        said = answers.get(one.key)
        if said not in (YES, NO):
            raise InvalidInput(_("请回答这一条。"), field=one.key)
        found[one.key] = said
    note = str(answers.get(NOTE) or "").strip()
    if len(note) > LONGEST_NOTE:
        raise InvalidInput(_("说明不要超过 %(n)s 个字。", n=LONGEST_NOTE), field=NOTE)
    if note:
        found[NOTE] = note
    return found


def concerns(answers: Mapping[str, Any]) -> list[Question]:
    """The questions whose answer a coordinator looks at before the declaration counts."""
    return [one for one in QUESTIONS if answers.get(one.key) == one.concern]


def counts_at_once(answers: Mapping[str, Any], birth_date: date, today: date) -> bool:
    """Is the own word enough? For an adult whose answers raise no concern; a minor's is looked at (民法典 19)."""
    return not concerns(answers) and age_on(birth_date, today) >= ADULT_AGE
