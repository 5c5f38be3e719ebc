"""Photographs and scans of papers: what is accepted, how it is cleaned, who looked at it, why it was removed.

A picture is read and written anew, so that nothing but the picture stays (no place, no camera, no thumbnail).
A PDF cannot be cleaned that way and is only ever handed out as a file to be saved.
"""

from __future__ import annotations

import hashlib
import warnings
from io import BytesIO

from flask_babel import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy import func, select

from coordinator.elders.labels import PAPER_KINDS
from coordinator.elders.models import DossierPaper, Elder, PaperKind
from coordinator.elders.services import versions
from coordinator.elders.services.reveal import note_look
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import InvalidInput, NotFound

MAX_BYTES = 8 * 1024 * 1024
MAX_PAPERS = 40
MAX_SIDE = 2000
# More than any camera has; a small file may claim more and fill the memory.
MAX_PIXELS = 120_000_000
_JPEG_QUALITY = 85


def add_paper(actor: Actor, elder: Elder, kind: PaperKind, content: bytes, title: str = "") -> DossierPaper:
    """Put a photograph or scan into the dossier. Flushes.

    The kind of file follows from the content, never from its name. Raises InvalidInput (field `file`) when it is
    no JPEG, PNG or PDF, too large or cannot be read, and when the dossier is full.
    """
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    if not content:
        raise InvalidInput(_("这个文件是空的。"), _("请重新选一个。"), code="empty", field="file")
    if len(content) > MAX_BYTES:
        raise InvalidInput(
            _("这个文件超过 8 MB。"), _("请拍小一点，或分成几份。"), code="too_large", field="file"
        )
    held = db.session.scalar(
        select(func.count(DossierPaper.id)).where(
            DossierPaper.elder_id == elder.id, DossierPaper.removed_at.is_(None)
        )
    )
    if (held or 0) >= MAX_PAPERS:
        raise InvalidInput(
            _("这份档案已经有 %(n)s 份材料。", n=MAX_PAPERS),
            _("请先移除不再需要的。"),
            code="too_many",
            field="file",
        )
    mime, clean = cleaned(content)
    with versions.change(actor, elder):
        paper = DossierPaper(
            elder_id=elder.id,
            kind=kind,
            title=title.strip() or str(PAPER_KINDS[kind]),
            mime=mime,
            size=len(clean),
            sha256=hashlib.sha256(clean).hexdigest(),
            content=clean,
            uploaded_by_id=actor.user_id,
            uploaded_by=actor.name,
        )
        db.session.add(paper)
        audit.record(actor, "elder.paper", elder, _("存入材料“%(title)s”", title=paper.title))
        db.session.flush()
        db.session.expire(elder, ["papers"])
    return paper


def cleaned(content: bytes) -> tuple[str, bytes]:
    """The media type and the bytes to keep: a picture without its metadata and at most MAX_SIDE pixels a side, a
    PDF as it is. Raises InvalidInput (field `file`)."""
    if content.startswith(b"%PDF-"):
        if b"%%EOF" not in content[-2048:]:
            raise InvalidInput(_("这个 PDF 不完整。"), _("请重新导出或扫描。"), code="broken", field="file")
        return "application/pdf", content
    kind = (
        "JPEG"
        if content.startswith(b"\xff\xd8\xff")
        else "PNG"
        if content.startswith(b"\x89PNG\r\n\x1a\n")
        else ""
    )
    if not kind:
        raise InvalidInput(
            _("只收 JPEG、PNG 照片和 PDF。"),
            _("苹果手机请在设置里把相机格式改成“兼容性最佳”。"),
            code="wrong_kind",
            field="file",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(BytesIO(content), formats=[kind])
            if picture.width * picture.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            # The orientation lies in the metadata that are about to go.
            picture = ImageOps.exif_transpose(picture)
            picture.thumbnail((MAX_SIDE, MAX_SIDE))
            bare = Image.new("RGB", picture.size, "white")
            layer = picture.convert("RGBA")
            bare.paste(layer, mask=layer)
    except Image.DecompressionBombError:
        raise InvalidInput(_("这张照片太大。"), _("请拍小一点。"), code="too_large", field="file") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise InvalidInput(
            _("这张照片打不开，可能没有传完。"), _("请重新拍一张。"), code="broken", field="file"
        ) from None
    kept = BytesIO()
    if kind == "JPEG":
        bare.save(kept, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    else:
        bare.save(kept, "PNG", optimize=True)
    return f"image/{kind.lower()}", kept.getvalue()


def view_paper(actor: Actor, elder: Elder, paper_id: int) -> DossierPaper:
    """A paper with its content, to be shown. Writes the audit line and flushes; the caller commits before it shows
    the paper. Raises NotFound when it is not there any more, TooMany after fifty looks in a day."""
    demand(actor, Permission.ELDER_REVEAL, elder.area.path)
    paper = _paper(elder, paper_id)
    note_look(actor, elder, "elder.reveal", f"paper-{paper.id}", _("材料“%(title)s”", title=paper.title))
    return paper


def remove_paper(actor: Actor, elder: Elder, paper_id: int, reason: str) -> None:
    """Take a paper out: its content is erased, who did it and why stays. Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    paper = _paper(elder, paper_id)
    if len(reason.strip()) < 2:
        raise InvalidInput(_("请写明原因。"), field="reason")
    with versions.change(actor, elder):
        paper.content = None
        paper.removed_at = clock.now()
        paper.removed_by = actor.name
        paper.removed_reason = reason.strip()
        audit.record(
            actor,
            "elder.paper_removed",
            elder,
            _("移除材料“%(title)s”：%(reason)s", title=paper.title, reason=reason.strip()),
        )
        db.session.flush()
        db.session.expire(elder, ["papers"])


def _paper(elder: Elder, paper_id: int) -> DossierPaper:
    paper = db.session.get(DossierPaper, paper_id)
    if paper is None or paper.elder_id != elder.id or paper.removed_at is not None:
        raise NotFound(_("没有这份材料。"), _("可能已经移除。"))
    return paper
