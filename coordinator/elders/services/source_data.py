"""Taking over what another office's list says once a person agreed: through `edit_elder`, with its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coordinator.elders.models import Category, Elder
from coordinator.elders.services.dossier import edit_elder
from coordinator.elders.services.parts import Certificate
from coordinator.extensions import db
from coordinator.kernel.access import Actor


def take_from_source(
    actor: Actor,
    elder: Elder,
    *,
    source: str,
    evidence: str,
    person: Mapping[str, Any] | None = None,
    home: Mapping[str, Any] | None = None,
    certificate: Certificate | None = None,
    add: frozenset[Category] = frozenset(),
    drop: frozenset[Category] = frozenset(),
) -> Elder:
    """Change a dossier by values of a list. `source` is its short name, `evidence` how it is called on paper
    (「残联数据 2026-03」): new categories are recorded with both. Raises as `edit_elder`. Flushes.
    """
    categories: dict[Category, str | None] | None = None
    if add or drop:
        held = {one.category: one.evidence for one in elder.categories if one.category not in drop}
        categories = held | {one: evidence for one in add if one not in held}
    edit_elder(
        actor,
        elder,
        version=elder.version,
        person=person,
        home=home,
        categories=categories,
        category_sources=dict.fromkeys(add, source),
        certificate=certificate,
        # A list speaks of one person: who else lives there does not move with it.
        moves_alone=True,
        source=source,
    )
    if certificate is not None:
        for held_certificate in elder.certificates:
            if certificate.number is None or held_certificate.number == certificate.number:
                held_certificate.source = source
        db.session.flush()
    return elder
