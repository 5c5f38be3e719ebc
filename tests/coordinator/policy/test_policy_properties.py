"""Laws that hold for every elder, not only for the examples."""

from dataclasses import fields, replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.policy import (
    Calculation,
    Category,
    Consent,
    Contact,
    CoResident,
    DisabilityCertificate,
    EarlierFacts,
    EconomicStatus,
    ElderFacts,
    Event,
    EventKind,
    Health,
    HomeConsent,
    Mode,
    Outcome,
    ServiceConsent,
    Status,
    available_packs,
    load_pack,
    obligations,
)

PACKS = [load_pack(name) for name in available_packs()]
RANK = {Status.OVERDUE: 0, Status.OWED: 1, Status.MET: 2, Status.WAIVED: 3}

# Around leap day, the turn of a year and of a half-year, and the day from which monthly visits are owed to all.
days = st.dates(date(2023, 12, 1), date(2024, 4, 30)) | st.dates(date(2025, 11, 1), date(2026, 2, 28))
# Some turn 80 or 60 in those days, one of them on 29 February.
births = (
    st.dates(date(1943, 12, 1), date(1944, 5, 1))
    | st.dates(date(1963, 12, 1), date(1964, 5, 1))
    | st.sampled_from([date(1955, 1, 1), date(1930, 1, 1), date(1944, 2, 29)])
)
packs = st.sampled_from(PACKS)
maybe_day = st.none() | days


@st.composite
def elders(draw):
    enrolled, left = draw(maybe_day), draw(maybe_day)
    if enrolled and left and left < enrolled:
        enrolled, left = left, enrolled
    return ElderFacts(
        id="e1",
        birth_date=draw(births),
        categories=draw(st.frozensets(st.sampled_from(list(Category)[:5]), max_size=3)),
        economic_status=draw(st.sampled_from(EconomicStatus)),
        health=draw(st.sampled_from(Health)),
        self_caring=draw(st.booleans()),
        hardship=draw(st.booleans()),
        upheaval_until=draw(maybe_day),
        lives_with_elder=draw(
            st.none() | st.builds(CoResident, births, st.integers(0, 1), st.booleans(), st.booleans())
        ),
        cares_for_impaired_child=draw(st.booleans()),
        ability_level=draw(st.integers(0, 4)),
        disability=draw(st.none() | st.builds(DisabilityCertificate, st.integers(1, 4), days)),
        consent=Consent(draw(st.sampled_from(ServiceConsent)), draw(st.sampled_from(HomeConsent))),
        enrolled_on=enrolled,
        left_on=left,
    )


contacts = st.lists(
    st.builds(Contact, st.just("e1"), days, st.sampled_from(Mode), st.sampled_from(Outcome)), max_size=8
)
events = st.lists(
    st.builds(
        lambda kind, start, length: Event(kind, "事件", start, start + timedelta(days=length)),
        st.sampled_from(EventKind),
        days,
        st.integers(0, 40),
    ),
    max_size=3,
)
span = st.tuples(days, days).map(sorted)


@settings(max_examples=300, deadline=None)
@given(packs, elders(), contacts, events, span, days, days)
def test_adding_a_completed_home_visit_never_makes_anything_worse(
    pack, elder, had, during, within, as_of, day
):
    """A visit on a day that already has a counted contact is itself not counted; nothing else changes."""
    calculation = Calculation(pack, during, *within, as_of)
    before = calculation.for_elder(elder, had)
    after = calculation.for_elder(elder, [*had, Contact("e1", day, Mode.HOME, Outcome.COMPLETED)])
    assert [(o.rule, o.period_from, o.period_to) for o in before] == [
        (o.rule, o.period_from, o.period_to) for o in after
    ]
    for old, new in zip(before, after, strict=True):
        assert new.counted >= old.counted
        assert RANK[new.status] >= RANK[old.status]
        assert new.blocked is None or new.blocked == old.blocked
        assert new.reason == old.reason


@settings(max_examples=300, deadline=None)
@given(packs, elders(), contacts, events, span, days, st.integers(0, 150))
def test_a_span_owes_the_union_of_what_its_parts_owe(pack, elder, had, during, within, as_of, cut):
    start, end = within
    middle = min(end, start + timedelta(days=cut))
    whole = obligations(pack, elder, had, during, start, end, as_of)
    parts = obligations(pack, elder, had, during, start, middle, as_of)
    parts += obligations(pack, elder, had, during, middle + timedelta(days=1), end, as_of)
    assert set(whole) == set(parts)


