"""Keeping the read model of what is owed right (docs/owed.md).

Triggers say whose obligations are out of date; here they are computed anew. Whoever computes an elder holds the row
in `owed_elders` until the commit and reads everything else after taking it, so that two never overwrite each other
with older results, and takes away only the lines of `owed_stale` that were there before reading.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    LargeBinary,
    String,
    Text,
    bindparam,
    delete,
    func,
    select,
    text,
)

from coordinator.elders.models import DisabilityCertificate, Elder, HouseholdMember
from coordinator.elders.queries.facts import ELDER_AGE
from coordinator.extensions import db
from coordinator.kernel import queue
from coordinator.policy import Category, EventKind, Mode, Status, has_category
from coordinator.policy.facts import birthday
from coordinator.visits.models import OwedElder, OwedObligation, OwedStale, PolicyVersion, Visit
from coordinator.visits.queries.due_list import elder_rows, name_key, window
from coordinator.visits.queries.due_scope import DueScope, read_due_scope
from coordinator.visits.queries.owed import (
    Calculations,
    Rulebook,
    Situation,
    areas_above,
    one_of,
    rulebooks,
    situations,
)
from coordinator.visits.queries.ready import tally
from coordinator.visits.queries.standing import outdated_elders, standing_of

REFRESH_JOB = "coordinator.visits.jobs.refresh_owed"
# Elders that a reader computes before being served; more are left to a job, and the page says how many.
MOST_IN_REQUEST = 400
# How many days ahead of today the periods are computed: a night without its run does no harm.
AHEAD = timedelta(days=14)
CHUNK = 5000
# The higher tier of the documents that have two (泸州, 海口) and of 江门.
KEY_TIERS = frozenset({"key", "A"})
NEVER = date.max


@dataclass(frozen=True, slots=True)
class Freshness:
    """How a reader was served: the rules of each area looked at, those in which elders live (`inhabited`), and of
    how many elders the figures are still those of before."""

    books: dict[int, Rulebook]
    inhabited: set[int]
    waiting: int
    wrote: bool

    @property
    def own_books(self) -> list[Rulebook]:
        """The rules by which somebody in the scope is judged."""
        return [self.books[area_id] for area_id in sorted(self.inhabited)]


def freshen(scope: DueScope, today: date) -> Freshness:
    """Bring the read model of a scope up to date before it is read: here for some hundreds of elders, by a job
    above that. Two queries when nothing is out of date. The caller commits when something was written.

    Raises Conflict when elders of the scope live where no rules are set.
    """
    standing = standing_of(scope.wanted, MOST_IN_REQUEST + 1)
    inhabited = {area_id for area_id, _rules, _until, _on in standing.groups}
    if standing.stale:
        inhabited |= _areas_of_elders(standing.stale) & set(scope.wanted)
    books = rulebooks(scope.wanted, scope.above, window(today)[0], strict=False)
    if inhabited - books.keys():
        rulebooks(inhabited - books.keys(), scope.above, window(today)[0])
    waiting = set(standing.stale) | set(outdated_elders(standing.outdated(books, today), books, today))
    total = max(len(waiting), standing.changed)
    if not total:
        return Freshness(books, inhabited, 0, wrote=False)
    if total > MOST_IN_REQUEST:
        owe_refresh(today)
        return Freshness(books, inhabited, total, wrote=True)
    done = refresh(waiting, today)
    # What is left is being computed by somebody else at this moment.
    return Freshness(books, inhabited, len(waiting - done), wrote=True)


def _areas_of_elders(elder_ids: Collection[int]) -> set[int]:
    return set(db.session.scalars(select(Elder.area_id).where(Elder.id == one_of(elder_ids)).distinct()))


def due_counts(paths: Sequence[str], today: date) -> Counter[str]:
    """How many obligations there are of each shown status, with `open` for the sum of the open ones. The caller
    commits."""
    scope = read_due_scope(paths)
    freshen(scope, today)
    return tally(scope, today).counts


def owe_refresh(today: date) -> None:
    """Owe the job that computes whatever is out of date now; one for all who ask for the same."""
    queue.owe(REFRESH_JOB, key=refresh_key(today), timeout_seconds=3600)


def refresh_key(today: date) -> str:
    """Names what is out of date now: the day, the newest line and the newest rules."""
    line = select(func.coalesce(func.max(OwedStale.id), 0)).scalar_subquery()
    version = select(func.coalesce(func.max(PolicyVersion.id), 0)).scalar_subquery()
    newest = db.session.execute(select(line, version)).one()
    return f"{today}:{newest[0]}:{newest[1]}"


def refresh(
    elder_ids: Collection[int],
    today: date,
    *,
    wait: bool = False,
    swept: bool = False,
    calculations: Calculations | None = None,
) -> set[int]:
    """Compute the obligations of these elders anew; returns those that were done. Does not commit.

    Elders that somebody else computes at this moment are left out, or waited for with `wait` (in the order of
    their ids, so that two never wait for each other). `swept` notes the nightly run.
    """
    held = _hold(elder_ids, wait=wait)
    if not held:
        return set()
    lines = list(db.session.scalars(select(OwedStale.id).where(OwedStale.elder_id == one_of(held))))
    elders = elder_rows(Elder.id == one_of(held), today)
    areas = areas_above({elder.area_id for elder in elders})
    start = window(today)[0]
    books = rulebooks({elder.area_id for elder in elders}, areas, start, strict=False)
    ruled = [elder for elder in elders if elder.area_id in books]
    found = situations(ruled, books, start, today + AHEAD, today, calculations)
    contacts = _contact_days(elders, today)
    turns = _turns(ruled, books, contacts, today)
    _write_obligations(held, ruled, found, today)
    _write_elders(held, elders, books, found, contacts, turns, today, swept=swept)
    if lines:
        db.session.execute(delete(OwedStale).where(OwedStale.id == one_of(lines)))
    return set(held)


def _hold(elder_ids: Collection[int], *, wait: bool) -> list[int]:
    """Take the rows of these elders; nobody else computes them until the end of the transaction."""
    if wait:
        # A job has time; the settings of the site are those of pages.
        for name, value in (("lock_timeout", "5min"), ("idle_in_transaction_session_timeout", "10min")):
            db.session.execute(text(f"SET LOCAL {name} = '{value}'"))
    statement = select(OwedElder.elder_id).where(OwedElder.elder_id == one_of(elder_ids))
    statement = statement.order_by(OwedElder.elder_id).with_for_update(skip_locked=not wait)
    return list(db.session.scalars(statement))


# --- when the day itself changes something ---------------------------------------------------------------


def _contact_days(elders: Sequence[Any], today: date) -> dict[int, tuple[date, date | None]]:
    """The days of each elder's last contact and of the first one after today, where there is one."""
    rows = db.session.execute(
        select(
            Visit.elder_id,
            func.max(Visit.contact_on),
            func.min(Visit.contact_on).filter(Visit.contact_on > today),
        )
        .where(Visit.elder_id == one_of([elder.id for elder in elders]), Visit.contact_on.is_not(None))
        .group_by(Visit.elder_id)
    )
    return {elder_id: (last, coming) for elder_id, last, coming in rows}


