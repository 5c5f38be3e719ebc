"""Resolve requirements*.in into requirements*.lock: pinned versions, no index address.

The resolution is that of pip for this Python; run it on the oldest supported one (3.11).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def resolve(*inputs: str, constraint: Path | None = None) -> dict[str, str]:
    """Name → version of everything the input files need."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += ["--report", str(report)]
        for name in inputs:
            command += ["-r", str(ROOT / name)]
        if constraint is not None:
            command += ["-c", str(constraint)]
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
    runtime = resolve("requirements.in")
    write("requirements.lock", runtime)
    everything = resolve("requirements.in", "requirements-dev.in", constraint=ROOT / "requirements.lock")
    write("requirements-dev.lock", {name: v for name, v in everything.items() if name not in runtime})


if __name__ == "__main__":
    main()
