"""The county of the measurement: a small one, planned by its owed jobs and judged from its stored rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from benchmarks import county, figures, scale
from benchmarks.campaign import Options
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel.access import SYSTEM
from coordinator.kernel.areas import Area
from coordinator.kernel.queue import OwedJob, run_owed
from coordinator.planning import services
from coordinator.planning.models import Plan
from coordinator.workforce.models import Worker


def test_a_small_county_is_planned_stored_and_judged(
    committed_db: Any, freeze: Callable[[datetime], None]
) -> None:
    freeze(county.NOW)
    made = county.build(2, 40)
    assert (len(made.street_ids), made.elders) == (2, 80)
    assert db.session.scalar(select(func.count()).select_from(Elder)) == 80
    assert db.session.scalar(select(func.count()).select_from(Worker)) == made.workers > 0
    area = db.session.get_one(Area, made.area_id)
    batch = services.order_plans(SYSTEM, area, county.MONTH, made.street_ids, seconds=60)
    db.session.execute(update(Plan).values(detail=Plan.detail.concat({"iterations": 200})))
    db.session.commit()
    for owed_id in db.session.scalars(select(OwedJob.id).where(OwedJob.queue == "streets")).all():
        run_owed(owed_id)
    db.session.expire_all()
    options = Options(engines=("ours",), seeds=(1,), iterations=200)
    rows = scale.rows_of(batch.id, scale.Run(1, 1.0, options, None, 40))
    assert [row["valid"] for row in rows] == [True, True], [row.get("broken") for row in rows]
    assert all(row["visits"] == row["owed"] >= 40 for row in rows)
    assert all(row["served"] > 0 and row["fixed_work"] for row in rows)
    assert rows[0]["ended"] <= rows[1]["begun"]
    assert figures.speed_up([*rows, *({**row, "workers": 2} for row in rows)]) == 1.0
