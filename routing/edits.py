"""Changes of a scenario as data, so that a remedy can be shown, stored, and solved again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from routing.scenario import Break, Scenario, Visit, Worker

Item = TypeVar("Item", Visit, Worker)


@dataclass(frozen=True, slots=True)
class Edit:
    """One change: `what` is ``worker`` or ``visit`` (a field of it gets a value), ``new_worker`` (the
    value is the worker in JSON form), ``unpin`` (the pins of a visit go) or ``take_off`` (a visit
    leaves the plan). `id` names the worker or visit.
    """

    what: str
    id: str
    field: str = ""
    value: Any = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"what": self.what, "id": self.id, "field": self.field, "value": _plain(self.value)}


def edited(scenario: Scenario, edits: Iterable[Edit]) -> Scenario:
    """Return the changed scenario; raise `KeyError` for an unknown worker, visit or field."""
    for edit in edits:
        if edit.what == "worker":
            workers = tuple(_with(w, edit) if w.id == edit.id else w for w in scenario.workers)
            _known(edit.id, {w.id for w in scenario.workers})
            scenario = replace(scenario, workers=workers)
        elif edit.what == "visit":
            _known(edit.id, {v.id for v in scenario.visits})
            visits = tuple(_with(v, edit) if v.id == edit.id else v for v in scenario.visits)
            scenario = replace(scenario, visits=visits)
        elif edit.what == "new_worker":
            scenario = replace(scenario, workers=(*scenario.workers, _new_worker(edit)))
        elif edit.what == "unpin":
            pins = tuple(pin for pin in scenario.pinned if pin.visit != edit.id)
            scenario = replace(scenario, pinned=pins)
        elif edit.what != "take_off":
            raise KeyError(edit.what)
    return scenario


def _known(name: str, names: set[str]) -> None:
    if name not in names:
        raise KeyError(name)


def _with(item: Item, edit: Edit) -> Item:
    if edit.field not in {field.name for field in fields(item)}:
        raise KeyError(edit.field)
    return replace(item, **{edit.field: _frozen(edit.value)})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(part) for part in value) if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _new_worker(edit: Edit) -> Worker:
    values = {name: _frozen(value) for name, value in dict(edit.value).items()}
    values["breaks"] = tuple(Break(span, length) for span, length in values.get("breaks", ()))
    return Worker(**values | {"id": edit.id})
