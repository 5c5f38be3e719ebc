"""The rule packs in force, by day: stored versions, never changed, and the days each of them governs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.errors import Conflict
from coordinator.policy import Pack, PolicyError, available_packs, load_pack
from coordinator.policy.packs import PACK_FOLDER, parse_pack
from coordinator.visits.models import PolicyVersion

# A period or event that overlaps a span may have begun this long before it.
_LONGEST_PERIOD = timedelta(days=366)
_DAY = timedelta(days=1)


class InForce(NamedTuple):
    """A stored version and the days on which it is in force, both included (`date.max`: open end).

    Given to `Calculation(..., in_force=(first_day, last_day))`: a period is judged by the version in force on
    its first day.
    """

    first_day: date
    last_day: date
    pack: Pack
    version_id: int


class StoredVersion(NamedTuple):
    """A stored version without its text."""

    id: int
    pack: str
    version: str
    valid_from: date
    sha256: str


def packs_in_force(name: str, start: date, end: date) -> list[InForce]:
    """The versions of pack `name` that govern periods overlapping [start, end], in order of days.

    The version in force on a day is the one with the greatest `valid_from` not after it (the newest stored
    where two begin on one day), until the version's own `valid_to`. Before a local pack's first version and
    after its end its parent is in force; where there is no parent, nothing is. Days are not cut to the span,
    and versions in force up to a year before `start` are included, because a year that overlaps the span
    began under them. Two queries at most for a pack without a parent, however long the span; texts are kept
    by SHA-256. A pack that comes with the system is stored on first use.

    Raises Conflict when the pack is unknown or a stored text cannot be read.
    """
    first = start - _LONGEST_PERIOD if start - date.min > _LONGEST_PERIOD else date.min
    found = _segments(name, ())
    if not found and not stored_versions(name):
        raise Conflict(
            _("没有名为 %(name)s 的规则。", name=name), _("请联系管理员检查规则。"), code="bad_pack"
        )
    return [one for one in found if one.first_day <= end and one.last_day >= first]


def pack_in_force(name: str, on: date) -> Pack | None:
    """The version of a pack in force on a day: that of the first day on which one is where that lies later (a
    local pack without parent that is yet to begin); None when no version is stored and none comes with the
    system."""
    found = _segments(name, ())
    here = [one for one in found if one.first_day <= on <= one.last_day]
    return here[0].pack if here else found[0].pack if found else None


def pack_of_version(version_id: int) -> Pack:
    """The pack as it was stored in this version. Raises Conflict when it is gone or cannot be read."""
    row = db.session.execute(
        select(PolicyVersion.pack, PolicyVersion.sha256, PolicyVersion.content).where(
            PolicyVersion.id == version_id
        )
    ).one_or_none()
    if row is None:
        raise Conflict(_("没有这个版本的规则。"), _("请联系管理员检查规则。"), code="bad_pack")
    return _read(row.pack, row.sha256, row.content)


class VersionLine(NamedTuple):
    """A stored version as the page of rules lists it. `days` are those on which it is in force (None: never);
    `state` is one of in_force, to_come, past, replaced."""

    id: int
    name: str
    version: str
    valid_from: date
    stored_at: datetime
    sha256: str
    days: tuple[date, date] | None
    state: str


def version_lines(name: str, today: date) -> list[VersionLine]:
    """All versions of a pack, the latest first; three queries."""
    days = {
        one.version_id: (one.first_day, one.last_day)
        for one in packs_in_force(name, date.min, date.max)
        if one.pack.id == name
    }
    rows = db.session.execute(
        select(
            PolicyVersion.id,
            PolicyVersion.version,
            PolicyVersion.valid_from,
            PolicyVersion.stored_at,
            PolicyVersion.sha256,
        )
        .where(PolicyVersion.pack == name)
        .order_by(PolicyVersion.valid_from.desc(), PolicyVersion.id.desc())
    )
    found = []
    for version_id, version, valid_from, stored_at, sha256 in rows:
        span = days.get(version_id)
        if span is None:
            state = "replaced"
        elif today < span[0]:
            state = "to_come"
        else:
            state = "in_force" if today <= span[1] else "past"
        pack = _known[sha256].name if sha256 in _known else name
        found.append(VersionLine(version_id, pack, version, valid_from, stored_at, sha256, span, state))
    return found


def stored_versions(name: str) -> list[StoredVersion]:
    """All stored versions of a pack, oldest first in force; one query."""
    return _stored_versions(PolicyVersion.pack == name)


def _stored_versions(*where: ColumnElement[bool]) -> list[StoredVersion]:
    rows = db.session.execute(
        select(
            PolicyVersion.id,
            PolicyVersion.pack,
            PolicyVersion.version,
            PolicyVersion.valid_from,
            PolicyVersion.sha256,
        )
        .where(*where)
        .order_by(PolicyVersion.valid_from, PolicyVersion.id)
    )
    return [StoredVersion(*row) for row in rows]


def local_packs(parent: str) -> list[Pack]:
    """The newest version of each stored pack that may only exceed `parent`; two queries."""
    newest = {one.pack: one for one in _stored_versions()}
    packs = _packs_of(list(newest.values()))
    return [packs[one.sha256] for one in newest.values() if packs[one.sha256].parent == parent]


def _segments(name: str, below: tuple[str, ...]) -> list[InForce]:
    """The days of each version of a pack, gaps filled from its parent."""
    if name in below:
        return []  # two packs that name each other as parents
    versions = stored_versions(name)
    if name in available_packs():
        shipped = load_shipped(name)
        if all(one.sha256 != shipped.digest for one in versions) and _is_new(shipped, versions):
            store_shipped(shipped)
            versions = stored_versions(name)
    packs = _packs_of(versions)
    # The newest stored wins where two begin on one day.
    by_day = {one.valid_from: one for one in versions}
    own: list[InForce] = []
    days = sorted(by_day)
    for position, day in enumerate(days):
        until = days[position + 1] - _DAY if position + 1 < len(days) else date.max
        version = by_day[day]
        pack = packs[version.sha256]
        if pack.valid_to is not None:
            until = min(until, pack.valid_to)
        if day <= until:
            own.append(InForce(day, until, pack, version.id))
    parent = packs[versions[-1].sha256].parent if versions else None
    if parent is None:
        return own
    return _fill(own, _segments(parent, (*below, name)))


def _fill(own: Sequence[InForce], parent: Sequence[InForce]) -> list[InForce]:
    """`own`, with the days it leaves free taken from `parent`."""
    free: list[tuple[date, date]] = []
    day = date.min
    for one in own:
        if day < one.first_day:
            free.append((day, one.first_day - _DAY))
        if one.last_day == date.max:
            break
        day = one.last_day + _DAY
    else:
        free.append((day, date.max))
    filled = [
        one._replace(first_day=max(one.first_day, first), last_day=min(one.last_day, last))
        for one in parent
        for first, last in free
        if one.first_day <= last and one.last_day >= first
    ]
    return sorted([*own, *filled], key=lambda one: one.first_day)


def _is_new(pack: Pack, versions: Sequence[StoredVersion]) -> bool:
    """Whether the pack's first day and version number are not yet those of other words. Where they are, the
    words that are stored hold: a version never changes."""
    return all((one.valid_from, one.version) != (pack.valid_from, pack.version) for one in versions)


def load_shipped(name: str) -> Pack:
    """The pack that comes with the system; Conflict with a text for people when it cannot be read."""
    try:
        return load_pack(name)
    except PolicyError as problem:
        raise Conflict(
            _("规则读不出来，暂时不能计算应访。"), _("请联系管理员检查规则。"), code="bad_pack"
        ) from problem


def store_shipped(pack: Pack) -> None:
    """Keep the text of a pack that comes with the system (also when a page needs it first).

    Raises ValueError when no such file holds this pack (it is another one, or has changed since it was read).
    """
    content = (PACK_FOLDER / f"{pack.id}.toml").read_bytes() if pack.id in available_packs() else b""
    if hashlib.sha256(content).hexdigest() != pack.digest:
        raise ValueError(f"the file of the rule pack {pack.id} has changed since it was read")
    store_text(pack, content.decode("utf-8"))


def store_text(pack: Pack, content: str) -> None:
    """Keep the text of a pack; the same text is kept once, whoever is first.

    Raises Conflict when another text with the same first day and the same version number is kept: two rules
    under one name could not be told apart.
    """
    versions = stored_versions(pack.id)
    if any(one.sha256 == pack.digest for one in versions):
        return
    if not _is_new(pack, versions):
        raise Conflict(
            _("规则 %(name)s 第 %(version)s 版已经存过，内容不同。", name=pack.id, version=pack.version),
            _("改了内容就要换一个版本号。"),
            code="version_exists",
        )
    db.session.execute(
        insert(PolicyVersion)
        .values(
            pack=pack.id,
            version=pack.version,
            valid_from=pack.valid_from,
            sha256=pack.digest,
            content=content,
            stored_at=clock.now(),
        )
        .on_conflict_do_nothing(index_elements=["pack", "sha256"])
    )


def _packs_of(versions: Sequence[StoredVersion]) -> dict[str, Pack]:
    """The packs of these versions by SHA-256; one query for those not read before in this process."""
    found = {one.sha256: _known[one.sha256] for one in versions if one.sha256 in _known}
    missing = [one.id for one in versions if one.sha256 not in found]
    if missing:
        rows = db.session.execute(
            select(PolicyVersion.pack, PolicyVersion.sha256, PolicyVersion.content).where(
                PolicyVersion.id.in_(missing)
            )
        )
        for pack, sha256, content in rows:
            found[sha256] = _read(pack, sha256, content)
    return found


_known: dict[str, Pack] = {}


def _read(name: str, sha256: str, content: str) -> Pack:
    found = _known.get(sha256)
    if found is not None:
        return found
    try:
        pack = parse_pack(content.encode("utf-8"), f"{name}.toml")
    except PolicyError as problem:
        raise Conflict(
            _("规则读不出来，暂时不能计算应访。"), _("请联系管理员检查规则。"), code="bad_pack"
        ) from problem
    if pack.digest != sha256:
        raise Conflict(_("规则的内容和校验码对不上。"), _("请联系管理员检查规则。"), code="bad_pack")
    _known[sha256] = pack
    return pack
