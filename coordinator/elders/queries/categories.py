"""Recorded categories beside what the facts make out; where they differ there is a question, asked until somebody
answers it or the facts change. Nothing is ever corrected by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from coordinator import policy
from coordinator.elders.labels import is_child
from coordinator.elders.models import CategoryAnswer, EconomicStatus, Elder, ElderCategory, OnlyChild
from coordinator.policy.classify import Child, Circumstances, check_categories

SPOUSES = ("配偶", "老伴", "妻子", "丈夫", "妻", "夫")


@dataclass(frozen=True, slots=True)
class CategoryLine:
    """One category: what is recorded with evidence and source, what the facts make out (None: not known enough),
    the document's definition, and the answer given to a contradiction of just these facts."""

    key: str
    name: str
    recorded: bool
    row: ElderCategory | None
    by_facts: bool | None
    definition: str
    mark: tuple[str, ...]
    facts_sha256: str
    answer: CategoryAnswer | None = None

    @property
    def differs(self) -> bool:
        return self.by_facts is not None and self.by_facts != self.recorded

    @property
    def is_open(self) -> bool:
        """Is there a question that nobody has answered?"""
        return self.differs and self.answer is None


def circumstances(elder: Elder, facts: policy.ElderFacts) -> Circumstances:
    """What the definitions ask for, from the household table; a fact that is not known stays unknown."""
    members = [one for one in elder.household.members if one.name != elder.name]
    spouses = [one for one in members if one.relation in SPOUSES]
    children = [one for one in members if is_child(one.relation)]
    known = len(children) >= elder.children_alive if elder.children_alive is not None else bool(children)
    others = [one for one in members if one not in spouses and one not in children and one.lives_in]
    # Where a child lives decides; a child of unknown whereabouts leaves the question open.
    open_place = any(not one.lives_in and one.in_same_town is None for one in children)
    lost: bool | None = None
    if elder.only_child in (OnlyChild.DECEASED, OnlyChild.DISABLED):
        lost = elder.no_later_child
    elif elder.only_child == OnlyChild.NOT_SO:
        lost = False
    return Circumstances(
        has_spouse=elder.spouse_alive if elder.spouse_alive is not None else (True if spouses else None),
        children=()
        if elder.children_alive == 0
        else tuple(Child(one.lives_in, bool(one.in_same_town), one.away_since) for one in children)
        if known and not open_place
        else None,
        spouse_at_home=any(one.lives_in for one in spouses) if spouses else None,
        relatives_at_home=bool(others) if members else None,
        has_caregiver=elder.has_caregiver,
        can_work=elder.can_work,
        rural_registration=elder.is_rural_household,
        only_child_lost=lost,
        ability_level=elder.ability_level,
        disability=facts.disability,
    )


def category_lines(
    elder: Elder,
    facts: policy.ElderFacts,
    pack: policy.Pack,
    on: date,
    answers: Iterable[CategoryAnswer] = (),
) -> list[CategoryLine]:
    """Every category of the pack, in its order."""
    known = circumstances(elder, facts)
    derived = {
        one
        for one in (policy.Category.IMPAIRED, policy.Category.SEVERELY_DISABLED)
        if policy.has_category(facts, one, on)
    }
    rows = {str(one.category): one for one in elder.categories}
    marks = {one.id: one.mark for one in pack.categories}
    given = {(one.category, one.recorded, one.facts_sha256): one for one in answers}
    found = []
    for check in check_categories(pack, frozenset(set(facts.categories) | derived), known, on):
        by_facts = check.by_facts
        if check.category == policy.Category.KINLESS and by_facts is None and (elder.children_alive or 0) > 0:
            # Where the children live is not known; that there are some is.
            by_facts = False
        key = str(check.category)
        digest = hashlib.sha256(repr((known, elder.children_alive, check.definition)).encode()).hexdigest()
        found.append(
            CategoryLine(
                key=key,
                name=check.name,
                recorded=check.recorded,
                row=rows.get(key),
                by_facts=by_facts,
                definition=check.definition,
                mark=marks[check.category],
                facts_sha256=digest,
                answer=given.get((key, check.recorded, digest)),
            )
        )
    return found


def may_be_destitute(elder: Elder, lines: Sequence[CategoryLine]) -> CategoryLine | None:
    """The 孤寡 line of somebody kinless without a livelihood who is not yet supported as 特困人员 (泸州 附件1)."""
    kinless = next((one for one in lines if one.key == policy.Category.KINLESS), None)
    if kinless is None or not (kinless.recorded or kinless.by_facts):
        return None
    if elder.has_livelihood is not False or elder.economic_status == EconomicStatus.DESTITUTE:
        return None
    return kinless
