"""Reads of the items of a survey: what is open, the list with its filters, one item, one's own doors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from coordinator.accounts.models import User
from coordinator.elders.models import Consent, ConsentKind, ConsentState, Elder, ElderStatus, Household
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.errors import NotFound
from coordinator.kernel.listing import Column, Filter, ListingSpec
from coordinator.register.labels import LEAVES, OUTCOMES
from coordinator.register.models import Outcome, Survey, SurveyItem
from coordinator.workforce.models import Worker

P = Permission
ENOUGH_TRIES = 2


def left_open() -> ColumnElement[bool]:
    """Items without an answer and without a reason: nobody was there yet, or was not found at the first try."""
    return and_(
        or_(
            SurveyItem.outcome.is_(None),
            and_(SurveyItem.outcome == Outcome.NOT_FOUND, SurveyItem.tries < ENOUGH_TRIES),
        ),
        SurveyItem.left_reason.is_(None),
    )


def again_today() -> ColumnElement[bool]:
    """Not found, and the day of the next try has come."""
    return and_(SurveyItem.outcome == Outcome.NOT_FOUND, SurveyItem.next_try_on <= clock.today())


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item as a page shows it. `birth_date` and `sex` where they are known; `follow` names the next page that
    the outcome asks for: leave, refusal, dossier, or ''."""

    item: SurveyItem
    name: str
    address: str
    birth_date: date | None
    sex: str
    kind: str  # elder, record, person, home
    phone: str = ""
    follow: str = ""


def item_view(item: SurveyItem, refused: frozenset[int] = frozenset()) -> ItemView:
    """What is shown of a loaded item. `refused` are the elders whose refusal is on file."""
    elder = item.elder
    if elder is not None:
        return ItemView(
            item,
            elder.name,
            elder.household.address,
            elder.birth_date,
            elder.sex.value,
            "elder",
            follow=_follow_elder(item, elder, refused),
        )
    follow = ""
    if item.outcome is Outcome.VERIFIED and item.new_elder_id is None:
        follow = "dossier"
    if item.record is not None:
        values = item.record.values
        return ItemView(
            item,
            item.record.name,
            values.get("address") or "",
            item.record.birth_date,
            values.get("sex") or "",
            "record",
            values.get("phone") or "",
            follow,
        )
    if item.person is not None:
        person: Mapping[str, Any] = item.person
        return ItemView(
            item, person["name"], person["address"], None, "", "person", person.get("phone", ""), follow
        )
    assert item.household is not None, "an item has exactly one subject (CHECK)"
    return ItemView(item, _("没有登记老人的住户"), item.household.address, None, "", "home")


def _follow_elder(item: SurveyItem, elder: Elder, refused: frozenset[int]) -> str:
    if item.outcome in LEAVES and elder.status is ElderStatus.ACTIVE:
        return "leave"
    if item.outcome is Outcome.REFUSED and elder.id not in refused and elder.status is ElderStatus.ACTIVE:
        return "refusal"
    return ""


def views_of(items: Sequence[SurveyItem]) -> list[ItemView]:
    """The items as pages show them; one query for the refusals."""
    ids = [one.elder_id for one in items if one.elder_id is not None and one.outcome is Outcome.REFUSED]
    refused = frozenset(
        db.session.scalars(
            select(Consent.elder_id).where(
                Consent.elder_id.in_(ids),
                Consent.kind == ConsentKind.SERVICE,
                Consent.state == ConsentState.REFUSED,
                Consent.superseded_at.is_(None),
            )
        )
        if ids
        else ()
    )
    return [item_view(one, refused) for one in items]


# Name of the assignee for lists and filters.
ASSIGNEE = func.coalesce(Worker.name, User.name, SurveyItem.assigned_name)


def _by_outcome(statement: Select[Any], value: str) -> Select[Any]:
    if value == "open":
        return statement.where(left_open())
    if value == "again":
        return statement.where(again_today())
    if value == "new":
        return statement.where(SurveyItem.elder_id.is_(None), SurveyItem.household_id.is_(None))
    if value == "homes":
        return statement.where(SurveyItem.household_id.is_not(None))
    if value == "follow":
        return statement.where(needs_follow_up())
    return statement.where(SurveyItem.outcome == Outcome(value))


def needs_follow_up() -> ColumnElement[bool]:
    """The outcome asks for another page that nobody has filled in: leaving, refusal, dossier."""
    active = exists().where(Elder.id == SurveyItem.elder_id, Elder.status == ElderStatus.ACTIVE)
    on_file = exists().where(
        Consent.elder_id == SurveyItem.elder_id,
        Consent.kind == ConsentKind.SERVICE,
        Consent.state == ConsentState.REFUSED,
        Consent.superseded_at.is_(None),
    )
    return or_(
        and_(SurveyItem.outcome.in_(list(LEAVES)), active),
        and_(SurveyItem.outcome == Outcome.REFUSED, active, ~on_file),
        and_(
            SurveyItem.outcome == Outcome.VERIFIED,
            SurveyItem.elder_id.is_(None),
            SurveyItem.household_id.is_(None),
            SurveyItem.new_elder_id.is_(None),
        ),
    )


