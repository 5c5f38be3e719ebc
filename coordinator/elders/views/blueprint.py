"""The blueprint, and what several pages of the register share."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from coordinator import policy
from coordinator.elders import labels
from coordinator.elders.models import Elder
from coordinator.elders.queries import elder_in_scope
from coordinator.elders.services.versions import last_version
from coordinator.kernel.access import Permission, current_actor
from coordinator.kernel.identity import mask_id, mask_phone

bp = Blueprint("elders", __name__, url_prefix="/elders")
Answer = str | tuple[str, int] | BaseResponse

P = Permission


@bp.app_template_filter("masked_id")
def masked_id(number: str | None) -> str:
    return mask_id(number) if number else ""


@bp.app_template_filter("masked_phone")
def masked_phone(phone: str | None) -> str:
    return mask_phone(phone) if phone else ""


def category_words(facts: policy.ElderFacts, on: date) -> str:
    """The categories an elder belongs to, in the order of the documents; age 80 and above is told as well."""
    words = [
        str(text)
        for key, text in (labels.CATEGORIES | labels.DERIVED_CATEGORIES).items()
        if policy.has_category(facts, policy.Category(key), on)
    ]
    if policy.age_on(facts.birth_date, on) >= 80:
        words.append(_("高龄"))
    return "·".join(words)


def to_edit(elder_id: int, *, fresh: bool = False, papers: bool = False) -> Elder:
    """The elder whom the current actor may change."""
    return elder_in_scope(current_actor(), elder_id, P.ELDER_EDIT, fresh=fresh, papers=papers)


def newest_version(elder_id: int) -> int:
    """The number of a dossier's newest version; 0 without one."""
    version = last_version(elder_id)
    return version.number if version else 0


def dossier_after(elder_id: int, before: int) -> str:
    """Where to go after a change: the dossier, with what it does to the obligations."""
    number = newest_version(elder_id)
    changed = number if number > before else None
    return url_for("elders.dossier", elder_id=elder_id, changed=changed)
