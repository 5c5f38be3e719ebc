"""May this worker make this visit? One answer for the planner, manual assignment, claims and check-in.

Pure: objects in, findings out, no query. What must be loaded beforehand (queries.py does it):
worker with `skills`, `credentials`, `guardians`, `availability`, `exceptions` and `bars`; elder with `household`;
companions with nothing but their own columns and `skills`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from flask_babel import gettext as _

from coordinator.elders.models import Elder, Skill
from coordinator.kernel import clock, geo, i18n
from coordinator.policy import Mode, age_on
from coordinator.workforce.fitness.findings import Metres, Unfit, UnfitCode
from coordinator.workforce.labels import CREDENTIALS
from coordinator.workforce.models import (
    Availability,
    AvailabilityException,
    Credential,
    CredentialKind,
    Guardian,
    Worker,
    WorkerKind,
    WorkerStatus,
)

ADULT_AGE = 18
# 教思政〔2015〕1号 第3条: from 10, with the guardian's consent.
YOUNGEST_AGE = 10
# Under 14 only beside an adult: 团中央 lets 14 to 17 register with consent; our reading of the two documents.
ACCOMPANY_ONLY_BELOW = 14
# Our own safety rule, no cited number: daylight visits only.
MINOR_EARLIEST = time(8, 0)
MINOR_LATEST = time(18, 0)

# 志愿服务条例 16, 17, 15, 14. A telephone call endangers nobody: insurance and health are asked for at the door.
DUTY_CREDENTIALS = (
    CredentialKind.TRAINING,
    CredentialKind.INSURANCE,
    CredentialKind.HEALTH_DECLARATION,
    CredentialKind.AGREEMENT,
)
REMOTE_CREDENTIALS = (CredentialKind.TRAINING, CredentialKind.AGREEMENT)
# 邻里、亲属 come for one elder, known to both; a coordinator ties them (陕西, requirements 1.7).
TIED_KINDS = frozenset({WorkerKind.NEIGHBOUR, WorkerKind.RELATIVE})
IN_PERSON = frozenset({Mode.HOME, Mode.ENCOUNTER})


@dataclass(frozen=True, slots=True)
class Load:
    """What the worker already holds around the visit, the visit itself left out: number of visits on the day,
    in the week (Monday to Sunday) and in the calendar month, and minutes of service in the week."""

    day: int = 0
    week: int = 0
    month: int = 0
    week_minutes: int = 0


def unfit(
    worker: Worker,
    elder: Elder,
    starts_at: datetime,
    ends_at: datetime,
    *,
    mode: str = Mode.HOME,
    companions: Sequence[Worker] = (),
    as_companion: bool = False,
    needs_skills: Iterable[str] | None = None,
    load: Load | None = None,
) -> list[Unfit]:
    """Everything that stands against this worker making this visit; empty when nothing does.

    `companions` are the other workers on the same visit; each of them is judged by a call of its own.
    `as_companion`: goes beside the worker who is responsible (`Assignment.is_companion`).
    `needs_skills` defaults to the elder's. `load` None leaves the limits unjudged. Times are aware.
    """
    day = clock.to_local(starts_at).date()
    found = duty_gate(worker, day, mode=mode)
    found += pairing(worker, elder, mode=mode, day=day, companions=companions, needs_skills=needs_skills)
    if _is_minor(worker, day):
        found += _minor_on_visit(worker, day, starts_at, ends_at, mode, companions, as_companion)
    found += hours(worker, starts_at, ends_at)
    if load is not None:
        found += limits(worker, load, round((ends_at - starts_at).total_seconds() / 60))
    return found


def duty_gate(worker: Worker, day: date, *, mode: str = Mode.HOME) -> list[Unfit]:
    """What stands against the worker visiting anybody on that day: approval, age, credentials, guardian."""
    found = []
    if worker.status != WorkerStatus.APPROVED:
        found.append(Unfit(UnfitCode.NOT_APPROVED, {"name": worker.name}))
    if age_on(worker.birth_date, day) < YOUNGEST_AGE:
        found.append(Unfit(UnfitCode.TOO_YOUNG, {"name": worker.name}))
    for kind in DUTY_CREDENTIALS if mode in IN_PERSON else REMOTE_CREDENTIALS:
        state, last_day = credential_state(worker.credentials, kind, day)
        if state is CredentialState.EXPIRED:
            found.append(
                Unfit(UnfitCode.CREDENTIAL_EXPIRED, {"name": worker.name, "what": kind, "day": last_day})
            )
        elif state is CredentialState.MISSING:
            found.append(Unfit(UnfitCode.CREDENTIAL_MISSING, {"name": worker.name, "what": kind}))
    if _is_minor(worker, day):
        found += _guardian(worker, day)
    return found


def pairing(
    worker: Worker,
    elder: Elder,
    *,
    day: date,
    mode: str = Mode.HOME,
    companions: Sequence[Worker] = (),
    needs_skills: Iterable[str] | None = None,
) -> list[Unfit]:
    """What stands against this worker and this elder together, whatever the hour."""
    found = []
    if tied_to(worker) not in (None, elder.id):
        found.append(Unfit(UnfitCode.TIED_ELSEWHERE, {"name": worker.name}))
    if elder.id in {bar.elder_id for bar in worker.bars}:
        found.append(Unfit(UnfitCode.BARRED, {"name": worker.name}))
    if not elder.minors_welcome and _is_minor(worker, day):
        found.append(Unfit(UnfitCode.MINORS_NOT_WELCOME))
    together = (worker, *companions)
    for skill in elder.needs_skills if needs_skills is None else needs_skills:
        # The dialect itself is judged below: whether two people understand each other is a matter of degree.
        if skill != Skill.DIALECT and not any(has_skill(one, skill, day) for one in together):
            found.append(Unfit(UnfitCode.SKILL_MISSING, {"name": worker.name, "what": Skill(skill)}))
    if elder.dialect and not any(elder.dialect in one.dialects for one in together):
        found.append(Unfit(UnfitCode.DIALECT, {"name": worker.name, "what": elder.dialect}))
    if mode in IN_PERSON:
        if elder.prefers_sex is not None and worker.sex != elder.prefers_sex:
            found.append(Unfit(UnfitCode.SEX_PREFERENCE, {"what": elder.prefers_sex}))
        metres = distance_m(worker, elder)
        if metres is not None and metres > worker.service_radius_metres:
            values = {
                "name": worker.name,
                "there": Metres(metres),
                "radius": Metres(worker.service_radius_metres),
            }
            found.append(Unfit(UnfitCode.OUTSIDE_RADIUS, values))
    return found


def hours(worker: Worker, starts_at: datetime, ends_at: datetime) -> list[Unfit]:
    """Days off and the weekly hours; without any weekly hours the worker is never available."""
    start, end = clock.to_local(starts_at), clock.to_local(ends_at)
    day = start.date()
    if is_day_off(worker.exceptions, day):
        return [Unfit(UnfitCode.DAY_OFF, {"name": worker.name, "day": day})]
    spans = spans_on(worker.availability, worker.exceptions, day)
    if not spans:
        return [Unfit(UnfitCode.DAY_OFF, {"name": worker.name, "day": day})]
    if end.date() != day or not any(a <= start.time() and end.time() <= b for a, b in spans):
        return [Unfit(UnfitCode.OUT_OF_HOURS, {"name": worker.name})]
    return []


def limits(worker: Worker, load: Load, minutes: int) -> list[Unfit]:
    """The worker's own limits with one more visit of `minutes`."""
    found = []
    for code, count, limit in (
        (UnfitCode.LIMIT_DAY, load.day, worker.max_visits_day),
        (UnfitCode.LIMIT_WEEK, load.week, worker.max_visits_week),
        (UnfitCode.LIMIT_MONTH, load.month, worker.max_visits_month),
    ):
        if count >= limit:
            found.append(Unfit(code, {"name": worker.name, "count": count, "limit": limit}))
    if worker.max_hours_week is not None and load.week_minutes + minutes > worker.max_hours_week * 60:
        found.append(Unfit(UnfitCode.LIMIT_HOURS, {"name": worker.name, "limit": worker.max_hours_week}))
    return found


