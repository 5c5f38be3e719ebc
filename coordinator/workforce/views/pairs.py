"""Service contacts, and pairs that are never made."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask_babel import gettext as _

from coordinator.elders.queries import elder_in_scope
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.kernel.forms import options
from coordinator.workforce import fitness, labels, services
from coordinator.workforce.forms import (
    PairForm,
)
from coordinator.workforce.models import ContactPart, Worker
from coordinator.workforce.queries import (
    bars_of,
    own_pairs,
    own_worker,
    pairs_with,
    worker_for_duty,
    workers_for_pairing,
)
from coordinator.workforce.views.common import Answer, P, bp, page_of

FORMER_SHOWN = 8


@bp.route("/elders/<int:elder_id>", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def pairing(elder_id: int) -> Answer:
    """Who is paired with the elder, as the main contact or as a helper, and who is never sent there."""
    actor = current_actor()
    elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT)
    today = clock.today()
    bars = bars_of(elder_id=elder.id)
    barred = {one.worker_id for one in bars}
    candidates = []
    for one in workers_for_pairing(elder.area.path):
        if one.id in barred or fitness.is_minor(one, today):
            continue
        found = fitness.pairing(one, elder, day=today)
        candidates.append(
            (sum(2 if f.hard else 1 for f in found), fitness.distance_m(one, elder), one, found)
        )
    candidates.sort(key=lambda row: (row[0], row[1] if row[1] is not None else 0.0, row[2].id))
    form = PairForm()
    form.worker_id.choices = options(((row[2].id, _candidate(*row[1:])) for row in candidates), _("请选"))
    if form.validate_on_submit():
        chosen = worker_for_duty(int(form.worker_id.data))
        if chosen is None:
            raise NotFound(_("没有找到这位人员。"))
        try:
            if form.action.data == "bar":
                services.add_bar(actor, elder, chosen)
            elif form.action.data == "help":
                services.add_helper(actor, elder, chosen)
            else:
                services.pair(actor, elder, chosen)
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
            elder = elder_in_scope(actor, elder_id, P.ELDER_EDIT, fresh=True)
        else:
            flash(_("已记下。"), "ok")
            return redirect(url_for("workforce.pairing", elder_id=elder_id), 303)
    known = pairs_with(elder_id=elder_id, ended=True)
    pairs = [one for one in known if one.until is None]
    return page_of(
        "workforce/pairing.html",
        422 if form.is_submitted() else 200,
        form=form,
        e=elder,
        contact=next((one for one in pairs if one.part is ContactPart.MAIN), None),
        helpers=[one for one in pairs if one.part is ContactPart.HELPER],
        former=[one for one in known if one.until is not None][:FORMER_SHOWN],
        bars=bars,
    )


def _candidate(distance: float | None, worker: Worker, found: list[fitness.Unfit]) -> str:
    """A worker as a choice: name, kind, distance, and what stands against the pair."""
    parts = [str(labels.KINDS[worker.kind])]
    if distance is not None:
        parts.append(i18n.distance(distance))
    parts += [one.message for one in found if one.code is not fitness.UnfitCode.OUTSIDE_RADIUS]
    return f"{worker.name}（{'，'.join(parts)}）"


@bp.post("/elders/<int:elder_id>/pairs/<int:worker_id>/end")
@requires(P.ELDER_EDIT)
def end_pair(elder_id: int, worker_id: int) -> Answer:
    """End one pair; the others stay."""
    elder = elder_in_scope(current_actor(), elder_id, P.ELDER_EDIT)
    found = worker_for_duty(worker_id)
    if found is None:
        raise NotFound(_("没有找到这位人员。"))
    services.end_pair(current_actor(), elder, found)
    db.session.commit()
    flash(_("结对结束了，以前的记录还在。"), "ok")
    return redirect(url_for("workforce.pairing", elder_id=elder_id), 303)


@bp.get("/me/elders")
@requires(P.WORK)
def my_elders() -> Answer:
    """我结对的长者."""
    me = own_worker(current_actor())
    return page_of("workforce/my_elders.html", pairs=own_pairs(me.id))


@bp.post("/elders/<int:elder_id>/bars/<int:worker_id>/remove")
@requires(P.ELDER_EDIT)
def remove_bar(elder_id: int, worker_id: int) -> Answer:
    """Let this worker be sent there again."""
    elder = elder_in_scope(current_actor(), elder_id, P.ELDER_EDIT)
    found = worker_for_duty(worker_id)
    if found is None:
        raise NotFound(_("没有找到这位人员。"))
    services.remove_bar(current_actor(), elder, found)
    db.session.commit()
    return redirect(url_for("workforce.pairing", elder_id=elder_id), 303)
