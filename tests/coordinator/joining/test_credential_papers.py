"""Photographs of certificates: cleaned, encrypted, seen by few, and gone when nobody needs them."""

import io
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select, text

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.joining import jobs
from coordinator.joining.services import admission, credential_papers, credentials
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.workforce.models import Credential, CredentialPaper, WorkerKind, WorkerStatus
from tests import factories
from tests.coordinator.joining.applicants import HEALTHY, NOW, TODAY, K, make_applicant, self_of
from tests.coordinator.joining.conftest import id_for
from tests.coordinator.joining.ways import ADULT, prove, text_of, token_in

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def picture(size: tuple[int, int] = (400, 300)) -> bytes:
    """A photograph as a telephone makes it, with its maker in the metadata."""
    exif = Image.Exif()
    exif[0x010F] = "PhoneMaker"
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, "JPEG", exif=exif)
    return out.getvalue()


def declared(worker: Any, photos: list[bytes]) -> Credential:
    return credentials.declare_paper(self_of(worker), worker, K.TRAINING, TODAY, None, "社区讲座", photos)


def kept() -> int:
    return db.session.scalar(select(func.count(CredentialPaper.id))) or 0


def test_cleaned_and_encrypted(tree: Any) -> None:
    made = declared(make_applicant(tree), [picture(), PDF])
    assert [one.mime for one in made.papers] == ["image/jpeg", "application/pdf"]
    assert b"PhoneMaker" not in made.papers[0].content
    assert made.papers[1].content == PDF
    raw = db.session.scalar(text("SELECT content FROM credential_papers WHERE mime = 'application/pdf'"))
    assert b"%PDF" not in bytes(raw)


