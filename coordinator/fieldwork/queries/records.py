"""Records for coordinators: the inbox, one record as the paper form, and what its check-ins say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, select
from sqlalchemy.orm import contains_eager, joinedload

from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.fieldwork import record_form as rf
from coordinator.fieldwork.labels import NEAR_METRES, RECORD_STATES
from coordinator.fieldwork.models import (
    Presence,
    PresenceKind,
    PresenceMethod,
    RecordRevision,
    RecordState,
    VisitRecord,
)
from coordinator.fieldwork.queries.own import presences_of
from coordinator.kernel import i18n
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import NotFound
from coordinator.kernel.listing import Column, Filter, ListingSpec
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker


def _in_area(statement: Select[Any], value: str) -> Select[Any]:
    path = select(Area.path).where(Area.id == int(value)).scalar_subquery()
    return statement.where(Visit.area_id.in_(select(Area.id).where(Area.path.startswith(path))))


RECORDS = ListingSpec(
    columns=(
        Column(
            "contact_on",
            _l("探访日期"),
            sort=Visit.contact_on,
            value=lambda one: one.visit.contact_on,
            first_direction="desc",
        ),
        Column("elder", _l("长者"), sort=Elder.name, value=lambda one: one.visit.elder.name, width=10),
        Column("area", _l("社区"), value=lambda one: one.visit.area.name),
        Column("worker", _l("谁去的"), sort=Worker.name, value=lambda one: one.worker.name, width=10),
        Column(
            "content", _l("要留意的"), exported=False
        ),  # a list of records leaves the house without health
        Column("state", _l("状态"), value=lambda one: RECORD_STATES[one.state]),
    ),
    tie=VisitRecord.id,
    filters=(
        Filter(
            "state",
            _l("状态"),
            lambda statement, value: statement.where(VisitRecord.state == RecordState(value)),
            choices=tuple(RECORD_STATES.items()),
            shown=False,
        ),
        Filter("area", _l("社区"), _in_area, all_label=_l("全部社区")),
        Filter(
            "follow",
            _l("跟进"),
            lambda statement, value: statement.where(VisitRecord.needs_follow_up.is_(value == "yes")),
            choices=(("yes", _l("要跟进的")), ("no", _l("不用跟进的"))),
            all_label=_l("全部"),
        ),
    ),
    default_order=(VisitRecord.submitted_at,),
    search=lambda statement, text: statement.where(
        Elder.name.icontains(text, autoescape=True) | Worker.name.icontains(text, autoescape=True)
    ),
)


def records_in(actor: Actor, permission: Permission = Permission.RECORD_READ) -> Select[Any]:
    """Records of visits in the actor's areas, with visit, elder, community and who wrote them."""
    return (
        select(VisitRecord)
        .join(Visit, Visit.id == VisitRecord.visit_id)
        .join(Elder, Elder.id == Visit.elder_id)
        .join(Worker, Worker.id == VisitRecord.worker_id)
        .where(in_areas(actor, permission, Visit.area_id))
        .options(
            contains_eager(VisitRecord.visit).contains_eager(Visit.elder).options(*without_secrets()),
            contains_eager(VisitRecord.visit).joinedload(Visit.area),
            contains_eager(VisitRecord.worker).load_only(Worker.name, Worker.user_id, Worker.kind),
        )
    )


def record_counts(actor: Actor) -> dict[RecordState, int]:
    """How many records of the actor's areas are in each state."""
    rows: Any = db.session.execute(
        select(VisitRecord.state, func.count())
        .join(Visit, Visit.id == VisitRecord.visit_id)
        .where(in_areas(actor, Permission.RECORD_READ, Visit.area_id))
        .group_by(VisitRecord.state)
    )
    return {state: count for state, count in rows}  # noqa: C416


def load_record(
    actor: Actor, record_id: int, permission: Permission = Permission.RECORD_READ, *, lock: bool = False
) -> VisitRecord:
    """One record in the actor's areas. Raises NotFound outside them."""
    statement = records_in(actor, permission).where(VisitRecord.id == record_id)
    if lock:
        statement = statement.with_for_update(of=VisitRecord).execution_options(populate_existing=True)
    found = db.session.scalars(statement).unique().one_or_none()
    if found is None:
        raise NotFound(_("没有找到这份记录。"), _("可能不在您的管辖范围内。"))
    return found


@dataclass(frozen=True, slots=True)
class Whole:
    """One record with all that stands around it."""

    record: VisitRecord
    household_address: str
    people: Sequence[Assignment]
    presences: Sequence[Presence]
    revisions: Sequence[RecordRevision]
    next_id: int | None

    @property
    def answers(self) -> dict[str, Any]:
        return dict(self.record.answers)


def whole_record(actor: Actor, record_id: int) -> Whole:
    """A record to be read, with check-ins, earlier wordings and the next one that waits. Six queries."""
    record = load_record(actor, record_id)
    visit = record.visit
    people = db.session.scalars(
        select(Assignment)
        .where(Assignment.visit_id == visit.id)
        .options(joinedload(Assignment.worker).load_only(Worker.name, Worker.birth_date, Worker.kind))
        .order_by(Assignment.id)
    ).all()
    revisions = db.session.scalars(
        select(RecordRevision).where(RecordRevision.record_id == record.id).order_by(RecordRevision.id)
    ).all()
    address = db.session.scalar(
        select(Elder).where(Elder.id == visit.elder_id).options(joinedload(Elder.household))
    )
    following = db.session.scalar(
        select(VisitRecord.id)
        .join(Visit, Visit.id == VisitRecord.visit_id)
        .where(
            VisitRecord.state == RecordState.SUBMITTED,
            VisitRecord.id != record.id,
            in_areas(actor, Permission.RECORD_CONFIRM, Visit.area_id),
        )
        .order_by(VisitRecord.submitted_at, VisitRecord.id)
        .limit(1)
    )
    return Whole(
        record=record,
        household_address=address.household.address if address else "",
        people=people,
        presences=presences_of([visit.id])[visit.id],
        revisions=revisions,
        next_id=following,
    )


# --- what makes a record worth a look --------------------------------------------------------------------


def remarks(record: VisitRecord, presences: Sequence[Presence]) -> list[str]:
    """Why a coordinator reads this record before confirming it; empty for a clean one."""
    found: list[str] = []
    if record.form == rf.NOT_MET_FORM:
        found.append(str(rf.OUTCOMES.get(record.answers.get("outcome"), "")))
    else:
        found += rf.troubles(record.answers)
        needs = rf.needs_words(record.answers)
        if needs:
            found.append(_("需求：%(needs)s", needs=needs))
    if record.entered_by_id is not None:
        found.append(_("纸质记录补登"))
    found += place_remarks(presences, record.worker_id)
    return found


def place_remarks(presences: Sequence[Presence], worker_id: int) -> list[str]:
    """What the check-ins of whoever wrote the record leave open."""
    found = []
    for one in presences:
        if one.worker_id != worker_id:
            continue
        which = _("签到") if one.kind is PresenceKind.ARRIVED else _("签离")
        if one.method is PresenceMethod.WORD:
            found.append(_("%(which)s没有位置", which=which))
        elif one.distance_metres is not None and one.method is PresenceMethod.LOCATION and is_far(one):
            found.append(_("%(which)s离住址%(d)s", which=which, d=i18n.distance(one.distance_metres)))
    return found


def is_far(presence: Presence) -> bool:
    """Surely not at the door, the telephone's accuracy taken off."""
    return (presence.distance_metres or 0) - (presence.accuracy_metres or 0) > NEAR_METRES