@settings(max_examples=300, deadline=None)
@given(packs, elders(), contacts, events, span, days)
def test_each_answer_is_consistent_with_itself(pack, elder, had, during, within, as_of):
    start, end = within
    for found in obligations(pack, elder, had, during, start, end, as_of):
        assert found.period_from <= end
        assert found.period_to >= start
        assert found.counted == sum(verdict.counted for verdict in found.contacts)
        assert (found.status == Status.WAIVED) == (found.reason is not None)
        if found.status != Status.WAIVED:
            assert (found.status == Status.MET) == (found.counted >= found.required)
        if found.blocked:
            assert (found.status, found.modes) == (Status.OWED, (Mode.HOME,))
        inside = [c for c in had if found.period_from <= c.date <= found.period_to]
        assert len(found.contacts) == len(inside)
        assert list(found.modes) == sorted(found.modes)


@settings(max_examples=200, deadline=None)
@given(packs, elders(), days)
def test_on_every_day_an_elder_has_exactly_one_tier_where_the_document_has_tiers(pack, elder, day):
    decisions = [tier for tier in pack.compiled.tiers if tier.test(elder, day)]
    found = pack.compiled.tier_of(elder, day)
    assert (found and found.id) == (decisions[0].id if decisions else None)
    assert bool(pack.tiers) is bool(decisions)


FACTS = [entry.name for entry in fields(ElderFacts) if entry.name not in {"id", "enrolled_on", "left_on"}]


@st.composite
def alike(draw):
    """An elder and others who differ from her in one fact each, or by some days in one date."""
    one, other = draw(elders()), draw(elders())
    if one.disability is None:
        grade = draw(st.integers(1, 4))
        one = replace(one, disability=DisabilityCertificate(grade, draw(days)))
    if one.enrolled_on is None:
        one = replace(one, enrolled_on=draw(days), left_on=None)
    some = timedelta(days=draw(st.integers(1, 20)))
    certificate = replace(one.disability, valid_to=one.disability.valid_to + some)
    return [
        one,
        *(replace(one, **{name: getattr(other, name)}) for name in FACTS),
        replace(one, disability=certificate),
        replace(one, enrolled_on=one.enrolled_on - some),
        replace(one, birth_date=one.birth_date - some),
        replace(one, upheaval_until=(one.upheaval_until or date(2024, 2, 10)) + some),
    ]


@settings(max_examples=250, deadline=None)
@given(packs, alike(), events, span, days)
def test_elders_who_share_a_preparation_owe_what_each_would_owe_alone(pack, many, during, within, as_of):
    shared = Calculation(pack, during, *within, as_of)
    for elder in many:
        assert shared.for_elder(elder) == obligations(pack, elder, [], during, *within, as_of)


@settings(max_examples=200, deadline=None)
@given(packs, elders(), contacts, events, span, days, days)
def test_a_change_of_version_leaves_every_period_with_one_of_them(
    pack, elder, had, during, within, as_of, change
):
    whole = Calculation(pack, during, *within, as_of).for_elder(elder, had)
    parts = [
        one
        for days_in_force in ((date.min, change - timedelta(days=1)), (change, date.max))
        for one in Calculation(pack, during, *within, as_of, in_force=days_in_force).for_elder(elder, had)
    ]
    assert sorted(parts, key=str) == sorted(whole, key=str)


@settings(max_examples=200, deadline=None)
@given(packs, elders(), elders(), contacts, events, span, days, days)
def test_periods_that_had_ended_keep_the_earlier_facts(pack, now, before, had, during, within, as_of, until):
    before = replace(before, enrolled_on=now.enrolled_on, left_on=now.left_on)
    calculation = Calculation(pack, during, *within, as_of)
    found = calculation.for_elder(now, had, [EarlierFacts(until, before)])
    assert [o for o in found if o.period_to <= until] == [
        o for o in calculation.for_elder(before, had) if o.period_to <= until
    ]
    assert [o for o in found if o.period_to > until] == [
        o for o in calculation.for_elder(now, had) if o.period_to > until
    ]
    keys = [(o.period_from, o.rule, o.period_to, o.event or "") for o in found]
    assert keys == sorted(keys)
