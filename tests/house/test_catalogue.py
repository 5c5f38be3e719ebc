"""The interface is written in Chinese, complete in English, and nothing is said outside the catalogue."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, nodes

from tests.serving import ROOT
from tools import catalogue

CHINESE = re.compile(r"[\u3400-\u9fff]")
GETTEXT = {"_", "_l", "gettext", "lazy_gettext", "ngettext", "lazy_ngettext"}

# Chinese in code that is not interface text: 'file' or 'file::name' (a function, class or variable at the top of
# the file) → why it is not translated.
NOT_INTERFACE = {
    "coordinator/accounts/cli.py": "an example of an area's name, in help for operators",
    "coordinator/accounts/passwords.py": "a word that passwords must not hold",
    "coordinator/accounts/second_factor.py": "the name of the system in an authenticator",
    "coordinator/demo/*": "invented persons, streets and notes",
    "coordinator/elders/imports/*": "the headings, answers and examples of spreadsheets, a Chinese file format",
    "coordinator/elders/labels.py::_CHILD_WORDS": "relations as people write them, compared",
    "coordinator/elders/labels.py::is_child": "relations as people write them, compared",
    "coordinator/elders/models/register.py::Elder": "comment of the table",
    "coordinator/register/imports/columns.py": "headings and words of the offices' lists, as in the elders' own",
    "coordinator/register/printing.py": "papers are Chinese documents in every language",
    "coordinator/elders/printing/*": "papers are Chinese documents in every language",
    "coordinator/elders/views/printing.py::_sheet": "papers are Chinese documents in every language",
    "coordinator/elders/views/printing.py::refusal_pdf": "papers are Chinese documents in every language",
    "coordinator/supervision/papers.py": "papers are Chinese documents in every language",
    "coordinator/supervision/views.py::coverage_sheet": "papers are Chinese documents in every language",
    "coordinator/planning/papers.py": "papers are Chinese documents in every language",
    "coordinator/planning/services/call_papers.py::_line": "papers are Chinese documents in every language",
    "coordinator/visits/papers.py": "papers are Chinese documents in every language",
    "coordinator/visits/views/surge.py::call_sheet": "papers are Chinese documents in every language",
    "coordinator/elders/queries/categories.py::SPOUSES": "relations as people write them, compared",
    "coordinator/elders/queries/contacts.py::COMMITTEE": "a relation that is stored",
    "coordinator/hours/papers.py": "the certificate is a statutory form in Chinese",
    "coordinator/kernel/access.py::SYSTEM": "a name that is stored with the audit trail",
    "coordinator/kernel/i18n.py::WEEKDAYS": "the Chinese branch; the English one is beside it",
    "coordinator/kernel/i18n.py::day": "the Chinese branch; the English one is beside it",
    "coordinator/kernel/i18n.py::day_of_month": "the Chinese branch; the English one is beside it",
    "coordinator/kernel/i18n.py::period": "the Chinese branch; the English one is beside it",
    "coordinator/kernel/identity.py": "patterns for what people type",
    "coordinator/kernel/printing/*": "papers are statutory forms in Chinese",
    "coordinator/migrations/*": "comment of a table",
    "coordinator/planning/labels.py::LETTERS": "the stems and branches that number routes, as on the papers",
    "coordinator/policy/*": "terms of the documents that the rule packs quote",
    "coordinator/supervise.py": "the terminal of the operator, in both languages at once",
    "coordinator/visits/festivals.py": "names of festivals, stored with the event",
    "coordinator/visits/queries/due_list.py::describe": "terms of the documents that the rule packs quote",
    "coordinator/visits/views/due.py::short_tier": "a term of the rule packs, compared",
    "coordinator/workforce/labels.py::DIALECTS": "names of languages, compared with what dossiers say",
    "coordinator/workforce/queries/spots.py::_ENDINGS": "endings of place names, cut off to compare",
    "coordinator/workforce/imports/*": "the headings, answers and examples of spreadsheets, a Chinese file format",
}
# The same for templates: file → the texts, and why.
NOT_INTERFACE_IN_TEMPLATES = {
    "templates/fieldwork/print_record.html": "附件3 as the document prints it",
    "templates/macros/status.html": "the letters of routes, as on the papers",
    "templates/accounts/me.html": "each language is named in itself",
}
# Calls whose words are those of a document.
QUOTING = {"quote"}


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_the_catalogue_is_complete(language: str) -> None:
    found = catalogue.problems(catalogue.read(language), catalogue.extract())
    assert not found, "run `make catalogue` and translate:\n" + "\n".join(found)


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_the_catalogue_is_stored_as_the_tool_writes_it(language: str) -> None:
    stored = catalogue.catalogue_file(language).read_bytes()
    assert stored == catalogue.written(catalogue.read(language)), "run `make catalogue`"


def test_problems_are_found(tmp_path: Path) -> None:
    """The check itself can fail: each fault is named."""
    from babel.messages.catalog import Catalog

    found = Catalog()
    for text in ("新的", "旧词", "共 %(n)s 次", "%(n)s 人", "空的", "中文"):
        found.add(text)
    stored = Catalog(locale="en", fuzzy=False)
    stored.add("旧词", "old word", flags=["fuzzy"])
    stored.add("共 %(n)s 次", "%(count)s times")
    stored.add("%(n)s 人", "%(n) people")
    stored.add("空的", "")
    stored.add("中文", "Chinese（中文）")
    stored.add("不用了", "unused")
    assert sorted(catalogue.problems(stored, found)) == [
        "Chinese in the English text: 中文",
        "fuzzy: 旧词",
        "missing: 新的",
        "no longer used: 不用了",
        "not translated: 空的",
        "other placeholders: %(n)s 人",
        "other placeholders: 共 %(n)s 次",
        "placeholders cannot be filled: %(n)s 人",
    ]


def test_pages_speak_both_languages(client: Any) -> None:
    chinese, english = client.get("/accounts/sign-in"), client.get("/accounts/sign-in?lang=en")
    assert "<h1>登录</h1>" in chinese.text
    assert "<h1>Sign in</h1>" in english.text
    assert 'lang="en"' in english.text
    assert not CHINESE.findall(english.text)


# --- nothing is said outside it --------------------------------------------------------------------------


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    """Texts that stand alone: docstrings of modules, classes, functions and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _translated(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in GETTEXT:
            yield from ast.walk(node)


def chinese_in_code(source: str) -> Iterator[tuple[str, int, str]]:
    """(top name, line, text) of each Chinese literal that is neither translated nor a docstring."""
    tree = ast.parse(source)
    fine = {id(node) for part in (_docstrings(tree), _translated(tree)) for node in part}
    for top in tree.body:
        name = getattr(top, "name", "")
        if isinstance(top, ast.Assign | ast.AnnAssign):
            target = top.targets[0] if isinstance(top, ast.Assign) else top.target
            name = getattr(target, "id", "")
        for node in ast.walk(top):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in fine:
                continue
            if CHINESE.search(node.value):
                yield name, node.lineno, node.value


def _allowed(where: str, name: str) -> set[str]:
    """The entries of NOT_INTERFACE that cover this place."""
    folder = {f"{parent.as_posix()}/*" for parent in Path(where).parents}
    return {where, f"{where}::{name}", *folder} & set(NOT_INTERFACE)


def test_code_speaks_through_the_catalogue() -> None:
    loose, used = [], set()
    for path in sorted((ROOT / "coordinator").rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        for name, line, text in chinese_in_code(path.read_text()):
            covering = _allowed(where, name)
            used |= covering
            if not covering:
                loose.append(f"{where}:{line} ({name}): {text}")
    assert not loose, "Chinese text outside gettext:\n" + "\n".join(loose)
    assert set(NOT_INTERFACE) <= used, f"nothing there any more: {sorted(set(NOT_INTERFACE) - used)}"


def chinese_in_template(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) of each Chinese text or literal of a template that is not translated there."""
    tree = Environment(autoescape=True).parse(source)
    said = {
        call.args[0].value
        for call in tree.find_all(nodes.Call)
        if _is_call(call, GETTEXT) and call.args and isinstance(call.args[0], nodes.Const)
    }

    def look(node: nodes.Node) -> Iterator[tuple[int, str]]:
        if isinstance(node, nodes.Call) and _is_call(node, GETTEXT | QUOTING):
            for argument in node.kwargs:
                yield from look(argument)
            return
        text = node.data if isinstance(node, nodes.TemplateData) else getattr(node, "value", None)
        if isinstance(text, str) and CHINESE.search(text) and text not in said:
            yield node.lineno, text.strip()
        for child in node.iter_child_nodes():
            yield from look(child)

    yield from look(tree)


def _is_call(call: nodes.Call, names: set[str]) -> bool:
    return isinstance(call.node, nodes.Name) and call.node.name in names


def test_templates_speak_through_the_catalogue() -> None:
    loose, used = [], set()
    for path in sorted((ROOT / "templates").rglob("*.html")):
        where = path.relative_to(ROOT).as_posix()
        for line, text in chinese_in_template(path.read_text()):
            if where in NOT_INTERFACE_IN_TEMPLATES:
                used.add(where)
            else:
                loose.append(f"{where}:{line}: {text[:80]}")
    assert not loose, "Chinese text outside gettext:\n" + "\n".join(loose)
    assert set(NOT_INTERFACE_IN_TEMPLATES) == used


def test_the_scans_see_what_is_loose() -> None:
    code = 'T = "甲"\n\ndef f():\n    """文"""\n    return _("译"), f"第{T}页"\n'
    assert [(name, text) for name, _line, text in chinese_in_code(code)] == [
        ("T", "甲"),
        ("f", "第"),
        ("f", "页"),
    ]
    page = "{# 注 #}<p title=\"题\">{{ _('译') }}{{ '译' }}{{ word or '漏' }}{{ quote('文件', '原文') }}</p>"
    assert [text for _line, text in chinese_in_template(page)] == ['<p title="题">', "漏"]
