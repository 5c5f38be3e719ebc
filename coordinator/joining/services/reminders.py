"""Telling people in time that a credential, or a guardian's consent, comes to its end."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import NamedTuple

from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.extensions import db
from coordinator.joining.queries.credentials import consented_until, covered_until
from coordinator.joining.queries.people import keepers_of
from coordinator.kernel import i18n
from coordinator.messages.services import notify
from coordinator.workforce.fitness import DUTY_CREDENTIALS, is_minor
from coordinator.workforce.labels import CREDENTIALS
from coordinator.workforce.models import Credential, CredentialKind, Guardian, Worker, WorkerStatus
from coordinator.workforce.services import waits

STEPS = (0, 3, 14, 30)
"""Days before the last valid day. A day that was missed is made up for: each step is told once."""
MOST_NAMED = 20
REMINDED = (*DUTY_CREDENTIALS, CredentialKind.PROFESSIONAL)


class Ending(NamedTuple):
    """What of a worker ends when; `step` is the reminder that is due."""

    worker: Worker
    what: str
    last_day: date
    step: int


def remind_of_ends(today: date) -> int:
    """Tell workers and coordinators what ends in 30, 14, 3 days or today; returns how many were told now. Flushes.

    Nothing is said about what is renewed already, or declared anew and waiting for a coordinator. One message for
    all that ends on one day: to the worker, and to the keepers of the area, who hear of whoever comes later at the
    next step.
    """
    by_worker: dict[tuple[int, date, int], list[Ending]] = defaultdict(list)
    by_area: dict[tuple[int, date, int], list[Ending]] = defaultdict(list)
    for one in endings(today):
        by_worker[one.worker.id, one.last_day, one.step].append(one)
        by_area[one.worker.area_id, one.last_day, one.step].append(one)
    told = sum(_tell_worker(found) for found in by_worker.values())
    told += sum(_tell_keepers(found) for found in by_area.values())
    db.session.flush()
    return told


def _tell_worker(found: list[Ending]) -> int:
    worker, _what, last_day, step = found[0]
    if worker.user_id is None:
        return 0
    return notify(
        [worker.user_id],
        _("您的资格快到期了") if step else _("您的资格今天到期"),
        _(
            "%(what)s到%(day)s为止。到期没有续上，就不能再去探访，请早点补上。",
            what="、".join(one.what for one in found),
            day=i18n.day(last_day),
        ),
        "/join/credentials",
        dedupe_key=f"credential-ends:{worker.id}:{last_day}:{step}",
        urgent=step == 0,
    )


def _tell_keepers(found: list[Ending]) -> int:
    worker, _what, last_day, step = found[0]
    people: dict[int, list[Ending]] = defaultdict(list)
    for one in sorted(found, key=lambda one: (one.worker.name, one.worker.id)):
        people[one.worker.id].append(one)
    lines = [
        _("%(name)s：%(what)s", name=ends[0].worker.name, what="、".join(one.what for one in ends))
        for ends in list(people.values())[:MOST_NAMED]
    ]
    if len(people) > MOST_NAMED:
        lines.append(_("还有 %(n)s 人，请看“队伍”里的“资质要补”。", n=len(people) - MOST_NAMED))
    return notify(
        keepers_of(worker.area.path),
        _("%(day)s有 %(n)s 人的资格到期", day=i18n.day(last_day), n=len(people)),
        "\n".join(lines),
        "/workforce",
        dedupe_key=f"credentials-end:{worker.area_id}:{last_day}:{step}",
    )


def endings(today: date) -> list[Ending]:
    """What ends within thirty days of people on duty and is not renewed yet. Four queries."""
    soon = today + timedelta(days=max(STEPS))
    ending = or_(
        Worker.credentials.any(Credential.stands & Credential.valid_to.between(today, soon)),
        Worker.guardians.any(Guardian.withdrawn_at.is_(None) & Guardian.valid_to.between(today, soon)),
    )
    workers = db.session.scalars(
        select(Worker)
        .where(Worker.status == WorkerStatus.APPROVED, ending)
        .options(joinedload(Worker.area), selectinload(Worker.credentials), selectinload(Worker.guardians))
        .order_by(Worker.id)
    )
    found = []
    for worker in workers:
        for kind in REMINDED:
            held = [one for one in worker.credentials if one.kind is kind]
            until = covered_until(held, today)
            if until is not None and not any(waits(one) for one in held):
                found += _due(worker, str(CREDENTIALS[kind]), until, today)
        if is_minor(worker, today):
            until = consented_until(worker.guardians, today)
            # Nothing has to be asked for beyond the eighteenth birthday.
            if until is not None and (until == date.max or is_minor(worker, until + timedelta(days=1))):
                found += _due(worker, _("监护人同意"), until, today)
    return found


def _due(worker: Worker, what: str, until: date, today: date) -> list[Ending]:
    """The reminder that is due, if any: of the steps that have come, the last."""
    if until == date.max:
        return []
    left = (until - today).days
    step = next((one for one in STEPS if left <= one), None)
    return [] if step is None else [Ending(worker, what, until, step)]
