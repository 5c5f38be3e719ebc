"""The photographs beside declared credentials, without their content."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from coordinator.extensions import db
from coordinator.workforce.models import Credential, CredentialPaper


def papers_of(worker_id: int) -> dict[int, list[CredentialPaper]]:
    """Credential id → its photographs, the oldest first. One query."""
    found: dict[int, list[CredentialPaper]] = defaultdict(list)
    rows = db.session.scalars(
        select(CredentialPaper)
        .join(Credential, CredentialPaper.credential_id == Credential.id)
        .where(Credential.worker_id == worker_id)
        .order_by(CredentialPaper.id)
    )
    for one in rows:
        found[one.credential_id].append(one)
    return found


def paper_of(worker_id: int, paper_id: int) -> CredentialPaper | None:
    """One photograph of this worker with its credential."""
    return db.session.scalars(
        select(CredentialPaper)
        .join(CredentialPaper.credential)
        .where(CredentialPaper.id == paper_id, Credential.worker_id == worker_id)
        .options(joinedload(CredentialPaper.credential))
    ).one_or_none()
