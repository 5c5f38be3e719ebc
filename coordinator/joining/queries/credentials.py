"""What somebody holds, declares, and has to renew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from coordinator.workforce.fitness import DUTY_CREDENTIALS, CredentialState, consent_valid, credential_state
from coordinator.workforce.models import Credential, CredentialKind, Guardian, Worker, WorkerKind
from coordinator.workforce.services import waits

# Whose licence a community asks for.
LICENSED = frozenset({WorkerKind.SOCIAL_WORKER, WorkerKind.FAMILY_DOCTOR})


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of credential: what counts today (`state`, last day), what waits for a coordinator, the newest one
    that was refused with nothing declared since, and the newest that stands.
    """

    kind: CredentialKind
    state: CredentialState
    last_day: date | None
    waiting: Credential | None
    refused: Credential | None
    standing: Credential | None
    covered: bool

    @property
    def wanted(self) -> bool:
        """Is it time to do something about it?"""
        return self.waiting is None and not self.covered


def lines_of(worker: Worker, today: date) -> list[Line]:
    """The duty credentials of a worker, and the licence of those who hold or need one."""
    kinds = list(DUTY_CREDENTIALS)
    if worker.kind in LICENSED or any(one.kind is CredentialKind.PROFESSIONAL for one in worker.credentials):
        kinds.append(CredentialKind.PROFESSIONAL)
    return [_line(worker.credentials, kind, today) for kind in kinds]


def _line(held: Iterable[Credential], kind: CredentialKind, today: date) -> Line:
    mine = sorted((one for one in held if one.kind is kind), key=lambda one: one.id, reverse=True)
    state, last = credential_state(mine, kind, today)
    newest = mine[0] if mine else None
    until = covered_until(mine, today)
    return Line(
        kind=kind,
        state=state,
        last_day=last,
        waiting=next((one for one in mine if waits(one)), None),
        refused=newest if newest is not None and newest.refused_at is not None else None,
        standing=next((one for one in mine if one.stands), None),
        covered=until is not None and (until == date.max or until - today >= RENEW_FROM),
    )


RENEW_FROM = timedelta(days=30)


def covered_until(credentials: Iterable[Credential], today: date) -> date | None:
    """The last day without a gap from today on, of credentials of one kind that stand; `date.max` for no end, None
    where there is a gap already.
    """
    spans = [(one.valid_from, one.valid_to or date.max) for one in credentials if one.stands]
    return _covered(spans, today)


def consented_until(guardians: Iterable[Guardian], today: date) -> date | None:
    """The same of the consents of a minor's guardians."""
    return _covered(
        [
            (one.given_on, one.valid_to or date.max)
            for one in guardians
            if consent_valid(one, max(today, one.given_on))
        ],
        today,
    )


def _covered(spans: list[tuple[date, date]], today: date) -> date | None:
    until: date | None = None
    for first, last in sorted(spans):
        reached = today if until is None else until + timedelta(days=1)
        if first > reached:
            break
        if last >= today and (until is None or last > until):
            until = last
        if until == date.max:
            break
    return until