def _turns(
    elders: Sequence[Any],
    books: Mapping[int, Rulebook],
    contacts: Mapping[int, tuple[date, date | None]],
    today: date,
) -> dict[int, date]:
    """The last day, by elder, on which the results of today hold although nothing is written."""
    homes = {elder.household_id for elder in elders}
    ends: dict[int, date] = {}
    certificates = db.session.execute(
        select(Elder.household_id, func.min(DisabilityCertificate.valid_to))
        .join(DisabilityCertificate, DisabilityCertificate.elder_id == Elder.id)
        .where(Elder.household_id == one_of(homes), DisabilityCertificate.valid_to >= today)
        .group_by(Elder.household_id)
    )
    for household_id, day in certificates:
        ends[household_id] = day
    # Who turns 60 becomes an elder with whom somebody lives.
    born_about = (
        today - timedelta(days=366 * (ELDER_AGE + 1)),
        today - timedelta(days=365 * (ELDER_AGE - 1)),
    )
    members = db.session.execute(
        select(HouseholdMember.household_id, HouseholdMember.birth_date).where(
            HouseholdMember.household_id == one_of(homes), HouseholdMember.birth_date.between(*born_about)
        )
    )
    for household_id, born in members:
        turning = birthday(born, ELDER_AGE)
        if turning > today:
            ends[household_id] = min(ends.get(household_id, NEVER), turning - timedelta(days=1))
    coming = {elder_id: day - timedelta(days=1) for elder_id, (_last, day) in contacts.items() if day}
    epidemics = {
        id(book): min(
            (
                event.start - timedelta(days=1)
                for event in book.events
                if event.kind is EventKind.EPIDEMIC and event.start > today
            ),
            default=NEVER,
        )
        for book in books.values()
    }
    found = {}
    for elder in elders:
        leaves = elder.left_on - timedelta(days=1) if elder.left_on and elder.left_on > today else NEVER
        found[elder.id] = min(
            today + AHEAD,
            ends.get(elder.household_id, NEVER),
            coming.get(elder.id, NEVER),
            epidemics[id(books[elder.area_id])],
            leaves,
        )
    return found


