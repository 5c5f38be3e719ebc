"""摸排: opening the list of an area, giving out its doors, writing down what was found, closing it.

泸州: 「采取入户调查、逐户摸排等方式，比照搜集到的老年人信息逐一核实，做到不漏一户、不漏一人」.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, insert, literal, or_, select
from sqlalchemy.orm.exc import StaleDataError

from coordinator.accounts.models import User
from coordinator.elders import services as elders
from coordinator.elders.lookup import clean_address
from coordinator.elders.models import Elder, ElderStatus, Household
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import SYSTEM, Actor, Permission, demand
from coordinator.kernel.areas import Area, AreaLevel, subtree_ids
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.kernel.identity import IdentityError, clean_name, normalise_phone
from coordinator.register.access import can_decide
from coordinator.register.labels import KINDS, OUTCOMES
from coordinator.register.models import (
    ExternalRecord,
    MatchState,
    Outcome,
    Survey,
    SurveyItem,
    SurveyKind,
)
from coordinator.register.queries.survey_items import left_open
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.models import Worker, WorkerStatus

SURVEY_LEVELS = (AreaLevel.STREET, AreaLevel.COMMUNITY)
# Not in any document: who was not found is tried once more, a week later unless another day is given.
SECOND_TRY_AFTER = timedelta(days=7)
LATEST_TRY = timedelta(days=92)
LONGEST_NOTE = 1_000
LONGEST_REASON = 200


def open_survey(actor: Actor, area: Area, kind: SurveyKind, due_on: date | None = None) -> Survey:
    """Open a survey of a street or community and make its list: every active elder, every person on other offices'
    lists who is not in the register, every home in which no elder is registered. Flushes.

    Raises Conflict while another survey of this area, of a part of it or of the area above is open.
    """
    demand(actor, Permission.ELDER_EDIT, area.path)
    if area.level not in SURVEY_LEVELS:
        raise InvalidInput(_("请选一个街道或社区。"), field="area_id")
    if due_on is not None and due_on < clock.today():
        raise InvalidInput(_("完成的日期已经过了。"), field="due_on")
    # Two people who open at once: the street's row decides.
    street = area.parent_id if area.level is AreaLevel.COMMUNITY else area.id
    db.session.execute(select(Area.id).where(Area.id == street).with_for_update(key_share=True))
    other = db.session.scalars(
        select(Survey)
        .join(Area, Survey.area_id == Area.id)
        .where(
            Survey.closed_at.is_(None),
            or_(Area.path.startswith(area.path), literal(area.path).startswith(Area.path)),
        )
    ).first()
    if other is not None:
        raise Conflict(
            _("%(area)s的摸排还没有结束。", area=other.area.name), _("请先把它做完。"), code="survey_open"
        )
    survey = Survey(area=area, kind=kind, opened_on=clock.today(), due_on=due_on, opened_by_id=actor.user_id)
    db.session.add(survey)
    db.session.flush()
    made = _fill(survey)
    audit.record(
        actor,
        "survey.open",
        survey,
        _("开始%(area)s的%(kind)s，清单 %(n)s 项", area=area.name, kind=KINDS[kind], n=made),
    )
    db.session.flush()
    return survey


def complete_list(actor: Actor, survey: Survey) -> int:
    """Add what has come up since the list was made; returns how many items are new. Flushes."""
    demand(actor, Permission.ELDER_EDIT, survey.area.path)
    _require_open(survey)
    made = _fill(survey)
    if made:
        audit.record(actor, "survey.complete_list", survey, _("补进清单 %(n)s 项", n=made))
    db.session.flush()
    return made


def _fill(survey: Survey) -> int:
    """Three statements for the whole area."""
    inside = subtree_ids(survey.area.path)
    grid = select(Area.name).where(Area.id == Household.grid_id).scalar_subquery()
    place = func.coalesce(grid, Household.neighbourhood, "")
    common = {"survey_id": literal(survey.id), "tries": literal(0), "version": literal(1)}
    mine = select(SurveyItem.id).where(SurveyItem.survey_id == survey.id)
    people = (
        select(Elder.id, Elder.area_id, place, *common.values())
        .join(Household, Elder.household_id == Household.id)
        .where(
            Elder.area_id.in_(inside),
            Elder.status == ElderStatus.ACTIVE,
            ~mine.where(or_(SurveyItem.elder_id == Elder.id, SurveyItem.new_elder_id == Elder.id)).exists(),
        )
    )
    # One person on several lists is one door; and one may have been registered since the list came.
    registered = select(Elder.id).where(
        Elder.id_number_hash == ExternalRecord.id_number_hash, Elder.status != ElderStatus.MERGED
    )
    listed = select(ExternalRecord.person_key).join(SurveyItem, SurveyItem.record_id == ExternalRecord.id)
    records = (
        select(
            func.min(ExternalRecord.id),
            func.min(ExternalRecord.area_id),
            literal(""),
            *common.values(),
        )
        .where(
            ExternalRecord.area_id.in_(inside),
            ExternalRecord.superseded_at.is_(None),
            ExternalRecord.match == MatchState.UNKNOWN,
            ~registered.exists(),
            ExternalRecord.person_key.not_in(listed.where(SurveyItem.survey_id == survey.id)),
        )
        .group_by(ExternalRecord.person_key)
    )
    homes = select(Household.id, Household.area_id, place, *common.values()).where(
        Household.area_id.in_(inside),
        ~select(Elder.id)
        .where(Elder.household_id == Household.id, Elder.status == ElderStatus.ACTIVE)
        .exists(),
        ~mine.where(SurveyItem.household_id == Household.id).exists(),
        ~mine.join(Elder, SurveyItem.elder_id == Elder.id).where(Elder.household_id == Household.id).exists(),
    )
    made = 0
    for column, statement in (("elder_id", people), ("record_id", records), ("household_id", homes)):
        done = db.session.execute(
            insert(SurveyItem)
            .from_select([column, "area_id", "place", *common], statement)
            .returning(SurveyItem.id)
        )
        made += len(done.all())
    return made


def add_person(
    actor: Actor, survey: Survey, area: Area, name: str, address: str, phone: str = "", place: str = ""
) -> SurveyItem:
    """Somebody met on the way who is on no list. Flushes. Raises InvalidInput with the field."""
    demand(actor, Permission.ELDER_EDIT, area.path)
    _require_open(survey)
    if area.level is not AreaLevel.COMMUNITY or not area.path.startswith(survey.area.path):
        raise InvalidInput(_("请选这次摸排里的社区。"), field="area_id")
    try:
        person = {"name": clean_name(name), "address": clean_address(address)}
    except IdentityError as problem:
        raise InvalidInput(problem.message, field="name") from None
    if not person["address"]:
        raise InvalidInput(_("请填住址。"), field="address")
    if phone.strip():
        try:
            person["phone"] = normalise_phone(phone)
        except IdentityError as problem:
            raise InvalidInput(problem.message, field="phone") from None
    item = SurveyItem(survey_id=survey.id, area_id=area.id, person=person, place=place.strip()[:60])
    db.session.add(item)
    db.session.flush()
    audit.record(actor, "survey.add_person", item, _("清单里加一位新发现的老人"))
    db.session.flush()
    return item


def assign_items(
    actor: Actor,
    survey: Survey,
    item_ids: Collection[int],
    *,
    worker: Worker | None = None,
    user: User | None = None,
    name: str = "",
) -> int:
    """Give doors to a worker, to somebody with an account, or to somebody by name only (who gets paper);
    with none of them the doors are nobody's again. Returns how many. Flushes.
    """
    demand(actor, Permission.ELDER_EDIT, survey.area.path)
    _require_open(survey)
    if worker is not None:
        if worker.status is not WorkerStatus.APPROVED:
            raise InvalidInput(_("%(name)s还没有审核通过。", name=worker.name), field="to")
        if is_minor(worker, clock.today()):
            raise InvalidInput(_("%(name)s未成年，不能单独上门摸排。", name=worker.name), field="to")
    chosen = db.session.scalars(
        select(SurveyItem).where(SurveyItem.survey_id == survey.id, SurveyItem.id.in_(list(item_ids)))
    ).all()
    if not chosen:
        raise InvalidInput(_("请先勾选清单里的项目。"), field="to")
    text = " ".join(name.split())[:60] or None
    for item in chosen:
        item.assigned_worker_id = worker.id if worker is not None else None
        item.assigned_user_id = user.id if worker is None and user is not None else None
        item.assigned_name = text if worker is None and user is None else None
    who = worker.name if worker else user.name if user else text or _("没有人")
    audit.record(actor, "survey.assign", survey, _("摸排 %(n)s 项交给%(who)s", n=len(chosen), who=who))
    db.session.flush()
    return len(chosen)


def decide_item(
    actor: Actor,
    item: SurveyItem,
    outcome: Outcome,
    *,
    version: int,
    note: str = "",
    next_try_on: date | None = None,
) -> None:
    """Write down what was found at the door as it was read at `version`. A verified elder is verified until
    the next renewal; nobody found is tried again on a day. What else an outcome asks for is the
    coordinator's next page. Flushes.

    Raises Conflict when somebody else has decided since, NotAllowed for anybody who was not asked to go.
    """
    if not can_decide(actor, item):
        raise NotAllowed(_("这一户没有交给您。"), _("请联系社区。"))
    _require_open(item.survey)
    if item.version != version:
        raise _stale(item)
    if (outcome is Outcome.NO_ELDER) != (item.household_id is not None) and outcome not in (
        Outcome.NOT_FOUND,
        Outcome.REFUSED,
    ):
        raise InvalidInput(_("这一项没有这个结果。"), field="outcome")
    text = note.strip()
    if len(text) > LONGEST_NOTE:
        raise InvalidInput(_("最多写 %(n)s 个字。", n=LONGEST_NOTE), field="note")
    if outcome is Outcome.REFUSED and len(text) < 2:
        raise InvalidInput(_("请写下对方怎样说。"), field="note")
    before = item.outcome
    again = _second_try(next_try_on) if outcome is Outcome.NOT_FOUND else None
    try:
        with db.session.begin_nested():
            item.outcome = outcome
            item.note = text or None
            item.tries = item.tries + 1
            item.next_try_on = again
            item.left_reason = None
            item.decided_by_id, item.decided_at = actor.user_id, clock.now()
            db.session.flush()
    except StaleDataError:
        db.session.refresh(item)
        raise _stale(item) from None
    audit.record(
        actor,
        "survey.decide",
        item,
        _("摸排：%(outcome)s", outcome=OUTCOMES[outcome]),
        changes={"outcome": [before.value if before else None, outcome.value]},
    )
    elder = item.elder
    if outcome is Outcome.VERIFIED and elder is not None and elder.status is ElderStatus.ACTIVE:
        # Who goes from door to door need not be a coordinator; that the dossier was checked follows all the same.
        elders.reverify_elder(SYSTEM, elder)
    db.session.flush()


def _second_try(wanted: date | None) -> date:
    day = wanted or clock.today() + SECOND_TRY_AFTER
    if not clock.today() <= day <= clock.today() + LATEST_TRY:
        raise InvalidInput(_("请填今天起三个月以内的日期。"), field="next_try_on")
    return day


def link_new_elder(actor: Actor, item: SurveyItem, elder: Elder) -> None:
    """Note which dossier was opened for somebody who had none; the lists of other offices know it too. Flushes."""
    demand(actor, Permission.ELDER_EDIT, item.area.path)
    item.new_elder_id = elder.id
    if item.record is not None and item.record.elder_id is None:
        for record in db.session.scalars(
            select(ExternalRecord).where(
                ExternalRecord.person_key == item.record.person_key,
                ExternalRecord.street_id == item.record.street_id,
                ExternalRecord.superseded_at.is_(None),
                ExternalRecord.elder_id.is_(None),
            )
        ):
            record.elder_id, record.match, record.candidates = elder.id, MatchState.MATCHED, []
    db.session.flush()


def leave_open(actor: Actor, survey: Survey, item_ids: Collection[int] | None, reason: str) -> int:
    """Say why items stay without an answer: the given ones, or (None) all that are open; returns how many."""
    demand(actor, Permission.ELDER_EDIT, survey.area.path)
    _require_open(survey)
    text = " ".join(reason.split())
    if len(text) < 2:
        raise InvalidInput(_("请写明为什么没有结果。"), field="reason")
    if len(text) > LONGEST_REASON:
        raise InvalidInput(_("原因最多 %(n)s 个字。", n=LONGEST_REASON), field="reason")
    statement = select(SurveyItem).where(SurveyItem.survey_id == survey.id, left_open())
    if item_ids is not None:
        statement = statement.where(SurveyItem.id.in_(list(item_ids)))
    items = db.session.scalars(statement).all()
    for item in items:
        item.left_reason = text
    audit.record(
        actor,
        "survey.leave_open",
        survey,
        _("%(n)s 项没有结果：%(reason)s", n=len(items), reason=text),
        changes={"items": [None, [item.id for item in items]]},
    )
    db.session.flush()
    return len(items)


def close_survey(actor: Actor, survey: Survey) -> None:
    """Close a survey when each of its items has an outcome or a reason. Flushes. Raises Conflict otherwise."""
    demand(actor, Permission.ELDER_EDIT, survey.area.path)
    db.session.refresh(survey, ["closed_at"], with_for_update=True)
    _require_open(survey)
    left = db.session.scalar(
        select(func.count()).select_from(SurveyItem).where(SurveyItem.survey_id == survey.id, left_open())
    )
    if left:
        raise Conflict(
            _("还有 %(n)s 项没有结果。", n=left),
            _("请先去核实，或者写明为什么没有结果。"),
            code="items_open",
        )
    survey.closed_at = clock.now()
    survey.closed_by_id = actor.user_id
    audit.record(actor, "survey.close", survey, _("结束%(area)s的摸排", area=survey.area.name))
    db.session.flush()


def _require_open(survey: Survey) -> None:
    if survey.closed_at is not None:
        raise Conflict(_("这次摸排已经结束。"), _("需要时请再开一次。"), code="closed")


def _stale(item: SurveyItem) -> Conflict:
    who: Any = item.decided_by.name if item.decided_by else _("别人")
    said = OUTCOMES[item.outcome] if item.outcome else _("还没有结果")
    return Conflict(
        _("您打开以后，%(who)s刚改过这一项：%(outcome)s。", who=who, outcome=said),
        _("请看一看，确实要改再保存一次。"),
        code="stale",
    )
