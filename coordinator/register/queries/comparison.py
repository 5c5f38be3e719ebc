"""What another office's row and a dossier say about one person, field by field. Plain values; reads nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _

from coordinator.elders.imports.elder_columns import BY_KEY
from coordinator.elders.imports.kinds import yes_no
from coordinator.elders.imports.matching import address_key, alike
from coordinator.elders.labels import CATEGORIES
from coordinator.elders.models import Category, DisabilityCertificate, Elder
from coordinator.kernel.crypto import keyed_hash
from coordinator.kernel.identity import mask_id, mask_phone
from coordinator.register.labels import FIELDS, SOURCES
from coordinator.register.models import ExternalRecord, Source

COMMON = ("id_number", "name", "sex", "birth_date", "phone", "address")
OWN: dict[Source, tuple[str, ...]] = {
    Source.HEALTH: ("special_family", "ability"),
    Source.DISABLED: ("certificate",),
    Source.RELIEF: ("economic_status",),
    Source.ABILITY: ("ability",),
    Source.OTHER: ("categories",),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which a row and a dossier differ. `register` and `source` are shown to people, masked where they
    are protected; the prints stand for the full values."""

    field: str
    register: str
    source: str
    register_print: bytes
    source_print: bytes

    @property
    def label(self) -> str:
        return field_label(self.field)


def field_label(field: str) -> str:
    """The field in words; `missing:` fields are claims of the register that the source does not have."""
    name = field.removeprefix("missing:")
    return str(FIELDS["ability_level"] if name == "ability" else FIELDS[name])


def evidence_of(record: ExternalRecord) -> str:
    """How the data are called on paper: 残联数据 2026-03."""
    return _("%(source)s数据 %(month)s", source=SOURCES[record.source], month=f"{record.data_on:%Y-%m}")


def fingerprint(value: Any) -> bytes:
    """Stands for a value of either side; keyed, so that it says nothing by itself."""
    return keyed_hash(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str), "difference")


def held_certificate(elder: Elder) -> DisabilityCertificate | None:
    return max(elder.certificates, key=lambda one: one.valid_to or date.max, default=None)


def register_value(elder: Elder, field: str) -> Any:
    """What the dossier says, as plain values."""
    if field == "special_family":
        return any(one.category is Category.SPECIAL_FAMILY for one in elder.categories)
    if field == "ability":
        return {
            "level": elder.ability_level,
            "on": _iso(elder.ability_assessed_on),
            "by": elder.ability_assessor,
        }
    if field == "certificate":
        held = held_certificate(elder)
        if held is None:
            return None
        return {"grade": held.grade, "kind": held.kind, "to": _iso(held.valid_to), "number": held.number}
    if field == "categories":
        return sorted(one.category.value for one in elder.categories)
    if field == "address":
        return elder.household.address
    value = getattr(elder, field)
    return _iso(value) if isinstance(value, date) else (value.value if hasattr(value, "value") else value)


def source_value(record: ExternalRecord, field: str) -> Any:
    """What the row says; None when it says nothing about the field."""
    values: Mapping[str, Any] = record.values
    if field == "ability":
        if values.get("ability_level") is None:
            return None
        on = values.get("ability_assessed_on") or record.data_on.isoformat()
        return {"level": values["ability_level"], "on": on, "by": values.get("ability_assessor")}
    if field == "certificate":
        if values.get("certificate_grade") is None:
            return None
        return {
            "grade": values["certificate_grade"],
            "kind": values.get("certificate_kind"),
            "to": values.get("certificate_valid_to"),
            "number": values.get("certificate_number"),
        }
    if field == "categories":
        known = {one.value for one in Category}
        stated = [one for one in values.get("categories") or () if one in known]
        return sorted(stated) or None
    return values.get(field)


def differences(elder: Elder, record: ExternalRecord, area_names: Mapping[int, str]) -> list[Difference]:
    """The fields in which they differ; where the row says nothing, nothing differs."""
    found = []
    for field in (*OWN[record.source], *COMMON):
        source = source_value(record, field)
        if source is None:
            continue
        register = register_value(elder, field)
        if _agree(field, register, source, elder, area_names):
            continue
        found.append(
            Difference(
                field,
                shown(field, register),
                shown(field, source),
                fingerprint(register),
                fingerprint(source),
            )
        )
    return found


def _agree(field: str, register: Any, source: Any, elder: Elder, area_names: Mapping[int, str]) -> bool:
    if field == "ability":
        newer = register["on"] is None or source["on"] > register["on"]
        # An older assessment of another office says nothing against a newer one of ours.
        return register["level"] == source["level"] or not newer
    if field == "certificate":
        if register is None:
            return False
        until = None if source["to"] == "forever" else source["to"]
        return register["grade"] == source["grade"] and (source["to"] is None or register["to"] == until)
    if field == "categories":
        return set(source) <= set(register)
    if field == "address":
        prefixes = [area_names.get(key, "") for key in elder.area.ancestor_ids]
        keys = [address_key(text, [one for one in prefixes if one]) for text in (register, source)]
        return alike(*keys)
    return bool(register == source)


_SHOWN: dict[str, Callable[[Any], str]] = {
    "special_family": yes_no,
    "id_number": lambda value: mask_id(value or ""),
    "phone": lambda value: mask_phone(value or ""),
    "economic_status": BY_KEY["economic_status"].show,
    "sex": BY_KEY["sex"].show,
    "categories": lambda value: "、".join(str(CATEGORIES[one]) for one in value),
}


def shown(field: str, value: Any) -> str:
    """A value as people read it; protected ones masked."""
    if value in (None, "", []):
        return _("没有登记")
    if field == "ability":
        parts = [BY_KEY["ability_level"].show(value["level"])]
        if value["on"]:
            parts.append(_("%(day)s 评估", day=value["on"]))
        return "，".join([*parts, *([value["by"]] if value["by"] else [])])
    if field == "certificate":
        until = value["to"]
        words = [BY_KEY["certificate_grade"].show(value["grade"])]
        if value["kind"]:
            words.append(value["kind"])
        if until:
            words.append(_("长期") if until == "forever" else _("到 %(day)s", day=until))
        return "，".join(words)
    return _SHOWN.get(field, str)(value)


def _iso(value: date | None) -> str | None:
    return value.isoformat() if value is not None else None


# What the register claims and the source would know: the field, and does the elder claim it?
CLAIMS: dict[Source, tuple[tuple[str, Callable[[Elder], bool]], ...]] = {
    Source.HEALTH: (("special_family", lambda elder: register_value(elder, "special_family")),),
    Source.DISABLED: (("certificate", lambda elder: held_certificate(elder) is not None),),
    Source.RELIEF: (("economic_status", lambda elder: elder.economic_status.value != "none"),),
    Source.ABILITY: (("ability", lambda elder: elder.ability_level > 0),),
    Source.OTHER: (),
}
