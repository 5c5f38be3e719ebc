"""Rule packs as they were: versions that are stored once and never changed."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.policy import Pack, PolicyError, available_packs
from coordinator.policy.checks import faults
from coordinator.policy.packs import parse_pack
from coordinator.policy.stricter import weaker_places
from coordinator.visits.models import PolicyVersion
from coordinator.visits.queries.packs import (
    load_shipped,
    local_packs,
    packs_in_force,
    store_shipped,
    store_text,
)


class Stored(NamedTuple):
    """A stored version, and the local packs that are now weaker than it."""

    version: PolicyVersion
    weaker: list[str]


def store_policy_version(pack: Pack) -> PolicyVersion:
    """The stored copy of a pack; one that comes with the system is stored on first need.

    Raises ValueError when the pack is neither stored nor the one that comes with the system, Conflict when
    other words are stored under its first day and version number.
    """
    found = _stored(pack)
    if found is None:
        store_shipped(pack)
        found = _stored(pack)
    assert found is not None, "just written, here or by another transaction that has committed"
    return found


def _stored(pack: Pack) -> PolicyVersion | None:
    return db.session.scalars(
        select(PolicyVersion).where(PolicyVersion.pack == pack.id, PolicyVersion.sha256 == pack.digest)
    ).one_or_none()


def store_shipped_packs() -> list[str]:
    """Store the packs that come with the system, as they are now; after each migration.

    Returns the names of those whose file says something else than the version stored under the same number:
    the stored words hold.
    """
    changed = []
    for name in available_packs():
        pack = load_shipped(name)
        try:
            store_shipped(pack)
        except Conflict:
            changed.append(name)
    db.session.flush()
    return changed


def store_pack(actor: Actor, content: bytes, shown: str) -> Stored:
    """Store a version of a rule pack from the bytes of its file (`shown` names it in errors).

    Raises InvalidInput in one line with file, element and field: a fault of the pack, a place where it asks for
    less than a version of its parent that is in force with it, or other words under the same version number.
    """
    try:
        pack = parse_pack(content, shown)
        found = faults(pack)
    except PolicyError as problem:
        raise InvalidInput(str(problem)) from problem
    if found:
        raise InvalidInput(f"{shown}: {found[0]}")
    if pack.parent is not None:
        _demand_stricter(pack, shown)
    if _stored(pack) is None:
        try:
            store_text(pack, content.decode("utf-8"))
        except Conflict as problem:
            raise InvalidInput(f"{shown}: version: {problem.message}{problem.remedy}") from problem
        _note(actor, pack)
    version = _stored(pack)
    assert version is not None, "just written, here or by another transaction that has committed"
    return Stored(version, [one.id for one in local_packs(pack.id) if weaker_places(one, pack)])


def _demand_stricter(pack: Pack, shown: str) -> None:
    assert pack.parent is not None
    try:
        above = packs_in_force(pack.parent, pack.valid_from, pack.valid_to or date.max)
    except Conflict as problem:
        raise InvalidInput(f"{shown}: parent: {problem.message}") from problem
    for one in above:
        if one.last_day < pack.valid_from:
            continue  # given because a year that goes on began under it
        if one.pack.id == pack.id:
            raise InvalidInput(f"{shown}: parent: {pack.parent} is itself a local pack of {pack.id}")
        for place in weaker_places(pack, one.pack)[:1]:
            raise InvalidInput(f"{shown}: {place} (version {one.pack.version} of {one.pack.id})")


def _note(actor: Actor, pack: Pack) -> None:
    version = _stored(pack)
    audit.record(
        actor,
        "policy.store",
        version,
        _("存入规则 %(name)s 第 %(version)s 版", name=pack.name, version=pack.version),
        changes={"sha256": [None, pack.digest], "valid_from": [None, pack.valid_from.isoformat()]},
    )
