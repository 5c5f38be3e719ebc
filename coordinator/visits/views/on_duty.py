"""谁在岗: an organisation's people on their visits of today or a week."""

from __future__ import annotations

from datetime import timedelta

from flask import render_template, request, url_for
from flask_babel import gettext as _

from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.queries.on_duty import turns_of
from coordinator.visits.views.blueprint import bp
from coordinator.workforce.labels import KINDS


@bp.get("/on-duty")
@requires(Permission.ROSTER_EDIT)
def on_duty() -> str:
    """Today, tomorrow, this week or the next."""
    today = clock.today()
    monday = today - timedelta(days=today.weekday())
    spans = {
        "today": (_("今天"), today, today),
        "tomorrow": (_("明天"), today + timedelta(days=1), today + timedelta(days=1)),
        "week": (_("本周"), monday, monday + timedelta(days=6)),
        "next": (_("下周"), monday + timedelta(days=7), monday + timedelta(days=13)),
    }
    chosen = request.args.get("span", "")
    chosen = chosen if chosen in spans else "today"
    _label, first, last = spans[chosen]
    days = turns_of(current_actor(), first, last)
    return render_template(
        "visits/on_duty.html",
        days=days,
        people=len({turn.name for turns in days.values() for turn in turns}),
        visits=sum(len(turns) for turns in days.values()),
        first=first,
        last=last,
        tabs_shown=[
            {"href": url_for("visits.on_duty", span=key), "label": label, "current": key == chosen}
            for key, (label, _first, _last) in spans.items()
        ],
        kinds=KINDS,
        closed=(VisitState.COMPLETED, VisitState.NOT_MET),
    )
