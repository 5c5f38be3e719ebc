"""What one part promises another: jobs have bodies and workers, codes have words, errors have pages, packs are
valid, and the repository holds only what is ours.
"""

import ast
import importlib
import inspect
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from coordinator import policy, worker
from coordinator.kernel import errors, queue
from coordinator.planning import reasons
from tests.serving import ROOT


def python_files(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text())


# --- jobs ------------------------------------------------------------------------------------------------


def owed_names() -> dict[str, str]:
    """Each dotted name of a job that the code writes down, with the file."""
    return {
        node.value: path.relative_to(ROOT).as_posix()
        for path, tree in python_files("coordinator")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"coordinator(\.\w+)*\.jobs\.\w+", node.value)
    }


def owe_calls() -> Iterator[tuple[str, ast.Call]]:
    for path, tree in python_files("coordinator"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "owe":
                yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno}", node


def job_functions() -> dict[str, object]:
    """Each public function of a `jobs` module, by dotted name."""
    found = {}
    for path in sorted((ROOT / "coordinator").rglob("jobs.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for attribute, value in vars(importlib.import_module(name)).items():
            if inspect.isfunction(value) and value.__module__ == name and not attribute.startswith("_"):
                found[f"{name}.{attribute}"] = value
    return found


def test_owed_jobs_have_a_body() -> None:
    assert owed_names()
    absent = {name: where for name, where in owed_names().items() if name not in job_functions()}
    assert not absent


def test_no_job_is_forgotten() -> None:
    """Each public function of a jobs module is owed by name somewhere, or is periodic."""
    assert set(job_functions()) - set(owed_names()) == set()


def test_owed_payloads_fit_their_body() -> None:
    """Where name and payload are written out, the keys are the parameters of the function."""
    for where, call in owe_calls():
        arguments = {keyword.arg: keyword.value for keyword in call.keywords}
        names = ("name", "key", "payload")
        arguments |= dict(zip(names, call.args, strict=False))
        name, payload = arguments.get("name"), arguments.get("payload")
        if not isinstance(name, ast.Constant) or not isinstance(payload, ast.Dict | None):
            continue
        given = {key.value for key in payload.keys if isinstance(key, ast.Constant)} if payload else set()
        parameters = inspect.signature(job_functions()[name.value]).parameters  # type: ignore[arg-type]
        needed = {one for one, parameter in parameters.items() if parameter.default is parameter.empty}
        assert needed <= given <= set(parameters), where


def test_queues_have_workers() -> None:
    """The queues that jobs name are those the worker listens to."""
    named = {"default"}
    for where, call in owe_calls():
        for keyword in call.keywords:
            if keyword.arg == "queue":
                assert isinstance(keyword.value, ast.Constant), f"{where}: name the queue"
                named.add(keyword.value.value)
    assert named <= set(queue.QUEUES)
    listens = [
        node
        for _path, tree in [(None, ast.parse(Path(worker.__file__).read_text()))]
        for node in ast.walk(tree)
    ]
    assert any(isinstance(node, ast.Attribute) and node.attr == "QUEUES" for node in listens)


# --- words and errors ------------------------------------------------------------------------------------


def test_each_code_of_the_engine_has_words() -> None:
    import routing.reasons as engine

    assert set(engine.REASONS) <= set(reasons.REASONS)
    assert set(engine.REMEDIES) <= set(reasons.REMEDIES)
    assert set(reasons.REASONS) == set(engine.REASONS) | set(reasons.OWN_REASONS)
    assert set(reasons.OWN_REASONS) == set(reasons.OWN_REMEDIES)


def error_classes() -> list[type[errors.DomainError]]:
    """Every DomainError of the application; all its modules are imported first."""
    for path, _tree in python_files("coordinator"):
        if "migrations" not in path.parts and path.name != "__main__.py":
            importlib.import_module(
                ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            )
    found: list[type[errors.DomainError]] = []
    waiting = [errors.DomainError]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += one.__subclasses__()
    return found


def test_each_domain_error_has_a_page(app: Flask) -> None:
    for one in error_classes():
        assert 400 <= one.status < 600, one
        assert re.fullmatch(r"[a-z_]+", one.code), one
    from coordinator.app import _HTTP_TEXTS

    assert {413, 429, 503} <= set(_HTTP_TEXTS)


@pytest.mark.parametrize("pack", policy.available_packs())
def test_packs_are_valid(pack: str) -> None:
    """Schema and, where the documents lie beside it, every quotation."""
    loaded = policy.load_pack(pack)
    assert loaded.compiled.rules if hasattr(loaded.compiled, "rules") else loaded.compiled


# --- the repository --------------------------------------------------------------------------------------


def tracked() -> list[Path]:
    """Files under version control, or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


# Written in parts, so that this file does not hold what it looks for.
PLACES = re.compile(
    "|".join(
        (
            r"(?<![\w.])/" + "work/",
            r"(?<![\w.])/" + r"root/(?!\.)",
            r"(?<![\w.])/" + r"home/\w+/",
            r"(?<![\w.])/" + "tmp/brief",
            "https?://[^\\s\"']*(" + "pypi|npmjs|pythonhosted|/sim" + "ple/)",
            "--(extra-)?index" + "-url",
        )
    )
)


def test_no_file_names_a_machine_or_an_index() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {hit.group(0)}" for hit in PLACES.finditer(text)]
    assert not found


def test_nothing_of_others_is_kept() -> None:
    """Third-party front-end files are installed, never committed; ours are readable."""
    for path in tracked():
        where = path.relative_to(ROOT).as_posix()
        assert ".min." not in path.name, where
        assert not where.startswith(("node_modules/", "static/vendor/")), where
        if path.suffix in {".js", ".css"}:
            longest = max(map(len, path.read_text().splitlines()), default=0)
            assert longest < 400, f"{where} looks minified"
        assert path.stat().st_size < 3_000_000, where
