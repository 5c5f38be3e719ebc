"""Resolve requirements*.in into requirements*.lock: pinned versions, no index address.

Run it with the oldest Python that has to run the result: some packages leave out the early releases of 3.11, one
of which Debian 12 ships. There: `make lock PYTHON=/usr/bin/python3`.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11, 2)


def resolve(python: Path, *inputs: str, constraint: Path | None = None) -> dict[str, str]:
    """Name → version of everything the input files need."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [python, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += ["--report", report]
        for name in inputs:
            command += ["-r", ROOT / name]
        if constraint is not None:
            command += ["-c", constraint]
        subprocess.run(command, check=True)
        found = json.loads(report.read_text())["install"]
    return {item["metadata"]["name"].lower().replace("_", "-"): item["metadata"]["version"] for item in found}


def write(name: str, versions: dict[str, str]) -> None:
    """Write a lock file, sorted."""
    lines = [f"# made by `make lock` from {name.replace('.lock', '.in')}; do not edit"]
    lines += [f"{package}=={version}" for package, version in sorted(versions.items())]
    (ROOT / name).write_text("\n".join(lines) + "\n")
    print(f"{name}: {len(versions)} packages")


def main() -> None:
    """Resolve what runs first, then what tests need with that fixed."""
    if sys.version_info[:3] > OLDEST:
        sys.exit(f"lock: resolve with Python {'.'.join(map(str, OLDEST))}: make lock PYTHON=…")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        runtime = resolve(python, "requirements.in")
        write("requirements.lock", runtime)
        fixed = ROOT / "requirements.lock"
        everything = resolve(python, "requirements.in", "requirements-dev.in", constraint=fixed)
        write("requirements-dev.lock", {name: v for name, v in everything.items() if name not in runtime})


if __name__ == "__main__":
    main()
