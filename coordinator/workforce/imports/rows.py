"""What a row of the workers' sheet means, and how it differs from a record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from flask_babel import gettext as _

from coordinator.elders.imports.columns import problem
from coordinator.elders.imports.importer import Row, change
from coordinator.kernel import clock
from coordinator.kernel.i18n import age
from coordinator.kernel.identity import parse_resident_id
from coordinator.workforce.fitness import YOUNGEST_AGE
from coordinator.workforce.imports.columns import BY_KEY, CREDENTIALS, GUARDIAN
from coordinator.workforce.models import Credential, CredentialKind, Worker
from coordinator.workforce.services.times import EARLIEST, LATEST

ADULT = 18
# Columns that are a field of the worker of the same name and form.
FIELDS = (
    *("kind", "name", "sex", "id_number", "phone", "volunteer_number", "student_class", "student_number"),
    *("travel_mode", "start_address", "service_radius_metres", "max_visits_day", "max_visits_week"),
    *("max_visits_month", "max_hours_week", "notes"),
)
_LIMITS = (("max_visits_day", "max_visits_week"), ("max_visits_week", "max_visits_month"))
_DEGREE = 1e-6


def complete(row: Row) -> None:
    """Check the cells of a row against each other, and fill in what follows from the ID number."""
    values = row.values
    _identity(row, values)
    for low, high in _LIMITS:
        if values.get(low, 0) > values.get(high, 10**6):
            text = _("不能少于“%(what)s”。", what=BY_KEY[low].heading)
            row.refuse(problem(high, "limits", text, _("请再看一遍。")))
    for number in range(7):
        times = [time.fromisoformat(at) for at in values.get(f"day{number}") or ()]
        if times and (times[0] < EARLIEST or times[-1] > LATEST):
            row.refuse(problem(f"day{number}", "hours_range", _("要在 6:00–21:00 之间。"), _("请改短一些。")))
    if "dialects" in values:
        words = values["dialects"].replace("，", "、").replace(",", "、").split("、")
        values["dialects"] = [word.strip()[:30] for word in words if word.strip()]
    for prefix, word, kind, _numbered in CREDENTIALS:
        _credential(row, prefix, word, kind)
    _guardian(row, values)


def _identity(row: Row, values: dict[str, Any]) -> None:
    broken = {one["column"] for one in row.problems}
    number = values.get("id_number")
    if number is not None:
        identity = parse_resident_id(number, today=clock.today())
        for key, stated, what in (
            ("birth_date", identity.birth_date.isoformat(), _("出生日期")),
            ("sex", identity.sex.value, _("性别")),
        ):
            if values.setdefault(key, stated) != stated:
                text = _("和身份证号里的%(what)s对不上。", what=what)
                row.refuse(problem(key, f"{key}_differs", text, _("请对照证件再看一遍。")))
    elif "id_number" not in broken:
        for key in ("birth_date", "sex"):
            if key not in values and key not in broken:
                text = _("没有填%(what)s，也没有身份证号。", what=BY_KEY[key].heading)
                row.refuse(problem(key, "required", text, _("请填其中一样。")))
    born = values.get("birth_date")
    if born is not None and age(date.fromisoformat(born), clock.today()) < YOUNGEST_AGE:
        text = _("不满 %(age)s 岁，还不能登记。", age=YOUNGEST_AGE)
        row.refuse(problem("birth_date", "too_young", text, _("请核对出生日期。")))


def _credential(row: Row, prefix: str, word: str, kind: CredentialKind) -> None:
    keys = [f"{prefix}_{part}" for part in ("number", "from", "to")]
    given = [key for key in keys if key in row.values]
    if not given:
        return
    start, end = row.values.get(keys[1]), row.values.get(keys[2])
    if start is None:
        text = _("填了%(what)s，没有填起始日。", what=word)
        row.refuse(problem(keys[1], "required", text, _("请补上，或把这几格都空着。")))
    elif end is not None and end < start:
        row.refuse(problem(keys[2], "dates_in_order", _("到期日早于起始日。"), _("请再看一遍。")))
    if kind is CredentialKind.INSURANCE:
        for key in (keys[0], keys[2]):
            if key not in row.values:
                text = _("保险要填%(what)s。", what=BY_KEY[key].heading)
                row.refuse(problem(key, "required", text, _("请照保单填。")))


def _guardian(row: Row, values: dict[str, Any]) -> None:
    given = [part for part in GUARDIAN if f"guardian_{part}" in values]
    if not given:
        return
    born = values.get("birth_date")
    if born is not None and age(date.fromisoformat(born), clock.today()) >= ADULT:
        text = _("已满 18 岁，不用填监护人。")
        row.refuse(problem(f"guardian_{given[0]}", "guardian_of_adult", text, _("请把监护人这几格空着。")))
        return
    for part in GUARDIAN[:5]:
        key = f"guardian_{part}"
        if key not in values:
            text = _("没有填%(what)s。", what=BY_KEY[key].heading)
            row.refuse(problem(key, "required", text, _("请填完整，或把监护人这几格都空着。")))
    if values.get("guardian_name") is not None and values["guardian_name"] == values.get("name"):
        text, remedy = _("监护人不能是本人。"), _("请填父母或其他监护人的姓名。")
        row.refuse(problem("guardian_name", "own_guardian", text, remedy))
    if values.get("guardian_phone") is not None and values["guardian_phone"] == values.get("phone"):
        text, remedy = _("监护人的电话不能和孩子的一样。"), _("请填监护人自己的手机号。")
        row.refuse(problem("guardian_phone", "same_phone", text, remedy))


# ── a record in the form of a row ────────────────────────────────────────────────────────────────────────


def current(worker: Worker, kind: CredentialKind) -> Credential | None:
    """The credential of a kind that lasts longest; what only the worker has declared is none yet."""
    held = [one for one in worker.credentials if one.kind == kind and one.stands]
    return max(held, key=lambda one: (one.valid_to or date.max, one.valid_from), default=None)


def snapshot(worker: Worker) -> dict[str, Any]:
    """The record in the form of a row."""
    found: dict[str, Any] = {key: getattr(worker, key) for key in FIELDS}
    found["birth_date"] = worker.birth_date.isoformat()
    found["area_id"] = worker.area_id
    found["organisation_id"] = worker.organisation_id
    found["latitude"], found["longitude"] = worker.start_latitude, worker.start_longitude
    found["dialects"] = list(worker.dialects)
    found["skills"] = sorted(one.skill.value for one in worker.skills)
    for one in worker.availability:
        found.setdefault(f"day{one.weekday}", []).extend([f"{one.starts:%H:%M}", f"{one.ends:%H:%M}"])
    for prefix, _word, kind, _numbered in CREDENTIALS:
        held = current(worker, kind)
        if held is not None:
            found[f"{prefix}_number"] = held.number
            found[f"{prefix}_from"] = held.valid_from.isoformat()
            found[f"{prefix}_to"] = held.valid_to.isoformat() if held.valid_to else None
    guardian = max(
        (one for one in worker.guardians if one.withdrawn_at is None),
        key=lambda one: one.given_on,
        default=None,
    )
    if guardian is not None:
        for part in GUARDIAN:
            value = getattr(guardian, part)
            found[f"guardian_{part}"] = value.isoformat() if isinstance(value, date) else value
    return found


def differences(
    worker: Worker, values: Mapping[str, Any], names: Mapping[str, Mapping[int, str]], paired: frozenset[int]
) -> list[dict[str, str]]:
    """What a row would change in a record; empty cells change nothing. `names` gives the names of areas and
    organisations, `paired` the elders the worker is the service contact of."""
    held = snapshot(worker)
    found: list[dict[str, str]] = []
    for key, column in BY_KEY.items():
        if key in ("area", "organisation"):
            new = values.get(f"{key}_id")
            old = held[f"{key}_id"]
            if new is not None and new != old:
                found.append(change(column, names[key].get(old, ""), names[key].get(new, "")))
        elif key == "pairs":
            if not set(values.get("pair_ids", ())) <= paired:
                found.append(change(column, "", values.get("pairs", "")))
        elif key in values:
            new = sorted(values[key]) if key == "skills" else values[key]
            if not _equal(key, held.get(key), new):
                found.append(change(column, _shown(held.get(key)), _shown(new)))
    return found


def _shown(value: Any) -> Any:
    return "、".join(value) if isinstance(value, list) and value and not value[0][:1].isdigit() else value


def _equal(key: str, old: Any, new: Any) -> bool:
    if key in ("latitude", "longitude"):
        return old is not None and abs(old - new) < _DEGREE
    return bool(old == new)
