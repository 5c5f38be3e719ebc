"""Results on disk: rows with the date, the versions and the machine they were measured on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.engines import ENGINES

Json = dict[str, Any]
FOLDER = Path("var/benchmarks")
LIBRARIES = ("numpy", "numba", "highspy")


def surroundings() -> Json:
    """Return versions and machine: nothing that names a person or a place."""
    engines = {engine.title: engine.version for engine in ENGINES.values() if not engine.absent}
    libraries = {}
    for name in LIBRARIES:
        try:
            libraries[name] = version(name)
        except PackageNotFoundError:
            continue  # an optional library
    return {
        "engines": engines,
        "libraries": libraries,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "revision": _revision(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _revision() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  a constant
        return told.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def save(command: str, options: Json, rows: list[Json], path: Path | None = None) -> tuple[Path, Json]:
    """Write results and return where and what."""
    now = datetime.now(UTC)
    path = path or FOLDER / f"{command}-{now:%Y%m%d-%H%M%S}.json"
    load = os.getloadavg()
    results = {
        "command": command,
        "date": now.isoformat(timespec="seconds"),
        "load_average": [round(part, 1) for part in load],
        **surroundings(),
        "options": options,
        "rows": rows,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, ensure_ascii=False), encoding="utf-8")
    return path, results


def load(path: Path) -> Json:
    """Read results; raises ValueError for a file that holds none."""
    results: Json = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(results, dict) or "rows" not in results or "command" not in results:
        raise ValueError(f"{path} holds no results")
    return results


def joined(files: list[Json]) -> Json:
    """Join results of one command, as long campaigns are run in parts: of an engine on an instance the last
    file counts.

    Raises ValueError when the parts were given different cores.
    """
    cores = {one["options"]["processes"] for one in files}
    if len(cores) > 1:
        raise ValueError(f"results of {files[0]['command']} with different cores cannot stand in one table")
    rows: dict[tuple[str, str], list[Json]] = {}
    for one in files:
        own: dict[tuple[str, str], list[Json]] = {}
        for row in one["rows"]:
            own.setdefault((row["case"], row["engine"]), []).append(row)
        rows |= own
    revisions = dict.fromkeys(one["revision"] for one in files)
    return files[-1] | {
        "rows": [row for part in rows.values() for row in part],
        "revision": ", ".join(revisions),
    }
