"""The month's visit rate of a county: how long counting and freezing take, and how fast the pages are afterwards.

`python -m benchmarks.rate [--elders N] [--pack NAME]`: the county of `benchmarks.due` (100,000 elders with a
year of contacts, 500 communities). Measured are one count and one freeze of a month, each in a process of its own,
the pages of a county and a street, and the call list of an event of the county. Exit code 1 when a page takes
more than a second.
"""

from __future__ import annotations

import importlib
import os
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from benchmarks.due import Watch, build, signed_in, site, vacuum
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.areas import Area, AreaLevel

if TYPE_CHECKING:
    from coordinator.config import Settings

machine = importlib.import_module("benchmarks.import")

MONTH = date(2026, 5, 1)
PAGE_SECONDS = 1.0


def _area(level: AreaLevel) -> Area:
    return db.session.scalars(select(Area).where(Area.level == level).order_by(Area.id).limit(1)).one()


def settle(settings: Settings) -> None:
    """Let the database know its new rows."""
    with site(settings):
        vacuum()


def count(settings: Settings) -> str:
    """One count of the running month, as the night does it."""
    from coordinator.kernel import clock
    from coordinator.supervision import jobs

    with site(settings):
        jobs.count_one(_area(AreaLevel.COUNTY).id, clock.today().replace(day=1).isoformat())
        jobs.count_one(_area(AreaLevel.COUNTY).id, MONTH.isoformat())
    return "2 months"


def freeze(settings: Settings) -> str:
    """The freezing of the month before."""
    from coordinator.supervision import jobs
    from coordinator.supervision.models import CoverageSnapshot

    with site(settings):
        county = _area(AreaLevel.COUNTY)
        jobs.freeze_one(county.id, MONTH.isoformat())
        one = db.session.scalars(select(CoverageSnapshot).where(CoverageSnapshot.area_id == county.id)).one()
        return f"{one.contacted}/{one.elders}, {one.all_met}/{one.elders}"


def pages(settings: Settings) -> dict[str, tuple[float, int]]:
    """Seconds and queries of the second request of each page."""
    from coordinator.kernel import clock
    from coordinator.kernel.access import SYSTEM
    from coordinator.visits.models import SurgeKind
    from coordinator.visits.services import add_event

    found = {}
    with site(settings) as app:
        county, street = _area(AreaLevel.COUNTY), _area(AreaLevel.STREET)
        heat = add_event(SYSTEM, county, SurgeKind.EXTREME_WEATHER, "高温", clock.today(), clock.today())
        db.session.commit()
        asked = {
            "county, frozen month": (Role.COUNTY_SUPERVISOR, county.id, "/coverage?month=2026-05"),
            "county, running month": (Role.COUNTY_SUPERVISOR, county.id, "/coverage"),
            "county, who is not done": (Role.COUNTY_SUPERVISOR, county.id, "/coverage/elders?month=2026-05"),
            "street, running month": (Role.STREET_COORDINATOR, street.id, "/coverage"),
            "county, event": (Role.COUNTY_SUPERVISOR, county.id, f"/events/{heat.id}"),
            "county, calls by street": (Role.COUNTY_SUPERVISOR, county.id, f"/events/{heat.id}/calls"),
            "street, call list": (Role.STREET_COORDINATOR, street.id, f"/events/{heat.id}/calls"),
        }
        watch = Watch()
        for name, (role, area_id, path) in asked.items():
            client = signed_in(app, role, area_id)
            watch.get(client, path)
            seconds, queries, _kib = watch.get(client, path)
            found[name] = (seconds, queries)
    return found


def main() -> int:
    options = machine.asked(__doc__)
    timed = machine.timed
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {options.elders} elders, pack {options.pack}"
    )
    with machine.servers() as settings:
        timed("build", lambda: build(settings, options.elders, options.pack))
        machine.in_own_process(lambda: settle(settings))
        timed("freeze a month", lambda: freeze(settings))
        timed("count two months", lambda: count(settings))
        measured = machine.in_own_process(lambda: pages(settings))[0]
    for name, (seconds, queries) in measured.items():
        print(f"{name:26}{seconds:8.2f} s{queries:5} queries")
    return int(any(seconds > PAGE_SECONDS for seconds, _queries in measured.values()))


if __name__ == "__main__":
    sys.exit(main())
