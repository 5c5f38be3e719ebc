"""The one place that keeps versions of dossiers, and the facts that held before a change.

Everything that writes to a dossier does so inside `change`; who cannot (a merge, an external list) calls `seen`
before and `keep` after. A version is made for each dossier that differs from its last one: for the elder's own,
and for those of the people in the same home, because their dossiers show the household as well, and the rules
judge an elder by whom the elder lives with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import ARRAY, BigInteger, any_, insert, literal, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from coordinator import policy
from coordinator.elders.models import DossierVersion, EarlierFacts, Elder, ElderStatus
from coordinator.elders.queries.facts import facts_as_json, facts_from, facts_of, judged_alike
from coordinator.elders.queries.snapshot import changed_fields, people_of, snapshot, whole_elders
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor


@dataclass(slots=True)
class Seen:
    """Dossiers as they stood before a change: the facts of everybody whom it may touch, by elder id."""

    facts: dict[int, policy.ElderFacts] = field(default_factory=dict)
    ids: set[int] = field(default_factory=set)

    def look(self, elders: Iterable[int] = (), households: Iterable[int] = ()) -> None:
        """Note these elders, everybody who lives with them, and everybody in these homes. Locks their dossiers
        until the transaction ends, so that versions are numbered one after the other."""
        fresh = [one for one in _touched(set(elders), set(households), lock=True) if one.id not in self.facts]
        self.facts |= facts_of(fresh)
        self.ids |= {one.id for one in fresh}


_open: ContextVar[Seen | None] = ContextVar("open_change", default=None)


@contextmanager
def change(
    actor: Actor, *elders: Elder, households: Iterable[int] = (), source: str = "manual"
) -> Iterator[Seen]:
    """Do something to dossiers; at the end, unless it raised, versions are kept of all that has changed.

    Inside another `change` it only adds to that one, so that one act makes one version. Somebody new is added to
    `ids`; a home that an elder moves to is looked at before (`look`). Flushes.
    """
    outer = _open.get()
    if outer is not None:
        outer.look([one.id for one in elders], households)
        yield outer
        return
    seen = Seen()
    seen.look([one.id for one in elders], households)
    _baseline(seen)
    token = _open.set(seen)
    try:
        yield seen
    finally:
        _open.reset(token)
    _keep(actor, seen, source)


def seen(*elders: Elder, households: Iterable[int] = ()) -> Seen:
    """Look at dossiers before something changes them; `keep` takes the answer."""
    found = Seen()
    found.look([one.id for one in elders], households)
    _baseline(found)
    return found


def keep(
    actor: Actor,
    elder: Elder,
    changed: Sequence[str] = (),
    *,
    before: Seen | None = None,
    source: str = "manual",
) -> DossierVersion | None:
    """Keep a version of a dossier that has been changed, and of those in the same home. Flushes.

    Returns the elder's new version, None when nothing differs. The changed fields are found by comparing;
    `changed` adds names that a snapshot does not show. Without `before` the former facts are those of the last
    version.
    """
    outer = _open.get()
    if outer is not None:
        outer.ids.add(elder.id)
        return None
    before = before or Seen()
    before.ids.add(elder.id)
    made = _keep(actor, before, source, {elder.id: changed})
    return last_version(elder.id) if elder.id in made else None


def last_version(elder_id: int) -> DossierVersion | None:
    """The newest version of a dossier."""
    return db.session.scalars(
        select(DossierVersion)
        .where(DossierVersion.elder_id == elder_id)
        .order_by(DossierVersion.number.desc())
        .limit(1)
    ).first()


def _touched(ids: set[int], households: set[int], *, lock: bool = False) -> Sequence[Elder]:
    """These elders, the active ones who live with them, and the active ones of these homes."""
    if not ids and not households:
        return ()
    own = select(Elder.household_id).where(Elder.id == any_(_array(ids)))
    statement = (
        select(Elder)
        .where(
            or_(
                Elder.id == any_(_array(ids)),
                Elder.household_id.in_(own) & (Elder.status == ElderStatus.ACTIVE),
                (Elder.household_id == any_(_array(households))) & (Elder.status == ElderStatus.ACTIVE),
            )
        )
        .order_by(Elder.id)
    )
    if lock:
        statement = statement.with_for_update(key_share=True)
    return db.session.scalars(statement).all()


def _array(values: Iterable[int]) -> Any:
    return literal(list(values), ARRAY(BigInteger))


def _last(ids: Iterable[int]) -> dict[int, DossierVersion]:
    found = db.session.scalars(
        select(DossierVersion)
        .where(DossierVersion.elder_id == any_(_array(ids)))
        .ext(distinct_on(DossierVersion.elder_id))
        .order_by(DossierVersion.elder_id, DossierVersion.number.desc())
    )
    return {one.elder_id: one for one in found}


def _baseline(seen: Seen) -> None:
    """Whoever has no version yet gets one of the state before the change, dated when it was last written."""
    held = set(
        db.session.scalars(
            select(DossierVersion.elder_id).where(DossierVersion.elder_id == any_(_array(seen.ids)))
        )
    )
    missing = seen.ids - held
    if not missing:
        return
    elders = whole_elders(missing)
    people = people_of(elders)
    rows = [
        _row(elder, 1, [], snapshot(elder, seen.facts[elder.id], people[elder.household_id]))
        | {"at": elder.updated_at, "source": elder.source}
        for elder in elders
    ]
    db.session.execute(insert(DossierVersion), rows)


def _row(elder: Elder, number: int, changed: list[str], content: dict[str, Any]) -> dict[str, Any]:
    return {
        "elder_id": elder.id,
        "number": number,
        "user_id": None,
        "actor_name": "",
        "changed": changed,
        "content": content,
    }


def _keep(actor: Actor, seen: Seen, source: str, named: dict[int, Sequence[str]] | None = None) -> set[int]:
    """Versions and former facts of everybody whom the change touched; the ids of those with a new version."""
    db.session.flush()
    now = clock.now()
    ids = {one.id for one in _touched(seen.ids, set())}
    if not ids:
        return set()
    elders = whole_elders(ids)
    facts = facts_of(elders)
    people = people_of(elders)
    last = _last(ids)
    rows, former = [], []
    for elder in elders:
        held = last.get(elder.id)
        content = snapshot(elder, facts[elder.id], people[elder.household_id])
        before = seen.facts.get(elder.id) or (facts_from(held.content["facts"]) if held else None)
        if before is not None and _long_known(elder) and not judged_alike(before, facts[elder.id]):
            former.append(
                {
                    "elder_id": elder.id,
                    "until": clock.today() - timedelta(days=1),
                    "facts": facts_as_json(before),
                }
            )
        changed = changed_fields(held.content if held else None, content)
        extra = [name for name in (named or {}).get(elder.id, ()) if name not in changed]
        if held is not None and not changed and not extra and held.content == content:
            continue
        rows.append(
            _row(elder, held.number + 1 if held else 1, [*changed, *extra], content)
            | {"at": now, "source": source, "user_id": actor.user_id, "actor_name": actor.name}
        )
    if former:
        # Several changes on one day: what held before the first of them stays.
        db.session.execute(upsert(EarlierFacts).on_conflict_do_nothing(), former)
    if rows:
        db.session.execute(insert(DossierVersion), rows)
    return {row["elder_id"] for row in rows}


def _long_known(elder: Elder) -> bool:
    """Was the elder in the register before today? A dossier opened today has no past that a change could spare."""
    return clock.to_local(elder.created_at).date() < clock.today()