# --- the parts other pages show as well ------------------------------------------------------------------


class CredentialState(StrEnum):
    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    MISSING = "missing"


EXPIRES_SOON = timedelta(days=30)


def credential_state(
    credentials: Iterable[Credential], kind: CredentialKind, day: date
) -> tuple[CredentialState, date | None]:
    """State of a worker's credentials of one kind on a day, and the last valid day (None: no end, or none held).

    One that has not begun yet counts as missing, as does one that waits to be verified or was refused.
    """
    held = [one for one in credentials if one.kind == kind and one.stands and one.valid_from <= day]
    if not held:
        return CredentialState.MISSING, None
    last = max(held, key=lambda one: one.valid_to or date.max).valid_to
    if last is None:
        return CredentialState.VALID, None
    if last < day:
        return CredentialState.EXPIRED, last
    return (CredentialState.EXPIRING if last - day < EXPIRES_SOON else CredentialState.VALID), last


def duty_words(worker: Worker) -> str:
    """齐全, or what is missing, expired or about to expire."""
    parts = []
    for kind in DUTY_CREDENTIALS:
        state, last = credential_state(worker.credentials, kind, clock.today())
        if state is CredentialState.MISSING:
            parts.append(_("缺%(what)s", what=CREDENTIALS[kind]))
        elif state is CredentialState.EXPIRED:
            parts.append(_("%(what)s已过期", what=CREDENTIALS[kind]))
        elif state is CredentialState.EXPIRING:
            parts.append(_("%(what)s%(day)s到期", what=CREDENTIALS[kind], day=i18n.day(last)))
    return "；".join(parts) or _("齐全")


