"""The merge itself: what is checked before, what is chosen, what is written down; and that two are two people."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update

from coordinator.elders.models import Category, Elder, ElderCategory, ElderStatus
from coordinator.elders.queries import facts_of
from coordinator.elders.queries.snapshot import people_of, snapshot, whole_elders
from coordinator.elders.services import edit_elder, versions
from coordinator.elders.services.checks import touch
from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.register.models import DifferentPeople, Merge
from coordinator.register.queries.doubles import PARTS, VALUE_FIELDS
from coordinator.register.services.merging.parts import move_elsewhere, move_parts
from coordinator.register.services.merging.visits import move_visits
from coordinator.register.services.moving import end_waiting_move

LONGEST_REASON = 200


def merge_dossiers(
    actor: Actor,
    kept: Elder,
    closed: Elder,
    take: Collection[str],
    *,
    kept_version: int,
    closed_version: int,
    reason: str = "",
) -> Merge:
    """Take `closed` into `kept`. `take` names the fields and parts that the closed one gives; all else stays as it
    is in the kept one. Visits with their records and hours, contact people, papers, devices and lists of other
    offices go along; a visit planned twice is called off. Flushes.

    Raises InvalidInput for one dossier with itself, and without a reason for two ID numbers; Conflict when one was
    merged already, when somebody has changed one since it was read, or when the kept one has left.
    """
    demand(actor, Permission.ELDER_EDIT, kept.area.path)
    demand(actor, Permission.ELDER_EDIT, closed.area.path)
    if kept.id == closed.id:
        raise InvalidInput(_("这是同一份档案。"), _("请选两份不同的档案。"), code="same_dossier")
    for elder in sorted((kept, closed), key=lambda one: one.id):
        db.session.refresh(elder, ["status", "version", "area_id"], with_for_update=True)
    _check(kept, closed, kept_version, closed_version, reason)
    wanted = set(take)
    unknown = wanted - set(VALUE_FIELDS) - set(PARTS)
    if unknown:
        raise ValueError(f"no such fields of a dossier: {', '.join(sorted(unknown))}")
    before = _before(closed)
    with versions.change(actor, kept, closed):
        end_waiting_move(actor, closed, _("档案已合并"))
        moved = move_visits(kept, closed)
        number = closed.id_number
        _close(kept, closed)
        moved |= move_parts(kept, closed, wanted)
        _values(actor, kept, closed, wanted, number)
        move_elsewhere(kept, closed)
        touch(kept)
        db.session.flush()
        merge = Merge(
            kept_id=kept.id,
            closed_id=closed.id,
            before=before,
            chosen=dict.fromkeys(sorted(wanted), "closed"),
            moved=moved,
            reason=" ".join(reason.split())[:LONGEST_REASON] or None,
            merged_by_id=actor.user_id,
        )
        db.session.add(merge)
        db.session.flush()
        audit.record(
            actor,
            "elder.merge",
            kept,
            _(
                "%(closed)s的另一份档案（%(area)s）并入这一份，带来 %(n)s 次探访",
                closed=before["person"]["name"],
                area=closed.area.name,
                n=moved["visits"],
            ),
            changes={"merged_from": [None, closed.id], "taken": [None, sorted(wanted)]},
        )
        audit.record(
            actor,
            "elder.merged",
            closed,
            _("这份档案并入%(name)s的另一份（%(area)s）", name=kept.name, area=kept.area.name),
            changes={"status": [before["person"]["status"], "merged"], "merged_into_id": [None, kept.id]},
        )
    for elder in (kept, closed):
        db.session.expire(elder)
    return merge


def say_different(actor: Actor, first: Elder, second: Elder, reason: str) -> DifferentPeople:
    """Two dossiers that look alike are two people; the pair is not proposed again. Flushes."""
    demand(actor, Permission.ELDER_EDIT, first.area.path)
    demand(actor, Permission.ELDER_EDIT, second.area.path)
    text = " ".join(reason.split())
    if len(text) < 2:
        raise InvalidInput(_("请写明怎么知道是两个人。"), field="reason")
    one, two = sorted((first.id, second.id))
    held = db.session.get(DifferentPeople, (one, two))
    if held is not None or one == two:
        raise Conflict(_("这两份档案已经有结论了。"), _("请刷新页面。"), code="decided")
    said = DifferentPeople(
        first_id=one, second_id=two, reason=text[:LONGEST_REASON], decided_by_id=actor.user_id
    )
    db.session.add(said)
    audit.record(
        actor,
        "elder.different",
        first,
        _("和%(name)s（%(area)s）不是同一个人", name=second.name, area=second.area.name),
        changes={"elders": [None, [one, two]]},
    )
    db.session.flush()
    return said


def _check(kept: Elder, closed: Elder, kept_version: int, closed_version: int, reason: str) -> None:
    if ElderStatus.MERGED in (kept.status, closed.status):
        raise Conflict(_("其中一份已经并入别的档案。"), _("请刷新页面看最新的情况。"), code="already_merged")
    if (kept.version, closed.version) != (kept_version, closed_version):
        raise Conflict(_("您打开以后，其中一份档案被人改过。"), _("请再对照一次，然后决定。"), code="stale")
    if kept.status is not ElderStatus.ACTIVE and closed.status is ElderStatus.ACTIVE:
        raise Conflict(_("保留的那一份已经不在册。"), _("请保留在册的一份。"), code="kept_has_left")
    two_numbers = kept.id_number_hash and closed.id_number_hash
    if two_numbers and len(" ".join(reason.split())) < 2:
        raise InvalidInput(
            _("两份档案的身份证号不一样，一般是两个人。"),
            _("确实是同一个人的，请写明是怎么核对的。"),
            code="two_numbers",
            field="reason",
        )


def _before(closed: Elder) -> dict[str, Any]:
    """The closed dossier as it stood; encrypted where it is kept."""
    (whole,) = whole_elders([closed.id])
    at_home = people_of([whole])[whole.household_id]
    found: dict[str, Any] = snapshot(whole, facts_of([whole])[whole.id], at_home)
    return found


def _close(kept: Elder, closed: Elder) -> None:
    """The closed one leads to the kept one. An ID number stands in one dossier; a time of enrolment that is empty
    owes nothing and counts nowhere."""
    db.session.execute(
        update(Elder)
        .where(Elder.merged_into_id == closed.id)
        .values(merged_into_id=kept.id)
        .execution_options(synchronize_session=False)
    )
    closed.status = ElderStatus.MERGED
    closed.merged_into_id = kept.id
    closed.left_on = closed.enrolled_on
    closed.id_number = closed.id_number_hash = None
    db.session.flush()


def _values(actor: Actor, kept: Elder, closed: Elder, take: set[str], number: str | None) -> None:
    """The chosen single values, through the same door as any other change of a dossier."""
    person = {key: getattr(closed, key) for key in VALUE_FIELDS if key in take and key != "id_number"}
    if "id_number" in take:
        person["id_number"] = number
    categories: dict[Category, str | None] | None = None
    if "categories" in take:
        rows = db.session.scalars(
            select(ElderCategory).where(ElderCategory.elder_id == closed.id, ElderCategory.ended_on.is_(None))
        ).all()
        categories = {row.category: row.evidence for row in rows}
    db.session.expire(kept)
    edit_elder(actor, kept, version=kept.version, person=person or None, categories=categories)
    if "home" in take:
        kept.household_id = closed.household_id
        kept.area_id = closed.area_id
        db.session.flush()
        db.session.expire(kept)
