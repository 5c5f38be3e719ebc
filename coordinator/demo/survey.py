"""What the demo has to show of the work on the register: a half-yearly survey (摸排) that is under way."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from coordinator.demo.world import World
from coordinator.extensions import db
from coordinator.register.models import Outcome, SurveyItem, SurveyKind
from coordinator.register.services.surveys import add_person, assign_items, decide_item, open_survey
from coordinator.workforce.models import WorkerKind

VISITED = 34
NOT_FOUND = 0.1


def half_year_survey(world: World) -> None:
    """One community renews its register: the doors are given to its grid member, many have been knocked at."""
    community, actor = world.communities[1], world.actors["street"]
    survey = open_survey(actor, community, SurveyKind.RENEWAL, world.today + timedelta(days=20))
    doors = list(
        db.session.scalars(
            select(SurveyItem).where(SurveyItem.survey_id == survey.id).order_by(SurveyItem.id)
        )
    )
    grid = next((one for one in world.workers if one.kind is WorkerKind.GRID_MEMBER), None)
    assign_items(actor, survey, [door.id for door in doors], worker=grid, name="" if grid else "网格员")
    people = [door for door in doors if door.elder_id is not None]
    for door in people[: world.count(VISITED)]:
        absent = world.dice.random() < NOT_FOUND
        outcome = Outcome.NOT_FOUND if absent else Outcome.VERIFIED
        note = "敲门没人应，邻居说去女儿家了。" if absent else ""
        decide_item(actor, door, outcome, version=door.version, note=note)
    add_person(actor, survey, community, world.name(world.elders[0].sex, old=True), "江湾二巷 7 号")
    db.session.flush()
