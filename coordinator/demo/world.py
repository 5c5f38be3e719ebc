"""What the parts of the demo share: the dice, the seed file, invented numbers and the people already made."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from coordinator.accounts.models import Organisation
from coordinator.elders.models import Elder, Sex
from coordinator.kernel import clock
from coordinator.kernel.access import Actor
from coordinator.kernel.areas import Area
from coordinator.kernel.identity import check_character
from coordinator.workforce.models import Worker

SEED_FILE = Path(__file__).resolve().parent.parent.parent / "seeds" / "demo" / "street.toml"
# Metres to degrees at the demo's latitude.
DEGREE_LATITUDE = 1 / 111_195
DEGREE_LONGITUDE = 1 / 97_350


@dataclass
class World:
    """The state of one loading. `scale` is the share of the full size (1.0: about 320 elders, 60 workers)."""

    today: date
    scale: float = 1.0
    seed: int = 20260101
    street: Area = None  # type: ignore[assignment] # set by the first step
    areas: dict[str, Area] = field(default_factory=dict)
    communities: list[Area] = field(default_factory=list)
    organisations: dict[str, Organisation] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    elders: list[Elder] = field(default_factory=list)
    accounts: list[dict[str, Any]] = field(default_factory=list)
    actors: dict[str, Actor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - invented people, not secrets
        self.texts: dict[str, Any] = tomllib.loads(SEED_FILE.read_text(encoding="utf-8"))
        self._names: set[str] = set()
        self._numbers = 0

    def count(self, full: int) -> int:
        """`full` at this scale, at least one."""
        return max(1, round(full * self.scale))

    def name(self, sex: Sex, *, old: bool = False) -> str:
        """A name nobody in the demo has yet."""
        lists = self.texts["names"]
        given = lists[f"{'elder_' if old else ''}{'women' if sex is Sex.FEMALE else 'men'}"]
        while True:
            name = self.dice.choice(lists["surnames"]) + self.dice.choice(given)
            if name not in self._names:
                self._names.add(name)
                return name

    def id_number(self, birth: date, sex: Sex) -> str:
        """A number with a valid check character in a county that does not exist (510599)."""
        self._numbers += 1
        order = self._numbers * 2 % 998 + (1 if sex is Sex.MALE else 0)
        body = f"510599{birth:%Y%m%d}{order:03d}"
        return body + check_character(body)

    def phone(self) -> str:
        """A mobile number of a range that is not handed out."""
        self._numbers += 1
        return f"1990000{self._numbers:04d}"

    def birth(self, youngest: int, oldest: int) -> date:
        """A birth date that makes somebody `youngest` to `oldest` years old today."""
        age = self.dice.randint(youngest, oldest)
        return date(self.today.year - age - 1, 1, 1).replace(
            month=self.dice.randint(1, 12), day=self.dice.randint(1, 28)
        )

    def near(self, latitude: float, longitude: float, metres: float) -> tuple[float, float]:
        """A place within `metres` north-south and east-west."""
        north, east = self.dice.uniform(-metres, metres), self.dice.uniform(-metres, metres)
        return (
            round(latitude + north * DEGREE_LATITUDE, 6),
            round(longitude + east * DEGREE_LONGITUDE, 6),
        )

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def worker(self, name_of_kind: str) -> list[Worker]:
        """Workers of one kind."""
        return [worker for worker in self.workers if worker.kind == name_of_kind]


@contextmanager
def living_at(moment: datetime) -> Iterator[None]:
    """Stop the clock at a moment of the history, and let it go where it was."""
    before = clock.frozen()
    clock.freeze(moment)
    try:
        yield
    finally:
        clock.freeze(before)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A local time of day as an aware moment."""
    return datetime.combine(day, time(hour, minute), tzinfo=clock.LOCAL)
