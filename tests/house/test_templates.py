"""Templates: each in the folder of its feature, each page with a title, none with code that the browser refuses."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from coordinator.app import FEATURES
from tests.serving import ROOT

TEMPLATES = ROOT / "templates"
SHARED = {"layouts", "macros", "errors"}
PAGES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))
# The paper of a feature that is set by typst stands beside its pages.
KINDS = {".html", ".typ"}


@cache
def parsed(name: str) -> nodes.Template:
    return Environment(autoescape=True).parse((TEMPLATES / name).read_text())


def feature_of(path: Path) -> str:
    """The feature package in which a file of `coordinator` lies."""
    return path.relative_to(ROOT / "coordinator").parts[0]


def named_templates() -> Iterator[tuple[str, str]]:
    """(file of the code, template it names), for each literal that looks like the name of a template."""
    for path in sorted((ROOT / "coordinator").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if re.fullmatch(r"[a-z_]+/[a-z_]+\.(html|typ)", node.value):
                    yield path.relative_to(ROOT).as_posix(), node.value
            elif isinstance(node, ast.JoinedStr):
                pattern = "".join(
                    part.value if isinstance(part, ast.Constant) else "*" for part in node.values
                )
                if re.fullmatch(r"[a-z_]+/[a-z_*]+\.(html|typ)", pattern):
                    for found in sorted(TEMPLATES.glob(pattern)):
                        yield path.relative_to(ROOT).as_posix(), found.relative_to(TEMPLATES).as_posix()


def templates_used_by(name: str) -> list[str]:
    """What a template extends, imports or includes, as far as it is written out."""
    found = []
    for node in parsed(name).find_all((nodes.Extends, nodes.Import, nodes.FromImport, nodes.Include)):
        found += constants(node.template)  # type: ignore[attr-defined]
    return found


def constants(node: nodes.Node) -> list[str]:
    """Names of templates in an expression ('a.html' if x else 'b.html')."""
    inside = [node, *node.find_all(nodes.Const)]
    return [one.value for one in inside if isinstance(one, nodes.Const) and str(one.value).endswith(".html")]


def test_folders_mirror_the_features() -> None:
    features = {name.split(".")[1] for name in FEATURES}
    folders = {path.name for path in TEMPLATES.iterdir() if path.is_dir()}
    assert folders - SHARED <= features
    assert {path.suffix for path in TEMPLATES.rglob("*") if path.is_file()} <= KINDS


def test_named_templates_exist() -> None:
    missing = [f"{code}: {name}" for code, name in named_templates() if not (TEMPLATES / name).exists()]
    missing += [
        f"templates/{page}: {name}"
        for page in PAGES
        for name in templates_used_by(page)
        if not (TEMPLATES / name).exists()
    ]
    assert not missing


def test_each_feature_shows_its_own_templates() -> None:
    strange = [
        f"{code} shows {name}"
        for code, name in named_templates()
        if (folder := name.split("/")[0]) not in SHARED
        and folder != feature_of(ROOT / code)
        # What two features show alike lies with the lower one, and is named as such.
        and (code, name) not in BORROWED
    ]
    assert not strange


BORROWED = {
    (
        "coordinator/workforce/views/people.py",
        "elders/revealed.html",
    ),  # one telephone number, shown on request
    (
        "coordinator/kernel/printing/papers.py",
        "planning/route_sheet.typ",
    ),  # the printing engine knows its papers
    ("coordinator/kernel/printing/papers.py", "hours/certificate.typ"),
}


def test_no_template_is_left_over() -> None:
    used = {name for _code, name in named_templates()}
    used |= {name for page in PAGES for name in templates_used_by(page)}
    assert sorted(set(PAGES) - used) == []


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str) -> None:
    """It parses; a page of its own has a title; it holds nothing that the content policy forbids."""
    tree = parsed(page)
    extends = tree.find(nodes.Extends) is not None
    if extends and not page.startswith("layouts/") and "/_" not in page:  # a part is called _part.html
        blocks = {
            block.name: block for name in _lineage(page) for block in parsed(name).find_all(nodes.Block)
        }
        assert "title" in blocks, "a page without a title"
        assert any(blocks["title"].iter_child_nodes()), "an empty title"
    source = re.sub(r"\{#.*?#\}", "", (TEMPLATES / page).read_text(), flags=re.DOTALL)
    assert not re.search(r"<[^>]*\sstyle\s*=", source), "an inline style: use a class"
    assert not re.search(r"<[^>]*\son[a-z]+\s*=", source), "an inline handler: use a script file"
    assert not re.search(r"<style\b|javascript:|hx-on|hx-vals=['\"]js:", source)
    for tag in re.findall(r"<script\b[^>]*>", source):
        assert re.search(r'nonce="\{\{ (csp_nonce\(\)|nonce) \}\}"', tag), f"a script without a nonce: {tag}"
    assert "|safe" not in re.sub(r"\s", "", source), "unescaped text"
    assert not re.search(r"(src|href)=\"(https?:)?//", source), "something from another site"


def _lineage(page: str) -> list[str]:
    """The page and the feature templates it extends (layouts give no title of their own)."""
    parents = [name for node in parsed(page).find_all(nodes.Extends) for name in constants(node.template)]
    return [page, *(one for name in parents if not name.startswith("layouts/") for one in _lineage(name))]
