"""typst behind three functions: fonts found once, data as JSON, the same bytes for the same data.

Output is PDF/A-2a and PDF/UA-1: archivable, tagged, searchable. A compiler is made for each paper (a few
milliseconds), because sharing one between threads is not documented as safe; the fonts are loaded once per
process and shared.
"""

from __future__ import annotations

import json
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

import pylopdf_fonts_zh_cn
import typst

from coordinator.kernel.clock import LOCAL

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
_NOTO_CJK = ("NotoSansCJK*", "NotoSerifCJK*", "NotoSansSC*", "NotoSerifSC*", "SourceHanS*")
_SYSTEM_FONTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))


class PrintingError(RuntimeError):
    """A template could not be compiled: a mistake of ours, never of the data."""


class Paper(Protocol):
    """What :func:`print_paper` prints."""

    template: str

    @property
    def dated(self) -> date:
        """The day in the file's metadata; part of the data so that printing twice gives the same bytes."""

    def to_json(self) -> dict[str, Any]:
        """The template's data: JSON types only."""


@cache
def _fonts() -> tuple[typst.Fonts, dict[str, Any]]:
    """The fonts and what templates must know: family lists and whether a real bold exists.

    The package font is always there and covers rare characters but has one weight. The system's Noto or
    Source Han is taken first where it is installed, for its bold; nothing else of the system is used, so a
    stray font cannot change an official paper.
    """
    folders = {Path(pylopdf_fonts_zh_cn.sans_path()).parent}
    for root in _SYSTEM_FONTS:
        for pattern in _NOTO_CJK:
            folders.update(found.parent for found in root.rglob(pattern))
    fonts = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(folder) for folder in sorted(folders)],
    )
    weights: dict[str, set[int]] = {}
    for font in fonts.fonts():
        weights.setdefault(font.family, set()).add(font.weight)

    def families(*wanted: str) -> list[str]:
        return [name for name in wanted if name in weights]

    sans = families("Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC")
    serif = families("Noto Serif CJK SC", "Source Han Serif SC", "Noto Serif SC")
    return fonts, {"sans": sans, "serif": [*serif, *sans], "bold": any(w >= 600 for w in weights[sans[0]])}


def _compile(
    template: str, data: dict[str, Any], dated: date, output: Literal["pdf", "png"], ppi: float | None
) -> Any:
    source = (TEMPLATES / template).resolve()
    if TEMPLATES not in source.parents or source.suffix != ".typ" or not source.is_file():
        raise PrintingError(f"no such template: {template}")
    fonts, facts = _fonts()
    inputs = {"data": json.dumps(data, ensure_ascii=False, allow_nan=False), "fonts": json.dumps(facts)}
    noon = datetime.combine(dated, time(12), tzinfo=LOCAL)
    try:
        compiler = typst.Compiler(
            str(source), root=str(TEMPLATES), font_paths=fonts, ignore_system_fonts=True
        )
        return compiler.compile(
            format=output,
            ppi=ppi,
            sys_inputs=inputs,
            pdf_standards=["a-2a", "ua-1"] if output == "pdf" else [],
            timestamp=int(noon.timestamp()),
        )
    except typst.TypstError as error:
        # The first line names the template's fault; data are not repeated, they are personal.
        raise PrintingError(f"{template}: {str(error).splitlines()[0]}") from None


def render_pdf(template: str, data: dict[str, Any], *, dated: date = date(2000, 1, 1)) -> bytes:
    """The PDF of a template (path below ``templates/``) filled with JSON data.

    Raises:
        PrintingError: the template does not exist or does not compile.
        ValueError: the data hold something that JSON has no form for, such as NaN.
    """
    result = _compile(template, data, dated, "pdf", None)
    return bytes(result)


def render_pngs(
    template: str, data: dict[str, Any], *, dated: date = date(2000, 1, 1), ppi: float = 96.0
) -> list[bytes]:
    """The same paper as one PNG a page: previews on screen, tests."""
    result = _compile(template, data, dated, "png", ppi)
    return [bytes(page) for page in result] if isinstance(result, list) else [bytes(result)]


def print_paper(paper: Paper) -> bytes:
    """The PDF of a filled paper; see :func:`render_pdf`."""
    return render_pdf(paper.template, paper.to_json(), dated=paper.dated)


def print_pngs(paper: Paper, *, ppi: float = 96.0) -> list[bytes]:
    """The pages of a filled paper as PNG; see :func:`render_pngs`."""
    return render_pngs(paper.template, paper.to_json(), dated=paper.dated, ppi=ppi)
