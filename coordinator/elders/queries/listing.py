"""The list of elders: what it can sort, filter and export."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, Select, and_, cast, func, or_, select
from sqlalchemy.orm import defer, joinedload, selectinload

from coordinator.elders.labels import (
    ABILITY_LEVELS,
    CATEGORIES,
    CONSENT_STATES,
    DERIVED_CATEGORIES,
    DISABILITY_GRADES,
    ECONOMIC,
    SEXES,
    STATUSES,
)
from coordinator.elders.lookup import clean_address, id_hash, phone_hash
from coordinator.elders.models import (
    Category,
    Consent,
    ConsentKind,
    ConsentState,
    DisabilityCertificate,
    EconomicStatus,
    Elder,
    ElderCategory,
    ElderStatus,
    FirstVisitingContact,
    Household,
)
from coordinator.elders.queries.facts import without_secrets
from coordinator.elders.rules import ASSESSMENT_MONTHS, WARN_BEFORE
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area
from coordinator.kernel.identity import IdentityError, mask_id, mask_phone, normalise_phone, parse_resident_id
from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec

# A row of the list: the elder, the name of the service contact, the day of the last contact that was made.
ElderRow = tuple[Elder, str | None, date | None]


TABS = ("unasked", "ask_again", "refused", "reverify", "left")


def _current(kind: ConsentKind) -> Any:
    return and_(Consent.elder_id == Elder.id, Consent.kind == kind, Consent.superseded_at.is_(None))


def _severely_disabled(on: date) -> Any:
    return (
        select(DisabilityCertificate.id)
        .where(
            DisabilityCertificate.elder_id == Elder.id,
            DisabilityCertificate.grade <= 2,
            DisabilityCertificate.valid_to.is_(None) | (DisabilityCertificate.valid_to >= on),
        )
        .exists()
    )


def _by_category(statement: Select[Any], value: str) -> Select[Any]:
    if value == "impaired":
        return statement.where(Elder.ability_level >= 1)
    if value == "severely_disabled":
        return statement.where(_severely_disabled(clock.today()))
    recorded = select(ElderCategory.id).where(
        ElderCategory.elder_id == Elder.id,
        ElderCategory.category == Category(value),
        ElderCategory.ended_on.is_(None),
    )
    return statement.where(recorded.exists())


def _by_consent(statement: Select[Any], value: str) -> Select[Any]:
    service = select(Consent.id).where(_current(ConsentKind.SERVICE))
    if value == "unknown":
        return statement.where(~service.exists())
    return statement.where(service.where(Consent.state == value).exists())


def _refuses() -> Any:
    return (
        select(Consent.id)
        .where(_current(ConsentKind.SERVICE), Consent.state == ConsentState.REFUSED)
        .exists()
    )


def _needs_care(statement: Select[Any], value: str) -> Select[Any]:
    """What somebody should look at: papers that run out, contact people who are missing."""
    limit = clock.today() + WARN_BEFORE
    if value == "certificate":
        held = DisabilityCertificate.elder_id == Elder.id
        later = select(DisabilityCertificate.id).where(
            held, DisabilityCertificate.valid_to.is_(None) | (DisabilityCertificate.valid_to > limit)
        )
        return statement.where(select(DisabilityCertificate.id).where(held).exists(), ~later.exists())
    if value == "assessment":
        ends = func.coalesce(
            Elder.ability_valid_to,
            cast(Elder.ability_assessed_on + func.make_interval(0, ASSESSMENT_MONTHS), Date),
        )
        return statement.where(ends <= limit)
    if value == "service_contact":
        contacts, workers = db.metadata.tables["service_contacts"], db.metadata.tables["workers"]
        paired = (
            select(contacts.c.id)
            .join(workers, workers.c.id == contacts.c.worker_id)
            .where(
                contacts.c.elder_id == Elder.id,
                contacts.c.until.is_(None),
                contacts.c.part == "main",
                workers.c.status != "left",
            )
        )
        return statement.where(~paired.exists())
    if value == "first_contact":
        named = select(FirstVisitingContact.id).where(
            FirstVisitingContact.elder_id == Elder.id, FirstVisitingContact.until.is_(None)
        )
        return statement.where(~named.exists())
    kinless = select(ElderCategory.id).where(
        ElderCategory.elder_id == Elder.id,
        ElderCategory.category == Category.KINLESS,
        ElderCategory.ended_on.is_(None),
    )
    return statement.where(
        kinless.exists(),
        Elder.has_livelihood.is_(False),
        Elder.economic_status != EconomicStatus.DESTITUTE,
    )


def _tab(value: str) -> Any:
    active = Elder.status == ElderStatus.ACTIVE
    if value == "reverify":
        return and_(active, Elder.reverify_due_on <= clock.today())
    if value == "unasked":
        return and_(active, ~select(Consent.id).where(_current(ConsentKind.SERVICE)).exists())
    if value == "ask_again":
        due = select(Consent.id).where(
            Consent.elder_id == Elder.id,
            Consent.superseded_at.is_(None),
            Consent.ask_again_on <= clock.today(),
        )
        return and_(active, due.exists())
    if value == "refused":
        return and_(active, _refuses())
    if value == "left":
        # A merged dossier is part of another one and stands in no list.
        return Elder.status.not_in((ElderStatus.ACTIVE, ElderStatus.MERGED))
    return active


def _search(statement: Select[Any], text: str) -> Select[Any]:
    """A name or an address by a part of it; an ID number or a telephone only in full (keyed hash)."""
    conditions = [
        Elder.name.icontains(text, autoescape=True),
        Household.address.icontains(clean_address(text), autoescape=True),
    ]
    with contextlib.suppress(IdentityError):
        conditions.append(
            Elder.id_number_hash == id_hash(parse_resident_id(text, today=clock.today()).number)
        )
    with contextlib.suppress(IdentityError):
        conditions.append(Elder.phone_hash == phone_hash(normalise_phone(text)))
    return statement.where(or_(*conditions))


def category_words(elder: Elder, on: date) -> str:
    """The categories of a loaded elder as words, the derived ones included."""
    words = [str(CATEGORIES[one.category]) for one in elder.categories]
    if elder.ability_level:
        words.append(str(DERIVED_CATEGORIES["impaired"]))
    if any(one.grade <= 2 and (one.valid_to or date.max) >= on for one in elder.certificates):
        words.append(str(DERIVED_CATEGORIES["severely_disabled"]))
    return "、".join(words)


def _certificate_words(elder: Elder) -> str:
    return "、".join(
        f"{DISABILITY_GRADES[one.grade]}" + (f"（{one.valid_to.isoformat()}）" if one.valid_to else "")
        for one in elder.certificates
    )


def _consent_words(elder: Elder) -> str:
    state = next((one.state for one in elder.consents if one.kind == ConsentKind.SERVICE), None)
    return str(CONSENT_STATES[state]) if state else ""


ELDERS = ListingSpec(
    columns=(
        Column("name", _l("长者、联系人"), sort=Elder.name, width=12),
        Column("sex", _l("性别"), value=lambda e: str(SEXES[e.sex]), shown=False, width=6),
        Column("birth_date", _l("出生日期"), shown=False, width=12),
        Column("age", _l("年龄"), value=lambda e: i18n.age(e.birth_date), shown=False, width=6),
        Column(
            "id_number", _l("身份证号"), value=lambda e: mask_id(e.id_number or ""), shown=False, width=20
        ),
        Column("phone", _l("电话"), value=lambda e: mask_phone(e.phone or ""), shown=False, width=14),
        Column("categories", _l("对象"), value=lambda e: category_words(e, clock.today()), width=22),
        Column(
            "address",
            _l("住址"),
            sort=(Area.name, Household.address),
            value=lambda e: e.area.name + e.household.address,
            width=34,
        ),
        Column(
            "ability",
            _l("能力"),
            sort=Elder.ability_level,
            value=lambda e: str(ABILITY_LEVELS[e.ability_level]),
            first_direction="desc",
        ),
        Column("certificate", _l("残疾等级（有效期）"), value=_certificate_words, shown=False, width=20),
        Column("economic", _l("经济情况"), value=lambda e: str(ECONOMIC[e.economic_status]), shown=False),
        Column("consent", _l("意愿"), value=_consent_words),
        Column("enrolled_on", _l("建档日期"), shown=False, width=12),
        Column("reverify_due_on", _l("上次联系、下次核实"), sort=Elder.reverify_due_on, width=12),
        Column("status", _l("状态"), value=lambda e: str(STATUSES[e.status]), shown=False, width=10),
    ),
    tie=Elder.id,
    filters=(
        Filter(
            "tab",
            _l("状态"),
            lambda statement, value: statement.where(_tab(value)),
            choices=tuple((name, "") for name in TABS),
            shown=False,
        ),
        Filter(
            "community",
            _l("社区"),
            lambda statement, value: statement.where(Elder.area_id == int(value)),
            all_label=_l("全部社区"),
        ),
        Filter(
            "category",
            _l("类别"),
            _by_category,
            choices=tuple((str(k), v) for k, v in (CATEGORIES | DERIVED_CATEGORIES).items()),
            all_label=_l("各类老年人"),
        ),
        Filter(
            "ability",
            _l("能力"),
            lambda statement, value: statement.where(Elder.ability_level == int(value)),
            choices=tuple((str(level), text) for level, text in ABILITY_LEVELS.items()),
            all_label=_l("各种能力"),
        ),
        Filter(
            "consent",
            _l("意愿"),
            _by_consent,
            choices=(
                ("accepted", _l("愿意接受")),
                ("remote_only", _l("只接受远程")),
                ("refused", _l("不愿意")),
                ("unknown", _l("没有记录意愿")),
            ),
            all_label=_l("各种意愿"),
        ),
        Filter(
            "care",
            _l("要留意"),
            _needs_care,
            choices=(
                ("certificate", _l("残疾人证快到期或已过期")),
                ("assessment", _l("能力评估该复评")),
                ("service_contact", _l("没有结对联系人，或者联系人离开了")),
                ("first_contact", _l("没有第一探访联系人")),
                ("destitute", _l("可能符合特困供养")),
            ),
            all_label=_l("全部情况"),
        ),
    ),
    default_sort="name",
    search=_search,
)


def _in_scope(actor: Actor, statement: Select[Any]) -> Select[Any]:
    return (
        statement.join(Household, Elder.household_id == Household.id)
        .join(Area, Elder.area_id == Area.id)
        .where(in_areas(actor, Permission.ELDER_READ, Elder.area_id))
    )


def elder_rows(actor: Actor, listing: Listing) -> Select[Any]:
    """Rows of the list (ElderRow), active elders unless a tab says otherwise."""
    # Workers and visits are later features; their tables are named, not imported.
    tables = db.metadata.tables
    contacts, workers, visits = tables["service_contacts"], tables["workers"], tables["visits"]
    contact_name = (
        select(workers.c.name)
        .join(contacts, contacts.c.worker_id == workers.c.id)
        .where(contacts.c.elder_id == Elder.id, contacts.c.until.is_(None), contacts.c.part == "main")
        .scalar_subquery()
    )
    last_contact = (
        select(func.max(visits.c.contact_on))
        .where(visits.c.elder_id == Elder.id, visits.c.contact_outcome == "completed")
        .scalar_subquery()
    )
    statement = _in_scope(
        actor,
        select(Elder, contact_name, last_contact).options(
            joinedload(Elder.household).defer(Household.subsidies), joinedload(Elder.area), *without_secrets()
        ),
    )
    return statement if "tab" in listing.values else statement.where(_tab("active"))


def exported_elders(actor: Actor, listing: Listing) -> Select[Any]:
    """The same elders with all that the export's columns read."""
    statement = _in_scope(
        actor,
        select(Elder).options(
            joinedload(Elder.household),
            joinedload(Elder.area),
            selectinload(Elder.categories),
            selectinload(Elder.certificates),
            selectinload(Elder.consents),
            defer(Elder.medical_history),
            defer(Elder.notes),
        ),
    )
    return statement if "tab" in listing.values else statement.where(_tab("active"))


def tab_counts(actor: Actor, listing: Listing) -> Mapping[str, int]:
    """How many elders each tab holds under the present filters; one query."""
    names = ("active", *TABS)
    statement = _in_scope(
        actor, select(*(func.count().filter(_tab(name)) for name in names)).select_from(Elder)
    )
    counts = db.session.execute(listing.filtered(statement, without=("tab",))).one()
    return dict(zip(names, counts, strict=True))
