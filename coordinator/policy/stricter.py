"""Whether a local pack owes at least as much as its parent (江门: 「提供高于本方案的探访关爱服务」).

For every kind of elder that the two packs can tell apart (`regions`), whatever contacts meet the local pack
must meet the parent. The comparison is of elders in the register through whole periods whose facts stay of one
kind in them; how enrolment, days and half-months are counted is compared by itself. A doubt is refused: where
two rules of the local pack only together force what one of the parent's asks for, through modes of which
neither is a part of the other, they are taken singly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from .compiled import CompiledPack, Rule
from .facts import ElderFacts, Mode
from .periods import PeriodKind
from .regions import DAY, describe, merged, regions, weight
from .schema import Pack

# Each kind of period with the next shorter one and how many of those it holds.
_INSIDE: dict[PeriodKind, tuple[PeriodKind, int]] = {
    "year": ("half_year", 2),
    "half_year": ("month", 6),
    "month": ("half_month", 2),
}
_EVERY_MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
# A named definition, and those that take in everybody it takes in.
_WIDER = {"living_alone": {"living_alone_or_no_family"}}


@dataclass(frozen=True, slots=True)
class Weaker:
    """A place where the local pack asks for less.

    `place` is the element and field of the local pack, `parent_rule` what it falls short of, `own_rule` the
    local rule that comes nearest (None: there is none), `example` an elder of whom it is true.
    """

    place: str
    parent_rule: str
    own_rule: str | None
    problem: str
    example: ElderFacts | None = None

    def __str__(self) -> str:
        text = f"{self.place}: weaker than {self.parent_rule}: {self.problem}"
        return f"{text}; for example an elder: {describe(self.example)}" if self.example else text


@dataclass(frozen=True, slots=True)
class _Owed:
    """What one rule asks of one kind of elder."""

    rule: Rule
    count: int
    modes: frozenset[Mode]


def weaker_places(local: Pack, parent: Pack) -> list[Weaker]:
    """Where `local` asks for less than `parent`; empty when it is proven at least as strict.

    Raises PolicyError when the packs tell too many kinds of elders apart to go through.
    """
    found = [*_settings(local, parent), *_categories(local, parent), *_duties(local, parent)]
    return found + list(_obligations(local, parent))


# -- obligations and surge duties -------------------------------------------------------------------------


def _obligations(local: Pack, parent: Pack) -> Iterator[Weaker]:
    ours, theirs = local.compiled, parent.compiled
    same_halves = ours.half_month_last_day == theirs.half_month_last_day
    worst: dict[tuple[str, str | None, str], Weaker] = {}
    days = _days_of_change(local, parent)
    for facts in regions(merged(ours.atoms, theirs.atoms)):
        for day in days:
            own = _owed(ours, facts, day)
            for asked in _owed(theirs, facts, day):
                if (short := _short(own, asked, same_halves)) is None:
                    continue
                nearest, problem = short
                own_rule = nearest.rule.id if nearest else None
                before = worst.get((asked.rule.id, own_rule, problem))
                if before is None or weight(facts) < weight(before.example or facts):
                    worst[asked.rule.id, own_rule, problem] = Weaker(
                        _place(local, nearest, asked), asked.rule.id, own_rule, problem, facts
                    )
    yield from worst.values()


def _days_of_change(local: Pack, parent: Pack) -> list[date]:
    """The days, from the local pack's first on, on which the rules of either change."""
    first = max(local.valid_from, parent.valid_from)
    begins = {rule.valid_from for pack in (local, parent) for rule in pack.obligations if rule.valid_from}
    return sorted({first, *(day for day in begins if day > first)})


def _owed(pack: CompiledPack, facts: ElderFacts, day: date) -> list[_Owed]:
    """What the pack asks of this kind of elder while the rules of `day` hold, surge duties included."""
    tier = next((one.id for one in pack.tiers if one.test(facts, DAY)), None)
    return [
        _Owed(rule, rule.count, frozenset(pack.modes_for(rule, facts, DAY)))
        for rule in (*pack.rules, *pack.surge)
        if (rule.tier is None or rule.tier == tier)
        and (rule.valid_from is None or rule.valid_from <= day)
        and (rule.test is None or rule.test(facts, DAY))
    ]


def _short(own: Sequence[_Owed], asked: _Owed, same_halves: bool) -> tuple[_Owed | None, str] | None:
    """The nearest local rule and what it lacks; None when the local rules force what is asked."""
    rule = asked.rule
    suits = [one for one in own if one.modes <= asked.modes]
    if rule.event is not None:
        given = max((one.count for one in suits if one.rule.event == rule.event), default=0)
        alike = [one for one in own if one.rule.event == rule.event]
        period = f"{rule.event} event"
    else:
        assert rule.kind is not None
        given = _forced(suits, rule.kind, same_halves)
        alike = [one for one in own if one.rule.kind == rule.kind] or [
            one for one in own if one.rule.kind is not None
        ]
        period = rule.kind.replace("_", "-")
    if given >= asked.count:
        return None
    # Of the rules for this period, the one in the tier's place: same modes first, then the larger count.
    nearest = max(alike, key=lambda one: (one.modes <= asked.modes, one.count), default=None)
    return nearest, f"asks for {given} of {asked.count} ({_modes(asked.modes)}) per {period}"


