"""What the tests of the open list share: the market of one worker, and visits around the own start."""

from __future__ import annotations

from datetime import date, time

from coordinator.kernel.access import Role
from coordinator.marketplace.queries.hints import hints
from coordinator.marketplace.queries.market import market_for
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.services import own_duty
from coordinator.visits.lifecycle import ContactMode
from coordinator.visits.services import open_visit
from tests.factories import (
    make_actor,
    make_elder,
    make_household,
    visit_times,
)

TOMORROW = date(2026, 3, 27)
SATURDAY = date(2026, 3, 28)
RULES = Rules()


def market(actor, rules=RULES):
    return market_for(own_duty(actor), rules)


def ids(offers):
    return [one.opening.visit_id for one in offers]


def at(field, latitude=28.881, longitude=105.441, **over):
    """An elder's home somewhere."""
    return field.elder(
        household=make_household(field.tree.community, latitude=latitude, longitude=longitude, **over)
    )


def abroad(field):
    """An open visit in the next street."""
    there = make_actor(Role.STREET_COORDINATOR, field.tree.other_street)
    return open_visit(there, make_elder(field.tree.outside), *visit_times(TOMORROW), mode=ContactMode.HOME)


def hint(actor, why, rules=RULES):
    worker = own_duty(actor)
    return next(one for one in hints(worker, market_for(worker, rules), rules) if one.why == why)


def limits_of(worker, **over):
    names = ("max_visits_day", "max_visits_week", "max_visits_month", "max_hours_week")
    return {name: getattr(worker, name) for name in names} | over


def neighbours(field, number=3, day=TOMORROW, **over):
    return [
        field.visit(
            elder=at(field, 28.8815 + n * 0.0004, **over),
            day=day,
            start=time(9 + n // 2, 30 * (n % 2)),
            minutes=25,
        )
        for n in range(number)
    ]
