"""Who may import what: the solver stays in three modules, the checker knows nothing of it."""

import ast
from pathlib import Path

import pytest

import routing

MODULES = {path.stem: path for path in Path(routing.__file__).parent.glob("*.py")}
ALLOWED_BY_THE_CHECKER = {
    "errors", "inputs", "plan", "scenario", "sense", "sphere", "travel", "validate", "violations"
}  # fmt: skip


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports(name):
    names = imported(MODULES[name])
    if name not in ("assign", "linear", "routes"):
        assert not [module for module in names if module.split(".")[0] == "ortools"]
    assert not [
        module for module in names if module.split(".")[0] in ("coordinator", "flask", "sqlalchemy", "rq")
    ]


def test_numba_is_imported_in_one_place():
    """What is compiled and where it is kept is decided once, and the engine runs without numba."""
    root = Path(routing.__file__).parent
    users = [path for path in root.rglob("*.py") if "numba" in imported(path)]
    assert users == [root / "kernel" / "jit.py"]


def test_the_checker_shares_no_code_with_the_search():
    reached, waiting = set(), {"check"}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        for module in imported(MODULES[name]):
            parts = module.split(".")
            if parts[0] == "routing" and len(parts) > 1 and parts[1] in MODULES and parts[1] not in reached:
                waiting.add(parts[1])
    assert reached - {"check"} <= ALLOWED_BY_THE_CHECKER