def _forced(owed: Sequence[_Owed], kind: PeriodKind, same_halves: bool) -> int:
    """How many contacts these rules force into every period of this kind: those of its own, or those of the
    shorter ones inside it together."""
    if kind == "half_month" and not same_halves:
        return 0
    own = max((one.count for one in owed if one.rule.kind == kind), default=0)
    if kind not in _INSIDE:
        return own
    shorter, times = _INSIDE[kind]
    # Inside a month it does not matter where the halves are cut.
    return max(own, times * _forced(owed, shorter, same_halves or kind == "month"))


def _modes(modes: frozenset[Mode]) -> str:
    return "any mode" if modes == frozenset(Mode) else ", ".join(sorted(modes))


def _place(local: Pack, nearest: _Owed | None, asked: _Owed) -> str:
    """The element and field of the local pack that is short."""
    if nearest is None:
        return "surge" if asked.rule.event else "obligations"
    if nearest.rule.kind != asked.rule.kind:
        short = "period"
    else:
        short = "count" if nearest.modes <= asked.modes else "modes"
    for name in ("obligations", "surge"):
        for position, entry in enumerate(getattr(local, name)):
            if f"{local.id}.{entry.id}" == nearest.rule.id:
                return f"{name}[{position}].{short}"
    raise AssertionError(f"{nearest.rule.id} is a rule of {local.id}")


# -- settings, categories, duties of the office -----------------------------------------------------------


def _settings(local: Pack, parent: Pack) -> Iterator[Weaker]:
    ours, theirs = local.compiled, parent.compiled
    for key in ("min_enrolment_days", "counted_per_day"):
        own, asked = getattr(ours, key), getattr(theirs, key)
        if own > asked:
            yield _field(f"settings.{key}.value", parent, key, f"{own} instead of at most {asked}")
    own, asked = ours.half_month_last_day, theirs.half_month_last_day
    if own != asked and any(rule.kind == "half_month" for rule in theirs.rules):
        yield _field(
            "settings.half_month_last_day.value",
            parent,
            "half_month_last_day",
            f"{own} instead of {asked}: the halves of the month differ",
        )
    if local.settings.left_behind_months.value > parent.settings.left_behind_months.value:
        yield _field(
            "settings.left_behind_months.value",
            parent,
            "left_behind_months",
            f"{local.settings.left_behind_months.value} months instead of at most "
            f"{parent.settings.left_behind_months.value}",
        )


def _categories(local: Pack, parent: Pack) -> Iterator[Weaker]:
    own = {entry.id: (position, entry) for position, entry in enumerate(local.categories)}
    for asked in parent.categories:
        if asked.id not in own:
            yield _field("categories", parent, f"category {asked.id}", "is left out")
            continue
        position, entry = own[asked.id]
        if entry.definition not in {asked.definition, *_WIDER.get(asked.definition, ())}:
            yield _field(
                f"categories[{position}].definition",
                parent,
                f"category {asked.id}",
                f"{entry.definition} instead of {asked.definition}",
            )


def _duties(local: Pack, parent: Pack) -> Iterator[Weaker]:
    for key in ("home_required", "refusal_note_required"):
        if getattr(parent.consent, key) and not getattr(local.consent, key):
            yield _field(f"consent.{key}", parent, f"consent.{key}", "false instead of true")
    refresh = parent.register_.refresh_months if parent.register_ else None
    own = local.register_.refresh_months if local.register_ else None
    if refresh is not None and (own is None or own > refresh):
        yield _field(
            "register.refresh_months", parent, "register", f"{own or 'none'} instead of at most {refresh}"
        )
    if parent.epidemic and not local.epidemic:
        yield _field("epidemic", parent, "epidemic", "is left out")
    reports = {entry.id: (position, entry) for position, entry in enumerate(local.reports)}
    for report in parent.reports:
        position, mine = reports.get(report.id, (0, None))
        if mine is None:
            yield _field("reports", parent, f"report {report.id}", "is left out")
        elif report.due_on is not None:
            if mine.due_on is None or mine.due_on > report.due_on:
                yield _field(f"reports[{position}].due_on", parent, f"report {report.id}", "is due later")
        elif mine.every is None or _EVERY_MONTHS[mine.every] > _EVERY_MONTHS[report.every or "year"]:
            yield _field(f"reports[{position}].every", parent, f"report {report.id}", "is due less often")
    milestones = {entry.id: (position, entry) for position, entry in enumerate(local.milestones)}
    for milestone in parent.milestones:
        position, target = milestones.get(milestone.id, (0, None))
        if target is None:
            yield _field("milestones", parent, f"milestone {milestone.id}", "is left out")
        elif target.by > milestone.by:
            yield _field(f"milestones[{position}].by", parent, f"milestone {milestone.id}", "is later")
        elif (target.rate_percent or 0) < (milestone.rate_percent or 0):
            yield _field(
                f"milestones[{position}].rate_percent", parent, f"milestone {milestone.id}", "is lower"
            )


def _field(place: str, parent: Pack, what: str, problem: str) -> Weaker:
    return Weaker(place, f"{parent.id} {what}", None, problem)
