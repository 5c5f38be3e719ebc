"""How far the read model of what is owed is right: what in it was written over, or has grown old."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Date, and_, func, literal, null, or_, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY as PG_ARRAY
from sqlalchemy.types import BigInteger, String

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.visits.models import OwedElder, OwedStale
from coordinator.visits.queries.owed import Rulebook, one_of


@dataclass(frozen=True, slots=True)
class Standing:
    """What is ready in a scope. `groups` are (area, rule texts) with the first day after which something in it is
    out of date and the latest day on which something was computed; `stale` the first elders of whom something
    has changed, `changed` how many there are."""

    groups: list[tuple[int, str | None, date | None, date | None]]
    stale: list[int]
    changed: int

    def outdated(self, books: Mapping[int, Rulebook], today: date) -> list[tuple[int, str | None]]:
        """The groups of which a part is to be computed anew although nothing was written: the day has turned, or
        the rules are others."""
        return [
            (area_id, rules)
            for area_id, rules, good_until, computed_on in self.groups
            if (good_until is not None and good_until < today)
            or (computed_on is not None and computed_on > today)
            or (area_id in books and rules != books[area_id].key)
        ]


def standing_of(area_ids: Collection[int], most: int) -> Standing:
    """How far the read model is right in these areas; `most` limits the elders that are named. One query."""
    ids = one_of(area_ids)
    groups = (
        select(
            OwedElder.area_id,
            OwedElder.rules,
            func.min(OwedElder.good_until),
            func.max(OwedElder.computed_on),
            literal(0),
            null().cast(PG_ARRAY(BigInteger)),
        )
        .where(OwedElder.area_id == ids)
        .group_by(OwedElder.area_id, OwedElder.rules)
    )
    stale = (
        select(OwedStale.elder_id)
        .join(Elder, Elder.id == OwedStale.elder_id)
        .outerjoin(OwedElder, OwedElder.elder_id == OwedStale.elder_id)
        # Where the elder lives now, and where the rows of an elder who has moved still stand.
        .where(or_(Elder.area_id == ids, OwedElder.area_id == ids))
        .distinct()
        .subquery()
    )
    first = select(stale.c.elder_id).limit(most).scalar_subquery()
    changed = select(
        null().cast(BigInteger),
        null().cast(String),
        null().cast(Date),
        null().cast(Date),
        select(func.count()).select_from(stale).scalar_subquery(),
        func.array(first),
    )
    rows = db.session.execute(union_all(groups, changed)).all()
    last = next(row for row in rows if row[0] is None)
    return Standing([tuple(row[:4]) for row in rows if row[0] is not None], list(last[5] or ()), last[4])


def outdated_elders(
    groups: Collection[tuple[int, str | None]], books: Mapping[int, Rulebook], today: date
) -> list[int]:
    """The elders of these groups whose day has turned or whose rules are others; one query."""
    if not groups:
        return []
    others = [area_id for area_id, rules in groups if area_id in books and rules != books[area_id].key]
    keys = {books[area_id].key for area_id in others}
    rows = db.session.scalars(
        select(OwedElder.elder_id).where(
            OwedElder.area_id == one_of([area_id for area_id, _rules in groups]),
            or_(
                OwedElder.good_until < today,
                OwedElder.computed_on > today,
                and_(
                    OwedElder.area_id == one_of(others),
                    or_(OwedElder.rules.is_(None), OwedElder.rules.not_in(keys)),
                ),
            ),
        )
    )
    return list(rows)
