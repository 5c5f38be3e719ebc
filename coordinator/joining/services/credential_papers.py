"""Photographs of certificates: cleaned, kept encrypted, seen by the worker and by whoever may admit them.

What is accepted and how it is cleaned is the same as for the papers of elders (`elders.services.papers`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import delete, or_, select

from coordinator.elders.services.papers import MAX_BYTES, cleaned
from coordinator.elders.services.reveal import note_look
from coordinator.extensions import db
from coordinator.joining.queries.credential_papers import paper_of
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, DomainError, InvalidInput, NotAllowed, NotFound
from coordinator.workforce.access import is_self
from coordinator.workforce.labels import CREDENTIALS
from coordinator.workforce.models import Credential, CredentialPaper, Worker, WorkerStatus

MOST = 3
# So long after a credential has ended or was refused somebody may still ask about it.
KEPT = timedelta(days=30)


def add_papers(
    actor: Actor, worker: Worker, credential: Credential, contents: Sequence[bytes], *, field: str = "photos"
) -> None:
    """Put photographs or PDFs beside what the worker has declared. Flushes.

    Raises NotAllowed for somebody else, Conflict for what was refused or entered by others, InvalidInput (`field`)
    for a file that is no JPEG, PNG or PDF, too large or broken, and for more than three.
    """
    if not contents:
        return
    if not is_self(actor, worker) or credential.worker_id != worker.id:
        raise NotAllowed(_("只能由本人上传。"))
    if credential.declared_at is None or credential.refused_at is not None:
        raise Conflict(_("这一项现在不能添照片。"), _("请重新填报，再添照片。"), code="changed_meanwhile")
    if len(credential.papers) + len(contents) > MOST:
        raise InvalidInput(_("一项最多放 %(n)s 张。", n=MOST), code="too_many", field=field)
    for content in contents:
        if len(content) > MAX_BYTES:
            raise InvalidInput(
                _("这个文件超过 8 MB。"), _("请拍小一点，或分成几份。"), code="too_large", field=field
            )
        try:
            mime, kept = cleaned(content)
        except DomainError as problem:
            problem.field = field
            raise
        credential.papers.append(
            CredentialPaper(mime=mime, size=len(kept), sha256=hashlib.sha256(kept).hexdigest(), content=kept)
        )
    audit.record(
        actor,
        "worker.paper",
        worker,
        _("%(name)s给%(what)s添了照片", name=worker.name, what=CREDENTIALS[credential.kind]),
        changes={"papers": [len(credential.papers) - len(contents), len(credential.papers)]},
    )
    db.session.flush()


def view_paper(actor: Actor, worker: Worker, paper_id: int) -> CredentialPaper:
    """A photograph with its content, for the worker or for who may admit them; of the latter every look is noted.
    Flushes; the caller commits before it shows anything. Raises NotFound, TooMany after fifty looks in a day.
    """
    paper = _paper(worker, paper_id)
    if not is_self(actor, worker):
        demand(actor, Permission.WORKER_EDIT, worker.area.path)
        what = _("%(what)s的照片", what=CREDENTIALS[paper.credential.kind])
        note_look(actor, worker, "worker.reveal", f"paper-{paper.id}", what)
    return paper


def remove_paper(actor: Actor, worker: Worker, paper_id: int) -> None:
    """The worker takes a photograph back, until a coordinator has verified by it. Flushes.

    Raises NotAllowed, NotFound, Conflict.
    """
    if not is_self(actor, worker):
        raise NotAllowed(_("只能由本人删除。"))
    paper = _paper(worker, paper_id)
    if paper.credential.verified_by_id is not None:
        raise Conflict(_("社区已经按这张照片核实了，不能再删。"), code="decided")
    db.session.delete(paper)
    audit.record(
        actor,
        "worker.paper_removed",
        worker,
        _("%(name)s删了%(what)s的照片", name=worker.name, what=CREDENTIALS[paper.credential.kind]),
    )
    db.session.flush()
    db.session.expire(paper.credential, ["papers"])


def forget_papers() -> int:
    """Delete photographs that nobody needs: of people who have left, and of credentials that ended or were refused
    30 days ago. Returns how many.
    """
    over = (
        select(Credential.id)
        .join(Worker, Credential.worker_id == Worker.id)
        .where(
            or_(
                Worker.status == WorkerStatus.LEFT,
                Credential.refused_at < clock.now() - KEPT,
                Credential.valid_to < clock.today() - KEPT,
            )
        )
    )
    return db.session.execute(
        delete(CredentialPaper)
        .where(CredentialPaper.credential_id.in_(over))
        .execution_options(synchronize_session=False)
    ).rowcount


def _paper(worker: Worker, paper_id: int) -> CredentialPaper:
    paper = paper_of(worker.id, paper_id)
    if paper is None:
        raise NotFound(_("没有这张照片。"), _("可能已经删掉了。"))
    return paper
