"""Elders whom a person decides about each time, from what the dossier knows.

Our own reading; no document lists them. Too careful costs a coordinator one look, too careless costs an elder more:
the loss of an only child and a 计划生育特殊家庭, dementia, a recent 重大变故, any written caution, a wish to be
called rather than visited, a home to which two go. Medical history and notes are free text and judge nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import case, select

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


def sensitive_elders(elder_ids: Iterable[int]) -> dict[int, list[Sensitive]]:
    """What makes each of these elders a matter for a person; elders without anything are left out. One query."""
    wanted = sorted(set(elder_ids))
    if not wanted:
        return {}
    special = (
        select(ElderCategory.id)
        .where(
            ElderCategory.elder_id == Elder.id,
            ElderCategory.category == Category.SPECIAL_FAMILY,
            ElderCategory.ended_on.is_(None),
        )
        .exists()
    )
    rather_called = (
        select(Consent.id)
        .where(
            Consent.elder_id == Elder.id,
            Consent.superseded_at.is_(None),
            Consent.state.in_((ConsentState.REMOTE_ONLY, ConsentState.REFUSED)),
        )
        .exists()
    )
    rows = db.session.execute(
        select(
            Elder.id,
            Elder.only_child,
            special,
            Elder.has_dementia,
            Elder.upheaval_until,
            case((Elder.cautions.is_(None), False), (Elder.cautions == "", False), else_=True),
            rather_called,
            Elder.needs_two_visitors,
        ).where(Elder.id.in_(wanted))
    )
    today = clock.today()
    found = {}
    for elder_id, child, special_family, dementia, upheaval, caution, called, two in rows:
        why = [
            one
            for one, holds in (
                (Sensitive.LOST_CHILD, child == OnlyChild.DECEASED or special_family),
                (Sensitive.DEMENTIA, dementia),
                (Sensitive.UPHEAVAL, upheaval is not None and upheaval >= today),
                (Sensitive.CAUTION, caution),
                (Sensitive.REMOTE_ONLY, called),
                (Sensitive.TWO_VISITORS, two),
            )
            if holds
        ]
        if why:
            found[elder_id] = why
    return found
