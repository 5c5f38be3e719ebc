"""What a newcomer still waits for, and what they can do meanwhile."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.joining.queries.applications import application_of
from coordinator.joining.queries.credentials import lines_of
from coordinator.joining.queries.guardians import links_of
from coordinator.joining.services import guardians
from coordinator.joining.views.blueprint import bp
from coordinator.joining.views.common import Answer, page_of
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.workforce import fitness
from coordinator.workforce import labels as workforce_labels
from coordinator.workforce.models import CredentialKind
from coordinator.workforce.queries import own_worker

OWN_WORD = (CredentialKind.HEALTH_DECLARATION, CredentialKind.AGREEMENT)
# What a newcomer does about each, in a few words.
HINTS: dict[CredentialKind, Any] = {
    CredentialKind.TRAINING: _l("社区安排；参加过的可以报上来"),
    CredentialKind.INSURANCE: _l("社区办；自己有的可以报上来"),
    CredentialKind.HEALTH_DECLARATION: _l("现在就能填，5 个问题"),
    CredentialKind.AGREEMENT: _l("现在就能看，同意就行"),
    CredentialKind.PROFESSIONAL: _l("请报上证书"),
}


@bp.get("/mine")
@requires(Permission.WORK)
def mine() -> Answer:
    """One's own way into the team: what is done, what is missing, who does it."""
    worker = own_worker(current_actor())
    today = clock.today()
    minor = fitness.is_minor(worker, today)
    lines = lines_of(worker, today)
    wanted = {line.kind for line in lines if line.wanted}
    return page_of(
        "joining/mine.html",
        w=worker,
        application=application_of(worker.id),
        lines=lines,
        todo=wanted,
        own_word=[kind for kind in OWN_WORD if kind in wanted],
        hints=HINTS,
        workforce_labels=workforce_labels,
        is_minor=minor,
        consented=any(fitness.consent_valid(one, today) for one in worker.guardians),
        links=links_of(worker.id) if minor else (),
        state_of_link=guardians.state_of,
    )
