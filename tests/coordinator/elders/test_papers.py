"""Photographs and scans: what is taken, what is taken out of them, who looked, and why one was removed."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from PIL import Image
from sqlalchemy import select, text

from coordinator.elders import services
from coordinator.elders.models import DossierPaper, PaperKind
from coordinator.elders.services import papers
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import InvalidInput, NotAllowed, NotFound
from tests.coordinator.elders.reading import token
from tests.factories import make_actor, make_elder, make_user, sign_in

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@pytest.fixture(autouse=True)
def _today(freeze):
    freeze(datetime(2026, 3, 26, 1, 0, tzinfo=UTC))


@pytest.fixture
def elder(tree):
    return make_elder(tree.community, name="王素珍")


def photo(kind="JPEG", size=(3000, 1500), place=True, turned=False):
    """A photograph as a phone makes it: with the place in its metadata."""
    picture = Image.new("RGB", size, "orange")
    exif = Image.Exif()
    if place:
        exif.get_ifd(0x8825).update({1: "N", 2: (28.0, 52.0, 51.6), 3: "E", 4: (105.0, 26.0, 27.6)})
        exif[0x010F] = "PhoneMaker"
    if turned:
        exif[0x0112] = 6
    out = io.BytesIO()
    picture.save(out, kind, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize(("kind", "mime"), [("JPEG", "image/jpeg"), ("PNG", "image/png")])
def test_a_picture_loses_everything_but_the_picture(kind, mime):
    raw = photo(kind)
    assert b"PhoneMaker" in raw
    found, clean = papers.cleaned(raw)
    assert found == mime
    assert b"PhoneMaker" not in clean
    kept = Image.open(io.BytesIO(clean))
    assert kept.size == (2000, 1000)
    assert dict(kept.getexif()) == {}
    assert not kept.getexif().get_ifd(0x8825)


def test_a_picture_stands_upright_without_its_metadata():
    _mime, clean = papers.cleaned(photo(size=(400, 200), turned=True))
    assert Image.open(io.BytesIO(clean)).size == (200, 400)


def test_a_pdf_is_kept_as_it_is():
    assert papers.cleaned(PDF) == ("application/pdf", PDF)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"GIF89a" + b"x" * 50, "wrong_kind"),
        (b"<html><script>alert(1)</script>", "wrong_kind"),
        (b"PK\x03\x04 a spreadsheet", "wrong_kind"),
        (b"\xff\xd8\xff\xe0 no picture at all", "broken"),
        (photo()[:5000], "broken"),
        (b"%PDF-1.7 cut in the middle", "broken"),
        (PDF + b"x" * papers.MAX_BYTES, "too_large"),
    ],
)
def test_what_is_refused(actor, elder, content, code):
    with pytest.raises(InvalidInput) as refused:
        services.add_paper(actor, elder, PaperKind.OTHER, content)
    assert (refused.value.code, refused.value.field) == (code, "file")
    assert db.session.scalars(select(DossierPaper)).all() == []


def test_a_small_file_that_claims_a_huge_picture():
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 200_000
    with pytest.raises(InvalidInput) as refused:
        papers.cleaned(bomb.getvalue())
    assert refused.value.code == "too_large"


def test_a_dossier_is_full_at_forty(actor, elder, monkeypatch):
    monkeypatch.setattr(papers, "MAX_PAPERS", 2)
    for _number in range(2):
        services.add_paper(actor, elder, PaperKind.OTHER, PDF)
    with pytest.raises(InvalidInput) as refused:
        services.add_paper(actor, elder, PaperKind.OTHER, PDF)
    assert refused.value.code == "too_many"


def test_the_content_is_encrypted(actor, elder, db_session):
    services.add_paper(actor, elder, PaperKind.OTHER, PDF)
    assert PDF not in db_session.execute(text("SELECT content FROM dossier_papers")).scalar_one()
    db.session.expire_all()
    assert db.session.scalars(select(DossierPaper)).one().content == PDF


def test_removing_erases_the_content_and_keeps_the_reason(actor, elder):
    paper = services.add_paper(actor, elder, PaperKind.IDENTITY, photo(), "身份证正面")
    with pytest.raises(InvalidInput):
        services.remove_paper(actor, elder, paper.id, " ")
    services.remove_paper(actor, elder, paper.id, "拍错了人")
    db.session.expire_all()
    assert (paper.content, paper.removed_reason) == (None, "拍错了人")
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.paper_removed")).one()
    assert "身份证正面" in line.summary
    assert "拍错了人" in line.summary
    with pytest.raises(NotFound):
        services.view_paper(actor, elder, paper.id)
    with pytest.raises(NotFound):
        services.remove_paper(actor, elder, paper.id, "再来一次")


def test_a_paper_of_somebody_else_is_not_found(actor, tree, elder):
    other = make_elder(tree.community)
    paper = services.add_paper(actor, other, PaperKind.OTHER, PDF)
    with pytest.raises(NotFound):
        services.view_paper(actor, elder, paper.id)


def test_who_may_not_reveal_sees_no_paper(actor, tree, elder):
    paper = services.add_paper(actor, elder, PaperKind.OTHER, PDF)
    with pytest.raises(NotAllowed):
        services.view_paper(make_actor(Role.COUNTY_SUPERVISOR, tree.county), elder, paper.id)


# --- over HTTP -------------------------------------------------------------------------------------------


def send(desk, elder, content, name="photo.jpg", **over):
    url = f"/elders/{elder.id}/papers"
    page = desk.get(url).get_data(as_text=True)
    data = {"csrf_token": token(page), "kind": "identity", "title": "身份证正面"} | over
    return desk.post(
        url, data=data | {"file": (io.BytesIO(content), name)}, content_type="multipart/form-data"
    )


def test_a_photograph_goes_in_and_each_look_is_a_line(desk, elder):
    answer = send(desk, elder, photo(), "证件.pdf")  # the name says nothing, the content does
    assert answer.status_code == 303
    paper = db.session.scalars(select(DossierPaper)).one()
    page = desk.get(f"/elders/{elder.id}/papers").get_data(as_text=True)
    assert "身份证正面" in page
    assert "<img" not in page.split("<main", 1)[-1]
    shown = desk.get(f"/elders/{elder.id}/papers/{paper.id}")
    assert shown.mimetype == "image/jpeg"
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    lines = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "elder.reveal")).all()
    assert [one.changes for one in lines] == [{"field": f"paper-{paper.id}"}]


def test_a_pdf_is_only_saved(desk, elder):
    send(desk, elder, PDF, "评估.pdf", kind="assessment")
    paper = db.session.scalars(select(DossierPaper)).one()
    shown = desk.get(f"/elders/{elder.id}/papers/{paper.id}")
    assert shown.headers["Content-Disposition"].startswith("attachment")
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]


def test_a_wrong_file_keeps_what_was_typed(desk, elder):
    answer = send(desk, elder, b"MZ this is a program", "照片.jpg", title="户口本第一页")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "只收 JPEG、PNG 照片和 PDF" in page
    assert "户口本第一页" in page


def test_supervisors_see_titles_and_no_papers(client, tree, actor, elder):
    paper = services.add_paper(actor, elder, PaperKind.OTHER, PDF, "意愿书")
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, tree.county))
    page = client.get(f"/elders/{elder.id}").get_data(as_text=True)
    assert "意愿书" in page
    assert f"/papers/{paper.id}" not in page
    assert client.get(f"/elders/{elder.id}/papers/{paper.id}").status_code == 403
    assert client.get(f"/elders/{elder.id}/papers").status_code == 403


def test_removing_over_http_needs_a_reason(desk, elder):
    send(desk, elder, PDF)
    paper = db.session.scalars(select(DossierPaper)).one()
    url = f"/elders/{elder.id}/papers/{paper.id}/remove"
    data = {"csrf_token": token(desk.get(url).get_data(as_text=True)), "reason": ""}
    assert desk.post(url, data=data).status_code == 422
    assert desk.post(url, data=data | {"reason": "拍错了人"}).status_code == 303
    assert desk.get(url).status_code == 404
    assert desk.get(f"/elders/{elder.id}/papers/{paper.id}").status_code == 404
