"""The call lists on paper; what was printed with whose name on it is written down."""

from __future__ import annotations

from collections.abc import Collection

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import load_only

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n, identity
from coordinator.kernel.access import Actor, Permission, covers, demand
from coordinator.kernel.errors import Conflict
from coordinator.kernel.printing import print_paper
from coordinator.planning.labels import month_name
from coordinator.planning.models import Plan, PlanState
from coordinator.planning.papers import CallLine, CallLists, CallPerson
from coordinator.planning.queries.calls import CallRow, calls_of
from coordinator.planning.services.sheets import Printed


def print_calls(actor: Actor, plan: Plan, worker_id: int | None = None) -> Printed:
    """Everybody's list, or one person's. Full numbers only for those who may open them, as for other call lists.

    Raises Conflict when nobody has a call.
    """
    demand(actor, Permission.SHEET_PRINT, plan.area.path)
    people = [one for one in calls_of(plan).people if worker_id in (None, one.worker.id)]
    rows = [row for one in people for row in one.rows]
    if not rows:
        raise Conflict(_("没有可以打印的名单。"), _("请先分配电话。"), code="nothing_to_print")
    full = covers(actor, Permission.ELDER_REVEAL, plan.area.path)
    phones = _phones({row.call.elder_id for row in rows})
    paper = CallLists(
        month=month_name(plan.month),
        place=plan.area.name,
        printed_by=actor.name,
        printed_on=clock.today(),
        full=full,
        draft=plan.state is not PlanState.APPROVED,
        people=tuple(
            CallPerson(
                name=one.worker.name,
                days=tuple(
                    (i18n.day(day, weekday=True), tuple(_line(row, phones, full=full) for row in rows))
                    for day, rows in one.days
                ),
            )
            for one in people
        ),
    )
    audit.record(
        actor,
        "calls.print",
        plan,
        _("打印%(month)s的打电话名单，%(n)s 人", month=paper.month, n=len(people)),
        changes={"elders": [None, sorted(phones)], "full": [None, full]},
    )
    db.session.flush()
    return Printed(print_paper(paper), f"{paper.title}.pdf", len(people))


def _phones(ids: Collection[int]) -> dict[int, str | None]:
    rows = db.session.scalars(select(Elder).where(Elder.id.in_(ids)).options(load_only(Elder.phone)))
    return {one.id: one.phone for one in rows}


def _line(row: CallRow, phones: dict[int, str | None], *, full: bool) -> CallLine:
    call, phone = row.call, phones.get(row.call.elder_id)
    shown = (identity.format_phone(phone) if full else identity.mask_phone(phone)) if phone else ""
    return CallLine(
        time=i18n.hour(call.start_seconds or 0),
        name=call.elder.name,
        place=call.elder.area.name,
        phone=shown or "没有登记电话",
        label=call.label,
        until=i18n.day(call.period_to),
        done=row.met_on is not None,
    )
