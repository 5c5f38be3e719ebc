"""The worker's own data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from coordinator.accounts.models import Organisation, OrganisationKind
from coordinator.accounts.services import end_sessions
from coordinator.elders.lookup import id_hash, phone_hash
from coordinator.elders.services import note_look
from coordinator.extensions import db
from coordinator.kernel import audit, clock, geo
from coordinator.kernel.access import Actor, Permission, covers, demand
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.kernel.identity import IdentityError, clean_name, normalise_phone, parse_resident_id
from coordinator.policy import age_on
from coordinator.workforce.access import keeps_roster
from coordinator.workforce.fitness import YOUNGEST_AGE
from coordinator.workforce.models import Worker, WorkerKind

WORKER_FIELDS = frozenset(
    {
        *("kind", "name", "sex", "birth_date", "id_number", "phone", "volunteer_number", "student_class"),
        "school_named",
        *("student_number", "travel_mode", "start_address", "start_latitude", "start_longitude"),
        *("end_latitude", "end_longitude", "service_radius_metres", "max_visits_day", "max_visits_week"),
        *("max_visits_month", "max_hours_week", "dialects", "notes"),
    }
)
SECRET_FIELDS = frozenset({"id_number", "phone"})
_LOOKED_AT = {
    "id_number": _l("身份证号"),
    "phone": _l("电话"),
    "guardian": _l("监护人电话"),
    "credential": _l("证件编号"),
}


def create_worker(
    actor: Actor,
    area: Area,
    values: Mapping[str, Any],
    *,
    organisation: Organisation | None = None,
    permission: Permission = Permission.WORKER_EDIT,
) -> Worker:
    """Enter a worker who applies (WORKER_FIELDS), serving a street or a community. Nobody is approved by being
    entered. Birth date and sex follow from the ID number when they are not given. Flushes.

    Raises InvalidInput with the field, Conflict when the ID or volunteer number is already there.
    """
    demand(actor, permission, area.path)
    worker = enter_worker(actor, area, values, organisation)
    audit.record(
        actor, "worker.create", worker, _("登记人员%(name)s（%(area)s）", name=worker.name, area=area.name)
    )
    db.session.flush()
    return worker


def enter_worker(
    actor: Actor, area: Area, values: Mapping[str, Any], organisation: Organisation | None
) -> Worker:
    """The checks and the row of `create_worker`, without its permission and its audit line. Flushes."""
    if area.level not in (AreaLevel.STREET, AreaLevel.COMMUNITY):
        raise InvalidInput(_("请选街道或社区。"), field="area_id")
    checked = _checked(actor, values, None, organisation)
    for field, label in (
        ("name", _("姓名")),
        ("sex", _("性别")),
        ("birth_date", _("出生日期")),
        ("kind", _("类别")),
        ("start_latitude", _("出发的地方")),
    ):
        if checked.get(field) in (None, ""):
            raise InvalidInput(_("请填%(what)s。", what=label), field=field)
    worker = Worker(area=area, organisation=organisation, **checked)
    db.session.add(worker)
    _flush()
    return worker


def edit_worker(
    actor: Actor,
    worker: Worker,
    values: Mapping[str, Any],
    *,
    area: Area | None = None,
    organisation: Organisation | None = None,
    keep_organisation: bool = True,
    permission: Permission = Permission.WORKER_EDIT,
) -> Worker:
    """Change the worker's data; what is not given stays. Flushes. Raises as on creation.

    Who manages the worker's organisation may do so too; their doors (`rosters.STILL_OPEN`) let less through.
    """
    if not keeps_roster(actor, worker):
        demand(actor, permission, worker.area.path)
    if area is not None and area.id != worker.area_id:
        demand(actor, permission, area.path)
        if area.level not in (AreaLevel.STREET, AreaLevel.COMMUNITY):
            raise InvalidInput(_("请选街道或社区。"), field="area_id")
    school = worker.organisation if keep_organisation else organisation
    changes = change_fields(actor, worker, values, school)
    if area is not None and area.id != worker.area_id:
        changes["area"] = [worker.area.name, area.name]
        worker.area = area
    if not keep_organisation and worker.organisation_id != (organisation.id if organisation else None):
        changes["organisation"] = [
            worker.organisation.name if worker.organisation else None,
            organisation.name if organisation else None,
        ]
        worker.organisation = organisation
        if organisation is not None:
            worker.school_named = None
    db.session.flush()
    if "phone" in changes and worker.user is not None:
        # The telephone is the way in: whoever holds the old one is signed out.
        end_sessions(worker.user, "phone_changed")
    if changes:
        audit.record(actor, "worker.edit", worker, _("修改%(name)s的资料", name=worker.name), changes=changes)
        db.session.flush()
    return worker


def change_fields(
    actor: Actor, worker: Worker, values: Mapping[str, Any], organisation: Organisation | None
) -> dict[str, Any]:
    """The checks and the writing of `edit_worker`, without its permission and its audit line; what was changed, for
    that line. Flushes.
    """
    changes: dict[str, Any] = {}
    for field, value in _checked(actor, values, worker, organisation).items():
        old = getattr(worker, field)
        if old == value:
            continue
        setattr(worker, field, value)
        if not field.endswith("_hash"):
            changes[field] = ["***", "***"] if field in SECRET_FIELDS else [_plain(old), _plain(value)]
    _flush()
    return changes


def reveal(actor: Actor, worker: Worker, field: str) -> str:
    """The full value of id_number, phone, guardian-<id> or credential-<id>; recorded and limited like an elder's.

    Raises NotFound when there is no such field or it is empty, TooMany after fifty in a day.
    """
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    name, _dash, key = field.partition("-")
    value: str | None = None
    if field in ("id_number", "phone"):
        value = worker.id_number if field == "id_number" else worker.phone
    elif name == "guardian":
        value = next((one.phone for one in worker.guardians if str(one.id) == key), None)
    elif name == "credential":
        value = next((one.number for one in worker.credentials if str(one.id) == key), None)
    if value is None:
        raise NotFound(_("这一项没有填。"))
    note_look(actor, worker, "worker.reveal", field, str(_LOOKED_AT[name]))
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    return value if value is None or isinstance(value, (bool, int, float, str, list)) else str(value)


def _checked(
    actor: Actor, values: Mapping[str, Any], worker: Worker | None, organisation: Organisation | None
) -> dict[str, Any]:
    unknown = set(values) - WORKER_FIELDS
    if unknown:
        raise ValueError(f"no such fields of a worker: {', '.join(sorted(unknown))}")
    checked = dict(values)
    _check_identity(checked, worker)
    if checked.get("id_number_hash"):
        _refuse_double(actor, checked["id_number_hash"], worker)
    born = checked.get("birth_date") or (worker.birth_date if worker else None)
    if born is not None and age_on(born, clock.today()) < YOUNGEST_AGE:
        raise InvalidInput(
            _("不满 10 岁，还不能做学生志愿者。"),
            _("请满 10 岁、监护人同意后再登记。"),
            code="too_young",
            field="birth_date",
        )
    kind = checked.get("kind") or (worker.kind if worker else None)
    school = organisation is not None and organisation.kind == OrganisationKind.SCHOOL
    named = checked.get("school_named") or (worker.school_named if worker else None)
    if kind == WorkerKind.STUDENT and not school and not (organisation is None and named):
        raise InvalidInput(
            _("在校学生要选所在学校。"), code="student_without_school", field="organisation_id"
        )
    latitude, longitude = checked.get("start_latitude"), checked.get("start_longitude")
    if latitude is not None and longitude is not None:
        problem = geo.plausible(latitude, longitude)
        if problem is not None:
            raise InvalidInput(str(geo.PLACE_MESSAGES[problem]), code=problem, field="start_latitude")
    for low, high, field in (
        ("max_visits_day", "max_visits_week", "max_visits_week"),
        ("max_visits_week", "max_visits_month", "max_visits_month"),
    ):
        least = checked.get(low) or (getattr(worker, low) if worker else None)
        most = checked.get(high) or (getattr(worker, high) if worker else None)
        if least is not None and most is not None and least > most:
            raise InvalidInput(_("不能少于前面一格。"), field=field)
    if "volunteer_number" in checked:
        checked["volunteer_number"] = (checked["volunteer_number"] or "").strip() or None
    return checked


def _check_identity(checked: dict[str, Any], worker: Worker | None) -> None:
    try:
        if "name" in checked:
            checked["name"] = clean_name(checked["name"])
    except IdentityError as problem:
        raise InvalidInput(problem.message, code=problem.code, field="name") from None
    if "phone" in checked:
        try:
            checked["phone"] = normalise_phone(checked["phone"]) if checked["phone"] else None
        except IdentityError as problem:
            raise InvalidInput(problem.message, code=problem.code, field="phone") from None
        checked["phone_hash"] = phone_hash(checked["phone"])
    if checked.get("id_number"):
        try:
            identity = parse_resident_id(checked["id_number"], today=clock.today())
        except IdentityError as problem:
            raise InvalidInput(problem.message, code=problem.code, field="id_number") from None
        checked["id_number"] = identity.number
        checked["id_number_hash"] = id_hash(identity.number)
        if worker is None:
            checked["birth_date"] = checked.get("birth_date") or identity.birth_date
            checked["sex"] = checked.get("sex") or identity.sex.value
        born = checked.get("birth_date") or (worker.birth_date if worker else None)
        # A minor's age decides what the minor may do: it may not differ from the certificate.
        if born != identity.birth_date:
            raise InvalidInput(
                _("和身份证号里的出生日期 %(day)s 对不上。", day=identity.birth_date),
                _("请对照证件再看一遍。"),
                code="birth_date_differs",
                field="birth_date",
            )
    elif "id_number" in checked:
        checked["id_number"], checked["id_number_hash"] = None, None
    born = checked.get("birth_date")
    if born is not None and born > clock.today():
        raise InvalidInput(_("这个出生日期不可能。"), field="birth_date")


def _refuse_double(actor: Actor, wanted: bytes, worker: Worker | None) -> None:
    other = db.session.scalars(
        select(Worker).where(Worker.id_number_hash == wanted, Worker.id != (worker.id if worker else 0))
    ).first()
    if other is not None:
        where = (
            _("%(name)s，%(area)s", name=other.name, area=other.area.name)
            if covers(actor, Permission.WORKER_READ, other.area.path)
            else _("在别的街道")
        )
        raise Conflict(
            _("这个身份证号已经登记（%(where)s）。", where=where), code="id_number_taken", field="id_number"
        )


def _flush() -> None:
    try:
        with db.session.begin_nested():
            db.session.flush()
    except IntegrityError as problem:
        cause = str(problem.orig)
        if "uq_workers_id_number_hash" in cause:
            raise Conflict(
                _("这个身份证号刚刚被别人登记。"), code="id_number_taken", field="id_number"
            ) from None
        if "uq_workers_volunteer_number" in cause:
            raise Conflict(
                _("这个志愿者编号已经有人用了。"), code="volunteer_number_taken", field="volunteer_number"
            ) from None
        raise
