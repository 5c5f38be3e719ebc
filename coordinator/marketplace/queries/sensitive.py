"""Elders whom a person decides about each time, from what the dossier knows.

Our own reading; no document lists them. Too careful costs a coordinator one look, too careless costs an elder more:
the loss of an only child and a 计划生育特殊家庭, dementia, a recent 重大变故, any written caution, a wish to be
called rather than visited, a home to which two go. Medical history and notes are free text and judge nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select

from coordinator.elders.models import Category, Consent, ConsentState, Elder, ElderCategory, OnlyChild
from coordinator.extensions import db
from coordinator.kernel import clock


class Sensitive(StrEnum):
    LOST_CHILD = "lost_child"
    DEMENTIA = "dementia"
    UPHEAVAL = "upheaval"
    CAUTION = "caution"
    REMOTE_ONLY = "remote_only"
    TWO_VISITORS = "two_visitors"


_SPECIAL = (
    select(ElderCategory.id)
    .where(
        ElderCategory.elder_id == Elder.id,
        ElderCategory.category == Category.SPECIAL_FAMILY,
        ElderCategory.ended_on.is_(None),
    )
    .exists()
)
_RATHER_CALLED = (
    select(Consent.id)
    .where(
        Consent.elder_id == Elder.id,
        Consent.superseded_at.is_(None),
        Consent.state.in_((ConsentState.REMOTE_ONLY, ConsentState.REFUSED)),
    )
    .exists()
)
# For a statement that selects from Elder; `reasons` reads them in this order.
COLUMNS: tuple[Any, ...] = (
    Elder.only_child,
    _SPECIAL,
    Elder.has_dementia,
    Elder.upheaval_until,
    func.coalesce(Elder.cautions, "") != "",
    _RATHER_CALLED,
    Elder.needs_two_visitors,
)


def reasons(values: Sequence[Any]) -> list[Sensitive]:
    """What makes an elder a matter for a person, of the values of COLUMNS."""
    child, special, dementia, upheaval, caution, called, two = values
    return [
        one
        for one, holds in (
            (Sensitive.LOST_CHILD, child == OnlyChild.DECEASED or special),
            (Sensitive.DEMENTIA, dementia),
            (Sensitive.UPHEAVAL, upheaval is not None and upheaval >= clock.today()),
            (Sensitive.CAUTION, caution),
            (Sensitive.REMOTE_ONLY, called),
            (Sensitive.TWO_VISITORS, two),
        )
        if holds
    ]


def sensitive_elders(elder_ids: Iterable[int]) -> dict[int, list[Sensitive]]:
    """What makes each of these elders a matter for a person; elders without anything are left out. One query."""
    wanted = sorted(set(elder_ids))
    if not wanted:
        return {}
    rows = db.session.execute(select(Elder.id, *COLUMNS).where(Elder.id.in_(wanted)))
    found = {elder_id: reasons(values) for elder_id, *values in rows}
    return {elder_id: why for elder_id, why in found.items() if why}
