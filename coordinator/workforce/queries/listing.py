"""The lists of workers: a coordinator's, an organisation's own roster, a school's own students."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.accounts.models import Organisation
from coordinator.elders.labels import SEXES
from coordinator.elders.lookup import id_hash, phone_hash
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area
from coordinator.kernel.identity import IdentityError, mask_phone, normalise_phone, parse_resident_id
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec
from coordinator.workforce.fitness import DUTY_CREDENTIALS, EXPIRES_SOON, duty_words
from coordinator.workforce.labels import KINDS, STATUSES, TRAVEL_MODES, week_words
from coordinator.workforce.models import Credential, ServiceContact, Worker, WorkerKind, WorkerStatus


def _search(statement: Select[Any], text: str) -> Select[Any]:
    """A name or a student number by a part of it; an ID number, telephone or volunteer number only in full."""
    conditions = [
        Worker.name.icontains(text, autoescape=True),
        Worker.student_number.icontains(text, autoescape=True),
        Worker.volunteer_number == text,
    ]
    for column, hashed in (
        (Worker.id_number_hash, _hash_of(text, number=True)),
        (Worker.phone_hash, _hash_of(text, number=False)),
    ):
        if hashed is not None:
            conditions.append(column == hashed)
    return statement.where(or_(*conditions))


def _hash_of(text: str, *, number: bool) -> bytes | None:
    try:
        if number:
            return id_hash(parse_resident_id(text, today=clock.today()).number)
        return phone_hash(normalise_phone(text))
    except IdentityError:
        return None


def _holds_all(days_ahead: timedelta = timedelta(0)) -> Any:
    """Every duty credential valid today and for so long."""
    today = clock.today()
    last = today + days_ahead
    return and_(
        *(
            select(Credential.id)
            .where(
                Credential.worker_id == Worker.id,
                Credential.kind == kind,
                Credential.stands,
                Credential.valid_from <= today,
                Credential.valid_to.is_(None) | (Credential.valid_to >= last),
            )
            .exists()
            for kind in DUTY_CREDENTIALS
        )
    )


def ends_soon() -> Any:
    """SQL condition: everything is valid today, and something ends within thirty days."""
    return and_(_holds_all(), ~_holds_all(EXPIRES_SOON))


def _tab(value: str) -> Any:
    if value == "incomplete":
        return and_(Worker.status == WorkerStatus.APPROVED, ~_holds_all())
    return Worker.status == value


def pair_count() -> Any:
    """How many elders a worker is paired with, in whichever part (scalar subquery)."""
    return (
        select(func.count())
        .select_from(ServiceContact)
        .where(ServiceContact.worker_id == Worker.id, ServiceContact.until.is_(None))
        .scalar_subquery()
    )


_COLUMNS = (
    Column("name", _l("人员"), sort=Worker.name, value=lambda r: r[0].name, width=12),
    Column("sex", _l("性别"), value=lambda r: str(SEXES[r[0].sex]), shown=False, width=6),
    Column("age", _l("年龄"), value=lambda r: i18n.age(r[0].birth_date), shown=False, width=6),
    Column("kind", _l("类别、单位"), sort=Worker.kind, value=lambda r: str(KINDS[r[0].kind]), width=18),
    Column(
        "organisation",
        _l("单位"),
        value=lambda r: r[0].organisation.name if r[0].organisation else "",
        shown=False,
        width=24,
    ),
    Column("phone", _l("电话"), value=lambda r: mask_phone(r[0].phone or ""), shown=False),
    Column("status", _l("审核"), sort=Worker.status, value=lambda r: str(STATUSES[r[0].status]), width=10),
    Column("duty", _l("资质"), value=lambda r: duty_words(r[0]), width=24),
    Column("times", _l("可以来的时间"), value=lambda r: week_words(r[0].availability), width=26),
    Column(
        "travel",
        _l("出行、半径"),
        sort=Worker.service_radius_metres,
        value=lambda r: f"{TRAVEL_MODES[r[0].travel_mode]}，{i18n.distance(r[0].service_radius_metres)}",
        width=16,
    ),
    Column("area", _l("服务范围"), sort=Area.name, value=lambda r: r[0].area.name, shown=False),
    Column(
        "pairs", _l("结对"), sort=pair_count(), value=lambda r: r[1], numeric=True, first_direction="desc"
    ),
    Column(
        "volunteer_number", _l("志愿者编号"), value=lambda r: r[0].volunteer_number, shown=False, width=20
    ),
)

WORKERS = ListingSpec(
    columns=_COLUMNS,
    tie=Worker.id,
    filters=(
        Filter(
            "tab",
            _l("状态"),
            lambda statement, value: statement.where(_tab(value)),
            choices=(("applied", ""), ("incomplete", ""), ("suspended", ""), ("left", "")),
            shown=False,
        ),
        Filter(
            "area",
            _l("范围"),
            lambda statement, value: statement.where(Worker.area_id == int(value)),
            all_label=_l("全部范围"),
        ),
        Filter(
            "kind",
            _l("类别"),
            lambda statement, value: statement.where(Worker.kind == value),
            choices=tuple((str(key), text) for key, text in KINDS.items()),
            all_label=_l("各类人员"),
        ),
        Filter(
            "weekday",
            _l("哪天能来"),
            lambda statement, value: statement.where(Worker.availability.any(weekday=int(value))),
            choices=tuple((str(n), day) for n, day in enumerate(i18n.WEEKDAYS)),
            all_label=_l("哪天都行"),
        ),
    ),
    default_sort="name",
    search=_search,
)

_OWN_STATUS = Filter(
    "status",
    _l("审核"),
    lambda statement, value: statement.where(Worker.status == value),
    choices=tuple((str(key), text) for key, text in STATUSES.items()),
    all_label=_l("在册的"),
)
_ENDING = Filter(
    "duty",
    _l("资质"),
    lambda statement, value: statement.where(~_holds_all() if value == "missing" else ends_soon()),
    choices=(("soon", _l("30 天内到期")), ("missing", _l("不齐或已过期"))),
    all_label=_l("资质都看"),
)
ROSTER = ListingSpec(
    columns=(
        *(
            replace(c, label=_l("类别")) if c.key == "kind" else c
            for c in _COLUMNS
            if c.key in ("name", "sex", "age", "kind", "phone", "status", "duty", "times")
        ),
        Column("act", _l("操作"), exported=False),
    ),
    tie=Worker.id,
    filters=(_OWN_STATUS, _ENDING),
    default_sort="name",
    search=_search,
)
STUDENTS = ListingSpec(
    columns=(
        Column("name", _l("学生"), sort=Worker.name, value=lambda r: r[0].name, width=12),
        Column("age", _l("年龄"), value=lambda r: i18n.age(r[0].birth_date), shown=False, width=6),
        Column(
            "student_class",
            _l("班级、学号"),
            sort=(Worker.student_class, Worker.student_number),
            value=lambda r: r[0].student_class,
            width=18,
        ),
        Column("student_number", _l("学号"), value=lambda r: r[0].student_number, shown=False, width=16),
        Column(
            "status", _l("审核"), sort=Worker.status, value=lambda r: str(STATUSES[r[0].status]), width=10
        ),
        Column("duty", _l("资质"), value=lambda r: duty_words(r[0]), width=24),
        Column("guardian", _l("监护人同意"), exported=False),
        Column("act", _l("操作"), exported=False),
    ),
    tie=Worker.id,
    filters=(_OWN_STATUS, _ENDING),
    default_sort="student_class",
    search=_search,
)


def _row_options() -> tuple[Any, ...]:
    return (
        joinedload(Worker.area),
        joinedload(Worker.organisation),
        selectinload(Worker.credentials),
        selectinload(Worker.guardians),
        selectinload(Worker.availability),
    )


def _in_scope(actor: Actor, statement: Select[Any]) -> Select[Any]:
    return statement.join(Area, Worker.area_id == Area.id).where(
        in_areas(actor, Permission.WORKER_READ, Worker.area_id)
    )


def worker_rows(actor: Actor, listing: Listing) -> Select[Any]:
    """(worker, number of pairs) of the actor's areas, approved ones unless a tab says otherwise."""
    statement = _in_scope(actor, select(Worker, pair_count()).options(*_row_options()))
    return statement if "tab" in listing.values else statement.where(_tab("approved"))


def tab_counts(actor: Actor, listing: Listing) -> Mapping[str, int]:
    """How many workers each tab holds under the present filters; one query."""
    names = ("approved", "applied", "incomplete", "suspended", "left")
    columns = [func.count().filter(_tab(name)) for name in names]
    statement: Select[Any] = _in_scope(actor, select(*columns).select_from(Worker))
    counts = db.session.execute(listing.filtered(statement, without=("tab",))).one()
    return dict(zip(names, counts, strict=True))


def organisation_workers(actor: Actor, permission: Permission, *, left: bool = True) -> Select[Any]:
    """(worker, number of pairs) of the organisations the actor manages or verifies for; a school sees students.
    Without `left`, only those who are still there.
    """
    statement = (
        select(Worker, pair_count())
        .join(Area, Worker.area_id == Area.id)
        .join(Organisation, Worker.organisation_id == Organisation.id)
        .where(Worker.organisation_id.in_(actor.organisation_ids(permission)))
        .options(*_row_options())
    )
    if not left:
        statement = statement.where(Worker.status != WorkerStatus.LEFT)
    if permission is Permission.STUDENT_READ:
        statement = statement.where(Worker.kind == WorkerKind.STUDENT)
    return statement
