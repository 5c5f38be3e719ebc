"""Reads of surveys as a whole: progress by grid, homes without an answer, who was asked to go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.accounts.models import User
from coordinator.elders.models import Elder, ElderStatus, Household
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import NotFound
from coordinator.register.models import Outcome, Survey, SurveyItem
from coordinator.register.queries.survey_items import ASSIGNEE, left_open, needs_follow_up
from coordinator.workforce.models import Worker, WorkerStatus

P = Permission


def survey_in_scope(actor: Actor, survey_id: int, permission: Permission = P.ELDER_EDIT) -> Survey:
    """A survey within the actor's areas. Raises NotFound."""
    survey = db.session.scalar(
        select(Survey)
        .where(Survey.id == survey_id, in_areas(actor, permission, Survey.area_id))
        .options(joinedload(Survey.area))
    )
    if survey is None:
        raise NotFound(_("没有找到这次摸排。"), _("可能不在您的管辖范围内。"))
    return survey


@dataclass(frozen=True, slots=True)
class Progress:
    """One grid or 小区 of a survey, or all of it (`place` None)."""

    place: str | None
    total: int
    answered: int
    not_found: int
    left: int
    explained: int
    follow: int

    @property
    def percent(self) -> int:
        return 100 * (self.answered + self.explained) // self.total if self.total else 100


def progress_by_place(survey: Survey) -> list[Progress]:
    """Progress by place, those with most left first. One query."""
    answered = and_(SurveyItem.outcome.is_not(None), SurveyItem.outcome != Outcome.NOT_FOUND)
    count = func.count()
    rows = db.session.execute(
        select(
            SurveyItem.place,
            count,
            count.filter(answered),
            count.filter(SurveyItem.outcome == Outcome.NOT_FOUND),
            count.filter(left_open()),
            count.filter(SurveyItem.left_reason.is_not(None)),
            count.filter(needs_follow_up()),
        )
        .where(SurveyItem.survey_id == survey.id)
        .group_by(SurveyItem.place)
        .order_by(count.filter(left_open()).desc(), SurveyItem.place)
    )
    return [Progress(*row) for row in rows]


def whole(parts: Sequence[Progress]) -> Progress:
    """The sum of all places."""
    sums = [
        sum(getattr(one, name) for one in parts)
        for name in ("total", "answered", "not_found", "left", "explained", "follow")
    ]
    return Progress(None, *sums)


def homes_without_answer(survey: Survey) -> list[tuple[str, str, int]]:
    """Homes in which nothing was answered yet: place, address, and how many are on the list. One query."""
    home = func.coalesce(Elder.household_id, SurveyItem.household_id)
    rows = db.session.execute(
        select(func.max(SurveyItem.place), Household.address, func.count())
        .select_from(SurveyItem)
        .outerjoin(Elder, SurveyItem.elder_id == Elder.id)
        .join(Household, Household.id == home)
        .where(SurveyItem.survey_id == survey.id)
        .group_by(Household.id)
        .having(func.count(SurveyItem.outcome) == 0, func.count(SurveyItem.left_reason) == 0)
        .order_by(func.max(SurveyItem.place), Household.address)
    )
    return [(place, address, count) for place, address, count in rows]


def missing_from_list(survey: Survey) -> int:
    """Active elders of the area who came to the register after the list was made. One query."""
    listed = select(SurveyItem.id).where(
        SurveyItem.survey_id == survey.id,
        or_(SurveyItem.elder_id == Elder.id, SurveyItem.new_elder_id == Elder.id),
    )
    return (
        db.session.scalar(
            select(func.count())
            .select_from(Elder)
            .join(Area, Elder.area_id == Area.id)
            .where(
                Area.path.startswith(survey.area.path),
                Elder.status == ElderStatus.ACTIVE,
                ~listed.exists(),
            )
        )
        or 0
    )


def surveys_of(actor: Actor) -> list[tuple[Survey, int, int]]:
    """The surveys of one's areas, open ones first, with items and how many are left. One query."""
    rows = db.session.execute(
        select(Survey, func.count(SurveyItem.id), func.count(SurveyItem.id).filter(left_open()))
        .outerjoin(SurveyItem, SurveyItem.survey_id == Survey.id)
        .where(in_areas(actor, P.ELDER_EDIT, Survey.area_id))
        .group_by(Survey.id)
        .order_by(Survey.closed_at.is_not(None), Survey.opened_at.desc(), Survey.id.desc())
        .limit(30)
        .options(selectinload(Survey.area))
    )
    return [(survey, total, left) for survey, total, left in rows]


def assignees(survey: Survey) -> list[tuple[str, str]]:
    """Who was asked to go, for the filter. One query."""
    rows = db.session.scalars(
        select(ASSIGNEE)
        .select_from(SurveyItem)
        .outerjoin(Worker, SurveyItem.assigned_worker_id == Worker.id)
        .outerjoin(User, SurveyItem.assigned_user_id == User.id)
        .where(SurveyItem.survey_id == survey.id)
        .distinct()
        .order_by(ASSIGNEE)
    ).all()
    return [("-", _("还没有人去"))] + [(name, name) for name in rows if name]


def serving_workers(survey: Survey) -> Sequence[Worker]:
    """Approved workers of the survey's area, of its parts and of the areas above. One query."""
    path = survey.area.path
    serving = select(Area.id).where(or_(Area.path.startswith(path), Area.id.in_(survey.area.ancestor_ids)))
    return db.session.scalars(
        select(Worker)
        .where(Worker.area_id.in_(serving), Worker.status == WorkerStatus.APPROVED)
        .order_by(Worker.name, Worker.id)
    ).all()
