"""What the documents point at exists: links, pictures, files, make targets. Pictures stay small."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")
# `planning/services/runs.py: request_plan` or `tests/house/`: a path in code quotes, a name after a colon.
QUOTED = re.compile(r"`([a-z0-9_.]+(?:/[a-z0-9_.]+)+/?)(?::[^`]*)?`")
TARGET = re.compile(r"`make ([a-z-]+)`")
LARGEST = 150 * 1024
LARGEST_TOGETHER = 2_500 * 1024
# Made on the machine, or named as an example.
NOT_KEPT = ("var/", "./var", "build/", "logs/", "node_modules/", "shots/")


def name(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_somewhere(document: Path) -> None:
    for found in LINK.finditer(document.read_text(encoding="utf-8")):
        link = (found[1] or found[2]).partition("#")[0]
        if link and not link.startswith(("http:", "https:", "mailto:")):
            assert (document.parent / link).exists(), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_files_that_are_named_exist(document: Path) -> None:
    for path in QUOTED.findall(document.read_text(encoding="utf-8")):
        if path.startswith(NOT_KEPT):
            continue
        # The page of a feature names files as the feature does: docs/hours.md, services/entries.py.
        site = ROOT / "coordinator"
        places = (ROOT, site, site / document.stem, ROOT / "templates", document.parent)
        assert any((place / path).exists() for place in places), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_make_targets_that_are_named_exist(document: Path) -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(TARGET.findall(document.read_text(encoding="utf-8"))) <= known


def test_pictures_are_small_and_shown() -> None:
    texts = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    pictures = sorted((ROOT / "docs" / "screenshots").glob("*"))
    for picture in pictures:
        assert picture.suffix == ".png"
        assert picture.stat().st_size <= LARGEST, picture.name
        assert picture.name in texts, f"{picture.name} is shown nowhere"
    assert sum(picture.stat().st_size for picture in pictures) <= LARGEST_TOGETHER