# --- writing ---------------------------------------------------------------------------------------------

_COLUMNS = (
    *("elder_id", "position", "area_id", "rule", "event", "tier", "is_key", "home_only", "period_from"),
    *("period_to", "required", "counted", "waived", "blocked", "name_key"),
)
_ONLY_HOME = (Mode.HOME,)


def _write_obligations(
    held: Collection[int], elders: Sequence[Any], found: Mapping[int, Situation], today: date
) -> None:
    """Put the obligations in the place of those that were there."""
    db.session.execute(delete(OwedObligation).where(OwedObligation.elder_id == one_of(held)))
    raw = db.session.connection().connection.dbapi_connection
    assert raw is not None
    with (
        raw.cursor() as cursor,
        cursor.copy(f"COPY owed_obligations ({', '.join(_COLUMNS)}) FROM STDIN") as rows,
    ):
        for elder in elders:
            name = name_key(elder.name)
            gone = elder.left_on is not None and elder.left_on <= today
            for position, one in enumerate(found[elder.id].obligations):
                if gone and one.status is Status.OVERDUE:
                    continue  # nobody can be visited any more (`is_listed`)
                rows.write_row(
                    (
                        elder.id,
                        position,
                        elder.area_id,
                        one.rule,
                        one.event,
                        one.tier,
                        one.tier in KEY_TIERS,
                        one.modes == _ONLY_HOME,
                        one.period_from,
                        one.period_to,
                        one.required,
                        one.counted,
                        one.reason,
                        one.blocked,
                        name,
                    )
                )


_UPDATE = text(
    """
    UPDATE owed_elders o
       SET area_id = n.area_id, categories = string_to_array(n.categories, ','), place_key = n.place_key,
           last_contact_on = n.last_contact_on, rules = n.rules, computed_on = :today, good_until = n.good_until,
           swept_on = CASE WHEN :swept THEN :today ELSE o.swept_on END
      FROM unnest(:ids, :areas, :categories, :places, :last, :rules, :until)
           AS n (elder_id, area_id, categories, place_key, last_contact_on, rules, good_until)
     WHERE o.elder_id = n.elder_id
    """
).bindparams(
    bindparam("ids", type_=ARRAY(BigInteger)),
    bindparam("areas", type_=ARRAY(BigInteger)),
    bindparam("categories", type_=ARRAY(Text)),
    bindparam("places", type_=ARRAY(LargeBinary)),
    bindparam("last", type_=ARRAY(Date)),
    bindparam("rules", type_=ARRAY(String)),
    bindparam("until", type_=ARRAY(Date)),
    bindparam("today", type_=Date),
)


def _write_elders(
    held: Sequence[int],
    elders: Iterable[Any],
    books: Mapping[int, Rulebook],
    found: Mapping[int, Situation],
    contacts: Mapping[int, tuple[date, date | None]],
    turns: Mapping[int, date],
    today: date,
    *,
    swept: bool,
) -> None:
    rows = {elder.id: elder for elder in elders}
    columns: dict[str, list[Any]] = defaultdict(list)
    for elder_id in held:
        elder = rows.get(elder_id)  # None: left so long ago that nothing is listed any more
        book = books.get(elder.area_id) if elder is not None else None
        facts = found[elder_id].facts if elder_id in found else None
        kinds = [one.value for one in Category if has_category(facts, one, today)] if facts else []
        columns["ids"].append(elder_id)
        columns["areas"].append(elder.area_id if elder is not None else None)
        columns["categories"].append(",".join(kinds))
        columns["places"].append(name_key(elder.address) if elder is not None else None)
        columns["rules"].append(book.key if book is not None else None)
        columns["last"].append(contacts[elder_id][0] if elder_id in contacts else None)
        columns["until"].append(turns.get(elder_id, NEVER))
    db.session.execute(_UPDATE, {**columns, "today": today, "swept": swept})
