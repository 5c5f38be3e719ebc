"""The blueprint, and what its pages share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint
from flask_babel import gettext as _

from coordinator.elders.labels import SEXES
from coordinator.fieldwork import labels, record_form
from coordinator.fieldwork.services.presence import Mark
from coordinator.kernel import identity
from coordinator.kernel.errors import InvalidInput
from coordinator.visits.labels import MODES, STATE_LOOKS, STATES
from coordinator.workforce.labels import KINDS, TRAVEL_MODES

bp = Blueprint("fieldwork", __name__)


@bp.context_processor
def shared() -> dict[str, Any]:
    """What the templates of this feature call."""
    return {
        "words": labels,
        "rf": record_form,
        "sexes": SEXES,
        "visit_modes": MODES,
        "visit_states": STATES,
        "visit_looks": STATE_LOOKS,
        "worker_kinds": KINDS,
        "travel_modes": TRAVEL_MODES,
        "mask_name": identity.mask_name,
        "format_phone": identity.format_phone,
        "fresh_uuid": uuid4,
    }


def read_uuid(text: str | None) -> UUID:
    """The page's own number, made when it was opened."""
    try:
        return UUID(text or "")
    except ValueError:
        raise InvalidInput(_("这一页不完整。"), _("请回到“今天”重新打开。")) from None


def read_mark(form: Any, *, word: bool = False) -> Mark:
    """What the telephone sent with a form; unreadable figures count as not sent."""
    return Mark(
        client_uuid=read_uuid(form.client_uuid.data),
        latitude=_figure(form.latitude.data),
        longitude=_figure(form.longitude.data),
        accuracy_metres=_whole(form.accuracy.data),
        phone_at=_moment(form.phone_at.data),
        code=(getattr(form, "code", None) and form.code.data) or "",
        word=word,
        note=(getattr(form, "note", None) and form.note.data) or "",
    )


def _figure(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _whole(text: str | None) -> int | None:
    value = _figure(text)
    return None if value is None or not 0 <= value < 10**7 else round(value)


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def names(people: Sequence[Any]) -> str:
    """Names of assignments or workers, as they are listed in a sentence."""
    return "、".join(getattr(one, "worker", one).name for one in people)
