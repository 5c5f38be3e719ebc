"""What an organisation's people can be, and what their manager may still change."""

from __future__ import annotations

from coordinator.accounts.models import OrganisationKind
from coordinator.workforce.models import Worker, WorkerKind, WorkerStatus

# Kinds of people an organisation's manager may enter; the first is meant where none is said.
KINDS_OF: dict[OrganisationKind, tuple[WorkerKind, ...]] = {
    OrganisationKind.PROPERTY_COMPANY: (WorkerKind.PROPERTY_STAFF,),
    OrganisationKind.COURIER_COMPANY: (WorkerKind.COURIER,),
    OrganisationKind.SCHOOL: (WorkerKind.STUDENT,),
    OrganisationKind.SOCIAL_WORK_STATION: (WorkerKind.SOCIAL_WORKER, WorkerKind.VOLUNTEER),
    OrganisationKind.VOLUNTEER_TEAM: (
        WorkerKind.VOLUNTEER,
        WorkerKind.YOUNGER_SENIOR,
        WorkerKind.PARTY_MEMBER,
    ),
    OrganisationKind.SENIOR_ASSOCIATION: (WorkerKind.SENIOR_ASSOCIATION, WorkerKind.YOUNGER_SENIOR),
    OrganisationKind.COMMITTEE: (
        WorkerKind.COMMITTEE_MEMBER,
        WorkerKind.GRID_MEMBER,
        WorkerKind.OWNERS_COMMITTEE,
    ),
    OrganisationKind.HEALTH_CENTRE: (WorkerKind.FAMILY_DOCTOR,),
    OrganisationKind.OTHER: (
        WorkerKind.VOLUNTEER,
        WorkerKind.OFFICE_STAFF,
        WorkerKind.CHARITY,
        WorkerKind.CARE_STAFF,
    ),
}
# Of somebody a coordinator has looked at, or who has an account, a roster changes no more than this: with the
# telephone the sign-in would change hands.
STILL_OPEN = frozenset({"student_class", "student_number"})


def is_settled(worker: Worker) -> bool:
    """Has a coordinator looked at the person, or does the person keep the record by now?"""
    return (
        worker.status is not WorkerStatus.APPLIED
        or worker.user_id is not None
        or worker.identity_verified_at is not None
    )