def consent_valid(guardian: Guardian, day: date) -> bool:
    """Does this guardian's consent hold on that day? A withdrawal ends it for good."""
    return (
        guardian.withdrawn_at is None
        and guardian.given_on <= day
        and (guardian.valid_to is None or guardian.valid_to >= day)
    )


def has_skill(worker: Worker, skill: str, day: date) -> bool:
    """Only a verified skill counts."""
    return any(
        one.skill == skill and one.verified_on is not None and one.verified_on <= day for one in worker.skills
    )


def is_day_off(exceptions: Iterable[AvailabilityException], day: date) -> bool:
    """On leave that day; hours that were agreed to for the day itself take the leave back."""
    there = [one for one in exceptions if one.first_day <= day <= one.last_day]
    return bool(there) and all(one.starts is None for one in there)


def spans_on(
    availability: Iterable[Availability], exceptions: Iterable[AvailabilityException], day: date
) -> list[tuple[time, time]]:
    """The hours of a day: the weekly ones and those agreed to beside them, joined where they touch; leave left
    aside."""
    weekly = [(one.starts, one.ends) for one in availability if one.weekday == day.weekday()]
    further = [
        (one.starts, one.ends)
        for one in exceptions
        if one.starts is not None and one.ends is not None and one.first_day <= day <= one.last_day
    ]
    spans: list[tuple[time, time]] = []
    for starts, ends in sorted([*further, *weekly]):
        if spans and starts <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(ends, spans[-1][1])
        else:
            spans.append((starts, ends))
    return spans


def longest_span(worker: Worker, day: date) -> tuple[time, time] | None:
    """The longest stretch of hours of a day, those agreed to beside the weekly ones included; leave left aside."""
    spans = spans_on(worker.availability, worker.exceptions, day)
    return max(spans, key=lambda span: _seconds(span[1]) - _seconds(span[0]), default=None)


def _seconds(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def distance_m(worker: Worker, elder: Elder) -> float | None:
    """Straight metres from the worker's start to the home; None while the home has no coordinates."""
    home = elder.household
    if home.latitude is None or home.longitude is None:
        return None
    return geo.haversine_m(worker.start_latitude, worker.start_longitude, home.latitude, home.longitude)


def tied_to(worker: Worker) -> int | None:
    """The id of the one elder a neighbour or relative was admitted for; None: goes to anybody."""
    return worker.tied_elder_id if worker.kind in TIED_KINDS else None


def is_minor(worker: Worker, day: date) -> bool:
    """Under 18 on that day (the birthday itself counts as 18)."""
    return _is_minor(worker, day)


def _is_minor(worker: Worker, day: date) -> bool:
    return age_on(worker.birth_date, day) < ADULT_AGE


def _guardian(worker: Worker, day: date) -> list[Unfit]:
    given = [one for one in worker.guardians if one.given_on <= day]
    if not given:
        return [Unfit(UnfitCode.GUARDIAN_MISSING, {"name": worker.name})]
    # A guardian who withdraws stops the visits even where the other one had agreed; a consent given
    # afterwards opens them again.
    withdrawn = max((one.withdrawn_at for one in given if one.withdrawn_at), default=None)
    standing = [one for one in given if withdrawn is None or _given_after(one, withdrawn)]
    if any(consent_valid(one, day) for one in standing):
        return []
    ended = [one.valid_to for one in standing if one.withdrawn_at is None and one.valid_to is not None]
    if not ended:
        return [Unfit(UnfitCode.GUARDIAN_WITHDRAWN, {"name": worker.name})]
    last = max(ended)
    return [Unfit(UnfitCode.GUARDIAN_EXPIRED, {"name": worker.name, "day": last})]


def _given_after(guardian: Guardian, withdrawn: datetime) -> bool:
    """Of a consent on paper only the day is known: one of the same day counts as given afterwards."""
    if guardian.confirmed_at is not None:
        return guardian.confirmed_at > withdrawn
    return guardian.given_on >= clock.to_local(withdrawn).date()


def _minor_on_visit(
    worker: Worker,
    day: date,
    starts_at: datetime,
    ends_at: datetime,
    mode: str,
    companions: Sequence[Worker],
    as_companion: bool,
) -> list[Unfit]:
    found = []
    adult = any(not _is_minor(one, day) and one.status == WorkerStatus.APPROVED for one in companions)
    if mode in IN_PERSON:
        if not adult:
            found.append(Unfit(UnfitCode.MINOR_ALONE, {"name": worker.name}))
        start, end = clock.to_local(starts_at), clock.to_local(ends_at)
        if end.date() != start.date() or start.time() < MINOR_EARLIEST or end.time() > MINOR_LATEST:
            found.append(Unfit(UnfitCode.MINOR_HOURS))
    if age_on(worker.birth_date, day) < ACCOMPANY_ONLY_BELOW and not (as_companion and adult):
        found.append(Unfit(UnfitCode.MINOR_ACCOMPANY_ONLY, {"name": worker.name}))
    return found
