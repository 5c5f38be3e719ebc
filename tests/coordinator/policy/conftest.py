"""Makers of facts for the policy tests. Ids and dates are invented."""

import tomllib
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from coordinator.policy import Contact, ElderFacts, Event, Obligation, Pack, load_pack, obligations
from coordinator.policy.packs import PACK_FOLDER


@pytest.fixture(scope="session")
def luzhou() -> Pack:
    return load_pack("luzhou")


@pytest.fixture(scope="session")
def luzhou_data() -> dict[str, Any]:
    """The Luzhou pack as plain data, to be changed into packs of other kinds."""
    return tomllib.loads((PACK_FOLDER / "luzhou.toml").read_text(encoding="utf-8"))


@pytest.fixture
def make_elder() -> Callable[..., ElderFacts]:
    def make(**over: Any) -> ElderFacts:
        over = {"id": "e1", "birth_date": date(1950, 6, 1), **over}
        over["categories"] = frozenset(over.get("categories", ()))
        return ElderFacts(**over)

    return make


@pytest.fixture
def visit() -> Callable[..., Contact]:
    def make(day: date, mode: str = "home", outcome: str = "completed") -> Contact:
        return Contact("e1", day, mode, outcome)  # type: ignore[arg-type]

    return make


@pytest.fixture
def owed(luzhou: Pack) -> Callable[..., list[Obligation]]:
    """Obligations over a span, by default February 2026 as known on its last day."""

    def compute(
        elder: ElderFacts,
        contacts: Sequence[Contact] = (),
        events: Sequence[Event] = (),
        start: date = date(2026, 2, 1),
        end: date = date(2026, 2, 28),
        as_of: date = date(2026, 2, 28),
        pack: Pack = luzhou,
    ) -> list[Obligation]:
        return obligations(pack, elder, contacts, events, start, end, as_of)

    return compute


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return make
