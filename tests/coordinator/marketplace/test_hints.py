"""Why others are not shown, and that what a hint promises comes true."""

from __future__ import annotations

import re
from datetime import time, timedelta

from coordinator.extensions import db
from coordinator.marketplace.labels import Hidden
from coordinator.workforce.fitness import UnfitCode
from coordinator.workforce.models import Bar
from coordinator.workforce.services.preferences import Travel, set_travel, set_wishes
from coordinator.workforce.services.times import set_availability
from tests.coordinator.marketplace.listed import (
    SATURDAY,
    TOMORROW,
    at,
    hint,
    limits_of,
    market,
)


def test_a_wider_radius_brings_what_is_promised(field):
    worker, actor = field.worker(service_radius_metres=1000)
    for number in range(12):
        field.visit(
            elder=at(field, 28.881 + 0.0095 + number * 0.001), day=TOMORROW + timedelta(days=number % 5)
        )
    barred = field.visit(elder=at(field, 28.881 + 0.011), day=TOMORROW, start=time(15))
    db.session.add(Bar(worker_id=worker.id, elder_id=barred.elder_id))
    db.session.flush()
    said = hint(actor, UnfitCode.OUTSIDE_RADIUS)
    assert said.number == 12
    assert said.endpoint == "workforce.my_travel"
    metres = re.search(r"调到([\d.]+) ?(公里|米)，就能看到其中 (\d+) 次", said.advice)
    assert metres, said.advice
    radius = round(float(metres[1]) * (1000 if metres[2] == "公里" else 1))
    before = len(market(actor).offers)
    set_travel(
        actor,
        worker,
        Travel(worker.travel_mode, (worker.start_latitude, worker.start_longitude), None, radius),
    )
    assert len(market(actor).offers) - before == said.gain == int(metres[3]) > 0


def test_one_visit_more_a_day_brings_what_is_promised(field):
    worker, actor = field.worker(max_visits_day=1)
    field.visit((worker, False), day=TOMORROW, start=time(9))
    for hour in (11, 14, 16):
        field.visit(day=TOMORROW, start=time(hour))
    said = hint(actor, UnfitCode.LIMIT_DAY)
    assert (said.number, said.gain, said.anchor) == (3, 3, "max_visits_day")
    set_wishes(actor, worker, wanted=[], dialects=[], limits=limits_of(worker, max_visits_day=2))
    assert len(market(actor).offers) == 3
    set_wishes(
        actor, worker, wanted=[], dialects=[], limits=limits_of(worker, max_visits_day=1, max_visits_week=1)
    )
    assert hint(actor, UnfitCode.LIMIT_DAY).gain == 0, "the week would not hold it"


def test_another_weekday_brings_what_is_promised(field):
    worker, actor = field.worker(weekdays=(0,))
    for hour in (8, 10):
        field.visit(day=SATURDAY, start=time(hour))
    field.visit(day=SATURDAY, start=time(19))
    field.visit(day=TOMORROW, start=time(15))
    said = hint(actor, Hidden.HOURS)
    assert (said.number, said.gain, said.anchor) == (4, 2, "day_5")
    assert "周六" in said.advice
    assert "上午" in said.advice
    set_availability(actor, worker, {5: [(time(8), time(12))]})
    assert len(market(actor).offers) == 2


def test_skills_and_credentials_say_what_to_do(field):
    _worker, actor = field.worker()
    field.visit(day=TOMORROW, needs_skills=["nursing"])
    assert "其中 1 次要" in hint(actor, UnfitCode.SKILL_MISSING).advice
    _newcomer, second = field.worker(ready=False)
    assert hint(second, UnfitCode.CREDENTIAL_MISSING).endpoint == "workforce.me"
