"""The versions of a dossier: who changed what and when, and the dossier as it stood on a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from coordinator import policy
from coordinator.elders import labels
from coordinator.elders.models import DossierVersion
from coordinator.elders.queries.facts import facts_from
from coordinator.elders.queries.snapshot import ROWS, changed_fields
from coordinator.elders.words import guarded, row_words
from coordinator.extensions import db
from coordinator.kernel import clock

PER_PAGE = 30
# The dossier in sections, as the page and the printed forms have them.
SECTIONS: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    (
        "basics",
        _l("基本情况"),
        (
            *("name", "sex", "birth_date", "id_number", "phone", "area", "address", "neighbourhood"),
            *("lives_at_registered_address", "registered_address", "is_rural_household", "status"),
            *("enrolled_on", "left_on", "reverify_due_on", "source", "external_ids", "others"),
        ),
    ),
    (
        "needs",
        _l("对象和能力"),
        (
            *("categories", "ability_level", "ability_score", "ability_assessed_on", "ability_assessor"),
            *("ability_valid_to", "certificates", "has_dementia", "health", "is_self_caring"),
            *("medical_history", "psych_assessed_on", "psych_assessor", "psych_result", "in_hardship"),
            *("upheaval_until", "upheaval_note", "relief_given", "cares_for_impaired_child"),
        ),
    ),
    (
        "family",
        _l("家庭和赡养"),
        (
            *("members", "spouse_alive", "children_alive", "has_caregiver", "can_work", "has_livelihood"),
            *("only_child", "no_later_child", "support_given", "support_delegated", "support_delegate"),
            "neighbour_relations",
        ),
    ),
    (
        "living",
        _l("生活条件和帮扶"),
        (
            *("water_safe", "power_safe", "housing_safe", "house_structure", "unsafe_habits"),
            *("economic_status", "supported_at_home", "income_source", "monthly_disposable_income"),
            *("monthly_income", "pension_monthly", "subsidies", "subsidy_monthly", "helped_by"),
            *("helper_name", "help_given", "linked_unit", "linked_person", "linked_since"),
        ),
    ),
    ("wishes", _l("意愿"), ("consents",)),
    ("people", _l("联系人"), ("first_contact", "contacts")),
    ("things", _l("设备和材料"), ("devices", "papers")),
    (
        "visiting",
        _l("上门须知"),
        (
            *("visit_minutes", "visit_from", "visit_until", "cautions", "prefers_sex", "dialect"),
            *("minors_welcome", "needs_two_visitors", "needs_skills", "notes"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One change: `rows` as the diff macro takes them ({label, old, new})."""

    version: DossierVersion
    rows: Sequence[dict[str, str]]
    moves_facts: bool  # did it change what the rules know?


def version_lines(elder_id: int, *, in_full: bool, before: int | None = None) -> list[VersionLine]:
    """The changes of a dossier, newest first, PER_PAGE at a time; `before` a version's number continues."""
    statement = select(DossierVersion).where(DossierVersion.elder_id == elder_id)
    if before is not None:
        statement = statement.where(DossierVersion.number < before)
    found = db.session.scalars(statement.order_by(DossierVersion.number.desc()).limit(PER_PAGE + 1)).all()
    lines = []
    for position, version in enumerate(found[:PER_PAGE]):
        former = found[position + 1] if position + 1 < len(found) else None
        rows = differences(former.content, version.content, in_full=in_full) if former else []
        moved = former is not None and former.content["facts"] != version.content["facts"]
        lines.append(VersionLine(version, rows, moved))
    return lines


def version_on(elder_id: int, day: date) -> DossierVersion | None:
    """The version that held at the end of a day; None when there was none yet."""
    midnight = datetime.combine(day + timedelta(days=1), time.min, tzinfo=clock.LOCAL)
    return db.session.scalars(
        select(DossierVersion)
        .where(DossierVersion.elder_id == elder_id, DossierVersion.at < midnight)
        .order_by(DossierVersion.number.desc())
        .limit(1)
    ).first()


@dataclass(frozen=True, slots=True)
class ChangeOfFacts:
    """Facts before and after one change, by elder id: the elder's, and those of the people in the same home."""

    names: Mapping[int, str]
    before: Mapping[int, policy.ElderFacts]
    after: Mapping[int, policy.ElderFacts]


