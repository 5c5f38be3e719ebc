"""交接: where each visit and each paired elder of somebody who leaves goes, before they go."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from coordinator.dropouts.queries.handover import handover_of
from coordinator.dropouts.services.handing import HandedOver, hand_over
from coordinator.dropouts.services.placing import sheet_words
from coordinator.dropouts.views.blueprint import bp
from coordinator.extensions import db
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import worker_in_scope


@bp.get("/workforce/<int:worker_id>/hand-over")
@requires(Permission.WORKER_EDIT)
def hand_over_page(worker_id: int) -> Any:
    """All that is left open, each with a successor proposed."""
    return _page(worker_in_scope(current_actor(), worker_id, Permission.WORKER_EDIT))


def _page(worker: Worker, problem: DomainError | None = None) -> Any:
    page = render_template(
        "dropouts/hand_over.html",
        w=worker,
        found=handover_of(worker),
        problem=problem,
        chosen=request.form if request.method == "POST" else {},
    )
    return page, problem.status if problem is not None else 200


@bp.post("/workforce/<int:worker_id>/hand-over")
@requires(Permission.WORKER_EDIT)
def take_over(worker_id: int) -> Any:
    """Hand over as chosen; with `retire` the person has left, with `all_open` everything is opened first."""
    actor = current_actor()
    worker = worker_in_scope(actor, worker_id, Permission.WORKER_EDIT)
    what = request.form.get("what", "")
    visits = _named("visit-")
    pairs = _named("pair-")
    try:
        done = hand_over(
            actor,
            worker,
            {} if what == "open" else {key: value for key, value in visits.items() if value},
            {} if what == "open" else pairs,
            retire=what in ("retire", "open"),
            all_open=what == "open",
        )
        db.session.commit()
    except DomainError as problem:
        db.session.rollback()
        if problem.status in (403, 404):
            raise
        return _page(worker_in_scope(actor, worker_id, Permission.WORKER_EDIT, fresh=True), problem)
    _say(worker_in_scope(actor, worker_id, Permission.WORKER_EDIT, fresh=True), done)
    return redirect(url_for("workforce.worker", worker_id=worker_id), 303)


def _named(prefix: str) -> dict[int, str]:
    """The choices of a form: id → value."""
    return {
        int(name.removeprefix(prefix)): value
        for name, value in request.form.items()
        if name.startswith(prefix) and name.removeprefix(prefix).isdecimal()
    }


def _say(worker: Worker, done: HandedOver) -> None:
    parts = [
        (done.given, _("%(n)s 次探访有人接手", n=done.given)),
        (done.opened, _("%(n)s 次放到可认领", n=done.opened)),
        (done.searched, _("%(n)s 次请系统找人", n=done.searched)),
        (done.paired, _("%(n)s 位长者有了新的联系人", n=done.paired)),
        (done.unpaired, _("%(n)s 位长者暂时没有人结对", n=done.unpaired)),
    ]
    said = "，".join(text for count, text in parts if count)
    if done.retired:
        flash(
            _("%(name)s已离开队伍，记录和时数都留着。", name=worker.name) + (f"{said}。" if said else ""),
            "ok",
        )
    elif said:
        flash(f"{said}。", "ok")
    for text in done.refused:
        flash(_("没有交成，已放到可认领：%(what)s", what=text), "warn")
    if done.sheets:
        flash(sheet_words(done.sheets) + "。", "info")
