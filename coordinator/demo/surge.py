"""What the demo has to show of surge and rate: a cold spell whose call list is begun, and last month frozen."""

from __future__ import annotations

from datetime import timedelta

from coordinator.demo.world import World, at, living_at
from coordinator.elders.models import ConsentState
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import SYSTEM
from coordinator.supervision.queries.units import unit_of
from coordinator.supervision.rules import FREEZE_DAY, month_before
from coordinator.supervision.services import freeze_above, freeze_unit
from coordinator.visits.models import CallResult, CallTarget, SurgeKind, WeatherKind, WeatherLevel
from coordinator.visits.services import add_event, tick
from coordinator.visits.services.events import Warned
from coordinator.visits.services.surge import Tick

CALLED = 24
FAMILY_CALLED = 0.7
NO_ANSWER = 0.12


def weather_and_months(world: World) -> None:
    """A cold spell in one community from today on, its first calls made, and last month's figures frozen."""
    _freeze(world)
    _ring(world)


def _freeze(world: World) -> None:
    """Last month, on its day; with the day still to come nothing is frozen yet."""
    if world.today.day < FREEZE_DAY:
        return
    unit = unit_of(world.street)
    month = month_before(world.today)
    with living_at(min(at(world.today.replace(day=FREEZE_DAY), 2), clock.now())):
        freeze_unit(unit, month)
        freeze_above(unit, month)
    db.session.flush()


def _ring(world: World) -> None:
    community = world.communities[0]
    event = add_event(
        world.actors["street"],
        community,
        SurgeKind.EXTREME_WEATHER,
        "寒潮",
        world.today,
        world.today + timedelta(days=2),
        warned=Warned(WeatherKind.COLD, WeatherLevel.ORANGE),
        note="这几天降温，请关好门窗；用电热毯、烤火炉要注意防火和通风，早晚少出门。",
    )
    wanted = [
        elder
        for elder in world.elders
        if elder.area_id == community.id
        and elder.left_on is None
        and not any(one.state is ConsentState.REFUSED for one in elder.consents)
    ][:CALLED]
    for number, elder in enumerate(wanted):
        moment = min(at(world.today, 8) + timedelta(minutes=3 * number), clock.now())
        result = CallResult.NO_ANSWER if world.chance(NO_ANSWER) else CallResult.REACHED
        tick(
            SYSTEM,
            event,
            community,
            elder,
            Tick(CallTarget.ELDER, result, f"demo-{number}", moment, "冯玉梅"),
        )
        if world.chance(FAMILY_CALLED):
            family = Tick(CallTarget.FAMILY, CallResult.REACHED, f"demo-{number}", moment, "冯玉梅")
            tick(SYSTEM, event, community, elder, family)
