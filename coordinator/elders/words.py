"""Values of a dossier as people read them, with what is protected shown in part or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from flask_babel import gettext as _

from coordinator.elders import labels
from coordinator.elders.queries.facts import SECRETS
from coordinator.kernel import i18n
from coordinator.kernel.identity import mask_id, mask_phone

_CHOICES: dict[str, Any] = {
    "sex": labels.SEXES,
    "health": labels.HEALTH,
    "economic_status": labels.ECONOMIC,
    "ability_level": labels.ABILITY_LEVELS,
    "prefers_sex": labels.SEXES,
    "only_child": labels.ONLY_CHILD,
    "status": labels.STATUSES,
    "coordinate_source": labels.COORDINATE_SOURCES,
    "source": labels.SOURCES,
}
_DAYS = ("_on", "_until", "_date", "_since", "_to")


def spoken(name: str, value: Any) -> str:
    """A value of the elder or the home, stored or as a snapshot holds it."""
    if value in (None, "", [], {}):
        return ""
    if name in _CHOICES:
        return str(_CHOICES[name].get(value, value))
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if isinstance(value, list):
        return "、".join(str((labels.SKILLS | labels.HELPERS).get(one, one)) for one in value)
    if isinstance(value, Mapping):
        return "、".join(f"{key} {one}" for key, one in value.items())
    if isinstance(value, str) and name in ("visit_from", "visit_until"):
        value = time.fromisoformat(value)
    if isinstance(value, str) and name.endswith(_DAYS):
        value = date.fromisoformat(value)
    if isinstance(value, time):
        return f"{value.hour}:{value.minute:02d}"
    if isinstance(value, date):
        return i18n.day(value)
    return str(value)


def guarded(name: str, value: Any, *, in_full: bool) -> str:
    """The same with protected values masked; health and family matters only for whoever may read them."""
    if value in (None, ""):
        return ""
    if name == "id_number":
        return mask_id(value)
    if name == "phone":
        return mask_phone(value)
    if name in SECRETS and not in_full:
        return _("（有内容，不显示）")
    return spoken(name, value)


def row_words(part: str, row: Mapping[str, Any], *, in_full: bool) -> str:
    """One row of a snapshot (`snapshot.ROWS`) in a line."""
    return _ROWS[part](row, in_full)


def _joined(*parts: Any) -> str:
    return "，".join(str(part) for part in parts if part)


def _day(text: str | None) -> str:
    return i18n.day(date.fromisoformat(text)) if text else ""


def _member(row: Mapping[str, Any], in_full: bool) -> str:
    place = _("同住") if row["lives_in"] else _("住本街道（镇）") if row["in_same_town"] else row["residence"]
    return _joined(
        row["name"],
        row["relation"],
        labels.SEXES.get(row["sex"], ""),
        mask_id(row["id_number"]) if row["id_number"] else "",
        place or _("不同住"),
        _("%(day)s外出务工", day=_day(row["away_since"])) if row["away_since"] else "",
        row["health"] if in_full else "",
        labels.ECONOMIC[row["economic_status"]] if row["economic_status"] != "none" else "",
        _("经常探访") if row["visits_often"] else "",
    )


def _category(row: Mapping[str, Any], in_full: bool) -> str:
    return _joined(
        labels.CATEGORIES[row["category"]],
        _("%(day)s起", day=_day(row["since"])),
        labels.SOURCES.get(row["source"], row["source"]),
        row["evidence"] if in_full else "",
    )


def _certificate(row: Mapping[str, Any], in_full: bool) -> str:
    return _joined(
        labels.DISABILITY_GRADES[row["grade"]],
        row["kind"] if in_full else "",
        mask_id(row["number"]) if row["number"] else "",
        _("有效期至 %(day)s", day=_day(row["valid_to"])) if row["valid_to"] else _("长期有效"),
        labels.SOURCES.get(row["source"], row["source"]) if row["source"] != "manual" else "",
    )


def _consent(row: Mapping[str, Any], in_full: bool) -> str:
    return _joined(
        f"{labels.CONSENT_KINDS[row['kind']]}：{labels.CONSENT_STATES[row['state']]}",
        labels.CONSENT_GIVERS[row["given_by"]],
        row["giver_name"],
        _day(row["given_on"]),
        labels.CHANNELS.get(row["channel"], row["channel"]),
        row["note"] if in_full else "",
    )


def _contact(row: Mapping[str, Any], in_full: bool) -> str:  # noqa: ARG001 -- one signature for all
    return _joined(f"{row['position']}. {row['name']}", row["relation"], mask_phone(row["phone"]))


def _first(row: Mapping[str, Any], in_full: bool) -> str:  # noqa: ARG001 -- one signature for all
    return _joined(
        row["name"],
        row["relation"],
        mask_phone(row["phone"]) if row["phone"] else "",
        labels.FIRST_CONTACT_BASIS.get(row["basis"], ""),
        row["appointed_by"],
    )


def _device(row: Mapping[str, Any], in_full: bool) -> str:  # noqa: ARG001 -- one signature for all
    works = {True: _("能用"), False: _("坏了"), None: ""}[row["working"]]
    return _joined(
        labels.DEVICE_KINDS[row["kind"]],
        mask_phone(row["identifier"]) if row["identifier"] else "",
        _("%(day)s装上", day=_day(row["installed_on"])) if row["installed_on"] else "",
        works,
        row["note"],
        _("%(day)s拆走", day=_day(row["removed_on"])) if row["removed_on"] else "",
    )


def _paper(row: Mapping[str, Any], in_full: bool) -> str:  # noqa: ARG001 -- one signature for all
    kind = str(labels.PAPER_KINDS[row["kind"]])
    return kind if row["title"] == kind else f"{kind}：{row['title']}"


_ROWS: dict[str, Any] = {
    "members": _member,
    "categories": _category,
    "certificates": _certificate,
    "consents": _consent,
    "contacts": _contact,
    "first_contact": _first,
    "devices": _device,
    "papers": _paper,
    "others": lambda row, _full: row["name"],
}
