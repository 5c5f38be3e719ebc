"""Local packs made from their parent's data by a change."""

import copy
import tomllib
from datetime import date

from coordinator.policy import Pack, available_packs, load_pack
from coordinator.policy.packs import PACK_FOLDER
from coordinator.policy.stricter import weaker_places

D = date
DATA = {
    name: tomllib.loads((PACK_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    for name in available_packs()
}


def local(parent, change=None, **over):
    """A local pack made from its parent's data."""
    data = copy.deepcopy(DATA[parent]) | {"id": "local", "parent": parent, "valid_from": D(2026, 1, 1)} | over
    if change is not None:
        change(data)
    return Pack.model_validate(data)


def rule(data, rule_id):
    return next(entry for entry in data["obligations"] if entry["id"] == rule_id)


def weaker(parent, change):
    return weaker_places(local(parent, change), load_pack(parent))


def set_rule(rule_id, **values):
    def change(data):
        rule(data, rule_id).update(values)

    return change


def without(*rule_ids):
    def change(data):
        data["obligations"] = [entry for entry in data["obligations"] if entry["id"] not in rule_ids]

    return change


def set_setting(key, value):
    def change(data):
        data["settings"][key] = {"value": value, "text": "设定。"}

    return change


def set_part(part, **values):
    def change(data):
        data[part].update(values)

    return change
