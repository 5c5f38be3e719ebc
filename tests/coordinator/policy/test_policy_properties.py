"""Laws that hold for every elder, not only for the examples."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.policy import (
    Calculation,
    Category,
    Consent,
    Contact,
    DisabilityCertificate,
    ElderFacts,
    Event,
    EventKind,
    HomeConsent,
    Mode,
    Outcome,
    ServiceConsent,
    Status,
    load_pack,
    obligations,
)

PACK = load_pack("luzhou")
RANK = {Status.OVERDUE: 0, Status.OWED: 1, Status.MET: 2, Status.WAIVED: 3}

days = st.dates(date(2023, 12, 1), date(2024, 4, 30))
maybe_day = st.none() | days


@st.composite
def elders(draw):
    enrolled, left = draw(maybe_day), draw(maybe_day)
    if enrolled and left and left < enrolled:
        enrolled, left = left, enrolled
    return ElderFacts(
        id="e1",
        birth_date=draw(st.dates(date(1943, 12, 1), date(1944, 5, 1)) | st.just(date(1955, 1, 1))),
        categories=draw(st.frozensets(st.sampled_from(list(Category)[:5]), max_size=3)),
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
@given(elders(), contacts, events, span, days, days)
def test_adding_a_completed_home_visit_never_makes_anything_worse(elder, had, during, within, as_of, day):
    calculation = Calculation(PACK, during, *within, as_of)
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
@given(elders(), contacts, events, span, days, st.integers(0, 150))
def test_a_span_owes_the_union_of_what_its_parts_owe(elder, had, during, within, as_of, cut):
    start, end = within
    middle = min(end, start + timedelta(days=cut))
    whole = obligations(PACK, elder, had, during, start, end, as_of)
    parts = obligations(PACK, elder, had, during, start, middle, as_of)
    parts += obligations(PACK, elder, had, during, middle + timedelta(days=1), end, as_of)
    assert set(whole) == set(parts)


@settings(max_examples=300, deadline=None)
@given(elders(), contacts, events, span, days)
def test_each_answer_is_consistent_with_itself(elder, had, during, within, as_of):
    start, end = within
    for found in obligations(PACK, elder, had, during, start, end, as_of):
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
@given(elders(), days)
def test_on_every_day_an_elder_has_exactly_one_tier(elder, day):
    decisions = [tier for tier in PACK.compiled.tiers if tier.test(elder, day)]
    assert PACK.compiled.tier_of(elder, day).id == decisions[0].id
