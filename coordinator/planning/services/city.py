"""Drafts of a month for many streets at once: ordering, trying one again, stopping, telling. Approval stays with
each street.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import func, select, update

from coordinator.accounts.models import RoleGrant, User
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, Role, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.messages.services import notify
from coordinator.planning.labels import month_name
from coordinator.planning.models import Plan, PlanBatch, PlanState
from coordinator.planning.queries.city import (
    BESIDE_SECONDS,
    ORDERED_LEVELS,
    batch_view,
    street_choices,
    workers_now,
)
from coordinator.planning.services.runs import SHORTEST, owe_plan
from coordinator.planning.translate import horizon

WHOLE_SECONDS = 300
"""All streets together should be done in about this time."""
MOST_SECONDS = 60


def seconds_each(streets: int, workers: int) -> int:
    """Search time of a street so that all of them are done in about WHOLE_SECONDS."""
    each = WHOLE_SECONDS * workers // max(1, streets) - BESIDE_SECONDS
    return max(SHORTEST, min(MOST_SECONDS, each))


def whole_seconds(streets: int, workers: int, seconds: int) -> int:
    """How long an order will take about."""
    return -(-streets // workers) * (seconds + BESIDE_SECONDS)


def order_plans(
    actor: Actor, area: Area, month: date, street_ids: Collection[int], *, seconds: int | None = None
) -> PlanBatch:
    """Owe a draft of the month for each of these streets of a county or city.

    `seconds` is the search time of a street; None chooses it so that the whole is done soon. Streets with an
    approved plan or one that is being computed are left out. Raises InvalidInput for a month that is over or when
    no street is chosen, Conflict when every chosen one is left out.
    """
    demand(actor, Permission.PLAN_ORDER, area.path)
    if area.level not in ORDERED_LEVELS:
        raise InvalidInput(_("请先选一个区县或市。"), field="area")
    month = month.replace(day=1)
    if horizon(month, clock.today()) is None:
        raise InvalidInput(
            _("%(month)s已经没有可以排的日子。", month=month_name(month)), _("请选下个月。"), field="month"
        )
    chosen = [one for one in street_choices(area, month) if one.area.id in set(street_ids)]
    if not chosen:
        raise InvalidInput(_("还没有选街道。"), _("请至少勾选一个街道。"), field="streets")
    free = [one.area for one in chosen if not one.closed]
    seconds = seconds_each(len(free), workers_now()) if seconds is None else seconds
    batch = PlanBatch(area_id=area.id, area=area, month=month, seconds=seconds, created_by_id=actor.user_id)
    db.session.add(batch)
    db.session.flush()
    made = 0
    for street in free:
        try:
            owe_plan(actor, street, month, seconds=seconds, batch=batch)
        except Conflict:
            continue  # the street has begun one itself in this moment
        made += 1
    if not made:
        raise Conflict(
            _("选的街道都已经有批准的计划，或者正在计算。"),
            _("等算完再看；要改已经批准的，请和街道说。"),
            code="nothing_to_order",
        )
    text = _("一起计算%(month)s计划，%(n)s 个街道", month=month_name(month), n=made)
    audit.record(actor, "plan_batch.order", batch, text)
    db.session.flush()
    return batch


def retry_street(actor: Actor, batch: PlanBatch, area_id: int) -> Plan:
    """Owe the plan of one street anew that failed or was stopped before it began. Raises Conflict otherwise."""
    demand(actor, Permission.PLAN_ORDER, batch.area.path)
    line = next((line for line in batch_view(batch).lines if line.area_id == area_id), None)
    if line is None:
        raise InvalidInput(_("这次计算里没有这个街道。"), _("请刷新页面再选。"), field="area")
    if not line.again:
        raise Conflict(_("这个街道不用再试。"), _("请刷新页面看最新的情况。"), code="not_failed")
    return owe_plan(actor, db.session.get_one(Area, area_id), batch.month, seconds=batch.seconds, batch=batch)


def stop_batch(actor: Actor, batch: PlanBatch) -> None:
    """Stop all: streets that wait are not computed, those under way keep their best plan as a draft."""
    demand(actor, Permission.PLAN_ORDER, batch.area.path)
    now = clock.now()
    own = Plan.batch_id == batch.id
    waiting = db.session.scalars(
        update(Plan)
        .where(own, Plan.state == PlanState.QUEUED)
        .values(state=PlanState.DISCARDED, finished_at=now, started_at=None)
        .returning(Plan.id)
        .execution_options(synchronize_session=False)
    ).all()
    running = db.session.scalars(
        update(Plan)
        .where(own, Plan.state == PlanState.SOLVING)
        .values(
            stop_requested_at=func.coalesce(Plan.stop_requested_at, now),
            stop_requested_by_id=func.coalesce(Plan.stop_requested_by_id, actor.user_id),
        )
        .returning(Plan.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not waiting and not running:
        raise Conflict(_("都已经算完了。"), _("请刷新页面看结果。"), code="not_running")
    batch.stopped_at, batch.stopped_by_id = now, actor.user_id
    db.session.expire_all()
    text = _("停下%(month)s计划的计算，%(n)s 个街道没有算", month=month_name(batch.month), n=len(waiting))
    audit.record(actor, "plan_batch.stop", batch, text)
    db.session.flush()


def tell_of_batch(plan: Plan) -> None:
    """After a street's run has ended: its coordinators hear of the draft, and with the last street whoever ordered.

    Call it in the transaction that ends the run, after its state is flushed: the order's row is locked, so that
    of two streets that end together one sees the other.
    """
    batch = db.session.scalar(select(PlanBatch).where(PlanBatch.id == plan.batch_id).with_for_update())
    assert batch is not None, "the plan belongs to an order"
    name = month_name(plan.month)
    if plan.state is PlanState.READY:
        notify(
            _coordinators(plan.area_id),
            _("%(month)s计划有一份草案等您看", month=name),
            _(
                "%(area)s替各街道一起算的。看过、改过，由您批准；不合适可以作废，自己再算。",
                area=batch.area.name,
            ),
            f"/planning/plans/{plan.id}",
            dedupe_key=f"plan-ready:{plan.id}",
        )
    states = db.session.execute(
        select(Plan.state, func.count(), func.max(Plan.id))
        .where(Plan.id.in_(select(func.max(Plan.id)).where(Plan.batch_id == batch.id).group_by(Plan.area_id)))
        .group_by(Plan.state)
    ).all()
    counts = {state: n for state, n, _last in states}
    if counts.keys() & {PlanState.QUEUED, PlanState.SOLVING} or batch.created_by_id is None:
        return
    failed = counts.get(PlanState.FAILED, 0)
    body = _("%(n)s 个街道的草案好了，由各街道看过再批准。", n=sum(counts.values()) - failed)
    if failed:
        body += _("%(n)s 个街道没有算成，打开看原因，可以单独再试。", n=failed)
    notify(
        [batch.created_by_id],
        _("各街道的%(month)s计划算完了", month=name),
        body,
        f"/planning/batches/{batch.id}",
        # With a street tried again the order ends once more.
        dedupe_key=f"plan-batch:{batch.id}:{max(last for _state, _n, last in states)}",
    )


def _coordinators(area_id: int) -> list[int]:
    return list(
        db.session.scalars(
            select(User.id)
            .join(RoleGrant, RoleGrant.user_id == User.id)
            .where(
                RoleGrant.role == Role.STREET_COORDINATOR,
                RoleGrant.area_id == area_id,
                RoleGrant.revoked_at.is_(None),
                User.is_active,
            )
        )
    )
