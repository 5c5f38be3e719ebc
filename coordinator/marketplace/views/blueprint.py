"""The blueprint, and what its pages share."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask_babel import gettext as _

from coordinator.elders.labels import SEXES, SKILLS
from coordinator.elders.models import Sex, Skill
from coordinator.kernel import i18n
from coordinator.marketplace import labels
from coordinator.marketplace.queries.openings import Opening, when_words
from coordinator.visits.labels import MODES
from coordinator.visits.lifecycle import ContactMode
from coordinator.workforce.labels import KINDS, TRAVEL_MODES, WISHES

bp = Blueprint("marketplace", __name__)


def needs_words(opening: Opening) -> list[str]:
    """What the visit asks of whoever goes, in words."""
    words = [str(SKILLS[Skill(skill)]) for skill in opening.needs_skills if skill != Skill.DIALECT]
    if opening.home.dialect:
        words.append(_("会讲%(dialect)s更好", dialect=opening.home.dialect))
    if opening.home.prefers_sex is not None:
        words.append(_("希望女士来") if opening.home.prefers_sex is Sex.FEMALE else _("希望男士来"))
    if opening.missing > 1:
        words.append(_("要 %(n)s 位成年人一起去", n=opening.missing))
    return words


def where_words(opening: Opening) -> str:
    """柳荫社区，滨江片: never nearer than the neighbourhood."""
    return "，".join(part for part in (opening.community, opening.neighbourhood) if part)


def mode_words(opening: Opening) -> str:
    return "" if opening.mode is ContactMode.HOME else str(MODES[opening.mode])


@bp.context_processor
def shared() -> dict[str, Any]:
    """What the templates of this feature call."""
    return {
        "words": labels,
        "kinds": KINDS,
        "kind_words": WISHES,
        "sexes": SEXES,
        "travel_modes": TRAVEL_MODES,
        "needs_words": needs_words,
        "where_words": where_words,
        "when_words": when_words,
        "mode_words": mode_words,
        "age_on": i18n.age,
    }