def change_of_facts(elder_id: int, number: int) -> ChangeOfFacts | None:
    """What a version of this elder changed; None when there is no such version, or it is the first. Two queries."""
    pair = db.session.scalars(
        select(DossierVersion)
        .where(DossierVersion.elder_id == elder_id, DossierVersion.number.in_([number - 1, number]))
        .order_by(DossierVersion.number)
    ).all()
    if len(pair) < 2:
        return None
    together = [one["id"] for version in pair for one in version.content["others"]]
    former = DossierVersion.__table__.alias()
    others = db.session.scalars(
        select(DossierVersion)
        .where(DossierVersion.elder_id.in_(together))
        .where(
            (DossierVersion.at == pair[1].at)
            | select(former.c.id)
            .where(
                former.c.elder_id == DossierVersion.elder_id,
                former.c.at == pair[1].at,
                former.c.number == DossierVersion.number + 1,
            )
            .exists()
        )
        .order_by(DossierVersion.elder_id, DossierVersion.number)
    ).all()
    names: dict[int, str] = {}
    before: dict[int, policy.ElderFacts] = {}
    after: dict[int, policy.ElderFacts] = {}
    for version in [*pair, *others]:
        key = version.elder_id
        names[key] = version.content["person"]["name"]
        target = before if key not in before else after
        target[key] = facts_from(version.content["facts"])
    return ChangeOfFacts(names, before, after)


def differences(old: Mapping[str, Any], new: Mapping[str, Any], *, in_full: bool) -> list[dict[str, str]]:
    """What changed between two snapshots, in the order of the sections."""
    changed = set(changed_fields(dict(old), dict(new)))
    order = [name for _key, _title, names in SECTIONS for name in names]
    rows: list[dict[str, str]] = []
    for name in sorted(changed, key=lambda one: order.index(one) if one in order else len(order)):
        label = str(labels.FIELDS.get(name, name))
        if name in ROWS:
            rows += _row_differences(name, label, old.get(name, []), new[name], in_full=in_full)
        elif name == "lives_with":
            rows.append({"label": label, "old": "", "new": _("有变化，应访可能跟着变")})
        else:
            part = "person" if name in new["person"] else "home"
            told = [guarded(name, one[part].get(name), in_full=in_full) for one in (old, new)]
            rows.append({"label": label, "old": told[0], "new": _even(told[0], told[1])})
    return rows


def _even(old: str, new: str) -> str:
    """What to show as new when the mask hides the difference."""
    return new if old != new else _("%(new)s（有改动）", new=new)


def _row_differences(
    part: str, label: str, old: Sequence[Any], new: Sequence[Any], *, in_full: bool
) -> list[dict[str, str]]:
    # What takes another's place is told as a change of it, not as one gone and one come.
    name = {"consents": "kind", "contacts": "position", "categories": "category"}.get(part, "id")
    held = {"" if part == "first_contact" else row[name]: row for row in old}
    rows = []
    for row in new:
        former = held.pop("" if part == "first_contact" else row[name], None)
        if former == row:
            continue
        words = row_words(part, row, in_full=in_full)
        told = row_words(part, former, in_full=in_full) if former else ""
        rows.append({"label": label, "old": told, "new": _even(told, words)})
    rows += [
        {"label": label, "old": row_words(part, row, in_full=in_full), "new": ""} for row in held.values()
    ]
    return rows


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a dossier as it stood: (label, value) with one value per line."""

    key: str
    title: str
    facts: Sequence[tuple[str, Sequence[str]]]


def as_sections(content: Mapping[str, Any], *, in_full: bool) -> list[Section]:
    """A snapshot in sections; what was not filled in is left out."""
    found = []
    for key, title, names in SECTIONS:
        facts: list[tuple[str, Sequence[str]]] = []
        for name in names:
            if name in ROWS:
                values = [row_words(name, row, in_full=in_full) for row in content.get(name, [])]
            else:
                part = "person" if name in content["person"] else "home"
                text = guarded(name, content[part].get(name), in_full=in_full)
                values = [text] if text else []
            if values:
                facts.append((str(labels.FIELDS.get(name, name)), values))
        found.append(Section(key, str(title), facts))
    return found