@pytest.mark.parametrize(
    ("photos", "words"),
    [
        ([b"GIF89a"], "只收"),
        ([picture()[:500]], "打不开"),
        ([b"%PDF-1.7" + bytes(8 * 1024 * 1024)], "8 MB"),
        ([PDF] * 4, "最多放 3 张"),
    ],
)
def test_what_is_not_taken(tree: Any, photos: list[bytes], words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        declared(make_applicant(tree), photos)
    assert refused.value.field == "photos"


def test_who_may_look(tree: Any, coordinator: Actor) -> None:
    worker = make_applicant(tree)
    paper = declared(worker, [PDF]).papers[0]
    assert credential_papers.view_paper(self_of(worker), worker, paper.id).content == PDF
    looks = select(AuditEntry).where(AuditEntry.action == "worker.reveal")
    assert db.session.scalars(looks).all() == []
    credential_papers.view_paper(coordinator, worker, paper.id)
    noted = db.session.scalars(looks).one()
    assert noted.user_id == coordinator.user_id
    assert noted.changes == {"field": f"paper-{paper.id}"}
    other = make_applicant(tree, id_number=id_for(ADULT), phone="13900000022")
    with pytest.raises(NotAllowed):
        credential_papers.view_paper(self_of(other), worker, paper.id)
    with pytest.raises(NotAllowed):
        credential_papers.view_paper(
            factories.make_actor(Role.COMMUNITY_COORDINATOR, tree.outside), worker, paper.id
        )
    with pytest.raises(NotFound):
        credential_papers.view_paper(self_of(other), other, paper.id)


def test_own_until_it_is_verified(tree: Any, coordinator: Actor) -> None:
    worker = make_applicant(tree)
    first, second = declared(worker, [PDF, picture()]).papers
    with pytest.raises(NotAllowed):
        credential_papers.remove_paper(coordinator, worker, first.id)
    credential_papers.remove_paper(self_of(worker), worker, first.id)
    assert kept() == 1
    admission.decide_credential(coordinator, worker, second.credential_id, verified=True)
    with pytest.raises(Conflict):
        credential_papers.remove_paper(self_of(worker), worker, second.id)
    assert kept() == 1


def test_declared_anew_the_old_ones_go(tree: Any) -> None:
    worker = make_applicant(tree)
    declared(worker, [PDF, PDF])
    declared(worker, [picture()])
    assert kept() == 1


def test_a_health_certificate(tree: Any) -> None:
    worker = make_applicant(tree)
    made = credentials.declare_health(self_of(worker), worker, HEALTHY, [PDF])
    assert made.stands
    assert len(made.papers) == 1


@pytest.mark.parametrize("how", ["left", "refused", "ended"])
def test_forgotten_when_nobody_needs_them(tree: Any, how: str, freeze: Any, coordinator: Actor) -> None:
    worker = make_applicant(tree)
    made = declared(worker, [PDF])
    stays = declared(make_applicant(tree, id_number=id_for(ADULT), phone="13900000022"), [PDF])
    assert credential_papers.forget_papers() == 0
    if how == "left":
        worker.status = WorkerStatus.LEFT
    elif how == "refused":
        admission.decide_credential(coordinator, worker, made.id, verified=False, reason="看不清楚")
    else:
        made.valid_to = TODAY + timedelta(days=1)
    db.session.flush()
    freeze(NOW + timedelta(days=33))
    due = [name for name, _key in jobs.due_by_itself()]
    assert jobs.PAPERS_JOB in due
    jobs.forget_old_papers()
    assert [one.credential_id for one in db.session.scalars(select(CredentialPaper))] == [stays.id]


def upload(client: FlaskClient, page: str, address: str, **fields: Any) -> Any:
    shown = client.get(page)
    data = {"csrf_token": token_in(text_of(shown))} | fields
    return client.post(address, data=data, content_type="multipart/form-data", follow_redirects=True)


def test_the_pages(tree: Any, client: FlaskClient, db_session: Any) -> None:
    worker = make_applicant(tree)
    boss = factories.make_user(Role.COMMUNITY_COORDINATOR, tree.community)
    db_session.commit()
    factories.sign_in(client, db.session.get_one(User, worker.user_id))
    address = "/join/credentials/training"
    fields = {"number": "社区讲座", "valid_from": TODAY.isoformat()}
    answer = upload(client, address, address, photos=(io.BytesIO(b"GIF89a"), "a.gif"), **fields)
    assert answer.status_code == 422
    assert "只收 JPEG、PNG 照片和 PDF" in text_of(answer)
    assert "社区讲座" in text_of(answer)
    answer = upload(client, address, address, photos=(io.BytesIO(picture()), "a.jpg"), **fields)
    assert "照片 1" in text_of(answer)
    paper = db.session.scalars(select(CredentialPaper)).one()
    shown = client.get(f"/join/credentials/papers/{paper.id}")
    assert shown.mimetype == "image/jpeg"
    more = f"/join/credentials/{paper.credential_id}/papers"
    name = f"of-{paper.credential_id}-photos"
    answer = upload(client, "/join/credentials", more, **{name: (io.BytesIO(PDF), "b.pdf")})
    assert "PDF 2" in text_of(answer)
    answer = upload(client, "/join/credentials", more)
    assert "还没有选照片" in text_of(answer)
    second = db.session.scalars(select(CredentialPaper.id).order_by(CredentialPaper.id.desc())).first()
    saved = client.get(f"/join/credentials/papers/{second}")
    assert saved.headers["Content-Disposition"].startswith("attachment")
    answer = upload(client, "/join/credentials", f"/join/credentials/papers/{second}/remove")
    assert "照片删掉了" in text_of(answer)

    factories.sign_in(client, boss)
    page = text_of(client.get(f"/join/admission/{worker.id}"))
    assert "看照片 1" in page
    assert "看照片 2" not in page
    shown = client.get(f"/join/admission/{worker.id}/papers/{paper.id}")
    assert shown.data[:2] == b"\xff\xd8"
    assert db.session.scalars(select(AuditEntry).where(AuditEntry.action == "worker.reveal")).one()
    assert client.get(f"/join/admission/{worker.id}/papers/{second}").status_code == 404


def test_in_the_joining_form(tree: Any, client: FlaskClient, send: Any) -> None:
    _answer, address = prove(client, send, tree, kind="social_worker")
    fields = {"name": "陈素芬", "id_number": id_for(ADULT), "notice": "y", "licence": "川2020-17"}
    answer = upload(client, address, address, photos=(io.BytesIO(picture()), "证书.jpg"), **fields)
    assert answer.request.path == "/join/mine"
    made = db.session.scalars(select(Credential)).one()
    assert made.kind is K.PROFESSIONAL
    assert [one.mime for one in made.papers] == ["image/jpeg"]
    assert made.worker.kind is WorkerKind.SOCIAL_WORKER
    assert made.worker.applied_at == clock.now()
