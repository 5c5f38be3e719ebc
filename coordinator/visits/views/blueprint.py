"""The blueprint, and what its pages share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

from flask import Blueprint, current_app, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import identity
from coordinator.kernel.access import Actor, Permission, current_actor, in_areas
from coordinator.kernel.areas import AreaLevel
from coordinator.kernel.errors import NotFound
from coordinator.policy import Mode, Obligation, Pack
from coordinator.visits import labels
from coordinator.visits.queries.explain import modes_in_words
from coordinator.visits.queries.owed import AreaRow
from coordinator.visits.queries.packs import pack_of_version

bp = Blueprint("visits", __name__)

# A select with more entries than this helps nobody; then only the upper levels are offered.
MANY_AREAS = 150
_INDENT = {
    AreaLevel.CITY: 0,
    AreaLevel.COUNTY: 1,
    AreaLevel.STREET: 2,
    AreaLevel.COMMUNITY: 3,
    AreaLevel.GRID: 4,
}


@bp.app_template_global()
def link_to(endpoint: str, **values: Any) -> str:
    """The address of a page of another feature, or "" where that feature is not part of this system."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else ""


@bp.app_template_global()
def rule_version(version_id: int | None) -> Markup | str:
    """The rules a visit, record or hours entry was made under, as they were; a link for those who may read them."""
    if version_id is None:
        return ""
    pack = pack_of_version(version_id)
    text = _("%(name)s第 %(n)s 版", name=pack.document.short_title, n=pack.version)
    if not current_actor().may(Permission.POLICY_READ):
        return text
    return Markup('<a href="{}">{}</a>').format(url_for("visits.rules", version=version_id), text)


def item_href(elder_id: int, rule: str, period_from: date) -> str:
    """The page of one obligation; asked for by htmx it is the side panel."""
    return url_for("visits.due_item", elder_id=elder_id, rule=rule, start=period_from.isoformat())


def in_order(quote: str, words: Iterable[str]) -> list[str]:
    """The deciding words in the order in which the quotation holds them, as the quote macro wants them."""
    return sorted({word for word in words if word in quote}, key=quote.index)


def marks(obligation: Obligation) -> list[str]:
    """The words of an obligation's quotation that decide."""
    return in_order(obligation.source.quote, obligation.mark)


def modes_text(modes: Literal["any"] | tuple[Mode, ...]) -> str:
    """The modes of a rule in words."""
    return modes_in_words(tuple(Mode) if modes == "any" else modes)


def notes_text(pack: Pack, keys: Iterable[str]) -> str:
    """The interpretations a rule rests on."""
    return "".join(pack.settings.text_of(key) for key in keys)


def masked_phone(phone: str | None) -> str:
    """138****6027."""
    return identity.mask_phone(phone) if phone else ""


def full_phone(phone: str | None) -> str:
    """138 0000 6027: read out and dialled from paper."""
    return identity.format_phone(phone) if phone else ""


@bp.context_processor
def shared() -> dict[str, Any]:
    """What the templates of this feature call."""
    return {
        "words": labels,
        "item_href": item_href,
        "in_order": in_order,
        "marks": marks,
        "modes_text": modes_text,
        "notes_text": notes_text,
        "masked_phone": masked_phone,
        "full_phone": full_phone,
    }


def find_elder(actor: Actor, permission: Permission, elder_id: int) -> Elder:
    """An elder in the actor's areas with home, area and wishes; NotFound otherwise."""
    elder = db.session.scalars(
        select(Elder)
        .where(Elder.id == elder_id, in_areas(actor, permission, Elder.area_id))
        .options(joinedload(Elder.household), joinedload(Elder.area))
    ).one_or_none()
    if elder is None:
        raise NotFound(_("没有找到这位长者。"), _("可能已经移走，或者不在您的管辖范围内。"))
    return elder


def area_choices(areas: Iterable[AreaRow]) -> list[tuple[str, str]]:
    """(id, name) of the areas below the scope's top for a filter, upper levels first and lower ones set in."""
    rows = sorted((row for row in areas if row.level is not AreaLevel.GRID), key=lambda row: _walk(row.path))
    if not rows:
        return []
    if len(rows) > MANY_AREAS:
        rows = [row for row in rows if row.level is not AreaLevel.COMMUNITY]
    top = min(_INDENT.get(row.level, 0) for row in rows)
    tops = [row for row in rows if _INDENT.get(row.level, 0) == top]
    if len(tops) == 1:
        rows = [row for row in rows if row is not tops[0]]
        top += 1
    return [(str(row.id), "　" * max(0, _INDENT.get(row.level, 0) - top) + row.name) for row in rows]


def _walk(path: str) -> tuple[int, ...]:
    return tuple(int(part) for part in path.split(".") if part)


def read_day(text: str | None) -> date | None:
    """An ISO date of an address, or None."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
