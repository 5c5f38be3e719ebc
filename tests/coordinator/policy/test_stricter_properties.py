"""A tightened pack never owes less, and what the proof accepts is never met while the parent is not."""

import copy
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.policy import (
    Calculation,
    Consent,
    Contact,
    Event,
    EventKind,
    Mode,
    Outcome,
    Pack,
    Status,
    available_packs,
    load_pack,
)
from coordinator.policy.regions import DAY, regions
from coordinator.policy.stricter import weaker_places
from tests.coordinator.policy.local_packs import DATA, D

TIGHTER = [
    ("count", lambda entry: entry.update(count=entry["count"] + 1)),
    ("home", lambda entry: entry.update(modes=["home"])),
    ("remote off", lambda entry: entry.update(modes=["home", "video"]) if entry["modes"] == "any" else None),
]
LOOSER = [
    ("fewer", lambda entry: entry.update(count=max(1, entry["count"] - 1), modes="any")),
    ("year", lambda entry: entry.update(period="year")),
    ("later", lambda entry: entry.update(valid_from=D(2026, 9, 1))),
]
KINDS = {name: list(regions(load_pack(name).compiled.atoms)) for name in available_packs()}
days_2026 = st.dates(D(2026, 1, 1), D(2026, 12, 31))
contacts_2026 = st.lists(
    st.builds(Contact, st.just("example"), days_2026, st.sampled_from(Mode), st.just(Outcome.COMPLETED)),
    max_size=40,
)


def moved(elder):
    """An example elder of `DAY`, as old at the start of 2026 and of that age all year."""
    years = DAY.year - 2026

    def back(birth):
        return birth.replace(year=birth.year - years)

    other = elder.lives_with_elder
    return replace(
        elder,
        birth_date=back(elder.birth_date),
        lives_with_elder=other and replace(other, birth_date=back(other.birth_date)),
        consent=Consent("accepted", "granted"),
    )


@st.composite
def changed_packs(draw, changes):
    """A pack with some of its obligations changed, and the name of its parent."""
    name = draw(st.sampled_from(available_packs()))
    data = copy.deepcopy(DATA[name]) | {"id": "local", "parent": name}
    for entry in data["obligations"]:
        for _, change in draw(st.lists(st.sampled_from(changes), max_size=2)):
            change(entry)
    return name, Pack.model_validate(data)


def all_met(pack, elder, contacts, events):
    """Whether nothing of 2026 stays unmet, by the kinds of rules of the year."""
    found = Calculation(pack, events, D(2026, 1, 1), D(2026, 12, 31), D(2027, 1, 1)).for_elder(
        elder, contacts
    )
    return all(one.status is Status.MET for one in found)


@settings(max_examples=60, deadline=None)
@given(changed_packs(TIGHTER), st.data(), contacts_2026)
def test_a_stricter_pack_never_owes_less(made, data, contacts):
    """Each obligation of the parent stands in the stricter pack with as many contacts or more, and is met there
    only if it is met by the parent's."""
    name, pack = made
    parent = load_pack(name)
    assert weaker_places(pack, parent) == []
    elder = moved(data.draw(st.sampled_from(KINDS[name])))
    events = [Event(EventKind.FESTIVAL, "节", D(2026, 5, 1), D(2026, 5, 3))]
    span = (D(2026, 1, 1), D(2026, 12, 31), D(2026, 8, 20))
    asked = Calculation(parent, events, *span).for_elder(elder, contacts)
    own = {
        (o.rule.partition(".")[2], o.period_from, o.period_to): o
        for o in Calculation(pack, events, *span).for_elder(elder, contacts)
    }
    for one in asked:
        mine = own[one.rule.partition(".")[2], one.period_from, one.period_to]
        assert mine.required >= one.required
        assert set(mine.modes) <= set(one.modes)
        assert mine.counted <= one.counted
        assert not (mine.status is Status.MET and one.status is not Status.MET)


@settings(max_examples=100, deadline=None)
@given(changed_packs([*TIGHTER, *LOOSER]), st.data(), contacts_2026, st.integers(0, 2))
def test_what_the_proof_accepts_is_never_met_while_the_parent_is_not(made, data, contacts, homes):
    name, pack = made
    parent = load_pack(name)
    if weaker_places(pack, parent):
        return
    elder = moved(data.draw(st.sampled_from(KINDS[name])))
    # Home visits in each half-month, so that the obligations of the local pack are met now and then.
    contacts = contacts + [
        Contact("example", D(2026, month, 1 + half * 15) + timedelta(days=n), Mode.HOME, Outcome.COMPLETED)
        for month in range(1, 13)
        for half in (0, 1)
        for n in range(homes)
    ]
    if all_met(pack, elder, contacts, []):
        assert all_met(parent, elder, contacts, [])


@pytest.mark.parametrize("name", available_packs())
def test_a_refused_pack_can_be_met_while_the_parent_is_not(name):
    """The proof is not merely careful: each rule taken away leaves somebody with less."""
    parent = load_pack(name)
    span = (D(2025, 6, 1), D(2025, 6, 30), D(2025, 6, 1))
    for position, entry in enumerate(DATA[name]["obligations"]):
        asked_for = f"{name}.{entry['id']}"
        data = copy.deepcopy(DATA[name]) | {"id": "local", "parent": name}
        del data["obligations"][position]
        pack = Pack.model_validate(data)
        examples = [one.example for one in weaker_places(pack, parent) if one.parent_rule == asked_for]
        if "valid_from" in entry:
            continue  # begins after this span
        asked, own = (
            {o.rule.partition(".")[2] for o in Calculation(one, [], *span).for_elder(moved(examples[0]))}
            for one in (parent, pack)
        )
        assert entry["id"] in asked
        assert own == asked - {entry["id"]}
