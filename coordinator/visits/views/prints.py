"""Lists on paper: whom to call, and whom to visit. Telephones are given in full because the field needs them, so
each sheet says until when it is valid and the audit trail says who printed it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload
from werkzeug.wrappers import Response

from coordinator.elders.labels import SEXES
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, current_actor, in_areas, requires
from coordinator.kernel.errors import InvalidInput, NotFound
from coordinator.policy import Mode
from coordinator.visits.queries.due_list import OPEN_STATUSES, STATUSES, DueItem, order_items
from coordinator.visits.queries.explain import modes_in_words
from coordinator.visits.views.blueprint import bp, link_to
from coordinator.visits.views.due_selected import STATUS_WORDS, Selected, select_items
from coordinator.visits.views.panel import fact_of

MOST_ELDERS = 400
# Obligations looked through for them: an elder has several, and not each belongs on the paper.
MOST_ITEMS = 4000
VALID_DAYS = 7
KINDS = ("phone", "home")


@bp.get("/due/print/<kind>")
@requires(Permission.SHEET_PRINT)
def print_list(kind: str) -> str:
    """The telephone list or the list for visits at home, of all that the address narrows to."""
    return _paper(kind, current_actor(), select_items(current_actor()), None)


@bp.post("/due/print/<kind>")
@requires(Permission.SHEET_PRINT)
def print_selected(kind: str) -> str:
    """The same for the selected rows, or for all of the list after the second step."""
    return _paper(kind, current_actor(), select_items(current_actor()), chosen_keys())


def chosen_keys() -> set[str] | None:
    """The keys of the ticked rows; None means all of the list."""
    return None if request.form.get("all") == "1" else set(request.form.getlist("id"))


@bp.post("/due/plan")
@requires(Permission.PLAN_EDIT)
def plan_selected() -> Response:
    """Go on to the month's plan with the chosen elders in mind."""
    keys = chosen_keys()
    elders = sorted({key.split(":")[0] for key in keys}) if keys else []
    month = clock.today().strftime("%Y-%m")
    target = link_to("planning.index", month=month, elders=",".join(elders[:MOST_ELDERS]) or None)
    if not target:
        flash(_("规划功能还没有开通，请联系管理员。"), "warn")
    return redirect(target or url_for("visits.due"), 303)


def _paper(kind: str, actor: Actor, selected: Selected, keys: set[str] | None) -> str:
    if kind not in KINDS:
        raise NotFound(_("没有这种名单。"), _("请从应访清单进入。"))
    items = _chosen(selected, keys)
    if kind == "home":
        # A festival that is over cannot be made good; a visit that was missed is still a reason to go.
        items = [
            item
            for item in items
            if Mode.HOME in item.obligation.modes
            and item.status != "blocked"
            and (item.home_only or item.status != "overdue")
        ]
    items = [item for item in items if item.status in OPEN_STATUSES]
    by_elder: dict[int, list[DueItem]] = defaultdict(list)
    for item in order_items(items, selected.scope.areas, "place"):
        by_elder[item.elder.id].append(item)
    if len(by_elder) > MOST_ELDERS:
        raise InvalidInput(
            _("这份名单有 %(n)s 位长者，一次最多打印 %(most)s 位。", n=len(by_elder), most=MOST_ELDERS),
            _("请先按社区或对象筛选，再分几次打印。"),
        )
    elders = _with_secrets(actor, list(by_elder))
    audit.record(
        actor,
        f"due.print_{kind}",
        "elders",
        _("打印电话名单，%(n)s 位长者", n=len(by_elder))
        if kind == "phone"
        else _("打印上门名单，%(n)s 位长者", n=len(by_elder)),
        changes={"elders": [None, list(by_elder)]},
    )
    today = selected.today
    page = render_template(
        f"visits/print_{kind}.html",
        rows=[
            {
                "elder": elders[elder_id],
                "sex": SEXES[elders[elder_id].sex],
                "age": i18n.age(elders[elder_id].birth_date, today),
                "community": selected.scope.areas[own[0].elder.area_id].name,
                "contact_name": own[0].elder.contact_name,
                "lines": [
                    {
                        "status": STATUS_WORDS[item.status],
                        "fact": fact_of(item.obligation, item.status, today),
                        "label": item.obligation.rule_label,
                        "period": i18n.period(item.obligation.period_from, item.obligation.period_to),
                        "modes": modes_in_words(item.obligation.modes),
                    }
                    for item in own
                ],
            }
            for elder_id, own in by_elder.items()
            if elder_id in elders
        ],
        areas="、".join(
            sorted({selected.scope.areas[own[0].elder.area_id].name for own in by_elder.values()})
        ),
        printed_by=actor.name,
        valid_to=today + timedelta(days=VALID_DAYS),
        packs=selected.packs,
    )
    db.session.commit()  # after the page is made: what is loaded is loaded anew afterwards, elder by elder
    return page


def _chosen(selected: Selected, keys: set[str] | None) -> list[DueItem]:
    """The ticked items, or all of the list, computed now."""
    if keys is None:
        found = selected.keys(MOST_ITEMS + 1)
        if len(found) > MOST_ITEMS:
            raise InvalidInput(
                _("这份名单超过 %(n)s 项，一次打印不了。", n=MOST_ITEMS),
                _("请先按社区或对象筛选，再分几次打印。"),
            )
        wanted = {key.elder_id for key in found}
        listed = selected.statuses
    else:
        # Ticked rows may be of any status: the tab is where they were ticked.
        wanted = {int(key.split(":")[0]) for key in keys if key.split(":")[0].isdigit()}
        listed = set(STATUSES)
    return [
        item
        for item in selected.live(wanted).values()
        if item.status in listed
        and selected.wish.keeps(item, selected.today)
        and (keys is None or item.key in keys)
    ]


def _with_secrets(actor: Actor, elder_ids: list[int]) -> dict[int, Elder]:
    """The elders with telephone and emergency contacts; only those on the paper."""
    rows = db.session.scalars(
        select(Elder)
        .where(Elder.id.in_(elder_ids), in_areas(actor, Permission.SHEET_PRINT, Elder.area_id))
        .options(joinedload(Elder.household), selectinload(Elder.emergency_contacts))
    )
    return {elder.id: elder for elder in rows}