def _by_place(statement: Select[Any], value: str) -> Select[Any]:
    return statement.where(SurveyItem.place == ("" if value == "-" else value))


def _by_assignee(statement: Select[Any], value: str) -> Select[Any]:
    if value == "-":
        return statement.where(ASSIGNEE.is_(None))
    return statement.where(ASSIGNEE.in_([value]))


TABS: dict[str, Any] = {
    "open": _l("还没有结果"),
    "again": _l("该再去一次"),
    "follow": _l("要接着办"),
    "new": _l("档案里没有的人"),
    "homes": _l("没有老人的住户"),
}
ITEMS = ListingSpec(
    columns=(
        Column("name", _l("谁、住址"), sort=Elder.name),
        Column("place", _l("网格、小区"), sort=SurveyItem.place),
        Column("assignee", _l("谁去"), sort=ASSIGNEE),
        Column("outcome", _l("结果"), sort=SurveyItem.outcome),
        Column("decided", _l("谁记的"), sort=SurveyItem.decided_at),
    ),
    tie=SurveyItem.id,
    filters=(
        Filter(
            "tab",
            _l("情况"),
            _by_outcome,
            choices=(*TABS.items(), *((key, text) for key, text in OUTCOMES.items())),
            shown=False,
        ),
        Filter("place", _l("网格、小区"), _by_place, all_label=_l("全部网格")),
        Filter("who", _l("谁去"), _by_assignee, all_label=_l("所有人")),
    ),
    default_sort="place",
    search=lambda statement, text: statement.where(
        or_(
            Elder.name.icontains(text, autoescape=True),
            Household.address.icontains(text, autoescape=True),
        )
    ),
)


def _loaded(statement: Select[Any]) -> Select[Any]:
    """With all that a page shows of an item; no secrets of the dossier."""
    return (
        statement.outerjoin(SurveyItem.elder)
        .outerjoin(Household, Household.id == func.coalesce(Elder.household_id, SurveyItem.household_id))
        .outerjoin(Worker, SurveyItem.assigned_worker_id == Worker.id)
        .outerjoin(User, SurveyItem.assigned_user_id == User.id)
        .options(
            contains_eager(SurveyItem.elder).options(*without_secrets(), joinedload(Elder.household)),
            joinedload(SurveyItem.household),
            joinedload(SurveyItem.record),
            joinedload(SurveyItem.decided_by),
            joinedload(SurveyItem.area),
        )
    )


def item_rows(survey: Survey) -> Select[Any]:
    """Items with the name of who was asked to go."""
    return _loaded(select(SurveyItem, ASSIGNEE)).where(SurveyItem.survey_id == survey.id)


def item_in_scope(actor: Actor, item_id: int) -> SurveyItem:
    """An item of one's areas. Raises NotFound."""
    item = db.session.scalar(
        _loaded(select(SurveyItem))
        .where(SurveyItem.id == item_id, in_areas(actor, P.ELDER_EDIT, SurveyItem.area_id))
        .options(joinedload(SurveyItem.survey).joinedload(Survey.area))
    )
    if item is None:
        raise NotFound(_("没有找到这一户。"), _("可能不在您的管辖范围内。"))
    return item


def own_item(actor: Actor, item_id: int) -> SurveyItem:
    """An item that the actor was asked to go to, of a survey that is open. Raises NotFound."""
    item = db.session.scalar(
        _loaded(select(SurveyItem))
        .where(SurveyItem.id == item_id, _own(actor), Survey.closed_at.is_(None))
        .join(Survey, SurveyItem.survey_id == Survey.id)
        .options(joinedload(SurveyItem.survey).joinedload(Survey.area))
    )
    if item is None:
        raise NotFound(_("没有找到这一户。"), _("可能已经交给别人，或者摸排已经结束。"))
    return item


def own_items(actor: Actor) -> list[SurveyItem]:
    """The doors the actor was asked to knock at, of all open surveys: to do first, by place and address."""
    rows = db.session.scalars(
        _loaded(select(SurveyItem))
        .join(Survey, SurveyItem.survey_id == Survey.id)
        .where(_own(actor), Survey.closed_at.is_(None))
        .order_by(case((left_open(), 0), else_=1), SurveyItem.place, Household.address, SurveyItem.id)
    ).all()
    return list(rows)


def _own(actor: Actor) -> ColumnElement[bool]:
    return or_(
        and_(SurveyItem.assigned_worker_id.is_not(None), SurveyItem.assigned_worker_id == actor.worker_id),
        and_(SurveyItem.assigned_user_id.is_not(None), SurveyItem.assigned_user_id == actor.user_id),
    )


def doors_left(actor: Actor) -> ScalarSelect[int]:
    """How many doors the actor was asked to knock at are left, for the menu's one query."""
    return (
        select(func.count())
        .select_from(SurveyItem)
        .join(Survey, SurveyItem.survey_id == Survey.id)
        .where(_own(actor), Survey.closed_at.is_(None), left_open())
        .scalar_subquery()
    )
